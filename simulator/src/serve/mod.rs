//! The web page: a server of the embedded front end, and of a live simulation per connection.

mod algorithms;
mod options;

pub use options::{Options, defaults};
