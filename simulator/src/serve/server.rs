use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use std::{io, thread};

use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Router, middleware};
use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task;

use super::accept::{Limits, accept};
use super::best::BestLimits;
use super::memory::{Memory, TooMuch};
use super::run::Run;
use super::ticks::Ticks;
use super::visitor::{Names, check_name};
use super::{api, assets, live};

/// Where the page is served.
#[derive(Clone, Debug, clap::Args)]
#[non_exhaustive]
pub struct Args {
    /// The address to listen on. Beyond this machine, everybody who reaches it can use its processors.
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    pub host: IpAddr,
    /// The port to listen on; 0 takes one that is free.
    #[arg(long, default_value_t = 3000)]
    pub port: u16,
}

impl Args {
    /// Returns the address to listen on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        SocketAddr::new(self.host, self.port)
    }
}

/// Serves the page on `listener`, for ever.
///
/// # Errors
///
/// If the listener fails.
pub async fn serve_on(listener: TcpListener) -> io::Result<()> {
    let names = if listener.local_addr()?.ip().is_loopback() {
        Names::Loopback
    } else {
        Names::Any
    };
    accept(listener, router(names), Limits::default()).await
}

fn router(names: Names) -> Router {
    Router::new()
        .route("/", get(assets::index))
        .route("/assets/{*path}", get(assets::asset))
        .route("/api/options", get(api::options))
        .route("/api/scenarios", get(api::scenarios))
        .route("/api/defaults", get(api::defaults))
        .route("/api/simulate", post(api::simulate))
        .route("/api/live", get(live::live))
        .layer(DefaultBodyLimit::max(LARGEST_MESSAGE))
        .layer(middleware::from_fn_with_state(names, check_name))
        .layer(middleware::map_response(secure))
        .with_state(Server::new())
}

/// What all connections share: above all, the processors and the memory.
#[derive(Clone, Debug)]
pub(super) struct Server {
    processors: Arc<Semaphore>,
    pages: Arc<Semaphore>,
    traces: Arc<Semaphore>,
    pub(super) best: BestLimits,
    pub(super) memory: Memory,
}

impl Server {
    fn new() -> Self {
        let processors = thread::available_parallelism().map_or(1, usize::from);
        Self {
            processors: Arc::new(Semaphore::new(processors)),
            pages: Arc::new(Semaphore::new(MOST_PAGES)),
            traces: Arc::new(Semaphore::new(MOST_TRACES)),
            best: BestLimits::default(),
            memory: Memory::default(),
        }
    }

    /// Lets a page in, if there are not too many.
    pub(super) fn page(&self) -> Option<OwnedSemaphorePermit> {
        self.pages.clone().try_acquire_owned().ok()
    }

    /// Lets somebody simulate a whole trace, if there are not too many.
    pub(super) fn trace(&self) -> Option<OwnedSemaphorePermit> {
        self.traces.clone().try_acquire_owned().ok()
    }

    /// Runs until tick `until`, for at most a slice of time, once a processor is free.
    pub(super) async fn advance(
        &self,
        mut run: Run,
        until: usize,
    ) -> (Run, Result<Ticks, TooMuch>) {
        // Nobody closes it.
        let _processor = self.processors.acquire().await;
        let slice = move || {
            let result = run.advance(until, SLICE);
            (run, result)
        };
        match task::spawn_blocking(slice).await {
            Ok(done) => done,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
}

/// Forbids a page everything that it has not been served from here.
async fn secure(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

const POLICY: &str = "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// The longest that a connection has a processor at a time.
const SLICE: Duration = Duration::from_millis(10);
pub(super) const MOST_PAGES: usize = 32;
const MOST_TRACES: usize = 4;
/// In bytes.
pub(super) const LARGEST_MESSAGE: usize = 256 * 1024;
