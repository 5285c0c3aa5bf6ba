use std::time::Duration;

use tokio::time::Instant;
use tracing::Level;

use super::look::Look;
use crate::contain::contain;
use crate::{Limiter, Reason, Rejections, Verdict};

/// Decides what is notable of what was seen.
#[derive(Debug, Default)]
pub(super) struct Teller {
    /// The limit that was told, or that was there first.
    limit: usize,
    /// One bit for each look, the last lowest: whether it kept somebody out.
    looks: u16,
    saturated: bool,
    /// Of rejections, when they were last told and how many there were.
    rejections_told: Option<(Instant, Rejections)>,
    verdict: Option<Verdict>,
}

/// What is to be told, when no lock is held.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Events {
    /// From where to where the limit has moved.
    limit: Option<(usize, usize)>,
    /// Whether saturation began or ended, and the limit then.
    saturation: Option<(bool, usize)>,
    /// How many were turned away since the last time.
    rejected: Vec<(Reason, u64)>,
    verdict: Option<Verdict>,
}

impl Teller {
    pub(super) fn see(
        &mut self,
        last: Option<&Look>,
        look: &Look,
        verdict: Option<Verdict>,
    ) -> Events {
        let mut events = Events::default();
        if last.is_none() {
            self.limit = look.limit;
        }
        if look.limit.abs_diff(self.limit) * 10 > self.limit {
            events.limit = Some((self.limit, look.limit));
            self.limit = look.limit;
        }
        let kept_out = match last {
            Some(last) => look.keeps_out(last),
            None => look.waited_for,
        };
        self.looks = (self.looks << 1 | u16::from(kept_out)) & WINDOW;
        let saturated = match self.looks.count_ones() {
            0 => false,
            ENOUGH.. => true,
            _ => self.saturated,
        };
        if saturated != self.saturated {
            self.saturated = saturated;
            events.saturation = Some((saturated, look.limit));
        }
        events.rejected = self.rejections(look);
        if verdict.is_some() && verdict != self.verdict {
            self.verdict = verdict;
            events.verdict = verdict;
        }
        events
    }

    /// Returns those to be told of: what is new, if the last time is long enough ago.
    fn rejections(&mut self, look: &Look) -> Vec<(Reason, u64)> {
        let before = match self.rejections_told {
            Some((at, _)) if look.at.saturating_duration_since(at) < REJECTIONS_EVERY => {
                return Vec::new();
            }
            Some((_, before)) => before,
            None => Rejections::default(),
        };
        let new: Vec<_> = look
            .rejected
            .iter()
            .map(|(reason, now)| (reason, now.saturating_sub(before.get(reason))))
            .filter(|(_, new)| *new > 0)
            .collect();
        if !new.is_empty() {
            self.rejections_told = Some((look.at, look.rejected));
        }
        new
    }
}

/// Returns the last verdict of the limiter's algorithm, if anybody wants to know.
pub(super) fn verdict(limiter: &Limiter) -> Option<Verdict> {
    tracing::enabled!(target: "tower_adaptive::verdict", Level::INFO)
        .then(|| limiter.verdict())
        .flatten()
}

impl Events {
    /// A subscriber that panics is not the limiter's fault.
    pub(super) fn tell(&self, limiter: &str) {
        contain(|| self.tell_limit(limiter));
        contain(|| self.tell_saturation(limiter));
        contain(|| self.tell_rejected(limiter));
        contain(|| self.tell_verdict(limiter));
    }

    fn tell_limit(&self, limiter: &str) {
        if let Some((before, limit)) = self.limit {
            tracing::info!(
                target: "tower_adaptive::limit",
                limiter,
                limit_before = before,
                limit,
                "the limit has moved"
            );
        }
    }

    fn tell_saturation(&self, limiter: &str) {
        match self.saturation {
            Some((true, limit)) => tracing::info!(
                target: "tower_adaptive::saturation",
                limiter,
                saturated = true,
                limit,
                "requests are kept out"
            ),
            Some((false, limit)) => tracing::info!(
                target: "tower_adaptive::saturation",
                limiter,
                saturated = false,
                limit,
                "requests are kept out no more"
            ),
            None => {}
        }
    }

    fn tell_rejected(&self, limiter: &str) {
        if self.rejected.is_empty() {
            return;
        }
        let rejected: u64 = self.rejected.iter().map(|(_, count)| count).sum();
        let reasons = self.rejected.iter();
        let reasons: Vec<_> = reasons
            .map(|(reason, count)| format!("{} {count}", reason.as_str()))
            .collect();
        tracing::warn!(
            target: "tower_adaptive::rejection",
            limiter,
            rejected,
            reasons = reasons.join(", "),
            "requests were rejected"
        );
    }

    fn tell_verdict(&self, limiter: &str) {
        if let Some(verdict) = &self.verdict {
            tracing::info!(
                target: "tower_adaptive::verdict",
                limiter,
                finding = verdict.finding.as_str(),
                at = ?verdict.at,
                limit_before = verdict.limits.0,
                limit = verdict.limits.1,
                rtt_before = ?verdict.rtts.0,
                rtt = ?verdict.rtts.1,
                elasticity = verdict.elasticity(),
            );
        }
    }
}

/// The last ten looks.
const WINDOW: u16 = (1 << 10) - 1;

/// So many of them, and the limiter is saturated; none, and it is not.
const ENOUGH: u32 = 5;

const REJECTIONS_EVERY: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Finding, Fixed};

    /// A limiter that is looked at every 100 ms.
    struct World {
        limiter: Limiter,
        teller: Teller,
        last: Option<Look>,
        start: Instant,
        now: Instant,
    }

    impl World {
        fn new(limit: usize) -> Self {
            let start = Instant::now();
            let mut world = Self {
                limiter: Limiter::new(Fixed::new(limit)),
                teller: Teller::default(),
                last: None,
                start,
                now: start,
            };
            assert_eq!(world.look(), Events::default());
            world
        }

        fn look(&mut self) -> Events {
            self.look_with(None)
        }

        fn look_with(&mut self, verdict: Option<Verdict>) -> Events {
            self.now += Duration::from_millis(100);
            let look = Look::at(&self.limiter, self.now);
            let events = self.teller.see(self.last.as_ref(), &look, verdict);
            self.last = Some(look);
            events
        }

        fn set_limit(&self, limit: usize) {
            self.limiter.set_algorithm(Fixed::new(limit));
            self.limiter.set_bounds(limit..=limit).unwrap();
        }

        fn reject(&self) {
            let mut permits = Vec::new();
            while let Some(permit) = self.limiter.try_acquire() {
                permits.push(permit);
            }
        }

        /// Returns in which of so many looks saturation began or ended.
        fn saturation(&mut self, looks: u32, busy: bool) -> Vec<(u32, bool)> {
            (1..=looks)
                .filter_map(|look| {
                    if busy {
                        self.reject();
                    }
                    Some((look, self.look().saturation?.0))
                })
                .collect()
        }
    }

    #[test]
    fn a_move_of_the_limit_is_told_beyond_a_tenth_of_the_one_told_last() {
        let mut world = World::new(100);
        let moves = [109, 110, 111, 105, 100, 99];

        let told = moves.map(|limit| {
            world.set_limit(limit);
            world.look().limit
        });

        let expected = [None, None, Some((100, 111)), None, None, Some((111, 99))];
        assert_eq!(told, expected);
    }

    #[test]
    fn saturation_begins_with_the_fifth_of_ten_looks_that_kept_somebody_out() {
        let mut world = World::new(1);

        assert_eq!(world.saturation(4, true), []);
        assert_eq!(world.saturation(5, false), []);
        assert_eq!(world.saturation(1, true), [(1, true)]);
    }

    #[test]
    fn saturation_ends_when_none_of_ten_looks_kept_somebody_out() {
        let mut world = World::new(1);
        assert_eq!(world.saturation(5, true), [(5, true)]);

        assert_eq!(world.saturation(9, false), []);
        assert_eq!(world.saturation(1, true), []);
        assert_eq!(world.saturation(20, false), [(10, false)]);
    }

    #[test]
    fn rejections_are_told_once_a_second_with_how_many() {
        let mut world = World::new(1);
        let told: Vec<_> = (0..25)
            .filter_map(|_| {
                world.reject();
                let rejected = world.look().rejected;
                (!rejected.is_empty()).then(|| (world.now - world.start, rejected))
            })
            .collect();

        let at = |millis| Duration::from_millis(millis);
        let limit = |count| vec![(Reason::Limit, count)];
        let expected = [
            (at(200), limit(1)),
            (at(1200), limit(10)),
            (at(2200), limit(10)),
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn a_verdict_is_told_once() {
        let mut world = World::new(1);
        let verdict = |at| {
            let (limits, rtts) = (
                (20.0, 10.0),
                (Duration::from_millis(2), Duration::from_millis(1)),
            );
            Some(Verdict::new(
                Finding::Queue,
                Duration::from_secs(at),
                limits,
                rtts,
            ))
        };

        let told = [verdict(1), verdict(1), verdict(2)].map(|it| world.look_with(it).verdict);

        assert_eq!(told, [verdict(1), None, verdict(2)]);
    }
}
