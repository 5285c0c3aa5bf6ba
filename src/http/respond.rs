use http::{HeaderValue, Response, StatusCode, header};

use super::StatusClassifier;
use crate::admission::{AdmissionLayer, Rejected, Responder, sealed};
use crate::classify::DefaultClassifier;

/// Rejects with `503 Service Unavailable`, `Retry-After: 1` and an empty body.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unavailable;

/// Returns the response that [`Unavailable`] gives, for an
/// [`on_reject`](AdmissionLayer::on_reject) of your own to build on.
///
/// # Examples
///
/// ```
/// use http::{HeaderValue, Request};
/// use tower_adaptive::{AdmissionLayer, Vegas, http::unavailable};
///
/// let layer = AdmissionLayer::new(Vegas::default()).on_reject(|_: Request<()>, _| {
///     let mut response = unavailable::<String>();
///     response.headers_mut().insert("x-shed", HeaderValue::from_static("1"));
///     response
/// });
/// # let _ = layer;
/// ```
#[must_use]
pub fn unavailable<B: Default>() -> Response<B> {
    let mut response = Response::new(B::default());
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    response
        .headers_mut()
        .insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

impl<Req, B: Default, E> Responder<Req, Response<B>, E> for Unavailable {
    type Error = E;

    fn reject(&self, _: Req, _: Rejected) -> Result<Response<B>, E> {
        Ok(unavailable())
    }

    fn service_error(error: E) -> E {
        error
    }
}

impl sealed::Sealed for Unavailable {}

impl<R, Q, H> AdmissionLayer<DefaultClassifier, R, Q, H>
where
    Q: Clone,
    H: Copy,
{
    /// Answers rejected requests with `503 Service Unavailable`, and counts responses by their
    /// status: an HTTP handler fails with a status, not with an `Err`.
    ///
    /// This is all that an axum user needs. For another classifier call
    /// [`classifier`](Self::classifier) after this.
    #[cfg_attr(docsrs, doc(cfg(feature = "http")))]
    #[must_use]
    pub fn respond_unavailable(self) -> AdmissionLayer<StatusClassifier, Unavailable, Q, H> {
        self.responder(Unavailable)
            .classifier(StatusClassifier::default())
    }
}
