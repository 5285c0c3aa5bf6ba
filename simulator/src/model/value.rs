use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{CountsAs, DeadlineCountsAs, Service};

/// What is wrong with a configuration, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{field}: {message}")]
#[non_exhaustive]
pub struct Invalid {
    /// The path of the option, as in `events[3].rate`.
    pub field: String,
    /// What it must be, and what it is.
    pub message: String,
}

impl Invalid {
    /// Creates an error about the option `field`.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            message: message.into(),
        }
    }

    /// Puts what the option is part of in front of its path.
    #[must_use]
    pub fn within(mut self, outer: impl fmt::Display) -> Self {
        self.field = match self.field.as_str() {
            "" => outer.to_string(),
            field => format!("{outer}.{field}"),
        };
        self
    }
}

/// A length of time, written as people write it: `"5ms"`, `"1m 30s"`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(Duration);

impl Span {
    /// None at all.
    pub const ZERO: Self = Self(Duration::ZERO);

    /// Creates a span of so many nanoseconds.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(Duration::from_nanos(nanos))
    }

    /// Creates a span of so many milliseconds.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(Duration::from_millis(millis))
    }

    /// Creates a span of so many seconds.
    #[must_use]
    pub const fn from_secs(secs: u64) -> Self {
        Self(Duration::from_secs(secs))
    }

    /// Returns the span in seconds.
    #[must_use]
    pub fn secs(self) -> f64 {
        self.0.as_secs_f64()
    }

    /// Returns the span in nanoseconds. The largest that passes a check is an hour or a day.
    #[must_use]
    pub fn nanos(self) -> u64 {
        u64::try_from(self.0.as_nanos()).unwrap_or(u64::MAX)
    }

    /// Returns the span as std has it.
    #[must_use]
    pub const fn get(self) -> Duration {
        self.0
    }
}

impl From<Duration> for Span {
    fn from(duration: Duration) -> Self {
        Self(duration)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_duration(self.0).fmt(f)
    }
}

impl std::str::FromStr for Span {
    type Err = InvalidSpan;

    fn from_str(text: &str) -> Result<Self, InvalidSpan> {
        humantime::parse_duration(text)
            .map(Self)
            .map_err(|error| InvalidSpan {
                text: text.to_owned(),
                error,
            })
    }
}

/// A text that is not a length of time.
#[derive(Clone, Debug, thiserror::Error)]
#[error("must be a duration such as \"20ms\" or \"1m 30s\", got {text:?} ({error})")]
pub struct InvalidSpan {
    text: String,
    error: humantime::DurationError,
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::read(Raw::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

/// A value, or `"none"`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Maybe<T> {
    /// Written as the string `"none"`.
    #[default]
    None,
    /// Written as the value itself.
    Some(T),
}

impl<T> Maybe<T> {
    /// Returns the value, if there is one.
    pub fn get(self) -> Option<T> {
        match self {
            Self::None => None,
            Self::Some(value) => Some(value),
        }
    }
}

impl<T: Serialize> Serialize for Maybe<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::None => serializer.serialize_str("none"),
            Self::Some(value) => value.serialize(serializer),
        }
    }
}

impl<'de, T: Read> Deserialize<'de> for Maybe<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Raw::deserialize(deserializer)? {
            Raw::Text(text) if text == "none" => Ok(Self::None),
            raw => T::read(raw).map(Self::Some).map_err(de::Error::custom),
        }
    }
}

/// What TOML and JSON have for one value.
#[derive(Deserialize)]
#[serde(untagged, expecting = "must be a number or a text")]
enum Raw {
    Text(String),
    Number(f64),
}

impl fmt::Display for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Number(number) => number.fmt(f),
        }
    }
}

/// How a value is read where `"none"` may stand instead.
trait Read: Sized {
    fn read(raw: Raw) -> Result<Self, String>;
}

impl Read for u32 {
    fn read(raw: Raw) -> Result<Self, String> {
        match raw {
            Raw::Number(number)
                if number.fract() == 0.0 && (0.0..=f64::from(Self::MAX)).contains(&number) =>
            {
                Ok(number as Self)
            }
            raw => Err(format!(
                "must be a whole number from 0, or \"none\", got {raw}"
            )),
        }
    }
}

impl Read for Span {
    fn read(raw: Raw) -> Result<Self, String> {
        match raw {
            Raw::Text(text) => text.parse().map_err(|error: InvalidSpan| error.to_string()),
            Raw::Number(number) => Err(format!(
                "must be a duration with its unit, such as \"20ms\", got {number}"
            )),
        }
    }
}

/// What an option of [`Params`](super::Params) can do.
pub(super) trait Field: Clone {
    /// Its range.
    type Range;

    /// Says what is wrong with it, if anything.
    fn check(&self, range: Self::Range) -> Result<(), String>;

    /// Returns what it is after `fraction` of the way to `end`; what has no middle is there at once.
    fn towards(&self, end: &Self, fraction: f64) -> Self {
        let _ = fraction;
        end.clone()
    }
}

/// Declares a number as an option.
macro_rules! number_fields {
    ($($type:ty: |$start:ident, $end:ident, $fraction:ident| $towards:expr;)*) => {$(
        impl Field for $type {
            type Range = RangeInclusive<Self>;

            fn check(&self, range: Self::Range) -> Result<(), String> {
                // NaN is in no range.
                if range.contains(self) {
                    return Ok(());
                }
                let (low, high) = range.into_inner();
                Err(format!("must be from {low} to {high}, got {self}"))
            }

            fn towards(&self, end: &Self, $fraction: f64) -> Self {
                let ($start, $end) = (*self, *end);
                $towards
            }
        }
    )*};
}

number_fields! {
    f64: |start, end, fraction| start + (end - start) * fraction;
    u32: |start, end, fraction| f64::from(start).towards(&f64::from(end), fraction).round() as Self;
    Span: |start, end, fraction| {
        let nanos = (start.nanos() as f64).towards(&(end.nanos() as f64), fraction);
        Self::from_nanos(nanos.round() as u64)
    };
}

impl<T: Field> Field for Maybe<T> {
    type Range = T::Range;

    fn check(&self, range: Self::Range) -> Result<(), String> {
        match self {
            Self::None => Ok(()),
            Self::Some(value) => value.check(range),
        }
    }

    fn towards(&self, end: &Self, fraction: f64) -> Self {
        match (self, end) {
            (Self::Some(start), Self::Some(end)) => Self::Some(start.towards(end, fraction)),
            _ => end.clone(),
        }
    }
}

/// Declares what has neither a middle nor a range as an option.
macro_rules! plain_fields {
    ($($type:ty),*) => {$(
        impl Field for $type {
            type Range = ();

            fn check(&self, (): ()) -> Result<(), String> {
                Ok(())
            }
        }
    )*};
}

plain_fields!(bool, Service, CountsAs, DeadlineCountsAs);
