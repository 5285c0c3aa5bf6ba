//! Limiters by key: how a layer chooses one for a request.
//!
//! [`AdmissionLayer`](crate::AdmissionLayer) chooses in `call`, where it decides anyway. What
//! `ConcurrencyLimit` does in `poll_ready` cannot be done by key, since there is no request yet; so
//! its keyed form is a service of its own, which waits in the response's future.

mod future;
mod key;
mod layer;
mod service;

pub use future::KeyedFuture;
pub use key::Key;
pub use layer::KeyedConcurrencyLimitLayer;
pub use service::KeyedConcurrencyLimit;

pub(crate) use key::Token;
