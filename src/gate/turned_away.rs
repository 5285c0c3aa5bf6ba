use std::task::Waker;

use tokio::time::Instant;

use super::shares::PartitionId;
use super::slots::{Index, State};
use super::waiters::Waiters;
use crate::Reason;
use crate::admission::Priority;

/// Who is turned away out of the line, and for what.
impl Waiters {
    /// Turns away one request that has waited too long. Returns its waker, if it left one.
    pub(super) fn expire_next(&mut self, limit: usize, now: Instant) -> Option<Option<Waker>> {
        let next = || self.next(limit);
        let index = self.line.overdue(&self.slots, next, now)?;
        Some(self.refuse(index, Reason::WaitedTooLong))
    }

    pub(super) fn is_overdue(&self, limit: usize, now: Instant) -> bool {
        let next = || self.next(limit);
        self.line.overdue(&self.slots, next, now).is_some()
    }

    /// Takes the place of the one that matters least, if it matters less than a newcomer.
    ///
    /// Guaranteed fractions of the limit are guaranteed fractions of the queue, too: a partition
    /// that has more gives way to one that has less.
    pub(super) fn evict_for(
        &mut self,
        priority: Priority,
        partition: PartitionId,
        ghost: bool,
    ) -> Option<Evicted> {
        let (line, partitions) = (&self.line, &self.partitions);
        let within = |id: PartitionId, more| {
            let places = partitions.guarantee(id, line.queue.capacity);
            !self.is_guarded() || (line.queued(id) + more) as f64 <= places
        };
        // Who takes a place of its own partition leaves that with as many as it has.
        let ours = within(partition, 1);
        let theirs = |id| within(id, 0) && (ours || id != partition);
        let victim = line.least(&self.slots, theirs, ghost)?;
        let slot = self.slots.at(victim);
        if (theirs(slot.partition), slot.priority()) < (ours, priority) {
            let waker = self.refuse(victim, Reason::Evicted);
            Some(Evicted { waker })
        } else {
            None
        }
    }

    /// Turns a request away. Returns its waker, if it left one.
    pub(super) fn refuse(&mut self, index: Index, reason: Reason) -> Option<Waker> {
        match reason {
            Reason::WaitedTooLong => self.line.leave(&mut self.slots, index, true),
            _ => self.line.remove(&mut self.slots, index),
        }
        let slot = self.slots.at_mut(index);
        slot.state = State::Refused(reason);
        slot.waker.take()
    }
}

/// A request that lost its place to another.
#[derive(Debug)]
pub(super) struct Evicted {
    pub(super) waker: Option<Waker>,
}
