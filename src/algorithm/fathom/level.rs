use super::cohort::Observation;

/// Limit and RTT, averaged over the last cohorts as long as they tell the same.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Level {
    /// Cohorts it is averaged over, and the requests in them.
    pub(super) cohorts: f64,
    pub(super) n: f64,
    pub(super) rtt_ln: f64,
    /// The RTT of successes, which is what a baseline may be learned from.
    pub(super) success_ln: f64,
    pub(super) limit_ln: f64,
}

impl Level {
    /// Adds a cohort. What is compared is limit ÷ RTT, the throughput by Little's law: with a
    /// queue, it does not depend on the limit, so a limit on the move does not blur it.
    pub(super) fn add(&mut self, seen: &Observation, spread: f64) {
        let limit_ln = seen.limit.ln();
        let change = (limit_ln - seen.rtt_ln) - (self.limit_ln - self.rtt_ln);
        let error = (spread / seen.n.sqrt()).max(0.02);
        if self.cohorts == 0.0 || change.abs() > 3.0 * error {
            *self = Self::default();
        }
        self.cohorts = (self.cohorts + 1.0).min(MEMORY);
        self.n = (self.n + seen.n).min(self.cohorts * seen.n);
        self.rtt_ln += (seen.rtt_ln - self.rtt_ln) / self.cohorts;
        self.success_ln += (seen.success_ln - self.success_ln) / self.cohorts;
        self.limit_ln += (limit_ln - self.limit_ln) / self.cohorts;
    }

    /// Whether it is an average of as many cohorts as there can be.
    pub(super) fn is_settled(&self) -> bool {
        self.cohorts >= MEMORY
    }
}

/// The most in flight in this and in the last period.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Peak {
    before: f64,
    now: f64,
    since_ns: f64,
}

impl Peak {
    #[inline]
    pub(super) fn add(&mut self, in_flight: f64, now_ns: f64) {
        let age_ns = now_ns - self.since_ns;
        if age_ns > PERIOD_NS {
            let is_recent = age_ns <= 2.0 * PERIOD_NS;
            self.before = if is_recent { self.now } else { 0.0 };
            self.now = 0.0;
            self.since_ns = now_ns;
        } else if age_ns < 0.0 {
            // Another clock.
            self.since_ns = now_ns;
        }
        self.now = self.now.max(in_flight);
    }

    pub(super) fn get(&self) -> f64 {
        self.now.max(self.before)
    }
}

const MEMORY: f64 = 8.0;
const PERIOD_NS: f64 = 15e9;

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(limit: f64, rtt_ms: f64) -> Observation {
        Observation {
            n: 100.0,
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

    #[test]
    fn a_level_is_averaged_until_the_throughput_is_another() {
        let mut level = Level::default();
        level.add(&seen(20.0, 20.0), 0.3);
        level.add(&seen(40.0, 40.0), 0.3);
        assert_eq!(level.cohorts, 2.0);
        level.add(&seen(40.0, 80.0), 0.3);
        assert_eq!(level.cohorts, 1.0);
        assert!((level.rtt_ln - 80e6_f64.ln()).abs() < 1e-9);
    }

    #[test]
    fn a_peak_is_remembered_for_one_period_more() {
        let mut peak = Peak::default();
        peak.add(40.0, 1e9);
        peak.add(3.0, 16e9);
        assert_eq!(peak.get(), 40.0);
        peak.add(2.0, 32e9);
        assert_eq!(peak.get(), 3.0);
        peak.add(1.0, 600e9);
        assert_eq!(peak.get(), 1.0);
    }

    #[test]
    fn a_peak_is_forgotten_by_another_clock_too() {
        let mut peak = Peak::default();
        peak.add(40.0, 600e9);
        peak.add(3.0, 1e9);
        assert_eq!(peak.get(), 40.0);
        peak.add(2.0, 17e9);
        peak.add(1.0, 33e9);
        assert_eq!(peak.get(), 2.0);
    }
}
