use std::task::Waker;
use std::time::Duration;

use tokio::time::Instant;

use super::idlers::Idlers;
use super::line::Line;
use super::protocol::REQUEST_GRANT_LIFETIME;
use super::shares::{PartitionId, Partitions};
use super::slots::{Index, Key, Kind, List, Request, Slots, State};
use super::ticket::Pass;
use crate::{Priority, Reason, Shares};

/// Everybody who could not be admitted at once: what lies under the gate's lock.
///
/// No code of a caller runs in here: wakers come in and go out by value.
#[derive(Debug)]
pub(super) struct Waiters {
    pub(super) slots: Slots,
    pub(super) line: Line,
    granted: List,
    /// Whether somebody sees to it that grants expire.
    pub(super) timer: Timer,
    pub(super) partitions: Partitions,
    /// Whether partitions are counted.
    guarded: bool,
    /// Nobody is admitted any more.
    closed: bool,
    /// Those who wait until nothing is in flight.
    pub(super) idlers: Idlers,
    next_number: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Timer {
    Off,
    /// Somebody is to call `expire` at that time.
    Running {
        due: Instant,
    },
}

/// What a waiter left behind: the caller drops the waker outside the lock.
#[derive(Debug)]
pub(super) struct Left {
    pub(super) state: State,
    /// What it was granted.
    pub(super) pass: Option<Pass>,
    pub(super) waker: Option<Waker>,
}

impl Waiters {
    pub(super) fn new() -> Self {
        Self {
            slots: Slots::new(),
            line: Line::new(),
            granted: List::new(),
            timer: Timer::Off,
            partitions: Partitions::new(),
            guarded: false,
            closed: false,
            idlers: Idlers::new(),
            next_number: 0,
        }
    }

    pub(super) fn has_grants(&self) -> bool {
        self.granted.len() > 0
    }

    /// Whether a permit that comes back, or a newcomer, is of no interest to anybody.
    pub(super) fn is_idle(&self) -> bool {
        self.line.is_empty() && self.granted.len() == 0 && !self.closed && self.idlers.is_empty()
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    pub(super) fn is_guarded(&self) -> bool {
        self.guarded
    }

    pub(super) fn set_shares(&mut self, shares: &Shares) {
        self.partitions.set(shares);
        self.guarded = !shares.guarantees().is_empty();
    }

    /// Queues a caller that waits as long as it must, behind everybody who is like it.
    pub(super) fn push(&mut self) -> Key {
        self.insert(Kind::Patient, PartitionId::REST)
    }

    pub(super) fn push_request(&mut self, request: Request, partition: PartitionId) -> Key {
        self.partitions.arrive(partition);
        self.insert(Kind::Request(request), partition)
    }

    fn insert(&mut self, kind: Kind, partition: PartitionId) -> Key {
        let number = self.next_number;
        self.next_number += 1;
        let index = self.slots.insert(kind, partition, number);
        self.line.push_back(&mut self.slots, index);
        Key(index)
    }

    /// Puts a waiter where it is served next, wherever it was.
    pub(super) fn move_to_front(&mut self, key: &Key) {
        match self.slots.at(key.0).state {
            State::Queued => self.line.remove(&mut self.slots, key.0),
            State::Lapsed => {}
            _ => return,
        }
        self.slots.at_mut(key.0).state = State::Queued;
        self.line.push_next(&mut self.slots, key.0);
    }

    pub(super) fn is_lapsed(&self, key: &Key) -> bool {
        self.state(key) == State::Lapsed
    }

    pub(super) fn is_patient(&self, key: &Key) -> bool {
        self.slots.at(key.0).kind == Kind::Patient
    }

    /// Whether whoever is next is a caller, of whom nobody knows whether it is there.
    pub(super) fn is_patient_next(&self, limit: usize) -> bool {
        self.next(limit)
            .is_some_and(|index| self.slots.at(index).kind == Kind::Patient)
    }

    /// Whether somebody's wait is over.
    pub(super) fn is_decided(&self, key: &Key) -> bool {
        matches!(self.state(key), State::Granted(_) | State::Refused(_))
    }

    fn state(&self, key: &Key) -> State {
        self.slots.at(key.0).state
    }

    /// Returns who is next.
    pub(super) fn next(&self, limit: usize) -> Option<Index> {
        let guarded = self.guarded;
        let partitions = &self.partitions;
        let standing = |id| match guarded {
            true => partitions.deficit(id, limit),
            false => 1,
        };
        self.line.next(&self.slots, standing)
    }

    /// Whether it is a request whose own time is over.
    pub(super) fn is_late(&self, index: Index, now: Instant) -> bool {
        match self.slots.at(index).kind {
            Kind::Patient => false,
            Kind::Request(request) => request.until <= now,
        }
    }

    /// Grants a permit to whoever is next; the room for it was taken.
    pub(super) fn grant(&mut self, index: Index, now: Instant) -> Granted {
        self.line.leave(&mut self.slots, index, false);
        let slot = self.slots.at_mut(index);
        slot.counted = self.guarded;
        if self.guarded {
            self.partitions.admitted(slot.partition);
        }
        let ghost = slot.is_ghost();
        if ghost {
            slot.state = State::Claimed;
        } else {
            slot.state = State::Granted(now);
        }
        let waker = slot.waker.take();
        if !ghost {
            self.granted.push_back(&mut self.slots, index);
        }
        Granted { waker, ghost }
    }

    /// Notes how long those in the line have waited, before any of them is served.
    pub(super) fn observe(&mut self, now: Instant, rtt: Option<Duration>, limit: usize) {
        self.line.set_pace(rtt, limit);
        self.line.observe(&self.slots, now);
    }

    /// Takes back the oldest grant if nobody claimed it for `lifetime`, or as long as a request may
    /// take; its holder lapses.
    pub(super) fn lapse_oldest(&mut self, now: Instant, lifetime: Duration) -> bool {
        match self.oldest_grant(lifetime) {
            Some(due) if due <= now => {
                let index = self.granted.front().expect("the oldest");
                self.granted.remove(&mut self.slots, index);
                let slot = self.slots.at_mut(index);
                slot.state = State::Lapsed;
                if std::mem::take(&mut slot.counted) {
                    self.partitions.given_back(slot.partition);
                }
                true
            }
            _ => false,
        }
    }

    /// When the oldest grant that is still unclaimed lapses, if a caller's does after `lifetime`.
    pub(super) fn oldest_grant(&self, lifetime: Duration) -> Option<Instant> {
        let slot = self.slots.at(self.granted.front()?);
        let lifetime = match slot.kind {
            Kind::Patient => lifetime,
            Kind::Request(_) => REQUEST_GRANT_LIFETIME,
        };
        match slot.state {
            State::Granted(at) => Some(at + lifetime),
            _ => None,
        }
    }

    /// Frees the slot, wherever it is chained.
    pub(super) fn remove(&mut self, key: Key) -> Left {
        let index = key.0;
        let state = self.slots.at(index).state;
        match state {
            State::Queued => self.line.remove(&mut self.slots, index),
            State::Granted(_) => self.granted.remove(&mut self.slots, index),
            State::Lapsed | State::Refused(_) | State::Claimed | State::Vacant => {}
        }
        let slot = self.slots.at_mut(index);
        if let Kind::Request(_) = slot.kind {
            self.partitions.depart(slot.partition);
        }
        let waker = slot.waker.take();
        let pass = match state {
            State::Granted(_) | State::Claimed if slot.counted => {
                Some(Pass::Partition(slot.partition))
            }
            State::Granted(_) | State::Claimed => Some(Pass::Plain),
            _ => None,
        };
        self.slots.free(index);
        Left { state, pass, waker }
    }

    /// When a request gives up that waits in this slot.
    pub(super) fn until(&self, key: &Key) -> Option<Instant> {
        match self.slots.at(key.0).kind {
            Kind::Patient => None,
            Kind::Request(request) => Some(request.until),
        }
    }

    pub(super) fn priority(&self, key: &Key) -> Priority {
        self.slots.at(key.0).priority()
    }

    pub(super) fn has_waker(&self, key: &Key, waker: &Waker) -> bool {
        let stored = &self.slots.at(key.0).waker;
        stored
            .as_ref()
            .is_some_and(|stored| stored.will_wake(waker))
    }

    /// Turns away all who wait and are not in flight, and whoever has not taken up a grant. Returns
    /// their wakers, and how many permits come back.
    pub(super) fn close(&mut self) -> (Vec<Waker>, usize) {
        self.closed = true;
        let mut wakers = Vec::new();
        for index in self.line.all(&self.slots) {
            if !self.slots.at(index).is_ghost() {
                wakers.extend(self.refuse(index, Reason::Closed));
            }
        }
        let mut returned = 0;
        while let Some(index) = self.granted.front() {
            self.granted.remove(&mut self.slots, index);
            let slot = self.slots.at_mut(index);
            slot.state = State::Refused(Reason::Closed);
            if std::mem::take(&mut slot.counted) {
                self.partitions.given_back(slot.partition);
            }
            returned += 1;
        }
        (wakers, returned)
    }

    /// Leaves a waker and returns the one it replaces.
    pub(super) fn set_waker(&mut self, key: &Key, waker: Waker) -> Option<Waker> {
        self.slots.at_mut(key.0).waker.replace(waker)
    }

    /// Takes the wakers of all who wait. Who is polled then leaves another.
    pub(super) fn take_wakers(&mut self) -> Vec<Waker> {
        let indexes = self.line.all(&self.slots);
        indexes
            .into_iter()
            .filter_map(|index| self.slots.at_mut(index).waker.take())
            .collect()
    }
}

impl Left {
    /// What became of somebody whose wait is over.
    pub(super) fn decision(self) -> Result<Pass, Reason> {
        match (self.pass, self.state) {
            (Some(pass), _) => Ok(pass),
            (None, State::Refused(reason)) => Err(reason),
            (None, _) => Err(Reason::WaitedTooLong),
        }
    }
}

/// A grant that was made.
#[derive(Debug)]
pub(super) struct Granted {
    pub(super) waker: Option<Waker>,
    pub(super) ghost: bool,
}
