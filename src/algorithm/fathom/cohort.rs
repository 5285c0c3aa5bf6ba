use super::moment::{Born, Moment};
use crate::Outcome;

/// The requests that were started in one interval, and what came of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Cohort {
    /// The experiment that it belongs to: a limit that was set at once is measured apart.
    pub(super) epoch: u32,
    opened: Moment,
    closed: Option<Closed>,
    members: Members,
}

/// What is known once a cohort takes in nobody else.
#[derive(Clone, Copy, Debug)]
struct Closed {
    at_ns: f64,
    /// Requests started, and rejected, while it was open.
    started: f64,
    rejected: f64,
}

/// Sums over the members of which a sample came.
#[derive(Clone, Copy, Debug, Default)]
struct Members {
    ended: f64,
    limit: f64,
    in_flight: f64,
    most_in_flight: f64,
    /// Those that took the last permit.
    at_limit: f64,
    successes: f64,
    success_ln: f64,
    /// Those of which only a lower bound of the RTT is known.
    censored: f64,
    censored_ln: f64,
}

/// What becomes of an attempt to judge a cohort.
#[derive(Clone, Copy, Debug)]
pub(super) enum Judged {
    Ready(Observation),
    /// It still takes in requests.
    Open,
    /// It cannot be judged before so many more samples, or that time.
    Waits {
        samples: u64,
        until_ns: f64,
    },
}

/// What a cohort has taught. RTTs are natural logarithms of nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Observation {
    /// Requests that it rests on.
    pub(super) n: f64,
    /// The mean, with lower bounds for what has not come back.
    pub(super) rtt_ln: f64,
    /// The same without canceled and failed ones: what a baseline may be learned from.
    pub(super) success_ln: f64,
    /// The part of which only a lower bound is known.
    pub(super) censored: f64,
    /// Means over the starts.
    pub(super) limit: f64,
    pub(super) in_flight: f64,
    pub(super) most_in_flight: f64,
    /// Whether the limit kept requests out.
    pub(super) binding: bool,
    pub(super) epoch: u32,
}

impl Cohort {
    pub(super) fn open(opened: Moment, epoch: u32) -> Self {
        Self {
            epoch,
            opened,
            ..Self::default()
        }
    }

    pub(super) fn close(&mut self, now: Moment) {
        self.closed = Some(Closed {
            at_ns: now.at_ns,
            started: self.started_until(now),
            rejected: now.rejected.saturating_sub(self.opened.rejected) as f64,
        });
    }

    pub(super) fn is_open(&self) -> bool {
        self.closed.is_none()
    }

    pub(super) fn opened_ns(&self) -> f64 {
        self.opened.at_ns
    }

    pub(super) fn started_until(&self, now: Moment) -> f64 {
        now.started.saturating_sub(self.opened.started) as f64
    }

    /// Adds a member. One that has failed faster than `baseline_ln` tells nothing of the work.
    pub(super) fn add(&mut self, born: &Born, baseline_ln: Option<f64>) {
        let members = &mut self.members;
        members.ended += 1.0;
        members.limit += born.limit;
        members.in_flight += born.in_flight;
        members.most_in_flight = members.most_in_flight.max(born.in_flight);
        if born.in_flight >= born.limit {
            members.at_limit += 1.0;
        }
        if born.outcome == Outcome::Success {
            members.successes += 1.0;
            members.success_ln += born.rtt_ln;
        } else if baseline_ln.is_some_and(|baseline_ln| born.rtt_ln > baseline_ln) {
            members.censored += 1.0;
            members.censored_ln += born.rtt_ln;
        }
    }

    /// Returns what it taught, once nearly all have ended, or `patience_ns` after it was closed.
    pub(super) fn judge(&self, now: Moment, patience_ns: f64) -> Judged {
        let Some(closed) = self.closed else {
            return Judged::Open;
        };
        let members = &self.members;
        let missing = self.missing(now, closed.started);
        let until_ns = closed.at_ns + patience_ns;
        let is_expired = now.at_ns > until_ns;
        let excess = missing - (FEW * closed.started + 0.5);
        if excess > 0.0 && !is_expired {
            // No less than so many have yet to end.
            let samples = excess.ceil() as u64;
            return Judged::Waits { samples, until_ns };
        }

        let mut n = members.successes + members.censored;
        let mut sum = members.success_ln + members.censored_ln;
        let (mut successes, mut success_ln) = (members.successes, members.success_ln);
        let mut censored = members.censored;
        if missing > 0.5 && n > 0.0 {
            // They have been under way for so long, and the slow ones are among them.
            let age_ns = now.at_ns - f64::midpoint(self.opened.at_ns, closed.at_ns);
            let bound_ln = age_ns.max(1.0).ln().max(sum / n);
            n += missing;
            sum += missing * bound_ln;
            if is_expired {
                censored += missing;
            } else if successes > 0.0 && members.censored == 0.0 {
                // Who is still under way beside those who gave up may give up, too.
                successes += missing;
                success_ln += missing * bound_ln;
            }
        }
        let ended = members.ended.max(1.0);
        Judged::Ready(Observation {
            n,
            rtt_ln: sum / n.max(1.0),
            success_ln: if successes > 0.0 {
                success_ln / successes
            } else {
                sum / n.max(1.0)
            },
            censored: if successes > 0.0 { censored / n } else { 1.0 },
            limit: (members.limit / ended).max(1.0),
            in_flight: members.in_flight / ended,
            most_in_flight: members.most_in_flight,
            binding: self.is_binding(now, closed),
            epoch: self.epoch,
        })
    }

    /// Estimates how many members have not ended. Some of those that end never show up here, because
    /// they teach nothing: the share of those that do is about the same for members as for all.
    fn missing(&self, now: Moment, started: f64) -> f64 {
        let samples = (now.samples - self.opened.samples) as f64;
        let finished = now.finished.saturating_sub(self.opened.finished) as f64;
        let share = if finished > samples {
            samples / finished
        } else {
            1.0
        };
        let chance = 2.0 * (started * share * (1.0 - share)).sqrt();
        (started * share - self.members.ended - chance).max(0.0)
    }

    fn is_binding(&self, now: Moment, closed: Closed) -> bool {
        let samples = (now.samples - self.opened.samples) as f64;
        let waited = (now.waited - self.opened.waited) as f64;
        closed.rejected > RARE * (closed.started + closed.rejected)
            || waited > RARE * samples
            || self.members.at_limit > 0.5 * self.members.ended
    }
}

/// The part of a cohort that may be missing when it is judged.
const FEW: f64 = 0.05;

/// The part of requests that may find the limit reached without it being in the way.
const RARE: f64 = 0.01;

#[cfg(test)]
mod tests {
    use super::*;

    const MS: f64 = 1e6;

    fn born(rtt_ms: f64, outcome: Outcome) -> Born {
        Born {
            at_ns: 0.0,
            rtt_ln: (rtt_ms * MS).ln(),
            limit: 10.0,
            in_flight: 5.0,
            outcome,
        }
    }

    /// So many have started, finished and been sampled by then.
    fn moment(at_ms: f64, started: u64, finished: u64, samples: u64) -> Moment {
        Moment {
            at_ns: at_ms * MS,
            started,
            finished,
            samples,
            ..Moment::default()
        }
    }

    /// A hundred requests started in 10 ms, all of 20 ms, of which `ended` have ended.
    fn cohort(ended: usize) -> Cohort {
        let mut cohort = Cohort::open(Moment::default(), 0);
        for _ in 0..ended {
            cohort.add(&born(20.0, Outcome::Success), None);
        }
        cohort.close(moment(10.0, 100, 0, 0));
        cohort
    }

    fn judge(cohort: &Cohort, now: Moment, patience_ns: f64) -> Option<Observation> {
        match cohort.judge(now, patience_ns) {
            Judged::Ready(seen) => Some(seen),
            Judged::Open | Judged::Waits { .. } => None,
        }
    }

    fn rtt_ms(seen: &Observation) -> f64 {
        seen.rtt_ln.exp() / MS
    }

    #[test]
    fn a_cohort_is_judged_when_nearly_all_have_ended() {
        let now = moment(30.0, 300, 100, 100);
        assert!(judge(&cohort(94), now, 1e12).is_none());
        let seen = judge(&cohort(96), now, 1e12).unwrap();
        assert!((rtt_ms(&seen) - 20.1).abs() < 0.1, "{}", rtt_ms(&seen));
        assert_eq!(seen.censored, 0.0);
    }

    #[test]
    fn what_is_missing_when_patience_ends_is_censored_at_its_age() {
        let seen = judge(&cohort(50), moment(1005.0, 300, 100, 100), 500.0 * MS);
        let seen = seen.unwrap();
        assert_eq!((seen.n, seen.censored), (100.0, 0.5));
        // Half took 20 ms, the others at least a second.
        assert!((rtt_ms(&seen) - (20.0_f64 * 1000.0).sqrt()).abs() < 0.5);
        assert!((seen.success_ln - (20.0 * MS).ln()).abs() < 1e-9);
    }

    #[test]
    fn requests_that_teach_nothing_are_not_waited_for() {
        // A fifth of what finishes is never seen.
        let seen = judge(&cohort(80), moment(40.0, 300, 200, 160), 1e12);
        assert_eq!(seen.unwrap().censored, 0.0);
        // That a few more of them are missing may be chance.
        assert!(judge(&cohort(70), moment(40.0, 300, 200, 160), 1e12).is_some());
        assert!(judge(&cohort(60), moment(40.0, 300, 200, 160), 1e12).is_none());
    }

    #[test]
    fn failures_faster_than_the_baseline_tell_nothing() {
        let mut cohort = Cohort::open(Moment::default(), 0);
        let baseline_ln = Some((20.0 * MS).ln());
        for _ in 0..10 {
            cohort.add(&born(20.0, Outcome::Success), baseline_ln);
            cohort.add(&born(1.0, Outcome::Overload), baseline_ln);
            cohort.add(&born(80.0, Outcome::Canceled), baseline_ln);
        }
        cohort.close(moment(10.0, 30, 0, 0));
        let seen = judge(&cohort, moment(100.0, 30, 30, 30), 1e12).unwrap();
        assert_eq!((seen.n, seen.censored), (20.0, 0.5));
        assert!((rtt_ms(&seen) - 40.0).abs() < 0.1);
        assert!((seen.success_ln - (20.0 * MS).ln()).abs() < 1e-9);
    }

    #[test]
    fn what_is_missing_took_no_less_than_what_is_there() {
        let seen = judge(&cohort(96), moment(11.0, 300, 100, 100), 1e12).unwrap();
        assert!((rtt_ms(&seen) - 20.0).abs() < 1e-6);
    }

    #[test]
    fn without_a_success_none_was_fast() {
        let mut cohort = Cohort::open(Moment::default(), 0);
        for _ in 0..10 {
            cohort.add(&born(80.0, Outcome::Canceled), Some((20.0 * MS).ln()));
        }
        cohort.close(moment(10.0, 10, 0, 0));
        let seen = judge(&cohort, moment(100.0, 10, 10, 10), 1e12).unwrap();
        assert_eq!(seen.censored, 1.0);
        assert!((seen.success_ln - (80.0 * MS).ln()).abs() < 1e-9);
    }

    #[test]
    fn members_that_took_the_last_permit_make_a_limit_binding() {
        let binding = |last: usize| {
            let mut cohort = Cohort::open(Moment::default(), 0);
            for i in 0..100 {
                let in_flight = if i < last { 10.0 } else { 9.0 };
                cohort.add(
                    &Born {
                        in_flight,
                        ..born(20.0, Outcome::Success)
                    },
                    None,
                );
            }
            cohort.close(moment(10.0, 100, 0, 0));
            let seen = judge(&cohort, moment(30.0, 100, 100, 100), 1e12);
            seen.unwrap().binding
        };
        assert!(binding(60));
        assert!(!binding(40));
    }

    #[test]
    fn rejections_and_waiters_make_a_limit_binding() {
        let now = moment(30.0, 100, 100, 100);
        let judged = |close: Moment, now: Moment| {
            let mut cohort = cohort(100);
            cohort.close(close);
            judge(&cohort, now, 1e12).unwrap().binding
        };
        let closed = moment(10.0, 100, 0, 0);
        assert!(!judged(closed, now));
        assert!(!judged(
            Moment {
                rejected: 1,
                ..closed
            },
            now
        ));
        assert!(judged(
            Moment {
                rejected: 2,
                ..closed
            },
            now
        ));
        assert!(!judged(closed, Moment { waited: 1, ..now }));
        assert!(judged(closed, Moment { waited: 2, ..now }));
    }
}
