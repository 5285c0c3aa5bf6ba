/// A request was turned away: the limit was reached.
///
/// It never got to the service, so trying again, elsewhere or later, is safe.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("concurrency limit of {limit} reached")]
pub struct Rejected {
    limit: usize,
}

impl Rejected {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit }
    }

    /// Returns the limit that was in force.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.limit
    }
}

/// The error of an [`Admission`](crate::Admission) without a responder: the request was rejected,
/// or the service failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AdmissionError<E> {
    /// The request was turned away.
    #[error("{0}")]
    Rejected(Rejected),
    /// The service's own error.
    #[error("{0}")]
    Service(E),
}

impl<E> AdmissionError<E> {
    /// Returns whether the request was turned away.
    #[must_use]
    pub fn is_rejected(&self) -> bool {
        matches!(self, Self::Rejected(_))
    }

    /// Returns the service's own error, if it is one.
    #[must_use]
    pub fn into_service_error(self) -> Option<E> {
        match self {
            Self::Rejected(_) => None,
            Self::Service(error) => Some(error),
        }
    }
}
