//! What the gate does under its lock: everything that is about somebody who waits.

use std::sync::PoisonError;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::time::Instant;

use super::protocol::{Env, GRANT_LIFETIME, Gate, PASSED_ON_AFTER};
use super::shares::PartitionId;
use super::slots::Key;
use super::ticket::Pass;
use super::waiters::{Timer, Waiters};
use super::word::Word;
use crate::Reason;
use crate::contain::contain;
use crate::sync::MutexGuard;
use crate::sync::atomic::Ordering;

/// What is to be done after the lock was given back.
#[derive(Default)]
pub(super) struct Turn {
    wake: Option<Waker>,
    /// Whether there is somebody else to be admitted or turned away.
    more: bool,
    /// Whether idlers were dismissed.
    idle: bool,
}

impl Gate {
    #[inline(never)]
    pub(super) fn try_acquire_parked(&self, env: &impl Env) -> Result<Pass, Reason> {
        let mut waiters = self.lock();
        if waiters.is_closed() {
            return Err(Reason::Closed);
        }
        let lapsed = self.lapse_for_visitor(&mut waiters, env);
        let pass = match lapsed || waiters.line.is_empty() {
            true => self.admit_locked(&mut waiters, PartitionId::REST, 0, env),
            false => Err(Reason::Limit),
        };
        self.settle_and_unlock(waiters, env);
        pass
    }

    /// Waits on, or begins to if there is no place yet. A newcomer has not left a waker before.
    #[inline(never)]
    pub(super) fn poll_parked(
        &self,
        place: &mut Option<Key>,
        newcomer: bool,
        cx: &mut Context<'_>,
        env: &impl Env,
    ) -> Poll<Result<Pass, Reason>> {
        // A newcomer is going to leave a waker. One that comes back most likely has a grant.
        let mut fresh = newcomer.then(|| cx.waker().clone());
        env.meet_waiter(newcomer);
        loop {
            let mut waiters = self.lock();
            let mut turn = Turn::default();
            let key = match place.take() {
                Some(key) if waiters.is_decided(&key) => key,
                returning if self.lets_nobody_wait(&waiters) => {
                    return Poll::Ready(self.let_go(waiters, returning, fresh, env));
                }
                returning => {
                    let lapsed = self.lapse_for_visitor(&mut waiters, env);
                    let key = returning.unwrap_or_else(|| waiters.push());
                    // A caller that polls goes before those who may have gone. Requests are there.
                    let first = lapsed && waiters.is_patient(&key) && self.load().has_room();
                    if first || waiters.is_lapsed(&key) {
                        waiters.move_to_front(&key);
                    }
                    self.park();
                    turn = self.settle(&mut waiters, env);
                    key
                }
            };

            if waiters.is_decided(&key) {
                let mut left = waiters.remove(key);
                self.unpark_if_idle(&waiters);
                self.unlock_and_wake(waiters, turn, env);
                // The caller has the permit: a waker that panics must not take it down.
                let waker = left.waker.take();
                contain(|| drop((waker, fresh)));
                return Poll::Ready(left.decision());
            }

            let (replaced, done) = leave_waker(&mut waiters, &key, cx, &mut fresh);
            *place = Some(key);
            self.unlock_and_wake(waiters, turn, env);
            contain(|| drop(replaced));
            if done {
                return Poll::Pending;
            }
            fresh = Some(cx.waker().clone());
        }
    }

    /// Takes room on behalf of somebody under the lock, and counts it where it is counted.
    pub(super) fn admit_locked(
        &self,
        waiters: &mut Waiters,
        id: PartitionId,
        mut headroom: usize,
        env: &impl Env,
    ) -> Result<Pass, Reason> {
        if waiters.is_guarded() && waiters.line.queue.capacity == 0 {
            let word = self.load();
            waiters.partitions.lend(env.now(), env.mean_rtt());
            // What is guaranteed is not kept free for those who matter more.
            if waiters.partitions.deficit(id, word.limit()) > 0 {
                headroom = 0;
            }
            let room = word.room().saturating_sub(headroom);
            waiters.partitions.decide(id, word.limit(), room)?;
        }
        if !self.admit_if(|word| word.room() > headroom) {
            return Err(Reason::Limit);
        }
        if !waiters.is_guarded() {
            return Ok(Pass::Plain);
        }
        waiters.partitions.admitted(id);
        Ok(Pass::Partition(id))
    }

    /// Announces that somebody is queued. Under the lock, before the room is looked at again.
    pub(super) fn park(&self) {
        if !self.load().is_parked() {
            // AcqRel: stands in one order with `give_back` and `store_limit`, which come either
            // before it and are seen by the look that follows, or after it and see the flag.
            self.word.fetch_or(Word::PARKED, Ordering::AcqRel);
        }
    }

    pub(super) fn unpark_if_idle(&self, waiters: &Waiters) {
        // Relaxed: the flag only changes under the lock, which the caller holds.
        if waiters.is_idle() && self.load().is_parked() {
            self.word.fetch_and(!Word::PARKED, Ordering::Relaxed);
        }
    }

    /// Takes back the oldest grant if it was left unclaimed: for `lifetime` if it is a caller's, and
    /// if it is a request's as long as that may take.
    pub(super) fn lapse(&self, waiters: &mut Waiters, now: Instant, lifetime: Duration) -> bool {
        let lapsed = waiters.lapse_oldest(now, lifetime);
        if lapsed {
            self.give_back();
        }
        lapsed
    }

    /// Takes back the oldest grant for a caller that polls. Not more than one: the others are for
    /// those who poll next.
    pub(super) fn lapse_for_visitor(&self, waiters: &mut Waiters, env: &impl Env) -> bool {
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

    /// Turns away who has waited too long and grants room to who is next, up to the first that is
    /// to be woken.
    pub(super) fn settle(&self, waiters: &mut Waiters, env: &impl Env) -> Turn {
        let mut wake = None;
        // Ghosts, and requests not polled yet, have nobody to be woken.
        let mut budget = BATCH;
        if waiters.line.requests() > 0 {
            let now = env.now();
            waiters.observe(now, env.mean_rtt(), self.load().limit());
            while wake.is_none() && budget > 0 {
                match waiters.expire_next(self.load().limit(), now) {
                    Some(waker) => wake = waker,
                    None => break,
                }
                budget -= 1;
            }
        }
        while wake.is_none() && budget > 0 && self.load().has_room() {
            budget -= 1;
            let Some(next) = waiters.next(self.load().limit()) else {
                break;
            };
            let now = env.now();
            // Only the oldest of a lane is looked at above; one with a deadline may be late before.
            if waiters.is_late(next, now) {
                wake = waiters.refuse(next, Reason::WaitedTooLong);
                continue;
            }
            if !self.admit_past_queue() {
                break;
            }
            let granted = waiters.grant(next, now);
            if granted.ghost {
                self.leave_beyond();
            }
            wake = granted.waker;
        }
        // Relaxed: a copy for those who only look.
        self.queued.store(waiters.line.waiting(), Ordering::Relaxed);
        let idle = !waiters.idlers.is_empty() && self.dismiss_idlers(waiters);
        self.unpark_if_idle(waiters);
        let more = (wake.is_some() || budget == 0)
            && !waiters.line.is_empty()
            && (self.load().has_room()
                || (waiters.line.requests() > 0
                    && waiters.is_overdue(self.load().limit(), env.now())));
        Turn { wake, more, idle }
    }

    pub(super) fn settle_and_unlock<'a>(
        &'a self,
        mut waiters: MutexGuard<'a, Waiters>,
        env: &impl Env,
    ) {
        let turn = self.settle(&mut waiters, env);
        self.unlock_and_wake(waiters, turn, env);
    }

    /// Gives the lock back and wakes; then goes on while there are both a queue and room, one
    /// waiter a turn. Mostly there is one turn: one permit came back, one waiter got it.
    pub(super) fn unlock_and_wake<'a>(
        &'a self,
        mut waiters: MutexGuard<'a, Waiters>,
        mut turn: Turn,
        env: &impl Env,
    ) {
        loop {
            let start_timer = Self::wants_timer(&mut waiters);
            drop(waiters);
            if let Some(waker) = turn.wake {
                contain(|| waker.wake());
            }
            if turn.idle {
                self.wake_dismissed();
            }
            if start_timer {
                env.start_timer();
            }
            if !turn.more {
                return;
            }
            waiters = self.lock();
            turn = self.settle(&mut waiters, env);
        }
    }

    /// Whether a waiter now depends on a grant that its holder might never claim.
    fn wants_timer(waiters: &mut Waiters) -> bool {
        let due = match waiters.oldest_grant(PASSED_ON_AFTER) {
            Some(due) if !waiters.line.is_empty() => due,
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

/// Sees to it that a waiter is woken in the task that polls. Returns a waker to be dropped outside
/// the lock, and whether it is done: if not, the caller must make another waker of its own.
pub(super) fn leave_waker(
    waiters: &mut Waiters,
    key: &Key,
    cx: &Context<'_>,
    fresh: &mut Option<Waker>,
) -> (Option<Waker>, bool) {
    let current = waiters.has_waker(key, cx.waker());
    // `will_wake` may say no of a waker's own clone: a waker that was just left counts.
    match fresh.take() {
        Some(waker) if !current => (waiters.set_waker(key, waker), true),
        unused => (unused, current),
    }
}

/// How many are granted a permit or turned away while the lock is held.
const BATCH: usize = 64;

/// How late the timer may be before a caller that polls takes it for lost. Two timers do no harm.
const OVERDUE: Duration = Duration::from_millis(100);
