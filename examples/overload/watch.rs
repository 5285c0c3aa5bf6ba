//! Looks at the server from time to time while the clients are at it.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tower_adaptive::Limiter;

use crate::measure::Moment;
use crate::server::Server;

/// Looks every 20 ms from `start` until `end`, and calls `progress` each time.
pub async fn watch(
    server: &Server,
    start: Instant,
    end: Instant,
    progress: impl Fn(Duration),
) -> Vec<Moment> {
    let mut moments = Vec::new();
    let mut ticks = interval_at(start, PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    while ticks.tick().await < end {
        let moment = look(server, start.elapsed());
        progress(moment.at);
        moments.push(moment);
    }
    moments
}

fn look(server: &Server, at: Duration) -> Moment {
    let counts = server.dependency().counts();
    Moment {
        at,
        limit: server.limiter.as_ref().map(Limiter::limit),
        in_flight: server.in_flight(),
        finished: counts.finished.load(Ordering::Relaxed),
        wasted: counts.wasted.load(Ordering::Relaxed),
    }
}

const PERIOD: Duration = Duration::from_millis(20);
