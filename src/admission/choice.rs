use std::fmt;
use std::sync::Arc;

use super::queue::Queue;
use super::rules::By;
use super::rules::sealed::Sealed;
use super::shares::Shares;
use crate::InvalidOption;
use crate::keyed::{Key, Token};
use crate::limiter::Limiter;
use crate::limiters::Limiters;

/// One limiter for all requests.
#[derive(Clone, Debug)]
pub struct One(Limiter);

impl One {
    pub(super) fn new(limiter: Limiter) -> Self {
        Self(limiter)
    }

    pub(super) fn limiter(&self) -> &Limiter {
        &self.0
    }
}

/// One limiter of a set, by key. There is no choice until
/// [`key`](crate::AdmissionLayer::key) has set it, by [`By`].
pub struct Keyed<K, F = ()> {
    limiters: Limiters<K>,
    key: Arc<F>,
}

impl<K> Keyed<K> {
    pub(super) fn new(limiters: Limiters<K>) -> Self {
        Self {
            limiters,
            key: Arc::new(()),
        }
    }
}

impl<K, F> Keyed<K, F> {
    pub(super) fn limiters(&self) -> &Limiters<K> {
        &self.limiters
    }

    pub(super) fn key<G>(self, key: G) -> Keyed<K, By<G>> {
        Keyed {
            limiters: self.limiters,
            key: Arc::new(By(key)),
        }
    }
}

/// Where the limiter of a request in flight is found: for [`Rules`](super::Rules) that can choose
/// one. Sealed.
#[diagnostic::on_unimplemented(
    message = "a layer with limiters needs a key to choose among them",
    label = "the layer has no key yet",
    note = "set one with `.key(|request: &Req| ..)`"
)]
pub trait Limits: Sealed {
    /// What a request keeps of the choice.
    #[doc(hidden)]
    type Chosen: Clone;

    #[doc(hidden)]
    fn resolve<'a>(&'a self, chosen: &'a Self::Chosen) -> &'a Limiter;
}

/// Which limiter a request belongs to. Sealed.
#[diagnostic::on_unimplemented(
    message = "a layer with limiters needs a key that chooses among them for each `{Req}`",
    label = "no key for this type of request",
    note = "set one with `.key(|request: &Req| ..)`"
)]
pub trait Choose<Req>: Limits {
    #[doc(hidden)]
    fn choose(&self, request: &Req) -> Self::Chosen;
}

/// The limiters whose queue and shares a layer sets. Sealed.
pub trait Settings: Sealed {
    #[doc(hidden)]
    fn set_queue(&self, queue: Queue) -> Result<(), InvalidOption>;

    #[doc(hidden)]
    fn set_shares(&self, shares: Shares) -> Result<(), InvalidOption>;
}

impl Limits for One {
    /// Nothing: it is the layer's.
    type Chosen = ();

    fn resolve<'a>(&'a self, (): &'a ()) -> &'a Limiter {
        &self.0
    }
}

impl<Req> Choose<Req> for One {
    fn choose(&self, _: &Req) {}
}

impl Settings for One {
    fn set_queue(&self, queue: Queue) -> Result<(), InvalidOption> {
        self.0.set_queue(queue)
    }

    fn set_shares(&self, shares: Shares) -> Result<(), InvalidOption> {
        self.0.set_shares(shares)
    }
}

impl<K, F> Limits for Keyed<K, By<F>> {
    type Chosen = Limiter;

    fn resolve<'a>(&'a self, chosen: &'a Limiter) -> &'a Limiter {
        chosen
    }
}

impl<K, F, Req> Choose<Req> for Keyed<K, By<F>>
where
    F: Key<Req, K>,
{
    fn choose(&self, request: &Req) -> Limiter {
        self.key.0.limiter(&self.limiters, request, Token)
    }
}

impl<K, F> Settings for Keyed<K, F> {
    fn set_queue(&self, queue: Queue) -> Result<(), InvalidOption> {
        queue.check()?;
        self.set(move |limiter| limiter.set_queue(queue.clone()));
        Ok(())
    }

    fn set_shares(&self, shares: Shares) -> Result<(), InvalidOption> {
        shares.check()?;
        self.set(move |limiter| limiter.set_shares(shares.clone()));
        Ok(())
    }
}

impl<K, F> Keyed<K, F> {
    fn set(&self, set: impl Fn(&Limiter) -> Result<(), InvalidOption> + Send + Sync + 'static) {
        self.limiters.configure(Arc::new(move |limiter: &Limiter| {
            // Checked before.
            let _ = set(limiter);
        }));
    }
}

impl<K, F> Clone for Keyed<K, F> {
    fn clone(&self) -> Self {
        Self {
            limiters: self.limiters.clone(),
            key: self.key.clone(),
        }
    }
}

impl<K, F> fmt::Debug for Keyed<K, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Keyed").field(&self.limiters).finish()
    }
}

impl Sealed for One {}
impl<K, F> Sealed for Keyed<K, F> {}
