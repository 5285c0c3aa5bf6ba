use std::time::Duration;

use super::buffer::Buffer;
use super::refusals::Refusals;
use super::state::State;
use crate::gate::Gate;
use crate::sync::TryLock;
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::{Algorithm, Outcome, Sample};

/// Where a sample becomes a limit: the algorithm, and the rule by which threads share it.
///
/// A finisher never waits for another. It *tries* the exclusion; if it misses, it leaves its
/// sample in the buffer. So that no sample is stranded there, everybody who held the exclusion
/// looks into the buffer afterwards, and so does everybody who left a sample. Between leaving and
/// looking each of them changes the gate's word (by giving back its permit, or by a fence), and
/// those changes stand in one order:
///
/// ```text
/// left a sample                       | held the exclusion
/// ------------------------------------+------------------------------------
/// push                                | give the exclusion back
/// change the word               (1)   | change the word               (2)
/// a sample there: try the exclusion   | a sample there: try the exclusion
/// ```
///
/// If (1) comes first, the right side sees the sample. If (2) comes first, the left side sees what
/// the right side popped and that the exclusion is free, or held by a third, who is then on the
/// right side, later. Either way somebody takes the sample, and the exclusion makes sure that only
/// one does. The right side must change the word after *every* exclusion, also one in which it
/// found nothing to pop: a sample may have become ready since. There is one limit to this: a finisher
/// takes in a buffer's worth at most, and what came in meanwhile waits for the next one.
#[derive(Debug)]
pub(crate) struct Learner {
    state: TryLock<State>,
    buffer: Buffer,
    /// Samples for which there was no room in the buffer.
    dropped: AtomicU64,
    /// A copy of the average RTT of successes, for those who only look; 0 before the first.
    mean_rtt_ns: AtomicU64,
    /// Requests that have given back their permit and owe a sample, less those that have given their
    /// sample and hold a permit; in two's complement.
    parted: AtomicU64,
    pub(super) rejected: Refusals,
    /// Requests that an observing layer let in, and that would have been turned away.
    pub(super) spared: Refusals,
    abandoned: AtomicU64,
}

/// One finished request, as the limiter saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Observed {
    pub(crate) rtt: Duration,
    pub(crate) at: Duration,
    pub(crate) in_flight: u32,
    pub(crate) limit: u32,
    /// `None` teaches nothing, and is counted.
    pub(crate) outcome: Option<Outcome>,
}

impl Learner {
    /// Takes an algorithm whose limit is `limit`.
    pub(super) fn new(algorithm: Box<dyn Algorithm>, limit: usize) -> Self {
        Self {
            state: TryLock::new(State::new(algorithm, limit)),
            buffer: Buffer::new(),
            dropped: AtomicU64::new(0),
            mean_rtt_ns: AtomicU64::new(0),
            parted: AtomicU64::new(0),
            rejected: Refusals::new(),
            spared: Refusals::new(),
            abandoned: AtomicU64::new(0),
        }
    }

    /// Learns, or leaves it to others. The caller must then give back a permit, which hands on
    /// what a higher limit makes room for, and call [`settle`](Self::settle).
    #[inline]
    pub(super) fn learn(&self, observed: &Observed, gate: &Gate) {
        if let Some(mut state) = self.state.try_lock() {
            // The permit that is given back next hands on the room.
            let _ = self.take_in(&mut state, observed, 1, gate);
        } else if !self.buffer.push(observed) {
            // Relaxed: a count for people.
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// As [`learn`](Self::learn) and all that follows, for a sample whose permit is given back at
    /// another time. Returns whether the caller must hand on room.
    pub(super) fn learn_alone(&self, observed: &Observed, gate: &Gate) -> bool {
        // Relaxed, as in `release_alone`: a part of `Sample::started`, which may be a little off.
        self.parted.fetch_sub(1, Ordering::Relaxed);
        let mut hand_over = false;
        if let Some(mut state) = self.state.try_lock() {
            hand_over = self.take_in(&mut state, observed, 0, gate);
        } else if !self.buffer.push(observed) {
            // Relaxed: a count for people.
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        gate.fence();
        self.settle(gate) | hand_over
    }

    /// Counts a permit that is given back while its sample is, or was, learned at another time.
    pub(super) fn release_alone(&self) {
        self.parted.fetch_add(1, Ordering::Relaxed);
    }

    /// Learns from what others left. Returns whether the caller must hand on room.
    #[inline]
    pub(super) fn settle(&self, gate: &Gate) -> bool {
        self.buffer.is_ready() && self.settle_leftovers(gate)
    }

    #[cold]
    fn settle_leftovers(&self, gate: &Gate) -> bool {
        let mut hand_over = false;
        // Bounded, so that one request does not learn for all others: leftovers wait for the
        // next one that finishes.
        let mut budget = Buffer::CAPACITY;
        while budget > 0 && self.buffer.is_ready() {
            let Some(mut state) = self.state.try_lock() else {
                break;
            };
            while let Some(observed) = (budget > 0).then(|| self.buffer.pop()).flatten() {
                hand_over |= self.take_in(&mut state, &observed, 0, gate);
                budget -= 1;
            }
            drop(state);
            gate.fence();
        }
        hand_over
    }

    /// Runs `f` under the exclusion, which it waits for, with all samples taken in before; then
    /// enforces the limit of the state. Returns the result and whether to hand on room.
    pub(super) fn with<R>(&self, gate: &Gate, f: impl FnOnce(&mut State) -> R) -> (R, bool) {
        let mut state = self.state.lock();
        let mut hand_over = self.drain(&mut state, gate);
        let before = state.limit();
        let result = f(&mut state);
        if state.limit() != before {
            state.moved_from(before);
            hand_over |= gate.store_limit(state.limit());
        }
        drop(state);
        gate.fence();
        hand_over |= self.settle(gate);
        (result, hand_over)
    }

    // Relaxed, here and below: readings for people and samples; nothing depends on their order.
    pub(super) fn count_abandoned(&self) {
        self.abandoned.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn abandoned(&self) -> u64 {
        self.abandoned.load(Ordering::Relaxed)
    }

    pub(super) fn mean_rtt(&self) -> Option<Duration> {
        let nanos = self.mean_rtt_ns.load(Ordering::Relaxed);
        (nanos > 0).then(|| Duration::from_nanos(nanos))
    }

    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    fn drain(&self, state: &mut State, gate: &Gate) -> bool {
        let mut hand_over = false;
        for _ in 0..Buffer::CAPACITY {
            match self.buffer.pop() {
                Some(observed) => hand_over |= self.take_in(state, &observed, 0, gate),
                None => break,
            }
        }
        hand_over
    }

    /// Learns under the exclusion; publishes the limit under it, too, so that limits are
    /// published in the order in which they were learned. `permits` are those that the request itself
    /// still has.
    // Always: it is the hot part of `learn`, and its other callers are rare.
    #[inline(always)]
    fn take_in(&self, state: &mut State, observed: &Observed, permits: u64, gate: &Gate) -> bool {
        if state.record(observed) {
            // Relaxed: as above.
            let mean = state.smoothed_rtt_ns();
            self.mean_rtt_ns.store(mean, Ordering::Relaxed);
        }
        let (Some(outcome), false) = (observed.outcome, state.is_still()) else {
            return false;
        };
        let finished = state.counts.finished + self.dropped();
        let in_flight = gate.load().in_flight() + gate.beyond();
        let parted = self.parted.load(Ordering::Relaxed) as i64;
        let sample = Sample {
            rtt: observed.rtt,
            in_flight: observed.in_flight as usize,
            outcome,
            at: observed.at,
            limit: observed.limit as usize,
            waiting: gate.queued(),
            finished,
            rejected: self.rejected.total(),
            started: (finished + in_flight as u64)
                .saturating_add_signed(parted)
                .saturating_sub(permits),
        };
        let before = state.limit();
        state.consult(|algorithm| algorithm.update(&sample));
        if state.limit() == before {
            return false;
        }
        state.moved_from(before);
        gate.store_limit(state.limit())
    }
}

#[cfg(all(test, not(tower_adaptive_loom)))]
mod tests {
    use std::task::{Context, Waker};

    use tokio::time::Instant;

    use super::*;
    use crate::gate::Env;

    struct World;

    impl Env for World {
        fn now(&self) -> Instant {
            Instant::now()
        }

        fn meet_waiter(&self, _: bool) {}

        fn start_timer(&self) {}

        fn mean_rtt(&self) -> Option<Duration> {
            None
        }
    }

    /// One more with each sample.
    struct Step(usize);

    impl Algorithm for Step {
        fn max_concurrency(&self) -> usize {
            self.0
        }

        fn update(&mut self, _: &Sample) {
            self.0 += 1;
        }
    }

    fn success() -> Observed {
        Observed {
            rtt: Duration::from_millis(1),
            at: Duration::ZERO,
            in_flight: 1,
            limit: 1,
            outcome: Some(Outcome::Success),
        }
    }

    /// A limit of 1, in use, and somebody who waits.
    fn parked() -> (Learner, Gate) {
        let gate = Gate::new(1);
        assert!(gate.try_acquire(&World).is_ok());
        let mut cx = Context::from_waker(Waker::noop());
        assert!(gate.poll_acquire(&mut None, &mut cx, &World).is_pending());
        (Learner::new(Box::new(Step(1)), 1), gate)
    }

    // Not a model: loom 0.7 does not try a push between the lock and the pop, since it orders a
    // store only after the last load, which is the producer's own.
    #[test]
    fn room_made_by_samples_that_were_there_before_is_to_be_handed_on() {
        let (learner, gate) = parked();
        assert!(learner.buffer.push(&success()));

        let ((), hand_over) = learner.with(&gate, |_| ());

        assert!(hand_over);
        assert_eq!(gate.load().limit(), 2);
    }

    #[test]
    fn room_made_by_samples_that_come_meanwhile_is_to_be_handed_on() {
        let (learner, gate) = parked();

        let ((), hand_over) = learner.with(&gate, |_| learner.learn(&success(), &gate));

        assert!(hand_over);
        assert_eq!(gate.load().limit(), 2);
    }

    #[test]
    fn room_made_by_a_sample_without_a_permit_is_to_be_handed_on() {
        let (learner, gate) = parked();

        assert!(learner.learn_alone(&success(), &gate));

        assert_eq!(gate.load().limit(), 2);
    }

    #[test]
    fn a_sample_without_a_permit_that_misses_the_exclusion_is_not_stranded() {
        let (learner, gate) = parked();

        let (here, hand_over) = learner.with(&gate, |_| learner.learn_alone(&success(), &gate));

        assert!(!here);
        assert!(hand_over);
        assert_eq!(gate.load().limit(), 2);
    }

    #[test]
    fn samples_beyond_what_the_buffer_holds_are_counted_and_the_rest_learned() {
        let (learner, gate) = parked();

        learner.with(&gate, |_| {
            for _ in 0..Buffer::CAPACITY + 3 {
                learner.learn(&success(), &gate);
            }
        });

        assert_eq!(learner.dropped(), 3);
        assert_eq!(gate.load().limit(), 1 + Buffer::CAPACITY);
    }
}
