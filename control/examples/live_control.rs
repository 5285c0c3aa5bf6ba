//! cargo run --release -p tower-adaptive-control --example live_control
//!
//! A service of three routes under traffic that comes and goes, and its limiters, live: open the page
//! that is printed and change them. Ends on Ctrl-C, or after `--seconds`.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::{Router, http::Request, routing::get};
use clap::Parser;
use tokio::net::TcpListener;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};
use tokio::{signal, sync::Semaphore};
use tower::ServiceExt;
use tower_adaptive::{AdmissionLayer, Fathom, InvalidOption, LimiterConfig, Queue, Vegas};
use tower_adaptive_control::Control;

#[derive(Parser)]
struct Args {
    /// The port to listen on; 0 takes one that is free.
    #[arg(long, default_value_t = 3100)]
    port: u16,
    /// Ends by itself after so long.
    #[arg(long)]
    seconds: Option<f64>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args = Args::parse();
    let queue = Queue::bounded(20);
    let config = LimiterConfig::new;
    let app = Router::new()
        .merge(route(
            "/checkout",
            config().algorithm(Fathom::builder()),
            20,
            20,
        )?)
        .merge(route(
            "/search",
            config().algorithm(Fathom::builder()).queue(queue),
            8,
            30,
        )?)
        .merge(route(
            "/export",
            config().algorithm(Vegas::builder()),
            4,
            80,
        )?);
    // Per second, in quiet times and in busy ones.
    for (path, quiet, busy) in [
        ("/checkout", 500, 1800),
        ("/search", 240, 320),
        ("/export", 30, 30),
    ] {
        tokio::spawn(traffic(app.clone(), path, quiet, busy));
    }

    // A service takes it from its configuration.
    let token: String = (0..2)
        .map(|i| format!("{:016x}", RandomState::new().hash_one(i)))
        .collect();
    let control = Control::new()
        .write_token(&token)
        .actor_header("x-forwarded-user");
    let app = app.nest("/control", control.into_router());
    let listener = TcpListener::bind(("127.0.0.1", args.port)).await?;
    println!("page:  http://{}/control", listener.local_addr()?);
    println!("token: {token}");
    let stop = async move {
        match args.seconds {
            Some(seconds) => _ = timeout(Duration::from_secs_f64(seconds), signal::ctrl_c()).await,
            None => _ = signal::ctrl_c().await,
        }
    };
    // Not a graceful end: an open page has a stream that does not end by itself.
    tokio::select! {
        served = axum::serve(listener, app) => served?,
        () = stop => {}
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
    let limiter = config.name(&path[1..]).try_build()?;
    let workers = Arc::new(Semaphore::new(workers));
    let work = async move || {
        let _worker = workers.acquire().await;
        sleep(Duration::from_millis(ms)).await;
        "done"
    };
    let layer = AdmissionLayer::with_limiter(limiter).respond_unavailable();
    Ok(Router::new().route(path, get(work)).layer(layer))
}

/// Requests at a rate that changes every 20 s.
async fn traffic(app: Router, path: &'static str, quiet: u64, busy: u64) {
    let begun = Instant::now();
    let mut every = interval(Duration::from_millis(10));
    every.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut owed = 0;
    loop {
        every.tick().await;
        owed += if begun.elapsed().as_secs() / 20 % 2 == 0 {
            quiet
        } else {
            busy
        };
        for _ in 0..owed / 100 {
            let request = Request::get(path).body(Body::empty()).expect("a request");
            tokio::spawn(app.clone().oneshot(request));
        }
        owed %= 100;
    }
}
