//! Downloads that hold their permit until they are over: an axum server whose bodies stream on.
//!
//! Run: `cargo run --example streaming`

use std::convert::Infallible;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::{Router, routing::get};
use futures_util::stream;
use http_body_util::BodyExt;
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use tokio::task::JoinSet;
use tower_adaptive::http::{Streaming, Until};
use tower_adaptive::{AdmissionLayer, Fixed};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // The head is there at once; the work is in the body.
    for (what, hold) in [("the head", Until::Head), ("the end", Until::End)] {
        let admission = AdmissionLayer::new(Fixed::new(4))
            .respond_unavailable()
            .streaming(Streaming::new().hold(hold).measure(hold));
        let limiter = admission.limiter().clone();
        let app = Router::new().route("/", get(download)).layer(admission);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/", listener.local_addr()?);
        tokio::spawn(async move { axum::serve(listener, app).await });

        let client = Client::builder(TokioExecutor::new()).build_http();
        let mut downloads = JoinSet::new();
        for _ in 0..12 {
            downloads.spawn(fetch(client.clone(), url.clone()));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let complete = downloads.join_all().await.into_iter().filter(|done| *done);
        println!(
            "permits held until {what}: {} of 12 downloads admitted by a limit of 4, RTT {:?}",
            complete.count(),
            limiter.snapshot().smoothed_rtt.unwrap_or_default()
        );
    }
    Ok(())
}

/// Ten parts, 20 ms each.
async fn download() -> Body {
    Body::from_stream(stream::unfold(0, async |part| {
        tokio::time::sleep(Duration::from_millis(20)).await;
        let bytes = Bytes::from_static(b"part of a large file\n");
        (part < 10).then_some((Ok::<_, Infallible>(bytes), part + 1))
    }))
}

/// Returns whether the download was admitted, and complete.
async fn fetch(client: Client<HttpConnector, Body>, url: String) -> bool {
    let Ok(response) = client.get(url.parse().expect("a URL")).await else {
        return false;
    };
    response.status().is_success() && response.into_body().collect().await.is_ok()
}
