use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use super::buckets::Buckets;
use super::shards::Shards;
use crate::{Priority, Reason};

/// What was told of one limiter under one name, so that nothing is told twice.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(super) admitted: Total,
    pub(super) finished: [Total; 4],
    pub(super) rejected: [[Total; Priority::ALL.len()]; Reason::ALL.len()],
    pub(super) spared: [Total; Reason::ALL.len()],
    pub(super) abandoned: Total,
    pub(super) samples_dropped: Total,
    pub(super) moved_up: Total,
    pub(super) moved_down: Total,
    pub(super) saturated: Total,
    pub(super) rtts: Taken,
    pub(super) waits: Taken,
}

/// The largest value of a counter that was told.
#[derive(Debug, Default)]
pub(super) struct Total(AtomicU64);

/// What was taken out of a histogram; most of those for waits are never needed.
#[derive(Debug, Default)]
pub(super) struct Taken(OnceLock<Buckets>);

impl Total {
    /// Returns how much of a counter is new. If it seems to have fallen, nothing is.
    pub(super) fn advance(&self, total: u64) -> u64 {
        // Relaxed: of several that advance it to the same total, the order of this one word makes one
        // the first.
        total.saturating_sub(self.0.fetch_max(total, Ordering::Relaxed))
    }
}

impl Taken {
    pub(super) fn take(&self, shards: Option<&Shards>) -> Vec<(f64, usize)> {
        let Some(shards) = shards else {
            return Vec::new();
        };
        shards.take(self.0.get_or_init(Buckets::new))
    }
}
