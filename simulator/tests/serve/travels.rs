//! What a page asks for while its run is brought to where it was.

use serde_json::{Value, json};

use crate::client::{Page, Server};
use crate::{session, started};

/// Replays a run of a hundred seconds, and sends `commands` with it.
async fn replayed(server: &Server, commands: &[Value]) -> Page {
    let mut before = long(2000);
    let mut page = started(server, &before).await;
    page.send(json!({ "do": "step", "ticks": 1000 })).await;
    wait_for_time(&mut page, 100.0).await;
    before["run"]["start"]["rate"] = json!(1000);
    page.send(json!({ "do": "replace", "session": before }))
        .await;
    for command in commands {
        page.send(command.clone()).await;
    }
    page.wait_for("started").await;
    page
}

fn long(rate: u32) -> Value {
    let mut session = session();
    session["run"]["length"] = json!("1h");
    session["run"]["start"]["rate"] = json!(rate);
    session
}

async fn wait_for_time(page: &mut Page, time: f64) -> Vec<Value> {
    let mut all = Vec::new();
    loop {
        let message = page.next().await.expect("a message");
        let is_there = message["is"] == "status" && message["t"].as_f64() >= Some(time);
        all.push(message);
        if is_there {
            return all;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn knobs_turned_while_it_is_replayed_happen_where_the_page_is() {
    let server = Server::start().await;
    let set = json!({ "do": "set", "change": { "latency": "5ms" } });
    let swap = json!({ "do": "swap", "lane": 1, "side": "plant", "algorithm": null });
    let mut page = replayed(&server, &[set, swap]).await;
    let (event, before) = page.wait_for("event").await;
    assert_eq!(event["event"]["at"], "1m 40s", "{event}");
    let ticks = before.iter().filter(|message| message["is"] == "ticks");
    let ticks: usize = ticks
        .map(|ticks| ticks["t"].as_array().unwrap().len())
        .sum();
    assert_eq!(ticks, 1000, "the page has seen all of it before");
    let (swapped, _) = page.wait_for("swapped").await;
    assert_eq!(swapped["swap"]["at"], "1m 40s", "{swapped}");
}

#[tokio::test(flavor = "multi_thread")]
async fn knobs_turned_while_an_address_is_begun_happen_where_it_leads() {
    let server = Server::start().await;
    let mut page = server.page().await;
    let session = long(2000);
    page.send(json!({ "do": "start", "session": session, "at": 100 }))
        .await;
    page.send(json!({ "do": "set", "change": { "latency": "5ms" } }))
        .await;
    let (event, _) = page.wait_for("event").await;
    assert_eq!(event["event"]["at"], "1m 40s", "{event}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_knob_that_cannot_be_turned_is_refused_when_it_is_there() {
    let server = Server::start().await;
    let wrong = json!({ "do": "set", "change": { "rate": -1 } });
    let mut page = replayed(&server, &[wrong]).await;
    let (error, _) = page.wait_for("error").await;
    assert_eq!(error["field"], "set.rate", "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_replaced_on_its_way_goes_on_to_its_goal() {
    let server = Server::start().await;
    let mut page = started(&server, &long(2000)).await;
    page.send(json!({ "do": "step", "ticks": 2000 })).await;
    page.send(json!({ "do": "step", "ticks": 1000 })).await;
    page.wait_for("ticks").await;
    page.send(json!({ "do": "replace", "session": long(1000) }))
        .await;
    page.wait_for("started").await;
    let all = wait_for_time(&mut page, 300.0).await;
    assert_eq!(all.last().unwrap()["t"], 300.0);
}
