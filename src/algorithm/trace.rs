//! What algorithms tell of their doings, if feature `tracing` is on.

use super::Verdict;

/// Tells how an experiment ended. A subscriber that panics is not the algorithm's fault.
#[cfg(feature = "tracing")]
pub(super) fn verdict(verdict: &Verdict) {
    crate::contain::contain(|| {
        tracing::info!(
            target: "tower_adaptive::verdict",
            finding = verdict.finding.as_str(),
            at = ?verdict.at,
            limit_before = verdict.limits.0,
            limit = verdict.limits.1,
            rtt_before = ?verdict.rtts.0,
            rtt = ?verdict.rtts.1,
            elasticity = verdict.elasticity(),
        );
    });
}

#[cfg(not(feature = "tracing"))]
pub(super) fn verdict(_: &Verdict) {}
