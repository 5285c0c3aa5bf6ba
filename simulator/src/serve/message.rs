use serde::{Deserialize, Serialize};
use serde_json::Value;
use tower_adaptive::AlgorithmConfig;

use super::api::read;
use super::best::Stretch;
use super::session::{Session, Side, Swap};
use crate::model::{AtLimit, Change, Event, Invalid, Span};

/// What the page asks for.
#[derive(Debug)]
pub(super) enum Command {
    Start(Start),
    Replace(Replace),
    Set(Set),
    Swap(Exchange),
    Step(Step),
    Speed(Speed),
    Play,
    Pause,
    ToEnd,
}

/// Runs a session from 0, and at once to `at`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Start {
    pub(super) session: Session,
    #[serde(default)]
    pub(super) at: f64,
    #[serde(default)]
    pub(super) play: bool,
    #[serde(default)]
    pub(super) speed: Option<f64>,
}

/// Goes on with another session, as if it had been this one from the start.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Replace {
    pub(super) session: Session,
}

/// Turns knobs, now.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Set {
    #[serde(default)]
    pub(super) change: Change,
    #[serde(default)]
    pub(super) over: Span,
    #[serde(default)]
    pub(super) burst: u32,
    #[serde(default)]
    pub(super) pause: Span,
    #[serde(default)]
    pub(super) at_limit: Option<AtLimit>,
    #[serde(default)]
    pub(super) at_plant_limit: Option<AtLimit>,
}

/// Changes an algorithm, now.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Exchange {
    pub(super) lane: usize,
    pub(super) side: Side,
    #[serde(default)]
    pub(super) algorithm: Option<AlgorithmConfig>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Step {
    pub(super) ticks: u32,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Speed {
    pub(super) speed: f64,
}

impl Command {
    /// Reads a message.
    ///
    /// # Errors
    ///
    /// If it is none; the error has the path of what is wrong, as the page's controls have it.
    pub(super) fn parse(text: &str) -> Result<Self, Invalid> {
        let mut value: Value =
            serde_json::from_str(text).map_err(|error| Invalid::new("", error.to_string()))?;
        let what = value.as_object_mut().and_then(|map| map.remove("do"));
        let what = what.as_ref().and_then(Value::as_str).unwrap_or_default();
        let command = match what {
            "start" => read(value).map(Self::Start),
            "replace" => read(value).map(Self::Replace),
            "set" => read(value).map(Self::Set),
            "swap" => read(value).map(Self::Swap),
            "step" => read(value).map(Self::Step),
            "speed" => read(value).and_then(Speed::check).map(Self::Speed),
            "play" => Ok(Self::Play),
            "pause" => Ok(Self::Pause),
            "to_end" => Ok(Self::ToEnd),
            _ => Err(Invalid::new("do", format!("is no command: {what:?}"))),
        };
        command.map_err(|mut error| {
            if let Some(path) = error.field.strip_prefix("session.") {
                error.field = path.to_owned();
            }
            error
        })
    }
}

impl Speed {
    pub(super) fn check(self) -> Result<Self, Invalid> {
        if (0.25..=20.0).contains(&self.speed) {
            return Ok(self);
        }
        let message = format!("must be from 0.25 to 20, got {}", self.speed);
        Err(Invalid::new("speed", message))
    }
}

/// What the page is told.
#[derive(Debug, Serialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub(super) enum News<'a> {
    Started {
        session: &'a Session,
        /// The length of a tick, in seconds.
        tick: f64,
        /// Whether it is fast-forwarded to where it was.
        replaying: bool,
    },
    Session {
        session: &'a Session,
    },
    Event {
        index: usize,
        merged: bool,
        event: &'a Event,
    },
    Swapped {
        swap: &'a Swap,
    },
    Status(Status),
    Oracle {
        spans: &'a [Stretch],
    },
    Error {
        field: &'a str,
        message: &'a str,
    },
}

/// How a run is.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Status {
    pub(super) t: f64,
    pub(super) playing: bool,
    pub(super) speed: f64,
    pub(super) actual: f64,
    pub(super) replaying: bool,
    pub(super) ended: bool,
}
