use std::ops::Range;

use super::Record;
use crate::scenario::Scenario;

/// Returns what was rejected in seconds in which the oracle rejected nothing, as a part of what was
/// tried in them.
pub(crate) fn false_rejects(run: &Record, oracle: &Record) -> f64 {
    let (mut rejected, mut attempts) = (0.0, 0.0);
    for (second, best) in run.seconds().iter().zip(oracle.seconds()) {
        if best.rejected == 0 {
            rejected += f64::from(second.rejected);
            attempts += f64::from(second.attempts);
        }
    }
    if attempts == 0.0 {
        0.0
    } else {
        rejected / attempts
    }
}

/// Returns how many of the requests that arrived the servers could have answered in time: in each
/// second what came in it, or was left from before and may still wait within the SLO.
pub(super) fn possible(scenario: &Scenario, run: &Record) -> f64 {
    let (mut left, mut possible) = (0.0, 0.0);
    for second in run.seconds() {
        let there = f64::from(second.arrived) + left;
        let done = there.min(second.capacity);
        possible += done;
        left = (there - done).min(second.capacity * scenario.run.slo.secs());
    }
    possible
}

/// Returns the lowest goodput of any second, as a part of the oracle's. In a phase with little
/// traffic, a "second" is as long as the oracle needs for some.
pub(super) fn worst_second(scenario: &Scenario, run: &Record, oracle: &Record) -> f64 {
    let mut worst: f64 = 1.0;
    for phase in phases(scenario, run, oracle) {
        let width = width(oracle, phase.clone());
        let mut start = phase.start;
        while start + width <= phase.end {
            let window = start..start + width;
            let best = oracle.good(window.clone());
            // Of next to nothing, a few more or less are chance.
            if best >= f64::from(ENOUGH) {
                worst = worst.min(run.good(window) / best);
            }
            start += width;
        }
    }
    worst
}

/// Returns how long it took after the start and each event until goodput and mean latency were
/// near the oracle's and stayed there for a while.
pub(super) fn settled(scenario: &Scenario, run: &Record, oracle: &Record) -> Vec<Option<f64>> {
    let phases = phases(scenario, run, oracle).into_iter();
    phases.map(|phase| settled_in(phase, run, oracle)).collect()
}

fn settled_in(phase: Range<usize>, run: &Record, oracle: &Record) -> Option<f64> {
    let width = width(oracle, phase.clone()).max(3).min(phase.len());
    let starts = phase.start..phase.end - width + 1;
    let lasting = LASTING.min(starts.len());
    let (mut first, mut stays) = (None, 0);
    for start in starts {
        if near(run, oracle, start..start + width) {
            first.get_or_insert(start);
            stays += 1;
            if stays == lasting {
                return first.map(|first| (first - phase.start) as f64);
            }
        } else {
            (first, stays) = (None, 0);
        }
    }
    None
}

/// Returns the seconds from the start and from each event to the next one; one that takes a while
/// begins when it is over.
fn phases(scenario: &Scenario, run: &Record, oracle: &Record) -> Vec<Range<usize>> {
    let length = oracle.seconds().len().min(run.seconds().len());
    let mut begins = vec![0, length];
    for event in &scenario.run.events {
        begins.push((event.at.secs() + event.over.secs()).ceil() as usize);
    }
    begins.retain(|begin| *begin <= length);
    begins.sort_unstable();
    begins.dedup();
    begins.windows(2).map(|pair| pair[0]..pair[1]).collect()
}

/// Returns whether goodput and mean latency in these seconds are near the oracle's.
fn near(run: &Record, oracle: &Record, seconds: Range<usize>) -> bool {
    let good = run.good(seconds.clone()) >= 0.9 * oracle.good(seconds.clone());
    let mean = |record: &Record| {
        let seconds = &record.seconds()[seconds.clone()];
        let latency: f64 = seconds.iter().map(|second| second.latency_s).sum();
        let answered: u32 = seconds.iter().map(|second| second.answered).sum();
        latency / f64::from(answered.max(1))
    };
    good && mean(run) <= 2.0 * mean(oracle).max(1e-6)
}

/// Returns how many seconds the oracle needs, on average, for enough good requests to compare.
fn width(oracle: &Record, seconds: Range<usize>) -> usize {
    let count = seconds.len().max(1);
    let per_second = oracle.good(seconds) / count as f64;
    let width = f64::from(2 * ENOUGH) / per_second.max(1e-9);
    (width.ceil() as usize).clamp(1, count)
}

/// Returns Jain's index of what the instances got since the last one joined (R. Jain, D. Chiu and W.
/// Hawe, *A quantitative measure of fairness*, 1984): 1 if all are equal, 1/n if one has all.
pub(super) fn fairness(scenario: &Scenario, run: &Record) -> f64 {
    let mut instances = scenario.run.start.instances;
    let mut since = 0.0;
    for event in &scenario.run.events {
        if let Some(count) = event.set.instances.filter(|count| *count != instances) {
            (instances, since) = (count, event.at.secs());
        }
    }
    if instances == 1 {
        return 1.0;
    }
    let mut sums = vec![0.0; instances as usize];
    for good_of in run.good_of().iter().skip(since as usize) {
        for (sum, good) in sums.iter_mut().zip(good_of) {
            *sum += f64::from(*good);
        }
    }
    jain(&sums)
}

/// Returns Jain's index of these shares; 0 if there is nothing to share.
pub(crate) fn jain(shares: &[f64]) -> f64 {
    let sum: f64 = shares.iter().sum();
    let squares: f64 = shares.iter().map(|share| share * share).sum();
    if squares == 0.0 {
        return 0.0;
    }
    sum * sum / (shares.len() as f64 * squares)
}

/// So many requests are enough to compare two counts of them.
const ENOUGH: u32 = 25;

/// So many seconds in a row are not chance.
const LASTING: usize = 5;
