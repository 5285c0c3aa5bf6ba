//! What it refuses.

use serde_json::{Value, json};

use crate::client::Server;
use crate::{column, session, started, ten_thousand_events};

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
            json!(10_001),
            "run.events[0].burst",
            "from 0 to 10000",
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
    let bursts = (0..101)
        .map(|_| json!({ "at": "1s", "burst": 10_000 }))
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
