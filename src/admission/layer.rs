use std::fmt;
use std::time::Duration;

use tower_layer::Layer;

use super::error::{Reason, Rejected};
use super::respond::{Bypass, BypassIf, NoBypass, OnReject, ReturnError};
use super::service::Admission;
use crate::Algorithm;
use crate::classify::DefaultClassifier;
use crate::gate::{Entry, Pass, Ticket};
use crate::limiter::{Handle, Limiter};
use crate::sync::Arc;

/// Limits the requests in flight by admission: `poll_ready` never waits for a permit, `call`
/// admits or rejects.
///
/// For servers, which accept a request before anybody asks whether they are ready. Put it as far
/// out as the work it is to protect, and put what answers by itself (health checks, a fallback
/// route) outside of it or into [`bypass`](Self::bypass): **one limiter serves one latency class**,
/// and a 5 µs answer would become the baseline of a 20 ms handler.
///
/// One layer value is one limit, however many services, routes or connections it is applied to.
///
/// The permit comes back when the service's response is there. For HTTP that is its head: a body
/// that streams on, a WebSocket or a gRPC stream holds no permit.
///
/// # Examples
///
/// ```
/// use tower::{Service, ServiceBuilder, ServiceExt, service_fn};
/// use tower_adaptive::{AdmissionError, AdmissionLayer, Fixed};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut service = ServiceBuilder::new()
///     .layer(AdmissionLayer::new(Fixed::new(1)))
///     .service(service_fn(async |n: u32| Ok::<_, std::io::Error>(n + 1)));
///
/// let first = service.ready().await?.call(1);
/// let second = service.ready().await?.call(2);
/// assert!(second.await.is_err_and(|error| error.is_rejected()));
/// assert_eq!(first.await?, 2);
/// # Ok(())
/// # }
/// ```
///
/// With a responder the error type is the service's own, as `Infallible` stacks need it:
///
/// ```
/// use tower_adaptive::{AdmissionLayer, Vegas};
///
/// let layer = AdmissionLayer::new(Vegas::default())
///     .on_reject(|request: String, rejected| format!("{request}: {rejected}"));
/// # let _ = layer;
/// ```
pub struct AdmissionLayer<C = DefaultClassifier, R = ReturnError, B = NoBypass> {
    policy: Arc<Policy<C, R, B>>,
}

/// What all services of one layer share.
pub(super) struct Policy<C, R, B> {
    pub(super) limiter: Limiter,
    pub(super) classifier: Arc<C>,
    pub(super) responder: Arc<R>,
    pub(super) bypass: Arc<B>,
    pub(super) mode: Mode,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Reject,
    Observe,
}

impl AdmissionLayer {
    /// Creates a layer with a limit of its own, which rejects with an error.
    #[must_use]
    pub fn new(algorithm: impl Algorithm) -> Self {
        Self::with_limiter(Limiter::new(algorithm))
    }

    /// Creates a layer on a limit that exists: to give it a name, to share it, to watch it.
    #[must_use]
    pub fn with_limiter(limiter: Limiter) -> Self {
        Self {
            policy: Arc::new(Policy {
                limiter,
                classifier: Arc::new(DefaultClassifier),
                responder: Arc::new(ReturnError),
                bypass: Arc::new(NoBypass),
                mode: Mode::Reject,
            }),
        }
    }
}

impl<C, R, B> AdmissionLayer<C, R, B> {
    /// Sets how results count: default [`DefaultClassifier`], for which every `Err` is overload.
    #[must_use]
    pub fn classifier<D>(self, classifier: D) -> AdmissionLayer<D, R, B> {
        let policy = &self.policy;
        AdmissionLayer::from_policy(Policy {
            limiter: policy.limiter.clone(),
            classifier: Arc::new(classifier),
            responder: policy.responder.clone(),
            bypass: policy.bypass.clone(),
            mode: policy.mode,
        })
    }

    /// Answers a rejected request with a response instead of an error: default an error.
    ///
    /// The closure gets the request, which the service has not seen. The error type becomes that
    /// of the service.
    #[must_use]
    pub fn on_reject<F, Req, Res>(self, respond: F) -> AdmissionLayer<C, OnReject<F>, B>
    where
        F: Fn(Req, Rejected) -> Res,
    {
        self.responder(OnReject(respond))
    }

    /// Admits the requests for which the closure returns `true` whatever the limit is: default
    /// none.
    ///
    /// They count as in flight and as finished, and teach nothing. For health checks, which must
    /// not fail because the service is busy, and whose response times are no measure of its work.
    #[must_use]
    pub fn bypass<F, Req>(self, bypass: F) -> AdmissionLayer<C, R, BypassIf<F>>
    where
        F: Fn(&Req) -> bool,
    {
        let policy = &self.policy;
        AdmissionLayer::from_policy(Policy {
            limiter: policy.limiter.clone(),
            classifier: policy.classifier.clone(),
            responder: policy.responder.clone(),
            bypass: Arc::new(BypassIf(bypass)),
            mode: policy.mode,
        })
    }

    /// Admits everything, learns, and counts in
    /// [`Snapshot::spared`](crate::Snapshot::spared) what would have been rejected: default off.
    ///
    /// To see on real traffic what a limit would do before it does it. In flight may be above the
    /// limit then.
    #[must_use]
    pub fn observe_only(self) -> Self {
        let policy = &self.policy;
        Self::from_policy(Policy {
            limiter: policy.limiter.clone(),
            classifier: policy.classifier.clone(),
            responder: policy.responder.clone(),
            bypass: policy.bypass.clone(),
            mode: Mode::Observe,
        })
    }

    /// Returns the limiter, which other layers may share.
    #[must_use]
    pub fn limiter(&self) -> &Limiter {
        &self.policy.limiter
    }

    pub(crate) fn responder<Q>(self, responder: Q) -> AdmissionLayer<C, Q, B> {
        let policy = &self.policy;
        AdmissionLayer::from_policy(Policy {
            limiter: policy.limiter.clone(),
            classifier: policy.classifier.clone(),
            responder: Arc::new(responder),
            bypass: policy.bypass.clone(),
            mode: policy.mode,
        })
    }

    fn from_policy(policy: Policy<C, R, B>) -> Self {
        Self {
            policy: Arc::new(policy),
        }
    }
}

impl<S, C, R, B> Layer<S> for AdmissionLayer<C, R, B> {
    type Service = Admission<S, C, R, B>;

    fn layer(&self, inner: S) -> Self::Service {
        Admission::new(inner, self.policy.clone())
    }
}

// Not derived: what is shared need not be `Clone`.
impl<C, R, B> Clone for AdmissionLayer<C, R, B> {
    fn clone(&self) -> Self {
        Self {
            policy: self.policy.clone(),
        }
    }
}

impl<C, R, B> fmt::Debug for AdmissionLayer<C, R, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdmissionLayer")
            .field("limiter", self.limiter())
            .field("mode", &self.policy.mode)
            .finish_non_exhaustive()
    }
}

impl<C, R, B> Policy<C, R, B> {
    /// Decides about one request.
    pub(super) fn decide<Req>(&self, request: &Req) -> Verdict
    where
        B: Bypass<Req>,
    {
        let verdict = if self.bypass.bypasses(request) {
            self.limiter.admit_past_limit().then_some(Verdict::Bypass)
        } else {
            match self.mode {
                Mode::Reject => match self.limiter.enter(&Ticket::default()) {
                    Entry::Admitted(p) => Some(Verdict::Admit(p)),
                    Entry::Rejected(r) => Some(Verdict::Reject(r)),
                    Entry::Queued(_) => None,
                },
                Mode::Observe => Some(Verdict::Admit(self.limiter.observe(&Ticket::default()))),
            }
        };
        verdict.unwrap_or_else(|| {
            Verdict::Reject(Rejected::new(
                Reason::Limit,
                self.limiter.limit(),
                Duration::ZERO,
            ))
        })
    }
}

pub(super) enum Verdict {
    Admit(Pass),
    Bypass,
    Reject(Rejected),
}

impl<C, R, B> Handle for Arc<Policy<C, R, B>> {
    fn limiter(&self) -> &Limiter {
        &self.limiter
    }
}
