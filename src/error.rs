use std::fmt;

/// An option that was refused: which one, what was given, and what is allowed.
///
/// Every `try_build` returns this; every `build` panics with its message.
///
/// # Examples
///
/// ```
/// use tower_adaptive::Bounds;
///
/// let error = Bounds::new(10, 5).unwrap_err();
/// assert_eq!(error.option(), "max_limit");
/// assert_eq!(error.to_string(), "max_limit must be at least min_limit (10), got 5");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{option} must be {range}, got {value}")]
pub struct InvalidOption {
    option: &'static str,
    range: String,
    value: String,
}

impl InvalidOption {
    /// Creates the error for `option`, of which `value` is outside of `range`.
    ///
    /// For algorithms outside this crate whose options are refused too. The message reads
    /// "`option` must be `range`, got `value`".
    pub fn new(option: &'static str, range: impl Into<String>, value: impl fmt::Display) -> Self {
        Self {
            option,
            range: range.into(),
            value: value.to_string(),
        }
    }

    /// Returns the name of the option, as the builder's method spells it.
    #[must_use]
    pub fn option(&self) -> &'static str {
        self.option
    }

    /// Returns the allowed range, in words.
    #[must_use]
    pub fn range(&self) -> &str {
        &self.range
    }
}

/// Unwraps what a `try_build` returned, for `build`.
#[track_caller]
pub(crate) fn expect_valid<T>(valid: Result<T, InvalidOption>) -> T {
    match valid {
        Ok(value) => value,
        Err(invalid) => panic!("{invalid}"),
    }
}
