//! What an algorithm takes to learn from a sample, in time.
//!
//! Measured: `update` and `max_concurrency`, through a `dyn Algorithm` as in a limiter, with the samples of
//! 30 seconds of overload (`overload.rs`): 1600 a second, RTTs lognormal around 25 ms. All rows hear
//! the same. Not measured: the making of a sample, the limiter's exclusion, or whether the limit is
//! any good.
//!
//! `Fixed` learns nothing: its row is what the replay takes by itself. `Vegas` is the row to compare
//! with, in the same run. `instructions` counts the same.
//!
//! Run: `cargo bench -p tower-adaptive-benches --bench algorithms`

use criterion::{Criterion, criterion_group, criterion_main};
use tokio::time::Instant;
use tower_adaptive::{Aimd, Algorithm, Fathom, Fixed, Gradient2, Sample, Windowed};
use tower_adaptive_benches::overload::{overload, replay};
use tower_adaptive_benches::{LIMIT, vegas};

criterion_group!(benches, updates);
criterion_main!(benches);

fn updates(c: &mut Criterion) {
    let samples = overload();
    row(c, "Fixed", &samples, || Fixed::new(LIMIT));
    row(c, "Vegas", &samples, vegas);
    row(c, "Fathom", &samples, Fathom::default);
    row(c, "Aimd", &samples, Aimd::default);
    row(c, "Gradient2", &samples, Gradient2::default);
    row(c, "Windowed<Vegas>", &samples, || Windowed::new(vegas()));
}

fn row<A: Algorithm>(c: &mut Criterion, name: &str, samples: &[Sample], make: impl Fn() -> A) {
    c.benchmark_group("update").bench_function(name, |b| {
        b.iter_custom(|n| {
            let started = Instant::now();
            replay(samples, &make, n);
            started.elapsed()
        });
    });
}
