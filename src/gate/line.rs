use std::time::Duration;

use tokio::time::Instant;

use super::lanes::{Lane, Lanes};
use super::shares::PartitionId;
use super::slots::{Index, Kind, List, Slot, Slots};
use crate::admission::{Priority, Queue};

/// Who is next.
///
/// There are those who wait as long as they must (callers of `poll_ready` and of `acquire`), first
/// come first served; and there are requests, in a *lane* for each partition and priority. Next is
///
/// 1. whoever belongs to a partition below its guarantee, before all others;
/// 2. the highest priority (a caller without one is `Normal`);
/// 3. the partition that is furthest below its guarantee, or least above it;
/// 4. whoever came first; but in a lane that does not drain, the newest of it.
///
/// Under overload somebody has to go unserved. First come first served serves everybody late, whose
/// clients have given up; newest first serves some in time. That, and giving the old ones up early,
/// is what Facebook calls adaptive LIFO with controlled delay (B. Maurer, "Fail at Scale", ACM Queue
/// 13(8), 2015).
#[derive(Debug)]
pub(super) struct Line {
    patient: List,
    partitions: Vec<Lanes>,
    /// Requests in all lanes, ghosts among them.
    requests: usize,
    ghosts: usize,
    pub(super) queue: Queue,
    /// The queue's, or what it takes for a few permits to come back, if that is longer.
    target: Duration,
}

impl Line {
    pub(super) fn new() -> Self {
        Self {
            patient: List::new(),
            partitions: Vec::new(),
            requests: 0,
            ghosts: 0,
            queue: Queue::none(),
            target: Duration::ZERO,
        }
    }

    fn make_room_for(&mut self, partitions: usize) {
        while self.partitions.len() < partitions {
            self.partitions.push(Lanes::new());
        }
    }

    /// How many wait, ghosts among them.
    pub(super) fn len(&self) -> usize {
        self.patient.len() + self.requests
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many wait in truth.
    pub(super) fn waiting(&self) -> usize {
        self.len() - self.ghosts
    }

    pub(super) fn requests(&self) -> usize {
        self.requests
    }

    /// How many requests of a partition wait.
    pub(super) fn queued(&self, id: PartitionId) -> usize {
        self.partitions.get(id.index()).map_or(0, |lanes| lanes.len)
    }

    /// Notes what it takes for a permit to come back.
    pub(super) fn set_pace(&mut self, rtt: Option<Duration>, limit: usize) {
        self.target = self.queue.target_at(rtt, limit);
    }

    /// Notes how long the oldest of each lane has waited. Called before anybody comes or goes.
    pub(super) fn observe(&mut self, slots: &Slots, now: Instant) {
        for lanes in &mut self.partitions {
            // Most have been empty for long.
            if lanes.len == 0 && lanes.at_rest {
                continue;
            }
            lanes.at_rest = true;
            for lane in &mut lanes.by_priority {
                if lane.list.len() == 0 && lane.drain.is_at_rest() {
                    continue;
                }
                let oldest = lane.list.front().map(|index| slots.at(index).kind);
                let wait = match oldest {
                    Some(Kind::Request(request)) => now.saturating_duration_since(request.arrived),
                    _ => Duration::ZERO,
                };
                lane.drain
                    .observe(wait, now, self.target, self.queue.interval);
                lanes.at_rest &= lane.drain.is_at_rest();
            }
        }
    }

    pub(super) fn push_back(&mut self, slots: &mut Slots, index: Index) {
        self.count(slots.at(index), true);
        self.list_of(slots.at(index)).push_back(slots, index);
    }

    /// Puts somebody where it is served before all others of its kind.
    pub(super) fn push_next(&mut self, slots: &mut Slots, index: Index) {
        self.count(slots.at(index), true);
        let newest_first = match slots.at(index).kind {
            Kind::Patient => false,
            Kind::Request(_) => self.lane_of(slots.at(index)).drain.is_standing(),
        };
        let list = self.list_of(slots.at(index));
        if newest_first {
            list.push_back(slots, index);
        } else {
            list.push_front(slots, index);
        }
    }

    pub(super) fn remove(&mut self, slots: &mut Slots, index: Index) {
        self.count(slots.at(index), false);
        self.list_of(slots.at(index)).remove(slots, index);
    }

    /// Takes out somebody who is served, or was not in time.
    pub(super) fn leave(&mut self, slots: &mut Slots, index: Index, too_late: bool) {
        if let Kind::Request(_) = slots.at(index).kind {
            self.lane_of(slots.at(index)).drain.leave(too_late);
        }
        self.remove(slots, index);
    }

    /// Returns who is next. `deficit` says by how much a partition is below its guarantee.
    pub(super) fn next(
        &self,
        slots: &Slots,
        deficit: impl Fn(PartitionId) -> i64,
    ) -> Option<Index> {
        let requests = self.waiting_lanes().filter_map(Lanes::next);
        let candidates = self.patient.front().into_iter().chain(requests);
        candidates.reduce(
            |one, other| match slots.at(one).goes_before(slots.at(other), &deficit) {
                true => one,
                false => other,
            },
        )
    }

    /// Returns a request that has waited too long: longer than it may, or, in a lane that does not
    /// drain, more than twice the target. Not whoever is `next`, though, before its time: it is in
    /// nobody's way.
    pub(super) fn overdue(
        &self,
        slots: &Slots,
        next: impl Fn() -> Option<Index>,
        now: Instant,
    ) -> Option<Index> {
        if self.requests == 0 {
            return None;
        }
        let early = 2 * self.target;
        let mut lanes = self.waiting_lanes().flat_map(|lanes| &lanes.by_priority);
        lanes.find_map(|lane| {
            let oldest = lane.list.front()?;
            let Kind::Request(request) = slots.at(oldest).kind else {
                return None;
            };
            let waited = now.saturating_duration_since(request.arrived);
            let in_the_way = lane.drain.is_standing() && waited > early;
            let overdue = request.until <= now || (in_the_way && next() != Some(oldest));
            overdue.then_some(oldest)
        })
    }

    /// Returns the request that matters least: of a partition that has more places than it is
    /// guaranteed, of the lowest class, the newest. A ghost may only have the place of a ghost.
    pub(super) fn least(
        &self,
        slots: &Slots,
        within: impl Fn(PartitionId) -> bool,
        ghost: bool,
    ) -> Option<Index> {
        let newest = self.waiting_lanes().flat_map(|lanes| {
            // Only the lowest class of a partition can be the least of all.
            let mut lanes = lanes.by_priority.iter();
            let lane = lanes.find(|lane| lane.list.len() > 0)?;
            lane.list.back()
        });
        newest
            .filter(|&index| !ghost || slots.at(index).is_ghost())
            .min_by_key(|&index| {
                let slot = slots.at(index);
                let newer = u64::MAX - slot.number;
                (within(slot.partition), slot.priority(), newer)
            })
    }

    /// Returns how many go before a newcomer.
    pub(super) fn ahead(&self, priority: Priority, partition: PartitionId) -> usize {
        let patient = match priority <= Priority::Normal && partition == PartitionId::REST {
            true => self.patient.len(),
            false => 0,
        };
        let Some(Lanes { by_priority, .. }) = self.partitions.get(partition.index()) else {
            return patient;
        };
        let class = priority as usize;
        let higher: usize = by_priority[class + 1..]
            .iter()
            .map(|lane| lane.list.len())
            .sum();
        let same = &by_priority[class];
        if same.drain.is_standing() {
            patient + higher
        } else {
            patient + higher + same.list.len()
        }
    }

    /// Everybody, roughly in the order in which they are served.
    pub(super) fn all(&self, slots: &Slots) -> Vec<Index> {
        let lanes = self
            .waiting_lanes()
            .flat_map(|lanes| lanes.by_priority.iter().rev());
        self.patient
            .iter(slots)
            .chain(lanes.flat_map(|lane| lane.list.iter(slots)))
            .collect()
    }

    fn count(&mut self, slot: &Slot, more: bool) {
        let Kind::Request(request) = slot.kind else {
            return;
        };
        self.make_room_for(slot.partition.index() + 1);
        let lanes = &mut self.partitions[slot.partition.index()];
        let ghost = usize::from(request.ghost);
        if more {
            lanes.len += 1;
            self.requests += 1;
            self.ghosts += ghost;
        } else {
            lanes.len = lanes.len.saturating_sub(1);
            self.requests = self.requests.saturating_sub(1);
            self.ghosts = self.ghosts.saturating_sub(ghost);
        }
    }

    /// The lanes of partitions of which somebody waits.
    fn waiting_lanes(&self) -> impl Iterator<Item = &Lanes> {
        self.partitions.iter().filter(|lanes| lanes.len > 0)
    }

    fn list_of(&mut self, slot: &Slot) -> &mut List {
        match slot.kind {
            Kind::Patient => &mut self.patient,
            Kind::Request(_) => &mut self.lane_of(slot).list,
        }
    }

    fn lane_of(&mut self, slot: &Slot) -> &mut Lane {
        &mut self.partitions[slot.partition.index()].by_priority[slot.priority() as usize]
    }
}
