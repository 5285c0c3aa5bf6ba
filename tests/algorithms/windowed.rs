use std::sync::{Arc, Mutex};

use super::*;

/// Keeps what it is fed, where the test can see it.
#[derive(Clone, Debug, Default)]
struct Recorder(Arc<Mutex<Vec<Sample>>>);

impl Algorithm for Recorder {
    fn max_concurrency(&self) -> usize {
        1
    }

    fn update(&mut self, sample: &Sample) {
        self.0.lock().unwrap().push(sample.clone());
    }
}

/// Feeds `samples` one millisecond apart with windows of 10 ms, then returns what was
/// delivered. Of each window, eleven samples long, the last one closes it.
fn delivered(samples: impl IntoIterator<Item = Sample>) -> Vec<Sample> {
    delivered_with(WindowedBuilder::default(), samples)
}

fn delivered_with(
    options: WindowedBuilder,
    samples: impl IntoIterator<Item = Sample>,
) -> Vec<Sample> {
    let recorder = Recorder::default();
    let options = options.min_window(MS * 10).max_window(MS * 10);
    let mut windowed = options.inner(recorder.clone()).build();
    // The first sample closes the first window; it is no part of the next one.
    windowed.update(&success(NORMAL, 1).at(Duration::from_nanos(1)));
    for (sample, ms) in samples.into_iter().zip(1..) {
        windowed.update(&sample.at(MS * ms));
    }
    recorder.0.lock().unwrap().clone()
}

fn repeat(sample: Sample, times: usize) -> impl Iterator<Item = Sample> {
    std::iter::repeat_n(sample, times)
}

#[test]
fn window_of_successes_is_delivered_with_their_mean() {
    let samples = repeat(success(MS, 3), 5).chain(repeat(success(MS * 7, 2), 6));
    let delivered = delivered(samples);
    assert_eq!(delivered.len(), 1);
    assert_eq!(delivered[0].outcome, Outcome::Success);
    assert_eq!(delivered[0].rtt, (MS * 5 + MS * 42) / 11);
    assert_eq!(delivered[0].in_flight, 3);
}

#[test]
fn delivered_sample_carries_what_is_latest() {
    let samples = (1..=11).map(|n| {
        let totals = success(MS, 1).finished(n).rejected(n * 10);
        let totals = totals.started(n * 100).waiting(n as usize);
        totals.limit(n as usize + 100)
    });
    let delivered = delivered(samples);
    assert_eq!(delivered[0].at, MS * 11);
    assert_eq!(delivered[0].limit, 111);
    assert_eq!(delivered[0].waiting, 11);
    assert_eq!(delivered[0].finished, 11);
    assert_eq!(delivered[0].rejected, 110);
    assert_eq!(delivered[0].started, 1100);
}

#[test]
fn one_overload_makes_the_window_an_overload() {
    let samples = repeat(overload(HOUR, 9), 1).chain(repeat(success(MS, 1), 10));
    let delivered = delivered(samples);
    assert_eq!(delivered[0].outcome, Outcome::Overload);
    assert_eq!(delivered[0].rtt, MS);
    assert_eq!(delivered[0].in_flight, 9);
}

#[test]
fn window_without_any_success_is_delivered_as_overload() {
    let delivered = delivered(repeat(overload(Duration::ZERO, 1), 11));
    assert_eq!(delivered[0].outcome, Outcome::Overload);
}

#[test]
fn overload_counts_however_fast_it_was() {
    let samples = repeat(overload(Duration::ZERO, 1), 1).chain(repeat(success(MS, 1), 10));
    assert_eq!(delivered(samples)[0].outcome, Outcome::Overload);
}

#[test]
fn success_below_the_shortest_rtt_is_ignored() {
    let tiny = success(Duration::from_micros(99), 50);
    let samples = repeat(tiny, 1).chain(repeat(success(MS, 1), 10));
    let delivered = delivered(samples);
    assert_eq!(delivered[0].rtt, MS);
    assert_eq!(delivered[0].in_flight, 1);
}

#[test]
fn window_with_more_cancels_than_successes_is_delivered_as_canceled() {
    let samples = repeat(canceled(MS * 100, 1), 6).chain(repeat(success(MS, 1), 5));
    let delivered = delivered(samples);
    assert_eq!(delivered[0].outcome, Outcome::Canceled);
    assert_eq!(delivered[0].rtt, MS * 100);
}

#[test]
fn canceled_rtts_never_enter_the_mean_of_successes() {
    let samples = repeat(canceled(HOUR, 1), 5).chain(repeat(success(MS, 1), 6));
    let delivered = delivered(samples);
    assert_eq!(delivered[0].outcome, Outcome::Success);
    assert_eq!(delivered[0].rtt, MS);
}

#[test]
fn canceled_request_closes_no_window_of_successes() {
    let samples = repeat(success(MS, 1), 10).chain(repeat(canceled(MS, 1), 1));
    let mut samples: Vec<Sample> = samples.collect();
    assert_eq!(delivered(samples.clone()).len(), 0);
    samples.push(success(MS, 1));
    assert_eq!(delivered(samples).len(), 1);
}

#[test]
fn percentile_replaces_the_mean() {
    let options = WindowedBuilder::default().aggregate(Aggregate::Percentile(1.0));
    let samples = repeat(success(MS, 1), 10).chain(repeat(success(MS * 64, 1), 1));
    let rtt = delivered_with(options, samples)[0].rtt;
    assert!((MS * 63..=MS * 64).contains(&rtt), "{rtt:?}");
}

#[test]
fn log_mean_replaces_the_mean() {
    let options = || WindowedBuilder::default().aggregate(Aggregate::LogMean);
    let samples = repeat(success(MS, 1), 10).chain(repeat(success(MS * 2048, 1), 1));
    assert_eq!(delivered_with(options(), samples)[0].rtt, MS * 2);

    let samples = repeat(canceled(MS, 1), 10).chain(repeat(canceled(MS * 2048, 1), 1));
    assert_eq!(delivered_with(options(), samples)[0].rtt, MS * 2);
}

#[test]
fn window_of_too_few_successes_is_thrown_away() {
    let options = WindowedBuilder::default().min_samples(12);
    assert_eq!(
        delivered_with(options, repeat(success(MS, 1), 100)).len(),
        0
    );
}

#[test]
fn window_of_too_few_samples_stays_open_after_an_overload_or_cancel() {
    for failure in [overload(MS, 1), canceled(MS, 1)] {
        let options = WindowedBuilder::default().min_samples(12);
        let samples = repeat(failure.clone(), 1).chain(repeat(success(MS, 1), 21));
        let delivered = delivered_with(options, samples);
        assert_eq!(delivered.len(), 1, "{failure:?}");
    }
}

#[test]
fn window_lasts_for_twice_its_shortest_rtt_within_its_bounds() {
    let windows = |rtt_ms: u32| {
        let recorder = Recorder::default();
        let mut windowed = Windowed::builder(recorder.clone())
            .min_window(MS * 10)
            .max_window(MS * 100)
            .build();
        for ms in 1..=1000 {
            let rtt = MS * (rtt_ms + ms % 2);
            windowed.update(&success(rtt, 1).at(MS * ms));
        }
        recorder.0.lock().unwrap().len()
    };
    // The window is longer by the millisecond until the sample that closes it.
    assert_eq!(windows(1), 999 / 11);
    assert_eq!(windows(20), 999 / 41);
    assert_eq!(windows(500), 999 / 101);
}

#[test]
fn rebase_discards_the_open_window() {
    let recorder = Recorder::default();
    let mut windowed = Windowed::new(recorder.clone());
    windowed.update(&success(MS, 1).at(MS));
    for ms in 2..100 {
        windowed.update(&overload(MS, 1).at(MS * ms));
    }
    windowed.rebase(5, bounds(1, 10));
    for ms in 2000..2020 {
        windowed.update(&success(MS, 1).at(MS * ms));
    }
    for ms in 3100..3120 {
        windowed.update(&success(MS, 1).at(MS * ms));
    }
    let delivered = recorder.0.lock().unwrap();
    assert!(!delivered.is_empty());
    assert!(delivered.iter().all(|s| s.outcome == Outcome::Success));
}

#[test]
fn at_may_step_back() {
    let mut windowed = per_sample(aimd());
    windowed.update(&success(NORMAL, 20).at(MS * 50));
    windowed.update(&success(NORMAL, 20).at(MS * 10));
    windowed.update(&success(NORMAL, 20).at(MS * 51));
    assert_eq!(windowed.max_concurrency(), 22);
}

#[test]
fn overload_and_canceled_rtts_never_move_the_baseline() {
    for rtt in [Duration::ZERO, FAST, HOUR] {
        never_learned(Windowed::new(warm_vegas()), overload(rtt, 200));
        never_learned(per_sample(warm_gradient2()), canceled(rtt, 200));
    }
}

#[test]
fn overload_lowers_the_limit_at_any_load() {
    lowers(per_sample(aimd()), overload(FAST, 1).at(MS));
    lowers(per_sample(warm_gradient2()), overload(FAST, 1).at(MS));
    lowers(per_sample(warm_vegas()), overload(FAST, 1).at(MS));
}

#[test]
fn overloads_bring_the_limit_down_without_sticking() {
    falls_to_one_without_sticking(per_sample(warm_gradient2()));
}

#[test]
fn congested_cancels_lower_the_limit() {
    lowers(per_sample(aimd()), canceled(HOUR, 1).at(MS));
    lowers(per_sample(warm_gradient2()), canceled(HOUR, 1).at(MS));
    lowers(per_sample(warm_vegas()), canceled(HOUR, 1).at(MS));
}

#[test]
fn limit_of_one_grows_again() {
    grows_from_one(per_sample(aimd()));
    grows_from_one(per_sample(warm_vegas()));
    grows_from_one(per_sample(warm_gradient2()));
}

#[test]
fn one_request_at_a_time_does_not_grow_the_limit() {
    stays_without_load(per_sample(aimd()));
    stays_without_load(per_sample(warm_vegas()));
    stays_without_load(per_sample(warm_gradient2()));
}

#[test]
fn rebase_and_report_reach_the_inner_algorithm() {
    takes_over_limit_and_bounds(per_sample(warm_vegas()));
    let windowed = Windowed::new(warm_vegas());
    assert_eq!(windowed.report(), warm_vegas().report());
}
