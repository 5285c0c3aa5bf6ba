//! Random sequences of what callers do to a limiter, against what must hold after each.

mod support;

use std::task::Poll;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use tokio::runtime::Builder;
use tokio::time::{Instant, advance, sleep};
use tower_adaptive::{Acquire, Limiter, Outcome, Permit};

use support::{MS, Polled, Steady, set_limit};

/// One thing that a caller does. Indexes are taken modulo what is there.
#[derive(Clone, Debug)]
enum Step {
    TryAcquire,
    /// Asks for a permit and polls once.
    Acquire,
    /// Polls somebody who waits.
    Poll(usize),
    /// Polls somebody who waits, with another waker.
    PollElsewhere(usize),
    DropWaiter(usize),
    Complete(usize),
    Release(usize),
    DropPermit(usize),
    SetLimit(usize),
    Advance(Duration),
}

fn step() -> impl Strategy<Value = Step> {
    let index = any::<usize>;
    prop_oneof![
        2 => Just(Step::TryAcquire),
        8 => Just(Step::Acquire),
        6 => index().prop_map(Step::Poll),
        1 => index().prop_map(Step::PollElsewhere),
        2 => index().prop_map(Step::DropWaiter),
        3 => index().prop_map(Step::Complete),
        1 => index().prop_map(Step::Release),
        1 => index().prop_map(Step::DropPermit),
        2 => (1..8usize).prop_map(Step::SetLimit),
        2 => (0..1200u64).prop_map(|us| Step::Advance(Duration::from_micros(us))),
    ]
}

/// The limiter, and what its callers know.
struct World {
    limiter: Limiter,
    started: Instant,
    permits: Vec<Permit>,
    /// In the order in which they came.
    waiting: Vec<Caller>,
}

struct Caller {
    acquire: Polled<Acquire>,
    /// Wake-ups at the last poll: one more means that it has reason to poll.
    seen: usize,
}

impl World {
    fn new(limit: usize) -> Self {
        Self {
            limiter: Limiter::new(Steady::new(limit)),
            started: Instant::now(),
            permits: Vec::new(),
            waiting: Vec::new(),
        }
    }

    fn wakes(&self) -> usize {
        self.waiting.iter().map(|c| c.acquire.wakes()).sum()
    }

    /// Permits given to callers that have not picked them up.
    fn grants(&self) -> usize {
        self.limiter.in_flight() - self.permits.len()
    }

    /// Whether so little time has passed that no grant can have lapsed.
    fn in_order(&self) -> bool {
        self.started.elapsed() < MS
    }

    fn permit(&mut self, index: usize) -> Option<Permit> {
        let len = self.permits.len();
        (len > 0).then(|| self.permits.swap_remove(index % len))
    }

    fn index(&self, index: usize) -> Option<usize> {
        let len = self.waiting.len();
        (len > 0).then(|| index % len)
    }

    fn poll(&mut self, index: usize) -> TestCaseResult {
        let caller = &mut self.waiting[index];
        let woken = caller.acquire.wakes() > caller.seen;
        match caller.acquire.poll() {
            Poll::Ready(permit) => {
                if self.started.elapsed() < MS {
                    prop_assert!(woken, "admitted out of turn");
                }
                self.waiting.remove(index);
                self.permits.push(permit.expect("open"));
            }
            Poll::Pending => {
                caller.seen = caller.acquire.wakes();
                if self.started.elapsed() < MS {
                    prop_assert!(!woken, "woken for nothing");
                }
            }
        }
        Ok(())
    }

    fn acquire(&mut self) -> TestCaseResult {
        let free = self.limiter.in_flight() < self.limiter.limit();
        let alone = self.limiter.waiting() == 0;
        let mut acquire = Polled::new(self.limiter.acquire());
        match acquire.poll() {
            Poll::Ready(permit) => {
                prop_assert!(!self.in_order() || (free && alone), "overtook somebody");
                self.permits.push(permit.expect("open"));
            }
            Poll::Pending => {
                prop_assert!(!(free && alone), "had to wait before an open gate");
                self.waiting.push(Caller { acquire, seen: 0 });
            }
        }
        Ok(())
    }

    /// Does what the step says and checks what is true of this kind of step.
    async fn take(&mut self, step: Step) -> TestCaseResult {
        let wakes = self.wakes();
        let in_flight = self.limiter.in_flight();
        match step {
            Step::TryAcquire => {
                let open = in_flight < self.limiter.limit() && self.limiter.waiting() == 0;
                let permit = self.limiter.try_acquire();
                prop_assert!(permit.is_some() || !open, "refused before an open gate");
                if self.in_order() {
                    prop_assert!(permit.is_none() || open, "overtook somebody");
                }
                self.permits.extend(permit);
            }
            Step::Acquire => self.acquire()?,
            Step::Poll(index) => {
                if let Some(index) = self.index(index) {
                    self.poll(index)?;
                }
            }
            Step::PollElsewhere(index) => {
                if let Some(index) = self.index(index) {
                    let caller = &mut self.waiting[index];
                    // The one before must not be woken any more; if it was, that still counts.
                    let before =
                        std::mem::replace(&mut caller.acquire, Polled::new(self.limiter.acquire()));
                    let woken = before.wakes() > caller.seen;
                    caller.acquire = Polled::new(before.inner);
                    caller.seen = 0;
                    match caller.acquire.poll() {
                        Poll::Ready(permit) => {
                            let in_order = self.started.elapsed() < MS;
                            prop_assert!(woken || !in_order, "admitted out of turn");
                            self.waiting.remove(index);
                            self.permits.push(permit.expect("open"));
                        }
                        Poll::Pending => {}
                    }
                }
            }
            Step::DropWaiter(index) => {
                if let Some(index) = self.index(index) {
                    let caller = self.waiting.remove(index);
                    let wakes = wakes - caller.acquire.wakes();
                    drop(caller);
                    prop_assert!(self.wakes() <= wakes + 1, "one place woke several");
                }
            }
            Step::Complete(index) => {
                if let Some(permit) = self.permit(index) {
                    permit.complete(Outcome::Success);
                    self.freed_one(wakes)?;
                }
            }
            Step::Release(index) => {
                if let Some(permit) = self.permit(index) {
                    permit.release();
                    self.freed_one(wakes)?;
                }
            }
            Step::DropPermit(index) => {
                if let Some(permit) = self.permit(index) {
                    drop(permit);
                    self.freed_one(wakes)?;
                }
            }
            Step::SetLimit(limit) => {
                let waiting = self.limiter.waiting();
                set_limit(&self.limiter, limit);
                let fit = limit.saturating_sub(in_flight).min(waiting);
                prop_assert_eq!(self.wakes(), wakes + fit, "not exactly those that fit");
            }
            Step::Advance(time) => {
                advance(time).await;
                // The timer, if there is one, has its turn.
                for _ in 0..3 {
                    tokio::task::yield_now().await;
                }
            }
        }
        let now = self.limiter.in_flight();
        let limit = self.limiter.limit();
        prop_assert!(
            now <= in_flight.max(limit),
            "admitted at or above the limit"
        );
        Ok(())
    }

    /// One permit was given back.
    fn freed_one(&self, wakes: usize) -> TestCaseResult {
        prop_assert!(self.wakes() <= wakes + 1, "one permit woke several");
        Ok(())
    }

    /// What holds after every step.
    fn check(&self) -> TestCaseResult {
        let (limit, waiting) = (self.limiter.limit(), self.limiter.waiting());
        prop_assert!(self.limiter.in_flight() >= self.permits.len());
        if waiting > 0 {
            prop_assert!(
                self.limiter.in_flight() >= limit,
                "waiting before an open gate"
            );
        }
        // Whoever is neither queued nor granted has lost a grant.
        let accounted = waiting + self.grants();
        if self.in_order() {
            prop_assert_eq!(accounted, self.waiting.len());
        } else {
            prop_assert!(accounted <= self.waiting.len());
        }
        let woken = self.waiting.iter().filter(|c| c.acquire.wakes() > c.seen);
        prop_assert!(woken.count() >= self.grants(), "a grant nobody knows of");
        Ok(())
    }

    /// All that wait get through, in turn, if everybody else finishes.
    fn finish(mut self) -> TestCaseResult {
        let rounds = self.waiting.len() + 2;
        for _ in 0..rounds {
            for permit in std::mem::take(&mut self.permits) {
                permit.complete(Outcome::Success);
            }
            for index in (0..self.waiting.len()).rev() {
                self.poll(index)?;
            }
        }
        prop_assert!(self.waiting.is_empty(), "{} starve", self.waiting.len());
        drop(self.permits);
        prop_assert_eq!(self.limiter.in_flight(), 0);
        prop_assert_eq!(self.limiter.waiting(), 0);
        Ok(())
    }

    /// As `finish`, but half of those that wait are never heard of again, and the others poll
    /// when they are woken and not otherwise.
    async fn finish_beside_the_dead(mut self) -> TestCaseResult {
        let mut dead = Vec::new();
        let mut live = Vec::new();
        for (index, caller) in self.waiting.drain(..).enumerate() {
            let side = if index % 2 == 0 { &mut dead } else { &mut live };
            side.push(caller);
        }
        // At worst each of the dead holds a grant for 2 ms, then each of the live is served.
        let rounds = 3 * (dead.len() + live.len()) + 3;
        for _ in 0..rounds {
            for permit in std::mem::take(&mut self.permits) {
                permit.complete(Outcome::Success);
            }
            for mut caller in std::mem::take(&mut live) {
                if caller.acquire.wakes() > caller.seen {
                    caller.seen = caller.acquire.wakes();
                    if let Poll::Ready(permit) = caller.acquire.poll() {
                        self.permits.push(permit.expect("open"));
                        continue;
                    }
                }
                live.push(caller);
            }
            sleep(MS).await;
        }
        prop_assert!(live.is_empty(), "{} sleep on", live.len());
        Ok(())
    }
}

/// Takes the steps, each with all its checks, and leaves the world to `end`.
fn run(
    limit: usize,
    steps: Vec<Step>,
    end: impl AsyncFnOnce(World) -> TestCaseResult,
) -> TestCaseResult {
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut world = World::new(limit);
        for step in steps {
            world.take(step).await?;
            world.check()?;
        }
        end(world).await
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 300,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn whatever_callers_do_everybody_who_stays_gets_through(
        limit in 1..8usize,
        steps in prop::collection::vec(step(), 1..100),
    ) {
        run(limit, steps, async |world| world.finish())?;
    }

    #[test]
    fn whatever_callers_do_every_permit_comes_back_when_all_leave(
        limit in 1..8usize,
        steps in prop::collection::vec(step(), 1..100),
    ) {
        run(limit, steps, async |world| {
            let limiter = world.limiter.clone();
            drop(world);
            prop_assert_eq!((limiter.in_flight(), limiter.waiting()), (0, 0));
            Ok(())
        })?;
    }

    #[test]
    fn whatever_callers_do_nobody_sleeps_on_beside_those_who_lost_interest(
        limit in 1..8usize,
        steps in prop::collection::vec(step(), 1..100),
    ) {
        run(limit, steps, World::finish_beside_the_dead)?;
    }
}
