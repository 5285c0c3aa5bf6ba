use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use rayon::prelude::*;
use tower_adaptive_sim::model::{Invalid, Sim, Span};
use tower_adaptive_sim::oracle::{self, Schedule};
use tower_adaptive_sim::scenario::Scenario;
use tower_adaptive_sim::spec::Spec;
use tower_adaptive_sim::suite::{self, Outcome};

use super::chart;
use super::choice::{self, Scenarios};
use super::output::{self, Error, Target};
use super::series::{Sampler, Series};
use super::style;

/// Draws limit, latency, goodput and rejects of algorithms over time, beside the oracle's.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The scenario by name, or a file .toml; `list` has the names
    #[arg(value_name = "SCENARIO")]
    scenario: Scenarios,

    /// An algorithm with its options, as vegas:alpha=3; repeat it for up to 6 [default: fathom,
    /// gradient2, windowed-vegas, windowed-gradient2]
    #[arg(long, value_name = "SPEC")]
    algorithm: Vec<Spec>,

    /// Draws other arrivals and service times
    #[arg(long, value_name = "N", default_value_t = 1, allow_negative_numbers = true, value_parser = choice::whole(0..=u64::MAX))]
    seed: u64,

    /// Where to write it [default: SCENARIO.svg]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Args {
    /// Draws the plot.
    pub(crate) fn run(self) -> Result<ExitCode, Error> {
        let scenario = self.scenario.only()?;
        let path = self
            .output
            .unwrap_or_else(|| PathBuf::from(format!("{}.svg", scenario.name)));
        let plot = Plot::new(&self.algorithm, self.seed)?;
        let target = Target::new("--output", &path)?;
        target.write(&plot.draw(&scenario, None))?;
        output::print(&format!("wrote {}\n", target.path().display()))?;
        Ok(ExitCode::SUCCESS)
    }
}

/// What is drawn of a scenario.
#[derive(Clone, Debug)]
pub(crate) struct Plot {
    specs: Vec<Spec>,
    seed: u64,
}

impl Plot {
    /// Chooses these algorithms, or the default ones if there are none; the oracle is always there.
    ///
    /// # Errors
    ///
    /// If there are too many, or one is there twice.
    pub(crate) fn new(specs: &[Spec], seed: u64) -> Result<Self, Invalid> {
        let mut specs = choice::algorithms(specs.to_vec(), ALGORITHMS)?;
        specs.retain(|spec| !spec.is_oracle());
        if specs.len() > style::MOST_LINES {
            let message = format!(
                "a plot has room for 1 to {} besides the oracle, got {}",
                style::MOST_LINES,
                specs.len()
            );
            return Err(Invalid::new("--algorithm", message));
        }
        Ok(Self { specs, seed })
    }

    /// Runs the scenario and draws it; the oracle's limits are known if the suite has run.
    #[must_use]
    pub(crate) fn draw(&self, scenario: &Scenario, outcome: Option<&Outcome>) -> String {
        let schedule = outcome.map_or_else(|| suite::schedule(scenario), schedule);
        let series: Vec<Series> = self
            .specs
            .par_iter()
            .map(|spec| {
                let mut sim = suite::start(scenario, spec, self.seed);
                sample(scenario, spec.to_string(), &mut sim, Sim::run_until)
            })
            .collect();
        let place = scenario.limiter;
        let mut sim = oracle::sim(&scenario.run, place, self.seed);
        let follow = |sim: &mut _, until| oracle::follow(sim, &schedule, place, until);
        let best = sample(scenario, "oracle".to_owned(), &mut sim, follow);
        chart::draw(scenario, &series, &best)
    }
}

/// Runs to the end, a second at a time, so that not all ticks are kept at once.
fn sample<A: tower_adaptive::Algorithm>(
    scenario: &Scenario,
    name: String,
    sim: &mut Sim<A>,
    run_until: impl Fn(&mut Sim<A>, Span),
) -> Series {
    let length = scenario.run.length;
    let mut sampler = Sampler::new(length);
    let mut until = Span::ZERO;
    while until < length {
        until = Span::from_nanos(until.nanos() + 1_000_000_000).min(length);
        run_until(sim, until);
        for tick in sim.take_ticks() {
            sampler.add(tick);
        }
    }
    sampler.finish(name)
}

fn schedule(outcome: &Outcome) -> Schedule {
    let limits = outcome.oracle.iter();
    limits
        .map(|(from, limit)| (Duration::from_secs_f64(*from).into(), *limit))
        .collect()
}

const ALGORITHMS: &[&str] = &[
    "fathom",
    "gradient2",
    "windowed-vegas",
    "windowed-gradient2",
];
