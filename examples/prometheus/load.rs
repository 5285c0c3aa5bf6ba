//! The clients of the example.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::{body::Body, http::Request};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use tokio::{task::JoinSet, time};

/// Asks both routes every 20 ms, and counts the answers by route and status; 0 is a client that gave up.
pub(crate) async fn load(
    url: &str,
    ticks: u32,
    per_tick: u32,
) -> BTreeMap<(&'static str, u16), u32> {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let mut every = time::interval(Duration::from_millis(20));
    let mut calls = JoinSet::new();
    for n in 0..ticks * per_tick {
        if n % per_tick == 0 {
            every.tick().await;
        }
        for route in ["orders", "search"] {
            let (client, url) = (client.clone(), format!("{url}/{route}/{n}"));
            calls.spawn(async move { (route, ask(client, url, n).await) });
        }
    }
    let mut answers = BTreeMap::new();
    for answer in calls.join_all().await {
        *answers.entry(answer).or_default() += 1;
    }
    answers
}

async fn ask(client: Client<HttpConnector, Body>, url: String, n: u32) -> u16 {
    let priority = ["sheddable", "low", "normal", "high", "critical"][n as usize % 5];
    let request = Request::get(url).header("x-priority", priority);
    let call = client.request(request.body(Body::empty()).expect("a request"));
    let patience = Duration::from_millis(if n % 61 == 0 { 25 } else { 2000 });
    match time::timeout(patience, call).await {
        Ok(answer) => answer.map_or(502, |answer| answer.status().as_u16()),
        Err(_) => 0,
    }
}
