//! By which names it may be called.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use tower::ServiceExt;
use tower_adaptive_control::Control;

use crate::asking::{Ask, mounted};

async fn status(control: Control, host: &str) -> StatusCode {
    let ask = Ask::get("/control/limiters").instead("host", host);
    ask.of(&mounted(control)).await.status
}

#[tokio::test]
async fn a_name_that_was_pointed_here_reads_nothing() {
    for path in [
        "/control",
        "/control/limiters",
        "/control/assets/base.css",
        "/control/nothing",
    ] {
        let ask = Ask::get(path).instead("host", "evil.example");
        let answer = ask.of(&mounted(Control::new())).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
        assert!(
            answer.json()["error"]
                .as_str()
                .unwrap()
                .contains("allowed_hosts")
        );
    }
    let answer = Ask::get("/control/limiters")
        .without("host")
        .of(&mounted(Control::new()))
        .await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    let twice = Ask::get("/control/limiters").with("host", "localhost");
    assert_eq!(
        twice.of(&mounted(Control::new())).await.status,
        StatusCode::FORBIDDEN
    );
}

#[tokio::test]
async fn the_machine_addresses_and_the_allowed_names_are_its_own() {
    for host in ["localhost", "127.0.0.1:3000", "10.0.0.7:9000", "[::1]"] {
        assert_eq!(status(Control::new(), host).await, StatusCode::OK, "{host}");
    }
    let control = || Control::new().allowed_hosts(["ops.example.com"]);
    assert_eq!(status(control(), "ops.example.com").await, StatusCode::OK);
    assert_eq!(
        status(control(), "ops.example.com:8443").await,
        StatusCode::OK
    );
    assert_eq!(status(control(), "localhost").await, StatusCode::OK);
    assert_eq!(
        status(control(), "www.example.com").await,
        StatusCode::FORBIDDEN
    );
}

#[tokio::test]
async fn http_2_has_its_name_in_the_address() {
    for (uri, expected) in [
        ("https://ops.example.com/control/limiters", StatusCode::OK),
        (
            "https://evil.example/control/limiters",
            StatusCode::FORBIDDEN,
        ),
    ] {
        let router = mounted(Control::new().allowed_hosts(["ops.example.com"]));
        let request = Request::get(uri).body(Body::empty()).unwrap();
        let answer = router.oneshot(request).await.unwrap();
        assert_eq!(answer.status(), expected, "{uri}");
    }
}
