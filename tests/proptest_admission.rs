//! Random sequences of what happens to an admission, against what must hold after each: every
//! arrival ends once, as served, rejected or canceled, and all of them are counted.

mod support;

use std::collections::{BTreeSet, HashMap};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio::time::{Instant, advance};
use tower::{Layer, Service};
use tower_adaptive::{
    AdmissionError, AdmissionLayer, Limiter, Priority, Queue, Reason, Shares, Snapshot,
};

use support::{Fault, MS, Polled, Steady, set_limit};

/// One thing that happens. Indexes are taken modulo what is there.
#[derive(Clone, Debug)]
enum Step {
    /// A request comes, and is polled at once or not.
    Call {
        kind: Kind,
        polled: bool,
    },
    /// Somebody polls, whether it was woken or not.
    Poll(usize),
    Drop(usize),
    /// The service answers a request.
    Answer(usize, bool),
    SetLimit(usize),
    SetQueue(Queue),
    SetShares(Shares),
    Advance(Duration),
    /// All who were woken poll, until nobody is woken any more.
    Settle,
}

/// What a request says of itself.
#[derive(Clone, Copy, Debug)]
struct Kind {
    priority: Priority,
    partition: &'static str,
    /// How much time it has.
    patience: Option<Duration>,
    /// Whether it comes through a layer that observes.
    observed: bool,
}

fn kind(observed: impl Strategy<Value = bool>) -> impl Strategy<Value = Kind> {
    let patience = prop_oneof![
        3 => Just(None),
        1 => (0..20u64).prop_map(|ms| Some(Duration::from_millis(ms))),
    ];
    (
        prop::sample::select(&Priority::ALL),
        prop::sample::select(&["live", "batch", "other"]),
        patience,
        observed,
    )
        .prop_map(|(priority, partition, patience, observed)| Kind {
            priority,
            partition,
            patience,
            observed,
        })
}

fn queue() -> impl Strategy<Value = Queue> {
    prop_oneof![
        1 => Just(Queue::none()),
        4 => (1..8usize, 1..30u64, 1..5u32).prop_map(|(capacity, max_wait, target)| {
            Queue::bounded(capacity)
                .max_wait(Duration::from_millis(max_wait))
                .target(target * MS)
                .interval(10 * MS)
        }),
    ]
}

fn shares() -> impl Strategy<Value = Shares> {
    prop::sample::select(vec![
        Shares::new(),
        Shares::new().guarantee("live", 0.5),
        Shares::new().guarantee("live", 0.6).guarantee("batch", 0.4),
        Shares::new().guarantee("batch", 0.1),
    ])
}

fn step(observed: impl Strategy<Value = bool> + 'static) -> impl Strategy<Value = Step> {
    let index = any::<usize>;
    prop_oneof![
        12 => (kind(observed), prop::bool::weighted(0.9))
            .prop_map(|(kind, polled)| Step::Call { kind, polled }),
        4 => index().prop_map(Step::Poll),
        2 => index().prop_map(Step::Drop),
        5 => (index(), prop::bool::weighted(0.9)).prop_map(|(i, ok)| Step::Answer(i, ok)),
        1 => (1..8usize).prop_map(Step::SetLimit),
        1 => queue().prop_map(Step::SetQueue),
        1 => shares().prop_map(Step::SetShares),
        2 => (0..3_000u64).prop_map(|us| Step::Advance(Duration::from_micros(us))),
        1 => (0..60u64).prop_map(|ms| Step::Advance(Duration::from_millis(ms))),
        4 => Just(Step::Settle),
    ]
}

/// The inner service: remembers its calls and answers when told to.
#[derive(Clone, Default)]
struct Inner(Arc<Mutex<Calls>>);

#[derive(Default)]
struct Calls {
    /// How often each request was seen.
    seen: HashMap<u32, usize>,
    open: Vec<(u32, oneshot::Sender<Result<u32, Fault>>)>,
}

#[derive(Clone, Copy, Debug)]
struct Request {
    id: u32,
    kind: Kind,
}

impl Inner {
    fn seen(&self, id: u32) -> usize {
        self.0.lock().unwrap().seen.get(&id).copied().unwrap_or(0)
    }

    /// Calls whose futures are still there and were not answered.
    fn open(&self) -> usize {
        let mut calls = self.0.lock().unwrap();
        calls.open.retain(|(_, answer)| !answer.is_closed());
        calls.open.len()
    }

    fn open_ids(&self) -> BTreeSet<u32> {
        self.open();
        let calls = self.0.lock().unwrap();
        calls.open.iter().map(|(id, _)| *id).collect()
    }

    fn answer(&self, index: usize, ok: bool) {
        if self.open() > 0 {
            let mut calls = self.0.lock().unwrap();
            let index = index % calls.open.len();
            let (id, answer) = calls.open.swap_remove(index);
            answer.send(if ok { Ok(id) } else { Err(Fault) }).unwrap();
        }
    }
}

impl Service<Request> for Inner {
    type Response = u32;
    type Error = Fault;
    type Future = Pin<Box<dyn Future<Output = Result<u32, Fault>>>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let (sender, receiver) = oneshot::channel();
        let mut calls = self.0.lock().unwrap();
        *calls.seen.entry(request.id).or_default() += 1;
        calls.open.push((request.id, sender));
        Box::pin(async { receiver.await.expect("the service is still there") })
    }
}

type Answer = Result<u32, AdmissionError<Fault>>;
type Response = Pin<Box<dyn Future<Output = Answer>>>;

struct Caller {
    request: Request,
    response: Polled<Response>,
    /// Wake-ups before the last poll, since it may be woken while it polls; `None` before the first.
    seen: Option<usize>,
    /// Whether it was turned away when it called: it is counted, and its answer is there.
    refused: bool,
}

impl Caller {
    fn may_be_woken(&self) -> bool {
        self.seen.is_none_or(|seen| self.response.wakes() > seen)
    }
}

/// How arrivals ended, as their callers know it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Ends {
    /// The service's answer came back.
    served: u64,
    rejected: u64,
    /// Dropped after the service had been called.
    canceled: u64,
    /// Dropped before.
    abandoned: u64,
}

struct World {
    limiter: Limiter,
    call: Box<dyn FnMut(Request) -> Response>,
    inner: Inner,
    callers: Vec<Caller>,
    arrivals: u32,
    ends: Ends,
    turned_away: Vec<(u32, Reason)>,
}

impl World {
    fn new(limit: usize, queue: Queue) -> Self {
        let limiter = Limiter::new(Steady::new(limit));
        let inner = Inner::default();
        let layer = AdmissionLayer::with_limiter(limiter.clone())
            .queue(queue)
            .priority(|request: &Request| request.kind.priority)
            .shares(Shares::new())
            .partition(|request: &Request| request.kind.partition)
            .deadline(|request: &Request| Some(Instant::now() + request.kind.patience?));
        let mut observer = layer.clone().observe_only().layer(inner.clone());
        let mut service = layer.layer(inner.clone());
        Self {
            limiter,
            call: Box::new(move |request| match request.kind.observed {
                true => Box::pin(observer.call(request)),
                false => Box::pin(service.call(request)),
            }),
            inner,
            callers: Vec::new(),
            arrivals: 0,
            ends: Ends::default(),
            turned_away: Vec::new(),
        }
    }

    fn index(&self, index: usize) -> Option<usize> {
        let len = self.callers.len();
        (len > 0).then(|| index % len)
    }

    fn arrive(&mut self, kind: Kind, polled: bool) -> TestCaseResult {
        let id = self.arrivals;
        self.arrivals += 1;
        let request = Request { id, kind };
        let before = self.limiter.snapshot().rejected;
        let response = Polled::new((self.call)(request));
        let refused = self.limiter.snapshot().rejected > before;
        let called = self.inner.seen(id) == 1;
        prop_assert!(!(refused && called), "rejected, and the service saw it");
        if kind.observed {
            prop_assert!(called, "an observer keeps nobody waiting");
        }
        self.callers.push(Caller {
            request,
            response,
            seen: None,
            refused,
        });
        if polled {
            self.poll(self.callers.len() - 1)?;
        }
        Ok(())
    }

    fn poll(&mut self, index: usize) -> TestCaseResult {
        let caller = &mut self.callers[index];
        let id = caller.request.id;
        let wakes = caller.response.wakes();
        let Poll::Ready(answer) = caller.response.poll() else {
            prop_assert!(!caller.refused, "rejected, and does not say so");
            caller.seen = Some(wakes);
            return Ok(());
        };
        let caller = self.callers.remove(index);
        let times = self.inner.seen(id);
        match answer {
            Err(AdmissionError::Rejected(rejected)) => {
                prop_assert_eq!(times, 0, "rejected, and the service saw it");
                prop_assert!(!caller.request.kind.observed, "rejected by an observer");
                self.turned_away.push((id, rejected.reason()));
                self.ends.rejected += 1;
            }
            Ok(answer) => {
                prop_assert_eq!((answer, times), (id, 1), "the answer to one call");
                self.ends.served += 1;
            }
            Err(error) => {
                let error = error.into_service_error();
                prop_assert_eq!((error, times), (Some(Fault), 1));
                self.ends.served += 1;
            }
        }
        Ok(())
    }

    fn drop_caller(&mut self, index: usize) {
        let caller = self.callers.remove(index);
        if caller.refused {
            // It was counted when it called.
            self.ends.rejected += 1;
        } else if self.inner.seen(caller.request.id) == 1 {
            self.ends.canceled += 1;
        } else {
            self.ends.abandoned += 1;
        }
    }

    fn settle(&mut self) -> TestCaseResult {
        while let Some(index) = self.callers.iter().position(Caller::may_be_woken) {
            self.poll(index)?;
        }
        // All who were granted or turned away know it now.
        let snapshot = self.limiter.snapshot();
        prop_assert_eq!(counted(&snapshot), u64::from(self.arrivals));
        prop_assert_eq!(snapshot.in_flight, self.inner.open());
        Ok(())
    }

    /// Does what the step says and checks what is true of this kind of step.
    async fn take(&mut self, step: Step) -> TestCaseResult {
        let before = self.limiter.snapshot();
        match step {
            Step::Call { kind, polled } => self.arrive(kind, polled)?,
            Step::Poll(index) => {
                if let Some(index) = self.index(index) {
                    self.poll(index)?;
                }
            }
            Step::Drop(index) => {
                if let Some(index) = self.index(index) {
                    self.drop_caller(index);
                }
            }
            Step::Answer(index, ok) => self.inner.answer(index, ok),
            Step::SetLimit(limit) => set_limit(&self.limiter, limit),
            Step::SetQueue(queue) => self.limiter.set_queue(queue).unwrap(),
            Step::SetShares(shares) => self.limiter.set_shares(shares).unwrap(),
            Step::Advance(time) => {
                advance(time).await;
                // The timer, if there is one, has its turn.
                for _ in 0..3 {
                    tokio::task::yield_now().await;
                }
            }
            Step::Settle => self.settle()?,
        }
        self.check(&before)
    }

    /// What holds after every step.
    fn check(&mut self, before: &Snapshot) -> TestCaseResult {
        let now = self.limiter.snapshot();
        if !self.callers.iter().any(|one| one.request.kind.observed) {
            // Each that finished has made room for one, if that was below the limit.
            let freed = (now.finished() - before.finished()) as usize;
            let most = before.in_flight.saturating_sub(freed).max(now.limit);
            prop_assert!(now.in_flight <= most, "{} above {most}", now.in_flight);
        }
        prop_assert!(self.inner.open() <= now.in_flight, "without a permit");
        if now.waiting > 0 {
            prop_assert!(now.in_flight >= now.limit, "waiting before an open gate");
        }
        let in_shares: usize = now.shares.iter().map(|share| share.in_flight).sum();
        prop_assert!(in_shares <= now.in_flight, "{:?}", now.shares);

        // Whoever is not counted as admitted, rejected, abandoned or waiting was turned away, or
        // lost a grant that it did not take up, and was woken for it.
        let counted = counted(&now);
        let arrivals = u64::from(self.arrivals);
        let to_be_told = self.callers.iter().filter(|one| one.may_be_woken()).count();
        prop_assert!(counted <= arrivals, "{counted} of {arrivals}: {now:?}");
        prop_assert!(
            counted + to_be_told as u64 >= arrivals,
            "{counted} and {to_be_told} of {arrivals}: {now:?}"
        );

        // What the callers know.
        let Ends {
            served,
            rejected,
            canceled,
            abandoned,
        } = self.ends;
        let waiting = self.callers.len() as u64;
        prop_assert_eq!(served + rejected + canceled + abandoned + waiting, arrivals);
        prop_assert_eq!(now.finished(), served + canceled);
        prop_assert_eq!(now.abandoned, abandoned);
        let untold = self.callers.iter().filter(|one| one.refused).count() as u64;
        prop_assert_eq!(now.rejected, rejected + untold);
        for &reason in Reason::ALL {
            let told = self.turned_away.iter().filter(|(_, why)| *why == reason);
            prop_assert!(
                told.count() as u64 <= now.rejected_by.get(reason),
                "{reason:?}"
            );
        }
        Ok(())
    }

    /// Everybody else is answered or times out; then all is at rest, and a newcomer is served.
    async fn finish(mut self) -> TestCaseResult {
        let mut rounds = 0;
        while !self.callers.is_empty() {
            rounds += 1;
            prop_assert!(rounds < 1_000, "{} hang", self.callers.len());
            while self.inner.open() > 0 {
                self.inner.answer(0, true);
            }
            self.settle()?;
            self.take(Step::Advance(MS)).await?;
        }
        self.at_rest().await
    }

    async fn leave(mut self) -> TestCaseResult {
        while !self.callers.is_empty() {
            self.take(Step::Drop(0)).await?;
        }
        self.at_rest().await
    }

    async fn at_rest(mut self) -> TestCaseResult {
        let snapshot = self.limiter.snapshot();
        prop_assert_eq!((snapshot.in_flight, snapshot.waiting), (0, 0));
        prop_assert!(snapshot.shares.iter().all(|share| share.in_flight == 0));
        prop_assert_eq!(counted(&snapshot), u64::from(self.arrivals));

        let served = self.ends.served;
        let kind = PATIENT;
        // Without a queue, what was kept for others may be in its way, if it is all.
        self.limiter.set_shares(Shares::new()).unwrap();
        self.take(Step::Call { kind, polled: true }).await?;
        self.take(Step::Answer(0, true)).await?;
        self.settle()?;
        prop_assert_eq!(self.ends.served, served + 1, "a newcomer is served");
        prop_assert_eq!(self.limiter.in_flight(), 0);
        Ok(())
    }
}

/// Who should be inside, wait, and have been turned away, of requests that all are patient: the
/// highest class first, in a class the oldest; a full queue gives up the newest of the lowest class.
#[derive(Default)]
struct Order {
    inside: BTreeSet<u32>,
    waiting: Vec<(Priority, u32)>,
    turned_away: Vec<(u32, Reason)>,
}

impl Order {
    fn arrive(&mut self, limit: usize, places: usize, priority: Priority, id: u32) {
        if self.inside.len() < limit {
            self.inside.insert(id);
            return;
        }
        self.waiting.push((priority, id));
        if self.waiting.len() > places {
            let lowest = self.waiting.iter().map(|(priority, _)| *priority).min();
            let newest = self.waiting.iter().rposition(|one| Some(one.0) == lowest);
            let (_, victim) = self.waiting.remove(newest.expect("one is the lowest"));
            let reason = match victim == id {
                true => Reason::QueueFull,
                false => Reason::Evicted,
            };
            self.turned_away.push((victim, reason));
        }
    }

    fn leave(&mut self, limit: usize, id: u32) {
        self.inside.remove(&id);
        self.waiting.retain(|(_, one)| *one != id);
        while self.inside.len() < limit && !self.waiting.is_empty() {
            let highest = self.waiting.iter().map(|(priority, _)| *priority).max();
            let oldest = self.waiting.iter().position(|one| Some(one.0) == highest);
            let (_, next) = self.waiting.remove(oldest.expect("one is the highest"));
            self.inside.insert(next);
        }
    }
}

#[derive(Clone, Debug)]
enum Turn {
    Come(Priority),
    Answer(usize),
    Drop(usize),
}

fn turn() -> impl Strategy<Value = Turn> {
    prop_oneof![
        4 => prop::sample::select(&Priority::ALL).prop_map(Turn::Come),
        2 => any::<usize>().prop_map(Turn::Answer),
        1 => any::<usize>().prop_map(Turn::Drop),
    ]
}

/// Takes the turns, each by the order, too.
async fn in_order(limit: usize, places: usize, turns: Vec<Turn>) -> TestCaseResult {
    let mut world = World::new(limit, Queue::bounded(places));
    let mut order = Order::default();
    for turn in turns {
        match turn {
            Turn::Come(priority) => {
                let kind = Kind {
                    priority,
                    ..PATIENT
                };
                order.arrive(limit, places, priority, world.arrivals);
                world.take(Step::Call { kind, polled: true }).await?;
            }
            Turn::Answer(index) => {
                let before = world.inner.open_ids();
                world.take(Step::Answer(index, true)).await?;
                let after = world.inner.open_ids();
                for &id in before.difference(&after) {
                    world.settle()?;
                    order.leave(limit, id);
                }
            }
            Turn::Drop(index) => {
                if let Some(index) = world.index(index) {
                    let id = world.callers[index].request.id;
                    world.take(Step::Drop(index)).await?;
                    order.leave(limit, id);
                }
            }
        }
        world.take(Step::Settle).await?;
        prop_assert_eq!(&world.inner.open_ids(), &order.inside);
        let turned_away: BTreeSet<_> = world.turned_away.iter().map(|one| one.0).collect();
        let expected: BTreeSet<_> = order.turned_away.iter().map(|one| one.0).collect();
        prop_assert_eq!(turned_away, expected);
        for one in &order.turned_away {
            prop_assert!(world.turned_away.contains(one), "{one:?}");
        }
    }
    world.finish().await
}

const PATIENT: Kind = Kind {
    priority: Priority::Critical,
    partition: "other",
    patience: None,
    observed: false,
};

fn counted(snapshot: &Snapshot) -> u64 {
    snapshot.admitted() + snapshot.rejected + snapshot.abandoned + snapshot.waiting as u64
}

/// Takes the steps, each with all its checks, and leaves the world to `end`.
fn run(
    limit: usize,
    queue: Queue,
    steps: Vec<Step>,
    end: impl AsyncFnOnce(World) -> TestCaseResult,
) -> TestCaseResult {
    block_on(async {
        let mut world = World::new(limit, queue);
        for step in steps {
            world.take(step).await?;
        }
        end(world).await
    })
}

fn block_on(test: impl Future<Output = TestCaseResult>) -> TestCaseResult {
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(test)
}

fn steps(observed: impl Strategy<Value = bool> + 'static) -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(step(observed), 1..120)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 300,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn whatever_happens_every_arrival_is_served_rejected_or_canceled(
        limit in 1..8usize,
        queue in queue(),
        steps in steps(Just(false)),
    ) {
        run(limit, queue, steps, World::finish)?;
    }

    #[test]
    fn whatever_happens_everything_is_at_rest_when_all_leave(
        limit in 1..8usize,
        queue in queue(),
        steps in steps(Just(false)),
    ) {
        run(limit, queue, steps, World::leave)?;
    }

    #[test]
    fn whatever_happens_an_observer_rejects_nobody_and_counts_all(
        limit in 1..8usize,
        queue in queue(),
        steps in steps(Just(true)),
    ) {
        run(limit, queue, steps, async |world| {
            let snapshot = world.limiter.snapshot();
            prop_assert_eq!((snapshot.rejected, snapshot.abandoned, snapshot.waiting), (0, 0, 0));
            prop_assert_eq!(snapshot.admitted(), u64::from(world.arrivals));
            prop_assert!(snapshot.spared <= u64::from(world.arrivals));
            world.finish().await
        })?;
    }

    #[test]
    fn whatever_happens_observers_and_others_on_one_limiter_are_counted(
        limit in 1..8usize,
        queue in queue(),
        steps in steps(any::<bool>()),
    ) {
        run(limit, queue, steps, World::finish)?;
    }

    #[test]
    fn a_freed_permit_goes_to_the_highest_class_and_in_it_to_the_oldest(
        limit in 1..4usize,
        places in 1..6usize,
        turns in prop::collection::vec(turn(), 1..60),
    ) {
        block_on(in_order(limit, places, turns))?;
    }

    #[test]
    fn whatever_happens_observers_that_leave_take_nothing_with_them(
        limit in 1..8usize,
        queue in queue(),
        steps in steps(any::<bool>()),
    ) {
        run(limit, queue, steps, World::leave)?;
    }
}
