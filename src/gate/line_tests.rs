//! The order of the line, apart from the gate.

use std::time::Duration;

use tokio::time::Instant;

use super::line::Line;
use super::shares::{PartitionId, Partitions};
use super::slots::{Index, Kind, Request, Slots};
use crate::admission::Priority::{self, Critical, High, Low, Normal, Sheddable};
use crate::{Queue, Shares};

const MS: Duration = Duration::from_millis(1);
const TARGET: Duration = Duration::from_millis(5);
const INTERVAL: Duration = Duration::from_millis(100);
const MAX_WAIT: Duration = Duration::from_millis(300);

/// A line at a time of its own.
struct Queued {
    slots: Slots,
    line: Line,
    now: Instant,
    number: u64,
}

impl Queued {
    fn new() -> Self {
        let mut line = Line::new();
        line.queue = Queue::bounded(100)
            .max_wait(MAX_WAIT)
            .target(TARGET)
            .interval(INTERVAL);
        line.set_pace(None, 1);
        Self {
            slots: Slots::new(),
            line,
            now: Instant::now(),
            number: 0,
        }
    }

    fn push(&mut self, kind: Kind, partition: PartitionId) -> Index {
        self.number += 1;
        let index = self.slots.insert(kind, partition, self.number);
        self.line.push_back(&mut self.slots, index);
        index
    }

    fn patient(&mut self) -> Index {
        self.push(Kind::Patient, PartitionId::REST)
    }

    fn request(&mut self, priority: Priority) -> Index {
        self.request_of(PartitionId::REST, priority)
    }

    fn request_of(&mut self, partition: PartitionId, priority: Priority) -> Index {
        let request = self.arrival(priority);
        self.line.observe(&self.slots, self.now);
        self.push(Kind::Request(request), partition)
    }

    fn ghost(&mut self, priority: Priority) -> Index {
        let request = Request {
            ghost: true,
            ..self.arrival(priority)
        };
        self.push(Kind::Request(request), PartitionId::REST)
    }

    fn arrival(&self, priority: Priority) -> Request {
        Request {
            priority,
            arrived: self.now,
            until: self.now + MAX_WAIT,
            ghost: false,
        }
    }

    fn observe(&mut self) {
        self.line.observe(&self.slots, self.now);
    }

    /// Lets the oldest of each lane wait for longer than an interval allows.
    fn overload(&mut self) {
        self.now += TARGET + MS;
        self.observe();
        self.now += INTERVAL;
        self.observe();
    }

    fn next(&self) -> Option<Index> {
        self.next_with(|_| 1)
    }

    fn next_with(&self, deficit: impl Fn(PartitionId) -> i64) -> Option<Index> {
        self.line.next(&self.slots, deficit)
    }

    /// Everybody, in the order in which they are served now.
    fn order(mut self, deficit: impl Fn(PartitionId) -> i64) -> Vec<Index> {
        let mut order = Vec::new();
        while let Some(index) = self.next_with(&deficit) {
            self.line.remove(&mut self.slots, index);
            order.push(index);
        }
        order
    }

    fn least(&self, ghost: bool) -> Option<Index> {
        self.line.least(&self.slots, |_| true, ghost)
    }

    fn ahead(&self, priority: Priority) -> usize {
        self.line.ahead(priority, PartitionId::REST)
    }
}

fn two_partitions() -> [PartitionId; 2] {
    let mut partitions = Partitions::new();
    let shares = Shares::new().guarantee("a", 0.5).guarantee("b", 0.5);
    partitions.set(&shares);
    ["a", "b"].map(|name| partitions.find(Some(name)))
}

#[test]
fn nobody_is_next_in_an_empty_line() {
    assert_eq!(Queued::new().next(), None);
}

#[test]
fn requests_of_one_class_are_served_first_come_first_served() {
    let mut queued = Queued::new();
    let requests = [(); 3].map(|()| queued.request(Normal));

    assert_eq!(queued.order(|_| 1), requests);
}

#[test]
fn the_highest_priority_is_next_whoever_came_first() {
    let mut queued = Queued::new();
    let mut requests = Priority::ALL.map(|priority| queued.request(priority));

    requests.reverse();
    assert_eq!(queued.order(|_| 1), requests);
}

#[test]
fn a_patient_caller_stands_among_normal_requests_by_its_age() {
    let mut queued = Queued::new();
    let low = queued.request(Low);
    let before = queued.request(Normal);
    let patient = queued.patient();
    let after = queued.request(Normal);
    let high = queued.request(High);

    assert_eq!(queued.order(|_| 1), [high, before, patient, after, low]);
}

#[test]
fn whoever_is_below_its_guarantee_goes_before_any_priority() {
    let mut queued = Queued::new();
    let [above, below] = two_partitions();
    let critical = queued.request_of(above, Critical);
    let sheddable = queued.request_of(below, Sheddable);
    let deficit = |id| if id == below { 1 } else { 0 };

    assert_eq!(queued.order(deficit), [sheddable, critical]);
}

#[test]
fn above_its_guarantee_the_priority_decides_before_the_deficit() {
    let mut queued = Queued::new();
    let [far, near] = two_partitions();
    let low = queued.request_of(near, Low);
    let high = queued.request_of(far, High);
    let deficit = |id| if id == near { -1 } else { -5 };

    assert_eq!(queued.order(deficit), [high, low]);
}

#[test]
fn of_one_priority_whoever_is_furthest_below_goes_first() {
    let mut queued = Queued::new();
    let [near, far] = two_partitions();
    let older = queued.request_of(near, Normal);
    let younger = queued.request_of(far, Normal);
    let deficit = |id| if id == far { 3 } else { 2 };

    assert_eq!(queued.order(deficit), [younger, older]);
}

#[test]
fn of_one_deficit_whoever_came_first_goes_first() {
    let mut queued = Queued::new();
    let [a, b] = two_partitions();
    let requests = [a, b, b, a].map(|id| queued.request_of(id, Normal));

    assert_eq!(queued.order(|_| 1), requests);
}

#[test]
fn the_newest_of_a_lane_that_does_not_drain_is_next() {
    let mut queued = Queued::new();
    queued.request(Normal);
    queued.overload();
    let newest = queued.request(Normal);

    assert_eq!(queued.next(), Some(newest));
}

#[test]
fn a_lane_that_drains_is_served_in_order_beside_one_that_does_not() {
    let mut queued = Queued::new();
    queued.request(Low);
    queued.overload();
    queued.request(Low);
    let older = queued.request(High);
    queued.request(High);

    assert_eq!(queued.next(), Some(older));
}

#[test]
fn an_overloaded_lane_that_giving_up_has_emptied_serves_the_newest() {
    let mut queued = Queued::new();
    let old = queued.request(Normal);
    queued.overload();
    queued.line.leave(&mut queued.slots, old, true);
    queued.now += INTERVAL;
    queued.request(Normal);
    let newer = queued.request(Normal);

    assert_eq!(queued.next(), Some(newer));
}

#[test]
fn an_overloaded_lane_that_has_been_empty_for_long_begins_again_in_order() {
    let mut queued = Queued::new();
    let old = queued.request(Normal);
    queued.overload();
    queued.line.leave(&mut queued.slots, old, true);
    queued.now += 2 * INTERVAL;
    let older = queued.request(Normal);
    queued.request(Normal);

    assert_eq!(queued.next(), Some(older));
}

#[test]
fn one_that_is_put_next_goes_before_its_lane() {
    for overloaded in [false, true] {
        let mut queued = Queued::new();
        let returns = queued.request(Normal);
        queued.request(Normal);
        if overloaded {
            queued.overload();
        }
        queued.request(Normal);
        queued.line.remove(&mut queued.slots, returns);

        queued.line.push_next(&mut queued.slots, returns);

        assert_eq!(queued.next(), Some(returns), "overloaded: {overloaded}");
    }
}

#[test]
fn one_that_is_put_next_does_not_go_before_a_higher_class() {
    let mut queued = Queued::new();
    let high = queued.request(High);
    let returns = queued.request(Normal);
    queued.line.remove(&mut queued.slots, returns);

    queued.line.push_next(&mut queued.slots, returns);

    assert_eq!(queued.order(|_| 1), [high, returns]);
}

#[test]
fn a_request_is_overdue_when_its_time_is_over_and_not_before() {
    let mut queued = Queued::new();
    let request = queued.request(Normal);
    let last = queued.now + MAX_WAIT;

    assert_eq!(queued.line.overdue(&queued.slots, || None, last - MS), None);
    assert_eq!(
        queued.line.overdue(&queued.slots, || None, last),
        Some(request)
    );
}

#[test]
fn a_request_of_an_overloaded_lane_is_overdue_after_twice_the_target() {
    let mut queued = Queued::new();
    let old = queued.request(Normal);
    queued.overload();
    let arrived = queued.now;
    queued.request(Normal);
    assert_eq!(
        queued.line.overdue(&queued.slots, || None, arrived),
        Some(old)
    );
    queued.line.remove(&mut queued.slots, old);
    let just = arrived + 2 * TARGET;

    assert_eq!(queued.line.overdue(&queued.slots, || None, just), None);
    let overdue = queued.line.overdue(&queued.slots, || None, just + MS);
    assert!(overdue.is_some());
}

#[test]
fn a_lane_that_drains_keeps_its_old_ones() {
    let mut queued = Queued::new();
    queued.request(Normal);
    queued.now += 2 * TARGET + MS;
    queued.observe();
    queued.now += INTERVAL - MS;

    assert_eq!(
        queued.line.overdue(&queued.slots, || None, queued.now),
        None
    );
}

#[test]
fn patient_callers_are_never_overdue() {
    let mut queued = Queued::new();
    queued.patient();
    queued.now += MAX_WAIT * 1_000;
    queued.request(Normal);

    assert_eq!(
        queued.line.overdue(&queued.slots, || None, queued.now),
        None
    );
}

#[test]
fn the_newest_of_the_lowest_class_matters_least() {
    let mut queued = Queued::new();
    queued.request(Low);
    let newest = queued.request(Low);
    queued.request(Normal);
    queued.patient();

    assert_eq!(queued.least(false), Some(newest));
}

#[test]
fn whoever_is_above_its_guarantee_matters_less_than_any_priority_below() {
    let mut queued = Queued::new();
    let [above, below] = two_partitions();
    let critical = queued.request_of(above, Critical);
    queued.request_of(below, Sheddable);

    let least = queued.line.least(&queued.slots, |id| id == below, false);

    assert_eq!(least, Some(critical));
}

#[test]
fn a_ghost_may_have_the_place_of_a_ghost_only() {
    let mut queued = Queued::new();
    let ghost = queued.ghost(Normal);
    queued.request(High);
    assert_eq!(queued.least(true), Some(ghost));

    queued.request(Normal);

    assert_eq!(queued.least(true), None, "the newest is real");
}

#[test]
fn patient_callers_have_no_place_to_lose() {
    let mut queued = Queued::new();
    queued.patient();

    assert_eq!(queued.least(false), None);
}

#[test]
fn ahead_of_a_newcomer_are_its_equals_and_higher_ones() {
    let mut queued = Queued::new();
    for priority in [Low, Normal, Normal, High] {
        queued.request(priority);
    }
    queued.patient();

    let ahead = Priority::ALL.map(|priority| queued.ahead(priority));

    assert_eq!(ahead, [5, 5, 4, 1, 0]);
}

#[test]
fn ahead_of_a_newcomer_to_an_overloaded_lane_are_only_higher_ones() {
    let mut queued = Queued::new();
    queued.request(Normal);
    queued.request(High);
    queued.request(Normal);
    queued.overload();

    assert_eq!(queued.ahead(Normal), 1);
}

#[test]
fn ghosts_count_as_places_and_not_as_waiting() {
    let mut queued = Queued::new();
    queued.ghost(Normal);
    queued.request(Normal);
    queued.patient();

    let line = &queued.line;
    assert_eq!((line.len(), line.requests(), line.waiting()), (3, 2, 2));
}

#[test]
fn everybody_is_in_the_list_of_all() {
    let mut queued = Queued::new();
    let [a, b] = two_partitions();
    let mut queue = vec![queued.patient(), queued.request(Low)];
    queue.extend([a, b, a].map(|id| queued.request_of(id, Critical)));

    let mut all = queued.line.all(&queued.slots);

    all.sort_unstable();
    assert_eq!(all, queue);
}

#[test]
fn a_partition_is_free_when_its_last_request_is_gone() {
    let mut queued = Queued::new();
    let [a, b] = two_partitions();
    let request = queued.request_of(a, Low);
    assert_eq!((queued.line.queued(a), queued.line.queued(b)), (1, 0));

    queued.line.remove(&mut queued.slots, request);

    assert_eq!(queued.line.queued(a), 0);
}
