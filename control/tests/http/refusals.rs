//! What is refused, in which order, and that nothing has changed then.

use std::convert::Infallible;

use axum::body::{Body, Bytes};
use axum::http::{Method, Request, StatusCode};
use futures_util::stream;
use serde_json::{Value, json};
use tower::ServiceExt;
use tower_adaptive_control::Control;

use crate::asking::{Ask, TOKEN, limiter, mounted, writable};

#[tokio::test]
async fn without_a_token_set_nothing_can_be_changed() {
    let limiter = limiter("read-only");
    let router = mounted(Control::new());

    let answer = Ask::patch("/control/limiters/read-only", json!({ "paused": true }))
        .of(&router)
        .await;

    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert_eq!(
        answer.json(),
        json!({ "error": "nothing can be changed here: no write token is set" })
    );
    assert!(!limiter.is_paused());
}

#[tokio::test]
async fn without_the_token_nothing_is_changed() {
    let limiter = limiter("token");
    let router = writable();
    let ask = || Ask::patch("/control/limiters/token", json!({ "paused": true }));
    for (header, challenge) in [
        (None, "Bearer realm=\"tower-adaptive-control\""),
        (Some(TOKEN), "Bearer realm=\"tower-adaptive-control\""),
        (
            Some("Basic dXNlcjpwYXNzd29yZA=="),
            "Bearer realm=\"tower-adaptive-control\"",
        ),
        (
            Some("Bearer "),
            "Bearer realm=\"tower-adaptive-control\", error=\"invalid_token\"",
        ),
        (
            Some("Bearer 0123456789abcdef-the-tokeN"),
            "Bearer realm=\"tower-adaptive-control\", error=\"invalid_token\"",
        ),
        (
            Some("Bearer 0123456789abcdef-the-token-and-more"),
            "Bearer realm=\"tower-adaptive-control\", error=\"invalid_token\"",
        ),
    ] {
        let ask = match header {
            Some(header) => ask().instead("authorization", header),
            None => ask().without("authorization"),
        };
        let answer = ask.of(&router).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{header:?}");
        assert_eq!(answer.header("www-authenticate"), challenge, "{header:?}");
        assert!(!answer.text.contains(TOKEN));
    }
    assert!(!limiter.is_paused());
    for scheme in ["bearer", "BEARER"] {
        let ask = ask().instead("authorization", &format!("{scheme} {TOKEN}"));
        assert_eq!(ask.of(&router).await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn a_page_of_another_site_changes_nothing() {
    let limiter = limiter("cross");
    let router = writable();
    let ask = || Ask::patch("/control/limiters/cross", json!({ "paused": true }));
    for (name, value) in [
        ("origin", "http://evil.example"),
        ("origin", "http://localhost:4000"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        let answer = ask().with(name, value).of(&router).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{name}: {value}");
    }
    assert!(!limiter.is_paused());
    let own = ask()
        .with("origin", "http://localhost:3000")
        .with("sec-fetch-site", "same-origin");
    assert_eq!(own.of(&router).await.status, StatusCode::OK);
}

#[tokio::test]
async fn only_json_is_a_change() {
    let limiter = limiter("type");
    let router = writable();
    let ask = || Ask::patch("/control/limiters/type", json!({ "paused": true }));
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "application/jsonp",
        "",
    ] {
        let answer = ask().instead("content-type", kind).of(&router).await;
        assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{kind}");
    }
    let answer = ask().without("content-type").of(&router).await;
    assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert!(!limiter.is_paused());
    for kind in [
        "application/json",
        "application/json; charset=utf-8",
        "Application/Merge-Patch+JSON",
    ] {
        let answer = ask().instead("content-type", kind).of(&router).await;
        assert_eq!(answer.status, StatusCode::OK, "{kind}");
    }
}

#[tokio::test]
async fn another_site_is_told_nothing_of_tokens_and_the_body_comes_last() {
    let _limiter = limiter("order");
    let writable = writable();
    let read_only = mounted(Control::new());
    let ask = |path: &str| Ask::patch(path, "no json").instead("content-type", "text/plain");
    let path = "/control/limiters/order";

    // Everything is wrong, and is put right from the first on.
    let mut answers = Vec::new();
    for router in [&writable, &read_only] {
        let all_wrong = ask(path)
            .without("authorization")
            .with("origin", "http://evil.example");
        let answer = all_wrong.of(router).await;
        answers.push((answer.status, answer.text));
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0].0, StatusCode::FORBIDDEN);
    let answer = ask(path).without("authorization").of(&writable).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    let answer = ask("/control/limiters/none")
        .without("authorization")
        .of(&writable)
        .await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "nor what there is");
    let answer = ask(path).of(&writable).await;
    assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let answer = ask(path)
        .instead("content-type", "application/json")
        .of(&writable)
        .await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    let answer = Ask::patch("/control/limiters/none", json!({}))
        .of(&writable)
        .await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn nobody_without_the_token_has_his_body_read() {
    let _limiter = limiter("unread");
    let never = stream::pending::<Result<Bytes, Infallible>>();
    let ask = Ask::patch("/control/limiters/unread", "").without("authorization");
    // It would wait for ever.
    let answer = ask.body(Body::from_stream(never)).of(&writable()).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_come_is_not_waited_for_for_ever() {
    let _limiter = limiter("slow-body");
    let never = stream::pending::<Result<Bytes, Infallible>>();
    let ask = Ask::patch("/control/limiters/slow-body", "");
    let begun = tokio::time::Instant::now();
    let answer = ask.body(Body::from_stream(never)).of(&writable()).await;
    assert_eq!(begun.elapsed().as_secs(), 10);
    assert_eq!(answer.status, StatusCode::REQUEST_TIMEOUT);
}

#[tokio::test]
async fn a_body_has_at_most_16_kib() {
    let limiter = limiter("large");
    let router = writable();
    let padded = |length: usize| {
        let change = json!({ "paused": true }).to_string();
        let padding = " ".repeat(length - change.len());
        change + &padding
    };
    let ask = |body: Body| Ask::patch("/control/limiters/large", "").body(body);
    let in_parts = |text: String| {
        let parts: Vec<_> = text
            .into_bytes()
            .chunks(1000)
            .map(Bytes::copy_from_slice)
            .map(Ok::<_, Infallible>)
            .collect();
        Body::from_stream(stream::iter(parts))
    };

    let answer = ask(Body::from(padded(16 * 1024 + 1))).of(&router).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    let answer = ask(in_parts(padded(16 * 1024 + 1))).of(&router).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(!limiter.is_paused());
    let answer = ask(in_parts(padded(16 * 1024))).of(&router).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
}

#[tokio::test]
async fn a_refused_change_names_the_option_and_its_range_and_changes_nothing() {
    let limiter = limiter("refused");
    let router = writable();
    let before = limiter.config();
    let cases: [(Value, &str, &str); 17] = [
        (json!({ "bounds": { "min": 0 } }), "min_limit", "at least 1"),
        (
            json!({ "bounds": { "min": 9, "max": 5 } }),
            "max_limit",
            "at least min_limit (9)",
        ),
        (json!({ "bounds": { "lowest": 9 } }), "lowest", "min or max"),
        (
            json!({ "queue": { "capacity": 2_000_000 } }),
            "capacity",
            "at most 1048576",
        ),
        (
            json!({ "queue": { "max_wait": "0s" } }),
            "max_wait",
            "more than 0",
        ),
        (
            json!({ "queue": { "max_wait": "soon" } }),
            "max_wait",
            "a duration",
        ),
        (
            json!({ "algorithm": { "headroom": 100 } }),
            "headroom",
            "0.25",
        ),
        (
            json!({ "algorithm": { "headroom": "much" } }),
            "headroom",
            "a number",
        ),
        (json!({ "algorithm": { "alpha": 3 } }), "alpha", "headroom"),
        (
            json!({ "algorithm": { "name": "magic" } }),
            "name",
            "fathom",
        ),
        (
            json!({ "algorithm": { "name": "fixed" } }),
            "limit",
            "given",
        ),
        (
            json!({ "algorithm": null }),
            "algorithm",
            "an object with a name",
        ),
        (
            json!({ "shares": { "guarantees": [{ "key": "a", "fraction": 2 }] } }),
            "guarantee",
            "at most 1",
        ),
        (
            json!({ "priorities": { "/a": "urgent" } }),
            "/a",
            "critical",
        ),
        (
            json!({ "name": "another" }),
            "name",
            "\"refused\", which cannot be changed",
        ),
        (json!({ "name": null }), "name", "cannot be changed"),
        (json!({ "limit": 5 }), "limit", "left out"),
    ];
    for (change, option, range) in cases {
        // What is right beside it is not done, either.
        let mut both =
            json!({ "paused": true, "observe_only": true, "queue": { "target": "6ms" } });
        for (key, value) in change.as_object().unwrap() {
            both[key] = value.clone();
        }
        let answer = Ask::patch("/control/limiters/refused", &both)
            .of(&router)
            .await;
        assert_eq!(
            answer.status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{change}: {answer:?}"
        );
        let problem = answer.json();
        assert_eq!(problem["option"], option, "{change}: {problem}");
        assert!(
            problem["range"].as_str().unwrap().contains(range),
            "{change}: {problem}"
        );
        assert!(
            problem["error"].as_str().unwrap().contains(option),
            "{change}: {problem}"
        );
        assert_eq!(limiter.config(), before, "{change}");
    }
    for change in [json!([1]), json!("paused"), json!(null), json!(3)] {
        let answer = Ask::patch("/control/limiters/refused", &change)
            .of(&router)
            .await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{change}");
        assert_eq!(answer.json()["range"], "an object", "{change}");
    }
    for no_json in ["", "{", "{\"paused\":}", "paused", "{\"paused\":true} {}"] {
        let answer = Ask::patch("/control/limiters/refused", no_json)
            .of(&router)
            .await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{no_json}");
    }
    let deep = "[".repeat(8000);
    let answer = Ask::patch("/control/limiters/refused", deep)
        .of(&router)
        .await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(limiter.config(), before);
}

#[tokio::test]
async fn no_other_method_does_anything() {
    let limiter = limiter("methods");
    let router = writable();
    for method in [Method::POST, Method::PUT, Method::DELETE] {
        let request = Request::builder()
            .method(method.clone())
            .uri("/control/limiters/methods")
            .header("host", "localhost")
            .body(Body::from(r#"{"paused":true}"#))
            .unwrap();
        let answer = router.clone().oneshot(request).await.unwrap();
        assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED, "{method}");
    }
    assert!(!limiter.is_paused());
}

#[test]
fn what_a_control_cannot_be_is_refused_with_the_range_and_without_the_token() {
    let option = |control: Control| {
        let error = control.try_into_router().expect_err("it is refused");
        (error.option(), error.to_string())
    };
    let (name, message) = option(Control::new().write_token("hunter2"));
    assert_eq!(name, "write_token");
    assert_eq!(
        message,
        "write_token must be 16 to 256 visible ASCII characters, got 7"
    );
    assert_eq!(option(Control::new().write_token("")).0, "write_token");
    assert_eq!(
        option(Control::new().actor_header("x user")).0,
        "actor_header"
    );
    assert_eq!(
        option(Control::new().allowed_hosts(["https://a.example"])).0,
        "allowed_hosts"
    );
    assert_eq!(
        option(Control::new().most_streams(1 << 17)).0,
        "most_streams"
    );
    let control = Control::new().write_token(TOKEN);
    assert!(!format!("{control:?}").contains("0123"));
}

#[test]
#[should_panic(expected = "write_token must be 16 to 256 visible ASCII characters, got 0")]
fn an_empty_token_is_a_panic() {
    let _ = Control::new().write_token("").into_router();
}
