//! The way of a request through a limiter: admitted, in flight, finished.

use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use tokio::time::Instant;

use super::handle::Limiter;
use super::learner::{Learner, Observed};
use super::measured::Measured;
use super::reserve::Reserve;
use super::timer::Timer;
use crate::admission::Rejected;
use crate::gate::{Decision, Entry, Env, Gate, Manner, Pass, Ticket};
use crate::sync::Arc;
use crate::{Mode, Outcome, Priorities, Priority, Reason};

pub(super) struct Core {
    pub(super) gate: Gate,
    pub(super) learner: Learner,
    pub(super) reserve: Reserve,
    pub(super) started: Instant,
    pub(super) timer: Timer,
    pub(super) name: Option<Box<str>>,
    /// Apart from the rest: requests read it that have a class.
    pub(super) priorities: RwLock<Priorities>,
    pub(super) measured: Measured,
}

impl Limiter {
    pub(crate) fn gate(&self) -> &Gate {
        &self.core.gate
    }

    /// Returns whether this is the only handle: no service, permit, waiter or task has another.
    ///
    /// The registry's weak handles do not count until one is upgraded: for as long as somebody keeps
    /// what he found there, and a moment now and then for an observer. Who upgrades one just after
    /// this has said yes has a handle on a limiter that its set forgets, as after a removal.
    pub(crate) fn is_unshared(&self) -> bool {
        Arc::strong_count(&self.core) == 1
    }

    /// Returns whether both are handles on one limit.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.core, &other.core)
    }

    pub(super) fn timer(&self) -> &Timer {
        &self.core.timer
    }

    /// Admits a request that is not to wait, or counts it as rejected.
    pub(crate) fn admit(&self) -> Option<Pass> {
        let admitted = self
            .gate()
            .try_acquire(self)
            .or_else(|reason| self.spare(reason, Priority::Normal, Mode::Enforce));
        match admitted {
            Ok(pass) => Some(pass),
            Err(reason) => {
                self.core.learner.rejected.count(reason);
                None
            }
        }
    }

    /// Admits a request that the limit does not apply to.
    pub(crate) fn admit_past_limit(&self) -> bool {
        self.gate().acquire_past_limit()
    }

    /// Admits a request, queues it, or turns it away. If its layer observes, or the limiter does,
    /// it is admitted, and counted if it would have been turned away.
    ///
    /// What is in flight on paper is what would be if nobody had been spared: a request that would
    /// have waited waits, as a ghost, while it is in flight already.
    #[inline]
    pub(crate) fn enter(&self, ticket: &Ticket<'_>, layer: Mode) -> Entry {
        match self.decide(ticket, layer == Mode::Observe) {
            Decision::Admitted(pass) => Entry::Admitted(pass),
            Decision::Queued(place) => match place.into_ghost() {
                Ok(pass) => Entry::Admitted(pass),
                Err(place) => Entry::Queued(place),
            },
            Decision::Refused(reason) => self.refuse(reason, ticket.priority, layer),
        }
    }

    /// Turns a request away, or lets it in where that is only observed.
    #[cold]
    fn refuse(&self, reason: Reason, priority: Priority, layer: Mode) -> Entry {
        match self.spare(reason, priority, layer) {
            Ok(pass) => Entry::Admitted(pass),
            Err(reason) => Entry::Rejected(self.reject_of(reason, priority)),
        }
    }

    /// Lets a request in that is refused, where that is only observed; or says why not.
    #[inline]
    fn spare(&self, reason: Reason, priority: Priority, layer: Mode) -> Result<Pass, Reason> {
        let observes = layer == Mode::Observe || self.gate().observes();
        match observes && reason != Reason::Closed {
            true => self.let_in(reason, priority),
            false => Err(reason),
        }
    }

    #[cold]
    fn let_in(&self, reason: Reason, priority: Priority) -> Result<Pass, Reason> {
        if !self.gate().enter_beyond_if_open(self) {
            return Err(Reason::Closed);
        }
        self.count_spared(reason, priority);
        Ok(Pass::Spared)
    }

    /// Counts a request that was let in only because somebody observes.
    pub(crate) fn count_spared(&self, reason: Reason, priority: Priority) {
        self.core.learner.spared.count_of(reason, priority);
    }

    #[inline]
    fn decide(&self, ticket: &Ticket<'_>, ghost: bool) -> Decision {
        let gate = self.gate();
        if gate.has_queue() {
            let manner = Manner { headroom: 0, ghost };
            return gate.enter(ticket, manner, self);
        }
        let limit = gate.load().limit();
        let headroom = self.core.reserve.arrive(ticket.priority, limit);
        let decision = gate.enter(ticket, Manner { headroom, ghost }, self);
        match decision {
            Decision::Refused(Reason::Limit) => {
                self.core.reserve.turned_away(ticket.priority, limit);
            }
            Decision::Admitted(_) => self.core.reserve.admit(),
            _ => {}
        }
        decision
    }

    /// Counts a request as rejected of which nobody said how much it matters.
    #[cold]
    pub(crate) fn reject(&self, reason: Reason) -> Rejected {
        self.reject_of(reason, Priority::Normal)
    }

    /// Counts a request as rejected, and says what there is to say.
    #[inline]
    pub(crate) fn reject_of(&self, reason: Reason, priority: Priority) -> Rejected {
        self.core.learner.rejected.count_of(reason, priority);
        let word = self.gate().load();
        let ahead = word.in_flight() + self.waiting();
        let rtt = self.mean_rtt().unwrap_or_default();
        let drain_time = rtt.mul_f64(ahead as f64 / word.limit() as f64);
        Rejected::new(reason, word.limit(), drain_time)
    }

    /// Counts a request that left the queue before it was admitted or turned away.
    pub(crate) fn count_abandoned(&self) {
        self.core.learner.count_abandoned();
    }

    /// Reports a finished request, then gives back its permit.
    pub(crate) fn finish(&self, finished: &Finished, pass: Pass) {
        let now = Instant::now();
        let env = At { limiter: self, now };
        let observed = self.observed(finished, now);
        self.core.learner.learn(&observed, self.gate());
        self.give_back(pass, &env);
        if self.core.learner.settle(self.gate()) {
            self.gate().hand_over(&env);
        }
        self.core.measured.finished(&observed);
    }

    /// Reports a finished request whose permit comes back at another time.
    pub(crate) fn report(&self, finished: &Finished) {
        let now = Instant::now();
        let observed = self.observed(finished, now);
        if self.core.learner.learn_alone(&observed, self.gate()) {
            self.gate().hand_over(&At { limiter: self, now });
        }
        self.core.measured.finished(&observed);
    }

    /// Gives back the permit of a request that is reported at another time.
    pub(crate) fn release(&self, pass: Pass) {
        self.core.learner.release_alone();
        self.give_back(pass, self);
    }

    /// Returns how much the requests of a class matter.
    pub(crate) fn priority_of(&self, class: &str) -> Priority {
        let priorities = self.core.priorities.read();
        // Poisoned by nobody: what is done under it does not panic.
        priorities.unwrap_or_else(PoisonError::into_inner).of(class)
    }

    /// Returns how much the requests of each class matter.
    #[must_use]
    pub fn priorities(&self) -> Priorities {
        let priorities = self.core.priorities.read();
        priorities.unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn store_priorities(&self, priorities: Priorities) {
        let lock = self.core.priorities.write();
        *lock.unwrap_or_else(PoisonError::into_inner) = priorities;
    }

    fn observed(&self, finished: &Finished, now: Instant) -> Observed {
        Observed {
            rtt: now.saturating_duration_since(finished.started),
            at: now.saturating_duration_since(self.core.started),
            in_flight: finished.in_flight,
            limit: finished.limit,
            outcome: finished.outcome,
        }
    }

    fn give_back(&self, pass: Pass, env: &impl Env) {
        if let Some((reason, priority)) = self.gate().release(pass, env) {
            self.count_spared(reason, priority);
        }
    }

    pub(super) fn with_state<R>(&self, f: impl FnOnce(&mut super::state::State) -> R) -> R {
        let (result, hand_over) = self.core.learner.with(self.gate(), f);
        if hand_over {
            self.gate().hand_over(self);
        }
        result
    }
}

impl Env for Limiter {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn meet_waiter(&self, newcomer: bool) {
        self.core.timer.meet(newcomer);
    }

    fn start_timer(&self) {
        self.core.timer.start(self);
    }

    fn mean_rtt(&self) -> Option<Duration> {
        self.core.learner.mean_rtt()
    }
}

/// The limiter at a moment that was read already.
struct At<'a> {
    limiter: &'a Limiter,
    now: Instant,
}

impl Env for At<'_> {
    fn now(&self) -> Instant {
        self.now
    }

    fn meet_waiter(&self, newcomer: bool) {
        self.limiter.meet_waiter(newcomer);
    }

    fn start_timer(&self) {
        self.limiter.start_timer();
    }

    fn mean_rtt(&self) -> Option<Duration> {
        self.limiter.mean_rtt()
    }
}

/// Whatever leads to a limiter: itself, or what a layer shares between its services.
pub(crate) trait Handle {
    fn limiter(&self) -> &Limiter;
}

impl Handle for Limiter {
    fn limiter(&self) -> &Limiter {
        self
    }
}

/// What a permit knows of its request when that has finished.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) started: Instant,
    pub(crate) in_flight: u32,
    pub(crate) limit: u32,
    /// `None` teaches nothing.
    pub(crate) outcome: Option<Outcome>,
}
