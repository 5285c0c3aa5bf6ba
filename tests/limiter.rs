//! `Limiter`: permits, snapshots, and changes while it is in use.

mod support;

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};
use std::thread;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;
use tokio::time::{advance, sleep, timeout};
use tower_adaptive::{
    Acquire, AdmissionError, Algorithm, Bounds, Limiter, Outcome, Permit, Rejected, Report, Sample,
};

use support::{
    Fault, MS, Method, Panicking, Polled, Samples, Scripted, Steady, block_on, poll, set_limit,
};

fn limiter(limit: usize) -> (Limiter, Samples) {
    let steady = Steady::new(limit);
    let samples = steady.samples();
    (Limiter::new(steady), samples)
}

fn overload(limiter: &Limiter) {
    let permit = limiter.try_acquire().expect("room");
    permit.complete(Outcome::Overload);
}

// Permits.

#[tokio::test(start_paused = true)]
async fn try_acquire_gives_as_many_permits_as_the_limit() {
    let (limiter, _) = limiter(3);

    let permits: Vec<Permit> = std::iter::from_fn(|| limiter.try_acquire()).collect();

    assert_eq!(permits.len(), 3);
    assert_eq!(limiter.snapshot().rejected, 1);
}

#[tokio::test(start_paused = true)]
async fn try_acquire_does_not_overtake_those_who_wait() {
    let (limiter, _) = limiter(1);
    let permit = limiter.try_acquire().unwrap();
    let mut waiting = Polled::new(limiter.acquire());
    assert!(waiting.poll().is_pending());
    permit.release();

    assert!(limiter.try_acquire().is_none());

    assert!(waiting.poll().is_ready());
}

#[tokio::test(start_paused = true)]
async fn try_acquire_takes_a_grant_that_was_left_unclaimed_for_1_ms() {
    let (limiter, _) = limiter(1);
    let permit = limiter.try_acquire().unwrap();
    let mut idle = Polled::new(limiter.acquire());
    assert!(idle.poll().is_pending());
    permit.release();
    advance(MS).await;

    assert!(limiter.try_acquire().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_sample_says_how_many_were_started_until_then() {
    let (limiter, samples) = limiter(4);
    let [a, b, c] = std::array::from_fn(|_| limiter.try_acquire().unwrap());
    b.complete(Outcome::Success);
    let d = limiter.try_acquire().unwrap();
    a.complete(Outcome::Overload);
    // It is not a sample, and has been started and finished all the same.
    d.release();
    drop(c);
    limiter.try_acquire().unwrap().complete(Outcome::Success);

    let totals = samples
        .all()
        .iter()
        .map(|sample| (sample.started, sample.finished))
        .collect::<Vec<_>>();
    assert_eq!(totals, [(3, 1), (4, 2), (4, 4), (5, 5)]);
}

#[tokio::test(start_paused = true)]
async fn those_that_wait_or_were_rejected_are_not_started() {
    let (limiter, samples) = limiter(1);
    let permit = limiter.try_acquire().unwrap();
    let mut waiting = Polled::new(limiter.acquire());
    assert!(waiting.poll().is_pending());
    assert!(limiter.try_acquire().is_none());

    permit.complete(Outcome::Success);

    assert_eq!(samples.only().started, 1);
}

#[tokio::test(start_paused = true)]
async fn acquire_does_nothing_until_it_is_polled() {
    let (limiter, _) = limiter(1);

    let _acquire = limiter.acquire();

    assert_eq!((limiter.in_flight(), limiter.waiting()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_acquire_loses_its_place_and_nothing_else() {
    let (limiter, _) = limiter(1);
    let permit = limiter.acquire().await.unwrap();
    let mut dropped = Polled::new(limiter.acquire());
    let mut next = Polled::new(limiter.acquire());
    assert!(dropped.poll().is_pending() && next.poll().is_pending());

    drop(dropped);
    permit.release();

    assert_eq!(next.wakes(), 1);
    assert!(next.poll().is_ready());
}

#[tokio::test(start_paused = true)]
async fn a_granted_acquire_that_is_dropped_passes_its_grant_on() {
    let (limiter, samples) = limiter(1);
    let permit = limiter.acquire().await.unwrap();
    let mut dropped = Polled::new(limiter.acquire());
    let mut next = Polled::new(limiter.acquire());
    assert!(dropped.poll().is_pending() && next.poll().is_pending());
    permit.release();

    drop(dropped);

    assert_eq!((next.wakes(), limiter.in_flight()), (1, 1));
    assert_eq!(samples.all(), []);
}

#[tokio::test(start_paused = true)]
async fn acquire_in_a_select_loop_loses_no_permit() {
    let (limiter, _) = limiter(1);
    let permit = limiter.acquire().await.unwrap();
    for _ in 0..100 {
        assert!(timeout(MS, limiter.acquire()).await.is_err());
    }
    permit.release();

    let permit = timeout(MS, limiter.acquire()).await;

    assert!(permit.is_ok());
    assert_eq!(limiter.waiting(), 0);
}

#[tokio::test(start_paused = true)]
async fn complete_reports_the_outcome_and_the_time_held() {
    let (limiter, samples) = limiter(1);
    let permit = limiter.acquire().await.unwrap();
    advance(12 * MS).await;

    permit.complete(Outcome::Overload);

    let sample = samples.only();
    assert_eq!((sample.outcome, sample.rtt), (Outcome::Overload, 12 * MS));
    assert_eq!(limiter.in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_released_permit_teaches_nothing() {
    let (limiter, samples) = limiter(1);

    limiter.acquire().await.unwrap().release();

    assert_eq!(samples.all(), []);
    assert_eq!((limiter.in_flight(), limiter.snapshot().ignored), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_permit_counts_as_canceled() {
    let (limiter, samples) = limiter(1);
    let permit = limiter.acquire().await.unwrap();
    advance(12 * MS).await;

    drop(permit);

    let sample = samples.only();
    assert_eq!((sample.outcome, sample.rtt), (Outcome::Canceled, 12 * MS));
    assert_eq!(limiter.in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_wait_for_a_permit_is_not_part_of_the_rtt() {
    let (limiter, samples) = limiter(1);
    let first = limiter.acquire().await.unwrap();
    let mut waiting = limiter.acquire();
    assert!(poll(&mut waiting, Waker::noop()).is_pending());
    advance(50 * MS).await;
    first.release();
    let second = waiting.await.unwrap();
    advance(3 * MS).await;

    second.complete(Outcome::Success);

    assert_eq!(samples.only().rtt, 3 * MS);
}

#[tokio::test(start_paused = true)]
async fn a_permit_outlives_every_other_handle() {
    let (limiter, samples) = limiter(1);
    let permit = limiter.acquire().await.unwrap();

    drop(limiter);
    permit.complete(Outcome::Success);

    assert_eq!(samples.outcomes(), [Outcome::Success]);
}

#[tokio::test(start_paused = true)]
async fn clones_are_handles_on_one_limit() {
    let (limiter, _) = limiter(1);
    let clone = limiter.clone();

    let _permit = limiter.acquire().await.unwrap();

    assert!(clone.try_acquire().is_none());
    assert_eq!(clone.snapshot(), limiter.snapshot());
}

// Running futures.

#[tokio::test(start_paused = true)]
async fn run_counts_ok_as_success_and_err_as_overload() {
    let (limiter, samples) = limiter(1);

    assert_eq!(limiter.run(async { Ok::<_, Fault>(1) }).await, Ok(1));
    assert_eq!(
        limiter.run(async { Err::<(), _>(Fault) }).await,
        Err(AdmissionError::Service(Fault))
    );

    assert_eq!(samples.outcomes(), [Outcome::Success, Outcome::Overload]);
}

#[tokio::test(start_paused = true)]
async fn run_waits_for_a_permit_before_it_starts_the_future() {
    let (limiter, samples) = limiter(1);
    let started = Arc::new(AtomicUsize::new(0));
    let permit = limiter.acquire().await.unwrap();
    let running = {
        let (limiter, started) = (limiter.clone(), started.clone());
        tokio::spawn(async move {
            let work = async {
                started.fetch_add(1, Ordering::SeqCst);
                sleep(4 * MS).await;
                Ok::<_, Fault>(())
            };
            limiter.run(work).await
        })
    };
    sleep(100 * MS).await;
    assert_eq!(started.load(Ordering::SeqCst), 0);

    permit.release();
    running.await.unwrap().unwrap();

    let rtt = samples.only().rtt;
    assert!(rtt >= 4 * MS && rtt < 10 * MS, "{rtt:?}");
}

#[tokio::test(start_paused = true)]
async fn a_dropped_run_counts_as_canceled() {
    let (limiter, samples) = limiter(1);

    let hung = limiter.run(std::future::pending::<Result<(), Fault>>());
    assert!(timeout(20 * MS, hung).await.is_err());

    assert_eq!(samples.outcomes(), [Outcome::Canceled]);
    assert_eq!(limiter.in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_run_dropped_while_it_waits_is_no_request() {
    let (limiter, _) = limiter(1);
    let _permit = limiter.acquire().await.unwrap();

    let waiting = limiter.run(async { Ok::<_, Fault>(()) });
    assert!(timeout(20 * MS, waiting).await.is_err());

    assert_eq!(limiter.snapshot().admitted(), 1);
    assert_eq!(limiter.waiting(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_panics_gives_its_permit_back() {
    let (limiter, _) = limiter(1);
    let inside = limiter.clone();

    let task = tokio::spawn(async move {
        let work = async { panic!("part of the test") };
        inside.run::<_, (), Fault>(work).await
    });

    assert!(task.await.unwrap_err().is_panic());
    assert_eq!(limiter.in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn run_with_lets_a_classifier_say_how_a_result_counts() {
    let (limiter, samples) = limiter(1);
    let classifier = |result: &Result<u32, Fault>| match result {
        Ok(404) => None,
        Ok(_) => Some(Outcome::Success),
        Err(Fault) => Some(Outcome::Overload),
    };

    for result in [Ok(200), Ok(404), Err(Fault)] {
        assert_eq!(
            limiter.run_with(classifier, async { result }).await,
            result.map_err(AdmissionError::Service)
        );
    }

    assert_eq!(samples.outcomes(), [Outcome::Success, Outcome::Overload]);
    assert_eq!(limiter.snapshot().ignored, 1);
}

#[tokio::test(start_paused = true)]
async fn a_classifier_that_panics_teaches_nothing_and_the_result_goes_on_its_way() {
    let (limiter, samples) = limiter(1);
    let classifier = |_: &Result<u32, Fault>| -> Option<Outcome> { panic!("part of the test") };

    let result = limiter.run_with(classifier, async { Ok(1) }).await;

    assert_eq!(result, Ok(1));
    assert_eq!(samples.all(), []);
    assert_eq!((limiter.in_flight(), limiter.snapshot().ignored), (0, 1));
}

// What it shows.

#[tokio::test(start_paused = true)]
async fn a_snapshot_counts_every_request_once() {
    let (limiter, _) = limiter(3);
    for outcome in [Outcome::Success, Outcome::Success, Outcome::Overload] {
        limiter.acquire().await.unwrap().complete(outcome);
    }
    drop(limiter.acquire().await.unwrap());
    limiter.acquire().await.unwrap().release();
    let _held = [
        limiter.acquire().await.unwrap(),
        limiter.acquire().await.unwrap(),
    ];
    let _third = limiter.acquire().await.unwrap();
    assert!(limiter.try_acquire().is_none());

    let snapshot = limiter.snapshot();

    assert_eq!((snapshot.success, snapshot.overload), (2, 1));
    assert_eq!((snapshot.canceled, snapshot.ignored), (1, 1));
    assert_eq!((snapshot.rejected, snapshot.spared), (1, 0));
    assert_eq!(snapshot.samples_dropped, 0);
    assert_eq!((snapshot.finished(), snapshot.admitted()), (5, 8));
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_shows_limit_in_flight_and_waiting() {
    let (limiter, _) = limiter(2);
    let _held = [
        limiter.acquire().await.unwrap(),
        limiter.acquire().await.unwrap(),
    ];
    let mut waiting = Polled::new(limiter.acquire());
    assert!(waiting.poll().is_pending());

    let snapshot = limiter.snapshot();

    assert_eq!(
        (snapshot.limit, snapshot.in_flight, snapshot.waiting),
        (2, 2, 1)
    );
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_smooths_the_rtt_of_successes() {
    let (limiter, _) = limiter(1);
    let outcomes = [
        (Outcome::Success, 80),
        (Outcome::Overload, 1000),
        (Outcome::Canceled, 1000),
        (Outcome::Success, 160),
    ];
    for (outcome, rtt_ms) in outcomes {
        let permit = limiter.acquire().await.unwrap();
        advance(Duration::from_millis(rtt_ms)).await;
        permit.complete(outcome);
    }

    let snapshot = limiter.snapshot();

    assert_eq!(snapshot.last_rtt, Some(160 * MS));
    assert_eq!(snapshot.smoothed_rtt, Some(90 * MS));
}

#[tokio::test(start_paused = true)]
async fn before_the_first_success_there_is_no_rtt() {
    let (limiter, _) = limiter(1);
    overload(&limiter);

    let snapshot = limiter.snapshot();

    assert_eq!((snapshot.last_rtt, snapshot.smoothed_rtt), (None, None));
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_shows_what_the_algorithm_reports() {
    let mut algorithm = Panicking::new(1, Method::Update);
    algorithm.calm = 1;

    let snapshot = Limiter::new(algorithm).snapshot();

    assert_eq!(snapshot.report.algorithm, Some("panicking"));
    assert!(!snapshot.frozen);
}

#[tokio::test(start_paused = true)]
async fn the_name_is_that_of_the_builder() {
    let limiter = Limiter::builder(Steady::new(1)).name("payments").build();

    assert_eq!(limiter.name(), Some("payments"));
    assert_eq!(limiter.snapshot().name.as_deref(), Some("payments"));
    assert_eq!(Limiter::new(Steady::new(1)).name(), None);
}

#[test]
fn it_is_saturated_when_it_is_closed() {
    let (limiter, _) = limiter(1);

    limiter.close();

    assert!(limiter.is_saturated(), "a newcomer is rejected");
}

#[tokio::test(start_paused = true)]
async fn it_is_saturated_at_the_limit() {
    let (limiter, _) = limiter(2);
    let _first = limiter.acquire().await.unwrap();
    assert!(!limiter.is_saturated());

    let _second = limiter.acquire().await.unwrap();

    assert!(limiter.is_saturated());
}

#[tokio::test(start_paused = true)]
async fn utilization_is_the_share_of_the_limit_waiting_callers_included() {
    let (limiter, _) = limiter(2);
    assert!(limiter.utilization().abs() < 1e-9);
    let _first = limiter.acquire().await.unwrap();
    assert!((limiter.utilization() - 0.5).abs() < 1e-9);
    let _second = limiter.acquire().await.unwrap();

    let mut waiting = Polled::new(limiter.acquire());
    assert!(waiting.poll().is_pending());

    assert!((limiter.utilization() - 1.5).abs() < 1e-9);
}

// Changes while it is in use.

#[tokio::test(start_paused = true)]
async fn set_bounds_clamps_the_limit_at_once() {
    let (limiter, _) = limiter(50);

    limiter.set_bounds(1..=10).unwrap();
    assert_eq!(limiter.limit(), 10);
    limiter.set_bounds(20..=30).unwrap();

    assert_eq!(limiter.limit(), 20);
}

#[tokio::test(start_paused = true)]
async fn bounds_from_outside_hold_whatever_the_algorithm_says() {
    let limiter = Limiter::new(Scripted::new([10, 100, 1]));
    limiter.set_bounds(5..=20).unwrap();

    overload(&limiter);
    assert_eq!(limiter.limit(), 20);
    overload(&limiter);

    assert_eq!(limiter.limit(), 5);
}

#[tokio::test(start_paused = true)]
#[allow(clippy::reversed_empty_ranges)]
async fn bounds_that_are_refused_leave_everything_as_it_was() {
    let (limiter, _) = limiter(50);
    limiter.set_bounds(2..=60).unwrap();
    let before = limiter.snapshot();
    let largest = Bounds::LARGEST;

    for (bounds, option) in [
        (0..=10, "min_limit"),
        (10..=5, "max_limit"),
        (1..=largest + 1, "max_limit"),
        (usize::MAX..=usize::MAX, "max_limit"),
    ] {
        let refusal = limiter.set_bounds(bounds).unwrap_err();
        assert_eq!(refusal.option(), option);
    }

    assert_eq!(limiter.snapshot(), before);
}

#[tokio::test(start_paused = true)]
async fn bounds_are_shown_in_the_snapshot() {
    let (limiter, _) = limiter(5);

    limiter.set_bounds(2..=9).unwrap();

    assert_eq!(limiter.snapshot().bounds, Bounds::new(2, 9).unwrap());
}

#[tokio::test(start_paused = true)]
async fn set_algorithm_keeps_the_limit_in_force() {
    let (limiter, _) = limiter(7);

    limiter.set_algorithm(Steady::new(90));

    assert_eq!(limiter.limit(), 7);
}

#[tokio::test(start_paused = true)]
async fn set_algorithm_keeps_bounds_and_counts() {
    let (limiter, _) = limiter(7);
    limiter.set_bounds(2..=9).unwrap();
    overload(&limiter);

    limiter.set_algorithm(Scripted::new([100]));

    assert_eq!(limiter.limit(), 9);
    assert_eq!(limiter.snapshot().bounds, Bounds::new(2, 9).unwrap());
    assert_eq!(limiter.snapshot().overload, 1);
}

#[tokio::test(start_paused = true)]
async fn the_new_algorithm_learns_and_the_old_one_does_not() {
    let (limiter, before) = limiter(7);
    let steady = Steady::new(90);
    let after = steady.samples();

    limiter.set_algorithm(steady);
    overload(&limiter);

    assert_eq!((before.all().len(), after.all().len()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn set_algorithm_wakes_the_waiters_that_fit_its_limit() {
    let (limiter, _) = limiter(1);
    let _permit = limiter.acquire().await.unwrap();
    let mut waiting: Vec<_> = (0..3).map(|_| Polled::new(limiter.acquire())).collect();
    for acquire in &mut waiting {
        assert!(acquire.poll().is_pending());
    }

    limiter.set_algorithm(Scripted::new([3]));

    let wakes: Vec<_> = waiting.iter().map(Polled::wakes).collect();
    assert_eq!(wakes, [1, 1, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_limit_of_0_is_read_as_1() {
    let limiter = Limiter::new(Scripted::new([0]));
    assert_eq!(limiter.limit(), 1);

    overload(&limiter);

    assert_eq!(limiter.limit(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_limit_beyond_the_largest_is_read_as_the_largest() {
    let limiter = Limiter::new(Scripted::new([1, usize::MAX]));

    overload(&limiter);

    assert_eq!(limiter.limit(), Bounds::LARGEST);
}

#[tokio::test(start_paused = true)]
async fn the_algorithm_is_dropped_with_the_last_handle() {
    struct Probe(Arc<AtomicUsize>);

    impl Algorithm for Probe {
        fn max_concurrency(&self) -> usize {
            1
        }

        fn update(&mut self, _: &Sample) {}
    }

    impl Drop for Probe {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    let drops = Arc::new(AtomicUsize::new(0));
    let limiter = Limiter::new(Probe(drops.clone()));
    let permit = limiter.acquire().await.unwrap();
    let mut idle = [
        Polled::new(limiter.acquire()),
        Polled::new(limiter.acquire()),
    ];
    for acquire in &mut idle {
        assert!(acquire.poll().is_pending());
    }
    // The timer runs, and holds a handle while it does.
    permit.release();
    sleep(Duration::from_secs(1)).await;
    assert_eq!(drops.load(Ordering::SeqCst), 0);

    drop((limiter, idle));
    sleep(Duration::from_secs(1)).await;

    assert_eq!(drops.load(Ordering::SeqCst), 1);
}

// Panics.

#[tokio::test(start_paused = true)]
async fn an_algorithm_that_panics_in_update_is_frozen_at_its_last_limit() {
    let mut algorithm = Panicking::new(7, Method::Update);
    algorithm.calm = 3;
    let panics = algorithm.panics.clone();
    let limiter = Limiter::new(algorithm);

    for _ in 0..10 {
        overload(&limiter);
    }

    assert!(limiter.snapshot().frozen);
    assert_eq!(limiter.limit(), 7);
    assert_eq!(panics.load(Ordering::SeqCst), 1, "it is not asked again");
}

#[tokio::test(start_paused = true)]
async fn an_algorithm_that_panics_in_max_concurrency_is_frozen_at_its_last_limit() {
    let mut algorithm = Panicking::new(7, Method::MaxConcurrency);
    algorithm.calm = 1;
    let panics = algorithm.panics.clone();
    let limiter = Limiter::new(algorithm);

    for _ in 0..10 {
        overload(&limiter);
    }

    assert!(limiter.snapshot().frozen);
    assert_eq!(limiter.limit(), 7);
    assert_eq!(panics.load(Ordering::SeqCst), 1, "it is not asked again");
}

#[tokio::test(start_paused = true)]
async fn an_algorithm_that_panics_in_rebase_is_frozen_at_the_limit_within_the_bounds() {
    let limiter = Limiter::new(Panicking::new(7, Method::Rebase));

    limiter.set_bounds(1..=5).unwrap();

    assert!(limiter.snapshot().frozen);
    assert_eq!(limiter.limit(), 5);
}

#[tokio::test(start_paused = true)]
async fn an_algorithm_that_panics_in_report_is_frozen_at_its_last_limit() {
    let limiter = Limiter::new(Panicking::new(7, Method::Report));

    let snapshot = limiter.snapshot();

    assert!(snapshot.frozen);
    assert_eq!((snapshot.limit, snapshot.report), (7, Report::new()));
}

#[tokio::test(start_paused = true)]
async fn the_permit_comes_back_when_the_algorithm_panics() {
    let limiter = Limiter::new(Panicking::new(1, Method::Update));
    let permit = limiter.acquire().await.unwrap();
    let mut waiting = Polled::new(limiter.acquire());
    assert!(waiting.poll().is_pending());

    permit.complete(Outcome::Success);

    assert_eq!(waiting.wakes(), 1);
    assert!(waiting.poll().is_ready());
    drop(waiting);
    assert_eq!(limiter.in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_frozen_limiter_counts_on() {
    let limiter = Limiter::new(Panicking::new(7, Method::Update));

    for _ in 0..10 {
        overload(&limiter);
    }

    assert_eq!(limiter.snapshot().overload, 10);
}

#[tokio::test(start_paused = true)]
async fn the_bounds_of_a_frozen_limiter_can_be_set() {
    let limiter = Limiter::new(Panicking::new(7, Method::Update));
    overload(&limiter);

    limiter.set_bounds(20..=30).unwrap();

    assert_eq!(limiter.limit(), 20);
    assert!(limiter.snapshot().frozen);
}

#[tokio::test(start_paused = true)]
async fn a_frozen_limiter_thaws_with_another_algorithm_at_the_limit_in_force() {
    let limiter = Limiter::new(Panicking::new(7, Method::Update));
    overload(&limiter);

    let steady = Steady::new(90);
    let samples = steady.samples();
    limiter.set_algorithm(steady);
    overload(&limiter);

    assert!(!limiter.snapshot().frozen);
    assert_eq!((limiter.limit(), samples.all().len()), (7, 1));
}

#[tokio::test(start_paused = true)]
async fn an_algorithm_that_panics_as_it_takes_over_is_frozen_at_the_limit_in_force() {
    let (limiter, _) = limiter(7);

    limiter.set_algorithm(Panicking::new(90, Method::Rebase));

    assert!(limiter.snapshot().frozen);
    assert_eq!(limiter.limit(), 7);
}

#[tokio::test(start_paused = true)]
async fn an_algorithm_that_panics_when_it_is_dropped_does_not_take_set_algorithm_down() {
    struct Bitter;

    impl Algorithm for Bitter {
        fn max_concurrency(&self) -> usize {
            7
        }

        fn update(&mut self, _: &Sample) {}
    }

    impl Drop for Bitter {
        fn drop(&mut self) {
            panic!("part of the test");
        }
    }

    let limiter = Limiter::new(Bitter);
    limiter.set_algorithm(Steady::new(1));

    assert_eq!(limiter.limit(), 7);
}

#[tokio::test(start_paused = true)]
async fn a_waker_may_use_the_limiter() {
    struct Nosy {
        limiter: Limiter,
        seen: AtomicUsize,
    }

    impl Wake for Nosy {
        fn wake(self: Arc<Self>) {
            assert!(self.limiter.try_acquire().is_none());
            self.limiter.set_bounds(1..=1).unwrap();
            let waiting = self.limiter.snapshot().waiting;
            self.seen.store(100 + waiting, Ordering::SeqCst);
        }
    }

    let (limiter, _) = limiter(1);
    let nosy = Arc::new(Nosy {
        limiter: limiter.clone(),
        seen: AtomicUsize::new(0),
    });
    let permit = limiter.acquire().await.unwrap();
    let mut first = limiter.acquire();
    let mut second = Polled::new(limiter.acquire());
    assert!(poll(&mut first, &nosy.clone().into()).is_pending());
    assert!(second.poll().is_pending());

    permit.complete(Outcome::Success);

    assert_eq!(nosy.seen.load(Ordering::SeqCst), 101);
    assert!(poll(&mut first, Waker::noop()).is_ready());
}

#[tokio::test(start_paused = true)]
async fn a_newcomer_does_not_overtake_while_a_higher_limit_is_being_handed_out() {
    /// Asks for a permit as soon as it is woken: while others are still to be woken.
    struct Greedy {
        limiter: Limiter,
        refused: AtomicUsize,
    }

    impl Wake for Greedy {
        fn wake(self: Arc<Self>) {
            if self.limiter.try_acquire().is_none() {
                self.refused.fetch_add(1, Ordering::SeqCst);
            }
        }
    }

    let (limiter, _) = limiter(1);
    let greedy = Arc::new(Greedy {
        limiter: limiter.clone(),
        refused: AtomicUsize::new(0),
    });
    let _permit = limiter.acquire().await.unwrap();
    let mut waiting: Vec<_> = (0..100).map(|_| limiter.acquire()).collect();
    for acquire in &mut waiting {
        assert!(poll(acquire, &greedy.clone().into()).is_pending());
    }

    set_limit(&limiter, 101);

    assert_eq!(greedy.refused.load(Ordering::SeqCst), 100);
    assert_eq!((limiter.in_flight(), limiter.waiting()), (101, 0));
}

#[tokio::test(start_paused = true)]
async fn a_classifier_may_use_the_limiter() {
    let (limiter, _) = limiter(1);
    let classifier = |_: &Result<(), Fault>| {
        assert_eq!(limiter.snapshot().in_flight, 1);
        limiter.set_bounds(1..=5).unwrap();
        Some(Outcome::Success)
    };

    limiter
        .run_with(classifier, async { Ok(()) })
        .await
        .unwrap();

    assert_eq!(limiter.snapshot().success, 1);
}

// Threads and runtimes.

#[test]
fn acquire_works_on_threads_without_a_runtime() {
    let (limiter, _) = limiter(2);
    let inside = AtomicUsize::new(0);

    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..2_000 {
                    let permit = block_on(limiter.acquire()).unwrap();
                    assert!(inside.fetch_add(1, Ordering::SeqCst) < 2);
                    inside.fetch_sub(1, Ordering::SeqCst);
                    permit.complete(Outcome::Success);
                }
            });
        }
    });

    let snapshot = limiter.snapshot();
    assert_eq!((snapshot.in_flight, snapshot.waiting), (0, 0));
    assert_eq!(snapshot.finished(), 8_000);
}

#[test]
fn try_acquire_and_run_work_without_a_runtime() {
    let (limiter, samples) = limiter(1);

    limiter.try_acquire().unwrap().release();
    block_on(limiter.run(async { Ok::<_, Fault>(()) })).unwrap();

    assert_eq!(samples.outcomes(), [Outcome::Success]);
}

#[test]
fn a_permit_moves_to_another_thread() {
    let (limiter, samples) = limiter(1);
    let permit = limiter.try_acquire().unwrap();

    thread::spawn(move || permit.complete(Outcome::Success))
        .join()
        .unwrap();

    assert_eq!(samples.outcomes(), [Outcome::Success]);
}

#[test]
fn an_algorithm_need_not_be_sync() {
    struct Celled(Cell<usize>);

    impl Algorithm for Celled {
        fn max_concurrency(&self) -> usize {
            self.0.set(self.0.get() + 1);
            self.0.get()
        }

        fn update(&mut self, _: &Sample) {}
    }

    let limiter = Limiter::new(Celled(Cell::new(0)));
    thread::scope(|scope| {
        scope.spawn(|| overload(&limiter));
    });

    assert_eq!(limiter.limit(), 2);
}

/// A runtime of its own, with a paused clock.
fn paused() -> Runtime {
    let mut builder = Builder::new_current_thread();
    builder.enable_time().start_paused(true).build().unwrap()
}

/// Two callers on a runtime: one that asked and lost interest, and a live one behind it.
fn idle_and_live(
    runtime: &Runtime,
    limiter: &Limiter,
) -> (Acquire, JoinHandle<Result<Permit, Rejected>>) {
    let mut idle = limiter.acquire();
    let live = runtime.block_on(async {
        assert!(poll(&mut idle, Waker::noop()).is_pending());
        let live = tokio::spawn(limiter.acquire());
        tokio::task::yield_now().await;
        Some(live)
    });
    (idle, live.unwrap())
}

#[test]
fn a_live_waiter_is_served_when_the_permit_is_freed_outside_of_its_runtime() {
    let (limiter, _) = limiter(1);
    let permit = limiter.try_acquire().unwrap();
    let runtime = paused();
    let (_idle, live) = idle_and_live(&runtime, &limiter);

    permit.release();

    let served = runtime.block_on(async { timeout(Duration::from_secs(10), live).await });
    assert!(served.is_ok());
}

#[test]
fn grants_pass_on_after_the_runtime_of_the_timer_is_gone() {
    let (limiter, _) = limiter(1);
    // The timer starts on the first runtime, which ends before the timer does.
    let first = paused();
    let mut idle = [limiter.acquire(), limiter.acquire()];
    first.block_on(async {
        let permit = limiter.acquire().await.unwrap();
        for acquire in &mut idle {
            assert!(poll(acquire, Waker::noop()).is_pending());
        }
        permit.release();
    });
    drop(first);

    let second = paused();
    let served = second.block_on(async {
        let live = tokio::spawn(limiter.acquire());
        timeout(Duration::from_secs(10), live).await
    });

    assert!(served.is_ok());
}

#[test]
fn a_runtime_without_a_timer_does_not_lose_a_permit() {
    let (limiter, _) = limiter(1);
    let runtime = Builder::new_current_thread().build().unwrap();

    runtime.block_on(async {
        let tasks: Vec<_> = (0..100)
            .map(|_| {
                let limiter = limiter.clone();
                tokio::spawn(async move {
                    let permit = limiter.acquire().await.unwrap();
                    tokio::task::yield_now().await;
                    permit.complete(Outcome::Success);
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    });

    assert_eq!((limiter.in_flight(), limiter.waiting()), (0, 0));
    assert_eq!(limiter.snapshot().success, 100);
}

#[test]
fn a_live_waiter_is_served_after_the_first_runtime_is_gone() {
    let (limiter, _) = limiter(1);
    let permit = limiter.try_acquire().unwrap();
    // Somebody waits on a runtime that is gone soon after.
    let first = paused();
    first.block_on(async {
        assert!(timeout(MS, limiter.acquire()).await.is_err());
    });
    drop(first);
    let second = paused();
    let (_idle, live) = idle_and_live(&second, &limiter);

    // Freed on a thread without a runtime.
    permit.release();

    let served = second.block_on(async { timeout(Duration::from_secs(10), live).await });
    assert!(served.is_ok(), "the live waiter sleeps for ever");
}

#[test]
fn a_live_waiter_is_served_though_the_runtime_of_the_timer_is_not_driven() {
    let (limiter, _) = limiter(1);
    let (first, second) = (paused(), paused());
    let permit = limiter.try_acquire().unwrap();
    let (_idle, live) = idle_and_live(&second, &limiter);

    // The timer starts where the permit is freed, and nobody drives that runtime afterwards.
    first.block_on(async { permit.release() });

    let served = second.block_on(async { timeout(Duration::from_secs(10), live).await });
    assert!(served.is_ok(), "the live waiter sleeps for ever");
}

#[tokio::test(start_paused = true)]
async fn an_algorithm_that_panics_in_report_is_asked_once() {
    let algorithm = Panicking::new(7, Method::Report);
    let panics = algorithm.panics.clone();
    let limiter = Limiter::new(algorithm);

    for _ in 0..3 {
        assert!(limiter.snapshot().frozen);
    }

    assert_eq!(panics.load(Ordering::SeqCst), 1, "it is asked again");
}

#[test]
fn a_runtime_without_a_timer_sees_one_panic_at_most() {
    let panics = Arc::new(AtomicUsize::new(0));
    let report = std::panic::take_hook();
    let here = thread::current().id();
    std::panic::set_hook(Box::new({
        let panics = panics.clone();
        move |info| {
            if thread::current().id() == here {
                panics.fetch_add(1, Ordering::SeqCst);
            } else {
                report(info);
            }
        }
    }));
    let (limiter, _) = limiter(1);
    let runtime = Builder::new_current_thread().build().unwrap();

    for _ in 0..3 {
        let mut idle = [limiter.acquire(), limiter.acquire()];
        runtime.block_on(async {
            let permit = limiter.acquire().await.unwrap();
            for acquire in &mut idle {
                assert!(poll(acquire, Waker::noop()).is_pending());
            }
            permit.release();
            tokio::task::yield_now().await;
        });
    }

    assert_eq!(panics.load(Ordering::SeqCst), 1, "panics in the timer");
}

#[tokio::test(start_paused = true)]
async fn dropping_a_waiter_whose_waker_panics_when_dropped_does_not_panic() {
    struct Bitter;

    impl Wake for Bitter {
        fn wake(self: Arc<Self>) {}
    }

    impl Drop for Bitter {
        fn drop(&mut self) {
            panic!("part of the test");
        }
    }

    let (limiter, _) = limiter(1);
    let _permit = limiter.acquire().await.unwrap();
    let mut waiting = limiter.acquire();
    let waker = std::mem::ManuallyDrop::new(Waker::from(Arc::new(Bitter)));
    assert!(poll(&mut waiting, &waker).is_pending());
    // Now the queue has the last handle on the waker.
    assert!(catch_unwind(|| drop(std::mem::ManuallyDrop::into_inner(waker))).is_ok());

    let dropped = catch_unwind(AssertUnwindSafe(|| drop(waiting)));

    assert!(dropped.is_ok());
    assert_eq!(limiter.waiting(), 0);
}

#[test]
fn an_algorithm_that_panics_when_dropped_takes_nobody_along() {
    struct Bitter;

    impl Algorithm for Bitter {
        fn max_concurrency(&self) -> usize {
            1
        }

        fn update(&mut self, _: &Sample) {}
    }

    impl Drop for Bitter {
        fn drop(&mut self) {
            panic!("part of the test");
        }
    }

    let limiter = Limiter::new(Bitter);
    let permit = limiter.try_acquire().unwrap();
    drop(limiter);

    let dropped = catch_unwind(AssertUnwindSafe(|| permit.complete(Outcome::Success)));

    assert!(dropped.is_ok());
}

#[test]
fn a_timer_dropped_by_a_panicking_thread_is_replaced() {
    let (limiter, _) = limiter(1);
    let permit = limiter.try_acquire().unwrap();
    let second = paused();
    let (_idle, live) = idle_and_live(&second, &limiter);

    // The last one to wait does so on a runtime that goes down with its thread.
    let mut idle = limiter.acquire();
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let first = paused();
        first.block_on(async {
            assert!(poll(&mut idle, Waker::noop()).is_pending());
            permit.release();
            panic!("part of the test");
        });
    }));

    assert!(panicked.is_err());
    let served = second.block_on(async { timeout(Duration::from_secs(10), live).await });
    assert!(served.is_ok(), "the live waiter sleeps for ever");
}
