//! What it costs to get in and out, without a request: the gate beside tokio's `Semaphore`.
//!
//! Measured: a permit taken and given back, by a handle of its own as in a service: the `Arc` is
//! cloned and dropped on both sides. The gate has no public face of its own, so it is reached through
//! `poll_ready` of a fresh clone, which takes a permit, and its drop, which gives it back. Not
//! measured: the clock readings and the learning that a request brings.
//!
//! Run: `cargo bench -p tower-adaptive-benches --bench gate`

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use tokio::sync::Semaphore;
use tower::Layer;
use tower_adaptive::{ConcurrencyLimitLayer, Fixed};
use tower_adaptive_benches::{Echo, LIMIT, make_ready, on_two_threads};

criterion_group!(benches, in_and_out);
criterion_main!(benches);

fn in_and_out(c: &mut Criterion) {
    let semaphore = Arc::new(Semaphore::new(LIMIT));
    let semaphore = || {
        let permit = semaphore.clone().try_acquire_owned();
        drop(black_box(permit.expect("there is room")));
    };
    let service = ConcurrencyLimitLayer::new(Fixed::new(LIMIT)).layer(Echo);
    let gate = || {
        let mut service = service.clone();
        make_ready(&mut service);
        drop(black_box(service));
    };

    let mut group = c.benchmark_group("in and out");
    group.bench_function("one thread, tokio Semaphore", |b| b.iter(semaphore));
    group.bench_function("one thread, gate", |b| b.iter(gate));
    group.bench_function("two threads, tokio Semaphore", |b| {
        b.iter_custom(|iterations| on_two_threads(|| semaphore, |work| work(), iterations));
    });
    group.bench_function("two threads, gate", |b| {
        b.iter_custom(|iterations| on_two_threads(|| gate, |work| work(), iterations));
    });
    group.finish();
}
