use std::fmt;
use std::time::Duration;

use super::learner::Observed;
use super::settings::Settings;
use super::snapshot::Counts;
use crate::contain::contain;
use crate::{Algorithm, Bounds, Outcome, Report, Sample};

/// What the exclusion protects.
pub(super) struct State {
    algorithm: Box<dyn Algorithm>,
    limit: usize,
    /// Set from outside; until then the algorithm keeps its own.
    bounds: Option<Bounds>,
    /// The same, or all there are: what every limit is clamped to.
    clamp: Bounds,
    /// The range that the algorithm was made with.
    own_bounds: Option<Bounds>,
    frozen: bool,
    paused: bool,
    /// Whether the limit stays, because of either.
    still: bool,
    pub(super) settings: Box<Settings>,
    pub(super) counts: Counts,
    /// Of successes; 0 before the first.
    last_rtt_ns: u64,
    smoothed_rtt_ns: u64,
    #[cfg(all(feature = "metrics", not(tower_adaptive_loom)))]
    moves: Moves,
}

impl State {
    pub(super) fn new(algorithm: Box<dyn Algorithm>, limit: usize) -> Self {
        let mut state = Self {
            algorithm,
            limit,
            bounds: None,
            clamp: Bounds::ALL,
            own_bounds: None,
            frozen: false,
            paused: false,
            still: false,
            settings: Box::default(),
            counts: Counts::default(),
            last_rtt_ns: 0,
            smoothed_rtt_ns: 0,
            #[cfg(all(feature = "metrics", not(tower_adaptive_loom)))]
            moves: Moves::default(),
        };
        state.own_bounds = state.report().bounds;
        state
    }

    /// Returns the limit to enforce.
    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    /// Notes that another limit than before is going to be enforced.
    #[inline]
    pub(super) fn moved_from(&mut self, before: usize) {
        #[cfg(all(feature = "metrics", not(tower_adaptive_loom)))]
        match self.limit > before {
            true => self.moves.up += 1,
            false => self.moves.down += 1,
        }
        let _ = before;
    }

    #[cfg(all(feature = "metrics", not(tower_adaptive_loom)))]
    pub(super) fn moves(&self) -> Moves {
        self.moves
    }

    /// Counts a finished request, and returns whether the average RTT has changed.
    pub(super) fn record(&mut self, observed: &Observed) -> bool {
        self.counts.record(observed.outcome);
        let success = observed.outcome == Some(Outcome::Success);
        if success {
            self.record_rtt(observed.rtt);
        }
        success
    }

    pub(super) fn smoothed_rtt_ns(&self) -> u64 {
        self.smoothed_rtt_ns
    }

    /// Lets the algorithm work and takes over its limit. One that panics is not asked again.
    pub(super) fn consult(&mut self, work: impl FnOnce(&mut dyn Algorithm)) {
        let algorithm = &mut *self.algorithm;
        let limit = contain(|| {
            work(algorithm);
            algorithm.max_concurrency()
        });
        match limit {
            Some(limit) => self.limit = self.clamp.clamp(limit),
            None => self.freeze(),
        }
    }

    /// Keeps the exponential average of RFC 6298 (its SRTT): an eighth of each new RTT.
    fn record_rtt(&mut self, rtt: Duration) {
        self.last_rtt_ns = nanos(rtt);
        self.smoothed_rtt_ns = if self.counts.success == 1 {
            self.last_rtt_ns
        } else {
            self.smoothed_rtt_ns - self.smoothed_rtt_ns / 8 + self.last_rtt_ns / 8
        };
    }

    /// Returns the RTT of the last success, and the average.
    pub(super) fn rtts(&self) -> Option<(Duration, Duration)> {
        (self.counts.success > 0).then(|| {
            let (last, smoothed) = (self.last_rtt_ns, self.smoothed_rtt_ns);
            (Duration::from_nanos(last), Duration::from_nanos(smoothed))
        })
    }

    /// Sets the range in which the limit moves; `None` is the one that the algorithm was made with.
    pub(super) fn set_bounds(&mut self, bounds: Option<Bounds>) {
        self.bounds = bounds;
        self.clamp = bounds.unwrap_or(Bounds::ALL);
        let range = bounds.or(self.own_bounds).unwrap_or(Bounds::ALL);
        self.limit = range.clamp(self.limit);
        self.rebase(range);
    }

    /// Returns the range that was set from outside.
    #[cfg(feature = "serde")]
    pub(super) fn set_range(&self) -> Option<Bounds> {
        self.bounds
    }

    /// Lets the algorithm take over the limit in force.
    fn rebase(&mut self, bounds: Bounds) {
        let limit = self.limit;
        if !self.frozen {
            self.consult(|algorithm| algorithm.rebase(limit, bounds));
        }
    }

    /// Goes on from a limit, and a baseline, that were learned before.
    pub(super) fn restore(&mut self, limit: usize, baseline: Option<Duration>) {
        let bounds = self.bounds();
        self.limit = bounds.clamp(limit);
        self.rebase(bounds);
        if let (Some(baseline), false) = (baseline, self.frozen) {
            self.consult(|algorithm| algorithm.restore(baseline));
        }
    }

    pub(super) fn set_paused(&mut self, paused: bool) {
        let resumes = self.paused && !paused;
        self.paused = paused;
        self.still = self.paused || self.frozen;
        if resumes {
            let bounds = self.bounds();
            self.rebase(bounds);
        }
    }

    pub(super) fn is_paused(&self) -> bool {
        self.paused
    }

    fn freeze(&mut self) {
        self.frozen = true;
        self.still = true;
    }

    /// Puts another algorithm in charge and returns the one before, to be dropped elsewhere.
    pub(super) fn set_algorithm(&mut self, algorithm: Box<dyn Algorithm>) -> Box<dyn Algorithm> {
        let before = std::mem::replace(&mut self.algorithm, algorithm);
        self.frozen = false;
        self.still = self.paused;
        self.settings.forget_algorithm();
        self.own_bounds = self.report().bounds;
        let bounds = self.bounds();
        let limit = bounds.clamp(self.limit);
        if !self.frozen {
            self.consult(|algorithm| algorithm.rebase(limit, bounds));
        }
        before
    }

    pub(super) fn bounds(&mut self) -> Bounds {
        self.bounds
            .or_else(|| self.report().bounds)
            .unwrap_or(Bounds::ALL)
    }

    /// Asks the algorithm; a frozen one is not asked.
    pub(super) fn report(&mut self) -> Report {
        if self.frozen {
            return Report::new();
        }
        let algorithm = &*self.algorithm;
        contain(|| algorithm.report()).unwrap_or_else(|| {
            self.freeze();
            Report::new()
        })
    }

    /// Whether the limit stays, whatever is learned.
    pub(super) fn is_still(&self) -> bool {
        self.still
    }

    pub(super) fn is_frozen(&self) -> bool {
        self.frozen
    }
}

/// How often the limit has moved.
#[cfg(all(feature = "metrics", not(tower_adaptive_loom)))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Moves {
    pub(crate) up: u64,
    pub(crate) down: u64,
}

impl Drop for State {
    fn drop(&mut self) {
        // The last handle may go with a response that is dropped, and the algorithm is not ours.
        let algorithm = std::mem::replace(&mut self.algorithm, Box::new(Gone));
        contain(|| drop(algorithm));
    }
}

/// Stands where an algorithm was.
struct Gone;

impl Algorithm for Gone {
    fn max_concurrency(&self) -> usize {
        1
    }

    fn update(&mut self, _: &Sample) {}
}

/// As `as_nanos`, without its u128; 584 years at most.
pub(super) fn nanos(duration: Duration) -> u64 {
    duration
        .as_secs()
        .saturating_mul(1_000_000_000)
        .saturating_add(u64::from(duration.subsec_nanos()))
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State")
            .field("limit", &self.limit)
            .field("bounds", &self.bounds)
            .field("frozen", &self.frozen)
            .field("counts", &self.counts)
            .finish_non_exhaustive()
    }
}
