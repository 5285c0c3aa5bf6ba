use std::fmt;
use std::task::{Context, Poll};

use tower_service::Service;

use super::choice::{Keyed, One};
use super::future::AdmissionFuture;
use super::policy::{Lease, Policy, Verdict};
use super::respond::{Responder, ReturnError};
use super::rules::{Rules, RulesFor};
use crate::classify::{Classifier, DefaultClassifier};
use crate::gate::{Held, Queued};
use crate::hold::{Hold, UntilHead};
use crate::limiter::Limiter;
use crate::limiters::Limiters;
use crate::sync::Arc;

/// A service whose `call` admits or rejects: see [`AdmissionLayer`](crate::AdmissionLayer).
///
/// `poll_ready` is the inner service's: one that is not ready pushes back, it is not overloaded.
pub struct Admission<S, C = DefaultClassifier, R = ReturnError, Q = Rules, H = UntilHead> {
    inner: S,
    policy: Arc<Policy<C, R, Q, H>>,
}

impl<S, C, R, Q, H> Admission<S, C, R, Q, H> {
    pub(super) fn new(inner: S, policy: Arc<Policy<C, R, Q, H>>) -> Self {
        Self { inner, policy }
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

impl<S, C, R, B, P, Sh, D, H> Admission<S, C, R, Rules<B, P, Sh, D, One>, H> {
    /// Returns the limiter, which other services may share.
    #[must_use]
    pub fn limiter(&self) -> &Limiter {
        self.policy.rules.choice().limiter()
    }
}

impl<S, C, R, B, P, Sh, D, K, F, H> Admission<S, C, R, Rules<B, P, Sh, D, Keyed<K, F>>, H> {
    /// Returns the limiters, which other services may share.
    #[must_use]
    pub fn limiters(&self) -> &Limiters<K> {
        self.policy.rules.choice().limiters()
    }
}

impl<S, C, R, Q, H, Req> Service<Req> for Admission<S, C, R, Q, H>
where
    S: Service<Req> + Clone,
    C: Classifier<S::Response, S::Error>,
    R: Responder<Req, S::Response, S::Error>,
    Q: RulesFor<Req>,
    H: Hold<C, S::Response, S::Error>,
{
    type Response = H::Response;
    type Error = R::Error;
    type Future = AdmissionFuture<S, Req, C, R, Q, H>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), R::Error>> {
        self.inner.poll_ready(cx).map_err(R::service_error)
    }

    #[inline]
    fn call(&mut self, request: Req) -> Self::Future {
        let lease = Lease::new(self.policy.clone(), &request);
        let held = match lease.decide(&request) {
            Verdict::Admitted(pass) => Held::start(lease, pass),
            Verdict::Bypassed => Held::start_bypassed(lease),
            Verdict::Queued(place) => {
                let queued = Queued::new(lease, place);
                // The one that was polled ready waits with the request.
                let clone = self.inner.clone();
                let ready = std::mem::replace(&mut self.inner, clone);
                return AdmissionFuture::queued(ready, request, queued);
            }
            Verdict::Rejected(rejected) => {
                return AdmissionFuture::rejected(request, rejected, lease);
            }
        };
        AdmissionFuture::admitted(self.inner.call(request), held)
    }
}

impl<S: Clone, C, R, Q, H> Clone for Admission<S, C, R, Q, H> {
    fn clone(&self) -> Self {
        Self::new(self.inner.clone(), self.policy.clone())
    }
}

impl<S: fmt::Debug, C, R, Q: fmt::Debug, H> fmt::Debug for Admission<S, C, R, Q, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admission")
            .field("inner", &self.inner)
            .field("rules", &self.policy.rules)
            .finish_non_exhaustive()
    }
}

/// The share of the limit that is in use: 1.0 is full.
#[cfg(feature = "load")]
#[cfg_attr(docsrs, doc(cfg(feature = "load")))]
impl<S, C, R, B, P, Sh, D, H> tower::load::Load for Admission<S, C, R, Rules<B, P, Sh, D, One>, H> {
    type Metric = f64;

    fn load(&self) -> f64 {
        self.limiter().utilization()
    }
}
