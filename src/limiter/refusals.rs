use crate::sync::atomic::{AtomicU64, Ordering};
use crate::{Priority, Reason};

/// Requests that were turned away, by reason and priority.
///
/// Relaxed, all of them: counts for people and samples; nothing depends on their order.
#[derive(Debug)]
pub(super) struct Refusals {
    total: AtomicU64,
    /// All but those of the most common reason and priority, which are the difference.
    uncommon: [[AtomicU64; PRIORITIES]; REASONS],
}

/// How many requests were turned away, by reason and priority.
///
/// # Examples
///
/// ```
/// use tower_adaptive::{Fixed, Limiter, Reason};
///
/// let limiter = Limiter::new(Fixed::new(1));
/// let permit = limiter.try_acquire();
/// assert!(permit.is_some() && limiter.try_acquire().is_none());
/// assert_eq!(limiter.snapshot().rejected_by.get(Reason::Limit), 1);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rejections([[u64; PRIORITIES]; REASONS]);

impl Refusals {
    pub(super) fn new() -> Self {
        Self {
            total: AtomicU64::new(0),
            uncommon: std::array::from_fn(|_| std::array::from_fn(|_| AtomicU64::new(0))),
        }
    }

    /// Counts one of whom nobody said how much it matters.
    #[inline]
    pub(super) fn count(&self, reason: Reason) {
        self.count_of(reason, Priority::Normal);
    }

    #[inline]
    pub(super) fn count_of(&self, reason: Reason, priority: Priority) {
        self.total.fetch_add(1, Ordering::Relaxed);
        if (reason, priority) != COMMON {
            let of_reason = &self.uncommon[reason as usize];
            of_reason[priority as usize].fetch_add(1, Ordering::Relaxed);
        }
    }

    #[inline]
    pub(super) fn total(&self) -> u64 {
        self.total.load(Ordering::Relaxed)
    }

    /// Returns the counts of one moment, but for those that are being counted.
    pub(super) fn load(&self) -> Rejections {
        let total = self.total();
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let mut counts = self.uncommon.each_ref().map(|of| of.each_ref().map(load));
        let uncommon: u64 = counts.as_flattened().iter().sum();
        let (reason, priority) = COMMON;
        counts[reason as usize][priority as usize] = total.saturating_sub(uncommon);
        Rejections(counts)
    }
}

impl Rejections {
    /// Returns how many were turned away for one reason.
    #[must_use]
    pub fn get(&self, reason: Reason) -> u64 {
        self.0[reason as usize].iter().sum()
    }

    /// Returns how many of one priority were turned away for one reason. What was not asked for its
    /// priority, such as a caller of [`try_acquire`](crate::Limiter::try_acquire), is normal.
    #[must_use]
    pub fn of(&self, reason: Reason, priority: Priority) -> u64 {
        self.0[reason as usize][priority as usize]
    }

    /// Returns how many were turned away.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.as_flattened().iter().sum()
    }

    /// Returns each reason with its count.
    pub fn iter(&self) -> impl Iterator<Item = (Reason, u64)> {
        let counts = self.0.map(|of_reason| of_reason.iter().sum());
        Reason::ALL.iter().copied().zip(counts)
    }
}

const REASONS: usize = Reason::ALL.len();

const PRIORITIES: usize = Priority::ALL.len();

const COMMON: (Reason, Priority) = (Reason::Limit, Priority::Normal);

#[cfg(all(test, not(tower_adaptive_loom)))]
mod tests {
    use super::*;

    #[test]
    fn every_reason_is_counted_as_itself() {
        let refusals = Refusals::new();
        for (reason, times) in Reason::ALL.iter().copied().zip(1..) {
            for _ in 0..times {
                refusals.count(reason);
            }
        }

        let counts: Vec<_> = refusals.load().iter().collect();

        let expected: Vec<_> = Reason::ALL.iter().copied().zip(1..).collect();
        assert_eq!(counts, expected);
    }

    #[test]
    fn every_priority_is_counted_as_itself() {
        let refusals = Refusals::new();
        let each = Reason::ALL
            .iter()
            .flat_map(|reason| Priority::ALL.map(|of| (*reason, of)));
        for ((reason, priority), times) in each.clone().zip(1..) {
            for _ in 0..times {
                refusals.count_of(reason, priority);
            }
        }

        let counts = refusals.load();

        for ((reason, priority), times) in each.zip(1..) {
            assert_eq!(counts.of(reason, priority), times);
        }
        assert_eq!(counts.get(Reason::Limit), 1 + 2 + 3 + 4 + 5);
        assert_eq!(counts.total(), refusals.total());
    }

    #[test]
    fn the_total_is_the_sum_of_all_reasons() {
        let refusals = Refusals::new();
        Reason::ALL
            .iter()
            .for_each(|reason| refusals.count(*reason));

        assert_eq!(refusals.total(), Reason::ALL.len() as u64);
        assert_eq!(refusals.load().total(), refusals.total());
    }
}
