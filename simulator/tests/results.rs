//! `RESULTS.md` is what the code gives now.

use std::path::Path;
use std::process::Command;
use std::{env, fs};

use tower_adaptive_sim::scenario::Scenario;
use tower_adaptive_sim::suite;

const COMMAND: &str =
    "cargo run --release -p tower-adaptive-sim -- suite --markdown simulator/RESULTS.md";

fn results() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("RESULTS.md")).unwrap()
}

/// Returns a part of a page, from its heading to the next one.
fn section<'a>(page: &'a str, heading: &str) -> &'a str {
    let begin = page.find(&format!("\n### {heading}\n")).unwrap_or_else(|| {
        panic!("{heading} is not in RESULTS.md: run {COMMAND}");
    });
    let rest = &page[begin + 1..];
    &rest[..rest.find("\n### ").unwrap_or(rest.len())]
}

#[test]
fn every_scenario_and_algorithm_is_in_the_results() {
    let page = results();
    assert!(page.contains(&format!("\n{COMMAND}\n")));
    let (_, scenarios) = page.split_once("\n## The scenarios\n").unwrap();
    for scenario in Scenario::all() {
        let section = section(scenarios, &scenario.name);
        assert!(section.contains(&scenario.title), "{}", scenario.name);
        for algorithm in suite::ALGORITHMS {
            assert!(
                section.contains(&format!("\n| {algorithm} |")),
                "{algorithm} in {section}"
            );
        }
    }
    assert_eq!(scenarios.matches("\n### ").count(), Scenario::all().len());
    for algorithm in suite::ALGORITHMS {
        section(&page, algorithm);
    }
}

#[test]
fn a_table_is_what_the_code_gives_now() {
    const SCENARIO: &str = "overload-2x-c8";
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("one-scenario.md");
    let status = Command::new(env!("CARGO_BIN_EXE_tower-adaptive-sim"))
        .args(["suite", "--scenario", SCENARIO, "--markdown"])
        .arg(&path)
        .output()
        .unwrap()
        .status;
    assert!(status.success());
    let now = fs::read_to_string(path).unwrap();
    assert_eq!(
        section(&now, SCENARIO).trim(),
        section(&results(), SCENARIO).trim(),
        "to write it anew: {COMMAND}"
    );
}
