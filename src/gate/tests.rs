//! The gate in virtual time, on one thread.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, mpsc};
use std::task::Waker;
use std::thread;
use std::time::Duration;

use super::Env;
use super::protocol::{GRANT_LIFETIME, PASSED_ON_AFTER};
use super::world::{Does, World};

/// What a caller's code may do from wherever it is called: everything that takes the lock.
fn uses(world: &Arc<World>) -> impl Fn() + Send + Sync + 'static {
    let world = world.clone();
    move || {
        assert!(world.gate.try_acquire(&*world).is_err());
        world.gate.hand_over(&*world);
        let mut place = world.queue(99);
        world.leave(&mut place);
    }
}

/// Fails, rather than hangs, if the test deadlocks.
fn without_deadlock(test: impl FnOnce() + Send + 'static) {
    let (done, over) = mpsc::channel();
    let tester = thread::spawn(move || {
        test();
        let _ = done.send(());
    });
    let over = over.recv_timeout(Duration::from_secs(20));
    assert!(over != Err(mpsc::RecvTimeoutError::Timeout), "a deadlock");
    tester.join().unwrap();
}

#[test]
fn one_freed_permit_wakes_the_oldest_and_nobody_else() {
    let world = World::full(1);
    let mut places = [1, 2, 3].map(|name| world.queue(name));

    world.release();

    assert_eq!(world.take_woken(), [1]);
    for place in &mut places {
        world.leave(place);
    }
    assert_eq!(world.take_woken(), [2, 3]);
    world.assert_at_rest();
}

#[test]
fn one_change_of_the_limit_wakes_as_many_as_now_fit_in_their_order() {
    let world = World::full(1);
    let mut places: Vec<_> = (0..40).map(|name| world.queue(name)).collect();

    world.set_limit(31);

    assert_eq!(world.take_woken(), (0..30).collect::<Vec<_>>());
    assert_eq!(
        (world.gate.load().in_flight(), world.gate.queued()),
        (31, 10)
    );
    for place in &mut places[..30] {
        assert!(world.poll(place, Waker::noop()));
    }
    for _ in 0..31 {
        world.release();
    }
    for place in &mut places[30..] {
        assert!(world.poll(place, Waker::noop()));
        world.release();
    }
    world.assert_at_rest();
}

#[test]
fn ten_thousand_waiters_are_served_in_their_order() {
    let world = World::full(1);
    let mut places: Vec<_> = (0..10_000).map(|name| world.queue(name)).collect();

    for (name, place) in places.iter_mut().enumerate() {
        world.release();
        assert_eq!(world.take_woken(), [name]);
        assert!(world.poll(place, Waker::noop()));
    }

    world.release();
    world.assert_at_rest();
}

#[test]
fn ten_thousand_waiters_may_leave_from_anywhere() {
    let world = World::full(1);
    let mut places: Vec<_> = (0..10_000).map(|name| world.queue(name)).collect();
    world.release();

    // 7,919 is prime to 10,000: everybody once.
    for n in 0..places.len() {
        world.leave(&mut places[n * 7_919 % 10_000]);
    }

    world.assert_at_rest();
}

#[test]
fn a_caller_with_another_waker_at_each_poll_is_woken_by_the_last() {
    let world = World::full(1);
    let mut place = world.queue(0);
    for name in 1..100 {
        assert!(!world.poll(&mut place, &world.waker(name)));
    }

    world.release();

    assert_eq!(world.take_woken(), [99]);
    assert!(world.poll(&mut place, Waker::noop()));
}

#[test]
fn a_waker_may_use_the_gate_when_it_is_woken() {
    without_deadlock(|| {
        let world = World::full(1);
        let mut place = None;
        assert!(!world.poll(&mut place, &Does::waker(uses(&world), || {})));

        world.release();

        assert!(world.poll(&mut place, Waker::noop()));
        world.release();
        world.assert_at_rest();
    });
}

#[test]
fn a_waker_may_use_the_gate_when_the_timer_is_lost() {
    without_deadlock(|| {
        let world = World::full(1);
        let mut place = None;
        assert!(!world.poll(&mut place, &Does::waker(uses(&world), || {})));

        world.gate.timer_lost();

        world.leave(&mut place);
    });
}

#[test]
fn a_waker_may_use_the_gate_when_it_is_dropped() {
    without_deadlock(|| {
        let world = World::full(1);
        let mut places = [None, None];
        for place in &mut places {
            // From here on the queue has the last handle on the waker.
            assert!(!world.poll(place, &Does::waker(|| {}, uses(&world))));
        }
        let [replaced, left] = &mut places;

        assert!(!world.poll(replaced, Waker::noop()));
        world.leave(left);

        world.leave(replaced);
        world.release();
        world.assert_at_rest();
    });
}

#[test]
fn a_waker_that_panics_when_woken_loses_nobody_elses_wake_up() {
    let world = World::full(1);
    let mut first = None;
    assert!(!world.poll(
        &mut first,
        &Does::waker(|| panic!("part of the test"), || {})
    ));
    let mut others = [world.queue(1), world.queue(2)];

    world.set_limit(4);

    assert_eq!(world.take_woken(), [1, 2]);
    for place in others.iter_mut().chain([&mut first]) {
        assert!(world.poll(place, Waker::noop()));
    }
}

#[test]
fn a_waker_that_panics_when_dropped_takes_nobody_down() {
    let world = World::full(1);
    let mut places = [None, None];
    for place in &mut places {
        let waker = Does::waker(|| {}, || panic!("part of the test"));
        assert!(!world.poll(place, &waker));
        drop(waker);
    }
    let [replaced, left] = &mut places;

    let outcome = catch_unwind(AssertUnwindSafe(|| {
        assert!(!world.poll(replaced, Waker::noop()));
        world.leave(left);
    }));

    assert!(outcome.is_ok());
    world.leave(replaced);
    world.release();
    world.assert_at_rest();
}

#[test]
fn a_grant_is_claimed_however_late_if_nobody_wanted_it() {
    let world = World::full(1);
    let mut place = world.queue(1);
    world.release();
    world.pass(GRANT_LIFETIME * 1_000);

    assert!(world.poll(&mut place, Waker::noop()));
}

#[test]
fn a_grant_goes_to_a_visitor_only_when_it_has_expired() {
    let world = World::full(1);
    let mut place = world.queue(1);
    world.release();
    world.pass(GRANT_LIFETIME - Duration::from_nanos(1));
    assert!(world.gate.try_acquire(&*world).is_err());

    world.pass(Duration::from_nanos(1));

    assert!(world.gate.try_acquire(&*world).is_ok());
    assert!(!world.poll(&mut place, Waker::noop()));
    assert_eq!(world.gate.load().in_flight(), 1);
}

#[test]
fn one_that_lost_its_grant_comes_first_when_it_returns() {
    let world = World::full(1);
    let mut lost = world.queue(1);
    let mut next = world.queue(2);
    world.release();
    world.pass(PASSED_ON_AFTER);
    assert!(world.gate.expire(&*world).is_none());
    assert!(world.poll(&mut next, Waker::noop()));
    let _later = world.queue(3);
    assert!(!world.poll(&mut lost, &world.waker(1)));
    world.take_woken();

    world.release();

    assert_eq!(world.take_woken(), [1]);
}

#[test]
fn no_timer_is_asked_for_while_nobody_depends_on_one() {
    let world = World::full(2);
    let _places = [world.queue(1), world.queue(2)];
    assert_eq!(world.timers(), 0, "nobody has a grant");

    world.release();
    world.release();

    assert_eq!(world.timers(), 1, "one grant and one in the queue, once");
    assert_eq!(world.gate.expire(&*world), None, "two grants and no queue");
}

#[test]
fn the_timer_is_due_when_the_oldest_grant_expires() {
    let world = World::full(1);
    let _places = [world.queue(1), world.queue(2)];
    let granted = world.now();
    world.release();
    world.pass(GRANT_LIFETIME / 2);

    assert_eq!(world.gate.expire(&*world), Some(granted + PASSED_ON_AFTER));
}

/// Every way in which there come to be both a grant and a queue.
#[test]
fn whatever_leaves_a_waiter_behind_a_grant_asks_for_a_timer() {
    type Case = (&'static str, fn(&Arc<World>));
    let cases: [Case; 7] = [
        ("a release", |world| {
            let _places = [world.queue(1), world.queue(2)];
            world.release();
        }),
        ("a newcomer", |world| {
            let _granted = world.queue(1);
            world.release();
            let _place = world.queue(2);
        }),
        ("a higher limit", |world| {
            let _places = [world.queue(1), world.queue(2)];
            world.set_limit(2);
        }),
        ("a grant passed on", |world| {
            let mut leaves = world.queue(1);
            let _queued = world.queue(2);
            world.release();
            world.gate.timer_missing();
            let _behind = world.queue(3);
            world.timers.store(0, Ordering::Relaxed);
            world.gate.timer_missing();
            world.leave(&mut leaves);
        }),
        ("a loser that returns", |world| {
            let mut lost = world.queue(1);
            world.release();
            world.pass(GRANT_LIFETIME);
            assert!(world.gate.try_acquire(&**world).is_ok());
            let _granted = world.queue(2);
            world.release();
            assert_eq!(world.timers(), 0);
            assert!(!world.poll(&mut lost, Waker::noop()));
        }),
        ("a visitor that needs one of two", |world| {
            world.set_limit(2);
            assert!(world.gate.try_acquire(&**world).is_ok());
            let _places = [1, 2, 3, 4].map(|name| world.queue(name));
            world.release();
            world.release();
            world.gate.timer_missing();
            world.timers.store(0, Ordering::Relaxed);
            world.pass(GRANT_LIFETIME);
            assert!(world.gate.try_acquire(&**world).is_ok());
        }),
        ("a timer that is lost", |world| {
            let _granted = world.queue(1);
            let mut behind = world.queue(2);
            world.release();
            world.take_woken();
            world.timers.store(0, Ordering::Relaxed);
            world.gate.timer_lost();
            assert_eq!(world.take_woken(), [2]);
            assert!(!world.poll(&mut behind, Waker::noop()));
        }),
    ];
    for (case, arrange) in cases {
        let world = World::full(1);
        arrange(&world);
        assert_eq!(world.timers(), 1, "{case}");
    }
}

#[test]
fn room_that_waiters_have_a_claim_to_is_not_given_to_visitors() {
    let world = World::full(1);
    let _place = world.queue(1);
    world.release();

    assert!(world.gate.try_acquire(&*world).is_err());
    assert!(world.gate.acquire_past_limit(), "a forced one goes past");
    assert_eq!(world.gate.load().in_flight(), 2);
}
