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
}
