//! The [`Algorithm`] trait and the algorithms that come with the crate.

mod aimd;
mod bounds;
mod estimate;
mod fixed;
mod gradient2;
mod options;
mod report;
mod vegas;
mod windowed;

pub use aimd::{Aimd, AimdBuilder};
pub use bounds::Bounds;
pub use fixed::Fixed;
pub use gradient2::{Gradient2, Gradient2Builder};
pub use report::Report;
pub use vegas::{Vegas, VegasBuilder};
pub use windowed::{Aggregate, Windowed, WindowedBuilder};

use crate::Sample;

/// A rule that turns samples into a limit.
pub trait Algorithm: Send + 'static {
    /// Returns the limit to enforce now.
    ///
    /// The limiter reads 0 as 1 and anything above [`Bounds::LARGEST`] as that.
    fn max_concurrency(&self) -> usize;

    /// Learns from one finished request.
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

    fn report(&self) -> Report {
        (**self).report()
    }
}
