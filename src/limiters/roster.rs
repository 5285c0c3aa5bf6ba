use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::table::Table;
use crate::contain::contain;
use crate::limiter::Limiter;

/// What a layer applies to all limiters of a set.
pub(crate) type Setting = Arc<dyn Fn(&Limiter) + Send + Sync>;

/// Who is known, and who has to go.
pub(super) struct Roster<K> {
    table: Table<K, Entry>,
    capacity: usize,
    idle_after: Duration,
    /// Where the search for one that can go, if it must, is to be continued.
    hand: usize,
    /// Where the search for those that nobody has looked up for long is to be continued.
    idle_hand: usize,
    overflow: Option<Limiter>,
    overflowed: u64,
    forgotten: u64,
    settings: Arc<Vec<Setting>>,
}

struct Entry {
    limiter: Limiter,
    /// One flag for each hand: looked up since it passed.
    used: AtomicU8,
    /// When it was last looked up, or later.
    seen: Instant,
}

/// A key that was not known, and the limiter made for it.
pub(super) struct Newcomer<K> {
    pub(super) hash: u64,
    pub(super) key: K,
    pub(super) limiter: Limiter,
    pub(super) now: Instant,
}

/// What has left, to be dropped when the lock is free: the code that runs then is not ours.
pub(super) struct Gone<K> {
    keys: Vec<K>,
    limiters: Vec<Limiter>,
}

impl<K> Roster<K> {
    pub(super) fn new(capacity: usize, idle_after: Duration) -> Self {
        Self {
            table: Table::new(capacity),
            capacity,
            idle_after,
            hand: 0,
            idle_hand: 0,
            overflow: None,
            overflowed: 0,
            forgotten: 0,
            settings: Arc::default(),
        }
    }

    /// Finds a limiter that is known, and marks it as used.
    pub(super) fn find(&self, hash: u64, is_key: impl Fn(&K) -> bool) -> Option<Limiter> {
        let entry = self.table.value(self.table.position(hash, is_key)?);
        // Relaxed, both: the hands read it under the write lock. Loads first, so that limiters in
        // steady use are not written to.
        if entry.used.load(Ordering::Relaxed) != USED {
            entry.used.store(USED, Ordering::Relaxed);
        }
        Some(entry.limiter.clone())
    }

    /// Returns the overflow limiter if there is one and no room, so that none need be made.
    pub(super) fn turn_away(&mut self) -> Option<Limiter> {
        if self.overflow.is_none() || self.has_room() || self.victim().is_some() {
            return None;
        }
        self.overflowed += 1;
        self.overflow.clone()
    }

    /// Takes in one that is not known, if there is room or can be; otherwise its limiter is the
    /// overflow limiter, if there was none. Returns the limiter to be used.
    pub(super) fn admit(&mut self, newcomer: Newcomer<K>, gone: &mut Gone<K>) -> Limiter {
        let Newcomer {
            hash,
            key,
            limiter,
            now,
        } = newcomer;
        self.forget_idle(now, gone);
        let entry = Entry {
            limiter: limiter.clone(),
            // Unused, so that keys which come once go before those that come again.
            used: AtomicU8::new(0),
            seen: now,
        };
        if self.has_room() {
            self.table.push(hash, key, entry);
            return limiter;
        }
        if let Some(victim) = self.victim() {
            gone.push(self.table.replace(victim, hash, key, entry));
            self.forgotten += 1;
            // The new one comes last.
            self.hand = victim + 1;
            return limiter;
        }
        self.overflowed += 1;
        // With a handle on the limiter: if it is not wanted below, that does not end it here.
        gone.push((key, entry));
        self.overflow.get_or_insert(limiter).clone()
    }

    pub(super) fn remove(
        &mut self,
        hash: u64,
        is_key: impl Fn(&K) -> bool,
    ) -> Option<(K, Limiter)> {
        let at = self.table.position(hash, is_key)?;
        let (key, entry) = self.table.remove(at);
        Some((key, entry.limiter))
    }

    /// Looks for one that was not looked up since the hand passed and that nobody uses, and leaves
    /// the hand there. Those that were looked up have their second chance.
    fn victim(&mut self) -> Option<usize> {
        for _ in 0..STEPS {
            if self.hand >= self.table.len() {
                self.hand = 0;
            }
            let entry = self.table.value_mut(self.hand);
            if !entry.take_used(SINCE_HAND) && entry.limiter.is_unshared() {
                return Some(self.hand);
            }
            self.hand += 1;
        }
        None
    }

    fn forget_idle(&mut self, now: Instant, gone: &mut Gone<K>) {
        for _ in 0..STEPS.min(self.table.len()) {
            if self.idle_hand >= self.table.len() {
                self.idle_hand = 0;
            }
            let entry = self.table.value_mut(self.idle_hand);
            if entry.take_used(SINCE_IDLE_HAND) {
                entry.seen = now;
            } else if now.saturating_duration_since(entry.seen) >= self.idle_after {
                if entry.limiter.is_unshared() {
                    gone.push(self.table.remove(self.idle_hand));
                    self.forgotten += 1;
                    // Another one is in its place now.
                    continue;
                }
                entry.seen = now;
            }
            self.idle_hand += 1;
        }
    }

    fn has_room(&self) -> bool {
        self.table.len() < self.capacity
    }

    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    pub(super) fn capacity(&self) -> usize {
        self.capacity
    }

    pub(super) fn forgotten(&self) -> u64 {
        self.forgotten
    }

    pub(super) fn overflowed(&self) -> u64 {
        self.overflowed
    }

    pub(super) fn overflow(&self) -> Option<&Limiter> {
        self.overflow.as_ref()
    }

    pub(super) fn get(&self, at: usize) -> Option<(&K, &Limiter)> {
        let (key, entry) = self.table.get(at)?;
        Some((key, &entry.limiter))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&K, &Limiter)> {
        self.table.iter().map(|(key, entry)| (key, &entry.limiter))
    }

    pub(super) fn settings(&self) -> Arc<Vec<Setting>> {
        self.settings.clone()
    }

    pub(super) fn add_setting(&mut self, setting: Setting) {
        Arc::make_mut(&mut self.settings).push(setting);
    }
}

impl Entry {
    fn take_used(&mut self, flag: u8) -> bool {
        let used = self.used.get_mut();
        let was = *used & flag != 0;
        *used &= !flag;
        was
    }
}

impl<K> Gone<K> {
    pub(super) fn new() -> Self {
        Self {
            keys: Vec::new(),
            limiters: Vec::new(),
        }
    }

    fn push(&mut self, (key, entry): (K, Entry)) {
        self.keys.push(key);
        self.limiters.push(entry.limiter);
    }

    /// Contained: whoever made room is not to blame for what had to go.
    pub(super) fn clear(self) {
        for key in self.keys {
            contain(|| drop(key));
        }
        for limiter in self.limiters {
            contain(|| drop(limiter));
        }
    }
}

/// How far each hand moves for one newcomer at most.
const STEPS: usize = 64;

const SINCE_HAND: u8 = 1;
const SINCE_IDLE_HAND: u8 = 2;
const USED: u8 = SINCE_HAND | SINCE_IDLE_HAND;
