//! What a limit costs per request, in instructions: repeatable on a noisy machine.
//!
//! Measured: the same request as in the one-thread group of the `middleware` bench, counted by
//! `valgrind --tool=callgrind`. Each row runs twice, with different numbers of requests, and the
//! difference is divided, so that start-up does not count. Not measured: cache misses,
//! contention, and what the clock costs in the kernel's vDSO, which valgrind replaces by a system
//! call. Allocations per request and the sizes of services and
//! futures are printed, too, and what a request takes that waits in the queue of an admission,
//! beside its future: its place, its timer, and the rest of the vector of places.
//!
//! The rows of an admission have room: a queue is one that nobody waits in. Those at the end have
//! none: a request that is rejected, and one that waits until the only permit comes back, which
//! counts the taking and the giving back of that permit as well. An update is that of one sample of an
//! overload, as in the `algorithms` bench.
//!
//! The last rows have a limiter with a name, and so one that is exported, and looked at, if features
//! `metrics` and `tracing` are on. The thread that does so counts, too.
//!
//! Run: `cargo bench -p tower-adaptive-benches --bench instructions` (needs valgrind), and once more
//! with `--features metrics,tracing`

use std::env;
use std::process::{Command, ExitCode};

use tower::{Layer, Service};
use tower_adaptive::{
    AdmissionLayer, Aimd, Algorithm, ConcurrencyLimitLayer, Fathom, Fixed, Gradient2, Limiter,
    Windowed,
};
use tower_adaptive_benches::overload::{overload, replay};
use tower_adaptive_benches::{
    Echo, LIMIT, admission, make_ready, refused, request, tower_acc, tower_static, vegas,
};

type Row = (&'static str, fn(u64));

const FEW: u64 = 10_000;
const MANY: u64 = 110_000;

/// The rows of the table, and how to run `n` of each.
const ROWS: &[Row] = &[
    ("bare service", |n| requests(Echo, n)),
    ("tower ConcurrencyLimit", |n| {
        requests(tower_static().layer(Echo), n);
    }),
    ("tower-acc, Vegas", |n| requests(tower_acc().layer(Echo), n)),
    ("ConcurrencyLimit, Fixed", |n| {
        requests(ConcurrencyLimitLayer::new(Fixed::new(LIMIT)).layer(Echo), n);
    }),
    ("ConcurrencyLimit, Vegas", |n| {
        requests(ConcurrencyLimitLayer::new(vegas()).layer(Echo), n);
    }),
    ("Admission, Vegas", |n| {
        requests(AdmissionLayer::new(vegas()).layer(Echo), n);
    }),
    ("Admission, idle queue", |n| {
        requests(admission::idle_queue(), n);
    }),
    ("Admission, priorities", |n| {
        requests(admission::priorities(), n);
    }),
    ("Admission, deadlines", |n| {
        requests(admission::deadlines(), n);
    }),
    ("Admission, shares", |n| requests(admission::shares(), n)),
    ("Admission, shares, queue", |n| {
        requests(admission::shares_and_idle_queue(), n);
    }),
    ("Admission, 1 of 100 keys", |n| {
        requests(admission::keyed(), n);
    }),
    ("Admission, everything", |n| {
        requests(admission::everything(), n);
    }),
    ("rejected: LoadShed of tower", |n| {
        let (mut service, _full) = admission::full_tower();
        refusals(&mut service, n);
    }),
    ("rejected: no queue", |n| {
        let (mut service, _full) = admission::busy(0);
        refusals(&mut service, n);
    }),
    ("rejected: full queue", |n| {
        let (mut service, _full) = admission::full_queue();
        refusals(&mut service, n);
    }),
    ("queued, then served", |n| {
        in_a_runtime(|| {
            let (mut service, mut permit) = admission::busy(1);
            for _ in 0..n {
                permit = admission::queued_and_served(&mut service, permit);
            }
        });
    }),
    ("update of Fixed", |n| updates(|| Fixed::new(LIMIT), n)),
    ("update of Vegas", |n| updates(vegas, n)),
    ("update of Fathom", |n| updates(Fathom::default, n)),
    ("update of Aimd", |n| updates(Aimd::default, n)),
    ("update of Gradient2", |n| updates(Gradient2::default, n)),
    ("update of Windowed<Vegas>", |n| {
        updates(|| Windowed::new(vegas()), n);
    }),
    ("ConcurrencyLimit, listed", |n| {
        requests(ConcurrencyLimitLayer::with_limiter(listed()).layer(Echo), n);
    }),
    ("Admission, listed", |n| {
        requests(AdmissionLayer::with_limiter(listed()).layer(Echo), n);
    }),
];

fn main() -> ExitCode {
    let mut args = env::args().skip(1);
    if args.next().as_deref() == Some("--row") {
        let row: usize = args.next().and_then(|row| row.parse().ok()).expect("a row");
        let n: u64 = args.next().and_then(|n| n.parse().ok()).expect("a count");
        ROWS[row].1(n);
        return ExitCode::SUCCESS;
    }
    print_sizes();
    if Command::new("valgrind").arg("--version").output().is_err() {
        println!("valgrind is not installed: instructions are not counted");
        return ExitCode::SUCCESS;
    }
    println!(
        "\n{:<30}{:>14}{:>14}",
        "each", "instructions", "allocations"
    );
    for (row, (name, run)) in ROWS.iter().enumerate() {
        let each = |of: &dyn Fn(u64) -> u64| (of(MANY) - of(FEW)) as f64 / (MANY - FEW) as f64;
        let instructions = each(&|n| count(row, n));
        let allocations = each(&|n| allocations(run, n));
        println!("{name:<30}{instructions:>14.1}{allocations:>14.1}");
    }
    ExitCode::SUCCESS
}

/// Runs this program under callgrind and returns how many instructions it took.
fn count(row: usize, n: u64) -> u64 {
    let program = env::current_exe().expect("a path to this program");
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args(["--row", &row.to_string(), &n.to_string()])
        .output()
        .expect("valgrind runs");
    let report = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "a row failed:\n{report}");
    report
        .lines()
        .find_map(|line| line.split("Collected : ").nth(1))
        .and_then(|count| count.trim().parse().ok())
        .unwrap_or_else(|| panic!("no count in valgrind's report:\n{report}"))
}

fn allocations(run: &fn(u64), n: u64) -> u64 {
    allocation_counter::measure(|| run(n)).count_total
}

fn requests<S: Service<u64, Response = u64>>(mut service: S, n: u64) {
    for _ in 0..n {
        request(&mut service);
    }
}

fn refusals<S: Service<u64, Response = u64>>(service: &mut S, n: u64) {
    for _ in 0..n {
        std::hint::black_box(refused(service));
    }
}

/// Vegas under a name.
fn listed() -> Limiter {
    Limiter::builder(vegas()).name("listed").build()
}

/// Replays an overload. That it is recorded first counts in both runs, and so not at all.
fn updates<A: Algorithm>(make: impl Fn() -> A, n: u64) {
    replay(&overload(), make, n);
}

fn print_sizes() {
    println!("{:<30}{:>14}{:>14}", "bytes", "service", "future");
    print_size("bare service", Echo);
    print_size("tower ConcurrencyLimit", tower_static().layer(Echo));
    print_size("tower-acc, Vegas", tower_acc().layer(Echo));
    print_size(
        "ConcurrencyLimit",
        ConcurrencyLimitLayer::new(vegas()).layer(Echo),
    );
    print_size("Admission", AdmissionLayer::new(vegas()).layer(Echo));
    print_size("Admission, everything", admission::everything());
    println!(
        "\n{:<30}{:>14}{:>14}",
        "bytes, each of 10,000", "held", "at the peak"
    );
    in_a_runtime(print_queued);
}

fn print_queued() {
    const CROWD: usize = 10_000;
    let (mut service, _full) = admission::busy(2 * CROWD);
    let mut print = |name: &str| {
        let mut crowd = Vec::new();
        let info = allocation_counter::measure(|| crowd = admission::queue(&mut service, CROWD));
        let each = |bytes: i64| bytes as f64 / CROWD as f64 - size_of::<admission::Queued>() as f64;
        let (held, peak) = (each(info.bytes_current), each(info.bytes_max as i64));
        println!("{name:<30}{held:>14.1}{peak:>14.1}");
        crowd
    };
    let mut crowd = print("queued, cold");
    // One stays, or the places of so many would be given back.
    crowd.truncate(1);
    drop(print("queued, warm"));
}

/// For timers.
fn in_a_runtime(work: impl FnOnce()) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    runtime.block_on(async { work() });
}

fn print_size<S: Service<u64>>(name: &str, mut service: S) {
    make_ready(&mut service);
    let (service, future) = (size_of_val(&service), size_of_val(&service.call(1)));
    println!("{name:<30}{service:>14}{future:>14}");
}
