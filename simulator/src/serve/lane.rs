use tower_adaptive::{Algorithm, AlgorithmConfig, Bounds, Fixed, Report};

use super::percentiles::{Percentiles, TICKS};
use super::said::{Ear, Said};
use super::session::{Lane, Side};
use super::ticks::Row;
use crate::model::{Config, Event, Sim, Span, Tick};
use crate::suite::seed_of;

/// One lane of a run: a simulation, and its last second.
pub(super) struct LaneRun {
    sim: Sim<Boxed>,
    seed: u64,
    has_client: bool,
    has_plant: bool,
    percentiles: Percentiles,
    /// Counts of each of the last ticks, and their sums.
    counts: std::collections::VecDeque<[u32; COUNTS]>,
    sums: [u64; COUNTS],
    last: Tick,
    ear: Ear,
}

type Boxed = Box<dyn Algorithm>;

impl LaneRun {
    /// Starts a lane. The events of `config` are left to [`insert`](Self::insert).
    pub(super) fn new(config: &Config, seed: u64, lane: &Lane) -> Self {
        let mut config = config.clone();
        config.events.clear();
        let make = maker(lane.client.clone(), seed);
        let plant = lane.plant.clone().map(|config| build(config, seed, 0));
        Self {
            sim: Sim::new(&config, seed, make, plant),
            seed,
            has_client: lane.client.is_some(),
            has_plant: lane.plant.is_some(),
            percentiles: Percentiles::new(),
            counts: std::collections::VecDeque::new(),
            sums: [0; COUNTS],
            last: Tick::default(),
            ear: Ear::default(),
        }
    }

    pub(super) fn insert(&mut self, event: Event) {
        self.sim.insert(event);
    }

    /// Changes an algorithm. One that follows another takes over its limit.
    pub(super) fn swap(&mut self, side: Side, algorithm: Option<AlgorithmConfig>) {
        match side {
            Side::Client => {
                let follows = self.has_client && algorithm.is_some();
                self.has_client = algorithm.is_some();
                let make = maker(algorithm, self.seed);
                if follows {
                    self.sim.set_algorithm(make);
                } else {
                    self.sim.replace_algorithm(make);
                }
            }
            Side::Plant => {
                self.has_plant = algorithm.is_some();
                let algorithm = algorithm.map(|config| build(config, self.seed, 0));
                self.sim.set_plant_algorithm(algorithm);
            }
        }
    }

    /// Runs until `time`, in at most so many steps. Returns whether it came so far.
    pub(super) fn run_at_most(&mut self, time: Span, most_steps: u64) -> bool {
        self.sim.run_at_most(time, most_steps)
    }

    /// Returns how much it has in memory, in entries of some hundred bytes.
    pub(super) fn held(&self) -> u64 {
        self.sim.held() as u64 + self.percentiles.held() / LATENCIES_PER_ENTRY
    }

    pub(super) fn steps(&self) -> u64 {
        self.sim.steps()
    }

    /// Takes the tick that has ended, and what the last second was like.
    pub(super) fn take_row(&mut self) -> Row {
        if let Some(mut tick) = self.sim.take_ticks().pop() {
            self.percentiles.add(std::mem::take(&mut tick.latencies_us));
            self.count(&tick);
            self.last = tick;
        }
        let said = self.hear();
        let [p50, p95, p99] = self.percentiles.at([0.5, 0.95, 0.99]).map(in_ms);
        let [goodput, sent, rejected, refused, timed_out, wasted, arrived] =
            self.sums.map(|sum| self.per_second(sum));
        let tick = &self.last;
        let plant = tick.plant.filter(|_| self.has_plant);
        Row {
            offered: arrived,
            capacity: tick.capacity,
            values: [
                self.has_client.then_some(tick.limit),
                Some(tick.in_flight),
                plant.map(|[limit, ..]| limit),
                plant.map(|[_, in_flight, _]| in_flight),
                p50,
                p95,
                p99,
                Some(goodput),
                Some(sent),
                Some(rejected),
                Some(refused),
                Some(timed_out),
                Some(wasted),
                Some(tick.queue),
                Some(tick.waiting + plant.map_or(0.0, |[.., waiting]| waiting)),
            ],
            said,
        }
    }

    /// Returns the news of the lane's algorithm: that of the first instance, or else of the plant.
    fn hear(&mut self) -> Option<Box<Said>> {
        let report = if self.has_client {
            self.sim.report(0)
        } else {
            self.sim.plant_report()
        };
        let report = report.unwrap_or_else(Report::new);
        self.ear.hear(&report).map(Box::new)
    }

    fn count(&mut self, tick: &Tick) {
        let counts = [
            tick.good,
            tick.attempts,
            tick.rejected + tick.plant_rejected,
            tick.refused,
            tick.timed_out,
            tick.wasted,
            tick.arrived,
        ];
        self.counts.push_back(counts);
        for (sum, count) in self.sums.iter_mut().zip(counts) {
            *sum += u64::from(count);
        }
        if self.counts.len() > TICKS
            && let Some(oldest) = self.counts.pop_front()
        {
            for (sum, count) in self.sums.iter_mut().zip(oldest) {
                *sum -= u64::from(count);
            }
        }
    }

    fn per_second(&self, sum: u64) -> f64 {
        let secs = self.counts.len() as f64 / TICKS as f64;
        if secs > 0.0 { sum as f64 / secs } else { 0.0 }
    }
}

/// Makes the algorithms of instances; without a configuration, limits that are never reached.
fn maker(
    config: Option<AlgorithmConfig>,
    seed: u64,
) -> impl Fn(u32) -> Boxed + Send + Sync + 'static {
    move |instance| match config.clone() {
        Some(config) => build(config, seed, instance),
        None => Box::new(Fixed::new(Bounds::LARGEST)),
    }
}

fn build(config: AlgorithmConfig, seed: u64, instance: u32) -> Boxed {
    match config.seeded(seed_of(seed, instance)).try_build() {
        Ok(algorithm) => algorithm,
        // A session is checked before it runs.
        Err(error) => unreachable!("{error}"),
    }
}

fn in_ms(micros: Option<u32>) -> Option<f64> {
    micros.map(|micros| f64::from(micros) / 1e3)
}

const LATENCIES_PER_ENTRY: u64 = 32;
/// How many counts of a tick are kept for a second.
const COUNTS: usize = 7;
