use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use crate::classify::{Classifier, DefaultClassifier};
use crate::gate::Held;
use crate::hold::{Hold, UntilHead};
use crate::layer::Shared;
use crate::sync::Arc;

pin_project! {
    /// The response of a [`ConcurrencyLimit`](crate::ConcurrencyLimit).
    ///
    /// The permit goes back, and the RTT is taken, when the inner future completes. If it is
    /// dropped before, the request counts as canceled; dropped before its first poll it teaches
    /// nothing. For HTTP the response is its head: a body that streams on holds no permit, unless
    /// the layer says so.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<F, C = DefaultClassifier, H = UntilHead> {
        #[pin]
        inner: F,
        held: Held<Arc<Shared<C, H>>>,
    }
}

impl<F, C, H> ResponseFuture<F, C, H> {
    pub(crate) fn new(inner: F, held: Held<Arc<Shared<C, H>>>) -> Self {
        Self { inner, held }
    }
}

impl<F, C, H, T, E> Future for ResponseFuture<F, C, H>
where
    F: Future<Output = Result<T, E>>,
    C: Classifier<T, E>,
    H: Hold<C, T, E>,
{
    type Output = Result<H::Response, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        this.held.polled();
        let result = ready!(this.inner.poll(cx));
        let hold = this.held.handle().hold;
        Poll::Ready(hold.finish(result, this.held))
    }
}

impl<F: fmt::Debug, C, H> fmt::Debug for ResponseFuture<F, C, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture")
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}
