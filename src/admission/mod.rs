//! Admission for servers: [`AdmissionLayer`] decides about every request when it is called.
//!
//! # Naming the types
//!
//! Each closure is part of the layer's type, and a closure's type has no name. Where a layer or a
//! service is a field of yours, make functions of them, or forget the type in a
//! `tower::util::BoxCloneService`:
//!
//! ```
//! use tower_adaptive::admission::{By, Rules};
//! use tower_adaptive::{AdmissionLayer, DefaultClassifier, Fathom, Priority};
//!
//! type ByPriority = By<fn(&String) -> Priority>;
//!
//! struct Server {
//!     layer: AdmissionLayer<DefaultClassifier, tower_adaptive::admission::ReturnError, Rules<(), ByPriority>>,
//! }
//!
//! fn priority(path: &String) -> Priority {
//!     if path == "/checkout" { Priority::Critical } else { Priority::Normal }
//! }
//!
//! let server = Server {
//!     layer: AdmissionLayer::new(Fathom::default()).priority(priority as fn(&String) -> Priority),
//! };
//! # let _ = server.layer;
//! ```

mod choice;
mod error;
mod future;
mod layer;
mod policy;
mod priorities;
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
pub use priorities::Priorities;
pub use priority::Priority;
pub use queue::Queue;
pub use respond::{OnReject, Responder, ReturnError};
pub use rules::{By, ByClass, Bypass, Deadline, Partition, Prioritize, Rules, RulesFor};
pub use service::Admission;
pub use shares::Shares;

#[cfg(feature = "http")]
pub(crate) use respond::sealed;
