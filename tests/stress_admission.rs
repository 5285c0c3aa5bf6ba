//! Many requests on four threads before one admission, with everything that can go wrong going wrong.
//!
//! What must hold: nobody who is not observed is let in above the limit, every permit comes back,
//! nobody hangs, and each request is counted once: as finished, rejected or abandoned. Why the
//! number inside is never above the highest limit since a request came: see `stress.rs`. It is the
//! same for one that waits in the queue, and those who are only observed take no place of others.

#[path = "support/stress.rs"]
mod stress;
mod support;

use std::collections::HashMap;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::task::{JoinHandle, yield_now};
use tokio::time::{Instant, timeout};
use tower::{Layer, Service, ServiceExt};
use tower_adaptive::{
    AdmissionError, AdmissionLayer, Algorithm, Limiter, Limiters, Priority, Queue, Reason, Sample,
    Shares,
};

use stress::{EXPECTED, Erratic, Limits, Random, STARVED, silence_expected_panics};
use support::{MS, poll};

const TASKS: u64 = 64;
const REQUESTS: u64 = 150_000;

/// Who is inside, which limits were in force when, and what callers were told.
struct World {
    limiter: Limiter,
    limits: Limits,
    /// Without those who are only observed.
    inside: AtomicUsize,
    /// The most that were inside, to know that the limit was reached at all.
    most: AtomicUsize,
    arrivals: AtomicU64,
    /// Requests that the service has seen.
    called: AtomicU64,
    served: AtomicU64,
    told: Mutex<HashMap<Reason, u64>>,
    over: AtomicBool,
}

impl World {
    fn new() -> Arc<Self> {
        silence_expected_panics();
        let world = Self {
            limiter: Limiter::new(Erratic::new(0)),
            limits: Limits::new(4),
            inside: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
            arrivals: AtomicU64::new(0),
            called: AtomicU64::new(0),
            served: AtomicU64::new(0),
            told: Mutex::default(),
            over: AtomicBool::new(false),
        };
        world.limits.set(&world.limiter, 4);
        Arc::new(world)
    }

    /// An admission with a rule for everything; `change` may make it an observer.
    fn admission(
        self: &Arc<Self>,
        change: fn(AdmissionLayer) -> AdmissionLayer,
    ) -> impl Admission + use<> {
        change(AdmissionLayer::with_limiter(self.limiter.clone()))
            .priority(|request: &Request| request.priority)
            .shares(Shares::new())
            .partition(|request: &Request| request.partition)
            .deadline(|request: &Request| request.deadline)
            .layer(Flaky(self.clone()))
    }

    /// Comes in, having asked when the limits were at `asked`.
    fn enter(self: &Arc<Self>, asked: usize) -> Inside {
        let inside = self.inside.fetch_add(1, Ordering::SeqCst) + 1;
        let highest = self.limits.highest_since(asked);
        assert!(inside <= highest, "{inside} inside at a limit of {highest}");
        self.most.fetch_max(inside, Ordering::Relaxed);
        Inside(self.clone())
    }

    fn tell(&self, reason: Reason) {
        *self.told.lock().unwrap().entry(reason).or_default() += 1;
    }

    /// Runs the tasks to their end while limit, queue, shares and algorithm change.
    async fn run(self: &Arc<Self>, tasks: Vec<JoinHandle<()>>, queues: fn(&mut Random) -> Queue) {
        self.limiter.set_queue(queues(&mut Random(3))).unwrap();
        let operator = tokio::spawn(self.clone().operate(queues));
        join_all(tasks).await;
        self.over.store(true, Ordering::SeqCst);
        operator.await.unwrap();

        let snapshot = self.limiter.snapshot();
        assert_eq!((snapshot.in_flight, snapshot.waiting), (0, 0));
        assert!(snapshot.shares.iter().all(|share| share.in_flight == 0));
        assert_eq!(snapshot.finished(), self.called.load(Ordering::SeqCst));
        assert_eq!(
            snapshot.finished() + snapshot.rejected + snapshot.abandoned,
            self.arrivals.load(Ordering::SeqCst)
        );
        for (&reason, &told) in &*self.told.lock().unwrap() {
            assert!(told <= snapshot.rejected_by.get(reason), "{reason:?}");
        }
        let served = self.served.load(Ordering::SeqCst);
        assert!(served > REQUESTS / 10, "only {served} were served");
        assert!(self.most.load(Ordering::SeqCst) > 8, "hardly used");
        assert!(self.limits.now() > 100, "the limit hardly moved");
    }

    async fn operate(self: Arc<Self>, queues: fn(&mut Random) -> Queue) {
        let mut random = Random(7);
        while !self.over.load(Ordering::SeqCst) && !self.limits.is_full() {
            let limit = [1, 2, 3, 4, 8, 16][random.below(6)];
            self.limits.set(&self.limiter, limit);
            if random.one_in(16) {
                // Some of them panic soon.
                self.limiter.set_algorithm(Erratic::new(random.next()));
            }
            if random.one_in(8) {
                self.limiter.set_queue(queues(&mut random)).unwrap();
            }
            if random.one_in(8) {
                self.limiter.set_shares(shares(&mut random)).unwrap();
            }
            for _ in 0..random.below(16) {
                yield_now().await;
            }
        }
    }
}

async fn join_all(tasks: Vec<JoinHandle<()>>) {
    for task in tasks {
        let ended = timeout(STARVED, task).await;
        ended.expect("nobody hangs").expect("nobody panics");
    }
}

fn shares(random: &mut Random) -> Shares {
    match random.below(3) {
        0 => Shares::new(),
        1 => Shares::new().guarantee("live", 0.5),
        _ => Shares::new().guarantee("live", 0.6).guarantee("batch", 0.3),
    }
}

/// None, or a short one.
fn impatient(random: &mut Random) -> Queue {
    Queue::bounded([0, 1, 8, 32][random.below(4)])
        .max_wait(Duration::from_micros(500 + random.below(3_000) as u64))
        .target(Duration::from_micros(100))
        .interval(2 * MS)
}

/// One with room for all, for ever: whoever is forgotten in it hangs.
fn patient(_: &mut Random) -> Queue {
    Queue::bounded(TASKS as usize)
        .max_wait(Duration::from_secs(3600))
        .target(Duration::from_secs(3599))
        .interval(Duration::from_secs(3600))
}

/// One that is inside.
struct Inside(Arc<World>);

impl Drop for Inside {
    fn drop(&mut self) {
        self.0.inside.fetch_sub(1, Ordering::SeqCst);
    }
}

/// What a request says of itself, and what is to become of it.
struct Request {
    /// At which of the limits it came; `None` if it is only observed.
    asked: Option<usize>,
    fate: usize,
    priority: Priority,
    partition: &'static str,
    deadline: Option<Instant>,
}

impl Request {
    fn random(random: &mut Random, asked: Option<usize>) -> Self {
        let soon = Duration::from_micros(random.below(2_000) as u64);
        Self {
            asked,
            fate: random.below(1_000),
            priority: Priority::ALL[random.below(5)],
            partition: ["live", "batch", "other"][random.below(3)],
            deadline: random.one_in(8).then(|| Instant::now() + soon),
        }
    }
}

/// Stays inside for as long as it takes, fails, panics or hangs.
#[derive(Clone)]
struct Flaky(Arc<World>);

impl Service<Request> for Flaky {
    type Response = ();
    type Error = ();
    type Future = Pin<Box<dyn Future<Output = Result<(), ()>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, Request { asked, fate, .. }: Request) -> Self::Future {
        let inside = asked.map(|asked| self.0.enter(asked));
        self.0.called.fetch_add(1, Ordering::Relaxed);
        assert!(fate != 0, "{EXPECTED}");
        Box::pin(stay(inside, fate))
    }
}

async fn stay<T>(inside: T, fate: usize) -> Result<(), ()> {
    let _inside = inside;
    for _ in 0..fate % 3 {
        yield_now().await;
    }
    match fate % 50 {
        1 => panic!("{EXPECTED}"),
        2 => Err(()),
        _ => Ok(()),
    }
}

trait Admission:
    Service<Request, Response = (), Error = AdmissionError<()>, Future: Send> + Clone + Send + 'static
{
}

impl<S> Admission for S where
    S: Service<Request, Response = (), Error = AdmissionError<()>, Future: Send>
        + Clone
        + Send
        + 'static
{
}

async fn send(mut service: impl Admission, world: Arc<World>, seed: u64, observed: bool) {
    let mut random = Random(seed);
    for _ in 0..REQUESTS / TASKS {
        let asked = (!observed).then(|| world.limits.now());
        let request = Request::random(&mut random, asked);
        if random.one_in(20) {
            service = service.clone();
        }
        let _ = service.ready().await;
        world.arrivals.fetch_add(1, Ordering::Relaxed);
        let called = std::panic::catch_unwind(AssertUnwindSafe(|| service.call(request)));
        let Ok(response) = called else {
            continue;
        };
        match see(Box::pin(response), &mut random).await {
            Some(Err(AdmissionError::Rejected(rejected))) => {
                assert!(!observed, "{rejected}");
                world.tell(rejected.reason());
                for _ in 0..random.below(16) {
                    yield_now().await;
                }
            }
            Some(_) => {
                world.served.fetch_add(1, Ordering::Relaxed);
            }
            None => {}
        }
        if random.one_in(4) {
            yield_now().await;
        }
    }
}

/// Waits for a response, or goes away before. `None` if there was none, or a panic.
async fn see<T>(
    mut response: Pin<Box<impl Future<Output = T> + ?Sized>>,
    random: &mut Random,
) -> Option<T> {
    let polls = match random.below(20) {
        0 => return None,
        1..3 => 1 + random.below(3),
        _ => {
            let ended = AssertUnwindSafe(response).catch_unwind().await;
            return ended.ok();
        }
    };
    for _ in 0..polls {
        let polled =
            std::panic::catch_unwind(AssertUnwindSafe(|| poll(&mut response, Waker::noop())));
        match polled {
            Ok(Poll::Ready(answer)) => return Some(answer),
            Ok(Poll::Pending) => yield_now().await,
            Err(_) => return None,
        }
    }
    None
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_admission_keeps_its_limit_its_permits_and_its_counts() {
    let world = World::new();
    let service = world.admission(|layer| layer);

    let tasks = (1..=TASKS)
        .map(|seed| tokio::spawn(send(service.clone(), world.clone(), seed, false)))
        .collect();

    world.run(tasks, impatient).await;

    let told = world.told.lock().unwrap();
    for reason in Reason::ALL {
        // It was not closed: see `stress_operations.rs`.
        let expected = *reason != Reason::Closed;
        assert_eq!(told.contains_key(reason), expected, "{reason:?}");
    }
    assert!(world.limiter.snapshot().abandoned > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nobody_is_forgotten_in_a_queue_with_room_for_all() {
    let world = World::new();
    let service = world.admission(|layer| layer);
    // Before the first request, which would be turned away without a queue.
    world.limiter.set_queue(patient(&mut Random(3))).unwrap();

    let tasks = (1..=TASKS)
        .map(|seed| tokio::spawn(send(service.clone(), world.clone(), seed, false)))
        .collect();

    world.run(tasks, patient).await;

    let rejected = world.limiter.snapshot().rejected_by;
    let in_time = rejected.get(Reason::DeadlineTooClose) + rejected.get(Reason::WaitedTooLong);
    assert_eq!(rejected.total(), in_time, "for nothing but their deadlines");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn observers_on_the_same_limiter_take_no_place_of_others() {
    let world = World::new();
    let service = world.admission(|layer| layer);
    let observer = world.admission(AdmissionLayer::observe_only);

    let tasks = (1..=TASKS)
        .map(|seed| match seed % 4 {
            0 => tokio::spawn(send(observer.clone(), world.clone(), seed, true)),
            _ => tokio::spawn(send(service.clone(), world.clone(), seed, false)),
        })
        .collect();

    world.run(tasks, impatient).await;

    assert!(world.limiter.snapshot().spared > 0);
}

// Many keys, of which few have a limiter at a time.

const KEYS: u64 = 16;
const PLACES: usize = 4;
const LIMIT_OF_A_KEY: usize = 2;

/// A constant limit that is counted as long as there is a limiter with it.
struct Counted(Arc<AtomicUsize>);

impl Algorithm for Counted {
    fn max_concurrency(&self) -> usize {
        LIMIT_OF_A_KEY
    }

    fn update(&mut self, _: &Sample) {}
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Who is inside, by key and in all.
#[derive(Default)]
struct Crowd {
    of_key: [AtomicUsize; KEYS as usize],
    all: AtomicUsize,
}

struct Member(Arc<Crowd>, u64);

impl Crowd {
    fn enter(self: &Arc<Self>, key: u64) -> Member {
        let of_key = self.of_key[key as usize].fetch_add(1, Ordering::SeqCst) + 1;
        let all = self.all.fetch_add(1, Ordering::SeqCst) + 1;
        // Its own limiter and the overflow limiter.
        assert!(of_key <= 2 * LIMIT_OF_A_KEY, "{of_key} of one key");
        assert!(all <= (PLACES + 1) * LIMIT_OF_A_KEY, "{all} of all keys");
        Member(self.clone(), key)
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.0.of_key[self.1 as usize].fetch_sub(1, Ordering::SeqCst);
        self.0.all.fetch_sub(1, Ordering::SeqCst);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn keys_that_come_and_go_keep_their_limits_and_leave_nothing_behind() {
    silence_expected_panics();
    let alive = Arc::new(AtomicUsize::new(0));
    let limiters = Limiters::builder({
        let alive = alive.clone();
        move |_: &u64| {
            alive.fetch_add(1, Ordering::SeqCst);
            Limiter::new(Counted(alive.clone()))
        }
    })
    .capacity(PLACES)
    .idle_after(Duration::from_micros(100))
    .build();
    let crowd = Arc::new(Crowd::default());
    let service = AdmissionLayer::with_limiters(limiters.clone())
        .queue(Queue::bounded(4).max_wait(2 * MS))
        .priority(|(_, request): &(u64, Request)| request.priority)
        .shares(Shares::new().guarantee("live", 0.5))
        .partition(|(_, request): &(u64, Request)| request.partition)
        .key(|(key, _): &(u64, Request)| *key)
        .layer(tower::service_fn(move |(key, request): (u64, Request)| {
            let member = crowd.enter(key);
            assert!(request.fate != 0, "{EXPECTED}");
            stay(member, request.fate)
        }));

    let tasks = (1..=TASKS).map(|seed| {
        let mut service = service.clone();
        tokio::spawn(async move {
            let mut random = Random(seed);
            for _ in 0..REQUESTS / TASKS {
                let request = Request::random(&mut random, None);
                let key = random.below(KEYS) as u64;
                let called =
                    std::panic::catch_unwind(AssertUnwindSafe(|| service.call((key, request))));
                if let Ok(response) = called {
                    see(Box::pin(response), &mut random).await;
                }
                if random.one_in(4) {
                    yield_now().await;
                }
            }
        })
    });
    join_all(tasks.collect()).await;

    assert!(limiters.len() <= PLACES);
    assert!(limiters.forgotten() > 100, "{}", limiters.forgotten());
    assert!(limiters.overflowed() > 100, "{}", limiters.overflowed());
    for (key, snapshot) in limiters.snapshots() {
        let left = (snapshot.in_flight, snapshot.waiting);
        assert_eq!(left, (0, 0), "of {key}");
    }
    let overflow = limiters.overflow().unwrap();
    assert_eq!((overflow.in_flight(), overflow.waiting()), (0, 0));
    assert_eq!(alive.load(Ordering::SeqCst), limiters.len() + 1);
    drop((overflow, limiters, service));
    // A timer keeps its limiter until it has looked once more.
    for _ in 0..1_000 {
        if alive.load(Ordering::SeqCst) == 0 {
            break;
        }
        tokio::time::sleep(5 * MS).await;
    }
    assert_eq!(alive.load(Ordering::SeqCst), 0, "one was kept by somebody");
}
