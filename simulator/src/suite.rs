//! Runs algorithms in all scenarios, over several seeds, and compares each with the oracle.

use rayon::prelude::*;
use serde::Serialize;
use tower_adaptive::{Algorithm, Bounds, Fixed};

use crate::measure::{Measures, Record};
use crate::model::{Sim, Span};
use crate::oracle::{self, Schedule};
use crate::scenario::{Place, Scenario};
use crate::spec::Spec;

/// Everything that was measured in one scenario.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Outcome {
    /// The name of the scenario.
    pub scenario: String,
    /// The oracle's limits: from when, in seconds, and how many for each instance.
    pub oracle: Vec<(f64, usize)>,
    /// A row for each algorithm, in the order in which they were given.
    pub rows: Vec<Row>,
}

/// What an algorithm did in a scenario, on each seed.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Row {
    /// The algorithm.
    pub algorithm: String,
    /// One for each seed, in their order.
    pub runs: Vec<Measures>,
}

impl Row {
    /// Returns median and worst over the seeds of what `measure` reads.
    pub fn median_and_worst(&self, measure: impl Fn(&Measures) -> f64, worst: Worst) -> (f64, f64) {
        median_and_worst(self.runs.iter().map(measure).collect(), worst)
    }

    /// Returns on how many seeds everything that is asserted was so.
    #[must_use]
    pub fn passed(&self) -> usize {
        self.runs
            .iter()
            .filter(|run| run.failures.is_empty())
            .count()
    }

    /// Returns the geometric mean of the scores.
    #[must_use]
    pub fn score(&self) -> f64 {
        geometric_mean(self.runs.iter().map(|run| run.score))
    }
}

/// Which end is the worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Worst {
    /// More is better.
    Lowest,
    /// Less is better.
    Highest,
}

/// Returns median and worst of some values.
pub(crate) fn median_and_worst(mut values: Vec<f64>, worst: Worst) -> (f64, f64) {
    values.sort_by(f64::total_cmp);
    let Some(last) = values.last().copied() else {
        return (f64::NAN, f64::NAN);
    };
    let middle = values.len() / 2;
    let median = if values.len().is_multiple_of(2) {
        f64::midpoint(values[middle - 1], values[middle])
    } else {
        values[middle]
    };
    match worst {
        Worst::Lowest => (median, values[0]),
        Worst::Highest => (median, last),
    }
}

/// Returns the geometric mean.
pub fn geometric_mean(values: impl Iterator<Item = f64>) -> f64 {
    let (mut sum, mut count) = (0.0, 0.0);
    for value in values {
        sum += value.ln();
        count += 1.0;
    }
    if count == 0.0 {
        f64::NAN
    } else {
        f64::exp(sum / count)
    }
}

/// Runs algorithms in a scenario on these seeds; `done` is told of each run, the oracle's included.
#[must_use]
pub fn run(scenario: &Scenario, specs: &[Spec], seeds: &[u64], done: impl Fn() + Sync) -> Outcome {
    let schedule = schedule(scenario);
    let measured: Vec<Vec<Measures>> = seeds
        .par_iter()
        .map(|seed| {
            let oracle = record_oracle(scenario, &schedule, *seed);
            done();
            let measure = |spec: &Spec| {
                let measures = if spec.is_oracle() {
                    Measures::new(scenario, &oracle, &oracle)
                } else {
                    Measures::new(scenario, &record(scenario, spec, *seed), &oracle)
                };
                done();
                measures
            };
            specs.par_iter().map(measure).collect()
        })
        .collect();
    let row = |(i, spec): (usize, &Spec)| Row {
        algorithm: spec.to_string(),
        runs: measured.iter().map(|of_seed| of_seed[i].clone()).collect(),
    };
    Outcome {
        scenario: scenario.name.clone(),
        oracle: schedule
            .iter()
            .map(|(from, limit)| (from.secs(), *limit))
            .collect(),
        rows: specs.iter().enumerate().map(row).collect(),
    }
}

/// Finds the oracle's limits.
#[must_use]
pub fn schedule(scenario: &Scenario) -> Schedule {
    oracle::schedule(&scenario.run, scenario.limiter, ORACLE_SEEDS)
}

/// Records a run of an algorithm.
#[must_use]
pub fn record(scenario: &Scenario, spec: &Spec, seed: u64) -> Record {
    let mut sim = start(scenario, spec, seed);
    let mut record = Record::new();
    in_pieces(scenario.run.length, |until| {
        sim.run_until(until);
        for tick in sim.take_ticks() {
            record.add(&tick);
        }
    });
    record
}

/// Records a run of the oracle.
#[must_use]
pub fn record_oracle(scenario: &Scenario, schedule: &Schedule, seed: u64) -> Record {
    let place = scenario.limiter;
    let mut sim = oracle::sim(&scenario.run, place, seed);
    let mut record = Record::new();
    in_pieces(scenario.run.length, |until| {
        oracle::follow(&mut sim, schedule, place, until);
        for tick in sim.take_ticks() {
            record.add(&tick);
        }
    });
    record
}

/// Starts a run of an algorithm.
#[must_use]
pub fn start(scenario: &Scenario, spec: &Spec, seed: u64) -> Sim<Box<dyn Algorithm>> {
    let initial_limit = scenario.initial_limit;
    let spec = spec.clone();
    let unlimited = |_| Box::new(Fixed::new(Bounds::LARGEST)) as Box<dyn Algorithm>;
    match scenario.limiter {
        Place::Client => {
            let make = move |i| spec.build(seed_of(seed, i), initial_limit);
            Sim::new(&scenario.run, seed, make, None)
        }
        Place::Plant => {
            let plant = spec.build(seed_of(seed, 0), initial_limit);
            Sim::new(&scenario.run, seed, unlimited, Some(plant))
        }
    }
}

/// Returns the seed of an instance's algorithm.
pub(crate) fn seed_of(seed: u64, instance: u32) -> u64 {
    seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ u64::from(instance)
}

/// Goes to the end ten seconds at a time, so that not all ticks are kept at once.
fn in_pieces(length: Span, mut run_until: impl FnMut(Span)) {
    let mut until = Span::ZERO;
    while until < length {
        until = Span::from_nanos(until.nanos() + 10_000_000_000).min(length);
        run_until(until);
    }
}

/// What takes part by default: the oracle, the algorithms, and the [`MUTANTS`].
pub const ALGORITHMS: &[&str] = &[
    "oracle",
    "fathom",
    "aimd",
    "vegas",
    "gradient2",
    "windowed-aimd",
    "windowed-vegas",
    "windowed-gradient2",
    "fixed:limit=20",
    "fixed:limit=1",
    "fixed:limit=1000",
    "frozen-windowed-gradient2",
];

/// What must fail somewhere, or the suite could not tell.
pub const MUTANTS: &[&str] = &[
    "fixed:limit=1",
    "fixed:limit=1000",
    "frozen-windowed-gradient2",
];

/// The seeds on which the oracle looks for its limits: others than those it is measured on.
const ORACLE_SEEDS: &[u64] = &[1_000_001, 1_000_002, 1_000_003];
