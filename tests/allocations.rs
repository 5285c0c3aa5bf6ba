//! What the middleware allocates: nothing when there is room, next to nothing when there is none.

mod support;

use std::convert::Infallible;
use std::future::{Future, Ready, ready};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use allocation_counter::measure;
use tower::{Layer, Service};
use tower_adaptive::{AdmissionLayer, ConcurrencyLimitLayer, Fixed, Limiter, Outcome, Vegas};

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
