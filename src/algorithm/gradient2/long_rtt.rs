/// The long-term RTT in nanoseconds: an exponential average with a warm-up.
///
/// The first samples are averaged plainly, or the very first would weigh for a whole window.
#[derive(Clone, Debug)]
pub(super) struct LongRtt {
    average_ns: f64,
    /// Weight of a new sample once warm.
    factor: f64,
    warm_up_sum_ns: f64,
    warm_up_count: u32,
}

impl LongRtt {
    /// Creates an average over about `window` samples.
    pub(super) fn new(window: u32) -> Self {
        Self {
            average_ns: 0.0,
            factor: 2.0 / (f64::from(window) + 1.0),
            warm_up_sum_ns: 0.0,
            warm_up_count: 0,
        }
    }

    /// Takes in `rtt_ns` and returns the new average.
    pub(super) fn add(&mut self, rtt_ns: f64) -> f64 {
        if self.is_warm() {
            self.average_ns = self.average_ns * (1.0 - self.factor) + rtt_ns * self.factor;
        } else {
            self.warm_up_count += 1;
            self.warm_up_sum_ns += rtt_ns;
            self.average_ns = self.warm_up_sum_ns / f64::from(self.warm_up_count);
        }
        self.average_ns
    }

    /// Takes over an average that is warm.
    pub(super) fn set(&mut self, average_ns: f64) {
        self.average_ns = average_ns;
        self.warm_up_count = WARM_UP;
    }

    /// Lowers the average by 5%. While warming up, the next sample undoes it.
    pub(super) fn decay(&mut self) {
        self.average_ns *= 0.95;
    }

    /// Returns the average, if there was a sample.
    pub(super) fn get(&self) -> Option<f64> {
        (self.warm_up_count > 0).then_some(self.average_ns)
    }

    pub(super) fn is_warm(&self) -> bool {
        self.warm_up_count == WARM_UP
    }
}

const WARM_UP: u32 = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_ten_samples_weigh_the_same() {
        let mut long_rtt = LongRtt::new(600);
        for rtt_ns in 1..=9 {
            long_rtt.add(f64::from(rtt_ns));
        }
        assert!(!long_rtt.is_warm());
        assert_eq!(long_rtt.add(10.0), 5.5);
        assert!(long_rtt.is_warm());
    }

    #[test]
    fn a_window_of_one_follows_the_last_sample_once_warm() {
        let mut long_rtt = LongRtt::new(1);
        for _ in 0..WARM_UP {
            long_rtt.add(100.0);
        }
        assert_eq!(long_rtt.add(7.0), 7.0);
    }
}
