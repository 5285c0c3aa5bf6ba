//! Shares of a gate's limit, in virtual time, on one thread.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::protocol::REQUEST_GRANT_LIFETIME;
use super::world::World;
use super::{Decision, Pass, Ticket};
use crate::admission::Priority;
use crate::{Queue, Reason, Shares};

fn of(partition: &str) -> Ticket<'_> {
    Ticket {
        partition: Some(partition),
        ..Ticket::default()
    }
}

fn halves() -> Shares {
    Shares::new().guarantee("a", 0.5).guarantee("b", 0.5)
}

fn guarded(limit: usize, shares: &Shares) -> Arc<World> {
    let world = World::new(limit);
    world.gate.set_shares(shares, &*world);
    world
}

fn guarded_with_queue(limit: usize, shares: &Shares) -> Arc<World> {
    let world = guarded(limit, shares);
    world.gate.set_queue(Queue::bounded(100), &*world);
    world
}

fn admit(world: &World, partition: &str, times: usize) -> Vec<Pass> {
    (0..times).map(|_| world.admit(&of(partition))).collect()
}

fn release(world: &World, pass: Option<Pass>) {
    world.gate.release(pass.expect("a permit"), world);
}

fn release_all(world: &World, passes: impl IntoIterator<Item = Pass>) {
    for pass in passes {
        world.gate.release(pass, world);
    }
    world.assert_at_rest();
}

#[test]
fn one_partition_may_borrow_all_that_nobody_else_wants() {
    let world = guarded(10, &halves());

    let passes = admit(&world, "a", 10);

    assert_eq!(world.in_partitions(), [10, 0, 0]);
    assert_eq!(world.refuse(&of("a")), Reason::Limit);
    release_all(&world, passes);
}

#[test]
fn lent_permits_are_called_back_within_one_round_of_the_limit() {
    let world = guarded(10, &halves());
    let mut theirs = admit(&world, "a", 10);
    let mut ours = Vec::new();

    // Each of theirs finishes once, and both ask for whatever comes back.
    for pass in std::mem::take(&mut theirs) {
        assert_eq!(world.refuse(&of("b")), Reason::Limit);
        world.gate.release(pass, &*world);
        match world.enter(&of("a")) {
            Decision::Admitted(pass) => theirs.push(pass),
            _ => ours.push(world.admit(&of("b"))),
        }
    }

    assert_eq!(world.in_partitions(), [5, 5, 0]);
    release_all(&world, theirs.into_iter().chain(ours));
}

#[test]
fn room_that_is_owed_to_another_is_refused_by_its_own_reason() {
    let world = guarded(2, &halves());
    let mut theirs = admit(&world, "a", 2);
    assert_eq!(world.refuse(&of("b")), Reason::Limit);

    release(&world, theirs.pop());

    assert_eq!(world.refuse(&of("a")), Reason::ShareExhausted);
    theirs.extend(admit(&world, "b", 1));
    release_all(&world, theirs);
}

#[test]
fn who_is_named_in_no_share_may_borrow_but_has_no_claim() {
    let world = guarded(2, &halves());
    let mut passes = admit(&world, "c", 2);
    assert_eq!(world.refuse(&of("a")), Reason::Limit);

    release(&world, passes.pop());

    assert_eq!(world.refuse(&of("c")), Reason::ShareExhausted);
    release_all(&world, passes);
}

#[test]
fn a_queued_partition_below_its_guarantee_gets_the_freed_permit() {
    let world = guarded_with_queue(4, &halves());
    let mut theirs = admit(&world, "a", 4);
    let critical = Ticket {
        priority: Priority::Critical,
        ..of("a")
    };
    let mut above = world.wait(0, &critical);
    let mut below = world.wait(1, &of("b"));

    release(&world, theirs.pop());

    assert_eq!(world.take_woken(), [1]);
    let pass = world.poll_request(&mut below).unwrap().unwrap();
    world.leave(&mut above);
    release_all(&world, theirs.into_iter().chain([pass]));
}

#[test]
fn partitions_that_are_both_saturated_have_just_their_fractions() {
    let shares = Shares::new().guarantee("a", 0.7).guarantee("b", 0.3);
    let world = guarded_with_queue(10, &shares);
    let mut passes = VecDeque::from(admit(&world, "b", 10));
    let names = ["a", "b"];
    let mut waiting: Vec<_> = (0..40)
        .map(|name| world.wait(name, &of(names[name % 2])))
        .collect();

    for round in 0..200 {
        release(&world, passes.pop_front());
        for name in world.take_woken() {
            passes.push_back(world.poll_request(&mut waiting[name]).unwrap().unwrap());
            waiting[name] = world.wait(name, &of(names[name % 2]));
        }
        if round >= 10 {
            assert_eq!(world.in_partitions(), [7, 3, 0], "round {round}");
        }
    }
}

#[test]
fn a_grant_counts_for_its_partition_until_it_lapses() {
    let world = guarded_with_queue(1, &halves());
    let pass = world.admit(&of("a"));
    let mut waits = world.wait(0, &of("b"));
    world.gate.release(pass, &*world);
    assert_eq!(world.in_partitions(), [0, 1, 0]);

    world.pass(REQUEST_GRANT_LIFETIME);
    let visitor = world.admit(&of("a"));

    assert_eq!(world.in_partitions(), [1, 0, 0]);
    world.leave(&mut waits);
    release_all(&world, [visitor]);
}

#[test]
fn the_place_of_a_partition_is_not_given_away_while_one_of_it_may_return() {
    let world = guarded_with_queue(1, &halves());
    let pass = world.admit(&of("b"));
    let mut waits = world.wait(0, &of("a"));
    world.gate.release(pass, &*world);
    world.pass(REQUEST_GRANT_LIFETIME);
    let visitor = world.admit(&of("b"));
    let other = Shares::new().guarantee("b", 0.5).guarantee("c", 0.5);
    world.gate.set_shares(&other, &*world);
    assert!(world.poll_request(&mut waits).is_none());

    world.gate.release(visitor, &*world);

    assert_eq!(world.in_partitions(), [0, 0, 0], "b, c and the rest");
    world.leave(&mut waits);
    world.assert_at_rest();
}

#[test]
fn a_grant_that_is_left_is_not_counted_any_more() {
    let world = guarded_with_queue(1, &halves());
    let pass = world.admit(&of("a"));
    let mut waits = world.wait(0, &of("b"));
    world.gate.release(pass, &*world);

    world.leave(&mut waits);

    world.assert_at_rest();
}

#[test]
fn an_alarm_that_finds_a_grant_returns_it_to_its_partition_in_the_end() {
    let world = guarded_with_queue(1, &halves());
    let pass = world.admit(&of("a"));
    let mut waits = world.wait(0, &of("b"));
    world.gate.release(pass, &*world);

    let pass = world.time_out(&mut waits).unwrap();

    assert_eq!(world.in_partitions(), [0, 1, 0]);
    release_all(&world, [pass]);
}

#[test]
fn who_has_more_places_than_guaranteed_gives_way_to_one_with_less() {
    let world = guarded(2, &halves());
    world.gate.set_queue(Queue::bounded(4), &*world);
    let passes = admit(&world, "a", 2);
    let critical = Ticket {
        priority: Priority::Critical,
        ..of("a")
    };
    let mut crowd = [0, 1, 2, 3].map(|name| world.wait(name, &critical));

    let mut guests = [4, 5].map(|name| world.wait(name, &of("b")));

    assert_eq!(world.take_woken(), [3, 2]);
    assert_eq!(world.refuse(&of("b")), Reason::QueueFull);
    for evicted in &mut crowd[2..] {
        assert_eq!(world.poll_request(evicted), Some(Err(Reason::Evicted)));
    }
    for place in crowd[..2].iter_mut().chain(&mut guests) {
        world.leave(place);
    }
    release_all(&world, passes);
}

#[test]
fn shares_that_come_while_requests_are_in_flight_count_only_newcomers() {
    let world = World::new(4);
    let mut passes = admit(&world, "a", 2);

    world.gate.set_shares(&halves(), &*world);
    passes.extend(admit(&world, "a", 1));

    assert_eq!(world.in_partitions(), [1, 0, 0]);
    release_all(&world, passes);
}

#[test]
fn shares_that_go_while_requests_are_in_flight_leave_no_count_behind() {
    let world = guarded(4, &halves());
    let passes = admit(&world, "a", 2);
    world.gate.set_shares(&Shares::new(), &*world);
    let plain = admit(&world, "a", 2);
    world.gate.set_shares(&halves(), &*world);

    assert_eq!(world.refuse(&of("a")), Reason::Limit);
    release_all(&world, plain.into_iter().chain(passes));
}

#[test]
fn shares_that_change_while_requests_wait_change_who_is_next() {
    let world = guarded_with_queue(2, &Shares::new().guarantee("a", 1.0));
    let mut passes = admit(&world, "c", 2);
    let mut a = world.wait(0, &of("a"));
    let mut c = world.wait(1, &of("c"));

    world
        .gate
        .set_shares(&Shares::new().guarantee("b", 0.1), &*world);
    release(&world, passes.pop());
    release(&world, passes.pop());

    assert_eq!(world.take_woken(), [1, 0]);
    let granted = [&mut a, &mut c].map(|place| world.poll_request(place).unwrap().unwrap());
    release_all(&world, granted);
}

#[test]
fn a_request_that_waits_when_shares_come_is_counted_when_it_is_granted() {
    let world = World::full_with_queue(1, Queue::bounded(1));
    let mut waits = world.wait(0, &of("a"));
    world.gate.set_shares(&halves(), &*world);

    world.release();

    // Nobody had a share when it came: it is one of the rest.
    assert_eq!(world.in_partitions(), [0, 0, 1]);
    let pass = world.poll_request(&mut waits).unwrap().unwrap();
    release_all(&world, [pass]);
}

#[test]
fn a_grant_made_before_there_were_shares_is_nobodys() {
    let world = World::full_with_queue(1, Queue::bounded(1));
    let mut waits = world.wait(0, &of("a"));
    world.release();

    world.gate.set_shares(&halves(), &*world);

    assert_eq!(world.poll_request(&mut waits), Some(Ok(Pass::Plain)));
    release_all(&world, [Pass::Plain]);
}

#[test]
fn a_patient_caller_is_one_of_the_rest() {
    let world = guarded(2, &halves());
    let mut place = None;
    let mut cx = Context::from_waker(Waker::noop());

    let polled = world.gate.poll_acquire(&mut place, &mut cx, &*world);

    assert_eq!(world.in_partitions(), [0, 0, 1]);
    match polled {
        Poll::Ready(Ok(pass)) => release_all(&world, [pass]),
        _ => panic!("had to wait before an open gate"),
    }
}

#[test]
fn the_sum_of_all_shares_never_exceeds_the_limit() {
    let shares = (0..10).fold(Shares::new(), |shares, n| {
        shares.guarantee(n.to_string(), 0.1)
    });
    // A tenth of 5 is half a permit for each of ten.
    let world = guarded(5, &shares);

    let passes: Vec<_> = (0..10)
        .filter_map(|n| match world.enter(&of(&n.to_string())) {
            Decision::Admitted(pass) => Some(pass),
            _ => None,
        })
        .collect();

    assert_eq!(passes.len(), 5);
    release_all(&world, passes);
}

#[test]
fn an_idle_limiter_of_which_all_was_wanted_admits_whoever_comes() {
    let world = guarded(10, &halves());
    let mut passes = admit(&world, "a", 4);
    passes.extend(admit(&world, "b", 4));
    passes.extend(admit(&world, "stranger", 2));
    for name in ["a", "b"] {
        assert_eq!(world.refuse(&of(name)), Reason::Limit);
    }
    release_all(&world, passes);

    world.pass(Duration::from_secs(3600));
    let passes = admit(&world, "stranger", 10);

    release_all(&world, passes);
}
