mod builder;
mod probe;

use std::time::Duration;

use self::probe::Probe;
use super::estimate::{Estimate, from_ns, is_half_used, to_ns};
use super::{Algorithm, Bounds, Report};
use crate::{Outcome, Sample};

pub use self::builder::VegasBuilder;

/// Keeps the estimated queue between `alpha` and `beta`.
///
/// TCP Vegas (Brakmo and Peterson, *TCP Vegas: end to end congestion avoidance on a global
/// internet*, 1995), as in Netflix's concurrency-limits (`VegasLimit`). The smallest RTT seen is the
/// baseline; what an RTT has beyond it was spent in a queue:
///
/// ```text
/// queue = ⌈limit × (1 − baseline ÷ rtt)⌉
/// ```
///
/// A success, if at least half of the limit was in flight, then moves the limit by steps that are
/// multiples of `log10(limit)` (in whole numbers, at least 1):
///
/// | queue | limit |
/// |---|---|
/// | at most `threshold` | rises by `beta` |
/// | below `alpha` | rises by log10 |
/// | from `alpha` to `beta` | stays |
/// | above `beta` | falls by log10 |
///
/// Now and then (see [`probe_multiplier`](VegasBuilder::probe_multiplier)) the baseline is
/// forgotten and the RTT of that moment takes its place, or a service that has become slower for good
/// would look overloaded for ever.
///
/// Use it where the RTT of an unloaded service is about the same for all requests.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use tower_adaptive::{Algorithm, Outcome, Sample, Vegas};
///
/// let mut vegas = Vegas::builder().initial_limit(10).max_limit(500).try_build()?;
/// let fast = Sample::new(Duration::from_millis(10), 10, Outcome::Success);
/// let slow = Sample::new(Duration::from_millis(90), 16, Outcome::Success);
///
/// vegas.update(&fast); // the baseline
/// vegas.update(&fast); // no queue
/// assert_eq!(vegas.max_concurrency(), 16);
///
/// vegas.update(&slow); // 15 of 16 wait
/// assert_eq!(vegas.max_concurrency(), 15);
/// # Ok::<(), tower_adaptive::InvalidOption>(())
/// ```
///
/// # Differences
///
/// Netflix's `VegasLimit` gives the same limits sample by sample as long as all requests succeed
/// and neither probes:
///
/// - It lets the RTT of a refusal become the baseline, and by way of a probe any RTT. Here only a
///   success moves the baseline or counts towards a probe.
/// - An overload that becomes the baseline leaves its limit alone. Here every overload lowers the
///   limit, whatever was in flight, and by 1 at least, however small `smoothing` is.
/// - It never hears of requests that the caller gave up. Here the elapsed time of a canceled
///   request, as a lower bound of its RTT, counts as overload if it means a queue above `beta`,
///   and teaches nothing otherwise, nor before the first success.
/// - The same, though other ports lost it: in flight includes the request itself, so a limit of 1
///   grows again.
/// - There is a `min_limit`, and the randomness of probes can be seeded.
#[derive(Clone, Debug)]
pub struct Vegas {
    estimate: Estimate,
    baseline_ns: Option<f64>,
    last_rtt_ns: f64,
    probe: Probe,
    options: VegasBuilder,
}

impl Vegas {
    fn learn(&mut self, rtt_ns: f64, in_flight: usize) {
        self.last_rtt_ns = rtt_ns;
        let probes = self.probe.is_due(self.estimate.value());
        let baseline_ns = match self.baseline_ns {
            Some(baseline_ns) if !probes && rtt_ns >= baseline_ns => baseline_ns,
            _ => {
                self.baseline_ns = Some(rtt_ns);
                return;
            }
        };
        if !is_half_used(self.estimate.value(), in_flight) {
            return;
        }

        let limit = self.estimate.value();
        let queue = self.estimate.queue(baseline_ns, rtt_ns).ceil();
        let step = self.step();
        let target = if queue <= self.options.threshold * step {
            limit + self.options.beta * step
        } else if queue < self.options.alpha * step {
            limit + step
        } else if queue > self.options.beta * step {
            limit - step
        } else {
            return;
        };
        let target = self.estimate.bounds().clamp_f64(target);
        self.estimate.approach(target, self.options.smoothing);
    }

    fn learn_from_lower_bound(&mut self, elapsed_ns: f64) {
        let Some(baseline_ns) = self.baseline_ns else {
            return;
        };
        let queue = self.estimate.queue(baseline_ns, elapsed_ns).ceil();
        if queue > self.options.beta * self.step() {
            self.back_off();
        }
    }

    fn back_off(&mut self) {
        let target = self.estimate.value() - self.step();
        self.estimate.back_off(target, self.options.smoothing);
    }

    /// Returns log10 of the limit in whole numbers, at least 1: the unit of all steps.
    fn step(&self) -> f64 {
        f64::from(self.estimate.limit().ilog10().max(1))
    }
}

impl Algorithm for Vegas {
    fn max_concurrency(&self) -> usize {
        self.estimate.limit()
    }

    fn update(&mut self, sample: &Sample) {
        let rtt_ns = to_ns(sample.rtt);
        match sample.outcome {
            Outcome::Success => self.learn(rtt_ns, sample.in_flight),
            Outcome::Overload => self.back_off(),
            Outcome::Canceled => self.learn_from_lower_bound(rtt_ns),
        }
    }

    fn rebase(&mut self, limit: usize, bounds: Bounds) {
        self.estimate = Estimate::new(limit, bounds);
    }

    fn restore(&mut self, baseline: Duration) {
        self.baseline_ns = Some(to_ns(baseline));
    }

    fn report(&self) -> Report {
        let report = Report::new()
            .algorithm("vegas")
            .bounds(self.estimate.bounds());
        match self.baseline_ns {
            Some(baseline_ns) => report
                .phase("tracking")
                .baseline(from_ns(baseline_ns))
                .queue(self.estimate.queue(baseline_ns, self.last_rtt_ns)),
            None => report.phase("learning"),
        }
    }
}
