use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Instant;

use super::slots::Key;
use super::ticket::{Decision, Manner, Pass, Ticket};
use super::waiters::{Timer, Waiters};
use super::word::Word;
use crate::contain::contain;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use crate::{Priority, Reason};

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

/// How long a grant waits for a request before it is passed on.
///
/// Longer than those of callers: a request that is not polled for is not forgotten as a service is
/// that is polled for readiness. Its task is busy, or has other futures, or drops it.
pub(super) const REQUEST_GRANT_LIFETIME: Duration = Duration::from_millis(10);

/// What the gate needs of the world. Time is asked for only where somebody waits.
pub(crate) trait Env {
    fn now(&self) -> Instant;

    /// Called, outside the lock, whenever somebody who waits polls, in the task that waits.
    fn meet_waiter(&self, newcomer: bool);

    /// Sees to it that [`Gate::expire`] is called soon. Called outside the lock, once until
    /// `expire` returns `None`, or [`Gate::timer_lost`] or [`Gate::timer_missing`] is called.
    fn start_timer(&self);

    /// Returns how long a request takes, as far as that is known.
    fn mean_rtt(&self) -> Option<Duration>;
}

/// The gate. See the [module](super) for the protocol.
#[derive(Debug)]
pub(crate) struct Gate {
    pub(super) word: AtomicU64,
    /// A copy of the queue's length for those who only look.
    pub(super) queued: AtomicUsize,
    /// A copy of the queue's capacity, for those who find the gate full: 0 turns them away.
    pub(super) capacity: AtomicUsize,
    /// Requests in flight that the word does not count: their layer observes, and they would still
    /// be waiting, or would have been turned away.
    pub(super) beyond: AtomicUsize,
    /// Whether everybody is let in, and what would have become of them is only counted.
    pub(super) observing: AtomicBool,
    pub(super) waiters: Mutex<Waiters>,
}

impl Gate {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            word: AtomicU64::new(Word::new(limit).0),
            queued: AtomicUsize::new(0),
            capacity: AtomicUsize::new(0),
            beyond: AtomicUsize::new(0),
            observing: AtomicBool::new(false),
            waiters: Mutex::new(Waiters::new()),
        }
    }

    /// Reads limit and requests in flight of one moment.
    #[inline]
    pub(crate) fn load(&self) -> Word {
        // Relaxed: a reading for people and samples; nothing is accessed on the strength of it.
        Word(self.word.load(Ordering::Relaxed))
    }

    pub(crate) fn queued(&self) -> usize {
        // Relaxed: a reading for people and samples.
        self.queued.load(Ordering::Relaxed)
    }

    /// Returns whether requests may wait.
    #[inline]
    pub(crate) fn has_queue(&self) -> bool {
        // Relaxed: a capacity that was just changed holds for those who come next.
        self.capacity.load(Ordering::Relaxed) > 0
    }

    /// Admits the caller if there is room and nobody waits for it, or if a grant was abandoned.
    pub(crate) fn try_acquire(&self, env: &impl Env) -> Result<Pass, Reason> {
        if self.admit() {
            return Ok(Pass::Plain);
        }
        // Full, and nobody holds a grant: nothing to look for under the lock.
        if self.load().is_open() {
            return Err(Reason::Limit);
        }
        self.try_acquire_parked(env)
    }

    /// Admits the caller or queues it; turns it away only if the gate is closed. `place` is its place in the queue, kept between polls and
    /// given to [`leave`](Self::leave) if it loses interest.
    pub(crate) fn poll_acquire(
        &self,
        place: &mut Option<Key>,
        cx: &mut Context<'_>,
        env: &impl Env,
    ) -> Poll<Result<Pass, Reason>> {
        if place.is_none() && self.admit() {
            return Poll::Ready(Ok(Pass::Plain));
        }
        let newcomer = place.is_none();
        self.poll_parked(place, newcomer, cx, env)
    }

    /// Waits on with a request that was queued.
    pub(crate) fn poll_queued(
        &self,
        place: &mut Option<Key>,
        newcomer: bool,
        cx: &mut Context<'_>,
        env: &impl Env,
    ) -> Poll<Result<Pass, Reason>> {
        self.poll_parked(place, newcomer, cx, env)
    }

    /// Admits a request, queues it, or turns it away.
    #[inline]
    pub(crate) fn enter(&self, ticket: &Ticket<'_>, manner: Manner, env: &impl Env) -> Decision {
        if ticket
            .deadline
            .is_some_and(|deadline| deadline <= env.now())
        {
            return Decision::Refused(self.closed_or(Reason::DeadlineTooClose));
        }
        if self.admit_if(|word| word.is_open() && word.room() > manner.headroom) {
            return Decision::Admitted(Pass::Plain);
        }
        if self.load().is_open() && !self.has_queue() {
            return Decision::Refused(Reason::Limit);
        }
        self.enter_parked(ticket, manner, env)
    }

    /// Admits the caller whatever the limit is. `false` only if 2^31 - 1 are in flight.
    pub(crate) fn acquire_past_limit(&self) -> bool {
        self.admit_if(|word| !word.is_full())
    }

    /// Gives back what a request was admitted with, and hands it on if somebody waits. Returns why
    /// a request would have been turned away that is over now, if it would have been, and how much it
    /// mattered.
    pub(crate) fn release(&self, pass: Pass, env: &impl Env) -> Option<(Reason, Priority)> {
        match pass {
            Pass::Plain => {
                if self.give_back().is_parked() {
                    self.hand_over(env);
                }
            }
            Pass::Partition(id) => self.release_of_partition(id, env),
            Pass::Ghost(key) => return self.lay_to_rest(key, env),
            Pass::Spared => {
                self.leave_beyond();
                // Nothing comes back, but what the request taught may have made room; and the
                // word is to be changed all the same: see the learner.
                if self.fence().is_parked() {
                    self.hand_over(env);
                }
            }
        }
        None
    }

    /// Gives up a place in the queue; a grant is passed on.
    pub(crate) fn leave(&self, place: Key, env: &impl Env) {
        let mut waiters = self.lock();
        let left = waiters.remove(place);
        self.take_back(&mut waiters, left.pass);
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
            .oldest_grant(PASSED_ON_AFTER)
            .filter(|_| !waiters.line.is_empty());
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
        self.lock().timer = Timer::Off;
        self.wake_all();
    }

    /// Wakes all who wait, so that they look again.
    pub(super) fn wake_all(&self) {
        let wakers = self.lock().take_wakers();
        for waker in wakers {
            contain(|| waker.wake());
        }
    }

    /// Orders everything before it, here, before everything after a later change of the word,
    /// elsewhere.
    pub(crate) fn fence(&self) -> Word {
        // AcqRel: takes its place in the word's modification order; see `Learner::settle`.
        Word(self.word.fetch_add(0, Ordering::AcqRel))
    }

    /// The fast path: room, nobody parked who would be overtaken, and no shares to count.
    fn admit(&self) -> bool {
        self.admit_if(|word| word.has_room() && word.is_open())
    }

    /// Takes room on behalf of a waiter. Only under the lock, or the queue would be overtaken.
    pub(super) fn admit_past_queue(&self) -> bool {
        self.admit_if(Word::has_room)
    }

    pub(super) fn admit_if(&self, allowed: impl Fn(Word) -> bool) -> bool {
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
