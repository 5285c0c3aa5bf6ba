//! What can be read.

use axum::http::StatusCode;
use serde_json::json;
use tower_adaptive::{Fathom, Limiter, registry};
use tower_adaptive_control::Control;

use crate::asking::{Ask, limiter, mounted, writable};

#[tokio::test]
async fn all_that_are_listed_are_listed() {
    let router = mounted(Control::new());
    let one = limiter("listed one");
    let _two = limiter("listed two");
    let _permit = one.try_acquire().expect("there is room");

    let answer = Ask::get("/control/limiters").of(&router).await;

    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("content-type"), "application/json");
    let list = answer.json();
    let names: Vec<_> = list
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["name"].as_str().unwrap())
        .collect();
    assert!(
        names.contains(&"listed one") && names.contains(&"listed two"),
        "{names:?}"
    );
    assert!(names.is_sorted());
    let of_one = list
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["name"] == "listed one")
        .unwrap();
    assert_eq!(of_one["snapshot"]["limit"], 20);
    assert_eq!(of_one["snapshot"]["in_flight"], 1);
}

#[tokio::test]
async fn a_limiter_has_its_state_and_its_configuration() {
    let router = mounted(Control::new());
    let limiter = limiter("whole");
    limiter.run(async { Ok::<_, ()>(()) }).await.unwrap();

    let answer = Ask::get("/control/limiters/whole").of(&router).await;

    assert_eq!(answer.status, StatusCode::OK);
    let whole = answer.json();
    assert_eq!(whole["name"], "whole");
    assert_eq!(whole["snapshot"]["bounds"], json!({ "min": 5, "max": 200 }));
    assert_eq!(whole["snapshot"]["success"], 1);
    assert_eq!(whole["snapshot"]["rejected_by"]["queue_full"], 0);
    assert_eq!(whole["snapshot"]["mode"], "enforce");
    assert_eq!(whole["snapshot"]["report"]["algorithm"], "fathom");
    assert!(whole["snapshot"]["last_rtt_seconds"].as_f64().unwrap() < 1.0);
    assert_eq!(
        whole["config"],
        serde_json::to_value(limiter.config()).unwrap()
    );
    assert_eq!(whole["config"]["algorithm"]["name"], "fathom");
}

#[tokio::test]
async fn a_name_may_have_any_characters() {
    let router = writable();
    for (name, path) in [
        ("/api/{id}", "%2Fapi%2F%7Bid%7D"),
        ("a b", "a%20b"),
        ("Größe 大小", "Gr%C3%B6%C3%9Fe%20%E5%A4%A7%E5%B0%8F"),
        ("100%", "100%25"),
        ("?&=#;+", "%3F%26%3D%23%3B+"),
        ("a/events", "a%2Fevents"),
        ("quote\"'<>", "quote%22'%3C%3E"),
    ] {
        let limiter = limiter(name);
        let path = format!("/control/limiters/{path}");
        let answer = Ask::get(&path).of(&router).await;
        assert_eq!(answer.status, StatusCode::OK, "{name}");
        assert_eq!(answer.json()["name"], name);
        let answer = Ask::patch(&path, json!({ "paused": true }))
            .of(&router)
            .await;
        assert_eq!(answer.status, StatusCode::OK, "{name}");
        assert!(limiter.is_paused(), "{name}");
    }
    let answer = Ask::get("/control/limiters/%FF").of(&router).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(answer.json()["error"].as_str().unwrap().contains("UTF-8"));
}

#[tokio::test]
async fn a_limiter_that_was_made_in_code_has_no_algorithm_in_its_configuration() {
    let router = writable();
    let limiter = Limiter::new(Fathom::default());
    registry::insert("made in code", &limiter);

    let answer = Ask::get("/control/limiters/made%20in%20code")
        .of(&router)
        .await;
    assert_eq!(answer.json()["config"].get("algorithm"), None);
    assert_eq!(answer.json()["config"].get("name"), None);

    let change = json!({ "bounds": { "max": 7 } });
    let answer = Ask::patch("/control/limiters/made%20in%20code", change)
        .of(&router)
        .await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    assert_eq!(limiter.snapshot().bounds.max(), 7);
    assert_eq!(limiter.snapshot().report.algorithm, Some("fathom"));
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let router = mounted(Control::new());
    for path in [
        "/control/limiters/none",
        "/control/limiters/none/events",
        "/control/nothing",
        "/control/assets/none.js",
        "/control/assets/../Cargo.toml",
    ] {
        let answer = Ask::get(path).of(&router).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert!(answer.json()["error"].is_string(), "{path}");
    }
    drop(limiter("gone"));
    let answer = Ask::get("/control/limiters/gone").of(&router).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_can_be_set_is_described() {
    let answer = Ask::get("/control/options").of(&writable()).await;
    let options = answer.json();
    assert_eq!(options["writable"], true);
    let names: Vec<_> = options["algorithms"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["name"])
        .collect();
    assert_eq!(names, ["fathom", "vegas", "gradient2", "aimd", "fixed"]);
    assert_eq!(options["queue"][1]["name"], "max_wait");
    assert_eq!(options["queue"][1]["default"], "100ms");
    assert_eq!(options["window"][0]["kind"], "duration");

    let answer = Ask::get("/control/options")
        .of(&mounted(Control::new()))
        .await;
    assert_eq!(answer.json()["writable"], false);
}
