use std::time::Duration;

use super::Bounds;

/// What an algorithm believes now, for people and dashboards.
///
/// A field is `None` where the algorithm has no such notion, or does not know yet.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use tower_adaptive::Report;
///
/// let report = Report::new().baseline(Duration::from_millis(5)).phase("steady");
/// assert_eq!(report.phase, Some("steady"));
/// assert_eq!(report.queue, None);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Report {
    /// The name of the algorithm.
    pub algorithm: Option<&'static str>,
    /// The RTT the service would show with no queue.
    pub baseline: Option<Duration>,
    /// Requests of the limit that are thought to wait in the service's own queue.
    pub queue: Option<f64>,
    /// What the algorithm is doing: a lower-case word.
    pub phase: Option<&'static str>,
    /// The range in which the algorithm keeps its limit.
    pub bounds: Option<Bounds>,
    /// How its last experiment with the limit ended.
    pub verdict: Option<Verdict>,
}

/// How an experiment with the limit ended: the limit was reduced, and latency fell with it, or did
/// not.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Verdict {
    /// What it found.
    pub finding: Finding,
    /// When, since the limiter's start.
    pub at: Duration,
    /// The mean limit before it and during it.
    pub limits: (f64, f64),
    /// The mean RTT before it and during it.
    pub rtts: (Duration, Duration),
}

/// What an experiment with the limit found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Finding {
    /// Latency fell with the limit: requests had been queueing.
    Queue,
    /// Latency stayed: the work itself takes that long.
    Slower,
    /// Nobody can tell: too few requests came back.
    Unclear,
}

impl Verdict {
    /// Creates a verdict.
    #[must_use]
    pub fn new(
        finding: Finding,
        at: Duration,
        limits: (f64, f64),
        rtts: (Duration, Duration),
    ) -> Self {
        Self {
            finding,
            at,
            limits,
            rtts,
        }
    }

    /// Returns by how many percent latency fell for each percent that the limit fell: 0 without a
    /// queue, 1 if all of it was one.
    #[must_use]
    pub fn elasticity(&self) -> f64 {
        let log = |ratio: f64| ratio.max(f64::MIN_POSITIVE).ln();
        let limits = log(self.limits.0 / self.limits.1);
        let rtts = log(self.rtts.0.as_secs_f64() / self.rtts.1.as_secs_f64());
        if limits > 0.0 && rtts.is_finite() {
            rtts / limits
        } else {
            0.0
        }
    }
}

impl Finding {
    /// Returns it as a lower-case word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::Slower => "slower",
            Self::Unclear => "unclear",
        }
    }
}

impl Report {
    /// Creates an empty report.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the name of the algorithm.
    #[must_use]
    pub fn algorithm(mut self, name: &'static str) -> Self {
        self.algorithm = Some(name);
        self
    }

    /// Sets the RTT the service would show with no queue.
    #[must_use]
    pub fn baseline(mut self, baseline: Duration) -> Self {
        self.baseline = Some(baseline);
        self
    }

    /// Sets the estimated length of the service's queue, in requests.
    #[must_use]
    pub fn queue(mut self, queue: f64) -> Self {
        self.queue = Some(queue);
        self
    }

    /// Sets what the algorithm is doing.
    #[must_use]
    pub fn phase(mut self, phase: &'static str) -> Self {
        self.phase = Some(phase);
        self
    }

    /// Sets the range in which the algorithm keeps its limit.
    #[must_use]
    pub fn bounds(mut self, bounds: Bounds) -> Self {
        self.bounds = Some(bounds);
        self
    }

    /// Sets how the last experiment with the limit ended.
    #[must_use]
    pub fn verdict(mut self, verdict: Verdict) -> Self {
        self.verdict = Some(verdict);
        self
    }
}
