use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tower_service::Service;

use super::error::Rejected;
use super::layer::Policy;
use super::respond::{NoBypass, Responder, ReturnError};
use crate::classify::{Classifier, DefaultClassifier, classify};
use crate::gate::Held;
use crate::sync::Arc;

pin_project! {
    /// The response of an [`Admission`](crate::Admission).
    ///
    /// The permit goes back, and the RTT is taken, when the inner future completes. If it is
    /// dropped before, the request counts as canceled; dropped before its first poll it teaches
    /// nothing.
    #[must_use = "futures do nothing unless polled"]
    pub struct AdmissionFuture<S, Req, C = DefaultClassifier, R = ReturnError, B = NoBypass>
    where
        S: Service<Req>,
    {
        #[pin]
        state: State<S::Future, Req, C, R, B>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<F, Req, C, R, B> {
        Admitted {
            #[pin]
            inner: F,
            held: Held<Arc<Policy<C, R, B>>>,
        },
        Rejected {
            refused: Option<(Req, Rejected)>,
            policy: Arc<Policy<C, R, B>>,
        },
    }
}

impl<S, Req, C, R, B> AdmissionFuture<S, Req, C, R, B>
where
    S: Service<Req>,
{
    pub(super) fn admitted(inner: S::Future, held: Held<Arc<Policy<C, R, B>>>) -> Self {
        Self {
            state: State::Admitted { inner, held },
        }
    }

    pub(super) fn rejected(request: Req, rejected: Rejected, policy: Arc<Policy<C, R, B>>) -> Self {
        Self {
            state: State::Rejected {
                refused: Some((request, rejected)),
                policy,
            },
        }
    }
}

impl<S, Req, C, R, B> Future for AdmissionFuture<S, Req, C, R, B>
where
    S: Service<Req>,
    C: Classifier<S::Response, S::Error>,
    R: Responder<Req, S::Response, S::Error>,
{
    type Output = Result<S::Response, R::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProj::Admitted { inner, held } => {
                held.polled();
                let result = ready!(inner.poll(cx));
                let outcome = classify(&*held.handle().classifier, &result);
                held.finish(outcome);
                Poll::Ready(result.map_err(R::service_error))
            }
            StateProj::Rejected { refused, policy } => {
                let (request, rejected) = refused.take().expect("polled after completion");
                Poll::Ready(policy.responder.reject(request, rejected))
            }
        }
    }
}

impl<S, Req, C, R, B> fmt::Debug for AdmissionFuture<S, Req, C, R, B>
where
    S: Service<Req>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdmissionFuture").finish_non_exhaustive()
    }
}
