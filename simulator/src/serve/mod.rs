//! The web page: a server of the embedded front end, and of a live simulation per connection.
//!
//! | file | what |
//! |---|---|
//! | `session.rs` | all that a run is made of: what the page's address holds |
//! | `run.rs`, `lane.rs`, `ticks.rs` | a session that runs, and what is told of it |
//! | `live.rs` | the connection: knobs in, ticks out |
//! | `options.rs`, `algorithms.rs` | what every knob is |

mod algorithms;
mod lane;
mod options;
mod percentiles;
mod run;
mod session;
mod ticks;

pub use options::{Options, defaults};
pub use session::{Lane, Session, Side, Swap};
