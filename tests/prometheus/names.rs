//! Which metrics and labels expressions ask for, and whether they are the ones that are exported.

use std::collections::BTreeSet;

use crate::dashboard::queries;
use crate::live::Faults;
use crate::server::Prometheus;

/// What is exported, shown and recorded must be the same names, with the same values of labels.
pub(crate) fn names(prometheus: &Prometheus, exposition: &str, faults: &mut Faults) {
    let rules = prometheus.rules();
    let text = |rule: &serde_json::Value, part: &str| rule[part].as_str().unwrap_or("").to_owned();
    let recorded: BTreeSet<_> = rules.iter().map(|rule| text(rule, "name")).collect();
    let of_rules: Vec<_> = rules.iter().map(|rule| text(rule, "query")).collect();
    let of_panels: Vec<_> = queries()
        .into_iter()
        .map(|query| query.expression)
        .collect();

    let exported = exported(exposition);
    let shown = metrics(&of_panels);
    let asked = metrics(&of_rules);
    faults.unless(
        exported.len() >= 18,
        format!("only {exported:?} are exported"),
    );
    for name in asked.union(&shown).filter(|name| !recorded.contains(*name)) {
        faults.unless(exported.contains(name), format!("{name} is not exported"));
    }
    for name in exported.difference(&shown) {
        faults.unless(false, format!("{name} is exported, and on no panel"));
    }
    for selector in of_rules
        .iter()
        .chain(&of_panels)
        .flat_map(|expression| selectors(expression))
    {
        for label in labels(selector) {
            faults.unless(
                exposition.contains(&label),
                format!("{selector}: there is no {label}"),
            );
        }
    }
}

/// The selectors of an expression, such as `name{label="value"}`.
pub(crate) fn selectors(expression: &str) -> Vec<&str> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let starts = expression.match_indices("tower_adaptive_").map(|(at, _)| {
        let before = expression[..at].rfind(|c| !is_name(c));
        before.map_or(0, |end| end + 1)
    });
    let selectors = starts.map(|start| {
        let rest = &expression[start..];
        let name = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
        let has_matchers = rest[name..].starts_with('{');
        let end = rest.find('}').filter(|_| has_matchers);
        &rest[..end.map_or(name, |end| end + 1)]
    });
    selectors.collect()
}

/// The names in all selectors, without what a histogram adds.
fn metrics(expressions: &[String]) -> BTreeSet<String> {
    let selectors = expressions
        .iter()
        .flat_map(|expression| selectors(expression));
    let names = selectors.map(|selector| selector.split('{').next().unwrap_or_default());
    names
        .map(|name| name.strip_suffix("_bucket").unwrap_or(name).to_owned())
        .collect()
}

/// The labels that a selector asks for by value, such as `label="value"`, without its variables.
fn labels(selector: &str) -> Vec<String> {
    let matchers = selector
        .split_once('{')
        .map_or("", |(_, matchers)| matchers);
    let matchers = matchers.trim_end_matches('}').split(',');
    let pairs = matchers.filter_map(|matcher| matcher.split_once('='));
    let pairs = pairs.filter(|(name, value)| !name.ends_with('!') && !value.contains('$'));
    let labels = pairs.flat_map(|(name, value)| {
        let values = value.trim_matches(['~', '"']).split('|');
        values.map(move |value| format!("{name}={value:?}"))
    });
    labels.collect()
}

/// The names of metrics in the types of an exposition.
fn exported(exposition: &str) -> BTreeSet<String> {
    let types = exposition
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "));
    let names = types.filter_map(|line| line.split(' ').next());
    names
        .filter(|name| name.starts_with("tower_adaptive"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn selectors_of_an_expression_are_found_with_their_labels() {
    let expression = r#"sum(rate(tower_adaptive_a{job=~"$job",state=~"x|y",b!="c"}[2m])) / limiter:tower_adaptive_d:e > 0"#;

    let found = selectors(expression);

    let first = r#"tower_adaptive_a{job=~"$job",state=~"x|y",b!="c"}"#;
    assert_eq!(found, [first, "limiter:tower_adaptive_d:e"]);
    assert_eq!(labels(first), [r#"state="x""#, r#"state="y""#]);
    assert!(labels(found[1]).is_empty());
}
