use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::Limiter;
use crate::limiter::WeakLimiter;

/// Returns the limiter of a name: of several the youngest.
///
/// While you keep it, it lives, and a set it belongs to does not forget it.
#[must_use]
pub fn get(name: &str) -> Option<Limiter> {
    let listed = lock().listed(name);
    // Outside the lock: a handle that turns out to be the last one ends a limiter, and an algorithm's
    // `Drop` is not ours.
    listed
        .iter()
        .rev()
        .find_map(|entry| entry.limiter.upgrade())
}

/// Returns each name with its limiter, sorted by name.
///
/// While you keep them, they live, and the sets they belong to do not forget them.
#[must_use]
pub fn all() -> Vec<(String, Limiter)> {
    let seen = seen().into_iter();
    seen.filter_map(|entry| Some((entry.name.to_string(), entry.limiter.upgrade()?)))
        .collect()
}

/// Lists a limiter under a name, which need not be its own.
///
/// One may be listed under several names. Under one name it is listed once, and is the youngest of
/// that name from now on.
///
/// # Examples
///
/// ```
/// use tower_adaptive::{Fathom, Limiter, registry};
///
/// let limiter = Limiter::new(Fathom::default());
/// registry::insert("search", &limiter);
/// assert!(registry::get("search").is_some());
/// ```
pub fn insert(name: impl Into<String>, limiter: &Limiter) {
    let entry = Arc::new(Entry {
        name: name.into().into(),
        limiter: limiter.downgrade(),
    });
    lock().insert(entry, limiter);
}

/// A limiter, as it is listed under one name.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) name: Arc<str>,
    pub(crate) limiter: WeakLimiter,
}

/// Returns those that are seen, sorted by name. Some may have gone by now.
pub(crate) fn seen() -> Vec<Arc<Entry>> {
    let mut list = lock();
    list.prune();
    let youngest = list.by_name.values().filter_map(|entries| entries.last());
    youngest.cloned().collect()
}

/// All that are listed. Nothing that is not ours runs while it is locked.
#[derive(Debug)]
struct List {
    /// The youngest last. What is dead is taken out now and then.
    by_name: BTreeMap<Arc<str>, Vec<Arc<Entry>>>,
    len: usize,
    /// At which length the dead are looked for.
    prune_at: usize,
}

impl List {
    fn listed(&self, name: &str) -> Vec<Arc<Entry>> {
        self.by_name.get(name).cloned().unwrap_or_default()
    }

    fn insert(&mut self, entry: Arc<Entry>, limiter: &Limiter) {
        if self.len >= self.prune_at {
            self.prune();
        }
        let entries = self.by_name.entry(entry.name.clone()).or_default();
        let before = entries.len();
        entries.retain(|other| other.limiter.is_alive() && !other.limiter.is(limiter));
        entries.push(entry);
        self.len = self.len - before + entries.len();
    }

    fn prune(&mut self) {
        self.by_name.retain(|_, entries| {
            entries.retain(|entry| entry.limiter.is_alive());
            !entries.is_empty()
        });
        self.len = self.by_name.values().map(Vec::len).sum();
        // So that looking costs each newcomer a constant, on average.
        self.prune_at = LEAST.max(2 * self.len);
    }
}

fn lock() -> MutexGuard<'static, List> {
    LIST.lock().unwrap_or_else(PoisonError::into_inner)
}

static LIST: Mutex<List> = Mutex::new(List {
    by_name: BTreeMap::new(),
    len: 0,
    prune_at: LEAST,
});

/// So few that nobody minds if they are dead.
const LEAST: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Fixed;

    fn entry(name: &str, limiter: &Limiter) -> Arc<Entry> {
        Arc::new(Entry {
            name: name.into(),
            limiter: limiter.downgrade(),
        })
    }

    fn list() -> List {
        List {
            by_name: BTreeMap::new(),
            len: 0,
            prune_at: LEAST,
        }
    }

    #[test]
    fn limiters_that_have_gone_take_no_place_however_many_came() {
        let mut list = list();

        for number in 0..10 * LEAST {
            let limiter = Limiter::new(Fixed::new(1));
            list.insert(entry(&number.to_string(), &limiter), &limiter);
        }

        assert!(list.by_name.len() <= LEAST + 1);
        list.prune();
        assert_eq!((list.by_name.len(), list.len), (0, 0));
    }

    #[test]
    fn one_limiter_is_listed_once_under_a_name() {
        let mut list = list();
        let limiter = Limiter::new(Fixed::new(1));

        list.insert(entry("a", &limiter), &limiter);
        list.insert(entry("a", &limiter), &limiter);

        assert_eq!(list.listed("a").len(), 1);
        assert_eq!(list.len, 1);
    }
}
