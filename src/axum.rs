//! Rejections as axum responses.

use axum_core::response::{IntoResponse, Response};

use crate::admission::{AdmissionError, Rejected};
use crate::http::unavailable;

/// `503 Service Unavailable` with [`Retry-After`](crate::http::retry_after).
#[cfg_attr(docsrs, doc(cfg(feature = "axum")))]
impl IntoResponse for Rejected {
    fn into_response(self) -> Response {
        unavailable(&self)
    }
}

/// `503 Service Unavailable` with [`Retry-After`](crate::http::retry_after), or what the service's error makes of itself.
#[cfg_attr(docsrs, doc(cfg(feature = "axum")))]
impl<E: IntoResponse> IntoResponse for AdmissionError<E> {
    fn into_response(self) -> Response {
        match self {
            Self::Rejected(rejected) => rejected.into_response(),
            Self::Service(error) => error.into_response(),
        }
    }
}
