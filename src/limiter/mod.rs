//! The [`Limiter`]: one limit, its gate and its algorithm.

mod acquire;
mod buffer;
mod builder;
mod handle;
mod learner;
mod measured;
mod path;
mod refusals;
mod reserve;
mod settings;
mod snapshot;
mod state;
mod timer;
#[cfg(all(
    any(feature = "metrics", feature = "tracing"),
    not(tower_adaptive_loom)
))]
mod watched;
#[cfg(not(tower_adaptive_loom))]
mod weak;

pub use acquire::Acquire;
pub use builder::LimiterBuilder;
pub use handle::Limiter;
pub use refusals::Rejections;
pub use snapshot::{Share, Snapshot};

pub(crate) use measured::Wait;
pub(crate) use path::{Finished, Handle};
#[cfg(all(feature = "metrics", not(tower_adaptive_loom)))]
pub(crate) use state::Moves;
#[cfg(not(tower_adaptive_loom))]
pub(crate) use weak::WeakLimiter;

#[cfg(all(test, tower_adaptive_loom))]
mod models;
