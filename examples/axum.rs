//! An axum server that finds its own concurrency limit.
//!
//! Run: `cargo run --example axum`, then try `curl -i http://127.0.0.1:3000/api/data`

use std::time::Duration;

use axum::extract::Request;
use axum::{Router, routing::get};
use tower_adaptive::{AdmissionLayer, Fathom, Limiter};

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let limiter = Limiter::builder(Fathom::default()).name("api").build();

    // One layer value is one limit, whatever number of routes it is applied to.
    let admission = AdmissionLayer::with_limiter(limiter.clone())
        .respond_unavailable()
        .bypass(|request: &Request| request.uri().path() == "/health");

    let app = Router::new()
        .route("/api/data", get(data))
        .route("/health", get(async || "ok"))
        .layer(admission);

    tokio::spawn(report(limiter));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app).await
}

async fn data() -> &'static str {
    tokio::time::sleep(Duration::from_millis(20)).await;
    "data\n"
}

async fn report(limiter: Limiter) {
    let mut every = tokio::time::interval(Duration::from_secs(5));
    loop {
        every.tick().await;
        let now = limiter.snapshot();
        println!(
            "limit {}, in flight {}, {} served, {} rejected, RTT {:?}",
            now.limit, now.in_flight, now.success, now.rejected, now.smoothed_rtt
        );
    }
}
