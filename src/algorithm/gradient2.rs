mod builder;
mod long_rtt;

use std::time::Duration;

use self::long_rtt::LongRtt;
use super::estimate::{Estimate, from_ns, is_half_used, to_ns};
use super::{Algorithm, Bounds, Report};
use crate::{Outcome, Sample};

pub use self::builder::Gradient2Builder;

/// Follows the gradient of the RTT: the long-term average over the RTT of now.
///
/// As in Netflix's concurrency-limits (`Gradient2Limit`). Each success moves an exponential
/// average of the RTT, and if at least half of the limit was in flight, the limit:
///
/// ```text
/// gradient = clamp(rtt_tolerance × long-term RTT ÷ RTT, 0.5, 1)
/// target   = limit × gradient + queue_size
/// limit    = limit × (1 − smoothing) + target × smoothing
/// ```
///
/// When the RTT falls below half of the average, the average decays by 5% per sample on top, so a
/// service that recovers is soon measured against its better self. When the RTT rises and stays, the
/// average follows, and what was a queue becomes the norm: a service that is overloaded for
/// longer than `long_window` samples needs [`Vegas`](crate::Vegas) or a `max_limit`.
///
/// Use it for servers whose RTT drifts: it keeps no minimum that an outlier could pin.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use tower_adaptive::{Algorithm, Gradient2, Outcome, Sample};
///
/// let mut gradient = Gradient2::builder().max_limit(500).rtt_tolerance(2.0).try_build()?;
/// for _ in 0..10 {
///     let in_flight = gradient.max_concurrency();
///     gradient.update(&Sample::new(Duration::from_millis(20), in_flight, Outcome::Success));
/// }
/// assert!(gradient.max_concurrency() > 20);
/// # Ok::<(), tower_adaptive::InvalidOption>(())
/// ```
///
/// # Differences
///
/// Netflix's `Gradient2Limit` gives the same limits sample by sample as long as all requests
/// succeed:
///
/// - It takes no notice of overload and treats the RTT of a refusal like any other. Here an
///   overload does not touch the average. It acts as the steepest gradient (0.5) without
///   `queue_size`, whatever was in flight, and lowers the limit by 1 at least.
/// - It never hears of requests that the caller gave up. Here the elapsed time of a canceled
///   request, as a lower bound of its RTT, counts as overload of its own gradient if that is below
///   1, and teaches nothing otherwise, nor before the first success.
/// - The same, though other ports lost it: in flight includes the request itself, so a limit of 1
///   grows again.
#[derive(Clone, Debug)]
pub struct Gradient2 {
    estimate: Estimate,
    long_rtt: LongRtt,
    last_rtt_ns: f64,
    options: Gradient2Builder,
}

impl Gradient2 {
    fn learn(&mut self, rtt_ns: f64, in_flight: usize) {
        self.last_rtt_ns = rtt_ns;
        let long_ns = self.long_rtt.add(rtt_ns);
        if long_ns / rtt_ns > 2.0 {
            self.long_rtt.decay();
        }
        if !is_half_used(self.estimate.value(), in_flight) {
            return;
        }
        let gradient = self.slope(long_ns, rtt_ns).clamp(STEEPEST, 1.0);
        let target = self.estimate.value() * gradient + self.options.queue_size as f64;
        self.estimate.approach(target, self.options.smoothing);
    }

    fn learn_from_lower_bound(&mut self, elapsed_ns: f64) {
        let Some(long_ns) = self.long_rtt.get() else {
            return;
        };
        let slope = self.slope(long_ns, elapsed_ns);
        if slope < 1.0 {
            self.back_off(slope.max(STEEPEST));
        }
    }

    fn back_off(&mut self, gradient: f64) {
        let target = self.estimate.value() * gradient;
        self.estimate.back_off(target, self.options.smoothing);
    }

    fn slope(&self, long_ns: f64, rtt_ns: f64) -> f64 {
        self.options.rtt_tolerance * long_ns / rtt_ns
    }
}

impl Algorithm for Gradient2 {
    fn max_concurrency(&self) -> usize {
        self.estimate.limit()
    }

    fn update(&mut self, sample: &Sample) {
        let rtt_ns = to_ns(sample.rtt);
        match sample.outcome {
            Outcome::Success => self.learn(rtt_ns, sample.in_flight),
            Outcome::Overload => self.back_off(STEEPEST),
            Outcome::Canceled => self.learn_from_lower_bound(rtt_ns),
        }
    }

    fn rebase(&mut self, limit: usize, bounds: Bounds) {
        self.estimate = Estimate::new(limit, bounds);
    }

    fn restore(&mut self, baseline: Duration) {
        self.long_rtt.set(to_ns(baseline));
    }

    fn report(&self) -> Report {
        let report = Report::new()
            .algorithm("gradient2")
            .bounds(self.estimate.bounds())
            .phase(if self.long_rtt.is_warm() {
                "tracking"
            } else {
                "learning"
            });
        match self.long_rtt.get() {
            Some(long_ns) => report
                .baseline(from_ns(long_ns))
                .queue(self.estimate.queue(long_ns, self.last_rtt_ns).max(0.0)),
            None => report,
        }
    }
}

/// The smallest gradient: no sample asks for less than half of the limit.
const STEEPEST: f64 = 0.5;
