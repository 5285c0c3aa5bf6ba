use super::cohort::Observation;
use crate::algorithm::estimate::from_ns;
use crate::algorithm::{Finding, Verdict};

/// The limit was reduced at once, and what is started then is watched.
#[derive(Clone, Copy, Debug)]
pub(super) struct Experiment {
    pub(super) why: Why,
    /// How often it was reduced before, in the same experiment.
    pub(super) depth: u32,
    /// The limit before the experiment.
    pub(super) from: f64,
    /// The epoch of the cohorts that belong to it.
    pub(super) epoch: u32,
    pub(super) high: Point,
    pub(super) low: Point,
    cohorts: u32,
}

/// Why there is an experiment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// Nothing is known yet.
    StartUp,
    /// Something has changed: latency has risen by far more than chance explains.
    Rise,
    /// Nothing has changed for a while, which would look the same if the baseline were wrong.
    Routine,
}

/// What was measured at one limit.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Point {
    pub(super) n: f64,
    pub(super) limit: f64,
    pub(super) rtt_ln: f64,
    pub(super) success_ln: f64,
}

impl Experiment {
    pub(super) fn new(why: Why, depth: u32, from: f64, high: Point, epoch: u32) -> Self {
        Self {
            why,
            depth,
            from,
            epoch,
            high,
            low: Point::default(),
            cohorts: 0,
        }
    }

    /// Adds a cohort of the reduced limit, and returns what can be said then.
    pub(super) fn add(&mut self, seen: &Observation, spread: f64) -> Option<Finding> {
        self.low.add(seen);
        self.cohorts += 1;
        let depth_ln = self.depth_ln();
        let elasticity = self.elasticity();
        let error = spread * (1.0 / self.high.n + 1.0 / self.low.n).sqrt() / depth_ln;
        let is_last = self.why != Why::Rise || self.cohorts >= MOST_COHORTS;
        if elasticity - error > 0.5 || is_last && elasticity > 0.5 {
            Some(Finding::Queue)
        } else if elasticity > OPPOSITE
            && (elasticity + error < 0.2 || is_last && elasticity < 0.25)
        {
            Some(Finding::Slower)
        } else if is_last {
            Some(Finding::Unclear)
        } else {
            None
        }
    }

    /// Whether latency rose although the limit fell: it had not reached its level before.
    pub(super) fn is_overtaken(&self) -> bool {
        self.why == Why::Rise && self.elasticity() <= OPPOSITE
    }

    /// Returns by how many percent latency fell for each percent that the limit fell.
    fn elasticity(&self) -> f64 {
        (self.high.rtt_ln - self.low.rtt_ln) / self.depth_ln()
    }

    fn depth_ln(&self) -> f64 {
        (self.high.limit / self.low.limit).ln().max(0.05)
    }

    pub(super) fn verdict(&self, finding: Finding, now_ns: f64) -> Verdict {
        let rtt = |point: Point| from_ns(point.rtt_ln.exp());
        Verdict::new(
            finding,
            from_ns(now_ns),
            (self.high.limit, self.low.limit),
            (rtt(self.high), rtt(self.low)),
        )
    }
}

impl Point {
    /// Makes a point of one cohort.
    pub(super) fn of(seen: &Observation) -> Self {
        let mut point = Self::default();
        point.add(seen);
        point
    }

    fn add(&mut self, seen: &Observation) {
        self.merge(&Self {
            n: seen.n,
            limit: seen.limit,
            rtt_ln: seen.rtt_ln,
            success_ln: seen.success_ln,
        });
    }

    /// Averages it with another one.
    pub(super) fn merge(&mut self, other: &Self) {
        self.n += other.n;
        let weight = other.n / self.n;
        self.limit += weight * (other.limit - self.limit);
        self.rtt_ln += weight * (other.rtt_ln - self.rtt_ln);
        self.success_ln += weight * (other.success_ln - self.success_ln);
    }
}

/// Latency that rises while the limit falls has another reason, and says nothing of this one.
const OPPOSITE: f64 = -0.4;

/// A verdict that is not clear is waited for so long.
const MOST_COHORTS: u32 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(n: f64, limit: f64, rtt_ms: f64) -> Observation {
        Observation {
            n,
            rtt_ln: (rtt_ms * 1e6).ln(),
            success_ln: (rtt_ms * 1e6).ln(),
            censored: 0.0,
            limit,
            in_flight: limit,
            most_in_flight: limit,
            binding: true,
            epoch: 0,
        }
    }

    /// Halves a limit of 40 at 40 ms.
    fn found(why: Why, rtt_ms: f64, cohorts: usize) -> Vec<Option<Finding>> {
        let high = Point::of(&seen(200.0, 40.0, 40.0));
        let mut experiment = Experiment::new(why, 0, 40.0, high, 0);
        let mut findings = Vec::new();
        for _ in 0..cohorts {
            findings.push(experiment.add(&seen(50.0, 20.0, rtt_ms), 0.5));
        }
        findings
    }

    #[test]
    fn latency_that_falls_with_the_limit_was_a_queue() {
        assert_eq!(found(Why::Rise, 20.0, 1), [Some(Finding::Queue)]);
    }

    #[test]
    fn latency_that_stays_is_slower_work() {
        assert_eq!(found(Why::Rise, 40.0, 1), [Some(Finding::Slower)]);
    }

    #[test]
    fn what_is_in_between_is_looked_at_for_longer_and_may_stay_unclear() {
        let findings = found(Why::Rise, 31.0, 4);
        assert_eq!(findings, [None, None, None, Some(Finding::Unclear)]);
        assert_eq!(found(Why::Routine, 31.0, 1), [Some(Finding::Unclear)]);
    }

    #[test]
    fn what_might_be_chance_is_looked_at_for_longer() {
        // By 57 and 15 percent per percent, give or take 11, and 7 at the end.
        assert_eq!(found(Why::Rise, 27.0, 1), [None]);
        assert_eq!(found(Why::Rise, 36.0, 1), [None]);
        assert_eq!(found(Why::Rise, 27.0, 4)[3], Some(Finding::Queue));
        assert_eq!(found(Why::Rise, 35.0, 4)[3], Some(Finding::Slower));
    }
}
