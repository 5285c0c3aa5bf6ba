//! What can be set: names, ranges, defaults, and a sentence about each option, for pages to build their
//! controls from. `GET options` serves it.

mod describe;
mod table;

pub use describe::{Algorithm, Described, algorithms, defaults, queue, window};
