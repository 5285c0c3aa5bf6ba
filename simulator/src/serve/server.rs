use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use std::{io, thread};

use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Router, middleware};
use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task;

use super::best::BestLimits;
use super::run::{Run, TooMuch};
use super::ticks::Ticks;
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
    axum::serve(listener, router()).await
}

fn router() -> Router {
    Router::new()
        .route("/", get(assets::index))
        .route("/assets/{*path}", get(assets::asset))
        .route("/api/options", get(api::options))
        .route("/api/scenarios", get(api::scenarios))
        .route("/api/defaults", get(api::defaults))
        .route("/api/simulate", post(api::simulate))
        .route("/api/live", get(live::live))
        .layer(DefaultBodyLimit::max(LARGEST_MESSAGE))
        .layer(middleware::map_response(secure))
        .with_state(Server::new())
}

/// What all connections share: above all, the processors.
#[derive(Clone, Debug)]
pub(super) struct Server {
    processors: Arc<Semaphore>,
    pages: Arc<Semaphore>,
    traces: Arc<Semaphore>,
    pub(super) best: BestLimits,
}

impl Server {
    fn new() -> Self {
        let processors = thread::available_parallelism().map_or(1, usize::from);
        Self {
            processors: Arc::new(Semaphore::new(processors)),
            pages: Arc::new(Semaphore::new(MOST_PAGES)),
            traces: Arc::new(Semaphore::new(MOST_TRACES)),
            best: BestLimits::default(),
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

/// Returns whether a request comes from a page of this server, or from no page at all.
pub(super) fn is_own_page(headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else {
        return true;
    };
    let host = headers.get(header::HOST).map(HeaderValue::as_bytes);
    let origin = origin.as_bytes();
    let origin = origin
        .strip_prefix(b"http://")
        .or_else(|| origin.strip_prefix(b"https://"));
    origin.is_some() && origin == host
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_site_is_no_own_page() {
        let asked = |host: &str, origin: Option<&str>| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().unwrap());
            if let Some(origin) = origin {
                headers.insert(header::ORIGIN, origin.parse().unwrap());
            }
            is_own_page(&headers)
        };
        assert!(asked("127.0.0.1:3000", None));
        assert!(asked("127.0.0.1:3000", Some("http://127.0.0.1:3000")));
        assert!(asked("sim.example", Some("https://sim.example")));
        assert!(!asked("127.0.0.1:3000", Some("http://127.0.0.1:4000")));
        assert!(!asked("127.0.0.1:3000", Some("http://evil.example")));
        assert!(!asked("127.0.0.1:3000", Some("null")));
    }
}
