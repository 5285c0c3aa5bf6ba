//! Admissions with room, each with one thing on, and admissions without room.

use std::pin::Pin;
use std::task::{Context, Waker};
use std::time::Duration;

use tokio::time::Instant;
use tower::load_shed::LoadShedLayer;
use tower::{Layer, Service};
use tower_adaptive::{
    Admission, AdmissionLayer, Fixed, Limiter, Limiters, Permit, Priority, Queue, Shares,
};

use crate::{Echo, make_ready, vegas};

/// How many keys have a limiter where each has its own. One of them is asked for.
pub const KEYS: u64 = 100;

/// What an admission is, to a bench.
pub trait Bench: Service<u64, Response = u64, Future: Send> + Clone + Send + Sync {}

impl<S: Service<u64, Response = u64, Future: Send> + Clone + Send + Sync> Bench for S {}

/// With neither a queue nor rules.
#[must_use]
pub fn plain() -> impl Bench {
    AdmissionLayer::new(vegas()).layer(Echo)
}

/// With a queue that nobody waits in.
#[must_use]
pub fn idle_queue() -> impl Bench {
    let layer = AdmissionLayer::new(vegas()).queue(Queue::bounded(100));
    layer.layer(Echo)
}

/// With a priority for each request, and no queue.
#[must_use]
pub fn priorities() -> impl Bench {
    let layer = AdmissionLayer::new(vegas()).priority(|_: &u64| Priority::High);
    layer.layer(Echo)
}

/// With a deadline for each request that none misses. It costs a reading of the clock, as one that
/// comes with the request would not.
#[must_use]
pub fn deadlines() -> impl Bench {
    let soon = |_: &u64| Some(Instant::now() + Duration::from_secs(1));
    AdmissionLayer::new(vegas()).deadline(soon).layer(Echo)
}

/// With two shares and the rest, and no queue.
#[must_use]
pub fn shares() -> impl Bench {
    let layer = AdmissionLayer::new(vegas())
        .shares(live_and_batch())
        .partition(|_: &u64| "batch");
    layer.layer(Echo)
}

/// With two shares and the rest, and a queue that nobody waits in.
#[must_use]
pub fn shares_and_idle_queue() -> impl Bench {
    let layer = AdmissionLayer::new(vegas())
        .shares(live_and_batch())
        .partition(|_: &u64| "batch");
    layer.queue(Queue::bounded(100)).layer(Echo)
}

/// With a limiter for each of [`KEYS`] keys.
#[must_use]
pub fn keyed() -> impl Bench {
    let limiters = Limiters::new(|_: &u64| Limiter::new(vegas()));
    for key in 0..KEYS {
        let _ = limiters.for_owned(key);
    }
    let layer = AdmissionLayer::with_limiters(limiters);
    layer.key(|request: &u64| *request).layer(Echo)
}

/// Keyed, with a queue that nobody waits in, priorities, shares, deadlines and a bypass.
#[must_use]
pub fn everything() -> impl Bench {
    let limiters = Limiters::new(|_: &u64| Limiter::new(vegas()));
    AdmissionLayer::with_limiters(limiters)
        .queue(Queue::bounded(100))
        .bypass(|request: &u64| *request == 0)
        .priority(|_: &u64| Priority::High)
        .shares(live_and_batch())
        .partition(|_: &u64| "batch")
        .deadline(|_: &u64| Some(Instant::now() + Duration::from_secs(1)))
        .key(|request: &u64| *request)
        .layer(Echo)
}

fn live_and_batch() -> Shares {
    Shares::new().guarantee("live", 0.6).guarantee("batch", 0.3)
}

/// Without a permit left, and with a queue of so many places. The permit that is out comes with it.
///
/// # Panics
///
/// Not if a limiter of 1 has a permit.
pub fn busy(places: usize) -> (Admission<Echo>, Permit) {
    let limiter = Limiter::new(Fixed::new(1));
    let permit = limiter.try_acquire().expect("it is new");
    let queue = patient(places);
    let layer = AdmissionLayer::with_limiter(limiter).queue(queue);
    (layer.layer(Echo), permit)
}

/// A queue from which nobody is rejected because of the time, not even on a machine that stops for
/// seconds.
#[must_use]
pub fn patient(places: usize) -> Queue {
    Queue::bounded(places)
        .max_wait(Duration::from_secs(600))
        .target(Duration::from_secs(60))
        .interval(Duration::from_secs(600))
}

/// Without a permit left, and without a place in the queue. What holds both comes with it.
#[must_use]
pub fn full_queue() -> (Admission<Echo>, impl Sized) {
    let (mut service, permit) = busy(1);
    let queued = service.call(1);
    (service, (permit, queued))
}

/// tower's static limit under its load shedding, without a permit left. What holds the permit comes
/// with it.
#[must_use]
pub fn full_tower() -> (impl Bench, impl Sized) {
    let limit = tower::limit::ConcurrencyLimitLayer::new(1).layer(Echo);
    let mut holder = limit.clone();
    make_ready(&mut holder);
    (LoadShedLayer::new().layer(limit), holder)
}

/// Queues a request, frees the only permit, and sees it served. Takes the permit and gives another.
///
/// # Panics
///
/// If it is not queued, or not served then.
pub fn queued_and_served(service: &mut Admission<Echo>, permit: Permit) -> Permit {
    let mut cx = Context::from_waker(Waker::noop());
    let mut waiting = service.call(1);
    assert!(Pin::new(&mut waiting).poll(&mut cx).is_pending());
    permit.release();
    let served = Pin::new(&mut waiting).poll(&mut cx);
    assert!(matches!(served, std::task::Poll::Ready(Ok(1))));
    service.limiter().try_acquire().expect("it is free")
}

/// The future of a request to [`busy`].
pub type Queued = <Admission<Echo> as Service<u64>>::Future;

/// Sends so many requests to a busy admission, and polls each once.
///
/// # Panics
///
/// If one does not wait.
#[must_use]
pub fn queue(service: &mut Admission<Echo>, requests: usize) -> Vec<Queued> {
    let mut cx = Context::from_waker(Waker::noop());
    let mut crowd = Vec::with_capacity(requests);
    for _ in 0..requests {
        let mut waiting = service.call(1);
        assert!(Pin::new(&mut waiting).poll(&mut cx).is_pending());
        crowd.push(waiting);
    }
    crowd
}
