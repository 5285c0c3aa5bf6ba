use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::runtime;
use tokio::time::{Instant, Sleep, sleep_until};

use super::slots::Key;
use super::ticket::{Pass, Place};
use crate::admission::Rejected;
use crate::contain::contain;
use crate::limiter::{Handle, Wait};
use crate::{Priority, Reason};

/// A request that waits in the queue of an admission.
///
/// Dropped before its wait is over, it leaves the queue, and a permit that was granted to it goes
/// to the next.
#[derive(Debug)]
pub(crate) struct Queued<H: Handle> {
    handle: H,
    key: Option<Key>,
    until: Instant,
    priority: Priority,
    alarm: Alarm,
    /// Of an alarm that is set. Boxed: most futures never wait, and all would be larger.
    sleep: Option<Pin<Box<Sleep>>>,
    wait: Wait,
}

/// What wakes a request when its time is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Alarm {
    Unset,
    Set,
    /// There is no clock here. Requests that come and go look at the time.
    Missing,
}

impl<H: Handle> Queued<H> {
    pub(crate) fn new(handle: H, place: Place) -> Self {
        let wait = Wait::begun(handle.limiter());
        Self {
            handle,
            key: Some(place.key),
            until: place.until,
            priority: place.priority,
            alarm: Alarm::Unset,
            sleep: None,
            wait,
        }
    }

    pub(crate) fn handle(&self) -> &H {
        &self.handle
    }

    /// Waits until it is admitted or turned away. Not to be polled again after that.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Pass, Rejected>> {
        let result = ready!(self.poll_decision(cx));
        let limiter = self.handle.limiter();
        self.wait.end(limiter);
        Poll::Ready(result.map_err(|reason| limiter.reject_of(reason, self.priority)))
    }

    fn poll_decision(&mut self, cx: &mut Context<'_>) -> Poll<Result<Pass, Reason>> {
        let limiter = self.handle.limiter();
        let newcomer = self.alarm == Alarm::Unset;
        let polled = limiter
            .gate()
            .poll_queued(&mut self.key, newcomer, cx, limiter);
        if let Poll::Ready(result) = polled {
            if matches!(result, Ok(Pass::Spared)) {
                limiter.count_spared(Reason::Limit, self.priority);
            }
            return Poll::Ready(result);
        }
        if newcomer {
            self.set_alarm();
        }
        ready!(self.poll_alarm(cx));
        let limiter = self.handle.limiter();
        Poll::Ready(match self.key.take() {
            Some(key) => limiter.gate().time_out(key, limiter),
            None => Err(Reason::WaitedTooLong),
        })
    }

    fn poll_alarm(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(sleep) = &mut self.sleep {
            if let Some(polled) = contain(|| sleep.as_mut().poll(cx)) {
                return polled;
            }
            // Its runtime is gone. This one may have a clock, too.
            self.set_alarm();
            if let Some(sleep) = &mut self.sleep {
                return contain(|| sleep.as_mut().poll(cx)).unwrap_or(Poll::Pending);
            }
        }
        match Instant::now() < self.until {
            true => Poll::Pending,
            false => Poll::Ready(()),
        }
    }

    fn set_alarm(&mut self) {
        // A runtime may have been built without time; that panics.
        self.sleep = match runtime::Handle::try_current() {
            Ok(_) => contain(|| Box::pin(sleep_until(self.until))),
            Err(_) => None,
        };
        self.alarm = match self.sleep {
            Some(_) => Alarm::Set,
            None => Alarm::Missing,
        };
    }
}

impl<H: Handle> Drop for Queued<H> {
    fn drop(&mut self) {
        if let Some(key) = self.key.take() {
            let limiter = self.handle.limiter();
            limiter.gate().leave(key, limiter);
            limiter.count_abandoned();
            self.wait.end(limiter);
        }
    }
}
