//! The services and limits that the benches share.

pub mod admission;
pub mod overload;

use std::convert::Infallible;
use std::future::{Future, Ready, ready};
use std::hint::black_box;
use std::pin::pin;
use std::sync::Barrier;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::time::Instant;
use tower::Service;
use tower_adaptive::Vegas;

/// The limit of every row on one and on two threads: never reached.
pub const LIMIT: usize = 100;

/// Vegas, starting at [`LIMIT`].
#[must_use]
pub fn vegas() -> Vegas {
    Vegas::builder().initial_limit(LIMIT).build()
}

/// tower's layer with a limit that does not move.
#[must_use]
pub fn tower_static() -> tower::limit::ConcurrencyLimitLayer {
    tower::limit::ConcurrencyLimitLayer::new(LIMIT)
}

/// The layer of a peer.
#[must_use]
pub fn tower_acc() -> tower_acc::ConcurrencyLimitLayer<tower_acc::Vegas> {
    tower_acc::ConcurrencyLimitLayer::new(tower_acc::Vegas::default())
}

/// Ready, and answers at once.
#[derive(Clone, Debug)]
pub struct Echo;

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

/// Makes one request of a service that is ready and answers at once.
///
/// # Panics
///
/// If it is not, or does not.
pub fn request<S>(service: &mut S) -> u64
where
    S: Service<u64, Response = u64>,
{
    match poll_once(service) {
        Poll::Ready(Ok(response)) => response,
        _ => unreachable!("the service answers at once"),
    }
}

/// Makes one request that is rejected at once.
///
/// # Panics
///
/// If it is not.
pub fn refused<S>(service: &mut S) -> S::Error
where
    S: Service<u64, Response = u64>,
{
    match poll_once(service) {
        Poll::Ready(Err(error)) => error,
        _ => unreachable!("there is no room"),
    }
}

#[inline]
fn poll_once<S: Service<u64>>(service: &mut S) -> Poll<Result<S::Response, S::Error>> {
    make_ready(service);
    let mut cx = Context::from_waker(Waker::noop());
    pin!(service.call(black_box(1))).poll(&mut cx)
}

/// Makes a service ready that needs no wake-up for it.
///
/// # Panics
///
/// If it does.
pub fn make_ready<S: Service<u64>>(service: &mut S) {
    let mut cx = Context::from_waker(Waker::noop());
    assert!(service.poll_ready(&mut cx).is_ready());
}

/// Does something `iterations` times on each of two threads, and returns what the slower one took.
///
/// # Panics
///
/// If the work does.
pub fn on_two_threads<T, R>(
    make: impl Fn() -> T + Sync,
    work: impl Fn(&mut T) -> R + Sync,
    iterations: u64,
) -> Duration {
    let barrier = Barrier::new(2);
    let run = || {
        let mut subject = make();
        barrier.wait();
        let started = Instant::now();
        for _ in 0..iterations {
            black_box(work(&mut subject));
        }
        started.elapsed()
    };
    std::thread::scope(|scope| {
        let other = scope.spawn(run);
        run().max(other.join().expect("the other thread"))
    })
}
