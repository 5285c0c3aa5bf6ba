//! The page and its files.

use axum::Router;
use axum::http::StatusCode;
use tower_adaptive_control::Control;

use crate::asking::{Ask, limiter, mounted};

const POLICY: &str = "default-src 'self'; object-src 'none'; base-uri 'self'; form-action 'none'; frame-ancestors 'none'";

#[tokio::test]
async fn the_page_finds_its_files_wherever_it_is_mounted() {
    let control = || Control::new().into_router();
    for (router, path, base) in [
        (control(), "/", "./"),
        (
            Router::new().nest("/control", control()),
            "/control",
            "./control/",
        ),
        (
            Router::new().nest("/a/b/ops", control()),
            "/a/b/ops",
            "./ops/",
        ),
        (
            Router::new().nest("/a%20%22b", control()),
            "/a%20%22b",
            "./a%20%22b/",
        ),
        (
            Router::new().nest_service("/control", control()),
            "/control/",
            "./",
        ),
        (
            Router::new().nest_service("/control", control()),
            "/control",
            "./control/",
        ),
    ] {
        let answer = Ask::get(path).of(&router).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
        let tag = format!("<base href=\"{base}\">");
        assert!(answer.text.contains(&tag), "{path}: {}", answer.text);
        // Nothing before it may have an address, and no address may begin at the root.
        let (before, after) = answer.text.split_once(&tag).unwrap();
        assert!(!before.contains("href=") && !before.contains("src="));
        assert!(!after.contains("href=\"/") && !after.contains("src=\"/"));
    }
}

#[tokio::test]
async fn every_file_that_the_page_names_is_there() {
    let router = mounted(Control::new());
    let page = Ask::get("/control").of(&router).await.text;
    let named = page
        .split("\"assets/")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap());
    let mut count = 0;
    for name in named {
        let answer = Ask::get(&format!("/control/assets/{name}"))
            .of(&router)
            .await;
        assert_eq!(answer.status, StatusCode::OK, "{name}");
        let kind = match name.rsplit('.').next() {
            Some("css") => "text/css",
            Some("js") => "text/javascript",
            _ => "image/svg+xml",
        };
        assert!(answer.header("content-type").starts_with(kind), "{name}");
        count += 1;
    }
    assert!(count >= 4, "{count}");
}

#[tokio::test]
async fn the_page_has_nothing_that_its_policy_forbids() {
    let page = Ask::get("/control").of(&mounted(Control::new())).await.text;
    assert!(!page.contains("<style") && !page.contains("style="));
    let is_handler = |word: &str| word.starts_with("on") && word.contains('=');
    assert!(!page.split_whitespace().any(is_handler));
    for script in page.split("<script").skip(1) {
        let (attributes, rest) = script.split_once('>').unwrap();
        assert!(
            attributes.contains("src=") && rest.starts_with("</script>"),
            "{attributes}"
        );
    }
}

#[tokio::test]
async fn every_answer_is_kept_nowhere_and_framed_by_nobody() {
    let _limiter = limiter("secured");
    let router = mounted(Control::new());
    for path in [
        "/control",
        "/control/assets/js/main.js",
        "/control/limiters",
        "/control/limiters/secured",
        "/control/limiters/none",
        "/control/nothing",
    ] {
        let answer = Ask::get(path).of(&router).await;
        assert_eq!(answer.header("content-security-policy"), POLICY, "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        assert_eq!(answer.header("x-frame-options"), "DENY", "{path}");
    }
    let other = Ask::get("/control")
        .instead("host", "evil.example")
        .of(&router)
        .await;
    assert_eq!(other.header("cache-control"), "no-store");
}
