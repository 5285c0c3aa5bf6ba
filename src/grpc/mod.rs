//! gRPC: classification by `grpc-status` and a ready-made answer for what is rejected.
//!
//! For tonic, and for whatever else speaks gRPC in `http` types: nothing here depends on tonic.

mod classifier;
mod code;
mod respond;

pub use classifier::GrpcClassifier;
pub use code::Code;
pub use respond::{GrpcResponder, retry_pushback, unavailable};
