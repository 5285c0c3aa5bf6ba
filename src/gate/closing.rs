//! The end of a gate: nobody comes in, and somebody waits until all have left.

use std::task::{Context, Poll, Waker};

use super::idlers::IdlerId;
use super::protocol::{Env, Gate};
use super::waiters::Waiters;
use crate::Reason;
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
        wake_each(wakers);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.lock().is_closed()
    }

    /// Returns why somebody is turned away for whom there would be a reason without the end, too.
    #[cold]
    pub(super) fn closed_or(&self, reason: Reason) -> Reason {
        match self.load().is_parked() && self.is_closed() {
            true => Reason::Closed,
            false => reason,
        }
    }

    /// Returns whether anything is in flight.
    pub(super) fn is_busy(&self) -> bool {
        self.load().in_flight() > 0 || self.beyond() > 0
    }

    /// Waits until nothing is in flight, be it for a moment. `id` is the caller's, kept between polls
    /// and given to [`forget_idler`](Self::forget_idler) if it loses interest.
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
        let returns = id.is_some();
        let before = id.take().and_then(|id| waiters.idlers.remove(id));
        let was_dismissed = returns && before.is_none();
        *id = Some(waiters.idlers.insert(fresh));
        self.park();
        let mut own = None;
        let is_over = was_dismissed || !self.is_busy();
        if is_over {
            own = id.take().and_then(|id| waiters.idlers.remove(id));
        }
        self.settle_and_unlock(waiters, env);
        // Wakers are not ours.
        contain(|| drop((before, own)));
        match is_over {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }

    /// Ends the wait of all idlers, if nothing is in flight. They are to be woken outside the lock.
    #[cold]
    pub(super) fn dismiss_idlers(&self, waiters: &mut Waiters) -> bool {
        let is_over = !self.is_busy();
        if is_over {
            waiters.idlers.dismiss();
        }
        is_over
    }

    #[cold]
    pub(super) fn wake_dismissed(&self) {
        let wakers = self.lock().idlers.take_dismissed();
        wake_each(wakers);
    }

    /// Forgets a caller that waited until nothing is in flight.
    pub(crate) fn forget_idler(&self, id: IdlerId, env: &impl Env) {
        let mut waiters = self.lock();
        let waker = waiters.idlers.remove(id);
        self.settle_and_unlock(waiters, env);
        contain(|| drop(waker));
    }
}

fn wake_each(wakers: Vec<Waker>) {
    for waker in wakers {
        contain(|| waker.wake());
    }
}

#[cfg(all(test, not(tower_adaptive_loom)))]
mod tests {
    use std::task::Waker;

    use super::super::Pass;
    use super::super::world::World;
    use super::*;

    fn wait(world: &World, id: &mut Option<IdlerId>) -> Poll<()> {
        let mut cx = Context::from_waker(Waker::noop());
        world.gate.poll_idle(id, &mut cx, world)
    }

    #[test]
    fn the_gate_is_parked_as_long_as_somebody_waits_for_it_to_be_idle() {
        let world = World::full(1);
        let (mut first, mut second) = (None, None);
        assert!(wait(&world, &mut first).is_pending());
        assert!(wait(&world, &mut second).is_pending());

        world.gate.forget_idler(first.unwrap(), &*world);
        assert!(world.gate.load().is_parked());
        world.gate.forget_idler(second.unwrap(), &*world);

        assert!(!world.gate.load().is_parked());
    }

    #[test]
    fn an_idle_gate_is_not_parked_by_who_asks() {
        let world = World::new(1);
        let mut id = None;

        assert!(wait(&world, &mut id).is_ready());

        assert_eq!(id, None);
        assert!(!world.gate.load().is_parked());
    }

    #[test]
    fn a_closed_gate_stays_parked_and_is_idle_when_all_have_left() {
        let world = World::full(2);
        world.gate.close(&*world);
        let mut id = None;
        assert!(wait(&world, &mut id).is_pending());

        world.gate.release(Pass::Plain, &*world);
        assert!(wait(&world, &mut id).is_pending());
        world.gate.release(Pass::Plain, &*world);

        assert!(wait(&world, &mut id).is_ready());
        assert!(world.gate.load().is_parked());
        assert_eq!(world.gate.load().in_flight(), 0);
    }
}
