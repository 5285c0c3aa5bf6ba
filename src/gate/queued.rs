use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::runtime;
use tokio::time::{Instant, Sleep, sleep_until};

use super::slots::Key;
use super::ticket::{Pass, Place};
use crate::Reason;
use crate::admission::Rejected;
use crate::contain::contain;
use crate::limiter::Handle;

/// A request that waits in the queue of an admission.
///
/// Dropped before its wait is over, it leaves the queue, and a permit that was granted to it goes
/// to the next.
#[derive(Debug)]
pub(crate) struct Queued<H: Handle> {
    handle: H,
    key: Option<Key>,
    until: Instant,
    alarm: Alarm,
}

/// What wakes a request when its time is over.
#[derive(Debug)]
enum Alarm {
    Unset,
    // Boxed: most futures never wait, and all would be larger.
    Set(Pin<Box<Sleep>>),
    /// There is no clock here. Requests that come and go look at the time.
    Missing,
}

impl<H: Handle> Queued<H> {
    pub(crate) fn new(handle: H, place: Place) -> Self {
        Self {
            handle,
            key: Some(place.key),
            until: place.until,
            alarm: Alarm::Unset,
        }
    }

    pub(crate) fn handle(&self) -> &H {
        &self.handle
    }

    /// Waits until it is admitted or turned away. Not to be polled again after that.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Pass, Rejected>> {
        let limiter = self.handle.limiter();
        let newcomer = matches!(self.alarm, Alarm::Unset);
        let polled = limiter
            .gate()
            .poll_queued(&mut self.key, newcomer, cx, limiter);
        if let Poll::Ready(result) = polled {
            return Poll::Ready(result.map_err(|reason| limiter.reject(reason)));
        }
        if newcomer {
            self.alarm = Alarm::at(self.until);
        }
        if let Alarm::Set(sleep) = &mut self.alarm {
            ready!(sleep.as_mut().poll(cx));
        } else if Instant::now() < self.until {
            return Poll::Pending;
        }
        let result = match self.key.take() {
            Some(key) => limiter.gate().time_out(key, limiter),
            None => Err(Reason::WaitedTooLong),
        };
        Poll::Ready(result.map_err(|reason| limiter.reject(reason)))
    }
}

impl<H: Handle> Drop for Queued<H> {
    fn drop(&mut self) {
        if let Some(key) = self.key.take() {
            let limiter = self.handle.limiter();
            limiter.gate().leave(key, limiter);
            limiter.count_abandoned();
        }
    }
}

impl Alarm {
    fn at(deadline: Instant) -> Self {
        // A runtime may have been built without time; that panics.
        match runtime::Handle::try_current() {
            Ok(_) => contain(|| Box::pin(sleep_until(deadline))).map_or(Self::Missing, Self::Set),
            Err(_) => Self::Missing,
        }
    }
}
