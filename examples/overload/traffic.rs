//! What is asked of the service, and when: drawn once, the same for every row.

use std::ops::Range;
use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand_distr::{Distribution, Exp, LogNormal};

/// How many queries the dependency runs at once.
pub const CONNECTIONS: usize = 16;

/// The mean of a query's service time, which is lognormal.
pub const MEAN_SERVICE: Duration = Duration::from_millis(20);

/// Standard deviation of a service time over its mean: p99 is 2.7 times the mean.
const VARIATION: f64 = 0.5;

/// Before and after the overload, as a multiple of capacity.
pub const CALM_LOAD: f64 = 0.5;

/// How long a client waits, from the instant its request was due.
pub const CLIENT_TIMEOUT: Duration = Duration::from_millis(500);

/// Requests per second that the dependency can finish at best.
pub fn capacity() -> f64 {
    CONNECTIONS as f64 / MEAN_SERVICE.as_secs_f64()
}

#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    /// When the client sends it, since the start of the row.
    pub at: Duration,
    /// How long its query takes once it has a connection.
    pub service: Duration,
}

#[derive(Debug)]
pub struct Traffic {
    pub arrivals: Vec<Arrival>,
    pub overload: Range<Duration>,
    pub length: Duration,
    pub load: f64,
}

impl Traffic {
    /// Draws Poisson arrivals: a quarter of `length` calm, half at `load`, a quarter calm.
    ///
    /// The arrivals are an open loop: they keep coming however the service answers.
    pub fn draw(length: Duration, load: f64, seed: u64) -> Self {
        let overload = length.mul_f64(0.25)..length.mul_f64(0.75);
        let mut random = StdRng::seed_from_u64(seed);
        let service = LogNormal::from_mean_cv(MEAN_SERVICE.as_secs_f64(), VARIATION)
            .expect("mean and variation are positive");
        let mut arrivals = Vec::new();
        for (phase, load) in [
            (Duration::ZERO..overload.start, CALM_LOAD),
            (overload.clone(), load),
            (overload.end..length, CALM_LOAD),
        ] {
            let gap = Exp::new(load * capacity()).expect("the rate is positive");
            let mut at = phase.start + Duration::from_secs_f64(gap.sample(&mut random));
            while at < phase.end {
                let service = Duration::from_secs_f64(service.sample(&mut random));
                arrivals.push(Arrival { at, service });
                at += Duration::from_secs_f64(gap.sample(&mut random));
            }
        }
        Self {
            arrivals,
            overload,
            length,
            load,
        }
    }

    /// The dependency's own p99: service times alone, without any queue.
    pub fn service_p99(&self) -> Duration {
        let mut services: Vec<_> = self
            .arrivals
            .iter()
            .map(|arrival| arrival.service)
            .collect();
        crate::measure::percentile(&mut services, 0.99).unwrap_or(MEAN_SERVICE)
    }
}
