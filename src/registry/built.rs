use std::cell::RefCell;

use super::insert;
use crate::Limiter;
use crate::limiter::WeakLimiter;

/// Lists a limiter that was just built, if it has a name.
pub(crate) fn built(limiter: &Limiter) {
    if limiter.name().is_some() {
        built_with_name(limiter);
    }
}

#[cold]
fn built_with_name(limiter: &Limiter) {
    let apart = APART.with_borrow_mut(|apart| {
        let apart = apart.as_mut()?;
        apart.push(limiter.downgrade());
        Some(())
    });
    if apart.is_none() {
        list(limiter);
    }
}

/// Runs the factory of a set. What it returns is not listed yet, since the set may have listed enough
/// of its limiters. Others that it builds are.
pub(crate) fn apart(factory: impl FnOnce() -> Limiter) -> Limiter {
    /// Also if the factory panics.
    struct Restore(Option<Vec<WeakLimiter>>);

    impl Drop for Restore {
        fn drop(&mut self) {
            APART.set(self.0.take());
        }
    }

    let restore = Restore(APART.replace(Some(Vec::new())));
    let made = factory();
    let built = APART.take().unwrap_or_default();
    drop(restore);
    for limiter in built.iter().filter(|built| !built.is(&made)) {
        if let Some(limiter) = limiter.upgrade() {
            list(&limiter);
        }
    }
    made
}

fn list(limiter: &Limiter) {
    if let Some(name) = limiter.name() {
        insert(name, limiter);
    }
}

thread_local! {
    /// What the factory of a set has built on this thread, while it runs.
    static APART: RefCell<Option<Vec<WeakLimiter>>> = const { RefCell::new(None) };
}
