//! Pages that take a reader through a task from its beginning.

#[cfg(feature = "axum")]
#[cfg_attr(docsrs, doc(cfg(feature = "axum")))]
#[doc = include_str!("guarding_a_server.md")]
pub mod guarding_a_server {}

#[doc = include_str!("how_fathom_works.md")]
pub mod how_fathom_works {}

#[cfg(all(feature = "serde", not(tower_adaptive_loom)))]
#[cfg_attr(docsrs, doc(cfg(feature = "serde")))]
#[doc = include_str!("operating.md")]
pub mod operating {}

#[doc = include_str!("../../dashboards/RUNBOOK.md")]
pub mod runbook {}
