//! The best fixed limit of each phase, found by trying.
//!
//! For each phase, in order, the run is copied at its beginning, and the copies go on with one limit
//! each until its end. On a few seeds together, the oracle takes
//!
//! - twice the smallest limit that keeps nobody waiting and rejects nobody, if under it next to nobody
//!   is refused or gives up and the goodput is the best or next to it: there is no overload, and no
//!   reject is right;
//! - otherwise, of the limits whose goodput is within one percent of the best, the one with the
//!   lowest 99th percentile;
//! - the limit of the phase before, if next to nothing is good under any.
//!
//! It knows the future of its phase and nothing of the one after, so it can be beaten: by somebody who
//! lowers the limit before the trouble comes, and who lets it move within a phase.

use std::cell::Cell;
use std::ops::Range;

use hdrhistogram::Histogram;
use tower_adaptive::Fixed;

use crate::measure;
use crate::model::{Config, Params, Sim, Span, Tick};
use crate::scenario::{self, Place};

/// From when on which limit.
pub type Schedule = Vec<(Span, usize)>;

/// Finds the best fixed limits for the phases of a run, over these seeds together.
#[must_use]
pub fn schedule(run: &Config, place: Place, seeds: &[u64]) -> Schedule {
    let begins = scenario::phases(run);
    let mut sims: Vec<_> = seeds.iter().map(|seed| sim(run, place, *seed)).collect();
    let mut schedule = Schedule::new();
    for (i, begin) in begins.iter().enumerate() {
        let end = begins.get(i + 1).copied().unwrap_or(run.length);
        for sim in &mut sims {
            run_up_to(sim, *begin);
            sim.take_ticks();
        }
        let before = schedule.last().map(|(_, limit)| *limit);
        let trial = |limit| Trial::of_phase(&sims, place, limit, *begin..end);
        let limit = best(trial, before, &|| false);
        schedule.push((*begin, limit));
        for sim in &mut sims {
            set_limit(sim, place, limit);
        }
    }
    schedule
}

/// Finds the best fixed limit if things stay as `params` are, by running for `length` after half
/// of that; `before` is the limit if next to nothing is good under any.
///
/// Asks `go_on` every few thousand steps, and gives up when it says no.
#[must_use]
pub fn steady(
    run: &Config,
    params: &Params,
    place: Place,
    length: Span,
    before: Option<usize>,
    go_on: &dyn Fn() -> bool,
) -> Option<usize> {
    let mut run = run.clone();
    run.start = params.clone();
    run.events.clear();
    let warm_up = Span::from_nanos(length.nanos() / 2);
    let end = Span::from_nanos(length.nanos() + warm_up.nanos());
    let start = sim(&run, place, SEED);
    let is_given_up = Cell::new(false);
    let run_until = |sim: &mut Sim<Fixed>, time| {
        while !is_given_up.get() && !sim.run_at_most(time, STEPS_AT_ONCE) {
            is_given_up.set(!go_on());
        }
    };
    let trial = |limit| {
        let mut sim = start.clone();
        set_limit(&mut sim, place, limit);
        run_until(&mut sim, warm_up);
        sim.take_ticks();
        let mut trial = Trial::new(limit);
        run_until(&mut sim, end);
        trial.add(&sim.take_ticks());
        trial.ended()
    };
    let limit = best(trial, before, &|| is_given_up.get());
    (!is_given_up.get()).then_some(limit)
}

/// Starts a run with the oracle's limits at `place`; [`follow`] sets them.
#[must_use]
pub fn sim(run: &Config, place: Place, seed: u64) -> Sim<Fixed> {
    let unlimited = Fixed::new(tower_adaptive::Bounds::LARGEST);
    let plant = (place == Place::Plant).then(|| unlimited.clone());
    Sim::new(run, seed, move |_| unlimited.clone(), plant)
}

/// Runs until `end`, with the limits of `schedule` from the present time on.
pub fn follow(sim: &mut Sim<Fixed>, schedule: &Schedule, place: Place, end: Span) {
    for (begin, limit) in schedule {
        if (sim.now()..=end).contains(begin) {
            run_up_to(sim, *begin);
            set_limit(sim, place, *limit);
        }
    }
    sim.run_until(end);
}

/// Runs until just before `begin`: all that happens at it happens under the limit of its phase.
fn run_up_to(sim: &mut Sim<Fixed>, begin: Span) {
    if begin > sim.now() {
        sim.run_until(Span::from_nanos(begin.nanos() - 1));
    }
}

fn set_limit(sim: &mut Sim<Fixed>, place: Place, limit: usize) {
    match place {
        Place::Client => sim.replace_algorithm(move |_| Fixed::new(limit)),
        Place::Plant => sim.replace_plant_algorithm(Fixed::new(limit)),
    }
}

/// What came of one limit.
struct Trial {
    limit: usize,
    good: u64,
    p99: u64,
    /// Whether anybody was rejected or had to wait for a permit.
    was_in_the_way: bool,
    attempts: u64,
    /// Attempts that were refused by the plant or given up.
    lost: u64,
    latencies_us: Histogram<u64>,
}

impl Trial {
    fn new(limit: usize) -> Self {
        Self {
            limit,
            good: 0,
            p99: u64::MAX,
            was_in_the_way: false,
            attempts: 0,
            lost: 0,
            latencies_us: measure::histogram_us(),
        }
    }

    /// Runs copies of these with `limit` until the end of a phase.
    fn of_phase(sims: &[Sim<Fixed>], place: Place, limit: usize, phase: Range<Span>) -> Self {
        let mut trial = Self::new(limit);
        for sim in sims {
            let mut sim = sim.clone();
            set_limit(&mut sim, place, limit);
            sim.run_until(phase.end);
            let ticks = sim.take_ticks();
            // One tick may have begun before it.
            let begin = ticks.partition_point(|tick| tick.at <= phase.start);
            trial.add(&ticks[begin..]);
        }
        trial.ended()
    }

    fn add(&mut self, ticks: &[Tick]) {
        for tick in ticks {
            self.good += u64::from(tick.good);
            let waiting = tick.plant.map_or(tick.waiting, |[_, _, waiting]| waiting);
            let rejected = tick.rejected + tick.plant_rejected;
            self.was_in_the_way |= rejected > 0 || waiting > 0.0;
            self.attempts += u64::from(tick.attempts);
            self.lost += u64::from(tick.refused + tick.timed_out);
            for us in &tick.latencies_us {
                self.latencies_us.saturating_record(u64::from(*us));
            }
        }
    }

    /// Reads the percentile, and lets the rest go.
    fn ended(mut self) -> Self {
        if !self.latencies_us.is_empty() {
            self.p99 = self.latencies_us.value_at_quantile(0.99);
        }
        self.latencies_us = Histogram::new(1).expect("1 digit is allowed");
        self
    }

    /// Returns whether more was lost than what a phase can inherit from the one before.
    fn is_overload(&self) -> bool {
        self.lost * 100 > self.attempts
    }
}

/// Finds the best limit: by doubling, then around the best, then at the lower end of those that
/// are as good. What it returns means nothing if it was given up.
fn best(
    trial: impl Fn(usize) -> Trial,
    before: Option<usize>,
    is_given_up: &dyn Fn() -> bool,
) -> usize {
    let mut trials: Vec<Trial> = Vec::new();
    let mut limit = 1;
    loop {
        let doubled = trial(limit);
        let is_free = !doubled.was_in_the_way;
        trials.push(doubled);
        // With more room, nothing would be different.
        if is_free || limit >= LARGEST || is_given_up() {
            break;
        }
        limit *= 2;
    }
    let most = |trials: &[Trial]| trials.iter().map(|trial| trial.good).max().unwrap_or(0);
    if most(&trials) * 1000 < trials.iter().map(|trial| trial.attempts).max().unwrap_or(0) {
        return before.unwrap_or(limit);
    }
    if let Some(free) = trials
        .last()
        .filter(|last| !last.was_in_the_way && !last.is_overload())
        && is_as_good(free, most(&trials))
    {
        let (mut low, mut high) = (free.limit / 2, free.limit);
        while high - low > (low / 16).max(1) {
            let middle = low.midpoint(high);
            if trial(middle).was_in_the_way {
                low = middle;
            } else {
                high = middle;
            }
        }
        return 2 * high;
    }
    for factor in [1.41, 0.71, 1.19, 0.84] {
        let best = trials
            .iter()
            .max_by_key(|trial| trial.good)
            .map_or(1, |trial| trial.limit);
        let near = ((best as f64 * factor).round() as usize).max(1);
        if trials.iter().all(|trial| trial.limit != near) {
            trials.push(trial(near));
        }
    }
    // The smallest that is as good lies between one that is and the next lower one that is not.
    let most = most(&trials);
    let good = |trial: &&Trial| is_as_good(trial, most);
    let mut high = trials
        .iter()
        .filter(good)
        .map(|trial| trial.limit)
        .min()
        .unwrap_or(1);
    let lower = trials
        .iter()
        .map(|trial| trial.limit)
        .filter(|limit| *limit < high);
    let mut low = lower.max().unwrap_or(0);
    while high - low > (low / 16).max(1) {
        let middle = trial(low.midpoint(high));
        if is_as_good(&middle, most) {
            high = middle.limit;
        } else {
            low = middle.limit;
        }
        trials.push(middle);
    }
    let candidates = trials.iter().filter(good);
    candidates
        .min_by_key(|trial| (trial.p99, trial.limit))
        .map_or(high, |trial| trial.limit)
}

fn is_as_good(trial: &Trial, most: u64) -> bool {
    trial.good as f64 >= 0.99 * most as f64
}

/// Another seed than those that are measured.
const SEED: u64 = 1_000_001;

const STEPS_AT_ONCE: u64 = 4096;

/// The largest limit that is tried.
const LARGEST: usize = 4096;
