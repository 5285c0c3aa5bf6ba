//! A deterministic simulator for the algorithms of `tower-adaptive`.
//!
//! | module | what |
//! |---|---|
//! | [`model`] | clients, limiters, network and plant, in virtual time |

pub mod model;
