use std::fmt;

use tower_layer::Layer;

use crate::Algorithm;
use crate::classify::{DefaultClassifier, OnClose};
use crate::hold::{Lease, UntilHead};
use crate::keyed::KeyedConcurrencyLimitLayer;
use crate::limiter::{Handle, Limiter};
use crate::limiters::Limiters;
use crate::service::ConcurrencyLimit;
use crate::sync::Arc;

/// Limits the requests in flight by back-pressure: `poll_ready` waits for a permit.
///
/// For clients, workers and pipelines, whose callers can be told to wait. Servers accept a request
/// before anybody asks whether they are ready: they want an [`AdmissionLayer`](crate::AdmissionLayer).
///
/// **One layer value is one limit**, however many services it is applied to: two services made by
/// clones of one layer share it. [`per_service`](Self::per_service) is for the other case.
///
/// # Examples
///
/// ```
/// use tower::{Service, ServiceBuilder, ServiceExt, service_fn};
/// use tower_adaptive::{ConcurrencyLimitLayer, Fathom};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), std::convert::Infallible> {
/// let mut service = ServiceBuilder::new()
///     .layer(ConcurrencyLimitLayer::new(Fathom::default()))
///     .service(service_fn(async |n: u32| Ok::<_, std::convert::Infallible>(n + 1)));
///
/// assert_eq!(service.ready().await?.call(1).await?, 2);
/// assert_eq!(service.limiter().snapshot().success, 1);
/// # Ok(())
/// # }
/// ```
pub struct ConcurrencyLimitLayer<C = DefaultClassifier, H = UntilHead> {
    source: Source<C, H>,
}

/// What all services of one layer share.
#[derive(Debug)]
pub(crate) struct Shared<C, H> {
    pub(crate) limiter: Limiter,
    pub(crate) classifier: Arc<C>,
    pub(crate) hold: H,
}

enum Source<C, H> {
    Shared(Arc<Shared<C, H>>),
    PerService {
        factory: Arc<Factory>,
        classifier: Arc<C>,
        hold: H,
    },
}

struct Factory(Box<dyn Fn() -> Limiter + Send + Sync>);

impl ConcurrencyLimitLayer {
    /// Creates a layer with a limit of its own.
    #[must_use]
    pub fn new(algorithm: impl Algorithm) -> Self {
        Self::with_limiter(Limiter::new(algorithm))
    }

    /// Creates a layer on a limit that exists: to give it a name, to share it, to watch it.
    #[must_use]
    pub fn with_limiter(limiter: Limiter) -> Self {
        Self {
            source: Source::Shared(Arc::new(Shared {
                limiter,
                classifier: Arc::new(DefaultClassifier),
                hold: UntilHead,
            })),
        }
    }

    /// Creates a layer on a set of limiters, of which a key chooses one for each request: see
    /// [`KeyedConcurrencyLimitLayer`].
    #[must_use]
    pub fn with_limiters<K>(limiters: Limiters<K>) -> KeyedConcurrencyLimitLayer<K> {
        KeyedConcurrencyLimitLayer::new(limiters)
    }

    /// Creates a layer that gives every service it is applied to a limit of its own.
    ///
    /// For services that have nothing in common but their type, such as the endpoints behind a
    /// balancer. **Not for an axum `Router`**, which applies a layer once per route, method and
    /// connection, and would make as many limits.
    ///
    /// # Examples
    ///
    /// ```
    /// use tower::{Layer, service_fn};
    /// use tower_adaptive::{ConcurrencyLimitLayer, Fathom};
    ///
    /// let layer = ConcurrencyLimitLayer::per_service(|| Fathom::default());
    /// let endpoints = ["10.0.0.1:80", "10.0.0.2:80"]
    ///     .map(|address| layer.layer(service_fn(async move |()| Ok::<_, ()>(address))));
    /// # let _ = endpoints;
    /// ```
    #[must_use]
    pub fn per_service<A, F>(factory: F) -> Self
    where
        F: Fn() -> A + Send + Sync + 'static,
        A: Algorithm,
    {
        Self {
            source: Source::PerService {
                factory: Arc::new(Factory(Box::new(move || Limiter::new(factory())))),
                classifier: Arc::new(DefaultClassifier),
                hold: UntilHead,
            },
        }
    }
}

impl<C, H> ConcurrencyLimitLayer<C, H>
where
    H: Copy,
{
    /// Sets how results count: default [`DefaultClassifier`], for which every `Err` is overload.
    #[must_use]
    pub fn classifier<D>(self, classifier: D) -> ConcurrencyLimitLayer<D, H> {
        self.map(|_, hold| (Arc::new(classifier), hold))
    }

    /// Sets the error of callers that wait for a limiter that is [closed](Limiter::close), or come
    /// then: default none, they wait for ever.
    ///
    /// A [`ConcurrencyLimit`] has the errors of its service, so one of those is needed here. What is
    /// set as the [`classifier`](Self::classifier) later replaces it: set it last. If the closure
    /// panics, so does `poll_ready`.
    ///
    /// # Examples
    ///
    /// ```
    /// use tower::{BoxError, ServiceBuilder, service_fn};
    /// use tower_adaptive::{ConcurrencyLimitLayer, Fathom, Limiter};
    ///
    /// let limiter = Limiter::new(Fathom::default());
    /// let layer = ConcurrencyLimitLayer::with_limiter(limiter.clone())
    ///     .on_close(|| BoxError::from("shutting down"));
    /// let service = ServiceBuilder::new()
    ///     .layer(layer)
    ///     .service(service_fn(async |request: u32| Ok::<_, BoxError>(request)));
    /// limiter.close();
    /// # let _ = service;
    /// ```
    #[must_use]
    pub fn on_close<F, E>(self, error: F) -> ConcurrencyLimitLayer<OnClose<C, F>, H>
    where
        F: Fn() -> E,
    {
        self.map(|classifier, hold| (Arc::new(OnClose::new(classifier, error)), hold))
    }

    #[cfg(feature = "http")]
    pub(crate) fn hold<G>(self, hold: G) -> ConcurrencyLimitLayer<C, G> {
        self.map(|classifier, _| (classifier, hold))
    }

    /// Makes the layer with some of its parts replaced, whose types may be others.
    fn map<D, G>(
        self,
        change: impl FnOnce(Arc<C>, H) -> (Arc<D>, G),
    ) -> ConcurrencyLimitLayer<D, G> {
        let source = match self.source {
            Source::Shared(shared) => {
                let (classifier, hold) = change(shared.classifier.clone(), shared.hold);
                Source::Shared(Arc::new(Shared {
                    limiter: shared.limiter.clone(),
                    classifier,
                    hold,
                }))
            }
            Source::PerService {
                factory,
                classifier,
                hold,
            } => {
                let (classifier, hold) = change(classifier, hold);
                Source::PerService {
                    factory,
                    classifier,
                    hold,
                }
            }
        };
        ConcurrencyLimitLayer { source }
    }
}

impl<C, H> ConcurrencyLimitLayer<C, H> {
    /// Returns the limiter, or `None` if every service has its own.
    #[must_use]
    pub fn limiter(&self) -> Option<&Limiter> {
        match &self.source {
            Source::Shared(shared) => Some(&shared.limiter),
            Source::PerService { .. } => None,
        }
    }
}

impl<S, C, H: Copy> Layer<S> for ConcurrencyLimitLayer<C, H> {
    type Service = ConcurrencyLimit<S, C, H>;

    fn layer(&self, inner: S) -> Self::Service {
        let shared = match &self.source {
            Source::Shared(shared) => shared.clone(),
            Source::PerService {
                factory,
                classifier,
                hold,
            } => Arc::new(Shared {
                limiter: (factory.0)(),
                classifier: classifier.clone(),
                hold: *hold,
            }),
        };
        ConcurrencyLimit::from_shared(inner, shared)
    }
}

// Not derived: a classifier need not be `Clone`.
impl<C, H: Copy> Clone for ConcurrencyLimitLayer<C, H> {
    fn clone(&self) -> Self {
        Self {
            source: match &self.source {
                Source::Shared(shared) => Source::Shared(shared.clone()),
                Source::PerService {
                    factory,
                    classifier,
                    hold,
                } => Source::PerService {
                    factory: factory.clone(),
                    classifier: classifier.clone(),
                    hold: *hold,
                },
            },
        }
    }
}

impl<C, H> fmt::Debug for ConcurrencyLimitLayer<C, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConcurrencyLimitLayer")
            .field("limiter", &self.limiter())
            .finish_non_exhaustive()
    }
}

impl<C, H> Handle for Arc<Shared<C, H>> {
    fn limiter(&self) -> &Limiter {
        &self.limiter
    }
}

impl<C, H> Lease for Arc<Shared<C, H>> {
    type Classifier = C;

    fn classifier(&self) -> &Arc<C> {
        &self.classifier
    }
}
