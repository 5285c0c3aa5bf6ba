use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use crate::classify::{Classifier, DefaultClassifier, classify};
use crate::gate::Held;
use crate::layer::Shared;
use crate::sync::Arc;

pin_project! {
    /// The response of a [`ConcurrencyLimit`](crate::ConcurrencyLimit).
    ///
    /// The permit goes back, and the RTT is taken, when the inner future completes. If it is
    /// dropped before, the request counts as canceled; dropped before its first poll it teaches
    /// nothing. For HTTP the response is its head: a body that streams on holds no permit.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<F, C = DefaultClassifier> {
        #[pin]
        inner: F,
        held: Held<Arc<Shared<C>>>,
    }
}

impl<F, C> ResponseFuture<F, C> {
    pub(crate) fn new(inner: F, held: Held<Arc<Shared<C>>>) -> Self {
        Self { inner, held }
    }
}

impl<F, C, T, E> Future for ResponseFuture<F, C>
where
    F: Future<Output = Result<T, E>>,
    C: Classifier<T, E>,
{
    type Output = Result<T, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        this.held.polled();
        let result = ready!(this.inner.poll(cx));
        let outcome = classify(&*this.held.handle().classifier, &result);
        this.held.finish(outcome);
        Poll::Ready(result)
    }
}

impl<F: fmt::Debug, C> fmt::Debug for ResponseFuture<F, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture")
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}
