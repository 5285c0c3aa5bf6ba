//! What it costs a request that its limiter is exported.
//!
//! Measured: the same request as in the `middleware` bench, on one thread and on two that share one
//! limit, once with a limiter that has no name, and so is not exported, and once with one that has.
//! A recorder of the Prometheus exporter is installed, and the thread that looks at limiters and
//! publishes runs during all rows. The two take turns of a second, fifteen each, since what else
//! a machine does comes and goes; printed are the median turn and the fastest of each, and the
//! differences of these. As long as a turn is the time between two publications.
//!
//! The exporter gets every RTT of the last second, one by one, and drains them once a second. Both
//! are done on threads of their own; but where there is a core less than threads, they take time from
//! requests, and the more the more requests there are.
//!
//! Run: `cargo bench -p tower-adaptive-benches --features metrics --bench metrics`

use std::thread;
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusBuilder;
use tokio::time::Instant;
use tower::{Layer, Service};
use tower_adaptive::{AdmissionLayer, ConcurrencyLimitLayer, Limiter};
use tower_adaptive_benches::{Echo, on_two_threads, request, vegas};

fn main() {
    export();
    // So that the observer is at work also while there is nothing else to be exported.
    let _observed = named();
    println!(
        "{:<34}{:>18}{:>18}{:>18}",
        "ns for each request, median/least", "unnamed", "exported", "difference"
    );
    let concurrency_limit = |limiter| ConcurrencyLimitLayer::with_limiter(limiter).layer(Echo);
    let admission = |limiter| AdmissionLayer::with_limiter(limiter).layer(Echo);
    compare("one thread, ConcurrencyLimit", |of, n| {
        one_thread(concurrency_limit(of), n)
    });
    compare("one thread, Admission", |of, n| {
        one_thread(admission(of), n)
    });
    compare("two threads, ConcurrencyLimit", |of, n| {
        two_threads(&concurrency_limit(of), n)
    });
    compare("two threads, Admission", |of, n| {
        two_threads(&admission(of), n)
    });
}

/// Installs a recorder, and does its upkeep as an exporter would, more often.
fn export() {
    let recorder = PrometheusBuilder::new()
        .install_recorder()
        .expect("the first");
    thread::spawn(move || {
        loop {
            thread::park_timeout(Duration::from_secs(1));
            recorder.run_upkeep();
        }
    });
}

fn unnamed() -> Limiter {
    Limiter::new(vegas())
}

fn named() -> Limiter {
    Limiter::builder(vegas()).name("exported").build()
}

/// Measures `run`, which makes so many requests, with either limiter in turns, and prints a row.
fn compare(row: &str, run: impl Fn(Limiter, u64) -> Duration) {
    let each_ns = |limiter, n| run(limiter, n).as_nanos() as f64 / n as f64;
    let n = (TURN.as_nanos() as f64 / each_ns(unnamed(), WARM_UP)) as u64;
    let mut turns: [Vec<f64>; 2] = Default::default();
    for _ in 0..TURNS {
        turns[0].push(each_ns(unnamed(), n));
        turns[1].push(each_ns(named(), n));
    }
    let [unnamed, exported] = turns.map(|mut turns| {
        turns.sort_by(f64::total_cmp);
        (turns[TURNS / 2], turns[0])
    });
    let difference = (exported.0 - unnamed.0, exported.1 - unnamed.1);
    print!("{row:<34}");
    for (median, least) in [unnamed, exported, difference] {
        print!("{:>18}", format!("{median:.1} / {least:.1}"));
    }
    println!();
}

fn one_thread<S: Service<u64, Response = u64>>(mut service: S, n: u64) -> Duration {
    let started = Instant::now();
    for _ in 0..n {
        std::hint::black_box(request(&mut service));
    }
    started.elapsed()
}

fn two_threads<S>(service: &S, n: u64) -> Duration
where
    S: Service<u64, Response = u64> + Clone + Sync,
{
    on_two_threads(|| service.clone(), request, n)
}

const WARM_UP: u64 = 1_000_000;
const TURN: Duration = Duration::from_secs(1);
const TURNS: usize = 15;
