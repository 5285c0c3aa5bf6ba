use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::runtime::Handle;

use super::handle::Limiter;

/// Where the task that expires grants runs: on the runtime of whoever waited last. A runtime on
/// which somebody waits is driven; the one on which a permit is freed need not be.
#[derive(Debug, Default)]
pub(super) struct Timer {
    runtime: Mutex<Option<Handle>>,
    /// A hint: while there is a task, nobody needs to say where to run one.
    running: AtomicBool,
    /// Whether a task panicked because its runtime was built without `enable_time`.
    clockless: AtomicBool,
}

impl Timer {
    /// Remembers the runtime of a caller that waits, if it has one.
    pub(super) fn meet(&self) {
        // Relaxed: a hint. If it is out of date, the runtime of an earlier waiter is used.
        if self.running.load(Ordering::Relaxed) {
            return;
        }
        if let Ok(handle) = Handle::try_current() {
            let before = self.lock().replace(handle);
            // Outside the lock: a last handle takes its runtime's tasks along.
            drop(before);
        }
    }

    /// Expires grants until no waiter depends on it. Without a runtime, or a clock, nothing runs,
    /// and lapsed grants are passed on by the next caller that polls.
    pub(super) fn start(&self, limiter: &Limiter) {
        // Relaxed: a clockless runtime is noticed late at worst, and panics once more.
        let clockless = self.clockless.load(Ordering::Relaxed);
        let runtime = self.lock().clone();
        let Some(runtime) = runtime.filter(|_| !clockless) else {
            return limiter.gate().timer_missing();
        };
        let task = Running {
            limiter: limiter.clone(),
            over: false,
        };
        // Relaxed: a hint.
        self.running.store(true, Ordering::Relaxed);
        runtime.spawn(task.run());
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Handle>> {
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
            tokio::time::sleep_until(deadline).await;
        }
        self.over = true;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let timer = self.limiter.timer();
        // Relaxed: hints, both.
        timer.running.store(false, Ordering::Relaxed);
        if self.over {
            return;
        }
        if std::thread::panicking() {
            // Another task would panic, too.
            timer.clockless.store(true, Ordering::Relaxed);
            self.limiter.gate().timer_missing();
        } else {
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
        served.expect("the waiter was forgotten").unwrap().release();
    }
}
