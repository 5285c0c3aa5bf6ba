use super::options::check;
use super::{Algorithm, Bounds, Report};
use crate::error::expect_valid;
use crate::{InvalidOption, Sample};

/// A constant limit, which no sample changes.
///
/// The baseline of every comparison, and a way back for operators: swap it in to pin the limit.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use tower_adaptive::{Algorithm, Fixed, Outcome, Sample};
///
/// let mut fixed = Fixed::new(8);
/// fixed.update(&Sample::new(Duration::from_secs(30), 8, Outcome::Overload));
/// assert_eq!(fixed.max_concurrency(), 8);
/// ```
///
/// # Differences
///
/// From the other algorithms: neither overload nor anything else lowers the limit. A
/// [`rebase`](Algorithm::rebase) does not set it either, because a constant is a constant; only
/// the bounds apply, and as long as they do not include the constant, the nearest limit
/// inside them is enforced.
#[derive(Clone, Debug)]
pub struct Fixed {
    limit: usize,
    bounds: Bounds,
}

impl Fixed {
    /// Creates the constant `limit`.
    ///
    /// # Panics
    ///
    /// If `limit` is 0 or above [`Bounds::LARGEST`].
    #[must_use]
    #[track_caller]
    pub fn new(limit: usize) -> Self {
        expect_valid(Self::try_new(limit))
    }

    /// Creates the constant `limit`.
    ///
    /// # Errors
    ///
    /// If `limit` is 0 or above [`Bounds::LARGEST`].
    pub fn try_new(limit: usize) -> Result<Self, InvalidOption> {
        FixedBuilder::new(limit).try_build()
    }
}

impl Algorithm for Fixed {
    fn max_concurrency(&self) -> usize {
        self.bounds.clamp(self.limit)
    }

    fn update(&mut self, _: &Sample) {}

    fn rebase(&mut self, _: usize, bounds: Bounds) {
        self.bounds = bounds;
    }

    fn report(&self) -> Report {
        Report::new().algorithm("fixed").bounds(self.bounds)
    }
}

/// Builds a [`Fixed`]: the form in which configuration has it.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(deny_unknown_fields)
)]
pub struct FixedBuilder {
    limit: usize,
}

impl FixedBuilder {
    /// Starts a builder with the constant: from 1 to [`Bounds::LARGEST`], without a default.
    /// A larger value admits more.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { limit }
    }

    /// Builds the algorithm, or says that the constant is outside its range.
    ///
    /// # Errors
    ///
    /// If `limit` is 0 or above [`Bounds::LARGEST`].
    pub fn try_build(self) -> Result<Fixed, InvalidOption> {
        let (limit, bounds) = (self.limit, Bounds::ALL);
        check(
            bounds.clamp(limit) == limit,
            "limit",
            format_args!("in {}..={}", bounds.min(), bounds.max()),
            limit,
        )?;
        Ok(Fixed { limit, bounds })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_and_too_large_are_refused() {
        let zero = Fixed::try_new(0).unwrap_err();
        assert_eq!(zero.to_string(), "limit must be in 1..=1073741824, got 0");
        assert!(Fixed::try_new(Bounds::LARGEST + 1).is_err());
        assert!(Fixed::try_new(Bounds::LARGEST).is_ok());
    }

    #[test]
    #[should_panic(expected = "limit must be in 1..=1073741824, got 0")]
    fn new_panics_with_the_range() {
        let _ = Fixed::new(0);
    }

    #[test]
    fn rebase_clamps_the_constant_and_wider_bounds_restore_it() {
        let mut fixed = Fixed::new(50);
        fixed.rebase(5, Bounds::new(1, 10).unwrap());
        assert_eq!(fixed.max_concurrency(), 10);
        fixed.rebase(5, Bounds::ALL);
        assert_eq!(fixed.max_concurrency(), 50);
    }
}
