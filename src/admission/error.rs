use std::fmt;
use std::time::Duration;

/// Why a request was turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// The limit was reached, and there is no queue; or what was left is kept for requests that
    /// matter more.
    Limit,
    /// The queue was full, of requests that do not matter less.
    QueueFull,
    /// It had waited as long as the queue lets anybody wait.
    WaitedTooLong,
    /// The queue was full, and a request that matters more took its place.
    Evicted,
    /// There was room below the limit, but it is owed to the guaranteed share of others.
    ShareExhausted,
    /// It could not have started before its own deadline.
    DeadlineTooClose,
    /// The limiter is [closed](crate::Limiter::close): the service shuts down.
    Closed,
}

impl Reason {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::Limit,
        Self::QueueFull,
        Self::WaitedTooLong,
        Self::Evicted,
        Self::ShareExhausted,
        Self::DeadlineTooClose,
        Self::Closed,
    ];

    /// Returns a name for logs and labels, in snake case.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Limit => "limit",
            Self::QueueFull => "queue_full",
            Self::WaitedTooLong => "waited_too_long",
            Self::Evicted => "evicted",
            Self::ShareExhausted => "share_exhausted",
            Self::DeadlineTooClose => "deadline_too_close",
            Self::Closed => "closed",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Limit => "reached",
            Self::QueueFull => "reached, and its queue is full",
            Self::WaitedTooLong => "reached, and the request waited too long",
            Self::Evicted => "reached, and a request of higher priority took the place",
            Self::ShareExhausted => "has no room left for this share",
            Self::DeadlineTooClose => "has no room before the deadline of the request",
            Self::Closed => "is closed",
        })
    }
}

/// A request was turned away.
///
/// It never got to the service, so trying again, elsewhere or later, is safe.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("concurrency limit of {limit} {reason}")]
pub struct Rejected {
    reason: Reason,
    limit: usize,
    drain_time: Duration,
}

impl Rejected {
    pub(crate) fn new(reason: Reason, limit: usize, drain_time: Duration) -> Self {
        Self {
            reason,
            limit,
            drain_time,
        }
    }

    /// Returns why.
    #[must_use]
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// Returns the limit that was in force.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Returns how long it was going to take until whatever was in flight or waiting had been
    /// served: the number of those, times the average RTT, divided by the limit. Zero before the
    /// first success.
    ///
    /// To tell clients when to return; not all at once, though.
    #[must_use]
    pub fn drain_time(&self) -> Duration {
        self.drain_time
    }
}

/// The error of an [`Admission`](crate::Admission) without a responder: the request was rejected,
/// or the service failed.
///
/// In a stack of boxed errors, where `E` is forgotten, a [`Rejected`] is found as the
/// [`source`](std::error::Error::source):
///
/// ```
/// use std::error::Error;
/// use tower_adaptive::Rejected;
///
/// fn rejected<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a Rejected> {
///     error.downcast_ref().or_else(|| rejected(error.source()?))
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AdmissionError<E> {
    /// The request was turned away.
    #[error("the request was rejected")]
    Rejected(#[source] Rejected),
    /// The service's own error.
    #[error("{0}")]
    Service(E),
}

impl<E> AdmissionError<E> {
    /// Returns whether the request was turned away.
    #[must_use]
    pub fn is_rejected(&self) -> bool {
        matches!(self, Self::Rejected(_))
    }

    /// Returns the service's own error, if it is one.
    #[must_use]
    pub fn into_service_error(self) -> Option<E> {
        match self {
            Self::Rejected(_) => None,
            Self::Service(error) => Some(error),
        }
    }
}
