use std::fmt;

use tower_layer::Layer;

use super::service::KeyedConcurrencyLimit;
use crate::classify::{DefaultClassifier, OnClose};
use crate::hold::UntilHead;
use crate::limiters::Limiters;
use crate::sync::Arc;

/// Limits the requests in flight by back-pressure, with a limiter for each key: made by
/// [`ConcurrencyLimitLayer::with_limiters`](crate::ConcurrencyLimitLayer::with_limiters).
///
/// `poll_ready` cannot know which request will come, so it is the inner service's, and the request
/// waits for its permit in the response's future: first come first served among those of its key,
/// for as long as it takes, and however many wait. **The queue has no bound**: the bound is that of
/// whoever calls (a worker's number of tasks, a `Buffer`), or [`AdmissionLayer`](crate::AdmissionLayer).
///
/// # Examples
///
/// ```
/// use tower::{ServiceBuilder, ServiceExt, service_fn};
/// use tower_adaptive::{ConcurrencyLimitLayer, Fathom, Limiter, Limiters};
///
/// struct Query {
///     shard: u16,
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), std::convert::Infallible> {
/// let shards = Limiters::new(|_| Limiter::new(Fathom::default()));
/// let service = ServiceBuilder::new()
///     .layer(ConcurrencyLimitLayer::with_limiters(shards.clone()).key(|query: &Query| query.shard))
///     .service(service_fn(async |query: Query| Ok::<_, std::convert::Infallible>(query.shard)));
///
/// service.oneshot(Query { shard: 7 }).await?;
/// assert_eq!(shards.for_key(&7).snapshot().success, 1);
/// # Ok(())
/// # }
/// ```
pub struct KeyedConcurrencyLimitLayer<K, F = (), C = DefaultClassifier, H = UntilHead> {
    shared: Arc<Shared<K, F, C, H>>,
}

/// What all services of one layer share.
pub(super) struct Shared<K, F, C, H> {
    pub(super) limiters: Limiters<K>,
    pub(super) key: Arc<F>,
    pub(super) classifier: Arc<C>,
    pub(super) hold: H,
}

impl<K> KeyedConcurrencyLimitLayer<K> {
    pub(crate) fn new(limiters: Limiters<K>) -> Self {
        Self {
            shared: Arc::new(Shared {
                limiters,
                key: Arc::new(()),
                classifier: Arc::new(DefaultClassifier),
                hold: UntilHead,
            }),
        }
    }
}

impl<K, F, C, H> KeyedConcurrencyLimitLayer<K, F, C, H>
where
    H: Copy,
{
    /// Sets which limiter a request belongs to: a closure `|request: &Req| -> K`, or a ready-made
    /// [`Key`](crate::Key). There is no default.
    #[must_use]
    pub fn key<G>(self, key: G) -> KeyedConcurrencyLimitLayer<K, G, C, H> {
        self.map(|_, classifier, hold| (Arc::new(key), classifier, hold))
    }

    /// Sets how results count: default [`DefaultClassifier`], for which every `Err` is overload.
    #[must_use]
    pub fn classifier<D>(self, classifier: D) -> KeyedConcurrencyLimitLayer<K, F, D, H> {
        self.map(|key, _, hold| (key, Arc::new(classifier), hold))
    }

    /// Sets the error of requests that wait for a limiter that is
    /// [closed](crate::Limiter::close), or come then: default none, they wait for ever. Set it last:
    /// it is a [`classifier`](Self::classifier), too.
    #[must_use]
    pub fn on_close<G, E>(self, error: G) -> KeyedConcurrencyLimitLayer<K, F, OnClose<C, G>, H>
    where
        G: Fn() -> E,
    {
        self.map(|key, classifier, hold| (key, Arc::new(OnClose::new(classifier, error)), hold))
    }

    #[cfg(feature = "http")]
    pub(crate) fn hold<G>(self, hold: G) -> KeyedConcurrencyLimitLayer<K, F, C, G> {
        self.map(|key, classifier, _| (key, classifier, hold))
    }

    /// Makes the layer with some of its parts replaced, whose types may be others.
    fn map<F2, C2, H2>(
        self,
        change: impl FnOnce(Arc<F>, Arc<C>, H) -> (Arc<F2>, Arc<C2>, H2),
    ) -> KeyedConcurrencyLimitLayer<K, F2, C2, H2> {
        let shared = self.shared;
        let (key, classifier, hold) =
            change(shared.key.clone(), shared.classifier.clone(), shared.hold);
        KeyedConcurrencyLimitLayer {
            shared: Arc::new(Shared {
                limiters: shared.limiters.clone(),
                key,
                classifier,
                hold,
            }),
        }
    }
}

impl<K, F, C, H> KeyedConcurrencyLimitLayer<K, F, C, H> {
    /// Returns the limiters, which other layers may share.
    #[must_use]
    pub fn limiters(&self) -> &Limiters<K> {
        &self.shared.limiters
    }
}

impl<S, K, F, C, H> Layer<S> for KeyedConcurrencyLimitLayer<K, F, C, H> {
    type Service = KeyedConcurrencyLimit<S, K, F, C, H>;

    fn layer(&self, inner: S) -> Self::Service {
        KeyedConcurrencyLimit::new(inner, self.shared.clone())
    }
}

// Not derived: what is shared need not be `Clone`.
impl<K, F, C, H> Clone for KeyedConcurrencyLimitLayer<K, F, C, H> {
    fn clone(&self) -> Self {
        Self {
            shared: self.shared.clone(),
        }
    }
}

impl<K, F, C, H> fmt::Debug for KeyedConcurrencyLimitLayer<K, F, C, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyedConcurrencyLimitLayer")
            .field("limiters", self.limiters())
            .finish_non_exhaustive()
    }
}
