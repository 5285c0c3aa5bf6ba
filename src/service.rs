use std::fmt;
use std::task::{Context, Poll, ready};

use tower_service::Service;

use crate::classify::{Classifier, DefaultClassifier};
use crate::future::ResponseFuture;
use crate::gate::{Held, Waiter};
use crate::hold::{Hold, UntilHead};
use crate::layer::Shared;
use crate::limiter::Limiter;
use crate::sync::Arc;

/// A service whose `poll_ready` waits for a permit: see [`ConcurrencyLimitLayer`].
///
/// Once `poll_ready` has returned `Ready` the service holds a permit until it is called or
/// dropped. A clone starts with neither a permit nor a place in the queue.
///
/// [`ConcurrencyLimitLayer`]: crate::ConcurrencyLimitLayer
pub struct ConcurrencyLimit<S, C = DefaultClassifier, H = UntilHead> {
    inner: S,
    waiter: Waiter<Arc<Shared<C, H>>>,
}

impl<S> ConcurrencyLimit<S> {
    /// Guards a service with a limiter; every `Err` counts as overload.
    ///
    /// The [layer](crate::ConcurrencyLimitLayer) has all options.
    #[must_use]
    pub fn new(inner: S, limiter: Limiter) -> Self {
        let classifier = Arc::new(DefaultClassifier);
        Self::from_shared(
            inner,
            Arc::new(Shared {
                limiter,
                classifier,
                hold: UntilHead,
            }),
        )
    }
}

impl<S, C, H> ConcurrencyLimit<S, C, H> {
    pub(crate) fn from_shared(inner: S, shared: Arc<Shared<C, H>>) -> Self {
        Self {
            inner,
            waiter: Waiter::new(shared),
        }
    }

    /// Returns the limiter, which other services may share.
    #[must_use]
    pub fn limiter(&self) -> &Limiter {
        &self.waiter.handle().limiter
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

    /// Gives back a permit not spent yet and returns the inner service.
    #[must_use]
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, C, H, Req> Service<Req> for ConcurrencyLimit<S, C, H>
where
    S: Service<Req>,
    C: Classifier<S::Response, S::Error>,
    H: Hold<C, S::Response, S::Error>,
{
    type Response = H::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, C, H>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        // The inner service first: one that is not connected must not take a shared permit.
        let inner = ready!(self.inner.poll_ready(cx));
        if inner.is_err() {
            // It is not going to be called, and its callers may keep it.
            self.waiter.give_up();
            return Poll::Ready(inner);
        }
        let Err(reason) = ready!(self.waiter.poll_acquire(cx)) else {
            return Poll::Ready(Ok(()));
        };
        let shared = self.waiter.handle();
        match shared.classifier.closed() {
            Some(error) => {
                shared.limiter.reject(reason);
                Poll::Ready(Err(error))
            }
            None => Poll::Pending,
        }
    }

    /// Calls the inner service under the permit that `poll_ready` took.
    ///
    /// # Panics
    ///
    /// If `poll_ready` has not returned `Ready` before.
    #[inline]
    fn call(&mut self, request: Req) -> Self::Future {
        let Some(pass) = self.waiter.spend() else {
            panic!("call without a permit; poll_ready must return Ready first");
        };
        let held = Held::start(self.waiter.handle().clone(), pass);
        ResponseFuture::new(self.inner.call(request), held)
    }
}

impl<S: Clone, C, H> Clone for ConcurrencyLimit<S, C, H> {
    fn clone(&self) -> Self {
        Self::from_shared(self.inner.clone(), self.waiter.handle().clone())
    }
}

impl<S: fmt::Debug, C, H> fmt::Debug for ConcurrencyLimit<S, C, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConcurrencyLimit")
            .field("inner", &self.inner)
            .field("limiter", self.limiter())
            .finish_non_exhaustive()
    }
}

/// The share of the limit that is in use, waiting callers included: endpoints with different
/// limits compare fairly, and `p2c` picks the one with more room. 1.0 is full.
#[cfg(feature = "load")]
#[cfg_attr(docsrs, doc(cfg(feature = "load")))]
impl<S, C, H> tower::load::Load for ConcurrencyLimit<S, C, H> {
    type Metric = f64;

    fn load(&self) -> f64 {
        self.limiter().utilization()
    }
}
