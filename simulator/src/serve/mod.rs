//! The web page: a server of the embedded front end, and of a live simulation per connection.
//!
//! | file | what |
//! |---|---|
//! | `session.rs` | all that a run is made of: what the page's address holds |
//! | `run.rs`, `lane.rs`, `ticks.rs`, `said.rs` | a session that runs, tick by tick, and what is told of it |
//! | `player.rs`, `knobs.rs`, `pace.rs`, `message.rs` | what the page may do with a run, and how fast it goes |
//! | `live.rs` | the connection: knobs in, ticks out |
//! | `best.rs` | the best fixed limits, found beside the run |
//! | `options.rs`, `presets.rs`, `api.rs` | what every knob is, and the scenarios |
//! | `server.rs`, `assets.rs` | the server, and the files it serves |
//! | `accept.rs`, `visitor.rs`, `flow.rs`, `memory.rs` | who is let in, and how much each may take |
//!
//! # What a connection may cost
//!
//! A connection has one simulation, which runs in slices of 10 ms, on as many threads as there are
//! processors for all connections together: what cannot be kept up is slower, and says so. Nothing
//! is kept of a run but its last second. At most 32 pages are served at a time, and a run with more than
//! a million requests waiting is stopped, as is the one that asks for more when all pages together have
//! four million. A page has a twentieth of a thread for its commands, and the search for the best limits
//! has one thread in all.

mod accept;
mod api;
mod assets;
mod best;
mod flow;
mod knobs;
mod lane;
mod live;
mod memory;
mod message;
mod options;
mod pace;
mod percentiles;
mod player;
mod presets;
mod run;
mod said;
mod server;
mod session;
mod ticks;
mod visitor;

pub use options::Options;
pub use presets::Preset;
pub use server::{Args, serve_on};
pub use session::{Lane, Session, Side, Swap};
