use std::task::Waker;

use crate::contain::contain;

/// Wakers taken out under the lock, to be woken after it was given back.
#[derive(Debug, Default)]
pub(super) struct Wakes {
    wakers: [Option<Waker>; Self::MOST],
    len: usize,
}

impl Wakes {
    /// As many as are woken between two holds of the lock: more only cost stack.
    const MOST: usize = 8;

    pub(super) fn is_full(&self) -> bool {
        self.len == Self::MOST
    }

    pub(super) fn push(&mut self, waker: Waker) {
        self.wakers[self.len] = Some(waker);
        self.len += 1;
    }

    /// Wakes them in the order in which they came. One that panics loses nobody else's wake-up.
    pub(super) fn wake(self) {
        for waker in self.wakers.into_iter().take(self.len).flatten() {
            contain(|| waker.wake());
        }
    }
}
