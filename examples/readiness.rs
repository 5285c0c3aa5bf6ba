//! A readiness probe, a graceful drain, and a warm start.
//!
//! Run: `cargo run --example readiness`, twice: the second run begins where the first has ended.

use std::error::Error;
use std::time::Duration;
use std::{env, fs};

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::{Router, body::Body, routing::get};
use tokio::time::sleep;
use tower::ServiceExt;
use tower_adaptive::{AdmissionLayer, Fathom, Limiter};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let limiter = Limiter::builder(Fathom::default()).name("api").build();
    match warm_start(&limiter) {
        Ok(()) => println!("warm start: the limit is {}", limiter.limit()),
        Err(error) => println!("cold start, at {}: {error}", limiter.limit()),
    }

    let admission = AdmissionLayer::with_limiter(limiter.clone()).respond_unavailable();
    let app = Router::new()
        .route("/api/data", get(data))
        .layer(admission)
        // After the layer: the probe is not limited.
        .route("/ready", get(ready).with_state(limiter.clone()));

    for client in 0..150 {
        tokio::spawn(load(app.clone(), client));
    }
    tokio::spawn(probe(app.clone()));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    axum::serve(listener, app)
        .with_graceful_shutdown(drain(limiter.clone()))
        .await?;
    println!("nothing is in flight any more");
    Ok(())
}

/// Takes this instance out of the rotation while it is full, and for good when it is about to stop.
/// Only where the others have room: if all are full, all are out.
async fn ready(State(limiter): State<Limiter>) -> (StatusCode, &'static str) {
    match limiter.is_saturated() {
        _ if limiter.is_closed() => (StatusCode::SERVICE_UNAVAILABLE, "draining"),
        true => (StatusCode::SERVICE_UNAVAILABLE, "saturated"),
        false => (StatusCode::OK, "ready"),
    }
}

/// Stands for SIGTERM: turns away who comes now, and waits for those who are there.
async fn drain(limiter: Limiter) {
    sleep(Duration::from_secs(4)).await;
    if let Err(error) = save(&limiter) {
        println!("the next start will be a cold one: {error}");
    }
    println!("closing, with {} in flight", limiter.in_flight());
    limiter.close();
    limiter.idle().await;
}

/// Before the end: a limiter that empties learns from what is no load.
fn save(limiter: &Limiter) -> Result<(), Box<dyn Error>> {
    println!("the limit is {}", limiter.limit());
    Ok(fs::write(
        saved(),
        serde_json::to_string(&limiter.export())?,
    )?)
}

fn warm_start(limiter: &Limiter) -> Result<(), Box<dyn Error>> {
    let warm = serde_json::from_str(&fs::read_to_string(saved())?)?;
    Ok(limiter.restore(&warm, Duration::from_secs(3600))?)
}

fn saved() -> std::path::PathBuf {
    env::temp_dir().join("tower-adaptive-readiness.json")
}

async fn data() -> &'static str {
    // No more than 16 at a time.
    static SERVERS: tokio::sync::Semaphore = tokio::sync::Semaphore::const_new(16);
    let _server = SERVERS.acquire().await;
    sleep(Duration::from_millis(20)).await;
    "data\n"
}

/// A client that comes twice: once to be too many, and once to be there at the end.
async fn load(app: Router, client: u64) {
    for pause_ms in [1000, 1500] {
        sleep(Duration::from_millis(pause_ms + client)).await;
        for _ in 0..30 {
            let _ = app.clone().oneshot(request("/api/data")).await;
            sleep(Duration::from_millis(5)).await;
        }
    }
}

async fn probe(app: Router) {
    loop {
        let response = app
            .clone()
            .oneshot(request("/ready"))
            .await
            .expect("infallible");
        let status = response.status();
        let body = axum::body::to_bytes(response.into_body(), 100).await;
        println!(
            "/ready: {status} ({})",
            String::from_utf8_lossy(&body.unwrap_or_default())
        );
        sleep(Duration::from_millis(500)).await;
    }
}

fn request(path: &'static str) -> Request {
    Request::get(path).body(Body::empty()).expect("a path")
}
