use std::fmt::Write as _;

use http::Response;
use http::header::{CONTENT_TYPE, HeaderValue};

use super::code::STATUS;
use super::{Code, GrpcClassifier};
use crate::admission::{AdmissionLayer, Rejected, Responder, sealed};
use crate::classify::DefaultClassifier;
use crate::jitter;

/// Rejects with `UNAVAILABLE`, as [`unavailable`] builds it.
///
/// Made by [`respond_grpc`](AdmissionLayer::respond_grpc).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GrpcResponder(());

/// Returns the response of a call that was rejected, for an
/// [`on_reject`](AdmissionLayer::on_reject) of your own to build on: status `UNAVAILABLE`, which
/// clients may retry, the reason as the message, and [`grpc-retry-pushback-ms`](retry_pushback).
///
/// All of it is in the head (`Trailers-Only`), and the body is empty.
///
/// # Examples
///
/// ```
/// use http::{HeaderValue, Request};
/// use tower_adaptive::{AdmissionLayer, Fathom, grpc::{GrpcClassifier, unavailable}};
///
/// let layer = AdmissionLayer::new(Fathom::default())
///     .classifier(GrpcClassifier::new())
///     .on_reject(|_: Request<String>, rejected| {
///         let mut response = unavailable::<String>(&rejected);
///         let reason = HeaderValue::from_static(rejected.reason().as_str());
///         response.headers_mut().insert("x-shed", reason);
///         response
///     });
/// # let _ = layer;
/// ```
#[must_use]
pub fn unavailable<B: Default>(rejected: &Rejected) -> Response<B> {
    let mut response = Response::new(B::default());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert(STATUS, HeaderValue::from(Code::Unavailable as u16));
    headers.insert(MESSAGE, percent_encoded(&rejected.to_string()));
    headers.insert(PUSHBACK, retry_pushback(rejected));
    response
}

/// Returns a value for `grpc-retry-pushback-ms`: in how many milliseconds a client may try again.
/// gRPC libraries that retry wait that long instead of what they would have waited ([gRFC A6]).
///
/// Each is drawn anew, so that clients who were rejected together do not return together: uniform
/// over `100 ..= 100 + max(200, 2 × drain)`, at most 60,000, where `drain` is
/// [`Rejected::drain_time`]. While that is unknown these are 100 to 300 ms.
///
/// [gRFC A6]: https://github.com/grpc/proposal/blob/master/A6-client-retries.md
#[must_use]
pub fn retry_pushback(rejected: &Rejected) -> HeaderValue {
    let drain_ms = u64::try_from(rejected.drain_time().as_millis()).unwrap_or(u64::MAX);
    jitter::spread(SHORTEST_MS, drain_ms, LONGEST_MS).into()
}

/// Encodes a message for `grpc-message`: printable ASCII but for `%` stands for itself ([gRPC over
/// HTTP/2]).
///
/// [gRPC over HTTP/2]: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
fn percent_encoded(message: &str) -> HeaderValue {
    let mut encoded = String::with_capacity(message.len());
    for byte in message.bytes() {
        match byte {
            b' '..=b'~' if byte != b'%' => encoded.push(char::from(byte)),
            _ => write!(encoded, "%{byte:02X}").expect("a String takes everything"),
        }
    }
    HeaderValue::try_from(encoded).expect("printable ASCII")
}

impl<Req, B: Default, E> Responder<Req, Response<B>, E> for GrpcResponder {
    type Error = E;

    fn reject(&self, _: Req, rejected: Rejected) -> Result<Response<B>, E> {
        Ok(unavailable(&rejected))
    }

    fn service_error(error: E) -> E {
        error
    }
}

impl sealed::Sealed for GrpcResponder {}

impl<R, Q, H> AdmissionLayer<DefaultClassifier, R, Q, H>
where
    Q: Clone,
    H: Copy,
{
    /// Answers rejected calls with [`UNAVAILABLE`](crate::grpc::unavailable), and counts responses
    /// by their gRPC status: a handler that fails says so in a status, not in an `Err`.
    ///
    /// This is all that a tonic user needs. For another classifier call
    /// [`classifier`](Self::classifier) after this.
    #[cfg_attr(docsrs, doc(cfg(feature = "grpc")))]
    #[must_use]
    pub fn respond_grpc(self) -> AdmissionLayer<GrpcClassifier, GrpcResponder, Q, H> {
        self.responder(GrpcResponder(()))
            .classifier(GrpcClassifier::new())
    }
}

const MESSAGE: &str = "grpc-message";
const PUSHBACK: &str = "grpc-retry-pushback-ms";
const SHORTEST_MS: u64 = 100;
const LONGEST_MS: u64 = 60_000;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::Reason;

    fn rejected(drain_time: Duration) -> Rejected {
        Rejected::new(Reason::QueueFull, 7, drain_time)
    }

    fn pushback_ms(drain_time: Duration) -> u64 {
        let value = retry_pushback(&rejected(drain_time));
        value.to_str().unwrap().parse().unwrap()
    }

    #[test]
    fn a_rejection_is_a_head_with_status_message_and_pushback() {
        let response = unavailable::<String>(&rejected(Duration::ZERO));

        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "application/grpc");
        assert_eq!(response.headers()["grpc-status"], "14");
        assert_eq!(
            response.headers()["grpc-message"],
            "concurrency limit of 7 reached, and its queue is full"
        );
        assert!(response.headers().contains_key("grpc-retry-pushback-ms"));
        assert_eq!(response.into_body(), "");
    }

    #[test]
    fn clients_return_within_twice_the_drain_time_and_the_shortest() {
        for _ in 0..1000 {
            assert!((100..=300).contains(&pushback_ms(Duration::ZERO)));
            assert!((100..=300).contains(&pushback_ms(Duration::from_millis(99))));
            assert!((100..=2100).contains(&pushback_ms(Duration::from_secs(1))));
            assert!((100..=60_000).contains(&pushback_ms(Duration::MAX)));
        }
    }

    #[test]
    fn a_message_is_percent_encoded_but_for_printable_ascii() {
        assert_eq!(percent_encoded("limit ~ 7"), "limit ~ 7");
        assert_eq!(percent_encoded("100%\n"), "100%25%0A");
        assert_eq!(percent_encoded("µs\u{7f}"), "%C2%B5s%7F");
    }
}
