use crate::Outcome;
use crate::contain::contain;
use crate::sync::Arc;

/// Says how a finished request counts.
///
/// Closures are classifiers. A classifier runs on the path of every response: it should look, not
/// work. One that panics has said that the request teaches nothing; the response goes on its way.
///
/// # Examples
///
/// ```
/// use tower_adaptive::{Classifier, Outcome};
///
/// let classifier = |result: &Result<u16, std::io::Error>| match result {
///     Ok(503) => Some(Outcome::Overload),
///     Ok(400..=499) => None,
///     Ok(_) => Some(Outcome::Success),
///     Err(_) => Some(Outcome::Overload),
/// };
/// assert_eq!(classifier.classify(&Ok(404)), None);
/// ```
pub trait Classifier<T, E> {
    /// Returns how the request counts, or `None` if it teaches nothing: if its response time says
    /// more about the caller than about the service.
    fn classify(&self, result: &Result<T, E>) -> Option<Outcome>;

    /// Returns how the request counts whose response has been streamed to its end, under
    /// [`Streaming`](crate::http::Streaming): `head` is what [`classify`](Self::classify) said of
    /// the response.
    ///
    /// The default: a body that is complete counts as its head did, one that failed is overload,
    /// and one that was dropped turns a success into [`Canceled`](Outcome::Canceled). If the head
    /// teaches nothing, neither does the end.
    #[cfg(feature = "http")]
    #[cfg_attr(docsrs, doc(cfg(feature = "http")))]
    fn classify_end(
        &self,
        head: Option<Outcome>,
        end: &crate::http::BodyEnd<'_>,
    ) -> Option<Outcome> {
        end.classify(head)
    }

    /// Makes the error for a caller that waits for a limiter that is [closed](crate::Limiter::close):
    /// default none, and it waits for ever.
    ///
    /// Asked by what has no error of its own: a [`ConcurrencyLimit`](crate::ConcurrencyLimit).
    fn closed(&self) -> Option<E> {
        None
    }
}

/// A classifier that has something to say to those who wait for a limiter that is closed: made by
/// [`on_close`](crate::ConcurrencyLimitLayer::on_close).
#[derive(Debug)]
pub struct OnClose<C, F> {
    classifier: Arc<C>,
    error: F,
}

impl<F, T, E> Classifier<T, E> for F
where
    F: Fn(&Result<T, E>) -> Option<Outcome>,
{
    fn classify(&self, result: &Result<T, E>) -> Option<Outcome> {
        self(result)
    }
}

/// Counts `Ok` as [`Success`](Outcome::Success) and `Err` as [`Overload`](Outcome::Overload).
#[derive(Clone, Copy, Debug, Default)]
pub struct DefaultClassifier;

impl<T, E> Classifier<T, E> for DefaultClassifier {
    fn classify(&self, result: &Result<T, E>) -> Option<Outcome> {
        match result {
            Ok(_) => Some(Outcome::Success),
            Err(_) => Some(Outcome::Overload),
        }
    }
}

impl<C, F, T, E> Classifier<T, E> for OnClose<C, F>
where
    C: Classifier<T, E>,
    F: Fn() -> E,
{
    fn classify(&self, result: &Result<T, E>) -> Option<Outcome> {
        self.classifier.classify(result)
    }

    #[cfg(feature = "http")]
    fn classify_end(
        &self,
        head: Option<Outcome>,
        end: &crate::http::BodyEnd<'_>,
    ) -> Option<Outcome> {
        <C as Classifier<T, E>>::classify_end(&self.classifier, head, end)
    }

    fn closed(&self) -> Option<E> {
        Some((self.error)())
    }
}

impl<C, F> OnClose<C, F> {
    pub(crate) fn new(classifier: Arc<C>, error: F) -> Self {
        Self { classifier, error }
    }
}

/// Asks a classifier that may panic.
pub(crate) fn classify<C, T, E>(classifier: &C, result: &Result<T, E>) -> Option<Outcome>
where
    C: Classifier<T, E>,
{
    contain(|| classifier.classify(result)).flatten()
}
