#[cfg(feature = "metrics")]
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
#[cfg(feature = "metrics")]
use std::time::Duration;

use tokio::time::Instant;

#[cfg(feature = "tracing")]
use super::tell::Teller;
use crate::Limiter;
#[cfg(feature = "metrics")]
use crate::metrics::Told;
use crate::registry::Entry;

/// What is kept of one limiter under one name, beside what it knows itself.
#[derive(Debug, Default)]
pub(crate) struct Watched {
    looks: Mutex<Looks>,
    #[cfg(feature = "metrics")]
    saturated_ns: AtomicU64,
    #[cfg(feature = "metrics")]
    pub(crate) told: Told,
}

/// What was seen so far. Only one thread looks; the lock is never waited for.
#[derive(Debug, Default)]
struct Looks {
    last: Option<Look>,
    #[cfg(feature = "tracing")]
    teller: Teller,
}

/// What one look saw.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    pub(super) at: Instant,
    #[cfg(feature = "tracing")]
    pub(super) limit: usize,
    pub(super) rejected: crate::Rejections,
    /// Somebody waits.
    pub(super) waited_for: bool,
    /// Nothing is free.
    #[cfg(feature = "metrics")]
    pub(super) full: bool,
}

impl Watched {
    /// Looks at a limiter, if it still is there.
    pub(crate) fn look(&self, entry: &Entry, now: Instant) {
        let Some(limiter) = entry.limiter.upgrade() else {
            return;
        };
        let look = Look::at(&limiter, now);
        #[cfg(feature = "tracing")]
        let verdict = super::tell::verdict(&limiter);
        // If it is the last handle, this ends the limiter, under no lock.
        drop(limiter);
        #[cfg(feature = "tracing")]
        let events;
        {
            let mut looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
            #[cfg(feature = "metrics")]
            self.add_saturated(looks.last.as_ref(), &look);
            #[cfg(feature = "tracing")]
            {
                let Looks { last, teller } = &mut *looks;
                events = teller.see(last.as_ref(), &look, verdict);
            }
            looks.last = Some(look);
        }
        #[cfg(feature = "tracing")]
        events.tell(&entry.name);
    }

    #[cfg(feature = "metrics")]
    fn add_saturated(&self, last: Option<&Look>, look: &Look) {
        let Some(last) = last else {
            return;
        };
        if look.keeps_out(last) || look.full {
            // A process that was stopped meanwhile has not been saturated for that long.
            let since = look.at.saturating_duration_since(last.at).min(LONGEST);
            // Relaxed: a count.
            let nanos = since.as_nanos() as u64;
            self.saturated_ns.fetch_add(nanos, Ordering::Relaxed);
        }
    }

    /// Returns for how long somebody was kept out, or nothing was free.
    #[cfg(feature = "metrics")]
    pub(crate) fn saturated(&self) -> Duration {
        Duration::from_nanos(self.saturated_ns.load(Ordering::Relaxed))
    }
}

impl Look {
    pub(super) fn at(limiter: &Limiter, now: Instant) -> Self {
        let word = limiter.gate().load();
        Self {
            at: now,
            #[cfg(feature = "tracing")]
            limit: word.limit(),
            rejected: limiter.rejections(),
            waited_for: limiter.waiting() > 0,
            #[cfg(feature = "metrics")]
            full: word.in_flight() >= word.limit(),
        }
    }

    /// Returns whether somebody was turned away since the last look, or has to wait.
    pub(super) fn keeps_out(&self, last: &Self) -> bool {
        self.waited_for || self.rejected.total() > last.rejected.total()
    }
}

/// What one look can stand for at most.
#[cfg(feature = "metrics")]
const LONGEST: Duration = Duration::from_secs(1);

#[cfg(all(test, feature = "metrics"))]
mod tests {
    use super::*;
    use crate::Fixed;

    /// Looks after so many milliseconds each, and returns how many of them count as saturated.
    fn saturated(limiter: &Limiter, after_ms: &[u64], mut before_look: impl FnMut()) -> Duration {
        let entry = Entry::new("looked at".to_owned(), limiter);
        let mut now = Instant::now();
        entry.watched.look(&entry, now);
        for millis in after_ms {
            now += Duration::from_millis(*millis);
            before_look();
            entry.watched.look(&entry, now);
        }
        entry.watched.saturated()
    }

    #[test]
    fn time_in_which_something_was_free_is_not_saturated() {
        let limiter = Limiter::new(Fixed::new(2));
        let _permit = limiter.try_acquire();

        assert_eq!(saturated(&limiter, &[100, 100], || ()), Duration::ZERO);
    }

    #[test]
    fn time_in_which_nothing_was_free_is_saturated() {
        let limiter = Limiter::new(Fixed::new(1));
        let _permit = limiter.try_acquire();

        let saturated = saturated(&limiter, &[100, 110], || ());

        assert_eq!(saturated, Duration::from_millis(210));
    }

    #[test]
    fn time_in_which_somebody_was_kept_out_is_saturated_though_there_is_room_now() {
        let limiter = Limiter::new(Fixed::new(1));

        let saturated = saturated(&limiter, &[100, 110], || {
            let permit = limiter.try_acquire();
            assert!(limiter.try_acquire().is_none());
            drop(permit);
        });

        assert_eq!(saturated, Duration::from_millis(210));
    }

    #[test]
    fn a_process_that_was_stopped_for_an_hour_was_not_saturated_for_an_hour() {
        let limiter = Limiter::new(Fixed::new(1));
        let _permit = limiter.try_acquire();

        assert_eq!(saturated(&limiter, &[3_600_000], || ()), LONGEST);
    }

    #[test]
    fn what_is_looked_at_is_not_kept_alive() {
        let limiter = Limiter::new(Fixed::new(1));
        let entry = Entry::new("gone".to_owned(), &limiter);
        entry.watched.look(&entry, Instant::now());
        assert!(limiter.is_unshared());

        drop(limiter);

        entry.watched.look(&entry, Instant::now());
        assert!(!entry.limiter.is_alive());
    }
}
