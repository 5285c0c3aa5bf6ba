use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs a caller's code (a waker, a classifier, an algorithm) and returns `None` if it panics.
///
/// The panic hook has reported it by then. Whoever calls this leaves its own state whole before
/// and after, which is what `AssertUnwindSafe` asserts.
pub(crate) fn contain<R>(f: impl FnOnce() -> R) -> Option<R> {
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(value) => Some(value),
        Err(payload) => {
            // A payload's own `Drop` may panic, too; what that throws is not touched again.
            if let Err(thrown) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
                std::mem::forget(thrown);
            }
            None
        }
    }
}
