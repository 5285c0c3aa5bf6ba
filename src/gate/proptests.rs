//! Random sequences of what requests do to a gate, against what must hold after each.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;

use super::slots::{Index, Key, Kind, State};
use super::steps::{PERMIT, Seen, Step, steps};
use super::world::World;
use super::{Decision, Env, Manner, Pass, Ticket};
use crate::admission::Priority;
use crate::{Queue, Reason, Shares};

/// What is guaranteed to "a", "b" and "c"; "d" is always one of the rest.
const SHARES: [[f64; 3]; 4] = [
    [0.0, 0.0, 0.0],
    [0.5, 0.3, 0.0],
    [0.2, 0.0, 0.8],
    [0.0, 0.4, 0.1],
];
const NAMES: [&str; 4] = ["a", "b", "c", "d"];
const TARGET: Duration = Duration::from_micros(200);
const MAX_WAIT: Duration = Duration::from_millis(2);

/// The gate, and what those who use it know.
struct Users {
    world: Arc<World>,
    queue: Queue,
    /// Whether lanes can become overloaded.
    overload: bool,
    /// Whether a grant ever lapsed: who polled then may stand before who came first.
    lapsed: bool,
    waiting: Vec<Caller>,
    held: Vec<Pass>,
    ghosts: Vec<Key>,
    spared: usize,
    arrived: usize,
    ended: usize,
    names: usize,
}

struct Caller {
    name: usize,
    key: Option<Key>,
    request: bool,
    polled: bool,
}

type Everybody = BTreeMap<Index, Seen>;

impl Users {
    fn new(limit: usize, capacity: usize, overload: bool) -> Self {
        let interval = match overload {
            true => 2 * TARGET,
            false => Duration::from_secs(3600),
        };
        let world = World::new(limit);
        let queue = Queue::bounded(capacity)
            .max_wait(MAX_WAIT)
            .target(TARGET)
            .interval(interval);
        world.gate.set_queue(queue.clone(), &*world);
        Self {
            world,
            queue,
            overload,
            lapsed: false,
            waiting: Vec::new(),
            held: Vec::new(),
            ghosts: Vec::new(),
            spared: 0,
            arrived: 0,
            ended: 0,
            names: 0,
        }
    }

    /// The slots of all who have one, with how their partitions stand.
    fn look(&self) -> Everybody {
        let waiters = self.world.gate.lock();
        let limit = self.world.gate.load().limit();
        let keys = self.waiting.iter().filter_map(|caller| caller.key.as_ref());
        keys.chain(&self.ghosts)
            .map(|key| {
                let slot = waiters.slots.at(key.0);
                let deficit = match waiters.is_guarded() {
                    true => waiters.partitions.deficit(slot.partition, limit),
                    false => 1,
                };
                let places = waiters
                    .partitions
                    .guarantee(slot.partition, self.queue.capacity);
                let within = waiters.line.queued(slot.partition) as f64 <= places;
                let seen = Seen {
                    within: !waiters.is_guarded() || within,
                    places: if waiters.is_guarded() {
                        places
                    } else {
                        f64::MAX
                    },
                    state: slot.state,
                    kind: slot.kind,
                    partition: slot.partition.index(),
                    number: slot.number,
                    deficit,
                    has_waker: slot.waker.is_some(),
                };
                (key.0, seen)
            })
            .collect()
    }

    fn ended(&mut self, result: Result<Pass, Reason>) {
        match result {
            Ok(pass) => self.held.push(pass),
            Err(_) => self.ended += 1,
        }
    }

    fn pick<T>(list: &[T], index: usize) -> Option<usize> {
        (!list.is_empty()).then(|| index % list.len())
    }

    fn take(&mut self, step: &Step) -> TestCaseResult {
        let world = self.world.clone();
        match *step {
            Step::Enter {
                priority,
                partition,
                ghost,
                deadline,
            } => {
                let ticket = Ticket {
                    priority: Priority::ALL[priority],
                    partition: Some(NAMES[partition]),
                    deadline: deadline.map(|us| world.now() + Duration::from_micros(us)),
                };
                self.enter(&ticket, ghost)?;
            }
            Step::Patient => {
                self.arrived += 1;
                self.add(None, false);
                self.poll(self.waiting.len() - 1)?;
            }
            Step::Poll(index) => {
                if let Some(index) = Self::pick(&self.waiting, index) {
                    self.poll(index)?;
                }
            }
            Step::Leave(index) => {
                if let Some(index) = Self::pick(&self.waiting, index) {
                    let caller = self.waiting.swap_remove(index);
                    world.gate.leave(caller.key.expect("a place"), &*world);
                    self.ended += 1;
                }
            }
            Step::TimeOut(index) => {
                if let Some(index) = Self::pick(&self.waiting, index) {
                    if self.waiting[index].request {
                        let caller = self.waiting.swap_remove(index);
                        let key = caller.key.expect("a place");
                        self.ended(world.gate.time_out(key, &*world));
                    }
                }
            }
            Step::Finish(index) => {
                if let Some(index) = Self::pick(&self.held, index) {
                    let pass = self.held.swap_remove(index);
                    self.spared -= usize::from(pass == Pass::Spared);
                    prop_assert_eq!(world.gate.release(pass, &*world), None);
                    self.ended += 1;
                }
            }
            Step::FinishGhost(index) => {
                if let Some(index) = Self::pick(&self.ghosts, index) {
                    let key = self.ghosts.swap_remove(index);
                    world.gate.release(Pass::Ghost(key), &*world);
                    self.ended += 1;
                }
            }
            Step::Pass(us) => world.pass(Duration::from_micros(us)),
            Step::Expire => {
                world.gate.expire(&*world);
            }
            Step::SetLimit(limit) => world.set_limit(limit),
            Step::SetCapacity(capacity) => {
                self.queue.capacity = capacity;
                world.gate.set_queue(self.queue.clone(), &*world);
            }
            Step::SetShares(which) => {
                let shares = SHARES[which].iter().zip(NAMES).fold(
                    Shares::new(),
                    |shares, (&fraction, name)| match fraction > 0.0 {
                        true => shares.guarantee(name, fraction),
                        false => shares,
                    },
                );
                world.gate.set_shares(&shares, &*world);
            }
        }
        Ok(())
    }

    fn enter(&mut self, ticket: &Ticket<'_>, ghost: bool) -> TestCaseResult {
        self.arrived += 1;
        let world = self.world.clone();
        let places = world.gate.lock().line.requests();
        let manner = Manner { headroom: 0, ghost };
        let decision = world.gate.enter(ticket, manner, &*world);
        let most = self.queue.capacity.max(places);
        prop_assert!(world.gate.lock().line.requests() <= most, "too many wait");
        match decision {
            Decision::Admitted(pass) => self.held.push(pass),
            Decision::Queued(place) if ghost => match place.into_ghost() {
                Ok(Pass::Ghost(key)) => self.ghosts.push(key),
                other => prop_assert!(false, "{other:?}"),
            },
            Decision::Queued(place) => {
                prop_assert!(self.queue.capacity > 0, "queued without a queue");
                self.add(Some(place.key), true);
            }
            Decision::Refused(reason) => {
                if reason == Reason::QueueFull {
                    prop_assert!(places >= self.queue.capacity, "refused before a free place");
                }
                if ghost {
                    world.gate.enter_beyond();
                    self.spared += 1;
                    self.held.push(Pass::Spared);
                } else {
                    self.ended += 1;
                }
            }
        }
        Ok(())
    }

    fn add(&mut self, key: Option<Key>, request: bool) {
        self.names += 1;
        self.waiting.push(Caller {
            name: self.names,
            key,
            request,
            polled: false,
        });
    }

    fn poll(&mut self, index: usize) -> TestCaseResult {
        let world = self.world.clone();
        let caller = &mut self.waiting[index];
        let waker: Waker = world.waker(caller.name);
        let mut cx = Context::from_waker(&waker);
        let newcomer = !std::mem::replace(&mut caller.polled, true);
        let polled = match caller.request {
            true => world
                .gate
                .poll_queued(&mut caller.key, newcomer, &mut cx, &*world),
            false => world.gate.poll_acquire(&mut caller.key, &mut cx, &*world),
        };
        if let Poll::Ready(result) = polled {
            prop_assert!(caller.key.is_none(), "a place left behind");
            self.waiting.swap_remove(index);
            self.ended(result);
        }
        Ok(())
    }

    /// What is true at any time.
    fn check(&self) -> TestCaseResult {
        let everybody = self.look();
        let waiters = self.world.gate.lock();
        let word = self.world.gate.load();
        let count = |wanted: fn(&State) -> bool| {
            let states = everybody.values().map(|seen| &seen.state);
            states.filter(|state| wanted(state)).count()
        };
        let granted = count(|state| matches!(state, State::Granted(_)));
        let claimed = count(|state| matches!(state, State::Claimed));
        let queued = count(|state| matches!(state, State::Queued));
        let plain = self.held.len() - self.spared;
        prop_assert_eq!(word.in_flight(), plain + granted + claimed);
        let beyond = self.ghosts.len() - claimed + self.spared;
        prop_assert_eq!(self.world.gate.beyond(), beyond);
        prop_assert_eq!(waiters.line.len(), queued);
        prop_assert_eq!(word.is_parked(), queued + granted > 0);
        prop_assert!(
            queued == 0 || !word.has_room(),
            "a queue sleeps before room"
        );
        prop_assert_eq!(self.world.gate.queued(), waiters.line.waiting());
        prop_assert_eq!(
            self.arrived,
            self.ended + self.held.len() + self.waiting.len() + self.ghosts.len()
        );

        let mut counts = vec![0; waiters.partitions.len()];
        for pass in &self.held {
            if let Pass::Partition(id) = pass {
                counts[id.index()] += 1;
            }
        }
        for key in self.waiting.iter().filter_map(|caller| caller.key.as_ref()) {
            let slot = waiters.slots.at(key.0);
            let counted = slot.counted && matches!(slot.state, State::Granted(_));
            counts[slot.partition.index()] += usize::from(counted);
        }
        for key in &self.ghosts {
            let slot = waiters.slots.at(key.0);
            let counted = slot.counted && slot.state == State::Claimed;
            counts[slot.partition.index()] += usize::from(counted);
        }
        prop_assert_eq!(waiters.partitions.in_flight(), counts);
        Ok(())
    }

    /// What a step did to those who waited before it.
    fn compare(&mut self, before: &Everybody, step: &Step) -> TestCaseResult {
        let now = self.world.now();
        let woken = self.world.take_woken();
        let after = self.look();
        let changed: Vec<_> = before
            .iter()
            .filter(|(_, seen)| seen.state == State::Queued)
            .filter_map(|(index, was)| Some((was, after.get(index)?)))
            .filter(|(was, is)| was.number == is.number && is.state != State::Queued)
            .collect();
        let lapsed = after.values().any(|seen| seen.state == State::Lapsed)
            || before.values().any(|seen| seen.state == State::Lapsed);

        self.lapsed |= lapsed;

        let mut granted = Vec::new();
        for &(was, is) in &changed {
            match is.state {
                State::Granted(_) | State::Claimed => {
                    prop_assert!(!was.is_late(now), "granted after its time");
                    granted.push(was);
                }
                State::Refused(Reason::WaitedTooLong) => {
                    let Kind::Request(request) = was.kind else {
                        return Err(TestCaseError::fail("a patient caller was refused"));
                    };
                    let waited = now.saturating_duration_since(request.arrived);
                    let early = self.overload && waited > 2 * TARGET;
                    prop_assert!(early || was.is_late(now), "refused before its time");
                }
                State::Refused(Reason::Evicted) if lapsed => {}
                State::Refused(Reason::Evicted) => {
                    self.compare_evicted(was, before, &after, step)?;
                }
                ref state => prop_assert!(false, "from the queue to {state:?}"),
            }
            prop_assert!(!is.has_waker, "decided, and its waker kept");
        }
        let had_wakers = changed.iter().filter(|(was, _)| was.has_waker).count();
        prop_assert!(woken.len() >= had_wakers, "decided, and not woken");
        if !granted.is_empty() {
            let word = self.world.gate.load();
            prop_assert!(word.in_flight() <= word.limit(), "granted above the limit");
        }
        if let ([chosen], false, Step::Finish(_) | Step::SetLimit(_)) = (&granted[..], lapsed, step)
        {
            let left = before.iter().filter(|(index, was)| {
                let still = after.get(index).is_some_and(|is| is.number == was.number);
                was.state == State::Queued && still && after[index].state == State::Queued
            });
            // As they stand now, less the grant that is asked about.
            for (index, was) in left {
                self.compare_order(chosen, was, &after[index], &after)?;
            }
        }
        Ok(())
    }

    fn compare_order(
        &self,
        chosen: &Seen,
        was: &Seen,
        is: &Seen,
        after: &Everybody,
    ) -> TestCaseResult {
        let mut theirs = *was;
        let mut ours = *chosen;
        // The deficits when it was chosen: what is counted now, without the grant.
        theirs.deficit = is.deficit;
        let mine = after.values().find(|seen| seen.number == chosen.number);
        ours.deficit = mine.map_or(chosen.deficit, |seen| seen.deficit);
        if self.world.gate.lock().is_guarded() {
            ours.deficit += PERMIT;
            if theirs.partition == ours.partition {
                theirs.deficit += PERMIT;
            }
        }
        let alike = ours.deficit == theirs.deficit;
        let out_of_order = self.overload || self.lapsed;
        if out_of_order && ours.class() == theirs.class() && alike {
            return Ok(());
        }
        prop_assert!(
            !theirs.goes_before(&ours),
            "{theirs:?} waits, {ours:?} does not"
        );
        Ok(())
    }

    fn compare_evicted(
        &self,
        victim: &Seen,
        before: &Everybody,
        after: &Everybody,
        step: &Step,
    ) -> TestCaseResult {
        let Step::Enter { ghost, .. } = *step else {
            return Err(TestCaseError::fail("evicted for nobody"));
        };
        prop_assert!(!ghost || victim.is_ghost(), "a ghost took a real place");
        let newcomer = after.values().max_by_key(|seen| seen.number);
        let newcomer = *newcomer.expect("in its place");
        let queued = |seen: &&Seen| seen.state == State::Queued && seen.kind != Kind::Patient;
        let of_its_own = |seen: &&Seen| seen.partition == newcomer.partition;
        let places = before.values().filter(queued).filter(of_its_own).count();
        let ours = (places + 1) as f64 <= newcomer.places;
        // Who takes a place of its own partition changes nothing for others.
        let place = |seen: &Seen| match seen.partition == newcomer.partition {
            true => (ours, seen.priority()),
            false => seen.place(),
        };
        prop_assert!(
            place(victim) < (ours, newcomer.priority()),
            "evicted for one that matters no more"
        );
        for seen in before.values() {
            let candidate = seen.state == State::Queued && seen.kind != Kind::Patient;
            if !candidate || seen.number == victim.number || ghost {
                continue;
            }
            prop_assert!(place(seen) >= place(victim), "not the least was evicted");
            if !self.overload && !self.lapsed && place(seen) == place(victim) {
                prop_assert!(seen.number < victim.number, "not the newest was evicted");
            }
        }
        Ok(())
    }

    /// Everybody goes.
    fn end(mut self) -> TestCaseResult {
        let world = self.world.clone();
        for caller in self.waiting.drain(..) {
            world.gate.leave(caller.key.expect("a place"), &*world);
        }
        for pass in self.held.drain(..) {
            world.gate.release(pass, &*world);
        }
        for key in self.ghosts.drain(..) {
            world.gate.release(Pass::Ghost(key), &*world);
        }
        world.assert_at_rest();
        prop_assert!(world.gate.lock().is_idle());
        Ok(())
    }
}

fn run(limit: usize, capacity: usize, overload: bool, steps: &[Step]) -> TestCaseResult {
    let mut users = Users::new(limit, capacity, overload);
    for step in steps {
        let before = users.look();
        users.take(step)?;
        users.compare(&before, step)?;
        users.check()?;
    }
    users.end()
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 300,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn what_must_hold_holds_while_lanes_drain(
        limit in 1..5usize,
        capacity in 0..5usize,
        steps in steps(60),
    ) {
        run(limit, capacity, false, &steps)?;
    }

    #[test]
    fn what_must_hold_holds_while_grants_lapse_and_requests_are_late(
        limit in 1..5usize,
        capacity in 0..5usize,
        steps in steps(700),
    ) {
        run(limit, capacity, false, &steps)?;
    }

    #[test]
    fn what_must_hold_holds_under_overload(
        limit in 1..5usize,
        capacity in 0..5usize,
        steps in steps(200),
    ) {
        run(limit, capacity, true, &steps)?;
    }
}
