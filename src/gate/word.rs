use crate::Bounds;

/// The whole state that an admission depends on, in 64 bits:
///
/// ```text
/// 63      62       61 ........ 31   30 ........ 0
/// parked  guarded      limit         in flight
/// ```
///
/// Because they share a word, one compare-and-swap decides an admission, and whoever gives a
/// permit back learns in the same step whether somebody waits for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Word(pub(super) u64);

impl Word {
    /// One request in flight: the lowest bit of its field, so that a `fetch_sub` gives it back.
    pub(super) const ONE: u64 = 1;
    /// Set while somebody is queued or holds a grant that was not taken up yet.
    pub(super) const PARKED: u64 = 1 << 63;

    /// Set while shares are guaranteed: what each has in flight is counted under the lock.
    pub(super) const GUARDED: u64 = 1 << 62;

    const FIELD: u64 = (1 << 31) - 1;
    const LIMIT_SHIFT: u32 = 31;

    pub(super) fn new(limit: usize) -> Self {
        Self(0).with_limit(limit)
    }

    /// Reads 0 as 1 and what is above the largest limit as that: the field holds nothing else.
    pub(super) fn with_limit(self, limit: usize) -> Self {
        let limit = Bounds::ALL.clamp(limit) as u64;
        Self((self.0 & !(Self::FIELD << Self::LIMIT_SHIFT)) | (limit << Self::LIMIT_SHIFT))
    }

    pub(crate) fn in_flight(self) -> usize {
        (self.0 & Self::FIELD) as usize
    }

    pub(crate) fn limit(self) -> usize {
        ((self.0 >> Self::LIMIT_SHIFT) & Self::FIELD) as usize
    }

    pub(crate) fn is_parked(self) -> bool {
        self.0 & Self::PARKED != 0
    }

    /// Whether a caller may be admitted outside the lock.
    pub(super) fn is_open(self) -> bool {
        self.0 & (Self::PARKED | Self::GUARDED) == 0
    }

    /// How many more fit.
    pub(super) fn room(self) -> usize {
        self.limit().saturating_sub(self.in_flight())
    }

    pub(super) fn has_room(self) -> bool {
        self.in_flight() < self.limit()
    }

    /// Whether one more would overflow the field: only a caller that ignores the limit gets there.
    pub(super) fn is_full(self) -> bool {
        self.in_flight() as u64 == Self::FIELD
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_fields_do_not_touch_each_other() {
        let word = Word(Word::new(Bounds::LARGEST).0 + 5 * Word::ONE);

        assert_eq!((word.limit(), word.in_flight()), (Bounds::LARGEST, 5));
        assert!(!word.is_parked() && word.is_open());
        assert_eq!(word.room(), Bounds::LARGEST - 5);

        let parked = Word(word.0 | Word::PARKED).with_limit(1);
        assert_eq!((parked.limit(), parked.in_flight()), (1, 5));
        assert!(parked.is_parked() && !parked.is_open());
        let guarded = Word(word.0 | Word::GUARDED).with_limit(1);
        assert_eq!((guarded.limit(), guarded.in_flight()), (1, 5));
        assert!(!guarded.is_parked() && !guarded.is_open());
        assert_eq!(guarded.room(), 0);
    }

    #[test]
    fn a_limit_of_zero_reads_as_one_and_a_huge_one_as_the_largest() {
        assert_eq!(Word::new(0).limit(), 1);
        assert_eq!(Word::new(usize::MAX).limit(), Bounds::LARGEST);
    }
}
