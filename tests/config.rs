//! Limiters as configuration has them, and what becomes of one in use when that changes.

mod support;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use tower::Layer;
use tower::Service;
use tower_adaptive::{
    AdmissionLayer, AlgorithmConfig, Bounds, Fathom, FixedBuilder, Limiter, LimiterConfig, Mode,
    Outcome, Priorities, Priority, Queue, Reason, Shares, Vegas,
};

use support::{MS, Polled, Remote, Steady};

const EVERYTHING: &str = r#"{
    "name": "payments",
    "algorithm": { "name": "vegas", "initial_limit": 30, "alpha": 4.0 },
    "bounds": { "min": 2, "max": 90 },
    "queue": { "capacity": 50, "max_wait": "40ms" },
    "shares": { "guarantees": [{ "key": "live", "fraction": 0.5 }] },
    "priorities": { "/checkout": "critical" },
    "observe_only": true,
    "paused": true
}"#;

fn read(json: &str) -> LimiterConfig {
    serde_json::from_str(json).unwrap_or_else(|error| panic!("{json}: {error}"))
}

/// A limiter made from a configuration, and one sample that takes 10 ms.
fn learned(json: &str) -> Limiter {
    let limiter = read(json).try_build().unwrap();
    learn(&limiter, 10 * MS);
    limiter
}

fn learn(limiter: &Limiter, rtt: Duration) {
    learn_many(limiter, rtt, 1);
}

/// One request after the other.
fn learn_many(limiter: &Limiter, rtt: Duration, requests: usize) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        for _ in 0..requests {
            let permit = limiter.try_acquire().expect("room");
            tokio::time::advance(rtt).await;
            permit.complete(Outcome::Success);
        }
    });
}

fn baseline(limiter: &Limiter) -> Option<Duration> {
    limiter.snapshot().report.baseline
}

#[test]
fn everything_can_be_said_and_is_in_force() {
    let limiter = read(EVERYTHING).try_build().unwrap();

    let snapshot = limiter.snapshot();
    assert_eq!(limiter.name(), Some("payments"));
    assert_eq!(snapshot.limit, 30);
    assert_eq!(snapshot.report.algorithm, Some("vegas"));
    assert_eq!(snapshot.bounds, Bounds::new(2, 90).unwrap());
    assert_eq!(snapshot.queue, Queue::bounded(50).max_wait(40 * MS));
    assert_eq!(snapshot.shares[0].fraction, 0.5);
    assert_eq!(limiter.priorities().of("/checkout"), Priority::Critical);
    assert_eq!(snapshot.mode, Mode::Observe);
    assert!(snapshot.paused);
}

#[test]
fn what_is_in_force_is_read_back_and_applied_changes_nothing() {
    let limiter = read(EVERYTHING).try_build().unwrap();
    let config = limiter.config();
    assert_eq!(config, read(EVERYTHING));
    let before = limiter.snapshot();

    limiter.apply(&config).unwrap();

    assert_eq!(limiter.snapshot(), before);
    assert_eq!(limiter.config(), config);
    let written = serde_json::to_string(&config).unwrap();
    assert_eq!(read(&written), config);
}

#[test]
fn an_empty_configuration_is_fathom_at_its_defaults() {
    let limiter = read("{}").try_build().unwrap();

    let default = Limiter::new(Fathom::default());
    assert_eq!(limiter.snapshot(), default.snapshot());
}

#[test]
fn what_was_set_one_by_one_is_in_the_configuration() {
    let limiter = Limiter::builder(Vegas::default()).name("x").build();
    limiter.set_bounds(3..=40).unwrap();
    limiter.set_queue(Queue::bounded(7)).unwrap();
    limiter.set_mode(Mode::Observe);
    limiter.pause();
    let shares = Shares::new().guarantee("a", 0.25);
    limiter.set_shares(shares.clone()).unwrap();
    let priorities = Priorities::new().class("b", Priority::Low);
    limiter.set_priorities(priorities.clone()).unwrap();

    let expected = LimiterConfig::new()
        .name("x")
        .bounds(3..=40)
        .queue(Queue::bounded(7))
        .shares(shares)
        .priorities(priorities)
        .mode(Mode::Observe);
    let mut config = limiter.config();
    let mut value = serde_json::to_value(&config).unwrap();
    assert_eq!(value["paused"], true);
    value["paused"] = false.into();
    config = serde_json::from_value(value).unwrap();
    assert_eq!(config, expected, "the algorithm was made in code");
}

#[test]
fn an_algorithm_that_stays_the_same_keeps_all_that_it_learned() {
    let limiter = learned(r#"{"algorithm":{"name":"vegas","initial_limit":20}}"#);
    learn(&limiter, 10 * MS);
    let (limit, report) = (limiter.limit(), limiter.snapshot().report);

    let config = r#"{"algorithm":{"name":"vegas","initial_limit":20},"queue":{"capacity":5}}"#;
    limiter.apply(&read(config)).unwrap();

    assert_eq!(limiter.snapshot().report, report);
    assert_eq!(limiter.limit(), limit);
    assert_eq!(limiter.snapshot().queue.clone(), Queue::bounded(5));
}

#[test]
fn other_options_keep_limit_and_baseline() {
    for name in ["fathom", "gradient2", "vegas"] {
        let config = |max: u32| {
            format!(r#"{{"algorithm":{{"name":"{name}","initial_limit":33,"max_limit":{max}}}}}"#)
        };
        let limiter = read(&config(500)).try_build().unwrap();
        // Enough for each of them to know one.
        learn_many(&limiter, 10 * MS, 300);
        let known = baseline(&limiter).unwrap_or_else(|| panic!("{name} has no baseline"));
        let limit = limiter.limit();

        limiter.apply(&read(&config(400))).unwrap();

        let kept = baseline(&limiter).expect(name);
        assert!(
            kept.abs_diff(known) <= Duration::from_nanos(100),
            "{name}: {kept:?}"
        );
        assert_eq!(limiter.limit(), limit, "{name}");
        assert_eq!(limiter.snapshot().bounds.max(), 400, "{name}");
    }
}

#[test]
fn another_algorithm_keeps_the_limit_and_no_baseline() {
    let limiter = learned(r#"{"algorithm":{"name":"vegas","initial_limit":44}}"#);
    assert!(baseline(&limiter).is_some());

    limiter
        .apply(&read(r#"{"algorithm":{"name":"gradient2"}}"#))
        .unwrap();

    assert_eq!(limiter.limit(), 44);
    assert_eq!(baseline(&limiter), None);
    assert_eq!(limiter.snapshot().report.algorithm, Some("gradient2"));
}

#[test]
fn an_algorithm_made_in_code_is_left_alone_if_none_is_named_and_known_by_its_name() {
    let limiter = Limiter::new(Vegas::builder().initial_limit(25).build());
    learn(&limiter, 10 * MS);

    limiter
        .apply(&LimiterConfig::new().queue(Queue::bounded(1)))
        .unwrap();
    assert_eq!(baseline(&limiter), Some(10 * MS));

    limiter
        .apply(&read(r#"{"algorithm":{"name":"vegas","alpha":4}}"#))
        .unwrap();
    assert_eq!(baseline(&limiter), Some(10 * MS));
    assert_eq!(limiter.limit(), 25);
}

#[test]
fn without_bounds_those_of_the_algorithm_are_in_force_again() {
    let limiter =
        read(r#"{"algorithm":{"name":"vegas","max_limit":300},"bounds":{"min":1,"max":5}}"#)
            .try_build()
            .unwrap();
    assert_eq!((limiter.limit(), limiter.snapshot().bounds.max()), (5, 5));

    limiter
        .apply(&read(r#"{"algorithm":{"name":"vegas","max_limit":300}}"#))
        .unwrap();

    assert_eq!((limiter.limit(), limiter.snapshot().bounds.max()), (5, 300));
    assert_eq!(
        limiter.config(),
        read(r#"{"algorithm":{"name":"vegas","max_limit":300}}"#)
    );
}

#[test]
fn bounds_outlive_a_swap_of_algorithms_that_does_not_name_any() {
    let limiter = Limiter::new(Steady::new(50));
    limiter.apply(&LimiterConfig::new().bounds(1..=9)).unwrap();
    assert_eq!(limiter.limit(), 9);

    let config = LimiterConfig::new()
        .algorithm(FixedBuilder::new(70))
        .bounds(1..=9);
    limiter.apply(&config).unwrap();

    assert_eq!(limiter.limit(), 9);
}

#[test]
fn a_refused_configuration_changes_nothing_and_names_option_and_range() {
    let cases = [
        (r#"{"bounds":{"min":0,"max":5}}"#, "min_limit", "at least 1"),
        (
            r#"{"bounds":{"min":6,"max":5}}"#,
            "max_limit",
            "at least min_limit (6)",
        ),
        (
            r#"{"queue":{"capacity":9999999}}"#,
            "capacity",
            "at most 1048576",
        ),
        (
            r#"{"queue":{"target":"1s"}}"#,
            "target",
            "more than 0 and less than interval (100ms)",
        ),
        (
            r#"{"shares":{"guarantees":[{"key":"a","fraction":1.5}]}}"#,
            "guarantee",
            "more than 0 and at most 1 for \"a\"",
        ),
        (
            r#"{"algorithm":{"name":"aimd","backoff_ratio":2}}"#,
            "backoff_ratio",
            "at least 0.5 and below 1.0",
        ),
        (
            r#"{"name":"orders"}"#,
            "name",
            "\"payments\", which cannot be changed",
        ),
    ];
    for (json, option, range) in cases {
        let limiter = read(EVERYTHING).try_build().unwrap();
        let (config, snapshot) = (limiter.config(), limiter.snapshot());
        // What is right beside what is wrong is not applied either.
        let mut bad = serde_json::from_str::<serde_json::Value>(json).unwrap();
        bad["paused"] = false.into();
        bad["observe_only"] = false.into();

        let refused = limiter
            .apply(&serde_json::from_value(bad).unwrap())
            .unwrap_err();

        assert_eq!(refused.option(), option, "{json}");
        assert!(refused.range().contains(range), "{json}: {refused}");
        assert_eq!(limiter.config(), config, "{json}");
        assert_eq!(limiter.snapshot(), snapshot, "{json}");
        if option != "name" {
            let built = serde_json::from_str::<LimiterConfig>(json)
                .unwrap()
                .try_build();
            assert_eq!(built.unwrap_err().option(), option, "{json}");
        }
    }
}

#[test]
fn what_is_unknown_is_refused_by_name() {
    let cases = [
        (r#"{"limit":5}"#, "limit"),
        (r#"{"bounds":{"low":5}}"#, "low"),
        (r#"{"bounds":{"min":5}}"#, "max"),
        (r#"{"queue":{"length":5}}"#, "length"),
        (r#"{"priorities":{"a":"urgent"}}"#, "urgent"),
        (r#"{"algorithm":{"name":"vega"}}"#, "vega"),
        (r#"{"observe_only":"yes"}"#, "yes"),
    ];
    for (json, named) in cases {
        let error = serde_json::from_str::<LimiterConfig>(json).expect_err(json);
        assert!(error.to_string().contains(named), "{json}: {error}");
    }
}

#[test]
fn a_new_queue_is_there_for_whoever_comes_next() {
    let layer = AdmissionLayer::new(FixedBuilder::new(1).try_build().unwrap());
    let limiter = layer.limiter().clone();
    let mut service = layer.layer(Remote::default());
    let mut first = Polled::new(service.call(1));
    assert!(first.poll().is_pending());
    assert!(Polled::new(service.call(2)).poll().is_ready(), "rejected");

    limiter
        .apply(&LimiterConfig::new().queue(Queue::bounded(1)))
        .unwrap();

    assert!(Polled::new(service.call(3)).poll().is_pending());
    assert_eq!(limiter.snapshot().rejected_by.get(Reason::Limit), 1);
}

#[test]
fn a_higher_limit_wakes_who_waits_and_so_does_observing() {
    let limiter = Limiter::new(Steady::new(1));
    limiter.set_bounds(1..=1).unwrap();
    let _permit = limiter.try_acquire().unwrap();
    let mut waiting = [
        Polled::new(limiter.acquire()),
        Polled::new(limiter.acquire()),
    ];
    for caller in &mut waiting {
        assert!(caller.poll().is_pending());
    }

    limiter.apply(&LimiterConfig::new().bounds(2..=2)).unwrap();
    assert_eq!((waiting[0].wakes(), waiting[1].wakes()), (1, 0));
    limiter
        .apply(&LimiterConfig::new().bounds(2..=2).mode(Mode::Observe))
        .unwrap();
    assert_eq!(waiting[1].wakes(), 1);
    assert!(waiting[1].poll().is_ready());
}

/// Two configurations that share no value, and a reader that must never see parts of both.
#[test]
fn a_configuration_is_seen_whole() {
    let configs = [
        r#"{"algorithm":{"name":"vegas"},"bounds":{"min":5,"max":5},"queue":{"capacity":5},"paused":true}"#,
        r#"{"algorithm":{"name":"aimd"},"bounds":{"min":9,"max":9},"queue":{"capacity":9},"observe_only":true}"#,
    ]
    .map(read);
    let limiter = configs[0].try_build().unwrap();
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        for config in &configs {
            let (limiter, over) = (&limiter, &over);
            scope.spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    limiter.apply(config).unwrap();
                }
            });
        }
        for _ in 0..20_000 {
            let config = limiter.config();
            assert!(configs.contains(&config), "{config:?}");
            let seen = limiter.snapshot();
            let (vegas, limit) = (seen.report.algorithm == Some("vegas"), seen.limit);
            let whole = (limit, seen.queue == Queue::bounded(limit), seen.paused);
            let expected = if vegas {
                (5, true, true)
            } else {
                (9, true, false)
            };
            assert_eq!(whole, expected);
            assert_eq!(seen.mode == Mode::Enforce, vegas);
        }
        over.store(true, Ordering::Relaxed);
    });
}

#[test]
fn a_configuration_can_be_made_in_code() {
    let config = LimiterConfig::new()
        .name("payments")
        .algorithm(Vegas::builder().initial_limit(12))
        .bounds(1..=90);
    let expected = AlgorithmConfig::from(Vegas::builder().initial_limit(12));

    let limiter = config.try_build().unwrap();

    assert_eq!(limiter.limit(), 12);
    let written = serde_json::to_value(limiter.config()).unwrap();
    assert_eq!(
        written["algorithm"],
        serde_json::to_value(expected).unwrap()
    );
}

#[test]
fn an_algorithm_that_was_replaced_in_code_comes_back_when_its_configuration_is_applied() {
    let config = read(r#"{ "algorithm": { "name": "vegas" } }"#);
    let limiter = config.try_build().unwrap();

    limiter.set_algorithm(tower_adaptive::Fixed::new(3));
    assert_ne!(limiter.config(), config, "nobody knows its options");
    limiter.apply(&config).unwrap();

    assert_eq!(limiter.snapshot().report.algorithm, Some("vegas"));
}
