use std::sync::{Arc, Weak};

use super::handle::Limiter;
use super::path::Core;

/// A handle that does not keep a limiter alive.
#[derive(Clone)]
pub(crate) struct WeakLimiter(Weak<Core>);

impl Limiter {
    pub(crate) fn downgrade(&self) -> WeakLimiter {
        WeakLimiter(Arc::downgrade(&self.core))
    }
}

impl WeakLimiter {
    /// Returns a handle on the limiter, unless it has gone.
    pub(crate) fn upgrade(&self) -> Option<Limiter> {
        Some(Limiter {
            core: self.0.upgrade()?,
        })
    }
}
