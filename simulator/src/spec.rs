//! Algorithms by name and options, as on the command line: `vegas:alpha=3`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde_json::{Map, Value};
use tower_adaptive::{Algorithm, AlgorithmConfig, Bounds, Report, Sample};

use crate::model::Invalid;

/// An algorithm that takes part, by name and options.
///
/// The name may begin with `windowed-`, and options of the window begin with `window.`, which also
/// makes it windowed. Options are those of the configuration ([`AlgorithmConfig`]):
///
/// ```
/// use tower_adaptive_sim::spec::Spec;
///
/// let spec: Spec = "windowed-vegas:alpha=4,window.min_window=100ms".parse()?;
/// assert_eq!(spec.to_string(), "windowed-vegas:alpha=4,window.min_window=100ms");
/// let error = "vegas:alpha=-1".parse::<Spec>().unwrap_err();
/// assert_eq!(error.to_string(), "vegas:alpha=-1: alpha must be at least 1.0 and finite, got -1");
/// # Ok::<(), tower_adaptive_sim::model::Invalid>(())
/// ```
///
/// Two names are not of the crate: `oracle`, the best fixed limit of each phase, and
/// `frozen-`*name*, which learns for five seconds and then never again: the suite must notice.
#[derive(Clone, Debug, PartialEq)]
pub struct Spec {
    text: String,
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq)]
enum Kind {
    Oracle,
    Algorithm(AlgorithmConfig),
    Frozen(AlgorithmConfig),
}

impl Spec {
    /// The oracle.
    #[must_use]
    pub fn oracle() -> Self {
        Self {
            text: "oracle".to_owned(),
            kind: Kind::Oracle,
        }
    }

    /// Returns whether this is the oracle, which is not an algorithm.
    #[must_use]
    pub fn is_oracle(&self) -> bool {
        self.kind == Kind::Oracle
    }

    /// Makes the algorithm of an instance; everything that it draws comes from `seed`.
    ///
    /// With `initial_limit` it starts there, in bounds that are as wide as that needs.
    /// The oracle starts with the largest limit.
    #[must_use]
    pub fn build(&self, seed: u64, initial_limit: Option<usize>) -> Box<dyn Algorithm> {
        let config = match &self.kind {
            Kind::Oracle => return Box::new(tower_adaptive::Fixed::new(Bounds::LARGEST)),
            Kind::Algorithm(config) | Kind::Frozen(config) => config,
        };
        // It was built once already, to be checked.
        let Ok(mut algorithm) = config.clone().seeded(seed).try_build() else {
            unreachable!("{} was checked", self.text)
        };
        if let Some(limit) = initial_limit {
            start_at(&mut algorithm, limit);
        }
        match self.kind {
            Kind::Frozen(_) => Box::new(Frozen(algorithm)),
            _ => algorithm,
        }
    }
}

/// Lets an algorithm start with this limit.
fn start_at(algorithm: &mut Box<dyn Algorithm>, limit: usize) {
    let own = algorithm.report().bounds.unwrap_or(Bounds::ALL);
    if let Ok(bounds) = Bounds::new(own.min().min(limit), own.max().max(limit)) {
        algorithm.rebase(limit, bounds);
    }
}

impl FromStr for Spec {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let text = text.trim();
        if text == "oracle" {
            return Ok(Self::oracle());
        }
        let invalid = |message: String| Invalid::new(text, message);
        let (name, options) = text.split_once(':').unwrap_or((text, ""));
        let (frozen, name) = strip(name, "frozen-");
        let (windowed, name) = strip(name, "windowed-");
        if !AlgorithmConfig::NAMES.contains(&name) {
            let names = AlgorithmConfig::NAMES.join(", ");
            return Err(invalid(format!(
                "no algorithm is named {name:?}; there are oracle and {names}, the latter also as \
                 windowed-... and frozen-..."
            )));
        }
        let mut table = Map::new();
        let mut window = Map::new();
        table.insert("name".to_owned(), name.into());
        for option in options
            .split(',')
            .filter(|option| !option.trim().is_empty())
        {
            let (key, value) = option
                .split_once('=')
                .ok_or_else(|| invalid(format!("{option:?} must be option=value")))?;
            let (key, value) = (key.trim(), value_of(value.trim()));
            let repeated = match key.strip_prefix("window.") {
                Some(key) => window.insert(key.to_owned(), value),
                None => table.insert(key.to_owned(), value),
            };
            if repeated.is_some() {
                return Err(invalid(format!("{key} is there twice")));
            }
        }
        if windowed || !window.is_empty() {
            table.insert("window".to_owned(), window.into());
        }
        let config: AlgorithmConfig =
            serde_json::from_value(table.into()).map_err(|error| invalid(error.to_string()))?;
        if let Err(refusal) = config.clone().try_build() {
            return Err(invalid(refusal.to_string()));
        }
        Ok(Self {
            text: text.to_owned(),
            kind: if frozen {
                Kind::Frozen(config)
            } else {
                Kind::Algorithm(config)
            },
        })
    }
}

impl fmt::Display for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<AlgorithmConfig> for Spec {
    /// Its text has the options that are not at their default. The configuration must be valid.
    fn from(config: AlgorithmConfig) -> Self {
        let mut options = Vec::new();
        if let Ok(Value::Object(table)) = serde_json::to_value(&config) {
            let bare = defaults(config.name(), config.is_windowed());
            for (key, value) in table.iter().filter(|(key, _)| *key != "name") {
                match value {
                    Value::Object(window) => {
                        for (key, value) in window {
                            if bare["window"].get(key) != Some(value) {
                                options.push(option(&format!("window.{key}"), value));
                            }
                        }
                    }
                    value if bare.get(key) != Some(value) => options.push(option(key, value)),
                    _ => {}
                }
            }
        }
        let windowed = if config.is_windowed() {
            "windowed-"
        } else {
            ""
        };
        let colon = if options.is_empty() { "" } else { ":" };
        Self {
            text: format!("{windowed}{}{colon}{}", config.name(), options.join(",")),
            kind: Kind::Algorithm(config),
        }
    }
}

/// Returns the options of an algorithm that has none set, in their serde form.
fn defaults(name: &str, windowed: bool) -> Value {
    let mut table = serde_json::json!({ "name": name });
    if windowed {
        table["window"] = Map::new().into();
    }
    let bare = serde_json::from_value::<AlgorithmConfig>(table);
    bare.and_then(serde_json::to_value).unwrap_or_default()
}

/// Writes an option as [`value_of`] reads it.
fn option(key: &str, value: &Value) -> String {
    match value {
        Value::String(text) => format!("{key}={text}"),
        Value::Object(percentile) => format!("{key}=percentile({})", percentile["percentile"]),
        value => format!("{key}={value}"),
    }
}

fn strip<'a>(name: &'a str, prefix: &str) -> (bool, &'a str) {
    match name.strip_prefix(prefix) {
        Some(rest) => (true, rest),
        None => (false, name),
    }
}

/// Numbers and flags are what they look like; everything else is text, as durations are.
fn value_of(text: &str) -> Value {
    match serde_json::from_str(text) {
        Ok(value @ (Value::Number(_) | Value::Bool(_))) => value,
        // `percentile(0.9)`
        _ => match text
            .strip_prefix("percentile(")
            .and_then(|rest| rest.strip_suffix(')'))
        {
            Some(percentile) => Value::from_iter([("percentile", value_of(percentile))]),
            None => text.into(),
        },
    }
}

/// A mutant for the suite: an algorithm that learns for five seconds and then never again.
struct Frozen(Box<dyn Algorithm>);

impl Algorithm for Frozen {
    fn max_concurrency(&self) -> usize {
        self.0.max_concurrency()
    }

    fn update(&mut self, sample: &Sample) {
        if sample.at < Duration::from_secs(5) {
            self.0.update(sample);
        }
    }

    fn rebase(&mut self, limit: usize, bounds: Bounds) {
        self.0.rebase(limit, bounds);
    }

    fn report(&self) -> Report {
        self.0.report()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_options_are_those_of_the_configuration() {
        for name in ["aimd", "vegas", "gradient2"] {
            for prefix in ["", "windowed-", "frozen-", "frozen-windowed-"] {
                let spec: Spec = format!("{prefix}{name}:initial_limit=30").parse().unwrap();
                assert_eq!(spec.build(1, None).max_concurrency(), 30, "{spec}");
            }
        }
        let spec: Spec = "vegas:window.aggregate=percentile(0.9)".parse().unwrap();
        assert_eq!(spec.build(1, None).max_concurrency(), 20);
        let spec: Spec = "fixed:limit=7".parse().unwrap();
        assert_eq!(spec.build(1, Some(100)).max_concurrency(), 7);
    }

    #[test]
    fn a_configuration_has_the_text_that_it_is_read_from() {
        let texts = [
            "vegas",
            "vegas:alpha=4.5,max_limit=30",
            "windowed-vegas",
            "windowed-gradient2:min_limit=1,window.aggregate=percentile(0.9),window.min_window=100ms",
            "windowed-vegas:window.aggregate=log_mean",
            "fixed:limit=7",
            "aimd:timeout=1s 500ms",
        ];
        for text in texts {
            let Kind::Algorithm(config) = text.parse::<Spec>().unwrap().kind else {
                panic!("{text}");
            };
            let spec = Spec::from(config);
            assert_eq!(spec.to_string(), text);
            assert_eq!(text.parse::<Spec>().unwrap(), spec);
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let cases = [
            ("", "no algorithm is named \"\""),
            ("vega", "no algorithm is named \"vega\""),
            ("vegas:alpha", "\"alpha\" must be option=value"),
            ("vegas:gamma=3", "unknown field `gamma`"),
            ("vegas:alpha=x", "invalid type: string \"x\""),
            ("vegas:alpha=3,alpha=4", "alpha is there twice"),
            (
                "vegas:alpha=0.5",
                "alpha must be at least 1.0 and finite, got 0.5",
            ),
            (
                "vegas:window.min_samples=0",
                "min_samples must be at least 1, got 0",
            ),
            ("fixed", "missing field `limit`"),
            ("fixed:limit=0", "limit must be in 1..=1073741824, got 0"),
        ];
        for (text, named) in cases {
            let error = text.parse::<Spec>().expect_err(text).to_string();
            assert!(error.contains(named), "{text}: {error}");
        }
    }

    #[test]
    fn an_initial_limit_widens_the_bounds() {
        for (name, limit) in [
            ("aimd", 1),
            ("gradient2", 1),
            ("gradient2", 1000),
            ("vegas", 1000),
        ] {
            let spec: Spec = name.parse().unwrap();
            assert_eq!(
                spec.build(1, Some(limit)).max_concurrency(),
                limit,
                "{name}"
            );
        }
    }
}
