use std::collections::VecDeque;

use tower_adaptive_sim::model::{Span, Tick};

/// What is drawn of a run.
#[derive(Clone, Debug)]
pub(super) struct Series {
    /// The algorithm.
    pub name: String,
    /// Over how many seconds rates and quantiles are taken.
    pub(super) window_secs: f64,
    /// What there was, at equal distances.
    pub points: Vec<Point>,
}

/// How things were at a time, and in the window before.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Point {
    /// When, in seconds.
    pub at: f64,
    /// The limit of all instances together.
    pub limit: f64,
    /// Attempts in flight.
    pub in_flight: f64,
    /// What answered requests took, in seconds: 50th percentile.
    pub p50: Option<f64>,
    /// And the 99th.
    pub p99: Option<f64>,
    /// Requests that arrived, per second.
    pub offered: f64,
    /// Requests answered within the SLO, per second.
    pub good: f64,
    /// Attempts that a limiter rejected, per second.
    pub rejected: f64,
    /// What the servers could do, per second.
    pub capacity: f64,
}

/// Makes points of ticks.
#[derive(Debug)]
pub(super) struct Sampler {
    /// A point every so many ticks.
    stride: usize,
    /// The last second of ticks, or the last stride if that is longer.
    window: VecDeque<Tick>,
    /// Ticks since the last point.
    since: usize,
    points: Vec<Point>,
}

impl Sampler {
    /// Begins, for a run of this length.
    #[must_use]
    pub(super) fn new(length: Span) -> Self {
        let ticks = (length.secs() * TICKS_PER_SECOND as f64).ceil() as usize;
        Self {
            stride: ticks.div_ceil(MOST_POINTS).max(1),
            window: VecDeque::new(),
            since: 0,
            points: Vec::new(),
        }
    }

    /// Adds the next tick.
    pub(super) fn add(&mut self, tick: Tick) {
        if self.window.len() == self.window_ticks() {
            self.window.pop_front();
        }
        self.window.push_back(tick);
        self.since += 1;
        if self.since == self.stride {
            self.since = 0;
            self.points.push(self.point());
        }
    }

    /// Ends.
    #[must_use]
    pub(super) fn finish(self, name: String) -> Series {
        Series {
            name,
            window_secs: self.window_ticks() as f64 / TICKS_PER_SECOND as f64,
            points: self.points,
        }
    }

    fn window_ticks(&self) -> usize {
        self.stride.max(TICKS_PER_SECOND)
    }

    fn point(&self) -> Point {
        let ticks = &self.window;
        let secs = ticks.len() as f64 / TICKS_PER_SECOND as f64;
        let rate = |count: fn(&Tick) -> u32| {
            ticks.iter().map(|tick| f64::from(count(tick))).sum::<f64>() / secs
        };
        // Limits change faster than a second.
        let recent = ticks.iter().rev().take(self.stride);
        let mean =
            |value: fn(&Tick) -> f64| recent.clone().map(value).sum::<f64>() / self.stride as f64;
        let mut latencies_us: Vec<u32> = ticks
            .iter()
            .flat_map(|tick| tick.latencies_us.iter().copied())
            .collect();
        let mut quantile = |quantile: f64| {
            let last = latencies_us.len().checked_sub(1)?;
            let (_, us, _) =
                latencies_us.select_nth_unstable((last as f64 * quantile).round() as usize);
            Some(f64::from(*us) / 1e6)
        };
        let last = ticks.back();
        Point {
            at: last.map_or(0.0, |tick| tick.at.secs()),
            limit: mean(|tick| tick.plant.map_or(tick.limit, |[limit, ..]| limit)),
            in_flight: mean(|tick| {
                tick.plant
                    .map_or(tick.in_flight, |[_, in_flight, _]| in_flight)
            }),
            p50: quantile(0.5),
            p99: quantile(0.99),
            offered: rate(|tick| tick.arrived),
            good: rate(|tick| tick.good),
            rejected: rate(|tick| tick.rejected + tick.plant_rejected),
            capacity: last.map_or(0.0, |tick| tick.capacity),
        }
    }
}

const TICKS_PER_SECOND: usize = 10;

/// More would not be seen.
const MOST_POINTS: usize = 450;
