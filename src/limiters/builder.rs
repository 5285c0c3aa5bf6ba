use std::fmt;
use std::time::Duration;

use super::listed::{Listed, Naming};
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
    naming: Naming<K>,
    most_listed: usize,
}

impl<K> LimitersBuilder<K> {
    pub(super) fn new(factory: Factory<K>) -> Self {
        Self {
            factory,
            capacity: 1024,
            idle_after: Duration::from_secs(10 * 60),
            naming: Naming::new(),
            most_listed: 100,
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

    /// Lists each limiter in the [registry](crate::registry) under the name that the closure makes of
    /// its key: default none, and those are listed that have a name of their own.
    ///
    /// The names become labels of metrics: see [`most_listed`](Self::most_listed). The closure runs
    /// while no lock is held; if it panics, so does the lookup of that newcomer.
    ///
    /// # Examples
    ///
    /// ```
    /// use tower_adaptive::{Fathom, Limiter, Limiters, registry};
    ///
    /// let hosts = Limiters::builder(|_: &String| Limiter::new(Fathom::default()))
    ///     .listed_as(|host| format!("host {host}"))
    ///     .build();
    /// let limiter = hosts.for_key("a.example");
    /// assert!(registry::get("host a.example").is_some());
    /// ```
    #[must_use]
    pub fn listed_as(mut self, name: impl Fn(&K) -> String + Send + Sync + 'static) -> Self {
        self.naming.of_key = Some(Box::new(name));
        self
    }

    /// Sets the name under which the overflow limiter is listed, beside those of keys, if those are:
    /// default `overflow`. Of several sets with one name for it, the youngest one's is seen.
    #[must_use]
    pub fn overflow_listed_as(mut self, name: impl Into<String>) -> Self {
        self.naming.of_overflow = name.into();
        self
    }

    /// Sets how many limiters of the set are listed at once, however they got their names: default
    /// 100, at most 10,000; 0 lists none. A larger value shows more of them, and makes as many series
    /// of each metric.
    ///
    /// The first that come are listed, for as long as they live; a newcomer is, if there are fewer
    /// when it comes. Where keys come and go, so do names, and what stores metrics sees all of them.
    #[must_use]
    pub fn most_listed(mut self, most_listed: usize) -> Self {
        self.most_listed = most_listed;
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
        if self.most_listed > LARGEST_LISTED {
            let range = format!("at most {LARGEST_LISTED}");
            return Err(InvalidOption::new("most_listed", range, self.most_listed));
        }
        let listed = Listed::new(self.naming, self.most_listed);
        Ok(Limiters::from_parts(
            self.factory,
            self.capacity,
            self.idle_after,
            listed,
        ))
    }
}

impl<K> fmt::Debug for LimitersBuilder<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LimitersBuilder")
            .field("capacity", &self.capacity)
            .field("idle_after", &self.idle_after)
            .field("most_listed", &self.most_listed)
            .finish_non_exhaustive()
    }
}

const LARGEST_CAPACITY: usize = 1_000_000;
const LARGEST_LISTED: usize = 10_000;
