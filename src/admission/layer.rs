mod rules;

use std::fmt;

use tower_layer::Layer;

use super::choice::{Limits, One, Settings};
use super::error::Rejected;
use super::policy::Policy;
use super::queue::Queue;
use super::respond::{OnReject, ReturnError};
use super::rules::Rules;
use super::service::Admission;
use super::shares::Shares;
use crate::Algorithm;
use crate::classify::DefaultClassifier;
use crate::error::expect_valid;
use crate::hold::UntilHead;
use crate::limiter::{Limiter, Mode};
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
/// The inner service must be `Clone`: a request that waits takes it along, and leaves a clone. One that
/// is not, such as a `BoxService`, wants to be a `BoxCloneService`, or a `Buffer` around it.
///
/// The permit comes back when the service's response is there. For HTTP that is its head: a body
/// that streams on, a WebSocket or a gRPC stream holds no permit, unless
/// [`streaming`](#method.streaming) says so (feature `http`).
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
/// use tower_adaptive::{AdmissionLayer, Fathom};
///
/// let layer = AdmissionLayer::new(Fathom::default())
///     .on_reject(|request: String, rejected| format!("{request}: {rejected}"));
/// # let _ = layer;
/// ```
pub struct AdmissionLayer<C = DefaultClassifier, R = ReturnError, Q = Rules, H = UntilHead> {
    policy: Arc<Policy<C, R, Q, H>>,
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
        Self::from_rules(Rules::new(One::new(limiter)))
    }
}

impl<C, R, Q, H> AdmissionLayer<C, R, Q, H>
where
    Q: Clone,
    H: Copy,
{
    /// Sets how results count: default [`DefaultClassifier`], for which every `Err` is overload.
    #[must_use]
    pub fn classifier<D>(self, classifier: D) -> AdmissionLayer<D, R, Q, H> {
        self.map(|_, responder, rules, hold| (Arc::new(classifier), responder, rules, hold))
    }

    /// Answers a rejected request with a response instead of an error: default an error.
    ///
    /// The closure gets the request, which the service has not seen. The error type becomes that
    /// of the service.
    #[must_use]
    pub fn on_reject<F, Req, Res>(self, respond: F) -> AdmissionLayer<C, OnReject<F>, Q, H>
    where
        F: Fn(Req, Rejected) -> Res,
    {
        self.responder(OnReject(respond))
    }

    /// Lets requests wait for a moment before they are rejected: default [`Queue::none`].
    ///
    /// The queue belongs to the limiter, as with [`Limiter::set_queue`]: layers that share a
    /// limiter share its queue, and what is set last holds for all of them.
    ///
    /// # Panics
    ///
    /// If an option of the queue is out of its range.
    #[must_use]
    #[track_caller]
    pub fn queue(self, queue: Queue) -> Self
    where
        Q: Settings,
    {
        expect_valid(self.policy.rules.set_queue(queue));
        self
    }

    /// Guarantees fractions of the limit to the requests of some keys: default none.
    ///
    /// Which requests those are says [`partition`](Self::partition). The shares belong to the limiter,
    /// as with [`Limiter::set_shares`]: what is set last holds for all layers on it.
    ///
    /// # Panics
    ///
    /// If a fraction is not in (0, 1], they are more than 1 together, a key comes twice, or there
    /// are more than [`Shares::MOST`].
    #[must_use]
    #[track_caller]
    pub fn shares(self, shares: Shares) -> Self
    where
        Q: Settings,
    {
        expect_valid(self.policy.rules.set_shares(shares));
        self
    }

    /// Admits everything, learns, and counts in
    /// [`Snapshot::spared`](crate::Snapshot::spared) what would have been rejected: default off.
    ///
    /// To see on real traffic what a limit would do before it does it. In flight may be above the
    /// limit then.
    #[must_use]
    pub fn observe_only(self) -> Self {
        let mut policy = self.policy.map(|c, r, q, h| (c, r, q, h));
        policy.mode = Mode::Observe;
        Self {
            policy: Arc::new(policy),
        }
    }

    pub(crate) fn responder<U>(self, responder: U) -> AdmissionLayer<C, U, Q, H> {
        self.map(|classifier, _, rules, hold| (classifier, Arc::new(responder), rules, hold))
    }

    #[cfg(feature = "http")]
    pub(crate) fn hold<G>(self, hold: G) -> AdmissionLayer<C, R, Q, G> {
        self.map(|classifier, responder, rules, _| (classifier, responder, rules, hold))
    }

    fn rules<V>(self, change: impl FnOnce(Q) -> V) -> AdmissionLayer<C, R, V, H> {
        self.map(|classifier, responder, rules, hold| (classifier, responder, change(rules), hold))
    }

    /// Makes the layer with some of its parts replaced, whose types may be others.
    fn map<D, U, V, G>(
        self,
        change: impl FnOnce(Arc<C>, Arc<R>, Q, H) -> (Arc<D>, Arc<U>, V, G),
    ) -> AdmissionLayer<D, U, V, G> {
        AdmissionLayer {
            policy: Arc::new(self.policy.map(change)),
        }
    }
}

impl<Q> AdmissionLayer<DefaultClassifier, ReturnError, Q> {
    fn from_rules(rules: Q) -> Self {
        Self {
            policy: Arc::new(Policy {
                classifier: Arc::new(DefaultClassifier),
                responder: Arc::new(ReturnError),
                rules,
                hold: UntilHead,
                mode: Mode::Enforce,
            }),
        }
    }
}

impl<S, C, R, Q, H> Layer<S> for AdmissionLayer<C, R, Q, H>
where
    Q: Limits,
{
    type Service = Admission<S, C, R, Q, H>;

    fn layer(&self, inner: S) -> Self::Service {
        Admission::new(inner, self.policy.clone())
    }
}

// Not derived: what is shared need not be `Clone`.
impl<C, R, Q, H> Clone for AdmissionLayer<C, R, Q, H> {
    fn clone(&self) -> Self {
        Self {
            policy: self.policy.clone(),
        }
    }
}

impl<C, R, Q: fmt::Debug, H: fmt::Debug> fmt::Debug for AdmissionLayer<C, R, Q, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdmissionLayer")
            .field("rules", &self.policy.rules)
            .field("hold", &self.policy.hold)
            .field("mode", &self.policy.mode)
            .finish_non_exhaustive()
    }
}
