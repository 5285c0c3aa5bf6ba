//! What can be changed, and what stays.

use std::time::Duration;

use axum::http::StatusCode;
use serde_json::{Value, json};
use tower_adaptive::{Limiter, Mode};

use crate::asking::{Answer, Ask, limiter, writable};

async fn change(name: &str, change: Value) -> Answer {
    let path = format!("/control/limiters/{name}");
    Ask::patch(&path, change).of(&writable()).await
}

fn config(limiter: &Limiter) -> Value {
    serde_json::to_value(limiter.config()).unwrap()
}

#[tokio::test]
async fn all_that_a_configuration_has_can_be_changed() {
    let limiter = limiter("all");
    let change = change(
        "all",
        json!({
            "name": "all",
            "bounds": { "min": 2, "max": 50 },
            "algorithm": { "headroom": 2.0 },
            "queue": { "capacity": 10, "max_wait": "50ms" },
            "shares": { "guarantees": [{ "key": "live", "fraction": 0.5 }] },
            "priorities": { "/checkout": "critical" },
            "observe_only": true,
            "paused": true,
        }),
    );
    let answer = change.await;

    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    let snapshot = limiter.snapshot();
    assert_eq!((snapshot.bounds.min(), snapshot.bounds.max()), (2, 50));
    assert_eq!(limiter.mode(), Mode::Observe);
    assert!(limiter.is_paused());
    assert_eq!(snapshot.shares[0].key.as_deref(), Some("live"));
    let config = config(&limiter);
    assert_eq!(config["algorithm"]["headroom"], 2.0);
    assert_eq!(config["algorithm"]["min_limit"], 5);
    assert_eq!(config["queue"]["capacity"], 10);
    assert_eq!(config["queue"]["max_wait"], "50ms");
    assert_eq!(config["priorities"]["/checkout"], "critical");
    assert_eq!(answer.json()["config"], config);
    assert_eq!(answer.json()["snapshot"]["mode"], "observe");
}

#[tokio::test]
async fn what_a_change_does_not_name_stays() {
    let limiter = limiter("stays");
    change(
        "stays",
        json!({ "queue": { "capacity": 10 }, "paused": true }),
    )
    .await;
    let before = config(&limiter);

    change("stays", json!({ "queue": { "max_wait": "1s" } })).await;

    let mut expected = before;
    expected["queue"]["max_wait"] = json!("1s");
    assert_eq!(config(&limiter), expected);
}

#[tokio::test]
async fn null_is_the_default() {
    let limiter = limiter("null");
    let fresh = config(&limiter);
    change(
        "null",
        json!({
            "bounds": { "max": 9 },
            "queue": { "capacity": 10, "max_wait": "1s" },
            "priorities": { "a": "high", "b": "low" },
            "algorithm": { "headroom": 2.0 },
        }),
    )
    .await;

    let one = json!({ "queue": { "max_wait": null }, "priorities": { "a": null } });
    change("null", one).await;
    assert_eq!(config(&limiter)["queue"]["max_wait"], "100ms");
    assert_eq!(config(&limiter)["queue"]["capacity"], 10);
    assert_eq!(config(&limiter)["priorities"], json!({ "b": "low" }));

    let rest = json!({ "bounds": null, "queue": null, "priorities": null, "algorithm": { "headroom": null } });
    let answer = change("null", rest).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    assert_eq!(config(&limiter), fresh);
    assert_eq!(limiter.snapshot().bounds.max(), 200);
}

#[tokio::test]
async fn another_algorithm_replaces_the_one_before() {
    let limiter = limiter("replaced");
    change("replaced", json!({ "algorithm": { "headroom": 2.0 } })).await;

    let answer = change(
        "replaced",
        json!({ "algorithm": { "name": "vegas", "alpha": 4 } }),
    )
    .await;

    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    assert_eq!(limiter.snapshot().report.algorithm, Some("vegas"));
    let algorithm = &config(&limiter)["algorithm"];
    assert_eq!(algorithm["alpha"], 4.0);
    // Not that of the one before.
    assert_eq!(algorithm["min_limit"], 1);
    assert_eq!(algorithm.get("headroom"), None);
}

#[tokio::test]
async fn one_bound_can_be_set_alone() {
    let limiter = limiter("one-bound");

    change("one-bound", json!({ "bounds": { "max": 30 } })).await;

    let bounds = limiter.snapshot().bounds;
    assert_eq!((bounds.min(), bounds.max()), (5, 30));
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_at_a_time_lose_none_of_each_other() {
    let limiter = limiter("at-a-time");
    let classes: Vec<_> = (0..50).map(|i| format!("class-{i}")).collect();
    // Two routers, as if it were mounted twice.
    let routers = [writable(), writable()];
    let tasks: Vec<_> = classes
        .iter()
        .enumerate()
        .map(|(i, class)| {
            let change = json!({ "priorities": { class: "low" } });
            let router = routers[i % 2].clone();
            tokio::spawn(async move {
                let ask = Ask::patch("/control/limiters/at-a-time", change);
                ask.of(&router).await.status
            })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap(), StatusCode::OK);
    }

    let config = config(&limiter);
    for class in &classes {
        assert_eq!(config["priorities"][class], "low", "{class}");
    }
}

#[tokio::test]
async fn who_names_a_version_changes_no_other() {
    let limiter = limiter("version");
    let router = writable();
    let path = "/control/limiters/version";
    let seen = Ask::get(path).of(&router).await;
    let tag = seen.header("etag");
    assert!(tag.starts_with('"') && tag.len() > 10, "{tag}");
    let again = Ask::get(path).of(&router).await;
    assert_eq!(again.header("etag"), tag);

    let ask = |value: bool| Ask::patch(path, json!({ "paused": value }));
    let first = ask(true).with("if-match", tag).of(&router).await;
    assert_eq!(first.status, StatusCode::OK);
    assert_ne!(first.header("etag"), tag);
    let second = ask(false).with("if-match", tag).of(&router).await;
    assert_eq!(second.status, StatusCode::PRECONDITION_FAILED);
    assert!(limiter.is_paused());
    for tags in ["*".to_owned(), format!("{tag}, {}", first.header("etag"))] {
        let third = ask(true).with("if-match", &tags).of(&router).await;
        assert_eq!(third.status, StatusCode::OK, "{tags}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_drops_no_request() {
    let limiter = limiter("no-drop");
    let slow = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        Ok::<_, ()>("done")
    };
    let handle = limiter.clone();
    let running = tokio::spawn(async move { handle.run(slow).await.is_ok() });
    tokio::task::yield_now().await;
    assert_eq!(limiter.in_flight(), 1);

    let change = change(
        "no-drop",
        json!({ "algorithm": { "name": "fixed", "limit": 1 }, "bounds": { "min": 1, "max": 1 } }),
    );
    assert_eq!(change.await.status, StatusCode::OK);

    assert_eq!(limiter.limit(), 1);
    assert!(running.await.unwrap());
}
