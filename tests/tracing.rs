//! Feature `tracing`: what happened is told, to whoever subscribes.

#![cfg(feature = "tracing")]

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tower_adaptive::{Algorithm, Fathom, Finding, Outcome, Sample};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

#[test]
fn a_verdict_is_told_with_its_fields() {
    let log = Log::default();

    let mut fathom = Fathom::default();
    tracing::subscriber::with_default(log.clone(), || slow_down(&mut fathom));

    let verdict = fathom.report().verdict.expect("an experiment has ended");
    assert_eq!(verdict.finding, Finding::Slower);
    let events = log.0.lock().unwrap();
    let (level, fields) = events.last().expect("it was told");
    assert_eq!(*level, Level::INFO);
    let expected = [
        ("finding", verdict.finding.as_str().to_owned()),
        ("at", format!("{:?}", verdict.at)),
        ("limit_before", format!("{:?}", verdict.limits.0)),
        ("limit", format!("{:?}", verdict.limits.1)),
        ("rtt_before", format!("{:?}", verdict.rtts.0)),
        ("rtt", format!("{:?}", verdict.rtts.1)),
        ("elasticity", format!("{:?}", verdict.elasticity())),
    ];
    assert_eq!(*fields, HashMap::from(expected));
}

#[test]
fn a_subscriber_that_panics_does_not_disturb_the_algorithm() {
    let mut quiet = Fathom::default();
    slow_down(&mut quiet);

    let mut told = Fathom::default();
    tracing::subscriber::with_default(Panics, || slow_down(&mut told));

    assert!(told.report().verdict.is_some());
    assert_eq!(told.report(), quiet.report());
    assert_eq!(told.max_concurrency(), quiet.max_concurrency());
}

/// Somebody always wants in, and after a second the service takes three times as long, whatever
/// the limit.
fn slow_down(fathom: &mut Fathom) {
    let mut running = VecDeque::new();
    let (mut now, mut started, mut finished) = (Duration::ZERO, 0, 0);
    while now < Duration::from_secs(2) {
        let rtt = Duration::from_millis(if now < Duration::from_secs(1) { 20 } else { 60 });
        let limit = fathom.max_concurrency();
        while running.len() < limit {
            running.push_back((now, rtt, running.len() + 1, limit));
            started += 1;
        }
        let (start, rtt, in_flight, limit) = running.pop_front().expect("a limit is at least 1");
        now = start + rtt;
        finished += 1;
        let sample = Sample::new(rtt, in_flight, Outcome::Success)
            .at(now)
            .limit(limit)
            .waiting(1)
            .started(started)
            .finished(finished);
        fathom.update(&sample);
    }
}

/// Keeps the verdicts that it is told.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<Told>>>);

type Told = (Level, HashMap<&'static str, String>);

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "tower_adaptive::verdict"
    }

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let mut events = self.0.lock().unwrap();
        events.push((*event.metadata().level(), fields.0));
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
struct Fields(HashMap<&'static str, String>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }
}

struct Panics;

impl Subscriber for Panics {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn event(&self, _: &Event<'_>) {
        panic!("a subscriber that panics");
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}
