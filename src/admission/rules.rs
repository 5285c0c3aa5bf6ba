use std::fmt;

use tokio::time::Instant;

use super::choice::{Choose, Limits, One, Settings};
use super::priority::Priority;
use super::queue::Queue;
use super::shares::Shares;
use crate::InvalidOption;
use crate::limiter::Limiter;
use crate::sync::Arc;

/// What an [`AdmissionLayer`](crate::AdmissionLayer) asks of each request before it decides:
/// whether the limit applies, how much it matters, whose share it takes, when it must have started,
/// and which limiter it belongs to.
///
/// A parameter in the type of the layer, filled by its methods: each is `()` until it is set to a
/// closure, [`By`].
pub struct Rules<B = (), P = (), S = (), D = (), K = One> {
    bypass: Arc<B>,
    priority: Arc<P>,
    partition: Arc<S>,
    deadline: Arc<D>,
    choice: K,
}

/// A rule of your own: a closure.
#[derive(Clone, Copy, Debug)]
pub struct By<F>(pub(super) F);

/// A closure that names the class of a request, of which the limiter knows how much it matters.
#[derive(Clone, Copy, Debug)]
pub struct ByClass<F>(F);

/// What [`Rules`] say of requests of one type.
///
/// Sealed: rules of your own are closures for the methods of
/// [`AdmissionLayer`](crate::AdmissionLayer).
pub trait RulesFor<Req>: Limits {
    #[doc(hidden)]
    fn bypasses(&self, request: &Req) -> bool;

    #[doc(hidden)]
    fn priority(&self, request: &Req, limiter: &Limiter) -> Priority;

    #[doc(hidden)]
    fn partition<'a>(&self, request: &'a Req) -> Option<&'a str>;

    #[doc(hidden)]
    fn deadline(&self, request: &Req) -> Option<Instant>;

    #[doc(hidden)]
    fn choose(&self, request: &Req) -> Self::Chosen;
}

impl<K> Rules<(), (), (), (), K> {
    pub(super) fn new(choice: K) -> Self {
        Self {
            bypass: Arc::new(()),
            priority: Arc::new(()),
            partition: Arc::new(()),
            deadline: Arc::new(()),
            choice,
        }
    }
}

impl<B, P, S, D, K> Rules<B, P, S, D, K> {
    pub(super) fn choice(&self) -> &K {
        &self.choice
    }

    pub(super) fn bypass<F>(self, f: F) -> Rules<By<F>, P, S, D, K> {
        self.map(|_, p, s, d, k| (by(f), p, s, d, k))
    }

    pub(super) fn priority<F>(self, f: F) -> Rules<B, By<F>, S, D, K> {
        self.map(|b, _, s, d, k| (b, by(f), s, d, k))
    }

    pub(super) fn priority_class<F>(self, f: F) -> Rules<B, ByClass<F>, S, D, K> {
        self.map(|b, _, s, d, k| (b, Arc::new(ByClass(f)), s, d, k))
    }

    pub(super) fn partition<F>(self, f: F) -> Rules<B, P, By<F>, D, K> {
        self.map(|b, p, _, d, k| (b, p, by(f), d, k))
    }

    pub(super) fn deadline<F>(self, f: F) -> Rules<B, P, S, By<F>, K> {
        self.map(|b, p, s, _, k| (b, p, s, by(f), k))
    }

    pub(super) fn choice_with<L>(self, change: impl FnOnce(K) -> L) -> Rules<B, P, S, D, L> {
        self.map(|b, p, s, d, k| (b, p, s, d, change(k)))
    }

    fn map<B2, P2, S2, D2, K2>(
        self,
        f: impl FnOnce(Arc<B>, Arc<P>, Arc<S>, Arc<D>, K) -> (Arc<B2>, Arc<P2>, Arc<S2>, Arc<D2>, K2),
    ) -> Rules<B2, P2, S2, D2, K2> {
        let (bypass, priority, partition, deadline, choice) = f(
            self.bypass,
            self.priority,
            self.partition,
            self.deadline,
            self.choice,
        );
        Rules {
            bypass,
            priority,
            partition,
            deadline,
            choice,
        }
    }
}

fn by<F>(f: F) -> Arc<By<F>> {
    Arc::new(By(f))
}

impl<B, P, S, D, K, Req> RulesFor<Req> for Rules<B, P, S, D, K>
where
    B: Bypass<Req>,
    P: Prioritize<Req>,
    S: Partition<Req>,
    D: Deadline<Req>,
    K: Choose<Req>,
{
    fn bypasses(&self, request: &Req) -> bool {
        self.bypass.bypasses(request)
    }

    fn priority(&self, request: &Req, limiter: &Limiter) -> Priority {
        self.priority.priority(request, limiter)
    }

    fn partition<'a>(&self, request: &'a Req) -> Option<&'a str> {
        self.partition.partition(request)
    }

    fn deadline(&self, request: &Req) -> Option<Instant> {
        self.deadline.deadline(request)
    }

    fn choose(&self, request: &Req) -> K::Chosen {
        self.choice.choose(request)
    }
}

impl<B, P, S, D, K: Limits> Limits for Rules<B, P, S, D, K> {
    type Chosen = K::Chosen;

    fn resolve<'a>(&'a self, chosen: &'a K::Chosen) -> &'a Limiter {
        self.choice.resolve(chosen)
    }
}

impl<B, P, S, D, K: Settings> Settings for Rules<B, P, S, D, K> {
    fn set_queue(&self, queue: Queue) -> Result<(), InvalidOption> {
        self.choice.set_queue(queue)
    }

    fn set_shares(&self, shares: Shares) -> Result<(), InvalidOption> {
        self.choice.set_shares(shares)
    }
}

// Not derived: closures need not be `Clone`.
impl<B, P, S, D, K: Clone> Clone for Rules<B, P, S, D, K> {
    fn clone(&self) -> Self {
        Self {
            bypass: self.bypass.clone(),
            priority: self.priority.clone(),
            partition: self.partition.clone(),
            deadline: self.deadline.clone(),
            choice: self.choice.clone(),
        }
    }
}

impl<B, P, S, D, K: fmt::Debug> fmt::Debug for Rules<B, P, S, D, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rules")
            .field("choice", &self.choice)
            .finish_non_exhaustive()
    }
}

/// Which requests are admitted whatever the limit is: none, or as a closure says. Sealed.
pub trait Bypass<Req>: sealed::Sealed {
    #[doc(hidden)]
    fn bypasses(&self, request: &Req) -> bool;
}

impl<Req> Bypass<Req> for () {
    fn bypasses(&self, _: &Req) -> bool {
        false
    }
}

impl<F, Req> Bypass<Req> for By<F>
where
    F: Fn(&Req) -> bool,
{
    fn bypasses(&self, request: &Req) -> bool {
        (self.0)(request)
    }
}

/// How much a request matters: [`Priority::Normal`], or as a closure says. Sealed.
pub trait Prioritize<Req>: sealed::Sealed {
    #[doc(hidden)]
    fn priority(&self, request: &Req, limiter: &Limiter) -> Priority;
}

impl<Req> Prioritize<Req> for () {
    fn priority(&self, _: &Req, _: &Limiter) -> Priority {
        Priority::default()
    }
}

impl<F, Req> Prioritize<Req> for By<F>
where
    F: Fn(&Req) -> Priority,
{
    fn priority(&self, request: &Req, _: &Limiter) -> Priority {
        (self.0)(request)
    }
}

impl<F, Req> Prioritize<Req> for ByClass<F>
where
    F: Fn(&Req) -> &str,
{
    fn priority(&self, request: &Req, limiter: &Limiter) -> Priority {
        limiter.priority_of((self.0)(request))
    }
}

/// Whose share a request takes: nobody's, or as a closure says. Sealed.
pub trait Partition<Req>: sealed::Sealed {
    #[doc(hidden)]
    fn partition<'a>(&self, request: &'a Req) -> Option<&'a str>;
}

impl<Req> Partition<Req> for () {
    fn partition<'a>(&self, _: &'a Req) -> Option<&'a str> {
        None
    }
}

impl<F, Req> Partition<Req> for By<F>
where
    F: Fn(&Req) -> &str,
{
    fn partition<'a>(&self, request: &'a Req) -> Option<&'a str> {
        Some((self.0)(request))
    }
}

/// When a request must have started: at any time, or as a closure says. Sealed.
pub trait Deadline<Req>: sealed::Sealed {
    #[doc(hidden)]
    fn deadline(&self, request: &Req) -> Option<Instant>;
}

impl<Req> Deadline<Req> for () {
    fn deadline(&self, _: &Req) -> Option<Instant> {
        None
    }
}

impl<F, Req> Deadline<Req> for By<F>
where
    F: Fn(&Req) -> Option<Instant>,
{
    fn deadline(&self, request: &Req) -> Option<Instant> {
        (self.0)(request)
    }
}

pub(crate) mod sealed {
    pub trait Sealed {}

    impl Sealed for () {}
    impl<F> Sealed for super::By<F> {}
    impl<F> Sealed for super::ByClass<F> {}
    impl<B, P, S, D, K> Sealed for super::Rules<B, P, S, D, K> {}
}
