use std::fmt;
use std::task::{Context, Poll};

use tower_service::Service;

use super::future::AdmissionFuture;
use super::layer::{Policy, Verdict};
use super::respond::{Bypass, NoBypass, Responder, ReturnError};
use crate::classify::{Classifier, DefaultClassifier};
use crate::gate::Held;
use crate::limiter::Limiter;
use crate::sync::Arc;

/// A service whose `call` admits or rejects: see [`AdmissionLayer`](crate::AdmissionLayer).
///
/// `poll_ready` is the inner service's: one that is not ready pushes back, it is not overloaded.
pub struct Admission<S, C = DefaultClassifier, R = ReturnError, B = NoBypass> {
    inner: S,
    policy: Arc<Policy<C, R, B>>,
}

impl<S, C, R, B> Admission<S, C, R, B> {
    pub(super) fn new(inner: S, policy: Arc<Policy<C, R, B>>) -> Self {
        Self { inner, policy }
    }

    /// Returns the limiter, which other services may share.
    #[must_use]
    pub fn limiter(&self) -> &Limiter {
        &self.policy.limiter
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

impl<S, C, R, B, Req> Service<Req> for Admission<S, C, R, B>
where
    S: Service<Req> + Clone,
    C: Classifier<S::Response, S::Error>,
    R: Responder<Req, S::Response, S::Error>,
    B: Bypass<Req>,
{
    type Response = S::Response;
    type Error = R::Error;
    type Future = AdmissionFuture<S, Req, C, R, B>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), R::Error>> {
        self.inner.poll_ready(cx).map_err(R::service_error)
    }

    fn call(&mut self, request: Req) -> Self::Future {
        let held = match self.policy.decide(&request) {
            Verdict::Admit(pass) => Held::start(self.policy.clone(), pass),
            Verdict::Bypass => Held::start_bypassed(self.policy.clone()),
            Verdict::Reject(rejected) => {
                return AdmissionFuture::rejected(request, rejected, self.policy.clone());
            }
        };
        AdmissionFuture::admitted(self.inner.call(request), held)
    }
}

impl<S: Clone, C, R, B> Clone for Admission<S, C, R, B> {
    fn clone(&self) -> Self {
        Self::new(self.inner.clone(), self.policy.clone())
    }
}

impl<S: fmt::Debug, C, R, B> fmt::Debug for Admission<S, C, R, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admission")
            .field("inner", &self.inner)
            .field("limiter", self.limiter())
            .finish_non_exhaustive()
    }
}

/// The share of the limit that is in use: 1.0 is full.
#[cfg(feature = "load")]
#[cfg_attr(docsrs, doc(cfg(feature = "load")))]
impl<S, C, R, B> tower::load::Load for Admission<S, C, R, B> {
    type Metric = f64;

    fn load(&self) -> f64 {
        self.limiter().utilization()
    }
}
