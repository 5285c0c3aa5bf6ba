use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::handle::Limiter;
use crate::gate::IdlerId;

/// The end of a limiter.
impl Limiter {
    /// Admits nobody from now on, for ever; requests in flight go on and finish.
    ///
    /// Whoever comes is rejected with [`Reason::Closed`](crate::Reason::Closed), and so is everybody
    /// who waits: [`acquire`](Self::acquire), [`run`](Self::run) and requests of an
    /// [`Admission`](crate::Admission). That holds for a layer that observes, too, though not for
    /// requests that it [bypasses](crate::AdmissionLayer::bypass): health checks are answered to
    /// the end. A permit that a service took in `poll_ready` is still good for one call.
    ///
    /// A [`ConcurrencyLimit`](crate::ConcurrencyLimit) has the errors of its service and no other:
    /// what it is to say, [`on_close`](crate::ConcurrencyLimitLayer::on_close) tells it. Without that,
    /// it is never ready again.
    ///
    /// # Examples
    ///
    /// ```
    /// use tower_adaptive::{Fathom, Limiter, Outcome, Reason};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), tower_adaptive::Rejected> {
    /// let limiter = Limiter::new(Fathom::default());
    /// let permit = limiter.acquire().await?;
    ///
    /// limiter.close();
    /// let rejected = limiter.acquire().await.unwrap_err();
    /// assert_eq!(rejected.reason(), Reason::Closed);
    ///
    /// permit.complete(Outcome::Success);
    /// limiter.idle().await; // a graceful drain is over
    /// # Ok(())
    /// # }
    /// ```
    pub fn close(&self) {
        self.gate().close(self);
    }

    /// Returns whether the limiter was closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.gate().is_closed()
    }

    /// Waits until nothing is in flight: at once, if nothing is.
    ///
    /// For a graceful drain, after [`close`](Self::close). On an open limiter it ends with the first
    /// moment without a request, if there is one, and others may have been admitted since.
    /// Permits count that a service took in `poll_ready` and has not spent: drop such services first.
    /// A response whose body is being streamed counts for as long as it holds a permit: by default that
    /// ends with its head, and with feature `http` a layer can have it held to the end (`streaming`).
    ///
    /// # Cancel safety
    ///
    /// May be dropped at any time.
    pub fn idle(&self) -> Idle {
        Idle {
            limiter: self.clone(),
            id: None,
        }
    }
}

/// Waits until nothing is in flight: the future of [`Limiter::idle`].
///
/// Polled again after it was ready, it waits for the next such moment.
#[must_use = "futures do nothing unless polled"]
pub struct Idle {
    limiter: Limiter,
    id: Option<IdlerId>,
}

impl Future for Idle {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Self { limiter, id } = &mut *self;
        limiter.gate().poll_idle(id, cx, &*limiter)
    }
}

impl Drop for Idle {
    fn drop(&mut self) {
        if let Some(id) = self.id.take() {
            self.limiter.gate().forget_idler(id, &self.limiter);
        }
    }
}

impl fmt::Debug for Idle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Idle")
            .field("limiter", &self.limiter)
            .finish_non_exhaustive()
    }
}
