//! Requests of a layer that observes: in flight, and waiting on paper.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::protocol::Gate;
use super::world::{Does, World};
use super::{Env, Pass, Ticket};
use crate::admission::Priority::{self, High, Low, Normal};
use crate::{Queue, Reason, Shares};

const MS: Duration = Duration::from_millis(1);
const MAX_WAIT: Duration = Duration::from_millis(300);

fn queue(capacity: usize) -> Queue {
    Queue::bounded(capacity).max_wait(MAX_WAIT)
}

fn of(priority: Priority) -> Ticket<'static> {
    Ticket {
        priority,
        ..Ticket::default()
    }
}

/// In flight by the word, and beyond it.
fn in_flight(gate: &Gate) -> (usize, usize) {
    (gate.load().in_flight(), gate.beyond())
}

#[test]
fn a_ghost_is_in_flight_beyond_the_limit() {
    let world = World::full_with_queue(1, queue(1));

    let ghost = world.observe(&of(Normal));

    assert!(matches!(ghost, Pass::Ghost(_)));
    assert_eq!(in_flight(&world.gate), (1, 1));
    assert_eq!(world.gate.queued(), 0, "nobody waits in truth");
}

#[test]
fn a_ghost_that_is_granted_a_permit_is_in_flight_by_the_word() {
    let world = World::full_with_queue(1, queue(1));
    let ghost = world.observe(&of(Normal));

    world.release();

    assert_eq!(in_flight(&world.gate), (1, 0));
    assert_eq!(world.gate.release(ghost, &*world), None);
    world.assert_at_rest();
}

#[test]
fn a_ghost_whose_request_ends_while_it_waits_would_have_been_served() {
    let world = World::full_with_queue(1, queue(1));
    let ghost = world.observe(&of(Normal));
    world.pass(MAX_WAIT - MS);

    assert_eq!(world.gate.release(ghost, &*world), None);

    world.release();
    world.assert_at_rest();
}

#[test]
fn a_ghost_that_has_waited_too_long_when_its_request_ends_would_have_been_turned_away() {
    let world = World::full_with_queue(1, queue(1));
    let ghost = world.observe(&of(Normal));
    world.pass(MAX_WAIT);

    let reason = world.gate.release(ghost, &*world);

    assert_eq!(reason, Some((Reason::WaitedTooLong, Normal)));
    world.release();
    world.assert_at_rest();
}

#[test]
fn an_evicted_ghost_says_so_when_its_request_ends() {
    let world = World::full_with_queue(1, queue(1));
    let low = world.observe(&of(Low));
    let high = world.observe(&of(High));
    assert_eq!(in_flight(&world.gate), (1, 2));

    let reason = world.gate.release(low, &*world);
    assert_eq!(reason, Some((Reason::Evicted, Low)));

    assert_eq!(world.gate.release(high, &*world), None);
    world.release();
    world.assert_at_rest();
}

#[test]
fn a_ghost_does_not_take_the_place_of_a_request_that_waits() {
    let world = World::full_with_queue(1, queue(1));
    let mut waits = world.wait(0, &of(Low));

    assert_eq!(world.observe(&of(High)), Pass::Spared);

    assert_eq!(world.poll_request(&mut waits), None);
}

#[test]
fn a_request_takes_the_place_of_a_ghost_that_matters_less() {
    let world = World::full_with_queue(1, queue(1));
    let ghost = world.observe(&of(Low));

    let _waits = world.wait(0, &of(Normal));

    let reason = world.gate.release(ghost, &*world);
    assert_eq!(reason, Some((Reason::Evicted, Low)));
}

#[test]
fn ghosts_whose_time_is_over_make_room_in_a_full_queue() {
    let world = World::full_with_queue(1, queue(1));
    let late = world.observe(&of(Normal));
    world.pass(MAX_WAIT);

    let _waits = world.wait(0, &of(Normal));

    let reason = world.gate.release(late, &*world);
    assert_eq!(reason, Some((Reason::WaitedTooLong, Normal)));
}

#[test]
fn a_ghost_behind_one_that_is_granted_is_not_granted_after_its_deadline() {
    let world = World::full_with_queue(2, queue(2));
    let first = world.observe(&of(Normal));
    let hurried = Ticket {
        deadline: Some(world.now() + MS),
        ..of(Normal)
    };
    let late = world.observe(&hurried);
    world.pass(MS);

    world.set_limit(4);

    assert_eq!(in_flight(&world.gate), (3, 1));
    let reason = world.gate.release(late, &*world);
    assert_eq!(reason, Some((Reason::WaitedTooLong, Normal)));
    assert_eq!(world.gate.release(first, &*world), None);
}

#[test]
fn a_ghost_granted_as_it_comes_is_not_counted_less_than_it_is() {
    let world = World::full_with_queue(1, queue(9));
    let seen = Arc::new(Mutex::new(Vec::new()));
    // Woken while there is more room than one wake-up takes up, it lets a ghost in.
    let waker = {
        let (world, seen) = (world.clone(), seen.clone());
        Does::waker(
            move || {
                let ghost = world.observe(&of(Normal));
                seen.lock().unwrap().push((world.gate.beyond(), ghost));
            },
            || {},
        )
    };
    let _first = world.wait_with(&waker, &of(Normal));
    let watcher = {
        let (world, seen) = (world.clone(), seen.clone());
        Does::waker(
            move || {
                seen.lock()
                    .unwrap()
                    .push((world.gate.beyond(), Pass::Plain));
            },
            || {},
        )
    };
    let _second = world.wait_with(&watcher, &of(Low));

    world.set_limit(4);

    let beyond: Vec<_> = seen
        .lock()
        .unwrap()
        .iter()
        .map(|(beyond, _)| *beyond)
        .collect();
    assert_eq!(beyond, [0, 0]);
}

#[test]
fn the_end_of_a_spared_request_hands_on_the_room_that_its_sample_made() {
    let world = World::full(1);
    let spared = world.observe(&of(Normal));
    let mut waits = world.queue(0);

    // What `Learner::learn` does: whoever gives a permit back next hands on.
    assert!(world.gate.store_limit(2));
    world.gate.release(spared, &*world);

    assert_eq!(world.take_woken(), [0]);
    world.leave(&mut waits);
}

#[test]
fn the_end_of_a_ghost_hands_on_the_room_that_its_sample_made() {
    let world = World::full_with_queue(1, queue(9));
    let ghost = world.observe(&of(Normal));
    let mut waits = world.wait(0, &of(Normal));

    assert!(world.gate.store_limit(2));
    world.gate.release(ghost, &*world);

    assert_eq!(world.take_woken(), [0]);
    world.leave(&mut waits);
}

#[test]
fn the_end_of_a_granted_ghost_is_a_permit_for_the_next() {
    let world = World::full_with_queue(1, queue(9));
    let ghost = world.observe(&of(Normal));
    let mut waits = world.wait(0, &of(Normal));
    world.release();

    world.gate.release(ghost, &*world);

    assert_eq!(world.poll_request(&mut waits), Some(Ok(Pass::Plain)));
    world.release();
    world.assert_at_rest();
}

#[test]
fn a_ghost_counts_for_its_partition_while_it_is_granted() {
    let world = World::new(1);
    world.gate.set_queue(queue(9), &*world);
    world
        .gate
        .set_shares(&Shares::new().guarantee("a", 0.5), &*world);
    let ticket = Ticket {
        partition: Some("a"),
        ..of(Normal)
    };
    let first = world.observe(&ticket);
    let ghost = world.observe(&ticket);
    assert_eq!(world.in_partitions(), [1, 0]);

    world.gate.release(first, &*world);
    assert_eq!(world.in_partitions(), [1, 0]);

    world.gate.release(ghost, &*world);
    world.assert_at_rest();
}

#[test]
fn a_thousand_ghosts_leave_nothing_behind() {
    let world = World::full_with_queue(3, queue(50));
    let mut ghosts = Vec::new();
    for n in 0..1_000 {
        ghosts.push(world.observe(&of(Priority::ALL[n * 7 % 5])));
        if n % 3 == 0 {
            let ghost = ghosts.swap_remove(n * 13 % ghosts.len());
            world.gate.release(ghost, &*world);
        }
        world.pass(MS);
    }

    for ghost in ghosts {
        world.gate.release(ghost, &*world);
    }
    for _ in 0..3 {
        world.release();
    }
    world.assert_at_rest();
}
