/// A hash table in two vectors, for at most so many entries: chains of slots without holes, so that
/// a sweep goes by index. It runs no code of the keys, except for the closure given to
/// [`position`](Self::position).
#[derive(Debug)]
pub(super) struct Table<K, V> {
    /// The first slot of each chain; a power of two of them. Never grows, so no insertion is slow.
    heads: Box<[u32]>,
    slots: Vec<Slot<K, V>>,
}

#[derive(Debug)]
struct Slot<K, V> {
    hash: u64,
    /// The next slot of the same chain.
    next: u32,
    key: K,
    value: V,
}

impl<K, V> Table<K, V> {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            heads: vec![END; capacity.next_power_of_two()].into_boxed_slice(),
            slots: Vec::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn position(&self, hash: u64, is_key: impl Fn(&K) -> bool) -> Option<usize> {
        let mut at = self.heads[self.chain(hash)];
        while let Some(slot) = self.slots.get(at as usize) {
            if slot.hash == hash && is_key(&slot.key) {
                return Some(at as usize);
            }
            at = slot.next;
        }
        None
    }

    pub(super) fn get(&self, at: usize) -> Option<(&K, &V)> {
        self.slots.get(at).map(|slot| (&slot.key, &slot.value))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.slots.iter().map(|slot| (&slot.key, &slot.value))
    }

    pub(super) fn value(&self, at: usize) -> &V {
        &self.slots[at].value
    }

    pub(super) fn value_mut(&mut self, at: usize) -> &mut V {
        &mut self.slots[at].value
    }

    /// Adds a key that is not there.
    pub(super) fn push(&mut self, hash: u64, key: K, value: V) {
        let at = self.slots.len() as u32;
        let next = std::mem::replace(self.head(hash), at);
        self.slots.push(Slot {
            hash,
            next,
            key,
            value,
        });
    }

    /// Puts a key that is not there in the place of another.
    pub(super) fn replace(&mut self, at: usize, hash: u64, key: K, value: V) -> (K, V) {
        self.redirect(at, self.slots[at].next);
        let slot = Slot {
            hash,
            next: std::mem::replace(self.head(hash), at as u32),
            key,
            value,
        };
        let before = std::mem::replace(&mut self.slots[at], slot);
        (before.key, before.value)
    }

    /// Takes an entry out; the last one moves to its place.
    pub(super) fn remove(&mut self, at: usize) -> (K, V) {
        self.redirect(at, self.slots[at].next);
        let last = self.slots.len() - 1;
        if at != last {
            self.redirect(last, at as u32);
        }
        let slot = self.slots.swap_remove(at);
        (slot.key, slot.value)
    }

    /// Lets what leads to a slot lead elsewhere.
    fn redirect(&mut self, at: usize, to: u32) {
        let head = self.head(self.slots[at].hash);
        if *head as usize == at {
            *head = to;
            return;
        }
        let mut before = *head as usize;
        while self.slots[before].next as usize != at {
            before = self.slots[before].next as usize;
        }
        self.slots[before].next = to;
    }

    fn head(&mut self, hash: u64) -> &mut u32 {
        &mut self.heads[self.chain(hash)]
    }

    fn chain(&self, hash: u64) -> usize {
        hash as usize & (self.heads.len() - 1)
    }
}

/// Ends a chain: no slot has this index.
const END: u32 = u32::MAX;

#[cfg(all(test, not(tower_adaptive_loom)))]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Step {
        Push(u8),
        Replace(usize, u8),
        Remove(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            3 => any::<u8>().prop_map(Step::Push),
            1 => (any::<usize>(), any::<u8>()).prop_map(|(at, key)| Step::Replace(at, key)),
            1 => any::<usize>().prop_map(Step::Remove),
        ]
    }

    /// Few hashes, so that chains are long.
    fn hash(key: u8) -> u64 {
        u64::from(key % 8)
    }

    fn find(table: &Table<u8, u32>, key: u8) -> Option<u32> {
        let at = table.position(hash(key), |known| *known == key)?;
        Some(*table.value(at))
    }

    proptest! {
        #[test]
        fn it_holds_what_a_hash_map_holds(steps in prop::collection::vec(step(), 1..100)) {
            let mut table = Table::new(16);
            let mut model = HashMap::new();
            for (value, step) in (0..).zip(steps) {
                match step {
                    Step::Push(key) if !model.contains_key(&key) => {
                        table.push(hash(key), key, value);
                        model.insert(key, value);
                    }
                    Step::Replace(at, key) if !model.is_empty() && !model.contains_key(&key) => {
                        let (gone, old) = table.replace(at % model.len(), hash(key), key, value);
                        prop_assert_eq!(model.remove(&gone), Some(old));
                        model.insert(key, value);
                    }
                    Step::Remove(at) if !model.is_empty() => {
                        let (gone, old) = table.remove(at % model.len());
                        prop_assert_eq!(model.remove(&gone), Some(old));
                    }
                    Step::Push(_) | Step::Replace(..) | Step::Remove(_) => {}
                }
                prop_assert_eq!(table.len(), model.len());
                for key in 0..=u8::MAX {
                    prop_assert_eq!(find(&table, key), model.get(&key).copied());
                }
            }
        }
    }
}
