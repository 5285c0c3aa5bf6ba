use serde::Serialize;
use serde_json::{Map, Value, json};
use tower_adaptive::{AlgorithmConfig, Queue, WindowedBuilder};

use super::table::{Entry, Kind, Knob, QUEUE, TABLE, WINDOW};

/// An algorithm and its options, as JSON that pages build their controls from.
#[derive(Clone, Debug, Serialize)]
pub struct Algorithm {
    name: &'static str,
    title: &'static str,
    doc: &'static str,
    options: Vec<Described>,
}

/// One option, as JSON: its name, a sentence about it, its default, its kind, and its range.
#[derive(Clone, Debug, Serialize)]
pub struct Described {
    name: &'static str,
    doc: &'static str,
    default: Value,
    #[serde(flatten)]
    kind: Map<String, Value>,
}

/// Returns all algorithms that configuration can name.
#[must_use]
pub fn algorithms() -> Vec<Algorithm> {
    TABLE.iter().map(algorithm).collect()
}

/// Returns the options of a window.
#[must_use]
pub fn window() -> Vec<Described> {
    describe(WINDOW, &to_value(&WindowedBuilder::default()))
}

/// Returns the options of a queue.
#[must_use]
pub fn queue() -> Vec<Described> {
    describe(QUEUE, &to_value(&Queue::none()))
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

fn algorithm(entry: &Entry) -> Algorithm {
    Algorithm {
        name: entry.name,
        title: entry.title,
        doc: entry.doc,
        options: describe(entry.knobs, &to_value(&defaults(entry.name))),
    }
}

fn describe(knobs: &'static [Knob], defaults: &Value) -> Vec<Described> {
    let describe = |knob: &Knob| Described {
        name: knob.name,
        doc: knob.doc,
        default: defaults[knob.name].clone(),
        kind: kind_of(&knob.kind),
    };
    knobs.iter().map(describe).collect()
}

fn kind_of(kind: &Kind) -> Map<String, Value> {
    let kind = match kind {
        Kind::Number(low, high) => json!({ "kind": "number", "min": low, "max": high }),
        Kind::Integer(low, high) => json!({ "kind": "integer", "min": low, "max": high }),
        Kind::AtLeast(low) => json!({ "kind": "integer", "min": low }),
        Kind::Duration(low, None) => json!({ "kind": "duration", "min": low }),
        Kind::Duration(low, Some(high)) => json!({ "kind": "duration", "min": low, "max": high }),
        Kind::Aggregate => json!({ "kind": "aggregate" }),
        Kind::Seed => json!({ "kind": "seed" }),
    };
    match kind {
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
            Kind::Duration("0s", _) => (vec!["0s".into()], vec!["-1s".into()]),
            Kind::Duration(low, _) => (vec![low.into()], vec!["0s".into()]),
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
