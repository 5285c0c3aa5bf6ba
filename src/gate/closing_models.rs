//! loom models of the end of a gate: nobody comes in any more, nobody waits on, and whoever waits
//! until nothing is in flight hears of it.

use std::future::poll_fn;
use std::task::{Context, Waker};

use loom::future::block_on;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;

use super::Pass;
use super::models::{Model, model};
use crate::{Mode, Reason};

/// Waits until nothing is in flight; loom fails the model if nobody ever wakes this thread.
fn wait_until_idle(model: &Model) {
    let mut id = None;
    block_on(poll_fn(|cx| model.gate.poll_idle(&mut id, cx, model)));
    assert_eq!(model.gate.load().in_flight() + model.gate.beyond(), 0);
}

/// Seeded bug it caught: an idler that does not park the gate.
#[test]
fn the_last_permit_that_comes_back_wakes_who_waits_for_it() {
    model(|| {
        let model = Model::new(2);
        assert!(model.gate.try_acquire(&*model).is_ok());
        assert!(model.gate.try_acquire(&*model).is_ok());
        let releasers = [(); 2].map(|()| {
            let model = model.clone();
            thread::spawn(move || model.gate.release(Pass::Plain, &*model))
        });
        wait_until_idle(&model);
        for releaser in releasers {
            releaser.join().unwrap();
        }
        model.assert_at_rest();
    });
}

/// Seeded bug it caught: a release of what is beyond the word that does not look at the flag.
#[test]
fn the_last_that_was_only_observed_wakes_who_waits_for_it() {
    model(|| {
        let model = Model::new(1);
        model.gate.enter_beyond();
        let releaser = {
            let model = model.clone();
            thread::spawn(move || model.gate.release(Pass::Spared, &*model))
        };
        wait_until_idle(&model);
        releaser.join().unwrap();
        model.assert_at_rest();
    });
}

#[test]
fn an_idler_that_leaves_unparks_the_gate() {
    model(|| {
        let model = Model::new(1);
        assert!(model.gate.try_acquire(&*model).is_ok());
        let releaser = {
            let model = model.clone();
            thread::spawn(move || model.gate.release(Pass::Plain, &*model))
        };
        let mut id = None;
        let mut cx = Context::from_waker(Waker::noop());
        if model.gate.poll_idle(&mut id, &mut cx, &*model).is_pending() {
            model
                .gate
                .forget_idler(id.take().expect("it waits"), &*model);
        }
        releaser.join().unwrap();
        model.assert_at_rest();
    });
}

/// Seeded bug it caught: a gate that closes without turning away who waits.
#[test]
fn who_waits_when_the_gate_closes_is_turned_away_or_was_admitted() {
    model(|| {
        let model = Model::new(1);
        assert!(model.gate.try_acquire(&*model).is_ok());
        let waiter = {
            let model = model.clone();
            thread::spawn(move || {
                let mut place = None;
                let gate = &model.gate;
                match block_on(poll_fn(|cx| gate.poll_acquire(&mut place, cx, &*model))) {
                    Ok(pass) => assert!(gate.release(pass, &*model).is_none()),
                    Err(reason) => assert_eq!(reason, Reason::Closed),
                }
            })
        };
        let closer = {
            let model = model.clone();
            thread::spawn(move || model.gate.close(&*model))
        };
        model.gate.release(Pass::Plain, &*model);
        closer.join().unwrap();
        wait_until_idle(&model);
        waiter.join().unwrap();
        assert_eq!(model.gate.load().in_flight(), 0);
        assert_eq!(model.gate.queued(), 0);
    });
}

/// Seeded bug it caught: a gate that is closed and not parked.
#[test]
fn nobody_is_admitted_after_the_gate_was_closed() {
    model(|| {
        let model = Model::new(1);
        let closed = Arc::new(AtomicBool::new(false));
        let newcomer = {
            let (model, closed) = (model.clone(), closed.clone());
            thread::spawn(move || {
                let was_closed = closed.load(Ordering::SeqCst);
                if let Ok(pass) = model.gate.try_acquire(&*model) {
                    assert!(!was_closed, "admitted by a gate that was closed");
                    model.gate.release(pass, &*model);
                }
            })
        };
        model.gate.close(&*model);
        closed.store(true, Ordering::SeqCst);
        newcomer.join().unwrap();
        wait_until_idle(&model);
        assert_eq!(model.gate.try_acquire(&*model), Err(Reason::Closed));
    });
}

/// Seeded bug it caught: a gate that begins to observe and wakes nobody.
#[test]
fn who_waits_when_the_gate_begins_to_observe_is_let_in() {
    model(|| {
        let model = Model::new(1);
        assert!(model.gate.try_acquire(&*model).is_ok());
        let waiter = {
            let model = model.clone();
            thread::spawn(move || {
                let mut place = None;
                let gate = &model.gate;
                let polled = block_on(poll_fn(|cx| gate.poll_acquire(&mut place, cx, &*model)));
                gate.release(polled.expect("let in"), &*model);
            })
        };
        model.gate.change(super::Change {
            mode: Some(Mode::Observe),
            ..super::Change::default()
        });
        model.gate.resume(&*model);
        // Nothing comes back before.
        waiter.join().unwrap();
        model.gate.release(Pass::Plain, &*model);
        assert_eq!(model.gate.beyond(), 0);
        model.assert_at_rest();
    });
}
