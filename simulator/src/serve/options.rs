//! What every knob is: its kind, range, default and a sentence about it.

use serde::Serialize;
use serde_json::{Map, Value, json};
use tower_adaptive_control::options;

use crate::model::{Config, Domain, Params};

/// Everything that the page needs to build its controls.
#[derive(Debug, Serialize)]
pub struct Options {
    /// The parameters of traffic and plant, in their order.
    pub params: Vec<Described>,
    /// The algorithms, in their order.
    pub algorithms: Vec<options::Algorithm>,
    /// The options of a window.
    pub window: Vec<options::Described>,
    /// The defaults of a run.
    pub run: Config,
    /// The most events that a run may have.
    pub most_events: usize,
}

/// A parameter of traffic or plant.
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
            algorithms: options::algorithms(),
            window: options::window(),
            run: Config::default(),
            most_events: Config::MOST_EVENTS,
        }
    }
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
