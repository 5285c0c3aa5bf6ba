use std::fmt;
use std::sync::Arc;

use slab::Slab;
use tower_adaptive::{Algorithm, Report};

use super::agenda::{Agenda, What};
use super::attempt::{Attempt, Request};
use super::changes::Ramp;
use super::draws::Draws;
use super::limiter::Limiter;
use super::plant::Plant;
use super::traffic::{ClosedLoop, OpenLoop};
use super::{AtLimit, Config, Event, Params, Span, Tick, Totals};

/// A run in virtual time.
///
/// Every instance of the client has a limiter with an algorithm of its own, and the plant may have
/// one. The same configuration, seed and algorithms give the same run.
///
/// # Examples
///
/// ```
/// use tower_adaptive::{Algorithm, Vegas};
/// use tower_adaptive_sim::model::{Config, Sim, Span};
///
/// let config = Config::default();
/// let mut sim = Sim::new(&config, 1, |_| Vegas::builder().seed(1).build(), None);
/// sim.run_until(Span::from_secs(10));
/// let good: u32 = sim.take_ticks().iter().map(|tick| tick.good).sum();
/// assert!(good > 900, "of about 1000 in 10 s at 100 per second: {good}");
/// ```
#[derive(Clone)]
pub struct Sim<A> {
    pub(super) now: u64,
    pub(super) slo_ns: u64,
    pub(super) at_limit: AtLimit,
    pub(super) at_plant_limit: AtLimit,
    pub(super) draws: Draws,
    pub(super) params: Params,
    pub(super) agenda: Agenda,
    pub(super) attempts: Slab<Attempt>,
    /// Requests between two attempts.
    pub(super) retries: Slab<Request>,
    pub(super) closed_loop: ClosedLoop,
    /// All there have ever been; the first `params.instances` get new requests.
    pub(super) instances: Vec<Limiter<A>>,
    pub(super) plant_limiter: Option<Limiter<A>>,
    pub(super) plant: Plant,
    pub(super) tick: Tick,
    pub(super) totals: Totals,
    pub(super) open_loop: OpenLoop,
    requests: u64,
    pub(super) make: Arc<dyn Fn(u32) -> A + Send + Sync>,
    pub(super) events: Slab<Event>,
    pub(super) ramps: Vec<Ramp>,
    pub(super) pauses: u32,
    ticks: Vec<Tick>,
    tick_ends_at: u64,
    steps: u64,
}

impl<A: Algorithm> Sim<A> {
    /// The length of a tick.
    pub const TICK: Span = Span::from_millis(100);

    /// Starts a run; `make` makes the algorithm of an instance, which has the given index.
    ///
    /// `config` should have passed its [`check`](Config::check): what is outside of its range
    /// makes no sense, though it does no harm but to time and memory.
    pub fn new(
        config: &Config,
        seed: u64,
        make: impl Fn(u32) -> A + Send + Sync + 'static,
        plant: Option<A>,
    ) -> Self {
        let draws = Draws::new(seed);
        let mut sim = Self {
            now: 0,
            slo_ns: config.slo.nanos(),
            at_limit: config.at_limit,
            at_plant_limit: config.at_plant_limit,
            open_loop: OpenLoop::new(&draws, config.start.rate),
            draws,
            params: config.start.clone(),
            agenda: Agenda::default(),
            attempts: Slab::new(),
            retries: Slab::new(),
            closed_loop: ClosedLoop::default(),
            instances: Vec::new(),
            plant_limiter: plant.map(|algorithm| Limiter::new(algorithm, 0)),
            plant: Plant::default(),
            tick: Tick::default(),
            totals: Totals::default(),
            requests: 0,
            make: Arc::new(make),
            events: Slab::new(),
            ramps: Vec::new(),
            pauses: 0,
            ticks: Vec::new(),
            tick_ends_at: Self::TICK.nanos(),
            steps: 0,
        };
        for event in &config.events {
            sim.insert(event.clone());
        }
        sim.params_changed(None);
        sim
    }

    /// Returns how far it has come.
    #[must_use]
    pub fn now(&self) -> Span {
        Span::from_nanos(self.now)
    }

    /// Returns the options as they are now.
    #[must_use]
    pub fn params(&self) -> &Params {
        &self.params
    }

    /// Returns what became of all requests so far.
    #[must_use]
    pub fn totals(&self) -> Totals {
        let sum = |count: fn(&Limiter<A>) -> u64| self.instances.iter().map(count).sum();
        Totals {
            waiting: sum(Limiter::waiting),
            in_flight: sum(Limiter::in_flight),
            ..self.totals
        }
    }

    /// Returns limit, in flight and waiting of each instance that there has been.
    pub fn instances(&self) -> impl Iterator<Item = [u64; 3]> {
        self.instances
            .iter()
            .map(|limiter| [limiter.limit(), limiter.in_flight(), limiter.waiting()])
    }

    /// Returns limit and in flight of the plant's limiter.
    #[must_use]
    pub fn plant_limiter(&self) -> Option<(u64, u64)> {
        let limiter = self.plant_limiter.as_ref()?;
        Some((limiter.limit(), limiter.in_flight()))
    }

    /// Returns what the algorithm of an instance believes; times are since the start of the run.
    #[must_use]
    pub fn report(&self, instance: usize) -> Option<Report> {
        self.instances.get(instance).map(Limiter::report)
    }

    /// Returns what the algorithm of the plant's limiter believes, with times as in
    /// [`report`](Self::report).
    #[must_use]
    pub fn plant_report(&self) -> Option<Report> {
        self.plant_limiter.as_ref().map(Limiter::report)
    }

    /// Returns how many servers are busy, and how many requests wait for one.
    #[must_use]
    pub fn servers(&self) -> (usize, usize) {
        (self.plant.busy(), self.plant.queued())
    }

    /// Returns how much it has done: what happened so far, each as one.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Returns how much it has in memory: attempts and retries, what will happen, and the latencies of the
    /// tick under way, in entries of some hundred bytes.
    #[must_use]
    pub fn held(&self) -> usize {
        let latencies = self.tick.latencies_us.len() / 32;
        self.attempts.len() + self.retries.len() + self.agenda.len() + latencies
    }

    /// Takes the ticks that have ended since they were last taken.
    pub fn take_ticks(&mut self) -> Vec<Tick> {
        std::mem::take(&mut self.ticks)
    }

    /// Adds an event; one in the past happens now.
    pub fn insert(&mut self, event: Event) {
        let at = event.at.nanos().max(self.now);
        let key = self.events.insert(event);
        self.agenda.note(at, What::Event(key));
    }

    /// Runs until `time`, all that happens at it included.
    pub fn run_until(&mut self, time: Span) {
        let done = self.run_at_most(time, u64::MAX);
        debug_assert!(done);
    }

    /// Runs until `time`, but takes at most so many steps. Returns whether it came so far.
    pub fn run_at_most(&mut self, time: Span, most_steps: u64) -> bool {
        let (end, last) = (time.nanos(), self.steps.saturating_add(most_steps));
        while self.steps < last {
            if !self.step(end) {
                return true;
            }
            self.steps += 1;
        }
        false
    }

    /// Lets the next thing happen, unless it is after `end`.
    fn step(&mut self, end: u64) -> bool {
        let departure = self.plant.next_departure();
        let noted = self.agenda.next_at();
        let arrival = self.open_loop.next_at();
        let next = departure.min(noted).min(arrival);
        // All that happens at the end of a tick belongs to it.
        if next > self.tick_ends_at && self.tick_ends_at <= end {
            self.now = self.tick_ends_at;
            self.end_tick();
            self.tick_ends_at += Self::TICK.nanos();
            return true;
        }
        if next > end {
            self.now = self.now.max(end);
            return false;
        }
        self.now = next;
        if departure == next {
            self.served();
        } else if noted == next {
            if let Some(what) = self.agenda.pop() {
                self.happens(what);
            }
        } else {
            self.open_loop.arrived();
            self.new_request();
        }
        true
    }

    fn happens(&mut self, what: What) {
        match what {
            What::Event(key) => self.event(key),
            What::Ramps => self.move_on(),
            What::Pause(plan) if plan == self.pauses => {
                self.pause(self.params.pause_time.nanos());
                self.plan_pause();
            }
            What::Pause(_) => {}
            What::Request(key) => self.reach_plant(key),
            What::Answer(key) => self.answer(key),
            What::Rejection(key) => self.respond(key),
            What::Response(key) => self.reach_client(key),
            What::Deadline(ticket) => self.deadline(ticket),
            What::Retry(key) => {
                let request = self.retries.remove(key);
                self.begin(request);
            }
            What::Client(id) => {
                if let Some(number) = self.closed_loop.next_request(id) {
                    self.arrive(Request::new(number, self.now, Some(id)));
                }
            }
        }
    }

    /// A request of the open loop.
    pub(super) fn new_request(&mut self) {
        let number = self.requests;
        self.requests += 1;
        self.arrive(Request::new(number, self.now, None));
    }

    fn end_tick(&mut self) {
        let now = self.now;
        let mut sums = [0.0; 3];
        for (i, instance) in self.instances.iter_mut().enumerate() {
            let means = instance.take_means(now);
            // One that has left is not asked any more; what it has in flight still counts.
            let joined = if i < self.params.instances as usize {
                1.0
            } else {
                0.0
            };
            sums[0] += means[0] * joined;
            sums[1] += means[1];
            sums[2] += means[2];
        }
        let mut tick = std::mem::take(&mut self.tick);
        tick.at = Span::from_nanos(now);
        [tick.limit, tick.in_flight, tick.waiting] = sums;
        tick.plant = self
            .plant_limiter
            .as_mut()
            .map(|limiter| limiter.take_means(now));
        tick.queue = self.plant.take_mean_queue(now);
        tick.rate = self.params.rate;
        tick.capacity = self.params.capacity();
        self.ticks.push(tick);
    }
}

impl<A> fmt::Debug for Sim<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sim")
            .field("now", &self.now)
            .field("params", &self.params)
            .field("totals", &self.totals)
            .finish_non_exhaustive()
    }
}
