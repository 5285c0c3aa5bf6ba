//! The limiters of this process, by name: for pages, metrics and controls.
//!
//! A limiter with a name is listed when it is built, and is gone from the list with its last
//! handle: the list keeps none alive. One without a name is listed only if it is
//! [inserted](insert). Of a set of limiters by key, as many are listed as
//! [`most_listed`](crate::LimitersBuilder::most_listed) says.
//!
//! Of those that have the same name the youngest is seen, so that a service that is built anew takes
//! the place of the one before. When it goes, the older is seen again, if there still is one.
//!
//! # Examples
//!
//! ```
//! use tower_adaptive::{Fathom, Limiter, registry};
//!
//! let limiter = Limiter::builder(Fathom::default()).name("payments").build();
//! assert_eq!(registry::get("payments").map(|found| found.limit()), Some(limiter.limit()));
//!
//! drop(limiter);
//! assert!(registry::get("payments").is_none());
//! ```

mod built;
mod list;
mod quota;

pub use list::{all, get, insert};

#[cfg(feature = "metrics")]
pub(crate) use list::seen;
#[cfg(any(feature = "metrics", feature = "tracing"))]
pub(crate) use list::{Entry, not_observed, to_observe};

pub(crate) use built::{apart, built};
pub(crate) use quota::Quota;
