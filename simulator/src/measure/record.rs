use std::ops::Range;

use hdrhistogram::Histogram;

use crate::model::Tick;

/// What is kept of a run.
#[derive(Clone, Debug)]
pub struct Record {
    seconds: Vec<Second>,
    latencies_us: Histogram<u64>,
    limits: Vec<f64>,
    good_of: Vec<Vec<u32>>,
    ticks: usize,
}

/// What happened in one second.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Second {
    /// Requests that arrived.
    pub arrived: u32,
    /// What the servers could have done.
    pub capacity: f64,
    /// Requests answered within the SLO.
    pub good: u32,
    /// Requests answered.
    pub answered: u32,
    /// The sum of what they took, in seconds.
    pub latency_s: f64,
    /// Attempts begun.
    pub attempts: u32,
    /// Attempts that a limiter rejected.
    pub rejected: u32,
}

impl Default for Record {
    fn default() -> Self {
        Self::new()
    }
}

impl Record {
    /// Creates an empty record.
    #[must_use]
    pub fn new() -> Self {
        Self {
            seconds: Vec::new(),
            latencies_us: histogram_us(),
            limits: Vec::new(),
            good_of: Vec::new(),
            ticks: 0,
        }
    }

    /// Adds the next tick.
    pub fn add(&mut self, tick: &Tick) {
        if self.ticks.is_multiple_of(TICKS_PER_SECOND) {
            self.seconds.push(Second::default());
            self.good_of.push(Vec::new());
        }
        self.ticks += 1;
        if let (Some(second), Some(good_of)) = (self.seconds.last_mut(), self.good_of.last_mut()) {
            second.arrived += tick.arrived;
            second.capacity += tick.capacity / TICKS_PER_SECOND as f64;
            second.good += tick.good;
            second.answered += tick.answered();
            second.attempts += tick.attempts;
            second.rejected += tick.rejected + tick.plant_rejected;
            for us in &tick.latencies_us {
                second.latency_s += f64::from(*us) / 1e6;
                self.latencies_us.saturating_record(u64::from(*us));
            }
            if good_of.len() < tick.good_of.len() {
                good_of.resize(tick.good_of.len(), 0);
            }
            for (sum, good) in good_of.iter_mut().zip(&tick.good_of) {
                *sum += good;
            }
        }
        self.limits
            .push(tick.plant.map_or(tick.limit, |[limit, ..]| limit));
    }

    /// Returns its seconds.
    #[must_use]
    pub fn seconds(&self) -> &[Second] {
        &self.seconds
    }

    /// Returns the limit in each tick.
    #[must_use]
    pub fn limits(&self) -> &[f64] {
        &self.limits
    }

    /// Returns a quantile of what answered requests took, or `None` if there were none.
    #[must_use]
    pub fn quantile(&self, quantile: f64) -> Option<f64> {
        if self.latencies_us.is_empty() {
            return None;
        }
        Some(self.latencies_us.value_at_quantile(quantile) as f64 / 1e6)
    }

    /// Returns the good requests of each instance, second by second.
    pub(super) fn good_of(&self) -> &[Vec<u32>] {
        &self.good_of
    }

    /// Returns the good requests in these seconds.
    pub(super) fn good(&self, seconds: Range<usize>) -> f64 {
        let end = seconds.end.min(self.seconds.len());
        let good = self.seconds[seconds.start.min(end)..end]
            .iter()
            .map(|second| second.good);
        good.map(f64::from).sum()
    }
}

/// Creates a histogram of microseconds up to a day, which is as long as a run may be.
pub(crate) fn histogram_us() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 86_400_000_000, 3).expect("these bounds are valid")
}

const TICKS_PER_SECOND: usize = 10;
