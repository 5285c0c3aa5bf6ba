use std::time::Duration;

use tokio::time::Instant;

use crate::{Reason, Shares};

/// The partitions of a limit: what each is guaranteed, has in flight, and was seen to need.
///
/// # The law
///
/// Of a limit of L, a partition with the fraction f is guaranteed f·L permits, in whole permits as
/// near as they go. What it does not use is lent.
///
/// With a queue nothing more is needed: a freed permit goes to those who are below their guarantee,
/// so one RTT after they come back, when all that was lent has been returned, they have it.
///
/// Without a queue, a freed permit would go to whoever comes next. So each partition has a number
/// of permits that it *wants*: all that it is guaranteed, once a request was turned away although
/// the partition was below that. What it wants and has not got is *kept* for it: others borrow only
/// what is left, so one RTT later it has been returned. Then, with each RTT, half of what it wants
/// beyond the most that it has had in flight is lent again. The RTT is the average one, at least 1 ms,
/// and 100 ms before the first success.
#[derive(Debug)]
pub(super) struct Partitions {
    /// The first is that of all who are guaranteed nothing by name.
    list: Vec<Partition>,
    /// When something was lent again, or last wanted.
    lent_at: Option<Instant>,
    /// When anybody last asked.
    asked_at: Option<Instant>,
}

/// A place in the list of partitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PartitionId(u16);

#[derive(Debug)]
struct Partition {
    /// `None` for the rest, and for what was guaranteed something once.
    name: Option<Box<str>>,
    fraction: f64,
    in_flight: usize,
    /// Requests that wait, or have not learned yet how their wait ended.
    at_gate: usize,
    wanted: usize,
    /// The most in flight since `wanted` was last reduced.
    peak: usize,
}

impl PartitionId {
    pub(super) const REST: Self = Self(0);

    pub(super) fn index(self) -> usize {
        usize::from(self.0)
    }
}

impl Partitions {
    pub(super) fn new() -> Self {
        Self {
            list: vec![Partition::new(None, 1.0)],
            lent_at: None,
            asked_at: None,
        }
    }

    #[cfg(all(test, not(tower_adaptive_loom)))]
    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    /// Changes what is guaranteed. Those who are guaranteed nothing any more are part of the rest
    /// when they come next.
    pub(super) fn set(&mut self, shares: &Shares) {
        let guarantees = shares.guarantees();
        for former in &mut self.list[1..] {
            former.fraction = 0.0;
            let stays = |name: &str| guarantees.iter().any(|guarantee| guarantee.key == name);
            if !former.name.as_deref().is_some_and(stays) {
                former.name = None;
                former.wanted = 0;
            }
        }
        let mut rest = 1.0;
        for guarantee in guarantees {
            rest -= guarantee.fraction;
            let named = |partition: &Partition| partition.name.as_deref() == Some(&*guarantee.key);
            if let Some(known) = self.list.iter_mut().find(|partition| named(partition)) {
                known.fraction = guarantee.fraction;
                continue;
            }
            let name = Some(guarantee.key.as_str().into());
            let partition = Partition::new(name, guarantee.fraction);
            let vacant = (1..self.list.len()).find(|&index| {
                let former = &self.list[index];
                former.name.is_none() && former.in_flight == 0 && former.at_gate == 0
            });
            match vacant {
                Some(index) => self.list[index] = partition,
                // At worst all that there may be, and all that there were.
                None if self.list.len() <= usize::from(u16::MAX) => self.list.push(partition),
                None => {}
            }
        }
        // Not a rounding error's worth.
        self.list[0].fraction = if rest > 1e-9 { rest } else { 0.0 };
    }

    pub(super) fn find(&self, name: Option<&str>) -> PartitionId {
        let Some(name) = name else {
            return PartitionId::REST;
        };
        let index = self
            .list
            .iter()
            .position(|partition| partition.name.as_deref() == Some(name));
        PartitionId(index.unwrap_or(0) as u16)
    }

    /// Returns by how much a partition is below its guarantee; above it, less than 0. In millionths
    /// of a permit, so that a rounding error is neither a permit nor an order.
    pub(super) fn deficit(&self, id: PartitionId, limit: usize) -> i64 {
        let partition = &self.list[id.index()];
        let deficit = partition.fraction * limit as f64 - partition.in_flight as f64;
        (deficit * 1e6).round() as i64
    }

    /// Returns how many of so many a partition is guaranteed, at least 1.
    pub(super) fn guarantee(&self, id: PartitionId, of: usize) -> f64 {
        (self.list[id.index()].fraction * of as f64).max(1.0)
    }

    /// Lends again, in the absence of a queue, what turned out not to be used.
    pub(super) fn lend(&mut self, now: Instant, rtt: Option<Duration>) {
        let rtt = rtt.map_or(UNKNOWN_RTT, |rtt| rtt.max(SHORTEST_RTT));
        self.asked_at = Some(now);
        let since = *self.lent_at.get_or_insert(now);
        let rtts = now.saturating_duration_since(since).as_nanos() / rtt.as_nanos();
        // After so many, nothing is left of what was wanted.
        for _ in 0..rtts.min(u128::from(usize::BITS)) {
            self.lent_at = Some(now);
            for partition in &mut self.list {
                partition.want_less();
            }
        }
    }

    /// Decides about a request in the absence of a queue. `room` is what is free below the limit.
    pub(super) fn decide(
        &mut self,
        id: PartitionId,
        limit: usize,
        room: usize,
    ) -> Result<(), Reason> {
        let below = self.deficit(id, limit) > 0;
        if room == 0 {
            if below {
                self.list[id.index()].want_all(limit);
                // It has an RTT from now on to use it.
                self.lent_at = self.asked_at;
            }
            return Err(Reason::Limit);
        }
        if below || self.kept_for_others(id, limit) < room {
            Ok(())
        } else {
            Err(Reason::ShareExhausted)
        }
    }

    /// A request of a partition begins to wait.
    pub(super) fn arrive(&mut self, id: PartitionId) {
        self.list[id.index()].at_gate += 1;
    }

    /// A request that waited knows how that ended.
    pub(super) fn depart(&mut self, id: PartitionId) {
        let partition = &mut self.list[id.index()];
        partition.at_gate = partition.at_gate.saturating_sub(1);
    }

    pub(super) fn admitted(&mut self, id: PartitionId) {
        let partition = &mut self.list[id.index()];
        partition.in_flight += 1;
        partition.peak = partition.peak.max(partition.in_flight);
    }

    /// Takes back what [`admitted`](Self::admitted) counted.
    pub(super) fn given_back(&mut self, id: PartitionId) {
        let partition = &mut self.list[id.index()];
        partition.in_flight = partition.in_flight.saturating_sub(1);
    }

    /// Name, guaranteed fraction and requests in flight of each partition; the rest comes last.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Option<&str>, f64, usize)> {
        let named = self.list[1..].iter().filter(|one| one.name.is_some());
        named
            .chain(&self.list[..1])
            .map(|one| (one.name.as_deref(), one.fraction, one.in_flight))
    }

    #[cfg(all(test, not(tower_adaptive_loom)))]
    pub(super) fn in_flight(&self) -> Vec<usize> {
        self.list.iter().map(|one| one.in_flight).collect()
    }

    fn kept_for_others(&self, id: PartitionId, limit: usize) -> usize {
        let others = self.list.iter().enumerate();
        others
            .filter(|(index, _)| *index != id.index())
            .map(|(_, partition)| {
                let wanted = partition.wanted.min(partition.most(limit));
                wanted.saturating_sub(partition.in_flight)
            })
            .sum()
    }
}

const UNKNOWN_RTT: Duration = Duration::from_millis(100);

const SHORTEST_RTT: Duration = Duration::from_millis(1);

impl Partition {
    fn new(name: Option<Box<str>>, fraction: f64) -> Self {
        Self {
            name,
            fraction,
            in_flight: 0,
            at_gate: 0,
            wanted: 0,
            peak: 0,
        }
    }

    /// The most that is ever kept for it.
    fn most(&self, limit: usize) -> usize {
        (self.fraction * limit as f64 - 1e-9).ceil().max(0.0) as usize
    }

    fn want_all(&mut self, limit: usize) {
        self.wanted = self.most(limit);
    }

    fn want_less(&mut self) {
        self.wanted = self.peak.max(self.wanted / 2 + self.peak / 2);
        self.peak = self.in_flight;
    }
}

#[cfg(all(test, not(tower_adaptive_loom)))]
mod tests {
    use super::*;

    const LIMIT: usize = 10;

    fn shares(guarantees: &[(&str, f64)]) -> Shares {
        guarantees.iter().fold(Shares::new(), |shares, (name, f)| {
            shares.guarantee(*name, *f)
        })
    }

    fn partitions(guarantees: &[(&str, f64)]) -> Partitions {
        let mut partitions = Partitions::new();
        partitions.set(&shares(guarantees));
        partitions
    }

    /// Half of the limit each, all of it lent to the second.
    fn lent() -> (Partitions, PartitionId, PartitionId) {
        let mut partitions = partitions(&[("a", 0.5), ("b", 0.5)]);
        let [a, b] = ["a", "b"].map(|name| partitions.find(Some(name)));
        for _ in 0..LIMIT {
            partitions.admitted(b);
        }
        (partitions, a, b)
    }

    /// Turns a partition away until it wants as many.
    fn want(partitions: &mut Partitions, id: PartitionId, wanted: usize) {
        for _ in 0..wanted {
            assert_eq!(partitions.decide(id, LIMIT, 0), Err(Reason::Limit));
        }
    }

    fn in_flight(partitions: &Partitions) -> Vec<(Option<&str>, usize)> {
        let list = partitions.iter();
        list.map(|(name, _, in_flight)| (name, in_flight)).collect()
    }

    #[test]
    fn the_rest_has_what_is_not_guaranteed_by_name() {
        let partitions = partitions(&[("a", 0.6), ("b", 0.3)]);

        let fractions: Vec<_> = partitions.iter().map(|one| (one.0, one.1)).collect();

        assert_eq!(fractions[..2], [(Some("a"), 0.6), (Some("b"), 0.3)]);
        assert!(fractions[2].0.is_none() && (fractions[2].1 - 0.1).abs() < 1e-12);
    }

    #[test]
    fn a_rounding_error_is_no_share() {
        let partitions = partitions(&[("a", 0.7), ("b", 0.2), ("c", 0.1)]);

        assert_eq!(partitions.list[0].fraction, 0.0);
        assert!(partitions.deficit(PartitionId::REST, 1_000_000) <= 0);
    }

    #[test]
    fn who_is_not_named_is_one_of_the_rest() {
        let partitions = partitions(&[("a", 0.5)]);

        assert_eq!(partitions.find(None), PartitionId::REST);
        assert_eq!(partitions.find(Some("b")), PartitionId::REST);
        assert_ne!(partitions.find(Some("a")), PartitionId::REST);
    }

    #[test]
    fn a_partition_at_its_guarantee_is_not_below_it() {
        let mut partitions = partitions(&[("a", 0.3)]);
        let a = partitions.find(Some("a"));
        for _ in 0..2 {
            partitions.admitted(a);
        }
        assert!(partitions.deficit(a, LIMIT) > 0);

        partitions.admitted(a);

        assert!(partitions.deficit(a, LIMIT) <= 0, "0.3 × 10 is 3");
    }

    #[test]
    fn nobody_is_guaranteed_less_than_one_permit_to_wait_for() {
        let partitions = partitions(&[("a", 0.01)]);

        assert_eq!(partitions.guarantee(partitions.find(Some("a")), LIMIT), 1.0);
        assert_eq!(partitions.guarantee(partitions.find(Some("a")), 300), 3.0);
    }

    #[test]
    fn a_partition_that_is_given_another_fraction_keeps_its_place_and_its_count() {
        let mut partitions = partitions(&[("a", 0.5)]);
        let a = partitions.find(Some("a"));
        partitions.admitted(a);

        partitions.set(&shares(&[("b", 0.3), ("a", 0.2)]));

        assert_eq!(partitions.find(Some("a")), a);
        assert_eq!(partitions.deficit(a, LIMIT), 1_000_000);
    }

    #[test]
    fn a_partition_that_is_idle_keeps_what_it_wants_when_another_is_named_before_it() {
        let (mut partitions, a, b) = lent();
        want(&mut partitions, a, 5);

        partitions.set(&shares(&[("c", 0.1), ("a", 0.5)]));

        assert_eq!(partitions.find(Some("a")), a);
        assert_eq!(partitions.kept_for_others(b, LIMIT), 5);
    }

    #[test]
    fn the_place_of_a_former_partition_is_not_used_while_it_is_in_flight() {
        let mut partitions = partitions(&[("a", 0.5)]);
        let a = partitions.find(Some("a"));
        partitions.admitted(a);

        partitions.set(&shares(&[("b", 0.5)]));

        let b = partitions.find(Some("b"));
        assert_ne!(b, a);
        partitions.given_back(a);
        assert_eq!(in_flight(&partitions), [(Some("b"), 0), (None, 0)]);
    }

    #[test]
    fn the_place_of_a_former_partition_is_not_used_while_somebody_of_it_waits() {
        let mut partitions = partitions(&[("a", 0.5)]);
        let a = partitions.find(Some("a"));

        partitions.arrive(a);
        partitions.set(&shares(&[("b", 0.5)]));

        assert_ne!(partitions.find(Some("b")), a);
    }

    #[test]
    fn the_place_of_a_former_partition_is_used_again() {
        let mut partitions = partitions(&[("a", 0.5)]);
        let a = partitions.find(Some("a"));

        for round in 0..100 {
            let name = format!("tenant {round}");
            partitions.set(&shares(&[(&name, 0.5)]));
            assert_eq!(partitions.find(Some(&name)), a);
        }

        assert_eq!(partitions.len(), 2);
    }

    #[test]
    fn a_former_partition_is_one_of_the_rest() {
        let mut partitions = partitions(&[("a", 0.5)]);

        partitions.set(&Shares::new());

        assert_eq!(partitions.find(Some("a")), PartitionId::REST);
        assert_eq!(partitions.list[0].fraction, 1.0);
    }

    #[test]
    fn all_of_a_limit_is_lent_while_nobody_else_wants_it() {
        let mut partitions = partitions(&[("a", 0.5), ("b", 0.5)]);
        let b = partitions.find(Some("b"));

        for free in (1..=LIMIT).rev() {
            assert_eq!(partitions.decide(b, LIMIT, free), Ok(()));
            partitions.admitted(b);
        }
    }

    #[test]
    fn what_a_partition_was_refused_is_kept_for_it() {
        let (mut partitions, a, b) = lent();
        want(&mut partitions, a, 1);

        partitions.given_back(b);

        assert_eq!(partitions.decide(b, LIMIT, 1), Err(Reason::ShareExhausted));
        assert_eq!(partitions.decide(a, LIMIT, 1), Ok(()));
    }

    #[test]
    fn no_more_than_a_guarantee_is_kept() {
        let (mut partitions, a, b) = lent();

        want(&mut partitions, a, 100);

        assert_eq!(partitions.kept_for_others(b, LIMIT), 5);
    }

    #[test]
    fn what_is_kept_follows_a_limit_that_falls() {
        let (mut partitions, a, b) = lent();
        want(&mut partitions, a, 5);

        assert_eq!(partitions.kept_for_others(b, 4), 2);
    }

    #[test]
    fn a_refusal_above_the_guarantee_keeps_nothing() {
        let (mut partitions, a, b) = lent();

        want(&mut partitions, b, 3);

        assert_eq!(partitions.kept_for_others(a, LIMIT), 0);
    }

    #[test]
    fn what_is_wanted_and_not_used_is_halved_with_each_rtt() {
        let (mut partitions, a, b) = lent();
        let rtt = Some(Duration::from_millis(20));
        let mut now = Instant::now();
        want(&mut partitions, a, 5);
        partitions.lend(now, rtt);

        let mut kept = Vec::new();
        for _ in 0..4 {
            now += Duration::from_millis(20);
            partitions.lend(now, rtt);
            kept.push(partitions.kept_for_others(b, LIMIT));
        }

        assert_eq!(kept, [2, 1, 0, 0]);
    }

    #[test]
    fn after_a_long_silence_nothing_is_kept() {
        let (mut partitions, a, b) = lent();
        let now = Instant::now();
        want(&mut partitions, a, 5);
        partitions.lend(now, None);

        partitions.lend(now + Duration::from_secs(3600), None);

        assert_eq!(partitions.kept_for_others(b, LIMIT), 0);
    }

    #[test]
    fn what_is_in_use_stays_wanted() {
        let (mut partitions, a, b) = lent();
        let rtt = Some(Duration::from_millis(20));
        let mut now = Instant::now();
        want(&mut partitions, a, 5);
        partitions.lend(now, rtt);
        for _ in 0..4 {
            partitions.given_back(b);
            partitions.admitted(a);
        }

        for _ in 0..5 {
            now += Duration::from_millis(20);
            partitions.lend(now, rtt);
        }
        partitions.given_back(a);

        assert_eq!(partitions.kept_for_others(b, LIMIT), 1);
    }
}
