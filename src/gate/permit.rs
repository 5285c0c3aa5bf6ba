use tokio::time::Instant;

use super::ticket::Pass;
use crate::Outcome;
use crate::limiter::{Finished, Handle, Limiter};

/// One admission: the right to have one request in flight.
///
/// Say how the request ended with [`complete`](Self::complete). A permit that is dropped instead
/// counts as [`Canceled`](Outcome::Canceled), with the time it was held as a lower bound of the
/// RTT.
///
/// # Examples
///
/// ```
/// use tower_adaptive::{Aimd, Limiter, Outcome};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), tower_adaptive::Rejected> {
/// let limiter = Limiter::new(Aimd::default());
/// let permit = limiter.acquire().await?;
/// assert_eq!(limiter.in_flight(), 1);
///
/// // ... the work ...
/// permit.complete(Outcome::Success);
/// assert_eq!(limiter.in_flight(), 0);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a permit that is dropped at once counts as a canceled request"]
pub struct Permit(Held<Limiter>);

impl Permit {
    pub(crate) fn new(limiter: Limiter, pass: Pass) -> Self {
        let mut held = Held::start(limiter, pass);
        held.polled();
        Self(held)
    }

    /// Gives the permit back and reports how the request ended, and how long it took.
    pub fn complete(mut self, outcome: Outcome) {
        self.0.finish(Some(outcome));
    }

    /// Gives the permit back and teaches nothing: for a request that ended in a way that has
    /// nothing to do with load, such as a client's mistake.
    pub fn release(mut self) {
        self.0.finish(None);
    }
}

/// A permit in use: it owns one unit of the gate's in-flight count and returns it exactly once.
#[derive(Debug)]
pub(crate) struct Held<H: Handle> {
    handle: H,
    started: Instant,
    // Narrowed to keep futures small; the gate's fields have 31 bits.
    in_flight: u32,
    limit: u32,
    stage: Stage,
    /// What is to be given back, until it was.
    pass: Pass,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Called and not polled yet: if dropped now, it teaches nothing.
    Called,
    Polled,
    /// Counted, but never a sample.
    Bypassed,
    /// The permit has gone back, and the sample is to come.
    Released,
    /// The sample was taken, and the permit is to go back.
    Sampled,
    Finished,
}

impl<H: Handle> Held<H> {
    /// Starts the clock. The caller was admitted and passes the admission on.
    pub(crate) fn start(handle: H, pass: Pass) -> Self {
        Self::with_stage(handle, Stage::Called, pass)
    }

    /// As [`start`](Self::start), for a request that is never to teach anything.
    pub(crate) fn start_bypassed(handle: H) -> Self {
        Self::with_stage(handle, Stage::Bypassed, Pass::Plain)
    }

    #[inline]
    fn with_stage(handle: H, stage: Stage, pass: Pass) -> Self {
        let gate = handle.limiter().gate();
        let word = gate.load();
        Self {
            started: Instant::now(),
            in_flight: (word.in_flight() + gate.beyond()) as u32,
            limit: word.limit() as u32,
            stage,
            pass,
            handle,
        }
    }

    pub(crate) fn handle(&self) -> &H {
        &self.handle
    }

    /// The work has begun: from here on a drop means that the caller gave up.
    pub(crate) fn polled(&mut self) {
        if self.stage == Stage::Called {
            self.stage = Stage::Polled;
        }
    }

    /// Gives the permit back; `None` teaches nothing. Does nothing the second time.
    #[inline]
    pub(crate) fn finish(&mut self, outcome: Option<Outcome>) {
        let outcome = match std::mem::replace(&mut self.stage, Stage::Finished) {
            Stage::Called | Stage::Polled => outcome,
            Stage::Bypassed => None,
            Stage::Released => return self.handle.limiter().report(&self.finished(outcome)),
            Stage::Sampled => {
                let pass = self.take_pass();
                return self.handle.limiter().release(pass);
            }
            Stage::Finished => return,
        };
        let pass = self.take_pass();
        self.handle.limiter().finish(&self.finished(outcome), pass);
    }

    fn finished(&self, outcome: Option<Outcome>) -> Finished {
        Finished {
            started: self.started,
            in_flight: self.in_flight,
            limit: self.limit,
            outcome,
        }
    }

    fn take_pass(&mut self) -> Pass {
        std::mem::replace(&mut self.pass, Pass::Plain)
    }
}

/// Permit and sample, one without the other.
#[cfg_attr(
    not(feature = "http"),
    expect(dead_code, reason = "only bodies part them")
)]
impl<H: Handle> Held<H> {
    /// Gives the permit back before the request has finished.
    pub(crate) fn release_early(&mut self) {
        match self.stage {
            Stage::Called | Stage::Polled => {
                self.stage = Stage::Released;
                let pass = self.take_pass();
                self.handle.limiter().release(pass);
            }
            // There is nothing to wait for.
            Stage::Bypassed => self.finish(None),
            Stage::Released | Stage::Sampled | Stage::Finished => {}
        }
    }

    /// Takes the sample of a request that goes on to hold its permit.
    pub(crate) fn sample_early(&mut self, outcome: Option<Outcome>) {
        let outcome = match self.stage {
            Stage::Called | Stage::Polled => outcome,
            Stage::Bypassed => None,
            Stage::Released | Stage::Sampled | Stage::Finished => return,
        };
        self.stage = Stage::Sampled;
        self.handle.limiter().report(&self.finished(outcome));
    }

    pub(crate) fn owes_sample(&self) -> bool {
        matches!(self.stage, Stage::Called | Stage::Polled | Stage::Released)
    }

    /// Goes on without the layer, with a handle on the limiter alone.
    pub(crate) fn detach(&mut self) -> Held<Limiter> {
        Held {
            handle: self.handle.limiter().clone(),
            started: self.started,
            in_flight: self.in_flight,
            limit: self.limit,
            stage: std::mem::replace(&mut self.stage, Stage::Finished),
            pass: self.take_pass(),
        }
    }
}

impl<H: Handle> Drop for Held<H> {
    #[inline]
    fn drop(&mut self) {
        let outcome = match self.stage {
            Stage::Polled | Stage::Released => Some(Outcome::Canceled),
            Stage::Called | Stage::Bypassed | Stage::Sampled | Stage::Finished => None,
        };
        self.finish(outcome);
    }
}
