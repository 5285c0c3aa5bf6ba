use http::{Response, StatusCode};
use http_body::Body;

use super::body::{BodyEnd, Guard, GuardedBody, Until};
use crate::admission::AdmissionLayer;
use crate::classify::{Classifier, classify};
use crate::contain::contain;
use crate::gate::Held;
use crate::hold::{Hold, Lease, sealed};
use crate::keyed::KeyedConcurrencyLimitLayer;
use crate::layer::ConcurrencyLimitLayer;

/// Lets a response keep its permit, and its RTT run, until its body has ended.
///
/// Without it both end at the head. The two are independent: see [`hold`](Self::hold) and
/// [`measure`](Self::measure), and the [table](crate::http#until-when) of what to choose.
///
/// The response becomes a [`Response`] of a [`GuardedBody`].
///
/// # Examples
///
/// ```
/// use tower_adaptive::http::{Streaming, Until};
/// use tower_adaptive::{AdmissionLayer, Fathom};
///
/// // Downloads: as many at once as the limit says, each found fast or slow by its first byte.
/// let layer = AdmissionLayer::new(Fathom::default())
///     .respond_unavailable()
///     .streaming(Streaming::new().measure(Until::Head));
/// # let _ = layer;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Streaming {
    hold: Until,
    measure: Until,
}

impl Streaming {
    /// Holds and measures to the end: why else call it.
    #[must_use]
    pub fn new() -> Self {
        Self {
            hold: Until::End,
            measure: Until::End,
        }
    }

    /// Sets until when the permit is held: default [`Until::End`].
    #[must_use]
    pub fn hold(mut self, until: Until) -> Self {
        self.hold = until;
        self
    }

    /// Sets to when the RTT is measured, and with it when the sample is taken and the request
    /// counted as finished: default [`Until::End`].
    #[must_use]
    pub fn measure(mut self, until: Until) -> Self {
        self.measure = until;
        self
    }
}

impl Default for Streaming {
    fn default() -> Self {
        Self::new()
    }
}

impl<C, R, Q, H> AdmissionLayer<C, R, Q, H>
where
    Q: Clone,
    H: Copy,
{
    /// Lets responses keep their permit until their body has ended: default until the head.
    #[cfg_attr(docsrs, doc(cfg(feature = "http")))]
    #[must_use]
    pub fn streaming(self, streaming: Streaming) -> AdmissionLayer<C, R, Q, Streaming> {
        self.hold(streaming)
    }
}

impl<C, H> ConcurrencyLimitLayer<C, H>
where
    H: Copy,
{
    /// Lets responses keep their permit until their body has ended: default until the head.
    #[cfg_attr(docsrs, doc(cfg(feature = "http")))]
    #[must_use]
    pub fn streaming(self, streaming: Streaming) -> ConcurrencyLimitLayer<C, Streaming> {
        self.hold(streaming)
    }
}

impl<K, F, C, H> KeyedConcurrencyLimitLayer<K, F, C, H>
where
    H: Copy,
{
    /// Lets responses keep their permit until their body has ended: default until the head.
    #[cfg_attr(docsrs, doc(cfg(feature = "http")))]
    #[must_use]
    pub fn streaming(self, streaming: Streaming) -> KeyedConcurrencyLimitLayer<K, F, C, Streaming> {
        self.hold(streaming)
    }
}

impl<C, B, E> Hold<C, Response<B>, E> for Streaming
where
    C: Classifier<Response<B>, E>,
    B: Body,
{
    type Response = Response<GuardedBody<B, C>>;

    #[expect(private_bounds, private_interfaces, reason = "sealed")]
    fn finish<L>(
        self,
        result: Result<Response<B>, E>,
        held: &mut Held<L>,
    ) -> Result<Self::Response, E>
    where
        L: Lease<Classifier = C>,
    {
        let classifier = held.handle().classifier().clone();
        let head = classify(&*classifier, &result);
        let response = match result {
            Ok(response) if has_more(&response) => response,
            Ok(response) => {
                let outcome = match self.measure {
                    Until::Head => head,
                    Until::End => {
                        let end = BodyEnd::Complete(None);
                        contain(|| classifier.classify_end(head, &end)).flatten()
                    }
                };
                held.finish(outcome);
                return Ok(Self::unguarded(response));
            }
            Err(error) => {
                held.finish(head);
                return Err(error);
            }
        };
        match (self.hold, self.measure) {
            (Until::Head, Until::Head) => {
                held.finish(head);
                return Ok(Self::unguarded(response));
            }
            (Until::Head, Until::End) => held.release_early(),
            (Until::End, Until::Head) => held.sample_early(head),
            (Until::End, Until::End) => {}
        }
        let guard = Guard::new(&response, held.detach(), classifier, head, C::classify_end);
        Ok(response.map(|body| GuardedBody::new(body, Some(guard))))
    }

    fn unguarded(response: Response<B>) -> Self::Response {
        response.map(|body| GuardedBody::new(body, None))
    }
}

/// Returns whether anything is to come after the head. After an upgrade the connection is another
/// protocol's, and the body has none of it.
fn has_more<B: Body>(response: &Response<B>) -> bool {
    response.status() != StatusCode::SWITCHING_PROTOCOLS && !response.body().is_end_stream()
}

impl sealed::Sealed for Streaming {}
