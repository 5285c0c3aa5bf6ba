//! A gate for tests: in virtual time, with wakers that write down who was woken.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use tokio::time::Instant;

use super::protocol::Gate;
use super::slots::Key;
use super::{Decision, Env, Manner, Pass, Ticket};
use crate::{Queue, Reason};

/// A gate in a world in which time passes when a test says so.
pub(super) struct World {
    pub(super) gate: Gate,
    now: Mutex<Instant>,
    /// How often the gate asked for a timer.
    pub(super) timers: AtomicUsize,
    /// Who was woken, in this order.
    woken: Mutex<Vec<usize>>,
    mean_rtt: Mutex<Option<Duration>>,
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
        *self.mean_rtt.lock().unwrap()
    }
}

impl World {
    pub(super) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self {
            gate: Gate::new(limit),
            now: Mutex::new(Instant::now()),
            timers: AtomicUsize::new(0),
            woken: Mutex::default(),
            mean_rtt: Mutex::default(),
        })
    }

    /// A world in which all permits are out.
    pub(super) fn full(limit: usize) -> Arc<Self> {
        let world = Self::new(limit);
        for _ in 0..limit {
            assert!(world.gate.try_acquire(&*world).is_ok());
        }
        world
    }

    /// As [`full`](Self::full), with a queue in front.
    pub(super) fn full_with_queue(limit: usize, queue: Queue) -> Arc<Self> {
        let world = Self::full(limit);
        world.gate.set_queue(queue, &*world);
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
        self.gate.poll_acquire(place, &mut cx, self) == Poll::Ready(Ok(Pass::Plain))
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

    /// What becomes of a request when it comes.
    pub(super) fn enter(&self, ticket: &Ticket<'_>) -> Decision {
        self.enter_in(ticket, false)
    }

    /// A request of a layer that observes, as `Limiter::enter` treats it.
    pub(super) fn observe(&self, ticket: &Ticket<'_>) -> Pass {
        match self.enter_in(ticket, true) {
            Decision::Admitted(pass) => pass,
            Decision::Queued(place) => place.into_ghost().expect("a ghost"),
            Decision::Refused(_) => {
                self.gate.enter_beyond();
                Pass::Spared
            }
        }
    }

    fn enter_in(&self, ticket: &Ticket<'_>, ghost: bool) -> Decision {
        let manner = Manner { headroom: 0, ghost };
        self.gate.enter(ticket, manner, self)
    }

    /// Admits a request that there must be room for.
    pub(super) fn admit(&self, ticket: &Ticket<'_>) -> Pass {
        match self.enter(ticket) {
            Decision::Admitted(pass) => pass,
            other => panic!("not admitted: {other:?}"),
        }
    }

    /// Turns a request away.
    pub(super) fn refuse(&self, ticket: &Ticket<'_>) -> Reason {
        match self.enter(ticket) {
            Decision::Refused(reason) => reason,
            other => panic!("not refused: {other:?}"),
        }
    }

    /// Queues a request whose wake-up is written down.
    pub(super) fn wait(self: &Arc<Self>, name: usize, ticket: &Ticket<'_>) -> Option<Key> {
        self.wait_with(&self.waker(name), ticket)
    }

    pub(super) fn wait_with(&self, waker: &Waker, ticket: &Ticket<'_>) -> Option<Key> {
        let Decision::Queued(place) = self.enter(ticket) else {
            panic!("not queued");
        };
        let mut key = Some(place.key);
        assert!(self.poll_request_with(&mut key, true, waker).is_none());
        key
    }

    /// Polls a request that waits. `None` if it goes on waiting.
    pub(super) fn poll_request(&self, key: &mut Option<Key>) -> Option<Result<Pass, Reason>> {
        self.poll_request_with(key, false, Waker::noop())
    }

    fn poll_request_with(
        &self,
        key: &mut Option<Key>,
        newcomer: bool,
        waker: &Waker,
    ) -> Option<Result<Pass, Reason>> {
        let mut cx = Context::from_waker(waker);
        match self.gate.poll_queued(key, newcomer, &mut cx, self) {
            Poll::Ready(result) => Some(result),
            Poll::Pending => None,
        }
    }

    /// The request's alarm goes off.
    pub(super) fn time_out(&self, key: &mut Option<Key>) -> Result<Pass, Reason> {
        let key = key.take().expect("in the queue");
        self.gate.time_out(key, self)
    }

    pub(super) fn set_mean_rtt(&self, rtt: Duration) {
        *self.mean_rtt.lock().unwrap() = Some(rtt);
    }

    /// Requests in flight by partition, those of the rest last.
    pub(super) fn in_partitions(&self) -> Vec<usize> {
        self.gate.partitions(|_, _, in_flight| in_flight)
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
        assert_eq!((self.gate.queued(), self.gate.beyond()), (0, 0));
        let partitions = self.in_partitions();
        assert!(partitions.iter().all(|&count| count == 0), "{partitions:?}");
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
