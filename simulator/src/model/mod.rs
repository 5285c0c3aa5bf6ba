//! The model: clients, limiters, a network, and a plant of servers with a queue.
//!
//! ```text
//!            ┌─ instance 1: limiter ─┐              ┌───────────── plant ─────────────┐
//! arrivals ──┼─ instance 2: limiter ─┼── network ──▶│ limiter ──▶ queue ──▶ servers   │
//! or clients └─ ...                  ┘ ◀── network ──  (optional)                     │
//!     ▲                                             └─────────────────────────────────┘
//!     └── retries, after a rejection, an overload, a deadline
//! ```
//!
//! It is a simulation of events: nothing happens between two of them, and time jumps from one to
//! the next. It uses no runtime, no clock and no globals, so a run depends on nothing but its
//! [`Config`] and the algorithms, which are the crate's own.
//!
//! # The same luck for everybody
//!
//! Algorithms are compared on the same traffic. Whatever chance decides about a request is drawn
//! from the seed and the request's number (`draws.rs`), not from one stream that
//! everybody shares: that a request was rejected does not change the service time of the next. In a closed
//! loop, and with retries, when a request comes depends on what happened to those before it; the
//! n-th request of a client still has the same service time.
//!
//! # Where the time goes
//!
//! The RTT of a client's limiter is half the latency, the plant's limiter and queue, the service
//! time, and the other half. The RTT of the plant's limiter is queue and service time. What a user
//! waits is counted from the arrival of the first attempt, so waiting for a permit, retries and their
//! backoff are in it.
//!
//! # What must hold
//!
//! - Requests: `arrived = succeeded + failed + pending`, at any time, exactly.
//! - Attempts: `begun = waiting + out + ended`, where one is out as long as its client has a permit.
//! - Servers: never more busy than there are, except while those that were taken away finish.
//! - No limiter has more out than its limit, except after the limit fell.
//!
//! `tests/model.rs` checks these in random runs, and the queue against Erlang's formulas;
//! `tests/attempts.rs` follows single requests, by hand.

mod agenda;
mod at_plant;
mod attempt;
mod changes;
mod config;
mod describe;
mod draws;
mod gauge;
mod limiter;
mod params;
mod plant;
mod sim;
mod tick;
mod traffic;
mod value;

pub use config::{AtLimit, Config, Event};
pub use describe::{Described, Domain};
pub use params::{Change, CountsAs, DeadlineCountsAs, Params, Service};
pub use sim::Sim;
pub use tick::{Tick, Totals};
pub use value::{Invalid, InvalidSpan, Maybe, Span};
