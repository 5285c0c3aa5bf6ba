use std::time::Duration;

use tokio::time::Instant;

/// When which tick is due.
#[derive(Clone, Debug)]
pub(super) struct Pace {
    playing: bool,
    speed: f64,
    /// The tick that was due at `since`.
    base: f64,
    since: Instant,
    /// Where the run was when its real speed was last measured.
    measured: (Instant, usize),
    actual: f64,
}

impl Pace {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self {
            playing: false,
            speed: 1.0,
            base: 0.0,
            since: now,
            measured: (now, 0),
            actual: 1.0,
        }
    }

    pub(super) fn is_playing(&self) -> bool {
        self.playing
    }

    pub(super) fn speed(&self) -> f64 {
        self.speed
    }

    /// Plays or pauses, from tick `tick` on.
    pub(super) fn set_playing(&mut self, playing: bool, tick: usize) {
        self.playing = playing;
        self.actual = self.speed;
        self.restart(tick);
    }

    pub(super) fn set_speed(&mut self, speed: f64, tick: usize) {
        self.speed = speed;
        self.actual = speed;
        self.restart(tick);
    }

    /// Counts from tick `tick` and now.
    pub(super) fn restart(&mut self, tick: usize) {
        let now = Instant::now();
        self.base = tick as f64;
        self.since = now;
        self.measured = (now, tick);
    }

    /// Returns how many ticks should have ended by now. A run that falls far behind is not hurried
    /// to catch up: it is slower, and [`actual`](Self::actual) says so.
    pub(super) fn due(&mut self, tick: usize) -> usize {
        let per_second = self.speed * TICKS_PER_SECOND;
        let due = self.base + self.since.elapsed().as_secs_f64() * per_second;
        if due - tick as f64 > per_second * PATIENCE_SECS + 1.0 {
            self.base = tick as f64;
            self.since = Instant::now();
            return tick + 1;
        }
        due as usize
    }

    /// Returns when to go on after tick `tick`: when the next one is due, but no more often than
    /// a screen shows; at once, if it is late.
    pub(super) fn next(&self, tick: usize) -> Instant {
        let secs = (tick as f64 + 1.0 - self.base) / (self.speed * TICKS_PER_SECOND);
        let due = self.since + Duration::from_secs_f64(secs.max(0.0));
        let now = Instant::now();
        if due <= now {
            now
        } else {
            due.max(now + FRAME)
        }
    }

    /// Returns the speed that it really has, measured over a second.
    pub(super) fn actual(&mut self, tick: usize) -> f64 {
        let (at, before) = self.measured;
        let secs = at.elapsed().as_secs_f64();
        if secs >= 1.0 {
            self.actual = tick.saturating_sub(before) as f64 / TICKS_PER_SECOND / secs;
            self.measured = (Instant::now(), tick);
        }
        self.actual
    }
}

const TICKS_PER_SECOND: f64 = 10.0;
const PATIENCE_SECS: f64 = 0.25;
const FRAME: Duration = Duration::from_millis(15);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_late_run_does_not_rest_and_one_in_time_does() {
        let mut pace = Pace::new();
        pace.set_speed(20.0, 0);
        pace.set_playing(true, 0);
        tokio::time::advance(Duration::from_millis(101)).await;
        assert_eq!(pace.due(0), 20);
        assert_eq!(pace.next(10), Instant::now());
        assert_eq!(pace.next(20), Instant::now() + FRAME);
        // Far behind, it does not hurry.
        tokio::time::advance(Duration::from_secs(10)).await;
        assert_eq!(pace.due(20), 21);
        tokio::time::advance(Duration::from_millis(51)).await;
        assert_eq!(pace.due(20), 30);
    }
}
