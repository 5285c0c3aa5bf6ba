//! `Admission`: `poll_ready` never waits for a permit, `call` admits or rejects.

mod support;

use std::convert::Infallible;
use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Poll, Waker};
use std::time::Duration;

use tokio::time::{Instant, advance, sleep};
use tower::util::BoxCloneService;
use tower::{BoxError, Layer, Service, ServiceBuilder, ServiceExt, service_fn};
use tower_adaptive::{
    Admission, AdmissionError, AdmissionLayer, ConcurrencyLimitLayer, Fixed, Limiter, Outcome,
    Priority, Queue, Reason, Rejected, Shares,
};

use support::{Fault, MS, Polled, Readiness, Remote, Samples, Steady, poll, set_limit};

fn admission(limit: usize) -> (Polled<Admission<Remote>>, Remote, Samples) {
    let remote = Remote::default();
    let steady = Steady::new(limit);
    let samples = steady.samples();
    let service = AdmissionLayer::new(steady).layer(remote.clone());
    (Polled::new(service), remote, samples)
}

/// How the requests of the test below are to be treated.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Page {
    Health,
    Search,
}

async fn echo<T>(request: T) -> Result<T, Infallible> {
    Ok(request)
}

// Who is admitted.

#[tokio::test(start_paused = true)]
async fn a_request_below_the_limit_is_admitted() {
    let (mut service, remote, samples) = admission(1);
    assert!(service.is_ready());
    let response = service.call(1);
    remote.answer(Ok(10));

    assert_eq!(response.await, Ok(10));

    assert_eq!(samples.outcomes(), [Outcome::Success]);
}

#[tokio::test(start_paused = true)]
async fn poll_ready_is_ready_at_the_limit() {
    let (mut service, _, _) = admission(1);
    assert!(service.is_ready());
    let _response = service.call(1);

    assert!(service.is_ready());
}

#[tokio::test(start_paused = true)]
async fn poll_ready_takes_no_permit() {
    let (mut service, _, _) = admission(1);

    assert!(service.is_ready());

    assert_eq!(service.inner.limiter().in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_request_at_the_limit_is_rejected_and_never_reaches_the_service() {
    let (mut service, remote, _) = admission(1);
    assert!(service.is_ready());
    let _response = service.call(1);

    let refused = service.call(2).await;

    let Err(AdmissionError::Rejected(rejected)) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(rejected.limit(), 1);
    assert_eq!(remote.calls(), [1]);
}

#[tokio::test(start_paused = true)]
async fn a_rejection_is_ready_at_the_first_poll() {
    let (mut service, _, _) = admission(1);
    assert!(service.is_ready());
    let _response = service.call(1);

    let mut refused = service.call(2);

    assert!(poll(&mut refused, Waker::noop()).is_ready());
}

#[tokio::test(start_paused = true)]
async fn rejected_requests_are_counted_and_teach_nothing() {
    let (mut service, _, samples) = admission(1);
    let _response = service.call(1);

    for request in 0..5 {
        assert!(service.call(request).await.is_err());
    }

    assert_eq!(service.inner.limiter().snapshot().rejected, 5);
    assert_eq!(service.inner.limiter().snapshot().admitted(), 1);
    assert_eq!(samples.all(), []);
}

#[tokio::test(start_paused = true)]
async fn a_sample_says_how_many_were_rejected() {
    let (mut service, remote, samples) = admission(1);
    let response = service.call(1);
    for request in 0..5 {
        assert!(service.call(request).await.is_err());
    }
    remote.answer(Ok(1));

    response.await.unwrap();

    assert_eq!(samples.only().rejected, 5);
}

#[tokio::test(start_paused = true)]
async fn a_completed_response_makes_room_before_its_future_is_dropped() {
    let (mut service, remote, _) = admission(1);
    let mut first = service.call(1);
    remote.answer(Ok(1));
    assert_eq!(poll(&mut first, Waker::noop()), Poll::Ready(Ok(1)));

    let mut second = service.call(2);

    assert!(poll(&mut second, Waker::noop()).is_pending());
    assert_eq!(remote.calls(), [1, 2]);
}

#[tokio::test(start_paused = true)]
async fn the_rtt_is_that_of_the_completion() {
    let (mut service, remote, samples) = admission(1);
    let mut response = service.call(1);
    assert!(poll(&mut response, Waker::noop()).is_pending());
    advance(5 * MS).await;
    remote.answer(Ok(1));
    assert!(poll(&mut response, Waker::noop()).is_ready());
    advance(200 * MS).await;

    drop(response);

    assert_eq!(samples.only().rtt, 5 * MS);
}

#[tokio::test(start_paused = true)]
async fn a_future_dropped_after_its_first_poll_is_canceled() {
    let (mut service, _, samples) = admission(1);
    let mut response = service.call(1);
    assert!(poll(&mut response, Waker::noop()).is_pending());
    advance(30 * MS).await;

    drop(response);

    let sample = samples.only();
    assert_eq!((sample.outcome, sample.rtt), (Outcome::Canceled, 30 * MS));
}

#[tokio::test(start_paused = true)]
async fn a_future_dropped_before_its_first_poll_teaches_nothing() {
    let (mut service, _, samples) = admission(1);

    drop(service.call(1));

    assert_eq!(samples.all(), []);
    assert_eq!(service.inner.limiter().in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_service_whose_call_panics_gives_its_permit_back() {
    let layer = AdmissionLayer::new(Steady::new(1));
    let mut service = layer.layer(service_fn(
        |()| -> std::future::Ready<Result<(), Infallible>> { panic!("part of the test") },
    ));

    let called = catch_unwind(AssertUnwindSafe(|| drop(service.call(()))));

    assert!(called.is_err());
    assert_eq!(layer.limiter().in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_lower_limit_rejects_until_in_flight_is_below_it() {
    let (mut service, remote, _) = admission(3);
    let responses = [service.call(1), service.call(2), service.call(3)];
    set_limit(service.inner.limiter(), 2);

    let mut verdicts = Vec::new();
    for response in responses {
        remote.answer(Ok(1));
        response.await.unwrap();
        let mut newcomer = service.call(9);
        verdicts.push(poll(&mut newcomer, Waker::noop()).is_pending());
    }

    assert_eq!(verdicts, [false, true, true]);
}

// The inner service.

#[tokio::test(start_paused = true)]
async fn an_inner_service_that_is_not_ready_pushes_back_and_is_not_overload() {
    let (mut service, remote, samples) = admission(1);
    remote.set(Readiness::Pending);
    assert!(service.poll_ready().is_pending());

    remote.set(Readiness::Ready);

    assert_eq!(service.wakes(), 1);
    assert!(service.is_ready());
    assert_eq!(samples.all(), []);
    assert_eq!(service.inner.limiter().snapshot().rejected, 0);
}

#[tokio::test(start_paused = true)]
async fn an_error_of_the_inner_poll_ready_is_the_services_own() {
    let (mut service, remote, _) = admission(1);
    remote.set(Readiness::Broken);

    let polled = service.poll_ready();

    assert_eq!(polled, Poll::Ready(Err(AdmissionError::Service(Fault))));
}

#[tokio::test(start_paused = true)]
async fn an_error_of_the_inner_service_is_told_from_a_rejection() {
    let (mut service, remote, samples) = admission(1);
    let response = service.call(1);
    remote.answer(Err(Fault));

    let error = response.await.unwrap_err();

    assert!(!error.is_rejected());
    assert_eq!(error.into_service_error(), Some(Fault));
    assert_eq!(samples.outcomes(), [Outcome::Overload]);
}

// Errors.

#[test]
fn a_rejection_says_that_it_is_one_and_its_source_why() {
    let layer = AdmissionLayer::new(Steady::new(1));
    let _permit = layer.limiter().try_acquire().unwrap();
    let mut service = layer.layer(service_fn(echo::<()>));

    let error = support::block_on(service.call(())).unwrap_err();

    assert_eq!(error.to_string(), "the request was rejected");
    let why = error.source().expect("why");
    assert_eq!(why.to_string(), "concurrency limit of 1 reached");
    assert!(why.is::<Rejected>() && why.source().is_none());
}

#[test]
fn a_service_error_keeps_its_message() {
    let error = AdmissionError::Service(Fault);
    assert_eq!(error.to_string(), Fault.to_string());
}

#[tokio::test(start_paused = true)]
async fn a_rejection_is_downcast_from_a_box() {
    let layer = AdmissionLayer::new(Steady::new(1));
    let _permit = layer.limiter().try_acquire().unwrap();
    let boxed = layer.layer(service_fn(echo::<u32>)).map_err(BoxError::from);

    let error = boxed.oneshot(1).await.unwrap_err();

    let error = error.downcast::<AdmissionError<Infallible>>().unwrap();
    assert!(error.is_rejected());
}

#[tokio::test(start_paused = true)]
async fn admission_goes_around_a_service_with_boxed_errors() {
    let layer = AdmissionLayer::new(Steady::new(1));
    let inner = service_fn(async |()| Err::<(), BoxError>(Fault.into()));

    let error = layer.layer(inner).oneshot(()).await.unwrap_err();

    let boxed: BoxError = error.into();
    let error = boxed.downcast::<AdmissionError<BoxError>>().unwrap();
    assert!(error.into_service_error().unwrap().is::<Fault>());
}

// Responders.

#[tokio::test(start_paused = true)]
async fn with_on_reject_the_error_type_is_the_services_own() {
    fn error_is<S: Service<u32, Error = E>, E>(service: S) -> S {
        service
    }
    let layer = AdmissionLayer::new(Steady::new(1)).on_reject(|_: u32, _| 503);
    let _permit = layer.limiter().try_acquire().unwrap();

    let service = error_is::<_, Infallible>(layer.layer(service_fn(echo::<u32>)));

    assert_eq!(service.oneshot(1).await, Ok(503));
}

#[tokio::test(start_paused = true)]
async fn the_closure_of_on_reject_gets_the_request_and_the_limit() {
    let layer = AdmissionLayer::new(Steady::new(1))
        .on_reject(|request: String, rejected| format!("{request}/{}", rejected.limit()));
    let _permit = layer.limiter().try_acquire().unwrap();
    let service = layer.layer(service_fn(echo::<String>));

    let response = service.oneshot("request".to_owned()).await;

    assert_eq!(response.unwrap(), "request/1");
}

#[tokio::test(start_paused = true)]
async fn on_reject_does_not_touch_what_is_admitted() {
    let layer = AdmissionLayer::new(Steady::new(1)).on_reject(|_: u32, _| 503);
    let service = layer.layer(service_fn(echo::<u32>));

    assert_eq!(service.oneshot(200).await, Ok(200));
}

#[tokio::test(start_paused = true)]
async fn on_reject_takes_a_function() {
    fn refuse(request: u32, _: Rejected) -> u32 {
        request + 500
    }
    let layer = AdmissionLayer::new(Steady::new(1)).on_reject(refuse);
    let _permit = layer.limiter().try_acquire().unwrap();

    assert_eq!(layer.layer(service_fn(echo)).oneshot(3).await, Ok(503));
}

// Bypass.

type Site = BoxCloneService<Page, Page, AdmissionError<Infallible>>;

fn with_health_checks() -> (Site, Limiter, Samples) {
    let steady = Steady::new(1);
    let samples = steady.samples();
    let layer = AdmissionLayer::new(steady).bypass(|page: &Page| *page == Page::Health);
    let limiter = layer.limiter().clone();
    let site = layer.layer(service_fn(echo)).boxed_clone();
    (site, limiter, samples)
}

#[tokio::test(start_paused = true)]
async fn a_bypassed_request_is_admitted_at_the_limit() {
    let (mut service, limiter, _) = with_health_checks();
    let _permit = limiter.try_acquire().unwrap();

    let response = service.ready().await.unwrap().call(Page::Health).await;

    assert_eq!(response, Ok(Page::Health));
}

#[tokio::test(start_paused = true)]
async fn a_bypassed_request_counts_as_in_flight() {
    let (mut service, limiter, _) = with_health_checks();
    let _permit = limiter.try_acquire().unwrap();

    let _response = service.call(Page::Health);

    assert_eq!(limiter.in_flight(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_bypassed_request_is_counted_and_never_a_sample() {
    let (mut service, limiter, samples) = with_health_checks();

    service.call(Page::Health).await.unwrap();
    let polled = service.call(Page::Health);
    drop(polled);

    assert_eq!(samples.all(), []);
    assert_eq!(limiter.snapshot().ignored, 2);
    assert_eq!(limiter.in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_bypassed_request_that_is_canceled_is_never_a_sample() {
    let steady = Steady::new(1);
    let samples = steady.samples();
    let layer = AdmissionLayer::new(steady).bypass(|_: &u32| true);
    let mut service = layer.layer(Remote::default());
    let mut response = service.call(1);
    assert!(poll(&mut response, Waker::noop()).is_pending());

    drop(response);

    assert_eq!(samples.all(), []);
    assert_eq!(layer.limiter().snapshot().canceled, 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_bypassed_is_still_limited() {
    let (mut service, limiter, _) = with_health_checks();
    let _permit = limiter.try_acquire().unwrap();

    let response = service.call(Page::Search).await;

    assert!(response.unwrap_err().is_rejected());
}

#[tokio::test(start_paused = true)]
async fn a_bypass_that_panics_takes_no_permit() {
    let layer = AdmissionLayer::new(Steady::new(1))
        .bypass(|_: &u32| -> bool { panic!("part of the test") });
    let mut service = layer.layer(Remote::default());

    let called = catch_unwind(AssertUnwindSafe(|| drop(service.call(1))));

    assert!(called.is_err());
    assert_eq!(layer.limiter().in_flight(), 0);
}

// The other rules.

#[tokio::test(start_paused = true)]
async fn a_rule_that_panics_takes_no_permit() {
    let limiter = Limiter::new(Steady::new(1));
    let layer = || AdmissionLayer::with_limiter(limiter.clone());
    let shares = Shares::new().guarantee("live", 0.5);
    let priority = layer().priority(|_: &u32| -> Priority { bomb() });
    let deadline = layer().deadline(|_: &u32| -> Option<Instant> { bomb() });
    let partition = layer()
        .shares(shares)
        .partition(|_: &u32| -> &str { bomb() });

    assert_no_permit_is_lost(priority, &limiter);
    assert_no_permit_is_lost(deadline, &limiter);
    assert_no_permit_is_lost(partition, &limiter);
}

fn bomb() -> ! {
    panic!("part of the test")
}

fn assert_no_permit_is_lost<L>(layer: L, limiter: &Limiter)
where
    L: Layer<Remote, Service: Service<u32>>,
{
    let mut service = layer.layer(Remote::default());

    let called = catch_unwind(AssertUnwindSafe(|| drop(service.call(1))));

    assert!(called.is_err());
    assert_eq!(limiter.in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_rule_is_asked_once_for_each_request_and_not_for_those_bypassed() {
    let asked = AtomicUsize::new(0);
    let ask = || asked.fetch_add(1, Ordering::SeqCst);
    let layer = AdmissionLayer::new(Steady::new(10))
        .bypass(|request: &u32| *request == 0)
        .priority(|_: &u32| {
            ask();
            Priority::High
        })
        .shares(Shares::new())
        .partition(|_: &u32| {
            ask();
            ""
        })
        .deadline(|_: &u32| {
            ask();
            None
        });
    let mut service = layer.layer(service_fn(echo::<u32>));

    for request in [0, 1, 2] {
        service.call(request).await.unwrap();
    }

    assert_eq!(asked.load(Ordering::SeqCst), 6);
}

#[tokio::test(start_paused = true)]
async fn a_partition_is_borrowed_from_the_request_or_static() {
    struct Job {
        tenant: String,
    }
    let shares = Shares::new().guarantee("live", 0.5);
    let borrowed = AdmissionLayer::new(Steady::new(1))
        .shares(shares.clone())
        .partition(|job: &Job| &job.tenant);
    let fixed = AdmissionLayer::new(Steady::new(1))
        .shares(shares)
        .partition(|_: &Job| "live");
    let inner = service_fn(async |job: Job| Ok::<_, Infallible>(job.tenant));
    let job = || Job {
        tenant: "live".to_owned(),
    };

    assert_eq!(borrowed.layer(inner).oneshot(job()).await.unwrap(), "live");
    assert_eq!(fixed.layer(inner).oneshot(job()).await.unwrap(), "live");
}

#[test]
#[should_panic = "max_wait must be more than 0 and at most an hour, got 0ns"]
fn a_queue_that_the_limiter_refuses_is_refused_with_its_message() {
    let queue = Queue::bounded(1).max_wait(Duration::ZERO);
    let _ = AdmissionLayer::new(Steady::new(1)).queue(queue);
}

#[test]
#[should_panic = "guarantee must be at most 1 in total, got 1.5"]
fn shares_that_the_limiter_refuses_are_refused_with_its_message() {
    let shares = Shares::new().guarantee("a", 0.75).guarantee("b", 0.75);
    let _ = AdmissionLayer::new(Steady::new(1))
        .shares(shares)
        .partition(|_: &u32| "a");
}

#[tokio::test(start_paused = true)]
async fn a_layer_with_every_rule_infers_its_types_and_can_be_boxed() {
    let service: BoxCloneService<String, String, Infallible> = ServiceBuilder::new()
        .layer(
            AdmissionLayer::new(Steady::new(1))
                .queue(Queue::bounded(10))
                .priority(|_: &String| Priority::Critical)
                .deadline(|_: &String| Some(Instant::now() + MS))
                .shares(Shares::new().guarantee("a", 0.5))
                .partition(|request: &String| request)
                .bypass(|request: &String| request.is_empty())
                .on_reject(|request: String, _| request)
                .classifier(|_: &Result<String, Infallible>| None),
        )
        .service(service_fn(echo))
        .boxed_clone();

    assert_eq!(service.oneshot("a".to_owned()).await.unwrap(), "a");
}

// Waiting.

fn queueing(max_wait: Duration) -> AdmissionLayer {
    AdmissionLayer::new(Steady::new(1)).queue(Queue::bounded(10).max_wait(max_wait))
}

#[tokio::test(start_paused = true)]
async fn a_queued_request_reaches_the_service_when_a_permit_is_free() {
    let layer = queueing(SECOND);
    let remote = Remote::default();
    let mut service = layer.layer(remote.clone());
    let mut first = service.call(1);
    let mut second = Polled::new(service.call(2));
    assert!(second.poll().is_pending());
    assert_eq!(remote.calls(), [1]);

    remote.answer(Ok(1));
    assert!(poll(&mut first, Waker::noop()).is_ready());

    assert_eq!(second.wakes(), 1);
    assert!(second.poll().is_pending());
    assert_eq!(remote.calls(), [1, 2]);
    remote.answer(Ok(2));
    assert_eq!(second.poll(), Poll::Ready(Ok(2)));
}

#[tokio::test(start_paused = true)]
async fn a_queued_request_is_called_on_the_service_that_was_ready_for_it() {
    let limiter = Limiter::new(Steady::new(2));
    let mut service = queueing(SECOND)
        .layer(ConcurrencyLimitLayer::with_limiter(limiter.clone()).layer(Remote::default()));
    let mut response = ready(&mut service).await.call(1);
    let mut queued = ready(&mut service).await.call(2);
    assert!(poll(&mut response, Waker::noop()).is_pending());
    assert!(poll(&mut queued, Waker::noop()).is_pending());

    // One in flight, and the readiness that the queued request has pinned.
    assert_eq!(limiter.in_flight(), 2);
    drop(response);
    // `ConcurrencyLimit` panics if it is called without.
    assert!(poll(&mut queued, Waker::noop()).is_pending());
    drop(queued);
    assert_eq!(limiter.in_flight(), 0);
}

async fn ready<S: Service<u32, Error: std::fmt::Debug>>(service: &mut S) -> &mut S {
    service.ready().await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_request_that_waited_too_long_goes_to_the_responder() {
    let layer =
        queueing(20 * MS).on_reject(|request: u32, rejected| request + rejected.reason() as u32);
    let _permit = layer.limiter().try_acquire().unwrap();
    let start = Instant::now();

    let response = layer.layer(service_fn(echo::<u32>)).oneshot(100).await;

    assert_eq!(response, Ok(100 + Reason::WaitedTooLong as u32));
    assert_eq!(start.elapsed(), 20 * MS);
}

#[tokio::test(start_paused = true)]
async fn a_queued_request_that_is_dropped_leaves_the_queue_at_once() {
    let layer = queueing(SECOND);
    let permit = layer.limiter().try_acquire().unwrap();
    let mut service = layer.layer(Remote::default());
    let mut gone = service.call(1);
    let mut stays = service.call(2);
    assert!(poll(&mut gone, Waker::noop()).is_pending());
    assert!(poll(&mut stays, Waker::noop()).is_pending());
    assert_eq!(layer.limiter().waiting(), 2);

    drop(gone);
    assert_eq!(layer.limiter().waiting(), 1);
    permit.release();

    assert!(poll(&mut stays, Waker::noop()).is_pending());
    assert_eq!(service.get_ref().calls(), [2]);
}

#[tokio::test(start_paused = true)]
async fn the_wait_in_the_queue_is_no_part_of_the_rtt() {
    let steady = Steady::new(1);
    let samples = steady.samples();
    let layer = AdmissionLayer::new(steady).queue(Queue::bounded(1).max_wait(SECOND));
    let permit = layer.limiter().try_acquire().unwrap();
    let mut service = layer.layer(service_fn(async |n: u32| {
        sleep(5 * MS).await;
        Ok::<_, Infallible>(n)
    }));
    let response = tokio::spawn(service.call(1));
    tokio::task::yield_now().await;

    advance(50 * MS).await;
    permit.release();
    response.await.unwrap().unwrap();

    assert_eq!(samples.only().rtt, 5 * MS);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_panics_when_it_is_called_after_the_wait_gives_its_permit_back() {
    let layer = queueing(SECOND);
    let permit = layer.limiter().try_acquire().unwrap();
    let mut service = layer.layer(service_fn(
        |_: u32| -> std::future::Ready<Result<u32, Infallible>> { panic!("part of the test") },
    ));
    let mut response = service.call(1);
    assert!(poll(&mut response, Waker::noop()).is_pending());
    permit.release();

    let polled = catch_unwind(AssertUnwindSafe(|| {
        let _ = poll(&mut response, Waker::noop());
    }));

    assert!(polled.is_err());
    assert_eq!(layer.limiter().in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn layers_that_share_a_limiter_share_its_queue() {
    let first = queueing(SECOND);
    let limiter = first.limiter().clone();
    let second = AdmissionLayer::with_limiter(limiter.clone());
    let _permit = limiter.try_acquire().unwrap();

    let mut response = second.layer(Remote::default()).call(1);

    assert!(poll(&mut response, Waker::noop()).is_pending());
    assert_eq!(limiter.waiting(), 1);
}

#[tokio::test(start_paused = true)]
async fn priority_deadline_and_partition_reach_the_queue() {
    let layer = queueing(SECOND)
        .priority(|request: &u32| match request {
            2 => Priority::Critical,
            _ => Priority::Low,
        })
        .deadline(|request: &u32| (*request == 3).then(Instant::now))
        .shares(Shares::new().guarantee("even", 0.5))
        .partition(|request: &u32| ["even", "odd"][*request as usize % 2]);
    let permit = layer.limiter().try_acquire().unwrap();
    let remote = Remote::default();
    let mut service = layer.layer(remote.clone());
    let mut low = service.call(0);
    assert!(poll(&mut low, Waker::noop()).is_pending());
    let mut critical = service.call(2);
    assert!(poll(&mut critical, Waker::noop()).is_pending());
    let late = service.call(3).await.unwrap_err();

    permit.release();
    assert!(poll(&mut critical, Waker::noop()).is_pending());

    assert_eq!(remote.calls(), [2]);
    let AdmissionError::Rejected(rejected) = late else {
        panic!("{late:?}");
    };
    assert_eq!(rejected.reason(), Reason::DeadlineTooClose);
    let shares = layer.limiter().snapshot().shares;
    assert_eq!(shares[0].key.as_deref(), Some("even"));
    assert_eq!(shares[0].in_flight, 1);
}

const SECOND: Duration = Duration::from_secs(1);

// Observing.

#[tokio::test(start_paused = true)]
async fn observe_only_admits_all_and_counts_what_it_spared() {
    let layer = AdmissionLayer::new(Steady::new(2)).observe_only();
    let remote = Remote::default();
    let mut service = layer.layer(remote.clone());

    let responses: Vec<_> = (0..5).map(|n| service.call(n)).collect();

    let snapshot = layer.limiter().snapshot();
    assert_eq!((snapshot.spared, snapshot.rejected), (3, 0));
    assert_eq!((snapshot.in_flight, snapshot.limit), (5, 2));
    for response in responses {
        remote.answer(Ok(1));
        assert_eq!(response.await, Ok(1));
    }
}

#[tokio::test(start_paused = true)]
async fn observe_only_learns() {
    let steady = Steady::new(1);
    let samples = steady.samples();
    let layer = AdmissionLayer::new(steady).observe_only();
    let _permit = layer.limiter().try_acquire().unwrap();

    layer.layer(service_fn(echo)).oneshot(1).await.unwrap();

    assert_eq!(samples.only().in_flight, 2);
}

#[tokio::test(start_paused = true)]
async fn a_bypassed_request_is_not_spared() {
    let layer = AdmissionLayer::new(Steady::new(1))
        .observe_only()
        .bypass(|_: &u32| true);
    let _permit = layer.limiter().try_acquire().unwrap();

    layer.layer(service_fn(echo)).oneshot(1).await.unwrap();

    assert_eq!(layer.limiter().snapshot().spared, 0);
}

// Classification and sharing.

#[tokio::test(start_paused = true)]
async fn a_classifier_sees_the_services_own_result() {
    let steady = Steady::new(1);
    let samples = steady.samples();
    let layer =
        AdmissionLayer::new(steady).classifier(|result: &Result<u32, Fault>| match result {
            Ok(_) => Some(Outcome::Overload),
            Err(Fault) => None,
        });
    let remote = Remote::default();
    let mut service = layer.layer(remote.clone());

    for answer in [Ok(1), Err(Fault)] {
        let response = service.call(1);
        remote.answer(answer);
        let _ = response.await;
    }

    assert_eq!(samples.outcomes(), [Outcome::Overload]);
}

#[tokio::test(start_paused = true)]
async fn a_classifier_does_not_see_rejections() {
    let seen = Arc::new(AtomicUsize::new(0));
    let layer = AdmissionLayer::new(Steady::new(1))
        .on_reject(|_: u32, _| 503)
        .classifier({
            let seen = seen.clone();
            move |_: &Result<u32, Infallible>| {
                seen.fetch_add(1, Ordering::SeqCst);
                None
            }
        });
    let _permit = layer.limiter().try_acquire().unwrap();

    let response = layer.layer(service_fn(echo)).oneshot(1).await;

    assert_eq!(response, Ok(503));
    assert_eq!(seen.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn two_admission_layers_with_one_limiter_share_its_limit() {
    let limiter = Limiter::new(Steady::new(1));
    let mut first = AdmissionLayer::with_limiter(limiter.clone()).layer(Remote::default());
    let mut second = AdmissionLayer::with_limiter(limiter).layer(Remote::default());
    let _response = first.call(1);

    assert!(second.call(2).await.unwrap_err().is_rejected());
}

#[tokio::test(start_paused = true)]
async fn one_layer_value_is_one_limit_however_it_is_applied() {
    let layer = AdmissionLayer::new(Steady::new(2));
    let mut first = layer.layer(Remote::default());
    let mut second = layer.clone().layer(Remote::default());
    let mut third = second.clone();
    let _responses = [first.call(1), second.call(2)];

    assert!(third.call(3).await.unwrap_err().is_rejected());
}

#[tokio::test(start_paused = true)]
async fn options_set_in_any_order_keep_the_limiter() {
    let layer = AdmissionLayer::new(Steady::new(1));
    let limiter = layer.limiter().clone();
    let layer = layer
        .bypass(|request: &u32| *request == 0)
        .observe_only()
        .classifier(|_: &Result<u32, Infallible>| Some(Outcome::Success))
        .on_reject(|request: u32, _| request);
    let _permit = limiter.try_acquire().unwrap();

    layer.layer(service_fn(echo)).oneshot(1).await.unwrap();

    // Each option is still there: observed, not rejected; not bypassed; classified.
    let snapshot = limiter.snapshot();
    assert_eq!(
        (snapshot.spared, snapshot.ignored, snapshot.success),
        (1, 0, 1)
    );
}

#[tokio::test(start_paused = true)]
async fn admission_behind_back_pressure_waits_before_it_is_asked() {
    let limiter = Limiter::new(Steady::new(1));
    let mut service = ServiceBuilder::new()
        .layer(AdmissionLayer::new(Steady::new(1)))
        .layer(ConcurrencyLimitLayer::with_limiter(limiter.clone()))
        .service(service_fn(echo::<u32>));
    let permit = limiter.try_acquire().unwrap();
    let waiting = tokio::spawn(async move { service.ready().await?.call(1).await });
    tokio::task::yield_now().await;

    permit.release();

    assert_eq!(waiting.await.unwrap(), Ok(1));
}

#[tokio::test(start_paused = true)]
async fn a_rejected_newcomer_does_not_overtake_a_waiter_on_a_shared_limiter() {
    let limiter = Limiter::new(Steady::new(1));
    let mut newcomer = AdmissionLayer::with_limiter(limiter.clone()).layer(Remote::default());
    let permit = limiter.try_acquire().unwrap();
    let mut waiting = Polled::new(limiter.acquire());
    assert!(waiting.poll().is_pending());

    permit.release();

    assert!(newcomer.call(1).await.unwrap_err().is_rejected());
    assert!(waiting.poll().is_ready());
}

#[tokio::test(start_paused = true)]
async fn a_layer_infers_its_types_inside_a_service_builder() {
    let service = ServiceBuilder::new()
        .layer(
            AdmissionLayer::new(Steady::new(1))
                .bypass(|request: &u32| *request == 0)
                .on_reject(|_: u32, _| 503),
        )
        .service(service_fn(echo));

    assert_eq!(service.oneshot(1).await, Ok(1));
}

/// Offers one request a millisecond, each of which takes 20 ms, and drives them all to their end.
async fn offer<S>(service: &mut S, requests: usize)
where
    S: Service<u64, Future: Send + 'static>,
    S::Response: Send + 'static,
    S::Error: Send + 'static,
{
    for _ in 0..requests {
        let Ok(service) = service.ready().await else {
            unreachable!("admission is always ready");
        };
        tokio::spawn(service.call(20));
        sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn observing_spares_as_many_as_enforcing_rejects() {
    let work = |ms| async move {
        sleep(Duration::from_millis(ms)).await;
        Ok::<_, BoxError>(ms)
    };
    let mut enforcing = AdmissionLayer::new(Fixed::new(10)).layer(service_fn(work));
    let observe = AdmissionLayer::new(Fixed::new(10)).observe_only();
    let mut observing = observe.layer(service_fn(work));

    offer(&mut enforcing, 400).await;
    offer(&mut observing, 400).await;

    let rejected = enforcing.limiter().snapshot().rejected;
    let spared = observing.limiter().snapshot().spared;
    assert!(rejected > 150, "{rejected} rejected");
    assert_eq!(spared, rejected);
}
