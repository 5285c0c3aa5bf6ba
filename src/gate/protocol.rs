use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::time::Instant;

use super::waiters::{Key, Timer, Waiters};
use super::word::Word;
use crate::contain::contain;
use crate::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use crate::sync::{Mutex, MutexGuard};

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

/// How late the timer may be before a caller that polls takes it for lost. Two timers do no harm.
const OVERDUE: Duration = Duration::from_millis(100);

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
    word: AtomicU64,
    /// A copy of the queue's length for those who only look.
    queued: AtomicUsize,
    waiters: Mutex<Waiters>,
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

    #[inline(never)]
    fn try_acquire_parked(&self, env: &impl Env) -> bool {
        let mut waiters = self.lock();
        let lapsed = self.lapse_for_visitor(&mut waiters, env);
        let admitted = (lapsed || waiters.queued() == 0) && self.admit_past_queue();
        self.settle_and_unlock(waiters, env);
        admitted
    }

    #[inline(never)]
    fn poll_parked(
        &self,
        place: &mut Option<Key>,
        cx: &mut Context<'_>,
        env: &impl Env,
    ) -> Poll<()> {
        // A newcomer is going to leave a waker. One that comes back most likely has a grant.
        let mut fresh = place.is_none().then(|| cx.waker().clone());
        env.meet_waiter(fresh.is_some());
        loop {
            let mut waiters = self.lock();
            let mut wake = None;
            let key = match place.take() {
                Some(key) if waiters.is_granted(&key) => key,
                returning => {
                    let lapsed = self.lapse_for_visitor(&mut waiters, env);
                    let key = returning.unwrap_or_else(|| waiters.push());
                    if waiters.is_lapsed(&key) || (lapsed && self.load().has_room()) {
                        waiters.move_to_front(&key);
                    }
                    self.park();
                    wake = self.settle(&mut waiters, env);
                    key
                }
            };

            if waiters.is_granted(&key) {
                let left = waiters.remove(key);
                self.unpark_if_idle(&waiters);
                self.unlock_and_wake(waiters, wake, env);
                // The caller has the permit: a waker that panics must not take it down.
                contain(|| drop((left.waker, fresh)));
                return Poll::Ready(());
            }

            let current = waiters.has_waker(&key, cx.waker());
            // `will_wake` may say no of a waker's own clone: a waker that was just left counts.
            let (replaced, left) = match fresh.take() {
                Some(waker) if !current => (waiters.set_waker(&key, waker), true),
                unused => (unused, current),
            };
            *place = Some(key);
            self.unlock_and_wake(waiters, wake, env);
            contain(|| drop(replaced));
            if left {
                return Poll::Pending;
            }
            fresh = Some(cx.waker().clone());
        }
    }

    /// The fast path: room, and nobody parked who would be overtaken.
    fn admit(&self) -> bool {
        self.admit_if(|word| word.has_room() && !word.is_parked())
    }

    /// Takes room on behalf of a waiter. Only under the lock, or the queue would be overtaken.
    fn admit_past_queue(&self) -> bool {
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

    fn give_back(&self) -> Word {
        // Release: pairs with the Acquire in `admit_if`. Acquire: a finisher looks for leftover
        // samples after this, and must see what those who were here before it left.
        Word(self.word.fetch_sub(Word::ONE, Ordering::AcqRel))
    }

    /// Announces that somebody is queued. Under the lock, before the room is looked at again.
    fn park(&self) {
        if !self.load().is_parked() {
            // AcqRel: stands in one order with `give_back` and `store_limit`, which come either
            // before it and are seen by the look that follows, or after it and see the flag.
            self.word.fetch_or(Word::PARKED, Ordering::AcqRel);
        }
    }

    fn unpark_if_idle(&self, waiters: &Waiters) {
        // Relaxed: the flag only changes under the lock, which the caller holds.
        if waiters.is_idle() && self.load().is_parked() {
            self.word.fetch_and(!Word::PARKED, Ordering::Relaxed);
        }
    }

    /// Takes back the oldest grant if it was left unclaimed for `lifetime`.
    fn lapse(&self, waiters: &mut Waiters, now: Instant, lifetime: Duration) -> bool {
        let lapsed = waiters.lapse_oldest(now, lifetime);
        if lapsed {
            self.give_back();
        }
        lapsed
    }

    /// Takes back the oldest grant for a caller that polls. Not more than one: the others are for
    /// those who poll next.
    fn lapse_for_visitor(&self, waiters: &mut Waiters, env: &impl Env) -> bool {
        if !waiters.has_grants() {
            return false;
        }
        let now = env.now();
        if matches!(waiters.timer, Timer::Running { due } if now >= due + OVERDUE) {
            // Whoever was to call `expire` sits on a runtime that nobody drives: have another.
            waiters.timer = Timer::Off;
        }
        self.lapse(waiters, now, GRANT_LIFETIME)
    }

    /// Grants room to the oldest waiters, up to the first that is to be woken.
    fn settle(&self, waiters: &mut Waiters, env: &impl Env) -> Option<Waker> {
        let mut wake = None;
        while wake.is_none() && waiters.queued() > 0 && self.admit_past_queue() {
            wake = waiters.grant_oldest(env.now());
        }
        // Relaxed: a copy for those who only look.
        self.queued.store(waiters.queued(), Ordering::Relaxed);
        self.unpark_if_idle(waiters);
        wake
    }

    fn settle_and_unlock<'a>(&'a self, mut waiters: MutexGuard<'a, Waiters>, env: &impl Env) {
        let wake = self.settle(&mut waiters, env);
        self.unlock_and_wake(waiters, wake, env);
    }

    /// Gives the lock back and wakes; then goes on while there are both a queue and room, one
    /// waiter a turn. Mostly there is one turn: one permit came back, one waiter got it.
    fn unlock_and_wake<'a>(
        &'a self,
        mut waiters: MutexGuard<'a, Waiters>,
        mut wake: Option<Waker>,
        env: &impl Env,
    ) {
        loop {
            let start_timer = Self::wants_timer(&mut waiters);
            let more = waiters.queued() > 0 && self.load().has_room();
            drop(waiters);
            if let Some(waker) = wake {
                contain(|| waker.wake());
            }
            if start_timer {
                env.start_timer();
            }
            if !more {
                return;
            }
            waiters = self.lock();
            wake = self.settle(&mut waiters, env);
        }
    }

    /// Whether a waiter now depends on a grant that its holder might never claim.
    fn wants_timer(waiters: &mut Waiters) -> bool {
        let due = match waiters.oldest_grant() {
            Some(at) if waiters.queued() > 0 => at + PASSED_ON_AFTER,
            _ => return false,
        };
        let wanted = waiters.timer == Timer::Off;
        if wanted {
            waiters.timer = Timer::Running { due };
        }
        wanted
    }

    fn lock(&self) -> MutexGuard<'_, Waiters> {
        // No code of a caller runs under the lock, so that nothing in there panics half-way.
        self.waiters
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
