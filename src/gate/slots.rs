use std::task::Waker;

use tokio::time::Instant;

use super::shares::PartitionId;
use crate::Reason;
use crate::admission::Priority;

/// The slots of everybody who could not be admitted at once.
///
/// They live in one vector and are chained by index into [`List`]s. Every operation is O(1) (an
/// insertion amortized), and once the vector has grown no waiter allocates.
#[derive(Debug)]
pub(super) struct Slots {
    slots: Vec<Slot>,
    /// The first of the vacant slots, chained by `next`.
    vacant: Index,
    occupied: usize,
}

/// A waiter's slot. Its owner holds the only copy until it is freed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Key(pub(super) Index);

pub(super) type Index = u32;
pub(super) const NONE: Index = Index::MAX;

/// Empty slots beyond this many are given back once nobody waits.
const KEPT_SLOTS: usize = 1024;

#[derive(Debug)]
pub(super) struct Slot {
    pub(super) state: State,
    pub(super) waker: Option<Waker>,
    pub(super) kind: Kind,
    pub(super) partition: PartitionId,
    /// Whether its grant counts as one of its partition's.
    pub(super) counted: bool,
    /// One more with each newcomer.
    pub(super) number: u64,
    prev: Index,
    next: Index,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Vacant,
    /// In a list of those who wait.
    Queued,
    /// In the list of grants, since then.
    Granted(Instant),
    /// In none: it left its grant unclaimed for too long and has not been heard of since.
    Lapsed,
    /// In none: a request that was turned away, and does not know it yet.
    Refused(Reason),
    /// In none: a ghost that was granted a permit.
    Claimed,
}

/// Who waits in a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A caller that waits as long as it must, first come first served.
    Patient,
    /// A request in the queue of an admission.
    Request(Request),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) priority: Priority,
    pub(super) arrived: Instant,
    pub(super) until: Instant,
    /// It is in flight already, and waits only on paper.
    pub(super) ghost: bool,
}

impl Slots {
    pub(super) fn new() -> Self {
        Self {
            slots: Vec::new(),
            vacant: NONE,
            occupied: 0,
        }
    }

    pub(super) fn insert(&mut self, kind: Kind, partition: PartitionId, number: u64) -> Index {
        let slot = Slot {
            state: State::Queued,
            waker: None,
            kind,
            partition,
            counted: false,
            number,
            prev: NONE,
            next: NONE,
        };
        self.occupied += 1;
        if self.vacant == NONE {
            self.slots.push(slot);
            return Index::try_from(self.slots.len() - 1).expect("fewer than 2^32 waiters");
        }
        let index = self.vacant;
        self.vacant = self.slots[index as usize].next;
        self.slots[index as usize] = slot;
        index
    }

    /// Frees a slot, which is in no list.
    pub(super) fn free(&mut self, index: Index) {
        self.slots[index as usize].state = State::Vacant;
        self.slots[index as usize].next = self.vacant;
        self.vacant = index;
        self.occupied -= 1;
        if self.occupied == 0 && self.slots.capacity() > KEPT_SLOTS {
            *self = Self::new();
        }
    }

    pub(super) fn at(&self, index: Index) -> &Slot {
        &self.slots[index as usize]
    }

    pub(super) fn at_mut(&mut self, index: Index) -> &mut Slot {
        &mut self.slots[index as usize]
    }
}

/// Slots in an order.
#[derive(Debug)]
pub(super) struct List {
    head: Index,
    tail: Index,
    len: usize,
}

impl List {
    pub(super) const fn new() -> Self {
        Self {
            head: NONE,
            tail: NONE,
            len: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn front(&self) -> Option<Index> {
        (self.len > 0).then_some(self.head)
    }

    pub(super) fn back(&self) -> Option<Index> {
        (self.len > 0).then_some(self.tail)
    }

    pub(super) fn push_back(&mut self, slots: &mut Slots, index: Index) {
        slots.at_mut(index).prev = self.tail;
        slots.at_mut(index).next = NONE;
        match self.back() {
            Some(tail) => slots.at_mut(tail).next = index,
            None => self.head = index,
        }
        self.tail = index;
        self.len += 1;
    }

    pub(super) fn push_front(&mut self, slots: &mut Slots, index: Index) {
        slots.at_mut(index).prev = NONE;
        slots.at_mut(index).next = self.head;
        match self.front() {
            Some(head) => slots.at_mut(head).prev = index,
            None => self.tail = index,
        }
        self.head = index;
        self.len += 1;
    }

    pub(super) fn remove(&mut self, slots: &mut Slots, index: Index) {
        let (prev, next) = (slots.at(index).prev, slots.at(index).next);
        if prev == NONE {
            self.head = next;
        } else {
            slots.at_mut(prev).next = next;
        }
        if next == NONE {
            self.tail = prev;
        } else {
            slots.at_mut(next).prev = prev;
        }
        self.len -= 1;
    }

    /// Those in the list, from its front.
    pub(super) fn iter<'a>(&self, slots: &'a Slots) -> impl Iterator<Item = Index> + use<'a> {
        std::iter::successors(self.front(), |index| {
            let next = slots.at(*index).next;
            (next != NONE).then_some(next)
        })
    }
}

#[cfg(all(test, not(tower_adaptive_loom)))]
mod tests {
    use super::*;

    fn list_of(len: usize) -> (Slots, List, Vec<Index>) {
        let mut slots = Slots::new();
        let mut list = List::new();
        let indexes: Vec<_> = (0..len as u64)
            .map(|number| slots.insert(Kind::Patient, PartitionId::REST, number))
            .collect();
        for &index in &indexes {
            list.push_back(&mut slots, index);
        }
        (slots, list, indexes)
    }

    /// A list as it reads from either end.
    fn chain(slots: &Slots, list: &List) -> Vec<Index> {
        let forward: Vec<_> = list.iter(slots).collect();
        let mut backward = Vec::new();
        let mut index = list.tail;
        while let Some(slot) = slots.slots.get(index as usize) {
            backward.push(index);
            index = slot.prev;
        }
        backward.reverse();
        assert_eq!(forward, backward);
        assert_eq!(forward.len(), list.len());
        assert_eq!(list.front(), forward.first().copied());
        assert_eq!(list.back(), forward.last().copied());
        forward
    }

    #[test]
    fn a_list_keeps_the_order_of_arrival() {
        let (slots, list, _) = list_of(4);

        assert_eq!(chain(&slots, &list), [0, 1, 2, 3]);
    }

    #[test]
    fn whoever_is_removed_leaves_the_others_in_their_order() {
        for (removed, left) in [(0, [1, 2]), (1, [0, 2]), (2, [0, 1])] {
            let (mut slots, mut list, indexes) = list_of(3);

            list.remove(&mut slots, indexes[removed]);

            assert_eq!(chain(&slots, &list), left);
        }
    }

    #[test]
    fn whoever_moves_to_the_front_leaves_the_others_in_their_order() {
        for (moved, order) in [(0, [0, 1, 2]), (1, [1, 0, 2]), (2, [2, 0, 1])] {
            let (mut slots, mut list, indexes) = list_of(3);

            list.remove(&mut slots, indexes[moved]);
            list.push_front(&mut slots, indexes[moved]);

            assert_eq!(chain(&slots, &list), order);
        }
    }

    #[test]
    fn the_only_one_may_move_and_leave() {
        let (mut slots, mut list, _) = list_of(1);
        list.remove(&mut slots, 0);
        assert!(chain(&slots, &list).is_empty());

        list.push_front(&mut slots, 0);

        assert_eq!(chain(&slots, &list), [0]);
    }

    #[test]
    fn slots_are_used_again_and_start_clean() {
        let (mut slots, mut list, indexes) = list_of(3);
        slots.at_mut(1).waker = Some(Waker::noop().clone());
        slots.at_mut(1).counted = true;
        for index in &indexes[..2] {
            list.remove(&mut slots, *index);
            slots.free(*index);
        }

        let again = [3, 4].map(|number| slots.insert(Kind::Patient, PartitionId::REST, number));

        assert_eq!(again, [1, 0], "last freed, first used");
        assert!(slots.at(1).waker.is_none() && !slots.at(1).counted);
        assert_eq!(slots.slots.len(), 3);
    }

    #[test]
    fn a_crowd_gives_its_memory_back_when_the_last_of_it_leaves() {
        let (mut slots, _, mut indexes) = list_of(KEPT_SLOTS + 1);
        let last = indexes.pop().unwrap();
        for index in indexes {
            slots.free(index);
        }
        assert!(slots.slots.capacity() > KEPT_SLOTS, "one is still there");

        slots.free(last);

        assert_eq!(slots.slots.capacity(), 0);
        assert_eq!(slots.insert(Kind::Patient, PartitionId::REST, 0), 0);
    }

    #[test]
    fn a_few_keep_their_memory() {
        let (mut slots, _, indexes) = list_of(10);
        for index in indexes {
            slots.free(index);
        }

        assert_eq!(slots.slots.len(), 10);
        slots.insert(Kind::Patient, PartitionId::REST, 0);
        assert_eq!(slots.slots.len(), 10);
    }
}
