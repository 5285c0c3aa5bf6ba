//! The queue of an `Admission`: who waits, for how long, in which order, and who does not.

mod support;

use std::convert::Infallible;
use std::task::Poll;
use std::time::Duration;

use tokio::time::{Instant, advance, sleep};
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_adaptive::{
    AdmissionError, AdmissionLayer, Fixed, Limiter, Limiters, Outcome, Priority, Queue, Reason,
    Shares,
};

use support::{Fault, MS, Polled, Remote, Samples, Steady, block_on, set_limit};

type Answer = Result<u32, AdmissionError<Fault>>;

/// An admission polled by hand in front of a service that answers when told to. Requests are
/// numbers; those of 100 and above are critical, those below 10 sheddable.
struct Server {
    remote: Remote,
    limiter: Limiter,
    samples: Samples,
    call: Box<dyn FnMut(u32) -> Call>,
}

type Call = Polled<std::pin::Pin<Box<dyn Future<Output = Answer>>>>;

impl Server {
    fn new(limit: usize, queue: Queue) -> Self {
        Self::from(limit, |layer| layer.queue(queue))
    }

    fn from(limit: usize, change: impl FnOnce(AdmissionLayer) -> AdmissionLayer) -> Self {
        let remote = Remote::default();
        let steady = Steady::new(limit);
        let samples = steady.samples();
        let layer = change(AdmissionLayer::new(steady));
        let limiter = layer.limiter().clone();
        let mut service = layer.priority(priority).layer(remote.clone());
        Self {
            remote,
            limiter,
            samples,
            call: Box::new(move |request| Polled::new(Box::pin(service.call(request)))),
        }
    }

    /// Calls and polls once.
    fn call(&mut self, request: u32) -> Call {
        let mut call = (self.call)(request);
        if let Poll::Ready(answer) = call.poll() {
            call.inner = Box::pin(async { answer });
        }
        call
    }

    fn call_all<const N: usize>(&mut self, requests: [u32; N]) -> [Call; N] {
        requests.map(|request| self.call(request))
    }
}

fn priority(request: &u32) -> Priority {
    match request {
        100.. => Priority::Critical,
        10..100 => Priority::Normal,
        _ => Priority::Sheddable,
    }
}

fn reason(answer: Poll<Answer>) -> Reason {
    match answer {
        Poll::Ready(Err(AdmissionError::Rejected(rejected))) => rejected.reason(),
        other => panic!("not rejected: {other:?}"),
    }
}

fn assert_at_rest(server: &Server) {
    assert_eq!(
        (server.limiter.in_flight(), server.limiter.waiting()),
        (0, 0)
    );
}

// Who waits.

#[tokio::test(start_paused = true)]
async fn a_request_above_the_limit_waits_for_a_permit() {
    let mut server = Server::new(1, Queue::bounded(1));
    let [mut first, mut second] = server.call_all([10, 11]);
    assert!(second.poll().is_pending());
    assert_eq!(server.remote.calls(), [10]);
    assert_eq!(
        (server.limiter.in_flight(), server.limiter.waiting()),
        (1, 1)
    );

    server.remote.answer(Ok(1));
    assert_eq!(first.poll(), Poll::Ready(Ok(1)));

    assert_eq!(second.wakes(), 1);
    assert!(second.poll().is_pending());
    assert_eq!(server.remote.calls(), [10, 11]);
    server.remote.answer(Ok(2));
    assert_eq!(second.poll(), Poll::Ready(Ok(2)));
    assert_at_rest(&server);
}

#[tokio::test(start_paused = true)]
async fn the_wait_is_no_part_of_the_rtt() {
    let mut server = Server::new(1, Queue::bounded(1));
    let [mut first, mut second] = server.call_all([10, 11]);
    advance(50 * MS).await;
    server.remote.answer(Ok(1));
    assert!(first.poll().is_ready());
    assert!(second.poll().is_pending());
    advance(20 * MS).await;
    server.remote.answer(Ok(2));
    assert!(second.poll().is_ready());

    let rtts: Vec<_> = server.samples.all().iter().map(|s| s.rtt).collect();
    assert_eq!(rtts, [50 * MS, 20 * MS]);
}

#[tokio::test(start_paused = true)]
async fn what_is_queued_when_the_limit_rises_is_let_in() {
    let mut server = Server::new(1, Queue::bounded(3));
    let mut calls = server.call_all([10, 11, 12, 13]);

    set_limit(&server.limiter, 3);

    assert_eq!(calls.each_ref().map(Polled::wakes), [0, 1, 1, 0]);
    for call in &mut calls {
        assert!(call.poll().is_pending());
    }
    assert_eq!(server.remote.calls(), [10, 11, 12]);
}

#[tokio::test(start_paused = true)]
async fn nobody_is_let_in_while_a_lower_limit_is_exceeded() {
    let mut server = Server::new(2, Queue::bounded(1));
    let mut calls = server.call_all([10, 11, 12]);
    set_limit(&server.limiter, 1);

    server.remote.answer(Ok(0));
    assert!(calls[0].poll().is_ready());
    assert_eq!(calls[2].wakes(), 0);

    server.remote.answer(Ok(0));
    assert!(calls[1].poll().is_ready());
    assert_eq!(calls[2].wakes(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_queue_may_be_added_and_removed_while_it_is_in_use() {
    let mut server = Server::new(1, Queue::none());
    let mut first = server.call(10);
    assert_eq!(reason(server.call(11).poll()), Reason::Limit);

    server.limiter.set_queue(Queue::bounded(1)).unwrap();
    let mut queued = server.call(12);
    assert!(queued.poll().is_pending());

    server.limiter.set_queue(Queue::none()).unwrap();
    assert_eq!(reason(server.call(13).poll()), Reason::Limit);
    server.remote.answer(Ok(0));
    assert!(first.poll().is_ready());
    assert!(queued.poll().is_pending());
    assert_eq!(server.remote.calls(), [10, 12], "who waits keeps its place");
}

#[test]
fn an_option_out_of_range_is_refused_and_changes_nothing() {
    let limiter = Limiter::new(Fixed::new(1));
    for (queue, message) in [
        (
            Queue::bounded(Queue::LARGEST + 1),
            "capacity must be at most 1048576, got 1048577",
        ),
        (
            Queue::bounded(1).max_wait(Duration::ZERO),
            "max_wait must be more than 0 and at most an hour, got 0ns",
        ),
        (
            Queue::bounded(1).target(100 * MS),
            "target must be more than 0 and less than interval (100ms), got 100ms",
        ),
        (
            Queue::bounded(1).interval(Duration::from_secs(3601)),
            "interval must be more than 0 and at most an hour, got 3601s",
        ),
    ] {
        let error = limiter.set_queue(queue).unwrap_err();
        assert_eq!(error.to_string(), message);
    }
    for (shares, message) in [
        (
            Shares::new().guarantee("a", 0.0),
            "guarantee must be more than 0 and at most 1 for \"a\", got 0",
        ),
        (
            Shares::new().guarantee("a", f64::NAN),
            "guarantee must be more than 0 and at most 1 for \"a\", got NaN",
        ),
        (
            Shares::new().guarantee("a", 0.6).guarantee("b", 0.5),
            "guarantee must be at most 1 in total, got 1.1",
        ),
        (
            Shares::new().guarantee("a", 0.1).guarantee("a", 0.1),
            "guarantee must be given once for \"a\", got two",
        ),
    ] {
        let error = limiter.set_shares(shares).unwrap_err();
        assert_eq!(error.to_string(), message);
    }
    assert!(limiter.snapshot().shares.is_empty());
}

// Who does not.

#[tokio::test(start_paused = true)]
async fn a_full_queue_rejects_and_says_so() {
    let mut server = Server::new(1, Queue::bounded(2));
    let _calls = server.call_all([10, 11, 12]);

    let refused = server.call(13).poll();

    assert_eq!(reason(refused), Reason::QueueFull);
    assert_eq!(
        server.limiter.snapshot().rejected_by.get(Reason::QueueFull),
        1
    );
    assert_eq!(server.limiter.snapshot().rejected, 1);
}

#[tokio::test(start_paused = true)]
async fn whoever_has_waited_as_long_as_it_may_is_rejected() {
    let mut server = Server::new(1, Queue::bounded(2).max_wait(30 * MS));
    let [_first, mut second] = server.call_all([10, 11]);

    advance(29 * MS).await;
    assert!(second.poll().is_pending());
    advance(2 * MS).await;

    assert_eq!(second.wakes(), 1, "by its own timer");
    assert_eq!(reason(second.poll()), Reason::WaitedTooLong);
    assert_eq!(server.limiter.waiting(), 0);
    assert_eq!(server.remote.calls(), [10]);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_request_leaves_the_queue_at_once() {
    let mut server = Server::new(1, Queue::bounded(1));
    let [mut first, second] = server.call_all([10, 11]);

    drop(second);

    assert_eq!(server.limiter.waiting(), 0);
    let mut third = server.call(12);
    assert!(third.poll().is_pending(), "its place is free");
    server.remote.answer(Ok(0));
    assert!(first.poll().is_ready());
    assert!(third.poll().is_pending());
    assert_eq!(server.remote.calls(), [10, 12]);
    assert_eq!(server.limiter.snapshot().abandoned, 1);
    assert_eq!(server.limiter.snapshot().rejected, 0);
    assert_eq!(server.samples.outcomes(), [Outcome::Success]);
}

#[tokio::test(start_paused = true)]
async fn a_request_dropped_with_a_grant_passes_it_on() {
    let mut server = Server::new(1, Queue::bounded(2));
    let [mut first, second, mut third] = server.call_all([10, 11, 12]);
    server.remote.answer(Ok(0));
    assert!(first.poll().is_ready());
    assert_eq!(second.wakes(), 1);

    drop(second);

    assert_eq!(third.wakes(), 1);
    assert!(third.poll().is_pending());
    assert_eq!(server.remote.calls(), [10, 12]);
}

#[tokio::test(start_paused = true)]
async fn a_grant_that_is_not_polled_for_goes_to_the_next() {
    let mut server = Server::new(1, Queue::bounded(2));
    let [mut first, mut second, mut third] = server.call_all([10, 11, 12]);
    server.remote.answer(Ok(0));
    assert!(first.poll().is_ready());

    sleep(12 * MS).await;

    assert_eq!(third.wakes(), 1);
    assert!(third.poll().is_pending());
    assert!(second.poll().is_pending());
    assert_eq!(server.remote.calls(), [10, 12]);
}

// In which order.

/// Answers what is running until nobody waits, and returns the order in which they were called.
fn served(server: &mut Server, calls: &mut [Call]) -> Vec<u32> {
    for _ in 0..calls.len() {
        server.remote.answer(Ok(0));
        // Twice: one that was polled before may have been granted what another gave back.
        for index in (0..calls.len()).chain(0..calls.len()) {
            let call = &mut calls[index];
            if let Poll::Ready(answer) = call.poll() {
                call.inner = Box::pin(std::future::pending());
                answer.unwrap();
            }
        }
    }
    server.remote.calls()
}

#[tokio::test(start_paused = true)]
async fn equals_are_served_first_come_first_served() {
    let mut server = Server::new(1, Queue::bounded(3));
    let mut calls = server.call_all([10, 11, 12, 13]);

    assert_eq!(served(&mut server, &mut calls), [10, 11, 12, 13]);
    assert_at_rest(&server);
}

#[tokio::test(start_paused = true)]
async fn a_freed_permit_goes_to_the_highest_that_waits() {
    let mut server = Server::new(1, Queue::bounded(6));
    let mut calls = server.call_all([10, 1, 11, 100, 2, 12, 101]);

    assert_eq!(
        served(&mut server, &mut calls),
        [10, 100, 101, 11, 12, 1, 2]
    );
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_gives_up_the_newest_of_the_lowest_for_a_higher_one() {
    let mut server = Server::new(1, Queue::bounded(3));
    let [_first, mut one, mut two, mut normal] = server.call_all([10, 1, 2, 11]);

    let mut critical = server.call(100);

    assert_eq!(two.wakes(), 1);
    assert_eq!(reason(two.poll()), Reason::Evicted);
    assert!(one.poll().is_pending() && normal.poll().is_pending() && critical.poll().is_pending());
    assert_eq!(server.limiter.waiting(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_gives_up_nobody_for_an_equal() {
    let mut server = Server::new(1, Queue::bounded(2));
    let [_first, mut one, mut two] = server.call_all([10, 100, 101]);

    assert_eq!(reason(server.call(102).poll()), Reason::QueueFull);
    assert_eq!(reason(server.call(11).poll()), Reason::QueueFull);
    assert!(one.poll().is_pending() && two.poll().is_pending());
}

#[tokio::test(start_paused = true)]
async fn two_layers_on_one_limiter_are_ordered_together() {
    let limiter = Limiter::builder(Fixed::new(1))
        .queue(Queue::bounded(4))
        .build();
    let remote = Remote::default();
    let layer = || AdmissionLayer::with_limiter(limiter.clone());
    let mut plain = layer().layer(remote.clone());
    let mut critical = layer()
        .priority(|_: &u32| Priority::Critical)
        .layer(remote.clone());
    let mut first = Polled::new(Box::pin(plain.call(1)));
    assert!(first.poll().is_pending());
    let mut second = Polled::new(Box::pin(plain.call(2)));
    assert!(second.poll().is_pending());
    let mut third = Polled::new(Box::pin(critical.call(3)));
    assert!(third.poll().is_pending());
    assert_eq!(limiter.waiting(), 2);

    remote.answer(Ok(0));
    assert!(first.poll().is_ready());

    assert_eq!((second.wakes(), third.wakes()), (0, 1));
    assert!(third.poll().is_pending());
    assert_eq!(remote.calls(), [1, 3]);
}

#[tokio::test(start_paused = true)]
async fn a_caller_of_acquire_waits_among_normal_requests() {
    let limiter = Limiter::builder(Fixed::new(1))
        .queue(Queue::bounded(4))
        .build();
    let mut service = AdmissionLayer::with_limiter(limiter.clone())
        .priority(priority)
        .layer(Remote::default());
    let permit = limiter.try_acquire().unwrap();
    let mut normal = Polled::new(Box::pin(service.call(10)));
    assert!(normal.poll().is_pending());
    let mut acquire = Polled::new(limiter.acquire());
    assert!(acquire.poll().is_pending());
    let mut later = Polled::new(Box::pin(service.call(11)));
    assert!(later.poll().is_pending());
    let mut critical = Polled::new(Box::pin(service.call(100)));
    assert!(critical.poll().is_pending());

    permit.release();
    assert_eq!(critical.wakes(), 1);
    drop(critical);
    assert_eq!((normal.wakes(), acquire.wakes()), (1, 0));
    drop(normal);
    assert_eq!((acquire.wakes(), later.wakes()), (1, 0));
    let Poll::Ready(Ok(permit)) = acquire.poll() else {
        panic!("it was granted a permit");
    };
    permit.release();
    assert_eq!(later.wakes(), 1);
}

/// One permit, 20 ms for each request, and one request every 10 ms: who is served how late.
#[tokio::test(start_paused = true)]
async fn a_queue_that_does_not_drain_serves_the_newest_and_gives_the_oldest_up_early() {
    let layer = AdmissionLayer::new(Fixed::new(1)).queue(Queue::bounded(100).max_wait(500 * MS));
    let limiter = layer.limiter().clone();
    let service = layer.layer(service_fn(async |sent: Instant| {
        let waited = sent.elapsed();
        sleep(20 * MS).await;
        Ok::<_, Infallible>(waited)
    }));
    let started = Instant::now();
    let mut calls = Vec::new();
    for _ in 0..300 {
        let call = service.clone().oneshot(Instant::now());
        calls.push(tokio::spawn(async move {
            (started.elapsed(), call.await, started.elapsed())
        }));
        sleep(10 * MS).await;
    }
    let (mut late, mut refused_after) = (Vec::new(), Vec::new());
    for call in calls {
        let (at, result, answered) = call.await.unwrap();
        // Once it is clear that it does not drain.
        match result {
            Ok(waited) if at > 1000 * MS => late.push(waited),
            Err(_) if at > 1000 * MS => refused_after.push(answered - at),
            _ => {}
        }
    }
    assert!(late.len() > 75 && refused_after.len() > 75);
    let latest = late.iter().max().unwrap();
    assert!(*latest <= 50 * MS, "served after {latest:?}");
    let longest = refused_after.iter().max().unwrap();
    // One permit of 20 ms: the target is a quarter of the interval, and twice that is enough.
    assert!(*longest <= 75 * MS, "refused after {longest:?}");
    let by = limiter.snapshot().rejected_by;
    assert_eq!(by.get(Reason::WaitedTooLong), by.total());
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_drains_keeps_its_order_and_its_patience() {
    let mut server = Server::new(1, Queue::bounded(100).max_wait(500 * MS));
    let mut first = server.call(10);
    // Above the target, but for less than an interval at a time.
    for round in 0..5u32 {
        let mut calls = server.call_all([20 + round, 40 + round]);
        advance(60 * MS).await;
        server.remote.answer(Ok(0));
        assert!(first.poll().is_ready());
        assert_eq!(calls.each_ref().map(Polled::wakes), [1, 0]);
        assert!(calls[0].poll().is_pending());
        server.remote.answer(Ok(0));
        assert!(calls[0].poll().is_ready());
        assert!(calls[1].poll().is_pending());
        let [_, second] = calls;
        first = second;
    }
    assert_eq!(server.limiter.snapshot().rejected, 0);
}

// Deadlines.

#[tokio::test(start_paused = true)]
async fn what_is_past_its_deadline_is_rejected_although_there_is_room() {
    let layer = AdmissionLayer::new(Fixed::new(1)).deadline(|due: &Instant| Some(*due));
    let mut service = layer.layer(service_fn(async |_: Instant| Ok::<_, Infallible>(())));

    let refused = service.call(Instant::now()).await.unwrap_err();

    let AdmissionError::Rejected(rejected) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(rejected.reason(), Reason::DeadlineTooClose);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_start_in_time_is_rejected_before_it_waits() {
    let layer = AdmissionLayer::new(Fixed::new(2))
        .queue(Queue::bounded(10).max_wait(Duration::from_secs(1)))
        .deadline(|due: &Option<Instant>| *due);
    let limiter = layer.limiter().clone();
    let service = layer.layer(service_fn(async |_: Option<Instant>| {
        sleep(100 * MS).await;
        Ok::<_, Infallible>(())
    }));
    // What takes 100 ms with two permits lets one in every 50 ms.
    service.clone().oneshot(None).await.unwrap();
    let call = |due: Option<Instant>| {
        let mut call = Polled::new(Box::pin(service.clone().oneshot(due)));
        let answer = call.poll();
        (call, answer)
    };
    let _running = [call(None), call(None), call(None)];
    assert_eq!(limiter.waiting(), 1);

    let (_call, refused) = call(Some(Instant::now() + 99 * MS));
    let Poll::Ready(Err(AdmissionError::Rejected(rejected))) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(rejected.reason(), Reason::DeadlineTooClose);
    assert!(call(Some(Instant::now() + 101 * MS)).1.is_pending());
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_gives_up_at_its_deadline() {
    let layer = AdmissionLayer::new(Fixed::new(1))
        .queue(Queue::bounded(10))
        .deadline(|request: &(u32, Instant)| Some(request.1));
    let remote = Remote::default();
    let inner = remote.clone();
    let mut service = layer.layer(service_fn(move |request: (u32, Instant)| {
        inner.clone().call(request.0)
    }));
    let due = Instant::now() + 20 * MS;
    let _first = service.call((1, due));
    let mut second = Polled::new(Box::pin(service.call((2, due))));
    assert!(second.poll().is_pending());

    advance(21 * MS).await;

    let Poll::Ready(Err(AdmissionError::Rejected(rejected))) = second.poll() else {
        panic!("still waiting");
    };
    assert_eq!(rejected.reason(), Reason::WaitedTooLong);
}

// What a rejection says.

#[tokio::test(start_paused = true)]
async fn a_rejection_tells_when_all_that_is_there_will_have_been_served() {
    let mut server = Server::new(2, Queue::bounded(3));
    let mut first = server.call(10);
    advance(100 * MS).await;
    server.remote.answer(Ok(0));
    assert!(first.poll().is_ready());
    let _calls = server.call_all([10, 11, 12, 13, 14]);

    let Poll::Ready(Err(AdmissionError::Rejected(rejected))) = server.call(15).poll() else {
        panic!("not rejected");
    };

    // Two run and three wait, each for 100 ms of one of two permits.
    assert_eq!(rejected.drain_time(), 250 * MS);
    assert_eq!(rejected.limit(), 2);
    assert_eq!(
        rejected.to_string(),
        "concurrency limit of 2 reached, and its queue is full"
    );
}

// Observing.

#[tokio::test(start_paused = true)]
async fn an_observing_layer_queues_nobody_and_counts_who_would_have_been_turned_away() {
    let queue = Queue::bounded(1).max_wait(30 * MS);
    let mut server = Server::from(1, |layer| layer.queue(queue).observe_only());
    let calls = server.call_all([10, 11, 12]);
    assert_eq!(server.remote.calls(), [10, 11, 12]);
    assert_eq!(
        (server.limiter.in_flight(), server.limiter.waiting()),
        (3, 0)
    );
    assert_eq!(
        server.limiter.snapshot().spared_by.get(Reason::QueueFull),
        1
    );

    // On paper, the second waits for the first, and longer than it may.
    advance(40 * MS).await;
    drop(calls);

    let snapshot = server.limiter.snapshot();
    assert_eq!(snapshot.spared_by.get(Reason::WaitedTooLong), 1);
    assert_eq!((snapshot.spared, snapshot.rejected), (2, 0));
    assert_at_rest(&server);
}

#[tokio::test(start_paused = true)]
async fn who_would_have_waited_and_been_served_is_not_counted() {
    let mut server = Server::from(1, |layer| layer.queue(Queue::bounded(1)).observe_only());
    let [mut first, mut second] = server.call_all([10, 11]);
    server.remote.answer(Ok(0));
    assert!(first.poll().is_ready());

    // On paper it is in flight now, so that the next one waits.
    let mut third = server.call(12);
    let fourth = server.call(13);
    assert_eq!(
        server.limiter.snapshot().spared_by.get(Reason::QueueFull),
        1
    );
    server.remote.answer(Ok(0));
    assert!(second.poll().is_ready());
    server.remote.answer(Ok(0));
    assert!(third.poll().is_ready());
    drop(fourth);

    assert_eq!(server.limiter.snapshot().spared, 1);
    assert_at_rest(&server);
}

#[tokio::test(start_paused = true)]
async fn who_would_have_been_evicted_or_late_is_counted_by_that_reason() {
    let now = Instant::now();
    let layer = AdmissionLayer::new(Fixed::new(1))
        .queue(Queue::bounded(1))
        .priority(|request: &(Priority, Instant)| request.0)
        .deadline(|request: &(Priority, Instant)| Some(request.1))
        .observe_only();
    let limiter = layer.limiter().clone();
    let mut service = layer.layer(service_fn(async |_| {
        sleep(10 * MS).await;
        Ok::<_, Infallible>(())
    }));
    let due = now + 1000 * MS;
    let low = (Priority::Low, due);

    let calls = [low, low, (Priority::High, due), (Priority::High, now)]
        .map(|request| tokio::spawn(service.call(request)));

    for call in calls {
        assert!(call.await.unwrap().is_ok(), "nobody is turned away");
    }
    let spared = limiter.snapshot().spared_by;
    assert_eq!(spared.get(Reason::Evicted), 1);
    assert_eq!(spared.get(Reason::DeadlineTooClose), 1);
    assert_eq!(spared.total(), 2);
    assert_eq!(limiter.in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_observing_layer_with_keys_counts_for_each_key() {
    let limiters = Limiters::new(|_: &u32| Limiter::new(Fixed::new(1)));
    let mut service = AdmissionLayer::with_limiters(limiters.clone())
        .key(|request: &u32| request % 2)
        .observe_only()
        .layer(service_fn(async |_: u32| {
            sleep(10 * MS).await;
            Ok::<_, Infallible>(())
        }));

    let calls = [1, 3, 5, 2].map(|request| tokio::spawn(service.call(request)));

    for call in calls {
        assert!(call.await.unwrap().is_ok());
    }
    let spared = [0, 1].map(|key| limiters.for_key(&key).snapshot().spared);
    assert_eq!(spared, [0, 2]);
}

/// The same traffic twice, where the work takes as long whatever is in flight.
#[tokio::test(start_paused = true)]
async fn what_is_counted_is_what_would_have_been_rejected() {
    async fn run(observe: bool) -> [u64; 3] {
        let shares = Shares::new().guarantee("even", 0.3);
        let layer = AdmissionLayer::new(Fixed::new(5))
            .priority(|n: &u32| Priority::ALL[*n as usize % 5])
            .shares(shares)
            .partition(|n: &u32| if n % 2 == 0 { "even" } else { "odd" });
        let layer = match observe {
            true => layer.observe_only(),
            false => layer,
        };
        let limiter = layer.limiter().clone();
        let service = layer.layer(service_fn(async |n: u32| {
            sleep(Duration::from_millis(u64::from(n * 7 % 23 + 5))).await;
            Ok::<_, Infallible>(())
        }));
        for n in 0..2000 {
            tokio::spawn(service.clone().oneshot(n));
            sleep(Duration::from_millis(u64::from(n % 4))).await;
        }
        sleep(Duration::from_secs(1)).await;
        let snapshot = limiter.snapshot();
        assert_eq!(snapshot.in_flight, 0);
        let counts = if observe {
            assert_eq!(snapshot.rejected, 0);
            snapshot.spared_by
        } else {
            assert_eq!(snapshot.spared, 0);
            snapshot.rejected_by
        };
        [
            counts.get(Reason::Limit),
            counts.get(Reason::ShareExhausted),
            counts.total(),
        ]
    }

    let (enforced, observed) = (run(false).await, run(true).await);

    assert_eq!(enforced, observed);
    assert!(enforced[0] > 50 && enforced[1] > 20, "{enforced:?}");
}

// Elsewhere.

#[test]
fn a_queue_works_without_a_runtime() {
    let limiter = Limiter::builder(Fixed::new(1))
        .queue(Queue::bounded(1))
        .build();
    let mut service = AdmissionLayer::with_limiter(limiter.clone())
        .layer(service_fn(async |n: u32| Ok::<_, Infallible>(n)));
    let permit = limiter.try_acquire().unwrap();
    let mut queued = Polled::new(Box::pin(service.call(1)));
    assert!(queued.poll().is_pending());

    permit.release();

    assert_eq!(queued.wakes(), 1);
    assert_eq!(block_on(queued.inner), Ok(1));
}
