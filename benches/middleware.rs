//! What a limit costs per request, in time.
//!
//! Measured: `poll_ready`, `call` and the response of a service that is ready and answers at once,
//! so that nothing but the middleware is on the clock; the same on two threads that share one
//! limit; and 64 tasks that share 8 permits, where most requests wait. Not measured: a runtime, a
//! socket, or whether a limit is any good.
//!
//! Of an admission: what each thing costs that it can do, with room for all; what a rejection costs;
//! and the 64 tasks, in its queue, or rejected until they get in. There the time is that of a request
//! served, with all that were rejected before it, about seven for each, and the turns of their tasks.
//!
//! The bare service and tower's static `ConcurrencyLimit` are rows of every group: compare within
//! a group of one run, since machines are noisy. The two readings of the clock that every measured
//! request needs have a row of their own. tower-acc stands with AIMD where the limit must stay at 8:
//! its Vegas has no smallest limit.
//!
//! Run: `cargo bench -p tower-adaptive-benches --bench middleware`

use std::convert::Infallible;
use std::hint::black_box;
use std::task::{Context, Poll};
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use tokio::time::Instant;
use tower::load_shed::LoadShedLayer;
use tower::{Layer, Service, ServiceExt};
use tower_adaptive::{
    AdmissionLayer, ConcurrencyLimitLayer, Fixed, Priority, Queue, Shares, Vegas,
};
use tower_adaptive_benches::{
    Echo, LIMIT, admission, on_two_threads, refused, request, tower_acc, tower_static, vegas,
};

criterion_group!(
    benches,
    one_thread,
    admissions,
    rejections,
    two_threads,
    many_tasks,
    many_tasks_rejected
);
criterion_main!(benches);

fn one_thread(c: &mut Criterion) {
    let mut group = c.benchmark_group("one thread");
    group.bench_function("bare service", |b| {
        let mut service = Echo;
        b.iter(|| request(&mut service));
    });
    group.bench_function("two clock readings", |b| {
        b.iter(|| (Instant::now(), Instant::now()));
    });
    group.bench_function("tower ConcurrencyLimit", |b| {
        let mut service = tower_static().layer(Echo);
        b.iter(|| request(&mut service));
    });
    group.bench_function("tower-acc, Vegas", |b| {
        let mut service = tower_acc().layer(Echo);
        b.iter(|| request(&mut service));
    });
    group.bench_function("ConcurrencyLimit, Fixed", |b| {
        let mut service = ConcurrencyLimitLayer::new(Fixed::new(LIMIT)).layer(Echo);
        b.iter(|| request(&mut service));
    });
    group.bench_function("ConcurrencyLimit, Vegas", |b| {
        let mut service = ConcurrencyLimitLayer::new(vegas()).layer(Echo);
        b.iter(|| request(&mut service));
    });
    group.bench_function("Admission, Vegas", |b| {
        let mut service = AdmissionLayer::new(vegas()).layer(Echo);
        b.iter(|| request(&mut service));
    });
    group.finish();
}

fn admissions(c: &mut Criterion) {
    fn row(group: &mut Group<'_>, name: &str, mut service: impl admission::Bench) {
        group.bench_function(name, |b| b.iter(|| request(&mut service)));
    }
    let mut group = c.benchmark_group("admission, one thread");
    row(&mut group, "bare service", Echo);
    row(
        &mut group,
        "tower ConcurrencyLimit",
        tower_static().layer(Echo),
    );
    row(&mut group, "no queue", admission::plain());
    row(&mut group, "idle queue", admission::idle_queue());
    row(&mut group, "priorities", admission::priorities());
    row(&mut group, "deadlines", admission::deadlines());
    row(&mut group, "shares", admission::shares());
    row(
        &mut group,
        "shares, idle queue",
        admission::shares_and_idle_queue(),
    );
    row(&mut group, "1 of 100 keys", admission::keyed());
    row(&mut group, "everything", admission::everything());
    group.finish();
}

fn rejections(c: &mut Criterion) {
    let mut group = c.benchmark_group("rejected, one thread");
    group.bench_function("bare service, served", |b| {
        let mut service = Echo;
        b.iter(|| request(&mut service));
    });
    group.bench_function("tower LoadShed", |b| {
        let (mut service, _full) = admission::full_tower();
        b.iter(|| refused(&mut service));
    });
    group.bench_function("no queue", |b| {
        let (mut service, _full) = admission::busy(0);
        b.iter(|| refused(&mut service));
    });
    group.bench_function("full queue", |b| {
        let (mut service, _full) = admission::full_queue();
        b.iter(|| refused(&mut service));
    });
    group.finish();
}

fn two_threads(c: &mut Criterion) {
    let mut group = c.benchmark_group("two threads, one limit");
    group.bench_function("bare service", |b| {
        b.iter_custom(|iterations| on_two_threads(|| Echo, request, iterations));
    });
    group.bench_function("tower ConcurrencyLimit", |b| {
        let service = tower_static().layer(Echo);
        b.iter_custom(|iterations| on_two_threads(|| service.clone(), request, iterations));
    });
    group.bench_function("tower-acc, Vegas", |b| {
        let service = tower_acc().layer(Echo);
        b.iter_custom(|iterations| on_two_threads(|| service.clone(), request, iterations));
    });
    group.bench_function("ConcurrencyLimit, Vegas", |b| {
        let service = ConcurrencyLimitLayer::new(vegas()).layer(Echo);
        b.iter_custom(|iterations| on_two_threads(|| service.clone(), request, iterations));
    });
    group.bench_function("Admission, idle queue", |b| {
        let service = admission::idle_queue();
        b.iter_custom(|iterations| on_two_threads(|| service.clone(), request, iterations));
    });
    group.bench_function("Admission, shares, idle queue", |b| {
        let service = admission::shares_and_idle_queue();
        b.iter_custom(|iterations| on_two_threads(|| service.clone(), request, iterations));
    });
    group.finish();
}

fn many_tasks(c: &mut Criterion) {
    let mut group = c.benchmark_group("64 tasks, limit 8");
    group.bench_function("bare service", |b| {
        b.iter_custom(|iterations| with_64_tasks(&Yield, iterations));
    });
    group.bench_function("tower ConcurrencyLimit", |b| {
        let service = tower::limit::ConcurrencyLimitLayer::new(8).layer(Yield);
        b.iter_custom(|iterations| with_64_tasks(&service, iterations));
    });
    group.bench_function("tower-acc, Aimd", |b| {
        let aimd = tower_acc::Aimd::builder().initial_limit(8);
        let aimd = aimd.min_limit(8).max_limit(8).build();
        let service = tower_acc::ConcurrencyLimitLayer::new(aimd).layer(Yield);
        b.iter_custom(|iterations| with_64_tasks(&service, iterations));
    });
    group.bench_function("ConcurrencyLimit, Fixed", |b| {
        let service = ConcurrencyLimitLayer::new(Fixed::new(8)).layer(Yield);
        b.iter_custom(|iterations| with_64_tasks(&service, iterations));
    });
    group.bench_function("ConcurrencyLimit, Vegas", |b| {
        let vegas = Vegas::builder().initial_limit(8).max_limit(8).min_limit(8);
        let service = ConcurrencyLimitLayer::new(vegas.build()).layer(Yield);
        b.iter_custom(|iterations| with_64_tasks(&service, iterations));
    });
    group.bench_function("Admission, Fixed, queue", |b| {
        let service = AdmissionLayer::new(Fixed::new(8)).queue(admission::patient(64));
        let service = service.layer(Yield);
        b.iter_custom(|iterations| with_64_tasks(&service, iterations));
    });
    group.bench_function("Admission, Fixed, queue, priorities", |b| {
        let layer = AdmissionLayer::new(Fixed::new(8)).queue(admission::patient(64));
        let service = layer.priority(|_: &u64| Priority::High).layer(Yield);
        b.iter_custom(|iterations| with_64_tasks(&service, iterations));
    });
    group.bench_function("Admission, Fixed, queue, shares", |b| {
        let shares = Shares::new().guarantee("live", 0.5).guarantee("batch", 0.5);
        let layer = AdmissionLayer::new(Fixed::new(8)).queue(admission::patient(64));
        let service = layer
            .shares(shares)
            .partition(|_: &u64| "live")
            .layer(Yield);
        b.iter_custom(|iterations| with_64_tasks(&service, iterations));
    });
    group.finish();
}

fn many_tasks_rejected(c: &mut Criterion) {
    let mut group = c.benchmark_group("64 tasks, limit 8, come again when rejected");
    group.bench_function("bare service", |b| {
        b.iter_custom(|iterations| with_64_tasks(&Yield, iterations));
    });
    group.bench_function("tower LoadShed, ConcurrencyLimit", |b| {
        let limit = tower::limit::ConcurrencyLimitLayer::new(8).layer(Yield);
        let service = LoadShedLayer::new().layer(limit);
        b.iter_custom(|iterations| with_64_tasks(&service, iterations));
    });
    group.bench_function("Admission, Fixed, no queue", |b| {
        let service = AdmissionLayer::new(Fixed::new(8)).layer(Yield);
        b.iter_custom(|iterations| with_64_tasks(&service, iterations));
    });
    group.bench_function("Admission, Fixed, queue of 8", |b| {
        let layer = AdmissionLayer::new(Fixed::new(8));
        let service = layer.queue(Queue::bounded(8)).layer(Yield);
        b.iter_custom(|iterations| with_64_tasks(&service, iterations));
    });
    group.finish();
}

type Group<'a> = criterion::BenchmarkGroup<'a, criterion::measurement::WallTime>;

/// Ready, and answers when every other task has had its turn.
#[derive(Clone)]
struct Yield;

impl Service<u64> for Yield {
    type Response = u64;
    type Error = Infallible;
    type Future = futures_util::future::BoxFuture<'static, Result<u64, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: u64) -> Self::Future {
        Box::pin(async move {
            tokio::task::yield_now().await;
            Ok(request)
        })
    }
}

fn with_64_tasks<S>(service: &S, iterations: u64) -> Duration
where
    S: Service<u64, Response = u64, Future: Send> + Clone + Send + 'static,
    S::Error: std::fmt::Debug,
{
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let started = Instant::now();
        let tasks: Vec<_> = (0..64)
            .map(|task| {
                let mut service = service.clone();
                let share = iterations / 64 + u64::from(task < iterations % 64);
                tokio::spawn(async move {
                    for _ in 0..share {
                        // Who is rejected comes again; mostly there are none.
                        while black_box(service.ready().await.expect("ready").call(1).await)
                            .is_err()
                        {
                            tokio::task::yield_now().await;
                        }
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.expect("a task");
        }
        started.elapsed()
    })
}
