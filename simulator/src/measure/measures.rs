use serde::Serialize;

use super::Record;
use super::compare::{fairness, false_rejects, possible, settled, worst_second};
use crate::scenario::{Asserts, Scenario};

/// How well an algorithm did in one run.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Measures {
    /// Its goodput as a part of the oracle's.
    pub efficiency: f64,
    /// Its goodput as a part of what the servers could have done of what arrived, without contention
    /// and pauses. This does not depend on the oracle.
    pub goodput: f64,
    /// What answered requests took, in seconds: 50th, 95th and 99th percentile.
    pub latency_s: [Option<f64>; 3],
    /// The same as multiples of the oracle's.
    pub latency_ratio: [Option<f64>; 3],
    /// What it rejected of what was tried while the oracle rejected nothing, as a part.
    pub false_rejects: f64,
    /// How long it took to settle after the start and after each event, in seconds; `None` if it never did.
    pub settled_s: Vec<Option<f64>>,
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
        let length = oracle.seconds().len();
        let everything = 0..length;
        let quantiles = [0.5, 0.95, 0.99];
        let latency_s = quantiles.map(|quantile| run.quantile(quantile));
        let latency_ratio = quantiles.map(|q| Some(run.quantile(q)? / oracle.quantile(q)?));
        let efficiency = part(
            run.good(everything.clone()),
            oracle.good(everything.clone()),
        );
        let p99_factor = latency_ratio[2].map_or(0.0, |ratio| (1.0 / ratio).min(1.0).sqrt());
        let (limit, limit_cv) = mean_and_cv(run.limits());
        let quarter = length * 3 / 4..length;
        let mut measures = Self {
            efficiency,
            goodput: part(run.good(everything), possible(scenario, run)),
            latency_s,
            latency_ratio,
            false_rejects: false_rejects(run, oracle),
            settled_s: settled(scenario, run, oracle),
            limit,
            limit_cv,
            worst_second: worst_second(scenario, run, oracle),
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
        at_least("goodput", self.goodput, asserts.goodput);
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
        if let Some(bound) = asserts.latency {
            match self.latency_s[2] {
                Some(p99) if p99 <= bound.secs() => {}
                Some(p99) => failures.push(format!("latency {:.0} ms > {bound}", p99 * 1e3)),
                None => failures.push("latency: nothing was answered".to_owned()),
            }
        }
        if let Some(bound) = asserts.settle {
            let slowest = self
                .settled_s
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

fn mean_and_cv(values: &[f64]) -> (f64, f64) {
    let count = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares = values.iter().map(|value| (value - mean).powi(2));
    let variance = squares.sum::<f64>() / count;
    (mean, variance.sqrt() / mean.max(1e-9))
}

/// Returns `part` of `whole`; all of nothing is all.
fn part(part: f64, whole: f64) -> f64 {
    if whole == 0.0 { 1.0 } else { part / whole }
}
