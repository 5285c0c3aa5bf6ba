use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Instant;

use super::waiters::{Key, Timer, Waiters};
use super::word::Word;
use crate::contain::contain;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// How long a grant waits for its holder before somebody else who polls may have it.
///
/// A live waiter is polled within microseconds of its wake-up. 1 ms is long for that, and short
/// beside most requests.
pub(super) const GRANT_LIFETIME: Duration = Duration::from_millis(1);

/// How long a grant waits before the timer passes it on to the queue.
///
/// Longer than [`GRANT_LIFETIME`], so that those who poll come first: they are alive, and whoever is
/// next in the queue may be as dead as the one before, and cost as long again.
pub(super) const PASSED_ON_AFTER: Duration = Duration::from_millis(2);

/// What the gate needs of the world. Time is asked for only where somebody waits.
pub(crate) trait Env {
    fn now(&self) -> Instant;

    /// Called, outside the lock, whenever somebody who waits polls, in the task that waits.
    fn meet_waiter(&self, newcomer: bool);

    /// Sees to it that [`Gate::expire`] is called soon. Called outside the lock, once until
    /// `expire` returns `None`, or [`Gate::timer_lost`] or [`Gate::timer_missing`] is called.
    fn start_timer(&self);
}

/// The gate. See the [module](super) for the protocol.
#[derive(Debug)]
pub(crate) struct Gate {
    pub(super) word: AtomicU64,
    /// A copy of the queue's length for those who only look.
    pub(super) queued: AtomicUsize,
    pub(super) waiters: Mutex<Waiters>,
}

impl Gate {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            word: AtomicU64::new(Word::new(limit).0),
            queued: AtomicUsize::new(0),
            waiters: Mutex::new(Waiters::new()),
        }
    }

    /// Reads limit and requests in flight of one moment.
    pub(crate) fn load(&self) -> Word {
        // Relaxed: a reading for people and samples; nothing is accessed on the strength of it.
        Word(self.word.load(Ordering::Relaxed))
    }

    pub(crate) fn queued(&self) -> usize {
        // Relaxed: a reading for people and samples.
        self.queued.load(Ordering::Relaxed)
    }

    /// Admits the caller if there is room and nobody waits for it, or if a grant was abandoned.
    pub(crate) fn try_acquire(&self, env: &impl Env) -> bool {
        if self.admit() {
            return true;
        }
        // Full, and nobody holds a grant: nothing to look for under the lock.
        self.load().is_parked() && self.try_acquire_parked(env)
    }

    /// Admits the caller or queues it. `place` is its place in the queue, kept between polls and
    /// given to [`leave`](Self::leave) if it loses interest.
    pub(crate) fn poll_acquire(
        &self,
        place: &mut Option<Key>,
        cx: &mut Context<'_>,
        env: &impl Env,
    ) -> Poll<()> {
        if place.is_none() && self.admit() {
            return Poll::Ready(());
        }
        self.poll_parked(place, cx, env)
    }

    /// Admits the caller whatever the limit is. `false` only if 2^31 - 1 are in flight.
    pub(crate) fn acquire_past_limit(&self) -> bool {
        self.admit_if(|word| !word.is_full())
    }

    /// Gives a permit back and hands it on if somebody waits.
    pub(crate) fn release(&self, env: &impl Env) {
        if self.give_back().is_parked() {
            self.hand_over(env);
        }
    }

    /// Gives up a place in the queue; a grant is passed on.
    pub(crate) fn leave(&self, place: Key, env: &impl Env) {
        let mut waiters = self.lock();
        let left = waiters.remove(place);
        if left.had_grant {
            self.give_back();
        }
        self.settle_and_unlock(waiters, env);
        contain(|| drop(left.waker));
    }

    /// Changes the limit, and returns whether somebody waits: the caller must then give a permit
    /// back or call [`hand_over`](Self::hand_over), or a waiter that fits sleeps on.
    #[must_use]
    pub(crate) fn store_limit(&self, limit: usize) -> bool {
        let mut word = self.load();
        loop {
            // AcqRel: releases what the caller learned to whoever is admitted under the new limit,
            // and stands in one order with `park`: see the two columns in the module's essay.
            match self.word.compare_exchange_weak(
                word.0,
                word.with_limit(limit).0,
                Ordering::AcqRel,
                Ordering::Relaxed,
            ) {
                Ok(_) => return word.is_parked(),
                Err(actual) => word = Word(actual),
            }
        }
    }

    /// Grants what room there is to the oldest waiters.
    #[inline(never)]
    pub(crate) fn hand_over(&self, env: &impl Env) {
        self.settle_and_unlock(self.lock(), env);
    }

    /// Takes back grants that were not claimed in time and hands them on. Returns when to call
    /// again, or `None` if no waiter depends on it any more.
    pub(crate) fn expire(&self, env: &impl Env) -> Option<Instant> {
        let mut waiters = self.lock();
        let now = env.now();
        while self.lapse(&mut waiters, now, PASSED_ON_AFTER) {}
        self.settle_and_unlock(waiters, env);

        let mut waiters = self.lock();
        let next = waiters
            .oldest_grant()
            .filter(|_| waiters.queued() > 0)
            .map(|at| at + PASSED_ON_AFTER);
        waiters.timer = match next {
            Some(due) => Timer::Running { due },
            None => Timer::Off,
        };
        next
    }

    /// Says that there is nobody to call [`expire`](Self::expire).
    pub(crate) fn timer_missing(&self) {
        self.lock().timer = Timer::Off;
    }

    /// Says that whoever was to call [`expire`](Self::expire) is gone. Those who depended on it are
    /// woken where they are: the first that lives asks for another timer.
    pub(crate) fn timer_lost(&self) {
        let mut waiters = self.lock();
        waiters.timer = Timer::Off;
        let wakers = waiters.take_wakers();
        drop(waiters);
        for waker in wakers {
            contain(|| waker.wake());
        }
    }

    /// Orders everything before it, here, before everything after a later change of the word,
    /// elsewhere.
    pub(crate) fn fence(&self) {
        // AcqRel: takes its place in the word's modification order; see `Learner::settle`.
        self.word.fetch_add(0, Ordering::AcqRel);
    }

    /// The fast path: room, and nobody parked who would be overtaken.
    fn admit(&self) -> bool {
        self.admit_if(|word| word.has_room() && !word.is_parked())
    }

    /// Takes room on behalf of a waiter. Only under the lock, or the queue would be overtaken.
    pub(super) fn admit_past_queue(&self) -> bool {
        self.admit_if(Word::has_room)
    }

    fn admit_if(&self, allowed: impl Fn(Word) -> bool) -> bool {
        let mut word = self.load();
        while allowed(word) {
            // Acquire: pairs with the Release in `give_back`, so that what was done under a permit
            // is seen by whoever is admitted in its place.
            match self.word.compare_exchange_weak(
                word.0,
                word.0 + Word::ONE,
                Ordering::Acquire,
                Ordering::Relaxed,
            ) {
                Ok(_) => return true,
                Err(actual) => word = Word(actual),
            }
        }
        false
    }

    pub(super) fn give_back(&self) -> Word {
        // Release: pairs with the Acquire in `admit_if`. Acquire: a finisher looks for leftover
        // samples after this, and must see what those who were here before it left.
        Word(self.word.fetch_sub(Word::ONE, Ordering::AcqRel))
    }
}
