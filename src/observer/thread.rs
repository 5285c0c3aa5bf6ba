use std::thread;
use std::time::Duration;

use tokio::time::Instant;

use crate::contain::contain;
use crate::registry;

/// Starts the thread. The registry has noted that it runs.
pub(crate) fn start() {
    let thread = thread::Builder::new().name(NAME.to_owned());
    if thread.spawn(run).is_err() {
        registry::not_observed();
    }
}

fn run() {
    #[cfg(feature = "metrics")]
    let mut published = Instant::now();
    while let Some(entries) = registry::to_observe() {
        for entry in &entries {
            contain(|| entry.watched.look(entry, Instant::now()));
        }
        drop(entries);
        #[cfg(feature = "metrics")]
        if published.elapsed() >= PUBLISH_EVERY {
            published = Instant::now();
            contain(crate::metrics::publish);
        }
        // Nobody unparks it: a sleep, and early if that should happen.
        thread::park_timeout(LOOK_EVERY);
    }
}

const NAME: &str = "tower-adaptive";

const LOOK_EVERY: Duration = Duration::from_millis(100);

#[cfg(feature = "metrics")]
const PUBLISH_EVERY: Duration = Duration::from_secs(1);
