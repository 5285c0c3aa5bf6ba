use std::time::Duration;

use http::{HeaderValue, Response, StatusCode, header};

use super::StatusClassifier;
use crate::admission::{AdmissionLayer, Rejected, Responder, sealed};
use crate::classify::DefaultClassifier;
use crate::jitter;

/// Rejects with a status, `Retry-After` and an empty body.
///
/// Made by [`respond_unavailable`](AdmissionLayer::respond_unavailable) and
/// [`respond_too_many_requests`](AdmissionLayer::respond_too_many_requests).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusResponder {
    status: StatusCode,
}

impl StatusResponder {
    /// Returns the status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }
}

/// Returns `503 Service Unavailable` with [`Retry-After`](retry_after) and an empty body: for an
/// [`on_reject`](AdmissionLayer::on_reject) of your own to build on.
///
/// # Examples
///
/// ```
/// use http::{HeaderValue, Request};
/// use tower_adaptive::{AdmissionLayer, Fathom, http::unavailable};
///
/// let layer = AdmissionLayer::new(Fathom::default()).on_reject(|_: Request<()>, rejected| {
///     let mut response = unavailable::<String>(&rejected);
///     let reason = HeaderValue::from_static(rejected.reason().as_str());
///     response.headers_mut().insert("x-shed", reason);
///     response
/// });
/// # let _ = layer;
/// ```
#[must_use]
pub fn unavailable<B: Default>(rejected: &Rejected) -> Response<B> {
    respond(StatusCode::SERVICE_UNAVAILABLE, rejected)
}

/// Returns `429 Too Many Requests` with [`Retry-After`](retry_after) and an empty body: for an
/// [`on_reject`](AdmissionLayer::on_reject) of your own to build on.
///
/// # Examples
///
/// ```
/// use http::Request;
/// use tower_adaptive::http::{too_many_requests, unavailable};
/// use tower_adaptive::{AdmissionLayer, Fathom, Reason};
///
/// let layer = AdmissionLayer::new(Fathom::default()).on_reject(|_: Request<()>, rejected| {
///     match rejected.reason() {
///         Reason::ShareExhausted => too_many_requests::<String>(&rejected),
///         _ => unavailable(&rejected),
///     }
/// });
/// # let _ = layer;
/// ```
#[must_use]
pub fn too_many_requests<B: Default>(rejected: &Rejected) -> Response<B> {
    respond(StatusCode::TOO_MANY_REQUESTS, rejected)
}

/// Returns a value for `Retry-After`: in how many seconds whoever was rejected may return.
///
/// Each is drawn anew, so that clients who were rejected together do not return together: a whole
/// number of seconds, uniform over `1 ..= 1 + max(2, 2 × drain)`, at most 60, where `drain` is
/// [`Rejected::drain_time`] rounded up. While that is unknown these are 1, 2 and 3 seconds.
#[must_use]
pub fn retry_after(rejected: &Rejected) -> HeaderValue {
    jitter::spread(1, whole_seconds(rejected.drain_time()), LONGEST_S).into()
}

fn respond<B: Default>(status: StatusCode, rejected: &Rejected) -> Response<B> {
    let mut response = Response::new(B::default());
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::RETRY_AFTER, retry_after(rejected));
    response
}

fn whole_seconds(duration: Duration) -> u64 {
    duration
        .as_secs()
        .saturating_add(u64::from(duration.subsec_nanos() > 0))
}

impl<Req, B: Default, E> Responder<Req, Response<B>, E> for StatusResponder {
    type Error = E;

    fn reject(&self, _: Req, rejected: Rejected) -> Result<Response<B>, E> {
        Ok(respond(self.status, &rejected))
    }

    fn service_error(error: E) -> E {
        error
    }
}

impl sealed::Sealed for StatusResponder {}

impl<R, Q, H> AdmissionLayer<DefaultClassifier, R, Q, H>
where
    Q: Clone,
    H: Copy,
{
    /// Answers rejected requests with `503 Service Unavailable` and
    /// [`Retry-After`](crate::http::retry_after), and counts responses by their status: an HTTP
    /// handler fails with a status, not with an `Err`.
    ///
    /// This is all that an axum user needs. For another classifier call
    /// [`classifier`](Self::classifier) after this.
    #[cfg_attr(docsrs, doc(cfg(feature = "http")))]
    #[must_use]
    pub fn respond_unavailable(self) -> AdmissionLayer<StatusClassifier, StatusResponder, Q, H> {
        self.respond_status(StatusCode::SERVICE_UNAVAILABLE)
    }

    /// As [`respond_unavailable`](Self::respond_unavailable), with `429 Too Many Requests`.
    ///
    /// 429 says "you": this client sends too much. 503 says "we": whoever it is, there is no room.
    /// A concurrency limit means the latter, and proxies take a server that answers 503 out of
    /// rotation. Choose 429 where a limit or a share belongs to a client, or where clients back off
    /// for that status alone.
    #[cfg_attr(docsrs, doc(cfg(feature = "http")))]
    #[must_use]
    pub fn respond_too_many_requests(
        self,
    ) -> AdmissionLayer<StatusClassifier, StatusResponder, Q, H> {
        self.respond_status(StatusCode::TOO_MANY_REQUESTS)
    }

    fn respond_status(
        self,
        status: StatusCode,
    ) -> AdmissionLayer<StatusClassifier, StatusResponder, Q, H> {
        self.responder(StatusResponder { status })
            .classifier(StatusClassifier::default())
    }
}

const LONGEST_S: u64 = 60;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::Reason;

    /// The values that a thousand clients get.
    fn drawn(drain_time: Duration) -> BTreeSet<u64> {
        let rejected = Rejected::new(Reason::Limit, 1, drain_time);
        (0..1000)
            .map(|_| retry_after(&rejected).to_str().unwrap().parse().unwrap())
            .collect()
    }

    #[test]
    fn an_unknown_or_short_drain_time_gives_one_to_three_seconds() {
        let expected = BTreeSet::from([1, 2, 3]);

        assert_eq!(drawn(Duration::ZERO), expected);
        assert_eq!(drawn(Duration::from_nanos(1)), expected);
        assert_eq!(drawn(Duration::from_secs(1)), expected);
    }

    #[test]
    fn clients_return_within_twice_the_drain_time_rounded_up() {
        assert_eq!(drawn(Duration::from_millis(3001)), (1..=9).collect());
    }

    #[test]
    fn nobody_is_sent_away_for_more_than_a_minute() {
        assert_eq!(drawn(Duration::MAX).last(), Some(&60));
    }
}
