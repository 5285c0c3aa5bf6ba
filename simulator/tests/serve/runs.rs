//! What runs, and what it survives.

use serde_json::{Value, json};

use crate::client::Server;
use crate::{column, session, started};

#[tokio::test(flavor = "multi_thread")]
async fn the_same_session_is_the_same_trace_to_the_byte() {
    let server = Server::start().await;
    let first = server.post("/api/simulate", &session().to_string()).await;
    let second = server.post("/api/simulate", &session().to_string()).await;
    assert_eq!(first.status, 200, "{}", first.body);
    assert_eq!(first.body, second.body);
    let mut other = session();
    other["seed"] = json!(8);
    let third = server.post("/api/simulate", &other.to_string()).await;
    assert_ne!(first.body, third.body);

    let mut page = started(&server, &session()).await;
    page.send(json!({ "do": "to_end" })).await;
    let live = page.wait_for_end().await;
    let trace = [first.json()];
    for lane in [0, 1] {
        for name in [
            "limit",
            "in_flight",
            "plant_limit",
            "p99",
            "goodput",
            "rejected",
            "queue",
        ] {
            let expected = column(&trace, lane, name);
            assert_eq!(expected.len(), 30, "{name}");
            assert_eq!(column(&live, lane, name), expected, "{name} of lane {lane}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn phases_are_told_when_they_begin_live_as_in_a_trace() {
    let server = Server::start().await;
    let trace = server.post("/api/simulate", &session().to_string()).await;
    let trace = [trace.json()];
    let mut page = started(&server, &session()).await;
    page.send(json!({ "do": "to_end" })).await;
    let live = page.wait_for_end().await;
    let phases = |messages: &[Value], lane: usize| -> Vec<Value> {
        let ticks = messages.iter().filter(|message| message["is"] == "ticks");
        let told = ticks.filter_map(|ticks| ticks["lanes"][lane]["phases"].as_array().cloned());
        told.flatten().collect()
    };
    // Vegas has a baseline with the first response, and a constant has no phase.
    let vegas = [
        json!({ "from": 0.1, "phase": "tracking" }),
        json!({ "from": 2.1, "phase": null }),
    ];
    assert_eq!(phases(&trace, 0), vegas);
    for lane in [0, 1] {
        assert_eq!(phases(&live, lane), phases(&trace, lane));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn knobs_turned_while_it_runs_are_in_the_session_and_replayed() {
    let server = Server::start().await;
    let mut page = started(&server, &session()).await;
    page.send(json!({ "do": "step", "ticks": 5 })).await;
    let mut seen = vec![page.wait_for("ticks").await.0];
    page.send(json!({ "do": "set", "change": { "rate": 4000 } }))
        .await;
    let (event, before) = page.wait_for("event").await;
    seen.extend(before);
    assert_eq!(event["index"], 0);
    page.send(json!({ "do": "set", "change": { "latency": "5ms" } }))
        .await;
    let (event, _) = page.wait_for("event").await;
    assert_eq!(event["merged"], true, "one event at one time");
    let swap = json!({ "do": "swap", "lane": 1, "side": "plant", "algorithm": null });
    page.send(swap).await;
    let (swapped, _) = page.wait_for("swapped").await;
    page.send(json!({ "do": "to_end" })).await;
    seen.extend(page.wait_for_end().await);

    let mut session = session();
    let events = session["run"]["events"].as_array_mut().unwrap();
    events.insert(0, event["event"].clone());
    let swaps = session["swaps"].as_array_mut().unwrap();
    swaps.insert(0, swapped["swap"].clone());
    let trace = server.post("/api/simulate", &session.to_string()).await;
    let trace = [trace.json()];
    for name in ["limit", "plant_limit", "goodput", "p50", "sent"] {
        assert_eq!(column(&seen, 1, name), column(&trace, 1, name), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_the_past_is_replayed_and_one_of_the_future_is_not() {
    let server = Server::start().await;
    let mut page = started(&server, &session()).await;
    page.send(json!({ "do": "step", "ticks": 15 })).await;
    page.wait_for("ticks").await;

    let mut future = session();
    let event = json!({ "at": "2s 500ms", "burst": 100 });
    future["run"]["events"].as_array_mut().unwrap().push(event);
    page.send(json!({ "do": "replace", "session": future }))
        .await;
    page.wait_for("session").await;

    let mut past = session();
    past["run"]["start"]["rate"] = json!(50);
    page.send(json!({ "do": "replace", "session": past })).await;
    let (started, _) = page.wait_for("started").await;
    assert_eq!(started["replaying"], true);
    let mut ticks = Vec::new();
    while ticks.len() < 15 {
        let (message, _) = page.wait_for("ticks").await;
        ticks.extend(column(&[message], 0, "goodput"));
    }
    let trace = [server.post("/api/simulate", &past.to_string()).await.json()];
    assert_eq!(ticks, column(&trace, 0, "goodput")[..15]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_grows_without_end_stops_its_run_only() {
    let server = Server::start().await;
    let start = json!({ "rate": 1e6, "service_time": "1h" });
    let endless = json!({ "run": { "start": start }, "lanes": [{}] });
    let mut page = started(&server, &endless).await;
    page.send(json!({ "do": "to_end" })).await;
    let (error, _) = page.wait_for("error").await;
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .contains("requests are waiting"),
        "{error}"
    );
    let (status, _) = page.wait_for("status").await;
    assert_eq!(status["playing"], false);
    for command in [
        json!({ "do": "play" }),
        json!({ "do": "to_end" }),
        json!({ "do": "step", "ticks": 1 }),
        json!({ "do": "set", "change": { "rate": 1 } }),
    ] {
        page.send(command.clone()).await;
        let message = page.next().await.expect("an answer");
        assert_eq!(message["is"], "error", "{command}");
        assert!(message["message"].as_str().unwrap().contains("no run"));
    }
    page.send(json!({ "do": "speed", "speed": 2 })).await;
    let (status, _) = page.wait_for("status").await;
    assert_eq!(status["playing"], false);
    let stopped_at = status["t"].as_f64().unwrap();

    let bounded = json!({ "rate": 100, "service_time": "10ms" });
    let bounded = json!({ "run": { "start": bounded }, "lanes": [{}] });
    page.send(json!({ "do": "replace", "session": bounded }))
        .await;
    page.wait_for("started").await;
    let mut status = status;
    while status["replaying"] != false || status["t"].as_f64() < Some(stopped_at) {
        status = page.wait_for("status").await.0;
    }
    assert_eq!(status["playing"], false);
    page.send(json!({ "do": "start", "session": session() }))
        .await;
    page.wait_for("started").await;
    page.send(json!({ "do": "to_end" })).await;
    page.wait_for_end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_counted_and_a_closed_one_makes_room() {
    let server = Server::start().await;
    let mut pages = Vec::new();
    for _ in 0..32 {
        pages.push(started(&server, &session()).await);
    }
    for page in &mut pages {
        page.send(json!({ "do": "play" })).await;
    }
    let mut surplus = server.page().await;
    let reason = surplus.next().await.unwrap_err();
    assert!(reason.contains("32 pages open"), "{reason:?}");

    // Gone without a word, in the middle of a run.
    pages.clear();
    let mut session = session();
    session["run"]["length"] = json!("1s");
    for _ in 0..1000 {
        let mut page = server.page().await;
        page.send(json!({ "do": "start", "session": session, "play": true }))
            .await;
        if page.next().await.is_ok() {
            page.wait_for_end().await;
            return;
        }
    }
    panic!("no room was made");
}
