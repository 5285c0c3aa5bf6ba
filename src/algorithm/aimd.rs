use std::time::Duration;

use super::estimate::is_half_used;
use super::options::{check, check_limits, limit_options};
use super::{Algorithm, Bounds, Report};
use crate::{InvalidOption, Outcome, Sample};

/// Additive increase, multiplicative decrease: one more on success, a fraction of the limit on
/// overload.
///
/// The rule of TCP Reno (Chiu and Jain, *Analysis of the increase and decrease algorithms for
/// congestion avoidance in computer networks*, 1989), as in Netflix's concurrency-limits:
///
/// - a success raises the limit by 1 if at least half of it was in flight;
/// - an overload, or an RTT beyond `timeout`, multiplies it by `backoff_ratio`, rounded down.
///
/// RTTs below the timeout do not matter, so the limit rises until the service refuses or is very
/// late. Use it where overload shows as errors and RTTs vary for other reasons.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use tower_adaptive::{Aimd, Algorithm, Outcome, Sample};
///
/// let mut aimd = Aimd::builder()
///     .min_limit(1)
///     .backoff_ratio(0.5)
///     .timeout(Duration::from_millis(200))
///     .try_build()?;
///
/// aimd.update(&Sample::new(Duration::from_millis(20), 20, Outcome::Success));
/// assert_eq!(aimd.max_concurrency(), 21);
///
/// aimd.update(&Sample::new(Duration::from_millis(1), 20, Outcome::Overload));
/// assert_eq!(aimd.max_concurrency(), 10);
/// # Ok::<(), tower_adaptive::InvalidOption>(())
/// ```
///
/// # Differences
///
/// Netflix's `AIMDLimit` gives the same limits sample by sample, canceled requests excepted:
///
/// - It never hears of requests that the caller gave up. Here a canceled request that lasted for
///   the timeout or longer counts as one beyond it; a shorter one teaches nothing.
/// - The same, though other ports lost it: in flight includes the request itself, so a limit of 1
///   grows again.
#[derive(Clone, Debug)]
pub struct Aimd {
    limit: usize,
    bounds: Bounds,
    options: AimdBuilder,
}

impl Aimd {
    fn increase(&mut self) {
        self.limit = self.bounds.clamp(self.limit + 1);
    }

    fn back_off(&mut self) {
        // Rounds down, so even the smallest limit and the mildest ratio give a lower limit.
        let lower = self.limit as f64 * self.options.backoff_ratio;
        self.limit = self.bounds.clamp(lower as usize);
    }
}

impl Algorithm for Aimd {
    fn max_concurrency(&self) -> usize {
        self.limit
    }

    fn update(&mut self, sample: &Sample) {
        let timeout = self.options.timeout;
        match sample.outcome {
            Outcome::Overload => self.back_off(),
            Outcome::Success if sample.rtt > timeout => self.back_off(),
            Outcome::Success if is_half_used(self.limit as f64, sample.in_flight) => {
                self.increase();
            }
            // Without a response after exactly `timeout`, the RTT is beyond it.
            Outcome::Canceled if sample.rtt >= timeout => self.back_off(),
            Outcome::Success | Outcome::Canceled => {}
        }
    }

    fn rebase(&mut self, limit: usize, bounds: Bounds) {
        self.bounds = bounds;
        self.limit = bounds.clamp(limit);
    }

    fn report(&self) -> Report {
        Report::new().algorithm("aimd").bounds(self.bounds)
    }
}

/// Builds an [`Aimd`].
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(default, deny_unknown_fields)
)]
pub struct AimdBuilder {
    initial_limit: usize,
    min_limit: usize,
    max_limit: usize,
    backoff_ratio: f64,
    #[cfg_attr(feature = "serde", serde(with = "humantime_serde"))]
    timeout: Duration,
}

limit_options!(Aimd, AimdBuilder, initial_limit: 20, min_limit: 20, max_limit: 200);

impl AimdBuilder {
    /// Sets by what an overload multiplies the limit: default 0.9, at least 0.5 and below 1.0.
    /// A larger value backs off less, and so needs more overloads to come down.
    #[must_use]
    pub fn backoff_ratio(mut self, backoff_ratio: f64) -> Self {
        self.backoff_ratio = backoff_ratio;
        self
    }

    /// Sets the RTT beyond which a success counts as overload: default 5 s, above 0.
    /// A larger value tolerates slower responses.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Builds the algorithm, or says which option is outside its range.
    ///
    /// # Errors
    ///
    /// If an option is outside its range.
    pub fn try_build(self) -> Result<Aimd, InvalidOption> {
        let bounds = check_limits(self.initial_limit, self.min_limit, self.max_limit)?;
        check(
            (0.5..1.0).contains(&self.backoff_ratio),
            "backoff_ratio",
            "at least 0.5 and below 1.0",
            self.backoff_ratio,
        )?;
        check(
            !self.timeout.is_zero(),
            "timeout",
            "above 0",
            format_args!("{:?}", self.timeout),
        )?;
        Ok(Aimd {
            limit: self.initial_limit,
            bounds,
            options: self,
        })
    }
}

impl Default for AimdBuilder {
    fn default() -> Self {
        Self {
            initial_limit: Self::INITIAL_LIMIT,
            min_limit: Self::MIN_LIMIT,
            max_limit: Self::MAX_LIMIT,
            backoff_ratio: 0.9,
            timeout: Duration::from_secs(5),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_outside_their_range_are_refused_by_name() {
        let cases = [
            (Aimd::builder().min_limit(0), "min_limit"),
            (Aimd::builder().min_limit(201), "max_limit"),
            (Aimd::builder().max_limit(usize::MAX), "max_limit"),
            (Aimd::builder().initial_limit(19), "initial_limit"),
            (Aimd::builder().initial_limit(201), "initial_limit"),
            (Aimd::builder().backoff_ratio(0.49), "backoff_ratio"),
            (Aimd::builder().backoff_ratio(1.0), "backoff_ratio"),
            (Aimd::builder().backoff_ratio(f64::NAN), "backoff_ratio"),
            (Aimd::builder().timeout(Duration::ZERO), "timeout"),
        ];
        for (builder, option) in cases {
            let refusal = builder.clone().try_build().expect_err(option);
            assert_eq!(refusal.option(), option, "{builder:?}");
        }
    }

    #[test]
    #[should_panic(expected = "backoff_ratio must be at least 0.5 and below 1.0, got 1")]
    fn build_panics_with_the_option_and_its_range() {
        let _ = Aimd::builder().backoff_ratio(1.0).build();
    }

    #[test]
    fn the_mildest_ratio_lowers_every_limit() {
        let ratio = 1.0 - f64::EPSILON / 2.0;
        for limit in [2, 3, 5, 1000, Bounds::LARGEST - 1, Bounds::LARGEST] {
            let builder = Aimd::builder().min_limit(1).max_limit(Bounds::LARGEST);
            let mut aimd = builder.initial_limit(limit).backoff_ratio(ratio).build();
            aimd.back_off();
            assert_eq!(aimd.limit, limit - 1);
        }
    }
}
