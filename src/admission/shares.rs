use crate::InvalidOption;

/// Fractions of a limit that are guaranteed to some, and lent to others while they do not need them.
///
/// # Examples
///
/// ```
/// use tower_adaptive::{AdmissionLayer, Fathom, Shares};
///
/// struct Job {
///     tenant: String,
/// }
///
/// // Of the limit, 10% are left to all other tenants together.
/// let shares = Shares::new().guarantee("live", 0.6).guarantee("batch", 0.3);
/// let layer = AdmissionLayer::new(Fathom::default())
///     .shares(shares).partition(|job: &Job| &job.tenant);
/// # let _ = layer;
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct Shares {
    guarantees: Vec<Guarantee>,
}

#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
pub(crate) struct Guarantee {
    pub(crate) key: String,
    pub(crate) fraction: f64,
}

impl Shares {
    /// The most partitions there can be: 32.
    pub const MOST: usize = 32;

    /// Returns no shares: all requests are equal.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Guarantees a fraction of the limit to the requests of one key: more than 0, and at most 1
    /// all together. What is left is shared by the requests of all other keys.
    #[must_use]
    pub fn guarantee(mut self, key: impl Into<String>, fraction: f64) -> Self {
        self.guarantees.push(Guarantee {
            key: key.into(),
            fraction,
        });
        self
    }

    pub(crate) fn guarantees(&self) -> &[Guarantee] {
        &self.guarantees
    }

    pub(crate) fn check(&self) -> Result<(), InvalidOption> {
        if self.guarantees.len() > Self::MOST {
            let range = "for at most 32 keys";
            return Err(InvalidOption::new(
                "guarantee",
                range,
                self.guarantees.len(),
            ));
        }
        let mut sum = 0.0;
        for (index, Guarantee { key, fraction }) in self.guarantees.iter().enumerate() {
            if !(*fraction > 0.0 && *fraction <= 1.0) {
                let range = format!("more than 0 and at most 1 for {key:?}");
                return Err(InvalidOption::new("guarantee", range, fraction));
            }
            if self.guarantees[..index]
                .iter()
                .any(|other| other.key == *key)
            {
                return Err(InvalidOption::new(
                    "guarantee",
                    format!("given once for {key:?}"),
                    "two",
                ));
            }
            sum += fraction;
        }
        // What the addition of decimal fractions makes of 1.
        if sum > 1.0 + 1e-9 {
            return Err(InvalidOption::new("guarantee", "at most 1 in total", sum));
        }
        Ok(())
    }
}
