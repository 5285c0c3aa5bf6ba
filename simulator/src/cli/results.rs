use std::fmt::Write as _;

use tower_adaptive_sim::scenario::Scenario;

use super::report::Report;
use super::{failures, tables};

/// Returns the results as a page of Markdown.
#[must_use]
pub(super) fn page(report: &Report) -> String {
    let mut page = format!(
        "# What the suite measures\n\n\
         ```sh\n{}\n```\n\n\
         writes this file. It depends on nothing but the code: the same command writes the same bytes.\n\
         {} and {} seeds.\n\n\
         ## Scores\n\n{}\n",
        report.command,
        capitalized(&tables::of(report.scenarios.len())),
        report.seeds.len(),
        tables::scores(&report.scores).for_markdown()
    );
    for line in tables::verdict(&report.verdict) {
        let _ = writeln!(page, "- {line}");
    }
    let _ = write!(page, "\n{MEANINGS}\n");
    if is_of_suite(report) {
        let _ = writeln!(page, "{}", FINDINGS.trim());
    }
    page.push_str(FAILURES);
    for score in &report.scores {
        let words = failures::in_words(report, &score.algorithm);
        let _ = write!(page, "\n### {}\n\n{words}", score.algorithm);
    }
    page.push_str("\n## The scenarios\n\nThe columns are explained above.\n");
    for (scenario, outcome) in report.each() {
        let _ = write!(
            page,
            "\n### {}\n\n**{}.** {}\n\nThe oracle's limit: {}.\n\n{}",
            scenario.name,
            scenario.title,
            scenario.why.trim(),
            tables::oracle_limits(outcome),
            tables::scenario(outcome).for_markdown()
        );
    }
    page
}

/// Returns whether all scenarios are of the suite, which is what the findings are about.
fn is_of_suite(report: &Report) -> bool {
    let suite = Scenario::all();
    let mut scenarios = report.scenarios.iter();
    scenarios.all(|scenario| suite.contains(scenario))
}

fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |first| {
        first.to_uppercase().chain(chars).collect()
    })
}

/// What the columns mean.
const MEANINGS: &str = include_str!("meanings.md");

/// What comes before the failures.
const FAILURES: &str = "
## Where each algorithm fails

Median / worst over the seeds, and what was asked; `(3/10)` if only so many seeds failed.
";

/// What people make of the numbers.
const FINDINGS: &str = include_str!("findings.md");
