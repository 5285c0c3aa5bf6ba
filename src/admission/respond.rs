use super::error::{AdmissionError, Rejected};

/// What becomes of a rejected request: [`ReturnError`], [`OnReject`] or, with features `http` and
/// `grpc`, `StatusResponder` and `GrpcResponder`.
///
/// Sealed: a response of your own is a closure for
/// [`on_reject`](crate::AdmissionLayer::on_reject).
pub trait Responder<Req, Res, E>: sealed::Sealed {
    /// The error of the [`Admission`](crate::Admission) service.
    type Error;

    #[doc(hidden)]
    fn reject(&self, request: Req, rejected: Rejected) -> Result<Res, Self::Error>;

    #[doc(hidden)]
    fn service_error(error: E) -> Self::Error;
}

/// Rejects with an error: [`AdmissionError::Rejected`].
#[derive(Clone, Copy, Debug, Default)]
pub struct ReturnError;

impl<Req, Res, E> Responder<Req, Res, E> for ReturnError {
    type Error = AdmissionError<E>;

    fn reject(&self, _: Req, rejected: Rejected) -> Result<Res, Self::Error> {
        Err(AdmissionError::Rejected(rejected))
    }

    fn service_error(error: E) -> Self::Error {
        AdmissionError::Service(error)
    }
}

/// Rejects with a response made by a closure; the error type stays the service's own.
#[derive(Clone, Copy, Debug)]
pub struct OnReject<F>(pub(super) F);

impl<F, Req, Res, E> Responder<Req, Res, E> for OnReject<F>
where
    F: Fn(Req, Rejected) -> Res,
{
    type Error = E;

    fn reject(&self, request: Req, rejected: Rejected) -> Result<Res, E> {
        Ok((self.0)(request, rejected))
    }

    fn service_error(error: E) -> E {
        error
    }
}

pub(crate) mod sealed {
    pub trait Sealed {}

    impl Sealed for super::ReturnError {}
    impl<F> Sealed for super::OnReject<F> {}
}
