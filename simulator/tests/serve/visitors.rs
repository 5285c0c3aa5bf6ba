//! Who is refused.

use crate::client::Server;
use crate::session;

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
async fn who_calls_it_by_a_name_of_somebody_else_is_refused_everything() {
    let server = Server::start().await;
    let port = server.host.rsplit(':').next().unwrap();
    for path in [
        "/",
        "/assets/style.css",
        "/api/options",
        "/api/live",
        "/api/none",
    ] {
        let rebound = format!("evil.example:{port}");
        let response = server.called(&rebound, "GET", path, "", "").await;
        assert_eq!(response.status, 403, "{path}");
        assert!(response.head.contains("default-src 'self'"), "{path}");
    }
    for name in [format!("localhost:{port}"), format!("[::1]:{port}")] {
        let response = server.called(&name, "GET", "/", "", "").await;
        assert_eq!(response.status, 200, "{name}");
    }
}
