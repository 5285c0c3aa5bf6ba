use std::time::Duration;

use tokio::time::Instant;

use crate::Queue;

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
    pub(super) fn observe(&mut self, wait: Duration, now: Instant, queue: &Queue) {
        let past = |at: Instant| now.saturating_duration_since(at);
        let drained = wait <= queue.target;
        match &mut self.state {
            State::Draining { above_since } if drained => *above_since = None,
            State::Draining { above_since: None } => {
                self.state = State::Draining {
                    above_since: Some(now),
                };
            }
            State::Draining {
                above_since: Some(at),
            } if past(*at) >= queue.interval => self.state = State::standing(now),
            State::Draining { .. } => {}
            State::Standing {
                since,
                left,
                gave_up,
            } if past(*since) >= queue.interval => {
                let calm = gave_up.saturating_mul(CALM) <= *left && (*left > 0 || drained);
                // What was counted long ago says nothing of now.
                let idle = drained && past(*since) >= 2 * queue.interval;
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

    #[test]
    fn a_wait_above_the_target_for_a_whole_interval_is_overload() {
        let (mut drain, now) = (Drain::new(), Instant::now());

        drain.observe(TARGET + MS, now, TARGET);

        assert!(!drain.is_overloaded(now + INTERVAL - MS, INTERVAL));
        assert!(drain.is_overloaded(now + INTERVAL, INTERVAL));
    }

    #[test]
    fn longer_waits_do_not_begin_the_interval_again() {
        let (mut drain, now) = (Drain::new(), Instant::now());
        drain.observe(TARGET + MS, now, TARGET);

        drain.observe(TARGET * 10, now + INTERVAL / 2, TARGET);

        assert!(drain.is_overloaded(now + INTERVAL, INTERVAL));
    }

    #[test]
    fn a_wait_of_just_the_target_is_none_to_worry_about() {
        let (mut drain, now) = (Drain::new(), Instant::now());

        drain.observe(TARGET, now, TARGET);

        assert!(!drain.is_overloaded(now + INTERVAL * 10, INTERVAL));
    }

    #[test]
    fn one_short_wait_ends_the_overload() {
        let (mut drain, now) = (Drain::new(), Instant::now());
        drain.observe(TARGET * 2, now, TARGET);
        let later = now + INTERVAL;

        drain.observe(TARGET, later, TARGET);

        assert!(!drain.is_overloaded(later, INTERVAL));
        assert!(!drain.is_overloaded(later + INTERVAL, INTERVAL));
    }

    #[test]
    fn an_empty_queue_is_not_overloaded() {
        let (mut drain, now) = (Drain::new(), Instant::now());
        drain.observe(TARGET * 2, now, TARGET);

        drain.reset();

        assert!(!drain.is_overloaded(now + INTERVAL, INTERVAL));
    }
}
