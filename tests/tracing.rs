//! Feature `tracing`: what is notable is told, to whoever subscribes.
//!
//! A thread tells it, so the subscriber is that of the whole process, and each test has a limiter
//! with a name of its own.

#![cfg(feature = "tracing")]

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Waker};
use std::time::Duration;

use tower_adaptive::{Algorithm, Finding, Fixed, Limiter, Report, Sample, Verdict, registry};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// An algorithm that has come to a verdict.
struct Judge(Verdict);

impl Algorithm for Judge {
    fn max_concurrency(&self) -> usize {
        5
    }

    fn update(&mut self, _: &Sample) {}

    fn report(&self) -> Report {
        Report::new().verdict(self.0)
    }
}

fn verdict() -> Verdict {
    let rtts = (Duration::from_millis(30), Duration::from_millis(20));
    Verdict::new(Finding::Unclear, Duration::from_secs(3), (20.0, 10.0), rtts)
}

fn named(name: &str, limit: usize) -> Limiter {
    Limiter::builder(Fixed::new(limit)).name(name).build()
}

#[test]
fn a_verdict_is_told_with_the_limiter_and_its_fields() {
    Log::subscribe();
    let _limiter = Limiter::builder(Judge(verdict())).name("judge").build();

    let told = Log::wait_for("judge", "tower_adaptive::verdict");

    assert_eq!(told.level, Level::INFO);
    let expected = [
        ("limiter", "judge".to_owned()),
        ("finding", "unclear".to_owned()),
        ("at", "3s".to_owned()),
        ("limit_before", "20.0".to_owned()),
        ("limit", "10.0".to_owned()),
        ("rtt_before", "30ms".to_owned()),
        ("rtt", "20ms".to_owned()),
        ("elasticity", format!("{:?}", verdict().elasticity())),
    ];
    assert_eq!(told.fields, BTreeMap::from(expected));
}

#[test]
fn a_limit_that_has_moved_is_told() {
    Log::subscribe();
    let limiter = named("moves", 100);
    // Whoever has told of this has looked, and so knows the limit before.
    let permits: Vec<_> = std::iter::from_fn(|| limiter.try_acquire()).collect();
    Log::wait_for("moves", "tower_adaptive::rejection");

    limiter.set_bounds(1..=50).unwrap();

    let told = Log::wait_for("moves", "tower_adaptive::limit");
    assert_eq!(told.level, Level::INFO);
    assert_eq!(told.fields["limit_before"], "100");
    assert_eq!(told.fields["limit"], "50");
    drop(permits);
}

#[test]
fn rejections_are_told_with_how_many_for_which_reason() {
    Log::subscribe();
    // Not listed before all of it has happened.
    let limiter = Limiter::new(Fixed::new(1));
    let permit = limiter.try_acquire();
    (0..3).for_each(|_| assert!(limiter.try_acquire().is_none()));

    registry::insert("rejects", &limiter);

    let told = Log::wait_for("rejects", "tower_adaptive::rejection");
    assert_eq!(told.level, Level::WARN);
    assert_eq!(told.fields["rejected"], "3");
    assert_eq!(told.fields["reasons"], "limit 3");
    drop(permit);
}

#[test]
fn saturation_is_told_when_it_begins_and_when_it_ends() {
    Log::subscribe();
    let limiter = named("saturated", 1);
    let permit = limiter.try_acquire();
    let mut waits = Box::pin(limiter.acquire());
    let mut cx = Context::from_waker(Waker::noop());
    assert!(waits.as_mut().poll(&mut cx).is_pending());

    let began = Log::wait_for("saturated", "tower_adaptive::saturation");
    assert_eq!(began.fields["saturated"], "true");
    assert_eq!(began.fields["limit"], "1");
    drop((permit, waits));

    let ended = Log::wait_for("saturated", "tower_adaptive::saturation");
    assert_eq!(ended.fields["saturated"], "false");
}

#[test]
fn a_limiter_without_a_name_is_silent() {
    Log::subscribe();
    let silent = Limiter::new(Fixed::new(1));
    let heard = named("heard", 1);
    let _permits = [silent.try_acquire(), heard.try_acquire()];
    assert!(silent.try_acquire().is_none() && heard.try_acquire().is_none());

    Log::wait_for("heard", "tower_adaptive::rejection");

    let log = log();
    assert!(log.iter().all(|told| told.fields.contains_key("limiter")));
}

#[test]
fn a_subscriber_that_panics_keeps_nothing_from_others() {
    Log::subscribe();
    let bad = named("bad subscriber", 1);
    let permits = [bad.try_acquire(), bad.try_acquire()];
    Log::wait_for("bad subscriber", "tower_adaptive::rejection");

    let good = named("good subscriber", 1);
    let _permits = (permits, [good.try_acquire(), good.try_acquire()]);

    Log::wait_for("good subscriber", "tower_adaptive::rejection");
}

/// Keeps what it is told, and panics if that is of a limiter with a bad name.
struct Log;

#[derive(Clone, Debug)]
struct Told {
    target: String,
    level: Level,
    fields: BTreeMap<&'static str, String>,
}

static TOLD: Mutex<Vec<Told>> = Mutex::new(Vec::new());
static MORE: Condvar = Condvar::new();

fn log() -> MutexGuard<'static, Vec<Told>> {
    TOLD.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Log {
    fn subscribe() {
        static ONCE: OnceLock<()> = OnceLock::new();
        ONCE.get_or_init(|| tracing::subscriber::set_global_default(Self).expect("the only one"));
    }

    /// Takes the first event of a limiter and target, and waits for it if need be.
    #[track_caller]
    fn wait_for(limiter: &str, target: &str) -> Told {
        let is_it = |told: &Told| {
            told.target == target && told.fields.get("limiter").is_some_and(|it| it == limiter)
        };
        let none = |log: &mut Vec<Told>| !log.iter().any(is_it);
        let (mut log, waited) = MORE
            .wait_timeout_while(log(), Duration::from_secs(60), none)
            .unwrap_or_else(PoisonError::into_inner);
        assert!(
            !waited.timed_out(),
            "{limiter} has told nothing of {target}"
        );
        let at = log.iter().position(is_it).expect("waited for");
        log.remove(at)
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("tower_adaptive::")
    }

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        fields.0.remove("message");
        let bad = fields
            .0
            .get("limiter")
            .is_some_and(|it| it.starts_with("bad"));
        let (target, level) = (
            event.metadata().target().to_owned(),
            *event.metadata().level(),
        );
        log().push(Told {
            target,
            level,
            fields: fields.0,
        });
        MORE.notify_all();
        assert!(!bad, "a subscriber that panics");
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[derive(Default)]
struct Fields(BTreeMap<&'static str, String>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }
}
