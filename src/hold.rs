use crate::classify::{Classifier, classify};
use crate::gate::Held;
use crate::limiter::Handle;
use crate::sync::Arc;

/// When a permit goes back, and to when a request is measured: [`UntilHead`] or, with feature
/// `http`, `http::Streaming`.
///
/// Sealed: a parameter in the types of layers, services and futures.
pub trait Hold<C, T, E>: Copy + sealed::Sealed {
    /// What the limited service responds with.
    type Response;

    /// Deals with what the inner service returned.
    #[doc(hidden)]
    #[expect(private_bounds, private_interfaces, reason = "sealed")]
    fn finish<L>(self, result: Result<T, E>, held: &mut Held<L>) -> Result<Self::Response, E>
    where
        L: Lease<Classifier = C>;

    /// Makes the response of one that there is no permit for.
    #[doc(hidden)]
    fn unguarded(response: T) -> Self::Response;
}

/// The permit goes back, and the RTT is taken, when the inner service's future completes.
///
/// For HTTP that is the head of the response; its body may stream on.
#[derive(Clone, Copy, Debug, Default)]
pub struct UntilHead;

impl<C, T, E> Hold<C, T, E> for UntilHead
where
    C: Classifier<T, E>,
{
    type Response = T;

    #[expect(private_bounds, private_interfaces, reason = "sealed")]
    fn finish<L>(self, result: Result<T, E>, held: &mut Held<L>) -> Result<T, E>
    where
        L: Lease<Classifier = C>,
    {
        let outcome = classify(&**held.handle().classifier(), &result);
        held.finish(outcome);
        result
    }

    fn unguarded(response: T) -> T {
        response
    }
}

/// What a request in flight keeps of its layer.
pub(crate) trait Lease: Handle {
    type Classifier;

    fn classifier(&self) -> &Arc<Self::Classifier>;
}

pub(crate) mod sealed {
    pub trait Sealed {}

    impl Sealed for super::UntilHead {}
}
