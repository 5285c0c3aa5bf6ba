mod builder;
mod histogram;
mod window;

use std::time::Duration;

use self::window::Window;
use super::{Algorithm, Bounds, Report};
use crate::{Outcome, Sample};

pub use self::builder::{Aggregate, WindowedBuilder};

/// Feeds another algorithm one sample per window instead of one per request.
///
/// As in Netflix's concurrency-limits (`WindowedLimit`). The sample that `A` gets has the mean RTT
/// of the window (or its log-mean or a percentile, see [`Aggregate`]) and the most requests that were
/// in flight, so single outliers matter less and the limit moves once per window at most. A window
/// lasts for twice its shortest RTT, within `min_window..=max_window`; there is no timer, and the
/// first sample after its end closes it. A window with fewer than `min_samples` is thrown away.
///
/// Use it where single RTTs are noisy and there are many more requests than `min_samples` per
/// window. Below that rate, nothing is learned from successes.
///
/// Memory is bounded and allocated once: none for means, 15 KiB for percentiles.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use tower_adaptive::{Aggregate, Algorithm, Gradient2, Outcome, Sample, Windowed};
///
/// let mut windowed = Windowed::builder(Gradient2::default())
///     .min_window(Duration::from_millis(100))
///     .aggregate(Aggregate::Percentile(0.9))
///     .try_build()?;
///
/// let sample = Sample::new(Duration::from_millis(20), 20, Outcome::Success);
/// for ms in 0..1000 {
///     windowed.update(&sample.clone().at(Duration::from_millis(ms)));
/// }
/// assert_eq!(windowed.max_concurrency(), 27); // nine windows, not a thousand samples
/// # Ok::<(), tower_adaptive::InvalidOption>(())
/// ```
///
/// # Differences
///
/// Netflix's `WindowedLimit` delivers the same samples as long as all requests succeed:
///
/// - It drops samples faster than its shortest RTT, refusals too. Here every overload counts,
///   however fast it was.
/// - Depending on its version, it mixes the RTTs of refusals into the mean, or leaves refusals
///   uncounted and never delivers a window of nothing else. Here every sample counts, the mean is of
///   successes only, and a window with an overload is delivered as [`Outcome::Overload`].
/// - It never hears of requests that the caller gave up. Here a window in which they outnumber
///   the successes is delivered as [`Outcome::Canceled`] with the mean (log-mean, percentile) of
///   their elapsed times; in other windows they only count towards `min_samples`. A canceled request
///   closes no window that would be delivered as a success.
/// - It throws away every window that has too few samples. Here one with an overload or a canceled
///   request stays open until it has enough, or a hung service, which finishes little, would
///   never be noticed.
#[derive(Clone, Debug)]
pub struct Windowed<A> {
    inner: A,
    window: Window,
    closes_at: Duration,
    options: WindowedBuilder,
}

impl<A> Windowed<A> {
    /// Starts a builder with `inner` to be fed, and every option at its default.
    #[must_use]
    pub fn builder(inner: A) -> WindowedBuilder<A> {
        WindowedBuilder::default().inner(inner)
    }
}

impl<A: Algorithm> Windowed<A> {
    /// Feeds `inner` with every option at its default.
    #[must_use]
    pub fn new(inner: A) -> Self {
        Self::builder(inner).build()
    }

    fn close(&mut self, last: &Sample) {
        let length = self.window.shortest_rtt().saturating_mul(2);
        let length = length.clamp(self.options.min_window, self.options.max_window);
        self.closes_at = last.at.saturating_add(length);

        if self.window.len() >= self.options.min_samples {
            self.inner.update(&self.window.aggregate(last));
        } else if self.window.has_failures() {
            return;
        }
        self.window.clear();
    }
}

impl<A: Algorithm> Algorithm for Windowed<A> {
    fn max_concurrency(&self) -> usize {
        self.inner.max_concurrency()
    }

    fn update(&mut self, sample: &Sample) {
        if sample.rtt < self.options.min_rtt && sample.outcome != Outcome::Overload {
            return;
        }
        self.window.add(sample);
        // Good news may raise the limit, and a canceled request must never be what raises it.
        let is_premature =
            sample.outcome == Outcome::Canceled && self.window.outcome() == Outcome::Success;
        if sample.at > self.closes_at && !is_premature {
            self.close(sample);
        }
    }

    /// Rebases the inner algorithm and throws away the open window, which belongs to the old limit.
    fn rebase(&mut self, limit: usize, bounds: Bounds) {
        self.inner.rebase(limit, bounds);
        self.window.clear();
    }

    fn restore(&mut self, baseline: Duration) {
        self.inner.restore(baseline);
    }

    /// Returns the report of the inner algorithm.
    fn report(&self) -> Report {
        self.inner.report()
    }
}

impl<A: Algorithm + Default> Default for Windowed<A> {
    fn default() -> Self {
        Self::new(A::default())
    }
}
