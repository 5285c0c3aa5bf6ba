//! The simulator's command line: the suite, plots, the page, and what there is to run.

use std::process::ExitCode;

use clap::Parser;
use tower_adaptive_sim::serve;

mod cli;

/// Runs the algorithms of tower-adaptive in a deterministic model of clients, network and servers.
#[derive(Debug, Parser)]
#[command(name = "tower-adaptive-sim")]
enum Command {
    /// Runs algorithms in all scenarios, and compares each with the best fixed limits.
    Suite(cli::suite::Args),
    /// Measures an algorithm against a table of targets.
    Targets(cli::targets::Args),
    /// Draws one run of a scenario as an SVG.
    Plot(cli::plot::Args),
    /// Serves the web page.
    Serve(serve::Args),
    /// Lists the scenarios.
    List,
}

fn main() -> ExitCode {
    let result = match Command::parse() {
        Command::Suite(args) => args.run(),
        Command::Targets(args) => args.run(),
        Command::Plot(args) => args.run(),
        Command::Serve(args) => cli::serve::run(&args),
        Command::List => cli::list::run(),
    };
    result.unwrap_or_else(|error| error.exit())
}
