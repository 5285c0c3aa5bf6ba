use serde::Serialize;
use tower_adaptive_sim::suite::Outcome;

use super::report::{Report, Score, Verdict};

/// Returns everything that was measured.
#[must_use]
pub(super) fn of(report: &Report) -> String {
    let scenarios = report
        .each()
        .map(|(scenario, outcome)| Named {
            title: &scenario.title,
            why: scenario.why.trim(),
            outcome,
        })
        .collect();
    let all = All {
        command: &report.command,
        seeds: &report.seeds,
        scores: &report.scores,
        verdict: &report.verdict,
        scenarios,
    };
    match serde_json::to_string(&all) {
        Ok(json) => json + "\n",
        Err(error) => unreachable!("its keys are text: {error}"),
    }
}

#[derive(Serialize)]
struct All<'a> {
    command: &'a str,
    seeds: &'a [u64],
    scores: &'a [Score],
    verdict: &'a Verdict,
    scenarios: Vec<Named<'a>>,
}

#[derive(Serialize)]
struct Named<'a> {
    title: &'a str,
    why: &'a str,
    #[serde(flatten)]
    outcome: &'a Outcome,
}
