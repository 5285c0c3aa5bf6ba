//! What the page controls: a service with limiters of its own for every test.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tower_adaptive::{Limiter, LimiterConfig};
use tower_adaptive_control::Control;

use crate::driver::{self, Browser, Site};

pub(crate) const TOKEN: &str = "0123456789abcdef-the-token";

/// Limiters, and requests that come to them while it lives.
pub(crate) struct Service {
    pub(crate) limiter: Limiter,
    pub(crate) name: String,
    stopped: Arc<AtomicBool>,
    // Aborted when dropped.
    _traffic: JoinSet<()>,
}

impl Service {
    /// A limiter of 20 to 50 with so many who want a permit, of 20 ms each.
    pub(crate) fn new(callers: usize) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        // Relaxed: only the number must be new.
        let name = format!("/api/{{id}} {}", NEXT.fetch_add(1, Ordering::Relaxed));
        let limiter = limiter(&name);
        let stopped = Arc::new(AtomicBool::new(false));
        let mut traffic = JoinSet::new();
        for _ in 0..callers {
            traffic.spawn(call(limiter.clone(), stopped.clone()));
        }
        Self {
            limiter,
            name,
            stopped,
            _traffic: traffic,
        }
    }

    /// Lets nobody come any more.
    pub(crate) fn stop(&self) {
        // Relaxed: the callers only have to see it some time.
        self.stopped.store(true, Ordering::Relaxed);
    }
}

async fn call(limiter: Limiter, stopped: Arc<AtomicBool>) {
    while !stopped.load(Ordering::Relaxed) {
        match limiter.try_acquire() {
            Some(permit) => {
                sleep(Duration::from_millis(20)).await;
                permit.complete(tower_adaptive::Outcome::Success);
            }
            None => sleep(Duration::from_millis(10)).await,
        }
    }
}

pub(crate) fn limiter(name: &str) -> Limiter {
    let config = serde_json::json!({
        "name": name,
        "algorithm": { "name": "fathom", "min_limit": 5, "max_limit": 50 },
    });
    let config: LimiterConfig = serde_json::from_value(config).expect("a configuration");
    config.try_build().expect("a limiter")
}

/// Runs a test in a browser that looks at a control, which is mounted at `/ops/control`.
pub(crate) async fn in_browser(
    control: Control,
    test: impl AsyncFnOnce(&Browser) + Send + 'static,
) {
    let site = async || {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let app = Router::new().nest("/ops/control", control.into_router());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Site {
            address: format!("http://{address}/ops/control"),
            ready: "window.control?.charts.shown.length > 2",
        }
    };
    driver::in_browser(site, test).await;
}

pub(crate) fn writable() -> Control {
    Control::new().write_token(TOKEN)
}
