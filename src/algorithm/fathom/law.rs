//! What follows from a cohort: where the limit goes, and what is believed.

use super::baseline::Baseline;
use super::cohort::Observation;
use super::experiment::{Point, Why};
use super::level::Level;
use super::moment::Born;
use super::{Fathom, Phase, Ramp};
use crate::Outcome;

impl Fathom {
    /// Counts what went wrong, and lowers the limit for it.
    pub(super) fn listen(&mut self, born: &Born) {
        let is_overload = born.outcome == Outcome::Overload;
        let share = &mut self.trouble.overloads;
        *share += 0.01 * (f64::from(u8::from(is_overload)) - *share);
        if is_overload {
            let part = 0.02 * share.powi(3);
            self.set(self.limit * (1.0 - part));
        }
        if born.outcome == Outcome::Success {
            self.trouble.silent = 0.0;
            self.trouble.heard_ns = self.now.at_ns;
            return;
        }
        // A cohort is judged when its members end, and these do not.
        let is_slow = self
            .baseline
            .is_none_or(|baseline| born.rtt_ln > baseline.ln() + 1.0);
        if is_slow && born.at_ns >= self.trouble.silenced_ns {
            self.trouble.silent += 1.0;
            let is_long = self.now.at_ns - self.trouble.heard_ns > self.patience_ns;
            if is_long && self.trouble.silent >= (0.5 * self.limit).clamp(1.0, 16.0) {
                self.trouble.silent = 0.0;
                self.trouble.silenced_ns = self.now.at_ns;
                self.retreat(0.1);
            }
        }
    }

    /// Learns from a cohort.
    pub(super) fn learn(&mut self, seen: &Observation) {
        if seen.n < FEWEST {
            return;
        }
        let baseline_ln = self.baseline.map(Baseline::ln);
        // Callers who give up on the slowest tell nothing, as long as the others are as fast as ever.
        let is_lost = seen.censored > 0.1 && baseline_ln.is_none_or(|ln| seen.rtt_ln > ln + SLOW);
        self.give_up_experiment(seen);
        let epoch = match self.phase {
            Phase::Experiment(experiment) => experiment.epoch,
            _ => self.cohorts.epoch(),
        };
        if seen.epoch != epoch {
            return;
        }
        if is_lost {
            return self.retreat(match seen.censored {
                0.9.. => 0.1,
                0.5.. => 0.3,
                _ => 0.7,
            });
        }
        if seen.censored > 0.5 {
            return;
        }
        if let Phase::Experiment(experiment) = self.phase {
            return self.watch(experiment, seen);
        }
        let Some(baseline) = self.baseline else {
            return self.begin(seen);
        };
        if self.resumes(seen, baseline) {
            return;
        }
        self.level.add(seen, self.spread.deviation());
        if seen.rtt_ln < baseline.ln() + CALM {
            self.healthy.add(seen.in_flight, self.now.at_ns);
        }
        if seen.binding {
            self.steer(seen, baseline);
        } else {
            self.follow(seen, baseline);
        }
        self.drifted_ns = self.now.at_ns;
    }

    /// Ends an experiment of which no cohort can come any more: those of its epoch are judged before
    /// those of the next one, and none has told enough. Perhaps all that it started was refused.
    fn give_up_experiment(&mut self, seen: &Observation) {
        if let Phase::Experiment(experiment) = self.phase {
            let is_next = seen.epoch == self.cohorts.epoch();
            if is_next && seen.epoch != experiment.epoch {
                self.phase = self.calm_phase();
                self.rested_ns = self.now.at_ns;
            }
        }
    }

    /// Takes the first cohort for the baseline, unless the limit is in the way: there may be a queue.
    fn begin(&mut self, seen: &Observation) {
        if seen.binding && self.limit > BOTTOM {
            return self.start(Why::StartUp, 0, Point::of(seen), 0.5 * self.limit);
        }
        // The slow ones have hardly come back yet.
        self.baseline = Some(Baseline::new(seen.success_ln, 0.25 * seen.n));
        self.phase = Phase::Steady;
        self.rested_ns = self.now.at_ns;
    }

    /// Goes down because nothing, or too little, comes back.
    fn retreat(&mut self, factor: f64) {
        let from = match self.phase {
            Phase::Experiment(experiment) => experiment.from,
            _ => self.limit,
        };
        self.trouble.resume.get_or_insert(from);
        self.phase = self.calm_phase();
        self.set(factor * self.limit);
        self.cut();
    }

    /// Returns to half of where the limit was before a retreat, if all is well again.
    fn resumes(&mut self, seen: &Observation, baseline: Baseline) -> bool {
        if (seen.rtt_ln - baseline.ln()).abs() >= NEARBY {
            return false;
        }
        let Some(resume) = self.trouble.resume.take() else {
            return false;
        };
        let rises = 0.5 * resume > self.limit;
        if rises {
            self.set(0.5 * resume);
            self.cut();
        }
        rises
    }

    /// Nobody was kept out: the limit is no cause of what is seen.
    fn follow(&mut self, seen: &Observation, mut baseline: Baseline) {
        let spread = self.spread.deviation();
        let error = baseline.error(self.level.n, spread);
        let gap = (seen.rtt_ln - seen.success_ln).clamp(0.0, 0.5);
        self.trouble.impatience += 0.1 * (gap - self.trouble.impatience);
        let rise = self.level.rtt_ln - self.trouble.impatience - baseline.ln();
        let is_faster = rise < -3.0 * error && self.level.cohorts >= LASTING;
        let is_first = !baseline.is_sure(spread) && seen.success_ln < baseline.ln() + NEARBY;
        if is_faster || is_first || seen.in_flight < BOTTOM {
            baseline.observe(seen.success_ln, seen.n, spread);
            self.baseline = Some(baseline);
        } else if rise.abs() < 0.2 {
            let elapsed_ns = (self.now.at_ns - self.drifted_ns).min(1e9);
            let by = self.level.success_ln - baseline.ln();
            baseline.drift(by * (1.0 - (-elapsed_ns / DRIFT_NS).exp()));
            self.baseline = Some(baseline);
        } else if rise > 0.25 + error && self.level.is_settled() && self.is_rested() {
            let high = self.settled(seen.in_flight);
            return self.start(Why::Rise, 0, high, 0.5 * seen.in_flight);
        }
        if rise < CALM {
            let room = (2.0 * seen.most_in_flight).min(1.5 * self.limit);
            self.set(self.limit.max(room));
        }
    }

    /// The limit is in the way: holds it a little above the knee.
    fn steer(&mut self, seen: &Observation, mut baseline: Baseline) {
        let spread = self.spread.deviation();
        let rise = seen.success_ln - baseline.ln();
        let is_unqueued = self.ramp == Ramp::First && rise < 0.2 || self.limit < BOTTOM;
        let error = baseline.error(self.level.n, spread);
        if is_unqueued {
            baseline.observe(seen.success_ln, seen.n, spread);
        } else if self.level.cohorts >= LASTING && self.level.rtt_ln < baseline.ln() - 3.5 * error {
            baseline.observe(self.level.rtt_ln, self.level.n, spread);
        }
        self.baseline = Some(baseline);

        let target = self.target(baseline, seen.limit.ln(), seen.rtt_ln);
        if target < 0.5 * seen.limit && self.limit > BOTTOM {
            // Not below what was served without a queue, as far as that is still true.
            let to = target.max(0.25 * seen.limit).max(0.9 * self.healthy.get());
            return self.start(Why::Rise, 0, Point::of(seen), to.min(0.7 * self.limit));
        }
        if self.level.is_settled() && self.is_rested() && self.limit > BOTTOM {
            let high = self.settled(self.level.limit_ln.exp());
            return self.start(Why::Routine, 0, high, 0.6 * self.limit);
        }
        self.end_ramp(rise, baseline.error(seen.n, spread), baseline);
        if self.ramp != Ramp::Over {
            let doubled = (2.0 * seen.limit).max(seen.limit + 1.0);
            return self.set(doubled.min(2.0 * self.limit).max(self.limit));
        }
        let target = self.target(baseline, self.level.limit_ln, self.level.rtt_ln);
        let ratio = target / seen.limit;
        let step = if (ratio - 1.0).abs() > 0.2 {
            ratio
        } else {
            ratio.sqrt()
        };
        self.set((step.min(1.5) * seen.limit).min(1.5 * self.limit));
    }

    fn end_ramp(&mut self, rise: f64, error: f64, baseline: Baseline) {
        let is_there = match self.ramp {
            Ramp::First => baseline.is_sure(self.spread.deviation()),
            Ramp::Back => self.limit > 0.9 * self.healthy.get(),
            Ramp::Over => true,
        };
        if is_there || rise > CALM + error {
            self.ramp = Ramp::Over;
        }
    }

    /// Lets what is started from now on be measured apart.
    pub(super) fn cut(&mut self) {
        self.level = Level::default();
        self.cohorts.cut(self.now);
        self.resize();
    }

    /// Sets how large cohorts are: for a mean that is known to a tenth, but not for long at a low limit,
    /// and not for longer than needed at the start.
    pub(super) fn resize(&mut self) {
        let spread = self.spread.deviation();
        let (factor, most) = match self.phase {
            Phase::StartUp => (1.0, FIRST),
            Phase::Experiment(experiment) if experiment.why == Why::StartUp => (1.0, FIRST),
            Phase::Experiment(_) => (1.5, MOST),
            Phase::Steady => (1.0, MOST),
        };
        let needed = (100.0 * spread * spread).clamp(16.0, 600.0);
        let needed = needed.min((most * self.limit).max(10.0));
        let shortest_ns = self.baseline.map_or(0.0, |baseline| baseline.ln().exp());
        self.cohorts.resize(factor * needed, shortest_ns.max(2e7));
    }

    /// Returns the limit for the throughput of `limit` requests at `rtt`, both as logarithms.
    pub(super) fn target(&self, baseline: Baseline, limit_ln: f64, rtt_ln: f64) -> f64 {
        let knee = (baseline.ln() + self.trouble.impatience + limit_ln - rtt_ln).exp();
        let root = (0.5 * limit_ln).exp();
        knee + self.headroom * (0.04 * knee + 0.5 * root)
    }

    fn settled(&self, limit: f64) -> Point {
        Point {
            n: self.level.n,
            limit,
            rtt_ln: self.level.rtt_ln,
            success_ln: self.level.success_ln,
        }
    }
}

/// Fewer requests than that tell nothing.
const FEWEST: f64 = 6.0;

/// Below that, nothing can queue.
pub(super) const BOTTOM: f64 = 2.0;

/// So much of a rise, as a logarithm, is no queue.
pub(super) const CALM: f64 = 0.15;

/// A change of so much, as a logarithm, is worth the name.
pub(super) const NEARBY: f64 = 0.4;

/// Twice the baseline, as a logarithm: beyond what callers who give up on the slowest make of it.
const SLOW: f64 = 0.7;

/// So many cohorts in a row are not chance.
const LASTING: f64 = 4.0;

/// The time in which the baseline follows what lasts, while nobody is kept out.
const DRIFT_NS: f64 = 5e9;

/// How many times the limit a cohort is at most, and while nothing is known yet.
const MOST: f64 = 10.0;
const FIRST: f64 = 4.0;
