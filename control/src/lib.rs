//! Live control of tower-adaptive's limiters, for operators: an HTTP API and a page, as a router that a
//! service mounts.
//!
//! What it shows are the limiters of the [`registry`](tower_adaptive::registry): each that has a name, or
//! was listed by hand. It can be read by whoever reaches it; nothing can be changed unless a
//! [write token](Control::write_token) is set.
//!
//! # Examples
//!
//! ```no_run
//! use axum::{Router, routing::get};
//! use tower_adaptive::{AdmissionLayer, FathomBuilder, LimiterConfig};
//! use tower_adaptive_control::Control;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let limiter = LimiterConfig::new()
//!     .name("checkout")
//!     .algorithm(FathomBuilder::default())
//!     .try_build()?;
//! let control = Control::new()
//!     .write_token(std::env::var("CONTROL_TOKEN")?)
//!     .actor_header("x-forwarded-user")
//!     .allowed_hosts(["ops.example.com"]);
//! let app = Router::new()
//!     .route("/checkout", get(async || "done"))
//!     .layer(AdmissionLayer::with_limiter(limiter).respond_unavailable())
//!     // After the layer: control must answer when nothing else does.
//!     .nest("/control", control.try_into_router()?);
//!
//! let listener = tokio::net::TcpListener::bind("0.0.0.0:3000").await?;
//! axum::serve(listener, app).await?;
//! # Ok(())
//! # }
//! ```
//!
//! Better still, serve it on a port of its own that the world does not reach:
//! `axum::serve(internal, Control::new().into_router())`.
//!
//! # What there is
//!
//! | request | answer |
//! |---|---|
//! | `GET /` | the page |
//! | `GET /limiters` | a list of `name` and `snapshot` |
//! | `GET /limiters/{name}` | `name`, `snapshot`, and `config`, a [`LimiterConfig`](tower_adaptive::LimiterConfig) |
//! | `GET /limiters/{name}/events` | a stream of server-sent events: `snapshot` at once and whenever something changes, at most ten a second; `gone` at last |
//! | `PATCH /limiters/{name}` | changes it; the answer is that of `GET` |
//! | `GET /options` | what can be set, see [`options`], and whether it can be set here |
//!
//! A name is percent-encoded, whatever is in it: `/api/{id}` is `limiters/%2Fapi%2F%7Bid%7D`. Three names
//! cannot be told in a path: the empty one, `.` and `..`. Durations in a snapshot are in seconds, and are
//! called so; those of a configuration are texts as `"20ms"`.
//!
//! Under [`Router::nest`](axum::Router::nest), the page is at `/control`; with
//! [`nest_service`](axum::Router::nest_service), at `/control/`, too. All its addresses are relative, so it can be
//! mounted anywhere, also behind a proxy that takes a prefix away.
//!
//! # Changing a limiter
//!
//! A change is a JSON merge patch ([RFC 7396](https://www.rfc-editor.org/rfc/rfc7396)) of the configuration: what
//! is not named stays, and what is `null` goes back to its default. There is one exception, for
//! convenience: an `algorithm` of another `name` replaces the one before, and does not inherit its options.
//!
//! ```sh
//! curl -X PATCH http://localhost:3000/control/limiters/checkout \
//!     -H "Authorization: Bearer $CONTROL_TOKEN" -H "Content-Type: application/merge-patch+json" \
//!     -d '{ "bounds": { "max": 50 }, "queue": { "capacity": 20, "max_wait": "50ms" } }'
//! ```
//!
//! All of it holds from then on, or nothing does; no request is dropped, and what was learned is kept where the
//! algorithm stays ([`Limiter::apply`](tower_adaptive::Limiter::apply)). Changes that come at a time are made
//! one after the other, in the whole process, so none loses the fields of another. Who wants more sends
//! `If-Match` with the `ETag` of a `GET`, which stands for the configuration alone, and gets 412 if that has
//! changed since. What the service itself changes at the same moment, by methods of the limiter, may be lost.
//!
//! A change lives as long as its limiter: nothing is written to a file.
//!
//! # What is refused
//!
//! In this order, as JSON with an `error`:
//!
//! | status | because |
//! |---|---|
//! | 403 | it was called by a [name that is not its own](Control::allowed_hosts); also for reading |
//! | 403 | `Origin` is not `Host`, or `Sec-Fetch-Site` says that the page is another one's |
//! | 403 | no write token is set |
//! | 401 | the token is missing or wrong; `WWW-Authenticate: Bearer` |
//! | 415 | it is not `application/merge-patch+json` or `application/json` |
//! | 413, 408 | it is larger than 16 KiB, or takes longer than 10 s to arrive |
//! | 400 | it is no JSON |
//! | 404 | there is no limiter of that name |
//! | 412 | `If-Match` |
//! | 422 | an option is unknown or out of its range: with `option` and `range` |
//! | 503 | for `events`: all [streams](Control::most_streams) are taken |
//!
//! # Who may do what
//!
//! The token is compared in constant time: how long a comparison takes says whether what was sent is longer than 256
//! bytes, and nothing of the token. Guesses are not counted, so let it be long and drawn; and let TLS, which
//! is not the business of this crate, keep it from those who listen.
//!
//! There is no token for reading: names and figures of limiters are shown to whoever can reach the router. If that
//! is too many, mount it behind your own authentication, as `Router::nest("/control", control).layer(auth)`. A page in a
//! browser can send a token for writing, since it is asked for it; for reading it has what your layer
//! takes from a browser, as cookies.
//!
//! Nothing of the page comes from elsewhere, and no script but its own runs in it (`Content-Security-Policy`). It keeps
//! the token in `sessionStorage`, for as long as its tab is open. No answer is cached.
//!
//! # Who did what
//!
//! Every change that was accepted is an event of [`tracing`](https://docs.rs/tracing), with level INFO and target
//! `tower_adaptive_control::change`: `limiter`, `actor` (from the header that you [name](Control::actor_header)), and
//! `before` and `after`, two configurations as JSON.

mod assets;
mod change;
mod control;
mod events;
mod json;
mod merge;
pub mod options;
mod problem;
mod refusal;
mod router;
mod token;
mod view;
mod visitor;

pub use control::Control;
