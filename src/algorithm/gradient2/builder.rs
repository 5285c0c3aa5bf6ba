use super::{Gradient2, LongRtt};
use crate::InvalidOption;
use crate::algorithm::estimate::Estimate;
use crate::algorithm::options::{check, check_limits, check_smoothing, limit_options};

/// Builds a [`Gradient2`].
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(default, deny_unknown_fields)
)]
pub struct Gradient2Builder {
    initial_limit: usize,
    min_limit: usize,
    max_limit: usize,
    pub(super) smoothing: f64,
    pub(super) rtt_tolerance: f64,
    long_window: u32,
    pub(super) queue_size: usize,
}

limit_options!(Gradient2, Gradient2Builder, initial_limit: 20, min_limit: 20, max_limit: 200);

impl Gradient2Builder {
    /// Sets how much of each step is taken at once: default 0.2, above 0.0 and at most 1.0.
    /// A larger value follows the RTT faster, noise included.
    #[must_use]
    pub fn smoothing(mut self, smoothing: f64) -> Self {
        self.smoothing = smoothing;
        self
    }

    /// Sets how far RTT may rise over its average before the limit falls: default 1.5, at least 1.0.
    /// Raise it when response times vary for reasons other than load.
    #[must_use]
    pub fn rtt_tolerance(mut self, rtt_tolerance: f64) -> Self {
        self.rtt_tolerance = rtt_tolerance;
        self
    }

    /// Sets over how many samples the RTT is averaged: default 600, at least 1.
    /// A larger value remembers the unloaded service for longer, and takes longer to accept that it
    /// has become slower for good.
    #[must_use]
    pub fn long_window(mut self, long_window: u32) -> Self {
        self.long_window = long_window;
        self
    }

    /// Sets the queue that is always allowed, in requests: default 4, at least 1.
    /// A larger value grows the limit faster and settles with more requests waiting in the service.
    /// With 0 the limit could never grow.
    #[must_use]
    pub fn queue_size(mut self, queue_size: usize) -> Self {
        self.queue_size = queue_size;
        self
    }

    /// Builds the algorithm, or says which option is outside its range.
    ///
    /// # Errors
    ///
    /// If an option is outside its range.
    pub fn try_build(self) -> Result<Gradient2, InvalidOption> {
        let bounds = check_limits(self.initial_limit, self.min_limit, self.max_limit)?;
        check_smoothing(self.smoothing)?;
        check(
            self.rtt_tolerance >= 1.0 && self.rtt_tolerance.is_finite(),
            "rtt_tolerance",
            "at least 1.0 and finite",
            self.rtt_tolerance,
        )?;
        check(
            self.long_window >= 1,
            "long_window",
            "at least 1",
            self.long_window,
        )?;
        check(
            self.queue_size >= 1,
            "queue_size",
            "at least 1",
            self.queue_size,
        )?;
        Ok(Gradient2 {
            estimate: Estimate::new(self.initial_limit, bounds),
            long_rtt: LongRtt::new(self.long_window),
            last_rtt_ns: 0.0,
            options: self,
        })
    }
}

impl Default for Gradient2Builder {
    fn default() -> Self {
        Self {
            initial_limit: Self::INITIAL_LIMIT,
            min_limit: Self::MIN_LIMIT,
            max_limit: Self::MAX_LIMIT,
            smoothing: 0.2,
            rtt_tolerance: 1.5,
            long_window: 600,
            queue_size: 4,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_outside_their_range_are_refused_by_name() {
        let cases = [
            (Gradient2::builder().min_limit(0), "min_limit"),
            (Gradient2::builder().max_limit(19), "max_limit"),
            (Gradient2::builder().initial_limit(201), "initial_limit"),
            (Gradient2::builder().smoothing(0.0), "smoothing"),
            (Gradient2::builder().smoothing(1.1), "smoothing"),
            (Gradient2::builder().smoothing(f64::NAN), "smoothing"),
            (Gradient2::builder().rtt_tolerance(0.9), "rtt_tolerance"),
            (
                Gradient2::builder().rtt_tolerance(f64::NAN),
                "rtt_tolerance",
            ),
            (
                Gradient2::builder().rtt_tolerance(f64::INFINITY),
                "rtt_tolerance",
            ),
            (Gradient2::builder().long_window(0), "long_window"),
            (Gradient2::builder().queue_size(0), "queue_size"),
        ];
        for (builder, option) in cases {
            let refusal = builder.clone().try_build().expect_err(option);
            assert_eq!(refusal.option(), option, "{builder:?}");
        }
    }
}
