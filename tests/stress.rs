//! A million requests on four threads, with everything that can go wrong going wrong.
//!
//! What must hold: nobody is let in above the limit, every permit comes back, everybody gets
//! through, and each request is counted once.
//!
//! Whether somebody was let in above the limit is hard to say while the limit moves. Everybody
//! inside was admitted by now, the last of them, say, at the time `a`. Since then some may
//! have left, and none came: at most limit(`a`) are inside. Whoever has just come in was
//! admitted between its asking and now, so `a` lies in between, too. So the number inside,
//! counted from outside the limiter, is never above the highest limit that was in force between
//! the asking and the counting. [`Limits`] knows it.

#[path = "support/stress.rs"]
mod stress;
mod support;

use std::future::Future;
use std::hint;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::task::{JoinHandle, yield_now};
use tokio::time::{Instant, timeout};
use tower::{Service, ServiceExt};
use tower_adaptive::{ConcurrencyLimit, Fixed, Limiter, Outcome, Permit};

use stress::{EXPECTED, Erratic, Limits, Random, STARVED, silence_expected_panics};
use support::{block_on, poll};

const TASKS: u64 = 64;
/// For each of two threads.
const RACES: u64 = 1_000_000;
const ROUNDS: u64 = 100_000;
/// For each of the two tests with tasks.
const REQUESTS: u64 = 520_000;
/// Who is inside, and which limits were in force when.
struct World {
    limiter: Limiter,
    limits: Limits,
    inside: AtomicUsize,
    /// Admitted and called, and so to be found among the finished.
    admitted: AtomicU64,
    /// The most that were inside, to know that the limit was reached at all.
    most: AtomicUsize,
    over: AtomicBool,
}

impl World {
    fn new() -> Arc<Self> {
        silence_expected_panics();
        let limiter = Limiter::new(Erratic::new(0));
        let world = Self {
            limiter,
            limits: Limits::new(4),
            inside: AtomicUsize::new(0),
            admitted: AtomicU64::new(0),
            most: AtomicUsize::new(0),
            over: AtomicBool::new(false),
        };
        world.limits.set(&world.limiter, 4);
        Arc::new(world)
    }

    /// Comes in, having asked when the limits were at `asked`.
    fn enter(self: &Arc<Self>, asked: usize) -> Inside {
        let inside = self.inside.fetch_add(1, Ordering::SeqCst) + 1;
        let highest = self.limits.highest_since(asked);
        assert!(inside <= highest, "{inside} inside at a limit of {highest}");
        self.most.fetch_max(inside, Ordering::Relaxed);
        Inside(self.clone())
    }

    fn count(&self) {
        self.admitted.fetch_add(1, Ordering::Relaxed);
    }

    /// Runs the tasks to their end while the limit changes and the algorithm is replaced.
    async fn run(self: &Arc<Self>, tasks: Vec<JoinHandle<()>>) {
        let operator = tokio::spawn(self.clone().operate());
        for task in tasks {
            let ended = timeout(STARVED, task).await;
            ended.expect("nobody starves").expect("nobody panics");
        }
        self.over.store(true, Ordering::SeqCst);
        operator.await.unwrap();

        let snapshot = self.limiter.snapshot();
        assert_eq!((snapshot.in_flight, snapshot.waiting), (0, 0));
        assert_eq!(snapshot.finished(), self.admitted.load(Ordering::SeqCst));
        assert_eq!(snapshot.admitted(), snapshot.finished());
        assert!(
            self.most.load(Ordering::SeqCst) > 8,
            "the limit was never used"
        );
        assert!(self.limits.now() > 100, "the limit hardly moved");
    }

    async fn operate(self: Arc<Self>) {
        let mut random = Random(7);
        while !self.over.load(Ordering::SeqCst) && !self.limits.is_full() {
            let limit = [1, 2, 3, 4, 8, 16][random.below(6)];
            self.limits.set(&self.limiter, limit);
            if random.one_in(16) {
                // Some of them panic soon.
                self.limiter.set_algorithm(Erratic::new(random.next()));
            }
            for _ in 0..random.below(64) {
                yield_now().await;
            }
        }
    }
}

/// One that is inside.
struct Inside(Arc<World>);

impl Drop for Inside {
    fn drop(&mut self) {
        self.0.inside.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Stays inside for as long as it takes, fails, panics or hangs.
#[derive(Clone)]
struct Flaky(Arc<World>);

/// Since when it was asked for, and what is to become of it.
struct Request {
    asked: usize,
    fate: usize,
}

impl Service<Request> for Flaky {
    type Response = ();
    type Error = ();
    type Future = Pin<Box<dyn Future<Output = Result<(), ()>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, Request { asked, fate }: Request) -> Self::Future {
        let inside = self.0.enter(asked);
        self.0.count();
        assert!(fate != 0, "{EXPECTED}");
        Box::pin(async move {
            let _inside = inside;
            for _ in 0..fate % 3 {
                yield_now().await;
            }
            match fate % 50 {
                1 => panic!("{EXPECTED}"),
                2 => Err(()),
                _ => Ok(()),
            }
        })
    }
}

async fn call(mut service: ConcurrencyLimit<Flaky>, world: Arc<World>, seed: u64) {
    let mut random = Random(seed);
    for _ in 0..REQUESTS / TASKS {
        if random.one_in(20) {
            service = service.clone();
        }
        let asked = world.limits.now();
        if random.one_in(20) {
            // Asks and goes away, with a place, a grant or a permit.
            let mut waiting = service.clone();
            for _ in 0..=random.below(2) {
                let _ = poll(&mut waiting.ready(), Waker::noop());
                yield_now().await;
            }
        }
        service.ready().await.unwrap();
        let request = Request {
            asked,
            fate: random.below(1_000),
        };
        let called = std::panic::catch_unwind(AssertUnwindSafe(|| service.call(request)));
        let Ok(mut response) = called else {
            continue;
        };
        match random.below(20) {
            0 => drop(response),
            1 => drop(
                AssertUnwindSafe(async { poll(&mut response, Waker::noop()) })
                    .catch_unwind()
                    .await,
            ),
            _ => drop(AssertUnwindSafe(response).catch_unwind().await),
        }
    }
}

async fn acquire(world: Arc<World>, seed: u64) {
    let mut random = Random(seed);
    let mut quota = REQUESTS / TASKS;
    while quota > 0 {
        let asked = world.limits.now();
        let permit = match random.below(20) {
            0 => world.limiter.try_acquire(),
            1 => {
                let mut acquire = world.limiter.acquire();
                let first = poll(&mut acquire, Waker::noop());
                yield_now().await;
                match first {
                    Poll::Ready(permit) => Some(permit.unwrap()),
                    // Dropped with its place or its grant, or asked once more.
                    Poll::Pending if random.one_in(2) => None,
                    Poll::Pending => Some(acquire.await.unwrap()),
                }
            }
            _ => Some(world.limiter.acquire().await.unwrap()),
        };
        let Some(permit) = permit else {
            yield_now().await;
            continue;
        };
        quota -= 1;
        work(&world, permit, asked, &mut random).await;
    }
}

async fn work(world: &Arc<World>, permit: Permit, asked: usize, random: &mut Random) {
    let inside = world.enter(asked);
    world.count();
    for _ in 0..random.below(3) {
        yield_now().await;
    }
    drop(inside);
    match random.below(10) {
        0 => drop(permit),
        1 => permit.release(),
        2 => permit.complete(Outcome::Overload),
        _ => permit.complete(Outcome::Success),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn services_keep_their_limit_their_permits_and_their_counts() {
    let world = World::new();
    let service = ConcurrencyLimit::new(Flaky(world.clone()), world.limiter.clone());

    let tasks = (1..=TASKS).map(|seed| tokio::spawn(call(service.clone(), world.clone(), seed)));
    let tasks = tasks.collect();
    drop(service);

    world.run(tasks).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn permits_keep_their_limit_and_their_counts() {
    let world = World::new();

    let tasks = (1..=TASKS).map(|seed| tokio::spawn(acquire(world.clone(), seed)));
    let tasks = tasks.collect();

    world.run(tasks).await;
}

// Two races that a crowd hides: with many waiting, all is decided under the lock, and whoever
// comes next wakes those that were forgotten.

#[test]
fn threads_that_race_for_the_last_permit_do_not_both_get_it() {
    let limiter = Limiter::new(Fixed::new(1));
    let inside = AtomicUsize::new(0);

    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..RACES {
                    if let Some(permit) = limiter.try_acquire() {
                        let others = inside.fetch_add(1, Ordering::SeqCst);
                        assert_eq!(others, 0, "two at a limit of 1");
                        for _ in 0..50 {
                            // Long enough for the other to come in, too, if it can.
                            hint::spin_loop();
                        }
                        inside.fetch_sub(1, Ordering::SeqCst);
                        permit.release();
                    }
                }
            });
        }
    });

    assert_eq!(limiter.in_flight(), 0);
    assert!(limiter.snapshot().rejected > 0, "there was no race");
}

#[test]
fn a_permit_freed_while_somebody_joins_the_queue_wakes_it() {
    let limiter = Limiter::new(Fixed::new(1));
    // Even: the next round may begin. Odd: the permit is held, and about to be freed.
    let turn = Arc::new(AtomicU64::new(0));
    // Not scoped: one that sleeps for ever must not keep the test from failing.
    let other = thread::spawn({
        let (limiter, turn) = (limiter.clone(), turn.clone());
        move || {
            for round in 0..ROUNDS {
                wait_for(&turn, 2 * round + 1);
                block_on(limiter.acquire()).unwrap().release();
                turn.store(2 * round + 2, Ordering::SeqCst);
            }
        }
    });

    let mut random = Random(1);
    for round in 0..ROUNDS {
        let permit = limiter.try_acquire().expect("nobody else is here");
        turn.store(2 * round + 1, Ordering::SeqCst);
        for _ in 0..random.below(400) {
            hint::spin_loop();
        }
        permit.release();
        // Touches the limiter no more until the other has had its turn.
        wait_for(&turn, 2 * round + 2);
    }

    other.join().unwrap();
    assert_eq!((limiter.in_flight(), limiter.waiting()), (0, 0));
}

fn wait_for(turn: &AtomicU64, wanted: u64) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while turn.load(Ordering::SeqCst) != wanted {
        for _ in 0..100 {
            // Long enough to be there when it matters, if there is a core.
            hint::spin_loop();
        }
        assert!(Instant::now() < deadline, "a wake-up was lost");
        thread::yield_now();
    }
}
