//! The thread that looks at listed limiters: when it runs.
//!
//! Alone in its process, since other tests list limiters, too.

#![cfg(all(feature = "metrics", target_os = "linux"))]

use std::fs;
use std::time::Duration;

use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};
use tower_adaptive::{Fixed, Limiter};

#[test]
fn it_publishes_by_itself_ends_when_nothing_is_listed_and_starts_again() {
    let recorder = DebuggingRecorder::new();
    let told = recorder.snapshotter();
    let unnamed = Limiter::new(Fixed::new(1));
    assert_eq!(observers(), 0);
    let before = Limiter::builder(Fixed::new(3)).name("observed").build();
    eventually("it runs", || observers() == 1);

    // Late: it is found nevertheless.
    recorder.install().expect("the only one");
    eventually("it publishes", || limits(&told).contains(&3.0));
    let also = Limiter::builder(Fixed::new(4))
        .name("also observed")
        .build();
    eventually("it publishes both", || limits(&told).contains(&4.0));
    assert_eq!(observers(), 1);

    drop((before, also));
    eventually("it ends", || observers() == 0);

    let _again = Limiter::builder(Fixed::new(5)).name("observed").build();
    eventually("it publishes again", || limits(&told).contains(&5.0));
    assert_eq!(observers(), 1);
    drop(unnamed);
}

/// The names of threads are cut off after 15 bytes.
fn observers() -> usize {
    let tasks = fs::read_dir("/proc/self/task").expect("the threads of this process");
    let names = tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names
        .filter(|name| name.trim_end() == "tower-adaptive")
        .count()
}

fn limits(told: &Snapshotter) -> Vec<f64> {
    let told = told.snapshot().into_vec().into_iter();
    told.filter(|(key, ..)| key.key().name() == "tower_adaptive_limit")
        .filter_map(|(_, _, _, value)| match value {
            DebugValue::Gauge(value) => Some(value.into_inner()),
            _ => None,
        })
        .collect()
}

#[track_caller]
fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..6000 {
        if is_so() {
            return;
        }
        std::thread::park_timeout(Duration::from_millis(10));
    }
    panic!("not within a minute: {what}");
}
