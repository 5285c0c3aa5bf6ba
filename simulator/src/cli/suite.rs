use std::path::PathBuf;
use std::process::ExitCode;

use tower_adaptive_sim::model::Invalid;
use tower_adaptive_sim::scenario::Scenario;
use tower_adaptive_sim::spec::Spec;
use tower_adaptive_sim::suite::{self, Outcome};

use super::choice::{self, Scenarios};
use super::in_order::in_order;
use super::output::{self, Error, Target};
use super::plot::Plot;
use super::progress::Progress;
use super::report::Report;
use super::{json, results, tables};

/// Prints a table for each scenario, the scores, and whether the suite can tell good from bad.
///
/// The exit code is 1 if the oracle fails anything, or if all scenarios are run and a mutant
/// passes them; it is 2 if an option is wrong or a file cannot be written.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// An algorithm with its options, as vegas:alpha=3 or windowed-vegas:window.min_window=50ms;
    /// repeat it for several [default: the oracle, all algorithms windowed and not, and mutants]
    #[arg(long, value_name = "SPEC")]
    algorithm: Vec<Spec>,

    /// A scenario by name, several by how they begin, as 'overload-*', or a file .toml; repeat it
    /// for more [default: all]
    #[arg(long, value_name = "NAME")]
    scenario: Vec<Scenarios>,

    /// Runs the scenarios that are held out instead: nothing was made to fit them, and nothing is said
    /// about the mutants
    #[arg(long, conflicts_with = "scenario")]
    held_out: bool,

    /// How many seeds: 1 to 1000
    #[arg(long, value_name = "N", default_value_t = 10, allow_negative_numbers = true, value_parser = choice::whole(1..=1000))]
    seeds: u64,

    /// The first of them: 1 to 1000000
    #[arg(long, value_name = "N", default_value_t = 1, allow_negative_numbers = true, value_parser = choice::whole(1..=1_000_000))]
    first_seed: u64,

    /// Writes everything that was measured
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    /// Draws each scenario on the first seed, with the algorithms that are given, or those of `plot`
    #[arg(long, value_name = "DIR")]
    svg: Option<PathBuf>,

    /// Writes the results as a page of Markdown
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
}

impl Args {
    /// Runs the suite.
    pub(crate) fn run(self) -> Result<ExitCode, Error> {
        let command = self.command();
        let scenarios = if self.held_out {
            Scenario::held_out()
        } else {
            Scenarios::of_all(&self.scenario)?
        };
        let plots = self.plots(&scenarios)?;
        let json = target("--json", self.json.as_ref())?;
        let markdown = target("--markdown", self.markdown.as_ref())?;
        if json.is_some() && self.json == self.markdown {
            let message = "must be another file than that of --json";
            return Err(Invalid::new("--markdown", message).into());
        }
        let specs = choice::algorithms(self.algorithm, suite::ALGORITHMS)?;
        let seeds: Vec<u64> = (self.first_seed..).take(self.seeds as usize).collect();

        let has_files = json.is_some() || markdown.is_some() || !plots.is_empty();
        let mut results = Vec::new();
        let mut print = |text: &str| match output::print(text) {
            // What goes to files is wanted even if nobody reads on.
            Err(error) if has_files => results.push(Err(Error::from(error))),
            Err(error) => Error::from(error).exit(),
            Ok(()) => {}
        };
        let outcomes = run_all(&scenarios, &specs, &seeds, &mut print);
        let report = Report::new(command, seeds, scenarios, outcomes);
        print(&tables::summary(&report));

        results.extend(json.map(|target| target.write(&json::of(&report))));
        results.extend(markdown.map(|target| target.write(&results::page(&report))));
        for ((scenario, outcome), (plot, target)) in report.each().zip(&plots) {
            results.push(target.write(&plot.draw(scenario, Some(outcome))));
        }
        // Each was tried, whatever became of the others.
        results.into_iter().collect::<Result<(), Error>>()?;

        let verdict = &report.verdict;
        let is_all = self.scenario.is_empty() && !self.held_out;
        let can_tell = verdict.oracle_passes() && (!is_all || verdict.mutants_fail());
        Ok(if can_tell {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }

    /// Checks that the folder of plots can be written.
    fn plots(&self, scenarios: &[Scenario]) -> Result<Vec<(Plot, Target)>, Error> {
        let Some(folder) = &self.svg else {
            return Ok(Vec::new());
        };
        let plot = Plot::new(&self.algorithm, 1)?;
        let target = |scenario: &Scenario| {
            let name = format!("{}.svg", scenario.name);
            Ok((plot.clone(), Target::in_folder("--svg", folder, &name)?))
        };
        scenarios.iter().map(target).collect()
    }

    /// Returns the command that writes the page of results.
    fn command(&self) -> String {
        let mut command = "cargo run --release -p tower-adaptive-sim -- suite".to_owned();
        if self.held_out {
            command.push_str(" --held-out");
        }
        let mut add = |option: &str, value: &str| {
            command.push_str(&format!(" {option} {}", quoted(value)));
        };
        for spec in &self.algorithm {
            add("--algorithm", &spec.to_string());
        }
        for scenario in &self.scenario {
            add("--scenario", scenario.text());
        }
        if self.seeds != 10 {
            add("--seeds", &self.seeds.to_string());
        }
        if self.first_seed != 1 {
            add("--first-seed", &self.first_seed.to_string());
        }
        if let Some(path) = &self.markdown {
            add("--markdown", &path.to_string_lossy());
        }
        command
    }
}

/// Runs scenarios in parallel, and prints each when it and those before it are done.
fn run_all(
    scenarios: &[Scenario],
    specs: &[Spec],
    seeds: &[u64],
    mut print: impl FnMut(&str),
) -> Vec<Outcome> {
    let progress = Progress::new(scenarios.len() * seeds.len() * (specs.len() + 1));
    let mut outcomes = Vec::new();
    let work = |scenario: &Scenario| {
        let running = progress.begin(&scenario.name);
        suite::run(scenario, specs, seeds, || running.done_one())
    };
    let threads = rayon::current_num_threads();
    in_order(scenarios, threads, work, |scenario, outcome| {
        let text = tables::for_terminal(&scenario.title, &outcome);
        progress.hidden(|| print(&text));
        outcomes.push(outcome);
    });
    outcomes
}

fn target(option: &'static str, path: Option<&PathBuf>) -> Result<Option<Target>, Error> {
    path.map(|path| Target::new(option, path)).transpose()
}

/// Returns a word as a shell takes it.
pub(super) fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,".contains(c);
    if word.chars().all(is_plain) && !word.is_empty() {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}
