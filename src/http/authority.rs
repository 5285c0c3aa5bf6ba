use http::{Request, header};

use crate::keyed::{Key, Token};
use crate::limiter::Limiter;
use crate::limiters::Limiters;

/// The key of a request is its authority: the host and, if it is there, the port that it asks for.
///
/// That of the URI, or else of the `Host` header, in lower case. Requests that have neither share
/// the key `""`. Whoever sends a request chooses it, so a set with this key should have a
/// [`capacity`](crate::LimitersBuilder::capacity) that fits the hosts that are served.
///
/// # Examples
///
/// ```
/// use tower_adaptive::http::Authority;
/// use tower_adaptive::{ConcurrencyLimitLayer, Fathom, Limiter, Limiters};
///
/// // For a client: each host it talks to has a limit of its own.
/// let hosts = Limiters::new(|_: &String| Limiter::new(Fathom::default()));
/// let layer = ConcurrencyLimitLayer::with_limiters(hosts).key(Authority);
/// # let _ = layer;
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Authority;

impl<B> Key<Request<B>, String> for Authority {
    fn limiter(&self, limiters: &Limiters<String>, request: &Request<B>, _: Token) -> Limiter {
        let authority = authority(request);
        if authority.bytes().any(|byte| byte.is_ascii_uppercase()) {
            limiters.for_owned(authority.to_ascii_lowercase())
        } else {
            limiters.for_key(authority)
        }
    }
}

fn authority<B>(request: &Request<B>) -> &str {
    let authority = match request.uri().authority() {
        Some(authority) => authority.as_str(),
        None => {
            let host = request.headers().get(header::HOST);
            host.and_then(|host| host.to_str().ok()).unwrap_or("")
        }
    };
    // Who asks is not whom.
    match authority.rsplit_once('@') {
        Some((_, host)) => host,
        None => authority,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Fixed;

    fn key(uri: &str, host: Option<&str>) -> Vec<String> {
        let mut request = Request::builder().uri(uri);
        if let Some(host) = host {
            request = request.header(header::HOST, host);
        }
        let limiters = Limiters::new(|_: &String| Limiter::new(Fixed::new(1)));
        let request = request.body(()).unwrap();
        Authority.limiter(&limiters, &request, Token);
        limiters.keys()
    }

    #[test]
    fn an_authority_is_that_of_the_uri_or_else_of_the_host() {
        assert_eq!(
            key("http://a.example:80/", Some("b.example")),
            ["a.example:80"]
        );
        assert_eq!(key("/", Some("b.example")), ["b.example"]);
        assert_eq!(key("/", None), [""]);
    }

    #[test]
    fn an_authority_is_in_lower_case_and_without_a_user() {
        assert_eq!(key("http://user@A.Example/", None), ["a.example"]);
    }
}
