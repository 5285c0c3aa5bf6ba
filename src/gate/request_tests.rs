//! Requests in the queue of a gate, in virtual time, on one thread.

use std::time::Duration;

use super::protocol::REQUEST_GRANT_LIFETIME;
use super::world::{Does, World};
use super::{Decision, Pass, Ticket};
use crate::admission::Priority::{self, Critical, High, Low, Normal, Sheddable};
use crate::{Queue, Reason};

const TARGET: Duration = Duration::from_millis(5);
const INTERVAL: Duration = Duration::from_millis(100);
const MAX_WAIT: Duration = Duration::from_millis(300);

fn queue(capacity: usize) -> Queue {
    Queue::bounded(capacity)
        .max_wait(MAX_WAIT)
        .target(TARGET)
        .interval(INTERVAL)
}

fn of(priority: Priority) -> Ticket<'static> {
    Ticket {
        priority,
        ..Ticket::default()
    }
}

const ADMITTED: Option<Result<Pass, Reason>> = Some(Ok(Pass::Plain));

fn refused(reason: Reason) -> Option<Result<Pass, Reason>> {
    Some(Err(reason))
}

#[test]
fn a_request_without_a_queue_is_turned_away_by_the_limit() {
    let world = World::full(1);

    assert_eq!(world.refuse(&of(Critical)), Reason::Limit);
}

#[test]
fn a_request_with_room_does_not_wait() {
    let world = World::full_with_queue(1, queue(1));
    world.release();

    let pass = world.admit(&of(Sheddable));

    world.gate.release(pass, &*world);
    world.assert_at_rest();
}

#[test]
fn a_full_queue_turns_away_and_says_so() {
    let world = World::full_with_queue(1, queue(2));
    let _waiting = [1, 2].map(|name| world.wait(name, &of(Normal)));

    assert_eq!(world.refuse(&of(Normal)), Reason::QueueFull);
}

#[test]
fn a_higher_one_takes_the_place_of_the_newest_of_the_lowest_and_wakes_it() {
    let world = World::full_with_queue(1, queue(4));
    let classes = [Low, Sheddable, Sheddable, Normal];
    let mut waiting = [0, 1, 2, 3].map(|name| world.wait(name, &of(classes[name])));

    let _high = world.wait(4, &of(High));

    assert_eq!(world.take_woken(), [2]);
    assert_eq!(
        world.poll_request(&mut waiting[2]),
        refused(Reason::Evicted)
    );
    for place in [0, 1, 3] {
        assert_eq!(world.poll_request(&mut waiting[place]), None);
    }
}

#[test]
fn an_equal_is_not_evicted() {
    for priority in Priority::ALL {
        let world = World::full_with_queue(1, queue(1));
        let mut waits = world.wait(0, &of(priority));

        assert_eq!(world.refuse(&of(priority)), Reason::QueueFull);
        assert_eq!(world.poll_request(&mut waits), None);
    }
}

#[test]
fn a_higher_one_is_not_evicted() {
    let world = World::full_with_queue(1, queue(1));
    let mut waits = world.wait(0, &of(High));

    assert_eq!(world.refuse(&of(Normal)), Reason::QueueFull);
    assert_eq!(world.poll_request(&mut waits), None);
}

#[test]
fn one_that_was_granted_a_permit_is_not_evicted() {
    let world = World::full_with_queue(1, queue(1));
    let mut granted = world.wait(0, &of(Sheddable));
    world.release();

    let _waits = world.wait(1, &of(Critical));

    assert_eq!(world.poll_request(&mut granted), ADMITTED);
}

#[test]
fn patient_callers_take_no_places_of_requests() {
    let world = World::full_with_queue(1, queue(1));
    let _patient = [world.queue(0), world.queue(1)];

    assert!(world.wait(2, &of(Normal)).is_some());
}

#[test]
fn a_refused_one_that_is_dropped_returns_nothing() {
    let world = World::full_with_queue(1, queue(1));
    let mut evicted = world.wait(0, &of(Low));
    let mut high = world.wait(1, &of(High));

    world.leave(&mut evicted);

    assert_eq!(world.gate.load().in_flight(), 1);
    world.leave(&mut high);
    world.release();
    world.assert_at_rest();
}

#[test]
fn a_request_that_leaves_the_queue_wakes_nobody() {
    let world = World::full_with_queue(1, queue(2));
    let mut places = [0, 1].map(|name| world.wait(name, &of(Normal)));

    world.leave(&mut places[0]);

    assert!(world.take_woken().is_empty());
    assert_eq!(world.gate.queued(), 1);
}

#[test]
fn a_request_that_leaves_its_grant_passes_it_on() {
    let world = World::full_with_queue(1, queue(2));
    let mut places = [0, 1].map(|name| world.wait(name, &of(Normal)));
    world.release();

    world.leave(&mut places[0]);

    assert_eq!(world.take_woken(), [0, 1]);
    assert_eq!(world.poll_request(&mut places[1]), ADMITTED);
    world.release();
    world.assert_at_rest();
}

#[test]
fn an_unclaimed_grant_is_passed_on_and_its_loser_comes_first_when_it_returns() {
    let world = World::full_with_queue(1, queue(3));
    let mut lost = world.wait(0, &of(Normal));
    let mut next = world.wait(1, &of(Normal));
    world.release();
    world.pass(REQUEST_GRANT_LIFETIME);
    assert_eq!(world.gate.expire(&*world), None);
    assert_eq!(world.poll_request(&mut next), ADMITTED);
    let mut later = world.wait(2, &of(Normal));

    assert_eq!(world.poll_request(&mut lost), None);
    world.release();

    assert_eq!(world.poll_request(&mut later), None);
    assert_eq!(world.poll_request(&mut lost), ADMITTED);
}

#[test]
fn a_newcomer_does_not_overtake_a_higher_request_when_a_grant_lapses() {
    let world = World::full_with_queue(1, queue(9));
    let _slow = world.wait(0, &of(Critical));
    let mut critical = world.wait(1, &of(Critical));
    world.release();
    world.pass(REQUEST_GRANT_LIFETIME);

    let sheddable = world.enter(&of(Sheddable));

    assert!(matches!(sheddable, Decision::Queued(_)), "{sheddable:?}");
    assert_eq!(world.poll_request(&mut critical), ADMITTED);
}

#[test]
fn a_request_polled_when_a_grant_lapses_keeps_its_place() {
    let world = World::full_with_queue(1, queue(9));
    let _slow = world.wait(0, &of(Critical));
    let [mut first, mut second] = [1, 2].map(|name| world.wait(name, &of(Low)));
    let mut high = world.wait(3, &of(High));
    world.release();
    world.pass(REQUEST_GRANT_LIFETIME);

    assert_eq!(world.poll_request(&mut second), None);

    assert_eq!(world.poll_request(&mut high), ADMITTED);
    world.release();
    assert_eq!(world.poll_request(&mut second), None);
    assert_eq!(world.poll_request(&mut first), ADMITTED);
}

#[test]
fn a_loser_of_a_grant_that_never_returns_is_turned_away_by_its_alarm() {
    let world = World::full_with_queue(1, queue(1));
    let mut lost = world.wait(0, &of(Normal));
    world.release();
    world.pass(REQUEST_GRANT_LIFETIME);
    let pass = world.admit(&of(Normal));

    assert_eq!(world.time_out(&mut lost), Err(Reason::WaitedTooLong));
    world.gate.release(pass, &*world);
    world.assert_at_rest();
}

#[test]
fn a_limit_that_falls_while_requests_wait_holds_at_once() {
    let world = World::full_with_queue(2, queue(2));
    let mut waits = world.wait(0, &of(Normal));

    world.set_limit(1);
    world.release();

    assert_eq!(world.poll_request(&mut waits), None);
    world.release();
    assert_eq!(world.poll_request(&mut waits), ADMITTED);
}

#[test]
fn a_limit_that_rises_grants_to_the_highest_first() {
    let world = World::full_with_queue(1, queue(9));
    let _waiting: Vec<_> = Priority::ALL
        .into_iter()
        .enumerate()
        .map(|(name, priority)| world.wait(name, &of(priority)))
        .collect();

    world.set_limit(4);

    assert_eq!(world.take_woken(), [4, 3, 2]);
}

#[test]
fn requests_keep_their_places_in_a_queue_that_was_made_smaller() {
    let world = World::full_with_queue(1, queue(3));
    let mut places = [0, 1, 2].map(|name| world.wait(name, &of(Normal)));

    world.gate.set_queue(queue(1), &*world);

    assert_eq!(world.refuse(&of(Normal)), Reason::QueueFull);
    for place in &mut places {
        world.release();
        assert_eq!(world.poll_request(place), ADMITTED);
    }
}

#[test]
fn an_eviction_does_not_lengthen_a_queue_that_was_made_smaller() {
    let world = World::full_with_queue(1, queue(3));
    let _waiting = [0, 1, 2].map(|name| world.wait(name, &of(Low)));
    world.gate.set_queue(queue(1), &*world);

    let _high = world.wait(3, &of(High));

    assert_eq!(world.gate.queued(), 3);
}

#[test]
fn requests_are_served_after_the_queue_is_gone() {
    let world = World::full_with_queue(1, queue(1));
    let mut waits = world.wait(0, &of(Normal));
    world.gate.set_queue(Queue::none(), &*world);
    assert_eq!(world.refuse(&of(Critical)), Reason::Limit);

    world.release();

    assert_eq!(world.poll_request(&mut waits), ADMITTED);
    world.release();
    world.assert_at_rest();
}

#[test]
fn a_queue_that_is_made_larger_has_room_at_once() {
    let world = World::full_with_queue(1, queue(1));
    let _waits = world.wait(0, &of(Normal));

    world.gate.set_queue(queue(2), &*world);

    assert!(world.wait(1, &of(Normal)).is_some());
}

#[test]
fn what_was_decided_before_the_first_poll_is_seen_by_it() {
    let world = World::full_with_queue(1, queue(1));
    let Decision::Queued(place) = world.enter(&of(Normal)) else {
        panic!("not queued");
    };
    world.release();

    assert_eq!(world.poll_request(&mut Some(place.key)), ADMITTED);
}

#[test]
fn a_waker_of_an_evicted_one_that_panics_takes_nobody_down() {
    let world = World::full_with_queue(1, queue(1));
    let waker = Does::waker(|| panic!("part of the test"), || {});
    let mut evicted = world.wait_with(&waker, &of(Low));

    let mut high = world.wait(1, &of(High));

    assert_eq!(world.poll_request(&mut evicted), refused(Reason::Evicted));
    world.release();
    assert_eq!(world.poll_request(&mut high), ADMITTED);
}
