use std::fmt;
use std::sync::Weak;

use super::handle::Limiter;
use super::path::Core;
use crate::sync::Arc;

/// A handle that does not keep its limiter alive.
#[derive(Clone)]
pub(crate) struct WeakLimiter(Weak<Core>);

impl WeakLimiter {
    /// Returns whether somebody has a handle. That may have changed by now, but only to no.
    pub(crate) fn is_alive(&self) -> bool {
        self.0.strong_count() > 0
    }

    /// Returns a handle, if somebody else has one. While it is kept the limiter counts as shared.
    pub(crate) fn upgrade(&self) -> Option<Limiter> {
        self.0.upgrade().map(|core| Limiter { core })
    }

    pub(crate) fn is(&self, limiter: &Limiter) -> bool {
        std::ptr::eq(self.0.as_ptr(), Arc::as_ptr(&limiter.core))
    }
}

impl Limiter {
    pub(crate) fn downgrade(&self) -> WeakLimiter {
        WeakLimiter(Arc::downgrade(&self.core))
    }
}

impl fmt::Debug for WeakLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WeakLimiter")
            .field(&self.0.as_ptr())
            .finish()
    }
}
