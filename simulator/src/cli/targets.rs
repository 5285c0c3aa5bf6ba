use std::path::PathBuf;
use std::process::ExitCode;

use tower_adaptive_sim::model::Invalid;
use tower_adaptive_sim::scenario::Scenario;
use tower_adaptive_sim::spec::Spec;
use tower_adaptive_sim::targets::{self, Measured};

use super::in_order::in_order;
use super::output::{self, Error, Target};
use super::progress::Progress;
use super::suite::quoted;
use super::{choice, rows};

/// Prints what is asked of an algorithm, row by row, and what it does: median and worst seed.
///
/// A row is met only if the worst seed meets it. The exit code is 0 whatever is missed; it is 2 if an
/// option is wrong or a file cannot be written.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The algorithm with its options, as vegas:alpha=3 or windowed-vegas:window.min_window=50ms
    /// [default: fathom]
    #[arg(long, value_name = "SPEC")]
    algorithm: Option<Spec>,

    /// Only the rows of this scenario, or of several by how they begin, as 'overload-*'; repeat it for
    /// more [default: all]
    #[arg(long, value_name = "NAME")]
    scenario: Vec<String>,

    /// How many seeds: 1 to 1000
    #[arg(long, value_name = "N", default_value_t = 10, allow_negative_numbers = true, value_parser = choice::whole(1..=1000))]
    seeds: u64,

    /// Writes the table as a page of Markdown
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
}

impl Args {
    /// Measures, and prints the table.
    pub(crate) fn run(self) -> Result<ExitCode, Error> {
        let command = self.command();
        let scenarios = chosen(&self.scenario)?;
        let target = self.markdown.as_ref();
        let target = target
            .map(|path| Target::new("--markdown", path))
            .transpose()?;
        let spec = match self.algorithm {
            Some(spec) => spec,
            None => default()?,
        };
        let seeds: Vec<u64> = (1..=self.seeds).collect();
        let measured = measure(&scenarios, &spec, &seeds);
        let printed = output::print(&rows::for_terminal(&measured, &spec, seeds.len()));
        if let Some(target) = target {
            // It is wanted even if nobody reads what is printed.
            target.write(&rows::page(&measured, &spec, seeds.len(), &command))?;
        }
        printed?;
        Ok(ExitCode::SUCCESS)
    }

    /// Returns the command that writes the page.
    fn command(&self) -> String {
        let mut command = "cargo run --release -p tower-adaptive-sim -- targets".to_owned();
        let mut add = |option: &str, value: &str| {
            command.push_str(&format!(" {option} {}", quoted(value)));
        };
        if let Some(spec) = &self.algorithm {
            add("--algorithm", &spec.to_string());
        }
        for scenario in &self.scenario {
            add("--scenario", scenario);
        }
        if self.seeds != 10 {
            add("--seeds", &self.seeds.to_string());
        }
        if let Some(path) = &self.markdown {
            add("--markdown", &path.to_string_lossy());
        }
        command
    }
}

/// Returns the scenarios of the table that these words name; no words are all.
fn chosen(words: &[String]) -> Result<Vec<Scenario>, Invalid> {
    let all = targets::scenarios();
    let means = |word: &String, scenario: &Scenario| choice::means(word, scenario);
    for word in words {
        if !all.iter().any(|scenario| means(word, scenario)) {
            let message = format!(
                "no scenario of the table has this name; there are {}",
                choice::names(&all)
            );
            return Err(Invalid::new(format!("--scenario {word}"), message));
        }
    }
    let is_chosen =
        |scenario: &Scenario| words.is_empty() || words.iter().any(|word| means(word, scenario));
    Ok(all.into_iter().filter(is_chosen).collect())
}

fn default() -> Result<Spec, Invalid> {
    DEFAULT
        .parse()
        .map_err(|error: Invalid| Invalid::new("--algorithm", error.to_string()))
}

/// Measures in scenarios in parallel.
fn measure(scenarios: &[Scenario], spec: &Spec, seeds: &[u64]) -> Vec<Measured> {
    let progress = Progress::new(scenarios.len() * seeds.len());
    let mut measured = Vec::new();
    let work = |scenario: &Scenario| {
        let running = progress.begin(&scenario.name);
        targets::run(scenario, spec, seeds, || running.done_one())
    };
    let threads = rayon::current_num_threads();
    in_order(scenarios, threads, work, |_, rows| measured.extend(rows));
    measured
}

/// The algorithm that the table was made for.
const DEFAULT: &str = "fathom";
