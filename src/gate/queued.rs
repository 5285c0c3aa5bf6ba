use std::task::{Context, Poll};

use super::ticket::{Pass, Place};
use crate::admission::Rejected;
use crate::limiter::Handle;

/// A request that waits in the queue of an admission.
///
/// Dropped before its wait is over, it leaves the queue, and a permit that was granted to it goes
/// to the next.
#[derive(Debug)]
pub(crate) struct Queued<H: Handle> {
    handle: H,
    place: Option<Place>,
}

impl<H: Handle> Queued<H> {
    pub(crate) fn new(handle: H, place: Place) -> Self {
        Self {
            handle,
            place: Some(place),
        }
    }

    pub(crate) fn handle(&self) -> &H {
        &self.handle
    }

    /// Waits until it is admitted or turned away. Not to be polled again after that.
    pub(crate) fn poll(&mut self, _cx: &mut Context<'_>) -> Poll<Result<Pass, Rejected>> {
        let _ = &self.place;
        todo!()
    }
}
