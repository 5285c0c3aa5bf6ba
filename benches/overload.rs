//! What an algorithm hears in an overload, recorded.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use tower_adaptive::{Algorithm, Fathom, Outcome, Sample};

/// Returns the samples of 30 seconds of overload, in the order in which an algorithm hears them.
///
/// A service with 32 workers takes 20 ms on average, lognormal, so that 1600 requests finish in a second.
/// There is always somebody who wants in, and two are rejected for each who gets in. The limit is
/// that of a [`Fathom`], so that its experiments and what follows from them are in the recording.
#[must_use]
pub fn overload() -> Vec<Sample> {
    let mut fathom = Fathom::default();
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let mut workers: BinaryHeap<Reverse<u64>> = (0..WORKERS).map(Reverse).collect();
    let mut running = BinaryHeap::new();
    let (mut now_ns, mut started, mut finished) = (0, 0, 0);
    let mut samples = Vec::with_capacity(SAMPLES);
    while samples.len() < SAMPLES {
        let limit = fathom.max_concurrency();
        while running.len() < limit {
            let Reverse(free_ns) = workers.pop().unwrap_or(Reverse(0));
            let end_ns = free_ns.max(now_ns) + random.service_ns();
            workers.push(Reverse(end_ns));
            running.push(Reverse((end_ns, now_ns, running.len() + 1, limit)));
            started += 1;
        }
        let Some(Reverse((end_ns, start_ns, in_flight, limit_then))) = running.pop() else {
            break;
        };
        now_ns = end_ns;
        finished += 1;
        let rtt = Duration::from_nanos(end_ns - start_ns);
        let sample = Sample::new(rtt, in_flight, Outcome::Success)
            .at(Duration::from_nanos(now_ns))
            .limit(limit_then)
            .started(started)
            .finished(finished)
            .rejected(2 * started);
        fathom.update(&sample);
        samples.push(sample);
    }
    samples
}

/// Feeds `n` samples to a dyn algorithm, and starts anew with another one at the recording's end.
pub fn replay<A: Algorithm>(samples: &[Sample], make: impl Fn() -> A, n: u64) {
    let mut left = usize::try_from(n).unwrap_or(usize::MAX);
    while left > 0 {
        let mut algorithm = make();
        let algorithm: &mut dyn Algorithm = &mut algorithm;
        for sample in samples.iter().take(left) {
            algorithm.update(std::hint::black_box(sample));
            std::hint::black_box(algorithm.max_concurrency());
        }
        left -= left.min(samples.len());
    }
}

/// Xorshift, by Marsaglia.
struct Random(u64);

impl Random {
    fn service_ns(&mut self) -> u64 {
        // A mean of 20 ms, and a deviation of half of it.
        let ln_ms = 20.0_f64.ln() - 0.5 * SPREAD * SPREAD + SPREAD * self.normal();
        (ln_ms.exp() * 1e6) as u64
    }

    /// By Box and Muller.
    fn normal(&mut self) -> f64 {
        let radius = (-2.0 * self.uniform().ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }

    /// Above 0, and at most 1.
    fn uniform(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 11) + 1) as f64 / (1_u64 << 53) as f64
    }
}

const SAMPLES: usize = 48_000;
const WORKERS: u64 = 32;

/// Of the logarithm: √ln(1 + 0.5²).
const SPREAD: f64 = 0.472;
