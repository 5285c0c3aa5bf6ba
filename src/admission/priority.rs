use std::fmt;
use std::str::FromStr;

use crate::InvalidOption;

/// How much a request matters, compared with others that want the same limit.
///
/// Ordered: [`Critical`](Self::Critical) is the greatest. Parses and prints in lower case.
///
/// # Examples
///
/// ```
/// use tower_adaptive::Priority;
///
/// let priority: Priority = "critical".parse()?;
/// assert!(priority > Priority::default());
/// assert_eq!(Priority::default().to_string(), "normal");
/// # Ok::<(), tower_adaptive::InvalidOption>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "lowercase"))]
pub enum Priority {
    /// Nobody will miss it: prefetching, crawlers, recommendations.
    Sheddable,
    /// Can come again later: batch work, background synchronization.
    Low,
    /// What nothing else is said of.
    #[default]
    Normal,
    /// A person is waiting for it.
    High,
    /// Must get through: a checkout, a payment, a login.
    Critical,
}

impl Priority {
    /// All of them, the least first.
    pub const ALL: [Self; 5] = [
        Self::Sheddable,
        Self::Low,
        Self::Normal,
        Self::High,
        Self::Critical,
    ];

    /// Returns the name, in lower case, as it parses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sheddable => "sheddable",
            Self::Low => "low",
            Self::Normal => "normal",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Parses a name, whatever its case.
impl FromStr for Priority {
    type Err = InvalidOption;

    fn from_str(s: &str) -> Result<Self, InvalidOption> {
        Self::ALL
            .into_iter()
            .find(|priority| priority.as_str().eq_ignore_ascii_case(s))
            .ok_or_else(|| {
                let names = "one of critical, high, normal, low, sheddable";
                InvalidOption::new("priority", names, format_args!("{s:?}"))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_parses_as_it_prints_and_they_are_ordered() {
        for pair in Priority::ALL.windows(2) {
            assert!(pair[0] < pair[1]);
        }
        for priority in Priority::ALL {
            assert_eq!(priority.to_string().parse(), Ok(priority));
            assert_eq!(priority.to_string().to_uppercase().parse(), Ok(priority));
        }
    }

    #[test]
    fn what_is_none_is_refused_with_the_names() {
        let error = "urgent".parse::<Priority>().unwrap_err();

        assert_eq!(
            error.to_string(),
            "priority must be one of critical, high, normal, low, sheddable, got \"urgent\""
        );
    }
}
