//! An axum server that goes into overload and out again by turns, for `dashboards/` to watch.
//!
//! Run: `cargo run --release --all-features --example prometheus`, and see
//! <http://127.0.0.1:9095/metrics>. With `-- --max-limit 3`, its limiters do harm.

#[path = "prometheus/load.rs"]
mod load;

use std::time::Duration;

use axum::{Router, extract::Path, http::StatusCode, routing::get};
use clap::{Parser, value_parser};
use metrics_exporter_prometheus::PrometheusBuilder;
use tokio::{sync::Semaphore, time};
use tower_adaptive::{AdmissionLayer, Fathom, Limiter, Queue, http::priority};

/// What each route needs: one of 8 connections for 40 ms, so 200 requests a second.
static CONNECTIONS: [Semaphore; 2] = [const { Semaphore::const_new(8) }; 2];

#[derive(Parser)]
struct Options {
    /// Port on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 9095)]
    port: u16,
    /// How many turns, of half the load and of twice what fits; without it, until Ctrl-C.
    #[arg(long)]
    turns: Option<u32>,
    /// Seconds of each turn.
    #[arg(long, default_value_t = 120, value_parser = value_parser!(u32).range(1..=86400))]
    seconds: u32,
    /// The largest limit that the algorithm may choose.
    #[arg(long, default_value_t = 200, value_parser = value_parser!(u16).range(1..))]
    max_limit: u16,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let options = Options::parse();
    // Without buckets the exporter makes summaries, which nobody can add up.
    let buckets: Vec<f64> = (0..40).map(|n| 0.001 * 1.25_f64.powi(n)).collect();
    let recorder = PrometheusBuilder::new().set_buckets(&buckets)?;
    let recorder = recorder.install_recorder()?;
    let scrape = async move || {
        tower_adaptive::metrics::publish();
        recorder.render()
    };
    let limit = |name, queue| {
        let limiter = Limiter::builder(Fathom::default()).name(name);
        let limiter = limiter.queue(queue).build();
        let set = limiter.set_bounds(1..=usize::from(options.max_limit));
        set.expect("the options are checked");
        let layer = AdmissionLayer::with_limiter(limiter).priority(priority("x-priority"));
        layer.respond_unavailable()
    };
    let short = Queue::bounded(16).max_wait(Duration::from_millis(50));
    let orders = get(async |n| work(0, n).await).layer(limit("orders", short));
    let search = get(async |n| work(1, n).await).layer(limit("search", Queue::none()));
    let app = Router::new()
        .route("/orders/{n}", orders)
        .route("/search/{n}", search)
        .route("/metrics", get(scrape));
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", options.port)).await?;
    let url = format!("http://{}", listener.local_addr()?);
    println!("{url}/metrics");
    println!("turns of {} s; Ctrl-C ends it", options.seconds);
    tokio::spawn(async move { axum::serve(listener, app).await });

    for turn in 0..options.turns.unwrap_or(u32::MAX) {
        let per_tick = [2, 8][turn as usize % 2];
        let answers = load::load(&url, options.seconds * 50, per_tick).await;
        println!("{}/s to each route: {answers:?}", 50 * per_tick);
    }
    Ok(())
}

/// Now and then there is nothing, which teaches nothing, or it fails, which is overload.
async fn work(route: usize, Path(n): Path<u32>) -> StatusCode {
    if n % 97 == 0 {
        return StatusCode::NOT_FOUND;
    }
    let _connection = CONNECTIONS[route].acquire().await;
    time::sleep(Duration::from_millis(30 + u64::from(n % 21))).await;
    match n % 997 {
        0 => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::OK,
    }
}
