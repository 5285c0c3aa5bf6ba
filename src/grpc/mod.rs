//! gRPC: classification by `grpc-status`, a ready-made answer for what is rejected, and what a
//! request says of itself.
//!
//! For tonic, and for whatever else speaks gRPC in `http` types: nothing here depends on tonic.
//!
//! # Servers
//!
//! ```no_run
//! use tonic::transport::Server;
//! use tower_adaptive::{AdmissionLayer, Fathom, Queue, grpc};
//!
//! # async fn serve(echo: tonic::service::Routes) -> Result<(), Box<dyn std::error::Error>> {
//! let admission = AdmissionLayer::new(Fathom::default())
//!     .respond_grpc()
//!     .queue(Queue::bounded(100))
//!     .bypass(|request: &http::Request<_>| grpc::service(request) == "grpc.health.v1.Health")
//!     .priority(grpc::priority("x-priority"))
//!     .deadline(grpc::deadline);
//!
//! Server::builder()
//!     .layer(admission)
//!     .add_routes(echo)
//!     .serve("[::1]:50051".parse()?)
//!     .await?;
//! # Ok(())
//! # }
//! ```
//!
//! A handler's error is a response, with a status in its head or in its trailers. Without the
//! [`GrpcClassifier`] a service that answers `UNAVAILABLE` in a millisecond looks like a fast one.
//! A rejected call ends with `UNAVAILABLE` and a [pushback](retry_pushback).
//!
//! `Server::timeout`, and the `grpc-timeout` that tonic heeds, lie outside of the layer: what they
//! cut off counts as [`Canceled`](crate::Outcome::Canceled).
//!
//! # Streams
//!
//! A call has its permit until the head of its response, and counts by it. tonic makes a head when
//! the handler returns: of a unary call that is all there is to know, while a stream is a success
//! however it ends. With [`Streaming`](crate::http::Streaming) the trailers decide:
//!
//! ```
//! use tower_adaptive::{AdmissionLayer, Fathom, http::Streaming};
//!
//! let admission = AdmissionLayer::new(Fathom::default())
//!     .respond_grpc()
//!     .streaming(Streaming::new());
//! # let _ = admission;
//! ```
//!
//! That is for streams which end, such as an answer in parts. One that a client subscribes to lasts
//! for hours, and would hold its permit for as long; see [what to choose](crate::http#until-when).
//!
//! # Clients
//!
//! A channel is a service, so both layers fit around it:
//!
//! ```no_run
//! use tonic::transport::Endpoint;
//! use tower::ServiceBuilder;
//! use tower_adaptive::{ConcurrencyLimitLayer, Fathom, grpc::GrpcClassifier};
//!
//! # async fn connect() -> Result<(), tonic::transport::Error> {
//! let limit = ConcurrencyLimitLayer::new(Fathom::default()).classifier(GrpcClassifier::new());
//! let channel = Endpoint::from_static("http://[::1]:50051").connect().await?;
//! let channel = ServiceBuilder::new().layer(limit).service(channel);
//! // EchoClient::new(channel)
//! # let _ = channel;
//! # Ok(())
//! # }
//! ```
//!
//! With [`AdmissionLayer`](crate::AdmissionLayer) and `respond_grpc` a call beyond the limit ends
//! with `UNAVAILABLE` before anything is sent.

mod classifier;
mod code;
mod deadline;
mod key;
mod request;
mod respond;

pub use classifier::GrpcClassifier;
pub use code::Code;
pub use deadline::deadline;
pub use key::FullMethod;
pub use request::{full_method, method, service};
pub use respond::{GrpcResponder, retry_pushback, unavailable};

pub use crate::http::priority;
