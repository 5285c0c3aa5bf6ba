//! The end of a gate: nobody comes in, and somebody waits until all have left.

use std::task::{Context, Poll};

use super::idlers::IdlerId;
use super::protocol::{Env, Gate};
use crate::contain::contain;

impl Gate {
    /// Admits nobody from now on, and turns away all who wait. Grants that were not taken up come
    /// back.
    pub(crate) fn close(&self, env: &impl Env) {
        let mut waiters = self.lock();
        let (wakers, returned) = waiters.close();
        self.park();
        for _ in 0..returned {
            self.give_back();
        }
        self.settle_and_unlock(waiters, env);
        for waker in wakers {
            contain(|| waker.wake());
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.lock().is_closed()
    }

    /// Returns whether anything is in flight.
    pub(super) fn is_busy(&self) -> bool {
        self.load().in_flight() > 0 || self.beyond() > 0
    }

    /// Waits until nothing is in flight. `id` is the caller's, kept between polls and given to
    /// [`forget_idler`](Self::forget_idler) if it loses interest.
    ///
    /// Whoever finishes last sees that the gate is parked, or has changed the word before it was, and
    /// is seen here: see the two columns in the [module](super)'s essay.
    pub(crate) fn poll_idle(
        &self,
        id: &mut Option<IdlerId>,
        cx: &mut Context<'_>,
        env: &impl Env,
    ) -> Poll<()> {
        let fresh = cx.waker().clone();
        let mut waiters = self.lock();
        let before = waiters.idlers.insert(id, fresh);
        self.park();
        let mut own = None;
        let busy = self.is_busy();
        if !busy {
            own = id.take().and_then(|id| waiters.idlers.remove(id));
        }
        self.settle_and_unlock(waiters, env);
        // Wakers are not ours.
        contain(|| drop((before, own)));
        match busy {
            true => Poll::Pending,
            false => Poll::Ready(()),
        }
    }

    /// Forgets a caller that waited until nothing is in flight.
    pub(crate) fn forget_idler(&self, id: IdlerId, env: &impl Env) {
        let mut waiters = self.lock();
        let waker = waiters.idlers.remove(id);
        self.settle_and_unlock(waiters, env);
        contain(|| drop(waker));
    }
}
