use serde::{Deserialize, Serialize};
use tower_adaptive::AlgorithmConfig;

use crate::model::{Config, Event, Invalid, Sim, Span};

/// All that a run on the page is made of. The same session is the same run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Session {
    /// The seed of everything that is left to chance.
    #[serde(default = "one")]
    pub seed: u64,
    /// Traffic and plant, and what happens.
    #[serde(default)]
    pub run: Config,
    /// The algorithms that run side by side.
    pub lanes: Vec<Lane>,
    /// Changes of algorithms, in the order of time.
    #[serde(default)]
    pub swaps: Vec<Swap>,
}

/// The limiters of one lane; `None` is no limiter.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Lane {
    /// The limiter in each instance of the client.
    pub client: Option<AlgorithmConfig>,
    /// The limiter of the plant.
    pub plant: Option<AlgorithmConfig>,
}

/// A change of algorithm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Swap {
    /// When.
    pub at: Span,
    /// In which lane, from 0.
    pub lane: usize,
    /// Of which limiter.
    pub side: Side,
    /// To what; `None` takes the limiter away.
    #[serde(default)]
    pub algorithm: Option<AlgorithmConfig>,
}

/// Where a limiter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Side {
    /// In the client.
    Client,
    /// At the entry of the plant.
    Plant,
}

impl Lane {
    /// Creates a lane with these limiters.
    #[must_use]
    pub fn new(client: Option<AlgorithmConfig>, plant: Option<AlgorithmConfig>) -> Self {
        Self { client, plant }
    }
}

impl Session {
    /// The most lanes that a session may have.
    pub const MOST_LANES: usize = 4;

    /// Creates a session without swaps.
    #[must_use]
    pub fn new(run: Config, lanes: Vec<Lane>) -> Self {
        Self {
            seed: 1,
            run,
            lanes,
            swaps: Vec::new(),
        }
    }

    /// Puts events in their order, and checks everything.
    ///
    /// # Errors
    ///
    /// If something is outside its range; the error has its path, as in `lanes[1].client.alpha`.
    pub fn check(&mut self) -> Result<(), Invalid> {
        self.run.sort_events();
        self.swaps.sort_by_key(|swap| swap.at);
        if self.seed > LARGEST_SEED {
            return Err(refused(
                "seed",
                format_args!("at most {LARGEST_SEED}"),
                self.seed,
            ));
        }
        self.run.check().map_err(|error| error.within("run"))?;
        let bursts: u64 = self
            .run
            .events
            .iter()
            .map(|event| u64::from(event.burst))
            .sum();
        if bursts > MOST_BURSTS {
            let message =
                format!("bursts must be at most {MOST_BURSTS} requests together, got {bursts}");
            return Err(Invalid::new("run.events", message));
        }
        if !(1..=Self::MOST_LANES).contains(&self.lanes.len()) {
            let range = format!("from 1 to {} algorithms", Self::MOST_LANES);
            return Err(refused("lanes", range, self.lanes.len()));
        }
        for (i, lane) in self.lanes.iter().enumerate() {
            check_algorithm(lane.client.as_ref())
                .map_err(|e| e.within(format_args!("lanes[{i}].client")))?;
            check_algorithm(lane.plant.as_ref())
                .map_err(|e| e.within(format_args!("lanes[{i}].plant")))?;
        }
        if self.swaps.len() > Config::MOST_EVENTS {
            let range = format!("at most {} changes of algorithms", Config::MOST_EVENTS);
            return Err(refused("swaps", range, self.swaps.len()));
        }
        for (i, swap) in self.swaps.iter().enumerate() {
            self.check_swap(swap)
                .map_err(|e| e.within(format_args!("swaps[{i}]")))?;
        }
        Ok(())
    }

    /// Checks a change of algorithm.
    ///
    /// # Errors
    ///
    /// If something is outside its range.
    pub fn check_swap(&self, swap: &Swap) -> Result<(), Invalid> {
        if swap.lane >= self.lanes.len() {
            let range = format!("below {}, as there are so many lanes", self.lanes.len());
            return Err(refused("lane", range, swap.lane));
        }
        if swap.at > DAY {
            return Err(refused("at", "at most a day", swap.at));
        }
        check_algorithm(swap.algorithm.as_ref()).map_err(|error| error.within("algorithm"))
    }

    /// Adds an event behind those that are not later, or makes it part of the one that a knob made
    /// at the same time. Returns its index, and whether it was merged.
    pub(super) fn add_event(&mut self, event: Event) -> (usize, bool) {
        let events = &mut self.run.events;
        let index = events.partition_point(|one| one.at <= event.at);
        if let Some(last) = index.checked_sub(1).and_then(|i| events.get_mut(i))
            && last.at == event.at
            && is_knob(last)
            && is_knob(&event)
        {
            last.set.merge(&event.set);
            return (index - 1, true);
        }
        events.insert(index, event);
        (index, false)
    }

    /// Returns how many ticks it lasts.
    pub(super) fn ticks(&self) -> usize {
        (self
            .run
            .length
            .nanos()
            .div_ceil(Sim::<tower_adaptive::Fixed>::TICK.nanos())) as usize
    }
}

/// Whether an event is nothing but new values, at once.
fn is_knob(event: &Event) -> bool {
    let bare = Event {
        set: event.set.clone(),
        ..Event::new(event.at)
    };
    *event == bare
}

fn check_algorithm(config: Option<&AlgorithmConfig>) -> Result<(), Invalid> {
    let Some(config) = config else { return Ok(()) };
    match config.clone().try_build() {
        Ok(_) => Ok(()),
        Err(error) => {
            let (option, message) = (error.option(), error.to_string());
            let message = message
                .strip_prefix(option)
                .unwrap_or(&message)
                .trim_start();
            Err(Invalid::new(option, message))
        }
    }
}

fn refused(field: &str, range: impl std::fmt::Display, got: impl std::fmt::Display) -> Invalid {
    Invalid::new(field, format!("must be {range}, got {got}"))
}

fn one() -> u64 {
    1
}

/// What JavaScript's numbers hold exactly.
const LARGEST_SEED: u64 = (1 << 53) - 1;
const MOST_BURSTS: u64 = 1_000_000;
const DAY: Span = Span::from_secs(24 * 3600);
