//! Feature `metrics`: what a recorder is told.
//!
//! A local recorder is told all that is new of all limiters, so the tests take turns. The thread that
//! publishes has no recorder here, and takes nothing away.

#![cfg(feature = "metrics")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Barrier, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};
use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use metrics_util::debugging::{DebugValue, DebuggingRecorder};
use tower::{Layer, Service, service_fn};
use tower_adaptive::{
    AdmissionLayer, Algorithm, Fixed, Limiter, Limiters, Mode, Outcome, Priority, Queue, Reason,
    Report, Sample, Vegas, metrics as exported, registry,
};

fn one_at_a_time() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs a test under a paused clock.
fn paused(test: impl Future<Output = ()>) {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(test);
}

/// What was told of one limiter: each series by its name and labels.
#[derive(Debug)]
struct Told(BTreeMap<String, DebugValue>);

impl Told {
    /// Publishes to a recorder and takes out what it was told of one limiter since the last time.
    fn of(limiter: &str, recorder: &DebuggingRecorder) -> Self {
        metrics::with_local_recorder(recorder, exported::publish);
        let told = recorder.snapshotter().snapshot().into_vec().into_iter();
        Self(
            told.filter_map(|(key, _, _, value)| {
                let key = key.key();
                let mut labels: BTreeMap<_, _> =
                    key.labels().map(|it| (it.key(), it.value())).collect();
                let ours = labels.remove("limiter") == Some(limiter);
                let labels = labels.iter().map(|(key, value)| format!(" {key}={value}"));
                let name = key.name().strip_prefix("tower_adaptive_")?;
                ours.then(|| (name.to_owned() + &labels.collect::<String>(), value))
            })
            .collect(),
        )
    }

    #[track_caller]
    fn counter(&self, series: &str) -> u64 {
        match self.0.get(series) {
            Some(DebugValue::Counter(value)) => *value,
            other => panic!("{series} is {other:?}, of {:?}", self.0.keys()),
        }
    }

    #[track_caller]
    fn gauge(&self, series: &str) -> f64 {
        match self.0.get(series) {
            Some(DebugValue::Gauge(value)) => value.into_inner(),
            other => panic!("{series} is {other:?}, of {:?}", self.0.keys()),
        }
    }

    #[track_caller]
    fn histogram(&self, series: &str) -> Vec<f64> {
        match self.0.get(series) {
            Some(DebugValue::Histogram(values)) => values.iter().map(|it| it.0).collect(),
            other => panic!("{series} is {other:?}, of {:?}", self.0.keys()),
        }
    }

    fn sum(&self, prefix: &str) -> u64 {
        let names = self.0.keys().filter(|name| name.starts_with(prefix));
        names.map(|name| self.counter(name)).sum()
    }
}

fn named(name: &str, limit: usize) -> Limiter {
    Limiter::builder(Fixed::new(limit)).name(name).build()
}

fn finish(limiter: &Limiter, outcome: Outcome) {
    limiter.try_acquire().expect("room").complete(outcome);
}

#[test]
fn the_limit_and_what_is_in_flight_are_told() {
    let _turn = one_at_a_time();
    let vegas = Vegas::builder().initial_limit(7).max_limit(9).build();
    let limiter = Limiter::builder(vegas).name("gauges").build();
    let _permits = [limiter.try_acquire(), limiter.try_acquire()];

    let told = Told::of("gauges", &DebuggingRecorder::new());

    assert_eq!(told.gauge("limit"), 7.0);
    assert_eq!(told.gauge("limit_min"), 1.0);
    assert_eq!(told.gauge("limit_max"), 9.0);
    assert_eq!(told.gauge("in_flight"), 2.0);
    assert_eq!(told.gauge("waiting"), 0.0);
    assert_eq!(told.gauge("state state=frozen"), 0.0);
}

#[test]
fn what_finished_is_told_by_outcome() {
    let _turn = one_at_a_time();
    let limiter = named("outcomes", 3);
    (0..3).for_each(|_| finish(&limiter, Outcome::Success));
    (0..2).for_each(|_| finish(&limiter, Outcome::Overload));
    drop(limiter.try_acquire());
    limiter.try_acquire().expect("room").release();
    let _in_flight = limiter.try_acquire();

    let told = Told::of("outcomes", &DebuggingRecorder::new());

    assert_eq!(told.counter("finished_total outcome=success"), 3);
    assert_eq!(told.counter("finished_total outcome=overload"), 2);
    assert_eq!(told.counter("finished_total outcome=canceled"), 1);
    assert_eq!(told.counter("finished_total outcome=ignored"), 1);
    assert_eq!(told.counter("admitted_total"), 8);
    assert_eq!(told.counter("samples_dropped_total"), 0);
}

#[test]
fn each_reason_is_there_from_the_start_and_each_priority_once_it_occurs() {
    let _turn = one_at_a_time();
    let limiter = named("reasons", 1);
    let recorder = DebuggingRecorder::new();
    let before = Told::of("reasons", &recorder);
    for reason in Reason::ALL {
        let series = format!("rejected_total priority=normal reason={}", reason.as_str());
        assert_eq!(before.counter(&series), 0);
    }
    assert_eq!(before.sum("rejected_total"), 0);
    assert!(
        !before
            .0
            .contains_key("rejected_total priority=high reason=limit")
    );
    let _permit = limiter.try_acquire();
    let layer = AdmissionLayer::with_limiter(limiter).priority(|of: &Priority| *of);
    let mut service = layer.layer(service_fn(async |_: Priority| Ok::<_, ()>(())));

    let mut cx = Context::from_waker(Waker::noop());
    for priority in [Priority::High, Priority::Normal, Priority::High] {
        let future = service.call(priority);
        assert!(std::pin::pin!(future).as_mut().poll(&mut cx).is_ready());
    }

    let told = Told::of("reasons", &recorder);
    assert_eq!(
        told.counter("rejected_total priority=normal reason=limit"),
        1
    );
    assert_eq!(told.counter("rejected_total priority=high reason=limit"), 2);
    assert_eq!(told.sum("rejected_total"), 3);
}

#[test]
fn a_request_that_waited_too_long_is_told_with_its_priority_and_its_wait() {
    let _turn = one_at_a_time();
    paused(async {
        let limiter = named("late", 1);
        let permit = limiter.try_acquire();
        let queue = Queue::bounded(4).max_wait(Duration::from_millis(80));
        let layer = AdmissionLayer::with_limiter(limiter).queue(queue);
        let layer = layer.priority(|of: &Priority| *of);
        let mut service = layer.layer(service_fn(async |_: Priority| Ok::<_, ()>(())));

        assert!(service.call(Priority::Low).await.is_err());

        drop(permit);
        let told = Told::of("late", &DebuggingRecorder::new());
        assert_eq!(
            told.counter("rejected_total priority=low reason=waited_too_long"),
            1
        );
        assert_within_a_64th(&told.histogram("queue_wait_seconds"), &[0.08]);
    });
}

#[test]
fn those_that_the_queue_does_not_take_or_gives_up_are_told_with_their_priorities() {
    let _turn = one_at_a_time();
    paused(async {
        let limiter = named("full queue", 1);
        let permit = limiter.try_acquire();
        let layer = AdmissionLayer::with_limiter(limiter).queue(Queue::bounded(1));
        let layer = layer.priority(|of: &Priority| *of);
        let mut service = layer.layer(service_fn(async |_: Priority| Ok::<_, ()>(())));

        let evicted = service.call(Priority::Low);
        let taken = service.call(Priority::High);
        assert!(service.call(Priority::Sheddable).await.is_err());
        assert!(evicted.await.is_err());

        let told = Told::of("full queue", &DebuggingRecorder::new());
        assert_eq!(
            told.counter("rejected_total priority=sheddable reason=queue_full"),
            1
        );
        assert_eq!(
            told.counter("rejected_total priority=low reason=evicted"),
            1
        );
        assert_eq!(told.sum("rejected_total"), 2);
        drop((taken, permit));
    });
}

#[test]
fn a_request_that_left_the_queue_is_told_with_its_wait() {
    let _turn = one_at_a_time();
    paused(async {
        let limiter = named("left", 1);
        let permit = limiter.try_acquire();
        let layer = AdmissionLayer::with_limiter(limiter).queue(Queue::bounded(4));
        let mut service = layer.layer(service_fn(async |_: u32| Ok::<_, ()>(())));

        let queued = service.call(1);
        tokio::time::advance(Duration::from_millis(5)).await;
        drop(queued);

        drop(permit);
        let told = Told::of("left", &DebuggingRecorder::new());
        assert_eq!(told.counter("abandoned_total"), 1);
        assert_within_a_64th(&told.histogram("queue_wait_seconds"), &[0.005]);
    });
}

#[test]
fn callers_are_told_with_their_waits_and_those_that_did_not_wait_are_not() {
    let _turn = one_at_a_time();
    paused(async {
        let limiter = named("callers", 1);
        let permit = limiter.acquire().await.unwrap();
        let mut gone = Box::pin(limiter.acquire());
        let mut served = Box::pin(limiter.acquire());
        let mut cx = Context::from_waker(Waker::noop());
        assert!(gone.as_mut().poll(&mut cx).is_pending());
        tokio::time::advance(Duration::from_millis(10)).await;
        assert!(served.as_mut().poll(&mut cx).is_pending());
        tokio::time::advance(Duration::from_millis(30)).await;

        drop(gone);
        permit.release();
        served.await.unwrap().release();

        let mut waits =
            Told::of("callers", &DebuggingRecorder::new()).histogram("queue_wait_seconds");
        waits.sort_by(f64::total_cmp);
        assert_within_a_64th(&waits, &[0.03, 0.04]);
    });
}

#[test]
fn rtts_of_successes_are_told_and_no_others() {
    let _turn = one_at_a_time();
    paused(async {
        let limiter = named("rtts", 9);
        for (millis, outcome) in [
            (20, Outcome::Success),
            (1, Outcome::Overload),
            (300, Outcome::Success),
        ] {
            let permit = limiter.acquire().await.unwrap();
            tokio::time::advance(Duration::from_millis(millis)).await;
            permit.complete(outcome);
        }

        let told = Told::of("rtts", &DebuggingRecorder::new());

        assert_within_a_64th(&told.histogram("rtt_seconds"), &[0.02, 0.3]);
        let smoothed = limiter.snapshot().smoothed_rtt.unwrap().as_secs_f64();
        assert_eq!(told.gauge("smoothed_rtt_seconds"), smoothed);
    });
}

#[track_caller]
fn assert_within_a_64th(values: &[f64], expected: &[f64]) {
    assert_eq!(values.len(), expected.len(), "{values:?}");
    for (value, expected) in values.iter().zip(expected) {
        assert!((value - expected).abs() <= expected / 64.0, "{values:?}");
    }
}

#[test]
fn what_an_observing_layer_spared_is_told_by_reason() {
    let _turn = one_at_a_time();
    let limiter = named("spared", 1);
    let _permit = limiter.try_acquire();
    let layer = AdmissionLayer::with_limiter(limiter).observe_only();
    let mut service = layer.layer(service_fn(async |_: u32| Ok::<_, ()>(())));

    drop(service.call(1));

    let told = Told::of("spared", &DebuggingRecorder::new());
    assert_eq!(told.counter("spared_total reason=limit"), 1);
    assert_eq!(told.sum("spared_total"), 1);
    assert_eq!(told.sum("rejected_total"), 0);
}

/// One more with each success, one less with each overload, a panic with whatever else; its baseline
/// is a second.
struct Puppet(usize);

impl Algorithm for Puppet {
    fn max_concurrency(&self) -> usize {
        self.0
    }

    fn update(&mut self, sample: &Sample) {
        match sample.outcome {
            Outcome::Success => self.0 += 1,
            Outcome::Overload => self.0 -= 1,
            _ => panic!("a puppet that panics"),
        }
    }

    fn report(&self) -> Report {
        Report::new().baseline(Duration::from_secs(1))
    }
}

#[test]
fn changes_of_the_limit_are_told_by_direction_whoever_made_them() {
    let _turn = one_at_a_time();
    let limiter = Limiter::builder(Puppet(5)).name("moves").build();
    (0..3).for_each(|_| finish(&limiter, Outcome::Success));
    finish(&limiter, Outcome::Overload);
    limiter.set_bounds(1..=2).unwrap();

    let told = Told::of("moves", &DebuggingRecorder::new());

    assert_eq!(told.counter("limit_changes_total direction=up"), 3);
    assert_eq!(told.counter("limit_changes_total direction=down"), 2);
    assert_eq!(told.gauge("baseline_rtt_seconds"), 1.0);
}

#[test]
fn a_frozen_limiter_says_so_and_has_no_baseline() {
    let _turn = one_at_a_time();
    let limiter = Limiter::builder(Puppet(5)).name("frozen").build();
    drop(limiter.try_acquire());

    let told = Told::of("frozen", &DebuggingRecorder::new());

    assert_eq!(told.gauge("state state=frozen"), 1.0);
    assert!(!told.0.contains_key("baseline_rtt_seconds"));
}

#[test]
fn each_state_is_told_as_itself() {
    let _turn = one_at_a_time();
    let limiter = named("states", 1);
    let recorder = DebuggingRecorder::new();
    let states = || {
        let told = Told::of("states", &recorder);
        ["paused", "observing", "closed"].map(|of| told.gauge(&format!("state state={of}")) as u8)
    };
    assert_eq!(states(), [0, 0, 0]);

    limiter.pause();
    assert_eq!(states(), [1, 0, 0]);
    limiter.resume();
    limiter.set_mode(Mode::Observe);
    assert_eq!(states(), [0, 1, 0]);
    limiter.close();
    assert_eq!(states(), [0, 1, 1]);
}

#[test]
fn a_limiter_without_a_name_is_told_only_when_it_is_inserted() {
    let _turn = one_at_a_time();
    let limiter = Limiter::new(Fixed::new(3));
    finish(&limiter, Outcome::Success);
    let recorder = DebuggingRecorder::new();
    assert!(Told::of("inserted", &recorder).0.is_empty());

    registry::insert("inserted", &limiter);

    finish(&limiter, Outcome::Success);
    let told = Told::of("inserted", &recorder);
    assert_eq!(told.counter("finished_total outcome=success"), 2);
    assert_eq!(told.histogram("rtt_seconds").len(), 1);
}

#[test]
fn a_limiter_that_has_gone_is_told_no_more() {
    let _turn = one_at_a_time();
    let limiter = named("gone", 3);
    let told = Told::of("gone", &DebuggingRecorder::new());
    assert_eq!(told.gauge("limit"), 3.0);

    drop(limiter);

    assert!(Told::of("gone", &DebuggingRecorder::new()).0.is_empty());
}

#[test]
fn what_was_told_is_not_told_again() {
    let _turn = one_at_a_time();
    let limiter = named("twice", 1);
    let recorder = DebuggingRecorder::new();
    finish(&limiter, Outcome::Success);
    Told::of("twice", &recorder);

    let again = Told::of("twice", &recorder);

    assert_eq!(again.counter("finished_total outcome=success"), 0);
    assert_eq!(again.counter("admitted_total"), 0);
    assert!(again.histogram("rtt_seconds").is_empty());
    finish(&limiter, Outcome::Success);
    let more = Told::of("twice", &recorder);
    assert_eq!(more.counter("finished_total outcome=success"), 1);
    assert_eq!(more.histogram("rtt_seconds").len(), 1);
}

#[test]
fn nothing_is_lost_before_there_is_a_recorder() {
    let _turn = one_at_a_time();
    let limiter = named("early", 1);
    finish(&limiter, Outcome::Success);

    exported::publish();

    let told = Told::of("early", &DebuggingRecorder::new());
    assert_eq!(told.counter("finished_total outcome=success"), 1);
    assert_eq!(told.histogram("rtt_seconds").len(), 1);
}

#[test]
fn a_limiter_listed_under_two_names_is_told_in_full_under_both() {
    let _turn = one_at_a_time();
    let limiter = named("both: own", 1);
    registry::insert("both: other", &limiter);
    finish(&limiter, Outcome::Success);

    let recorder = DebuggingRecorder::new();
    metrics::with_local_recorder(&recorder, exported::publish);

    let told = recorder.snapshotter().snapshot().into_vec().into_iter();
    let finished: Vec<_> = told
        .filter(|(key, ..)| {
            let labels = key.key().labels();
            let labels: Vec<_> = labels.map(metrics::Label::value).collect();
            labels.contains(&"success") && labels.iter().any(|it| it.starts_with("both"))
        })
        .map(|(_, _, _, value)| value)
        .collect();
    assert_eq!(finished, [DebugValue::Counter(1), DebugValue::Counter(1)]);
}

#[test]
fn one_inserted_again_under_its_name_is_not_told_twice() {
    let _turn = one_at_a_time();
    let limiter = named("reinserted", 1);
    finish(&limiter, Outcome::Success);
    let recorder = DebuggingRecorder::new();
    Told::of("reinserted", &recorder);

    registry::insert("reinserted", &limiter);

    let told = Told::of("reinserted", &recorder);
    assert_eq!(told.counter("finished_total outcome=success"), 0);
}

#[test]
fn of_two_with_one_name_the_younger_is_shown_and_both_are_counted() {
    let _turn = one_at_a_time();
    let recorder = DebuggingRecorder::new();
    let older = named("successor", 3);
    finish(&older, Outcome::Success);
    assert_eq!(
        Told::of("successor", &recorder).counter("admitted_total"),
        1
    );

    let younger = named("successor", 4);
    finish(&younger, Outcome::Success);

    let told = Told::of("successor", &recorder);
    assert_eq!(told.gauge("limit"), 4.0);
    assert_eq!(told.counter("admitted_total"), 1);
    drop(younger);
    finish(&older, Outcome::Success);
    let told = Told::of("successor", &recorder);
    assert_eq!(told.gauge("limit"), 3.0);
    assert_eq!(told.counter("admitted_total"), 1);
}

#[test]
fn of_limiters_by_key_so_many_labels_as_allowed_are_told() {
    let _turn = one_at_a_time();
    let limiters = Limiters::builder(|key: &u32| named(&format!("keyed {key}"), 1))
        .most_listed(3)
        .build();
    (0..50).for_each(|key| drop(limiters.for_key(&key)));
    let recorder = DebuggingRecorder::new();

    metrics::with_local_recorder(&recorder, exported::publish);

    let told = recorder.snapshotter().snapshot().into_vec();
    let labels = told.iter().flat_map(|(key, ..)| key.key().labels());
    let keyed: BTreeSet<_> = labels
        .map(|label| label.value().to_owned())
        .filter(|name| name.starts_with("keyed"))
        .collect();
    let expected = ["keyed 0", "keyed 1", "keyed 2"].map(String::from);
    assert_eq!(keyed, BTreeSet::from(expected));
}

#[test]
fn publishing_from_several_threads_while_requests_run_counts_each_once() {
    const REQUESTS: u64 = 20_000;
    let _turn = one_at_a_time();
    let limiter = named("at once", 100);
    let recorder = DebuggingRecorder::new();
    let start = Barrier::new(4);

    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                start.wait();
                (0..REQUESTS).for_each(|_| finish(&limiter, Outcome::Success));
            });
            scope.spawn(|| {
                start.wait();
                for _ in 0..200 {
                    metrics::with_local_recorder(&recorder, exported::publish);
                }
            });
        }
    });

    let told = Told::of("at once", &recorder);
    let dropped = told.counter("samples_dropped_total");
    assert_eq!(told.histogram("rtt_seconds").len() as u64, 2 * REQUESTS);
    assert_eq!(
        told.counter("finished_total outcome=success") + dropped,
        2 * REQUESTS
    );
    assert_eq!(told.counter("admitted_total"), 2 * REQUESTS);
}

#[test]
fn an_admission_that_comes_back_unspent_takes_nothing_off_a_counter() {
    let _turn = one_at_a_time();
    let limiter = named("unspent", 1);
    let recorder = DebuggingRecorder::new();
    let layer = tower_adaptive::ConcurrencyLimitLayer::with_limiter(limiter.clone());
    let mut service = layer.layer(service_fn(async |_: u32| Ok::<_, ()>(())));
    let mut cx = Context::from_waker(Waker::noop());
    assert!(Service::<u32>::poll_ready(&mut service, &mut cx).is_ready());
    assert_eq!(Told::of("unspent", &recorder).counter("admitted_total"), 1);
    drop(service);
    assert_eq!(limiter.snapshot().admitted(), 0);

    finish(&limiter, Outcome::Success);

    assert_eq!(Told::of("unspent", &recorder).counter("admitted_total"), 0);
    finish(&limiter, Outcome::Success);
    assert_eq!(Told::of("unspent", &recorder).counter("admitted_total"), 1);
}

#[test]
fn a_recorder_that_panics_harms_nobody() {
    let _turn = one_at_a_time();
    let limiter = named("panics", 1);
    finish(&limiter, Outcome::Success);

    metrics::with_local_recorder(&Panics(0), exported::publish);

    finish(&limiter, Outcome::Success);
    let told = Told::of("panics", &DebuggingRecorder::new());
    assert_eq!(told.gauge("limit"), 1.0);
    assert_eq!(told.counter("finished_total outcome=success"), 2);
}

/// Not of zero size, which stands for no recorder.
struct Panics(#[expect(dead_code, reason = "for its size")] u8);

impl Recorder for Panics {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {
        panic!("a recorder that panics");
    }

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, _: &Key, _: &Metadata<'_>) -> Counter {
        panic!("a recorder that panics");
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        panic!("a recorder that panics");
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        panic!("a recorder that panics");
    }
}

/// No handle on a limiter is kept, and no lock is held, while a recorder works.
#[test]
fn a_recorder_may_use_the_limiters_it_is_told_of() {
    struct Nosy(Mutex<Vec<usize>>);

    impl Nosy {
        fn look(&self) {
            if let Some(limiter) = registry::get("nosy recorder") {
                self.0.lock().unwrap().push(limiter.snapshot().limit);
                let _new = named("built by a recorder", 1);
            }
        }
    }

    impl Recorder for Nosy {
        fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
        fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
        fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

        fn register_counter(&self, _: &Key, _: &Metadata<'_>) -> Counter {
            self.look();
            Counter::noop()
        }

        fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
            self.look();
            Gauge::noop()
        }

        fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
            self.look();
            Histogram::noop()
        }
    }

    let _turn = one_at_a_time();
    let _limiter = named("nosy recorder", 6);
    let nosy = Nosy(Mutex::default());

    metrics::with_local_recorder(&nosy, exported::publish);

    let seen = nosy.0.into_inner().unwrap();
    assert!(!seen.is_empty() && seen.iter().all(|limit| *limit == 6));
}

/// Name, type and labels of each row of the table in the docs.
fn documented() -> BTreeMap<String, (String, BTreeSet<String>)> {
    let docs = include_str!("../src/metrics/mod.rs");
    let rows = docs
        .lines()
        .filter(|line| line.starts_with("//! | `tower_adaptive"));
    rows.map(|row| {
        let mut cells = row.split('|').skip(1).map(str::trim);
        let mut next = || cells.next().expect("a cell");
        let (name, kind, _unit, labels) = (next(), next(), next(), next());
        let labels = labels.split("; ").filter(|labels| !labels.is_empty());
        let labels = labels.filter_map(|label| label.split('`').nth(1).map(String::from));
        let name = name.trim_matches('`').to_owned();
        (name, (kind.to_owned(), labels.collect()))
    })
    .collect()
}

#[test]
fn the_table_in_the_docs_has_each_metric_with_its_type_and_labels_and_no_other() {
    let _turn = one_at_a_time();
    paused(async {
        let limiter = Limiter::builder(Puppet(1)).name("documented").build();
        let permit = limiter.acquire().await.unwrap();
        let mut waits = Box::pin(limiter.acquire());
        let mut cx = Context::from_waker(Waker::noop());
        assert!(waits.as_mut().poll(&mut cx).is_pending());
        permit.complete(Outcome::Success);
        waits.await.unwrap().complete(Outcome::Success);
        let recorder = DebuggingRecorder::new();

        metrics::with_local_recorder(&recorder, exported::publish);

        let mut told = BTreeMap::new();
        for (key, unit, description, value) in recorder.snapshotter().snapshot().into_vec() {
            let kind = match value {
                DebugValue::Counter(_) => "counter",
                DebugValue::Gauge(_) => "gauge",
                DebugValue::Histogram(_) => "histogram",
            };
            let name = key.key().name().to_owned();
            assert!(
                unit.is_some() && description.is_some(),
                "{name} is not described"
            );
            let mut labels: BTreeSet<_> =
                key.key().labels().map(|it| it.key().to_owned()).collect();
            assert!(labels.remove("limiter"), "{name} is of no limiter");
            told.insert(name, (kind.to_owned(), labels));
        }
        assert_eq!(told, documented());
    });
}
