//! What the tests share: a service that answers when told to, wakers that count, algorithms that
//! do as they are told.
//!
//! Every test crate uses a part of it.
#![allow(dead_code)]

use std::collections::VecDeque;
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use tokio::sync::oneshot;
use tower::Service;
use tower_adaptive::{Algorithm, Bounds, ConcurrencyLimit, Limiter, Outcome, Report, Sample};

pub(crate) const MS: Duration = Duration::from_millis(1);

/// A service whose answers the test gives. Clones are handles on the same service.
#[derive(Clone, Debug, Default)]
pub(crate) struct Remote {
    state: Arc<Mutex<RemoteState>>,
}

#[derive(Debug, Default)]
struct RemoteState {
    readiness: Readiness,
    wakers: Vec<Waker>,
    open: VecDeque<oneshot::Sender<Result<u32, Fault>>>,
    calls: Vec<u32>,
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Readiness {
    #[default]
    Ready,
    Pending,
    Broken,
}

/// The error of [`Remote`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fault;

#[derive(Debug)]
pub(crate) struct Reply(oneshot::Receiver<Result<u32, Fault>>);

impl Remote {
    pub(crate) fn set(&self, readiness: Readiness) {
        let wakers = {
            let mut state = self.state.lock().unwrap();
            state.readiness = readiness;
            std::mem::take(&mut state.wakers)
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Answers the oldest call that is open.
    pub(crate) fn answer(&self, result: Result<u32, Fault>) {
        let open = self.state.lock().unwrap().open.pop_front();
        // The caller may have dropped its future.
        let _ = open.expect("an open call").send(result);
    }

    pub(crate) fn calls(&self) -> Vec<u32> {
        self.state.lock().unwrap().calls.clone()
    }
}

impl Service<u32> for Remote {
    type Response = u32;
    type Error = Fault;
    type Future = Reply;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        let mut state = self.state.lock().unwrap();
        match state.readiness {
            Readiness::Ready => Poll::Ready(Ok(())),
            Readiness::Broken => Poll::Ready(Err(Fault)),
            Readiness::Pending => {
                state.wakers.push(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    fn call(&mut self, request: u32) -> Reply {
        let (sender, receiver) = oneshot::channel();
        let mut state = self.state.lock().unwrap();
        state.open.push_back(sender);
        state.calls.push(request);
        Reply(receiver)
    }
}

impl Future for Reply {
    type Output = Result<u32, Fault>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0)
            .poll(cx)
            .map(|answer| answer.expect("the service is still there"))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the service failed")
    }
}

impl Error for Fault {}

/// A waker that counts.
#[derive(Debug, Default)]
pub(crate) struct Alarm {
    wakes: AtomicUsize,
}

impl Alarm {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    pub(crate) fn waker(self: &Arc<Self>) -> Waker {
        self.clone().into()
    }

    pub(crate) fn wakes(&self) -> usize {
        self.wakes.load(Ordering::SeqCst)
    }
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.wakes.fetch_add(1, Ordering::SeqCst);
    }
}

/// A waker that panics.
#[derive(Debug)]
pub(crate) struct Bomb;

impl Wake for Bomb {
    fn wake(self: Arc<Self>) {
        panic!("a waker that panics: part of the test");
    }
}

/// Something polled by hand, with a waker that counts.
#[derive(Debug)]
pub(crate) struct Polled<T> {
    pub(crate) inner: T,
    pub(crate) alarm: Arc<Alarm>,
}

impl<T> Polled<T> {
    pub(crate) fn new(inner: T) -> Self {
        Self {
            inner,
            alarm: Alarm::new(),
        }
    }

    pub(crate) fn wakes(&self) -> usize {
        self.alarm.wakes()
    }
}

impl<F: Future + Unpin> Polled<F> {
    pub(crate) fn poll(&mut self) -> Poll<F::Output> {
        poll(&mut self.inner, &self.alarm.waker())
    }
}

impl<S: Service<u32>> Polled<S> {
    pub(crate) fn poll_ready(&mut self) -> Poll<Result<(), S::Error>> {
        let waker = self.alarm.waker();
        self.inner.poll_ready(&mut Context::from_waker(&waker))
    }

    /// Whether `poll_ready` is `Ready(Ok)`.
    pub(crate) fn is_ready(&mut self) -> bool {
        matches!(self.poll_ready(), Poll::Ready(Ok(())))
    }

    pub(crate) fn call(&mut self, request: u32) -> S::Future {
        self.inner.call(request)
    }
}

impl<S: Clone> Polled<S> {
    /// Another clone, with a waker of its own.
    pub(crate) fn fork(&self) -> Self {
        Self::new(self.inner.clone())
    }
}

pub(crate) fn poll<F: Future + Unpin>(future: &mut F, waker: &Waker) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(waker))
}

/// Runs a future on this thread, without a runtime.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(std::thread::Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    let mut future = std::pin::pin!(future);
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut cx = Context::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut cx) {
            Poll::Ready(output) => return output,
            Poll::Pending => std::thread::park(),
        }
    }
}

/// Keeps the limit it was given, takes over every other from outside, and remembers its samples.
#[derive(Debug)]
pub(crate) struct Steady {
    limit: usize,
    samples: Samples,
}

/// The samples an algorithm has seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Samples(Arc<Mutex<Vec<Sample>>>);

impl Steady {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
            samples: Samples::default(),
        }
    }

    pub(crate) fn samples(&self) -> Samples {
        self.samples.clone()
    }
}

impl Samples {
    pub(crate) fn all(&self) -> Vec<Sample> {
        self.0.lock().unwrap().clone()
    }

    pub(crate) fn only(&self) -> Sample {
        let all = self.all();
        assert_eq!(all.len(), 1, "{all:?}");
        all[0].clone()
    }

    pub(crate) fn outcomes(&self) -> Vec<Outcome> {
        self.all().iter().map(|sample| sample.outcome).collect()
    }
}

impl Algorithm for Steady {
    fn max_concurrency(&self) -> usize {
        self.limit
    }

    fn update(&mut self, sample: &Sample) {
        self.samples.0.lock().unwrap().push(sample.clone());
    }

    fn rebase(&mut self, limit: usize, _: Bounds) {
        self.limit = limit;
    }
}

/// Goes to the next limit with every sample, and stays at the last.
#[derive(Debug)]
pub(crate) struct Scripted {
    limits: VecDeque<usize>,
}

impl Scripted {
    pub(crate) fn new(limits: impl IntoIterator<Item = usize>) -> Self {
        Self {
            limits: limits.into_iter().collect(),
        }
    }
}

impl Algorithm for Scripted {
    fn max_concurrency(&self) -> usize {
        self.limits[0]
    }

    fn update(&mut self, _: &Sample) {
        if self.limits.len() > 1 {
            self.limits.pop_front();
        }
    }
}

/// Works until it has seen `calm` samples, then panics in one of its methods.
#[derive(Debug)]
pub(crate) struct Panicking {
    pub(crate) limit: usize,
    pub(crate) method: Method,
    pub(crate) calm: usize,
    /// How often that method panicked.
    pub(crate) panics: Arc<AtomicUsize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    Update,
    MaxConcurrency,
    Rebase,
    Report,
}

impl Panicking {
    pub(crate) fn new(limit: usize, method: Method) -> Self {
        Self {
            limit,
            method,
            calm: 0,
            panics: Arc::default(),
        }
    }

    fn enter(&self, method: Method) {
        if method == self.method && self.calm == 0 {
            self.panics.fetch_add(1, Ordering::SeqCst);
            panic!("an algorithm that panics: part of the test");
        }
    }
}

impl Algorithm for Panicking {
    fn max_concurrency(&self) -> usize {
        self.enter(Method::MaxConcurrency);
        self.limit
    }

    fn update(&mut self, _: &Sample) {
        self.enter(Method::Update);
        self.calm = self.calm.saturating_sub(1);
    }

    fn rebase(&mut self, limit: usize, _: Bounds) {
        self.enter(Method::Rebase);
        self.limit = limit;
    }

    fn report(&self) -> Report {
        self.enter(Method::Report);
        Report::new().algorithm("panicking")
    }
}

/// A remote service behind a steady limit.
pub(crate) fn limited(limit: usize) -> (Polled<ConcurrencyLimit<Remote>>, Remote, Samples) {
    let remote = Remote::default();
    let steady = Steady::new(limit);
    let samples = steady.samples();
    let service = ConcurrencyLimit::new(remote.clone(), Limiter::new(steady));
    (Polled::new(service), remote, samples)
}

/// Sets the limit of a [`Steady`] limiter.
pub(crate) fn set_limit(limiter: &Limiter, limit: usize) {
    limiter.set_bounds(limit..=limit).unwrap();
}
