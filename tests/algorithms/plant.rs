//! A service of so many servers behind a limit, in virtual time: the same seed gives the same run.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, Exp, LogNormal};
use tower_adaptive::{Algorithm, Outcome, Sample};

/// First come, first served. What is beyond the limit is rejected.
#[derive(Debug)]
pub(crate) struct Plant {
    pub(crate) servers: usize,
    pub(crate) work: Work,
    /// What a dependency adds to each request, without keeping a server from the next one.
    pub(crate) delay: Duration,
    /// Arrivals per second.
    pub(crate) rate: f64,
    /// The part that is refused at once, and the part that teaches nothing.
    pub(crate) overloads: f64,
    pub(crate) unclassified: f64,
    /// What is started then is given up after so long, and nothing comes back.
    pub(crate) timeout: Option<Duration>,
    /// What takes longer is given up, while a server goes on working for it.
    pub(crate) hedge: Option<Duration>,
    /// Whether samples have totals and the limit.
    pub(crate) has_totals: bool,
    /// Samples are delivered in batches of so many, each backwards.
    pub(crate) batch: usize,
    /// The shortest RTT of a success.
    pub(crate) fastest: Duration,
    rng: StdRng,
    /// By when they are, and the order in which they were scheduled.
    events: BTreeMap<(Duration, u64), Event>,
    scheduled: u64,
    now: Duration,
    busy: usize,
    queue: VecDeque<Job>,
    in_flight: usize,
    started: u64,
    finished: u64,
    rejected: u64,
    samples: Vec<Sample>,
}

/// How long a server works for a request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Work {
    Exponential { mean: Duration },
    LogNormal { median: Duration, sigma: f64 },
}

/// What was seen in a stretch of time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) started: u64,
    pub(crate) rejected: u64,
    /// The limit after each sample.
    pub(crate) limits: Vec<usize>,
}

#[derive(Debug)]
enum Event {
    Arrival,
    Served(Job),
    Left(Job),
}

#[derive(Debug)]
struct Job {
    started: Duration,
    in_flight: usize,
    limit: usize,
    outcome: Option<Outcome>,
}

impl Plant {
    /// Twice as many requests as it can serve, each of some 20 ms.
    pub(crate) fn overloaded(servers: usize) -> Self {
        let mean = Duration::from_millis(20);
        let mut plant = Self {
            servers,
            work: Work::Exponential { mean },
            delay: Duration::ZERO,
            rate: 2.0 * servers as f64 / mean.as_secs_f64(),
            overloads: 0.0,
            unclassified: 0.0,
            timeout: None,
            hedge: None,
            has_totals: true,
            batch: 1,
            fastest: Duration::MAX,
            rng: StdRng::seed_from_u64(7),
            events: BTreeMap::new(),
            scheduled: 0,
            now: Duration::ZERO,
            busy: 0,
            queue: VecDeque::new(),
            in_flight: 0,
            started: 0,
            finished: 0,
            rejected: 0,
            samples: Vec::new(),
        };
        plant.schedule(Duration::ZERO, Event::Arrival);
        plant
    }

    /// So many times what it can serve.
    pub(crate) fn loaded(servers: usize, times: f64) -> Self {
        let mut plant = Self::overloaded(servers);
        plant.rate *= 0.5 * times;
        plant
    }

    /// Is as it was at first, with 20 servers.
    pub(crate) fn heal(&mut self) {
        let healthy = Self::overloaded(20);
        self.servers = healthy.servers;
        self.delay = healthy.delay;
        self.rate = healthy.rate;
        self.overloads = healthy.overloads;
        self.unclassified = healthy.unclassified;
        self.timeout = healthy.timeout;
        self.hedge = healthy.hedge;
        self.batch = healthy.batch;
    }

    pub(crate) fn run(&mut self, algorithm: &mut impl Algorithm, length: Duration) -> Seen {
        let end = self.now + length;
        let (started, rejected) = (self.started, self.rejected);
        let mut limits = Vec::new();
        while let Some(event) = self.events.first_entry()
            && event.key().0 < end
        {
            let ((at, _), event) = event.remove_entry();
            self.now = at;
            match event {
                Event::Arrival => self.arrive(algorithm.max_concurrency()),
                Event::Served(job) => self.serve_next(job),
                Event::Left(job) => self.leave(&job),
            }
            if self.samples.len() >= self.batch {
                for sample in self.samples.drain(..).rev() {
                    algorithm.update(&sample);
                    limits.push(algorithm.max_concurrency());
                }
            }
        }
        self.now = end;
        Seen {
            started: self.started - started,
            rejected: self.rejected - rejected,
            limits,
        }
    }

    /// Lets time go by without anything else, so that what is in flight takes that much longer.
    pub(crate) fn stall(&mut self, length: Duration) {
        self.now += length;
        let events = std::mem::take(&mut self.events);
        for ((at, id), event) in events {
            self.events.insert((at + length, id), event);
        }
    }

    fn arrive(&mut self, limit: usize) {
        let gap = Exp::new(self.rate).unwrap().sample(&mut self.rng);
        self.schedule(Duration::from_secs_f64(gap), Event::Arrival);
        if self.in_flight >= limit {
            self.rejected += 1;
            return;
        }
        self.started += 1;
        self.in_flight += 1;
        let mut job = Job {
            started: self.now,
            in_flight: self.in_flight,
            limit,
            outcome: Some(Outcome::Success),
        };
        if let Some(timeout) = self.timeout {
            job.outcome = Some(Outcome::Canceled);
            self.schedule(timeout, Event::Left(job));
        } else if self.rng.random_bool(self.overloads) {
            job.outcome = Some(Outcome::Overload);
            self.schedule(Duration::from_micros(200), Event::Left(job));
        } else {
            if self.rng.random_bool(self.unclassified) {
                job.outcome = None;
            }
            self.queue.push_back(job);
            self.dispatch();
        }
    }

    fn dispatch(&mut self) {
        while self.busy < self.servers
            && let Some(job) = self.queue.pop_front()
        {
            self.busy += 1;
            let work = self.work.draw(&mut self.rng);
            self.schedule(work, Event::Served(job));
        }
    }

    fn serve_next(&mut self, mut job: Job) {
        self.busy -= 1;
        if self
            .hedge
            .is_some_and(|hedge| self.now + self.delay - job.started > hedge)
        {
            job.outcome = Some(Outcome::Canceled);
        }
        self.schedule(self.delay, Event::Left(job));
        self.dispatch();
    }

    fn leave(&mut self, job: &Job) {
        self.in_flight -= 1;
        self.finished += 1;
        let Some(outcome) = job.outcome else { return };
        if outcome == Outcome::Success {
            self.fastest = self.fastest.min(self.now - job.started);
        }
        let sample = Sample::new(self.now - job.started, job.in_flight, outcome).at(self.now);
        self.samples.push(if self.has_totals {
            sample
                .limit(job.limit)
                .finished(self.finished)
                .rejected(self.rejected)
                .started(self.started)
        } else {
            sample
        });
    }

    fn schedule(&mut self, after: Duration, event: Event) {
        self.scheduled += 1;
        self.events
            .insert((self.now + after, self.scheduled), event);
    }
}

impl Work {
    fn draw(self, rng: &mut StdRng) -> Duration {
        let seconds = match self {
            Self::Exponential { mean } => Exp::new(1.0 / mean.as_secs_f64()).unwrap().sample(rng),
            Self::LogNormal { median, sigma } => LogNormal::new(median.as_secs_f64().ln(), sigma)
                .unwrap()
                .sample(rng),
        };
        Duration::from_secs_f64(seconds)
    }
}

impl Seen {
    pub(crate) fn mean_limit(&self) -> f64 {
        self.limits.iter().sum::<usize>() as f64 / self.limits.len() as f64
    }

    pub(crate) fn highest(&self) -> usize {
        *self.limits.iter().max().unwrap()
    }

    /// Rejected requests, as a part of all.
    pub(crate) fn rejects(&self) -> f64 {
        self.rejected as f64 / (self.started + self.rejected) as f64
    }
}
