use http::{HeaderMap, Response, StatusCode};

use super::Code;
use crate::http::{BodyEnd, StatusClassifier};
use crate::{Classifier, Outcome};

/// Says by the gRPC status how a call counts.
///
/// | status | counts as |
/// |---|---|
/// | `OK` | success |
/// | `UNAVAILABLE`, `RESOURCE_EXHAUSTED`, `DEADLINE_EXCEEDED` | overload |
/// | `INTERNAL`, `UNKNOWN`, and what is no status | overload |
/// | every other, `ABORTED` among them | nothing: the caller's affair, answered fast |
/// | `Err` | overload |
///
/// `INTERNAL` and `UNKNOWN` are what a handler makes of errors it did not expect, as HTTP's 500:
/// most often a dependency that gives way. Where they are bugs, ignore them. `ABORTED` is a
/// conflict with another caller, as HTTP's 409: where the more calls run at once, the more
/// transactions lose, count it as overload.
///
/// The status is in the head of a response that has no messages, which is how tonic answers a
/// handler's `Err`, and otherwise in the trailers, which are heard under
/// [`Streaming`](crate::http::Streaming). A head with `200 OK` and no `grpc-status` is a success;
/// one with another HTTP status is from a proxy, and counts as for [`StatusClassifier`].
///
/// # Examples
///
/// ```
/// use tower_adaptive::grpc::{Code, GrpcClassifier};
///
/// // These transactions conflict the more, the more of them run at once; this INTERNAL is a bug.
/// let classifier = GrpcClassifier::new()
///     .overload(Code::Aborted)
///     .ignore(Code::Internal);
/// # let _ = classifier;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrpcClassifier {
    outcomes: [Option<Outcome>; Code::ALL.len()],
}

impl GrpcClassifier {
    /// Creates the classifier with the table above.
    #[must_use]
    pub fn new() -> Self {
        let nothing = Self {
            outcomes: [None; Code::ALL.len()],
        };
        nothing
            .success(Code::Ok)
            .overload(Code::Unavailable)
            .overload(Code::ResourceExhausted)
            .overload(Code::DeadlineExceeded)
            .overload(Code::Internal)
            .overload(Code::Unknown)
    }

    /// Counts a status as overload.
    #[must_use]
    pub fn overload(self, code: Code) -> Self {
        self.with(code, Some(Outcome::Overload))
    }

    /// Counts a status as success: the work was done, and took its time.
    #[must_use]
    pub fn success(self, code: Code) -> Self {
        self.with(code, Some(Outcome::Success))
    }

    /// Learns nothing from a status.
    #[must_use]
    pub fn ignore(self, code: Code) -> Self {
        self.with(code, None)
    }

    /// Returns how a status counts.
    #[must_use]
    pub fn classify_code(&self, code: Code) -> Option<Outcome> {
        self.outcomes[code as usize]
    }

    /// Returns how the head of a response counts: the status in it, if there is one, or else what
    /// can be said before the trailers.
    #[must_use]
    pub fn classify_head(&self, status: StatusCode, headers: &HeaderMap) -> Option<Outcome> {
        match Code::from_headers(headers) {
            Some(code) => self.classify_code(code),
            None if status == StatusCode::OK => self.classify_code(Code::Ok),
            None => StatusClassifier::new().classify_status(status),
        }
    }

    /// Returns how a response counts whose body has ended: the status in the trailers decides, and
    /// where there is none, what the head said.
    #[must_use]
    pub fn classify_trailers(
        &self,
        head: Option<Outcome>,
        trailers: Option<&HeaderMap>,
    ) -> Option<Outcome> {
        match trailers.and_then(Code::from_headers) {
            Some(code) => self.classify_code(code),
            None => head,
        }
    }

    fn with(mut self, code: Code, outcome: Option<Outcome>) -> Self {
        self.outcomes[code as usize] = outcome;
        self
    }
}

impl Default for GrpcClassifier {
    fn default() -> Self {
        Self::new()
    }
}

impl<B, E> Classifier<Response<B>, E> for GrpcClassifier {
    fn classify(&self, result: &Result<Response<B>, E>) -> Option<Outcome> {
        match result {
            Ok(response) => self.classify_head(response.status(), response.headers()),
            Err(_) => Some(Outcome::Overload),
        }
    }

    fn classify_end(&self, head: Option<Outcome>, end: &BodyEnd<'_>) -> Option<Outcome> {
        match end {
            BodyEnd::Complete(trailers) => self.classify_trailers(head, *trailers),
            _ => end.classify(head),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const SUCCESS: Option<Outcome> = Some(Outcome::Success);
    const OVERLOAD: Option<Outcome> = Some(Outcome::Overload);

    fn status(value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(
            "grpc-status".parse().unwrap(),
            HeaderValue::from_static(value),
        )])
    }

    #[test]
    fn each_status_counts_as_the_table_says() {
        let classifier = GrpcClassifier::new();
        for (number, code) in Code::ALL.into_iter().enumerate() {
            let expected = match number {
                0 => SUCCESS,
                2 | 4 | 8 | 13 | 14 => OVERLOAD,
                _ => None,
            };
            assert_eq!(classifier.classify_code(code), expected, "{code}");
        }
    }

    #[test]
    fn each_status_can_be_set_and_the_last_word_counts() {
        let classifier = GrpcClassifier::new()
            .ignore(Code::Aborted)
            .overload(Code::Aborted)
            .ignore(Code::Internal)
            .success(Code::NotFound);

        assert_eq!(classifier.classify_code(Code::Aborted), OVERLOAD);
        assert_eq!(classifier.classify_code(Code::Internal), None);
        assert_eq!(classifier.classify_code(Code::NotFound), SUCCESS);
    }

    #[test]
    fn a_head_without_a_grpc_status_counts_by_the_http_status() {
        let classifier = GrpcClassifier::new();
        for (code, expected) in [
            (200, SUCCESS),
            (404, None),
            (429, OVERLOAD),
            (503, OVERLOAD),
        ] {
            let status = StatusCode::from_u16(code).unwrap();
            let outcome = classifier.classify_head(status, &HeaderMap::new());
            assert_eq!(outcome, expected, "{code}");
        }
    }

    #[test]
    fn a_grpc_status_in_the_head_outranks_the_http_status() {
        let outcome =
            GrpcClassifier::new().classify_head(StatusCode::SERVICE_UNAVAILABLE, &status("5"));

        assert_eq!(outcome, None);
    }

    #[test]
    fn trailers_outrank_the_head_if_there_is_a_status_in_them() {
        let classifier = GrpcClassifier::new();
        let decide = |head, trailers: Option<&_>| classifier.classify_trailers(head, trailers);

        assert_eq!(decide(SUCCESS, Some(&status("14"))), OVERLOAD);
        assert_eq!(decide(SUCCESS, Some(&status("5"))), None);
        assert_eq!(decide(None, Some(&status("0"))), SUCCESS);
        assert_eq!(decide(SUCCESS, Some(&status("garbage"))), OVERLOAD);
        assert_eq!(decide(OVERLOAD, Some(&HeaderMap::new())), OVERLOAD);
        assert_eq!(decide(None, None), None);
    }

    #[test]
    fn a_body_that_has_no_end_counts_as_for_other_classifiers() {
        let end = |head, end| {
            let classifier = GrpcClassifier::new();
            Classifier::<Response<()>, ()>::classify_end(&classifier, head, &end)
        };

        assert_eq!(end(SUCCESS, BodyEnd::Failed), OVERLOAD);
        assert_eq!(end(SUCCESS, BodyEnd::Dropped), Some(Outcome::Canceled));
        assert_eq!(end(OVERLOAD, BodyEnd::Dropped), OVERLOAD);
        assert_eq!(end(None, BodyEnd::Failed), None);
        assert_eq!(
            end(SUCCESS, BodyEnd::Complete(Some(&status("14")))),
            OVERLOAD
        );
    }

    #[test]
    fn a_failure_without_a_response_is_overload() {
        let failed: Result<Response<()>, &str> = Err("connection refused");

        assert_eq!(GrpcClassifier::new().classify(&failed), OVERLOAD);
    }
}
