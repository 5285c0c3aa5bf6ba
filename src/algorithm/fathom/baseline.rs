/// The RTT without a queue, as a natural logarithm of nanoseconds, and how much is known of it.
///
/// A Kalman filter of one dimension: each observation weighs as much as the requests behind it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Baseline {
    ln: f64,
    /// The requests it rests on, as far as they are remembered.
    n: f64,
}

impl Baseline {
    pub(super) fn new(ln: f64, n: f64) -> Self {
        Self { ln, n }
    }

    pub(super) fn ln(self) -> f64 {
        self.ln
    }

    /// Returns whether it rests on enough requests to be trusted.
    pub(super) fn is_sure(self, spread: f64) -> bool {
        self.n >= SURE * memory(spread)
    }

    /// Returns the standard error of its difference to the mean of `n` requests, if the logarithms of
    /// RTTs deviate by `spread`.
    pub(super) fn error(self, n: f64, spread: f64) -> f64 {
        spread * (1.0 / n + 1.0 / self.n).sqrt()
    }

    /// Takes in the mean of `n` requests that did not wait. What is too far off for chance means that
    /// something has changed.
    pub(super) fn observe(&mut self, ln: f64, n: f64, spread: f64) {
        let is_far = (ln - self.ln).abs() > 3.0 * self.error(n, spread).max(0.03);
        if is_far && n >= 0.5 * SURE * memory(spread) {
            *self = Self::new(ln, n);
            return;
        }
        let weight = n / (self.n + n);
        self.ln += if is_far { weight.max(0.25) } else { weight } * (ln - self.ln);
        self.n = (self.n + n).min(memory(spread));
    }

    /// Goes a little way to where the RTT is.
    pub(super) fn drift(&mut self, by: f64) {
        self.ln += by;
    }
}

/// So many requests make it right to 3%.
fn memory(spread: f64) -> f64 {
    (1100.0 * spread * spread).max(250.0)
}

/// The part of that which is enough to be sure.
const SURE: f64 = 0.8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_observation_weighs_as_much_as_its_requests() {
        let mut baseline = Baseline::new(1.0, 100.0);
        baseline.observe(1.1, 100.0, 0.5);
        assert!((baseline.ln() - 1.05).abs() < 1e-12);
        baseline.observe(1.15, 50.0, 0.5);
        assert!((baseline.ln() - 1.07).abs() < 1e-12);
        assert!(baseline.is_sure(0.4));
    }

    #[test]
    fn what_chance_does_not_explain_replaces_it_or_weighs_a_quarter() {
        let mut sure = Baseline::new(1.0, 250.0);
        sure.observe(3.0, 120.0, 0.5);
        assert_eq!(sure.ln(), 3.0);
        let mut unsure = Baseline::new(1.0, 250.0);
        unsure.observe(3.0, 20.0, 0.5);
        assert_eq!(unsure.ln(), 1.5);
    }
}
