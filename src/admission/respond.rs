use super::error::{AdmissionError, Rejected};

/// What becomes of a rejected request: [`ReturnError`], [`OnReject`] or, with feature `http`,
/// `Unavailable`.
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

/// Which requests are admitted whatever the limit is: [`NoBypass`] or [`BypassIf`].
///
/// Sealed: a rule of your own is a closure for [`bypass`](crate::AdmissionLayer::bypass).
pub trait Bypass<Req>: sealed::Sealed {
    #[doc(hidden)]
    fn bypasses(&self, request: &Req) -> bool;
}

/// The limit applies to every request.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoBypass;

impl<Req> Bypass<Req> for NoBypass {
    fn bypasses(&self, _: &Req) -> bool {
        false
    }
}

/// The limit does not apply to requests for which a closure returns `true`.
#[derive(Clone, Copy, Debug)]
pub struct BypassIf<F>(pub(super) F);

impl<F, Req> Bypass<Req> for BypassIf<F>
where
    F: Fn(&Req) -> bool,
{
    fn bypasses(&self, request: &Req) -> bool {
        (self.0)(request)
    }
}

pub(crate) mod sealed {
    pub trait Sealed {}

    impl Sealed for super::ReturnError {}
    impl<F> Sealed for super::OnReject<F> {}
    impl Sealed for super::NoBypass {}
    impl<F> Sealed for super::BypassIf<F> {}
}
