use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::handle::Limiter;
use super::path::Handle;
use crate::gate::{Permit, Waiter};

/// Waits for a [`Permit`]: the future of [`Limiter::acquire`].
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
    type Output = Permit;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Permit> {
        ready!(self.waiter.poll_acquire(cx));
        let pass = self.waiter.spend().expect("taken in this poll");
        Poll::Ready(Permit::new(self.waiter.handle().limiter().clone(), pass))
    }
}
