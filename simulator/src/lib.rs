//! A deterministic simulator for the algorithms of `tower-adaptive`.
//!
//! | module | what |
//! |---|---|
//! | [`model`] | clients, limiters, network and plant, in virtual time |
//! | [`scenario`] | what is run, and what is asked of an algorithm |
//! | [`spec`] | algorithms by name and options |
//! | [`oracle`] | the best fixed limit of each phase |
//! | [`measure`] | how well an algorithm did, beside the oracle |
//! | [`suite`] | all scenarios, algorithms and seeds |
//! | [`targets`] | what an algorithm is asked for, and whether it does that |
//! | [`serve`] | the web page |

pub mod measure;
pub mod model;
pub mod oracle;
pub mod scenario;
pub mod serve;
pub mod spec;
pub mod suite;
pub mod targets;
