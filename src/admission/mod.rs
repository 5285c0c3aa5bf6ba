//! Admission for servers: [`AdmissionLayer`] decides about every request when it is called.

mod error;
mod future;
mod layer;
mod priority;
mod queue;
mod respond;
mod service;
mod shares;

pub use error::{AdmissionError, Reason, Rejected};
pub use future::AdmissionFuture;
pub use layer::AdmissionLayer;
pub use priority::Priority;
pub use queue::Queue;
pub use respond::{Bypass, BypassIf, NoBypass, OnReject, Responder, ReturnError};
pub use service::Admission;
pub use shares::Shares;

#[cfg(feature = "http")]
pub(crate) use respond::sealed;
