/// Mean and deviation of ln rtt over recent successes.
///
/// It is learned from samples as they come, not from cohorts: those are judged before the slowest of
/// their members have ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spread {
    n: f64,
    mean_ln: f64,
    variance: f64,
}

impl Spread {
    pub(super) fn new() -> Self {
        Self {
            n: 0.0,
            mean_ln: 0.0,
            variance: 1.0,
        }
    }

    #[inline]
    pub(super) fn add(&mut self, rtt_ln: f64) {
        self.n += 1.0;
        let memory = self.n.min(MEMORY);
        let before = rtt_ln - self.mean_ln;
        self.mean_ln += before / memory;
        let square = before * (rtt_ln - self.mean_ln);
        // At first, the slow ones have not come back yet: the spread is larger than it looks.
        let prior = if self.n < 2.0 * MEMORY { PRIOR } else { 0.0 };
        self.variance += (square - self.variance) / (memory + prior);
    }

    pub(super) fn deviation(self) -> f64 {
        self.variance.max(1e-4).sqrt()
    }

    /// Returns how long a cohort is waited for: several times what its slowest members should take.
    pub(super) fn patience_ns(self, baseline_ln: Option<f64>) -> f64 {
        if self.n < 16.0 {
            return 1e9;
        }
        let rtt_ns = self.mean_ln.max(baseline_ln.unwrap_or(0.0)).exp();
        let slowest = (3.0 * self.deviation()).exp();
        (rtt_ns * slowest.max(4.0) + 5e7).min(LONGEST_NS)
    }
}

const MEMORY: f64 = 200.0;
const PRIOR: f64 = 50.0;

/// Ten minutes.
const LONGEST_NS: f64 = 6e11;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deviation_is_that_of_the_last_samples() {
        let mut spread = Spread::new();
        for i in 0..2000 {
            spread.add(if i % 2 == 0 { 16.0 } else { 17.0 });
        }
        assert!((spread.deviation() - 0.5).abs() < 0.01);
    }

    #[test]
    fn patience_is_bounded_whatever_the_samples() {
        let mut spread = Spread::new();
        for i in 0..100 {
            spread.add(if i % 2 == 0 { 0.0 } else { 65.0 });
        }
        assert_eq!(spread.patience_ns(Some(65.0)), LONGEST_NS);
    }
}
