//! What the gate does under its lock: everything that is about somebody who waits.

use std::sync::PoisonError;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::time::Instant;

use super::protocol::{Env, GRANT_LIFETIME, Gate, PASSED_ON_AFTER};
use super::waiters::{Key, Timer, Waiters};
use super::word::Word;
use crate::contain::contain;
use crate::sync::MutexGuard;
use crate::sync::atomic::Ordering;

impl Gate {
    #[inline(never)]
    pub(super) fn try_acquire_parked(&self, env: &impl Env) -> bool {
        let mut waiters = self.lock();
        let lapsed = self.lapse_for_visitor(&mut waiters, env);
        let admitted = (lapsed || waiters.queued() == 0) && self.admit_past_queue();
        self.settle_and_unlock(waiters, env);
        admitted
    }

    #[inline(never)]
    pub(super) fn poll_parked(
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
    pub(super) fn lapse(&self, waiters: &mut Waiters, now: Instant, lifetime: Duration) -> bool {
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

    pub(super) fn settle_and_unlock<'a>(
        &'a self,
        mut waiters: MutexGuard<'a, Waiters>,
        env: &impl Env,
    ) {
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

    pub(super) fn lock(&self) -> MutexGuard<'_, Waiters> {
        // No code of a caller runs under the lock, so that nothing in there panics half-way.
        self.waiters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How late the timer may be before a caller that polls takes it for lost. Two timers do no harm.
const OVERDUE: Duration = Duration::from_millis(100);
