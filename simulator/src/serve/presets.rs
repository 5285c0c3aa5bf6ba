use serde::Serialize;
use serde_json::{Map, Value, json};
use tower_adaptive::AlgorithmConfig;

use super::session::{Lane, Session};
use crate::scenario::{Place, Scenario};

/// A scenario as the page offers it.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Preset {
    /// The name of its file.
    pub name: String,
    /// What happens, in a line.
    pub title: String,
    /// Why it matters.
    pub why: String,
    /// The session that it begins.
    pub session: Session,
}

impl Preset {
    /// Returns all scenarios, the one that shows most first.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let mut scenarios = Scenario::all();
        scenarios.sort_by_key(|scenario| scenario.name != FIRST);
        scenarios.into_iter().map(Self::new).collect()
    }

    fn new(scenario: Scenario) -> Self {
        let lanes = contenders(&scenario)
            .into_iter()
            .map(|algorithm| match scenario.limiter {
                Place::Client => Lane::new(Some(algorithm), None),
                Place::Plant => Lane::new(None, Some(algorithm)),
            })
            .collect();
        Self {
            session: Session::new(scenario.run, lanes),
            name: scenario.name,
            title: scenario.title,
            why: scenario
                .why
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" "),
        }
    }
}

/// The algorithms that a preset begins with: the one to try first, those that compare RTTs, in windows
/// as the crate's documentation recommends for noisy ones, and a guess that is twice too high.
fn contenders(scenario: &Scenario) -> Vec<AlgorithmConfig> {
    let window = json!({ "min_window": "100ms" });
    let start = &scenario.run.start;
    let guess = (start.servers * 2).div_ceil(start.instances);
    let all = [
        json!({ "name": "fathom" }),
        json!({ "name": "vegas", "min_limit": 4, "window": window }),
        json!({ "name": "gradient2", "min_limit": 4, "window": window }),
        json!({ "name": "fixed", "limit": guess }),
    ];
    all.into_iter()
        .map(|value| complete(value, scenario.initial_limit))
        .collect()
}

/// Writes every option out, and lets the algorithm start with `initial_limit`.
fn complete(value: Value, initial_limit: Option<usize>) -> AlgorithmConfig {
    let config: AlgorithmConfig = from(value);
    let mut value = serde_json::to_value(config).unwrap_or_default();
    if let (Some(limit), Some(map)) = (initial_limit, value.as_object_mut())
        && map.contains_key("initial_limit")
    {
        widen(map, limit as u64);
    }
    from(value)
}

fn widen(map: &mut Map<String, Value>, limit: u64) {
    let bound = |key: &str| map.get(key).and_then(Value::as_u64).unwrap_or(limit);
    let (min, max) = (bound("min_limit").min(limit), bound("max_limit").max(limit));
    map.insert("initial_limit".to_owned(), limit.into());
    map.insert("min_limit".to_owned(), min.into());
    map.insert("max_limit".to_owned(), max.into());
}

fn from(value: Value) -> AlgorithmConfig {
    match serde_json::from_value(value) {
        Ok(config) => config,
        // A test builds all presets.
        Err(error) => unreachable!("{error}"),
    }
}

const FIRST: &str = "step-half-to-triple";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scenario_is_a_preset_that_passes_its_check() {
        let all = Preset::all();
        assert_eq!(all.len(), Scenario::all().len());
        for mut preset in all {
            let before = preset.session.clone();
            preset.session.check().expect(&preset.name);
            assert_eq!(preset.session, before, "{} is in order", preset.name);
        }
    }
}
