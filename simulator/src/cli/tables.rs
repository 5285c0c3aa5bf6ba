use std::fmt::Write as _;

use tower_adaptive_sim::measure::Measures;
use tower_adaptive_sim::suite::{Outcome, Row, Worst};

use super::grid::Grid;
use super::report::{Report, Score, Verdict};

/// What the columns of the table of a scenario are.
pub(super) const LEGEND: &str = "\
Two numbers are median/worst over the seeds (of the limit, the highest), one number is both; the score is a geometric
mean. Seeds: on how many all was so that is asserted.
Efficiency: goodput within the SLO as a share of the oracle's. p50, p95, p99: of answered requests, as multiples of the
oracle's. False rejects: share rejected while the oracle rejected nothing. Settles: seconds until it is settled, after
the start and each event. Limit: mean ± coefficient of variation. Worst second: goodput in it, as a share of the
oracle's.
";

/// Returns the table of a scenario: a row for each algorithm.
#[must_use]
pub(super) fn scenario(outcome: &Outcome) -> Grid {
    let mut grid = Grid::new(&[
        "algorithm",
        "seeds",
        "efficiency\n%",
        "p50\n×",
        "p95\n×",
        "p99\n×",
        "false\nrejects\n%",
        "settles\ns",
        "limit",
        "worst\nsecond\n%",
        "score",
    ])
    .breaking(&[0, 7, 8]);
    for row in &outcome.rows {
        let percent = |measure: fn(&Measures) -> f64, worst| {
            pair(
                row.median_and_worst(|run| 100.0 * measure(run), worst),
                decimal,
            )
        };
        let ratio = |i: usize| {
            let measure = |run: &Measures| run.latency_ratio[i].unwrap_or(f64::INFINITY);
            pair(row.median_and_worst(measure, Worst::Highest), short)
        };
        let limit = row.median_and_worst(|run| run.limit, Worst::Highest);
        let cv = row.median_and_worst(|run| 100.0 * run.limit_cv, Worst::Highest);
        grid.push(vec![
            row.algorithm.clone(),
            format!("{}/{}", row.passed(), row.runs.len()),
            percent(|run| run.efficiency, Worst::Lowest),
            ratio(0),
            ratio(1),
            ratio(2),
            percent(|run| run.false_rejects, Worst::Highest),
            settles(row),
            format!(
                "{} ±{}%",
                pair(limit, short),
                pair(cv, |cv| format!("{cv:.0}"))
            ),
            pair(
                row.median_and_worst(|run| 100.0 * run.worst_second, Worst::Lowest),
                |value| format!("{value:.0}"),
            ),
            format!("{:.3}", row.score()),
        ]);
    }
    grid
}

/// Returns the oracle's limits in words: `32, from 20 s 8`.
#[must_use]
pub(super) fn oracle_limits(outcome: &Outcome) -> String {
    let mut text = String::new();
    let mut before = None;
    for (from, limit) in &outcome.oracle {
        // A phase that changes nothing is none to the reader.
        if before == Some(limit) {
            continue;
        }
        let _ = match before {
            None => write!(text, "{limit}"),
            Some(_) => write!(text, ", from {} s {limit}", rounded(*from)),
        };
        before = Some(limit);
    }
    text
}

/// Returns the table of scores.
#[must_use]
pub(super) fn scores(scores: &[Score]) -> Grid {
    let mut grid = Grid::new(&[
        "algorithm",
        "score",
        "scenarios\npassed",
        "median\nefficiency %",
        "median\np99 ×",
        "lowest\nscore",
        "in scenario",
    ])
    .breaking(&[0]);
    for score in scores {
        grid.push(vec![
            score.algorithm.clone(),
            format!("{:.3}", score.score),
            format!("{} of {}", score.passed, score.scenarios),
            decimal(100.0 * score.efficiency),
            decimal(score.p99),
            format!("{:.3}", score.worst_score),
            score.worst.clone(),
        ]);
    }
    grid
}

/// Returns what is known about the suite itself: a line about the oracle, and one about each mutant.
#[must_use]
pub(super) fn verdict(verdict: &Verdict) -> Vec<String> {
    let mut lines = Vec::new();
    match &verdict.oracle_fails {
        None => lines.push("The oracle did not take part.".to_owned()),
        Some(failed) if failed.is_empty() => {
            lines.push("The oracle passes everything: yes.".to_owned());
        }
        Some(failed) => lines.push(format!(
            "The oracle passes everything: no, it fails in {}.",
            failed.join(", ")
        )),
    }
    for frozen in &verdict.frozen {
        let (is_behind, sign) = if frozen.is_behind() {
            ("yes", "<")
        } else {
            ("no", "≥")
        };
        lines.push(format!(
            "{} scores below what it is a mutant of: {is_behind}, {:.3} {sign} {:.3}.",
            frozen.name, frozen.score, frozen.learning
        ));
    }
    for (mutant, failed) in &verdict.mutants_fail {
        lines.push(match failed {
            0 => format!("{mutant} fails: no, it passes everything."),
            _ => format!(
                "{mutant} fails: yes, in {failed} of {}.",
                of(verdict.scenarios)
            ),
        });
    }
    lines
}

/// Returns everything of a scenario for the terminal.
#[must_use]
pub(super) fn for_terminal(title: &str, outcome: &Outcome) -> String {
    format!(
        "{}: {title}\nThe oracle's limit: {}.\n\n{}\n",
        outcome.scenario,
        oracle_limits(outcome),
        scenario(outcome).for_terminal()
    )
}

/// Returns scores and verdict for the terminal.
#[must_use]
pub(super) fn summary(report: &Report) -> String {
    let runs = report.seeds.len();
    let mut text = format!(
        "{LEGEND}\nScores over {} and {runs} seed{}:\n\n{}\n",
        of(report.scenarios.len()),
        if runs == 1 { "" } else { "s" },
        scores(&report.scores).for_terminal(),
    );
    for line in verdict(&report.verdict) {
        text.push_str(&line);
        text.push('\n');
    }
    text
}

/// Counts scenarios: `1 scenario`, `2 scenarios`.
#[must_use]
pub(super) fn of(scenarios: usize) -> String {
    match scenarios {
        1 => "1 scenario".to_owned(),
        count => format!("{count} scenarios"),
    }
}

/// For the start and each event; `0 ×3` is three times 0.
fn settles(row: &Row) -> String {
    let count = row.runs.first().map_or(0, |run| run.settled_s.len());
    let of = |i: usize| {
        let measure = |run: &Measures| run.settled_s[i].unwrap_or(f64::INFINITY);
        pair(row.median_and_worst(measure, Worst::Highest), rounded)
    };
    let each: Vec<String> = (0..count).map(of).collect();
    let groups = each.chunk_by(|a, b| a == b).map(|same| match same {
        [] => String::new(),
        [one] => one.clone(),
        [one, ..] => format!("{one} ×{}", same.len()),
    });
    groups.collect::<Vec<_>>().join(", ")
}

fn pair((median, worst): (f64, f64), format: fn(f64) -> String) -> String {
    let (median, worst) = (format(median), format(worst));
    if median == worst {
        median
    } else {
        format!("{median}/{worst}")
    }
}

/// One decimal below 100.
fn decimal(value: f64) -> String {
    match value {
        _ if !value.is_finite() => "–".to_owned(),
        _ if value.abs() < 99.95 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

/// One decimal below 10.
fn short(value: f64) -> String {
    match value {
        _ if !value.is_finite() => "–".to_owned(),
        _ if value.abs() < 9.95 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

/// Seconds, as whole ones where they are.
fn rounded(value: f64) -> String {
    if value.is_finite() {
        format!("{}", (value * 10.0).round() / 10.0)
    } else {
        "never".to_owned()
    }
}
