//! Live control.

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
