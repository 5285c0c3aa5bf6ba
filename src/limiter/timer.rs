use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::{Instant, sleep_until};

use super::handle::Limiter;
use crate::contain::contain;

/// Where the task that expires grants runs: on the runtime of whoever came to wait last. A runtime
/// on which somebody waits is most likely driven; the one on which a permit is freed need not be.
#[derive(Debug, Default)]
pub(super) struct Timer {
    runtime: Mutex<Runtime>,
    /// Whether `runtime` was found out, so that most polls need not look.
    known: AtomicBool,
}

#[derive(Debug, Default)]
enum Runtime {
    #[default]
    Unknown,
    Known(Handle),
    /// One was built without `enable_time`. Not to be tried again too soon: it panics, if contained.
    Clockless {
        since: Instant,
    },
}

/// How long a limiter does without a timer after it met a runtime without a clock.
const RETRY_AFTER: Duration = Duration::from_secs(60);

impl Timer {
    /// Remembers the runtime of a caller that waits, if it has one.
    pub(super) fn meet(&self, newcomer: bool) {
        // Relaxed: a hint; `runtime` has a lock of its own.
        if !newcomer && self.known.load(Ordering::Relaxed) {
            return;
        }
        if let Ok(handle) = Handle::try_current() {
            let mut runtime = self.lock();
            if matches!(&*runtime, Runtime::Clockless { since } if since.elapsed() < RETRY_AFTER) {
                return;
            }
            let before = std::mem::replace(&mut *runtime, Runtime::Known(handle));
            drop(runtime);
            // Relaxed: as above.
            self.known.store(true, Ordering::Relaxed);
            // Outside the lock: a last handle takes its runtime's tasks along.
            drop(before);
        }
    }

    /// Expires grants until no waiter depends on it. Without a runtime, or a clock, nothing runs,
    /// and lapsed grants are passed on by the next caller that polls.
    pub(super) fn start(&self, limiter: &Limiter) {
        let runtime = match &*self.lock() {
            Runtime::Known(handle) => handle.clone(),
            Runtime::Unknown | Runtime::Clockless { .. } => {
                return limiter.gate().timer_missing();
            }
        };
        let task = Running {
            limiter: limiter.clone(),
            over: false,
        };
        runtime.spawn(task.run());
    }

    /// Forgets a runtime that is gone.
    fn forget(&self) {
        let before = std::mem::take(&mut *self.lock());
        // Relaxed: as above.
        self.known.store(false, Ordering::Relaxed);
        drop(before);
    }

    fn lock(&self) -> MutexGuard<'_, Runtime> {
        self.runtime.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The task. If it ends before its time, because its runtime does, another may start.
struct Running {
    limiter: Limiter,
    over: bool,
}

impl Running {
    async fn run(mut self) {
        while let Some(deadline) = self.limiter.gate().expire(&self.limiter) {
            let Some(sleep) = contain(|| sleep_until(deadline)) else {
                let since = Instant::now();
                *self.limiter.timer().lock() = Runtime::Clockless { since };
                self.limiter.gate().timer_missing();
                break;
            };
            sleep.await;
        }
        self.over = true;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.over {
            self.limiter.timer().forget();
            self.limiter.gate().timer_lost();
        }
    }
}

#[cfg(all(test, not(tower_adaptive_loom)))]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Waker};
    use std::time::Duration;

    use tokio::runtime::{Builder, Runtime};

    use super::*;
    use crate::Fixed;

    fn runtime() -> Runtime {
        Builder::new_current_thread().enable_time().build().unwrap()
    }

    #[test]
    fn a_waiter_outlives_the_runtime_that_its_timer_runs_on() {
        let limiter = Limiter::new(Fixed::new(1));
        let (theirs, ours) = (runtime(), runtime());
        let permit = limiter.try_acquire().unwrap();
        let mut dead = pin!(limiter.acquire());
        assert!(
            dead.as_mut()
                .poll(&mut Context::from_waker(Waker::noop()))
                .is_pending()
        );
        let live = ours.spawn(limiter.acquire());
        ours.block_on(tokio::task::yield_now());
        assert_eq!(limiter.waiting(), 2);

        // The timer starts over there, and ends with it.
        theirs.block_on(async { permit.release() });
        drop(theirs);

        let served =
            ours.block_on(async { tokio::time::timeout(Duration::from_secs(5), live).await });
        served
            .expect("the waiter was forgotten")
            .unwrap()
            .unwrap()
            .release();
    }
}
