use crate::Priority;
use crate::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// What is kept free of those who matter less, where there is no queue.
///
/// # The law
///
/// Of each priority `p` a number of permits `kept(p)` is kept free: its requests are admitted only
/// while less than `limit - kept(p)` are in flight. So it is turned away before the limit is
/// reached, the earlier the less it matters, and whoever matters more finds room. Nothing is kept
/// free of `Critical`, and at most half of the limit of any other.
///
/// How much is fed back from the rejections of those that matter more. For each request above `p`
///
/// - that was turned away, `kept(p)` rises by one permit, but not by more than four until somebody is
///   admitted: a stall, in which all are turned away, is one event;
/// - that came at all, it falls by 1/16384 of a permit, and by 1/131072 of itself.
///
/// This is a stochastic approximation (Robbins and Monro, 1951): it settles where one in 16384
/// requests above `p` is turned away, somewhat more where much is kept. If of the last few hundred
/// requests, by the distribution of their priorities, none was above `p`, `kept(p)` is halved.
///
/// Keeping permits free for those who matter more is trunk reservation, as telephone networks have
/// it (F. P. Kelly, "Loss Networks", Annals of Applied Probability 1(3), 1991): on a loss system it
/// does with a few permits what a threshold on the priority alone, moved by the rejection rate as in
/// Uber's Cinnamon or failsafe-go, does only by turning away much more. From those it has the
/// feedback on rejections over the priorities that came last.
///
/// All accesses are Relaxed: these are statistics, and a request that reads them a moment too early
/// is treated as it would have been that moment ago.
#[derive(Debug)]
pub(super) struct Reserve {
    /// Whether anybody ever said how much a request matters.
    in_use: AtomicBool,
    /// How often anything was raised since somebody was admitted.
    raised: AtomicU32,
    /// Requests since the last look at their distribution.
    arrived: [AtomicU32; CLASSES],
    /// In parts of a permit.
    kept: [AtomicU32; CLASSES],
}

const CLASSES: usize = Priority::ALL.len();

/// Parts of a permit.
const PARTS: u32 = 16_384;

/// How many permits a stall may cost.
const RAISES_OF_A_STALL: u32 = 4;

/// How many requests of one priority make an epoch.
const EPOCH: u32 = 128;

impl Reserve {
    pub(super) fn new() -> Self {
        Self {
            in_use: AtomicBool::new(false),
            raised: AtomicU32::new(0),
            arrived: std::array::from_fn(|_| AtomicU32::new(0)),
            kept: std::array::from_fn(|_| AtomicU32::new(0)),
        }
    }

    /// Notes that a request has come, and returns how many permits are kept free of it.
    #[inline]
    pub(super) fn arrive(&self, priority: Priority, limit: usize) -> usize {
        if !self.in_use.load(Ordering::Relaxed) {
            if priority == Priority::Normal {
                return 0;
            }
            self.in_use.store(true, Ordering::Relaxed);
        }
        // Exactly one request of an epoch sees its last number.
        if self.arrived[priority as usize].fetch_add(1, Ordering::Relaxed) + 1 == EPOCH {
            self.end_epoch();
        }
        self.kept(priority).min(limit / 2)
    }

    /// Notes that a request was admitted.
    #[inline]
    pub(super) fn admit(&self) {
        if self.raised.load(Ordering::Relaxed) > 0 {
            self.raised.store(0, Ordering::Relaxed);
        }
    }

    /// Notes that a request was turned away because there was no room for it.
    pub(super) fn turned_away(&self, priority: Priority, limit: usize) {
        // What happened before anybody said how much it matters is held against nobody.
        if !self.in_use.load(Ordering::Relaxed)
            || self.raised.fetch_add(1, Ordering::Relaxed) >= RAISES_OF_A_STALL
        {
            return;
        }
        let most = u32::try_from(limit / 2).map_or(u32::MAX, |half| half.saturating_mul(PARTS));
        for kept in &self.kept[..priority as usize] {
            change(kept, |parts| parts.saturating_add(PARTS).min(most));
        }
    }

    /// Returns how many permits are kept free of a priority: what is kept free of a higher one is
    /// kept free of it, too.
    pub(super) fn kept(&self, priority: Priority) -> usize {
        let kept = self.kept[priority as usize..].iter();
        let parts = kept.map(|parts| parts.load(Ordering::Relaxed)).max();
        (parts.unwrap_or(0) / PARTS) as usize
    }

    #[cold]
    fn end_epoch(&self) {
        let mut above = 0;
        for (arrived, kept) in self.arrived.iter().zip(&self.kept).rev() {
            change(kept, |parts| match above {
                0 => parts / 2,
                _ => {
                    let share = u64::from(parts) * u64::from(above) / (8 * u64::from(PARTS));
                    parts.saturating_sub(above).saturating_sub(share as u32)
                }
            });
            above += arrived.swap(0, Ordering::Relaxed);
        }
    }
}

fn change(parts: &AtomicU32, f: impl Fn(u32) -> u32) {
    // Relaxed: see the type.
    let _ = parts.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |parts| Some(f(parts)));
}

#[cfg(all(test, not(tower_adaptive_loom)))]
mod tests {
    use super::Priority::{Critical, High, Low, Normal, Sheddable};
    use super::*;

    const LIMIT: usize = 100;

    fn kept(reserve: &Reserve) -> [usize; CLASSES] {
        Priority::ALL.map(|priority| reserve.kept(priority))
    }

    fn come(reserve: &Reserve, priority: Priority, times: u32) {
        for _ in 0..times {
            reserve.arrive(priority, LIMIT);
        }
    }

    /// Turns requests away, each after another was admitted.
    fn turn_away(reserve: &Reserve, priority: Priority, times: u32) {
        reserve.in_use.store(true, Ordering::Relaxed);
        for _ in 0..times {
            reserve.admit();
            reserve.turned_away(priority, LIMIT);
        }
    }

    #[test]
    fn nothing_is_kept_while_all_matter_alike() {
        let reserve = Reserve::new();
        for _ in 0..1_000 {
            assert_eq!(reserve.arrive(Normal, LIMIT), 0);
        }
    }

    #[test]
    fn a_rejection_keeps_one_permit_free_of_all_that_matter_less() {
        let reserve = Reserve::new();

        turn_away(&reserve, High, 1);

        assert_eq!(kept(&reserve), [1, 1, 1, 0, 0]);
    }

    #[test]
    fn a_stall_keeps_four_permits_however_many_it_turns_away() {
        let reserve = Reserve::new();
        come(&reserve, Critical, 1);
        reserve.admit();

        for _ in 0..100 {
            reserve.turned_away(Critical, LIMIT);
        }

        assert_eq!(reserve.kept(Sheddable), 4);
    }

    #[test]
    fn what_happened_before_anybody_had_a_priority_is_held_against_nobody() {
        let reserve = Reserve::new();

        for _ in 0..100 {
            reserve.arrive(Normal, LIMIT);
            reserve.turned_away(Normal, LIMIT);
            reserve.admit();
        }

        assert_eq!(reserve.arrive(Sheddable, LIMIT), 0);
    }

    #[test]
    fn what_is_kept_of_a_class_is_kept_of_all_below_it() {
        let reserve = Reserve::new();
        turn_away(&reserve, Critical, 5);
        turn_away(&reserve, Low, 3);
        // High ones come and none above them: what is kept of them falls on its own.
        come(&reserve, High, EPOCH);

        let kept = kept(&reserve);

        assert!(
            kept.is_sorted_by(|lower, higher| lower >= higher),
            "{kept:?}"
        );
    }

    #[test]
    fn nothing_is_ever_kept_of_critical_ones() {
        let reserve = Reserve::new();
        for priority in Priority::ALL {
            turn_away(&reserve, priority, 1_000);
        }

        assert_eq!(reserve.arrive(Critical, LIMIT), 0);
    }

    #[test]
    fn at_most_half_of_the_limit_is_kept() {
        let reserve = Reserve::new();

        turn_away(&reserve, Critical, 1_000);

        assert_eq!(reserve.arrive(Sheddable, LIMIT), LIMIT / 2);
        assert_eq!(reserve.arrive(Sheddable, 7), 3, "of a limit that fell");
        assert_eq!(reserve.arrive(Sheddable, 1), 0);
    }

    #[test]
    fn the_largest_limit_does_not_overflow() {
        let reserve = Reserve::new();
        turn_away(&reserve, Critical, 3);
        let largest = crate::Bounds::LARGEST;

        reserve.admit();
        reserve.turned_away(Critical, largest);

        assert_eq!(reserve.arrive(Sheddable, largest), 4);
    }

    #[test]
    fn an_epoch_without_anybody_above_halves_what_is_kept() {
        let reserve = Reserve::new();
        turn_away(&reserve, Critical, 40);

        come(&reserve, Sheddable, EPOCH - 1);
        assert_eq!(reserve.kept(Sheddable), 40, "not over yet");
        come(&reserve, Sheddable, 1);

        assert_eq!(kept(&reserve)[0], 20);
    }

    #[test]
    fn those_that_come_from_above_and_find_room_lower_what_is_kept_slowly() {
        let reserve = Reserve::new();
        turn_away(&reserve, Critical, 8);

        come(&reserve, Critical, PARTS);

        // One permit for those that came, and one for an eighth of 8 on its way to 6.
        assert_eq!(reserve.kept(Sheddable), 6);
    }

    #[test]
    fn what_is_kept_settles_where_one_in_so_many_is_turned_away() {
        let reserve = Reserve::new();
        turn_away(&reserve, Critical, 40);

        for _ in 0..50 {
            turn_away(&reserve, Critical, 1);
            come(&reserve, Critical, PARTS);
        }

        // What rises by 1 falls by 1 + kept/8: it gets to 0, in whole permits to 1 at most.
        assert!(reserve.kept(Sheddable) <= 1);
    }

    #[test]
    fn what_is_kept_settles_higher_where_more_are_turned_away() {
        let settled = [2, 3].map(|times| {
            let reserve = Reserve::new();
            for _ in 0..100 {
                turn_away(&reserve, Critical, times);
                come(&reserve, Critical, PARTS);
            }
            reserve.kept(Sheddable)
        });

        // times = 1 + kept/8, give or take what falls within a round.
        assert!((6..=8).contains(&settled[0]), "{settled:?}");
        assert!((13..=16).contains(&settled[1]), "{settled:?}");
    }
}
