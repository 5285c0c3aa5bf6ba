use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Sleep, sleep};

use super::handle::Limiter;
use super::snapshot::Snapshot;
use super::weak::WeakLimiter;

impl Limiter {
    /// Returns a stream of snapshots, one whenever something has changed.
    ///
    /// It looks every 100 ms (see [`every`](Changes::every)) and so shows the latest state, not each
    /// on the way there; requests know nothing of it and are not slowed down. It does not keep the
    /// limiter alive.
    ///
    /// # Examples
    ///
    /// ```
    /// use tower_adaptive::{Fathom, Limiter};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), tower_adaptive::InvalidOption> {
    /// let limiter = Limiter::new(Fathom::default());
    /// let mut changes = limiter.changes();
    /// assert_eq!(changes.next().await.map(|now| now.limit), Some(20)); // the first comes at once
    ///
    /// limiter.set_bounds(1..=10)?;
    /// assert_eq!(changes.next().await.map(|now| now.limit), Some(10));
    ///
    /// drop(limiter);
    /// assert_eq!(changes.next().await, None);
    /// # Ok(())
    /// # }
    /// ```
    pub fn changes(&self) -> Changes {
        Changes {
            limiter: self.downgrade(),
            every: Duration::from_millis(100),
            pause: None,
            seen: None,
        }
    }
}

/// The states of a limiter, as they change: see [`Limiter::changes`].
///
/// A stream in all but the trait: `futures::stream::poll_fn(move |cx| changes.poll_next(cx))` is one.
#[must_use = "it looks only when it is polled"]
pub struct Changes {
    limiter: WeakLimiter,
    every: Duration,
    /// Until the next look.
    pause: Option<Pin<Box<Sleep>>>,
    seen: Option<Snapshot>,
}

impl Changes {
    /// Sets how often it looks, and so how many snapshots come at most: default 100 ms, at least
    /// 1 ms. Less shows more of what happens in between; each look takes a [snapshot](Limiter::snapshot).
    pub fn every(mut self, every: Duration) -> Self {
        self.every = every.max(Duration::from_millis(1));
        self
    }

    /// Waits for the next change; the first time it returns at once. `None` when the limiter has gone.
    ///
    /// # Cancel safety
    ///
    /// A future that is dropped has missed nothing.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime with time enabled.
    pub async fn next(&mut self) -> Option<Snapshot> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// As [`next`](Self::next), for streams of one's own.
    ///
    /// # Panics
    ///
    /// As `next`.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Snapshot>> {
        loop {
            if let Some(pause) = &mut self.pause {
                ready!(pause.as_mut().poll(cx));
            }
            let Some(now) = self.limiter.upgrade().map(|limiter| limiter.snapshot()) else {
                return Poll::Ready(None);
            };
            self.pause = Some(Box::pin(sleep(self.every)));
            if self.seen.as_ref() != Some(&now) {
                self.seen = Some(now.clone());
                return Poll::Ready(Some(now));
            }
        }
    }
}

impl fmt::Debug for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Changes")
            .field("every", &self.every)
            .finish_non_exhaustive()
    }
}
