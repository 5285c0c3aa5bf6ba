//! How well an algorithm did, beside the oracle on the same traffic.

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::model::{Span, Tick};
use crate::scenario::{Asserts, Scenario};

/// What is kept of a run.
#[derive(Clone, Debug)]
pub struct Record {
    seconds: Vec<Second>,
    latencies_us: Histogram<u64>,
    /// The limit in each tick.
    limits: Vec<f64>,
    good_of: Vec<Vec<u32>>,
    ticks: usize,
}

/// What happened in one second.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Second {
    /// Requests answered within the SLO.
    pub good: u32,
    /// Requests answered.
    pub answered: u32,
    /// The sum of what they took, in seconds.
    pub latency: f64,
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
            second.good += tick.good;
            second.answered += tick.answered();
            second.attempts += tick.attempts;
            second.rejected += tick.rejected + tick.plant_rejected;
            for us in &tick.latencies_us {
                second.latency += f64::from(*us) / 1e6;
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

    fn good(&self, seconds: std::ops::Range<usize>) -> f64 {
        let end = seconds.end.min(self.seconds.len());
        let good = self.seconds[seconds.start.min(end)..end]
            .iter()
            .map(|second| second.good);
        good.map(f64::from).sum()
    }
}

/// How well an algorithm did in one run.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Measures {
    /// Its goodput as a part of the oracle's.
    pub efficiency: f64,
    /// Its goodput as a part of what arrived.
    pub goodput: f64,
    /// What answered requests took, in seconds: 50th, 95th and 99th percentile.
    pub latency: [Option<f64>; 3],
    /// The same as multiples of the oracle's.
    pub latency_ratio: [Option<f64>; 3],
    /// What it rejected of what was tried while the oracle rejected nothing, as a part.
    pub false_rejects: f64,
    /// How long it took to settle after the start and after each event, in seconds; `None` if it never did.
    pub settled: Vec<Option<f64>>,
    /// The mean limit.
    pub limit: f64,
    /// The coefficient of variation of the limit.
    pub limit_cv: f64,
    /// Its goodput in its worst second, as a part of the oracle's in that second.
    pub worst_second: f64,
    /// Its goodput in the last quarter, as a part of the oracle's.
    pub end: f64,
    /// Jain's index of the instances' goodput since the last one joined; 1 with one instance.
    pub fairness: f64,
    /// `efficiency` × √(oracle's p99 ÷ p99), the ratio at most 1, each factor at least 0.01.
    pub score: f64,
    /// What was asserted and is not so.
    pub failures: Vec<String>,
}

impl Measures {
    /// Compares a run with that of the oracle on the same seed.
    #[must_use]
    pub fn new(scenario: &Scenario, run: &Record, oracle: &Record) -> Self {
        let everything = 0..oracle.seconds.len();
        let quantiles = [0.5, 0.95, 0.99];
        let latency = quantiles.map(|quantile| run.quantile(quantile));
        let latency_ratio = quantiles.map(|q| Some(run.quantile(q)? / oracle.quantile(q)?));
        let efficiency = part(
            run.good(everything.clone()),
            oracle.good(everything.clone()),
        );
        let p99_factor = latency_ratio[2].map_or(0.0, |ratio| (1.0 / ratio).min(1.0).sqrt());
        let (limit, limit_cv) = mean_and_cv(&run.limits);
        let attempts: u32 = run.seconds.iter().map(|second| second.attempts).sum();
        let quarter = oracle.seconds.len() * 3 / 4..oracle.seconds.len();
        let mut measures = Self {
            efficiency,
            goodput: part(run.good(everything), f64::from(attempts)),
            latency,
            latency_ratio,
            false_rejects: false_rejects(run, oracle),
            settled: settled(scenario, run, oracle),
            limit,
            limit_cv,
            worst_second: worst_second(run, oracle),
            end: part(run.good(quarter.clone()), oracle.good(quarter)),
            fairness: fairness(scenario, run),
            score: efficiency.max(0.01) * p99_factor.max(0.01),
            failures: Vec::new(),
        };
        measures.failures = measures.failed(&scenario.asserts);
        measures
    }

    fn failed(&self, asserts: &Asserts) -> Vec<String> {
        let mut failures = Vec::new();
        let mut at_least = |name: &str, value: f64, bound: Option<f64>| {
            if let Some(bound) = bound.filter(|bound| value < *bound) {
                failures.push(format!("{name} {value:.3} < {bound}"));
            }
        };
        at_least("efficiency", self.efficiency, asserts.efficiency);
        at_least("worst second", self.worst_second, asserts.worst_second);
        at_least("fairness", self.fairness, asserts.fairness);
        at_least("end", self.end, asserts.end);
        if let Some(bound) = asserts
            .false_rejects
            .filter(|bound| self.false_rejects > *bound)
        {
            failures.push(format!("false rejects {:.4} > {bound}", self.false_rejects));
        }
        if let Some(bound) = asserts.p99 {
            match self.latency_ratio[2] {
                Some(ratio) if ratio <= bound => {}
                Some(ratio) => failures.push(format!("p99 {ratio:.2} x > {bound} x")),
                None => failures.push("p99: nothing was answered".to_owned()),
            }
        }
        if let Some(bound) = asserts.settle {
            let slowest = self
                .settled
                .iter()
                .map(|settled| settled.unwrap_or(f64::INFINITY));
            let slowest = slowest.fold(0.0, f64::max);
            if slowest.is_infinite() {
                failures.push(format!("settles never, allowed {bound}"));
            } else if slowest > bound.secs() {
                failures.push(format!("settles in {slowest} s > {bound}"));
            }
        }
        failures
    }
}

/// Returns what was rejected in seconds in which the oracle rejected nothing, as a part of what was
/// tried in them.
fn false_rejects(run: &Record, oracle: &Record) -> f64 {
    let (mut rejected, mut attempts) = (0.0, 0.0);
    for (second, best) in run.seconds.iter().zip(&oracle.seconds) {
        if best.rejected == 0 {
            rejected += f64::from(second.rejected);
            attempts += f64::from(second.attempts);
        }
    }
    if attempts == 0.0 {
        0.0
    } else {
        rejected / attempts
    }
}

/// Returns the lowest goodput of any second, as a part of the oracle's; where traffic is low, a
/// "second" is as long as the oracle needs for some.
fn worst_second(run: &Record, oracle: &Record) -> f64 {
    let width = width(oracle, 0..oracle.seconds.len());
    let mut worst: f64 = 1.0;
    let mut start = 0;
    while start + width <= oracle.seconds.len() {
        let window = start..start + width;
        let best = oracle.good(window.clone());
        // In a second of next to nothing, a few more or less are chance.
        if best >= f64::from(ENOUGH) {
            worst = worst.min(run.good(window) / best);
        }
        start += width;
    }
    worst
}

/// Returns how long it took after the start and each event until goodput and mean latency were
/// near the oracle's and stayed there for a while.
fn settled(scenario: &Scenario, run: &Record, oracle: &Record) -> Vec<Option<f64>> {
    let length = scenario.run.length.secs().floor() as usize;
    let length = length.min(oracle.seconds.len()).min(run.seconds.len());
    let mut begins = vec![0];
    for event in &scenario.run.events {
        begins.push((event.at.secs() + event.over.secs()).ceil() as usize);
    }
    begins.sort_unstable();
    begins.dedup();
    begins.retain(|begin| *begin < length);
    let mut settled = Vec::new();
    for (i, begin) in begins.iter().enumerate() {
        let end = begins.get(i + 1).copied().unwrap_or(length);
        let width = width(oracle, *begin..end).max(3).min(end - begin);
        let is_near = |start: usize| near(run, oracle, start..start + width);
        let mut first = None;
        let mut stays = 0;
        for start in *begin..=end - width {
            if is_near(start) {
                first.get_or_insert(start);
                stays += 1;
                if stays == LASTING {
                    break;
                }
            } else {
                (first, stays) = (None, 0);
            }
        }
        settled.push(first.map(|first| (first - begin) as f64));
    }
    settled
}

/// Returns whether goodput and mean latency in these seconds are near the oracle's.
fn near(run: &Record, oracle: &Record, seconds: std::ops::Range<usize>) -> bool {
    let good = run.good(seconds.clone()) >= 0.9 * oracle.good(seconds.clone());
    let mean = |record: &Record| {
        let seconds = &record.seconds[seconds.clone()];
        let latency: f64 = seconds.iter().map(|second| second.latency).sum();
        let answered: u32 = seconds.iter().map(|second| second.answered).sum();
        latency / f64::from(answered.max(1))
    };
    good && mean(run) <= 2.0 * mean(oracle).max(1e-6)
}

/// Returns how many seconds the oracle needs, on average, for enough good requests to compare.
fn width(oracle: &Record, seconds: std::ops::Range<usize>) -> usize {
    let count = seconds.len().max(1);
    let per_second = oracle.good(seconds) / count as f64;
    let width = f64::from(2 * ENOUGH) / per_second.max(1e-9);
    (width.ceil() as usize).clamp(1, count)
}

/// Returns Jain's index of what the instances got since the last one joined (R. Jain, D. Chiu and W.
/// Hawe, *A quantitative measure of fairness*, 1984): 1 if all are equal, 1/n if one has all.
fn fairness(scenario: &Scenario, run: &Record) -> f64 {
    let mut instances = scenario.run.start.instances;
    let mut since = 0.0;
    for event in &scenario.run.events {
        if let Some(count) = event.set.instances.filter(|count| *count != instances) {
            (instances, since) = (count, event.at.secs());
        }
    }
    if instances == 1 {
        return 1.0;
    }
    let mut sums = vec![0.0; instances as usize];
    for good_of in run.good_of.iter().skip(since as usize) {
        for (sum, good) in sums.iter_mut().zip(good_of) {
            *sum += f64::from(*good);
        }
    }
    let sum: f64 = sums.iter().sum();
    let squares: f64 = sums.iter().map(|good| good * good).sum();
    if squares == 0.0 {
        return 0.0;
    }
    sum * sum / (sums.len() as f64 * squares)
}

fn mean_and_cv(values: &[f64]) -> (f64, f64) {
    let count = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / count;
    let variance = values
        .iter()
        .map(|value| (value - mean).powi(2))
        .sum::<f64>()
        / count;
    (mean, variance.sqrt() / mean.max(1e-9))
}

/// Returns `part` of `whole`; all of nothing is all.
fn part(part: f64, whole: f64) -> f64 {
    if whole == 0.0 { 1.0 } else { part / whole }
}

/// Runs are compared over this long at least.
#[must_use]
pub fn shortest() -> Span {
    Span::from_secs(5)
}

/// Creates a histogram of microseconds up to a day, which is as long as a run may be.
pub(crate) fn histogram_us() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 86_400_000_000, 3).expect("these bounds are valid")
}

const TICKS_PER_SECOND: usize = 10;

/// So many requests are enough to compare two counts of them.
const ENOUGH: u32 = 25;

/// So many seconds in a row are not chance.
const LASTING: u32 = 5;
