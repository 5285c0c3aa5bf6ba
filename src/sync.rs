//! The primitives the gate and the learner are built on: std's, or loom's when models run.

#[cfg(not(tower_adaptive_loom))]
pub(crate) use self::real::*;
#[cfg(not(tower_adaptive_loom))]
pub(crate) use std::sync::{Arc, Mutex, MutexGuard, atomic};

#[cfg(tower_adaptive_loom)]
pub(crate) use self::model::*;
#[cfg(tower_adaptive_loom)]
pub(crate) use loom::sync::{Arc, Mutex, MutexGuard, atomic};

#[cfg(not(tower_adaptive_loom))]
mod real {
    use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

    /// A mutex that those in a hurry only try. std's, and never poisoned: what panics under it is
    /// contained where it is called.
    #[derive(Debug)]
    pub(crate) struct TryLock<T>(Mutex<T>);

    pub(crate) type TryLockGuard<'a, T> = MutexGuard<'a, T>;

    impl<T> TryLock<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(Mutex::new(value))
        }

        pub(crate) fn try_lock(&self) -> Option<TryLockGuard<'_, T>> {
            match self.0.try_lock() {
                Ok(guard) => Some(guard),
                Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
                Err(TryLockError::WouldBlock) => None,
            }
        }

        pub(crate) fn lock(&self) -> TryLockGuard<'_, T> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner)
        }
    }
}

/// loom's `Mutex::try_lock` never fails (a thread about to try a held lock is parked until it is
/// free) and orders everything sequentially, so a model of it would prove nothing. Here the
/// exclusion is what it is in std: one atomic flag, taken with Acquire and given back with Release.
#[cfg(tower_adaptive_loom)]
mod model {
    use std::ops::{Deref, DerefMut};

    use loom::sync::atomic::{AtomicBool, Ordering};

    #[derive(Debug)]
    pub(crate) struct TryLock<T> {
        held: AtomicBool,
        value: std::sync::Mutex<T>,
    }

    pub(crate) struct TryLockGuard<'a, T> {
        held: &'a AtomicBool,
        value: Option<std::sync::MutexGuard<'a, T>>,
    }

    impl<T> TryLock<T> {
        pub(crate) fn new(value: T) -> Self {
            Self {
                held: AtomicBool::new(false),
                value: std::sync::Mutex::new(value),
            }
        }

        pub(crate) fn try_lock(&self) -> Option<TryLockGuard<'_, T>> {
            self.held
                .compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed)
                .ok()?;
            Some(TryLockGuard {
                held: &self.held,
                value: Some(self.value.try_lock().expect("two holders of one TryLock")),
            })
        }

        pub(crate) fn lock(&self) -> TryLockGuard<'_, T> {
            loop {
                if let Some(guard) = self.try_lock() {
                    return guard;
                }
                loom::thread::yield_now();
            }
        }
    }

    impl<T> Deref for TryLockGuard<'_, T> {
        type Target = T;

        fn deref(&self) -> &T {
            self.value.as_ref().expect("held until drop")
        }
    }

    impl<T> DerefMut for TryLockGuard<'_, T> {
        fn deref_mut(&mut self) -> &mut T {
            self.value.as_mut().expect("held until drop")
        }
    }

    impl<T> Drop for TryLockGuard<'_, T> {
        fn drop(&mut self) {
            self.value = None;
            self.held.store(false, Ordering::Release);
        }
    }
}
