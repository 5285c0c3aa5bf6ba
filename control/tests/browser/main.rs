//! The page in a real browser. Any error in the console fails the test.
//!
//! Screenshots are written to the target folder: `cargo test --test browser -- --nocapture` says where.

#[expect(dead_code, reason = "the simulator's tests use all of it")]
mod driver;
mod page;
mod service;
