use tokio::time::Instant;

use super::waiters::Key;
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
#[derive(Debug)]
pub(crate) enum Pass {
    /// One of the gate's count.
    Plain,
}

/// What became of a request that asked to be admitted.
#[derive(Debug)]
pub(crate) enum Entry {
    Admitted(Pass),
    Queued(Place),
    Rejected(Rejected),
}

/// A place in the queue of an admission.
#[derive(Debug)]
pub(crate) struct Place {
    pub(super) key: Key,
    /// When it gives up.
    pub(super) until: Instant,
}
