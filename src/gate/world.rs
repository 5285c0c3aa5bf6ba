//! A gate for tests: in virtual time, with wakers that write down who was woken.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use tokio::time::Instant;

use super::protocol::Gate;
use super::slots::Key;
use super::{Env, Pass};

/// A gate in a world in which time passes when a test says so.
pub(super) struct World {
    pub(super) gate: Gate,
    now: Mutex<Instant>,
    /// How often the gate asked for a timer.
    pub(super) timers: AtomicUsize,
    /// Who was woken, in this order.
    woken: Mutex<Vec<usize>>,
}

impl Env for World {
    fn now(&self) -> Instant {
        *self.now.lock().unwrap()
    }

    fn meet_waiter(&self, _: bool) {}

    fn start_timer(&self) {
        self.timers.fetch_add(1, Ordering::Relaxed);
    }

    fn mean_rtt(&self) -> Option<Duration> {
        None
    }
}

impl World {
    /// A world in which all permits are out.
    pub(super) fn full(limit: usize) -> Arc<Self> {
        let world = Arc::new(Self {
            gate: Gate::new(limit),
            now: Mutex::new(Instant::now()),
            timers: AtomicUsize::new(0),
            woken: Mutex::default(),
        });
        for _ in 0..limit {
            assert!(world.gate.try_acquire(&*world).is_some());
        }
        world
    }

    pub(super) fn pass(&self, time: Duration) {
        *self.now.lock().unwrap() += time;
    }

    pub(super) fn set_limit(&self, limit: usize) {
        if self.gate.store_limit(limit) {
            self.gate.hand_over(self);
        }
    }

    pub(super) fn release(&self) {
        self.gate.release(Pass::Plain, self);
    }

    pub(super) fn poll(&self, place: &mut Option<Key>, waker: &Waker) -> bool {
        let mut cx = Context::from_waker(waker);
        self.gate.poll_acquire(place, &mut cx, self) == Poll::Ready(Pass::Plain)
    }

    pub(super) fn leave(&self, place: &mut Option<Key>) {
        self.gate.leave(place.take().expect("in the queue"), self);
    }

    /// Queues somebody whose wake-up is written down.
    pub(super) fn queue(self: &Arc<Self>, name: usize) -> Option<Key> {
        let mut place = None;
        assert!(!self.poll(&mut place, &self.waker(name)));
        place
    }

    pub(super) fn waker(self: &Arc<Self>, name: usize) -> Waker {
        Waker::from(Arc::new(Named {
            world: self.clone(),
            name,
        }))
    }

    pub(super) fn take_woken(&self) -> Vec<usize> {
        std::mem::take(&mut self.woken.lock().unwrap())
    }

    pub(super) fn timers(&self) -> usize {
        self.timers.load(Ordering::Relaxed)
    }

    pub(super) fn assert_at_rest(&self) {
        let word = self.gate.load();
        assert_eq!((word.in_flight(), word.is_parked()), (0, false));
        assert_eq!(self.gate.queued(), 0);
    }
}

struct Named {
    world: Arc<World>,
    name: usize,
}

impl Wake for Named {
    fn wake(self: Arc<Self>) {
        self.world.woken.lock().unwrap().push(self.name);
    }
}

/// Does something when it is woken and when it is dropped.
pub(super) struct Does<W: Fn(), D: Fn()> {
    woken: W,
    dropped: D,
}

impl<W: Fn() + Send + Sync + 'static, D: Fn() + Send + Sync + 'static> Does<W, D> {
    pub(super) fn waker(woken: W, dropped: D) -> Waker {
        Waker::from(Arc::new(Self { woken, dropped }))
    }
}

impl<W: Fn(), D: Fn()> Wake for Does<W, D>
where
    Self: Send + Sync + 'static,
{
    fn wake(self: Arc<Self>) {
        (self.woken)();
    }
}

impl<W: Fn(), D: Fn()> Drop for Does<W, D> {
    fn drop(&mut self) {
        (self.dropped)();
    }
}
