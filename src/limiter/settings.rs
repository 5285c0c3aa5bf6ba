use std::ops::RangeInclusive;

use super::handle::Limiter;
use super::mode::Mode;
use super::state::State;
use crate::contain::contain;
use crate::gate::Change;
use crate::{Algorithm, Bounds, InvalidOption, Priorities, Queue, Shares};

/// What was set from outside, and nobody else remembers.
#[derive(Debug, Default)]
pub(super) struct Settings {
    pub(super) queue: Queue,
    pub(super) shares: Shares,
    /// What the algorithm was made from, if that is known.
    #[cfg(feature = "serde")]
    pub(super) algorithm: Option<crate::AlgorithmConfig>,
}

impl Settings {
    /// There is an algorithm now of which nobody knows what it was made from.
    pub(super) fn forget_algorithm(&mut self) {
        #[cfg(feature = "serde")]
        {
            self.algorithm = None;
        }
    }
}

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
        self.with_state(|state| state.set_bounds(Some(bounds)));
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
        self.change(|state| {
            state.settings.queue = queue.clone();
            self.gate().change(Change {
                queue: Some(queue),
                ..Change::default()
            });
        });
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
        self.change(|state| {
            self.gate().change(Change {
                shares: Some(&shares),
                ..Change::default()
            });
            state.settings.shares = shares;
        });
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

    /// Changes how much the requests of each class matter: default none, all are
    /// [`Normal`](crate::Priority::Normal).
    ///
    /// Which class a request is of says
    /// [`AdmissionLayer::priority_class`](crate::AdmissionLayer::priority_class).
    ///
    /// # Errors
    ///
    /// If there are more than [`Priorities::MOST`]. Nothing has changed then.
    pub fn set_priorities(&self, priorities: Priorities) -> Result<(), InvalidOption> {
        priorities.check()?;
        self.with_state(|_| self.store_priorities(priorities));
        Ok(())
    }

    /// Begins or ends to let everybody in.
    ///
    /// To observe is to see what a limit would do before it does it, and a way out if it does harm.
    /// It holds for every layer on the limiter, and for [`acquire`](Self::acquire) and
    /// [`try_acquire`](Self::try_acquire): whoever waits when it begins is let in. A single layer
    /// can observe by itself ([`observe_only`](crate::AdmissionLayer::observe_only)), whatever is
    /// said here.
    pub fn set_mode(&self, mode: Mode) {
        self.change(|_| {
            self.gate().change(Change {
                mode: Some(mode),
                ..Change::default()
            });
        });
    }

    /// Returns whether the limit is enforced.
    #[must_use]
    pub fn mode(&self) -> Mode {
        match self.gate().observes() {
            true => Mode::Observe,
            false => Mode::Enforce,
        }
    }

    /// Pauses learning: the limit stays where it is, and is enforced. Requests are counted, and
    /// teach nothing.
    ///
    /// To hold a limit by hand, say where with [`set_bounds`](Self::set_bounds).
    pub fn pause(&self) {
        self.with_state(|state| state.set_paused(true));
    }

    /// Goes on learning from the limit in force: what was learned of the service before stays.
    pub fn resume(&self) {
        self.with_state(|state| state.set_paused(false));
    }

    /// Returns whether learning is paused.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.with_state(|state| state.is_paused())
    }

    /// Changes state and gate as one: a snapshot sees all of it, or nothing.
    pub(super) fn change<R>(&self, f: impl FnOnce(&mut State) -> R) -> R {
        let result = self.with_state(f);
        // Outside the exclusion: it wakes.
        self.gate().resume(self);
        result
    }
}
