use std::cmp::{Ordering, Reverse};
use std::collections::{BinaryHeap, VecDeque};

use super::limiter::Ticket;

/// What will happen, in the order of time; of two at the same time, the one noted first.
#[derive(Clone, Debug, Default)]
pub(super) struct Agenda {
    heap: BinaryHeap<Reverse<Entry>>,
    /// Deadlines, which mostly come in the order in which they are noted: a queue is faster.
    deadlines: VecDeque<(u64, Ticket)>,
    noted: u64,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum What {
    /// An event of the run, by its key.
    Event(usize),
    /// The next step of everything that changes in a straight line.
    Ramps,
    /// The plant pauses, if this is still the `n`-th plan for it.
    Pause(u32),
    /// A request of an attempt reaches the plant.
    Request(usize),
    /// The plant answers an attempt that it did not work on.
    Answer(usize),
    /// The plant's limiter rejects an attempt.
    Rejection(usize),
    /// A response reaches its client.
    Response(usize),
    /// A client gives up, if the attempt is still the same.
    Deadline(Ticket),
    /// A request is tried again.
    Retry(usize),
    /// A client of the closed loop has thought enough.
    Client(u32),
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    at: u64,
    noted: u64,
    what: What,
}

impl Agenda {
    pub(super) fn note(&mut self, at: u64, what: What) {
        self.noted += 1;
        self.heap.push(Reverse(Entry {
            at,
            noted: self.noted,
            what,
        }));
    }

    pub(super) fn note_deadline(&mut self, at: u64, ticket: Ticket) {
        match self.deadlines.back() {
            Some((last, _)) if *last > at => self.note(at, What::Deadline(ticket)),
            _ => self.deadlines.push_back((at, ticket)),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.heap.len() + self.deadlines.len()
    }

    /// Forgets deadlines of attempts that have ended, if they are most of all.
    pub(super) fn tidy(&mut self, attempts: usize, is_there: impl Fn(Ticket) -> bool) {
        if self.deadlines.len() > 4 * attempts + 4096 {
            self.deadlines.retain(|(_, ticket)| is_there(*ticket));
        }
    }

    /// Returns when the next thing happens.
    pub(super) fn next_at(&self) -> u64 {
        let heap = self.heap.peek().map_or(u64::MAX, |Reverse(entry)| entry.at);
        let deadline = self.deadlines.front().map_or(u64::MAX, |(at, _)| *at);
        heap.min(deadline)
    }

    /// Takes the next thing out: a deadline goes before others at its time.
    pub(super) fn pop(&mut self) -> Option<What> {
        let heap = self.heap.peek().map(|Reverse(entry)| entry.at);
        match (heap, self.deadlines.front()) {
            (Some(at), Some((deadline, _))) if at < *deadline => {}
            (_, Some((_, ticket))) => {
                let what = What::Deadline(*ticket);
                self.deadlines.pop_front();
                return Some(what);
            }
            _ => {}
        }
        self.heap.pop().map(|Reverse(entry)| entry.what)
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.noted).cmp(&(other.at, other.noted))
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Entry {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_comes_in_the_order_of_time() {
        let mut agenda = Agenda::default();
        let ticket = |key| Ticket { key, serial: 0 };
        agenda.note(5, What::Request(5));
        agenda.note_deadline(4, ticket(4));
        agenda.note_deadline(6, ticket(6));
        agenda.note_deadline(3, ticket(3));
        agenda.note(6, What::Request(7));
        let mut order = Vec::new();
        while agenda.next_at() < u64::MAX {
            order.push(match agenda.pop().unwrap() {
                What::Request(key) => key,
                What::Deadline(ticket) => ticket.key,
                other => panic!("{other:?}"),
            });
        }
        assert_eq!(order, [3, 4, 5, 6, 7]);
    }
}
