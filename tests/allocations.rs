//! What the middleware allocates: nothing when there is room, next to nothing when there is none.

mod support;

use std::convert::Infallible;
use std::future::{Future, Ready, ready};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use allocation_counter::measure;
use tower::{Layer, Service};
use tower_adaptive::{
    AdmissionLayer, ConcurrencyLimitLayer, Fixed, Limiter, Limiters, Outcome, Vegas,
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
fn a_request_whose_key_is_known_allocates_nothing() {
    let limiters = Limiters::new(|_: &u64| Limiter::new(Vegas::default()));
    let admission = AdmissionLayer::with_limiters(limiters.clone()).key(|n: &u64| *n);
    let limit = ConcurrencyLimitLayer::with_limiters(limiters).key(|n: &u64| *n);

    assert_eq!(allocations_of_requests(admission.layer(Echo)), 0);
    assert_eq!(allocations_of_requests(limit.layer(Echo)), 0);
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
fn a_rejected_request_allocates_nothing() {
    let limiter = Limiter::new(Fixed::new(1));
    let _full = limiter.try_acquire().unwrap();
    let service = AdmissionLayer::with_limiter(limiter).layer(Echo);
    assert_eq!(allocations_of_requests(service), 0);
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
                let Poll::Ready(next) = poll(&mut waiting, Waker::noop()) else {
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
