use std::time::Duration;

use crate::InvalidOption;

/// A short queue in front of a limit: how many may wait, and how long.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use tower_adaptive::{AdmissionLayer, Fathom, Queue};
///
/// let layer = AdmissionLayer::new(Fathom::default())
///     .queue(Queue::bounded(100).max_wait(Duration::from_millis(50)));
/// # let _ = layer;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct Queue {
    pub(crate) capacity: usize,
    #[cfg_attr(feature = "serde", serde(with = "humantime_serde"))]
    pub(crate) max_wait: Duration,
    #[cfg_attr(feature = "serde", serde(with = "humantime_serde"))]
    pub(crate) target: Duration,
    #[cfg_attr(feature = "serde", serde(with = "humantime_serde"))]
    pub(crate) interval: Duration,
}

impl Queue {
    /// The largest capacity: 2^20.
    pub const LARGEST: usize = 1 << 20;

    /// Returns no queue: what does not fit is rejected at once.
    #[must_use]
    pub fn none() -> Self {
        Self {
            capacity: 0,
            max_wait: Duration::from_millis(100),
            target: Duration::from_millis(5),
            interval: Duration::from_millis(100),
        }
    }

    /// Returns a queue in which at most `capacity` requests wait: 0 for no queue, at most
    /// [`LARGEST`](Self::LARGEST).
    ///
    /// A larger one takes larger bursts. How long anybody waits is bounded by
    /// [`max_wait`](Self::max_wait), not by this.
    #[must_use]
    pub fn bounded(capacity: usize) -> Self {
        Self {
            capacity,
            ..Self::none()
        }
    }

    /// Sets how long a request may wait: default 100 ms, more than 0 and at most an hour.
    ///
    /// A longer one rejects less in a short burst, and makes whoever is rejected in a long one wait
    /// for it. It is a timer of tokio's: without a runtime, or on one without time, a request that
    /// has waited too long is turned away when others come or go.
    #[must_use]
    pub fn max_wait(mut self, max_wait: Duration) -> Self {
        self.max_wait = max_wait;
        self
    }

    /// Sets the wait that is none to worry about: default 5 ms, more than 0 and less than the
    /// [`interval`](Self::interval).
    ///
    /// While the shortest wait of an interval stays under it the queue does its work, to take up
    /// bursts, and is served first come first served. A longer one calls less an overload.
    ///
    /// Where permits come back slowly the target is longer by itself: the average RTT, times eight,
    /// divided by the limit, and at most a quarter of the interval. A wait for a few permits is none to
    /// worry about, as the time of a packet is not on a slow link (RFC 8290 says the same of its
    /// target).
    #[must_use]
    pub fn target(mut self, target: Duration) -> Self {
        self.target = target;
        self
    }

    /// Sets over what time the shortest wait is taken: default 100 ms, at most an hour.
    ///
    /// About the time of a slow response. A longer one takes longer to see an overload, and its end.
    #[must_use]
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// Returns the target where requests take so long and so many may be in flight.
    pub(crate) fn target_at(&self, rtt: Option<Duration>, limit: usize) -> Duration {
        let rtt_ns = rtt.unwrap_or_default().min(LONGEST).as_nanos() as u64;
        let few_permits = Duration::from_nanos(FEW * rtt_ns / limit as u64);
        match few_permits <= self.target {
            true => self.target,
            false => self.target.max(few_permits.min(self.interval / 4)),
        }
    }

    pub(crate) fn check(&self) -> Result<(), InvalidOption> {
        let refuse = |option, range: &str, value: &dyn std::fmt::Debug| {
            Err(InvalidOption::new(option, range, format_args!("{value:?}")))
        };
        if self.capacity > Self::LARGEST {
            return refuse("capacity", "at most 1048576", &self.capacity);
        }
        if self.max_wait.is_zero() || self.max_wait > LONGEST {
            return refuse(
                "max_wait",
                "more than 0 and at most an hour",
                &self.max_wait,
            );
        }
        if self.interval.is_zero() || self.interval > LONGEST {
            return refuse(
                "interval",
                "more than 0 and at most an hour",
                &self.interval,
            );
        }
        if self.target.is_zero() || self.target >= self.interval {
            let range = format!("more than 0 and less than interval ({:?})", self.interval);
            return refuse("target", &range, &self.target);
        }
        Ok(())
    }
}

/// No queue.
impl Default for Queue {
    fn default() -> Self {
        Self::none()
    }
}

/// Permits for which nobody waits too long.
const FEW: u64 = 8;

const LONGEST: Duration = Duration::from_secs(3600);
