//! Adaptive concurrency limits for Tower services.
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod admission;
pub mod algorithm;
#[cfg(feature = "axum")]
mod axum;
mod classify;
mod contain;
mod error;
mod future;
mod gate;
#[cfg(feature = "http")]
#[cfg_attr(docsrs, doc(cfg(feature = "http")))]
pub mod http;
mod layer;
mod limiter;
mod sample;
mod service;
mod sync;

pub use admission::{Admission, AdmissionError, AdmissionLayer, Rejected};
pub use algorithm::{
    Aggregate, Aimd, AimdBuilder, Algorithm, Bounds, Fixed, Gradient2, Gradient2Builder, Report,
    Vegas, VegasBuilder, Windowed, WindowedBuilder,
};
pub use classify::{Classifier, DefaultClassifier};
pub use error::InvalidOption;
pub use future::ResponseFuture;
pub use gate::Permit;
pub use layer::ConcurrencyLimitLayer;
pub use limiter::{Acquire, Limiter, LimiterBuilder, Snapshot};
pub use sample::{Outcome, Sample};
pub use service::ConcurrencyLimit;
