use std::cell::OnceCell;

use tower_adaptive::Bounds;

use super::count;
use crate::model::{Span, Tick};
use crate::oracle::{self, Schedule};
use crate::scenario::Scenario;
use crate::spec::Spec;
use crate::suite;

/// The runs of one algorithm on one seed, and those that it is compared with.
pub(super) struct Case<'a> {
    pub(super) scenario: &'a Scenario,
    /// The run of the algorithm.
    pub(super) ticks: Vec<Tick>,
    spec: &'a Spec,
    schedule: &'a Schedule,
    seed: u64,
    oracle: OnceCell<Vec<Tick>>,
}

impl<'a> Case<'a> {
    /// Runs an algorithm; `schedule` has the oracle's limits, if anything needs them.
    pub(super) fn new(
        scenario: &'a Scenario,
        spec: &'a Spec,
        schedule: &'a Schedule,
        seed: u64,
    ) -> Self {
        Self {
            scenario,
            ticks: run(scenario, spec, schedule, seed),
            spec,
            schedule,
            seed,
            oracle: OnceCell::new(),
        }
    }

    /// Returns the oracle's run.
    pub(super) fn oracle(&self) -> &[Tick] {
        let (oracle, schedule) = (Spec::oracle(), self.schedule);
        self.oracle
            .get_or_init(|| run(self.scenario, &oracle, schedule, self.seed))
    }

    /// Returns the oracle's limit at the start, of all instances together.
    pub(super) fn oracle_limit(&self) -> f64 {
        let each = self
            .schedule
            .first()
            .map_or(f64::NAN, |(_, limit)| *limit as f64);
        each * f64::from(self.scenario.run.start.instances)
    }

    /// Returns the 99th percentile of what the service takes with next to no load and no limit.
    pub(super) fn p99_alone(&self) -> f64 {
        let mut run = self.scenario.run.clone();
        run.events.clear();
        run.start.clients = 0;
        run.start.rate = 0.2 * run.start.capacity();
        let length = Span::from_nanos((ENOUGH / run.start.rate * 1e9) as u64);
        let mut sim = oracle::sim(&run, self.scenario.limiter, self.seed);
        sim.run_until(length);
        count::p99(&sim.take_ticks())
    }

    /// Runs the same without errors, and with only as many requests as there are for the servers.
    pub(super) fn without_errors(&self) -> Vec<Tick> {
        let scenario = without_errors(self.scenario);
        run(&scenario, self.spec, self.schedule, self.seed)
    }

    /// Returns the least limit that the algorithm says it may have, or 2 if that is more.
    pub(super) fn floor(&self) -> f64 {
        let algorithm = self.spec.build(self.seed, self.scenario.initial_limit);
        let own = algorithm.report().bounds.map_or(1, Bounds::min);
        own.max(2) as f64
    }
}

fn without_errors(scenario: &Scenario) -> Scenario {
    let mut scenario = scenario.clone();
    let start = &mut scenario.run.start;
    start.rate *= 1.0 - start.error_rate;
    start.error_rate = 0.0;
    scenario
}

fn run(scenario: &Scenario, spec: &Spec, schedule: &Schedule, seed: u64) -> Vec<Tick> {
    let end = scenario.run.length;
    if spec.is_oracle() {
        let mut sim = oracle::sim(&scenario.run, scenario.limiter, seed);
        oracle::follow(&mut sim, schedule, scenario.limiter, end);
        return sim.take_ticks();
    }
    let mut sim = suite::start(scenario, spec, seed);
    sim.run_until(end);
    sim.take_ticks()
}

/// So many answers that their 99th percentile is within a percent or two.
const ENOUGH: f64 = 100_000.0;

#[cfg(test)]
mod tests {
    use super::*;

    fn scenario(run: &str) -> Scenario {
        let text = format!("title = \"t\"\nwhy = \"w\"\n[run]\nlength = \"10s\"\n{run}");
        Scenario::from_toml("test", &text).unwrap()
    }

    #[test]
    fn alone_an_exponential_service_has_the_percentile_of_its_law() {
        let scenario = scenario("start = { rate = 2000, servers = 8, latency = \"5ms\" }");
        let (spec, schedule) = ("fixed:limit=1".parse().unwrap(), Schedule::new());
        let case = Case::new(&scenario, &spec, &schedule, 1);
        // Of a mean of 10 ms; ln 100 is 4.6.
        let expected = 0.005 + 0.010 * 100.0_f64.ln();
        let p99 = case.p99_alone();
        assert!((p99 / expected - 1.0).abs() < 0.03, "{p99} {expected}");
    }

    #[test]
    fn without_errors_as_much_reaches_the_servers() {
        let scenario = scenario("start = { rate = 400, servers = 32, error_rate = 0.25 }");
        let without = without_errors(&scenario);
        assert_eq!(without.run.start.rate, 300.0);
        assert_eq!(without.run.start.error_rate, 0.0);
        let (spec, schedule) = ("fixed:limit=100".parse().unwrap(), Schedule::new());
        let case = Case::new(&scenario, &spec, &schedule, 1);
        let ratio = count::good(&case.without_errors()) / count::good(&case.ticks);
        // About 3000 each, so one percent is less than a deviation.
        assert!((ratio - 1.0).abs() < 0.1, "{ratio}");
    }

    #[test]
    fn the_floor_is_the_algorithms_own_or_two() {
        let (scenario, schedule) = (scenario("start = { rate = 0 }"), Schedule::new());
        for (spec, floor) in [("vegas:min_limit=1", 2.0), ("vegas:min_limit=7", 7.0)] {
            let spec = spec.parse().unwrap();
            let case = Case::new(&scenario, &spec, &schedule, 1);
            assert_eq!(case.floor(), floor, "{spec}");
        }
    }
}
