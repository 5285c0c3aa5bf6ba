use std::task::{Context, Poll};

use super::slots::Key;
use super::ticket::Pass;
use crate::limiter::{Handle, Wait};
use crate::{Priority, Reason};

/// One caller's standing at the gate: outside, queued, or holding a permit it has not spent.
///
/// A dropped waiter gives back whatever it had.
#[derive(Debug)]
pub(crate) struct Waiter<H: Handle> {
    handle: H,
    place: Option<Key>,
    holds: Option<Pass>,
    wait: Wait,
}

impl<H: Handle> Waiter<H> {
    pub(crate) fn new(handle: H) -> Self {
        Self {
            handle,
            place: None,
            holds: None,
            wait: Wait::none(),
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
            let polled = limiter.gate().poll_acquire(&mut self.place, cx, limiter);
            let Poll::Ready(result) = polled else {
                self.wait.begin(limiter);
                return Poll::Pending;
            };
            self.wait.end(limiter);
            let pass = result?;
            if pass == Pass::Spared {
                limiter.count_spared(Reason::Limit, Priority::Normal);
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
            self.wait.end(limiter);
        }
    }
}

impl<H: Handle> Drop for Waiter<H> {
    fn drop(&mut self) {
        self.give_up();
    }
}
