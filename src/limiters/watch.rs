//! What operators and layers do with all limiters of a set.

use std::fmt;

use super::roster::Setting;
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

    /// Calls the closure, which may be slow, with each limiter there is now, that for overflow
    /// included.
    ///
    /// All of them count as in use for that long, so this is for changes, not for dashboards.
    pub(crate) fn for_each(&self, f: impl FnMut(&Limiter)) {
        let limiters: Vec<_> = {
            let roster = self.read();
            let own = roster.iter().map(|(_, limiter)| limiter);
            own.chain(roster.overflow()).cloned().collect()
        };
        limiters.iter().for_each(f);
    }

    /// Applies a setting to each limiter there is, and to each that will be made before anybody
    /// can look it up. It may be applied to the same limiter twice; a later setting comes later.
    pub(crate) fn configure(&self, setting: Setting) {
        self.write().add_setting(setting.clone());
        self.for_each(|limiter| setting(limiter));
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

#[cfg(all(test, not(tower_adaptive_loom)))]
mod tests {
    use std::sync::{Arc, OnceLock};

    use super::*;
    use crate::Fixed;

    fn fixed() -> Limiters<u32> {
        Limiters::builder(|_: &u32| Limiter::new(Fixed::new(1)))
            .capacity(2)
            .build()
    }

    fn bounded(largest: usize) -> Setting {
        Arc::new(move |limiter| limiter.set_bounds(1..=largest).unwrap())
    }

    fn largest(limiter: &Limiter) -> usize {
        limiter.snapshot().bounds.max()
    }

    #[test]
    fn a_setting_reaches_limiters_that_exist_and_those_made_later() {
        let limiters = fixed();
        let before = limiters.for_key(&1);

        limiters.configure(bounded(7));

        assert_eq!(largest(&before), 7);
        assert_eq!(largest(&limiters.for_key(&2)), 7);
    }

    #[test]
    fn a_setting_reaches_the_overflow_limiter() {
        let limiters = fixed();
        let _busy = [limiters.for_key(&1), limiters.for_key(&2)];
        let before = limiters.for_key(&3);
        assert_eq!(limiters.overflowed(), 1);

        limiters.configure(bounded(7));

        assert_eq!(largest(&before), 7);
    }

    #[test]
    fn a_later_setting_wins() {
        let limiters = fixed();

        limiters.configure(bounded(7));
        limiters.configure(bounded(9));

        assert_eq!(largest(&limiters.for_key(&1)), 9);
    }

    #[test]
    fn a_setting_added_while_a_limiter_is_made_reaches_it() {
        let handle = Arc::new(OnceLock::<Limiters<u32>>::new());
        let limiters = Limiters::new({
            let handle = handle.clone();
            move |_: &u32| {
                handle.get().unwrap().configure(bounded(7));
                Limiter::new(Fixed::new(1))
            }
        });
        handle.set(limiters.clone()).unwrap();

        assert_eq!(largest(&limiters.for_key(&1)), 7);
    }

    #[test]
    fn each_limiter_is_visited_once() {
        let limiters = fixed();
        let _busy = [limiters.for_key(&1), limiters.for_key(&2)];
        let _overflow = limiters.for_key(&3);

        let mut visits = 0;
        limiters.for_each(|_| visits += 1);

        assert_eq!(visits, 3);
    }
}
