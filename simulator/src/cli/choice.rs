use std::ops::RangeInclusive;
use std::path::Path;
use std::str::FromStr;

use tower_adaptive_sim::model::Invalid;
use tower_adaptive_sim::scenario::Scenario;
use tower_adaptive_sim::spec::Spec;

/// The scenarios that one word of the command line names.
#[derive(Clone, Debug)]
pub(super) struct Scenarios {
    text: String,
    scenarios: Vec<Scenario>,
}

impl Scenarios {
    /// Returns the word.
    #[must_use]
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Returns the first one that it names, unless it names several.
    ///
    /// # Errors
    ///
    /// If it names several.
    pub(super) fn only(self) -> Result<Scenario, Invalid> {
        match <[Scenario; 1]>::try_from(self.scenarios) {
            Ok([scenario]) => Ok(scenario),
            Err(several) => Err(Invalid::new(
                self.text,
                format!("names several scenarios: {}", names(&several)),
            )),
        }
    }

    /// Returns what several words name, each scenario once; no words are all scenarios.
    ///
    /// # Errors
    ///
    /// If two different ones have the same name: their results could not be told apart.
    pub(super) fn of_all(chosen: &[Self]) -> Result<Vec<Scenario>, Invalid> {
        if chosen.is_empty() {
            return Ok(Scenario::all());
        }
        let mut scenarios: Vec<Scenario> = Vec::new();
        for scenario in chosen.iter().flat_map(|chosen| &chosen.scenarios) {
            match scenarios.iter().find(|other| other.name == scenario.name) {
                None => scenarios.push(scenario.clone()),
                Some(same) if same == scenario => {}
                Some(_) => {
                    let message = format!("two different scenarios are named {:?}", scenario.name);
                    return Err(Invalid::new("--scenario", message));
                }
            }
        }
        Ok(scenarios)
    }
}

impl FromStr for Scenarios {
    type Err = Invalid;

    /// Reads a name, the beginning of names as `overload-*`, or the path of a file `.toml`.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let scenarios = if text.ends_with(".toml") {
            vec![Scenario::from_file(Path::new(text))?]
        } else {
            let is_meant = |scenario: &Scenario| means(text, scenario);
            Scenario::all().into_iter().filter(is_meant).collect()
        };
        if scenarios.is_empty() {
            let message = format!(
                "no scenario has this name; there are {}; or name a file .toml",
                names(&Scenario::all())
            );
            return Err(Invalid::new(text, message));
        }
        Ok(Self {
            text: text.to_owned(),
            scenarios,
        })
    }
}

/// Returns whether a word means a scenario: it is its name, or as `overload-*` the beginning of it.
pub(super) fn means(word: &str, scenario: &Scenario) -> bool {
    match word.strip_suffix('*') {
        Some(beginning) => scenario.name.starts_with(beginning),
        None => scenario.name == word,
    }
}

/// Returns the algorithms that are given, or else the default ones.
///
/// # Errors
///
/// If one is there twice.
pub(super) fn algorithms(given: Vec<Spec>, default: &[&str]) -> Result<Vec<Spec>, Invalid> {
    if given.is_empty() {
        return default.iter().map(|text| text.parse()).collect();
    }
    for (i, spec) in given.iter().enumerate() {
        if given[..i].contains(spec) {
            return Err(Invalid::new(
                "--algorithm",
                format!("{spec} is there twice"),
            ));
        }
    }
    Ok(given)
}

/// Returns how a whole number in this range is read.
pub(super) fn whole(
    range: RangeInclusive<u64>,
) -> impl Fn(&str) -> Result<u64, String> + Clone + Send + Sync + 'static {
    move |text| match text.parse() {
        Ok(number) if range.contains(&number) => Ok(number),
        _ => {
            let (low, high) = (range.start(), range.end());
            Err(format!("must be a whole number from {low} to {high}"))
        }
    }
}

/// Returns the names of scenarios, in words.
pub(super) fn names(scenarios: &[Scenario]) -> String {
    let names: Vec<&str> = scenarios
        .iter()
        .map(|scenario| scenario.name.as_str())
        .collect();
    names.join(", ")
}
