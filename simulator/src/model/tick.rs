use super::Span;

/// What happened in one tick, and how things were.
///
/// Numbers of requests count a request once, those of attempts each of its attempts.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Tick {
    /// When it ended.
    pub at: Span,
    /// Requests that arrived.
    pub arrived: u32,
    /// Requests answered within the SLO.
    pub good: u32,
    /// Requests answered later than that.
    pub late: u32,
    /// Requests that failed for good.
    pub failed: u32,
    /// Attempts begun.
    pub attempts: u32,
    /// Attempts that a client's limiter rejected.
    pub rejected: u32,
    /// Attempts that the plant's limiter rejected.
    pub plant_rejected: u32,
    /// Attempts that the plant refused because its queue was full.
    pub refused: u32,
    /// Attempts that were given up at their deadline.
    pub timed_out: u32,
    /// Attempts that failed by chance.
    pub errors: u32,
    /// Work that the plant finished for clients that had given up.
    pub wasted: u32,
    /// What each answered request took since its arrival, in microseconds, rounded up; what took more
    /// than 71 minutes is cut off there.
    pub latencies_us: Vec<u32>,
    /// Good requests of each instance.
    pub good_of: Vec<u32>,
    /// The limit, as a mean over the tick; here and below of all instances together.
    pub limit: f64,
    /// Attempts in flight, as a mean.
    pub in_flight: f64,
    /// Attempts waiting for a permit, as a mean.
    pub waiting: f64,
    /// Limit, in flight and waiting of the plant's limiter, if it has one.
    pub plant: Option<[f64; 3]>,
    /// Requests waiting for a server, as a mean.
    pub queue: f64,
    /// The rate that the open loop had at the end, per second.
    pub rate: f64,
    /// What the plant's servers could do at the end, per second.
    pub capacity: f64,
}

impl Tick {
    /// Returns the requests that were answered.
    #[must_use]
    pub fn answered(&self) -> u32 {
        self.good + self.late
    }
}

/// What became of all requests and attempts since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Totals {
    /// Requests that arrived.
    pub arrived: u64,
    /// Requests that were answered, late or not.
    pub succeeded: u64,
    /// Requests that failed for good.
    pub failed: u64,
    /// Requests of which nothing is decided: some attempt is under way, or will be.
    pub pending: u64,
    /// Attempts that were begun.
    pub attempts: u64,
    /// Attempts that ended for their client, in any way.
    pub ended: u64,
    /// Attempts that wait for a permit.
    pub waiting: u64,
    /// Attempts that have a permit of their client's limiter.
    pub in_flight: u64,
}
