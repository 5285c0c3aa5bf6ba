use std::ops::RangeInclusive;

use crate::InvalidOption;

/// The range a limit may move in: `1 <= min <= max <= 2^30`.
///
/// # Examples
///
/// ```
/// use tower_adaptive::Bounds;
///
/// let bounds = Bounds::new(2, 100)?;
/// assert_eq!(bounds.clamp(0), 2);
/// assert_eq!(bounds.clamp(7), 7);
/// assert_eq!(bounds.clamp(500), 100);
/// # Ok::<(), tower_adaptive::InvalidOption>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Bounds {
    min: usize,
    max: usize,
}

impl Bounds {
    /// The largest limit there is: 2^30.
    pub const LARGEST: usize = 1 << 30;

    /// Every limit there is: `1..=2^30`.
    pub const ALL: Self = Self {
        min: 1,
        max: Self::LARGEST,
    };

    /// Creates the range `min..=max`.
    ///
    /// # Errors
    ///
    /// If `min` is 0, `max` is below `min`, or `max` is above [`Bounds::LARGEST`].
    pub fn new(min: usize, max: usize) -> Result<Self, InvalidOption> {
        if min == 0 {
            return Err(InvalidOption::new("min_limit", "at least 1", min));
        }
        if max < min {
            return Err(InvalidOption::new(
                "max_limit",
                format!("at least min_limit ({min})"),
                max,
            ));
        }
        if max > Self::LARGEST {
            return Err(InvalidOption::new(
                "max_limit",
                format!("at most {}", Self::LARGEST),
                max,
            ));
        }
        Ok(Self { min, max })
    }

    /// Returns the smallest limit allowed.
    #[must_use]
    pub fn min(self) -> usize {
        self.min
    }

    /// Returns the largest limit allowed.
    #[must_use]
    pub fn max(self) -> usize {
        self.max
    }

    /// Returns the allowed limit nearest to `limit`.
    #[must_use]
    pub fn clamp(self, limit: usize) -> usize {
        // Not `Ord::clamp`, which would check `min <= max` once more, for every sample.
        limit.max(self.min).min(self.max)
    }

    /// Returns the allowed value nearest to `limit`, for algorithms that keep fractions.
    #[must_use]
    pub fn clamp_f64(self, limit: f64) -> f64 {
        // Written so that NaN ends at `min`: a limit must never become NaN.
        limit.max(self.min as f64).min(self.max as f64)
    }
}

impl TryFrom<RangeInclusive<usize>> for Bounds {
    type Error = InvalidOption;

    fn try_from(range: RangeInclusive<usize>) -> Result<Self, InvalidOption> {
        Self::new(*range.start(), *range.end())
    }
}

impl From<Bounds> for RangeInclusive<usize> {
    fn from(bounds: Bounds) -> Self {
        bounds.min..=bounds.max
    }
}
