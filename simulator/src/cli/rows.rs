use std::fmt::Write as _;

use tower_adaptive_sim::spec::Spec;
use tower_adaptive_sim::targets::{Bound, Measured, Unit, Verdict};

use super::grid::Grid;

/// Returns the table for the terminal.
#[must_use]
pub(super) fn for_terminal(rows: &[Measured], spec: &Spec, seeds: usize) -> String {
    let table = grid(rows, str::to_uppercase).for_terminal();
    format!("{table}\n{}\n", summary(rows, spec, seeds))
}

/// Returns the table as a page of Markdown.
#[must_use]
pub(super) fn page(rows: &[Measured], spec: &Spec, seeds: usize, command: &str) -> String {
    format!(
        "# What is asked of an algorithm\n\n\
         ```sh\n{command}\n```\n\n\
         writes this file. It depends on nothing but the code: the same command writes the same bytes.\n\
         {}\n\n{}\n{}",
        summary(rows, spec, seeds),
        grid(rows, |group| format!("**{group}**")).for_markdown(),
        MEANINGS
    )
}

/// Returns all rows, each group below its heading.
fn grid(rows: &[Measured], heading: impl Fn(&str) -> String) -> Grid {
    let header = ["what is measured", "asked", "median", "worst", "verdict"];
    let mut grid = Grid::new(&header).breaking(&[0]);
    for group in rows.chunk_by(|a, b| a.target.group == b.target.group) {
        let mut row = vec![String::new(); header.len()];
        row[0] = group
            .first()
            .map_or(String::new(), |first| heading(first.target.group));
        grid.push(row);
        for row in group {
            grid.push(cells(row));
        }
    }
    grid
}

fn cells(row: &Measured) -> Vec<String> {
    let unit = row.target.measure.unit();
    let (median, worst) = row.median_and_worst();
    vec![
        format!("{}: {}", row.target.scenario, row.words),
        asked(row.target.bound, unit),
        value(median, unit),
        value(worst, unit),
        verdict(row.verdict()).to_owned(),
    ]
}

fn asked(bound: Bound, unit: Unit) -> String {
    let (sign, bound) = match bound {
        Bound::AtLeast(bound) => ("≥", bound),
        Bound::AtMost(bound) => ("≤", bound),
        _ => return String::new(),
    };
    match unit {
        Unit::Part => format!("{sign} {}%", 100.0 * bound),
        Unit::Times => format!("{sign} {bound} ×"),
        Unit::Seconds => format!("{sign} {bound} s"),
        Unit::Deadlines => format!("{sign} {bound} deadlines"),
        _ => format!("{sign} {bound}"),
    }
}

fn value(value: f64, unit: Unit) -> String {
    match unit {
        _ if value.is_nan() => "–".to_owned(),
        Unit::Seconds | Unit::Deadlines if value.is_infinite() => "never".to_owned(),
        _ if value.is_infinite() => "∞".to_owned(),
        // A single reject of thousands is one too many, so it must be seen.
        Unit::Part if value < 0.01 => format!("{:.3}%", 100.0 * value),
        Unit::Part => format!("{:.2}%", 100.0 * value),
        Unit::Times => format!("{value:.3} ×"),
        Unit::Seconds => format!("{value:.1} s"),
        Unit::Deadlines => format!("{value:.1}"),
        _ => format!("{value:.3}"),
    }
}

fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Met => "met",
        Verdict::MedianOnly => "median only",
        Verdict::Missed => "missed",
        _ => "",
    }
}

fn summary(rows: &[Measured], spec: &Spec, seeds: usize) -> String {
    let count = |verdict| rows.iter().filter(|row| row.verdict() == verdict).count();
    let [met, median, missed] = [Verdict::Met, Verdict::MedianOnly, Verdict::Missed].map(count);
    let mut text = format!(
        "`{spec}`, {seeds} seed{}: ",
        if seeds == 1 { "" } else { "s" }
    );
    let asked = met + median + missed;
    let _ = write!(
        text,
        "{met} of {asked} rows are met, {median} by the median only, {missed} are missed."
    );
    text
}

/// What the words of the table mean.
const MEANINGS: &str = include_str!("rows.md");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_written_as_they_were_asked() {
        let cases = [
            (Bound::AtLeast(0.98), Unit::Part, "≥ 98%"),
            (Bound::AtMost(0.001), Unit::Part, "≤ 0.1%"),
            (Bound::AtMost(1.15), Unit::Times, "≤ 1.15 ×"),
            (Bound::AtMost(3.0), Unit::Seconds, "≤ 3 s"),
            (Bound::AtLeast(0.95), Unit::Index, "≥ 0.95"),
            (Bound::Nothing, Unit::Part, ""),
        ];
        for (bound, unit, text) in cases {
            assert_eq!(asked(bound, unit), text);
        }
    }

    #[test]
    fn one_reject_of_fifty_thousand_is_not_written_as_none() {
        assert_eq!(value(1.0 / 50_000.0, Unit::Part), "0.002%");
        assert_eq!(value(0.0, Unit::Part), "0.000%");
    }

    #[test]
    fn what_is_never_reached_is_not_a_number() {
        assert_eq!(value(f64::INFINITY, Unit::Seconds), "never");
        assert_eq!(value(f64::INFINITY, Unit::Times), "∞");
        assert_eq!(value(f64::NAN, Unit::Index), "–");
    }
}
