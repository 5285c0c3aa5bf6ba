use std::fmt;

use tower_layer::Layer;

use crate::Algorithm;
use crate::classify::DefaultClassifier;
use crate::limiter::{Handle, Limiter};
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
/// use tower_adaptive::{ConcurrencyLimitLayer, Vegas};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), std::convert::Infallible> {
/// let mut service = ServiceBuilder::new()
///     .layer(ConcurrencyLimitLayer::new(Vegas::default()))
///     .service(service_fn(async |n: u32| Ok::<_, std::convert::Infallible>(n + 1)));
///
/// assert_eq!(service.ready().await?.call(1).await?, 2);
/// assert_eq!(service.limiter().snapshot().success, 1);
/// # Ok(())
/// # }
/// ```
pub struct ConcurrencyLimitLayer<C = DefaultClassifier> {
    source: Source<C>,
}

/// What all services of one layer share.
#[derive(Debug)]
pub(crate) struct Shared<C> {
    pub(crate) limiter: Limiter,
    pub(crate) classifier: Arc<C>,
}

enum Source<C> {
    Shared(Arc<Shared<C>>),
    PerService {
        factory: Arc<Factory>,
        classifier: Arc<C>,
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
            source: Source::shared(limiter, Arc::new(DefaultClassifier)),
        }
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
    /// use tower_adaptive::{ConcurrencyLimitLayer, Vegas};
    ///
    /// let layer = ConcurrencyLimitLayer::per_service(|| Vegas::default());
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
            },
        }
    }
}

impl<C> ConcurrencyLimitLayer<C> {
    /// Sets how results count: default [`DefaultClassifier`], for which every `Err` is overload.
    #[must_use]
    pub fn classifier<D>(self, classifier: D) -> ConcurrencyLimitLayer<D> {
        let classifier = Arc::new(classifier);
        ConcurrencyLimitLayer {
            source: match self.source {
                Source::Shared(shared) => Source::shared(shared.limiter.clone(), classifier),
                Source::PerService { factory, .. } => Source::PerService {
                    factory,
                    classifier,
                },
            },
        }
    }

    /// Returns the limiter, or `None` if every service has its own.
    #[must_use]
    pub fn limiter(&self) -> Option<&Limiter> {
        match &self.source {
            Source::Shared(shared) => Some(&shared.limiter),
            Source::PerService { .. } => None,
        }
    }
}

impl<C> Source<C> {
    fn shared(limiter: Limiter, classifier: Arc<C>) -> Self {
        Self::Shared(Arc::new(Shared {
            limiter,
            classifier,
        }))
    }
}

impl<S, C> Layer<S> for ConcurrencyLimitLayer<C> {
    type Service = ConcurrencyLimit<S, C>;

    fn layer(&self, inner: S) -> Self::Service {
        let shared = match &self.source {
            Source::Shared(shared) => shared.clone(),
            Source::PerService {
                factory,
                classifier,
            } => Arc::new(Shared {
                limiter: (factory.0)(),
                classifier: classifier.clone(),
            }),
        };
        ConcurrencyLimit::from_shared(inner, shared)
    }
}

// Not derived: a classifier need not be `Clone`.
impl<C> Clone for ConcurrencyLimitLayer<C> {
    fn clone(&self) -> Self {
        Self {
            source: match &self.source {
                Source::Shared(shared) => Source::Shared(shared.clone()),
                Source::PerService {
                    factory,
                    classifier,
                } => Source::PerService {
                    factory: factory.clone(),
                    classifier: classifier.clone(),
                },
            },
        }
    }
}

impl<C> fmt::Debug for ConcurrencyLimitLayer<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConcurrencyLimitLayer")
            .field("limiter", &self.limiter())
            .finish_non_exhaustive()
    }
}

impl<C> Handle for Arc<Shared<C>> {
    fn limiter(&self) -> &Limiter {
        &self.limiter
    }
}
