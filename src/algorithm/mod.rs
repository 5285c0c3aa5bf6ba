//! The [`Algorithm`] trait and the algorithms that come with the crate.
//!
//! An algorithm hears of every finished request and says how many may be in flight. It sees
//! nothing but samples: no clock, no service, no request.
//!
//! | algorithm | looks at | when |
//! |---|---|---|
//! | [`Fathom`] | throughput, and whether latency falls with the limit | first of all: it has nothing to tune, stands noise, and tells a queue from slower work |
//! | [`Vegas`] | RTT over the smallest seen | RTTs of an unloaded service are alike: one kind of request, a database, a cache |
//! | [`Gradient2`] | RTT over its long-term average | RTTs drift or mix, as in most servers |
//! | [`Aimd`] | errors and timeouts | the service says clearly when it has too much to do, or RTTs mean nothing |
//! | [`Windowed`] | one aggregate per window, for any of the above | single RTTs are noisy, and there are many |
//! | [`Fixed`] | nothing | comparisons, and pinning a limit by hand |
//!
//! Four rules hold in all but `Fixed`. [`Fathom`] hears of many requests before it acts, and so reads the
//! first three as rules about groups of them ([*Differences*](Fathom#differences)):
//!
//! - An overload lowers the limit, whatever the load, and its RTT is not learned: a backend that
//!   fails fast is not a fast backend.
//! - The elapsed time of a canceled request is a lower bound of its RTT. If even that is
//!   congestion, the limit falls; otherwise the request teaches nothing.
//! - The limit rises only if at least half of it was in flight: what was not in use was not
//!   tested either. (`Fathom` also lets it rise if requests were kept out, and back to where it was
//!   before an experiment.)
//! - The limit never leaves its bounds, and so is never 0. At 1, one request is enough load to
//!   grow again, since a request counts itself as in flight.
//!
//! # Examples
//!
//! An algorithm of one's own: every response beyond a deadline costs a tenth of the limit, every
//! other one earns a hundredth of a request.
//!
//! ```
//! use std::time::Duration;
//! use tower_adaptive::{Algorithm, Bounds, Outcome, Report, Sample};
//!
//! struct Deadline {
//!     limit: f64,
//!     bounds: Bounds,
//!     deadline: Duration,
//! }
//!
//! impl Algorithm for Deadline {
//!     fn max_concurrency(&self) -> usize {
//!         self.limit as usize
//!     }
//!
//!     fn update(&mut self, sample: &Sample) {
//!         let late = sample.rtt > self.deadline;
//!         let limit = match sample.outcome {
//!             Outcome::Success if !late => self.limit + 0.01,
//!             // It might have been in time: nobody knows.
//!             Outcome::Canceled if !late => return,
//!             _ => self.limit * 0.9,
//!         };
//!         self.limit = self.bounds.clamp_f64(limit);
//!     }
//!
//!     fn rebase(&mut self, limit: usize, bounds: Bounds) {
//!         self.limit = limit as f64;
//!         self.bounds = bounds;
//!     }
//!
//!     fn report(&self) -> Report {
//!         Report::new().algorithm("deadline").bounds(self.bounds)
//!     }
//! }
//!
//! let mut algorithm = Deadline {
//!     limit: 50.0,
//!     bounds: Bounds::new(1, 100)?,
//!     deadline: Duration::from_millis(80),
//! };
//! algorithm.update(&Sample::new(Duration::from_millis(95), 50, Outcome::Success));
//! assert_eq!(algorithm.max_concurrency(), 45);
//! # Ok::<(), tower_adaptive::InvalidOption>(())
//! ```

mod aimd;
mod bounds;
#[cfg(feature = "serde")]
mod config;
mod estimate;
mod fathom;
mod fixed;
mod gradient2;
mod options;
mod report;
mod vegas;
mod windowed;

pub use aimd::{Aimd, AimdBuilder};
pub use bounds::Bounds;
#[cfg(feature = "serde")]
#[cfg_attr(docsrs, doc(cfg(feature = "serde")))]
pub use config::AlgorithmConfig;
pub use fathom::{Fathom, FathomBuilder};
pub use fixed::{Fixed, FixedBuilder};
pub use gradient2::{Gradient2, Gradient2Builder};
pub use report::{Finding, Report, Verdict};
pub use vegas::{Vegas, VegasBuilder};
pub use windowed::{Aggregate, Windowed, WindowedBuilder};

use std::time::Duration;

use crate::Sample;

/// A rule that turns samples into a limit.
///
/// The limiter calls one method at a time, each while it keeps everybody else out: none may
/// block, take long, or call back into the limiter. What is learned must come from the samples
/// alone: an algorithm reads no clock, no system randomness and no globals, so that it runs the same
/// in virtual time and in a test. A generator that was seeded at construction is fine.
///
/// See the [module](self) for an example.
pub trait Algorithm: Send + 'static {
    /// Returns the limit to enforce now.
    ///
    /// The limiter reads 0 as 1 and anything above [`Bounds::LARGEST`] as that.
    fn max_concurrency(&self) -> usize;

    /// Learns from one finished request.
    ///
    /// Must neither block nor call back into the limiter. Samples come roughly in the order in
    /// which requests finish, and there is no tick: a gap in [`Sample::at`] is the tick.
    fn update(&mut self, sample: &Sample);

    /// Takes over a limit and bounds set from outside: by live control, a swap of algorithms or a
    /// warm start.
    ///
    /// `limit` is inside `bounds`. What was learned of the service (a baseline) stays; what
    /// belongs to the old limit goes. Does nothing unless implemented, and the limiter then
    /// clamps whatever `max_concurrency` says.
    fn rebase(&mut self, limit: usize, bounds: Bounds) {
        let _ = (limit, bounds);
    }

    /// Takes over a baseline, the RTT without a queue, that one of its kind has learned before: in
    /// another process, or with other options. Called right after [`rebase`](Self::rebase).
    ///
    /// Does nothing unless implemented: the baseline is then learned anew.
    fn restore(&mut self, baseline: Duration) {
        let _ = baseline;
    }

    /// Says what it believes now, for people and dashboards. Empty unless implemented.
    fn report(&self) -> Report {
        Report::new()
    }
}

impl<A: Algorithm + ?Sized> Algorithm for Box<A> {
    fn max_concurrency(&self) -> usize {
        (**self).max_concurrency()
    }

    fn update(&mut self, sample: &Sample) {
        (**self).update(sample);
    }

    fn rebase(&mut self, limit: usize, bounds: Bounds) {
        (**self).rebase(limit, bounds);
    }

    fn restore(&mut self, baseline: Duration) {
        (**self).restore(baseline);
    }

    fn report(&self) -> Report {
        (**self).report()
    }
}
