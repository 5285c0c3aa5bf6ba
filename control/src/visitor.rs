use std::net::IpAddr;

use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri, header};
use tower_adaptive::InvalidOption;

/// The names by which this control may be called.
///
/// A page of somebody else's can have its own name lead to this machine, and so pass for one of
/// ours: but not by an address, and not by a name that he does not own.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hosts {
    /// In lower case.
    names: Vec<String>,
}

impl Hosts {
    pub(crate) fn new(names: Vec<String>) -> Result<Self, InvalidOption> {
        for name in &names {
            let is_part = |part: &str| {
                !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            };
            if !name.split('.').all(is_part) {
                let range = "host names without scheme and port, such as \"ops.example.com\"";
                let got = format_args!("{name:?}");
                return Err(InvalidOption::new("allowed_hosts", range, got));
            }
        }
        let names = names.iter().map(|name| name.to_ascii_lowercase());
        Ok(Self {
            names: names.collect(),
        })
    }

    pub(crate) fn has(&self, host: &str) -> bool {
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
            || address.parse::<IpAddr>().is_ok()
            || self.names.iter().any(|one| name.eq_ignore_ascii_case(one))
    }
}

/// Returns by which name, and at which port, the visitor has called; `None` if he says none, or several.
pub(crate) fn host<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
    match (uri.authority(), only(headers, &header::HOST)) {
        // HTTP/2 has it in the address.
        (Some(authority), Ok(None)) => Some(authority.as_str()),
        (_, Ok(Some(host))) => host.to_str().ok(),
        _ => None,
    }
}

/// Returns whether a request comes from a page of this server, or from no page at all.
pub(crate) fn is_own_page(uri: &Uri, headers: &HeaderMap) -> bool {
    let host = host(uri, headers);
    let origin_is_ours = match only(headers, &header::ORIGIN) {
        Ok(None) => true,
        Ok(Some(origin)) => is_origin_of(origin, host),
        Err(Several) => false,
    };
    let site_is_ours = match only(headers, &SEC_FETCH_SITE) {
        Ok(None) => true,
        // A browser says `none` of what the user typed himself.
        Ok(Some(site)) => site == "same-origin" || site == "none",
        Err(Several) => false,
    };
    origin_is_ours && site_is_ours
}

fn is_origin_of(origin: &HeaderValue, host: Option<&str>) -> bool {
    let Ok(origin) = origin.to_str() else {
        return false;
    };
    // Behind a proxy that ends TLS nobody knows here which of the two it was.
    let called = origin
        .strip_prefix("https://")
        .or_else(|| origin.strip_prefix("http://"));
    match (called, host) {
        (Some(called), Some(host)) => called.eq_ignore_ascii_case(host),
        _ => false,
    }
}

/// The value of a header that may be there once.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a HeaderValue>, Several> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (value, None) => Ok(value),
        _ => Err(Several),
    }
}

struct Several;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn is_own(headers: &[(&str, &str)]) -> bool {
        let mut request = Request::builder().uri("/");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(()).unwrap();
        is_own_page(request.uri(), request.headers())
    }

    #[test]
    fn names_are_those_of_the_machine_addresses_and_the_allowed() {
        let hosts = Hosts::new(vec!["Ops.example.com".to_owned()]).unwrap();
        for host in [
            "localhost",
            "LocalHost:3000",
            "127.0.0.1:80",
            "10.1.2.3",
            "[::1]:3000",
            "ops.example.com",
            "OPS.example.com:8443",
        ] {
            assert!(hosts.has(host), "{host}");
        }
        for host in [
            "evil.example",
            "example.com",
            "ops.example.com.evil.example",
            "evil.ops.example.com",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "evil.example:127.0.0.1",
            "[::1",
            "",
        ] {
            assert!(!hosts.has(host), "{host}");
        }
    }

    #[test]
    fn a_name_with_more_than_a_name_in_it_is_refused() {
        for name in [
            "",
            "https://a.example",
            "a.example:80",
            "*.a.example",
            "a..b",
        ] {
            let error = Hosts::new(vec![name.to_owned()]).unwrap_err();
            assert_eq!(error.option(), "allowed_hosts", "{name}");
        }
    }

    #[test]
    fn a_page_of_another_site_is_none_of_ours() {
        let host = ("host", "ops.example:8080");
        for own in [
            &[host][..],
            &[host, ("origin", "http://ops.example:8080")],
            &[host, ("origin", "https://ops.example:8080")],
            &[
                host,
                ("origin", "http://ops.example:8080"),
                ("sec-fetch-site", "same-origin"),
            ],
            &[host, ("sec-fetch-site", "none")],
        ] {
            assert!(is_own(own), "{own:?}");
        }
        for other in [
            &[host, ("origin", "http://ops.example")][..],
            &[host, ("origin", "http://ops.example:8081")],
            &[host, ("origin", "http://evil.example")],
            &[host, ("origin", "ftp://ops.example:8080")],
            &[host, ("origin", "null")],
            &[host, ("sec-fetch-site", "cross-site")],
            &[host, ("sec-fetch-site", "same-site")],
            &[host, ("sec-fetch-site", "")],
            &[
                host,
                ("origin", "http://ops.example:8080"),
                ("origin", "http://evil.example"),
            ],
            &[("origin", "http://ops.example:8080")],
            &[
                host,
                ("host", "evil.example"),
                ("origin", "http://evil.example"),
            ],
        ] {
            assert!(!is_own(other), "{other:?}");
        }
    }
}
