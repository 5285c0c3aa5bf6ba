use rand_distr::{Distribution, Exp1, StandardNormal, StandardUniform};
use rand_pcg::Pcg64Mcg;

use super::{Params, Service};

/// What chance decides, each from the seed and the number of the request it is about.
///
/// So a request's luck does not depend on what became of others, and algorithms are compared on the
/// same traffic.
#[derive(Clone, Debug)]
pub(super) struct Draws {
    seed: u64,
}

/// What is drawn. Different purposes are independent of each other.
#[derive(Clone, Copy, Debug)]
pub(super) enum Purpose {
    Arrivals = 1,
    Pauses,
    Instance,
    Service,
    Error,
    Backoff,
    Think,
}

impl Draws {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// Returns the generator of one draw, or of a sequence that everybody sees alike.
    pub(super) fn of(&self, purpose: Purpose, request: u64, attempt: u32) -> Pcg64Mcg {
        let what = (purpose as u64) << 32 | u64::from(attempt);
        let high = mix(self.seed ^ mix(what));
        let low = mix(high ^ mix(request));
        Pcg64Mcg::new(u128::from(high) << 64 | u128::from(low))
    }

    /// Draws which of `count` instances a request goes to.
    pub(super) fn instance(&self, request: u64, count: usize) -> usize {
        if count == 1 {
            return 0;
        }
        let uniform = uniform(&mut self.of(Purpose::Instance, request, 0));
        ((uniform * count as f64) as usize).min(count - 1)
    }

    /// Draws a service time in nanoseconds, without contention.
    pub(super) fn service_ns(&self, params: &Params, request: u64, attempt: u32) -> f64 {
        let mean_ns = params.service_time.nanos() as f64;
        if params.service == Service::Constant {
            return mean_ns;
        }
        let mut rng = self.of(Purpose::Service, request, attempt);
        match params.service {
            Service::Constant => mean_ns,
            Service::Exponential => mean_ns * exponential(&mut rng),
            Service::Lognormal => {
                // Of a lognormal with the mean m and the coefficient of variation v: ln has the
                // variance ln(1 + v²) and the mean ln m less half of that.
                let variance = params.service_cv.powi(2).ln_1p();
                let normal: f64 = StandardNormal.sample(&mut rng);
                mean_ns * (variance.sqrt() * normal - variance / 2.0).exp()
            }
            Service::Bimodal if uniform(&mut rng) < params.slow_share => {
                params.slow_time.nanos() as f64
            }
            Service::Bimodal => mean_ns,
        }
    }

    /// Draws whether an attempt fails by chance.
    pub(super) fn is_error(&self, rate: f64, request: u64, attempt: u32) -> bool {
        rate > 0.0 && uniform(&mut self.of(Purpose::Error, request, attempt)) < rate
    }

    /// Draws the wait before the retry `attempt`, in nanoseconds: evenly between half and one and
    /// a half times the mean, which doubles each time.
    pub(super) fn backoff_ns(&self, first_ns: u64, request: u64, attempt: u32) -> u64 {
        if first_ns == 0 {
            return 0;
        }
        let mean_ns = first_ns as f64 * 2.0_f64.powi(attempt.saturating_sub(1).min(20) as i32);
        let uniform = uniform(&mut self.of(Purpose::Backoff, request, attempt));
        (mean_ns * (0.5 + uniform)) as u64
    }

    /// Draws how long a client thinks before a request, in nanoseconds.
    pub(super) fn think_ns(&self, mean_ns: u64, request: u64) -> u64 {
        if mean_ns == 0 {
            return 0;
        }
        (mean_ns as f64 * exponential(&mut self.of(Purpose::Think, request, 0))) as u64
    }
}

/// Draws from the exponential distribution with the mean 1.
pub(super) fn exponential(rng: &mut Pcg64Mcg) -> f64 {
    Exp1.sample(rng)
}

fn uniform(rng: &mut Pcg64Mcg) -> f64 {
    let uniform: f64 = StandardUniform.sample(rng);
    uniform
}

/// Spreads every bit of a number over all (the finalizer of `SplitMix64`: Steele, Lea and Flood, *Fast
/// splittable pseudorandom number generators*, 2014).
fn mix(mut z: u64) -> u64 {
    z = z.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::super::Span;
    use super::*;

    /// Returns mean and coefficient of variation of many service times, in means.
    fn moments(params: &Params) -> (f64, f64) {
        let draws = Draws::new(1);
        let count = 1_000_000;
        let (mut sum, mut squares) = (0.0, 0.0);
        for request in 0..count {
            let time = draws.service_ns(params, request, 0) / params.mean_service().nanos() as f64;
            sum += time;
            squares += time * time;
        }
        let mean = sum / count as f64;
        (mean, (squares / count as f64 - mean * mean).sqrt() / mean)
    }

    #[test]
    fn service_times_have_the_moments_that_they_say() {
        let with = |service, service_cv| Params {
            service,
            service_cv,
            slow_time: Span::from_millis(150),
            ..Params::default()
        };
        // Bimodal, 90% of 10 ms and 10% of 150 ms: a mean of 24 ms and a deviation of 42 ms.
        let cases = [
            (with(Service::Constant, 2.0), 0.0),
            (with(Service::Exponential, 2.0), 1.0),
            (with(Service::Lognormal, 0.5), 0.5),
            (with(Service::Lognormal, 1.5), 1.5),
            (with(Service::Bimodal, 2.0), 42.0 / 24.0),
        ];
        for (params, cv) in cases {
            let (mean, measured) = moments(&params);
            assert!((mean - 1.0).abs() < 0.01, "{:?}: {mean}", params.service);
            assert!(
                (measured - cv).abs() < 0.03,
                "{:?}: {measured}",
                params.service
            );
        }
    }

    #[test]
    fn draws_of_different_purposes_requests_and_attempts_differ() {
        let draws = Draws::new(1);
        let mut seen = std::collections::HashSet::new();
        for purpose in [Purpose::Service, Purpose::Error, Purpose::Backoff] {
            for request in 0..100 {
                for attempt in 0..10 {
                    let value = uniform(&mut draws.of(purpose, request, attempt));
                    assert!(
                        seen.insert(value.to_bits()),
                        "{purpose:?} {request} {attempt}"
                    );
                }
            }
        }
        let other = uniform(&mut Draws::new(2).of(Purpose::Service, 0, 0));
        assert!(seen.insert(other.to_bits()));
    }

    #[test]
    fn backoff_doubles() {
        let draws = Draws::new(1);
        let mean = |attempt| {
            let sum: u64 = (0..10_000)
                .map(|r| draws.backoff_ns(1000, r, attempt))
                .sum();
            sum as f64 / 10_000.0
        };
        assert!((mean(1) / 1000.0 - 1.0).abs() < 0.02);
        assert!((mean(3) / 4000.0 - 1.0).abs() < 0.02);
        assert_eq!(draws.backoff_ns(0, 1, 5), 0);
    }
}
