use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::buckets::Buckets;

/// A histogram in parts, so that threads which record at the same time seldom write to the same cache
/// line. A part takes 9.5 KiB, and is made when a thread comes that adds to it.
pub(crate) struct Shards([OnceLock<Buckets>; SHARDS]);

impl Shards {
    pub(crate) fn new() -> Self {
        Self([const { OnceLock::new() }; SHARDS])
    }

    #[inline]
    pub(crate) fn record(&self, duration: Duration) {
        let shard = SHARD.with(|shard| *shard);
        self.0[shard % SHARDS]
            .get_or_init(Buckets::new)
            .record(duration);
    }

    /// Returns what was recorded and not taken before: see [`Buckets::take`].
    pub(super) fn take(&self, taken: &Buckets) -> Vec<(f64, usize)> {
        let made: Vec<_> = self.0.iter().filter_map(OnceLock::get).collect();
        Buckets::take(&made, taken)
    }
}

impl fmt::Debug for Shards {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shards").finish_non_exhaustive()
    }
}

const SHARDS: usize = 4;

thread_local! {
    /// Threads take turns.
    static SHARD: usize = {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        // Relaxed: a number for each, nothing else.
        NEXT.fetch_add(1, Ordering::Relaxed)
    };
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn what_many_threads_record_is_taken_as_one_and_once() {
        let (shards, taken) = (Shards::new(), Buckets::new());
        thread::scope(|scope| {
            for _ in 0..2 * SHARDS {
                scope.spawn(|| shards.record(Duration::from_nanos(7)));
            }
        });

        assert_eq!(shards.take(&taken), [(7e-9, 2 * SHARDS)]);
        shards.record(Duration::from_nanos(7));
        assert_eq!(shards.take(&taken), [(7e-9, 1)]);
        assert_eq!(shards.take(&taken), []);
    }

    #[test]
    fn threads_that_follow_each_other_have_parts_of_their_own() {
        let shards = Shards::new();
        for _ in 0..SHARDS {
            thread::scope(|scope| {
                scope.spawn(|| shards.record(Duration::ZERO));
            });
        }

        // Other tests' threads take turns, too.
        let made = shards.0.iter().filter_map(OnceLock::get).count();
        assert!(made > 1, "{made}");
    }
}
