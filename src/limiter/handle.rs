use std::fmt;
use std::future::Future;
use std::sync::RwLock;

use tokio::time::Instant;

use super::acquire::Acquire;
use super::builder::LimiterBuilder;
use super::learner::Learner;
use super::measured::Measured;
use super::path::Core;
use super::reserve::Reserve;
use super::snapshot::{Share, Snapshot};
use super::timer::Timer;
use crate::classify::{Classifier, DefaultClassifier, classify};
use crate::gate::{Gate, Permit};
use crate::sync::Arc;
use crate::{AdmissionError, Algorithm, Bounds};

/// A handle on one limit: a gate that enforces it and an algorithm that finds it.
///
/// Clones are handles on the same limit, and cheap. Both layers are built on a limiter; use it
/// directly for what is not a `Service`, to share a limit between services, and to watch or change
/// a limit while it is in use.
///
/// # Examples
///
/// ```
/// use tower_adaptive::{Fathom, Limiter};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let limiter = Limiter::new(Fathom::default());
/// let answer = limiter.run(async { Ok::<_, std::io::Error>(42) }).await?;
/// assert_eq!(answer, 42);
/// assert_eq!(limiter.snapshot().success, 1);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Limiter {
    pub(super) core: Arc<Core>,
}

impl Limiter {
    /// Creates a limiter without a name. The limit starts where the algorithm's does.
    ///
    /// # Examples
    ///
    /// ```
    /// use tower_adaptive::{Aimd, Limiter};
    ///
    /// let limiter = Limiter::new(Aimd::builder().initial_limit(50).build());
    /// assert_eq!(limiter.limit(), 50);
    /// ```
    #[must_use]
    pub fn new(algorithm: impl Algorithm) -> Self {
        Self::builder(algorithm).build()
    }

    /// Returns a builder, which gives the limiter a name.
    #[must_use]
    pub fn builder(algorithm: impl Algorithm) -> LimiterBuilder {
        LimiterBuilder::new(Box::new(algorithm))
    }

    pub(super) fn from_parts(algorithm: Box<dyn Algorithm>, name: Option<Box<str>>) -> Self {
        let limit = Bounds::ALL.clamp(algorithm.max_concurrency());
        Self {
            core: Arc::new(Core {
                gate: Gate::new(limit),
                learner: Learner::new(algorithm, limit),
                reserve: Reserve::new(),
                started: Instant::now(),
                timer: Timer::default(),
                name,
                priorities: RwLock::default(),
                measured: Measured::new(),
            }),
        }
    }

    /// Returns the name given to the builder.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.core.name.as_deref()
    }

    /// Takes a permit if there is one and nobody waits for it; otherwise the caller counts as
    /// rejected.
    #[must_use]
    pub fn try_acquire(&self) -> Option<Permit> {
        let pass = self.admit()?;
        Some(Permit::new(self.clone(), pass))
    }

    /// Waits for a permit, first come first served.
    ///
    /// # Errors
    ///
    /// If the limiter is [closed](Self::close), or is while it waits.
    ///
    /// # Cancel safety
    ///
    /// A future that is dropped loses its place in the queue and nothing else: a permit that was
    /// granted to it goes to the next. One that is kept but not polled loses its grant after a
    /// millisecond or two, and comes first again when it returns.
    pub fn acquire(&self) -> Acquire {
        Acquire::new(self.clone())
    }

    /// Waits for a permit, runs the future under it and reports how it ended: `Ok` as
    /// [`Success`](crate::Outcome::Success), `Err` as [`Overload`](crate::Outcome::Overload).
    ///
    /// The RTT is the future's own time, without the wait. Errors that have nothing to do with
    /// load want [`run_with`](Self::run_with).
    ///
    /// # Errors
    ///
    /// Those of the future, or that the limiter is [closed](Self::close).
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits it loses its place. Dropped later it drops the future and counts as
    /// [`Canceled`](crate::Outcome::Canceled).
    pub async fn run<F, T, E>(&self, future: F) -> Result<T, AdmissionError<E>>
    where
        F: Future<Output = Result<T, E>>,
    {
        self.run_with(DefaultClassifier, future).await
    }

    /// As [`run`](Self::run), with a classifier that says how each result counts.
    ///
    /// # Examples
    ///
    /// ```
    /// use tower_adaptive::{AdmissionError, Fathom, Limiter, Outcome};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let limiter = Limiter::new(Fathom::default());
    /// let not_found = |result: &Result<u32, &str>| match result {
    ///     Ok(_) => Some(crate::Outcome::Success),
    ///     Err(error) if *error == "not found" => None,
    ///     Err(_) => Some(crate::Outcome::Overload),
    /// };
    /// let result = limiter.run_with(not_found, async { Err("not found") }).await;
    /// assert_eq!(result, Err(AdmissionError::Service("not found")));
    /// assert_eq!(limiter.snapshot().ignored, 1);
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As `run`.
    pub async fn run_with<C, F, T, E>(
        &self,
        classifier: C,
        future: F,
    ) -> Result<T, AdmissionError<E>>
    where
        C: Classifier<T, E>,
        F: Future<Output = Result<T, E>>,
    {
        let permit = self.acquire().await.map_err(AdmissionError::Rejected)?;
        let result = future.await;
        match classify(&classifier, &result) {
            Some(outcome) => permit.complete(outcome),
            None => permit.release(),
        }
        result.map_err(AdmissionError::Service)
    }

    /// Returns how many requests may be in flight now.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.gate().load().limit()
    }

    /// Returns how many permits are out: requests in flight, permits that a service took in
    /// `poll_ready` and has not spent, and grants that a waiter has not picked up yet.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.gate().load().in_flight() + self.gate().beyond()
    }

    /// Returns how many wait for a permit: callers, and requests in the queue.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.gate().queued()
    }

    /// Returns whether a newcomer would have to wait, or be rejected: if nothing is free, or the
    /// limiter is [closed](Self::close). If it [observes](crate::Mode::Observe), whether that would
    /// be so if it did not.
    #[must_use]
    pub fn is_saturated(&self) -> bool {
        let word = self.gate().load();
        self.waiting() > 0
            || word.in_flight() >= word.limit()
            || (word.is_parked() && self.is_closed())
    }

    /// Returns the share of the limit in use, waiting callers included: 1.0 is full.
    #[must_use]
    pub fn utilization(&self) -> f64 {
        let word = self.gate().load();
        (word.in_flight() + self.waiting()) as f64 / word.limit() as f64
    }

    /// Returns everything there is to know about the limiter now.
    ///
    /// Waits for whoever is learning at the moment, some nanoseconds: for dashboards and tests,
    /// not for every request.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.with_state(|state| {
            let report = state.report();
            let word = self.gate().load();
            let rtts = state.rtts();
            let rejected_by = self.core.learner.rejected.load();
            let spared_by = self.core.learner.spared.load();
            Snapshot {
                name: self.name().map(str::to_owned),
                limit: word.limit(),
                in_flight: word.in_flight() + self.gate().beyond(),
                waiting: self.waiting(),
                success: state.counts.success,
                overload: state.counts.overload,
                canceled: state.counts.canceled,
                ignored: state.counts.ignored(),
                rejected: rejected_by.total(),
                rejected_by,
                spared: spared_by.total(),
                spared_by,
                abandoned: self.core.learner.abandoned(),
                shares: self.shares(),
                samples_dropped: self.core.learner.dropped(),
                last_rtt: rtts.map(|(last, _)| last),
                smoothed_rtt: rtts.map(|(_, smoothed)| smoothed),
                frozen: state.is_frozen(),
                paused: state.is_paused(),
                closed: self.is_closed(),
                mode: self.mode(),
                queue: state.settings.queue.clone(),
                bounds: state.bounds(),
                report,
            }
        })
    }

    fn shares(&self) -> Vec<Share> {
        self.gate().partitions(|key, fraction, in_flight| Share {
            key: key.map(str::to_owned),
            fraction,
            in_flight,
        })
    }
}

impl fmt::Debug for Limiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limiter")
            .field("name", &self.name())
            .field("limit", &self.limit())
            .field("in_flight", &self.in_flight())
            .field("waiting", &self.waiting())
            .finish_non_exhaustive()
    }
}
