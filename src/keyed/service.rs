use std::fmt;
use std::task::{Context, Poll};

use tower_service::Service;

use super::future::{KeyedFuture, Lease};
use super::key::{Key, Token};
use super::layer::Shared;
use crate::classify::{Classifier, DefaultClassifier};
use crate::hold::{Hold, UntilHead};
use crate::limiters::Limiters;
use crate::sync::Arc;

/// A service whose responses wait for a permit of the request's key: see
/// [`KeyedConcurrencyLimitLayer`](crate::KeyedConcurrencyLimitLayer).
///
/// `poll_ready` is the inner service's, and `call` takes the service that was ready along.
pub struct KeyedConcurrencyLimit<S, K, F, C = DefaultClassifier, H = UntilHead> {
    inner: S,
    shared: Arc<Shared<K, F, C, H>>,
}

impl<S, K, F, C, H> KeyedConcurrencyLimit<S, K, F, C, H> {
    pub(super) fn new(inner: S, shared: Arc<Shared<K, F, C, H>>) -> Self {
        Self { inner, shared }
    }

    /// Returns the limiters, which other services may share.
    #[must_use]
    pub fn limiters(&self) -> &Limiters<K> {
        &self.shared.limiters
    }

    /// Returns the inner service.
    #[must_use]
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// Returns the inner service.
    #[must_use]
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// Returns the inner service.
    #[must_use]
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, K, F, C, H, Req> Service<Req> for KeyedConcurrencyLimit<S, K, F, C, H>
where
    S: Service<Req> + Clone,
    F: Key<Req, K>,
    C: Classifier<S::Response, S::Error>,
    H: Hold<C, S::Response, S::Error>,
{
    type Response = H::Response;
    type Error = S::Error;
    type Future = KeyedFuture<S, Req, C, H>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Req) -> Self::Future {
        let shared = &self.shared;
        let lease = Lease {
            limiter: shared.key.limiter(&shared.limiters, &request, Token),
            classifier: shared.classifier.clone(),
            hold: shared.hold,
        };
        // The one that was polled ready waits with the request.
        let clone = self.inner.clone();
        let ready = std::mem::replace(&mut self.inner, clone);
        KeyedFuture::new(ready, request, lease)
    }
}

impl<S: Clone, K, F, C, H> Clone for KeyedConcurrencyLimit<S, K, F, C, H> {
    fn clone(&self) -> Self {
        Self::new(self.inner.clone(), self.shared.clone())
    }
}

impl<S: fmt::Debug, K, F, C, H> fmt::Debug for KeyedConcurrencyLimit<S, K, F, C, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyedConcurrencyLimit")
            .field("inner", &self.inner)
            .field("limiters", self.limiters())
            .finish_non_exhaustive()
    }
}
