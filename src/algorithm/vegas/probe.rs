use std::hash::{BuildHasher, RandomState};

/// Decides when Vegas measures its baseline anew: about every `multiplier × limit` samples.
///
/// The jitter keeps replicas from probing in step.
#[derive(Clone, Debug)]
pub(super) struct Probe {
    multiplier: u32,
    /// In [0.5, 1): what part of `multiplier × limit` the next probe waits for.
    jitter: f64,
    samples: u64,
    random: u64,
}

impl Probe {
    pub(super) fn new(multiplier: u32, seed: u64) -> Self {
        let mut probe = Self {
            multiplier,
            jitter: 0.0,
            samples: 0,
            random: seed,
        };
        probe.jitter = probe.next_jitter();
        probe
    }

    /// Counts one sample; returns whether it is a probe.
    pub(super) fn is_due(&mut self, limit: f64) -> bool {
        self.samples += 1;
        let due = self.multiplier != NEVER
            && self.jitter * f64::from(self.multiplier) * limit <= self.samples as f64;
        if due {
            self.samples = 0;
            self.jitter = self.next_jitter();
        }
        due
    }

    fn next_jitter(&mut self) -> f64 {
        // SplitMix64 (Steele, Lea and Flood, 2014).
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.random;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
        // 52 bits, the most that stay below 1 when 0.5 is added.
        0.5 + (bits >> 12) as f64 / (1_u64 << 53) as f64
    }
}

/// The multiplier that switches probing off.
const NEVER: u32 = u32::MAX;

/// Returns a seed that differs from call to call and from process to process.
pub(super) fn random_seed() -> u64 {
    RandomState::new().hash_one(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_stays_from_a_half_to_below_one() {
        let mut probe = Probe::new(30, 7);
        for _ in 0..10_000 {
            let jitter = probe.next_jitter();
            assert!((0.5..1.0).contains(&jitter), "{jitter}");
        }
    }

    #[test]
    fn a_probe_is_due_after_half_to_all_of_multiplier_times_limit() {
        let mut probe = Probe::new(30, 7);
        for _ in 0..100 {
            let samples = (1..).find(|_| probe.is_due(10.0)).unwrap();
            assert!((150..=300).contains(&samples), "{samples}");
        }
    }

    #[test]
    fn the_largest_multiplier_never_probes() {
        let mut probe = Probe::new(NEVER, 7);
        probe.samples = u64::MAX / 2;
        assert!(!probe.is_due(1.0));
    }
}
