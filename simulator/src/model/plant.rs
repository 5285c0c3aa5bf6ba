use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use super::Params;
use super::attempt::MOST;
use super::draws::Draws;
use super::gauge::Gauge;

/// Servers with one queue, first come first served.
///
/// It has a time of its own, which stands still in a pause: departures are noted in plant time and
/// so need not be moved when a pause comes.
#[derive(Clone, Debug, Default)]
pub(super) struct Plant {
    /// Who waits for a server.
    queue: VecDeque<Job>,
    /// Who leaves when, in plant time.
    leaving: BinaryHeap<Reverse<(u64, u64, usize)>>,
    started: u64,
    queued: Gauge,
    /// The sum of all pauses so far, the present one included.
    paused: u64,
    resumes_at: u64,
}

/// An attempt in the plant.
#[derive(Clone, Copy, Debug)]
pub(super) struct Job {
    pub(super) key: usize,
    pub(super) request: u64,
    pub(super) attempt: u32,
}

impl Plant {
    /// Returns how many are in the plant, waiting or worked on.
    pub(super) fn len(&self) -> usize {
        self.queue.len() + self.leaving.len()
    }

    pub(super) fn busy(&self) -> usize {
        self.leaving.len()
    }

    pub(super) fn queued(&self) -> usize {
        self.queue.len()
    }

    pub(super) fn take_mean_queue(&mut self, now: u64) -> f64 {
        self.queued.take_mean(now)
    }

    /// Takes a job in, or returns `false` if the queue is full.
    pub(super) fn enter(&mut self, job: Job, params: &Params, draws: &Draws, now: u64) -> bool {
        let must_wait = self.busy() >= params.servers as usize || !self.queue.is_empty();
        let room = params.queue.get().map_or(MOST, |room| room as usize);
        if must_wait && self.queue.len() >= room {
            return false;
        }
        self.queue.push_back(job);
        self.start_waiting(params, draws, now);
        true
    }

    /// Starts work on those that wait, as long as there are free servers.
    pub(super) fn start_waiting(&mut self, params: &Params, draws: &Draws, now: u64) {
        while self.busy() < params.servers as usize {
            let Some(job) = self.queue.pop_front() else {
                break;
            };
            // Itself is one of those in the plant.
            let beyond = (self.len() + 1).saturating_sub(params.servers as usize);
            let slower = 1.0 + params.contention * beyond as f64;
            let time_ns = draws.service_ns(params, job.request, job.attempt) * slower;
            // Contention can make a service time longer than there are nanoseconds.
            let leaves_at = self.plant_time(now) + (time_ns as u64).clamp(1, LONGEST_NS);
            self.started += 1;
            self.leaving
                .push(Reverse((leaves_at, self.started, job.key)));
        }
        if self.queued.get() != self.queue.len() as u64 {
            self.queued.set(now, self.queue.len() as u64);
        }
    }

    /// Returns when the next job leaves.
    pub(super) fn next_departure(&self) -> u64 {
        match self.leaving.peek() {
            Some(Reverse((at, ..))) => at.saturating_add(self.paused),
            None => u64::MAX,
        }
    }

    /// Takes out the job that leaves next.
    pub(super) fn depart(&mut self) -> Option<usize> {
        self.leaving.pop().map(|Reverse((_, _, key))| key)
    }

    /// Stops all work for so long; in a pause, it gets that much longer.
    pub(super) fn pause(&mut self, length: u64, now: u64) {
        self.paused = self.paused.saturating_add(length);
        self.resumes_at = self.resumes_at.max(now).saturating_add(length);
    }

    pub(super) fn resumes_at(&self) -> u64 {
        self.resumes_at
    }

    /// Converts a time; all of a pause is the plant time at which it began.
    fn plant_time(&self, now: u64) -> u64 {
        now.max(self.resumes_at) - self.paused
    }
}

/// About 30 years.
const LONGEST_NS: u64 = 1_000_000_000_000_000_000;

#[cfg(test)]
mod tests {
    use super::super::{Maybe, Service, Span};
    use super::*;

    fn job(key: usize) -> Job {
        Job {
            key,
            request: key as u64,
            attempt: 0,
        }
    }

    fn params() -> Params {
        Params {
            servers: 2,
            service: Service::Constant,
            service_time: Span::from_nanos(100),
            ..Params::default()
        }
    }

    #[test]
    fn jobs_are_started_in_order_and_refused_when_the_queue_is_full() {
        let params = Params {
            queue: Maybe::Some(1),
            ..params()
        };
        let (mut plant, draws) = (Plant::default(), Draws::new(1));
        assert!(plant.enter(job(1), &params, &draws, 0));
        assert!(plant.enter(job(2), &params, &draws, 10));
        assert!(plant.enter(job(3), &params, &draws, 20));
        assert!(!plant.enter(job(4), &params, &draws, 30));
        assert_eq!((plant.busy(), plant.queued()), (2, 1));
        assert_eq!(plant.next_departure(), 100);
        assert_eq!(plant.depart(), Some(1));
        plant.start_waiting(&params, &draws, 100);
        assert_eq!(plant.next_departure(), 110);
        plant.depart();
        assert_eq!(plant.next_departure(), 200);
    }

    #[test]
    fn a_pause_delays_what_runs_and_what_starts_in_it() {
        let (mut plant, draws, params) = (Plant::default(), Draws::new(1), params());
        plant.enter(job(1), &params, &draws, 0);
        plant.pause(1000, 40);
        assert_eq!(plant.next_departure(), 1100);
        plant.enter(job(2), &params, &draws, 500);
        plant.depart();
        // It starts when the pause ends, at 1040.
        assert_eq!(plant.next_departure(), 1140);
        plant.pause(10, 600);
        assert_eq!(plant.next_departure(), 1150);
    }

    #[test]
    fn contention_makes_each_job_slower_by_those_beyond_the_servers() {
        let params = Params {
            contention: 0.5,
            ..params()
        };
        let (mut plant, draws) = (Plant::default(), Draws::new(1));
        for key in 1..=4 {
            plant.enter(job(key), &params, &draws, 0);
        }
        plant.depart();
        // Three are in the plant when job 3 starts, one more than servers: 100 x 1.5.
        plant.start_waiting(&params, &draws, 100);
        plant.depart();
        assert_eq!(plant.next_departure(), 250);
    }

    #[test]
    fn servers_taken_away_finish_what_they_do() {
        let (mut plant, draws) = (Plant::default(), Draws::new(1));
        for key in 1..=3 {
            plant.enter(job(key), &params(), &draws, 0);
        }
        let fewer = Params {
            servers: 1,
            ..params()
        };
        plant.depart();
        plant.start_waiting(&fewer, &draws, 100);
        assert_eq!((plant.busy(), plant.queued()), (1, 1));
    }
}
