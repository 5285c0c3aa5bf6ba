use std::ops::RangeInclusive;

use super::handle::Limiter;
use crate::contain::contain;
use crate::{Algorithm, Bounds, InvalidOption, Queue, Shares};

/// What can be changed while a limiter is in use.
impl Limiter {
    /// Changes the range in which the limit may move, and with it, if need be, the limit.
    ///
    /// Takes effect at once, also while callers wait. The bounds replace those of the algorithm,
    /// and stay when the algorithm is replaced.
    ///
    /// # Errors
    ///
    /// If the range starts at 0, is empty, or ends above [`Bounds::LARGEST`]. Nothing has changed
    /// then.
    ///
    /// # Examples
    ///
    /// ```
    /// use tower_adaptive::{Fathom, Limiter};
    ///
    /// let limiter = Limiter::new(Fathom::default());
    /// limiter.set_bounds(1..=10)?;
    /// assert_eq!(limiter.limit(), 10);
    /// assert!(limiter.set_bounds(0..=10).is_err());
    /// # Ok::<(), tower_adaptive::InvalidOption>(())
    /// ```
    pub fn set_bounds(&self, bounds: RangeInclusive<usize>) -> Result<(), InvalidOption> {
        let bounds = Bounds::try_from(bounds)?;
        self.with_state(|state| state.set_bounds(bounds));
        Ok(())
    }

    /// Changes the queue in which requests of an [`AdmissionLayer`](crate::AdmissionLayer) wait.
    ///
    /// Holds for those that come from now on, whichever layer they come through: there is one
    /// queue per limiter.
    ///
    /// # Errors
    ///
    /// If an option is out of its range. Nothing has changed then.
    pub fn set_queue(&self, queue: Queue) -> Result<(), InvalidOption> {
        queue.check()?;
        self.gate().set_queue(queue, self);
        Ok(())
    }

    /// Changes the fractions of the limit that are guaranteed.
    ///
    /// Callers of [`acquire`](Self::acquire) and of a [`ConcurrencyLimit`](crate::ConcurrencyLimit)
    /// have no key, and share what is guaranteed to nobody. Where they wait beside requests that may
    /// not, give those a [queue](Self::set_queue): without one, a freed permit goes to who waits.
    ///
    /// # Errors
    ///
    /// If a fraction is not in (0, 1], they are more than 1 together, a key comes twice, or there
    /// are more than [`Shares::MOST`]. Nothing has changed then.
    pub fn set_shares(&self, shares: Shares) -> Result<(), InvalidOption> {
        shares.check()?;
        self.gate().set_shares(&shares, self);
        Ok(())
    }

    /// Puts another algorithm in charge, which starts at the limit in force, within its bounds.
    ///
    /// A frozen limiter thaws. What the old algorithm had learned is gone; counts go on. An algorithm
    /// that does not implement [`rebase`](Algorithm::rebase) goes on with a limit of its own.
    pub fn set_algorithm(&self, algorithm: impl Algorithm) {
        let before = self.with_state(|state| state.set_algorithm(Box::new(algorithm)));
        // Outside the exclusion, and contained: it is not ours.
        contain(|| drop(before));
    }
}
