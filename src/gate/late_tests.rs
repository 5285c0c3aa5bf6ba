//! Requests that wait too long: their time, their deadline, and lanes that do not drain.

use std::sync::Arc;
use std::time::Duration;

use super::slots::Key;
use super::world::{Does, World};
use super::{Decision, Env, Pass, Ticket};
use crate::admission::Priority::{self, Critical, High, Low, Normal, Sheddable};
use crate::{Queue, Reason};

const MS: Duration = Duration::from_millis(1);
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

/// Queues two, the older of which waits above the target, for an interval that is over within
/// another [`TARGET`].
fn standing_queue(world: &Arc<World>) -> [Option<Key>; 2] {
    let first = world.wait(0, &of(Normal));
    world.pass(TARGET + MS);
    let second = world.wait(1, &of(Normal));
    world.pass(INTERVAL - TARGET);
    [first, second]
}

const ADMITTED: Option<Result<Pass, Reason>> = Some(Ok(Pass::Plain));

fn refused(reason: Reason) -> Option<Result<Pass, Reason>> {
    Some(Err(reason))
}

#[test]
fn a_request_waits_as_long_as_the_queue_lets_it() {
    let world = World::full_with_queue(1, queue(1));
    let Decision::Queued(place) = world.enter(&of(Normal)) else {
        panic!("not queued");
    };

    assert_eq!(place.until, world.now() + MAX_WAIT);
}

#[test]
fn a_request_whose_time_is_over_is_turned_away_by_a_release_and_the_next_is_granted() {
    let world = World::full_with_queue(1, queue(2));
    let mut late = world.wait(0, &of(Normal));
    world.pass(TARGET);
    let mut next = world.wait(1, &of(Normal));
    world.pass(MAX_WAIT - TARGET);

    world.release();

    assert_eq!(world.take_woken(), [0, 1]);
    assert_eq!(
        world.poll_request(&mut late),
        refused(Reason::WaitedTooLong)
    );
    assert_eq!(world.poll_request(&mut next), ADMITTED);
}

#[test]
fn a_request_that_polls_when_its_time_is_over_is_turned_away() {
    let world = World::full_with_queue(1, queue(1));
    let mut late = world.wait(0, &of(Normal));
    world.pass(MAX_WAIT - MS);
    assert_eq!(world.poll_request(&mut late), None);

    world.pass(MS);

    assert_eq!(
        world.poll_request(&mut late),
        refused(Reason::WaitedTooLong)
    );
    world.release();
    world.assert_at_rest();
}

#[test]
fn an_alarm_ends_the_wait() {
    let world = World::full_with_queue(1, queue(1));
    let mut late = world.wait(0, &of(Normal));
    world.pass(MAX_WAIT);

    assert_eq!(world.time_out(&mut late), Err(Reason::WaitedTooLong));
    world.release();
    world.assert_at_rest();
}

#[test]
fn an_alarm_that_comes_after_the_grant_finds_the_permit() {
    let world = World::full_with_queue(1, queue(1));
    let mut granted = world.wait(0, &of(Normal));
    world.release();

    assert_eq!(world.time_out(&mut granted), Ok(Pass::Plain));
    world.release();
    world.assert_at_rest();
}

#[test]
fn an_alarm_that_comes_after_an_eviction_finds_its_reason() {
    let world = World::full_with_queue(1, queue(1));
    let mut evicted = world.wait(0, &of(Low));
    let _high = world.wait(1, &of(High));

    assert_eq!(world.time_out(&mut evicted), Err(Reason::Evicted));
}

#[test]
fn old_ones_of_an_overloaded_lane_are_turned_away_early() {
    let world = World::full_with_queue(1, queue(9));
    let mut old = world.wait(0, &of(Normal));
    world.pass(TARGET + MS);
    let mut newer = world.wait(1, &of(Normal));
    world.pass(INTERVAL);

    world.release();

    assert_eq!(world.poll_request(&mut old), refused(Reason::WaitedTooLong));
    assert_eq!(world.poll_request(&mut newer), ADMITTED, "it was next");
}

#[test]
fn the_only_one_who_waits_is_not_given_up_early() {
    let world = World::full_with_queue(1, queue(9));
    let _old = standing_queue(&world).map(|mut place| world.leave(&mut place));
    let mut only = world.wait(2, &of(Normal));
    world.pass(2 * TARGET + MS);

    assert_eq!(world.poll_request(&mut only), None);
    world.release();

    assert_eq!(world.poll_request(&mut only), ADMITTED);
}

#[test]
fn old_ones_of_a_lane_that_drains_are_not_turned_away_early() {
    let world = World::full_with_queue(1, queue(9));
    let mut low = world.wait(0, &of(Low));
    world.pass(TARGET + MS);
    let _newer_low = world.wait(1, &of(Low));
    world.pass(INTERVAL - MS);
    // Its wait is above the target as well, and nobody has noticed for an interval yet.
    let mut normal = world.wait(2, &of(Normal));
    world.pass(3 * TARGET);

    world.release();

    assert_eq!(world.poll_request(&mut normal), ADMITTED);
    assert_eq!(world.poll_request(&mut low), refused(Reason::WaitedTooLong));
}

#[test]
fn under_overload_the_newest_is_granted_the_permit() {
    let world = World::full_with_queue(1, queue(9));
    let _old = standing_queue(&world);
    let mut places = [2, 3].map(|name| world.wait(name, &of(Normal)));
    world.pass(2 * TARGET);

    world.release();

    let [older, newest] = &mut places;
    assert_eq!(world.poll_request(newest), ADMITTED);
    assert_eq!(world.poll_request(older), None);
}

#[test]
fn a_lane_whose_old_ones_have_left_is_served_in_order_again() {
    let world = World::full_with_queue(1, queue(9));
    let old = standing_queue(&world);
    let mut places = [2, 3].map(|name| world.wait(name, &of(Normal)));
    for mut place in old {
        world.leave(&mut place);
    }
    world.pass(TARGET);

    world.release();

    assert_eq!(world.poll_request(&mut places[0]), ADMITTED);
}

#[test]
fn an_overdue_request_makes_room_for_a_newcomer_in_a_full_queue() {
    let world = World::full_with_queue(1, queue(1));
    let mut late = world.wait(0, &of(Critical));
    world.pass(MAX_WAIT);

    assert!(world.wait(1, &of(Sheddable)).is_some());

    assert_eq!(world.take_woken(), [0]);
    assert_eq!(
        world.poll_request(&mut late),
        refused(Reason::WaitedTooLong)
    );
}

#[test]
fn a_permit_is_not_granted_to_one_whose_own_deadline_is_over() {
    let world = World::full_with_queue(1, queue(9));
    let _old = standing_queue(&world);
    let hurried = Ticket {
        deadline: Some(world.now() + 2 * TARGET),
        ..of(Normal)
    };
    let mut other = world.wait(2, &of(Normal));
    let mut late = world.wait(3, &hurried);
    world.pass(2 * TARGET);

    world.release();

    assert_eq!(
        world.poll_request(&mut late),
        refused(Reason::WaitedTooLong)
    );
    assert_eq!(world.poll_request(&mut other), ADMITTED);
}

#[test]
fn a_deadline_that_is_over_is_too_close_even_with_room() {
    let world = World::new(1);
    let ticket = Ticket {
        deadline: Some(world.now()),
        ..of(Critical)
    };

    assert_eq!(world.refuse(&ticket), Reason::DeadlineTooClose);
}

#[test]
fn a_deadline_that_the_queue_cannot_meet_is_too_close() {
    let world = World::full_with_queue(2, queue(9));
    world.set_mean_rtt(10 * MS);
    let _ahead = [0, 1, 2].map(|name| world.wait(name, &of(Normal)));
    // Three go before and it is the fourth: 4 · 10 ms / 2.
    let within = |time| Ticket {
        deadline: Some(world.now() + time),
        ..of(Normal)
    };

    assert_eq!(
        world.refuse(&within(20 * MS - Duration::from_micros(1))),
        Reason::DeadlineTooClose
    );
    assert!(world.wait(3, &within(20 * MS)).is_some());
}

#[test]
fn nobody_waits_beyond_its_deadline() {
    let world = World::full_with_queue(1, queue(1));
    let deadline = world.now() + 7 * MS;
    let ticket = Ticket {
        deadline: Some(deadline),
        ..of(Normal)
    };

    let Decision::Queued(place) = world.enter(&ticket) else {
        panic!("not queued");
    };

    assert_eq!(place.until, deadline);
}

#[test]
fn a_waker_of_an_overdue_one_that_panics_does_not_cost_the_next_its_grant() {
    let world = World::full_with_queue(1, queue(2));
    let waker = Does::waker(|| panic!("part of the test"), || {});
    let _late = world.wait_with(&waker, &of(Normal));
    world.pass(TARGET);
    let _next = world.wait(1, &of(Normal));
    world.pass(MAX_WAIT - TARGET);

    world.release();

    assert_eq!(world.take_woken(), [1]);
}

#[test]
fn a_waker_that_panics_when_its_alarm_drops_it_takes_nobody_down() {
    let world = World::full_with_queue(1, queue(1));
    let waker = Does::waker(|| {}, || panic!("part of the test"));
    let mut late = world.wait_with(&waker, &of(Normal));
    drop(waker);
    world.pass(MAX_WAIT);

    assert_eq!(world.time_out(&mut late), Err(Reason::WaitedTooLong));
}
