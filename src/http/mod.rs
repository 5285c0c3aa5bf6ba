//! HTTP: classification by status, and a ready-made answer for what is rejected.
//!
//! A handler that fails says so in a status, not in an `Err`. Without the [`StatusClassifier`] a
//! service that answers 503 in a millisecond looks like a fast one.
//!
//! ```
//! use http::{Request, Response};
//! use tower::{Layer, service_fn};
//! use tower_adaptive::{AdmissionLayer, Vegas};
//!
//! let layer = AdmissionLayer::new(Vegas::default())
//!     .respond_unavailable()
//!     .bypass(|request: &Request<String>| request.uri().path() == "/health");
//! # let service = layer.layer(service_fn(async |request: Request<String>| {
//! #     Ok::<_, std::convert::Infallible>(Response::new(request.into_body()))
//! # }));
//! # let _ = service;
//! ```

mod classifier;
mod respond;

pub use classifier::StatusClassifier;
pub use respond::{Unavailable, unavailable};
