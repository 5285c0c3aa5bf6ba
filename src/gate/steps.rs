//! What happens to a gate in a random sequence, and how somebody who waits is seen from outside.

use proptest::prelude::*;
use tokio::time::Instant;

use super::slots::{Kind, State};
use crate::admission::Priority;

/// One thing that happens. Indexes are taken modulo what is there.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Enter {
        priority: usize,
        partition: usize,
        ghost: bool,
        /// In µs.
        deadline: Option<u64>,
    },
    /// A caller that waits as long as it must.
    Patient,
    Poll(usize),
    Leave(usize),
    TimeOut(usize),
    Finish(usize),
    FinishGhost(usize),
    /// Time passes, in µs.
    Pass(u64),
    Expire,
    SetLimit(usize),
    SetCapacity(usize),
    SetShares(usize),
}

/// At most so many µs pass at a time.
pub(super) fn steps(most: u64) -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(step(most), 0..150)
}

fn step(most: u64) -> impl Strategy<Value = Step> {
    let index = any::<usize>;
    let deadline = prop_oneof![3 => Just(None), 1 => (1..3_000u64).prop_map(Some)];
    prop_oneof![
        10 => (0..5usize, 0..4usize, prop::bool::weighted(0.2), deadline).prop_map(
            |(priority, partition, ghost, deadline)| Step::Enter { priority, partition, ghost, deadline }
        ),
        1 => Just(Step::Patient),
        6 => index().prop_map(Step::Poll),
        2 => index().prop_map(Step::Leave),
        2 => index().prop_map(Step::TimeOut),
        6 => index().prop_map(Step::Finish),
        2 => index().prop_map(Step::FinishGhost),
        4 => (0..most).prop_map(Step::Pass),
        1 => Just(Step::Expire),
        2 => (1..8usize).prop_map(Step::SetLimit),
        1 => (0..6usize).prop_map(Step::SetCapacity),
        1 => (0..4usize).prop_map(Step::SetShares),
    ]
}

/// Somebody's slot, as it was at some moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    pub(super) state: State,
    pub(super) kind: Kind,
    pub(super) partition: usize,
    pub(super) number: u64,
    /// In millionths of a permit.
    pub(super) deficit: i64,
    /// Whether its partition has no more places than it is guaranteed.
    pub(super) within: bool,
    /// How many that are.
    pub(super) places: f64,
    pub(super) has_waker: bool,
}

impl Seen {
    pub(super) fn priority(&self) -> Priority {
        match self.kind {
            Kind::Patient => Priority::Normal,
            Kind::Request(request) => request.priority,
        }
    }

    pub(super) fn class(&self) -> (bool, Priority) {
        (self.deficit > 0, self.priority())
    }

    pub(super) fn place(&self) -> (bool, Priority) {
        (self.within, self.priority())
    }

    pub(super) fn is_ghost(&self) -> bool {
        matches!(self.kind, Kind::Request(request) if request.ghost)
    }

    pub(super) fn is_late(&self, now: Instant) -> bool {
        matches!(self.kind, Kind::Request(request) if request.until <= now)
    }

    /// Who is served before whom, while every lane drains.
    pub(super) fn goes_before(&self, other: &Self) -> bool {
        if self.class() != other.class() {
            return self.class() > other.class();
        }
        if self.deficit != other.deficit {
            return self.deficit > other.deficit;
        }
        self.number < other.number
    }
}

/// A permit, as deficits are counted.
pub(super) const PERMIT: i64 = 1_000_000;
