//! A limit for each route: a fast one and one that takes 500 times as long, behind one layer.
//!
//! Run: `cargo run --release --example keyed`

use std::time::Duration;

use axum::{Router, body::Body, routing::get};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::task::JoinSet;
use tower_adaptive::axum::MatchedPath;
use tower_adaptive::{AdmissionLayer, Limiter, Limiters, Vegas};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let routes = Limiters::new(|_: &String| Limiter::new(Vegas::default()));
    let layer = AdmissionLayer::with_limiters(routes.clone()).key(MatchedPath);
    let app = router().layer(layer.respond_unavailable());
    load("a limit for each route", app).await?;
    for (path, route) in routes.snapshots() {
        println!("    {path}: limit {}", route.limit);
    }

    let layer = AdmissionLayer::new(Vegas::default());
    let limiter = layer.limiter().clone();
    let app = router().layer(layer.respond_unavailable());
    load("one limit for both", app).await?;
    println!("    limit {}", limiter.limit());
    Ok(())
}

fn router() -> Router {
    Router::new()
        .route("/cached", get(async || "fast"))
        .route("/reports/{id}", get(report))
}

async fn report() -> &'static str {
    tokio::time::sleep(Duration::from_millis(100)).await;
    "slow"
}

/// Five seconds of 200 requests a second to the fast route and 600 to the slow one, which has room
/// for any number.
async fn load(what: &str, app: Router) -> std::io::Result<()> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async move { axum::serve(listener, app).await });
    let client = Client::builder(TokioExecutor::new()).build_http::<Body>();
    let mut calls = JoinSet::new();
    let mut every = tokio::time::interval(Duration::from_millis(10));
    for n in 0..8 * 500 {
        if n % 8 == 0 {
            every.tick().await;
        }
        let (route, path) = [(1, "/reports/7"), (0, "/cached")][usize::from(n % 4 == 0)];
        let call = client.get(format!("{url}{path}").parse().expect("a URL"));
        calls.spawn(async move { (route, call.await.is_ok_and(|r| r.status().is_success())) });
    }
    let (mut sent, mut served) = ([0; 2], [0; 2]);
    for (route, ok) in calls.join_all().await {
        sent[route] += 1;
        served[route] += u32::from(ok);
    }
    let share = |route: usize| 100.0 * f64::from(served[route]) / f64::from(sent[route]);
    println!(
        "{what}: {:.1}% of fast, {:.1}% of slow requests served",
        share(0),
        share(1)
    );
    Ok(())
}
