use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::handle::Limiter;

/// What a limiter has learned, to be kept across a restart: see [`Limiter::export`].
///
/// Small, and serializable with feature `serde`.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
pub struct WarmStart {
    /// Of the limiter, if it has one.
    name: Option<String>,
    /// As it reports itself.
    algorithm: Option<String>,
    limit: usize,
    // Formats without a null leave out what is not known.
    #[cfg_attr(feature = "serde", serde(default, with = "humantime_serde"))]
    baseline: Option<Duration>,
    #[cfg_attr(feature = "serde", serde(with = "humantime_serde"))]
    exported_at: SystemTime,
}

/// Why a [`WarmStart`] was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// It is older than it may be: the service may have changed.
    #[error("the warm start is {age:?} old, and may be {max_age:?}")]
    #[non_exhaustive]
    Stale {
        /// How old it is.
        age: Duration,
        /// How old it may be.
        max_age: Duration,
    },
    /// It says that it was exported in the future: one of two clocks is wrong.
    #[error("the warm start was exported {ahead:?} from now")]
    #[non_exhaustive]
    Early {
        /// How far in the future.
        ahead: Duration,
    },
    /// It is that of another limiter, or of another algorithm.
    #[error("the warm start is for {what} {found:?}, not {expected:?}")]
    #[non_exhaustive]
    Foreign {
        /// What differs: `limiter` or `algorithm`.
        what: &'static str,
        /// What the warm start is for.
        found: Option<String>,
        /// What it should be for.
        expected: Option<String>,
    },
    /// It holds a value that no limiter exports.
    #[error("the warm start has a {what} of 0")]
    #[non_exhaustive]
    Impossible {
        /// Which: `limit` or `baseline`.
        what: &'static str,
    },
}

impl Limiter {
    /// Returns what was learned, for a [`restore`](Self::restore) after the next start.
    ///
    /// Write it down now and then, or when the service stops, before it is [closed](Self::close): a
    /// limiter that empties learns from what is no load. A limiter that has not learned yet, or
    /// with nothing to do, exports what it has: the limit it stands at.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use tower_adaptive::{Fathom, Limiter};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let before = Limiter::builder(Fathom::builder().initial_limit(80).build()).name("db").build();
    /// let saved = serde_json::to_string(&before.export())?;
    ///
    /// // The next process.
    /// let limiter = Limiter::builder(Fathom::default()).name("db").build();
    /// limiter.restore(&serde_json::from_str(&saved)?, Duration::from_secs(3600))?;
    /// assert_eq!(limiter.limit(), 80);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn export(&self) -> WarmStart {
        let (limit, report) = self.with_state(|state| (state.limit(), state.report()));
        WarmStart {
            name: self.name().map(str::to_owned),
            algorithm: report.algorithm.map(str::to_owned),
            limit,
            baseline: report.baseline.filter(|baseline| !baseline.is_zero()),
            exported_at: in_seconds(now()),
        }
    }

    /// Goes on from what another limiter had learned: its limit, within the bounds of this one, and
    /// its baseline.
    ///
    /// `max_age` is how old that may be. An hour is much for a service whose load or release changes,
    /// a day is little for one that does not. The age is told by the clock of the system.
    ///
    /// # Errors
    ///
    /// If it is too old, comes from the future (by more than a minute), holds a limit or a baseline of
    /// 0, or is that of a limiter with another name or algorithm. Nothing has changed then.
    pub fn restore(&self, warm: &WarmStart, max_age: Duration) -> Result<(), RestoreError> {
        warm.check_age(max_age)?;
        warm.check_values()?;
        check_same("limiter", warm.name.as_deref(), self.name())?;
        self.with_state(|state| {
            let algorithm = state.report().algorithm;
            check_same("algorithm", warm.algorithm.as_deref(), algorithm)?;
            state.restore(warm.limit, warm.baseline);
            Ok(())
        })
    }
}

impl WarmStart {
    /// Returns the limit.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Returns the RTT without a queue, if it was known.
    #[must_use]
    pub fn baseline(&self) -> Option<Duration> {
        self.baseline
    }

    /// Returns how long ago it was exported; nothing if that is yet to come.
    #[must_use]
    pub fn age(&self) -> Duration {
        now().duration_since(self.exported_at).unwrap_or_default()
    }

    fn check_age(&self, max_age: Duration) -> Result<(), RestoreError> {
        match now().duration_since(self.exported_at) {
            Ok(age) if age > max_age => Err(RestoreError::Stale { age, max_age }),
            Err(early) if early.duration() > SKEW => Err(RestoreError::Early {
                ahead: early.duration(),
            }),
            _ => Ok(()),
        }
    }

    fn check_values(&self) -> Result<(), RestoreError> {
        let what = match self.baseline {
            _ if self.limit == 0 => "limit",
            Some(Duration::ZERO) => "baseline",
            _ => return Ok(()),
        };
        Err(RestoreError::Impossible { what })
    }
}

fn check_same(
    what: &'static str,
    found: Option<&str>,
    expected: Option<&str>,
) -> Result<(), RestoreError> {
    if found == expected {
        return Ok(());
    }
    Err(RestoreError::Foreign {
        what,
        found: found.map(str::to_owned),
        expected: expected.map(str::to_owned),
    })
}

/// By how much the clocks of two machines may differ.
const SKEW: Duration = Duration::from_secs(60);

#[expect(
    clippy::disallowed_methods,
    reason = "an age that outlives the process"
)]
fn now() -> SystemTime {
    SystemTime::now()
}

/// More than whole seconds would be noise in a file.
fn in_seconds(at: SystemTime) -> SystemTime {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    UNIX_EPOCH + Duration::from_secs(since.as_secs())
}
