use std::time::Duration;

use tokio::time::Instant;

/// Whether a queue drains within its target: the rule of `CoDel` (RFC 8289, section 4.2).
///
/// A queue takes up bursts. As long as it is empty now and then, or nearly, it does its work. If
/// the shortest wait of a whole interval is above the target, it is a standing queue: it makes
/// everybody wait and serves nobody.
///
/// The wait is that of the oldest in the queue. `CoDel` takes that of whoever leaves; under newest
/// first, that would be the shortest there is. How it ends differs for the same reason: giving up
/// the oldest empties a queue without draining it. So a standing queue stands until an interval in
/// which not more than one in [`CALM`] of those who left had waited too long.
#[derive(Debug)]
pub(super) struct Drain {
    state: State,
}

#[derive(Debug)]
enum State {
    Draining {
        /// Since when the wait has been above the target.
        above_since: Option<Instant>,
    },
    Standing {
        /// When the interval began in which those who leave are counted.
        since: Instant,
        left: u32,
        gave_up: u32,
    },
}

const CALM: u32 = 8;

impl Drain {
    pub(super) const fn new() -> Self {
        Self {
            state: State::Draining { above_since: None },
        }
    }

    /// Notes how long the oldest has waited; nothing if there is nobody.
    pub(super) fn observe(
        &mut self,
        wait: Duration,
        now: Instant,
        target: Duration,
        interval: Duration,
    ) {
        let past = |at: Instant| now.saturating_duration_since(at);
        let drained = wait <= target;
        match &mut self.state {
            State::Draining { above_since } if drained => *above_since = None,
            State::Draining { above_since: None } => {
                self.state = State::Draining {
                    above_since: Some(now),
                };
            }
            State::Draining {
                above_since: Some(at),
            } if past(*at) >= interval => self.state = State::standing(now),
            State::Draining { .. } => {}
            State::Standing {
                since,
                left,
                gave_up,
            } if past(*since) >= interval => {
                let calm = gave_up.saturating_mul(CALM) <= *left && (*left > 0 || drained);
                // What was counted long ago says nothing of now.
                let idle = drained && past(*since) >= 2 * interval;
                self.state = match calm || idle {
                    true => State::Draining { above_since: None },
                    false => State::standing(now),
                };
            }
            State::Standing { .. } => {}
        }
    }

    /// Notes that somebody has left, served or because it had waited too long.
    pub(super) fn leave(&mut self, too_late: bool) {
        if let State::Standing { left, gave_up, .. } = &mut self.state {
            *left = left.saturating_add(1);
            *gave_up = gave_up.saturating_add(u32::from(too_late));
        }
    }

    /// Whether it makes no difference to note that nobody waits.
    #[inline]
    pub(super) fn is_at_rest(&self) -> bool {
        matches!(self.state, State::Draining { above_since: None })
    }

    pub(super) fn is_standing(&self) -> bool {
        matches!(self.state, State::Standing { .. })
    }
}

impl State {
    fn standing(since: Instant) -> Self {
        Self::Standing {
            since,
            left: 0,
            gave_up: 0,
        }
    }
}

#[cfg(all(test, not(tower_adaptive_loom)))]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);
    const TARGET: Duration = Duration::from_millis(5);
    const INTERVAL: Duration = Duration::from_millis(100);

    /// A drain in a world of its own.
    struct Observed {
        drain: Drain,
        now: Instant,
    }

    impl Observed {
        fn new() -> Self {
            Self {
                drain: Drain::new(),
                now: Instant::now(),
            }
        }

        /// One that stands, from now on.
        fn standing() -> Self {
            let mut observed = Self::new();
            observed.wait(TARGET + MS, Duration::ZERO);
            observed.wait(TARGET + MS, INTERVAL);
            assert!(observed.drain.is_standing());
            observed
        }

        /// The oldest has waited so long, that much later.
        fn wait(&mut self, wait: Duration, later: Duration) {
            self.now += later;
            self.drain.observe(wait, self.now, TARGET, INTERVAL);
        }

        fn leave(&mut self, served: u32, too_late: u32) {
            (0..served).for_each(|_| self.drain.leave(false));
            (0..too_late).for_each(|_| self.drain.leave(true));
        }
    }

    #[test]
    fn a_queue_above_its_target_for_an_interval_stands() {
        let mut observed = Observed::new();
        observed.wait(TARGET + MS, Duration::ZERO);
        observed.wait(TARGET * 10, INTERVAL - MS);
        assert!(!observed.drain.is_standing());

        observed.wait(TARGET + MS, MS);

        assert!(observed.drain.is_standing());
    }

    #[test]
    fn a_wait_within_the_target_starts_the_interval_again() {
        let mut observed = Observed::new();
        observed.wait(TARGET + MS, Duration::ZERO);
        observed.wait(TARGET, INTERVAL - MS);
        observed.wait(TARGET + MS, MS);
        observed.wait(TARGET + MS, INTERVAL - MS);
        assert!(!observed.drain.is_standing());

        observed.wait(TARGET + MS, MS);

        assert!(observed.drain.is_standing());
    }

    #[test]
    fn a_queue_emptied_by_giving_up_goes_on_standing() {
        let mut observed = Observed::standing();
        observed.leave(6, 1);

        observed.wait(Duration::ZERO, INTERVAL);

        assert!(observed.drain.is_standing());
    }

    #[test]
    fn a_queue_stands_until_few_are_given_up_in_an_interval() {
        let mut observed = Observed::standing();
        observed.leave(7, 1);
        observed.wait(TARGET * 2, INTERVAL - MS);
        assert!(observed.drain.is_standing());

        observed.wait(TARGET * 2, MS);

        assert!(!observed.drain.is_standing());
    }

    #[test]
    fn who_left_before_the_interval_is_not_counted() {
        let mut observed = Observed::standing();
        observed.leave(0, 10);
        observed.wait(TARGET * 2, INTERVAL);
        assert!(observed.drain.is_standing());
        observed.leave(1, 0);

        observed.wait(TARGET * 2, INTERVAL);

        assert!(!observed.drain.is_standing());
    }

    #[test]
    fn a_queue_that_nobody_leaves_goes_on_standing() {
        let mut observed = Observed::standing();

        observed.wait(TARGET * 20, INTERVAL);

        assert!(observed.drain.is_standing());
    }

    #[test]
    fn a_queue_found_empty_long_after_is_forgiven() {
        let mut observed = Observed::standing();
        observed.leave(0, 10);

        observed.wait(Duration::ZERO, 2 * INTERVAL);

        assert!(!observed.drain.is_standing());
    }
}
