use std::time::Duration;

use tokio::time::Instant;

use super::drain::Drain;
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
    /// By partition and priority.
    lanes: Vec<[Lane; 5]>,
    /// Requests in all lanes, ghosts among them.
    requests: usize,
    ghosts: usize,
    pub(super) queue: Queue,
}

#[derive(Debug)]
struct Lane {
    list: List,
    drain: Drain,
}

impl Line {
    pub(super) fn new() -> Self {
        Self {
            patient: List::new(),
            lanes: Vec::new(),
            requests: 0,
            ghosts: 0,
            queue: Queue::none(),
        }
    }

    pub(super) fn make_room_for(&mut self, partitions: usize) {
        while self.lanes.len() < partitions {
            self.lanes.push([const { Lane::new() }; 5]);
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
        let lanes = self.lanes.get(id.index());
        lanes.map_or(0, |lanes| lanes.iter().map(|lane| lane.list.len()).sum())
    }

    /// Notes how long the oldest of each lane has waited. Called before anybody comes or goes.
    pub(super) fn observe(&mut self, slots: &Slots, now: Instant) {
        for lane in self.lanes.iter_mut().flatten() {
            if lane.list.len() == 0 && lane.drain.is_at_rest() {
                continue;
            }
            let oldest = lane.list.front().map(|index| slots.at(index).kind);
            let wait = match oldest {
                Some(Kind::Request(request)) => now.saturating_duration_since(request.arrived),
                _ => Duration::ZERO,
            };
            lane.drain.observe(wait, now, &self.queue);
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
        let mut best = self.patient.front();
        for lanes in &self.lanes {
            // Only the highest class of a partition can be the best of all.
            let Some(lane) = lanes.iter().rev().find(|lane| lane.list.len() > 0) else {
                continue;
            };
            let candidate = if lane.drain.is_standing() {
                lane.list.back()
            } else {
                lane.list.front()
            };
            best = match (best, candidate) {
                (Some(one), Some(other)) => {
                    let (left, right) = (slots.at(one), slots.at(other));
                    Some(if left.goes_before(right, &deficit) {
                        one
                    } else {
                        other
                    })
                }
                (one, other) => one.or(other),
            };
        }
        best
    }

    /// Returns a request that has waited too long: longer than it may, or, in a lane that does not
    /// drain, more than twice the target.
    pub(super) fn overdue(&self, slots: &Slots, now: Instant) -> Option<Index> {
        if self.requests == 0 {
            return None;
        }
        let early = 2 * self.queue.target;
        self.lanes.iter().flatten().find_map(|lane| {
            let oldest = lane.list.front()?;
            let Kind::Request(request) = slots.at(oldest).kind else {
                return None;
            };
            let waited = now.saturating_duration_since(request.arrived);
            let overdue = request.until <= now || (lane.drain.is_standing() && waited > early);
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
        let newest = self.lanes.iter().flat_map(|lanes| {
            // Only the lowest class of a partition can be the least of all.
            let lane = lanes.iter().find(|lane| lane.list.len() > 0)?;
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
        let Some(lanes) = self.lanes.get(partition.index()) else {
            return patient;
        };
        let class = priority as usize;
        let higher: usize = lanes[class + 1..].iter().map(|lane| lane.list.len()).sum();
        let same = &lanes[class];
        if same.drain.is_standing() {
            patient + higher
        } else {
            patient + higher + same.list.len()
        }
    }

    /// Everybody, roughly in the order in which they are served.
    pub(super) fn all(&self, slots: &Slots) -> Vec<Index> {
        let lanes = self.lanes.iter().flat_map(|lanes| lanes.iter().rev());
        self.patient
            .iter(slots)
            .chain(lanes.flat_map(|lane| lane.list.iter(slots)))
            .collect()
    }

    fn count(&mut self, slot: &Slot, more: bool) {
        let Kind::Request(request) = slot.kind else {
            return;
        };
        let ghost = usize::from(request.ghost);
        if more {
            self.requests += 1;
            self.ghosts += ghost;
        } else {
            self.requests -= 1;
            self.ghosts -= ghost;
        }
    }

    fn list_of(&mut self, slot: &Slot) -> &mut List {
        match slot.kind {
            Kind::Patient => &mut self.patient,
            Kind::Request(_) => &mut self.lane_of(slot).list,
        }
    }

    fn lane_of(&mut self, slot: &Slot) -> &mut Lane {
        self.make_room_for(slot.partition.index() + 1);
        &mut self.lanes[slot.partition.index()][slot.priority() as usize]
    }
}

impl Lane {
    const fn new() -> Self {
        Self {
            list: List::new(),
            drain: Drain::new(),
        }
    }
}

impl Slot {
    pub(super) fn priority(&self) -> Priority {
        match self.kind {
            Kind::Patient => Priority::Normal,
            Kind::Request(request) => request.priority,
        }
    }

    pub(super) fn is_ghost(&self) -> bool {
        matches!(self.kind, Kind::Request(request) if request.ghost)
    }

    fn goes_before(&self, other: &Self, deficit: &impl Fn(PartitionId) -> i64) -> bool {
        let (ours, theirs) = (deficit(self.partition), deficit(other.partition));
        let below = (ours > 0).cmp(&(theirs > 0));
        below
            .then(self.priority().cmp(&other.priority()))
            .then(ours.cmp(&theirs))
            .then(other.number.cmp(&self.number))
            .is_gt()
    }
}
