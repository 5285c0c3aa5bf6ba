use std::fmt;

use super::handle::Limiter;
use crate::Algorithm;

/// Builds a [`Limiter`].
///
/// # Examples
///
/// ```
/// use tower_adaptive::{Limiter, Vegas};
///
/// let limiter = Limiter::builder(Vegas::default()).name("payments").build();
/// assert_eq!(limiter.name(), Some("payments"));
/// ```
pub struct LimiterBuilder {
    algorithm: Box<dyn Algorithm>,
    name: Option<Box<str>>,
}

impl LimiterBuilder {
    pub(super) fn new(algorithm: Box<dyn Algorithm>) -> Self {
        Self {
            algorithm,
            name: None,
        }
    }

    /// Sets the name under which snapshots show the limiter: default none.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into().into_boxed_str());
        self
    }

    /// Creates the limiter.
    #[must_use]
    pub fn build(self) -> Limiter {
        Limiter::from_parts(self.algorithm, self.name)
    }
}

impl fmt::Debug for LimiterBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LimiterBuilder")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
