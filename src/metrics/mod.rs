//! The figures of all listed limiters, for Prometheus and whatever else has a recorder for the
//! `metrics` facade (needs feature `metrics`).
//!
//! Install a recorder, name a limiter: that is all. Limiters that are in the
//! [registry](crate::registry) are exported, so those with a name, and those that were
//! [inserted](crate::registry::insert); others are not, and cost nothing. A thread publishes the
//! figures each second, and [`publish`] does it at once, for a scrape handler that wants figures of
//! this moment:
//!
//! ```
//! use tower_adaptive::{Fathom, Limiter, metrics};
//!
//! // Here, a recorder is installed: `PrometheusBuilder::new().install_recorder()?`, say.
//! let limiter = Limiter::builder(Fathom::default()).name("payments").build();
//! // Before the recorder renders what it was told:
//! metrics::publish();
//! # drop(limiter);
//! ```
//!
//! # All metrics
//!
//! Each has the label `limiter`, the name in the registry.
//!
//! | name | type | unit | other labels | meaning |
//! |---|---|---|---|---|
//! | `tower_adaptive_limit` | gauge | requests | | requests that may be in flight now |
//! | `tower_adaptive_limit_min` | gauge | requests | | the lower end of the range in which the limit moves |
//! | `tower_adaptive_limit_max` | gauge | requests | | the upper end of it |
//! | `tower_adaptive_in_flight` | gauge | requests | | in flight, and permits taken and not spent yet |
//! | `tower_adaptive_waiting` | gauge | requests | | callers, and requests in the queue, waiting for a permit |
//! | `tower_adaptive_admitted_total` | counter | requests | | admitted |
//! | `tower_adaptive_finished_total` | counter | requests | `outcome`: `success`, `overload`, `canceled`, `ignored` | finished, but for those of `samples_dropped_total`, whose outcome nobody noted |
//! | `tower_adaptive_rejected_total` | counter | requests | `reason`: [`Reason::as_str`](crate::Reason::as_str); `priority`: [`Priority::as_str`](crate::Priority::as_str) | turned away |
//! | `tower_adaptive_spared_total` | counter | requests | `reason` | let in only because the limiter observes |
//! | `tower_adaptive_abandoned_total` | counter | requests | | dropped by their callers while they waited in the queue |
//! | `tower_adaptive_rtt_seconds` | histogram | seconds | | how long successes took |
//! | `tower_adaptive_queue_wait_seconds` | histogram | seconds | | how long those waited that had to, callers and requests, whatever became of them |
//! | `tower_adaptive_baseline_rtt_seconds` | gauge | seconds | | the RTT with no queue, if the algorithm has such a notion |
//! | `tower_adaptive_smoothed_rtt_seconds` | gauge | seconds | | an average over recent successes, once there is one |
//! | `tower_adaptive_samples_dropped_total` | counter | requests | | finished, and nothing was learned, because too many finished at once |
//! | `tower_adaptive_limit_changes_total` | counter | changes | `direction`: `up`, `down` | how often the limit has moved |
//! | `tower_adaptive_saturated_seconds_total` | counter | seconds | | time in which somebody was kept out or had to wait, or nothing was free; looked at every 100 ms |
//! | `tower_adaptive_state` | gauge | 0 or 1 | `state`: `frozen`, `paused`, `observing`, `closed` | whether the limiter is in that state |
//!
//! Of `rejected_total`, the series of each reason with priority `normal` is there from the start, at
//! 0; others from their first rejection on.
//!
//! # What to know
//!
//! - The figures are those since the limiter was created, or for the histograms since it was listed.
//!   Values in histograms are within 1.6% of what was measured.
//! - What several limiters of one name have counted is one series: when a younger one takes over, its
//!   gauges are shown, and its counts are added.
//! - A limiter that goes takes along what happened since the last publication. Its series stay in the
//!   recorder as they are, unless that forgets what is idle; in the Prometheus exporter that is
//!   `idle_timeout`.
//! - Counters and histograms are told once. With several recorders, each gets what was new when it was
//!   its turn.
//! - A recorder of zero size is taken for none.
//! - A service that was not ready and is left alone, as by `LoadShed`, waits until it is asked again: below
//!   one, the `queue_wait_seconds` of a `ConcurrencyLimit` tell nothing of requests.
//! - A limiter that is listed takes 10 KiB for its RTTs for each of the first four threads that finish requests,
//!   as much again if somebody waits, and 10 KiB of each for what was told.
//! - Names are labels. Of a set of limiters by key, at most
//!   [`most_listed`](crate::LimitersBuilder::most_listed) are exported at once.
//! - Recorders that keep single values, as the Prometheus exporter does, are told each RTT of the last
//!   second, on the thread that publishes.

mod buckets;
mod catalog;
mod publish;
mod shards;
mod told;

pub use catalog::describe;
pub use publish::publish;

pub(crate) use shards::Shards;
pub(crate) use told::Told;
