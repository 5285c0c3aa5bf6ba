//! Adaptive concurrency limits for Tower services.
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod algorithm;
mod error;
mod sample;

pub use algorithm::{Algorithm, Bounds, Report};
pub use error::InvalidOption;
pub use sample::{Outcome, Sample};
