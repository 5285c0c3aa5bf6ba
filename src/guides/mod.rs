//! Pages that take a reader through a task from its beginning.

#[doc = include_str!("guarding_a_server.md")]
pub mod guarding_a_server {}
