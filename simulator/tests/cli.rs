//! The command line as a user meets it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::{env, fs};

/// Runs the program in a folder.
fn run_in(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tower-adaptive-sim"))
        .args(args)
        .current_dir(folder)
        .output()
        .unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Creates an empty folder, with a scenario that takes next to no time.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("tiny.toml"), TINY).unwrap();
    folder
}

const TINY: &str = r#"
title = "Twice what 4 servers can do & <more>"
why = "It is over soon."

[run]
length = "8s"
slo = "200ms"

[run.start]
servers = 4
service_time = "20ms"
rate = 400

[[run.events]]
at = "4s"
set = { rate = 100 }

[asserts]
efficiency = 0.9
"#;

const TINY_SUITE: &[&str] = &["suite", "--scenario", "tiny.toml", "--seeds", "2"];

#[test]
fn what_is_wrong_is_named_with_its_range_before_anything_runs() {
    let folder = folder("wrong");
    let wrong = TINY.replace("servers = 4", "servers = 0");
    fs::write(folder.join("wrong.toml"), wrong).unwrap();
    let other = folder.join("other");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("tiny.toml"), TINY.replace("400", "300")).unwrap();
    let cases: &[(&[&str], &[&str])] = &[
        (
            &["suite", "--algorithm", "vega"],
            &[
                "--algorithm <SPEC>",
                "no algorithm is named \"vega\"",
                "gradient2",
            ],
        ),
        (
            &["suite", "--algorithm", "vegas:alpha=0"],
            &[
                "--algorithm <SPEC>",
                "alpha must be at least 1.0 and finite, got 0",
            ],
        ),
        (
            &["suite", "--algorithm", "vegas", "--algorithm", "vegas"],
            &["--algorithm: vegas is there twice"],
        ),
        (
            &["suite", "--seeds", "0"],
            &["--seeds <N>", "must be a whole number from 1 to 1000"],
        ),
        (
            &["suite", "--seeds", "1001"],
            &["--seeds <N>", "must be a whole number from 1 to 1000"],
        ),
        (&["suite", "--seeds", "many"], &["--seeds <N>", "many"]),
        (
            &["suite", "--scenario", "nothing-*"],
            &[
                "--scenario <NAME>",
                "nothing-*",
                "there are",
                "overload-2x-c32",
            ],
        ),
        (
            &["suite", "--scenario", "missing.toml"],
            &["--scenario <NAME>", "missing.toml"],
        ),
        (
            &["suite", "--scenario", "wrong.toml"],
            &[
                "--scenario <NAME>",
                "run.start.servers: must be from 1 to 100000, got 0",
            ],
        ),
        (
            &[
                "suite",
                "--scenario",
                "tiny.toml",
                "--scenario",
                "other/tiny.toml",
            ],
            &["two different scenarios are named \"tiny\""],
        ),
        (
            &["targets", "--algorithm", "vega"],
            &["--algorithm <SPEC>", "no algorithm is named \"vega\""],
        ),
        (
            &["targets", "--algorithm", "vegas", "--scenario", "no-*"],
            &[
                "--scenario no-*",
                "no scenario of the table has this name",
                "overload-2x-c32",
            ],
        ),
        (
            &["targets", "--seeds", "0"],
            &["--seeds <N>", "must be a whole number from 1 to 1000"],
        ),
        (
            &["targets", "--algorithm", "vegas", "--markdown", "other"],
            &["--markdown: cannot write other"],
        ),
        (
            &["plot", "overload-*"],
            &["names several scenarios", "overload-2x-c32"],
        ),
        (
            &["plot", "nothing"],
            &["<SCENARIO>", "no scenario has this name"],
        ),
        (
            &["plot", "tiny.toml", "--seed", "-1"],
            &["--seed <N>", "must be a whole number from 0 to"],
        ),
        (
            &["plot", "tiny.toml", "--output", "no/such/folder.svg"],
            &["--output: cannot write no/such/folder.svg"],
        ),
        (
            &["suite", "--held-out", "--scenario", "tiny.toml"],
            &["--held-out", "cannot be used with", "--scenario <NAME>"],
        ),
        (
            &["suite", "--json", "no/such/file"],
            &["--json: cannot write no/such/file"],
        ),
        (
            &["suite", "--markdown", "other"],
            &["--markdown: cannot write other"],
        ),
        (
            &["suite", "--svg", "tiny.toml"],
            &["--svg: cannot write tiny.toml"],
        ),
    ];
    for (args, named) in cases {
        let output = run_in(&folder, args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert_eq!(stdout(&output), "", "{args:?}");
        for text in *named {
            let stderr = stderr(&output);
            assert!(
                stderr.contains(text),
                "{args:?}: {text:?} is not in {stderr}"
            );
        }
    }
    let specs: Vec<String> = (1..=7)
        .map(|limit| format!("fixed:limit={limit}"))
        .collect();
    for command in [&["plot", "tiny.toml"][..], &["suite", "--svg", "plots"]] {
        let mut args = command.to_vec();
        args.extend(specs.iter().flat_map(|spec| ["--algorithm", spec]));
        let stderr = stderr(&run_in(&folder, &args));
        assert!(
            stderr.contains("--algorithm: a plot has room for 1 to 6"),
            "{stderr}"
        );
    }
}

#[test]
fn a_refused_command_leaves_files_as_they_are() {
    let folder = folder("refused");
    let file = folder.join("precious.json");
    fs::write(&file, "precious").unwrap();
    let args = ["--json", "precious.json", "--markdown", "no/such/folder"];
    let output = run_in(&folder, &[TINY_SUITE, &args].concat());
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(fs::read_to_string(file).unwrap(), "precious");
}

#[test]
fn the_same_command_writes_the_same_bytes() {
    let folder = folder("same");
    let files = ["a.json", "a.md", "plots/tiny.svg"];
    let args = ["--json", files[0], "--markdown", files[1], "--svg", "plots"];
    let [first, second] = [(); 2].map(|()| {
        let output = run_in(&folder, &[TINY_SUITE, &args].concat());
        assert_eq!(
            stderr(&output),
            "",
            "there is no progress where there is no terminal"
        );
        let mut texts = vec![stdout(&output)];
        texts.extend(files.map(|file| fs::read_to_string(folder.join(file)).unwrap()));
        for file in files {
            fs::remove_file(folder.join(file)).unwrap();
        }
        texts
    });
    assert_eq!(first, second);
}

#[test]
fn tables_fit_into_120_columns() {
    let default = stdout(&run_in(&folder("columns"), TINY_SUITE));
    assert!(default.contains("frozen-windowed-gradient2"));
    let long = "windowed-aimd:min_limit=1,window.min_window=100ms,window.max_window=100ms";
    let args = [TINY_SUITE, &["--algorithm", "oracle", "--algorithm", long]].concat();
    let text = default + &stdout(&run_in(&folder("columns"), &args));
    assert!(text.contains("windowed-aimd:min"));
    for line in text.lines() {
        assert!(line.chars().count() <= 120, "{line}");
    }
}

#[test]
fn what_is_held_out_is_run_and_the_oracle_passes_it() {
    let args = ["suite", "--held-out", "--algorithm", "oracle", "--seeds"];
    let output = run_in(&folder("held-out"), &[&args[..], &["1"]].concat());
    let text = stdout(&output);
    for scenario in tower_adaptive_sim::scenario::Scenario::held_out() {
        let heading = format!("{}: {}\n", scenario.name, scenario.title);
        assert!(text.contains(&heading), "{heading} is not in {text}");
    }
    assert!(!text.contains("overload-2x-c32"), "{text}");
    assert!(
        text.contains("The oracle passes everything: yes."),
        "{text}"
    );
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn targets_are_the_same_bytes_each_time_and_fit_into_120_columns() {
    let folder = folder("targets");
    let args = [
        "targets",
        "--algorithm",
        "windowed-vegas",
        "--scenario",
        "metastable*",
        "--seeds",
        "2",
        "--markdown",
        "a.md",
    ];
    let [first, second] = [(); 2].map(|()| {
        let output = run_in(&folder, &args);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        let page = fs::read_to_string(folder.join("a.md")).unwrap();
        (stdout(&output), page)
    });
    assert_eq!(first, second);
    let (text, page) = first;
    for line in text.lines() {
        assert!(line.chars().count() <= 120, "{line}");
    }
    let row = "\n| metastable-deadline-as-error: 90% good";
    assert!(page.contains(row), "{page}");
    let command = "\ncargo run --release -p tower-adaptive-sim -- targets \
                   --algorithm windowed-vegas --scenario 'metastable*' --seeds 2 --markdown a.md\n";
    assert!(page.contains(command), "{page}");
}

#[test]
fn targets_have_an_exit_code_that_says_whether_they_were_measured_and_not_whether_they_are_met() {
    let folder = folder("missed");
    let args = ["targets", "--scenario", "trickle", "--seeds", "1"];
    let output = run_in(
        &folder,
        &[&args[..], &["--algorithm", "fixed:limit=1"]].concat(),
    );
    let text = stdout(&output);
    assert!(text.contains("0 of 1 rows are met"), "{text}");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn json_has_every_run() {
    let folder = folder("json");
    let args = [
        "--json",
        "all.json",
        "--algorithm",
        "oracle",
        "--algorithm",
        "vegas:alpha=4",
    ];
    run_in(&folder, &[TINY_SUITE, &args].concat());
    let text = fs::read_to_string(folder.join("all.json")).unwrap();
    let all: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(all["seeds"], serde_json::json!([1, 2]));
    let scenario = &all["scenarios"][0];
    assert_eq!(scenario["scenario"], "tiny");
    assert_eq!(scenario["title"], "Twice what 4 servers can do & <more>");
    assert_eq!(scenario["oracle"].as_array().unwrap().len(), 2);
    for (i, algorithm) in ["oracle", "vegas:alpha=4"].iter().enumerate() {
        let row = &scenario["rows"][i];
        assert_eq!(row["algorithm"], *algorithm);
        assert_eq!(row["runs"].as_array().unwrap().len(), 2);
        assert!(row["runs"][1]["efficiency"].is_f64(), "{row}");
        assert!(row["runs"][1]["latency_ratio"][2].is_f64(), "{row}");
    }
    assert_eq!(all["scores"].as_array().unwrap().len(), 2);
    assert_eq!(all["verdict"]["oracle_fails"], serde_json::json!([]));
}

#[test]
fn a_plot_is_well_formed_and_says_where_it_is() {
    let folder = folder("plot");
    let output = run_in(
        &folder,
        &["plot", "tiny.toml", "--algorithm", "aimd", "--seed", "3"],
    );
    assert_eq!(stdout(&output), "wrote tiny.svg\n");
    let text = fs::read_to_string(folder.join("tiny.svg")).unwrap();
    let svg = roxmltree::Document::parse(&text).unwrap();
    let texts: Vec<&str> = svg
        .descendants()
        .filter(|node| node.has_tag_name("text"))
        .filter_map(|node| node.text())
        .collect();
    for wanted in [
        "Twice what 4 servers can do & <more>",
        "It is over soon.",
        "aimd",
        "4 s: rate 100",
    ] {
        assert!(texts.contains(&wanted), "{wanted:?} is not in {texts:?}");
    }
    assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
}

#[test]
fn the_exit_code_tells_if_the_oracle_fails() {
    let folder = folder("oracle");
    // Two instances never get exactly the same.
    let unfair = TINY.replace("servers = 4", "servers = 4\ninstances = 2") + "fairness = 1.0\n";
    fs::write(folder.join("unfair.toml"), unfair).unwrap();
    let args = ["suite", "--scenario", "unfair.toml", "--seeds", "1"];
    let output = run_in(&folder, &args);
    assert_eq!(output.status.code(), Some(1));
    let text = stdout(&output);
    assert!(
        text.contains("The oracle passes everything: no, it fails in unfair."),
        "{text}"
    );
    assert_eq!(run_in(&folder, TINY_SUITE).status.code(), Some(0));
}

#[test]
fn the_page_of_results_begins_with_its_command_as_a_shell_takes_it() {
    let folder = folder("page");
    let args = [
        "--algorithm",
        "vegas:window.aggregate=percentile(0.9)",
        "--markdown",
        "a page.md",
    ];
    run_in(&folder, &[TINY_SUITE, &args].concat());
    let page = fs::read_to_string(folder.join("a page.md")).unwrap();
    let command = "cargo run --release -p tower-adaptive-sim -- suite \
                   --algorithm 'vegas:window.aggregate=percentile(0.9)' --scenario tiny.toml \
                   --seeds 2 --markdown 'a page.md'";
    assert!(page.contains(command), "{page}");
}

#[test]
fn what_was_found_in_the_suite_is_not_said_of_other_scenarios() {
    let folder = folder("findings");
    let page = |scenario: &str| {
        let args = ["suite", "--scenario", scenario, "--seeds", "1"];
        let algorithm = ["--algorithm", "vegas", "--markdown", "a.md"];
        run_in(&folder, &[&args[..], &algorithm].concat());
        fs::read_to_string(folder.join("a.md")).unwrap()
    };
    let heading = "\n## What to make of it\n";
    assert!(page("bursts-and-pauses").contains(heading));
    assert!(!page("tiny.toml").contains(heading));
}

#[test]
fn list_has_every_scenario() {
    let text = stdout(&run_in(&folder("list"), &["list"]));
    for scenario in tower_adaptive_sim::scenario::Scenario::all() {
        let is_its = |line: &&str| line.split_whitespace().next() == Some(&scenario.name);
        let line = text.lines().find(is_its).unwrap();
        assert!(line.ends_with(&scenario.title), "{line}");
    }
}
