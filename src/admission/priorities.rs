use std::collections::BTreeMap;

use super::priority::Priority;
use crate::InvalidOption;

/// How much the requests of each class matter: routes, tenants, kinds of work.
///
/// A table that belongs to the limiter, so that it can be changed while it runs; the layer says which
/// class a request is of. What is not in it is [`Normal`](Priority::Normal).
///
/// # Examples
///
/// ```
/// use tower_adaptive::{AdmissionLayer, Fathom, Limiter, Priorities, Priority};
///
/// struct Job {
///     route: String,
/// }
///
/// let priorities = Priorities::new()
///     .class("/checkout", Priority::Critical)
///     .class("/export", Priority::Sheddable);
/// let limiter = Limiter::builder(Fathom::default()).priorities(priorities).build();
/// let layer = AdmissionLayer::with_limiter(limiter.clone())
///     .priority_class(|job: &Job| &job.route);
///
/// // In the night: exports matter again.
/// limiter.set_priorities(Priorities::new().class("/checkout", Priority::Critical))?;
/// # let _ = layer;
/// # Ok::<(), tower_adaptive::InvalidOption>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[cfg_attr(feature = "serde", serde(transparent))]
pub struct Priorities {
    classes: BTreeMap<String, Priority>,
}

impl Priorities {
    /// The most classes there can be: 1024.
    pub const MOST: usize = 1024;

    /// Returns a table without classes: all requests are `Normal`.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets how much the requests of one class matter.
    #[must_use]
    pub fn class(mut self, name: impl Into<String>, priority: Priority) -> Self {
        self.classes.insert(name.into(), priority);
        self
    }

    /// Returns how much the requests of a class matter.
    #[must_use]
    pub fn of(&self, class: &str) -> Priority {
        self.classes.get(class).copied().unwrap_or_default()
    }

    pub(crate) fn check(&self) -> Result<(), InvalidOption> {
        if self.classes.len() > Self::MOST {
            let range = format!("for at most {} classes", Self::MOST);
            let given = self.classes.len();
            return Err(InvalidOption::new("priorities", range, given));
        }
        Ok(())
    }
}
