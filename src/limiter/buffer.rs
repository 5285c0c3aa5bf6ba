use std::time::Duration;

use super::learner::Observed;
use super::state::nanos;
use crate::Outcome;
use crate::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Samples that nobody had time to learn from: a bounded ring with many producers and, since
/// popping needs the learner's exclusion, one consumer at a time.
///
/// Dmitry Vyukov's bounded queue: a slot's `turn` says whose it is. At `n` it is free for the
/// producer whose ticket is `n`, at `n + 1` it holds that producer's sample.
#[derive(Debug)]
pub(super) struct Buffer {
    slots: Box<[Slot]>,
    /// The next producer's ticket.
    tail: AtomicUsize,
    /// The next ticket to pop. Written under the learner's exclusion only.
    head: AtomicUsize,
}

#[derive(Debug)]
struct Slot {
    turn: AtomicUsize,
    rtt_ns: AtomicU64,
    at_ns: AtomicU64,
    rest: AtomicU64,
}

impl Buffer {
    /// Enough for what other threads finish while the one that learns is off its core for a
    /// scheduler's tick, and 2 KiB.
    #[cfg(not(tower_adaptive_loom))]
    pub(super) const CAPACITY: usize = 64;
    #[cfg(tower_adaptive_loom)]
    pub(super) const CAPACITY: usize = 2;

    pub(super) fn new() -> Self {
        Self {
            slots: (0..Self::CAPACITY).map(Slot::new).collect(),
            tail: AtomicUsize::new(0),
            head: AtomicUsize::new(0),
        }
    }

    /// Whether there is a sample to pop. One that is just being pushed does not count: whoever
    /// pushes it is going to ask, too.
    pub(super) fn is_ready(&self) -> bool {
        // Relaxed: what must be seen here was ordered before by the gate's word; see `Learner`.
        let ticket = self.head.load(Ordering::Relaxed);
        self.slots[ticket % Self::CAPACITY]
            .turn
            .load(Ordering::Relaxed)
            == ticket.wrapping_add(1)
    }

    /// Leaves a sample. `false` if the buffer is full; also if its last place is not free yet
    /// because the producer of the round before is still at it. Nobody waits for that.
    pub(super) fn push(&self, observed: &Observed) -> bool {
        // Relaxed: the ticket alone publishes nothing, `turn` does.
        let mut ticket = self.tail.load(Ordering::Relaxed);
        loop {
            let slot = &self.slots[ticket % Self::CAPACITY];
            // Acquire: pairs with the Release in `pop`; the sample read there is read before the
            // slot is written again.
            let turn = slot.turn.load(Ordering::Acquire);
            if turn == ticket {
                // Relaxed: as above.
                match self.tail.compare_exchange_weak(
                    ticket,
                    ticket.wrapping_add(1),
                    Ordering::Relaxed,
                    Ordering::Relaxed,
                ) {
                    Ok(_) => {
                        slot.write(observed);
                        // Release: pairs with the Acquire in `pop`.
                        slot.turn.store(ticket.wrapping_add(1), Ordering::Release);
                        return true;
                    }
                    Err(actual) => ticket = actual,
                }
            } else if (turn.wrapping_sub(ticket) as isize) < 0 {
                return false;
            } else {
                // Relaxed: as above; another producer took the ticket.
                ticket = self.tail.load(Ordering::Relaxed);
            }
        }
    }

    /// Takes the oldest sample. Only under the learner's exclusion.
    pub(super) fn pop(&self) -> Option<Observed> {
        // Relaxed: only written under the exclusion, which the caller has.
        let ticket = self.head.load(Ordering::Relaxed);
        let slot = &self.slots[ticket % Self::CAPACITY];
        // Acquire: pairs with the Release in `push`.
        if slot.turn.load(Ordering::Acquire) != ticket.wrapping_add(1) {
            return None;
        }
        let observed = slot.read();
        // Release: pairs with the Acquire in `push`.
        slot.turn
            .store(ticket.wrapping_add(Self::CAPACITY), Ordering::Release);
        // Relaxed: as above.
        self.head.store(ticket.wrapping_add(1), Ordering::Relaxed);
        Some(observed)
    }
}

impl Slot {
    fn new(turn: usize) -> Self {
        Self {
            turn: AtomicUsize::new(turn),
            rtt_ns: AtomicU64::new(0),
            at_ns: AtomicU64::new(0),
            rest: AtomicU64::new(0),
        }
    }

    // Relaxed throughout: `turn` publishes.
    fn write(&self, observed: &Observed) {
        self.rtt_ns.store(nanos(observed.rtt), Ordering::Relaxed);
        self.at_ns.store(nanos(observed.at), Ordering::Relaxed);
        let outcome = match observed.outcome {
            None => 0,
            Some(Outcome::Success) => 1,
            Some(Outcome::Overload) => 2,
            Some(Outcome::Canceled) => 3,
        };
        let rest = outcome << 62 | u64::from(observed.in_flight) << 31 | u64::from(observed.limit);
        self.rest.store(rest, Ordering::Relaxed);
    }

    fn read(&self) -> Observed {
        let rest = self.rest.load(Ordering::Relaxed);
        let field = (1 << 31) - 1;
        Observed {
            rtt: Duration::from_nanos(self.rtt_ns.load(Ordering::Relaxed)),
            at: Duration::from_nanos(self.at_ns.load(Ordering::Relaxed)),
            in_flight: (rest >> 31 & field) as u32,
            limit: (rest & field) as u32,
            outcome: match rest >> 62 {
                0 => None,
                1 => Some(Outcome::Success),
                2 => Some(Outcome::Overload),
                _ => Some(Outcome::Canceled),
            },
        }
    }
}

#[cfg(all(test, not(tower_adaptive_loom)))]
mod tests {
    use super::*;

    fn observed(n: u32, outcome: Option<Outcome>) -> Observed {
        Observed {
            rtt: Duration::from_nanos(u64::from(n)),
            at: Duration::from_secs(u64::from(n)),
            in_flight: n,
            limit: u32::MAX >> 1,
            outcome,
        }
    }

    #[test]
    fn samples_come_out_as_and_in_the_order_they_went_in() {
        let buffer = Buffer::new();
        let outcomes = [
            None,
            Some(Outcome::Success),
            Some(Outcome::Overload),
            Some(Outcome::Canceled),
        ];
        for round in 0..100 {
            for (n, outcome) in (round..).zip(outcomes) {
                assert!(buffer.push(&observed(n, outcome)));
            }
            for (n, outcome) in (round..).zip(outcomes) {
                assert_eq!(buffer.pop(), Some(observed(n, outcome)));
            }
            assert!(!buffer.is_ready());
            assert_eq!(buffer.pop(), None);
        }
    }

    #[test]
    fn a_full_buffer_refuses_until_one_is_taken() {
        let buffer = Buffer::new();
        for n in 0..Buffer::CAPACITY as u32 {
            assert!(buffer.push(&observed(n, None)));
        }

        assert!(!buffer.push(&observed(1000, None)));
        assert_eq!(buffer.pop(), Some(observed(0, None)));
        assert!(buffer.push(&observed(1000, None)));
        assert!(!buffer.push(&observed(1001, None)));
    }
}
