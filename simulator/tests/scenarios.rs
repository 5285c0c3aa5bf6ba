//! The files of `scenarios/`, and what is said of a file that is wrong.

use std::collections::HashSet;

use tower_adaptive_sim::model::{Config, Span};
use tower_adaptive_sim::scenario::Scenario;

#[test]
fn every_file_is_read_and_explains_itself() {
    let (suite, held_out) = (Scenario::all(), Scenario::held_out());
    assert!(suite.len() >= 30, "{}", suite.len());
    assert!(held_out.len() >= 6, "{}", held_out.len());
    let (mut titles, mut names) = (HashSet::new(), HashSet::new());
    for scenario in suite.iter().chain(&held_out) {
        let name = &scenario.name;
        assert!(names.insert(name), "{name} is there twice");
        assert!(
            titles.insert(&scenario.title),
            "{name}: its title is there twice"
        );
        assert!(scenario.why.len() > 80, "{name}: says too little about why");
        assert!(
            scenario.asserts.efficiency.is_some(),
            "{name}: asks for nothing"
        );
        assert!(
            scenario.run.length >= Span::from_secs(20),
            "{name}: is too short"
        );
    }
}

#[test]
fn phases_begin_at_events_and_divide_long_lines() {
    let begins = |name: &str| -> Vec<f64> {
        let scenario = Scenario::all()
            .into_iter()
            .find(|scenario| scenario.name == name);
        let phases = scenario.unwrap().phases();
        phases.into_iter().map(Span::secs).collect()
    };
    assert_eq!(begins("capacity-32-8-32"), [0.0, 30.0, 60.0]);
    assert_eq!(begins("overload-2x-c8"), [0.0]);
    let drift = begins("latency-drift");
    assert_eq!(drift[..3], [0.0, 20.0, 30.0]);
    assert_eq!(drift.last(), Some(&140.0));
}

/// Reads a file with these lines for `[run]` and what follows, and returns what is wrong.
fn refusal(run: &str) -> String {
    let text = format!("title = \"t\"\nwhy = \"w\"\n[run]\n{run}");
    Scenario::from_toml("file", &text)
        .expect_err(run)
        .to_string()
}

#[test]
fn what_is_wrong_is_named_with_its_range() {
    let cases = [
        (
            "start = { rate = -5 }",
            "file.run.start.rate: must be from 0 to 1000000, got -5",
        ),
        (
            "start = { servers = 0 }",
            "file.run.start.servers: must be from 1 to 100000, got 0",
        ),
        ("start = { servers = -1 }", "file.run.start.servers: "),
        (
            "start = { slow_share = nan }",
            "file.run.start.slow_share: must be from 0 to 1, got NaN",
        ),
        (
            "start = { service = \"gamma\" }",
            "file.run.start.service: unknown variant `gamma`",
        ),
        (
            "start = { deadline = \"9h\" }",
            "file.run.start.deadline: must be from 1ns to 1h, got 9h",
        ),
        (
            "start = { deadline = 5 }",
            "file.run.start.deadline: must be a duration with its unit, such as \"20ms\", got 5",
        ),
        (
            "start = { latency = \"fast\" }",
            "file.run.start.latency: must be a duration",
        ),
        (
            "start = { queue = 1.5 }",
            "file.run.start.queue: must be a whole number",
        ),
        ("start = { speed = 5 }", "unknown field `speed`"),
        (
            "start = { black_hole = true }",
            "file.run.start.black_hole: needs a deadline",
        ),
        (
            "length = \"0s\"",
            "file.run.length: must be from 1ms to 1day, got 0s",
        ),
        (
            "length = \"2days\"",
            "file.run.length: must be from 1ms to 1day, got 2days",
        ),
        (
            "[[run.events]]\nat = \"5s\"\n[[run.events]]\nat = \"3s\"",
            "file.run.events[1].at: must be from 5s to 1day, got 3s",
        ),
        (
            "[[run.events]]\nat = \"5s\"\nset = { rate = 2e9 }",
            "file.run.events[0].set.rate: must be from 0 to 1000000, got 2000000000",
        ),
        (
            "[[run.events]]\nat = \"5s\"\nburst = 1000000",
            "file.run.events[0].burst: must be from 0 to 10000, got 1000000",
        ),
        (
            "[[run.events]]\nat = \"5s\"\nset = { black_hole = true }",
            "file.run.events[0].set.black_hole: needs a deadline",
        ),
    ];
    for (run, named) in cases {
        let refusal = refusal(run);
        assert!(refusal.contains(named), "{run}\n{refusal}\n{named}");
    }
}

#[test]
fn ten_thousand_events_are_too_many() {
    let mut config = Config::default();
    config.events = vec![tower_adaptive_sim::model::Event::default(); 10_000];
    let refusal = config.check().unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "events: must be at most 1000 events, got 10000"
    );
}

#[test]
fn assertions_and_limits_are_checked_too() {
    let read = |extra: &str| {
        let text = format!("title = \"t\"\nwhy = \"w\"\n{extra}");
        Scenario::from_toml("file", &text)
            .expect_err(extra)
            .to_string()
    };
    let cases = [
        (
            "initial_limit = 0\n[run]",
            "file.initial_limit: must be at least 1, got 0",
        ),
        ("limiter = \"proxy\"\n[run]", "unknown variant `proxy`"),
        (
            "[run]\n[asserts]\nefficiency = 1.5",
            "file.asserts.efficiency: must be from 0 to 1, got 1.5",
        ),
        (
            "[run]\n[asserts]\np99 = 0.5",
            "file.asserts.p99: must be from 1 to 1000, got 0.5",
        ),
        ("[run]\n[asserts]\nspeed = 1", "unknown field `speed`"),
        ("[ru", "file: "),
    ];
    for (extra, named) in cases {
        let refusal = read(extra);
        assert!(refusal.contains(named), "{extra}\n{refusal}");
    }
}
