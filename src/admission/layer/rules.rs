#![expect(
    clippy::type_complexity,
    reason = "each setter names the part it replaces"
)]

use tokio::time::Instant;

use super::AdmissionLayer;
use crate::Priority;
use crate::admission::choice::{Keyed, One};
use crate::admission::respond::ReturnError;
use crate::admission::rules::{By, ByClass, Rules};
use crate::classify::DefaultClassifier;
use crate::limiter::Limiter;
use crate::limiters::Limiters;

impl AdmissionLayer {
    /// Creates a layer on a set of limiters, of which [`key`](AdmissionLayer::key) chooses one for
    /// each request: a route, a host, a tenant, a latency class.
    ///
    /// Queue and shares are set for each of them, those made later included.
    ///
    /// # Examples
    ///
    /// ```
    /// use tower::{ServiceBuilder, service_fn};
    /// use tower_adaptive::{AdmissionLayer, Fathom, Limiter, Limiters};
    ///
    /// struct Job {
    ///     tenant: u32,
    /// }
    ///
    /// let tenants = Limiters::new(|_: &u32| Limiter::new(Fathom::default()));
    /// let service = ServiceBuilder::new()
    ///     .layer(AdmissionLayer::with_limiters(tenants).key(|job: &Job| job.tenant))
    ///     .service(service_fn(async |_: Job| Ok::<_, std::convert::Infallible>(())));
    /// # let _ = service;
    /// ```
    ///
    /// Without a key it is not yet a layer:
    ///
    /// ```compile_fail,E0277
    /// # use tower::{Layer, service_fn};
    /// # use tower_adaptive::{AdmissionLayer, Fathom, Limiter, Limiters};
    /// # let tenants = Limiters::<u32>::new(|_| Limiter::new(Fathom::default()));
    /// # let service = service_fn(async |_: u32| Ok::<_, std::convert::Infallible>(()));
    /// let service = AdmissionLayer::with_limiters(tenants).layer(service);
    /// ```
    #[must_use]
    pub fn with_limiters<K>(
        limiters: Limiters<K>,
    ) -> AdmissionLayer<DefaultClassifier, ReturnError, Rules<(), (), (), (), Keyed<K>>> {
        AdmissionLayer::from_rules(Rules::new(Keyed::new(limiters)))
    }
}

impl<C, R, B, P, S, D, K, H> AdmissionLayer<C, R, Rules<B, P, S, D, K>, H>
where
    K: Clone,
    H: Copy,
{
    /// Admits the requests for which the closure returns `true` whatever the limit is: default
    /// none.
    ///
    /// They count as in flight and as finished, and teach nothing. For health checks, which must
    /// not fail because the service is busy, and whose response times are no measure of its work.
    #[must_use]
    pub fn bypass<F, Req>(self, bypass: F) -> AdmissionLayer<C, R, Rules<By<F>, P, S, D, K>, H>
    where
        F: Fn(&Req) -> bool,
    {
        self.rules(|rules| rules.bypass(bypass))
    }

    /// Sets how much each request matters: default [`Priority::Normal`], for all.
    ///
    /// A freed permit goes to the highest class that waits, and a full queue gives up the newest of
    /// the lowest class for a higher one. Without a queue, lower classes are turned away earlier.
    ///
    /// # Examples
    ///
    /// ```
    /// use tower_adaptive::{AdmissionLayer, Fathom, Priority};
    ///
    /// let layer = AdmissionLayer::new(Fathom::default()).priority(|path: &String| {
    ///     match path.as_str() {
    ///         "/checkout" => Priority::Critical,
    ///         "/recommendations" => Priority::Sheddable,
    ///         _ => Priority::Normal,
    ///     }
    /// });
    /// # let _ = layer;
    /// ```
    #[must_use]
    pub fn priority<F, Req>(self, priority: F) -> AdmissionLayer<C, R, Rules<B, By<F>, S, D, K>, H>
    where
        F: Fn(&Req) -> Priority,
    {
        self.rules(|rules| rules.priority(priority))
    }

    /// Sets the class of each request, of which the limiter says how much it matters: default none.
    ///
    /// The table is the limiter's (see [`Priorities`](crate::Priorities)), so that an operator can
    /// change it while it runs. It replaces [`priority`](Self::priority), and the other way round.
    #[must_use]
    pub fn priority_class<F, Req>(
        self,
        class: F,
    ) -> AdmissionLayer<C, R, Rules<B, ByClass<F>, S, D, K>, H>
    where
        F: Fn(&Req) -> &str,
    {
        self.rules(|rules| rules.priority_class(class))
    }

    /// Sets the key of each request, by which it has its share of the limit: default none, the rest.
    ///
    /// It is borrowed from the request, or `'static`; one that [`shares`](Self::shares) does not name
    /// is of the rest, too.
    #[must_use]
    pub fn partition<F, Req>(self, key: F) -> AdmissionLayer<C, R, Rules<B, P, By<F>, D, K>, H>
    where
        F: Fn(&Req) -> &str,
    {
        self.rules(|rules| rules.partition(key))
    }

    /// Sets when a request must have started: default never, `None`.
    ///
    /// One that cannot have by then is rejected before it waits.
    ///
    /// # Examples
    ///
    /// ```
    /// use tokio::time::Instant;
    /// use tower_adaptive::{AdmissionLayer, Fathom};
    ///
    /// struct Job {
    ///     due: Option<Instant>,
    /// }
    ///
    /// let layer = AdmissionLayer::new(Fathom::default()).deadline(|job: &Job| job.due);
    /// # let _ = layer;
    /// ```
    #[must_use]
    pub fn deadline<F, Req>(self, deadline: F) -> AdmissionLayer<C, R, Rules<B, P, S, By<F>, K>, H>
    where
        F: Fn(&Req) -> Option<Instant>,
    {
        self.rules(|rules| rules.deadline(deadline))
    }
}

impl<C, R, B, P, S, D, H> AdmissionLayer<C, R, Rules<B, P, S, D, One>, H> {
    /// Returns the limiter, which other layers may share.
    #[must_use]
    pub fn limiter(&self) -> &Limiter {
        self.policy.rules.choice().limiter()
    }
}

impl<C, R, B, P, S, D, K, F, H> AdmissionLayer<C, R, Rules<B, P, S, D, Keyed<K, F>>, H>
where
    H: Copy,
{
    /// Sets which limiter a request belongs to: a closure `|request: &Req| -> K`, or a ready-made
    /// [`Key`](crate::Key). There is no default.
    ///
    /// It is asked of bypassed requests, too: they are counted where they belong.
    #[must_use]
    pub fn key<G>(self, key: G) -> AdmissionLayer<C, R, Rules<B, P, S, D, Keyed<K, By<G>>>, H> {
        self.rules(|rules| rules.choice_with(|keyed| keyed.key(key)))
    }

    /// Returns the limiters, which other layers may share.
    #[must_use]
    pub fn limiters(&self) -> &Limiters<K> {
        self.policy.rules.choice().limiters()
    }
}
