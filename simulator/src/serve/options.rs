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
        Kind::Duration(low, high) => ranged("duration", low, high),
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
    #[test]
    fn dump() {
        std::fs::write(
            "/tmp/web/options.json",
            serde_json::to_string_pretty(&Options::all()).unwrap(),
        )
        .unwrap();
    }
}
