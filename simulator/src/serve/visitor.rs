use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::api::Refusal;

/// Which names of this server are its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Names {
    /// Those of the machine itself. Any other has been pointed here by somebody else, so that a page of
    /// his passes for one of this server.
    Loopback,
    /// Whatever leads here.
    Any,
}

/// Lets only those through who call the server by one of its names.
pub(super) async fn check_name(
    State(names): State<Names>,
    request: Request,
    next: Next,
) -> Response {
    if names == Names::Loopback && !names_loopback(request.headers()) {
        return Refusal::OtherName.into_response();
    }
    next.run(request).await
}

/// Returns whether a request comes from a page of this server, or from no page at all.
pub(super) fn is_own_page(headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else {
        return true;
    };
    let host = headers.get(header::HOST).map(HeaderValue::as_bytes);
    let origin = origin.as_bytes();
    let origin = origin
        .strip_prefix(b"http://")
        .or_else(|| origin.strip_prefix(b"https://"));
    origin.is_some() && origin == host
}

fn names_loopback(headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return false;
    };
    let Ok(host) = host.to_str() else {
        return false;
    };
    let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
    let name = match host.rsplit_once(':') {
        Some((name, port)) if is_port(port) => name,
        _ => host,
    };
    let address = match name.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']').unwrap_or_default(),
        None => name,
    };
    name.eq_ignore_ascii_case("localhost")
        || address
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_site_is_no_own_page() {
        let asked = |host: &str, origin: Option<&str>| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().unwrap());
            if let Some(origin) = origin {
                headers.insert(header::ORIGIN, origin.parse().unwrap());
            }
            is_own_page(&headers)
        };
        assert!(asked("127.0.0.1:3000", None));
        assert!(asked("127.0.0.1:3000", Some("http://127.0.0.1:3000")));
        assert!(asked("sim.example", Some("https://sim.example")));
        assert!(!asked("127.0.0.1:3000", Some("http://127.0.0.1:4000")));
        assert!(!asked("127.0.0.1:3000", Some("http://evil.example")));
        assert!(!asked("127.0.0.1:3000", Some("null")));
    }

    #[test]
    fn a_name_that_was_pointed_here_is_none_of_the_machine() {
        let is_ours = |host: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().unwrap());
            names_loopback(&headers)
        };
        for host in [
            "localhost",
            "LocalHost:3000",
            "127.0.0.1",
            "127.0.0.1:80",
            "[::1]",
            "[::1]:3000",
        ] {
            assert!(is_ours(host), "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:3000",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "evil.example:127.0.0.1",
            "192.168.0.1:3000",
            "0.0.0.0:3000",
            "[::1",
            "",
        ] {
            assert!(!is_ours(host), "{host}");
        }
        assert!(!names_loopback(&HeaderMap::new()));
    }
}
