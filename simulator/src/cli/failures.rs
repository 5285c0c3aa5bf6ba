use tower_adaptive_sim::measure::Measures;
use tower_adaptive_sim::model::Span;
use tower_adaptive_sim::scenario::{Asserts, Scenario};
use tower_adaptive_sim::suite::{self, Row, Worst};

use super::grid::Grid;
use super::report::{Report, passes};
use super::tables;

/// Returns what an algorithm failed, in words, and a table: a row for each scenario that it failed.
///
/// Where a mutant fails is of less interest than where it does not.
pub(super) fn in_words(report: &Report, algorithm: &str) -> String {
    let rows: Vec<_> = report.of(algorithm).collect();
    let count = tables::of(rows.len());
    let (passed, failed): (Vec<_>, Vec<_>) = rows.into_iter().partition(|(_, row)| passes(row));
    if failed.is_empty() {
        return format!("Passes all of {count}.\n");
    }
    let assertions: Vec<_> = ASSERTIONS
        .iter()
        .filter(|assertion| assertion.count(&failed) > 0)
        .collect();
    let reasons: Vec<String> = assertions
        .iter()
        .map(|assertion| format!("{} in {}", assertion.words, assertion.count(&failed)))
        .collect();
    let mut text = format!(
        "Fails in {} of {count}: {}.",
        failed.len(),
        reasons.join(", ")
    );
    if !passed.is_empty() {
        let names: Vec<String> = passed
            .iter()
            .map(|(s, _)| format!("`{}`", s.name))
            .collect();
        text.push_str(&format!(" Passes {}.", names.join(", ")));
    }
    text.push('\n');
    if !suite::MUTANTS.contains(&algorithm) {
        text.push('\n');
        text.push_str(&table(&assertions, &failed).for_markdown());
    }
    text
}

/// Returns what was measured where it is not what was asked.
fn table(assertions: &[&Assertion], failed: &[(&Scenario, &Row)]) -> Grid {
    let mut header = vec!["scenario"];
    header.extend(assertions.iter().map(|assertion| assertion.name));
    let mut grid = Grid::new(&header);
    for (scenario, row) in failed {
        let mut cells = vec![scenario.name.clone()];
        cells.extend(
            assertions
                .iter()
                .map(|assertion| assertion.cell(scenario, row)),
        );
        grid.push(cells);
    }
    grid
}

/// One thing that a scenario may ask.
struct Assertion {
    /// Its name, which its failures begin with.
    name: &'static str,
    /// What it means to fail it.
    words: &'static str,
    measure: fn(&Measures) -> f64,
    worst: Worst,
    bound: fn(&Asserts) -> Option<f64>,
    format: fn(f64) -> String,
}

impl Assertion {
    fn is_failed_by(&self, run: &Measures) -> bool {
        run.failures
            .iter()
            .any(|failure| failure.starts_with(self.name))
    }

    /// Counts the scenarios in which it is failed on some seed.
    fn count(&self, rows: &[(&Scenario, &Row)]) -> usize {
        let fails = |(_, row): &&(_, &Row)| row.runs.iter().any(|run| self.is_failed_by(run));
        rows.iter().filter(fails).count()
    }

    /// Says what was measured and what was asked, if any seed failed.
    fn cell(&self, scenario: &Scenario, row: &Row) -> String {
        let runs = row.runs.iter();
        let failed = runs.filter(|run| self.is_failed_by(run)).count();
        if failed == 0 {
            return String::new();
        }
        let (median, worst) = row.median_and_worst(self.measure, self.worst);
        let (median, worst) = ((self.format)(median), (self.format)(worst));
        let measured = if median == worst {
            median
        } else {
            format!("{median} / {worst}")
        };
        let asked = match self.worst {
            Worst::Lowest => "<",
            Worst::Highest => ">",
        };
        let bound = (self.bound)(&scenario.asserts).map_or(String::new(), self.format);
        let seeds = match row.runs.len() {
            count if count == failed => String::new(),
            count => format!(" ({failed}/{count})"),
        };
        format!("{measured} {asked} {bound}{seeds}")
    }
}

const ASSERTIONS: &[Assertion] = &[
    Assertion {
        name: "efficiency",
        words: "too little goodput",
        measure: |run| run.efficiency,
        worst: Worst::Lowest,
        bound: |asserts| asserts.efficiency,
        format: percent,
    },
    Assertion {
        name: "goodput",
        words: "too little of what the servers can do",
        measure: |run| run.goodput,
        worst: Worst::Lowest,
        bound: |asserts| asserts.goodput,
        format: percent,
    },
    Assertion {
        name: "p99",
        words: "p99 too far above the oracle's",
        measure: |run| run.latency_ratio[2].unwrap_or(f64::INFINITY),
        worst: Worst::Highest,
        bound: |asserts| asserts.p99,
        format: times,
    },
    Assertion {
        name: "latency",
        words: "too long a p99",
        measure: |run| run.latency_s[2].unwrap_or(f64::INFINITY),
        worst: Worst::Highest,
        bound: |asserts| asserts.latency.map(Span::secs),
        format: millis,
    },
    Assertion {
        name: "false rejects",
        words: "false rejects",
        measure: |run| run.false_rejects,
        worst: Worst::Highest,
        bound: |asserts| asserts.false_rejects,
        format: percent,
    },
    Assertion {
        name: "settles",
        words: "too slow to settle",
        measure: slowest,
        worst: Worst::Highest,
        bound: |asserts| asserts.settle.map(Span::secs),
        format: seconds,
    },
    Assertion {
        name: "worst second",
        words: "a bad second",
        measure: |run| run.worst_second,
        worst: Worst::Lowest,
        bound: |asserts| asserts.worst_second,
        format: percent,
    },
    Assertion {
        name: "end",
        words: "too little goodput in the last quarter",
        measure: |run| run.end,
        worst: Worst::Lowest,
        bound: |asserts| asserts.end,
        format: percent,
    },
    Assertion {
        name: "fairness",
        words: "unfair to some instances",
        measure: |run| run.fairness,
        worst: Worst::Lowest,
        bound: |asserts| asserts.fairness,
        format: index,
    },
];

fn slowest(run: &Measures) -> f64 {
    let each = run.settled_s.iter();
    each.map(|settled| settled.unwrap_or(f64::INFINITY))
        .fold(0.0, f64::max)
}

fn percent(value: f64) -> String {
    // Near a bound, a rounded number would seem to keep it.
    let digits = if value < 0.1 { 2 } else { 1 };
    format!("{:.digits$}%", 100.0 * value)
}

fn times(value: f64) -> String {
    if value.is_finite() {
        format!("{value:.2} ×")
    } else {
        "nothing answered".to_owned()
    }
}

fn millis(value: f64) -> String {
    if value.is_finite() {
        format!("{:.0} ms", value * 1e3)
    } else {
        "nothing answered".to_owned()
    }
}

fn seconds(value: f64) -> String {
    if value.is_finite() {
        format!("{value} s")
    } else {
        "never".to_owned()
    }
}

fn index(value: f64) -> String {
    format!("{value:.3}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_failure_is_in_one_group() {
        let mut scenario = Scenario::all().swap_remove(0);
        scenario.run.length = Span::from_secs(8);
        scenario.run.events.clear();
        scenario.run.start.instances = 2;
        scenario.asserts = toml::from_str(
            "efficiency = 1.0\ngoodput = 1.0\nlatency = \"1ns\"\np99 = 1.0\nfalse_rejects = 0.0\nsettle = \"1ns\"\n\
             worst_second = 1.0\nfairness = 1.0\nend = 1.0",
        )
        .unwrap();
        let specs = [
            "fixed:limit=1".parse().unwrap(),
            "fixed:limit=1000".parse().unwrap(),
        ];
        let outcome = suite::run(&scenario, &specs, &[1], || ());
        let failures = outcome.rows.iter().flat_map(|row| &row.runs[0].failures);
        for failure in failures {
            let groups = ASSERTIONS.iter();
            let count = groups
                .filter(|group| failure.starts_with(group.name))
                .count();
            assert_eq!(count, 1, "{failure}");
        }
    }
}
