//! What the stress tests share: limits with a history, random numbers, an algorithm that does as it
//! likes, and panics that are part of the test.
#![allow(dead_code)]

use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tower_adaptive::{Algorithm, Bounds, Limiter, Sample};

/// Far beyond what it takes.
pub(crate) const STARVED: Duration = Duration::from_secs(240);

/// Every limit set, in order: announced before it is set, settled after.
pub(crate) struct Limits {
    history: Vec<AtomicUsize>,
    announced: AtomicUsize,
    settled: AtomicUsize,
}

impl Limits {
    pub(crate) fn new(first: usize) -> Self {
        let limits = Self {
            history: (0..1_000_000).map(|_| AtomicUsize::new(0)).collect(),
            announced: AtomicUsize::new(0),
            settled: AtomicUsize::new(0),
        };
        limits.history[0].store(first, Ordering::SeqCst);
        limits
    }

    /// Only one task sets limits.
    pub(crate) fn set(&self, limiter: &Limiter, limit: usize) {
        let next = self.announced.load(Ordering::SeqCst) + 1;
        self.history[next].store(limit, Ordering::SeqCst);
        self.announced.store(next, Ordering::SeqCst);
        limiter.set_bounds(limit..=limit).unwrap();
        self.settled.store(next, Ordering::SeqCst);
    }

    pub(crate) fn is_full(&self) -> bool {
        self.announced.load(Ordering::SeqCst) + 1 == self.history.len()
    }

    /// The first limit that may be in force from now on.
    pub(crate) fn now(&self) -> usize {
        self.settled.load(Ordering::SeqCst)
    }

    pub(crate) fn highest_since(&self, start: usize) -> usize {
        let end = self.announced.load(Ordering::SeqCst);
        let history = self.history[start..=end].iter();
        history.map(|l| l.load(Ordering::SeqCst)).max().unwrap()
    }
}

/// Wants another limit after every sample, and panics now and then.
pub(crate) struct Erratic {
    random: Random,
    limit: usize,
}

impl Erratic {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            random: Random(seed),
            limit: 4,
        }
    }
}

impl Algorithm for Erratic {
    fn max_concurrency(&self) -> usize {
        self.limit
    }

    fn update(&mut self, _: &Sample) {
        self.limit = self.random.below(100);
        if self.random.one_in(2_000) {
            panic!("{EXPECTED}");
        }
    }

    fn rebase(&mut self, limit: usize, _: Bounds) {
        self.limit = limit;
    }
}

/// xorshift64*
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        // Zero would stay zero.
        let mut x = self.0.max(1);
        x ^= x >> 12;
        x ^= x << 25;
        x ^= x >> 27;
        self.0 = x;
        x.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub(crate) fn below(&mut self, n: u64) -> usize {
        (self.next() >> 33) as usize % n as usize
    }

    pub(crate) fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}

pub(crate) const EXPECTED: &str = "part of the stress test";

pub(crate) fn silence_expected_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let report = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let payload = info.payload();
            let expected = payload.downcast_ref::<String>().map(String::as_str) == Some(EXPECTED)
                || payload.downcast_ref::<&str>() == Some(&EXPECTED);
            if !expected {
                report(info);
            }
        }));
    });
}
