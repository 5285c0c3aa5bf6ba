//! The gate: who may be in flight now, and who is next.
mod permit;
mod protocol;
mod waiter;
mod waiters;
mod wakes;
mod word;

pub use permit::Permit;

pub(crate) use permit::Held;
pub(crate) use protocol::{Env, Gate};
pub(crate) use waiter::Waiter;

#[cfg(all(test, tower_adaptive_loom))]
mod models;
