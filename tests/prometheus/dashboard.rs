//! The dashboard as a file: what can be wrong with it without a single sample.

use std::collections::HashSet;
use std::fs;

use serde_json::Value;
use tower_adaptive::{Fathom, Limiter};

use crate::dashboards;

/// A query of a panel.
#[derive(Clone, Debug)]
pub(crate) struct Query {
    pub(crate) panel: String,
    pub(crate) unit: String,
    pub(crate) legend: String,
    pub(crate) expression: String,
}

pub(crate) fn queries() -> Vec<Query> {
    let mut queries = Vec::new();
    for panel in panels() {
        for target in list(&panel["targets"]) {
            queries.push(Query {
                panel: text(&panel["title"]).to_owned(),
                unit: text(&panel["fieldConfig"]["defaults"]["unit"]).to_owned(),
                legend: text(&target["legendFormat"]).to_owned(),
                expression: text(&target["expr"]).to_owned(),
            });
        }
    }
    queries
}

/// Where links of panels and alerts lead: the runbook, as docs.rs shows it.
pub(crate) const RUNBOOK: &str =
    "https://docs.rs/tower-adaptive/latest/tower_adaptive/guides/runbook/index.html";

/// Whether a link leads to a section of the runbook that is there.
pub(crate) fn is_section(link: &str) -> bool {
    let runbook = fs::read_to_string(dashboards().join("RUNBOOK.md")).expect("the runbook");
    let sections: HashSet<String> = runbook
        .lines()
        .filter(|line| line.starts_with('#'))
        .map(|line| slug(line.trim_start_matches('#').trim()))
        .collect();
    let anchor = link
        .strip_prefix(RUNBOOK)
        .and_then(|rest| rest.strip_prefix('#'));
    anchor.is_some_and(|anchor| sections.contains(anchor))
}

#[test]
fn dashboard_can_be_imported_and_found() {
    let dashboard = dashboard();

    assert_eq!(dashboard["uid"], "tower-adaptive");
    assert_eq!(dashboard["id"], Value::Null, "Grafana gives the number");
    assert!(
        dashboard["schemaVersion"].as_u64() >= Some(38),
        "Grafana 10"
    );
    for part in ["title", "description", "refresh"] {
        assert!(!text(&dashboard[part]).is_empty(), "{part}");
    }
    let variables: Vec<&str> = list(&dashboard["templating"]["list"])
        .iter()
        .map(|variable| text(&variable["name"]))
        .collect();
    assert_eq!(variables, ["datasource", "job", "instance", "limiter"]);
}

#[test]
fn every_panel_says_what_it_means_and_where_the_runbook_is() {
    for panel in panels() {
        let title = text(&panel["title"]);
        assert!(text(&panel["description"]).len() > 40, "{title}");
        let links = list(&panel["links"]);
        assert!(!links.is_empty(), "{title}");
        for link in links {
            let url = text(&link["url"]);
            let own = url == format!("{RUNBOOK}#{}", slug(title));
            assert!(own && is_section(url), "{title}: {url}");
        }
    }
}

#[test]
fn panels_have_numbers_and_places_of_their_own() {
    let dashboard = dashboard();
    let (mut numbers, mut places) = (HashSet::new(), HashSet::new());
    for panel in list(&dashboard["panels"]) {
        let title = text(&panel["title"]);
        assert!(
            numbers.insert(panel["id"].as_u64().expect("a number")),
            "{title}"
        );
        let place = |part: &str| panel["gridPos"][part].as_u64().expect("a place");
        assert!(place("x") + place("w") <= 24, "{title}");
        for x in place("x")..place("x") + place("w") {
            for y in place("y")..place("y") + place("h") {
                assert!(places.insert((x, y)), "{title} lies on another panel");
            }
        }
    }
}

#[test]
fn every_query_is_one_that_grafana_can_run() {
    for panel in panels() {
        let title = text(&panel["title"]);
        let kind = text(&panel["type"]);
        assert!(
            ["stat", "timeseries", "state-timeline"].contains(&kind),
            "{title}: {kind}"
        );
        let mut references = HashSet::new();
        assert!(!list(&panel["targets"]).is_empty(), "{title}");
        for target in list(&panel["targets"]) {
            assert!(references.insert(text(&target["refId"])), "{title}");
            assert_eq!(target["datasource"], panel["datasource"], "{title}");
            assert_eq!(target["datasource"]["uid"], "${datasource}", "{title}");
            assert_ne!(target["instant"], target["range"], "{title}");
            let expression = text(&target["expr"]);
            for variable in ["job", "instance", "limiter"] {
                let matcher = format!(r#"{variable}=~"${variable}""#);
                assert!(expression.contains(&matcher), "{title}: {expression}");
            }
            let unknown = expression
                .replace("$job", "")
                .replace("$instance", "")
                .replace("$limiter", "")
                .replace("$__rate_interval", "");
            assert!(!unknown.contains('$'), "{title}: {expression}");
        }
        let options = panel["options"].as_object().expect("options");
        assert!(!options.is_empty(), "{title}");
        let defaults = &panel["fieldConfig"]["defaults"];
        assert!(defaults["unit"].is_string(), "{title}");
        let steps = list(&defaults["thresholds"]["steps"]);
        assert_eq!(
            steps[0]["value"],
            Value::Null,
            "{title}: the first step is the base"
        );
        let values: Vec<f64> = steps[1..]
            .iter()
            .filter_map(|step| step["value"].as_f64())
            .collect();
        assert!(
            values.is_sorted() && values.len() + 1 == steps.len(),
            "{title}"
        );
    }
}

#[test]
fn a_limiter_takes_every_change_of_the_runbook() {
    let runbook = fs::read_to_string(dashboards().join("RUNBOOK.md")).expect("the runbook");
    let changes = runbook.split("change '").skip(1);
    let changes: Vec<_> = changes.filter_map(|rest| rest.split_once('\'')).collect();

    assert!(changes.len() >= 8, "{changes:?}");
    for (change, _) in changes {
        let limiter = Limiter::new(Fathom::default());
        let before = limiter.config();
        let config = serde_json::from_str(change).expect(change);
        limiter.apply(&config).expect(change);
        let is_back = ["false", r#""fathom""#]
            .iter()
            .any(|end| change.contains(end));
        assert!(
            is_back || limiter.config() != before,
            "{change} changes nothing"
        );
    }
}

/// As rustdoc and GitHub make an anchor of a heading.
fn slug(heading: &str) -> String {
    heading
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

/// The panels without the rows between them.
fn panels() -> Vec<Value> {
    let dashboard = dashboard();
    let panels = list(&dashboard["panels"]).iter();
    panels
        .filter(|panel| panel["type"] != "row")
        .cloned()
        .collect()
}

fn dashboard() -> Value {
    let file = dashboards().join("tower-adaptive.json");
    let json = fs::read_to_string(file).expect("the dashboard");
    serde_json::from_str(&json).expect("the dashboard is JSON")
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
