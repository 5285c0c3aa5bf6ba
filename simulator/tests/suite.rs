//! The suite in small: that it can tell good from bad.

use tower_adaptive_sim::scenario::Scenario;
use tower_adaptive_sim::suite::{self, Outcome, Row};

/// Runs everybody in a few scenarios that are quick and different.
fn outcomes() -> Vec<Outcome> {
    let chosen = [
        "bimodal-07x",
        "overload-2x-c8",
        "start-at-5",
        "step-half-to-triple",
    ];
    let specs: Vec<_> = suite::ALGORITHMS
        .iter()
        .map(|algorithm| algorithm.parse().unwrap())
        .collect();
    let scenarios = Scenario::all();
    let scenarios = scenarios
        .iter()
        .filter(|scenario| chosen.contains(&scenario.name.as_str()));
    let outcomes: Vec<_> = scenarios
        .map(|scenario| suite::run(scenario, &specs, &[1, 2], || ()))
        .collect();
    assert_eq!(outcomes.len(), chosen.len());
    outcomes
}

fn rows<'a>(outcomes: &'a [Outcome], algorithm: &str) -> Vec<&'a Row> {
    let rows = outcomes.iter().flat_map(|outcome| &outcome.rows);
    rows.filter(|row| row.algorithm == algorithm).collect()
}

/// Returns the score over all scenarios and seeds.
fn score(outcomes: &[Outcome], algorithm: &str) -> f64 {
    let rows = rows(outcomes, algorithm);
    let runs = rows.iter().flat_map(|row| &row.runs);
    suite::geometric_mean(runs.map(|run| run.score))
}

#[test]
fn the_suite_tells_good_from_bad() {
    let outcomes = outcomes();

    for row in rows(&outcomes, "oracle") {
        for run in &row.runs {
            assert_eq!(run.failures, [""; 0]);
        }
    }
    for mutant in suite::MUTANTS {
        let fails = |row: &&Row| row.passed() < row.runs.len();
        assert!(
            rows(&outcomes, mutant).iter().any(fails),
            "{mutant} passes everything"
        );
    }
    let best = score(&outcomes, "oracle");
    assert!(
        (best - 1.0).abs() < 1e-9,
        "the oracle is as good as itself: {best}"
    );
    for algorithm in suite::ALGORITHMS {
        let score = score(&outcomes, algorithm);
        assert!(score > 0.0 && score < 1.05, "{algorithm}: {score}");
    }
    let frozen = score(&outcomes, "frozen-windowed-gradient2");
    let learning = score(&outcomes, "windowed-gradient2");
    assert!(
        frozen < learning,
        "it is better not to learn: {frozen} {learning}"
    );
    for fixed in ["fixed:limit=1", "fixed:limit=1000"] {
        assert!(score(&outcomes, fixed) < frozen, "{fixed}");
    }
}
