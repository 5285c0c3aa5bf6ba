/// A count whose mean over time is wanted.
#[derive(Clone, Debug, Default)]
pub(super) struct Gauge {
    value: u64,
    since: u64,
    /// Value times nanoseconds, since the mean was last taken.
    area: u128,
    begun: u64,
}

impl Gauge {
    pub(super) fn new(now: u64) -> Self {
        Self {
            since: now,
            begun: now,
            ..Self::default()
        }
    }

    pub(super) fn get(&self) -> u64 {
        self.value
    }

    pub(super) fn set(&mut self, now: u64, value: u64) {
        self.area += u128::from(self.value) * u128::from(now - self.since);
        self.since = now;
        self.value = value;
    }

    pub(super) fn add(&mut self, now: u64, change: i64) {
        self.set(now, self.value.saturating_add_signed(change));
    }

    /// Returns the mean since it was last taken, or since it was made.
    pub(super) fn take_mean(&mut self, now: u64) -> f64 {
        self.set(now, self.value);
        let (area, begun) = (self.area, self.begun);
        (self.area, self.begun) = (0, now);
        if now == begun {
            self.value as f64
        } else {
            area as f64 / (now - begun) as f64
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mean_weighs_each_value_with_its_time() {
        let mut gauge = Gauge::default();
        gauge.set(10, 4);
        gauge.set(30, 1);
        assert_eq!(gauge.take_mean(40), (4.0 * 20.0 + 1.0 * 10.0) / 40.0);
        assert_eq!(gauge.take_mean(50), 1.0);
        assert_eq!(gauge.take_mean(50), 1.0);
    }

    #[test]
    fn what_was_before_it_was_made_does_not_count() {
        let mut gauge = Gauge::new(1000);
        gauge.set(1000, 4);
        assert_eq!(gauge.take_mean(1010), 4.0);
    }
}
