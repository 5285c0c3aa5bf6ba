use serde::{Deserialize, Serialize};

use super::{Change, Invalid, Maybe, Params, Span};

/// What a run is made of, but for the algorithms.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Config {
    /// How long it lasts.
    pub length: Span,
    /// A response is good if it comes this soon after the arrival of its request.
    pub slo: Span,
    /// What the clients' limiters do when their limit is reached.
    pub at_limit: AtLimit,
    /// What the plant's limiter does, if it has one.
    pub at_plant_limit: AtLimit,
    /// Traffic and plant at the start.
    pub start: Params,
    /// What changes, in the order of time.
    pub events: Vec<Event>,
}

/// What a limiter does when its limit is reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "does", deny_unknown_fields)]
#[non_exhaustive]
pub enum AtLimit {
    /// It rejects.
    #[default]
    Reject,
    /// It lets requests wait, first come first served.
    Wait {
        /// How many, before it rejects. With "none", a million.
        #[serde(default)]
        room: Maybe<u32>,
    },
}

/// Something that happens.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Event {
    /// When, since the start.
    pub at: Span,
    /// What it is, for people.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// New values of options.
    #[serde(skip_serializing_if = "is_default")]
    pub set: Change,
    /// How long it takes until `set` is reached, in a straight line. What has no middle is set at once.
    #[serde(skip_serializing_if = "is_default")]
    pub over: Span,
    /// What the clients' limiters do from now on when their limit is reached. Who waits goes on waiting.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_limit: Option<AtLimit>,
    /// What the plant's limiter does from now on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_plant_limit: Option<AtLimit>,
    /// So many requests arrive at once.
    #[serde(skip_serializing_if = "is_default")]
    pub burst: u32,
    /// The plant pauses for so long.
    #[serde(skip_serializing_if = "is_default")]
    pub pause: Span,
}

impl Config {
    /// The most events that a run may have.
    pub const MOST_EVENTS: usize = 1000;

    /// Checks every option, in all that the run will be.
    ///
    /// # Errors
    ///
    /// If an option is outside its range; the error has its path, as in `events[3].set.rate`.
    pub fn check(&self) -> Result<(), Invalid> {
        in_range("length", self.length, Span::from_millis(1), DAY)?;
        in_range("slo", self.slo, Span::from_nanos(1), DAY)?;
        if self.events.len() > Self::MOST_EVENTS {
            let message = format!(
                "must be at most {} events, got {}",
                Self::MOST_EVENTS,
                self.events.len()
            );
            return Err(Invalid::new("events", message));
        }
        let mut params = self.start.clone();
        params.check().map_err(|e| e.within("start"))?;
        let mut last = Span::ZERO;
        for (i, event) in self.events.iter().enumerate() {
            event
                .check(last)
                .map_err(|e| e.within(format_args!("events[{i}]")))?;
            event.set.apply(&mut params, &self.start, 1.0);
            params
                .check()
                .map_err(|e| e.within(format_args!("events[{i}].set")))?;
            last = event.at;
        }
        Ok(())
    }

    /// Puts events in the order of time; those at the same time stay in theirs.
    pub fn sort_events(&mut self) {
        self.events.sort_by_key(|event| event.at);
    }
}

impl Event {
    /// Creates an event that does nothing yet.
    #[must_use]
    pub fn new(at: Span) -> Self {
        Self {
            at,
            ..Self::default()
        }
    }

    /// Checks every option; `earliest` is the time of the event before.
    ///
    /// # Errors
    ///
    /// If an option is outside its range; the error has its path.
    pub fn check(&self, earliest: Span) -> Result<(), Invalid> {
        in_range("at", self.at, earliest, DAY)?;
        in_range("over", self.over, Span::ZERO, DAY)?;
        in_range("pause", self.pause, Span::ZERO, Span::from_secs(3600))?;
        if self.burst > MOST_AT_ONCE {
            let message = format!("must be from 0 to {MOST_AT_ONCE}, got {}", self.burst);
            return Err(Invalid::new("burst", message));
        }
        if self.note.len() > LONGEST_NOTE {
            let message = format!(
                "must be at most {LONGEST_NOTE} bytes, got {}",
                self.note.len()
            );
            return Err(Invalid::new("note", message));
        }
        self.set.check().map_err(|e| e.within("set"))
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            length: Span::from_secs(60),
            slo: Span::from_millis(100),
            at_limit: AtLimit::Reject,
            at_plant_limit: AtLimit::Reject,
            start: Params::default(),
            events: Vec::new(),
        }
    }
}

fn in_range(field: &str, value: Span, low: Span, high: Span) -> Result<(), Invalid> {
    if (low..=high).contains(&value) {
        return Ok(());
    }
    Err(Invalid::new(
        field,
        format!("must be from {low} to {high}, got {value}"),
    ))
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

const DAY: Span = Span::from_secs(24 * 3600);
const MOST_AT_ONCE: u32 = 10_000;
const LONGEST_NOTE: usize = 200;
