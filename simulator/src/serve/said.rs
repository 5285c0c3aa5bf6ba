use std::time::Duration;

use serde::Serialize;
use tower_adaptive::{Report, Verdict};

/// What an algorithm says of itself, and has not said before.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Said {
    /// What it is doing.
    pub(super) phase: Option<&'static str>,
    /// How its last experiment ended, if that is new.
    pub(super) verdict: Option<Verdict>,
}

/// What an algorithm has said last.
#[derive(Debug, Default)]
pub(super) struct Ear {
    phase: Option<&'static str>,
    verdict_at: Option<Duration>,
}

/// A verdict as the page is told of it.
#[derive(Debug, Serialize)]
pub(super) struct Told {
    /// When, in seconds.
    at: f64,
    finding: &'static str,
    /// Before and during the experiment.
    limits: [f64; 2],
    rtts_ms: [f64; 2],
    elasticity: f64,
}

impl Ear {
    /// Returns what is new since the last report.
    pub(super) fn hear(&mut self, report: &Report) -> Option<Said> {
        let at = report.verdict.map(|verdict| verdict.at);
        let verdict = report.verdict.filter(|_| at != self.verdict_at);
        let is_new = report.phase != self.phase || verdict.is_some();
        (self.phase, self.verdict_at) = (report.phase, at);
        is_new.then_some(Said {
            phase: report.phase,
            verdict,
        })
    }
}

impl From<Verdict> for Told {
    fn from(verdict: Verdict) -> Self {
        let in_ms = |rtt: Duration| rounded(rtt.as_secs_f64() * 1e3);
        Self {
            at: rounded(verdict.at.as_secs_f64()),
            finding: verdict.finding.as_str(),
            limits: [rounded(verdict.limits.0), rounded(verdict.limits.1)],
            rtts_ms: [in_ms(verdict.rtts.0), in_ms(verdict.rtts.1)],
            elasticity: rounded(verdict.elasticity()),
        }
    }
}

/// Rounds to thousandths: less cannot be seen.
pub(super) fn rounded(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

#[cfg(test)]
mod tests {
    use tower_adaptive::Finding;

    use super::*;

    fn verdict(at_ms: u64) -> Verdict {
        let ms = Duration::from_millis;
        let rtts = (ms(31), ms(18));
        Verdict::new(Finding::Queue, ms(at_ms), (40.0, 20.0), rtts)
    }

    #[test]
    fn what_was_said_before_is_not_heard_again() {
        let mut ear = Ear::default();
        let steady = Report::new().phase("steady");
        let with = |verdict| steady.clone().verdict(verdict);
        let said = |verdict| {
            let phase = Some("steady");
            Some(Said { phase, verdict })
        };
        assert_eq!(ear.hear(&Report::new()), None);
        assert_eq!(ear.hear(&steady), said(None));
        assert_eq!(ear.hear(&steady), None);
        assert_eq!(ear.hear(&with(verdict(5))), said(Some(verdict(5))));
        assert_eq!(ear.hear(&with(verdict(5))), None);
        assert_eq!(ear.hear(&with(verdict(9))), said(Some(verdict(9))));
    }

    #[test]
    fn the_end_of_all_phases_is_heard() {
        let mut ear = Ear::default();
        ear.hear(&Report::new().phase("steady").verdict(verdict(5)));
        let silent = Said {
            phase: None,
            verdict: None,
        };
        assert_eq!(ear.hear(&Report::new()), Some(silent));
        assert_eq!(ear.hear(&Report::new()), None);
    }
}
