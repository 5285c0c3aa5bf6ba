use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::Limiter;
use crate::limiter::WeakLimiter;
#[cfg(any(feature = "metrics", feature = "tracing"))]
use crate::observer::Watched;

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
    #[cfg(feature = "metrics")]
    limiter.measure();
    // Outside the lock: how a name is made is not ours.
    let entry = Entry::new(name.into(), limiter);
    let unobserved = {
        let mut list = lock();
        list.insert(entry, limiter);
        list.begin_to_observe()
    };
    if unobserved {
        observe();
    }
}

/// Sees to it that somebody looks at what is listed, if there is anybody who would.
fn observe() {
    #[cfg(any(feature = "metrics", feature = "tracing"))]
    crate::observer::start();
}

/// A limiter, as it is listed under one name.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) name: Arc<str>,
    pub(crate) limiter: WeakLimiter,
    #[cfg(any(feature = "metrics", feature = "tracing"))]
    pub(crate) watched: Watched,
}

impl Entry {
    pub(crate) fn new(name: String, limiter: &Limiter) -> Arc<Self> {
        Arc::new(Self {
            name: name.into(),
            limiter: limiter.downgrade(),
            #[cfg(any(feature = "metrics", feature = "tracing"))]
            watched: Watched::default(),
        })
    }
}

/// Returns those that are seen, sorted by name. Some may have gone by now.
pub(crate) fn seen() -> Vec<Arc<Entry>> {
    let mut list = lock();
    list.prune();
    list.youngest()
}

/// As [`seen`], for the observer; or `None` if there are none. It then ends, and is started again with
/// the next that is listed.
#[cfg(any(feature = "metrics", feature = "tracing"))]
pub(crate) fn to_observe() -> Option<Vec<Arc<Entry>>> {
    let mut list = lock();
    list.prune();
    list.observed = list.len > 0;
    list.observed.then(|| list.youngest())
}

/// Notes that there is no observer.
#[cfg(any(feature = "metrics", feature = "tracing"))]
pub(crate) fn not_observed() {
    lock().observed = false;
}

/// All that are listed. Nothing that is not ours runs while it is locked.
#[derive(Debug)]
struct List {
    /// The youngest last. What is dead is taken out now and then.
    by_name: BTreeMap<Arc<str>, Vec<Arc<Entry>>>,
    len: usize,
    /// At which length the dead are looked for.
    prune_at: usize,
    /// Whether the observer runs, or was asked to.
    observed: bool,
}

impl List {
    fn listed(&self, name: &str) -> Vec<Arc<Entry>> {
        self.by_name.get(name).cloned().unwrap_or_default()
    }

    fn youngest(&self) -> Vec<Arc<Entry>> {
        let youngest = self.by_name.values().filter_map(|entries| entries.last());
        youngest.cloned().collect()
    }

    /// Returns whether an observer is to be started.
    fn begin_to_observe(&mut self) -> bool {
        !std::mem::replace(&mut self.observed, true)
    }

    fn insert(&mut self, entry: Arc<Entry>, limiter: &Limiter) {
        if self.len >= self.prune_at {
            self.prune();
        }
        let entries = self.by_name.entry(entry.name.clone()).or_default();
        let before = entries.len();
        // One that was there keeps what was told of it.
        let known = entries.iter().find(|other| other.limiter.is(limiter));
        let entry = known.cloned().unwrap_or(entry);
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
    observed: false,
});

/// So few that nobody minds if they are dead.
const LEAST: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Fixed;

    fn entry(name: &str, limiter: &Limiter) -> Arc<Entry> {
        Entry::new(name.to_owned(), limiter)
    }

    fn list() -> List {
        List {
            by_name: BTreeMap::new(),
            len: 0,
            prune_at: LEAST,
            observed: false,
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
