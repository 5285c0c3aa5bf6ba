use std::sync::OnceLock;

use tokio::runtime::Handle;

use super::handle::Limiter;

/// Where the task that expires grants runs: on the runtime of whoever noticed that it is needed,
/// or, if that thread has none, on the one where somebody waited first.
#[derive(Debug, Default)]
pub(super) struct Timer {
    runtime: OnceLock<Handle>,
}

impl Timer {
    /// Remembers the runtime of a caller that waits.
    pub(super) fn meet(&self) {
        if self.runtime.get().is_none() {
            if let Ok(handle) = Handle::try_current() {
                // Another waiter may have been first; either runtime does.
                let _ = self.runtime.set(handle);
            }
        }
    }

    /// Expires grants until no waiter depends on it. Without a runtime nothing runs, and expired
    /// grants are passed on by the next caller that polls.
    pub(super) fn start(&self, limiter: &Limiter) {
        let guard = Running {
            limiter: limiter.clone(),
            over: false,
        };
        let runtime = Handle::try_current().ok();
        if let Some(runtime) = runtime.as_ref().or_else(|| self.runtime.get()) {
            runtime.spawn(guard.run());
        }
    }
}

/// The task. If it ends before its time, because its runtime does, the next one may start.
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
        if !self.over {
            self.limiter.gate().timer_lost();
        }
    }
}
