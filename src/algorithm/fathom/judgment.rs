//! What follows from an experiment: whether there was a queue, what the baseline is, and where the limit
//! goes then.

use super::baseline::Baseline;
use super::cohort::Observation;
use super::experiment::{Experiment, Point, Why};
use super::law::{BOTTOM, CALM, NEARBY};
use super::{Fathom, Phase, Ramp};
use crate::algorithm::Finding;

impl Fathom {
    /// Adds a cohort to an experiment, and draws the conclusion if there is one.
    pub(super) fn watch(&mut self, mut experiment: Experiment, seen: &Observation) {
        let finding = experiment.add(seen, self.spread.deviation());
        // What is not known cannot acquit.
        let finding = match finding {
            Some(Finding::Slower) if seen.censored > 0.1 => Some(Finding::Unclear),
            finding => finding,
        };
        self.phase = Phase::Experiment(experiment);
        if experiment.is_overtaken() && self.limit > BOTTOM {
            // What it began with was not all of the rise.
            let Experiment {
                why, depth, low, ..
            } = experiment;
            return self.start(why, depth, low, 0.7 * self.limit);
        }
        if let Some(finding) = finding {
            self.conclude(&experiment, finding);
        }
    }

    fn conclude(&mut self, experiment: &Experiment, finding: Finding) {
        let Experiment { why, from, low, .. } = *experiment;
        self.verdict = Some(experiment.verdict(finding, self.now.at_ns));

        let known = self.baseline;
        let is_bottom = self.limit <= BOTTOM;
        let baseline = self.revise(&low, why, finding, is_bottom);
        self.baseline = Some(baseline);
        let is_in_sight = low.rtt_ln < baseline.ln() + 0.3;
        if finding == Finding::Queue && !is_bottom && (why == Why::StartUp || !is_in_sight) {
            return self.start(why, experiment.depth + 1, low, 0.5 * self.limit);
        }
        self.phase = Phase::Steady;
        self.rest(&low, known.unwrap_or(baseline));
        if why == Why::Rise && finding == Finding::Queue && low.rtt_ln < baseline.ln() + CALM {
            self.ramp = Ramp::Back;
        }
        let change = known.map_or(0.0, |known| baseline.ln() - known.ln());
        let to = self.after(experiment, finding, baseline, change);
        self.set(to.min(1.5 * from));
        self.cut();
    }

    /// Returns what the baseline is after an experiment. It is raised only where latency did not fall
    /// with the limit, or at the bottom.
    fn revise(&mut self, low: &Point, why: Why, finding: Finding, is_bottom: bool) -> Baseline {
        let Some(mut baseline) = self.baseline else {
            return Baseline::new(low.success_ln, low.n);
        };
        let spread = self.spread.deviation();
        let rise = low.success_ln - baseline.ln();
        let is_slower = finding == Finding::Slower;
        if (is_slower && why == Why::Rise || is_bottom) && rise > NEARBY {
            self.doubt = Point::default();
            return Baseline::new(low.success_ln, low.n);
        }
        if is_bottom || (rise < 0.0 || is_slower) && !baseline.is_sure(spread) {
            baseline.observe(low.success_ln, low.n, spread);
        } else if rise < 0.0 || is_slower {
            // Not one of them need be beyond chance, if all say the same.
            self.doubt.merge(low);
            let doubt = self.doubt;
            let change = doubt.success_ln - baseline.ln();
            let chance = 1.5 * baseline.error(doubt.n, spread);
            if change < -chance || change > chance.max(DEAD_ZONE) {
                baseline.observe(doubt.success_ln, doubt.n, spread);
                self.doubt = Point::default();
            }
        }
        baseline
    }

    /// Returns where the limit goes after an experiment.
    fn after(
        &self,
        experiment: &Experiment,
        finding: Finding,
        baseline: Baseline,
        change: f64,
    ) -> f64 {
        let Experiment {
            why,
            depth,
            from,
            high,
            low,
            ..
        } = *experiment;
        let by_high = self.target(baseline, high.limit.ln(), high.rtt_ln);
        let by_low = self.target(baseline, low.limit.ln(), low.rtt_ln);
        match (finding, why) {
            (Finding::Slower, Why::StartUp) | (Finding::Unclear, Why::StartUp) if depth == 0 => {
                by_low.max(from)
            }
            (_, Why::StartUp) => by_low,
            (Finding::Slower, _) if depth == 0 => from * change.max(0.0).exp(),
            (Finding::Slower, _) => by_low.max(1.5 * low.limit),
            // The throughput of before may be that of a pause.
            (Finding::Queue, Why::Rise) => by_low,
            _ => by_high,
        }
    }

    pub(super) fn start(&mut self, why: Why, depth: u32, high: Point, to: f64) {
        let from = match self.phase {
            Phase::Experiment(experiment) => experiment.from,
            _ => self.limit,
        };
        self.set(to);
        self.cut();
        let epoch = self.cohorts.epoch();
        self.phase = Phase::Experiment(Experiment::new(why, depth, from, high, epoch));
        self.resize();
    }

    /// A cohort has been closed. What it will tell depends no longer on the limit, so a routine
    /// experiment need not keep it down.
    pub(super) fn turned(&mut self) {
        if let Phase::Experiment(experiment) = self.phase {
            let is_its_own = experiment.epoch == self.cohorts.epoch();
            if experiment.why == Why::Routine && is_its_own {
                self.set(experiment.from);
                self.cohorts.cut(self.now);
            }
        }
        self.resize();
    }

    /// Waits for the next experiment: for longer if this one has brought nothing new.
    fn rest(&mut self, low: &Point, before: Baseline) {
        let error = before.error(low.n, self.spread.deviation());
        let rise = low.success_ln - before.ln();
        let is_news = rise.abs() > 2.0 * error || rise > DEAD_ZONE;
        self.rested_ns = self.now.at_ns;
        self.pause_ns = if is_news {
            SHORTEST_PAUSE_NS
        } else {
            (2.0 * self.pause_ns).min(LONGEST_PAUSE_NS)
        };
    }

    pub(super) fn is_rested(&self) -> bool {
        self.now.at_ns - self.rested_ns > self.pause_ns
    }
}

/// How long there is no experiment without a reason.
pub(super) const SHORTEST_PAUSE_NS: f64 = 1e9;
const LONGEST_PAUSE_NS: f64 = 16e9;

/// A baseline that is sure is not raised for less, as a logarithm. One of several clients of a service
/// sees only its part of a fall, and might take the rest for slower work.
const DEAD_ZONE: f64 = 0.1;
