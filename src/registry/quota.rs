use std::sync::{Mutex, PoisonError};

use super::insert;
use crate::Limiter;
use crate::limiter::WeakLimiter;

/// Which limiters of a set are listed: so many at once, and no more.
#[derive(Debug)]
pub(crate) struct Quota {
    most: usize,
    listed: Mutex<Vec<WeakLimiter>>,
}

impl Quota {
    pub(crate) fn new(most: usize) -> Self {
        Self {
            most,
            listed: Mutex::default(),
        }
    }

    /// Lists a limiter, unless there are too many.
    pub(crate) fn list(&self, name: String, limiter: &Limiter) {
        {
            let mut listed = self.listed.lock().unwrap_or_else(PoisonError::into_inner);
            if listed.len() >= self.most {
                listed.retain(WeakLimiter::is_alive);
            }
            if listed.len() >= self.most {
                return;
            }
            listed.push(limiter.downgrade());
        }
        insert(name, limiter);
    }

    /// Lists a limiter beside so many, unless none is to be listed.
    pub(crate) fn list_beside(&self, name: &str, limiter: &Limiter) {
        if self.most > 0 {
            insert(name, limiter);
        }
    }
}
