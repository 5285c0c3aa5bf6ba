//! How well an algorithm did, beside the oracle on the same traffic.

mod compare;
mod measures;
mod record;

pub(crate) use compare::{false_rejects, jain};
pub use measures::Measures;
pub(crate) use record::histogram_us;
pub use record::{Record, Second};
