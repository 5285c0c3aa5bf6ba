//! loom models of the real gate: every interleaving of two or three threads.
//!
//! Run with `RUSTFLAGS="--cfg tower_adaptive_loom" cargo test --release --lib models`.

use std::future::poll_fn;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use loom::future::block_on;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use loom::thread;
use tokio::time::Instant;

use super::protocol::{Gate, PASSED_ON_AFTER};
use super::slots::Key;
use super::{Env, Pass};

/// The gate, and a world in which time stands still and the timer is run by the model.
pub(super) struct Model {
    pub(super) gate: Gate,
    now: Instant,
    /// Those inside now, counted apart from the gate.
    pub(super) inside: AtomicUsize,
    timer_wanted: AtomicBool,
}

/// The same world with a timer: a thread of its own, for as long as the gate asks for it.
struct Timed {
    model: Arc<Model>,
    /// Whether the first timer is lost, as when the runtime ends that it runs on.
    lose_first: AtomicBool,
}

/// The same world that many lifetimes of a grant later.
struct Later<'a>(&'a Model, u32);

impl Env for Model {
    fn now(&self) -> Instant {
        self.now
    }

    fn meet_waiter(&self, _: bool) {}

    fn start_timer(&self) {
        self.timer_wanted.store(true, Ordering::SeqCst);
    }

    fn mean_rtt(&self) -> Option<Duration> {
        None
    }
}

impl Env for Later<'_> {
    fn now(&self) -> Instant {
        self.0.now + PASSED_ON_AFTER * self.1
    }

    fn meet_waiter(&self, _: bool) {}

    fn start_timer(&self) {
        self.0.start_timer();
    }

    fn mean_rtt(&self) -> Option<Duration> {
        None
    }
}

impl Env for Arc<Timed> {
    fn now(&self) -> Instant {
        self.model.now
    }

    fn meet_waiter(&self, _: bool) {}

    fn start_timer(&self) {
        let timed = self.clone();
        thread::spawn(move || {
            if timed.lose_first.swap(false, Ordering::SeqCst) {
                timed.model.gate.timer_lost();
                return;
            }
            timed.model.expire_all();
        });
    }

    fn mean_rtt(&self) -> Option<Duration> {
        None
    }
}

impl Timed {
    fn new(model: &Arc<Model>, lose_first: bool) -> Arc<Self> {
        Arc::new(Self {
            model: model.clone(),
            lose_first: AtomicBool::new(lose_first),
        })
    }
}

impl Model {
    pub(super) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self {
            gate: Gate::new(limit),
            now: Instant::now(),
            inside: AtomicUsize::new(0),
            timer_wanted: AtomicBool::new(false),
        })
    }

    pub(super) fn set_limit(&self, limit: usize) {
        if self.gate.store_limit(limit) {
            self.gate.hand_over(self);
        }
    }

    /// Waits for a permit; loom fails the model if nobody ever wakes this thread.
    fn acquire(&self) {
        self.acquire_in(self);
    }

    fn acquire_in(&self, env: &impl Env) {
        let mut place = None;
        let pass = block_on(poll_fn(|cx| self.gate.poll_acquire(&mut place, cx, env)));
        assert_eq!(pass, Ok(Pass::Plain));
    }

    /// Polls once, as a caller that may not come back.
    fn poll(&self, place: &mut Option<Key>, env: &impl Env) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        self.gate.poll_acquire(place, &mut cx, env) == Poll::Ready(Ok(Pass::Plain))
    }

    /// What the timer does, in a world where each turn of it takes a grant's lifetime.
    fn expire_all(&self) {
        let mut turn = 1;
        while self.gate.expire(&Later(self, turn)).is_some() {
            thread::yield_now();
            turn += 1;
        }
    }

    pub(super) fn enter(&self, most: usize) {
        let before = self.inside.fetch_add(1, Ordering::SeqCst);
        assert!(before < most, "{} inside, limit {most}", before + 1);
    }

    fn leave(&self) {
        self.inside.fetch_sub(1, Ordering::SeqCst);
        self.gate.release(Pass::Plain, self);
    }

    fn work(&self, most: usize) {
        self.acquire();
        self.enter(most);
        self.leave();
    }

    pub(super) fn assert_at_rest(&self) {
        let word = self.gate.load();
        assert_eq!(word.in_flight(), 0, "a permit did not come back");
        assert!(!word.is_parked(), "somebody is still parked");
        assert_eq!(self.gate.queued(), 0);
    }
}

pub(super) fn model(f: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(f);
}

/// Seeded bug it caught: an admission that loads and then adds, instead of comparing and swapping.
#[test]
fn a_limit_of_one_admits_one_at_a_time() {
    model(|| {
        let model = Model::new(1);
        let other = {
            let model = model.clone();
            thread::spawn(move || {
                if model.gate.try_acquire(&*model).is_ok() {
                    model.enter(1);
                    model.leave();
                }
            })
        };
        if model.gate.try_acquire(&*model).is_ok() {
            model.enter(1);
            model.leave();
        }
        other.join().unwrap();
        model.assert_at_rest();
    });
}

/// Seeded bug it caught: no second look at the room after the flag is set (`settle` left out of
/// `poll_parked`, and no further turn in `unlock_and_wake` where nobody is woken): the release that
/// came just before is missed and the waiter sleeps for ever.
#[test]
fn two_waiters_both_get_the_permit_that_is_released() {
    model(|| {
        let model = Model::new(1);
        assert!(model.gate.try_acquire(&*model).is_ok());
        let waiters = [(); 2].map(|()| {
            let model = model.clone();
            thread::spawn(move || model.work(1))
        });
        model.gate.release(Pass::Plain, &*model);
        for waiter in waiters {
            waiter.join().unwrap();
        }
        model.assert_at_rest();
    });
}

/// Seeded bug it caught: `leave` that frees the slot of a granted waiter and keeps its permit.
#[test]
fn a_waiter_that_leaves_passes_its_grant_on() {
    model(|| {
        let model = Model::new(1);
        assert!(model.gate.try_acquire(&*model).is_ok());
        let mut place = None;
        assert!(!model.poll(&mut place, &*model));
        let other = {
            let model = model.clone();
            thread::spawn(move || model.work(1))
        };
        let releaser = {
            let model = model.clone();
            thread::spawn(move || model.gate.release(Pass::Plain, &*model))
        };
        model.gate.leave(place.take().unwrap(), &*model);
        other.join().unwrap();
        releaser.join().unwrap();
        model.assert_at_rest();
    });
}

/// Seeded bug it caught: a release that hands its permit to the oldest waiter without asking
/// whether it still fits under the limit.
#[test]
fn a_lower_limit_holds_against_release_and_waiter() {
    model(|| {
        let model = Model::new(2);
        model.acquire();
        model.acquire();
        let waiter = {
            let model = model.clone();
            thread::spawn(move || model.work(2))
        };
        model.set_limit(1);
        // One is still in flight, and the limit is 1: nobody else may come in now.
        model.gate.release(Pass::Plain, &*model);
        assert!(model.gate.try_acquire(&*model).is_err());
        assert_eq!(model.gate.load().in_flight(), 1);
        model.gate.release(Pass::Plain, &*model);
        waiter.join().unwrap();
        model.assert_at_rest();
    });
}

/// Seeded bug it caught: a limit stored without looking at the flag.
#[test]
fn raising_the_limit_is_wake_up_enough() {
    model(|| {
        let model = Model::new(1);
        assert!(model.gate.try_acquire(&*model).is_ok());
        let waiter = {
            let model = model.clone();
            thread::spawn(move || model.work(2))
        };
        model.set_limit(2);
        waiter.join().unwrap();
        assert_eq!(model.gate.load().in_flight(), 1);
        model.gate.release(Pass::Plain, &*model);
        model.assert_at_rest();
    });
}

/// Seeded bug it caught: a change of the limit that stores a word read before, and so forgets a
/// release in between.
#[test]
fn a_limit_going_down_and_up_loses_neither_permit_nor_waiter() {
    model(|| {
        let model = Model::new(2);
        assert!(model.gate.try_acquire(&*model).is_ok());
        assert!(model.gate.try_acquire(&*model).is_ok());
        let waiter = {
            let model = model.clone();
            thread::spawn(move || model.work(2))
        };
        let releaser = {
            let model = model.clone();
            thread::spawn(move || model.gate.release(Pass::Plain, &*model))
        };
        model.set_limit(1);
        model.set_limit(2);
        waiter.join().unwrap();
        releaser.join().unwrap();
        model.gate.release(Pass::Plain, &*model);
        model.assert_at_rest();
    });
}

/// Seeded bug it caught: an expired grant whose permit is given to the visitor and kept by the
/// holder, too (`is_granted` that takes a lapsed waiter for a granted one).
#[test]
fn an_expired_grant_is_claimed_by_its_holder_or_by_a_visitor_but_not_by_both() {
    model(|| {
        let model = Model::new(1);
        assert!(model.gate.try_acquire(&*model).is_ok());
        let mut place = None;
        assert!(!model.poll(&mut place, &*model));
        model.gate.release(Pass::Plain, &*model);
        // The grant is out; to everybody below it is too old.
        let visitor = {
            let model = model.clone();
            thread::spawn(move || {
                let mut place = None;
                if model.poll(&mut place, &Later(&model, 1)) {
                    model.enter(1);
                    model.leave();
                }
                if let Some(place) = place {
                    model.gate.leave(place, &Later(&model, 1));
                }
            })
        };
        if model.poll(&mut place, &Later(&model, 1)) {
            model.enter(1);
            model.leave();
        }
        if let Some(place) = place {
            model.gate.leave(place, &Later(&model, 1));
        }
        visitor.join().unwrap();
        model.assert_at_rest();
    });
}

/// Seeded bug it caught: a newcomer's push after which nobody asks whether a timer is wanted. (loom
/// sees the thread that plays the timer wait for ever.)
#[test]
fn a_waiter_behind_a_dead_one_is_served_when_the_grant_expires() {
    model(|| {
        let model = Model::new(1);
        assert!(model.gate.try_acquire(&*model).is_ok());
        let mut dead = None;
        assert!(!model.poll(&mut dead, &*model));
        let live = {
            let model = model.clone();
            thread::spawn(move || model.work(1))
        };
        let timer = {
            let model = model.clone();
            thread::spawn(move || {
                // Runs when the gate asks for it, for as long as the gate asks for it.
                while !model.timer_wanted.load(Ordering::SeqCst) {
                    thread::yield_now();
                }
                model.expire_all();
            })
        };
        model.gate.release(Pass::Plain, &*model);
        live.join().unwrap();
        timer.join().unwrap();
        model.gate.leave(dead.take().unwrap(), &*model);
        model.assert_at_rest();
    });
}

/// Seeded bug it caught: `expire` that gives the lock back before it says that the timer is off. A
/// newcomer in between takes it for running.
#[test]
fn a_waiter_that_comes_as_the_timer_ends_starts_another() {
    model(|| {
        let model = Model::new(1);
        let timed = Timed::new(&model, false);
        assert!(model.gate.try_acquire(&timed).is_ok());
        let mut dead = [None, None];
        for place in &mut dead {
            assert!(!model.poll(place, &timed));
        }
        // The grant goes to the first, and the second depends on the timer.
        model.gate.release(Pass::Plain, &timed);
        let live = {
            let (model, timed) = (model.clone(), timed.clone());
            thread::spawn(move || {
                model.acquire_in(&timed);
                model.enter(1);
                model.inside.fetch_sub(1, Ordering::SeqCst);
                model.gate.release(Pass::Plain, &timed);
            })
        };
        live.join().unwrap();
        for place in dead {
            model.gate.leave(place.unwrap(), &timed);
        }
        model.assert_at_rest();
    });
}

/// Seeded bug it caught: `timer_lost` that wakes nobody. The waiter behind the dead one is polled
/// by nobody else, and so nobody asks for another timer.
#[test]
fn a_waiter_whose_timer_is_lost_starts_another() {
    model(|| {
        let model = Model::new(1);
        let timed = Timed::new(&model, true);
        assert!(model.gate.try_acquire(&timed).is_ok());
        let mut dead = None;
        assert!(!model.poll(&mut dead, &timed));
        let live = {
            let (model, timed) = (model.clone(), timed.clone());
            thread::spawn(move || {
                model.acquire_in(&timed);
                model.enter(1);
                model.inside.fetch_sub(1, Ordering::SeqCst);
                model.gate.release(Pass::Plain, &timed);
            })
        };
        model.gate.release(Pass::Plain, &timed);
        live.join().unwrap();
        model.gate.leave(dead.take().unwrap(), &timed);
        model.assert_at_rest();
    });
}

/// Seeded bug it caught: a fast path that asks for room and not for the flag, and so takes what
/// came back before the oldest waiter does.
#[test]
fn a_visitor_does_not_overtake_a_waiter() {
    model(|| {
        let model = Model::new(1);
        assert!(model.gate.try_acquire(&*model).is_ok());
        let mut place = None;
        assert!(!model.poll(&mut place, &*model));
        let visitor = {
            let model = model.clone();
            thread::spawn(move || assert!(model.gate.try_acquire(&*model).is_err()))
        };
        model.gate.release(Pass::Plain, &*model);
        visitor.join().unwrap();
        assert!(model.poll(&mut place, &*model));
        model.gate.release(Pass::Plain, &*model);
        model.assert_at_rest();
    });
}

/// Seeded bug it caught: a forced admission that adds to a word it read before, and so forgets the
/// flag or a release.
#[test]
fn a_forced_admission_neither_lets_waiters_in_nor_leaves_them_out() {
    model(|| {
        let model = Model::new(1);
        assert!(model.gate.try_acquire(&*model).is_ok());
        let waiter = {
            let model = model.clone();
            thread::spawn(move || model.work(1))
        };
        let forced = {
            let model = model.clone();
            thread::spawn(move || {
                assert!(model.gate.acquire_past_limit());
                model.gate.release(Pass::Plain, &*model);
            })
        };
        model.gate.release(Pass::Plain, &*model);
        waiter.join().unwrap();
        forced.join().unwrap();
        model.assert_at_rest();
    });
}

/// Seeded bug it caught: room that is asked for as "in flight is not the limit", which it is not
/// while a forced request stands above it.
#[test]
fn nobody_comes_in_while_forced_requests_fill_the_limit() {
    model(|| {
        let model = Model::new(1);
        assert!(model.gate.try_acquire(&*model).is_ok());
        assert!(model.gate.acquire_past_limit());
        let waiter = {
            let model = model.clone();
            thread::spawn(move || model.work(1))
        };
        model.gate.release(Pass::Plain, &*model);
        // One is in flight, and that is the limit.
        assert!(model.gate.try_acquire(&*model).is_err());
        assert_eq!(model.gate.load().in_flight(), 1);
        model.gate.release(Pass::Plain, &*model);
        waiter.join().unwrap();
        model.assert_at_rest();
    });
}
