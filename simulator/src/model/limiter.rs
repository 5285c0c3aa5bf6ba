use std::collections::VecDeque;
use std::time::Duration;

use tower_adaptive::{Algorithm, Bounds, Outcome, Report, Sample};

use super::AtLimit;
use super::attempt::MOST;
use super::gauge::Gauge;

/// The limiter of virtual time: the algorithm is the crate's, its gate is a count.
#[derive(Clone, Debug)]
pub(super) struct Limiter<A> {
    algorithm: A,
    limit: Gauge,
    in_flight: Gauge,
    line: VecDeque<Ticket>,
    /// Of those in `line`, how many are still there.
    waiting: Gauge,
    created: u64,
    finished: u64,
    rejected: u64,
}

/// An attempt, and which one of those that have had its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ticket {
    pub(super) key: usize,
    pub(super) serial: u64,
}

/// What became of an attempt that came to a limiter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Admitted(Entry),
    Waits,
    Rejected,
}

/// What a sample says of the moment of admission.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) at: u64,
    pub(super) in_flight: u32,
    pub(super) limit: u32,
}

impl<A: Algorithm> Limiter<A> {
    pub(super) fn new(algorithm: A, now: u64) -> Self {
        let mut limiter = Self {
            algorithm,
            limit: Gauge::new(now),
            in_flight: Gauge::new(now),
            line: VecDeque::new(),
            waiting: Gauge::new(now),
            created: now,
            finished: 0,
            rejected: 0,
        };
        limiter.read_limit(now);
        limiter
    }

    pub(super) fn limit(&self) -> u64 {
        self.limit.get()
    }

    pub(super) fn in_flight(&self) -> u64 {
        self.in_flight.get()
    }

    pub(super) fn waiting(&self) -> u64 {
        self.waiting.get()
    }

    /// Returns what the algorithm believes, with the times of the run.
    pub(super) fn report(&self) -> Report {
        let mut report = self.algorithm.report();
        if let Some(verdict) = &mut report.verdict {
            let created = Duration::from_nanos(self.created);
            verdict.at = verdict.at.saturating_add(created);
        }
        report
    }

    /// Returns the means of limit, in flight and waiting since they were last taken.
    pub(super) fn take_means(&mut self, now: u64) -> [f64; 3] {
        [
            self.limit.take_mean(now),
            self.in_flight.take_mean(now),
            self.waiting.take_mean(now),
        ]
    }

    /// Changes the algorithm as the crate's limiter does: the new one takes over the limit.
    pub(super) fn set_algorithm(&mut self, mut algorithm: A, now: u64) {
        let bounds = algorithm.report().bounds.unwrap_or(Bounds::ALL);
        algorithm.rebase(bounds.clamp(self.limit.get() as usize), bounds);
        self.algorithm = algorithm;
        self.read_limit(now);
    }

    /// Takes another algorithm with the limit it has.
    pub(super) fn replace_algorithm(&mut self, algorithm: A, now: u64) {
        self.algorithm = algorithm;
        self.read_limit(now);
    }

    pub(super) fn enter(&mut self, ticket: Ticket, at_limit: AtLimit, now: u64) -> Verdict {
        if self.has_room() {
            return Verdict::Admitted(self.admit(now));
        }
        let has_room = match at_limit {
            AtLimit::Reject => false,
            AtLimit::Wait { room } => {
                let room = room.get().map_or(MOST as u64, u64::from);
                self.waiting.get() < room
            }
        };
        if has_room {
            self.waiting.add(now, 1);
            self.line.push_back(ticket);
            Verdict::Waits
        } else {
            self.rejected += 1;
            Verdict::Rejected
        }
    }

    /// One that waited has gone away. Its place is cleared when its turn comes.
    pub(super) fn give_up(&mut self, now: u64) {
        self.waiting.add(now, -1);
    }

    /// Takes the next of the line out if there is room, or if it is no longer `there`.
    pub(super) fn next(
        &mut self,
        now: u64,
        there: impl Fn(Ticket) -> bool,
    ) -> Option<(Ticket, Entry)> {
        while let Some(ticket) = self.line.front().copied() {
            if !there(ticket) {
                self.line.pop_front();
            } else if self.has_room() {
                self.line.pop_front();
                self.waiting.add(now, -1);
                return Some((ticket, self.admit(now)));
            } else {
                return None;
            }
        }
        None
    }

    /// Gives a permit back; an `outcome` teaches.
    pub(super) fn finish(&mut self, entry: Entry, outcome: Option<Outcome>, now: u64) {
        self.in_flight.add(now, -1);
        self.finished += 1;
        let Some(outcome) = outcome else { return };
        let rtt = Duration::from_nanos(now - entry.at);
        let sample = Sample::new(rtt, entry.in_flight as usize, outcome)
            .at(Duration::from_nanos(now - self.created))
            .limit(entry.limit as usize)
            .waiting(self.waiting.get() as usize)
            .finished(self.finished)
            .rejected(self.rejected)
            .started(self.finished + self.in_flight.get());
        self.algorithm.update(&sample);
        self.read_limit(now);
    }

    /// Ends the limiter and returns who waited for it.
    pub(super) fn into_line(self) -> VecDeque<Ticket> {
        self.line
    }

    fn has_room(&self) -> bool {
        self.in_flight.get() < self.limit.get()
    }

    fn admit(&mut self, now: u64) -> Entry {
        self.in_flight.add(now, 1);
        Entry {
            at: now,
            in_flight: self.in_flight.get() as u32,
            limit: self.limit.get() as u32,
        }
    }

    fn read_limit(&mut self, now: u64) {
        let limit = Bounds::ALL.clamp(self.algorithm.max_concurrency()) as u64;
        if limit != self.limit.get() {
            self.limit.set(now, limit);
        }
    }
}
