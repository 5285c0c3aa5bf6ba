//! The [`Limiter`]: one limit, its gate and its algorithm.

mod acquire;
mod buffer;
mod builder;
#[cfg(not(tower_adaptive_loom))]
mod changes;
mod close;
#[cfg(feature = "serde")]
mod config;
mod handle;
mod learner;
mod measured;
mod mode;
mod path;
mod refusals;
mod reserve;
mod settings;
mod snapshot;
mod state;
mod timer;
mod warm_start;
#[cfg(all(
    any(feature = "metrics", feature = "tracing"),
    not(tower_adaptive_loom)
))]
mod watched;
// loom's `Arc` has no weak counterpart.
#[cfg(not(tower_adaptive_loom))]
mod weak;

pub use acquire::Acquire;
pub use builder::LimiterBuilder;
#[cfg(not(tower_adaptive_loom))]
pub use changes::Changes;
pub use close::Idle;
#[cfg(feature = "serde")]
pub use config::LimiterConfig;
pub use handle::Limiter;
pub use mode::Mode;
pub use refusals::Rejections;
pub use snapshot::{Share, Snapshot};
pub use warm_start::{RestoreError, WarmStart};

pub(crate) use measured::Wait;
pub(crate) use path::{Finished, Handle};
#[cfg(all(feature = "metrics", not(tower_adaptive_loom)))]
pub(crate) use state::Moves;
#[cfg(not(tower_adaptive_loom))]
pub(crate) use weak::WeakLimiter;

#[cfg(all(test, tower_adaptive_loom))]
mod models;
