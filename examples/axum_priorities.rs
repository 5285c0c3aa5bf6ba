//! Critical checkouts get through while recommendations are shed: an axum server at twice its
//! capacity, 30% of it checkouts.
//!
//! Run: `cargo run --release --example axum_priorities`

use std::time::Duration;

use axum::extract::Request;
use axum::{Router, body::Body, routing::get};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tower_adaptive::{AdmissionLayer, Fathom, Priority, Queue};

/// What both routes depend on: 16 connections, 20 ms for each query, so 800 requests a second.
static CONNECTIONS: Semaphore = Semaphore::const_new(16);

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let admission = AdmissionLayer::new(Fathom::default())
        .queue(Queue::bounded(64).max_wait(Duration::from_millis(100)))
        .priority(|request: &Request| match request.uri().path() {
            "/checkout" => Priority::Critical,
            _ => Priority::Sheddable,
        })
        .respond_unavailable();
    let app = Router::new()
        .route("/checkout", get(query))
        .route("/recommendations", get(query))
        .layer(admission);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, app).await });

    let client = Client::builder(TokioExecutor::new()).build_http();
    let mut calls = JoinSet::new();
    let mut every = tokio::time::interval(Duration::from_millis(10));
    for n in 0..16 * 500 {
        if n % 16 == 0 {
            every.tick().await;
        }
        let path = if n % 10 < 3 {
            "checkout"
        } else {
            "recommendations"
        };
        calls.spawn(get_status(
            client.clone(),
            format!("http://{address}/{path}"),
        ));
    }
    let (mut sent, mut served) = ([0; 2], [0; 2]);
    for (path, ok) in calls.join_all().await {
        let class = usize::from(!path.ends_with("checkout"));
        sent[class] += 1;
        served[class] += u32::from(ok);
    }
    for (class, name) in ["checkouts", "recommendations"].into_iter().enumerate() {
        let share = 100.0 * f64::from(served[class]) / f64::from(sent[class]);
        println!("{share:5.1}% of {} {name} served", sent[class]);
    }
    Ok(())
}

async fn query() -> &'static str {
    let _connection = CONNECTIONS.acquire().await.unwrap();
    tokio::time::sleep(Duration::from_millis(20)).await;
    "done\n"
}

async fn get_status(client: Client<HttpConnector, Body>, url: String) -> (String, bool) {
    let response = client.get(url.parse().expect("a URL")).await;
    (
        url,
        response.is_ok_and(|response| response.status().is_success()),
    )
}
