use std::fmt;
use std::time::Duration;

use super::set::{Factory, Limiters};
use crate::InvalidOption;

/// Builds [`Limiters`].
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use tower_adaptive::{Fathom, Limiter, Limiters};
///
/// let limiters = Limiters::builder(|_: &String| Limiter::new(Fathom::default()))
///     .capacity(10_000)
///     .idle_after(Duration::from_secs(60))
///     .try_build()?;
/// assert_eq!(limiters.capacity(), 10_000);
/// # Ok::<(), tower_adaptive::InvalidOption>(())
/// ```
pub struct LimitersBuilder<K> {
    factory: Factory<K>,
    capacity: usize,
    idle_after: Duration,
}

impl<K> LimitersBuilder<K> {
    pub(super) fn new(factory: Factory<K>) -> Self {
        Self {
            factory,
            capacity: 1024,
            idle_after: Duration::from_secs(10 * 60),
        }
    }

    /// Sets how many keys can have a limiter of their own at a time: default 1024, from 1 to
    /// 1,000,000. A larger value takes more memory when many keys come, and shares the overflow
    /// limiter less.
    #[must_use]
    pub fn capacity(mut self, capacity: usize) -> Self {
        self.capacity = capacity;
        self
    }

    /// Sets for how long a limiter is not looked up before it is forgotten: default 10 min, above
    /// 0. A larger value keeps what was learned of a key that comes seldom.
    ///
    /// No timer runs and no lookup of a known key reads a clock. Newcomers find out, a part of the
    /// set each, so a limiter may stay for longer; never shorter.
    #[must_use]
    pub fn idle_after(mut self, idle_after: Duration) -> Self {
        self.idle_after = idle_after;
        self
    }

    /// Creates the set, without limiters.
    ///
    /// # Panics
    ///
    /// If an option is outside its range; the message names the option and the range.
    #[must_use]
    #[track_caller]
    pub fn build(self) -> Limiters<K> {
        match self.try_build() {
            Ok(limiters) => limiters,
            Err(invalid) => panic!("{invalid}"),
        }
    }

    /// Creates the set, or says which option is outside its range.
    ///
    /// # Errors
    ///
    /// If an option is outside its range.
    pub fn try_build(self) -> Result<Limiters<K>, InvalidOption> {
        if !(1..=LARGEST_CAPACITY).contains(&self.capacity) {
            let range = format!("in 1..={LARGEST_CAPACITY}");
            return Err(InvalidOption::new("capacity", range, self.capacity));
        }
        if self.idle_after.is_zero() {
            let value = format!("{:?}", self.idle_after);
            return Err(InvalidOption::new("idle_after", "above 0", value));
        }
        Ok(Limiters::from_parts(
            self.factory,
            self.capacity,
            self.idle_after,
        ))
    }
}

impl<K> fmt::Debug for LimitersBuilder<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LimitersBuilder")
            .field("capacity", &self.capacity)
            .field("idle_after", &self.idle_after)
            .finish_non_exhaustive()
    }
}

const LARGEST_CAPACITY: usize = 1_000_000;
