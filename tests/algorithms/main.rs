//! What every algorithm must do with overloads, cancels, light load and absurd samples.

mod aimd;
mod fathom;
mod gradient2;
mod plant;
mod properties;
#[cfg(feature = "serde")]
mod serialized;
mod vegas;
mod windowed;

use std::fmt;
use std::time::Duration;

use tower_adaptive::{
    Aggregate, Aimd, Algorithm, Bounds, Fathom, Finding, Fixed, Gradient2, Outcome, Sample, Vegas,
    Windowed, WindowedBuilder,
};

const MS: Duration = Duration::from_millis(1);
const FAST: Duration = Duration::from_micros(200);
const NORMAL: Duration = Duration::from_millis(20);
const HOUR: Duration = Duration::from_secs(3600);

fn success(rtt: Duration, in_flight: usize) -> Sample {
    Sample::new(rtt, in_flight, Outcome::Success)
}

fn overload(rtt: Duration, in_flight: usize) -> Sample {
    Sample::new(rtt, in_flight, Outcome::Overload)
}

fn canceled(elapsed: Duration, in_flight: usize) -> Sample {
    Sample::new(elapsed, in_flight, Outcome::Canceled)
}

fn bounds(min: usize, max: usize) -> Bounds {
    Bounds::new(min, max).unwrap()
}

fn aimd() -> Aimd {
    Aimd::builder().min_limit(1).build()
}

/// A Gradient2 whose long-term RTT is `NORMAL`.
fn warm_gradient2() -> Gradient2 {
    let mut gradient2 = Gradient2::builder().min_limit(1).build();
    for _ in 0..10 {
        gradient2.update(&success(NORMAL, 1));
    }
    gradient2
}

/// A Vegas whose baseline is `NORMAL`.
fn warm_vegas() -> Vegas {
    let mut vegas = Vegas::builder().seed(1).build();
    vegas.update(&success(NORMAL, 1));
    vegas
}

/// A Windowed that delivers every sample at once, given that `at` moves on.
fn per_sample<A: Algorithm>(inner: A) -> Windowed<A> {
    let shortest = Duration::from_nanos(1);
    Windowed::builder(inner)
        .min_window(shortest)
        .max_window(shortest)
        .min_samples(1)
        .build()
}

/// Asserts that `sample` leaves every bit of the algorithm as it was.
#[track_caller]
fn teaches_nothing(mut algorithm: impl Algorithm + fmt::Debug, sample: Sample) {
    let before = format!("{algorithm:?}");
    algorithm.update(&sample);
    assert_eq!(format!("{algorithm:?}"), before);
}

#[track_caller]
fn lowers(mut algorithm: impl Algorithm, sample: Sample) {
    let before = algorithm.max_concurrency();
    algorithm.update(&sample);
    let after = algorithm.max_concurrency();
    assert!(after < before, "{before} -> {after}");
}

/// Asserts that `sample` moves no baseline and, however often it comes, never raises the limit.
#[track_caller]
fn never_learned(mut algorithm: impl Algorithm, sample: Sample) {
    let baseline = algorithm.report().baseline;
    for ms in 1..2000 {
        let before = algorithm.max_concurrency();
        algorithm.update(&sample.clone().at(MS * ms));
        assert!(algorithm.max_concurrency() <= before);
        assert_eq!(algorithm.report().baseline, baseline);
    }
}

/// Asserts that each overload lowers the limit until it is 1.
#[track_caller]
fn falls_to_one_without_sticking(mut algorithm: impl Algorithm) {
    for ms in 1..1000 {
        let before = algorithm.max_concurrency();
        algorithm.update(&overload(FAST, 1).at(MS * ms));
        let after = algorithm.max_concurrency();
        assert!(after < before || after == 1, "{before} -> {after}");
    }
    assert_eq!(algorithm.max_concurrency(), 1);
}

/// Asserts that a healthy service under full load lifts the limit off 1.
#[track_caller]
fn grows_from_one(mut algorithm: impl Algorithm) {
    algorithm.rebase(1, bounds(1, 100));
    for ms in 1..2000 {
        // A little noise, or RTTs would always equal the baseline.
        let rtt = NORMAL + Duration::from_micros(u64::from(ms % 7));
        let in_flight = algorithm.max_concurrency();
        algorithm.update(&success(rtt, in_flight).at(MS * ms));
    }
    assert!(algorithm.max_concurrency() > 1);
}

/// Asserts that one request at a time leaves a limit of 10 where it is.
#[track_caller]
fn stays_without_load(mut algorithm: impl Algorithm) {
    algorithm.rebase(10, bounds(1, 100));
    for ms in 1..2000 {
        algorithm.update(&success(NORMAL, 1).at(MS * ms));
    }
    assert_eq!(algorithm.max_concurrency(), 10);
}

/// Asserts that a limit and bounds set from outside replace those of the builder.
#[track_caller]
fn takes_over_limit_and_bounds(mut algorithm: impl Algorithm) {
    let baseline = algorithm.report().baseline;
    algorithm.rebase(7, bounds(5, 9));
    assert_eq!(algorithm.max_concurrency(), 7);
    assert_eq!(algorithm.report().bounds, Some(bounds(5, 9)));
    assert_eq!(algorithm.report().baseline, baseline);

    for ms in 1..100 {
        algorithm.update(&overload(FAST, 7).at(MS * ms));
    }
    assert_eq!(algorithm.max_concurrency(), 5);
    for ms in 100..200 {
        algorithm.update(&success(NORMAL, 9).at(MS * ms));
    }
    assert_eq!(algorithm.max_concurrency(), 9);
}
