//! What the builders share: checks, and the options that every adaptive algorithm has.

use std::fmt;

use super::Bounds;
use crate::InvalidOption;

/// Checks the three options that every algorithm has.
pub(super) fn check_limits(
    initial_limit: usize,
    min_limit: usize,
    max_limit: usize,
) -> Result<Bounds, InvalidOption> {
    let bounds = Bounds::new(min_limit, max_limit)?;
    check(
        bounds.clamp(initial_limit) == initial_limit,
        "initial_limit",
        format_args!("in {min_limit}..={max_limit} (min_limit..=max_limit)"),
        initial_limit,
    )?;
    Ok(bounds)
}

/// Checks how much of a step is taken at once.
pub(super) fn check_smoothing(smoothing: f64) -> Result<(), InvalidOption> {
    check(
        smoothing > 0.0 && smoothing <= 1.0,
        "smoothing",
        "above 0.0 and at most 1.0",
        smoothing,
    )
}

/// Refuses `value` for `option` unless it is `valid`; NaN is refused if `valid` compares it.
pub(super) fn check(
    valid: bool,
    option: &'static str,
    range: impl fmt::Display,
    value: impl fmt::Display,
) -> Result<(), InvalidOption> {
    if valid {
        Ok(())
    } else {
        Err(InvalidOption::new(option, range.to_string(), value))
    }
}

/// Writes what is the same in every adaptive algorithm: `builder()` and `Default`, the three
/// options on the limit with their defaults, and `build()`.
macro_rules! limit_options {
    (
        $algorithm:ident, $builder:ident,
        initial_limit: $initial:literal, min_limit: $min:literal, max_limit: $max:literal
    ) => {
        impl $algorithm {
            /// Starts a builder with every option at its default.
            #[must_use]
            pub fn builder() -> $builder {
                $builder::default()
            }
        }

        impl Default for $algorithm {
            fn default() -> Self {
                Self::builder().build()
            }
        }

        impl $builder {
            const INITIAL_LIMIT: usize = $initial;
            const MIN_LIMIT: usize = $min;
            const MAX_LIMIT: usize = $max;

            #[doc = concat!("Sets the limit to start with: default ", $initial, ", from `min_limit` to `max_limit`.")]
            /// A larger value admits more before anything is known of the service.
            #[must_use]
            pub fn initial_limit(mut self, initial_limit: usize) -> Self {
                self.initial_limit = initial_limit;
                self
            }

            #[doc = concat!("Sets the smallest limit: default ", $min, ", from 1 to `max_limit`.")]
            /// A larger value admits more when the service is at its slowest.
            #[must_use]
            pub fn min_limit(mut self, min_limit: usize) -> Self {
                self.min_limit = min_limit;
                self
            }

            #[doc = concat!("Sets the largest limit: default ", $max, ", from `min_limit` to 2^30.")]
            /// A larger value lets a fast service be used further, and a wrong estimate go further.
            #[must_use]
            pub fn max_limit(mut self, max_limit: usize) -> Self {
                self.max_limit = max_limit;
                self
            }

            /// Builds the algorithm.
            ///
            /// # Panics
            ///
            /// If an option is outside its range; the message names the option and the range.
            #[must_use]
            #[track_caller]
            pub fn build(self) -> $algorithm {
                $crate::error::expect_valid(self.try_build())
            }
        }
    };
}
pub(super) use limit_options;
