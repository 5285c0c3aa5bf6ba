//! A limiter in full use, on four threads, while operators change everything, and then close it.
//!
//! What must hold: nobody hangs, every permit comes back, each request is counted once, and after the
//! end nobody comes in.

#[path = "support/stress.rs"]
mod stress;
mod support;

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};

use tokio::task::yield_now;
use tokio::time::timeout;
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_adaptive::{
    AdmissionLayer, ConcurrencyLimitLayer, FixedBuilder, Limiter, LimiterConfig, Mode, Outcome,
    Queue, Shares, VegasBuilder,
};

use stress::{Random, STARVED};
use support::{Fault, MS};

const TASKS: u64 = 32;
const ROUNDS: u64 = 500;

#[derive(Default)]
struct World {
    closed: AtomicBool,
    /// Calls of the service.
    called: AtomicU64,
    /// Permits taken without it.
    taken: AtomicU64,
    late: AtomicU64,
}

impl World {
    /// Somebody is admitted who has asked when the limiter was not known to be closed, or was.
    fn admitted(&self, was_closed: bool) {
        if was_closed {
            self.late.fetch_add(1, Ordering::SeqCst);
        }
    }
}

#[test]
fn operators_may_do_what_they_like() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_time()
        .build()
        .unwrap();
    for round in 0..ROUNDS {
        runtime.block_on(async {
            timeout(STARVED, live_and_end(round))
                .await
                .expect("somebody hangs");
        });
    }
}

async fn live_and_end(round: u64) {
    let limiter = Limiter::new(FixedBuilder::new(4).try_build().unwrap());
    let world = Arc::new(World::default());
    let users: Vec<_> = (0..TASKS)
        .map(|task| tokio::spawn(user(limiter.clone(), world.clone(), round * TASKS + task)))
        .collect();
    let mut random = Random(round);
    for _ in 0..200 {
        limiter.apply(&config(&mut random)).unwrap();
        if random.one_in(8) {
            limiter.set_mode(Mode::Enforce);
        }
        yield_now().await;
        if random.one_in(4) {
            // An operator who waits for a quiet moment, and does not stay.
            let _ = poll_once(pin!(limiter.idle()));
        }
    }
    limiter.close();
    world.closed.store(true, Ordering::SeqCst);
    limiter.idle().await;

    // Some may have been ready before, and be called after.
    for user in users {
        user.await.unwrap();
    }
    limiter.idle().await;
    let now = limiter.snapshot();
    assert_eq!((now.in_flight, now.waiting), (0, 0));
    assert!(now.shares.iter().all(|share| share.in_flight == 0));
    assert_eq!(
        world.late.load(Ordering::SeqCst),
        0,
        "admitted after the end"
    );
    let done = world.called.load(Ordering::SeqCst) + world.taken.load(Ordering::SeqCst);
    assert_eq!(now.finished(), done);
    assert!(limiter.try_acquire().is_none());
}

fn config(random: &mut Random) -> LimiterConfig {
    let limit = 1 + random.below(8);
    let mut config = LimiterConfig::new().bounds(limit..=limit);
    if random.one_in(2) {
        let capacity = random.below(10);
        config = config.queue(Queue::bounded(capacity).max_wait(50 * MS));
    }
    if random.one_in(3) {
        config = config.shares(Shares::new().guarantee("a", 0.5));
    }
    if random.one_in(4) {
        config = config.mode(Mode::Observe);
    }
    match random.below(6) {
        0 => config.algorithm(VegasBuilder::default()),
        1 => config.algorithm(FixedBuilder::new(limit)),
        _ => config,
    }
}

/// Uses the limiter in every way there is, until it is closed.
async fn user(limiter: Limiter, world: Arc<World>, seed: u64) {
    let work = service_fn({
        let world = world.clone();
        move |yields: usize| {
            world.called.fetch_add(1, Ordering::SeqCst);
            async move {
                for _ in 0..yields {
                    yield_now().await;
                }
                Ok::<_, Fault>(())
            }
        }
    });
    let limited = ConcurrencyLimitLayer::with_limiter(limiter.clone())
        .on_close(|| Fault)
        .layer(work.clone());
    let mut admission = AdmissionLayer::with_limiter(limiter.clone())
        .partition(|yields: &usize| if yields % 2 == 0 { "a" } else { "b" })
        .layer(work);
    let mut random = Random(seed);
    loop {
        let was_closed = world.closed.load(Ordering::SeqCst);
        let yields = random.below(4);
        match random.below(5) {
            0 => {
                if let Ok(permit) = limiter.acquire().await {
                    world.taken.fetch_add(1, Ordering::SeqCst);
                    world.admitted(was_closed);
                    yield_now().await;
                    permit.complete(Outcome::Success);
                }
            }
            1 => {
                if limited.clone().oneshot(yields).await.is_ok() {
                    world.admitted(was_closed);
                }
            }
            2 => {
                // Asks, and goes away with whatever it has.
                let mut asks = limited.clone();
                let _ = asks.poll_ready(&mut Context::from_waker(Waker::noop()));
                yield_now().await;
            }
            3 => {
                if admission.call(yields).await.is_ok() {
                    world.admitted(was_closed);
                }
            }
            _ => {
                // Gives up after some polls.
                let mut call = pin!(admission.call(yields));
                for _ in 0..random.below(3) {
                    if poll_once(call.as_mut()).is_ready() {
                        break;
                    }
                    yield_now().await;
                }
            }
        }
        if was_closed {
            return;
        }
    }
}

fn poll_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}
