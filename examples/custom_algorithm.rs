//! An algorithm of one's own, tried out on hand-made samples and then put to work.
//!
//! Run: `cargo run --example custom_algorithm`

use std::time::Duration;

use tower_adaptive::{Algorithm, Bounds, Limiter, Outcome, Report, Sample};

/// Aims at a response time: one more while it is met, a tenth less when it is not.
struct Target {
    rtt: Duration,
    limit: f64,
    bounds: Bounds,
}

impl Algorithm for Target {
    fn max_concurrency(&self) -> usize {
        self.limit as usize
    }

    fn update(&mut self, sample: &Sample) {
        let slow = sample.rtt > self.rtt;
        let limit = match sample.outcome {
            Outcome::Overload => self.limit * 0.9,
            // The RTT of a canceled request is a lower bound: slow is slow, fast means nothing.
            Outcome::Success | Outcome::Canceled if slow => self.limit * 0.9,
            // A limit that is not in use was not tested: it must not grow.
            Outcome::Success if sample.in_flight * 2 >= sample.limit => {
                self.limit + 1.0 / self.limit
            }
            _ => self.limit,
        };
        self.limit = self.bounds.clamp_f64(limit);
    }

    fn rebase(&mut self, limit: usize, bounds: Bounds) {
        (self.limit, self.bounds) = (limit as f64, bounds);
    }

    fn report(&self) -> Report {
        Report::new().algorithm("target").bounds(self.bounds)
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut target = Target {
        rtt: Duration::from_millis(30),
        limit: 10.0,
        bounds: Bounds::new(1, 100)?,
    };

    // No clock and no runtime: an algorithm sees nothing but samples.
    for (rtt_ms, note) in [(20, "fast"), (50, "slow"), (20, "fast again")] {
        for _ in 0..100 {
            let in_flight = target.max_concurrency();
            let rtt = Duration::from_millis(rtt_ms);
            target.update(&Sample::new(rtt, in_flight, Outcome::Success).limit(in_flight));
        }
        println!(
            "100 × {rtt_ms} ms ({note}): limit {}",
            target.max_concurrency()
        );
    }

    let limiter = Limiter::new(target);
    limiter.run(async { Ok::<_, std::io::Error>(()) }).await?;
    println!("{:?}", limiter.snapshot().report);
    Ok(())
}
