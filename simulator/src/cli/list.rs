use std::fmt::Write as _;
use std::process::ExitCode;

use tower_adaptive_sim::scenario::Scenario;

use super::output::{self, Error};

/// Prints names and titles of all scenarios.
pub(crate) fn run() -> Result<ExitCode, Error> {
    let scenarios = Scenario::all();
    let names = scenarios.iter().map(|scenario| scenario.name.len());
    let width = names.max().unwrap_or(0);
    let mut text = String::new();
    for scenario in &scenarios {
        let _ = writeln!(text, "{:width$}  {}", scenario.name, scenario.title);
    }
    output::print(&text)?;
    Ok(ExitCode::SUCCESS)
}
