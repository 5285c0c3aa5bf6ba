//! A hyper client whose requests wait for a permit, so that a slow dependency is not drowned.
//!
//! Run: `cargo run --example client`

use std::time::Duration;

use axum::{Router, body::Body, http::Request, routing::get};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tower::{Service, ServiceBuilder, ServiceExt};
use tower_adaptive::http::StatusClassifier;
use tower_adaptive::{ConcurrencyLimitLayer, Fathom};

#[tokio::main]
async fn main() -> Result<(), tower::BoxError> {
    let address = spawn_dependency().await?;

    // A status is the dependency's word on its load; the default sees only broken connections.
    let limit = ConcurrencyLimitLayer::new(Fathom::default()).classifier(StatusClassifier::new());
    let client = Client::builder(TokioExecutor::new()).build_http::<Body>();
    let client = ServiceBuilder::new().layer(limit).service(client);

    let requests = (0..500).map(|_| {
        let mut client = client.clone();
        let request = Request::get(format!("http://{address}/")).body(Body::empty());
        tokio::spawn(async move {
            let response = client.ready().await?.call(request?).await?;
            Ok::<_, tower::BoxError>(response.status())
        })
    });
    let mut ok = 0;
    for request in requests.collect::<Vec<_>>() {
        ok += usize::from(request.await??.is_success());
    }
    let now = client.limiter().snapshot();
    println!(
        "{ok} of 500 succeeded; limit {}, RTT {:?}",
        now.limit, now.smoothed_rtt
    );
    Ok(())
}

/// Something to call: 10 ms of work, one free loopback port.
async fn spawn_dependency() -> std::io::Result<std::net::SocketAddr> {
    let work = async || tokio::time::sleep(Duration::from_millis(10)).await;
    let app = Router::new().route("/", get(work));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, app).await });
    Ok(address)
}
