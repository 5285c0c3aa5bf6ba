//! Who looks at the listed limiters, so that no request has to tell of itself: a thread of ours.
//!
//! It looks at each of them every 100 ms, reading a few atomics and, if somebody subscribes to
//! verdicts, the algorithm's report. Once a second it publishes figures (feature `metrics`), from a
//! snapshot. What is notable it tells at once (feature `tracing`). It starts with the first
//! limiter that is listed and ends when none is. If it cannot be started nothing is looked at, and all
//! else works; the next limiter tries again.
//!
//! It keeps no limiter alive: it has a handle for as long as it takes to read. Recorders and
//! subscribers run when it has none, and under no lock; if they panic, that is contained.

mod look;
#[cfg(feature = "tracing")]
mod tell;
mod thread;

pub(crate) use look::Watched;
pub(crate) use thread::start;
