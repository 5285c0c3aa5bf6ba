//! What the suite runs, and the page offers: traffic and plant over time, and what is asked of an
//! algorithm.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::model::{Config, Event, Invalid, Span};

/// One file of `scenarios/`, `targets/` or `held-out/`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Scenario {
    /// The name of its file, without the extension.
    #[serde(skip)]
    pub name: String,
    /// What happens, in a line.
    pub title: String,
    /// Why it matters in production.
    pub why: String,
    /// Where the limiter is.
    #[serde(default)]
    pub limiter: Place,
    /// The limit that algorithms start with, instead of their own; bounds that do not include it
    /// are widened.
    #[serde(default)]
    pub initial_limit: Option<usize>,
    /// Traffic and plant.
    pub run: Config,
    /// What an algorithm must achieve on every seed.
    #[serde(default)]
    pub asserts: Asserts,
}

/// Which of the limiters has the algorithm; the other one is not there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Place {
    /// One in each instance of the client.
    #[default]
    Client,
    /// One at the entry of the plant.
    Plant,
}

/// What an algorithm must achieve on every seed; what is not there is not asked.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Asserts {
    /// At least this part of what arrived, or of what the servers can do, whichever is less. The
    /// oracle has to do this, too.
    pub goodput: Option<f64>,
    /// At most this 99th percentile. The oracle has to do this, too.
    pub latency: Option<Span>,
    /// At least this part of the oracle's goodput.
    pub efficiency: Option<f64>,
    /// At most this many times the oracle's 99th percentile.
    pub p99: Option<f64>,
    /// At most this part rejected of what was tried while the oracle rejected nothing.
    pub false_rejects: Option<f64>,
    /// At most this long until it is settled, after the start and each event.
    pub settle: Option<Span>,
    /// At least this part of the oracle's goodput in every second.
    pub worst_second: Option<f64>,
    /// At least this index of fairness (Jain's) among the instances, once all have joined.
    pub fairness: Option<f64>,
    /// At least this part of the oracle's goodput in the last quarter.
    pub end: Option<f64>,
}

impl Scenario {
    /// Reads a scenario and checks it.
    ///
    /// # Errors
    ///
    /// If it is not TOML, has unknown keys, or an option is outside its range.
    pub fn from_toml(name: &str, text: &str) -> Result<Self, Invalid> {
        let deserializer = toml::Deserializer::parse(text)
            .map_err(|error| Invalid::new(name, error.to_string()))?;
        let mut scenario: Self =
            serde_path_to_error::deserialize(deserializer).map_err(|error| {
                let path = error.path().to_string();
                Invalid::new(path, error.into_inner().message()).within(name)
            })?;
        name.clone_into(&mut scenario.name);
        scenario
            .run
            .check()
            .map_err(|e| e.within("run").within(name))?;
        scenario
            .asserts
            .check()
            .map_err(|e| e.within("asserts").within(name))?;
        if scenario.initial_limit == Some(0) {
            return Err(Invalid::new("initial_limit", "must be at least 1, got 0").within(name));
        }
        Ok(scenario)
    }

    /// Reads the file of a scenario.
    ///
    /// # Errors
    ///
    /// If it cannot be read, or is not a scenario.
    pub fn from_file(path: &Path) -> Result<Self, Invalid> {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let text = std::fs::read_to_string(path)
            .map_err(|error| Invalid::new(path.display().to_string(), error.to_string()))?;
        Self::from_toml(&name, &text)
    }

    /// Returns all scenarios of `scenarios/`, which are part of the program, in the order of names.
    ///
    /// # Panics
    ///
    /// If one is invalid, which a test would have told.
    #[must_use]
    pub fn all() -> Vec<Self> {
        embedded(SUITE)
    }

    /// Returns those of `held-out/`, which are not looked at while an algorithm is made.
    ///
    /// # Panics
    ///
    /// If one is invalid, which a test would have told.
    #[must_use]
    pub fn held_out() -> Vec<Self> {
        embedded(HELD_OUT)
    }

    /// Returns those of `targets/`, which only [`targets`](crate::targets) uses.
    ///
    /// # Panics
    ///
    /// If one is invalid, which a test would have told.
    #[must_use]
    pub fn of_targets() -> Vec<Self> {
        embedded(TARGETS)
    }

    /// Returns when its phases begin: at 0, at each event but bursts, and where a straight line ends.
    ///
    /// A long line is a phase every 10 s, because one limit cannot be right for all of it.
    #[must_use]
    pub fn phases(&self) -> Vec<Span> {
        phases(&self.run)
    }
}

fn embedded(files: &[(&str, &str)]) -> Vec<Scenario> {
    let read = |(name, text): &(&str, &str)| match Scenario::from_toml(name, text) {
        Ok(scenario) => scenario,
        Err(error) => panic!("{error}"),
    };
    files.iter().map(read).collect()
}

/// Returns when the phases of a run begin; see [`Scenario::phases`].
#[must_use]
pub fn phases(run: &Config) -> Vec<Span> {
    let mut begins = vec![0];
    // After a burst everything is as before.
    let is_burst = |event: &&Event| {
        let mut burst = Event::new(event.at);
        (burst.burst, burst.note) = (event.burst, event.note.clone());
        **event == burst
    };
    for event in run.events.iter().filter(|event| !is_burst(event)) {
        let at = event.at.nanos();
        begins.push(at);
        let over = event.over.nanos();
        let pieces = over.div_ceil(10_000_000_000).min(20);
        begins.extend((1..=pieces).map(|piece| at + over * piece / pieces));
    }
    begins.retain(|begin| *begin < run.length.nanos());
    begins.sort_unstable();
    // What follows at once belongs to it.
    begins.dedup_by(|next, before| *next < *before + 500_000_000);
    begins.into_iter().map(Span::from_nanos).collect()
}

impl Asserts {
    fn check(&self) -> Result<(), Invalid> {
        let shares = [
            ("goodput", self.goodput),
            ("efficiency", self.efficiency),
            ("false_rejects", self.false_rejects),
            ("worst_second", self.worst_second),
            ("fairness", self.fairness),
            ("end", self.end),
        ];
        for (name, share) in shares {
            if let Some(share) = share.filter(|share| !(0.0..=1.0).contains(share)) {
                return Err(Invalid::new(
                    name,
                    format!("must be from 0 to 1, got {share}"),
                ));
            }
        }
        match self.p99 {
            Some(p99) if !(1.0..=1000.0).contains(&p99) => Err(Invalid::new(
                "p99",
                format!("must be from 1 to 1000, got {p99}"),
            )),
            _ => Ok(()),
        }
    }
}

include!(concat!(env!("OUT_DIR"), "/scenarios.rs"));
