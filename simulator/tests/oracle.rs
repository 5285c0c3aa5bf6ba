//! The oracle against trying every limit there is, on traffic that it has not seen.

use tower_adaptive_sim::measure::Record;
use tower_adaptive_sim::model::Span;
use tower_adaptive_sim::oracle;
use tower_adaptive_sim::scenario::{Place, Scenario};
use tower_adaptive_sim::spec::Spec;
use tower_adaptive_sim::suite;

fn scenario(run: &str) -> Scenario {
    let text = format!("title = \"t\"\nwhy = \"w\"\n[run]\nlength = \"30s\"\n{run}");
    Scenario::from_toml("test", &text).unwrap()
}

fn good(record: &Record) -> f64 {
    record
        .seconds()
        .iter()
        .map(|second| f64::from(second.good))
        .sum()
}

/// Returns goodput and 99th percentile of a fixed limit, over three seeds.
fn fixed(scenario: &Scenario, limit: usize) -> (f64, f64) {
    let spec: Spec = format!("fixed:limit={limit}").parse().unwrap();
    let runs: Vec<Record> = (1..=3)
        .map(|seed| suite::record(scenario, &spec, seed))
        .collect();
    let p99 = runs
        .iter()
        .filter_map(|run| run.quantile(0.99))
        .sum::<f64>()
        / 3.0;
    (runs.iter().map(good).sum(), p99)
}

#[test]
fn no_limit_is_better_than_the_oracles() {
    let overloads = [
        "start = { rate = 1600, servers = 8 }\nslo = \"100ms\"",
        "start = { rate = 900, servers = 8, contention = 0.05 }\nslo = \"100ms\"",
        "start = { rate = 800, servers = 4, service = \"constant\", latency = \"20ms\" }\nslo = \"60ms\"",
        "start = { rate = 1200, servers = 8, retries = 2, deadline = \"50ms\", queue = 30 }\nslo = \"50ms\"",
        "start = { rate = 0, clients = 60, servers = 8, contention = 0.03 }\nslo = \"90ms\"\nat_limit = { does = \"wait\" }",
    ];
    for run in overloads {
        let scenario = scenario(run);
        let schedule = oracle::schedule(&scenario.run, Place::Client, &[101, 102, 103]);
        let limit = schedule[0].1;
        let (oracles, p99) = fixed(&scenario, limit);
        let all: Vec<_> = (1..=80)
            .map(|limit| (limit, fixed(&scenario, limit)))
            .collect();
        let best = all.iter().map(|(_, (good, _))| *good).fold(0.0, f64::max);
        println!(
            "{run}\n  oracle {limit}: {:.4} of the best, p99 {p99:.4}",
            oracles / best
        );
        assert!(
            oracles >= 0.985 * best,
            "{run}: {limit} gives {oracles}, the best {best}"
        );
        for (other, (good, others)) in all {
            // One percent is what it may give up; the rest is the noise of other traffic.
            let is_as_good = good >= best.min(oracles);
            assert!(
                !is_as_good || others > 0.9 * p99,
                "{run}: {other} is faster than {limit}"
            );
        }
    }
}

#[test]
fn the_oracles_limit_is_in_force_from_the_first_moment() {
    let mut scenario = scenario("start = { rate = 1600, servers = 8 }");
    scenario.run.start.clients = 50;
    let schedule = oracle::schedule(&scenario.run, Place::Client, &[101]);
    let spec: Spec = format!("fixed:limit={}", schedule[0].1).parse().unwrap();
    let fixed = suite::record(&scenario, &spec, 1);
    let oracle = suite::record_oracle(&scenario, &schedule, 1);
    assert_eq!(fixed.seconds(), oracle.seconds());
    assert_eq!(fixed.limits(), oracle.limits());
}

#[test]
fn nobody_is_rejected_by_the_oracle_without_an_overload() {
    let scenario =
        scenario("start = { rate = 400, servers = 8, service_cv = 1.5, service = \"lognormal\" }");
    let schedule = oracle::schedule(&scenario.run, Place::Client, &[101, 102, 103]);
    for seed in 1..=5 {
        let record = suite::record_oracle(&scenario, &schedule, seed);
        let rejected: u32 = record.seconds().iter().map(|second| second.rejected).sum();
        // As many arrived in 30 s: others than those that it was found with.
        assert!(rejected <= 3, "{rejected} of 12000");
    }
}

#[test]
fn the_oracle_changes_with_the_phase_and_keeps_its_limit_where_nothing_is_good() {
    let run = "start = { rate = 1600, servers = 8, deadline = \"1s\" }
        events = [
            { at = \"10s\", set = { black_hole = true } },
            { at = \"20s\", set = { black_hole = false, servers = 2 } },
        ]";
    let schedule = oracle::schedule(&scenario(run).run, Place::Client, &[101, 102]);
    let begins: Vec<f64> = schedule.iter().map(|(begin, _)| begin.secs()).collect();
    assert_eq!(begins, [0.0, 10.0, 20.0]);
    assert_eq!(schedule[0].1, schedule[1].1);
    assert!(schedule[2].1 < schedule[0].1, "{schedule:?}");
}

#[test]
fn a_limit_at_the_plant_is_found_as_well_as_one_at_its_clients() {
    let scenario = scenario("start = { rate = 1600, servers = 8 }");
    let limit = |place| oracle::schedule(&scenario.run, place, &[101, 102])[0].1;
    // Without latency in between they are the same.
    assert_eq!(limit(Place::Client), limit(Place::Plant));
}

#[test]
fn the_steady_oracle_agrees_with_that_of_a_phase() {
    let scenario = scenario("start = { rate = 1600, servers = 8 }");
    let of_phase = oracle::schedule(&scenario.run, Place::Client, &[101])[0].1;
    let steady = oracle::steady(
        &scenario.run,
        &scenario.run.start,
        Place::Client,
        Span::from_secs(10),
        None,
        &|| true,
    );
    let steady = steady.unwrap();
    let (good, p99) = fixed(&scenario, steady);
    let (best, best_p99) = fixed(&scenario, of_phase);
    assert!(
        good > 0.98 * best && p99 < 1.2 * best_p99,
        "{steady}, {of_phase}"
    );
}

#[test]
fn looking_for_the_oracle_ends_when_it_is_told_to() {
    // Without an end of its own: clients that come back at once, of which there are many.
    let run = scenario("start = { clients = 100000, service_time = \"1ns\", servers = 1000 }").run;
    let asked = std::cell::Cell::new(0);
    let go_on = || {
        asked.set(asked.get() + 1);
        asked.get() < 20
    };
    let length = Span::from_secs(3600);
    let limit = oracle::steady(&run, &run.start, Place::Client, length, None, &go_on);
    assert_eq!((limit, asked.get()), (None, 20));
}
