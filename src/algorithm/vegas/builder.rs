use super::{Probe, Vegas, probe};
use crate::InvalidOption;
use crate::algorithm::estimate::Estimate;
use crate::algorithm::options::{check, check_limits, check_smoothing, limit_options};

/// Builds a [`Vegas`].
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(default, deny_unknown_fields)
)]
pub struct VegasBuilder {
    initial_limit: usize,
    min_limit: usize,
    max_limit: usize,
    pub(super) smoothing: f64,
    pub(super) alpha: f64,
    pub(super) beta: f64,
    pub(super) threshold: f64,
    probe_multiplier: u32,
    seed: Option<u64>,
}

limit_options!(Vegas, VegasBuilder, initial_limit: 20, min_limit: 1, max_limit: 1000);

impl VegasBuilder {
    /// Sets how much of each step is taken at once: default 1.0, above 0.0 and at most 1.0.
    /// A larger value follows the RTT faster, noise included.
    #[must_use]
    pub fn smoothing(mut self, smoothing: f64) -> Self {
        self.smoothing = smoothing;
        self
    }

    /// Sets the queue below which the limit rises slowly, in multiples of log10(limit): default
    /// 3.0, from 1.0 to `beta`. A larger value settles with more requests waiting in the service.
    #[must_use]
    pub fn alpha(mut self, alpha: f64) -> Self {
        self.alpha = alpha;
        self
    }

    /// Sets the queue above which the limit falls, in multiples of log10(limit): default 6.0,
    /// finite and at least `alpha`. A larger value tolerates a longer queue, and takes larger steps up
    /// while there is none.
    #[must_use]
    pub fn beta(mut self, beta: f64) -> Self {
        self.beta = beta;
        self
    }

    /// Sets the queue up to which the limit rises fast, in multiples of log10(limit): default 1.0,
    /// from 0.0 to `alpha`, and at least 1.0 if `alpha` is 1.0. A larger value grows faster, and
    /// further beyond what the service can do.
    #[must_use]
    pub fn threshold(mut self, threshold: f64) -> Self {
        self.threshold = threshold;
        self
    }

    /// Sets after how many samples per unit of the limit the baseline is measured anew: default
    /// 30, at least 2. A larger value probes less often; [`u32::MAX`] never does, and then a
    /// service that has become slower for good looks overloaded for ever.
    ///
    /// With the default and a limit of 20, every 300th to 600th sample is a probe.
    #[must_use]
    pub fn probe_multiplier(mut self, probe_multiplier: u32) -> Self {
        self.probe_multiplier = probe_multiplier;
        self
    }

    /// Makes the intervals between probes reproducible: default a random seed for each built
    /// value, so that replicas with equal options do not probe in step. Any seed is as good as
    /// another.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Builds the algorithm, or says which option is outside its range.
    ///
    /// # Errors
    ///
    /// If an option is outside its range.
    pub fn try_build(self) -> Result<Vegas, InvalidOption> {
        let bounds = check_limits(self.initial_limit, self.min_limit, self.max_limit)?;
        self.check_queues()?;
        check_smoothing(self.smoothing)?;
        // With 1, every sample at a limit of 1 would be a probe, and none could raise it.
        check(
            self.probe_multiplier >= 2,
            "probe_multiplier",
            "at least 2",
            self.probe_multiplier,
        )?;
        let seed = self.seed.unwrap_or_else(probe::random_seed);
        Ok(Vegas {
            estimate: Estimate::new(self.initial_limit, bounds),
            baseline_ns: None,
            last_rtt_ns: 0.0,
            probe: Probe::new(self.probe_multiplier, seed),
            options: self,
        })
    }

    /// Sets the seed if there is none.
    #[cfg(feature = "serde")]
    pub(in crate::algorithm) fn seed_if_none(mut self, seed: u64) -> Self {
        self.seed.get_or_insert(seed);
        self
    }

    fn check_queues(&self) -> Result<(), InvalidOption> {
        let (alpha, beta, threshold) = (self.alpha, self.beta, self.threshold);
        check(
            alpha >= 1.0 && alpha.is_finite(),
            "alpha",
            "at least 1.0 and finite",
            alpha,
        )?;
        check(
            beta >= alpha && beta.is_finite(),
            "beta",
            format_args!("at least alpha ({alpha}) and finite"),
            beta,
        )?;
        // At a limit of 1 the queue rounds up to 1, so a queue of 1 must be room to grow.
        let lowest = if alpha > 1.0 { 0.0 } else { 1.0 };
        check(
            (lowest..=alpha).contains(&threshold),
            "threshold",
            format_args!("in {lowest}..={alpha} (at most alpha)"),
            threshold,
        )
    }
}

impl Default for VegasBuilder {
    fn default() -> Self {
        Self {
            initial_limit: Self::INITIAL_LIMIT,
            min_limit: Self::MIN_LIMIT,
            max_limit: Self::MAX_LIMIT,
            smoothing: 1.0,
            alpha: 3.0,
            beta: 6.0,
            threshold: 1.0,
            probe_multiplier: 30,
            seed: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_outside_their_range_are_refused_by_name() {
        let cases = [
            (Vegas::builder().min_limit(0), "min_limit"),
            (Vegas::builder().max_limit(0), "max_limit"),
            (Vegas::builder().initial_limit(0), "initial_limit"),
            (Vegas::builder().smoothing(0.0), "smoothing"),
            (Vegas::builder().smoothing(f64::NAN), "smoothing"),
            (Vegas::builder().alpha(0.5), "alpha"),
            (Vegas::builder().alpha(f64::NAN), "alpha"),
            (Vegas::builder().alpha(f64::INFINITY), "alpha"),
            (Vegas::builder().beta(2.9), "beta"),
            (Vegas::builder().beta(f64::NAN), "beta"),
            (Vegas::builder().beta(f64::INFINITY), "beta"),
            (Vegas::builder().threshold(3.1), "threshold"),
            (Vegas::builder().threshold(-0.1), "threshold"),
            (Vegas::builder().threshold(f64::NAN), "threshold"),
            (Vegas::builder().alpha(1.0).threshold(0.9), "threshold"),
            (Vegas::builder().probe_multiplier(1), "probe_multiplier"),
        ];
        for (builder, option) in cases {
            let refusal = builder.clone().try_build().expect_err(option);
            assert_eq!(refusal.option(), option, "{builder:?}");
        }
    }
}
