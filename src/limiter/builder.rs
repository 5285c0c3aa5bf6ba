use std::fmt;

use super::handle::Limiter;
use super::mode::Mode;
use crate::{Algorithm, InvalidOption, Priorities, Queue, Shares};

/// Builds a [`Limiter`].
///
/// # Examples
///
/// ```
/// use tower_adaptive::{Fathom, Limiter};
///
/// let limiter = Limiter::builder(Fathom::default()).name("payments").build();
/// assert_eq!(limiter.name(), Some("payments"));
/// ```
pub struct LimiterBuilder {
    algorithm: Box<dyn Algorithm>,
    name: Option<Box<str>>,
    queue: Queue,
    shares: Shares,
    priorities: Priorities,
    mode: Mode,
}

impl LimiterBuilder {
    pub(super) fn new(algorithm: Box<dyn Algorithm>) -> Self {
        Self {
            algorithm,
            name: None,
            queue: Queue::none(),
            shares: Shares::new(),
            priorities: Priorities::new(),
            mode: Mode::default(),
        }
    }

    /// Sets the name under which the limiter is [listed](crate::registry), and snapshots show it:
    /// default none, and not listed.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into().into_boxed_str());
        self
    }

    /// Sets the queue in which requests of an [`AdmissionLayer`](crate::AdmissionLayer) wait:
    /// default [`Queue::none`].
    #[must_use]
    pub fn queue(mut self, queue: Queue) -> Self {
        self.queue = queue;
        self
    }

    /// Sets the fractions of the limit that are guaranteed: default none.
    #[must_use]
    pub fn shares(mut self, shares: Shares) -> Self {
        self.shares = shares;
        self
    }

    /// Sets how much the requests of each class matter: default none, all alike. See
    /// [`AdmissionLayer::priority_class`](crate::AdmissionLayer::priority_class).
    #[must_use]
    pub fn priorities(mut self, priorities: Priorities) -> Self {
        self.priorities = priorities;
        self
    }

    /// Sets whether the limit is enforced: default [`Mode::Enforce`].
    #[must_use]
    pub fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// Creates the limiter.
    ///
    /// # Panics
    ///
    /// If an option of the queue, the shares or the priorities is out of its range, with a message that names it.
    #[must_use]
    pub fn build(self) -> Limiter {
        match self.try_build() {
            Ok(limiter) => limiter,
            Err(error) => panic!("{error}"),
        }
    }

    /// As [`build`](Self::build), without the panic.
    ///
    /// # Errors
    ///
    /// If an option of the queue, the shares or the priorities is out of its range.
    pub fn try_build(self) -> Result<Limiter, InvalidOption> {
        let limiter = Limiter::from_parts(self.algorithm, self.name);
        limiter.set_queue(self.queue)?;
        if self.shares != Shares::new() {
            limiter.set_shares(self.shares)?;
        }
        limiter.set_priorities(self.priorities)?;
        limiter.set_mode(self.mode);
        #[cfg(not(tower_adaptive_loom))]
        crate::registry::built(&limiter);
        Ok(limiter)
    }
}

impl fmt::Debug for LimiterBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LimiterBuilder")
            .field("name", &self.name)
            .field("queue", &self.queue)
            .field("shares", &self.shares)
            .finish_non_exhaustive()
    }
}
