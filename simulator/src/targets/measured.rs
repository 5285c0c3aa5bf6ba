use rayon::prelude::*;

use super::case::Case;
use super::{Bound, TABLE, Target};
use crate::oracle::Schedule;
use crate::scenario::Scenario;
use crate::spec::Spec;
use crate::suite;

/// What a row of the table came to, on each seed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Measured {
    /// The row.
    pub target: &'static Target,
    /// What it is about, in words.
    pub words: String,
    /// One for each seed, in their order; one that is not a number says that there was nothing to
    /// measure.
    pub values: Vec<f64>,
}

/// Whether a row is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// On every seed.
    Met,
    /// Not on every seed, but by the median.
    MedianOnly,
    /// Not even by the median.
    Missed,
    /// Nothing was asked.
    NotAsked,
}

impl Measured {
    /// Returns median and worst over the seeds.
    #[must_use]
    pub fn median_and_worst(&self) -> (f64, f64) {
        if self.values.iter().any(|value| value.is_nan()) {
            return (f64::NAN, f64::NAN);
        }
        suite::median_and_worst(self.values.clone(), self.target.bound.worst())
    }

    /// Returns whether it is met.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let bound = self.target.bound;
        let (median, worst) = self.median_and_worst();
        match (bound.is_met(median), bound.is_met(worst)) {
            _ if bound == Bound::Nothing => Verdict::NotAsked,
            (_, true) => Verdict::Met,
            (true, false) => Verdict::MedianOnly,
            (false, false) => Verdict::Missed,
        }
    }
}

/// Returns the scenarios of the table, in its order.
///
/// # Panics
///
/// If there is none of a name, which a test would have told.
#[must_use]
pub fn scenarios() -> Vec<Scenario> {
    let there: Vec<Scenario> = [Scenario::all(), Scenario::of_targets()].concat();
    let mut names: Vec<&str> = TABLE.iter().map(|target| target.scenario).collect();
    names.dedup();
    let find = |name: &str| there.iter().find(|scenario| scenario.name == name).cloned();
    names
        .into_iter()
        .map(|name| find(name).unwrap_or_else(|| panic!("no scenario is named {name:?}")))
        .collect()
}

/// Measures, in a scenario of the table, all that the table asks there of an algorithm; `done` is told of
/// each seed.
#[must_use]
pub fn run(
    scenario: &Scenario,
    spec: &Spec,
    seeds: &[u64],
    done: impl Fn() + Sync,
) -> Vec<Measured> {
    let targets: Vec<&Target> = TABLE
        .iter()
        .filter(|target| target.scenario == scenario.name)
        .collect();
    let needs_oracle = targets.iter().any(|target| target.measure.needs_oracle());
    let schedule = if needs_oracle || spec.is_oracle() {
        suite::schedule(scenario)
    } else {
        Schedule::new()
    };
    let values: Vec<Vec<f64>> = seeds
        .par_iter()
        .map(|seed| {
            let case = Case::new(scenario, spec, &schedule, *seed);
            let values = targets.iter().map(|target| target.measure.of(&case));
            let values = values.collect();
            done();
            values
        })
        .collect();
    let measured = |(i, target): (usize, &&'static Target)| Measured {
        target,
        words: target.measure.words(scenario),
        values: values.iter().map(|of_seed| of_seed[i]).collect(),
    };
    targets.iter().enumerate().map(measured).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::targets::{Measure, Window};

    fn verdict(bound: Bound, values: &[f64]) -> Verdict {
        let target = Target {
            group: "",
            scenario: "",
            measure: Measure::Goodput(Window::WHOLE),
            bound,
        };
        let measured = Measured {
            target: Box::leak(Box::new(target)),
            words: String::new(),
            values: values.to_vec(),
        };
        measured.verdict()
    }

    #[test]
    fn only_the_worst_seed_can_meet_a_row() {
        let least = Bound::AtLeast(0.9);
        assert_eq!(verdict(least, &[0.9, 1.0, 1.0]), Verdict::Met);
        assert_eq!(verdict(least, &[0.8, 1.0, 1.0]), Verdict::MedianOnly);
        assert_eq!(verdict(least, &[0.8, 0.8, 1.0]), Verdict::Missed);
        let most = Bound::AtMost(3.0);
        assert_eq!(verdict(most, &[3.0, 1.0]), Verdict::Met);
        assert_eq!(
            verdict(most, &[f64::INFINITY, 1.0, 2.0]),
            Verdict::MedianOnly
        );
        assert_eq!(verdict(Bound::Nothing, &[0.0]), Verdict::NotAsked);
    }

    #[test]
    fn nothing_to_measure_meets_nothing() {
        for bound in [Bound::AtLeast(0.0), Bound::AtMost(1.0)] {
            assert_eq!(verdict(bound, &[0.5, f64::NAN, 0.5]), Verdict::Missed);
        }
    }
}
