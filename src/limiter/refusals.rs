use crate::Reason;
use crate::sync::atomic::{AtomicU64, Ordering};

/// Requests that were turned away, by reason.
///
/// Relaxed, all of them: counts for people and samples; nothing depends on their order.
#[derive(Debug)]
pub(super) struct Refusals {
    total: AtomicU64,
    /// Those of all reasons but the most common, which is the difference.
    uncommon: [AtomicU64; REASONS],
}

/// How many requests were turned away, by reason.
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
pub struct Rejections([u64; REASONS]);

impl Refusals {
    pub(super) fn new() -> Self {
        Self {
            total: AtomicU64::new(0),
            uncommon: std::array::from_fn(|_| AtomicU64::new(0)),
        }
    }

    pub(super) fn count(&self, reason: Reason) {
        self.total.fetch_add(1, Ordering::Relaxed);
        if reason != COMMON {
            self.uncommon[reason as usize].fetch_add(1, Ordering::Relaxed);
        }
    }

    #[inline]
    pub(super) fn total(&self) -> u64 {
        self.total.load(Ordering::Relaxed)
    }

    /// Returns the counts of one moment, but for those that are being counted.
    pub(super) fn load(&self) -> Rejections {
        let total = self.total();
        let mut counts = [0; REASONS];
        for reason in Reason::ALL {
            counts[*reason as usize] = self.of(*reason);
        }
        let uncommon: u64 = counts.iter().sum();
        counts[COMMON as usize] = total.saturating_sub(uncommon);
        Rejections(counts)
    }

    fn of(&self, reason: Reason) -> u64 {
        self.uncommon[reason as usize].load(Ordering::Relaxed)
    }
}

impl Rejections {
    /// Returns how many were turned away for one reason.
    #[must_use]
    pub fn get(&self, reason: Reason) -> u64 {
        self.0[reason as usize]
    }

    /// Returns how many were turned away.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Returns each reason with its count.
    pub fn iter(&self) -> impl Iterator<Item = (Reason, u64)> {
        Reason::ALL.iter().copied().zip(self.0)
    }
}

const REASONS: usize = Reason::ALL.len();

const COMMON: Reason = Reason::Limit;

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
    fn the_total_is_the_sum_of_all_reasons() {
        let refusals = Refusals::new();
        Reason::ALL
            .iter()
            .for_each(|reason| refusals.count(*reason));

        assert_eq!(refusals.total(), Reason::ALL.len() as u64);
        assert_eq!(refusals.load().total(), refusals.total());
    }
}
