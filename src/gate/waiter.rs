use std::task::{Context, Poll, ready};

use super::slots::Key;
use super::ticket::Pass;
use crate::Reason;
use crate::limiter::Handle;

/// One caller's standing at the gate: outside, queued, or holding a permit it has not spent.
///
/// A dropped waiter gives back whatever it had.
#[derive(Debug)]
pub(crate) struct Waiter<H: Handle> {
    handle: H,
    place: Option<Key>,
    holds: Option<Pass>,
}

impl<H: Handle> Waiter<H> {
    pub(crate) fn new(handle: H) -> Self {
        Self {
            handle,
            place: None,
            holds: None,
        }
    }

    pub(crate) fn handle(&self) -> &H {
        &self.handle
    }

    /// Waits for a permit. Once Ready it stays so until [`spend`](Self::spend). Fails only if the
    /// limiter is closed.
    pub(crate) fn poll_acquire(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Reason>> {
        if self.holds.is_none() {
            let limiter = self.handle.limiter();
            let pass = ready!(limiter.gate().poll_acquire(&mut self.place, cx, limiter))?;
            if pass == Pass::Spared {
                limiter.count_spared(Reason::Limit);
            }
            self.holds = Some(pass);
        }
        Poll::Ready(Ok(()))
    }

    /// Hands the permit to the caller, who must release it. `None` if there is none.
    pub(crate) fn spend(&mut self) -> Option<Pass> {
        self.holds.take()
    }

    /// Gives back a permit or a place in the queue.
    pub(crate) fn give_up(&mut self) {
        let limiter = self.handle.limiter();
        if let Some(pass) = self.holds.take() {
            limiter.gate().release(pass, limiter);
        }
        if let Some(place) = self.place.take() {
            limiter.gate().leave(place, limiter);
        }
    }
}

impl<H: Handle> Drop for Waiter<H> {
    fn drop(&mut self) {
        self.give_up();
    }
}
