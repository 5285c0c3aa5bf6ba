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
            if matches!(result, Ok(Pass::Spared)) {
                limiter.count_spared(Reason::Limit);
            }
            return Poll::Ready(result.map_err(|reason| limiter.reject(reason)));
        }
        if newcomer {
            self.alarm = Alarm::at(self.until);
        }
        ready!(self.alarm.poll(self.until, cx));
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
    fn poll(&mut self, until: Instant, cx: &mut Context<'_>) -> Poll<()> {
        if let Self::Set(sleep) = self {
            if let Some(polled) = contain(|| sleep.as_mut().poll(cx)) {
                return polled;
            }
            // Its runtime is gone. This one may have a clock, too.
            *self = Self::at(until);
            if let Self::Set(sleep) = self {
                return contain(|| sleep.as_mut().poll(cx)).unwrap_or(Poll::Pending);
            }
        }
        match Instant::now() < until {
            true => Poll::Pending,
            false => Poll::Ready(()),
        }
    }

    fn at(deadline: Instant) -> Self {
        // A runtime may have been built without time; that panics.
        match runtime::Handle::try_current() {
            Ok(_) => contain(|| Box::pin(sleep_until(deadline))).map_or(Self::Missing, Self::Set),
            Err(_) => Self::Missing,
        }
    }
}
