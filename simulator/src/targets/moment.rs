//! When something is reached, in seconds since the first tick; endless if it never is.

use super::count;
use super::window::PER_SECOND;
use crate::model::Tick;

/// Returns the first moment from which the mean of each second is within 20% of `goal`, for five
/// seconds at least: one second alone can be a limit that passes by.
pub(super) fn found(ticks: &[Tick], goal: f64) -> f64 {
    let near: Vec<bool> = ticks
        .windows(PER_SECOND)
        .map(|second| is_within(count::limit(second), goal, 0.2))
        .collect();
    let lasting = near.windows(5 * PER_SECOND + 1);
    seconds(
        lasting
            .map(|near| near.iter().all(|near| *near))
            .position(|all| all),
    )
}

/// Returns the first moment from which the limit, smoothed over half a second, stays within 25% of
/// its mean over the last half of these ticks.
pub(super) fn settled(ticks: &[Tick]) -> f64 {
    let plateau = count::limit(&ticks[ticks.len() / 2..]);
    let smoothed = ticks.windows(PER_SECOND / 2).map(count::limit);
    seconds(from_then_on(
        smoothed.map(|limit| is_within(limit, plateau, 0.25)),
    ))
}

/// Returns the first moment from which in each second nine of ten that arrive are good.
pub(super) fn recovered(ticks: &[Tick]) -> f64 {
    let is_well = |second: &[Tick]| {
        let arrived: f64 = second.iter().map(|tick| f64::from(tick.arrived)).sum();
        count::good(second) >= 0.9 * arrived
    };
    seconds(from_then_on(ticks.windows(PER_SECOND).map(is_well)))
}

/// Returns the first moment at which the limit is this low.
pub(super) fn fallen(ticks: &[Tick], floor: f64) -> f64 {
    let is_low = |tick| count::limit(std::slice::from_ref(tick)) <= floor;
    seconds(ticks.iter().position(is_low))
}

/// Returns from which on all are true.
fn from_then_on(all: impl Iterator<Item = bool>) -> Option<usize> {
    let (mut first, mut count) = (0, 0);
    for is_so in all {
        count += 1;
        if !is_so {
            first = count;
        }
    }
    (first < count).then_some(first)
}

fn is_within(value: f64, goal: f64, part: f64) -> bool {
    (value - goal).abs() <= part * goal
}

fn seconds(ticks: Option<usize>) -> f64 {
    ticks.map_or(f64::INFINITY, |ticks| ticks as f64 / PER_SECOND as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEVER: f64 = f64::INFINITY;

    /// Ticks with these limits, each for so many.
    fn limits(limits: &[(f64, usize)]) -> Vec<Tick> {
        let ticks = limits.iter().flat_map(|(limit, count)| {
            let tick = Tick {
                limit: *limit,
                ..Tick::default()
            };
            vec![tick; *count]
        });
        ticks.collect()
    }

    #[test]
    fn a_limit_is_found_when_it_has_come_to_stay() {
        assert_eq!(found(&limits(&[(40.0, 60)]), 40.0), 0.0);
        assert_eq!(found(&limits(&[(40.0, 59)]), 40.0), NEVER);
        assert_eq!(found(&limits(&[(10.0, 30), (33.0, 60)]), 40.0), 3.0);
        let passes = limits(&[(10.0, 10), (40.0, 30), (90.0, 20), (47.0, 60)]);
        assert_eq!(found(&passes, 40.0), 6.0);
        assert_eq!(found(&limits(&[(49.0, 90)]), 40.0), NEVER);
    }

    #[test]
    fn the_mean_of_a_second_is_what_counts_as_the_limit() {
        let swings = limits(&[(20.0, 5), (60.0, 5)].repeat(8));
        assert_eq!(found(&swings, 40.0), 0.0);
    }

    #[test]
    fn a_plateau_is_settled_when_it_is_not_left_any_more() {
        assert_eq!(settled(&limits(&[(40.0, 10), (8.0, 90)])), 1.0);
        let back = limits(&[(40.0, 10), (8.0, 10), (20.0, 10), (8.0, 90)]);
        assert_eq!(settled(&back), 3.0);
        assert_eq!(settled(&limits(&[(8.0, 95), (40.0, 5)])), NEVER);
    }

    /// Ticks of ten arrivals with so many good ones, each for so many.
    fn answers(good: &[(u32, usize)]) -> Vec<Tick> {
        let ticks = good.iter().flat_map(|(good, count)| {
            let tick = Tick {
                arrived: 10,
                good: *good,
                ..Tick::default()
            };
            vec![tick; *count]
        });
        ticks.collect()
    }

    #[test]
    fn it_is_recovered_when_nine_of_ten_are_good_for_good() {
        assert_eq!(recovered(&answers(&[(9, 30)])), 0.0);
        assert_eq!(recovered(&answers(&[(8, 30)])), NEVER);
        // A second may have one bad tick of ten.
        assert_eq!(recovered(&answers(&[(0, 20), (10, 30)])), 1.9);
        let again = answers(&[(10, 20), (0, 5), (10, 30)]);
        assert_eq!(recovered(&again), 2.4);
    }

    #[test]
    fn a_limit_has_fallen_when_a_whole_tick_is_as_low() {
        let falls = limits(&[(40.0, 4), (2.5, 1), (2.0, 1)]);
        assert_eq!(fallen(&falls, 2.0), 0.5);
        assert_eq!(fallen(&falls, 1.0), NEVER);
    }
}
