use tokio::time::Instant;

use super::shares::PartitionId;
use super::slots::Key;
use crate::Reason;
use crate::admission::{Priority, Rejected};

/// What a request says of itself when it asks to be admitted.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ticket<'a> {
    pub(crate) priority: Priority,
    /// The key of its share; one that is not guaranteed anything is as good as none.
    pub(crate) partition: Option<&'a str>,
    /// When it must have started.
    pub(crate) deadline: Option<Instant>,
}

/// How a request was admitted, and so what is to be given back.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Pass {
    /// One of the gate's count.
    Plain,
    /// That, and one of a partition's.
    Partition(PartitionId),
    /// A ghost: the request was admitted because its layer observes, and here is where it would
    /// have waited.
    Ghost(Key),
    /// The request was admitted because its layer observes, or the limiter does, and would have been
    /// turned away, or kept waiting.
    Spared,
}

/// What became of a request that asked the limiter.
#[derive(Debug)]
pub(crate) enum Entry {
    Admitted(Pass),
    Queued(Place),
    Rejected(Rejected),
}

/// What became of a request that asked the gate.
#[derive(Debug)]
pub(crate) enum Decision {
    Admitted(Pass),
    Queued(Place),
    Refused(Reason),
}

/// A place in the queue of an admission.
#[derive(Debug)]
pub(crate) struct Place {
    pub(super) key: Key,
    /// When it gives up.
    pub(super) until: Instant,
    pub(super) ghost: bool,
    pub(super) priority: Priority,
}

impl Place {
    /// Returns what a request is admitted with that waits only on paper, or its place.
    pub(crate) fn into_ghost(self) -> Result<Pass, Self> {
        match self.ghost {
            true => Ok(Pass::Ghost(self.key)),
            false => Err(self),
        }
    }
}

/// How a request asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Manner {
    /// How much room it must leave free for requests that matter more.
    pub(crate) headroom: usize,
    /// It is admitted in any case, and asks only what would have been.
    pub(crate) ghost: bool,
}
