//! What a limiter has learned, kept across a restart.

mod support;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use tower_adaptive::{
    Aimd, Algorithm, Fathom, Fixed, Gradient2, Limiter, Outcome, RestoreError, Vegas, WarmStart,
    Windowed,
};

use support::{MS, Steady};

const HOUR: Duration = Duration::from_secs(3600);

fn named(algorithm: impl Algorithm) -> Limiter {
    Limiter::builder(algorithm).name("db").build()
}

#[expect(clippy::disallowed_methods, reason = "exports carry the system's time")]
fn now() -> SystemTime {
    SystemTime::now()
}

/// An export, as it stands in a file, with one key changed.
fn changed(limiter: &Limiter, key: &str, value: Value) -> WarmStart {
    let mut saved = serde_json::to_value(limiter.export()).unwrap();
    assert!(saved.get(key).is_some(), "{saved}");
    saved[key] = value;
    serde_json::from_value(saved).unwrap()
}

fn exported(limiter: &Limiter, at: SystemTime) -> WarmStart {
    let at = humantime::format_rfc3339(at).to_string();
    changed(limiter, "exported_at", at.into())
}

/// Requests that take 10 ms, one after the other.
async fn learn(limiter: &Limiter, requests: usize) {
    for _ in 0..requests {
        let permit = limiter.try_acquire().expect("room");
        tokio::time::advance(10 * MS).await;
        permit.complete(Outcome::Success);
    }
}

#[tokio::test(start_paused = true)]
async fn every_algorithm_goes_on_from_limit_and_baseline() {
    let pairs: [fn() -> Box<dyn Algorithm>; 5] = [
        || Box::new(Vegas::builder().initial_limit(33).build()),
        || Box::new(Gradient2::builder().initial_limit(33).build()),
        || Box::new(Fathom::builder().initial_limit(33).build()),
        || Box::new(Windowed::new(Vegas::builder().initial_limit(33).build())),
        || Box::new(Aimd::builder().initial_limit(33).build()),
    ];
    for make in pairs {
        let before = named(make());
        learn(&before, 400).await;
        before.set_bounds(1..=71).unwrap();
        before.set_bounds(71..=71).unwrap();
        before.set_bounds(1..=200).unwrap();
        let report = before.snapshot().report;
        let saved = serde_json::to_string(&before.export()).unwrap();
        assert!(saved.len() < 200, "small: {saved}");

        let after = named(make());
        let warm: WarmStart = serde_json::from_str(&saved).unwrap();
        after.restore(&warm, HOUR).unwrap();

        let kind = report.algorithm.unwrap();
        assert_eq!(after.limit(), 71, "{kind}");
        assert_eq!(warm.baseline().is_some(), kind != "aimd", "{kind}");
        let restored = after.snapshot().report.baseline;
        let apart = restored.zip(report.baseline).map(|(a, b)| a.abs_diff(b));
        assert!(
            apart.is_none_or(|apart| apart <= Duration::from_nanos(100)),
            "{kind}: {apart:?}"
        );
        assert_eq!(restored.is_some(), report.baseline.is_some(), "{kind}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_restored_limiter_learns_on() {
    let before = named(Vegas::builder().initial_limit(10).build());
    learn(&before, 3).await;
    let after = named(Vegas::default());

    after.restore(&before.export(), HOUR).unwrap();
    let many: Vec<_> = (0..after.limit())
        .map(|_| after.try_acquire().expect("room"))
        .collect();
    tokio::time::advance(100 * MS).await;
    let limit = after.limit();
    for permit in many {
        permit.complete(Outcome::Success);
    }

    assert!(
        after.limit() < limit,
        "ten times the restored baseline is a queue: {} of {limit}",
        after.limit()
    );
}

#[test]
fn the_limit_stays_within_the_bounds_of_the_new_limiter() {
    let before = named(Steady::new(500));
    let after = named(Steady::new(20));
    after.set_bounds(1..=100).unwrap();

    after.restore(&before.export(), HOUR).unwrap();

    assert_eq!(after.limit(), 100);
}

#[test]
fn what_is_too_old_is_refused_and_what_is_just_old_enough_is_not() {
    let before = named(Steady::new(50));
    let limiter = named(Steady::new(20));

    let stale = exported(&before, now() - HOUR - Duration::from_secs(5));
    assert!(stale.age() > HOUR);
    let Err(RestoreError::Stale { age, max_age, .. }) = limiter.restore(&stale, HOUR) else {
        panic!("restored");
    };
    assert!(age >= HOUR + Duration::from_secs(5) && max_age == HOUR);
    assert_eq!(limiter.limit(), 20);

    let fresh = exported(&before, now() - HOUR + Duration::from_secs(60));
    limiter.restore(&fresh, HOUR).unwrap();
    assert_eq!(limiter.limit(), 50);
}

#[test]
fn what_comes_from_the_future_is_refused_unless_clocks_may_differ_so_much() {
    let before = named(Steady::new(50));
    let limiter = named(Steady::new(20));

    let early = exported(&before, now() + HOUR);
    assert!(matches!(
        limiter.restore(&early, HOUR),
        Err(RestoreError::Early { ahead, .. }) if ahead > Duration::from_secs(3500)
    ));
    assert_eq!(limiter.limit(), 20);

    let skewed = exported(&before, now() + Duration::from_secs(30));
    assert_eq!(skewed.age(), Duration::ZERO);
    limiter.restore(&skewed, HOUR).unwrap();
}

#[test]
fn what_is_of_another_limiter_or_algorithm_is_refused_by_name() {
    let limiter = named(Vegas::default());
    let cases = [
        (
            Limiter::builder(Vegas::default()).name("cache").build(),
            r#"the warm start is for limiter Some("cache"), not Some("db")"#,
        ),
        (
            Limiter::new(Vegas::default()),
            r#"the warm start is for limiter None, not Some("db")"#,
        ),
        (
            named(Gradient2::default()),
            r#"the warm start is for algorithm Some("gradient2"), not Some("vegas")"#,
        ),
    ];
    for (other, message) in cases {
        let refused = limiter.restore(&other.export(), HOUR).unwrap_err();
        assert_eq!(refused.to_string(), message);
    }
    assert_eq!(limiter.limit(), 20);
}

#[test]
fn values_that_no_limiter_exports_are_refused() {
    let limiter = named(Fixed::new(5));
    for (key, value) in [("limit", json!(0)), ("baseline", json!("0s"))] {
        let refused = limiter.restore(&changed(&limiter, key, value), HOUR);
        assert_eq!(
            refused.unwrap_err().to_string(),
            format!("the warm start has a {key} of 0")
        );
    }
    for (key, value) in [
        ("limit", json!(-1)),
        ("baseline", json!("soon")),
        ("exported_at", json!("yesterday")),
    ] {
        let mut saved = serde_json::to_value(limiter.export()).unwrap();
        saved[key] = value;
        assert!(serde_json::from_value::<WarmStart>(saved).is_err(), "{key}");
    }
}

#[test]
fn a_limit_beyond_all_bounds_is_the_largest_that_there_is() {
    let limiter = named(Steady::new(5));
    let huge = changed(&limiter, "limit", json!(u64::MAX));
    limiter.restore(&huge, HOUR).unwrap();
    assert_eq!(limiter.limit(), tower_adaptive::Bounds::LARGEST);
}

#[test]
fn it_says_when_it_was_exported_to_the_second() {
    let saved = serde_json::to_value(named(Steady::new(5)).export()).unwrap();
    let at = humantime::parse_rfc3339(saved["exported_at"].as_str().unwrap()).unwrap();
    let since = at.duration_since(UNIX_EPOCH).unwrap();
    assert_eq!(since.subsec_nanos(), 0);
    assert!(now().duration_since(at).unwrap() < Duration::from_secs(60));
}

#[test]
fn formats_without_a_null_leave_out_what_is_not_known() {
    let saved = json!({ "limit": 33, "exported_at": "2026-01-01T00:00:00Z" });

    let warm: WarmStart = serde_json::from_value(saved).unwrap();

    assert_eq!((warm.limit(), warm.baseline()), (33, None));
}
