//! What a limit costs per request, in time.
//!
//! Measured: `poll_ready`, `call` and the response of a service that is ready and answers at once,
//! so that nothing but the middleware is on the clock; the same on two threads that share one
//! limit; and 64 tasks that share 8 permits, where most requests wait. Not measured: a runtime, a
//! socket, or whether a limit is any good.
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
use tower::{Layer, Service, ServiceExt};
use tower_adaptive::{AdmissionLayer, ConcurrencyLimitLayer, Fixed, Vegas};
use tower_adaptive_benches::{
    Echo, LIMIT, on_two_threads, request, tower_acc, tower_static, vegas,
};

criterion_group!(benches, one_thread, two_threads, many_tasks);
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
    group.finish();
}

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
                        let response = service.ready().await.expect("ready").call(1).await;
                        black_box(response.expect("a response"));
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
