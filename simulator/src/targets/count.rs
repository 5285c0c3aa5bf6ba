//! Numbers of a part of a run.

use crate::measure::{self, Record};
use crate::model::Tick;

/// Returns the requests that were answered within the SLO.
pub(super) fn good(ticks: &[Tick]) -> f64 {
    ticks.iter().map(|tick| f64::from(tick.good)).sum()
}

/// Returns the requests that were answered.
pub(super) fn answered(ticks: &[Tick]) -> f64 {
    ticks.iter().map(|tick| f64::from(tick.answered())).sum()
}

/// Returns the 99th percentile of what answers took, in seconds: endless if there are none.
pub(super) fn p99(ticks: &[Tick]) -> f64 {
    let mut all: Vec<u32> = ticks
        .iter()
        .flat_map(|tick| tick.latencies_us.iter().copied())
        .collect();
    if all.is_empty() {
        return f64::INFINITY;
    }
    let rank = (all.len() * 99).div_ceil(100) - 1;
    let (_, us, _) = all.select_nth_unstable(rank);
    f64::from(*us) / 1e6
}

/// Returns the part of all attempts that limiters rejected.
pub(super) fn rejected(ticks: &[Tick]) -> f64 {
    let rejected = |tick: &Tick| f64::from(tick.rejected + tick.plant_rejected);
    part(
        ticks.iter().map(rejected).sum(),
        ticks.iter().map(|tick| f64::from(tick.attempts)).sum(),
    )
}

/// Returns the part that was rejected in seconds in which the oracle rejected nothing.
pub(super) fn false_rejects(run: &[Tick], oracle: &[Tick]) -> f64 {
    measure::false_rejects(&record(run), &record(oracle))
}

/// Returns the mean limit.
pub(super) fn limit(ticks: &[Tick]) -> f64 {
    let limit = |tick: &Tick| tick.plant.map_or(tick.limit, |[limit, ..]| limit);
    ticks.iter().map(limit).sum::<f64>() / ticks.len().max(1) as f64
}

/// Returns Jain's index of what so many instances got.
pub(super) fn fairness(ticks: &[Tick], instances: usize) -> f64 {
    let mut shares = vec![0.0; instances];
    for tick in ticks {
        for (share, good) in shares.iter_mut().zip(&tick.good_of) {
            *share += f64::from(*good);
        }
    }
    measure::jain(&shares)
}

/// Returns `part` of `whole`. Of nothing there is no part: that proves nothing, so it meets nothing.
pub(super) fn part(part: f64, whole: f64) -> f64 {
    if whole == 0.0 { f64::NAN } else { part / whole }
}

fn record(ticks: &[Tick]) -> Record {
    let mut record = Record::new();
    for tick in ticks {
        record.add(tick);
    }
    record
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_percentile_is_the_smallest_that_99_of_100_do_not_exceed() {
        let tick = |latencies_us: Vec<u32>| Tick {
            latencies_us,
            ..Tick::default()
        };
        let ticks = [tick((51..=100).collect()), tick((1..=50).collect())];
        assert_eq!(p99(&ticks), 99e-6);
        assert_eq!(p99(&[tick(vec![7])]), 7e-6);
        assert_eq!(p99(&[tick(Vec::new())]), f64::INFINITY);
    }

    #[test]
    fn rejects_of_clients_and_plant_are_a_part_of_the_attempts() {
        let tick = Tick {
            attempts: 8,
            rejected: 1,
            plant_rejected: 1,
            ..Tick::default()
        };
        assert_eq!(rejected(&[tick, Tick::default()]), 0.25);
        assert!(rejected(&[Tick::default()]).is_nan());
    }

    #[test]
    fn only_rejects_are_false_where_the_oracle_rejects_nothing() {
        let second = |rejected| {
            (0..10).map(move |_| Tick {
                attempts: 10,
                rejected,
                ..Tick::default()
            })
        };
        let run: Vec<Tick> = second(2).chain(second(5)).collect();
        let oracle: Vec<Tick> = second(0).chain(second(5)).collect();
        assert_eq!(false_rejects(&run, &oracle), 0.2);
    }

    #[test]
    fn late_answers_are_throughput_and_no_goodput() {
        let ticks = [(); 2].map(|()| Tick {
            good: 3,
            late: 2,
            ..Tick::default()
        });
        assert_eq!((good(&ticks), answered(&ticks)), (6.0, 10.0));
    }

    #[test]
    fn the_limit_is_that_of_the_plant_if_it_has_one() {
        let tick = Tick {
            limit: 30.0,
            ..Tick::default()
        };
        let guarded = Tick {
            plant: Some([10.0, 0.0, 0.0]),
            ..tick.clone()
        };
        assert_eq!(limit(&[tick, guarded]), 20.0);
    }

    #[test]
    fn an_instance_that_gets_nothing_is_unfair() {
        let tick = Tick {
            good_of: vec![5, 5],
            ..Tick::default()
        };
        let ticks = [tick.clone(), tick];
        assert_eq!(fairness(&ticks, 2), 1.0);
        assert_eq!(fairness(&ticks, 4), 0.5);
    }
}
