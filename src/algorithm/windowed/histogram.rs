use std::time::Duration;

/// Counts durations in buckets that grow with them, 32 per power of two.
///
/// A bucket is at most 1/32 of its durations wide, so its middle is within 1/64 (1.6%) of each.
#[derive(Clone, Debug)]
pub(super) struct Histogram {
    counts: Box<[u32]>,
}

impl Histogram {
    pub(super) fn new() -> Self {
        Self {
            counts: vec![0; BUCKETS].into_boxed_slice(),
        }
    }

    pub(super) fn add(&mut self, duration: Duration) {
        let ns = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let count = &mut self.counts[bucket_of(ns)];
        *count = count.saturating_add(1);
    }

    pub(super) fn clear(&mut self) {
        self.counts.fill(0);
    }

    /// Returns the `rank`th shortest duration, counted from 1; the longest there can be if there
    /// are fewer.
    pub(super) fn nth_shortest(&self, rank: u32) -> Duration {
        let mut left = u64::from(rank);
        for (bucket, &count) in self.counts.iter().enumerate() {
            let count = u64::from(count);
            if left <= count {
                return Duration::from_nanos(middle_of(bucket));
            }
            left -= count;
        }
        Duration::MAX
    }
}

fn bucket_of(ns: u64) -> usize {
    // The leading six bits choose the bucket; the position of the first is the power of two.
    let shift = (u64::BITS - ns.leading_zeros()).saturating_sub(SUB_BUCKET_BITS + 1);
    ((shift << SUB_BUCKET_BITS) as u64 + (ns >> shift)) as usize
}

fn middle_of(bucket: usize) -> u64 {
    let shift = (bucket / SUB_BUCKETS).saturating_sub(1);
    let leading = (bucket - shift * SUB_BUCKETS) as u64;
    (leading << shift) + ((1 << shift) >> 1)
}

const SUB_BUCKET_BITS: u32 = 5;
const SUB_BUCKETS: usize = 1 << SUB_BUCKET_BITS;
/// Durations below 64 ns have a bucket each; 58 powers of two are left up to 2^64 ns.
const BUCKETS: usize = (58 + 2) * SUB_BUCKETS;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_duration_is_in_a_bucket_near_it() {
        let mut ns: u64 = 0;
        while ns < u64::MAX / 2 {
            let middle = middle_of(bucket_of(ns));
            assert!(middle.abs_diff(ns) <= ns / 64, "{ns}: {middle}");
            ns += ns / 100 + 1;
        }
        assert_eq!(bucket_of(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn buckets_are_in_order() {
        for bucket in 1..BUCKETS {
            assert!(middle_of(bucket - 1) < middle_of(bucket));
            assert_eq!(bucket_of(middle_of(bucket)), bucket);
        }
    }
}
