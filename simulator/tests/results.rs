//! `RESULTS.md` and `TARGETS.md` are what the code gives now.

use std::path::Path;
use std::process::Command;
use std::{env, fs};

use tower_adaptive_sim::scenario::Scenario;
use tower_adaptive_sim::suite;

const COMMAND: &str =
    "cargo run --release -p tower-adaptive-sim -- suite --markdown simulator/RESULTS.md";

fn results() -> String {
    page("RESULTS.md")
}

fn page(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
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
fn tables_are_what_the_code_gives_now() {
    const SCENARIOS: [&str; 3] = ["black-hole", "overload-2x-c8", "trickle-with-pauses"];
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("some-scenarios.md");
    let status = Command::new(env!("CARGO_BIN_EXE_tower-adaptive-sim"))
        .arg("suite")
        .args(
            SCENARIOS
                .iter()
                .flat_map(|scenario| ["--scenario", scenario]),
        )
        .arg("--markdown")
        .arg(&path)
        .output()
        .unwrap()
        .status;
    assert!(status.success());
    let now = fs::read_to_string(path).unwrap();
    for scenario in SCENARIOS {
        assert_eq!(
            section(&now, scenario).trim(),
            section(&results(), scenario).trim(),
            "to write it anew: {COMMAND}"
        );
    }
}

#[test]
fn the_readme_has_the_same_scores() {
    let names = [
        ("the best fixed limit (the oracle)", "oracle"),
        ("`Fathom`", "fathom"),
        ("`Windowed<Vegas>`", "windowed-vegas"),
        ("`Windowed<Gradient2>`", "windowed-gradient2"),
        ("`Windowed<Aimd>`", "windowed-aimd"),
        ("`Gradient2`", "gradient2"),
        ("`Vegas`", "vegas"),
        ("`Aimd`", "aimd"),
        ("a constant of 20", "fixed:limit=20"),
        (
            "a constant of 1000: no limit, in effect",
            "fixed:limit=1000",
        ),
        (
            "`Windowed<Gradient2>` that stops learning after 5 s",
            "frozen-windowed-gradient2",
        ),
    ];
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = fs::read_to_string(readme).unwrap();
    let results = results();
    for (name, algorithm) in names {
        let row = results
            .lines()
            .find(|line| line.starts_with(&format!("| {algorithm} | ")));
        let cells: Vec<&str> = row.unwrap().split(" | ").collect();
        let (passed, _) = cells[2].split_once(" of ").unwrap();
        let row = format!("\n| {name} | {} | {passed}", cells[1]);
        assert!(readme.contains(&row), "{row} is not in the README");
    }
}

#[test]
fn targets_are_what_the_code_gives_now() {
    let page = page("TARGETS.md");
    let command =
        "cargo run --release -p tower-adaptive-sim -- targets --markdown simulator/TARGETS.md";
    assert!(page.contains(&format!("\n{command}\n")));
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("some-targets.md");
    let status = Command::new(env!("CARGO_BIN_EXE_tower-adaptive-sim"))
        .args(["targets", "--scenario", "overload-2x-c8", "--markdown"])
        .arg(&path)
        .output()
        .unwrap()
        .status;
    assert!(status.success());
    let now = fs::read_to_string(path).unwrap();
    let rows: Vec<&str> = now
        .lines()
        .filter(|line| line.starts_with("| overload-2x-c8"))
        .collect();
    assert_eq!(rows.len(), 2);
    for row in rows {
        assert!(page.contains(row), "{row}: to write it anew: {command}");
    }
}

#[test]
fn held_out_scenarios_are_reported_apart() {
    let page = page("HELD_OUT.md");
    assert!(page.contains("suite --held-out --markdown simulator/HELD_OUT.md\n"));
    for scenario in Scenario::held_out() {
        assert!(page.contains(&format!("\n### {}\n", scenario.name)));
        assert!(!results().contains(&format!("\n### {}\n", scenario.name)));
    }
}
