//! Trajectories recorded from Netflix's concurrency-limits, reproduced sample by sample.
//!
//! The first line of each file gives its parameters, the second its columns.

use std::path::Path;
use std::time::Duration;

use tower_adaptive::{Aimd, Algorithm, Gradient2, Outcome, Sample, Vegas, Windowed};

#[test]
fn aimd_default() {
    follows("aimd-default.csv", Aimd::default());
}

#[test]
fn aimd_timeout() {
    let aimd = Aimd::builder()
        .initial_limit(10)
        .min_limit(2)
        .max_limit(500)
        .backoff_ratio(0.5)
        .timeout(Duration::from_millis(30));
    follows("aimd-timeout.csv", aimd.build());
}

#[test]
fn gradient2_default() {
    follows("gradient2-default.csv", Gradient2::default());
}

#[test]
fn gradient2_wide() {
    let gradient2 = Gradient2::builder()
        .initial_limit(100)
        .min_limit(5)
        .max_limit(1000)
        .smoothing(0.3)
        .queue_size(8)
        .rtt_tolerance(2.0)
        .long_window(100);
    follows("gradient2-wide.csv", gradient2.build());
}

#[test]
fn vegas_default() {
    follows("vegas-default.csv", vegas_without_probes());
}

#[test]
fn vegas_smoothed() {
    let vegas = Vegas::builder()
        .initial_limit(50)
        .max_limit(200)
        .smoothing(0.5)
        .probe_multiplier(u32::MAX);
    follows("vegas-smoothed.csv", vegas.build());
}

#[test]
fn windowed_gradient2() {
    follows("windowed-gradient2.csv", Windowed::<Gradient2>::default());
}

#[test]
fn windowed_vegas() {
    follows("windowed-vegas.csv", Windowed::new(vegas_without_probes()));
}

fn vegas_without_probes() -> Vegas {
    Vegas::builder().probe_multiplier(u32::MAX).build()
}

/// Feeds `algorithm` every row of `file` and compares the limit after each.
#[track_caller]
fn follows(file: &str, mut algorithm: impl Algorithm) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{file}: {error}"));
    let mut lines = text.lines().zip(1..);
    let (_parameters, _) = lines.next().expect("a line of parameters");
    let (columns, _) = lines.next().expect("a line of columns");
    let columns: Vec<&str> = columns.split(',').collect();

    let mut rows = 0;
    for (line, row) in lines {
        let fields: Vec<u64> = line
            .split(',')
            .map(|field| {
                field
                    .parse()
                    .unwrap_or_else(|_| panic!("{file}:{row}: {field}"))
            })
            .collect();
        let field = |name| columns.iter().position(|c| *c == name).map(|i| fields[i]);

        let rtt = Duration::from_nanos(field("rtt_ns").unwrap());
        let in_flight = usize::try_from(field("in_flight").unwrap()).unwrap();
        let outcome = match field("dropped").unwrap() {
            0 => Outcome::Success,
            _ => Outcome::Overload,
        };
        let started_at = Duration::from_nanos(field("started_at_ns").unwrap_or(0));
        algorithm.update(&Sample::new(rtt, in_flight, outcome).at(started_at + rtt));

        let limit = algorithm.max_concurrency() as u64;
        assert_eq!(limit, field("limit").unwrap(), "{file}:{row}: {line}");
        rows += 1;
    }
    assert!(rows >= 2000, "{file}: only {rows} rows");
}
