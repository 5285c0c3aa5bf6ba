//! The table of targets: that its rows are there, and tell what meets them from what does not.

use tower_adaptive_sim::scenario::Scenario;
use tower_adaptive_sim::targets::{self, Bound, Measure, Measured, TABLE, Verdict, Window};

fn scenario(name: &str) -> Scenario {
    let scenarios = targets::scenarios().into_iter();
    let mut named = scenarios.filter(|scenario| scenario.name == name);
    named.next().expect(name)
}

fn measure(name: &str, algorithm: &str, seeds: &[u64]) -> Vec<Measured> {
    targets::run(&scenario(name), &algorithm.parse().unwrap(), seeds, || ())
}

/// Returns the only row with this measure.
fn row(rows: &[Measured], measure: Measure) -> &Measured {
    let mut of_measure = rows.iter().filter(|row| row.target.measure == measure);
    of_measure.next().unwrap()
}

#[test]
fn every_scenario_of_the_folder_is_in_the_table() {
    let table = targets::scenarios();
    for scenario in Scenario::of_targets() {
        let name = &scenario.name;
        assert!(table.contains(&scenario), "{name} is in no row");
        assert!(scenario.why.len() > 80, "{name}: says too little about why");
        assert!(
            Scenario::all().iter().all(|other| other.name != *name),
            "{name} is in the suite, too"
        );
    }
}

#[test]
fn a_scenario_is_in_one_place_of_the_table() {
    let mut names: Vec<String> = targets::scenarios()
        .into_iter()
        .map(|scenario| scenario.name)
        .collect();
    let count = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), count, "rows of a scenario are apart");
}

#[test]
fn every_row_says_something_of_its_own_and_names_its_event() {
    let scenarios = targets::scenarios();
    let mut words = std::collections::HashSet::new();
    for target in TABLE {
        let scenario = scenarios.iter().find(|one| one.name == target.scenario);
        let text = target.measure.words(scenario.unwrap());
        assert!(!text.contains("“”"), "{text}: its event has no note");
        assert!(
            words.insert((target.scenario, text)),
            "{target:?} is there twice"
        );
    }
}

#[test]
fn the_oracle_meets_what_is_asked() {
    for name in [
        "overload-2x-c8",
        "start-at-1000",
        "dependency-60ms-slower",
        "trickle",
        "metastable",
        "metastable-deadline-as-error",
        "five-instances",
    ] {
        for row in measure(name, "oracle", &[1, 2]) {
            assert_eq!(row.verdict(), Verdict::Met, "{name}: {row:?}");
        }
    }
}

#[test]
fn no_limit_at_all_misses_what_only_a_limit_can_do() {
    for (name, measure_of) in [
        ("overload-2x-c8", Measure::Goodput(Window::after(3))),
        ("overload-2x-c8", Measure::P99Alone(Window::after(3))),
        ("start-at-1000", Measure::Found),
        ("metastable", Measure::Recovered(0)),
        ("metastable-deadline-as-error", Measure::Recovered(0)),
        ("black-hole", Measure::AtMinimum(0)),
    ] {
        let rows = measure(name, "fixed:limit=1000", &[1]);
        let row = row(&rows, measure_of);
        assert_eq!(row.verdict(), Verdict::Missed, "{name}: {row:?}");
    }
}

#[test]
fn a_limit_of_one_misses_what_asks_for_no_rejects() {
    for name in ["trickle", "trickle-with-pauses", "dependency-60ms-slower"] {
        for row in measure(name, "fixed:limit=1", &[1]) {
            assert_eq!(row.verdict(), Verdict::Missed, "{name}: {row:?}");
        }
    }
}

#[test]
fn an_algorithm_that_backs_off_at_every_error_is_moved_by_them() {
    let rows = measure("errors-as-overload-07x", "aimd", &[1]);
    assert_eq!(row(&rows, Measure::Moved).verdict(), Verdict::Missed);
    let rows = measure("errors-as-overload-07x", "fixed:limit=40", &[1]);
    assert_eq!(row(&rows, Measure::Moved).values, [0.0]);
}

#[test]
fn a_seed_gives_the_same_values_whichever_others_are_run() {
    let values = |seeds: &[u64]| -> Vec<Vec<f64>> {
        let rows = measure("overload-2x-c8", "windowed-vegas", seeds);
        rows.into_iter().map(|row| row.values).collect()
    };
    let (both, second) = (values(&[1, 2]), values(&[2]));
    assert_eq!(both.len(), second.len());
    for (both, second) in both.iter().zip(second) {
        assert_eq!(both[1..], second);
        assert_ne!(both[0], both[1]);
    }
}

#[test]
fn a_row_without_a_bound_is_neither_met_nor_missed() {
    let rows = measure("black-hole", "fixed:limit=40", &[1]);
    let shown = rows.iter().filter(|row| row.target.bound == Bound::Nothing);
    let verdicts: Vec<Verdict> = shown.map(Measured::verdict).collect();
    assert_eq!(verdicts, [Verdict::NotAsked]);
}
