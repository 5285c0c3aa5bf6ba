use std::time::Duration;

use super::Aggregate;
use super::histogram::Histogram;
use crate::algorithm::estimate::{from_ns, to_ns};
use crate::{Outcome, Sample};

/// The samples of one window, summed up as they come.
#[derive(Clone, Debug)]
pub(super) struct Window {
    successes: Rtts,
    /// Elapsed times of canceled requests: lower bounds, so never mixed with `successes`.
    cancels: Rtts,
    overloads: u32,
    max_in_flight: usize,
}

impl Window {
    pub(super) fn new(aggregate: Aggregate) -> Self {
        Self {
            successes: Rtts::new(aggregate),
            cancels: Rtts::new(aggregate),
            overloads: 0,
            max_in_flight: 0,
        }
    }

    pub(super) fn add(&mut self, sample: &Sample) {
        match sample.outcome {
            Outcome::Success => self.successes.add(sample.rtt),
            Outcome::Canceled => self.cancels.add(sample.rtt),
            Outcome::Overload => self.overloads = self.overloads.saturating_add(1),
        }
        self.max_in_flight = self.max_in_flight.max(sample.in_flight);
    }

    pub(super) fn clear(&mut self) {
        self.successes.clear();
        self.cancels.clear();
        self.overloads = 0;
        self.max_in_flight = 0;
    }

    pub(super) fn len(&self) -> u32 {
        self.successes
            .count
            .saturating_add(self.cancels.count)
            .saturating_add(self.overloads)
    }

    pub(super) fn has_failures(&self) -> bool {
        self.overloads > 0 || self.cancels.count > 0
    }

    /// Returns the shortest RTT of a success, or zero.
    pub(super) fn shortest_rtt(&self) -> Duration {
        self.successes.shortest
    }

    /// Returns the outcome that stands for the whole window.
    pub(super) fn outcome(&self) -> Outcome {
        if self.overloads > 0 {
            Outcome::Overload
        } else if self.cancels.count > self.successes.count {
            Outcome::Canceled
        } else {
            Outcome::Success
        }
    }

    /// Returns the sample that stands for the window of which `last` is the last one.
    pub(super) fn aggregate(&self, last: &Sample) -> Sample {
        let outcome = self.outcome();
        let rtt = match outcome {
            Outcome::Success => self.successes.aggregate(),
            Outcome::Canceled => self.cancels.aggregate(),
            Outcome::Overload => self.successes.aggregate().or(self.cancels.aggregate()),
        };
        Sample {
            rtt: rtt.unwrap_or(last.rtt),
            in_flight: self.max_in_flight,
            outcome,
            ..last.clone()
        }
    }
}

/// RTTs of one kind, and what is needed to make them one.
#[derive(Clone, Debug)]
struct Rtts {
    count: u32,
    /// Zero if there are none.
    shortest: Duration,
    longest: Duration,
    total: Total,
}

/// What RTTs are summed up to, by what is to become of them.
#[derive(Clone, Debug)]
enum Total {
    Mean(Duration),
    /// The sum of the logarithms, in nanoseconds.
    LogMean(f64),
    Percentile(f64, Histogram),
}

impl Rtts {
    fn new(aggregate: Aggregate) -> Self {
        Self {
            count: 0,
            shortest: Duration::ZERO,
            longest: Duration::ZERO,
            total: match aggregate {
                Aggregate::Mean => Total::Mean(Duration::ZERO),
                Aggregate::LogMean => Total::LogMean(0.0),
                Aggregate::Percentile(percentile) => {
                    Total::Percentile(percentile, Histogram::new())
                }
            },
        }
    }

    fn add(&mut self, rtt: Duration) {
        self.shortest = if self.count == 0 {
            rtt
        } else {
            self.shortest.min(rtt)
        };
        self.longest = self.longest.max(rtt);
        self.count = self.count.saturating_add(1);
        match &mut self.total {
            Total::Mean(sum) => *sum = sum.saturating_add(rtt),
            Total::LogMean(sum) => *sum += to_ns(rtt).ln(),
            Total::Percentile(_, histogram) => histogram.add(rtt),
        }
    }

    fn clear(&mut self) {
        self.count = 0;
        self.shortest = Duration::ZERO;
        self.longest = Duration::ZERO;
        match &mut self.total {
            Total::Mean(sum) => *sum = Duration::ZERO,
            Total::LogMean(sum) => *sum = 0.0,
            Total::Percentile(_, histogram) => histogram.clear(),
        }
    }

    /// Returns the one RTT that stands for all, if there are any.
    fn aggregate(&self) -> Option<Duration> {
        if self.count == 0 {
            return None;
        }
        let rtt = match &self.total {
            Total::Mean(sum) => *sum / self.count,
            Total::LogMean(sum) => from_ns((sum / f64::from(self.count)).exp().round()),
            Total::Percentile(percentile, histogram) => {
                let rank = (percentile * f64::from(self.count)).ceil() as u32;
                histogram.nth_shortest(rank.max(1))
            }
        };
        // A bucket's middle can lie outside of what was seen, and so can what was rounded.
        Some(rtt.clamp(self.shortest, self.longest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn aggregate_of(aggregate: Aggregate, rtts: impl IntoIterator<Item = u32>) -> Duration {
        let mut window = Window::new(aggregate);
        for ms in rtts {
            window.add(&Sample::new(MS * ms, 1, Outcome::Success));
        }
        let last = Sample::new(MS, 1, Outcome::Success);
        window.aggregate(&last).rtt
    }

    #[test]
    fn mean_is_exact() {
        assert_eq!(aggregate_of(Aggregate::Mean, [1, 2, 6]), MS * 3);
    }

    #[test]
    fn log_mean_is_the_geometric_mean() {
        assert_eq!(aggregate_of(Aggregate::LogMean, [1, 4, 16]), MS * 4);
        assert_eq!(aggregate_of(Aggregate::LogMean, [7, 7, 7]), MS * 7);
    }

    #[test]
    fn log_mean_is_moved_far_less_by_a_few_slow_responses() {
        let rtts = || std::iter::repeat_n(10, 95).chain(std::iter::repeat_n(200, 5));
        assert_eq!(aggregate_of(Aggregate::Mean, rtts()).as_micros(), 19_500);
        assert_eq!(aggregate_of(Aggregate::LogMean, rtts()).as_micros(), 11_615);
    }

    #[test]
    fn log_mean_takes_zero_for_a_nanosecond() {
        let mut rtts = Rtts::new(Aggregate::LogMean);
        rtts.add(Duration::ZERO);
        rtts.add(Duration::from_nanos(100));
        assert_eq!(rtts.aggregate(), Some(Duration::from_nanos(10)));
    }

    #[test]
    fn log_mean_is_never_outside_of_what_was_seen() {
        for rtt in [Duration::ZERO, Duration::from_nanos(3), MS, Duration::MAX] {
            let mut rtts = Rtts::new(Aggregate::LogMean);
            rtts.add(rtt);
            rtts.add(rtt);
            assert_eq!(rtts.aggregate(), Some(rtt));
        }
    }

    #[test]
    fn percentile_is_within_its_precision() {
        for (percentile, exact_ms) in [(0.5, 500.0), (0.9, 900.0), (0.99, 990.0)] {
            let rtt = aggregate_of(Aggregate::Percentile(percentile), 1..=1000);
            let error = rtt.as_secs_f64() * 1e3 / exact_ms - 1.0;
            assert!(error.abs() <= 0.016, "{percentile}: {rtt:?}");
        }
    }

    #[test]
    fn percentile_is_never_outside_of_what_was_seen() {
        for percentile in [0.01, 0.5, 1.0] {
            let aggregate = Aggregate::Percentile(percentile);
            assert_eq!(aggregate_of(aggregate, [7, 7, 7]), MS * 7);
        }
    }

    #[test]
    fn percentile_is_a_nearest_rank() {
        for (percentile, exact) in [(0.01, 10), (0.5, 20), (0.51, 40), (0.75, 40), (1.0, 80)] {
            let rtt = aggregate_of(Aggregate::Percentile(percentile), [80, 40, 20, 10]);
            assert_eq!((rtt.as_secs_f64() * 100.0).round() * 10.0, f64::from(exact));
        }
    }

    #[test]
    fn sums_of_the_longest_durations_saturate() {
        let mut rtts = Rtts::new(Aggregate::Mean);
        rtts.add(Duration::MAX);
        rtts.add(Duration::MAX);
        assert_eq!(rtts.aggregate(), Some(Duration::MAX));
    }
}
