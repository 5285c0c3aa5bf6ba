//! What is measured only of limiters that are listed, and only if feature `metrics` is on. Without
//! it there is nothing here, and nothing of it on the way of a request.

#[cfg(all(feature = "metrics", not(tower_adaptive_loom)))]
pub(crate) use self::listed::*;

#[cfg(not(all(feature = "metrics", not(tower_adaptive_loom))))]
pub(crate) use self::nothing::*;

#[cfg(all(feature = "metrics", not(tower_adaptive_loom)))]
mod listed {
    use std::sync::OnceLock;

    use tokio::time::Instant;

    use crate::Outcome;
    use crate::limiter::Limiter;
    use crate::limiter::learner::Observed;
    use crate::metrics::Shards;

    /// Empty until the limiter is listed.
    #[derive(Debug, Default)]
    pub(crate) struct Measured(OnceLock<Histograms>);

    #[derive(Debug)]
    pub(crate) struct Histograms {
        /// Of successes.
        pub(crate) rtts: Shards,
        /// Of those who waited. Most never do.
        waits: OnceLock<Shards>,
    }

    impl Measured {
        pub(crate) fn new() -> Self {
            Self::default()
        }

        pub(crate) fn start(&self) {
            self.0.get_or_init(|| Histograms {
                rtts: Shards::new(),
                waits: OnceLock::new(),
            });
        }

        pub(crate) fn histograms(&self) -> Option<&Histograms> {
            self.0.get()
        }

        #[inline]
        pub(crate) fn finished(&self, observed: &Observed) {
            if let (Some(histograms), Some(Outcome::Success)) = (self.0.get(), observed.outcome) {
                histograms.rtts.record(observed.rtt);
            }
        }
    }

    impl Histograms {
        pub(crate) fn waits(&self) -> Option<&Shards> {
            self.waits.get()
        }
    }

    /// Since when somebody waits, if that is measured.
    #[derive(Debug)]
    pub(crate) struct Wait(Option<Instant>);

    impl Wait {
        pub(crate) const fn none() -> Self {
            Self(None)
        }

        pub(crate) fn begun(limiter: &Limiter) -> Self {
            let mut wait = Self::none();
            wait.begin(limiter);
            wait
        }

        /// Begins, unless it has begun before.
        pub(crate) fn begin(&mut self, limiter: &Limiter) {
            if self.0.is_none() && limiter.core.measured.histograms().is_some() {
                self.0 = Some(Instant::now());
            }
        }

        /// Records it, if it has begun.
        #[inline]
        pub(crate) fn end(&mut self, limiter: &Limiter) {
            if let Some(since) = self.0.take() {
                record(limiter, since);
            }
        }
    }

    #[cold]
    fn record(limiter: &Limiter, since: Instant) {
        if let Some(histograms) = limiter.core.measured.histograms() {
            let waits = histograms.waits.get_or_init(Shards::new);
            waits.record(Instant::now().saturating_duration_since(since));
        }
    }
}

#[cfg(not(all(feature = "metrics", not(tower_adaptive_loom))))]
mod nothing {
    use crate::limiter::Limiter;
    use crate::limiter::learner::Observed;

    #[derive(Debug)]
    pub(crate) struct Measured;

    impl Measured {
        pub(crate) const fn new() -> Self {
            Self
        }

        #[inline]
        pub(crate) fn finished(&self, _: &Observed) {}
    }

    #[derive(Debug)]
    pub(crate) struct Wait;

    impl Wait {
        pub(crate) const fn none() -> Self {
            Self
        }

        #[inline]
        pub(crate) fn begun(_: &Limiter) -> Self {
            Self
        }

        #[inline]
        pub(crate) fn begin(&mut self, _: &Limiter) {}

        #[inline]
        pub(crate) fn end(&mut self, _: &Limiter) {}
    }
}
