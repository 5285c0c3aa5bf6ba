use crate::algorithm::estimate::to_ns;
use crate::{Outcome, Sample};

/// Running totals, and when.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Moment {
    /// Nanoseconds since the limiter's start; never steps back.
    pub(super) at_ns: f64,
    pub(super) started: u64,
    pub(super) finished: u64,
    pub(super) rejected: u64,
    /// Samples seen, and those at which somebody waited for a permit.
    pub(super) samples: u64,
    pub(super) waited: u64,
}

/// A sample as its start saw it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Born {
    /// When it was started.
    pub(super) at_ns: f64,
    /// The natural logarithm of its RTT in nanoseconds.
    pub(super) rtt_ln: f64,
    /// The limit, and what was in flight, when it was started.
    pub(super) limit: f64,
    pub(super) in_flight: f64,
    pub(super) outcome: Outcome,
}

impl Moment {
    /// Goes on to a sample. Totals that it does not have are derived from what was seen, so that
    /// samples made by hand need not have them.
    pub(super) fn advance(&mut self, sample: &Sample) {
        self.at_ns = self.at_ns.max(to_ns(sample.at));
        self.samples += 1;
        self.waited += u64::from(sample.waiting > 0);
        self.finished = sample.finished.max(self.samples);
        self.started = if sample.started > 0 {
            sample.started
        } else {
            self.finished.saturating_add(sample.in_flight as u64)
        };
        self.rejected = sample.rejected;
    }

    /// Returns the moment at which `born` was started, as far as it is known.
    pub(super) fn at_birth(self, born: &Born) -> Self {
        Self {
            at_ns: born.at_ns,
            started: self.started.saturating_sub(born.in_flight as u64),
            finished: self.finished.saturating_sub(1),
            samples: self.samples.saturating_sub(1),
            ..self
        }
    }
}

impl Born {
    pub(super) fn new(sample: &Sample, limit: f64) -> Self {
        let rtt_ns = to_ns(sample.rtt);
        Self {
            at_ns: to_ns(sample.at) - rtt_ns,
            rtt_ln: rtt_ns.ln(),
            limit: match sample.limit {
                0 => limit,
                limit => limit as f64,
            },
            in_flight: sample.in_flight as f64,
            outcome: sample.outcome,
        }
    }
}
