//! loom models of the path on which samples are learned.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use loom::future::block_on;
use loom::sync::Arc;
use loom::thread;
use tokio::time::Instant;

use super::acquire::Acquire;
use super::buffer::Buffer;
use super::handle::Limiter;
use super::learner::Observed;
use super::path::Finished;
use crate::gate::{Pass, Permit};
use crate::{Algorithm, Bounds, Fixed, Mode, Outcome, Sample};

/// Writes down what it is taught.
struct Tally(std::sync::Arc<std::sync::Mutex<Vec<usize>>>);

impl Algorithm for Tally {
    fn max_concurrency(&self) -> usize {
        8
    }

    fn update(&mut self, sample: &Sample) {
        self.0.lock().unwrap().push(sample.in_flight);
    }
}

fn check(preemptions: usize, f: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(f);
}

/// Finishes `requests` requests on as many threads, and checks that each was taught once: a
/// request is known by the number in flight when it was called.
fn finish_at_once(requests: usize) {
    let taught = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let limiter = Limiter::new(Tally(taught.clone()));
    let mut permits: Vec<_> = (0..requests)
        .map(|_| limiter.try_acquire().expect("below the limit"))
        .collect();
    let mine = permits.pop().expect("at least one request");
    let others: Vec<_> = permits
        .into_iter()
        .map(|permit| thread::spawn(move || permit.complete(Outcome::Success)))
        .collect();
    mine.complete(Outcome::Success);
    for other in others {
        other.join().unwrap();
    }

    // Read before anything else could learn: nothing may be left to the next finisher.
    let mut taught = taught.lock().unwrap().clone();
    taught.sort_unstable();
    assert_eq!(taught, (1..=requests).collect::<Vec<_>>());
    assert_eq!(limiter.in_flight(), 0);
}

/// Seeded bug it caught: no look into the buffer after the permit was given back.
#[test]
fn of_two_that_finish_at_once_each_is_learned_once() {
    check(5, || finish_at_once(2));
}

/// Seeded bugs it caught: no fence after a later exclusion, and a `pop` that does not move `head`.
#[test]
fn of_three_that_finish_at_once_each_is_learned_once() {
    check(3, || finish_at_once(3));
}

/// Seeded bugs it caught: a snapshot that gives the exclusion back and does not look again, and
/// one that looks without a fence before.
#[test]
fn a_snapshot_strands_no_sample() {
    check(3, || {
        let taught = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let limiter = Limiter::new(Tally(taught.clone()));
        let permit = limiter.try_acquire().expect("below the limit");
        let finisher = thread::spawn(move || permit.complete(Outcome::Success));
        let snapshot = limiter.snapshot();
        assert!(snapshot.success <= 1);
        finisher.join().unwrap();
        assert_eq!(*taught.lock().unwrap(), [1]);
    });
}

/// A limit that starts somewhere and grows by one with each sample.
struct Step(std::sync::Arc<AtomicUsize>);

impl Step {
    fn new(limit: usize) -> (Self, std::sync::Arc<AtomicUsize>) {
        let limit = std::sync::Arc::new(AtomicUsize::new(limit));
        (Self(limit.clone()), limit)
    }
}

impl Algorithm for Step {
    fn max_concurrency(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    fn update(&mut self, _: &Sample) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn forced(limiter: &Limiter) -> Permit {
    assert!(limiter.admit_past_limit());
    Permit::new(limiter.clone(), Pass::Plain)
}

/// A caller that waits, and whether it was woken.
struct Sleeper {
    acquire: Acquire,
    woken: std::sync::Arc<Woken>,
}

#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: std::sync::Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Sleeper {
    fn start(limiter: &Limiter) -> Self {
        let mut sleeper = Self {
            acquire: limiter.acquire(),
            woken: std::sync::Arc::default(),
        };
        assert!(sleeper.poll().is_pending());
        sleeper
    }

    fn poll(&mut self) -> Poll<Permit> {
        let waker = Waker::from(self.woken.clone());
        let polled = Pin::new(&mut self.acquire).poll(&mut Context::from_waker(&waker));
        polled.map(|permit| permit.expect("open"))
    }

    fn assert_let_in(mut self) {
        assert!(self.woken.0.load(Ordering::Relaxed), "nobody woke it");
        match self.poll() {
            Poll::Ready(permit) => permit.release(),
            Poll::Pending => panic!("woken for nothing"),
        }
    }
}

/// A sample of a request that keeps its permit for now.
fn sample(in_flight: u32) -> Finished {
    Finished {
        started: Instant::now(),
        in_flight,
        limit: 2,
        outcome: Some(Outcome::Success),
    }
}

/// Seeded bug it caught: a sample left alone, and no look into the buffer after it.
#[test]
fn a_sample_taken_apart_from_its_permit_is_learned_once() {
    check(5, || {
        let taught = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let limiter = Limiter::new(Tally(taught.clone()));
        let permit = limiter.try_acquire().expect("below the limit");
        let pass = limiter.admit().expect("below the limit");
        let finisher = thread::spawn(move || permit.complete(Outcome::Success));
        limiter.report(&sample(2));
        finisher.join().unwrap();

        let mut taught = taught.lock().unwrap().clone();
        taught.sort_unstable();
        assert_eq!(taught, [1, 2]);
        limiter.release(pass);
        assert_eq!(limiter.in_flight(), 0);
    });
}

/// Seeded bug it caught: `report` that ignores what it learned, and hands on no room.
#[test]
fn a_limit_raised_by_a_sample_apart_from_its_permit_lets_a_waiter_in() {
    check(4, || {
        let (step, _) = Step::new(1);
        let limiter = Limiter::new(step);
        let pass = limiter.admit().expect("below the limit");
        let sleeper = Sleeper::start(&limiter);
        let watcher = {
            let limiter = limiter.clone();
            thread::spawn(move || drop(limiter.snapshot()))
        };
        limiter.report(&sample(1));
        watcher.join().unwrap();

        sleeper.assert_let_in();
        limiter.release(pass);
        assert_eq!(limiter.in_flight(), 0);
    });
}

/// Seeded bug it caught: `finish` that ignores what `settle` returns. The permits that come back
/// make no room here; only the limit does, and it is raised by a sample that somebody else left.
#[test]
fn a_limit_raised_by_the_last_of_two_samples_lets_a_waiter_in() {
    check(4, || {
        let limiter = Limiter::new(Step::new(1).0);
        let stays = [forced(&limiter), forced(&limiter)];
        let (mine, theirs) = (forced(&limiter), forced(&limiter));
        let sleeper = Sleeper::start(&limiter);
        let other = thread::spawn(move || theirs.complete(Outcome::Success));
        mine.complete(Outcome::Success);
        other.join().unwrap();
        sleeper.assert_let_in();
        assert_eq!((limiter.limit(), limiter.in_flight()), (3, 2));
        for permit in stays {
            permit.release();
        }
    });
}

/// Seeded bug it caught: `with` that forgets that what it settles afterwards raised the limit.
#[test]
fn a_limit_raised_by_a_sample_that_a_snapshot_takes_in_lets_a_waiter_in() {
    check(4, || {
        let limiter = Limiter::new(Step::new(1).0);
        let (stays, leaves) = (forced(&limiter), forced(&limiter));
        let sleeper = Sleeper::start(&limiter);
        let finisher = thread::spawn(move || leaves.complete(Outcome::Success));
        let _ = limiter.snapshot();
        finisher.join().unwrap();
        sleeper.assert_let_in();
        assert_eq!((limiter.limit(), limiter.in_flight()), (2, 1));
        stays.release();
    });
}

/// Waits for a permit and gives it back. loom fails the model if nobody wakes it.
fn wait(limiter: &Limiter) -> thread::JoinHandle<()> {
    let limiter = limiter.clone();
    thread::spawn(move || block_on(limiter.acquire()).expect("open").release())
}

/// Seeded bug it caught: `set_bounds` that publishes the limit and wakes nobody.
#[test]
fn raising_the_bounds_is_wake_up_enough() {
    check(3, || {
        let limiter = Limiter::new(Step::new(1).0);
        let stays = limiter.try_acquire().expect("below the limit");
        let waiter = wait(&limiter);
        limiter.set_bounds(2..=2).unwrap();
        waiter.join().unwrap();
        stays.release();
        assert_eq!(limiter.in_flight(), 0);
    });
}

/// Seeded bug it caught: `with` that publishes the limit after it gave the exclusion back, over a
/// limit that was learned later.
#[test]
fn the_limit_in_force_is_the_one_the_last_algorithm_learned() {
    check(4, || {
        let limiter = Limiter::new(Step::new(1).0);
        let permit = limiter.try_acquire().expect("below the limit");
        let finisher = thread::spawn(move || permit.complete(Outcome::Success));
        let (step, learned) = Step::new(5);
        limiter.set_algorithm(step);
        finisher.join().unwrap();
        assert_eq!(limiter.limit(), learned.load(Ordering::Relaxed));
        assert_eq!(limiter.snapshot().success, 1);
    });
}

/// Finishes requests while it is asked to rebase, so that their samples miss the exclusion.
struct Busy {
    permits: std::sync::Arc<std::sync::Mutex<Vec<Permit>>>,
    taught: std::sync::Arc<AtomicUsize>,
}

impl Algorithm for Busy {
    fn max_concurrency(&self) -> usize {
        8
    }

    fn update(&mut self, _: &Sample) {
        self.taught.fetch_add(1, Ordering::Relaxed);
    }

    fn rebase(&mut self, _: usize, _: Bounds) {
        let permits = std::mem::take(&mut *self.permits.lock().unwrap());
        for permit in permits {
            permit.complete(Outcome::Success);
        }
    }
}

/// Seeded bugs it caught: a full buffer whose refusals nobody counts, and a `pop` that frees its
/// slot with Relaxed.
#[test]
fn what_a_full_buffer_cannot_hold_is_counted_and_the_rest_learned() {
    check(3, || {
        let permits = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let taught = std::sync::Arc::new(AtomicUsize::new(0));
        let limiter = Limiter::new(Busy {
            permits: permits.clone(),
            taught: taught.clone(),
        });
        for _ in 0..Buffer::CAPACITY {
            permits.lock().unwrap().push(limiter.try_acquire().unwrap());
        }
        let permit = limiter.try_acquire().unwrap();
        let finisher = thread::spawn(move || permit.complete(Outcome::Success));
        limiter.set_bounds(1..=8).unwrap();
        finisher.join().unwrap();

        // One may be left: whoever learned took in as many as it may, and that is two in models.
        let snapshot = limiter.snapshot();
        assert_eq!(snapshot.success, taught.load(Ordering::Relaxed) as u64);
        assert_eq!(snapshot.finished(), Buffer::CAPACITY as u64 + 1);
        assert_eq!(limiter.in_flight(), 0);
    });
}

/// Seeded bug it caught: a `push` that waits for the producer of the round before, which has its
/// ticket and was preempted before it wrote its sample.
#[test]
fn a_producer_waits_for_no_other() {
    check(3, || {
        let buffer = Arc::new(Buffer::new());
        let push = |n: usize| {
            let buffer = buffer.clone();
            move || {
                buffer.push(&Observed {
                    rtt: Duration::from_nanos(n as u64),
                    at: Duration::ZERO,
                    in_flight: n as u32,
                    limit: 8,
                    outcome: Some(Outcome::Success),
                })
            }
        };
        let others: Vec<_> = (1..=Buffer::CAPACITY)
            .map(|n| thread::spawn(push(n)))
            .collect();
        let mut pushed = usize::from(push(0)());
        for other in others {
            pushed += usize::from(other.join().unwrap());
        }
        assert_eq!(pushed, Buffer::CAPACITY);
        for _ in 0..pushed {
            let observed = buffer.pop().expect("pushed before");
            assert_eq!(observed.rtt.as_nanos(), u128::from(observed.in_flight));
        }
        assert_eq!(buffer.pop(), None);
    });
}

/// A drain is over when nothing is in flight: who is let in only because the limiter observes has come
/// before the end, and is waited for, or does not come in.
#[test]
fn nobody_is_spared_after_a_drain() {
    check(3, || {
        let limiter = Limiter::new(Fixed::new(1));
        limiter.set_mode(Mode::Observe);
        let permit = limiter.try_acquire().expect("room");
        let newcomer = {
            let limiter = limiter.clone();
            thread::spawn(move || limiter.try_acquire())
        };
        limiter.close();
        permit.complete(Outcome::Success);
        let mut idle = limiter.idle();
        let mut cx = Context::from_waker(Waker::noop());
        let is_over = Pin::new(&mut idle).poll(&mut cx).is_ready();
        let newcomer = newcomer.join().unwrap();

        assert!(!is_over || newcomer.is_none());
        drop((idle, newcomer));
        assert_eq!(limiter.in_flight(), 0);
    });
}
