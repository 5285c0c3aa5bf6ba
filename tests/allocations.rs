//! What the middleware allocates: nothing when there is room, next to nothing when there is none.
//!
//! `cargo test --test allocations -- --nocapture` prints what futures and queued requests take.

mod support;

use std::convert::Infallible;
use std::future::{Future, Ready, ready};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use allocation_counter::{AllocationInfo, measure};
use tokio::time::Instant;
use tower::{Layer, Service};
use tower_adaptive::{
    Admission, AdmissionLayer, Algorithm, ConcurrencyLimitLayer, Fathom, Fixed, Limiter, Limiters,
    Outcome, Permit, Priority, Queue, Reason, Sample, Shares, Vegas,
};

use support::poll;

/// Ready, and answers at once.
#[derive(Clone)]
struct Echo;

impl Service<u64> for Echo {
    type Response = u64;
    type Error = Infallible;
    type Future = Ready<Result<u64, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: u64) -> Self::Future {
        ready(Ok(request))
    }
}

const REQUESTS: u64 = 1_000;

fn allocations_of_requests<S: Service<u64>>(mut service: S) -> u64 {
    let mut cx = Context::from_waker(Waker::noop());
    let mut request = || {
        assert!(service.poll_ready(&mut cx).is_ready());
        assert!(pin!(service.call(1)).poll(&mut cx).is_ready());
    };
    request();
    let allocations = measure(|| (0..REQUESTS).for_each(|_| request()));
    allocations.count_total
}

#[test]
fn a_request_with_room_allocates_nothing() {
    let service = ConcurrencyLimitLayer::new(Vegas::default()).layer(Echo);
    assert_eq!(allocations_of_requests(service), 0);
}

#[test]
fn an_admitted_request_allocates_nothing() {
    let service = AdmissionLayer::new(Vegas::default()).layer(Echo);
    assert_eq!(allocations_of_requests(service), 0);
}

#[test]
fn a_request_admitted_beside_an_idle_queue_allocates_nothing() {
    let layer = AdmissionLayer::new(Vegas::default()).queue(Queue::bounded(100));
    assert_eq!(allocations_of_requests(layer.layer(Echo)), 0);
}

#[test]
fn a_request_admitted_by_its_priority_allocates_nothing() {
    let layer = AdmissionLayer::new(Vegas::default()).priority(priority);
    assert_eq!(allocations_of_requests(layer.clone().layer(Echo)), 0);
    let queued = layer.queue(Queue::bounded(100));
    assert_eq!(allocations_of_requests(queued.layer(Echo)), 0);
}

#[test]
fn a_request_admitted_to_its_share_allocates_nothing() {
    let layer = AdmissionLayer::new(Vegas::default())
        .shares(shares())
        .partition(|_: &u64| "live");
    assert_eq!(allocations_of_requests(layer.clone().layer(Echo)), 0);
    let queued = layer.queue(Queue::bounded(100));
    assert_eq!(allocations_of_requests(queued.layer(Echo)), 0);
}

#[test]
fn a_request_admitted_before_its_deadline_allocates_nothing() {
    let layer = AdmissionLayer::new(Vegas::default())
        .deadline(|_: &u64| Some(Instant::now() + Duration::from_secs(1)));
    assert_eq!(allocations_of_requests(layer.layer(Echo)), 0);
}

#[test]
fn a_request_that_is_only_observed_allocates_nothing() {
    let limiter = Limiter::new(Fixed::new(1));
    let _full = limiter.try_acquire().unwrap();
    let layer = AdmissionLayer::with_limiter(limiter).observe_only();
    assert_eq!(allocations_of_requests(layer.clone().layer(Echo)), 0);
    // A ghost has a slot of the queue, which was there before.
    let queued = layer.queue(Queue::bounded(100));
    assert_eq!(allocations_of_requests(queued.layer(Echo)), 0);
}

#[test]
fn a_request_whose_key_is_known_allocates_nothing() {
    let limiters = Limiters::new(|_: &u64| Limiter::new(Vegas::default()));
    let admission = AdmissionLayer::with_limiters(limiters.clone()).key(|n: &u64| *n);
    let limit = ConcurrencyLimitLayer::with_limiters(limiters).key(|n: &u64| *n);

    assert_eq!(allocations_of_requests(admission.layer(Echo)), 0);
    assert_eq!(allocations_of_requests(limit.layer(Echo)), 0);
}

#[test]
fn a_request_with_everything_on_allocates_nothing() {
    assert_eq!(allocations_of_requests(everything()), 0);
}

#[cfg(feature = "http")]
#[test]
fn a_response_that_is_its_head_allocates_nothing_though_it_might_stream() {
    use http_body_util::Empty;
    use tower_adaptive::http::{Streaming, Until};

    type Body = Empty<bytes::Bytes>;
    let head = Streaming::new().hold(Until::Head).measure(Until::Head);
    let layer = AdmissionLayer::new(Vegas::default()).streaming(head);
    let service = layer.layer(tower::service_fn(|_: u64| {
        ready(Ok::<_, Infallible>(http::Response::new(Body::new())))
    }));

    assert_eq!(allocations_of_requests(service), 0);
}

#[cfg(feature = "http")]
#[test]
fn the_authority_of_a_request_is_looked_up_without_an_allocation() {
    use tower_adaptive::http::Authority;

    let limiters = Limiters::new(|_: &String| Limiter::new(Vegas::default()));
    let layer = AdmissionLayer::with_limiters(limiters).key(Authority);
    let mut service = layer.layer(tower::service_fn(|request: http::Request<()>| {
        ready(Ok::<_, Infallible>(request))
    }));
    let mut request = Some(http::Request::new(()));
    *request.as_mut().unwrap().uri_mut() = http::Uri::from_static("http://a.example/");
    let mut cx = Context::from_waker(Waker::noop());
    let mut call = || {
        let response = pin!(service.call(request.take().unwrap())).poll(&mut cx);
        let Poll::Ready(Ok(response)) = response else {
            panic!("admitted, and answered at once");
        };
        request = Some(response);
    };
    call();

    let allocations = measure(|| (0..REQUESTS).for_each(|_| call()));

    assert_eq!(allocations.count_total, 0);
}

#[test]
fn fathom_allocates_nothing_even_in_experiments() {
    let mut fathom = Fathom::default();
    let allocations = measure(|| {
        for i in 1..50_000_u64 {
            let limit = fathom.max_concurrency();
            let rtt = Duration::from_millis(10 + i % 7);
            let sample = Sample::new(rtt, limit, Outcome::Success)
                .at(Duration::from_millis(i))
                .rejected(i);
            fathom.update(&sample);
        }
    });
    assert_eq!(allocations.count_total, 0);
    assert!(fathom.report().verdict.is_some());
}

#[test]
fn a_rejected_request_allocates_nothing() {
    let limiter = Limiter::new(Fixed::new(1));
    let _full = limiter.try_acquire().unwrap();
    let service = AdmissionLayer::with_limiter(limiter).layer(Echo);
    assert_eq!(allocations_of_requests(service), 0);
}

#[test]
fn a_request_rejected_for_want_of_a_place_allocates_nothing() {
    let limiter = Limiter::new(Fixed::new(1));
    let _full = limiter.try_acquire().unwrap();
    let layer = AdmissionLayer::with_limiter(limiter.clone()).queue(Queue::bounded(1));
    let mut service = layer.layer(Echo);
    let _queued = service.call(1);

    assert_eq!(allocations_of_requests(service), 0);
    assert_eq!(rejections(&limiter, Reason::QueueFull), REQUESTS + 1);
}

#[test]
fn a_request_rejected_for_its_priority_or_its_deadline_allocates_nothing() {
    let limiter = Limiter::new(Fixed::new(1));
    let _full = limiter.try_acquire().unwrap();
    let layer = AdmissionLayer::with_limiter(limiter.clone());
    let unimportant = layer.clone().priority(|_: &u64| Priority::Sheddable);
    let late = layer.deadline(|_: &u64| Some(Instant::now()));

    assert_eq!(allocations_of_requests(unimportant.layer(Echo)), 0);
    assert_eq!(allocations_of_requests(late.layer(Echo)), 0);
    assert_eq!(rejections(&limiter, Reason::Limit), REQUESTS + 1);
    assert_eq!(rejections(&limiter, Reason::DeadlineTooClose), REQUESTS + 1);
}

#[test]
fn a_request_rejected_for_the_share_of_others_allocates_nothing() {
    let limiter = Limiter::new(Fixed::new(2));
    let layer = AdmissionLayer::with_limiter(limiter.clone());
    let mut live = layer
        .clone()
        .shares(shares())
        .partition(|_: &u64| "live")
        .layer(Echo);
    let batch = layer.shares(shares()).partition(|_: &u64| "batch");
    let mut batch = batch.layer(Echo);
    let _lent = [batch.call(1), batch.call(1)];
    // There is nothing for it, and so its share is kept for it.
    drop(live.call(1));
    limiter.set_bounds(3..=3).unwrap();

    assert_eq!(allocations_of_requests(batch), 0);
    assert_eq!(rejections(&limiter, Reason::ShareExhausted), REQUESTS + 1);
}

#[test]
fn a_waiter_allocates_at_most_once() {
    let limiter = Limiter::new(Fixed::new(1));
    let mut permit = limiter.try_acquire().unwrap();

    let allocations = measure(|| {
        for _ in 0..REQUESTS {
            let mut waiting = limiter.acquire();
            assert!(poll(&mut waiting, Waker::noop()).is_pending());
            std::mem::replace(&mut permit, {
                limiter.set_bounds(2..=2).unwrap();
                let Poll::Ready(Ok(next)) = poll(&mut waiting, Waker::noop()) else {
                    unreachable!("there is room");
                };
                limiter.set_bounds(1..=1).unwrap();
                next
            })
            .complete(Outcome::Success);
        }
    });

    assert!(
        allocations.count_total <= REQUESTS,
        "{} for {REQUESTS} waits",
        allocations.count_total
    );
}

/// One that waits allocates the timer that ends its wait, and nothing else: its place is in a vector
/// that has grown before.
#[tokio::test(start_paused = true)]
async fn a_queued_request_allocates_its_timer_and_nothing_else() {
    let (mut service, _full) = busy();
    drop(queue(&mut service, 1));

    let allocations = measure(|| {
        for _ in 0..REQUESTS {
            assert!(poll(&mut service.call(1), Waker::noop()).is_pending());
        }
    });

    assert_eq!(allocations.count_total, REQUESTS);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_queued_and_not_polled_allocates_nothing() {
    let (mut service, _full) = busy();
    drop(service.call(1));

    let allocations = measure(|| {
        for _ in 0..REQUESTS {
            drop(service.call(1));
        }
    });

    assert_eq!(allocations.count_total, 0);
}

#[tokio::test(start_paused = true)]
async fn a_queued_request_takes_less_than_384_bytes_beside_its_future() {
    const CROWD: usize = 10_000;
    let (mut service, _full) = busy();
    let limiter = service.limiter().clone();

    let (cold, crowd) = measured(|| queue(&mut service, CROWD));
    assert_eq!(limiter.waiting(), CROWD);
    // One stays, or the places of so many would be given back.
    let stays = service.call(1);
    drop(crowd);
    let (warm, crowd) = measured(|| queue(&mut service, CROWD));
    assert_eq!(limiter.waiting(), CROWD + 1);

    let future = size_of_val(&stays);
    for (name, info) in [("cold", &cold), ("warm", &warm)] {
        let each = |bytes: i64| (bytes - (CROWD * future) as i64) as f64 / CROWD as f64;
        let (held, most) = (each(info.bytes_current), each(info.bytes_max as i64));
        println!(
            "{name}: {CROWD} queued, each {held:.0} bytes ({most:.0} while the queue grew) \
             beside its future of {future}"
        );
        assert!(held < 384.0, "{name}: {held} bytes for each that waits");
        assert!(most < 448.0, "{name}: {most} bytes at the peak for each");
    }
    drop((crowd, stays));
    assert_eq!(limiter.waiting(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_crowd_that_leaves_the_queue_gives_its_memory_back() {
    let (mut service, _full) = busy();
    drop(queue(&mut service, 1));

    let allocations = measure(|| drop(queue(&mut service, 10_000)));

    assert!(
        allocations.bytes_current < 256 * 1024,
        "{} bytes are left",
        allocations.bytes_current
    );
}

#[test]
fn the_future_of_an_admission_is_no_larger_for_what_it_does_not_use() {
    let plain = size_of_val(&AdmissionLayer::new(Fixed::new(1)).layer(Echo).call(1));
    let everything = size_of_val(&everything().call(1));
    let limit = {
        let mut service = ConcurrencyLimitLayer::new(Fixed::new(1)).layer(Echo);
        let mut cx = Context::from_waker(Waker::noop());
        assert!(Service::<u64>::poll_ready(&mut service, &mut cx).is_ready());
        size_of_val(&service.call(1))
    };

    println!(
        "futures over one of {}: ConcurrencyLimit {limit}, Admission {plain}, \
         with everything on {everything}",
        size_of::<Ready<Result<u64, Infallible>>>()
    );
    assert!(plain <= 128, "{plain}");
    // A handle on the limiter that the key chose.
    assert!(everything <= plain + size_of::<usize>(), "{everything}");
}

/// An admission without a permit left, and with a queue for all that come.
fn busy() -> (Admission<Echo>, Permit) {
    let limiter = Limiter::new(Fixed::new(1));
    let full = limiter.try_acquire().unwrap();
    let queue = Queue::bounded(20_000).max_wait(Duration::from_secs(60));
    let layer = AdmissionLayer::with_limiter(limiter).queue(queue);
    (layer.layer(Echo), full)
}

type Queued = <Admission<Echo> as Service<u64>>::Future;

/// Sends so many requests to a busy admission, and polls each once.
fn queue(service: &mut Admission<Echo>, requests: usize) -> Vec<Queued> {
    let mut crowd = Vec::with_capacity(requests);
    for _ in 0..requests {
        let mut waiting = service.call(1);
        assert!(poll(&mut waiting, Waker::noop()).is_pending());
        crowd.push(waiting);
    }
    crowd
}

/// Everything that an admission can do, at once.
fn everything() -> impl Service<u64, Response = u64> {
    let limiters = Limiters::new(|_: &u64| Limiter::new(Vegas::default()));
    AdmissionLayer::with_limiters(limiters)
        .queue(Queue::bounded(100))
        .bypass(|request: &u64| *request == 0)
        .priority(priority)
        .shares(shares())
        .partition(|_: &u64| "live")
        .deadline(|_: &u64| Some(Instant::now() + Duration::from_secs(1)))
        .key(|request: &u64| *request)
        .layer(Echo)
}

fn measured<T>(work: impl FnOnce() -> T) -> (AllocationInfo, T) {
    let mut result = None;
    let info = measure(|| result = Some(work()));
    (info, result.expect("it was run"))
}

fn priority(_: &u64) -> Priority {
    Priority::High
}

fn shares() -> Shares {
    Shares::new().guarantee("live", 0.5)
}

fn rejections(limiter: &Limiter, reason: Reason) -> u64 {
    limiter.snapshot().rejected_by.get(reason)
}
