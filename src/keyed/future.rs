use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tower_service::Service;

use crate::classify::{Classifier, DefaultClassifier};
use crate::gate::{Held, Waiter};
use crate::hold::{self, Hold, UntilHead};
use crate::limiter::{Handle, Limiter};
use crate::sync::Arc;

pin_project! {
    /// The response of a [`KeyedConcurrencyLimit`](crate::KeyedConcurrencyLimit): waits for a
    /// permit, calls the inner service, and goes on as
    /// [`ResponseFuture`](crate::ResponseFuture) does.
    ///
    /// The wait is no part of the RTT. The inner service, which was ready when it was called, waits
    /// with the request and stays ready: where readiness is scarce, as much of it is pinned as
    /// requests wait.
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits it loses its place in the queue and nothing else.
    #[must_use = "futures do nothing unless polled"]
    pub struct KeyedFuture<S, Req, C = DefaultClassifier, H = UntilHead>
    where
        S: Service<Req>,
    {
        #[pin]
        state: State<S, S::Future, Req, C, H>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<S, F, Req, C, H> {
        Waiting {
            waiting: Option<(S, Req)>,
            waiter: Waiter<Lease<C, H>>,
        },
        Admitted {
            #[pin]
            inner: F,
            held: Held<Lease<C, H>>,
        },
    }
}

/// What one request keeps of its layer.
pub(super) struct Lease<C, H> {
    pub(super) limiter: Limiter,
    pub(super) classifier: Arc<C>,
    pub(super) hold: H,
}

impl<S, Req, C, H> KeyedFuture<S, Req, C, H>
where
    S: Service<Req>,
{
    pub(super) fn new(ready: S, request: Req, lease: Lease<C, H>) -> Self {
        Self {
            state: State::Waiting {
                waiting: Some((ready, request)),
                waiter: Waiter::new(lease),
            },
        }
    }
}

impl<S, Req, C, H> Future for KeyedFuture<S, Req, C, H>
where
    S: Service<Req>,
    C: Classifier<S::Response, S::Error>,
    H: Hold<C, S::Response, S::Error>,
{
    type Output = Result<H::Response, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        if let StateProj::Waiting { waiting, waiter } = state.as_mut().project() {
            assert!(waiting.is_some(), "polled after a panic");
            if let Err(reason) = ready!(waiter.poll_acquire(cx)) {
                let Some(error) = waiter.handle().classifier.closed() else {
                    return Poll::Pending;
                };
                waiting.take();
                waiter.handle().limiter.reject(reason);
                return Poll::Ready(Err(error));
            }
            if let (Some(pass), Some((mut service, request))) = (waiter.spend(), waiting.take()) {
                let held = Held::start(waiter.handle().clone(), pass);
                let inner = service.call(request);
                state.set(State::Admitted { inner, held });
            }
        }
        match state.project() {
            StateProj::Admitted { inner, held } => {
                held.polled();
                let result = ready!(inner.poll(cx));
                let hold = held.handle().hold;
                Poll::Ready(hold.finish(result, held))
            }
            StateProj::Waiting { .. } => unreachable!("admitted in this poll"),
        }
    }
}

impl<C, H> Handle for Lease<C, H> {
    fn limiter(&self) -> &Limiter {
        &self.limiter
    }
}

impl<C, H> hold::Lease for Lease<C, H> {
    type Classifier = C;

    fn classifier(&self) -> &Arc<C> {
        &self.classifier
    }
}

impl<C, H: Copy> Clone for Lease<C, H> {
    fn clone(&self) -> Self {
        Self {
            limiter: self.limiter.clone(),
            classifier: self.classifier.clone(),
            hold: self.hold,
        }
    }
}

impl<S, Req, C, H> fmt::Debug for KeyedFuture<S, Req, C, H>
where
    S: Service<Req>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyedFuture").finish_non_exhaustive()
    }
}
