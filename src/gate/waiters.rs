use std::task::Waker;
use std::time::Duration;

use tokio::time::Instant;

/// Everybody who could not be admitted at once: what lies under the gate's lock.
///
/// Slots live in one vector and are chained by index into two lists, the queue and the grants
/// that were not taken up yet. Every operation is O(1) (a push amortized), and once the vector has
/// grown no waiter allocates. No code of a caller runs in here: wakers come in and go out by value.
#[derive(Debug)]
pub(super) struct Waiters {
    slots: Vec<Slot>,
    /// The first of the vacant slots, chained by `next`.
    vacant: Index,
    occupied: usize,
    queue: List,
    granted: List,
    /// Whether somebody sees to it that grants expire.
    pub(super) timer: Timer,
}

/// A waiter's slot. Its owner holds the only copy until it is freed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Key(Index);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Timer {
    Off,
    /// Somebody is to call `expire` at that time.
    Running {
        due: Instant,
    },
}

/// What a waiter left behind: the caller drops the waker outside the lock.
pub(super) struct Left {
    pub(super) had_grant: bool,
    pub(super) waker: Option<Waker>,
}

type Index = u32;
const NONE: Index = Index::MAX;

/// Empty slots beyond this many are given back once nobody waits.
const KEPT_SLOTS: usize = 1024;

#[derive(Debug)]
struct Slot {
    state: State,
    waker: Option<Waker>,
    prev: Index,
    next: Index,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Vacant,
    /// In `queue`.
    Queued,
    /// In `granted`, since then.
    Granted(Instant),
    /// In neither: it left its grant unclaimed for too long and has not been heard of since.
    Lapsed,
}

#[derive(Debug)]
struct List {
    head: Index,
    tail: Index,
    len: usize,
}

impl Waiters {
    pub(super) fn new() -> Self {
        Self {
            slots: Vec::new(),
            vacant: NONE,
            occupied: 0,
            queue: List::new(),
            granted: List::new(),
            timer: Timer::Off,
        }
    }

    pub(super) fn queued(&self) -> usize {
        self.queue.len
    }

    pub(super) fn has_grants(&self) -> bool {
        self.granted.len > 0
    }

    pub(super) fn is_idle(&self) -> bool {
        self.queue.len == 0 && self.granted.len == 0
    }

    /// Queues a newcomer behind everybody.
    pub(super) fn push(&mut self) -> Key {
        let slot = Slot {
            state: State::Queued,
            waker: None,
            prev: NONE,
            next: NONE,
        };
        let index = if self.vacant == NONE {
            self.slots.push(slot);
            Index::try_from(self.slots.len() - 1).expect("fewer than 2^32 waiters")
        } else {
            let index = self.vacant;
            self.vacant = self.slots[index as usize].next;
            self.slots[index as usize] = slot;
            index
        };
        self.occupied += 1;
        self.queue.push_back(&mut self.slots, index);
        Key(index)
    }

    /// Puts a waiter in front of the queue, wherever it was.
    pub(super) fn move_to_front(&mut self, key: &Key) {
        let index = key.0;
        match self.slots[index as usize].state {
            State::Queued => self.queue.remove(&mut self.slots, index),
            State::Granted(_) | State::Vacant => return,
            State::Lapsed => {}
        }
        self.slots[index as usize].state = State::Queued;
        self.queue.push_front(&mut self.slots, index);
    }

    pub(super) fn is_lapsed(&self, key: &Key) -> bool {
        self.slots[key.0 as usize].state == State::Lapsed
    }

    /// Grants a permit to the oldest in the queue and returns its waker, if it left one.
    pub(super) fn grant_oldest(&mut self, now: Instant) -> Option<Waker> {
        let index = self.queue.head;
        if index == NONE {
            return None;
        }
        self.queue.remove(&mut self.slots, index);
        self.granted.push_back(&mut self.slots, index);
        let slot = &mut self.slots[index as usize];
        slot.state = State::Granted(now);
        slot.waker.take()
    }

    /// Takes back the oldest grant if nobody claimed it for `lifetime`; its holder lapses.
    pub(super) fn lapse_oldest(&mut self, now: Instant, lifetime: Duration) -> bool {
        match self.oldest_grant() {
            Some(at) if now.saturating_duration_since(at) >= lifetime => {
                let index = self.granted.head;
                self.granted.remove(&mut self.slots, index);
                self.slots[index as usize].state = State::Lapsed;
                true
            }
            _ => false,
        }
    }

    /// When the oldest grant that is still unclaimed was made.
    pub(super) fn oldest_grant(&self) -> Option<Instant> {
        let slot = self.slots.get(self.granted.head as usize)?;
        match slot.state {
            State::Granted(at) => Some(at),
            _ => None,
        }
    }

    pub(super) fn is_granted(&self, key: &Key) -> bool {
        matches!(self.slots[key.0 as usize].state, State::Granted(_))
    }

    /// Frees the slot, wherever it is chained.
    pub(super) fn remove(&mut self, key: Key) -> Left {
        let index = key.0;
        let state = self.slots[index as usize].state;
        match state {
            State::Queued => self.queue.remove(&mut self.slots, index),
            State::Granted(_) => self.granted.remove(&mut self.slots, index),
            State::Lapsed | State::Vacant => {}
        }
        let slot = &mut self.slots[index as usize];
        slot.state = State::Vacant;
        slot.next = self.vacant;
        let waker = slot.waker.take();
        self.vacant = index;
        self.occupied -= 1;
        if self.occupied == 0 && self.slots.capacity() > KEPT_SLOTS {
            self.slots = Vec::new();
            self.vacant = NONE;
        }
        Left {
            had_grant: matches!(state, State::Granted(_)),
            waker,
        }
    }

    pub(super) fn has_waker(&self, key: &Key, waker: &Waker) -> bool {
        let stored = &self.slots[key.0 as usize].waker;
        stored
            .as_ref()
            .is_some_and(|stored| stored.will_wake(waker))
    }

    /// Takes the wakers of the queue, in its order. Who is polled then leaves another.
    pub(super) fn take_wakers(&mut self) -> Vec<Waker> {
        let mut wakers = Vec::with_capacity(self.queue.len);
        let mut index = self.queue.head;
        while let Some(slot) = self.slots.get_mut(index as usize) {
            wakers.extend(slot.waker.take());
            index = slot.next;
        }
        wakers
    }

    /// Leaves a waker and returns the one it replaces.
    pub(super) fn set_waker(&mut self, key: &Key, waker: Waker) -> Option<Waker> {
        self.slots[key.0 as usize].waker.replace(waker)
    }
}

impl List {
    fn new() -> Self {
        Self {
            head: NONE,
            tail: NONE,
            len: 0,
        }
    }

    fn push_back(&mut self, slots: &mut [Slot], index: Index) {
        slots[index as usize].prev = self.tail;
        slots[index as usize].next = NONE;
        match slots.get_mut(self.tail as usize) {
            Some(tail) => tail.next = index,
            None => self.head = index,
        }
        self.tail = index;
        self.len += 1;
    }

    fn push_front(&mut self, slots: &mut [Slot], index: Index) {
        slots[index as usize].prev = NONE;
        slots[index as usize].next = self.head;
        match slots.get_mut(self.head as usize) {
            Some(head) => head.prev = index,
            None => self.tail = index,
        }
        self.head = index;
        self.len += 1;
    }

    fn remove(&mut self, slots: &mut [Slot], index: Index) {
        let (prev, next) = (slots[index as usize].prev, slots[index as usize].next);
        match slots.get_mut(prev as usize) {
            Some(prev) => prev.next = next,
            None => self.head = next,
        }
        match slots.get_mut(next as usize) {
            Some(next) => next.prev = prev,
            None => self.tail = prev,
        }
        self.len -= 1;
    }
}

#[cfg(all(test, not(tower_adaptive_loom)))]
mod tests {
    use super::*;

    const LIFETIME: Duration = Duration::from_millis(1);

    fn queue_of(len: usize) -> (Waiters, Vec<Key>) {
        let mut waiters = Waiters::new();
        let keys = (0..len).map(|_| waiters.push()).collect();
        (waiters, keys)
    }

    /// A list as it reads from either end.
    fn chain(waiters: &Waiters, list: &List) -> Vec<Index> {
        let walk = |first, next: fn(&Slot) -> Index| {
            let mut chain = Vec::new();
            let mut index = first;
            while let Some(slot) = waiters.slots.get(index as usize) {
                chain.push(index);
                index = next(slot);
            }
            chain
        };
        let forward = walk(list.head, |slot| slot.next);
        let mut backward = walk(list.tail, |slot| slot.prev);
        backward.reverse();
        assert_eq!(forward, backward);
        assert_eq!(forward.len(), list.len);
        forward
    }

    fn queue(waiters: &Waiters) -> Vec<Index> {
        chain(waiters, &waiters.queue)
    }

    fn granted(waiters: &Waiters) -> Vec<Index> {
        chain(waiters, &waiters.granted)
    }

    #[test]
    fn the_queue_keeps_the_order_of_arrival() {
        let (waiters, _keys) = queue_of(4);

        assert_eq!(queue(&waiters), [0, 1, 2, 3]);
    }

    #[test]
    fn whoever_is_removed_leaves_the_others_in_their_order() {
        for (removed, left) in [(0, [1, 2]), (1, [0, 2]), (2, [0, 1])] {
            let (mut waiters, mut keys) = queue_of(3);

            assert!(!waiters.remove(keys.remove(removed)).had_grant);

            assert_eq!(queue(&waiters), left);
        }
    }

    #[test]
    fn whoever_moves_to_the_front_leaves_the_others_in_their_order() {
        for (moved, order) in [(0, [0, 1, 2]), (1, [1, 0, 2]), (2, [2, 0, 1])] {
            let (mut waiters, keys) = queue_of(3);

            waiters.move_to_front(&keys[moved]);

            assert_eq!(queue(&waiters), order);
        }
    }

    #[test]
    fn the_only_one_may_move_and_leave() {
        let (mut waiters, mut keys) = queue_of(1);
        waiters.move_to_front(&keys[0]);
        assert_eq!(queue(&waiters), [0]);

        waiters.remove(keys.remove(0));

        assert!(queue(&waiters).is_empty());
        assert!(waiters.is_idle());
    }

    #[test]
    fn grants_go_to_the_oldest_and_leave_from_anywhere() {
        let (mut waiters, mut keys) = queue_of(4);
        let now = Instant::now();
        for _ in 0..3 {
            waiters.grant_oldest(now);
        }
        assert_eq!(
            (granted(&waiters), queue(&waiters)),
            (vec![0, 1, 2], vec![3])
        );

        assert!(waiters.remove(keys.remove(1)).had_grant);

        assert_eq!((granted(&waiters), queue(&waiters)), (vec![0, 2], vec![3]));
    }

    #[test]
    fn nobody_to_grant_to_is_no_grant() {
        let mut waiters = Waiters::new();

        assert!(waiters.grant_oldest(Instant::now()).is_none());
        assert!(!waiters.has_grants());
        assert_eq!(waiters.oldest_grant(), None);
    }

    #[test]
    fn a_granted_waiter_does_not_move() {
        let (mut waiters, keys) = queue_of(2);
        waiters.grant_oldest(Instant::now());

        waiters.move_to_front(&keys[0]);

        assert_eq!((granted(&waiters), queue(&waiters)), (vec![0], vec![1]));
    }

    #[test]
    fn a_lapsed_waiter_is_in_no_list_until_it_returns_in_front() {
        let (mut waiters, mut keys) = queue_of(3);
        let now = Instant::now();
        waiters.grant_oldest(now);
        waiters.grant_oldest(now);
        assert!(!waiters.lapse_oldest(now, LIFETIME));
        assert!(waiters.lapse_oldest(now + LIFETIME, LIFETIME));
        assert!(waiters.is_lapsed(&keys[0]) && waiters.is_granted(&keys[1]));
        assert_eq!((granted(&waiters), queue(&waiters)), (vec![1], vec![2]));

        waiters.move_to_front(&keys[0]);
        assert_eq!(queue(&waiters), [0, 2]);

        waiters.lapse_oldest(now + LIFETIME, LIFETIME);
        assert!(!waiters.remove(keys.remove(1)).had_grant, "lapsed");
        assert_eq!(queue(&waiters), [0, 2]);
    }

    #[test]
    fn slots_are_used_again_and_start_clean() {
        let (mut waiters, mut keys) = queue_of(3);
        waiters.set_waker(&keys[1], Waker::noop().clone());
        waiters.grant_oldest(Instant::now());
        waiters.remove(keys.remove(0));
        assert!(waiters.remove(keys.remove(0)).waker.is_some());

        let again = [waiters.push(), waiters.push()];

        assert_eq!(again, [Key(1), Key(0)], "last freed, first used");
        assert_eq!(queue(&waiters), [2, 1, 0]);
        assert!(!waiters.is_granted(&again[1]));
        assert!(!waiters.has_waker(&again[0], Waker::noop()));
        assert_eq!(waiters.slots.len(), 3);
    }

    #[test]
    fn a_crowd_gives_its_memory_back_when_the_last_of_it_leaves() {
        let (mut waiters, mut keys) = queue_of(KEPT_SLOTS + 1);
        let last = keys.pop().unwrap();
        for key in keys {
            waiters.remove(key);
        }
        assert!(waiters.slots.capacity() > KEPT_SLOTS, "one is still there");

        waiters.remove(last);

        assert_eq!(waiters.slots.capacity(), 0);
        assert_eq!(waiters.push(), Key(0));
        assert_eq!(queue(&waiters), [0]);
    }

    #[test]
    fn a_few_keep_their_memory() {
        let (mut waiters, keys) = queue_of(10);
        for key in keys {
            waiters.remove(key);
        }

        assert_eq!(waiters.slots.len(), 10);
        waiters.push();
        assert_eq!(waiters.slots.len(), 10);
    }

    #[test]
    fn only_the_queue_is_asked_for_its_wakers() {
        let (mut waiters, keys) = queue_of(3);
        for key in [&keys[0], &keys[2]] {
            waiters.set_waker(key, Waker::noop().clone());
        }
        assert!(waiters.grant_oldest(Instant::now()).is_some());

        assert_eq!(waiters.take_wakers().len(), 1);
        assert!(waiters.take_wakers().is_empty());
        assert_eq!(queue(&waiters), [1, 2]);
    }
}
