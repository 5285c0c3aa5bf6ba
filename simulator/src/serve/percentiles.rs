use std::collections::VecDeque;

/// Percentiles over the last few ticks: a histogram to which each tick is added, and from which it is
/// taken again.
///
/// Values are microseconds. Those of a bucket are within 1/128 of each other.
#[derive(Clone, Debug)]
pub(super) struct Percentiles {
    counts: Vec<u32>,
    total: u64,
    ticks: VecDeque<Vec<u32>>,
}

impl Percentiles {
    pub(super) fn new() -> Self {
        Self {
            counts: vec![0; bucket(u32::MAX) + 1],
            total: 0,
            ticks: VecDeque::new(),
        }
    }

    /// Adds the values of a tick; the oldest are forgotten.
    pub(super) fn add(&mut self, values: Vec<u32>) {
        for value in &values {
            self.counts[bucket(*value)] += 1;
        }
        self.total += values.len() as u64;
        self.ticks.push_back(values);
        if self.ticks.len() > TICKS
            && let Some(oldest) = self.ticks.pop_front()
        {
            for value in &oldest {
                self.counts[bucket(*value)] -= 1;
            }
            self.total -= oldest.len() as u64;
        }
    }

    /// Returns how many values it keeps.
    pub(super) fn held(&self) -> u64 {
        self.total
    }

    /// Returns the value that each of these parts of all is at or below, in rising order; `None` if
    /// there are no values.
    pub(super) fn at<const N: usize>(&self, parts: [f64; N]) -> [Option<u32>; N] {
        let mut found = [None; N];
        if self.total == 0 {
            return found;
        }
        let (mut seen, mut next) = (0, 0);
        for (i, count) in self.counts.iter().enumerate() {
            seen += u64::from(*count);
            while next < N && seen as f64 >= parts[next] * self.total as f64 && seen > 0 {
                found[next] = Some(middle(i));
                next += 1;
            }
            if next == N {
                break;
            }
        }
        found
    }
}

/// The bucket of a value: one for each value below 256, then 128 for each doubling.
fn bucket(value: u32) -> usize {
    let shift = 24_u32.saturating_sub(value.leading_zeros());
    (shift * 128 + (value >> shift)) as usize
}

/// The middle of a bucket.
fn middle(bucket: usize) -> u32 {
    let bucket = bucket as u32;
    if bucket < 256 {
        return bucket;
    }
    let shift = bucket / 128 - 1;
    let lowest = (bucket - shift * 128) << shift;
    lowest + (1 << shift) / 2
}

/// How many ticks count: a second.
pub(super) const TICKS: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_holds_its_middle_and_nothing_far_from_it() {
        for value in (0..2000).chain([9_999, 65_535, 1_000_000, 3_600_000_000, u32::MAX]) {
            let middle = middle(bucket(value));
            assert_eq!(bucket(middle), bucket(value), "{value}");
            let error = f64::from(middle) - f64::from(value);
            assert!(
                error.abs() <= f64::from(value) / 128.0,
                "{value} is {middle}"
            );
        }
    }

    #[test]
    fn percentiles_are_those_of_the_last_second() {
        let mut percentiles = Percentiles::new();
        assert_eq!(percentiles.at([0.5]), [None]);
        percentiles.add((1..=100).collect());
        assert_eq!(percentiles.at([0.5, 0.99]), [Some(50), Some(99)]);
        for _ in 0..TICKS {
            percentiles.add(vec![7]);
        }
        assert_eq!(percentiles.at([0.5, 0.99]), [Some(7), Some(7)]);
    }
}
