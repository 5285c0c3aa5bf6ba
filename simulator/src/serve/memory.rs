use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What all runs together have in memory, each entry some hundred bytes.
#[derive(Clone, Debug)]
pub(super) struct Memory {
    taken: Arc<AtomicU64>,
    most: u64,
}

/// What one run has of it. Lets go of it when dropped.
#[derive(Debug)]
pub(super) struct Share {
    memory: Memory,
    taken: u64,
}

/// Why a run goes no further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TooMuch {
    /// It has too much.
    Run,
    /// All runs together have too much, and it wanted more.
    Server,
}

impl Memory {
    /// Creates an account of at most so many entries.
    pub(super) fn new(most: u64) -> Self {
        Self {
            taken: Arc::default(),
            most,
        }
    }

    /// Opens an account for a run.
    pub(super) fn share(&self) -> Share {
        Share {
            memory: self.clone(),
            taken: 0,
        }
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::new(MOST_IN_ALL)
    }
}

impl Share {
    /// Notes that the run has so many entries. It is never less again: what was needed once is kept for
    /// the next time.
    ///
    /// # Errors
    ///
    /// If that is too much; then nothing is noted.
    pub(super) fn hold(&mut self, entries: u64) -> Result<(), TooMuch> {
        if entries > MOST_OF_A_RUN {
            return Err(TooMuch::Run);
        }
        let more = entries.saturating_sub(self.taken);
        if more == 0 {
            return Ok(());
        }
        let most = self.memory.most;
        let take = |taken: u64| Some(taken + more).filter(|taken| *taken <= most);
        // Relaxed, as in `drop`: the number guards no other memory.
        let taken = &self.memory.taken;
        taken
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
            .map_err(|_| TooMuch::Server)?;
        self.taken += more;
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        // Relaxed, as in `hold`: the number guards no other memory.
        self.memory.taken.fetch_sub(self.taken, Ordering::Relaxed);
    }
}

impl std::fmt::Display for TooMuch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Run => write!(
                f,
                "more than {MOST_OF_A_RUN} requests are waiting, and the run was stopped: give requests \
                 a deadline, the plant a bounded queue, or send less"
            ),
            Self::Server => write!(
                f,
                "all pages of this server together have too many requests waiting, and the run was \
                 stopped: send less, or close other pages"
            ),
        }
    }
}

/// Of all lanes together: some 100 MB.
const MOST_OF_A_RUN: u64 = 1_000_000;
/// Some 500 MB.
const MOST_IN_ALL: u64 = 4_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_together_have_no_more_than_there_is() {
        let memory = Memory::new(1_500_000);
        let (mut one, mut other) = (memory.share(), memory.share());
        assert_eq!(one.hold(MOST_OF_A_RUN), Ok(()));
        assert_eq!(other.hold(500_000), Ok(()));
        assert_eq!(other.hold(500_001), Err(TooMuch::Server));
        assert_eq!(one.hold(MOST_OF_A_RUN + 1), Err(TooMuch::Run));
        assert_eq!(one.hold(10), Ok(()));
        assert_eq!(
            other.hold(500_001),
            Err(TooMuch::Server),
            "memory is not given back"
        );
        drop(one);
        assert_eq!(other.hold(900_000), Ok(()));
        drop(other);
        assert_eq!(memory.taken.load(Ordering::Relaxed), 0);
    }
}
