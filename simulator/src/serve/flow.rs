use std::time::Duration;

use tokio::time::Instant;

/// When a connection is heard again: so that no page keeps the threads from all others, it has a part of
/// a thread's time for what it says, and some of it at once.
#[derive(Clone, Debug)]
pub(super) struct Flow {
    /// When all that it said would be paid for.
    paid_at: Instant,
}

impl Flow {
    pub(super) fn new() -> Self {
        Self {
            paid_at: Instant::now(),
        }
    }

    /// Returns when the next message is read.
    pub(super) fn opens_at(&self) -> Instant {
        // In the first moments of a machine there is no earlier time.
        self.paid_at.checked_sub(BURST).unwrap_or(self.paid_at)
    }

    /// Takes note of a message which took so long.
    pub(super) fn heard(&mut self, took: Duration) {
        let price = LEAST.max(took * PART);
        self.paid_at = self.paid_at.max(Instant::now()) + price;
    }
}

/// What any message costs: no more than 100 per second.
const LEAST: Duration = Duration::from_millis(10);
/// A connection has a twentieth of a thread.
const PART: u32 = 20;
const BURST: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use tokio::time;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_flood_is_heard_100_times_per_second_after_a_burst() {
        let (mut flow, begin) = (Flow::new(), Instant::now());
        for _ in 0..300 {
            time::sleep_until(flow.opens_at()).await;
            flow.heard(Duration::ZERO);
        }
        let secs = begin.elapsed().as_secs_f64();
        assert!((1.95..2.05).contains(&secs), "{secs}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_takes_long_is_paid_for() {
        let (mut flow, begin) = (Flow::new(), Instant::now());
        for _ in 0..11 {
            time::sleep_until(flow.opens_at()).await;
            flow.heard(Duration::from_millis(50));
        }
        let secs = begin.elapsed().as_secs_f64();
        assert!((8.9..9.1).contains(&secs), "{secs}");
    }
}
