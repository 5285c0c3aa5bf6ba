//! What it serves.

use serde_json::json;

use crate::client::Server;

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
