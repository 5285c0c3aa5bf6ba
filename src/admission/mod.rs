//! Admission for servers: [`AdmissionLayer`] decides about every request when it is called.

mod choice;
mod error;
mod future;
mod layer;
mod policy;
mod priority;
mod queue;
mod respond;
mod rules;
mod service;
mod shares;

pub use choice::{Choose, Keyed, Limits, One, Settings};
pub use error::{AdmissionError, Reason, Rejected};
pub use future::AdmissionFuture;
pub use layer::AdmissionLayer;
pub use priority::Priority;
pub use queue::Queue;
pub use respond::{OnReject, Responder, ReturnError};
pub use rules::{By, Bypass, Deadline, Partition, Prioritize, Rules, RulesFor};
pub use service::Admission;
pub use shares::Shares;

#[cfg(feature = "http")]
pub(crate) use respond::sealed;
