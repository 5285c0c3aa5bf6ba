//! What operators do with all limiters of a set.

use std::fmt;

use super::set::Limiters;
use crate::limiter::{Limiter, Snapshot};

impl<K> Limiters<K> {
    /// Returns how many keys have a limiter of their own.
    #[must_use]
    pub fn len(&self) -> usize {
        self.read().len()
    }

    /// Returns whether no key has a limiter of its own.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns how many keys can have a limiter of their own at a time.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.read().capacity()
    }

    /// Returns how many limiters were forgotten: replaced when the set was full, or idle.
    #[must_use]
    pub fn forgotten(&self) -> u64 {
        self.read().forgotten()
    }

    /// Returns how many lookups got the overflow limiter. If it grows, the capacity is too small
    /// for the keys in use.
    #[must_use]
    pub fn overflowed(&self) -> u64 {
        self.read().overflowed()
    }

    /// Returns the overflow limiter, or `None` if it was never needed.
    #[must_use]
    pub fn overflow(&self) -> Option<Limiter> {
        self.read().overflow().cloned()
    }
}

impl<K: Clone> Limiters<K> {
    /// Returns the keys that have a limiter of their own, in no order.
    #[must_use]
    pub fn keys(&self) -> Vec<K> {
        self.read().iter().map(|(key, _)| key.clone()).collect()
    }

    /// Returns each key that has a limiter of its own with that limiter's snapshot, in no order.
    ///
    /// For dashboards. Takes one after the other, so that only one counts as in use at a time; what
    /// comes or goes meanwhile may be missed.
    #[must_use]
    pub fn snapshots(&self) -> Vec<(K, Snapshot)> {
        let entry = |at| {
            let roster = self.read();
            let (key, limiter) = roster.get(at)?;
            Some((key.clone(), limiter.clone()))
        };
        (0..)
            .map_while(entry)
            .map(|(key, limiter)| (key, limiter.snapshot()))
            .collect()
    }
}

impl<K> fmt::Debug for Limiters<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let roster = self.read();
        f.debug_struct("Limiters")
            .field("len", &roster.len())
            .field("capacity", &roster.capacity())
            .field("overflowed", &roster.overflowed())
            .field("forgotten", &roster.forgotten())
            .finish_non_exhaustive()
    }
}
