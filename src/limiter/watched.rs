//! What an observer asks of a limiter.

use super::handle::Limiter;
#[cfg(feature = "metrics")]
use super::measured::Histograms;
use super::refusals::Rejections;
#[cfg(feature = "metrics")]
use super::state::Moves;

impl Limiter {
    /// Returns how many were turned away, without waiting for anybody.
    pub(crate) fn rejections(&self) -> Rejections {
        self.core.learner.rejected.load()
    }

    #[cfg(feature = "tracing")]
    pub(crate) fn verdict(&self) -> Option<crate::Verdict> {
        self.with_state(|state| state.report().verdict)
    }

    #[cfg(feature = "metrics")]
    pub(crate) fn moves(&self) -> Moves {
        self.with_state(|state| state.moves())
    }

    #[cfg(feature = "metrics")]
    pub(crate) fn measure(&self) {
        self.core.measured.start();
    }

    #[cfg(feature = "metrics")]
    pub(crate) fn histograms(&self) -> Option<&Histograms> {
        self.core.measured.histograms()
    }
}
