use http::Request;

use super::full_method;
use crate::keyed::{Key, Token};
use crate::limiter::Limiter;
use crate::limiters::Limiters;

/// The key of a call is its method, with the service: `pkg.Service/Method`.
///
/// Requests that are no gRPC calls share the key `""`. A call whose method has a limiter already
/// allocates nothing. Whoever calls methods that do not exist makes up keys: [`Limiters`] bounds
/// their number.
///
/// # Examples
///
/// ```
/// use tower_adaptive::{AdmissionLayer, Fathom, Limiter, Limiters, grpc};
///
/// // Each method has a limit of its own.
/// let methods = Limiters::new(|method: &String| {
///     Limiter::builder(Fathom::default()).name(method.as_str()).build()
/// });
/// let layer = AdmissionLayer::with_limiters(methods)
///     .key(grpc::FullMethod)
///     .respond_grpc();
/// # let _ = layer;
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct FullMethod;

impl<B> Key<Request<B>, String> for FullMethod {
    fn limiter(&self, limiters: &Limiters<String>, request: &Request<B>, _: Token) -> Limiter {
        limiters.for_key(full_method(request))
    }
}
