//! What every knob is: its kind, range, default and a sentence about it.

use serde::Serialize;
use serde_json::{Map, Value, json};
use tower_adaptive::{AlgorithmConfig, WindowedBuilder};

use super::algorithms::{Kind, Knob, TABLE, WINDOW};
use crate::model::{Config, Domain, Params};

/// Everything that the page needs to build its controls.
#[derive(Debug, Serialize)]
pub struct Options {
    /// The parameters of traffic and plant, in their order.
    pub params: Vec<Described>,
    /// The algorithms, in their order.
    pub algorithms: Vec<Algorithm>,
    /// The options of a window.
    pub window: Vec<Described>,
    /// The defaults of a run.
    pub run: Config,
    /// The most events that a run may have.
    pub most_events: usize,
}

/// An algorithm and its options.
#[derive(Debug, Serialize)]
pub struct Algorithm {
    /// The name, as configuration has it.
    pub name: &'static str,
    /// The name, for people.
    pub title: &'static str,
    /// What it looks at.
    pub doc: &'static str,
    /// Its options.
    pub options: Vec<Described>,
}

/// One option.
#[derive(Debug, Serialize)]
pub struct Described {
    name: &'static str,
    doc: String,
    optional: bool,
    default: Value,
    #[serde(flatten)]
    kind: Map<String, Value>,
}

impl Options {
    /// Describes everything.
    #[must_use]
    pub fn all() -> Self {
        let defaults = to_value(&Params::default());
        let params = Params::describe()
            .into_iter()
            .map(|one| Described {
                default: defaults[one.name].clone(),
                name: one.name,
                doc: one.doc,
                optional: one.optional,
                kind: kind_of_domain(one.domain),
            })
            .collect();
        Self {
            params,
            algorithms: TABLE.iter().map(algorithm).collect(),
            window: describe(WINDOW, &to_value(&WindowedBuilder::default())),
            run: Config::default(),
            most_events: Config::MOST_EVENTS,
        }
    }
}

fn algorithm(entry: &super::algorithms::Entry) -> Algorithm {
    Algorithm {
        name: entry.name,
        title: entry.title,
        doc: entry.doc,
        options: describe(entry.knobs, &to_value(&defaults(entry.name))),
    }
}

/// Returns the algorithm `name` with its defaults.
///
/// # Panics
///
/// If there is no such algorithm.
#[must_use]
pub fn defaults(name: &str) -> AlgorithmConfig {
    // A fixed limit is the one algorithm with an option that has no default.
    let config = match name {
        "fixed" => json!({ "name": name, "limit": 32 }),
        _ => json!({ "name": name }),
    };
    serde_json::from_value(config).expect("an algorithm of the table")
}

fn describe(knobs: &'static [Knob], defaults: &Value) -> Vec<Described> {
    let describe = |knob: &Knob| Described {
        name: knob.name,
        doc: knob.doc.to_owned(),
        optional: false,
        default: defaults[knob.name].clone(),
        kind: kind_of_knob(&knob.kind),
    };
    knobs.iter().map(describe).collect()
}

fn kind_of_domain(domain: Domain) -> Map<String, Value> {
    match domain {
        Domain::Number(range) => ranged("number", range.start(), range.end()),
        Domain::Integer(range) => ranged("integer", range.start(), range.end()),
        Domain::Duration(range) => ranged("duration", range.start(), range.end()),
        Domain::Flag => object(json!({ "kind": "flag" })),
        Domain::Choice(words) => object(json!({ "kind": "choice", "choices": words })),
    }
}

fn kind_of_knob(kind: &Kind) -> Map<String, Value> {
    match kind {
        Kind::Number(low, high) => ranged("number", low, high),
        Kind::Integer(low, high) => ranged("integer", low, high),
        Kind::AtLeast(low) => object(json!({ "kind": "integer", "min": low })),
        Kind::Duration(low) => object(json!({ "kind": "duration", "min": low })),
        Kind::Aggregate => object(json!({ "kind": "aggregate" })),
        Kind::Seed => object(json!({ "kind": "seed" })),
    }
}

fn ranged(kind: &str, low: &impl Serialize, high: &impl Serialize) -> Map<String, Value> {
    object(json!({ "kind": kind, "min": low, "max": high }))
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

fn to_value(value: &impl Serialize) -> Value {
    serde_json::to_value(value).expect("options are plain data")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(value: &Value) -> Vec<&str> {
        let map = value.as_object().unwrap();
        let mut keys: Vec<_> = map.keys().map(String::as_str).collect();
        keys.retain(|key| *key != "name" && *key != "window");
        keys.sort_unstable();
        keys
    }

    fn names(knobs: &[Knob]) -> Vec<&str> {
        let mut names: Vec<_> = knobs.iter().map(|knob| knob.name).collect();
        names.sort_unstable();
        names
    }

    /// Whether an algorithm can be built with one option changed, and those that bound it as wide
    /// as they can be.
    fn is_accepted(mut config: Value, option: &str, value: Value) -> bool {
        let wide = json!({
            "min_limit": 1, "max_limit": 1 << 30, "alpha": 1.0, "beta": f64::MAX, "threshold": 1.0,
        });
        let target = if config["window"][option].is_null() {
            for (key, value) in wide.as_object().unwrap() {
                if key != option && !config[key].is_null() {
                    config[key] = value.clone();
                }
            }
            if matches!(option, "alpha" | "threshold") {
                config["alpha"] = json!(f64::MAX);
            }
            if option == "max_limit" {
                config["initial_limit"] = json!(1);
            }
            if option == "min_limit" {
                config["initial_limit"] = value.clone();
            }
            &mut config
        } else {
            config["window"]["max_window"] = json!("1000years");
            config["window"]["min_window"] = json!("1ns");
            &mut config["window"]
        };
        target[option] = value;
        let config = serde_json::from_value::<AlgorithmConfig>(config);
        config.is_ok_and(|config| config.try_build().is_ok())
    }

    fn check_ends(config: &Value, knob: &Knob) {
        let (inside, outside): (Vec<Value>, Vec<Value>) = match knob.kind {
            Kind::Number(low, high) => (
                vec![low.into(), high.into()],
                vec![low.next_down().into(), high.next_up().into()],
            ),
            Kind::Integer(low, high) => (
                vec![low.into(), high.into()],
                vec![(i64::from(low) - 1).into(), (u64::from(high) + 1).into()],
            ),
            Kind::AtLeast(low) => (vec![low.into()], vec![(i64::from(low) - 1).into()]),
            Kind::Duration("0s") => (vec!["0s".into()], vec!["-1s".into()]),
            Kind::Duration(low) => (vec![low.into()], vec!["0s".into()]),
            Kind::Aggregate => (
                vec![
                    "mean".into(),
                    "log_mean".into(),
                    json!({ "percentile": 1.0 }),
                ],
                vec!["median".into(), json!({ "percentile": 0.0 })],
            ),
            Kind::Seed => (vec![Value::Null, 0.into()], vec![(-1).into()]),
        };
        for value in inside {
            let accepted = is_accepted(config.clone(), knob.name, value.clone());
            assert!(accepted, "{} = {value} of {config}", knob.name);
        }
        for value in outside {
            let accepted = is_accepted(config.clone(), knob.name, value.clone());
            assert!(!accepted, "{} = {value} of {config}", knob.name);
        }
    }

    #[test]
    fn the_table_has_every_algorithm_with_exactly_its_options() {
        let mut found: Vec<_> = TABLE.iter().map(|entry| entry.name).collect();
        found.sort_unstable();
        assert_eq!(found, AlgorithmConfig::NAMES);
        for entry in TABLE {
            let config = to_value(&defaults(entry.name));
            assert_eq!(names(entry.knobs), keys(&config), "{}", entry.name);
        }
        let window = to_value(&WindowedBuilder::default());
        assert_eq!(names(WINDOW), keys(&window));
    }

    #[test]
    fn the_ends_of_each_range_are_those_of_the_builders() {
        for entry in TABLE {
            let config = to_value(&defaults(entry.name));
            for knob in entry.knobs {
                check_ends(&config, knob);
            }
        }
        let mut config = to_value(&defaults("vegas"));
        config["window"] = to_value(&WindowedBuilder::default());
        for knob in WINDOW {
            check_ends(&config, knob);
        }
    }
}
