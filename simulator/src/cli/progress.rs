use std::sync::{Mutex, MutexGuard, PoisonError};

use indicatif::{ProgressBar, ProgressStyle};

/// How many runs are done, and of which scenarios some are under way; only on a terminal.
#[derive(Debug)]
pub(super) struct Progress {
    bar: ProgressBar,
    running: Mutex<Vec<String>>,
}

impl Progress {
    /// Begins, with so many runs to do.
    #[must_use]
    pub(super) fn new(runs: usize) -> Self {
        let bar = ProgressBar::new(runs as u64);
        if let Ok(style) = ProgressStyle::with_template(
            "{bar:30} {pos} of {len} runs, {elapsed}, about {eta} left: {msg}",
        ) {
            bar.set_style(style);
        }
        Self {
            bar,
            running: Mutex::default(),
        }
    }

    /// Names a scenario until the result is dropped.
    pub(super) fn begin(&self, scenario: &str) -> Running<'_> {
        self.running().push(scenario.to_owned());
        self.name_running();
        Running {
            progress: self,
            scenario: scenario.to_owned(),
        }
    }

    /// Does something while the bar is not on the screen.
    pub(super) fn hidden(&self, print: impl FnOnce()) {
        self.bar.suspend(print);
    }

    fn running(&self) -> MutexGuard<'_, Vec<String>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn name_running(&self) {
        let names = self.running().join(", ");
        self.bar.set_message(names);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// A scenario that is under way.
#[derive(Debug)]
pub(super) struct Running<'a> {
    progress: &'a Progress,
    scenario: String,
}

impl Running<'_> {
    /// A run of it is done.
    pub(super) fn done_one(&self) {
        self.progress.bar.inc(1);
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.progress
            .running()
            .retain(|name| *name != self.scenario);
        self.progress.name_running();
    }
}
