//! The way of a request through a limiter: admitted, in flight, finished.

use std::time::Duration;

use tokio::time::Instant;

use super::handle::Limiter;
use super::learner::{Learner, Observed};
use super::timer::Timer;
use crate::Outcome;
use crate::admission::{Reason, Rejected};
use crate::gate::{Entry, Env, Gate, Pass, Ticket};

pub(super) struct Core {
    pub(super) gate: Gate,
    pub(super) learner: Learner,
    pub(super) started: Instant,
    pub(super) timer: Timer,
    pub(super) name: Option<Box<str>>,
}

impl Limiter {
    pub(crate) fn gate(&self) -> &Gate {
        &self.core.gate
    }

    pub(super) fn timer(&self) -> &Timer {
        &self.core.timer
    }

    /// Admits a request or counts it as rejected.
    pub(crate) fn admit(&self) -> bool {
        let admitted = self.gate().try_acquire(self);
        if !admitted {
            self.core.learner.count_rejected();
        }
        admitted
    }

    /// Admits a request that the limit does not apply to.
    pub(crate) fn admit_past_limit(&self) -> bool {
        self.gate().acquire_past_limit()
    }

    /// Admits every request, and says whether it is spared: whether it would have been rejected
    /// if those spared before it had been, too. `None` if none more can be counted.
    pub(crate) fn admit_and_observe(&self) -> Option<Spared> {
        // Relaxed: an observation; two that race for the last place may both find it.
        let word = self.gate().load();
        let others = word
            .in_flight()
            .saturating_sub(self.core.learner.spared_in_flight());
        if !self.admit_past_limit() {
            return None;
        }
        if others < word.limit() {
            return Some(Spared::No);
        }
        self.core.learner.count_spared();
        Some(Spared::Yes)
    }

    /// Admits a request, queues it, or turns it away.
    pub(crate) fn enter(&self, _ticket: &Ticket<'_>) -> Entry {
        if self.admit() {
            Entry::Admitted(Pass::Plain)
        } else {
            Entry::Rejected(Rejected::new(Reason::Limit, self.limit(), Duration::ZERO))
        }
    }

    /// Admits every request, and counts those that [`enter`](Self::enter) would have turned away.
    /// `None` if none more can be counted.
    pub(crate) fn observe(&self, _ticket: &Ticket<'_>) -> Option<Pass> {
        self.admit_and_observe().map(|_| Pass::Plain)
    }

    /// Reports a finished request, then gives back its permit.
    pub(crate) fn finish(&self, finished: Finished) {
        let now = Instant::now();
        let observed = Observed {
            rtt: now.saturating_duration_since(finished.started),
            at: now.saturating_duration_since(self.core.started),
            in_flight: finished.in_flight,
            limit: finished.limit,
            outcome: finished.outcome,
        };
        let env = At { limiter: self, now };
        if finished.spared == Spared::Yes {
            self.core.learner.spared_finished();
        }
        self.core.learner.learn(&observed, self.gate());
        self.gate().release(&env);
        if self.core.learner.settle(self.gate()) {
            self.gate().hand_over(&env);
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

/// What a permit knows of its request when it comes back.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) started: Instant,
    pub(crate) in_flight: u32,
    pub(crate) limit: u32,
    /// `None` teaches nothing.
    pub(crate) outcome: Option<Outcome>,
    pub(crate) spared: Spared,
}

/// Whether a request was admitted only because its layer observes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spared {
    Yes,
    No,
}
