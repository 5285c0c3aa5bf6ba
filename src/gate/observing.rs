//! Who is let in beyond the word, because a layer observes or the limiter does.

use std::task::Waker;

use super::protocol::{Env, Gate};
use super::shares::PartitionId;
use super::slots::Key;
use super::ticket::Pass;
use super::waiters::Waiters;
use crate::Reason;
use crate::contain::contain;
use crate::sync::MutexGuard;
use crate::sync::atomic::Ordering;

impl Gate {
    /// Returns whether everybody is let in, and what would have become of them only counted.
    pub(crate) fn observes(&self) -> bool {
        // Relaxed: whoever was told to observe a moment ago is treated as before.
        self.observing.load(Ordering::Relaxed)
    }

    /// Returns how many requests are in flight that only an observing layer let in.
    #[inline]
    pub(crate) fn beyond(&self) -> usize {
        // Relaxed: a reading for people and samples. For who waits until nothing is in flight, the
        // change of the word that follows each change of the count puts the two in order.
        self.beyond.load(Ordering::Relaxed)
    }

    /// Counts a request in flight that only an observing layer let in.
    pub(super) fn enter_beyond(&self) {
        // Relaxed: under the lock, or followed by a fence; see `beyond`.
        self.beyond.fetch_add(1, Ordering::Relaxed);
    }

    /// As [`enter_beyond`](Self::enter_beyond), outside the lock. `false` if the gate is closed, and
    /// nobody comes in.
    #[cold]
    pub(crate) fn enter_beyond_if_open(&self, env: &impl Env) -> bool {
        self.enter_beyond();
        // Either this comes before the gate is parked, and an idler sees who is beyond; or it is seen
        // to be parked here, and under the lock whether for good.
        if self.fence().is_parked() && self.is_closed() {
            self.release(Pass::Spared, env);
            return false;
        }
        true
    }

    pub(super) fn leave_beyond(&self) {
        // Relaxed: under the lock, or followed by a fence; see `beyond`.
        self.beyond.fetch_sub(1, Ordering::Relaxed);
    }

    /// Whether nobody waits any more: all are turned away, or let in.
    pub(super) fn lets_nobody_wait(&self, waiters: &Waiters) -> bool {
        waiters.is_closed() || self.observes()
    }

    /// Ends the wait of somebody, or does not begin it, where nobody waits any more.
    pub(super) fn let_go(
        &self,
        mut waiters: MutexGuard<'_, Waiters>,
        place: Option<Key>,
        fresh: Option<Waker>,
        env: &impl Env,
    ) -> Result<Pass, Reason> {
        let newcomer = place.is_none();
        let left = place.map(|key| waiters.remove(key).waker);
        let result = match waiters.is_closed() {
            true => Err(Reason::Closed),
            // Who has come to the lock for other reasons than a limit is not spared anything.
            false if newcomer && waiters.line.is_empty() => self
                .admit_locked(&mut waiters, PartitionId::REST, 0, env)
                .or(Ok(Pass::Spared)),
            false => Ok(Pass::Spared),
        };
        if result == Ok(Pass::Spared) {
            self.enter_beyond();
        }
        self.settle_and_unlock(waiters, env);
        contain(|| drop((left, fresh)));
        result
    }
}
