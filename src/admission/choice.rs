use super::queue::Queue;
use super::rules::sealed::Sealed;
use super::shares::Shares;
use crate::InvalidOption;
use crate::limiter::Limiter;

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

/// Where the limiter of a request in flight is found: for [`Rules`](super::Rules) that can choose
/// one. Sealed.
pub trait Limits: Sealed {
    /// What a request keeps of the choice.
    #[doc(hidden)]
    type Chosen: Clone;

    #[doc(hidden)]
    fn resolve<'a>(&'a self, chosen: &'a Self::Chosen) -> &'a Limiter;
}

/// Which limiter a request belongs to. Sealed.
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

impl Sealed for One {}
