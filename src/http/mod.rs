//! HTTP: classification by status, ready-made answers for what is rejected, a priority from a header.
//!
//! A handler that fails says so in a status, not in an `Err`. Without the [`StatusClassifier`] a
//! service that answers 503 in a millisecond looks like a fast one.
//!
//! ```
//! use http::{Request, Response};
//! use tower::{Layer, service_fn};
//! use tower_adaptive::{AdmissionLayer, Fathom};
//!
//! let layer = AdmissionLayer::new(Fathom::default())
//!     .respond_unavailable()
//!     .bypass(|request: &Request<String>| request.uri().path() == "/health");
//! # let service = layer.layer(service_fn(async |request: Request<String>| {
//! #     Ok::<_, std::convert::Infallible>(Response::new(request.into_body()))
//! # }));
//! # let _ = service;
//! ```
//!
//! # Until when
//!
//! A response is its head to begin with: then the permit goes back, and that is what is measured.
//! Its body may stream on for long after. With [`Streaming`] the permit is held, the RTT measured,
//! or both, until the body has ended.
//!
//! | responses | hold | measure | how |
//! |---|---|---|---|
//! | a JSON API: the work is done when the head is there | head | head | the default |
//! | proxied, or made while they are sent: most of the work comes after the head | end | end | `.streaming(Streaming::new())` |
//! | big downloads: each takes a part of the machine, and as long as its client is slow | end | head | `.streaming(Streaming::new().measure(Until::Head))` |
//! | unary gRPC: how it went is in the trailers | either | end | `.streaming(Streaming::new())` |
//! | server-sent events, a WebSocket, gRPC streams | head | head | the default |
//!
//! The last of these last for hours. If they held permits, as many as the limit would be all that
//! are served, and an RTT of an hour would be what the limit is learned from: put them under a
//! limiter of their own if their number is to be bounded, and measure to the head.

mod authority;
mod body;
mod classifier;
mod priority;
mod respond;
mod streaming;

pub use authority::Authority;
pub use body::{BodyEnd, GuardedBody, Until};
pub use classifier::StatusClassifier;
pub use priority::priority;
pub use respond::{StatusResponder, retry_after, too_many_requests, unavailable};
pub use streaming::Streaming;
