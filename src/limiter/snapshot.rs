use std::time::Duration;

use super::mode::Mode;
use super::refusals::Rejections;
use crate::{Bounds, Outcome, Queue, Report};

/// The state of a [`Limiter`](crate::Limiter) at one moment.
///
/// Counts run since the limiter was created.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Snapshot {
    /// The limiter's name, if it has one.
    pub name: Option<String>,
    /// Requests that may be in flight now.
    pub limit: usize,
    /// Permits that are out: requests in flight, and permits that were taken or granted and not
    /// spent yet.
    pub in_flight: usize,
    /// Callers, and requests in the queue, waiting for a permit.
    pub waiting: usize,
    /// Finished with [`Outcome::Success`].
    pub success: u64,
    /// Finished with [`Outcome::Overload`].
    pub overload: u64,
    /// Finished with [`Outcome::Canceled`].
    pub canceled: u64,
    /// Finished and taught nothing: the classifier said so, the request was bypassed, or it was
    /// dropped before it was first polled.
    pub ignored: u64,
    /// Turned away; they never reached the service.
    pub rejected: u64,
    /// The same, by reason.
    pub rejected_by: Rejections,
    /// Admitted only because the layer observes, or the limiter: what would have been rejected
    /// otherwise, or kept waiting.
    pub spared: u64,
    /// The same, by reason.
    pub spared_by: Rejections,
    /// Requests of an admission that were dropped while they waited in the queue.
    pub abandoned: u64,
    /// The guaranteed shares, and last what is left to all others; empty if nothing is guaranteed.
    pub shares: Vec<Share>,
    /// Finished requests from which nothing was learned because too many finished at once.
    pub samples_dropped: u64,
    /// The RTT of the last success.
    pub last_rtt: Option<Duration>,
    /// An average over recent successes, each new one weighing an eighth (RFC 6298's SRTT).
    pub smoothed_rtt: Option<Duration>,
    /// Whether the algorithm panicked. The limit then stays until
    /// [`set_algorithm`](crate::Limiter::set_algorithm).
    pub frozen: bool,
    /// Whether learning is paused: see [`pause`](crate::Limiter::pause).
    pub paused: bool,
    /// Whether nobody is admitted any more: see [`close`](crate::Limiter::close).
    pub closed: bool,
    /// Whether the limit is enforced.
    pub mode: Mode,
    /// The queue in which requests of an admission may wait.
    pub queue: Queue,
    /// The range in which the limit moves.
    pub bounds: Bounds,
    /// What the algorithm believes.
    pub report: Report,
}

impl Snapshot {
    /// Returns how many requests finished, however they did.
    #[must_use]
    pub fn finished(&self) -> u64 {
        self.success + self.overload + self.canceled + self.ignored + self.samples_dropped
    }

    /// Returns how many requests were admitted: those finished and those in flight. It can fall, when
    /// a permit comes back unspent; a counter that never does is [`finished`](Self::finished). Of
    /// streamed bodies it knows those that hold a permit, and counts those measured before twice.
    #[must_use]
    pub fn admitted(&self) -> u64 {
        self.finished() + self.in_flight as u64
    }
}

/// A guaranteed share of a limit.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Share {
    /// Whose it is; `None` for all who are guaranteed nothing by name.
    pub key: Option<String>,
    /// The fraction of the limit.
    pub fraction: f64,
    /// Permits that are out.
    pub in_flight: usize,
}

/// Finished requests by outcome.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    /// All of them: those that taught nothing are the difference.
    pub(super) finished: u64,
    pub(super) success: u64,
    pub(super) overload: u64,
    pub(super) canceled: u64,
}

impl Counts {
    #[inline]
    pub(super) fn record(&mut self, outcome: Option<Outcome>) {
        self.finished += 1;
        match outcome {
            Some(Outcome::Success) => self.success += 1,
            Some(Outcome::Overload) => self.overload += 1,
            Some(Outcome::Canceled) => self.canceled += 1,
            None => {}
        }
    }

    pub(super) fn ignored(&self) -> u64 {
        self.finished - self.success - self.overload - self.canceled
    }
}
