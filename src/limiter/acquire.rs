use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::handle::Limiter;
use crate::admission::Rejected;
use crate::gate::{Permit, Waiter};

/// Waits for a [`Permit`]: the future of [`Limiter::acquire`].
///
/// Ends without one only if the limiter is [closed](Limiter::close).
///
/// Polled again after it was ready, it waits for another permit.
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct Acquire {
    waiter: Waiter<Limiter>,
}

impl Acquire {
    pub(super) fn new(limiter: Limiter) -> Self {
        Self {
            waiter: Waiter::new(limiter),
        }
    }
}

impl Future for Acquire {
    type Output = Result<Permit, Rejected>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let waited = ready!(self.waiter.poll_acquire(cx));
        if let Err(reason) = waited {
            let rejected = self.waiter.handle().reject(reason);
            return Poll::Ready(Err(rejected));
        }
        let pass = self.waiter.spend().expect("taken in this poll");
        Poll::Ready(Ok(Permit::new(self.waiter.handle().clone(), pass)))
    }
}
