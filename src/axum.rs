//! axum: rejections as responses, and the matched path as a key.

use ::axum::extract;
use ::axum::response::{IntoResponse, Response};
use ::http::Request;

use crate::admission::{AdmissionError, Rejected};
use crate::http::unavailable;
use crate::keyed::{Key, Token};
use crate::limiter::Limiter;
use crate::limiters::Limiters;

/// The key of a request is the path of its route, as the router has it: `/users/{id}`.
///
/// Strangers cannot make up keys: there are as many as routes. Requests that matched none, such as
/// those that go to a fallback, share the key `""`. The path is known to layers that are applied
/// to the router (`Router::layer`, `route_layer`), not to those around it.
///
/// # Examples
///
/// ```
/// use axum::{Router, routing::get};
/// use tower_adaptive::axum::MatchedPath;
/// use tower_adaptive::{AdmissionLayer, Fathom, Limiter, Limiters};
///
/// // Each route has a limit of its own.
/// let routes = Limiters::new(|path: &String| {
///     Limiter::builder(Fathom::default()).name(path.as_str()).build()
/// });
/// let layer = AdmissionLayer::with_limiters(routes).key(MatchedPath);
/// let app: Router = Router::new()
///     .route("/users/{id}", get(async || "a user"))
///     .route("/report", get(async || "a report"))
///     .layer(layer.respond_unavailable());
/// # let _ = app;
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct MatchedPath;

impl<B> Key<Request<B>, String> for MatchedPath {
    fn limiter(&self, limiters: &Limiters<String>, request: &Request<B>, _: Token) -> Limiter {
        let path = request.extensions().get::<extract::MatchedPath>();
        limiters.for_key(path.map_or("", extract::MatchedPath::as_str))
    }
}

/// `503 Service Unavailable` with [`Retry-After`](crate::http::retry_after).
#[cfg_attr(docsrs, doc(cfg(feature = "axum")))]
impl IntoResponse for Rejected {
    fn into_response(self) -> Response {
        unavailable(&self)
    }
}

/// `503 Service Unavailable` with [`Retry-After`](crate::http::retry_after), or what the service's error makes of itself.
#[cfg_attr(docsrs, doc(cfg(feature = "axum")))]
impl<E: IntoResponse> IntoResponse for AdmissionError<E> {
    fn into_response(self) -> Response {
        match self {
            Self::Rejected(rejected) => rejected.into_response(),
            Self::Service(error) => error.into_response(),
        }
    }
}
