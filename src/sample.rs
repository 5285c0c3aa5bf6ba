use std::time::Duration;

/// How one request ended, as far as congestion is concerned.
///
/// A classifier that returns `None` says that a request teaches nothing: a client error, say,
/// whose response time tells about the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// The service did its work. The RTT is what the work and its queue took.
    Success,
    /// The service said, or its failure means, that it has too much to do. The RTT is that of
    /// the refusal and tells nothing of the work.
    Overload,
    /// There was no response: the caller gave up, or the service panicked. The RTT is a lower
    /// bound.
    Canceled,
}

/// What one finished request taught.
///
/// The limiter builds one for every request that teaches something and hands it to
/// [`Algorithm::update`](crate::Algorithm::update). Samples come in the order in which requests
/// finish, roughly: two threads may swap neighbours, so [`at`](Self::at) can step back a little.
/// There is no tick. An algorithm that wants one looks at the gaps in `at`.
///
/// # Examples
///
/// Tests and simulators build their own:
///
/// ```
/// use std::time::Duration;
/// use tower_adaptive::{Outcome, Sample};
///
/// let sample = Sample::new(Duration::from_millis(12), 8, Outcome::Success)
///     .at(Duration::from_secs(3))
///     .limit(20);
/// assert_eq!(sample.in_flight, 8);
/// assert_eq!(sample.limit, 20);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sample {
    /// Time from the call to the response; a lower bound when the outcome is
    /// [`Canceled`](Outcome::Canceled).
    pub rtt: Duration,
    /// Permits that were out when this one was called, its own included, so at least 1. A permit
    /// that a service took in `poll_ready` and has not spent is one of them: it is room that nobody
    /// else has.
    pub in_flight: usize,
    /// How it ended.
    pub outcome: Outcome,
    /// When it finished, since the limiter was created.
    pub at: Duration,
    /// The limit in force when it was called.
    pub limit: usize,
    /// Callers waiting for a permit when it finished.
    pub waiting: usize,
    /// Requests finished since the limiter was created, this one included, whether they taught
    /// anything or not.
    pub finished: u64,
    /// Requests rejected since the limiter was created.
    pub rejected: u64,
    /// Requests started since the limiter was created, those in flight when this one finished
    /// included. Derived from the permits that are out, so it counts those that are not spent yet, too;
    /// with several threads it can step back a little.
    pub started: u64,
}

impl Sample {
    /// Creates a sample; `at`, `limit`, `waiting`, `finished`, `rejected` and `started` are 0 until
    /// set.
    #[must_use]
    pub fn new(rtt: Duration, in_flight: usize, outcome: Outcome) -> Self {
        Self {
            rtt,
            in_flight,
            outcome,
            at: Duration::ZERO,
            limit: 0,
            waiting: 0,
            finished: 0,
            rejected: 0,
            started: 0,
        }
    }

    /// Sets when the request finished, since the limiter was created.
    #[must_use]
    pub fn at(mut self, at: Duration) -> Self {
        self.at = at;
        self
    }

    /// Sets the limit that was in force when the request was called.
    #[must_use]
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// Sets how many callers were waiting for a permit.
    #[must_use]
    pub fn waiting(mut self, waiting: usize) -> Self {
        self.waiting = waiting;
        self
    }

    /// Sets the running total of finished requests.
    #[must_use]
    pub fn finished(mut self, finished: u64) -> Self {
        self.finished = finished;
        self
    }

    /// Sets the running total of rejected requests.
    #[must_use]
    pub fn rejected(mut self, rejected: u64) -> Self {
        self.rejected = rejected;
        self
    }

    /// Sets the running total of started requests.
    #[must_use]
    pub fn started(mut self, started: u64) -> Self {
        self.started = started;
        self
    }
}
