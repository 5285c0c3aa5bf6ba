use http::{Response, StatusCode};

use crate::{Classifier, Outcome};

/// Says by the status how a response counts.
///
/// | status | counts as |
/// |---|---|
/// | 429, and every 5xx | overload |
/// | every other 4xx | nothing: the client's mistake, answered fast |
/// | everything else | success |
/// | `Err` | overload |
///
/// # Examples
///
/// ```
/// use http::StatusCode;
/// use tower_adaptive::http::StatusClassifier;
///
/// // This API answers 500 for its own bugs, and 404 costs as much as a hit.
/// let classifier = StatusClassifier::new()
///     .ignore(StatusCode::INTERNAL_SERVER_ERROR)
///     .success(StatusCode::NOT_FOUND);
/// # let _ = classifier;
/// ```
#[derive(Clone, Debug, Default)]
pub struct StatusClassifier {
    exceptions: Vec<(StatusCode, Option<Outcome>)>,
}

impl StatusClassifier {
    /// Creates the classifier with the table above.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts a status as overload.
    #[must_use]
    pub fn overload(self, status: StatusCode) -> Self {
        self.with(status, Some(Outcome::Overload))
    }

    /// Counts a status as success: the work was done, and took its time.
    #[must_use]
    pub fn success(self, status: StatusCode) -> Self {
        self.with(status, Some(Outcome::Success))
    }

    /// Learns nothing from a status.
    #[must_use]
    pub fn ignore(self, status: StatusCode) -> Self {
        self.with(status, None)
    }

    /// Returns how a status counts.
    #[must_use]
    pub fn classify_status(&self, status: StatusCode) -> Option<Outcome> {
        match self.exceptions.iter().find(|(code, _)| *code == status) {
            Some((_, outcome)) => *outcome,
            None if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() => {
                Some(Outcome::Overload)
            }
            None if status.is_client_error() => None,
            None => Some(Outcome::Success),
        }
    }

    fn with(mut self, status: StatusCode, outcome: Option<Outcome>) -> Self {
        self.exceptions.retain(|(code, _)| *code != status);
        self.exceptions.push((status, outcome));
        self
    }
}

impl<B, E> Classifier<Response<B>, E> for StatusClassifier {
    fn classify(&self, result: &Result<Response<B>, E>) -> Option<Outcome> {
        match result {
            Ok(response) => self.classify_status(response.status()),
            Err(_) => Some(Outcome::Overload),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overload_is_what_more_requests_would_make_worse() {
        let classifier = StatusClassifier::new();
        let overload = [429, 500, 502, 503, 504, 529, 599];
        for code in overload {
            let status = StatusCode::from_u16(code).unwrap();
            assert_eq!(
                classifier.classify_status(status),
                Some(Outcome::Overload),
                "{code}"
            );
        }
    }

    #[test]
    fn client_errors_teach_nothing_and_the_rest_is_success() {
        let classifier = StatusClassifier::new();
        for code in [400, 401, 404, 408, 499] {
            let status = StatusCode::from_u16(code).unwrap();
            assert_eq!(classifier.classify_status(status), None, "{code}");
        }
        for code in [101, 200, 204, 304, 308] {
            let status = StatusCode::from_u16(code).unwrap();
            assert_eq!(
                classifier.classify_status(status),
                Some(Outcome::Success),
                "{code}"
            );
        }
    }

    #[test]
    fn each_status_can_be_set_and_the_last_word_counts() {
        let classifier = StatusClassifier::new()
            .overload(StatusCode::NOT_FOUND)
            .success(StatusCode::NOT_FOUND)
            .overload(StatusCode::REQUEST_TIMEOUT)
            .ignore(StatusCode::INTERNAL_SERVER_ERROR);

        assert_eq!(
            classifier.classify_status(StatusCode::NOT_FOUND),
            Some(Outcome::Success)
        );
        assert_eq!(
            classifier.classify_status(StatusCode::REQUEST_TIMEOUT),
            Some(Outcome::Overload)
        );
        assert_eq!(
            classifier.classify_status(StatusCode::INTERNAL_SERVER_ERROR),
            None
        );
    }
}
