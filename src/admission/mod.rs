//! Admission for servers: [`AdmissionLayer`] decides about every request when it is called.

mod error;
mod future;
mod layer;
mod respond;
mod service;

pub use error::{AdmissionError, Rejected};
pub use future::AdmissionFuture;
pub use layer::AdmissionLayer;
pub use respond::{Bypass, BypassIf, NoBypass, OnReject, Responder, ReturnError};
pub use service::Admission;

#[cfg(feature = "http")]
pub(crate) use respond::sealed;
