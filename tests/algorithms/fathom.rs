use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::plant::{Plant, Work};
use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn starting_at(limit: usize) -> Fathom {
    Fathom::builder().initial_limit(limit).build()
}

/// One that holds an overloaded plant of 40 servers, and the plant.
fn settled() -> (Fathom, Plant) {
    let mut fathom = Fathom::default();
    let mut plant = Plant::overloaded(40);
    plant.run(&mut fathom, 20 * SECOND);
    (fathom, plant)
}

/// The same in the middle of an experiment.
fn experimenting() -> (Fathom, Plant) {
    let (mut fathom, mut plant) = settled();
    reach_experiment(&mut fathom, &mut plant);
    (fathom, plant)
}

fn reach_experiment(fathom: &mut Fathom, plant: &mut Plant) {
    for _ in 0..60_000 {
        if phase(fathom) == "experiment" {
            return;
        }
        plant.run(fathom, MS);
    }
    panic!("no experiment in a minute");
}

/// A Fathom whose baseline is `NORMAL`.
fn warm() -> Fathom {
    let mut fathom = Fathom::default();
    for i in 0..1000 {
        fathom.update(&success(NORMAL, 3).at(MS * i));
    }
    assert_eq!(fathom.report().baseline.map(rounded), Some(NORMAL));
    fathom
}

fn rounded(rtt: Duration) -> Duration {
    MS * (rtt + MS / 2).as_millis() as u32
}

fn phase(fathom: &Fathom) -> &'static str {
    fathom.report().phase.unwrap()
}

fn finding(fathom: &Fathom) -> Option<Finding> {
    fathom.report().verdict.map(|verdict| verdict.finding)
}

#[track_caller]
fn assert_near(found: f64, expected: f64, part: f64) {
    let error = (found - expected).abs() / expected;
    assert!(error <= part, "{found} instead of {expected}");
}

// What it is for.

#[test]
fn an_overload_settles_at_the_servers_wherever_the_limit_starts() {
    for start in [1, 20, 1000] {
        let mut fathom = starting_at(start);
        let mut plant = Plant::overloaded(40);
        plant.run(&mut fathom, 30 * SECOND);
        let seen = plant.run(&mut fathom, 20 * SECOND);
        assert_near(seen.mean_limit(), 40.0, 0.25);
    }
}

#[test]
fn an_overload_of_work_that_hardly_varies_settles_too() {
    let mut fathom = Fathom::default();
    let mut plant = Plant::overloaded(40);
    plant.work = Work::LogNormal {
        median: NORMAL,
        sigma: 0.3,
    };
    plant.run(&mut fathom, 20 * SECOND);
    let seen = plant.run(&mut fathom, 10 * SECOND);
    assert_near(seen.mean_limit(), 40.0, 0.25);
}

#[test]
fn a_slower_dependency_is_no_queue() {
    let mut fathom = Fathom::default();
    let mut plant = Plant::loaded(40, 0.6);
    plant.run(&mut fathom, 20 * SECOND);
    let before = fathom.report().baseline.unwrap();

    plant.delay = 60 * MS;
    plant.run(&mut fathom, 10 * SECOND);
    let seen = plant.run(&mut fathom, 10 * SECOND);

    assert_eq!(finding(&fathom), Some(Finding::Slower));
    assert!(fathom.report().baseline.unwrap() > before + 40 * MS);
    assert!(seen.rejects() < 0.01, "{}", seen.rejects());
}

#[test]
fn a_loss_of_servers_is_a_queue() {
    let mut fathom = Fathom::default();
    let mut plant = Plant::loaded(32, 0.8);
    plant.run(&mut fathom, 20 * SECOND);
    assert!(fathom.max_concurrency() >= 32);

    plant.servers = 8;
    plant.run(&mut fathom, 5 * SECOND);

    assert_eq!(finding(&fathom), Some(Finding::Queue));
    assert!(fathom.max_concurrency() < 16);
    let seen = plant.run(&mut fathom, 5 * SECOND);
    assert!(seen.highest() < 16, "{}", seen.highest());
}

#[test]
fn requests_that_never_show_up_do_not_lower_the_limit() {
    let (mut fathom, mut plant) = settled();
    plant.unclassified = 0.5;
    plant.run(&mut fathom, 5 * SECOND);
    let seen = plant.run(&mut fathom, 15 * SECOND);
    assert!(seen.mean_limit() > 35.0, "{}", seen.mean_limit());
    assert!(seen.mean_limit() < 60.0, "{}", seen.mean_limit());
}

#[test]
fn experiments_that_bring_nothing_new_become_rare() {
    let (mut fathom, mut plant) = settled();
    let (mut experiments, mut last) = (0, None);
    for _ in 0..200 {
        plant.run(&mut fathom, SECOND);
        let at = fathom.report().verdict.map(|verdict| verdict.at);
        experiments += u32::from(at != last);
        last = at;
    }
    assert!((4..32).contains(&experiments), "{experiments}");
}

// Failures.

#[test]
fn a_tenth_of_fast_overloads_hardly_moves_a_loaded_limit() {
    let (mut fathom, mut plant) = settled();
    let before = plant.run(&mut fathom, 20 * SECOND).mean_limit();
    plant.overloads = 0.1;
    plant.run(&mut fathom, 5 * SECOND);
    let seen = plant.run(&mut fathom, 20 * SECOND);
    assert_near(seen.mean_limit(), before, 0.1);
}

#[test]
fn overloads_alone_bring_the_limit_to_the_minimum() {
    let (mut fathom, mut plant) = settled();
    plant.overloads = 1.0;
    plant.run(&mut fathom, 2 * SECOND);
    assert_eq!(fathom.max_concurrency(), 1);

    let mut fathom = starting_at(1000);
    for ms in 1..1000 {
        let before = fathom.max_concurrency();
        fathom.update(&overload(FAST, 1).at(MS * ms));
        assert!(fathom.max_concurrency() <= before);
    }
    assert_eq!(fathom.max_concurrency(), 1);
}

#[test]
fn overload_and_canceled_rtts_never_move_the_baseline() {
    for rtt in [Duration::ZERO, FAST, NORMAL * 2, HOUR] {
        for in_flight in [1, 20, 200] {
            never_learned(Fathom::default(), overload(rtt, in_flight));
            never_learned(Fathom::default(), canceled(rtt, in_flight));
            moves_no_baseline(overload(rtt, in_flight));
            moves_no_baseline(canceled(rtt, in_flight));
        }
    }
}

/// As `never_learned`, with the successes of before still to be judged.
#[track_caller]
fn moves_no_baseline(sample: Sample) {
    let mut fathom = warm();
    for ms in 1000..4000 {
        let before = fathom.max_concurrency();
        fathom.update(&sample.clone().at(MS * ms));
        assert!(fathom.max_concurrency() <= before);
        assert_eq!(fathom.report().baseline.map(rounded), Some(NORMAL));
    }
}

#[test]
fn cancels_faster_than_the_baseline_do_not_lower_the_limit() {
    let mut fathom = warm();
    for ms in 1000..3000 {
        fathom.update(&success(NORMAL, 3).at(MS * ms));
        fathom.update(&canceled(FAST, 3).at(MS * ms));
    }
    assert_eq!(fathom.max_concurrency(), 20);
}

/// Callers who give up on the slowest fifth say nothing of the others.
#[test]
fn impatient_callers_do_not_pin_the_limit() {
    let mut fathom = Fathom::default();
    let mut plant = Plant::loaded(40, 0.5);
    plant.hedge = Some(30 * MS);
    plant.run(&mut fathom, 20 * SECOND);
    let seen = plant.run(&mut fathom, 20 * SECOND);
    assert!(seen.mean_limit() > 30.0, "{}", seen.mean_limit());
}

#[test]
fn a_black_hole_brings_the_limit_down_within_three_timeouts() {
    let (mut fathom, mut plant) = settled();
    plant.timeout = Some(SECOND);
    plant.run(&mut fathom, 3 * SECOND + 500 * MS);
    assert_eq!(fathom.max_concurrency(), 1);
}

#[test]
fn the_limit_comes_back_when_a_black_hole_has_healed() {
    let (mut fathom, mut plant) = settled();
    plant.timeout = Some(SECOND);
    plant.run(&mut fathom, 10 * SECOND);
    plant.timeout = None;
    plant.run(&mut fathom, 10 * SECOND);
    let seen = plant.run(&mut fathom, 10 * SECOND);
    assert_near(seen.mean_limit(), 40.0, 0.3);
}

#[test]
fn an_experiment_whose_requests_are_all_refused_ends() {
    // In some of them, enough is under way when the refusals begin.
    for experiments in 1..=8 {
        let (mut fathom, mut plant) = settled();
        for _ in 0..experiments {
            while phase(&fathom) == "experiment" {
                plant.run(&mut fathom, MS);
            }
            reach_experiment(&mut fathom, &mut plant);
        }
        plant.overloads = 1.0;
        plant.run(&mut fathom, 100 * MS);
        plant.overloads = 0.0;
        plant.run(&mut fathom, 30 * SECOND);
        assert!(fathom.max_concurrency() > 12, "{experiments}: {fathom:?}");
    }
}

#[test]
fn a_tenth_of_fast_overloads_hardly_moves_an_idle_limit() {
    let mut fathom = warm();
    for ms in 1000..11_000 {
        let sample = match ms % 10 {
            0 => overload(FAST, 3),
            _ => success(NORMAL, 3),
        };
        fathom.update(&sample.at(MS * ms));
    }
    assert!(fathom.max_concurrency() >= 18);
}

#[test]
fn a_few_slow_cancels_among_successes_do_not_lower_the_limit() {
    let mut fathom = warm();
    for ms in 1000..11_000 {
        let sample = match ms % 20 {
            0 => canceled(NORMAL * 5, 3),
            _ => success(NORMAL, 3),
        };
        fathom.update(&sample.at(MS * ms));
        assert_eq!(fathom.max_concurrency(), 20);
    }
}

// Load.

#[test]
fn one_request_at_a_time_does_not_grow_the_limit() {
    stays_at_most(20, 1..2, NORMAL..NORMAL * 2);
}

#[test]
fn less_than_half_of_the_limit_does_not_grow_it_whatever_the_rtts() {
    for longest in [2, 5, 1000] {
        stays_at_most(20, 1..9, NORMAL..NORMAL * longest);
        stays_at_most(1000, 1..400, NORMAL..NORMAL * longest);
    }
}

/// Asserts that a limit stays where it was, or lower, with requests that it keeps nobody out of.
#[track_caller]
fn stays_at_most(limit: usize, in_flight: std::ops::Range<usize>, rtts: std::ops::Range<Duration>) {
    let mut fathom = starting_at(limit);
    let mut rng = StdRng::seed_from_u64(7);
    for ms in 1..20_000 {
        let in_flight = rng.random_range(in_flight.clone());
        let most = (fathom.max_concurrency() / 2).max(1);
        let rtt = Duration::from_secs_f64(
            rng.random_range(rtts.start.as_secs_f64()..rtts.end.as_secs_f64()),
        );
        fathom.update(&success(rtt, in_flight.min(most)).at(MS * ms));
        assert!(fathom.max_concurrency() <= limit);
    }
}

#[test]
fn the_limit_stays_within_twice_what_was_in_flight() {
    let mut fathom = Fathom::default();
    let mut plant = Plant::loaded(100, 0.8);
    plant.run(&mut fathom, 20 * SECOND);
    assert!(fathom.max_concurrency() >= 80);
    plant.rate *= 0.1;
    plant.run(&mut fathom, 40 * SECOND);
    assert!(
        fathom.max_concurrency() <= 50,
        "{}",
        fathom.max_concurrency()
    );
}

#[test]
fn limit_of_one_grows_again() {
    grows_from_one(warm());
    grows_from_one(Fathom::default());
    let (mut fathom, mut plant) = settled();
    fathom.rebase(1, bounds(1, 1000));
    plant.run(&mut fathom, 30 * SECOND);
    assert!(fathom.max_concurrency() > 24, "{fathom:?}");
}

#[test]
fn the_baseline_follows_what_lasts_while_nobody_is_kept_out() {
    let mut fathom = warm();
    for ms in 1000..61_000 {
        fathom.update(&success(NORMAL + 3 * MS, 3).at(MS * ms));
    }
    let baseline = fathom.report().baseline.map(rounded);
    assert_eq!(baseline, Some(NORMAL + 3 * MS));
}

#[test]
fn a_rise_is_looked_into_though_nobody_is_kept_out() {
    let mut fathom = starting_at(100);
    let mut plant = Plant::loaded(40, 0.5);
    plant.run(&mut fathom, 20 * SECOND);
    plant.delay = 20 * MS;
    plant.run(&mut fathom, 20 * SECOND);
    assert_eq!(finding(&fathom), Some(Finding::Slower));
    assert!(fathom.report().baseline.unwrap() > 25 * MS);
}

// Samples as they come.

#[test]
fn samples_out_of_order_do_no_harm() {
    for batch in [2, 3, 8] {
        let mut fathom = Fathom::default();
        let mut plant = Plant::overloaded(40);
        plant.batch = batch;
        plant.run(&mut fathom, 20 * SECOND);
        let seen = plant.run(&mut fathom, 20 * SECOND);
        assert_near(seen.mean_limit(), 40.0, 0.25);
    }
}

#[test]
fn a_pause_does_no_harm() {
    for pause in [SECOND, HOUR, 24 * 30 * HOUR] {
        for (mut fathom, mut plant) in [settled(), experimenting()] {
            plant.stall(pause);
            plant.run(&mut fathom, 40 * SECOND);
            let seen = plant.run(&mut fathom, 10 * SECOND);
            assert_near(seen.mean_limit(), 40.0, 0.25);
        }
    }
}

#[test]
fn samples_without_totals_teach_too() {
    let mut fathom = Fathom::default();
    let mut plant = Plant::overloaded(40);
    plant.has_totals = false;
    plant.run(&mut fathom, 10 * SECOND);
    let seen = plant.run(&mut fathom, 30 * SECOND);
    // Without rejections, nobody knows that the limit is in the way.
    assert_near(seen.mean_limit(), 40.0, 0.6);
}

#[test]
fn the_same_samples_make_the_same_limits() {
    let run = || {
        let mut fathom = Fathom::default();
        let mut plant = Plant::overloaded(40);
        let seen = plant.run(&mut fathom, 20 * SECOND);
        (seen.limits, format!("{fathom:?}"))
    };
    assert_eq!(run(), run());
}

#[test]
fn it_takes_less_than_8_kib() {
    assert!(size_of::<Fathom>() < 8 * 1024);
}

// Live control.

#[test]
fn rebase_takes_over_limit_and_bounds_and_keeps_the_baseline() {
    for (mut fathom, _) in [settled(), experimenting()] {
        let baseline = fathom.report().baseline;
        fathom.rebase(7, bounds(5, 9));
        assert_eq!(fathom.max_concurrency(), 7);
        assert_eq!(fathom.report().bounds, Some(bounds(5, 9)));
        assert_eq!(fathom.report().baseline, baseline);
        assert_eq!(phase(&fathom), "steady");
    }
}

#[test]
fn rebase_in_the_middle_of_an_experiment_is_the_end_of_it() {
    for limit in [5, 300] {
        let (mut fathom, mut plant) = experimenting();
        fathom.rebase(limit, bounds(1, 1000));
        plant.run(&mut fathom, 20 * SECOND);
        let seen = plant.run(&mut fathom, 20 * SECOND);
        assert_near(seen.mean_limit(), 40.0, 0.25);
    }
}

#[test]
fn rebase_lets_it_follow_another_clock() {
    let (mut fathom, _) = settled();
    fathom.rebase(10, bounds(1, 1000));
    let mut plant = Plant::overloaded(40);
    plant.run(&mut fathom, 10 * SECOND);
    let seen = plant.run(&mut fathom, 5 * SECOND);
    assert_near(seen.mean_limit(), 40.0, 0.25);
}

#[test]
fn the_smallest_limit_may_be_the_largest() {
    for limit in [1, 20, Bounds::LARGEST] {
        let builder = Fathom::builder().initial_limit(limit).min_limit(limit);
        let mut fathom = builder.max_limit(limit).build();
        Plant::overloaded(8).run(&mut fathom, 5 * SECOND);
        assert_eq!(fathom.max_concurrency(), limit);
    }
}

#[test]
fn a_limit_beyond_all_load_falls_to_twice_what_was_in_flight() {
    let mut fathom = Fathom::builder()
        .max_limit(Bounds::LARGEST)
        .initial_limit(Bounds::LARGEST)
        .build();
    Plant::loaded(40, 0.5).run(&mut fathom, 20 * SECOND);
    let limit = fathom.max_concurrency();
    assert!((20..=100).contains(&limit), "{limit}");
}

/// Requests that took minutes because time stood still are forgotten, and with them how long others are
/// waited for.
#[test]
fn a_pause_does_not_make_it_patient_for_minutes() {
    let mut fathom = Fathom::default();
    let mut plant = Plant::overloaded(20);
    let acts = [
        (Act::Batch(3), 2397 * MS),
        (Act::Rate(2.826), 31 * MS),
        (Act::Delay(160 * MS), 41 * MS),
        (Act::Stall(151 * SECOND), 141 * MS),
        (Act::BlackHole, 355 * MS),
        (Act::Heal, 30 * SECOND),
    ];
    for act in acts {
        play(&act, &mut plant, &mut fathom);
    }
    assert!(fathom.max_concurrency() > 10, "{fathom:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever has happened, it finds its way back: no state is a trap. A baseline that is far off is
    /// corrected by experiments, which are few at a low limit.
    #[test]
    fn never_stuck_once_samples_are_healthy(acts in acts()) {
        let mut fathom = Fathom::default();
        let mut plant = Plant::overloaded(20);
        let mut fastest = Duration::MAX;
        for act in &acts {
            play(act, &mut plant, &mut fathom);
            fastest = fastest.min(plant.fastest);
            if let Some(baseline) = fathom.report().baseline {
                prop_assert!(baseline + MS / 1000 >= fastest, "{baseline:?} {fastest:?}");
            }
            let report = fathom.report();
            prop_assert!(report.queue.is_none_or(f64::is_finite));
        }
        plant.heal();
        prop_assert!(
            (0..30).any(|_| {
                let seen = plant.run(&mut fathom, 10 * SECOND);
                (12.0..30.0).contains(&seen.mean_limit())
            }),
            "{fathom:?}"
        );
    }
}

/// What may happen to a plant.
#[derive(Clone, Copy, Debug)]
enum Act {
    Overloads(f64),
    Unclassified(f64),
    BlackHole,
    Hedge(Duration),
    Delay(Duration),
    Servers(usize),
    Rate(f64),
    Batch(usize),
    Stall(Duration),
    Rebase(usize),
    Heal,
}

/// What happens, and for how long.
fn acts() -> impl Strategy<Value = Vec<(Act, Duration)>> {
    let act = prop_oneof![
        prop_oneof![Just(1.0), 0.0..1.0].prop_map(Act::Overloads),
        (0.0..0.95).prop_map(Act::Unclassified),
        Just(Act::BlackHole),
        (1..60_u32).prop_map(|ms| Act::Hedge(MS * ms)),
        (0..200_u32).prop_map(|ms| Act::Delay(MS * ms)),
        (1..40_usize).prop_map(Act::Servers),
        (0.1..4.0).prop_map(Act::Rate),
        (1..9_usize).prop_map(Act::Batch),
        (1..4000_u32).prop_map(|s| Act::Stall(SECOND * s)),
        (1..=1000_usize).prop_map(Act::Rebase),
        Just(Act::Heal),
    ];
    let length = prop_oneof![
        (1..300_u32).prop_map(|ms| MS * ms),
        (300..6000_u32).prop_map(|ms| MS * ms)
    ];
    prop::collection::vec((act, length), 1..12)
}

fn play(act: &(Act, Duration), plant: &mut Plant, fathom: &mut Fathom) {
    match act.0 {
        Act::Overloads(part) => plant.overloads = part,
        Act::Unclassified(part) => plant.unclassified = part,
        Act::BlackHole => plant.timeout = Some(300 * MS),
        Act::Hedge(after) => plant.hedge = Some(after),
        Act::Delay(delay) => plant.delay = delay,
        Act::Servers(servers) => plant.servers = servers,
        Act::Rate(times) => plant.rate = 1000.0 * times,
        Act::Batch(batch) => plant.batch = batch,
        Act::Stall(length) => plant.stall(length),
        Act::Rebase(limit) => fathom.rebase(limit, bounds(1, 1000)),
        Act::Heal => plant.heal(),
    }
    plant.run(fathom, act.1);
}
