use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tower_service::Service;

use super::choice::Limits;
use super::error::Rejected;
use super::policy::{Lease, Policy};
use super::respond::{Responder, ReturnError};
use super::rules::Rules;
use crate::classify::{Classifier, DefaultClassifier};
use crate::gate::{Held, Queued};
use crate::hold::{Hold, UntilHead};
use crate::sync::Arc;

pin_project! {
    /// The response of an [`Admission`](crate::Admission).
    ///
    /// The permit goes back, and the RTT is taken, when the inner future completes. If it is
    /// dropped before, the request counts as canceled; dropped before its first poll it teaches
    /// nothing. For HTTP the response is its head: a body that streams on holds no permit, unless
    /// the layer says so.
    ///
    /// A queued request waits in here, with its deadline and the inner service, which was ready
    /// when it was called and stays so: where readiness is scarce (a permit of another limit, a
    /// connection of a pool), as much of it is pinned as requests are queued.
    ///
    /// # Cancel safety
    ///
    /// Dropped while it is queued it leaves the queue at once, and a permit that was granted to it
    /// goes to the next. The service has not seen the request.
    #[must_use = "futures do nothing unless polled"]
    pub struct AdmissionFuture<
        S,
        Req,
        C = DefaultClassifier,
        R = ReturnError,
        Q = Rules,
        H = UntilHead,
    >
    where
        S: Service<Req>,
        Q: Limits,
    {
        #[pin]
        state: State<S, S::Future, Req, C, R, Q, H>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<S, F, Req, C, R, Q, H>
    where
        Q: Limits,
    {
        Queued {
            waiting: Option<(S, Req)>,
            queued: Queued<Lease<C, R, Q, H>>,
        },
        Admitted {
            #[pin]
            inner: F,
            held: Held<Lease<C, R, Q, H>>,
        },
        Rejected {
            refused: Option<(Req, Rejected)>,
            policy: Arc<Policy<C, R, Q, H>>,
        },
    }
}

impl<S, Req, C, R, Q, H> AdmissionFuture<S, Req, C, R, Q, H>
where
    S: Service<Req>,
    Q: Limits,
{
    pub(super) fn queued(ready: S, request: Req, queued: Queued<Lease<C, R, Q, H>>) -> Self {
        Self {
            state: State::Queued {
                waiting: Some((ready, request)),
                queued,
            },
        }
    }

    pub(super) fn admitted(inner: S::Future, held: Held<Lease<C, R, Q, H>>) -> Self {
        Self {
            state: State::Admitted { inner, held },
        }
    }

    pub(super) fn rejected(request: Req, rejected: Rejected, lease: Lease<C, R, Q, H>) -> Self {
        Self {
            state: State::Rejected {
                refused: Some((request, rejected)),
                policy: lease.into_policy(),
            },
        }
    }
}

impl<S, Req, C, R, Q, H> Future for AdmissionFuture<S, Req, C, R, Q, H>
where
    S: Service<Req>,
    C: Classifier<S::Response, S::Error>,
    R: Responder<Req, S::Response, S::Error>,
    Q: Limits,
    H: Hold<C, S::Response, S::Error>,
{
    type Output = Result<H::Response, R::Error>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            match state.as_mut().project() {
                StateProj::Queued { waiting, queued } => {
                    assert!(waiting.is_some(), "{POLLED_AGAIN}");
                    let verdict = ready!(queued.poll(cx));
                    let lease = queued.handle().clone();
                    let (mut service, request) = waiting.take().expect(POLLED_AGAIN);
                    let next = match verdict {
                        Ok(pass) => {
                            let held = Held::start(lease, pass);
                            let inner = service.call(request);
                            State::Admitted { inner, held }
                        }
                        Err(rejected) => State::Rejected {
                            refused: Some((request, rejected)),
                            policy: lease.into_policy(),
                        },
                    };
                    state.set(next);
                }
                StateProj::Admitted { inner, held } => {
                    held.polled();
                    let result = ready!(inner.poll(cx));
                    let hold = held.handle().policy().hold;
                    return Poll::Ready(hold.finish(result, held).map_err(R::service_error));
                }
                StateProj::Rejected { refused, policy } => {
                    let (request, rejected) = refused.take().expect(POLLED_AGAIN);
                    let response = policy.responder.reject(request, rejected);
                    return Poll::Ready(response.map(H::unguarded));
                }
            }
        }
    }
}

const POLLED_AGAIN: &str = "not polled after completion";

impl<S, Req, C, R, Q, H> fmt::Debug for AdmissionFuture<S, Req, C, R, Q, H>
where
    S: Service<Req>,
    Q: Limits,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdmissionFuture").finish_non_exhaustive()
    }
}
