//! Adaptive concurrency limits for Tower services: the limit is measured, not guessed.
//!
//! Nobody knows the right fixed limit. Too high, and the service collapses before the limit is
//! reached; too low, and hardware idles while good requests are refused. This crate measures each
//! response's round-trip time (RTT) and finds the limit by itself, as TCP finds its window, and
//! keeps finding it as things change.
//!
//! ```
//! use axum::{Router, routing::get};
//! use tower_adaptive::{AdmissionLayer, Fathom};
//!
//! let app: Router = Router::new()
//!     .route("/api/data", get(async || "data"))
//!     .layer(AdmissionLayer::new(Fathom::default()).respond_unavailable());
//! # let _ = app;
//! ```
//!
//! # The ring
//!
//! ```text
//! request ──▶ gate ──▶ inner service ──▶ outcome ──▶ sample ──▶ algorithm ──▶ limit ──▶ (gate)
//!             one atomic word            classifier   rtt, in flight          one number
//! ```
//!
//! A request passes the *gate* if fewer than *limit* requests are in flight, and holds a
//! [`Permit`] until its response is there. The [`Classifier`] says how it ended, an [`Outcome`];
//! together with the RTT and what was in flight that makes a [`Sample`]. The [`Algorithm`] turns
//! samples into the next limit. A [`Limiter`] is gate and algorithm in one: a handle on one limit,
//! which can be shared, watched ([`snapshot`](Limiter::snapshot)) and changed while it runs
//! ([`set_bounds`](Limiter::set_bounds), [`set_algorithm`](Limiter::set_algorithm)).
//!
//! # First of all: one limiter, one latency class
//!
//! An algorithm compares response times. Where a 5 µs answer (a fallback route, a health check, a
//! cached reply) shares a limiter with a 20 ms handler, the fast one becomes the baseline, the slow
//! one looks congested, and the limit collapses. So give each class of work its own limiter (by
//! hand, or by [`key`](AdmissionLayer::key): a route, a host, a tenant), let the HTTP
//! `StatusClassifier` ignore client errors (it comes with `respond_unavailable`), and
//! [`bypass`](AdmissionLayer::bypass) health checks. What still varies wants [`Fathom`], or a
//! [`Windowed`] algorithm, rather than plain [`Vegas`], which takes its luckiest response for what
//! the service can do.
//!
//! # Choosing a layer
//!
//! | you write | use | when the limit is reached |
//! |---|---|---|
//! | a client, a worker, a pipeline | [`ConcurrencyLimitLayer`] | `poll_ready` waits: back-pressure |
//! | a server (HTTP, gRPC) | [`AdmissionLayer`] | `call` rejects, or queues for a moment: 503, or an error |
//! | something that is not a `Service` | [`Limiter`] | [`acquire`](Limiter::acquire) waits, [`try_acquire`](Limiter::try_acquire) does not |
//!
//! A server may let requests wait for a moment, tell them apart by priority, share or key, and hold
//! permits until bodies have ended: the page *Guarding a server* (in `guides`, with feature `axum`)
//! goes through it step by step.
//!
//! A server that waits in `poll_ready` has a queue without bounds: it has read the request by then,
//! and whoever sent it may have given up. A client that rejects turns a short burst into errors.
//!
//! **One layer value is one limit**, however many services, routes, methods or connections it is
//! applied to, since axum applies a layer to each of them. Endpoints behind a balancer, which want
//! a limit each, use [`per_service`](ConcurrencyLimitLayer::per_service).
//!
//! # Choosing an algorithm
//!
//! [`Fathom`] first, as it is: it has nothing to tune, and tells a queue from a dependency that has
//! become slower. The others are known from elsewhere and simpler, see the table in [`algorithm`]:
//! [`Vegas`] where the work is uniform, [`Gradient2`] where it is mixed, either of them in
//! [`Windowed`] where single RTTs are noisy, [`Aimd`] where overload shows as errors and timeouts,
//! [`Fixed`] to compare with. Defaults allow up to 200 or 1000 in flight; those of `Aimd` and
//! `Gradient2` never go below 20, so there a dependency with room for 16 wants `.min_limit(1)`.
//!
//! Writing one means implementing two methods; the [`algorithm`] page has an example, and hand-made
//! [`Sample`]s test it without a clock or a runtime.
//!
//! # The order of layers
//!
//! - **Timeout**. *Inside* the limit it covers the service alone; what it cuts off is an `Err`, so
//!   an overload. *Outside*, what it cuts off is dropped, so [`Canceled`](Outcome::Canceled): a
//!   lower bound of the RTT, which still lowers the limit if even that is congestion. Both are
//!   heard. tower's `Timeout` starts at `call`: to cover the wait for a permit, too, put the timeout
//!   around `oneshot`, or a `Buffer` between.
//! - **Retry**. Outside the limit, so that each attempt takes a permit and is a sample of its own.
//!   Inside, one permit covers all attempts and the RTT is their sum.
//! - **Buffer**. Outside [`ConcurrencyLimit`], it makes the service clonable and takes the queue in
//!   front of it; inside, it would answer `poll_ready` before the service is ready, and the time in
//!   its queue counts as RTT.
//! - **Load shed**. Outside [`ConcurrencyLimit`]: rejects what would wait. [`AdmissionLayer`] does
//!   the same for less, and tells how many it rejected. Inside, its refusals are errors, and so
//!   overload.
//! - **Balance**. One limit around a balancer bounds all endpoints together; a limit for each of
//!   them is made by [`per_service`](ConcurrencyLimitLayer::per_service), inside.
//! - **Tracing and metrics** outside, so that rejections are seen; **authentication** outside if it
//!   is cheap, so that its refusals do not count as fast responses.
//!
//! # Errors
//!
//! [`ConcurrencyLimit`] has the errors of the inner service and no others. [`Admission`] has
//! [`AdmissionError`], or with [`on_reject`](AdmissionLayer::on_reject) or `respond_unavailable`
//! those of the inner service again.
//!
//! A panic in an algorithm, a classifier or a waker is contained where panics unwind (not with
//! `panic = "abort"`): the permit comes back, and the response goes on its way. An algorithm that
//! panicked is not asked again; its limit freezes until
//! [`set_algorithm`](Limiter::set_algorithm), and the [`Snapshot`] says so.
//!
//! # Testing under a paused clock
//!
//! Time is [`tokio::time::Instant`], so a test with a paused clock controls every RTT:
//!
//! ```
//! use std::time::Duration;
//! use tower_adaptive::{Fixed, Limiter};
//!
//! #[tokio::main(flavor = "current_thread", start_paused = true)]
//! async fn main() {
//!     let limiter = Limiter::new(Fixed::new(10));
//!     let call = async {
//!         tokio::time::sleep(Duration::from_millis(250)).await; // takes no time at all
//!         Ok::<_, std::io::Error>(())
//!     };
//!     limiter.run(call).await.unwrap();
//!     assert_eq!(limiter.snapshot().last_rtt, Some(Duration::from_millis(250)));
//! }
//! ```
//!
//! # Runtime
//!
//! Futures run anywhere. Two things need a tokio runtime with time enabled. One is passing on a
//! permit that was granted to a caller who has stopped polling, when nobody else polls either.
//! Limiters use the runtime of whoever waited last. Without one, the next poll passes it on; on one
//! that was built without `enable_time`, the task that would have done it panics, once. The other is
//! the [`max_wait`](Queue::max_wait) of a queued request: without a clock, it is turned away late only
//! when others come or go; on a runtime without `enable_time`, each that waits panics once inside.
//! Panics inside are contained, and reported by the panic hook.
//!
//! # Features
//!
//! None is on by default.
//!
//! | feature | brings |
//! |---|---|
//! | `http` | module `http`: classification by status, 503 or 429 for rejections, permits that bodies hold |
//! | `grpc` | module `grpc`: classification by `grpc-status`, UNAVAILABLE for rejections; `http` |
//! | `axum` | module `axum`: the matched path as a key; rejections are `IntoResponse`; `http` |
//! | `metrics` | module `metrics`: the figures of limiters with a name, through the `metrics` facade |
//! | `load` | `tower::load::Load` for services with one limiter: the share of the limit in use |
//! | `serde` | builders of algorithms, `Queue`, `Shares` and `Priority` are (de)serializable |
//! | `tracing` | events for what is notable of limiters with a name: see [below](#events) |
//!
//! # Events
//!
//! With feature `tracing`, limiters that are in the [`registry`] tell what is notable: a thread looks at
//! them every 100 ms, so no request does. Each event has a field `limiter`, the name.
//!
//! | target | level | when | other fields |
//! |---|---|---|---|
//! | `tower_adaptive::limit` | INFO | the limit is more than a tenth off the one told last | `limit_before`, `limit` |
//! | `tower_adaptive::saturation` | INFO | of the last ten looks five found somebody kept out or waiting, or again none did | `saturated`, `limit` |
//! | `tower_adaptive::rejection` | WARN | requests were rejected; once a second at most | `rejected`, `reasons` |
//! | `tower_adaptive::verdict` | INFO | an experiment of [`Fathom`] has ended | `finding`, `at`, `limit_before`, `limit`, `rtt_before`, `rtt`, `elasticity` |

#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod admission;
pub mod algorithm;
#[cfg(feature = "axum")]
#[cfg_attr(docsrs, doc(cfg(feature = "axum")))]
pub mod axum;
mod classify;
mod contain;
mod error;
mod future;
mod gate;
#[cfg(feature = "grpc")]
#[cfg_attr(docsrs, doc(cfg(feature = "grpc")))]
pub mod grpc;
pub mod guides;
mod hold;
#[cfg(feature = "http")]
#[cfg_attr(docsrs, doc(cfg(feature = "http")))]
pub mod http;
#[cfg(feature = "http")]
mod jitter;
mod keyed;
mod layer;
mod limiter;
mod limiters;
#[cfg(all(feature = "metrics", not(tower_adaptive_loom)))]
#[cfg_attr(docsrs, doc(cfg(feature = "metrics")))]
pub mod metrics;
#[cfg(all(
    any(feature = "metrics", feature = "tracing"),
    not(tower_adaptive_loom)
))]
mod observer;
#[cfg(not(tower_adaptive_loom))]
pub mod registry;
mod sample;
mod service;
mod sync;

pub use admission::{
    Admission, AdmissionError, AdmissionLayer, Priorities, Priority, Queue, Reason, Rejected,
    Shares,
};
#[cfg(feature = "serde")]
#[cfg_attr(docsrs, doc(cfg(feature = "serde")))]
pub use algorithm::AlgorithmConfig;
pub use algorithm::{
    Aggregate, Aimd, AimdBuilder, Algorithm, Bounds, Fathom, FathomBuilder, Finding, Fixed,
    FixedBuilder, Gradient2, Gradient2Builder, Report, Vegas, VegasBuilder, Verdict, Windowed,
    WindowedBuilder,
};
pub use classify::{Classifier, DefaultClassifier, OnClose};
pub use error::InvalidOption;
pub use future::ResponseFuture;
pub use gate::Permit;
pub use hold::{Hold, UntilHead};
pub use keyed::{Key, KeyedConcurrencyLimit, KeyedConcurrencyLimitLayer, KeyedFuture};
pub use layer::ConcurrencyLimitLayer;
#[cfg(not(tower_adaptive_loom))]
pub use limiter::Changes;
#[cfg(feature = "serde")]
#[cfg_attr(docsrs, doc(cfg(feature = "serde")))]
pub use limiter::LimiterConfig;
pub use limiter::{
    Acquire, Idle, Limiter, LimiterBuilder, Mode, Rejections, RestoreError, Share, Snapshot,
    WarmStart,
};
pub use limiters::{Limiters, LimitersBuilder};
pub use sample::{Outcome, Sample};
pub use service::ConcurrencyLimit;

#[cfg(all(doctest, feature = "axum"))]
#[doc = include_str!("../README.md")]
struct Readme;
