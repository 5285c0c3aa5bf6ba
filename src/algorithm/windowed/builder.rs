use std::time::Duration;

use super::{Window, Windowed};
use crate::InvalidOption;
use crate::algorithm::Algorithm;
use crate::algorithm::options::check;
use crate::error::expect_valid;

/// Builds a [`Windowed`].
///
/// Without an inner algorithm, `WindowedBuilder` is plain options, which is also its serde form;
/// [`inner`](Self::inner) adds what is to be fed:
///
/// ```
/// use std::time::Duration;
/// use tower_adaptive::{Vegas, WindowedBuilder};
///
/// let options = WindowedBuilder::default().min_samples(20);
/// let windowed = options.inner(Vegas::default()).try_build()?;
/// # Ok::<(), tower_adaptive::InvalidOption>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(default, deny_unknown_fields)
)]
pub struct WindowedBuilder<A = ()> {
    #[cfg_attr(feature = "serde", serde(skip))]
    inner: A,
    #[cfg_attr(feature = "serde", serde(with = "humantime_serde"))]
    pub(super) min_window: Duration,
    #[cfg_attr(feature = "serde", serde(with = "humantime_serde"))]
    pub(super) max_window: Duration,
    pub(super) min_samples: u32,
    #[cfg_attr(feature = "serde", serde(with = "humantime_serde"))]
    pub(super) min_rtt: Duration,
    aggregate: Aggregate,
}

/// How a window of RTTs becomes one.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "snake_case")
)]
#[non_exhaustive]
pub enum Aggregate {
    /// The arithmetic mean.
    #[default]
    Mean,
    /// The log-mean: the exponential of the mean of the RTTs' logarithms, which is their geometric
    /// mean. A few slow responses move it far less than [`Mean`](Self::Mean): if 5 of 100 take 20
    /// times as long as the others, the mean almost doubles and this one rises by 16%. So it suits
    /// latencies of two kinds, as those of a cache that sometimes misses. An RTT of zero counts as
    /// one nanosecond.
    LogMean,
    /// The RTT that this part of all is at or below (nearest rank): above 0.0 and at most 1.0, so
    /// 0.5 is the median and 1.0 the longest. Read from a histogram, it is within 1.6% of the
    /// exact one, and never outside of what was seen.
    Percentile(f64),
}

impl<A> WindowedBuilder<A> {
    /// Sets the algorithm to feed.
    #[must_use]
    pub fn inner<B>(self, inner: B) -> WindowedBuilder<B> {
        self.replace_inner(inner).1
    }

    /// Sets how long a window lasts at least: default 1 s, above 0 and at most `max_window`.
    /// A larger value gives smoother samples and fewer of them.
    #[must_use]
    pub fn min_window(mut self, min_window: Duration) -> Self {
        self.min_window = min_window;
        self
    }

    /// Sets how long a window lasts at most: default 1 s, at least `min_window`.
    /// A larger value lets slow requests have windows that are twice their RTT.
    #[must_use]
    pub fn max_window(mut self, max_window: Duration) -> Self {
        self.max_window = max_window;
        self
    }

    /// Sets how many samples, of any outcome, a window needs to be delivered: default 10, at least
    /// 1. A larger value gives steadier samples, and learns nothing below a higher rate.
    #[must_use]
    pub fn min_samples(mut self, min_samples: u32) -> Self {
        self.min_samples = min_samples;
        self
    }

    /// Sets the RTT below which a sample other than an overload is ignored: default 100 µs, from
    /// 0. A larger value leaves out more of what did no real work.
    #[must_use]
    pub fn min_rtt(mut self, min_rtt: Duration) -> Self {
        self.min_rtt = min_rtt;
        self
    }

    /// Sets how a window of RTTs becomes one: default [`Aggregate::Mean`]. A larger percentile
    /// is more sensitive to the slowest requests, and [`Aggregate::LogMean`] less than the mean.
    #[must_use]
    pub fn aggregate(mut self, aggregate: Aggregate) -> Self {
        self.aggregate = aggregate;
        self
    }

    fn replace_inner<B>(self, inner: B) -> (A, WindowedBuilder<B>) {
        let options = WindowedBuilder {
            inner,
            min_window: self.min_window,
            max_window: self.max_window,
            min_samples: self.min_samples,
            min_rtt: self.min_rtt,
            aggregate: self.aggregate,
        };
        (self.inner, options)
    }
}

impl<A: Algorithm> WindowedBuilder<A> {
    /// Builds the algorithm.
    ///
    /// # Panics
    ///
    /// If an option is outside its range; the message names the option and the range.
    #[must_use]
    #[track_caller]
    pub fn build(self) -> Windowed<A> {
        expect_valid(self.try_build())
    }

    /// Builds the algorithm, or says which option is outside its range.
    ///
    /// # Errors
    ///
    /// If an option is outside its range.
    pub fn try_build(self) -> Result<Windowed<A>, InvalidOption> {
        let (min_window, max_window) = (self.min_window, self.max_window);
        check(
            !min_window.is_zero(),
            "min_window",
            "above 0",
            format_args!("{min_window:?}"),
        )?;
        check(
            max_window >= min_window,
            "max_window",
            format_args!("at least min_window ({min_window:?})"),
            format_args!("{max_window:?}"),
        )?;
        check(
            self.min_samples >= 1,
            "min_samples",
            "at least 1",
            self.min_samples,
        )?;
        if let Aggregate::Percentile(percentile) = self.aggregate {
            check(
                percentile > 0.0 && percentile <= 1.0,
                "aggregate",
                "a percentile above 0.0 and at most 1.0",
                percentile,
            )?;
        }
        let (inner, options) = self.replace_inner(());
        Ok(Windowed {
            inner,
            window: Window::new(options.aggregate),
            closes_at: Duration::ZERO,
            options,
        })
    }
}

impl Default for WindowedBuilder {
    fn default() -> Self {
        Self {
            inner: (),
            min_window: Duration::from_secs(1),
            max_window: Duration::from_secs(1),
            min_samples: 10,
            min_rtt: Duration::from_micros(100),
            aggregate: Aggregate::Mean,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Fixed;

    #[test]
    fn options_outside_their_range_are_refused_by_name() {
        let options = WindowedBuilder::default;
        let cases = [
            (options().min_window(Duration::ZERO), "min_window"),
            (options().min_window(Duration::from_secs(2)), "max_window"),
            (options().min_samples(0), "min_samples"),
            (options().aggregate(Aggregate::Percentile(0.0)), "aggregate"),
            (options().aggregate(Aggregate::Percentile(1.1)), "aggregate"),
            (
                options().aggregate(Aggregate::Percentile(f64::NAN)),
                "aggregate",
            ),
        ];
        for (builder, option) in cases {
            let built = builder.clone().inner(Fixed::new(1)).try_build();
            assert_eq!(built.expect_err(option).option(), option, "{builder:?}");
        }
    }
}
