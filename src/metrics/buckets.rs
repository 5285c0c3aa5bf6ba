use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A histogram of durations that threads add to without a lock.
///
/// Log-linear: 32 buckets to each doubling, so that the middle of a bucket is within 1.6% of whatever
/// fell into it; nanoseconds below 64 have a bucket each.
pub(super) struct Buckets(Box<[AtomicU64]>);

impl Buckets {
    pub(super) fn new() -> Self {
        Self((0..LEN).map(|_| AtomicU64::new(0)).collect())
    }

    // Relaxed, here and below: counts, each of them for itself.
    #[inline]
    pub(super) fn record(&self, duration: Duration) {
        // As `as_nanos`, without its u128.
        let seconds = duration.as_secs().saturating_mul(1_000_000_000);
        let nanos = seconds.saturating_add(u64::from(duration.subsec_nanos()));
        self.0[index(nanos)].fetch_add(1, Ordering::Relaxed);
    }

    /// Returns what was recorded in any of `parts` and not taken before: the middles of buckets, in
    /// seconds, and how often. `taken` remembers; whoever takes at the same time with the same gets
    /// the rest.
    pub(super) fn take(parts: &[&Self], taken: &Self) -> Vec<(f64, usize)> {
        let taken = taken.0.iter().enumerate();
        taken
            .filter_map(|(index, taken)| {
                let counts = parts
                    .iter()
                    .map(|part| part.0[index].load(Ordering::Relaxed));
                let total = counts.sum::<u64>();
                if total == 0 {
                    return None;
                }
                let new = total.saturating_sub(taken.fetch_max(total, Ordering::Relaxed));
                let new = usize::try_from(new).unwrap_or(usize::MAX);
                (new > 0).then(|| (middle(index), new))
            })
            .collect()
    }
}

impl fmt::Debug for Buckets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buckets").finish_non_exhaustive()
    }
}

#[inline]
fn index(nanos: u64) -> usize {
    if nanos < PARTS {
        return nanos as usize;
    }
    let exponent = nanos.ilog2();
    let part = (nanos >> (exponent - PARTS_LOG2)) & (PARTS - 1);
    let octave = u64::from(exponent - PARTS_LOG2 + 1);
    ((octave * PARTS + part) as usize).min(LEN - 1)
}

/// Returns the middle of a bucket, in seconds.
fn middle(index: usize) -> f64 {
    let (octave, part) = (index as u64 / PARTS, index as u64 % PARTS);
    let nanos = match octave {
        0 => part as f64,
        _ => {
            let width = 1_u64 << (octave - 1);
            let least = (PARTS + part) * width;
            least as f64 + (width - 1) as f64 / 2.0
        }
    };
    nanos / 1e9
}

/// To each doubling.
const PARTS: u64 = 1 << PARTS_LOG2;
const PARTS_LOG2: u32 = 5;

/// Up to 2^42 ns, 73 min; what is longer counts as that.
const LEN: usize = (42 - PARTS_LOG2 as usize + 1) * PARTS as usize;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_largest_bucket_ends_at_73_minutes() {
        assert_eq!(index((1 << 42) - 1), LEN - 1);
        assert_eq!(index(u64::MAX), LEN - 1);
        assert!(middle(LEN - 1) < (1_u64 << 42) as f64 / 1e9);
    }

    #[test]
    fn what_is_taken_is_not_taken_again() {
        let (buckets, taken) = (Buckets::new(), Buckets::new());
        buckets.record(Duration::from_nanos(7));
        buckets.record(Duration::from_nanos(7));
        assert_eq!(Buckets::take(&[&buckets], &taken), [(7e-9, 2)]);

        buckets.record(Duration::from_nanos(7));

        assert_eq!(Buckets::take(&[&buckets], &taken), [(7e-9, 1)]);
        assert_eq!(Buckets::take(&[&buckets], &taken), []);
    }

    proptest! {
        #[test]
        fn the_middle_of_a_bucket_is_within_a_64th_of_what_falls_into_it(nanos in 1_u64..1 << 42) {
            let middle = middle(index(nanos)) * 1e9;

            prop_assert!((middle - nanos as f64).abs() <= nanos as f64 / 64.0 + 1e-6);
        }

        #[test]
        fn longer_ones_are_in_no_lower_bucket(one in 0_u64..1 << 43, other in 0_u64..1 << 43) {
            prop_assert!(index(one.min(other)) <= index(one.max(other)));
        }
    }
}
