//! The server of the page: what it serves, what it refuses, and what it survives.

mod client;

use client::{Page, Server};
use serde_json::{Value, json};

/// A session that is quickly simulated.
fn session() -> Value {
    json!({
        "seed": 7,
        "run": {
            "length": "3s",
            "start": { "rate": 2000, "deadline": "300ms", "retries": 1 },
            "events": [{ "at": "1s", "set": { "servers": 8 } }],
        },
        "lanes": [
            { "client": { "name": "vegas" } },
            { "client": { "name": "aimd", "min_limit": 2 }, "plant": { "name": "gradient2" } },
        ],
        "swaps": [{ "at": "2s", "lane": 0, "side": "client", "algorithm": { "name": "fixed", "limit": 9 } }],
    })
}

fn ten_thousand_events() -> Value {
    let mut session = session();
    session["run"]["events"] = (0..10_000).map(|_| json!({ "at": "1s" })).collect();
    session
}

/// Joins what came of a column of a lane.
fn column(messages: &[Value], lane: usize, name: &str) -> Vec<Value> {
    let ticks = messages.iter().filter(|message| message["is"] == "ticks");
    ticks
        .flat_map(|ticks| ticks["lanes"][lane][name].as_array().unwrap().clone())
        .collect()
}

async fn started(server: &Server, session: &Value) -> Page {
    let mut page = server.page().await;
    page.send(json!({ "do": "start", "session": session }))
        .await;
    page.wait_for("started").await;
    page
}

#[tokio::test(flavor = "multi_thread")]
async fn files_come_with_their_type_a_tag_and_a_strict_policy() {
    let server = Server::start().await;
    for (path, kind) in [
        ("/", "text/html"),
        ("/assets/style.css", "text/css"),
        ("/assets/js/main.js", "text/javascript"),
        ("/assets/vendor/uPlot.iife.min.js", "text/javascript"),
        ("/assets/vendor/LICENSE", "text/plain"),
    ] {
        let response = server.get(path).await;
        assert_eq!(response.status, 200, "{path}");
        let kind = format!("content-type: {kind}");
        assert!(response.head.contains(&kind), "{path}: {}", response.head);
        assert!(response.head.contains("default-src 'self'"), "{path}");
        let tag = response.head.split("etag: ").nth(1).unwrap();
        let tag = tag.lines().next().unwrap();
        let again = format!("if-none-match: {tag}\r\n");
        let known = server.request("GET", path, &again, "").await;
        assert_eq!((known.status, known.body.as_str()), (304, ""), "{path}");
    }
    for path in [
        "/assets/js/../main.js",
        "/assets/none",
        "/api/none",
        "/Cargo.toml",
    ] {
        assert_eq!(server.get(path).await.status, 404, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_preset_and_the_defaults_can_be_started() {
    let server = Server::start().await;
    let presets = server.get("/api/scenarios").await.json();
    assert!(presets.as_array().unwrap().len() > 5);
    let defaults = server.get("/api/defaults").await.json();
    assert_eq!(defaults, presets[0]["session"]);
    let mut page = server.page().await;
    for preset in presets.as_array().unwrap() {
        assert!(preset["why"].as_str().unwrap().len() > 20, "{preset}");
        page.send(json!({ "do": "start", "session": preset["session"] }))
            .await;
        let (started, _) = page.wait_for("started").await;
        assert_eq!(started["session"], preset["session"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_named_with_its_path() {
    let server = Server::start().await;
    let cases: &[(&str, Value, &str, &str)] = &[
        (
            "/run/start/rate",
            json!(-3),
            "run.start.rate",
            "must be from 0 to 1000000, got -3",
        ),
        ("/run/start/servers", json!(-1), "run.start.servers", "-1"),
        (
            "/run/start/typo",
            json!(1),
            "run.start.typo",
            "unknown field",
        ),
        (
            "/run/start/latency",
            json!("2 parsecs"),
            "run.start.latency",
            "must be a duration",
        ),
        (
            "/run/length",
            json!("9999days"),
            "run.length",
            "must be from 1ms to 1day",
        ),
        (
            "/run/events/0/set/error_rate",
            json!(1.5),
            "run.events[0].set.error_rate",
            "from 0 to 1",
        ),
        ("/run/events/0/set/black_hole", json!(true), "", ""),
        (
            "/run/events/0/note",
            json!("x".repeat(201)),
            "run.events[0].note",
            "at most 200 bytes",
        ),
        (
            "/run/events/0/burst",
            json!(100_001),
            "run.events[0].burst",
            "from 0 to 100000",
        ),
        ("/seed", json!(1_u64 << 53), "seed", "at most"),
        (
            "/lanes",
            json!([]),
            "lanes",
            "from 1 to 4 algorithms, got 0",
        ),
        ("/lanes", json!([{}, {}, {}, {}, {}]), "lanes", "got 5"),
        (
            "/lanes/0/client",
            json!({ "name": "vega" }),
            "lanes[0].client",
            "vega",
        ),
        (
            "/lanes/0/client/alpha",
            json!(0.5),
            "lanes[0].client.alpha",
            "must be at least 1.0 and finite, got 0.5",
        ),
        (
            "/lanes/0/client/min_limit",
            json!(5000),
            "lanes[0].client.max_limit",
            "5000",
        ),
        (
            "/lanes/1/plant/window",
            json!({ "min_samples": 0 }),
            "lanes[1].plant.min_samples",
            "at least 1",
        ),
        ("/swaps/0/lane", json!(2), "swaps[0].lane", "below 2"),
        (
            "/swaps/0/algorithm/limit",
            json!(0),
            "swaps[0].algorithm.limit",
            "got 0",
        ),
        (
            "/run/at_limit",
            json!({ "does": "dance" }),
            "run.at_limit.does",
            "dance",
        ),
    ];
    for (pointer, value, field, message) in cases {
        let mut session = session();
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        let parent = session.pointer_mut(parent).unwrap();
        parent[key] = value.clone();
        let response = server.post("/api/simulate", &session.to_string()).await;
        if field.is_empty() {
            assert_eq!(response.status, 200, "{pointer} = {value}");
            continue;
        }
        assert_eq!(
            response.status, 422,
            "{pointer} = {value}: {}",
            response.body
        );
        let error = response.json();
        assert_eq!(error["field"], *field, "{error}");
        assert!(
            error["message"].as_str().unwrap().contains(message),
            "{error}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_session_or_too_much_is_refused() {
    let server = Server::start().await;
    assert_eq!(server.post("/api/simulate", "{ no json").await.status, 400);
    assert_eq!(server.post("/api/simulate", "[]").await.status, 422);
    let long = format!("{}{}", " ".repeat(300_000), session());
    assert_eq!(server.post("/api/simulate", &long).await.status, 413);
    assert_eq!(server.get("/api/simulate").await.status, 405);

    let events = (0..1001).map(|_| json!({ "at": "1s" })).collect::<Value>();
    let bursts = (0..11)
        .map(|_| json!({ "at": "1s", "burst": 100_000 }))
        .collect::<Value>();
    let endless = json!({ "rate": 1e6, "service_time": "1h" });
    for (run, field, message) in [
        (
            json!({ "events": events }),
            "run.events",
            "must be at most 1000 events, got 1001",
        ),
        (
            json!({ "events": bursts }),
            "run.events",
            "bursts must be at most 1000000",
        ),
        (
            json!({ "length": "2h" }),
            "run.length",
            "must be at most 1h",
        ),
        (json!({ "start": endless }), "run", "requests are waiting"),
    ] {
        let session = json!({ "run": run, "lanes": [{}] });
        let response = server.post("/api/simulate", &session.to_string()).await;
        let error = response.json();
        assert_eq!(
            (response.status, &error["field"]),
            (422, &json!(field)),
            "{error}"
        );
        assert!(
            error["message"].as_str().unwrap().contains(message),
            "{error}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_other_sites_are_refused() {
    let server = Server::start().await;
    assert_eq!(server.refused_page("http://evil.example").await, Some(403));
    let own = format!("http://{}", server.host);
    assert_eq!(server.refused_page(&own).await, None);
    let headers = "origin: http://evil.example\r\n";
    let body = session().to_string();
    let response = server
        .request("POST", "/api/simulate", headers, &body)
        .await;
    assert_eq!(response.status, 403);
}

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
async fn a_refused_message_leaves_the_run_as_it_was() {
    let server = Server::start().await;
    let mut page = started(&server, &session()).await;
    page.send(json!({ "do": "step", "ticks": 10 })).await;
    page.wait_for("ticks").await;
    let refusals = [
        (
            json!({ "do": "set", "change": { "rate": -1 } }),
            "set.rate",
            "got -1",
        ),
        (
            json!({ "do": "set", "change": { "rat": 1 } }),
            "change.rat",
            "unknown field",
        ),
        (
            json!({ "do": "set", "change": { "deadline": "none", "black_hole": true } }),
            "set.black_hole",
            "needs a deadline",
        ),
        (
            json!({ "do": "swap", "lane": 0, "side": "client", "algorithm": { "name": "vegas", "beta": 1 } }),
            "lanes[0].client.beta",
            "at least alpha",
        ),
        (
            json!({ "do": "swap", "lane": 9, "side": "client" }),
            "lane",
            "below 2",
        ),
        (
            json!({ "do": "speed", "speed": 21 }),
            "speed",
            "from 0.25 to 20",
        ),
        (
            json!({ "do": "start", "session": { "lanes": [] } }),
            "lanes",
            "from 1 to 4",
        ),
        (
            json!({ "do": "start", "session": session(), "at": -1 }),
            "at",
            "from 0 to 86400",
        ),
        (
            json!({ "do": "replace", "session": {} }),
            "session",
            "lanes",
        ),
        (
            json!({ "do": "replace", "session": ten_thousand_events() }),
            "",
            "",
        ),
        (json!({ "do": "dance" }), "do", "dance"),
        (json!("play"), "do", ""),
    ];
    for (message, field, text) in refusals {
        page.send(message.clone()).await;
        let (error, _) = page.wait_for("error").await;
        if !field.is_empty() {
            assert_eq!(error["field"], field, "{message}: {error}");
        }
        assert!(
            error["message"].as_str().unwrap().contains(text),
            "{message}: {error}"
        );
    }
    page.send_text("{".to_owned()).await;
    page.wait_for("error").await;
    page.send_text(" ".repeat(300_000)).await;
    let (error, _) = page.wait_for("error").await;
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .contains("at most 262144 bytes"),
        "{error}"
    );

    page.send(json!({ "do": "to_end" })).await;
    let rest = page.wait_for_end().await;
    let trace = [server
        .post("/api/simulate", &session().to_string())
        .await
        .json()];
    let expected = column(&trace, 0, "limit").split_off(10);
    assert_eq!(column(&rest, 0, "limit"), expected);
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
    page.send(json!({ "do": "play" })).await;
    page.send(json!({ "do": "set", "change": { "rate": 1 } }))
        .await;
    page.wait_for("error").await;
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
