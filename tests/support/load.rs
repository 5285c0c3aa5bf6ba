//! A plant and its traffic, in virtual time: the clock of the test is paused, and the same seed
//! gives the same run.

use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, Exp};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};
use tower::{Service, ServiceExt, service_fn};

/// A plant of so many servers with a first-come-first-served queue of its own, and exponential
/// service times.
#[derive(Clone, Debug)]
pub(crate) struct Plant {
    servers: Arc<Semaphore>,
    pub(crate) size: usize,
    pub(crate) mean: Duration,
}

/// What is sent.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) kind: &'static str,
    pub(crate) work: Duration,
}

/// What became of the jobs of one kind.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) sent: u64,
    pub(crate) served: u64,
}

impl Tally {
    pub(crate) fn share(self) -> f64 {
        self.served as f64 / self.sent as f64
    }
}

impl Plant {
    pub(crate) fn new(size: usize, mean: Duration) -> Self {
        Self {
            servers: Arc::new(Semaphore::new(size)),
            size,
            mean,
        }
    }

    /// Jobs per second.
    pub(crate) fn capacity(&self) -> f64 {
        self.size as f64 / self.mean.as_secs_f64()
    }

    pub(crate) fn service(
        &self,
    ) -> impl Service<Job, Response = &'static str, Error = std::io::Error, Future: Send>
    + Clone
    + Send
    + 'static {
        let servers = self.servers.clone();
        service_fn(move |job: Job| {
            let servers = servers.clone();
            async move {
                let _server = servers.acquire().await.expect("never closed");
                sleep(job.work).await;
                Ok(job.kind)
            }
        })
    }

    /// Sends Poisson traffic, so many times the capacity, a fraction of it of each kind, and
    /// returns what became of each, and the goodput as a share of the capacity.
    pub(crate) async fn load<S>(
        &self,
        service: S,
        times: f64,
        kinds: &[(&'static str, f64)],
        length: Duration,
    ) -> (Vec<Tally>, f64)
    where
        S: Service<Job, Response = &'static str, Future: Send + 'static> + Clone + Send + 'static,
        S::Error: Send + 'static,
    {
        let mut rng = StdRng::seed_from_u64(7);
        let gaps = Exp::new(times * self.capacity()).unwrap();
        let work = Exp::new(1.0 / self.mean.as_secs_f64()).unwrap();
        let started = Instant::now();
        let mut at = 0.0;
        let mut tasks = JoinSet::new();
        let mut tallies = vec![Tally::default(); kinds.len()];
        loop {
            at += gaps.sample(&mut rng);
            if at > length.as_secs_f64() {
                break;
            }
            sleep_until(started + Duration::from_secs_f64(at)).await;
            let mut draw: f64 = rng.random();
            let kind = kinds.iter().position(|(_, fraction)| {
                draw -= fraction;
                draw < 0.0
            });
            let kind = kind.unwrap_or(kinds.len() - 1);
            tallies[kind].sent += 1;
            let job = Job {
                kind: kinds[kind].0,
                work: Duration::from_secs_f64(work.sample(&mut rng)),
            };
            let call = service.clone().oneshot(job);
            tasks.spawn(async move { call.await.is_ok().then_some(kind) });
            while let Some(done) = tasks.try_join_next() {
                if let Some(kind) = done.unwrap() {
                    tallies[kind].served += 1;
                }
            }
        }
        let length = started.elapsed().as_secs_f64();
        let served: u64 = tallies.iter().map(|tally| tally.served).sum();
        let goodput = served as f64 / length / self.capacity();
        while let Some(done) = tasks.join_next().await {
            if let Some(kind) = done.unwrap() {
                tallies[kind].served += 1;
            }
        }
        (tallies, goodput)
    }
}
