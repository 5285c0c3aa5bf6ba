use super::Fathom;
use crate::InvalidOption;
use crate::algorithm::options::{check, check_limits, limit_options};

/// Builds a [`Fathom`].
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(default, deny_unknown_fields)
)]
pub struct FathomBuilder {
    initial_limit: usize,
    min_limit: usize,
    max_limit: usize,
    pub(super) headroom: f64,
}

limit_options!(Fathom, FathomBuilder, initial_limit: 20, min_limit: 1, max_limit: 1000);

impl FathomBuilder {
    /// Sets how much of a queue is kept in the service, as a multiple of 4% of the limit and half its
    /// root: default 1.0, from 0.25 to 4.0. A larger value makes surer that the service always has
    /// something to do, and lets requests wait there for longer.
    #[must_use]
    pub fn headroom(mut self, headroom: f64) -> Self {
        self.headroom = headroom;
        self
    }

    /// Builds the algorithm, or says which option is outside its range.
    ///
    /// # Errors
    ///
    /// If an option is outside its range.
    pub fn try_build(self) -> Result<Fathom, InvalidOption> {
        let bounds = check_limits(self.initial_limit, self.min_limit, self.max_limit)?;
        check(
            (0.25..=4.0).contains(&self.headroom),
            "headroom",
            "from 0.25 to 4.0",
            self.headroom,
        )?;
        Ok(Fathom::new(self.initial_limit, bounds, self.headroom))
    }
}

impl Default for FathomBuilder {
    fn default() -> Self {
        Self {
            initial_limit: Self::INITIAL_LIMIT,
            min_limit: Self::MIN_LIMIT,
            max_limit: Self::MAX_LIMIT,
            headroom: 1.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_outside_its_range_is_refused_by_name() {
        for headroom in [0.2, 4.1, f64::NAN, f64::INFINITY, -1.0] {
            let refusal = Fathom::builder()
                .headroom(headroom)
                .try_build()
                .unwrap_err();
            assert_eq!(refusal.option(), "headroom");
            assert!(refusal.to_string().contains("from 0.25 to 4.0"));
        }
        let refusal = Fathom::builder().initial_limit(1001).try_build();
        assert_eq!(refusal.unwrap_err().option(), "initial_limit");
    }
}
