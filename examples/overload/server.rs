//! The service: one axum handler that needs the dependency, behind a limit or behind none.

use std::future::IntoFuture;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tower_adaptive::{AdmissionLayer, Limiter};

use crate::dependency::Dependency;

/// A server on a free loopback port, with a thread of its own.
#[derive(Debug)]
pub struct Server {
    pub address: SocketAddr,
    pub limiter: Option<Limiter>,
    backend: Backend,
    runtime: Runtime,
}

/// What the handler uses.
#[derive(Clone, Debug)]
struct Backend {
    dependency: Dependency,
    in_flight: Arc<AtomicUsize>,
}

impl Server {
    pub fn start(limiter: Option<Limiter>) -> io::Result<Self> {
        let backend = Backend {
            dependency: Dependency::start(),
            in_flight: Arc::default(),
        };
        let mut app = Router::new()
            .route("/{micros}", get(handle))
            .with_state(backend.clone());
        if let Some(limiter) = limiter.clone() {
            // This line is all that a service needs.
            app = app.layer(AdmissionLayer::with_limiter(limiter).respond_unavailable());
        }
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
        let address = listener.local_addr()?;
        runtime.spawn(axum::serve(listener, app).into_future());
        Ok(Self {
            address,
            limiter,
            backend,
            runtime,
        })
    }

    pub fn dependency(&self) -> &Dependency {
        &self.backend.dependency
    }

    /// How many requests are inside the handler.
    pub fn in_flight(&self) -> usize {
        self.backend.in_flight.load(Ordering::Relaxed)
    }

    pub fn stop(self) {
        self.runtime.shutdown_background();
    }
}

/// The path says how long the query takes, so every row can be asked for the same.
async fn handle(State(backend): State<Backend>, Path(micros): Path<u64>) -> &'static str {
    let _in_flight = InFlight::enter(backend.in_flight);
    backend
        .dependency
        .query(Duration::from_micros(micros))
        .await;
    "done"
}

/// Counts a request until its handler returns, or until hyper drops it because the client has gone.
struct InFlight(Arc<AtomicUsize>);

impl InFlight {
    fn enter(count: Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
