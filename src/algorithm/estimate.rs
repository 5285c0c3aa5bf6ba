use std::time::Duration;

use super::Bounds;

/// A limit with a fraction, always inside its bounds.
///
/// The fraction lets steps smaller than one request add up.
#[derive(Clone, Debug)]
pub(super) struct Estimate {
    value: f64,
    bounds: Bounds,
}

impl Estimate {
    pub(super) fn new(limit: usize, bounds: Bounds) -> Self {
        Self {
            value: bounds.clamp(limit) as f64,
            bounds,
        }
    }

    pub(super) fn value(&self) -> f64 {
        self.value
    }

    /// Returns the limit to enforce: the estimate without its fraction.
    pub(super) fn limit(&self) -> usize {
        self.value as usize
    }

    pub(super) fn bounds(&self) -> Bounds {
        self.bounds
    }

    /// Returns how many requests of the limit wait, if `rtt_ns` would be `baseline_ns` without a
    /// queue. Little's law: the RTT beyond the baseline is spent in the queue.
    pub(super) fn queue(&self, baseline_ns: f64, rtt_ns: f64) -> f64 {
        self.value * (1.0 - baseline_ns / rtt_ns)
    }

    /// Goes the fraction `smoothing` of the way to `target`.
    pub(super) fn approach(&mut self, target: f64, smoothing: f64) {
        self.value = self.bounds.clamp_f64(self.smoothed(target, smoothing));
    }

    /// Goes the fraction `smoothing` of the way down to `target`, and down by one at least.
    pub(super) fn back_off(&mut self, target: f64, smoothing: f64) {
        // A small limit times a ratio can round back to itself, and a small `smoothing` swallow
        // the step. An overload must show in the limit at once.
        let lower = self.smoothed(target, smoothing).min(self.value - 1.0);
        self.value = self.bounds.clamp_f64(lower);
    }

    fn smoothed(&self, target: f64, smoothing: f64) -> f64 {
        self.value * (1.0 - smoothing) + target * smoothing
    }
}

/// Returns whether `in_flight` uses at least half of `limit`.
///
/// With less load on it, a fast response says nothing about a higher limit. A limit of 1 is in use
/// whenever there is a request, since that request counts itself.
pub(super) fn is_half_used(limit: f64, in_flight: usize) -> bool {
    in_flight as f64 * 2.0 >= limit
}

/// Returns `rtt` in nanoseconds, 1 at least, so that it can be divided by.
pub(super) fn to_ns(rtt: Duration) -> f64 {
    // Exact up to 104 days, and far cheaper than going through `as_nanos` and its u128.
    let ns = rtt.as_secs() as f64 * 1e9 + f64::from(rtt.subsec_nanos());
    ns.max(1.0)
}

/// Returns the duration of `ns` nanoseconds.
pub(super) fn from_ns(ns: f64) -> Duration {
    Duration::from_nanos(ns as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn estimate(limit: usize) -> Estimate {
        Estimate::new(limit, Bounds::new(2, 100).unwrap())
    }

    #[test]
    fn back_off_costs_at_least_one_however_small_the_step() {
        let mut estimate = estimate(10);
        estimate.back_off(9.99, 0.001);
        assert_eq!(estimate.limit(), 9);
    }

    #[test]
    fn back_off_stops_at_the_smallest_limit() {
        let mut estimate = estimate(3);
        for _ in 0..5 {
            estimate.back_off(0.0, 1.0);
        }
        assert_eq!(estimate.limit(), 2);
    }

    #[test]
    fn small_steps_add_up() {
        let mut estimate = estimate(10);
        for _ in 0..4 {
            estimate.approach(100.0, 0.01);
        }
        assert_eq!(estimate.limit(), 13);
    }

    #[test]
    fn no_target_makes_the_estimate_infinite_or_nan() {
        for target in [f64::INFINITY, f64::NEG_INFINITY, f64::NAN, f64::MAX] {
            let mut estimate = estimate(10);
            estimate.approach(target, 1.0);
            assert!((2..=100).contains(&estimate.limit()), "{target}");
        }
    }

    #[test]
    fn nanoseconds_are_exact_and_never_zero() {
        assert_eq!(to_ns(Duration::ZERO), 1.0);
        assert_eq!(to_ns(Duration::new(86_400, 1)), 86_400_000_000_001.0);
        assert!(to_ns(Duration::MAX).is_finite());
        assert_eq!(from_ns(15e6), Duration::from_millis(15));
    }
}
