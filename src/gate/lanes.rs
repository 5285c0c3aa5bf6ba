use super::drain::Drain;
use super::shares::PartitionId;
use super::slots::{Index, Kind, List, Slot};
use crate::admission::Priority;

/// The lanes of one partition.
#[derive(Debug)]
pub(super) struct Lanes {
    pub(super) by_priority: [Lane; Priority::ALL.len()],
    /// Requests in all of them.
    pub(super) len: usize,
    /// Whether it makes no difference to note that nobody waits in them.
    pub(super) at_rest: bool,
}

#[derive(Debug)]
pub(super) struct Lane {
    pub(super) list: List,
    pub(super) drain: Drain,
}

impl Lanes {
    pub(super) fn new() -> Self {
        Self {
            by_priority: [const { Lane::new() }; Priority::ALL.len()],
            len: 0,
            at_rest: true,
        }
    }

    /// Returns who is next: only one of the highest class can be.
    pub(super) fn next(&self) -> Option<Index> {
        let mut highest_first = self.by_priority.iter().rev();
        let lane = highest_first.find(|lane| lane.list.len() > 0)?;
        match lane.drain.is_standing() {
            true => lane.list.back(),
            false => lane.list.front(),
        }
    }
}

impl Lane {
    const fn new() -> Self {
        Self {
            list: List::new(),
            drain: Drain::new(),
        }
    }
}

impl Slot {
    pub(super) fn priority(&self) -> Priority {
        match self.kind {
            Kind::Patient => Priority::Normal,
            Kind::Request(request) => request.priority,
        }
    }

    pub(super) fn is_ghost(&self) -> bool {
        matches!(self.kind, Kind::Request(request) if request.ghost)
    }

    pub(super) fn goes_before(&self, other: &Self, deficit: &impl Fn(PartitionId) -> i64) -> bool {
        let (ours, theirs) = (deficit(self.partition), deficit(other.partition));
        let below = (ours > 0).cmp(&(theirs > 0));
        below
            .then(self.priority().cmp(&other.priority()))
            .then(ours.cmp(&theirs))
            .then(other.number.cmp(&self.number))
            .is_gt()
    }
}
