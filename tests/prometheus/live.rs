//! The example twice, one limiter that works and one that may not rise, and what Prometheus makes of them.

use std::time::Duration;

use crate::child::find;
use crate::dashboard::{Query, is_section, queries};
use crate::load::{Answers, Example, TURN};
use crate::names::{names, selectors};
use crate::server::{Prometheus, get, pause};

/// The job whose limiters may choose any limit they need, and the one where the bound is too low.
const WORKING: &str = "working";
const TOO_LOW: &str = "too-low";

#[test]
fn every_expression_has_sane_data_under_load() {
    let Some(program) = find("prometheus") else {
        return;
    };
    let mut working = Example::start("200");
    let mut too_low = Example::start("3");
    let targets = [(WORKING, &*working.address), (TOO_LOW, &too_low.address)];
    let prometheus = Prometheus::start(&program, &targets);
    let mut faults = Faults::default();

    working.end_of_turn();
    too_low.end_of_turn();
    // Until a whole rate interval lies in the overload.
    pause(TURN - Duration::from_secs(3));
    for job in [WORKING, TOO_LOW] {
        for query in queries() {
            dashboard_query(&prometheus, job, &query, &mut faults);
        }
    }
    rules(&prometheus, &mut faults);
    verdicts(&prometheus, &mut faults);
    for (job, example) in [(WORKING, &mut working), (TOO_LOW, &mut too_low)] {
        let answers = example.end_of_turn();
        goodput(&prometheus, job, &answers, &mut faults);
        let exposition = get(&example.address, "/metrics");
        names(&prometheus, &exposition, &mut faults);
        counts(&exposition, example, &mut faults);
    }

    assert!(faults.0.is_empty(), "{}", faults.0.join("\n"));
}

/// Asks as Grafana would, with all instances and limiters of a job selected.
fn dashboard_query(prometheus: &Prometheus, job: &str, query: &Query, faults: &mut Faults) {
    let expression = query
        .expression
        .replace("$job", job)
        .replace("$instance", ".*")
        .replace("$limiter", ".*")
        .replace("$__rate_interval", "6s");
    let what = format!("{job}, {}, {}: {expression}", query.panel, query.legend);
    let series = match prometheus.query(&expression) {
        Ok(series) => series,
        Err(error) => return faults.0.push(format!("{what}: {error}")),
    };
    faults.unless(!series.is_empty(), format!("{what}: no data"));
    let range = match &*query.unit {
        // In flight may be above a limit that has just fallen.
        "percentunit" if query.legend.ends_with("utilization") => 0.0..=3.0,
        "percentunit" => 0.0..=1.0,
        "suffix: ×" => 0.3..=500.0,
        "reqps" => 0.0..=5000.0,
        "cps" => 0.0..=1000.0,
        "s" => 0.0..=30.0,
        "short" => 0.0..=400.0,
        "none" => 0.0..=5.0,
        unit => panic!("{}: what range has the unit {unit}?", query.panel),
    };
    for one in series {
        faults.unless(
            range.contains(&one.value),
            format!("{what}: {one:?} is not in {range:?}"),
        );
        for label in query
            .legend
            .split("{{")
            .skip(1)
            .filter_map(|part| part.split_once("}}"))
        {
            faults.unless(
                !one.label(label.0).is_empty(),
                format!("{what}: no label {}", label.0),
            );
        }
    }
}

fn rules(prometheus: &Prometheus, faults: &mut Faults) {
    let rules = prometheus.rules();
    faults.unless(rules.len() > 10, format!("{} rules", rules.len()));
    for rule in rules {
        let name = rule["name"].as_str().unwrap_or_default();
        let expression = rule["query"].as_str().unwrap_or_default();
        faults.unless(
            rule["health"] == "ok",
            format!("{name}: {}", rule["lastError"]),
        );
        for selector in selectors(expression) {
            for job in [WORKING, TOO_LOW] {
                let selector = in_job(selector, job);
                let found = prometheus
                    .query(&selector)
                    .map_err(|error| format!("{name}: {error}"));
                faults.unless(
                    found
                        .as_ref()
                        .is_ok_and(|series| series.iter().any(|one| one.value.is_finite())),
                    format!("{name}: {selector}: {found:?}"),
                );
            }
        }
        if rule["type"] == "recording" {
            recorded(prometheus, name, expression, faults);
        } else {
            let link = rule["annotations"]["runbook_url"]
                .as_str()
                .unwrap_or_default();
            faults.unless(
                is_section(link) && link.ends_with(&name.to_lowercase()),
                format!("{name}: {link}"),
            );
            for part in ["summary", "description"] {
                let text = rule["annotations"][part].as_str().unwrap_or_default();
                faults.unless(text.len() > 30, format!("{name}: {part}"));
            }
        }
    }
}

/// A recording rule: its expression, and what is recorded under its name, for both limiters of both jobs.
fn recorded(prometheus: &Prometheus, name: &str, expression: &str, faults: &mut Faults) {
    let range = match name.rsplit_once(':').map_or("", |(_, kind)| kind) {
        "ratio_2m" => 0.3..=500.0,
        kind if kind.starts_with("ratio") => 0.0..=1.0,
        "bool" => 0.0..=1.0,
        "code" => 0.0..=5.0,
        "rate2m" => 0.0..=2500.0,
        "p50_2m" | "p99_2m" => 0.01..=30.0,
        kind => panic!("{name}: what range has {kind}?"),
    };
    for expression in [name, expression] {
        let series = prometheus.query(expression).unwrap_or_default();
        faults.unless(
            series.len() == 4,
            format!("{name}: {expression}: {series:?}"),
        );
        for one in series {
            faults.unless(
                range.contains(&one.value),
                format!("{name}: {one:?} is not in {range:?}"),
            );
        }
    }
}

/// The working limiter protects, and is never said to do harm; the other one does, and the alert comes.
fn verdicts(prometheus: &Prometheus, faults: &mut Faults) {
    let verdict = |job| format!("limiter:tower_adaptive_verdict:code{{job={job:?}}}");
    let harm = format!("max_over_time(limiter:tower_adaptive_harming:bool{{job={WORKING:?}}}[5m])");
    let pending = r#"ALERTS{alertname="TowerAdaptiveHarming"}"#;
    for (expression, value, count) in [
        (&*verdict(WORKING), 1.0, 2),
        (&verdict(TOO_LOW), 5.0, 2),
        (&harm, 0.0, 2),
        (pending, 1.0, 2),
    ] {
        let series = prometheus.query(expression).unwrap_or_default();
        let right = series.len() == count && series.iter().all(|one| one.value == value);
        faults.unless(right, format!("{expression}: {series:?}, not {value}"));
    }
    let pending = prometheus.query(pending).unwrap_or_default();
    faults.unless(
        pending.iter().all(|alert| alert.label("job") == TOO_LOW),
        format!("{pending:?}"),
    );
}

/// At the end of a turn, the goodput of the dashboard is what the clients were served.
fn goodput(prometheus: &Prometheus, job: &str, answers: &Answers, faults: &mut Faults) {
    // But for the scrape that is still to come.
    let window = TURN.as_secs() - 1;
    for ((limiter, _), count) in answers.iter().filter(|((_, status), _)| *status == 200) {
        let labels = format!("job={job:?},limiter={limiter:?},outcome=\"success\"");
        let expression = format!("rate(tower_adaptive_finished_total{{{labels}}}[{window}s])");
        let rate = match prometheus.query(&expression).as_deref() {
            Ok([one]) => one.value,
            _ => f64::NAN,
        };
        let served = count / TURN.as_secs_f64();
        faults.unless(
            // Where two processors have much else to do, they are some seconds apart.
            (rate / served - 1.0).abs() < 0.5,
            format!("{expression} is {rate}, but {served}/s were served"),
        );
    }
}

/// At the end of a turn, counters are what the clients have counted.
fn counts(exposition: &str, example: &Example, faults: &mut Faults) {
    for limiter in ["orders", "search"] {
        for (counter, label, status) in [
            ("finished", r#"outcome="success""#, 200),
            ("finished", r#"outcome="overload""#, 500),
            ("finished", r#"outcome="ignored""#, 404),
            ("rejected", "reason", 503),
        ] {
            let start = format!("tower_adaptive_{counter}_total{{");
            let label_of_limiter = format!("limiter={limiter:?}");
            let counted: f64 = exposition
                .lines()
                .filter(|line| line.starts_with(&start))
                .filter(|line| line.contains(&label_of_limiter) && line.contains(label))
                .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
                .sum();
            // More are those of the next turn, and those of clients that gave up and were not heard.
            let seen = example.count(limiter, status);
            let most = 1.1 * seen + example.count(limiter, 0) + 100.0;
            faults.unless(
                (seen..=most).contains(&counted),
                format!("{counter} {label} of {limiter}: {counted}, and its clients saw {seen}"),
            );
        }
    }
}

fn in_job(selector: &str, job: &str) -> String {
    match selector.split_once('{') {
        Some((name, matchers)) => format!("{name}{{job={job:?},{matchers}"),
        None => format!("{selector}{{job={job:?}}}"),
    }
}

/// All that is wrong, since a second run takes half a minute.
#[derive(Default)]
pub(crate) struct Faults(Vec<String>);

impl Faults {
    pub(crate) fn unless(&mut self, right: bool, fault: String) {
        if !right {
            self.0.push(fault);
        }
    }
}
