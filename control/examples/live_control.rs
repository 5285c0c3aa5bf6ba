//! Run: `cargo run --release -p tower-adaptive-control --example live_control`
//!
//! Three routes under traffic that comes and goes, and their limiters, live: open the page that is
//! printed. Ends on Ctrl-C, or after `--seconds 60`; `--port 0` takes a port that is free.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use axum::body::Body;
use axum::{Router, http::Request, routing::get};
use tokio::time::{Instant, interval, sleep, timeout};
use tokio::{net::TcpListener, signal::ctrl_c, sync::Semaphore};
use tower::ServiceExt;
use tower_adaptive::{AdmissionLayer, Fathom, InvalidOption, LimiterConfig, Queue, Vegas};
use tower_adaptive_control::Control;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let option = |name| std::env::args().skip_while(move |one| one != name).nth(1);
    let fathom = || LimiterConfig::new().algorithm(Fathom::builder());
    let queued = fathom().queue(Queue::bounded(20));
    let vegas = LimiterConfig::new().algorithm(Vegas::builder());
    let app = Router::new()
        .merge(route("/checkout", fathom(), 20, 20)?)
        .merge(route("/search", queued, 8, 30)?)
        .merge(route("/export", vegas, 8, 40)?);
    tokio::spawn(traffic(app.clone(), "/checkout", [500, 1800]));
    tokio::spawn(traffic(app.clone(), "/search", [200, 300]));
    tokio::spawn(traffic(app.clone(), "/export", [100, 100]));

    // A service takes it from its configuration.
    let half = |i: u8| format!("{:016x}", RandomState::new().hash_one(i));
    let token = half(1) + &half(2);
    let control = Control::new().write_token(&token);
    let app = app.nest("/control", control.into_router());
    let port = option("--port").map_or(Ok(3100), |port| port.parse())?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    println!("page:  http://{}/control", listener.local_addr()?);
    println!("token: {token}");
    let seconds = option("--seconds").map_or(Ok(u64::MAX), |seconds| seconds.parse())?;
    // Not a graceful end, which would wait for the stream of an open page.
    tokio::select! {
        served = axum::serve(listener, app) => served?,
        _ = timeout(Duration::from_secs(seconds), ctrl_c()) => {}
    }
    Ok(())
}

/// A route with so many workers, each of which takes so many milliseconds for a request.
fn route(
    path: &'static str,
    config: LimiterConfig,
    workers: usize,
    ms: u64,
) -> Result<Router, InvalidOption> {
    let limiter = config.name(path).try_build()?;
    let workers: &Semaphore = Box::leak(Box::new(Semaphore::new(workers)));
    let work = async move || {
        let _worker = workers.acquire().await;
        sleep(Duration::from_millis(ms)).await;
    };
    let layer = AdmissionLayer::with_limiter(limiter).respond_unavailable();
    Ok(Router::new().route(path, get(work)).layer(layer))
}

/// So many requests a second, and after 20 s so many, and so on.
async fn traffic(app: Router, path: &'static str, rates: [usize; 2]) {
    let begun = Instant::now();
    let mut every = interval(Duration::from_millis(10));
    loop {
        every.tick().await;
        for _ in 0..rates[begun.elapsed().as_secs() as usize / 20 % 2] / 100 {
            let request = Request::get(path).body(Body::empty()).expect("a request");
            tokio::spawn(app.clone().oneshot(request));
        }
    }
}
