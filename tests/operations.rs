//! What operators do to a limiter in use: close it, wait for the end, pause it, let it observe.

mod support;

use std::future::pending;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use tokio::time::{Instant, advance, timeout};
use tower::{BoxError, Layer, Service, ServiceExt, service_fn};
use tower_adaptive::{
    AdmissionError, AdmissionLayer, Algorithm, Bounds, ConcurrencyLimitLayer, Fixed, Limiter,
    Limiters, Mode, Outcome, Permit, Priorities, Priority, Queue, Reason, Rejected, Sample, Shares,
};

use support::{Fault, MS, Polled, Remote, Scripted, Steady, set_limit};

fn reason<T>(polled: Poll<Result<T, Rejected>>) -> Option<Reason> {
    match polled {
        Poll::Ready(Err(rejected)) => Some(rejected.reason()),
        _ => None,
    }
}

fn take(limiter: &Limiter) -> Permit {
    limiter.try_acquire().expect("room")
}

/// Those in flight, and those beyond.
fn fill(limiter: &Limiter) -> Vec<Permit> {
    (0..limiter.limit()).map(|_| take(limiter)).collect()
}

#[test]
fn a_closed_limiter_turns_newcomers_away() {
    let limiter = Limiter::new(Fixed::new(5));

    limiter.close();

    assert!(limiter.is_closed() && limiter.snapshot().closed);
    assert!(limiter.try_acquire().is_none());
    let polled = Polled::new(limiter.acquire()).poll();
    assert_eq!(reason(polled), Some(Reason::Closed));
    assert_eq!(limiter.snapshot().rejected_by.get(Reason::Closed), 2);
    assert_eq!(limiter.in_flight(), 0);
}

#[test]
fn to_close_wakes_all_who_wait_and_turns_them_away() {
    let limiter = Limiter::new(Fixed::new(1));
    let permit = take(&limiter);
    let mut waiting: Vec<_> = (0..100).map(|_| Polled::new(limiter.acquire())).collect();
    for caller in &mut waiting {
        assert!(caller.poll().is_pending());
    }

    limiter.close();

    assert_eq!(limiter.waiting(), 0);
    for mut caller in waiting {
        assert_eq!(caller.wakes(), 1);
        assert_eq!(reason(caller.poll()), Some(Reason::Closed));
    }
    permit.complete(Outcome::Success);
    assert_eq!(limiter.in_flight(), 0);
}

#[test]
fn a_grant_that_nobody_has_taken_up_comes_back_when_the_limiter_is_closed() {
    let limiter = Limiter::new(Fixed::new(1));
    let permit = take(&limiter);
    let mut caller = Polled::new(limiter.acquire());
    assert!(caller.poll().is_pending());
    permit.release();
    assert_eq!(limiter.in_flight(), 1);

    limiter.close();

    assert_eq!(limiter.in_flight(), 0);
    assert_eq!(reason(caller.poll()), Some(Reason::Closed));
}

#[test]
fn requests_in_flight_finish_and_teach_after_the_limiter_is_closed() {
    let limiter = Limiter::new(Scripted::new([2, 7]));
    let permit = take(&limiter);

    limiter.close();
    permit.complete(Outcome::Success);

    assert_eq!(limiter.snapshot().success, 1);
    assert_eq!(limiter.limit(), 7);
    assert!(limiter.try_acquire().is_none());
}

#[test]
fn to_close_twice_is_to_close_once() {
    let limiter = Limiter::new(Fixed::new(1));
    limiter.close();
    limiter.close();
    assert!(Polled::new(limiter.idle()).poll().is_ready());
}

#[tokio::test]
async fn a_closed_limiter_runs_nothing() {
    let limiter = Limiter::new(Fixed::new(1));
    limiter.close();

    let result = limiter.run(async { Ok::<_, Fault>(1) }).await;

    let Err(AdmissionError::Rejected(rejected)) = result else {
        panic!("{result:?}");
    };
    assert_eq!(rejected.reason(), Reason::Closed);
    assert_eq!(rejected.to_string(), "concurrency limit of 1 is closed");
}

#[tokio::test(start_paused = true)]
async fn to_close_turns_queued_requests_away() {
    let queue = Queue::bounded(10).max_wait(Duration::from_secs(60));
    let layer = AdmissionLayer::new(Fixed::new(1)).queue(queue);
    let limiter = layer.limiter().clone();
    let permit = take(&limiter);
    let mut service = layer.layer(Remote::default());
    let mut calls: Vec<_> = (0..3).map(|n| Polled::new(service.call(n))).collect();
    // The last is never polled before.
    for call in &mut calls[..2] {
        assert!(call.poll().is_pending());
    }

    limiter.close();

    for (n, mut call) in calls.into_iter().enumerate() {
        let Poll::Ready(Err(AdmissionError::Rejected(rejected))) = call.poll() else {
            panic!("request {n} waits on");
        };
        assert_eq!(rejected.reason(), Reason::Closed, "request {n}");
    }
    let newcomer = service.call(9).await.unwrap_err();
    assert!(newcomer.is_rejected());
    permit.release();
    limiter.idle().await;
}

#[tokio::test]
async fn a_closed_limiter_rejects_for_a_layer_that_observes_and_lets_by_what_is_bypassed() {
    let layer = AdmissionLayer::new(Fixed::new(1))
        .observe_only()
        .bypass(|request: &u32| *request == 0);
    layer.limiter().close();
    let service = layer.layer(service_fn(async |n: u32| Ok::<_, Fault>(n)));

    assert!(service.clone().oneshot(1).await.is_err());
    assert_eq!(service.oneshot(0).await, Ok(0));
}

#[tokio::test]
async fn a_closed_limiter_is_closed_for_requests_that_are_late_too() {
    let late = Instant::now();
    let layer = AdmissionLayer::new(Fixed::new(1)).deadline(move |_: &u32| Some(late));
    let limiter = layer.limiter().clone();
    limiter.close();

    for layer in [layer.clone(), layer.observe_only()] {
        let service = layer.layer(service_fn(async |n: u32| Ok::<_, Fault>(n)));
        assert!(service.oneshot(1).await.is_err());
    }

    assert_eq!(limiter.snapshot().rejected_by.get(Reason::Closed), 2);
    assert_eq!(limiter.snapshot().spared, 0);
}

#[tokio::test]
async fn requests_that_wait_on_paper_are_in_flight_and_finish_after_the_end() {
    let layer = AdmissionLayer::new(Fixed::new(1))
        .queue(Queue::bounded(1))
        .observe_only();
    let limiter = layer.limiter().clone();
    let remote = Remote::default();
    let mut service = layer.layer(remote.clone());
    let mut calls = [0, 1].map(|n| Polled::new(service.call(n)));
    for call in &mut calls {
        assert!(call.poll().is_pending());
    }

    limiter.close();
    let mut idle = Polled::new(limiter.idle());
    assert!(idle.poll().is_pending());
    for call in &mut calls {
        remote.answer(Ok(0));
        assert!(call.poll().is_ready());
    }

    assert!(idle.poll().is_ready());
    assert_eq!(limiter.snapshot().spared, 0, "of each there was room");
}

#[tokio::test]
async fn a_limited_service_says_what_it_was_told_to_when_its_limiter_is_closed() {
    let limiter = Limiter::new(Fixed::new(1));
    let layer = ConcurrencyLimitLayer::with_limiter(limiter.clone())
        .classifier(|_: &Result<u32, BoxError>| Some(Outcome::Success))
        .on_close(|| BoxError::from("shutting down"));
    let service = layer.layer(service_fn(async |n: u32| Ok::<u32, BoxError>(n)));
    assert_eq!(service.clone().oneshot(7).await.unwrap(), 7);
    assert_eq!(limiter.snapshot().success, 1, "the classifier is asked");
    let permit = take(&limiter);
    let mut waiting = Polled::new(service.clone());
    assert!(waiting.poll_ready().is_pending());

    limiter.close();

    assert_eq!(waiting.wakes(), 1);
    let Poll::Ready(Err(error)) = waiting.poll_ready() else {
        panic!("it waits on");
    };
    assert_eq!(error.to_string(), "shutting down");
    assert!(service.oneshot(8).await.is_err());
    permit.release();
}

#[test]
fn a_limited_service_that_was_told_nothing_is_never_ready_again() {
    let limiter = Limiter::new(Fixed::new(1));
    let layer = ConcurrencyLimitLayer::with_limiter(limiter.clone());
    let mut service = Polled::new(layer.layer(Remote::default()));

    limiter.close();

    assert!(service.poll_ready().is_pending());
    assert_eq!(limiter.waiting(), 0);
}

#[tokio::test]
async fn a_permit_taken_before_the_end_is_good_for_one_call() {
    let limiter = Limiter::new(Fixed::new(1));
    let layer = ConcurrencyLimitLayer::with_limiter(limiter.clone());
    let mut service = Polled::new(layer.layer(service_fn(async |n: u32| Ok::<_, Fault>(n))));
    assert!(service.is_ready());

    limiter.close();

    assert_eq!(service.call(3).await, Ok(3));
    assert!(service.poll_ready().is_pending());
    limiter.idle().await;
}

#[tokio::test]
async fn requests_with_a_key_hear_that_their_limiter_is_closed() {
    let limiters = Limiters::new(|_: &u32| Limiter::new(Fixed::new(1)));
    let layer = ConcurrencyLimitLayer::with_limiters(limiters.clone())
        .key(|request: &u32| *request)
        .on_close(|| Fault);
    let service = layer.layer(service_fn(async |n: u32| Ok::<_, Fault>(n)));

    limiters.for_owned(1).close();

    assert_eq!(service.clone().oneshot(1).await, Err(Fault));
    assert_eq!(service.oneshot(2).await, Ok(2));
}

#[tokio::test(start_paused = true)]
async fn idle_ends_when_the_last_request_has() {
    let limiter = Limiter::new(Fixed::new(3));
    let permits = fill(&limiter);
    limiter.close();
    let mut idle = Polled::new(limiter.idle());
    assert!(idle.poll().is_pending());

    for permit in permits {
        assert_eq!(idle.wakes(), 0);
        permit.complete(Outcome::Success);
    }

    assert_eq!(idle.wakes(), 1);
    assert!(idle.poll().is_ready());
}

#[tokio::test]
async fn a_set_that_is_closed_stays_so_whatever_it_forgets() {
    let set = Limiters::builder(|_: &u32| Limiter::new(Fixed::new(1)))
        .capacity(1)
        .build();
    let permit = take(&set.for_key(&1));

    set.close();
    let mut idle = Polled::new(Box::pin(set.idle()));
    assert!(set.for_key(&2).is_closed(), "the overflow limiter");
    assert!(idle.poll().is_pending());
    permit.release();

    assert!(idle.poll().is_ready());
    drop(idle);
    assert!(set.for_key(&2).is_closed(), "in the place of the first");
    assert!(set.for_key(&1).is_closed());
}

#[test]
fn all_who_wait_for_the_end_hear_of_it_and_who_has_left_does_not() {
    let limiter = Limiter::new(Fixed::new(1));
    let permit = take(&limiter);
    let mut idle: Vec<_> = (0..3).map(|_| Polled::new(limiter.idle())).collect();
    for idle in &mut idle {
        assert!(idle.poll().is_pending());
        // A second poll does not make two of it.
        assert!(idle.poll().is_pending());
    }
    let left = idle.remove(1);
    let alarm = left.alarm.clone();
    drop(left);

    permit.release();

    assert_eq!(alarm.wakes(), 0);
    for mut idle in idle {
        assert_eq!(idle.wakes(), 1);
        assert!(idle.poll().is_ready());
    }
}

#[test]
fn an_open_limiter_admits_while_somebody_waits_for_its_end() {
    let limiter = Limiter::new(Fixed::new(2));
    let first = take(&limiter);
    let mut idle = Polled::new(limiter.idle());
    assert!(idle.poll().is_pending());

    let second = take(&limiter);
    let mut third = Polled::new(limiter.acquire());
    assert!(third.poll().is_pending());
    first.release();
    let Poll::Ready(Ok(third)) = third.poll() else {
        panic!("there is room");
    };
    second.release();
    assert_eq!(idle.wakes(), 0, "not idle yet");
    third.release();

    assert!(idle.poll().is_ready());
    assert!(limiter.try_acquire().is_some());
}

#[test]
fn a_moment_without_a_request_is_enough_for_who_waits_for_one() {
    let limiter = Limiter::new(Fixed::new(1));
    let permit = take(&limiter);
    let mut idle = Polled::new(limiter.idle());
    assert!(idle.poll().is_pending());

    permit.release();
    let _next = take(&limiter);

    assert!(idle.poll().is_ready(), "there was one");
    assert!(idle.poll().is_pending(), "it waits for another");
}

#[tokio::test]
async fn idle_waits_for_requests_that_are_only_observed() {
    let layer = AdmissionLayer::new(Fixed::new(1)).observe_only();
    let limiter = layer.limiter().clone();
    let remote = Remote::default();
    let mut service = layer.layer(remote.clone());
    let mut calls: Vec<_> = (0..2).map(|n| Polled::new(service.call(n))).collect();
    for call in &mut calls {
        assert!(call.poll().is_pending());
    }
    let mut idle = Polled::new(limiter.idle());
    assert!(idle.poll().is_pending());

    remote.answer(Ok(0));
    assert!(calls[0].poll().is_ready());
    assert!(idle.poll().is_pending(), "the one that was spared");
    remote.answer(Ok(1));
    assert!(calls[1].poll().is_ready());

    assert!(idle.poll().is_ready());
}

#[test]
fn a_limiter_that_observes_lets_everybody_in_and_counts() {
    let limiter = Limiter::builder(Fixed::new(1)).mode(Mode::Observe).build();

    let first = take(&limiter);
    let second = take(&limiter);
    let Poll::Ready(Ok(third)) = Polled::new(limiter.acquire()).poll() else {
        panic!("kept waiting");
    };

    assert_eq!(limiter.mode(), Mode::Observe);
    assert_eq!(limiter.in_flight(), 3);
    let snapshot = limiter.snapshot();
    assert_eq!((snapshot.spared, snapshot.rejected), (2, 0));
    for permit in [first, second, third] {
        permit.complete(Outcome::Success);
    }
    assert_eq!(limiter.in_flight(), 0);
    assert_eq!(limiter.snapshot().success, 3);
}

#[tokio::test]
async fn to_observe_lets_in_who_waits() {
    let queue = Queue::bounded(10).max_wait(Duration::from_secs(60));
    let layer = AdmissionLayer::new(Fixed::new(1)).queue(queue);
    let limiter = layer.limiter().clone();
    let permit = take(&limiter);
    let remote = Remote::default();
    let mut service = layer.layer(remote.clone());
    let mut request = Polled::new(service.call(1));
    assert!(request.poll().is_pending());
    let mut caller = Polled::new(limiter.acquire());
    assert!(caller.poll().is_pending());
    assert_eq!(limiter.waiting(), 2);

    limiter.set_mode(Mode::Observe);

    assert_eq!((request.wakes(), caller.wakes()), (1, 1));
    assert!(request.poll().is_pending(), "the service has it now");
    assert_eq!(remote.calls(), [1]);
    assert!(matches!(caller.poll(), Poll::Ready(Ok(_))));
    assert_eq!(limiter.waiting(), 0);
    assert_eq!(limiter.snapshot().spared, 2);
    remote.answer(Ok(1));
    assert!(request.poll().is_ready());
    permit.release();
    assert_eq!(limiter.in_flight(), 0);
}

#[tokio::test]
async fn requests_that_a_limiter_only_observes_wait_on_paper() {
    let layer = AdmissionLayer::new(Fixed::new(1)).queue(Queue::bounded(1));
    let limiter = layer.limiter().clone();
    limiter.set_mode(Mode::Observe);
    let remote = Remote::default();
    let mut service = layer.layer(remote.clone());

    let mut calls: Vec<_> = (0..3).map(|n| Polled::new(service.call(n))).collect();
    for call in &mut calls {
        assert!(call.poll().is_pending());
    }

    assert_eq!(remote.calls(), [0, 1, 2]);
    assert_eq!(limiter.in_flight(), 3);
    let spared = limiter.snapshot().spared_by;
    assert_eq!(spared.get(Reason::QueueFull), 1, "one of them would wait");
    assert_eq!(spared.total(), 1);
    for call in &mut calls {
        remote.answer(Ok(0));
        assert!(call.poll().is_ready());
    }
    assert_eq!(limiter.in_flight(), 0);
}

#[test]
fn nobody_is_spared_who_fits_while_a_limiter_observes() {
    let limiter = Limiter::new(Fixed::new(3));
    limiter.set_mode(Mode::Observe);
    let _first = take(&limiter);
    let mut idle = Polled::new(limiter.idle());
    assert!(idle.poll().is_pending());

    let _second = Polled::new(limiter.acquire()).poll();
    drop(idle);
    let shares = Shares::new().guarantee("a", 0.1);
    limiter.set_shares(shares).unwrap();
    let _third = Polled::new(limiter.acquire()).poll();

    assert_eq!((limiter.in_flight(), limiter.snapshot().spared), (3, 0));
    let _fourth = Polled::new(limiter.acquire()).poll();
    assert_eq!((limiter.in_flight(), limiter.snapshot().spared), (4, 1));
}

#[tokio::test]
async fn what_is_spared_on_paper_is_counted_by_priority() {
    let layer = AdmissionLayer::new(Fixed::new(1))
        .queue(Queue::bounded(1))
        .priority(|priority: &Priority| *priority)
        .observe_only();
    let limiter = layer.limiter().clone();
    let mut service = layer.layer(service_fn(|_: Priority| pending::<Result<(), Fault>>()));

    let waits_and_is_evicted = [Priority::Normal, Priority::Low, Priority::Critical];
    let mut calls = waits_and_is_evicted.map(|priority| Polled::new(service.call(priority)));
    for call in &mut calls {
        assert!(call.poll().is_pending());
    }
    drop(calls);

    let spared = limiter.snapshot().spared_by;
    assert_eq!(spared.of(Reason::Evicted, Priority::Low), 1);
    assert_eq!(spared.total(), 1);
}

#[test]
fn a_limit_is_enforced_again_when_observing_ends() {
    let limiter = Limiter::new(Fixed::new(1));
    limiter.set_mode(Mode::Observe);
    let permits = [take(&limiter), take(&limiter)];

    limiter.set_mode(Mode::Enforce);

    assert!(limiter.try_acquire().is_none());
    drop(permits);
    assert!(limiter.try_acquire().is_some());
}

#[test]
fn a_paused_limiter_counts_and_does_not_learn() {
    let limiter = Limiter::new(Scripted::new([3, 5, 7]));

    limiter.pause();
    take(&limiter).complete(Outcome::Success);

    assert!(limiter.is_paused() && limiter.snapshot().paused);
    assert_eq!((limiter.limit(), limiter.snapshot().success), (3, 1));
    limiter.resume();
    take(&limiter).complete(Outcome::Success);
    assert_eq!(limiter.limit(), 5);
    assert!(!limiter.is_paused());
}

#[test]
fn bounds_hold_while_learning_is_paused_and_it_resumes_from_there() {
    let steady = Steady::new(50);
    let limiter = Limiter::new(steady);
    limiter.pause();

    limiter.set_bounds(1..=10).unwrap();
    assert_eq!(limiter.limit(), 10);
    limiter.set_bounds(1..=100).unwrap();
    limiter.resume();
    take(&limiter).complete(Outcome::Success);

    assert_eq!(limiter.limit(), 10);
}

#[test]
fn an_algorithm_hears_that_a_pause_has_ended() {
    struct Rebased(Arc<Mutex<Vec<usize>>>);

    impl Algorithm for Rebased {
        fn max_concurrency(&self) -> usize {
            7
        }

        fn update(&mut self, _: &Sample) {}

        fn rebase(&mut self, limit: usize, _: Bounds) {
            self.0.lock().unwrap().push(limit);
        }
    }

    let rebased = Arc::default();
    let limiter = Limiter::new(Rebased(Arc::clone(&rebased)));

    limiter.resume();
    limiter.pause();
    assert!(rebased.lock().unwrap().is_empty());
    limiter.resume();

    assert_eq!(*rebased.lock().unwrap(), [7]);
}

#[test]
fn a_pause_does_not_thaw_an_algorithm_that_has_panicked() {
    struct Panics(Arc<Mutex<u32>>);

    impl Algorithm for Panics {
        fn max_concurrency(&self) -> usize {
            7
        }

        fn update(&mut self, _: &Sample) {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) += 1;
            panic!("as it should");
        }
    }

    let asked = Arc::default();
    let limiter = Limiter::new(Panics(Arc::clone(&asked)));
    take(&limiter).complete(Outcome::Success);
    assert!(limiter.snapshot().frozen);

    limiter.pause();
    limiter.resume();
    take(&limiter).complete(Outcome::Success);

    assert!(limiter.snapshot().frozen);
    assert_eq!(*asked.lock().unwrap_or_else(PoisonError::into_inner), 1);
}

#[test]
fn another_algorithm_does_not_end_a_pause() {
    let limiter = Limiter::new(Fixed::new(3));
    limiter.pause();

    limiter.set_algorithm(Scripted::new([9, 10]));
    take(&limiter).complete(Outcome::Success);

    assert_eq!(limiter.limit(), 9);
    assert!(limiter.is_paused());
}

#[tokio::test]
async fn classes_have_the_priority_that_the_limiter_gives_them_now() {
    let queue = Queue::bounded(1).max_wait(Duration::from_secs(60));
    let limiter = Limiter::builder(Fixed::new(1))
        .queue(queue)
        .priorities(Priorities::new().class("2", Priority::Critical))
        .build();
    let layer = AdmissionLayer::with_limiter(limiter.clone())
        .priority_class(|request: &u32| if *request == 2 { "2" } else { "other" });
    let _permit = take(&limiter);
    let mut service = layer.layer(Remote::default());
    let mut waiting = Polled::new(service.call(1));
    assert!(waiting.poll().is_pending());

    let mut critical = Polled::new(service.call(2));
    assert!(critical.poll().is_pending());
    assert!(waiting.poll().is_ready(), "it lost its place");

    limiter.set_priorities(Priorities::new()).unwrap();
    let mut alike = Polled::new(service.call(2));
    assert!(alike.poll().is_ready(), "the queue is full of its like");
    assert_eq!(limiter.priorities(), Priorities::new());
}

#[test]
fn too_many_classes_are_refused() {
    let many = (0..=Priorities::MOST).fold(Priorities::new(), |priorities, class| {
        priorities.class(class.to_string(), Priority::Low)
    });
    let limiter = Limiter::new(Fixed::new(1));

    let refused = limiter.set_priorities(many).unwrap_err();

    assert_eq!(
        refused.to_string(),
        "priorities must be for at most 1024 classes, got 1025"
    );
    assert_eq!(limiter.priorities(), Priorities::new());
}

#[tokio::test(start_paused = true)]
async fn changes_come_at_once_then_when_something_has_changed_and_end_with_the_limiter() {
    let limiter = Limiter::new(Steady::new(5));
    let mut changes = limiter.changes().every(10 * MS);
    assert_eq!(changes.next().await.unwrap().limit, 5);

    assert!(timeout(1000 * MS, changes.next()).await.is_err(), "quiet");
    let permit = take(&limiter);
    advance(5 * MS).await;
    set_limit(&limiter, 8);
    let seen = changes.next().await.unwrap();
    assert_eq!((seen.limit, seen.in_flight), (8, 1), "both in one");

    drop(permit);
    drop(limiter);
    assert_eq!(changes.next().await, None);
    assert_eq!(changes.next().await, None);
}
