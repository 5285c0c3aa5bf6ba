use std::hash::Hash;

use crate::limiter::Limiter;
use crate::limiters::Limiters;

/// Says which of a set's limiters a request belongs to.
///
/// Closures are keys: `|request: &Request| -> K`. Ready-made ones, which allocate nothing for a key
/// that is known, are `http::Authority`, `grpc::FullMethod` and `axum::MatchedPath`, with the features of
/// these names.
///
/// Sealed: a key of your own is a closure.
pub trait Key<Req, K> {
    #[doc(hidden)]
    fn limiter(&self, limiters: &Limiters<K>, request: &Req, _: Token) -> Limiter;
}

impl<F, Req, K> Key<Req, K> for F
where
    F: Fn(&Req) -> K,
    K: Hash + Eq,
{
    fn limiter(&self, limiters: &Limiters<K>, request: &Req, _: Token) -> Limiter {
        limiters.for_owned(self(request))
    }
}

/// Nobody outside of the crate can name it: nobody can implement [`Key`].
#[derive(Clone, Copy, Debug)]
pub struct Token;
