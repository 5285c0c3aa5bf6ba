use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Buf;
use http::{HeaderMap, Response, header};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use crate::Outcome;
use crate::classify::DefaultClassifier;
use crate::contain::contain;
use crate::gate::Held;
use crate::limiter::Limiter;
use crate::sync::Arc;

/// The two moments of a streamed response that count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Until {
    /// Status and headers are there.
    Head,
    /// The body has ended: it is complete, has failed or was dropped.
    End,
}

/// How a streamed body ended.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum BodyEnd<'a> {
    /// All of it was sent, with trailers or without.
    Complete(Option<&'a HeaderMap>),
    /// The body returned an error instead of a frame.
    Failed,
    /// The body was dropped before its end: most often, the client is gone.
    Dropped,
}

impl BodyEnd<'_> {
    /// What a [`Classifier`](crate::Classifier) says that does not look at ends.
    pub(crate) fn classify(&self, head: Option<Outcome>) -> Option<Outcome> {
        match (self, head?) {
            (Self::Complete(_), head) => Some(head),
            (Self::Failed, _) => Some(Outcome::Overload),
            (Self::Dropped, Outcome::Success) => Some(Outcome::Canceled),
            // It had gone wrong before.
            (Self::Dropped, head) => Some(head),
        }
    }
}

pin_project! {
    /// A body that may hold a permit: that of a response under [`Streaming`](super::Streaming).
    ///
    /// The permit goes back with the body's last frame, not only when the body is dropped: after an
    /// error, trailers, data after which the body says that it has ended, or where there is no
    /// frame any more. A body of which there is nothing to send (of an upgrade, say) never has one;
    /// neither has that of a rejection.
    ///
    /// Frames, trailers, the size hint and the end of the stream are those of the inner body.
    ///
    /// # Cancel safety
    ///
    /// A body that is dropped gives its permit back. If the client was owed more, that counts as
    /// [`Canceled`](crate::Outcome::Canceled), unless the head was no success. If it had sent as
    /// much as `content-length` or its size hint had announced, it is complete: servers do not ask
    /// for more. If it was never asked for a frame it teaches nothing, since that is how servers
    /// answer `HEAD`.
    pub struct GuardedBody<B, C = DefaultClassifier> {
        #[pin]
        inner: B,
        guard: Option<Guard<C>>,
    }
}

impl<B, C> GuardedBody<B, C> {
    pub(super) fn new(inner: B, guard: Option<Guard<C>>) -> Self {
        Self { inner, guard }
    }

    /// Returns the inner body.
    #[must_use]
    pub fn get_ref(&self) -> &B {
        &self.inner
    }

    /// Returns the inner body.
    #[must_use]
    pub fn get_mut(&mut self) -> &mut B {
        &mut self.inner
    }
}

impl<B: Body, C> Body for GuardedBody<B, C> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let mut this = self.project();
        if let Some(guard) = this.guard {
            guard.asked = true;
        }
        let frame = ready!(this.inner.as_mut().poll_frame(cx));
        if let Some(guard) = this.guard {
            if let Some(end) = guard.look(&frame, &*this.inner) {
                guard.end(&end);
                *this.guard = None;
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// Without a permit: for responses made of nothing, such as rejections.
impl<B: Default, C> Default for GuardedBody<B, C> {
    fn default() -> Self {
        Self::new(B::default(), None)
    }
}

impl<B: fmt::Debug, C> fmt::Debug for GuardedBody<B, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuardedBody")
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}

/// What a body owes its limiter: a permit, a sample, or both.
pub(super) struct Guard<C> {
    held: Held<Limiter>,
    classifier: Arc<C>,
    /// [`Classifier::classify_end`](crate::Classifier::classify_end), without the types of the
    /// service.
    classify_end: ClassifyEnd<C>,
    head: Option<Outcome>,
    asked: bool,
    /// Of what was announced.
    remaining: Option<u64>,
}

type ClassifyEnd<C> = fn(&C, Option<Outcome>, &BodyEnd<'_>) -> Option<Outcome>;

impl<C> Guard<C> {
    pub(super) fn new<B: Body>(
        response: &Response<B>,
        held: Held<Limiter>,
        classifier: Arc<C>,
        head: Option<Outcome>,
        classify_end: ClassifyEnd<C>,
    ) -> Self {
        let length = response.headers().get(header::CONTENT_LENGTH);
        let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
        Self {
            held,
            classifier,
            classify_end,
            head,
            asked: false,
            remaining: length.or_else(|| response.body().size_hint().exact()),
        }
    }

    /// Looks at what a poll returned; says if it was the last.
    fn look<'a, B: Body>(
        &mut self,
        frame: &'a Option<Result<Frame<B::Data>, B::Error>>,
        body: &B,
    ) -> Option<BodyEnd<'a>> {
        let frame = match frame {
            Some(Ok(frame)) => frame,
            Some(Err(_)) => return Some(BodyEnd::Failed),
            None => return Some(BodyEnd::Complete(None)),
        };
        if let Some(trailers) = frame.trailers_ref() {
            return Some(BodyEnd::Complete(Some(trailers)));
        }
        if let (Some(data), Some(remaining)) = (frame.data_ref(), &mut self.remaining) {
            *remaining = remaining.saturating_sub(data.remaining() as u64);
        }
        body.is_end_stream().then_some(BodyEnd::Complete(None))
    }

    fn end(&mut self, end: &BodyEnd<'_>) {
        if self.held.owes_sample() {
            let classify = || (self.classify_end)(&self.classifier, self.head, end);
            let outcome = contain(classify).flatten();
            self.held.finish(outcome);
        } else {
            self.held.finish(None);
        }
    }
}

impl<C> Drop for Guard<C> {
    fn drop(&mut self) {
        if self.remaining == Some(0) {
            self.end(&BodyEnd::Complete(None));
        } else if self.asked {
            self.end(&BodyEnd::Dropped);
        } else {
            self.held.finish(None);
        }
    }
}
