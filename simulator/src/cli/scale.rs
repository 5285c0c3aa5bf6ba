/// How values become positions on an axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Scale {
    low: f64,
    high: f64,
    is_log: bool,
    /// Where `low` and `high` are.
    ends: (f64, f64),
}

impl Scale {
    /// Creates an axis from 0.
    #[must_use]
    pub(super) fn linear(high: f64, ends: (f64, f64)) -> Self {
        Self {
            low: 0.0,
            high: if high > 0.0 { high } else { 1.0 },
            is_log: false,
            ends,
        }
    }

    /// Creates an axis for values from `low` to `high`: logarithmic if these are far apart.
    #[must_use]
    pub(super) fn fitting(low: f64, high: f64, ends: (f64, f64)) -> Self {
        if low > 0.0 && high > FAR_APART * low {
            Self {
                low: low / 1.15,
                high: high * 1.15,
                is_log: true,
                ends,
            }
        } else {
            Self::linear(high * 1.08, ends)
        }
    }

    /// Returns whether it is logarithmic.
    #[must_use]
    pub(super) fn is_log(&self) -> bool {
        self.is_log
    }

    /// Returns whether it shows a value.
    #[must_use]
    pub(super) fn shows(&self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }

    /// Returns where a value is.
    #[must_use]
    pub(super) fn position(&self, value: f64) -> f64 {
        let part = if self.is_log {
            // What is 0 is far below.
            (value.max(self.low / 100.0) / self.low).ln() / (self.high / self.low).ln()
        } else {
            (value - self.low) / (self.high - self.low)
        };
        self.ends.0 + part * (self.ends.1 - self.ends.0)
    }

    /// Returns round values, at most about so many.
    #[must_use]
    pub(super) fn marks(&self, about: usize) -> Vec<f64> {
        if self.is_log {
            for digits in [&[1.0, 2.0, 5.0][..], &[1.0, 3.0], &[1.0]] {
                let marks = self.marks_of_decades(digits);
                if marks.len() <= about + 1 {
                    return marks;
                }
            }
            return self.marks_of_decades(&[1.0]);
        }
        let step = round_up(self.high / about as f64);
        let count = (self.high / step).floor() as usize;
        (0..=count).map(|i| i as f64 * step).collect()
    }

    fn marks_of_decades(&self, digits: &[f64]) -> Vec<f64> {
        let decades = self.low.log10().floor() as i32..=self.high.log10().floor() as i32;
        let marks =
            decades.flat_map(|decade| digits.iter().map(move |digit| digit * 10_f64.powi(decade)));
        marks.filter(|mark| self.shows(*mark)).collect()
    }
}

/// Returns the next larger 1, 2 or 5 with zeros.
#[must_use]
pub(super) fn round_up(step: f64) -> f64 {
    let decade = 10_f64.powf(step.log10().floor());
    let digit = [1.0, 2.0, 5.0]
        .into_iter()
        .find(|digit| digit * decade >= step * 0.999);
    digit.unwrap_or(10.0) * decade
}

/// Values this many times each other are not seen on one linear axis.
const FAR_APART: f64 = 20.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_round_and_few() {
        let linear = Scale::linear(3500.0, (100.0, 0.0));
        assert_eq!(linear.marks(4), [0.0, 1000.0, 2000.0, 3000.0]);
        assert_eq!(linear.position(1750.0), 50.0);
        let log = Scale::fitting(0.02, 8.0, (100.0, 0.0));
        assert!(log.is_log());
        let marks: Vec<String> = log.marks(4).iter().map(|m| format!("{m:.2}")).collect();
        assert_eq!(marks, ["0.03", "0.10", "0.30", "1.00", "3.00"]);
        for step in [0.7, 1.0, 1.1, 20.0, 23.0] {
            assert!(round_up(step) >= step);
        }
    }
}
