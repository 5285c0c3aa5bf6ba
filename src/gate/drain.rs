use std::time::Duration;

use tokio::time::Instant;

/// Whether a queue drains within its target: the rule of `CoDel` (RFC 8289, section 4.2).
///
/// A queue takes up bursts. As long as it is empty now and then, or nearly, it does its work. If
/// the shortest wait of a whole interval is above the target, it is a standing queue: it makes
/// everybody wait and serves nobody.
///
/// The wait is that of the oldest in the queue. `CoDel` takes that of whoever leaves; under newest
/// first, that would be the shortest there is. And it is over only when nobody had to be given up
/// early for an interval: what empties a queue by that does not drain it.
#[derive(Debug)]
pub(super) struct Drain {
    /// Since when the wait has been above the target.
    above_since: Option<Instant>,
    /// When somebody was last given up early.
    gave_up_at: Option<Instant>,
}

impl Drain {
    pub(super) const fn new() -> Self {
        Self {
            above_since: None,
            gave_up_at: None,
        }
    }

    pub(super) fn observe(&mut self, wait: Duration, now: Instant, target: Duration) {
        if wait <= target {
            self.above_since = None;
        } else if self.above_since.is_none() {
            self.above_since = Some(now);
        }
    }

    /// Says that the queue is empty.
    pub(super) fn reset(&mut self) {
        self.above_since = None;
    }

    /// Says that somebody was given up early.
    pub(super) fn give_up(&mut self, now: Instant) {
        self.gave_up_at = Some(now);
    }

    pub(super) fn is_overloaded(&self, now: Instant, interval: Duration) -> bool {
        let past = |at: Instant| now.saturating_duration_since(at);
        self.above_since.is_some_and(|at| past(at) >= interval)
            || self.gave_up_at.is_some_and(|at| past(at) < interval)
    }
}
