//! loom models of the queue's hand-over, on the real gate.
//!
//! Run with those of [`models`](super::models).

use std::future::poll_fn;
use std::task::{Context, Poll, Waker};

use loom::future::block_on;
use loom::sync::Arc;
use loom::thread;

use super::models::{Model, model};
use super::slots::Key;
use super::{Decision, Manner, Pass, Ticket};
use crate::admission::Priority::{self, High, Low, Normal};
use crate::{Queue, Reason, Shares};

const REAL: Manner = Manner {
    headroom: 0,
    ghost: false,
};
const GHOST: Manner = Manner {
    headroom: 0,
    ghost: true,
};

impl Model {
    /// A gate whose permits are all out, with a queue.
    fn full_with_queue(limit: usize, capacity: usize) -> Arc<Self> {
        let model = Self::new(limit);
        model.gate.set_queue(Queue::bounded(capacity), &*model);
        for _ in 0..limit {
            assert!(model.gate.try_acquire(&*model).is_ok());
        }
        model
    }

    /// Queues a request that nobody polls yet.
    fn queue_up(&self, ticket: &Ticket<'_>) -> Option<Key> {
        match self.gate.enter(ticket, REAL, self) {
            Decision::Queued(place) => Some(place.key),
            other => panic!("not queued: {other:?}"),
        }
    }

    fn observe(&self, ticket: &Ticket<'_>) -> Pass {
        match self.gate.enter(ticket, GHOST, self) {
            Decision::Admitted(pass) => pass,
            Decision::Queued(place) => place.into_ghost().expect("a ghost"),
            Decision::Refused(_) => panic!("a ghost without a place"),
        }
    }

    /// Polls once, as a request whose task may not come back.
    fn poll_request(&self, key: &mut Option<Key>) -> Option<Result<Pass, Reason>> {
        let mut cx = Context::from_waker(Waker::noop());
        match self.gate.poll_queued(key, true, &mut cx, self) {
            Poll::Ready(result) => Some(result),
            Poll::Pending => None,
        }
    }

    /// The whole wait of a request that has no alarm; loom fails the model if nobody ends it.
    fn ask(&self, ticket: &Ticket<'_>) -> Result<Pass, Reason> {
        let mut key = match self.gate.enter(ticket, REAL, self) {
            Decision::Admitted(pass) => return Ok(pass),
            Decision::Refused(reason) => return Err(reason),
            Decision::Queued(place) => Some(place.key),
        };
        let mut newcomer = true;
        block_on(poll_fn(|cx| {
            let newcomer = std::mem::take(&mut newcomer);
            self.gate.poll_queued(&mut key, newcomer, cx, self)
        }))
    }

    /// Asks, and is in flight if it is let in. One at a time may be.
    fn serve(&self, ticket: &Ticket<'_>) -> Result<(), Reason> {
        self.ask(ticket).map(|pass| self.be_in_flight(pass))
    }

    fn be_in_flight(&self, pass: Pass) {
        self.enter(1);
        self.inside
            .fetch_sub(1, loom::sync::atomic::Ordering::SeqCst);
        self.gate.release(pass, self);
    }

    fn assert_all_returned(&self) {
        self.assert_at_rest();
        assert_eq!(self.gate.beyond(), 0);
        let counts = self.gate.partitions(|_, _, in_flight| in_flight);
        assert!(counts.iter().all(|&count| count == 0), "{counts:?}");
    }
}

fn of(priority: Priority) -> Ticket<'static> {
    Ticket {
        priority,
        ..Ticket::default()
    }
}

fn spawn<T: Send + 'static>(
    model: &Arc<Model>,
    f: impl FnOnce(&Model) -> T + Send + 'static,
) -> thread::JoinHandle<T> {
    let model = model.clone();
    thread::spawn(move || f(&model))
}

/// Seeded bug it caught: a release that reads the flag before it gives the permit back. A request
/// that is queued in between sleeps for ever.
#[test]
fn a_permit_is_freed_as_a_higher_request_comes_and_both_are_served() {
    model(|| {
        let model = Model::full_with_queue(1, 2);
        let low = spawn(&model, |model| model.serve(&of(Low)));
        let high = spawn(&model, |model| model.serve(&of(High)));
        model.gate.release(Pass::Plain, &*model);
        assert_eq!(low.join().unwrap(), Ok(()));
        assert_eq!(high.join().unwrap(), Ok(()));
        model.assert_all_returned();
    });
}

/// Seeded bug it caught: an evicted request that has a permit as well (`Waiters::remove` that
/// returns a pass for `Refused`).
#[test]
fn a_request_is_evicted_or_granted_a_permit_but_not_both() {
    model(|| {
        let model = Model::full_with_queue(1, 1);
        let mut low = model.queue_up(&of(Low));
        let high = spawn(&model, |model| model.serve(&of(High)));
        model.gate.release(Pass::Plain, &*model);
        match model.poll_request(&mut low) {
            Some(Ok(pass)) => model.be_in_flight(pass),
            Some(Err(reason)) => assert_eq!(reason, Reason::Evicted),
            None => panic!("neither"),
        }
        assert_eq!(high.join().unwrap(), Ok(()));
        model.assert_all_returned();
    });
}

/// Seeded bug it caught: `time_out` that says "too long" to one that has been granted a permit.
#[test]
fn an_alarm_that_races_with_a_grant_loses_no_permit() {
    model(|| {
        let model = Model::full_with_queue(1, 2);
        let late = model.queue_up(&of(High));
        let other = spawn(&model, |model| model.serve(&of(Low)));
        let releaser = spawn(&model, |model| {
            model.gate.release(Pass::Plain, model);
        });
        match model.gate.time_out(late.unwrap(), &*model) {
            Ok(pass) => model.be_in_flight(pass),
            Err(reason) => assert_eq!(reason, Reason::WaitedTooLong),
        }
        releaser.join().unwrap();
        assert_eq!(other.join().unwrap(), Ok(()));
        model.assert_all_returned();
    });
}

/// Seeded bug it caught: `take_back` that leaves the permit's partition counted.
#[test]
fn a_request_that_leaves_as_it_is_granted_hands_the_permit_on() {
    model(|| {
        let model = Model::full_with_queue(1, 2);
        guard(&model);
        let leaves = model.queue_up(&in_share(Normal));
        let other = spawn(&model, |model| model.serve(&in_share(Normal)));
        let releaser = spawn(&model, |model| {
            model.gate.release(Pass::Plain, model);
        });
        model.gate.leave(leaves.unwrap(), &*model);
        releaser.join().unwrap();
        assert_eq!(other.join().unwrap(), Ok(()));
        model.assert_all_returned();
    });
}

/// Seeded bug it caught: a permit of a partition that is given back after the room was handed on.
#[test]
fn a_permit_of_a_partition_is_freed_as_a_request_comes_and_it_is_served() {
    model(|| {
        let model = Model::new(1);
        model.gate.set_queue(Queue::bounded(2), &*model);
        guard(&model);
        let pass = model.ask(&of(Normal)).unwrap();
        let share = spawn(&model, |model| model.serve(&in_share(Low)));
        let rest = spawn(&model, |model| model.serve(&of(High)));
        model.gate.release(pass, &*model);
        assert_eq!(share.join().unwrap(), Ok(()));
        assert_eq!(rest.join().unwrap(), Ok(()));
        model.assert_all_returned();
    });
}

/// Seeded bug it caught: a fast path that does not ask for the flag of shares: a partition's count
/// does not come back.
#[test]
fn shares_that_come_as_a_request_does_leave_no_count_behind() {
    model(|| {
        let model = Model::new(1);
        let request = spawn(&model, |model| model.serve(&in_share(Normal)));
        guard(&model);
        let visitor = model.ask(&in_share(Normal));
        if let Ok(pass) = visitor {
            assert!(matches!(pass, Pass::Partition(_)), "admitted uncounted");
            model.gate.release(pass, &*model);
        }
        request.join().unwrap().ok();
        model.assert_all_returned();
    });
}

/// Seeded bug it caught: `lay_to_rest` that takes a ghost off those beyond the word even if it has
/// been granted a permit.
#[test]
fn a_ghost_that_ends_as_it_is_granted_leaves_nothing_behind() {
    model(|| {
        let model = Model::full_with_queue(1, 2);
        let ghost = model.observe(&of(High));
        let other = spawn(&model, |model| model.serve(&of(Low)));
        let releaser = spawn(&model, |model| {
            model.gate.release(Pass::Plain, model);
        });
        assert_eq!(model.gate.release(ghost, &*model), None);
        releaser.join().unwrap();
        assert_eq!(other.join().unwrap(), Ok(()));
        model.assert_all_returned();
    });
}

/// Seeded bugs it caught: a ghost that is counted after the lock is given back, and so taken off
/// before by whoever grants to it; and a ghost that is queued without a second look at the room.
/// A request would have another when it is polled; a ghost never is.
#[test]
fn a_ghost_that_comes_as_a_permit_is_freed_is_granted_it() {
    model(|| {
        let model = Model::full_with_queue(1, 1);
        let ghost = spawn(&model, |model| model.observe(&of(Normal)));
        model.gate.release(Pass::Plain, &*model);
        assert!(model.gate.beyond() <= 1, "{} beyond", model.gate.beyond());
        let ghost = ghost.join().unwrap();
        assert_eq!(model.gate.load().in_flight(), 1, "room that nobody has");
        assert_eq!(model.gate.beyond(), 0);
        model.gate.release(ghost, &*model);
        model.assert_all_returned();
    });
}

/// Seeded bug it caught: the end of a spared request that looks at nobody who waits.
#[test]
fn room_that_a_spared_request_taught_is_wake_up_enough() {
    model(|| {
        let model = Model::full_with_queue(1, 1);
        model.gate.enter_beyond();
        let request = spawn(&model, |model| model.ask(&of(Normal)));
        // What the learner does: whoever ends a request hands on the room of a higher limit.
        let _ = model.gate.store_limit(2);
        model.gate.release(Pass::Spared, &*model);
        assert_eq!(request.join().unwrap(), Ok(Pass::Plain));
        model.gate.release(Pass::Plain, &*model);
        model.gate.release(Pass::Plain, &*model);
        model.assert_all_returned();
    });
}

/// Seeded bug it caught: a limit stored without looking at the flag.
#[test]
fn raising_the_limit_is_wake_up_enough_for_a_request() {
    model(|| {
        let model = Model::full_with_queue(1, 2);
        let low = spawn(&model, |model| model.ask(&of(Low)));
        let high = spawn(&model, |model| model.ask(&of(High)));
        model.set_limit(3);
        assert_eq!(low.join().unwrap(), Ok(Pass::Plain));
        assert_eq!(high.join().unwrap(), Ok(Pass::Plain));
        for _ in 0..3 {
            model.gate.release(Pass::Plain, &*model);
        }
        model.assert_all_returned();
    });
}

/// Seeded bug it caught: a queue that takes the flag down when it is taken away.
#[test]
fn a_queue_that_goes_as_a_request_comes_refuses_it_or_serves_it() {
    model(|| {
        let model = Model::full_with_queue(1, 1);
        let request = spawn(&model, |model| model.serve(&of(Normal)));
        model.gate.set_queue(Queue::none(), &*model);
        model.gate.release(Pass::Plain, &*model);
        let served = request.join().unwrap();
        assert!(matches!(served, Ok(()) | Err(Reason::Limit)), "{served:?}");
        model.assert_all_returned();
    });
}

fn guard(model: &Model) {
    let shares = Shares::new().guarantee("a", 0.5);
    model.gate.set_shares(&shares, model);
}

fn in_share(priority: Priority) -> Ticket<'static> {
    Ticket {
        partition: Some("a"),
        ..of(priority)
    }
}
