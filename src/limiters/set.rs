use std::borrow::Borrow;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hash};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use tokio::time::Instant;

use super::builder::LimitersBuilder;
use super::listed::Listed;
use super::roster::{Gone, Newcomer, Roster};
use crate::limiter::Limiter;

/// Makes, holds and forgets limiters by key: a route, a host, a tenant, a latency class.
///
/// One limiter serves one latency class, so work that differs wants a limiter for each kind. Where
/// the kinds are not known beforehand, this makes a limiter for each when it first comes. Clones
/// are handles on the same set, and cheap.
///
/// Keys may come from strangers: there are never more limiters than the
/// [`capacity`](LimitersBuilder::capacity), the hash is randomly seeded, and for a newcomer at
/// most 128 limiters are looked at to find one to replace, and 64 to find idle ones.
///
/// # What is forgotten
///
/// A limiter that is in use never is: while somebody has a clone of it, a service made from it, a
/// [`Permit`](crate::Permit), or waits for one. Among the others:
///
/// - When the set is full, a newcomer takes the place of one that was not looked up lately. That is
///   the second-chance rule (CLOCK), which approximates least recently used: a hand goes round,
///   passes over those that were looked up since it last came by, and takes the first that was
///   not. So a lookup of a known key writes at most one flag, and needs no list to be reordered.
/// - What was not looked up for [`idle_after`](LimitersBuilder::idle_after) goes when somebody new
///   comes.
///
/// If a newcomer to a full set finds none to replace, it gets the *overflow limiter*, one for all
/// of them: made for the first that needs it, and kept as long as the set. It is asked for at each
/// lookup anew, so a key has a limiter of its own as soon as there is room. What it then has in
/// flight under the overflow limiter stays there.
///
/// # The caller's code
///
/// The factory, and a key's `Hash` and `Drop`, run while no lock is held. The factory may use the
/// set, though not for the key that it was called with. `Eq` and `Clone` of a key run under the
/// lock and must not use the set. If one of them panics, the caller of the method panics, and the
/// set is as it was.
///
/// # Examples
///
/// ```
/// use tower_adaptive::{Fathom, Limiter, Limiters};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let hosts = Limiters::new(|host: &String| {
///     Limiter::builder(Fathom::default()).name(host).build()
/// });
///
/// let answer = hosts.for_key("a.example").run(async { Ok::<_, std::io::Error>(42) }).await?;
/// assert_eq!(answer, 42);
///
/// assert_eq!(hosts.for_key("a.example").snapshot().success, 1);
/// assert_eq!(hosts.for_key("b.example").snapshot().success, 0);
/// # Ok(())
/// # }
/// ```
pub struct Limiters<K> {
    shared: Arc<Shared<K>>,
}

pub(super) type Factory<K> = Box<dyn Fn(&K) -> Limiter + Send + Sync>;

struct Shared<K> {
    factory: Factory<K>,
    /// Randomly seeded, so that nobody can choose keys that collide.
    hasher: RandomState,
    roster: RwLock<Roster<K>>,
    listed: Listed<K>,
}

impl<K> Limiters<K> {
    /// Creates a set without limiters, with every option at its default.
    ///
    /// The factory makes a limiter for a key; use [`Limiter::builder`] in it to name it. It should
    /// make a new one each time and keep no handle, since that counts as use. Two threads that
    /// come with the same new key may both call it; one of the two limiters is dropped.
    #[must_use]
    pub fn new(factory: impl Fn(&K) -> Limiter + Send + Sync + 'static) -> Self {
        Self::builder(factory).build()
    }

    /// Starts a builder with every option at its default.
    #[must_use]
    pub fn builder(factory: impl Fn(&K) -> Limiter + Send + Sync + 'static) -> LimitersBuilder<K> {
        LimitersBuilder::new(Box::new(factory))
    }

    pub(super) fn from_parts(
        factory: Factory<K>,
        capacity: usize,
        idle_after: Duration,
        listed: Listed<K>,
    ) -> Self {
        Self {
            shared: Arc::new(Shared {
                factory,
                hasher: RandomState::new(),
                roster: RwLock::new(Roster::new(capacity, idle_after)),
                listed,
            }),
        }
    }

    pub(super) fn read(&self) -> RwLockReadGuard<'_, Roster<K>> {
        let roster = self.shared.roster.read();
        // Poisoned by a key's `Eq`, which runs before anything changes.
        roster.unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn write(&self) -> RwLockWriteGuard<'_, Roster<K>> {
        let roster = self.shared.roster.write();
        // As above.
        roster.unwrap_or_else(PoisonError::into_inner)
    }

    fn hash<Q: Hash + ?Sized>(&self, key: &Q) -> u64 {
        self.shared.hasher.hash_one(key)
    }
}

impl<K: Hash + Eq> Limiters<K> {
    /// Returns the limiter of a key, and makes it if there is none.
    ///
    /// If there is one, nothing is allocated. Keys whose borrowed form cannot be made owned, such
    /// as `Arc<str>`, have [`for_owned`](Self::for_owned).
    ///
    /// # Panics
    ///
    /// If the factory does.
    ///
    /// # Examples
    ///
    /// ```
    /// use tower_adaptive::{Aimd, Limiter, Limiters};
    ///
    /// let routes = Limiters::<String>::new(|_| Limiter::new(Aimd::default()));
    /// let permit = routes.for_key("/search").try_acquire();
    /// assert_eq!(routes.for_key("/search").in_flight(), 1);
    /// assert_eq!(routes.for_key("/health").in_flight(), 0);
    /// # drop(permit);
    /// ```
    #[must_use]
    pub fn for_key<Q>(&self, key: &Q) -> Limiter
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    {
        let hash = self.hash(key);
        self.find(hash, key)
            .unwrap_or_else(|| self.meet(hash, key.to_owned()))
    }

    /// As [`for_key`](Self::for_key), for a key that the caller can give away.
    ///
    /// # Panics
    ///
    /// If the factory does.
    #[must_use]
    pub fn for_owned(&self, key: K) -> Limiter {
        let hash = self.hash(&key);
        self.find(hash, &key)
            .unwrap_or_else(|| self.meet(hash, key))
    }

    /// Returns the limiter of a key if it has one of its own. Counts as a lookup.
    #[must_use]
    pub fn get<Q>(&self, key: &Q) -> Option<Limiter>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.find(self.hash(key), key)
    }

    /// Forgets the limiter of a key, also if it is in use, and returns it.
    ///
    /// Those that use it keep it. The next lookup makes a new one, and until the old one is out of
    /// use the key has two limits.
    pub fn remove<Q>(&self, key: &Q) -> Option<Limiter>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let hash = self.hash(key);
        let removed = self.write().remove(hash, |known| known.borrow() == key);
        removed.map(|(_, limiter)| limiter)
    }

    fn find<Q>(&self, hash: u64, key: &Q) -> Option<Limiter>
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        self.read().find(hash, |known| known.borrow() == key)
    }

    /// Returns the limiter for a key that was not there a moment ago.
    fn meet(&self, hash: u64, key: K) -> Limiter {
        let settled = {
            let mut roster = self.write();
            let known = roster.find(hash, |known| *known == key);
            known.or_else(|| roster.turn_away())
        };
        if let Some(limiter) = settled {
            return limiter;
        }
        let settings = self.read().settings();
        let listed = &self.shared.listed;
        let (made, name) = listed.make(&self.shared.factory, &key);
        settings.iter().for_each(|setting| setting(&made));
        let now = Instant::now();
        let mut gone = Gone::new();
        let newcomer = made.clone();
        let (limiter, settings_now, overflow) = {
            // Dropped before everything above, also if `Eq` panics.
            let mut roster = self.write();
            let limiter = match roster.find(hash, |known| *known == key) {
                Some(limiter) => limiter,
                None => {
                    let newcomer = Newcomer {
                        hash,
                        key,
                        limiter: made,
                        now,
                    };
                    roster.admit(newcomer, &mut gone)
                }
            };
            let overflow = roster
                .overflow()
                .is_some_and(|other| other.is_same(&limiter));
            (limiter, roster.settings(), overflow)
        };
        gone.clear();
        if limiter.is_same(&newcomer) {
            listed.list(name, &limiter, overflow);
        }
        drop(newcomer);
        if !Arc::ptr_eq(&settings, &settings_now) {
            // One was added meanwhile, and found no such limiter.
            settings_now.iter().for_each(|setting| setting(&limiter));
        }
        limiter
    }
}

impl<K> Clone for Limiters<K> {
    fn clone(&self) -> Self {
        Self {
            shared: self.shared.clone(),
        }
    }
}
