//! When whoever was turned away is to return: not all at once.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::LazyLock;
// Not of `crate::sync`: loom's cannot live in a static, and no model comes by here.
use std::sync::atomic::{AtomicU64, Ordering};

/// Returns a delay between `floor` and `longest`, uniform over
/// `floor ..= floor + max(2 × floor, 2 × drain)`.
///
/// Whoever returns does so when the drain time is over, on average, and the last ones after twice
/// that time.
pub(crate) fn spread(floor: u64, drain: u64, longest: u64) -> u64 {
    let width = drain.max(floor).saturating_mul(2);
    let last = floor.saturating_add(width).min(longest);
    floor + below(last.saturating_sub(floor).saturating_add(1))
}

/// Returns an evenly distributed number below `bound`. Not for secrets.
fn below(bound: u64) -> u64 {
    ((u128::from(next()) * u128::from(bound)) >> 64) as u64
}

/// A Weyl sequence under the finaliser of splitmix64 (Steele, Lea and Flood, "Fast splittable
/// pseudorandom number generators", 2014): no lock, no two calls that share a number.
fn next() -> u64 {
    // std's one source of randomness; each process has its own start.
    static STATE: LazyLock<AtomicU64> =
        LazyLock::new(|| AtomicU64::new(RandomState::new().build_hasher().finish()));
    // Relaxed: the number is all that is shared.
    let mut z = STATE.fetch_add(GOLDEN_RATIO, Ordering::Relaxed);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// 2⁶⁴ divided by the golden ratio, and odd.
const GOLDEN_RATIO: u64 = 0x9e37_79b9_7f4a_7c15;

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    const DRAWS: usize = 60_000;

    #[test]
    fn delays_are_uniform_over_their_range() {
        // 1 + 2 × 5: eleven values.
        let mut counts = [0_usize; 12];
        for _ in 0..DRAWS {
            counts[spread(1, 5, 60) as usize] += 1;
        }

        let expected = DRAWS as f64 / 11.0;
        let chi_square: f64 = counts[1..]
            .iter()
            .map(|&count| (count as f64 - expected).powi(2) / expected)
            .sum();
        assert_eq!(counts[0], 0);
        // Ten degrees of freedom: exceeded by chance once in 10¹⁰ runs.
        assert!(chi_square < 70.0, "{chi_square}: {counts:?}");
    }

    #[test]
    fn delays_that_follow_each_other_do_not_depend_on_each_other() {
        let draws: Vec<f64> = (0..DRAWS)
            .map(|_| spread(0, 500, 1000) as f64 - 500.0)
            .collect();

        let variance: f64 = draws.iter().map(|x| x * x).sum();
        let covariance: f64 = draws.windows(2).map(|pair| pair[0] * pair[1]).sum();
        // The standard error is 0.004.
        assert!((covariance / variance).abs() < 0.03);
    }

    #[test]
    fn no_number_is_given_out_twice() {
        let drawn: Vec<_> = (0..4)
            .map(|_| std::thread::spawn(|| (0..1000).map(|_| next()).collect::<Vec<_>>()))
            .collect();

        let distinct: HashSet<u64> = drawn
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect();
        assert_eq!(distinct.len(), 4000);
    }

    #[test]
    fn an_unknown_drain_time_gives_three_floors_and_an_endless_one_the_longest() {
        for _ in 0..1000 {
            assert!((100..=300).contains(&spread(100, 0, 60_000)));
            assert!((1..=60).contains(&spread(1, u64::MAX, 60)));
        }
    }
}
