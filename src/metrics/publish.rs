use std::sync::Arc;
use std::time::Duration;

use metrics::{Label, SharedString};

use super::catalog::{self, Metric, ORIGIN, describe};
use super::told::{Told, Total};
use crate::contain::contain;
use crate::limiter::Moves;
use crate::registry::{self, Entry};
use crate::{Mode, Priority, Reason, Snapshot};

/// Tells the recorder in force the figures of all listed limiters, as they are now.
///
/// A thread does so each second. Call it before a scrape for figures of this moment. It may be called
/// from any thread, at any time, also several times at once: what is counted is told once. If there
/// is no recorder, nothing is told, and all of it later.
///
/// A recorder that panics is contained, and reported by the panic hook; what it was being told may be
/// lost.
pub fn publish() {
    // The one that stands for none has no size.
    if metrics::with_recorder(|recorder| size_of_val(recorder) == 0) {
        return;
    }
    describe();
    for entry in registry::seen() {
        if let Some(figures) = Figures::of(&entry) {
            contain(|| figures.tell(&entry));
        }
    }
}

/// The figures of one limiter at one moment. Taken first and told later, so that no handle is kept
/// while a recorder works.
struct Figures {
    snapshot: Snapshot,
    moves: Moves,
    saturated: Duration,
    rtts: Vec<(f64, usize)>,
    waits: Vec<(f64, usize)>,
}

impl Figures {
    fn of(entry: &Entry) -> Option<Self> {
        let (watched, limiter) = (&entry.watched, entry.limiter.upgrade()?);
        let histograms = limiter.histograms();
        let waits = histograms.and_then(|histograms| histograms.waits());
        Some(Self {
            moves: limiter.moves(),
            saturated: watched.saturated(),
            rtts: watched.told.rtts.take(histograms.map(|them| &them.rtts)),
            waits: watched.told.waits.take(waits),
            snapshot: limiter.snapshot(),
        })
    }

    fn tell(&self, entry: &Entry) {
        let teller = Teller::new(&entry.name);
        self.tell_limit(&teller);
        self.tell_counts(&teller, &entry.watched.told);
        self.tell_turned_away(&teller, &entry.watched.told);
        teller.histogram(&catalog::RTT, &self.rtts);
        teller.histogram(&catalog::QUEUE_WAIT, &self.waits);
    }

    fn tell_limit(&self, teller: &Teller) {
        let snapshot = &self.snapshot;
        teller.gauge(&catalog::LIMIT, None, snapshot.limit as f64);
        teller.gauge(&catalog::LIMIT_MIN, None, snapshot.bounds.min() as f64);
        teller.gauge(&catalog::LIMIT_MAX, None, snapshot.bounds.max() as f64);
        teller.gauge(&catalog::IN_FLIGHT, None, snapshot.in_flight as f64);
        teller.gauge(&catalog::WAITING, None, snapshot.waiting as f64);
        if let Some(baseline) = snapshot.report.baseline {
            teller.gauge(&catalog::BASELINE_RTT, None, baseline.as_secs_f64());
        }
        if let Some(smoothed) = snapshot.smoothed_rtt {
            teller.gauge(&catalog::SMOOTHED_RTT, None, smoothed.as_secs_f64());
        }
        for (state, is_so) in states(snapshot) {
            let label = Label::from_static_parts("state", state);
            teller.gauge(&catalog::STATE, Some(label), f64::from(u8::from(is_so)));
        }
    }

    fn tell_counts(&self, teller: &Teller, told: &Told) {
        let snapshot = &self.snapshot;
        let (admitted, dropped) = (snapshot.admitted(), snapshot.samples_dropped);
        teller.counter(&catalog::ADMITTED, &[], &told.admitted, admitted);
        let outcomes = [
            ("success", snapshot.success),
            ("overload", snapshot.overload),
            ("canceled", snapshot.canceled),
            ("ignored", snapshot.ignored),
        ];
        for (told, (outcome, total)) in told.finished.iter().zip(outcomes) {
            teller.counter(&catalog::FINISHED, &[("outcome", outcome)], told, total);
        }
        let abandoned = snapshot.abandoned;
        teller.counter(&catalog::ABANDONED, &[], &told.abandoned, abandoned);
        teller.counter(
            &catalog::SAMPLES_DROPPED,
            &[],
            &told.samples_dropped,
            dropped,
        );
        let moves = self.moves;
        let (up, down) = ([("direction", "up")], [("direction", "down")]);
        teller.counter(&catalog::LIMIT_CHANGES, &up, &told.moved_up, moves.up);
        teller.counter(&catalog::LIMIT_CHANGES, &down, &told.moved_down, moves.down);
        let saturated = self.saturated.as_secs();
        teller.counter(&catalog::SATURATED, &[], &told.saturated, saturated);
    }

    fn tell_turned_away(&self, teller: &Teller, told: &Told) {
        for (index, reason) in Reason::ALL.iter().enumerate() {
            let name = reason.as_str();
            let spared = self.snapshot.spared_by.get(*reason);
            let labels = [("reason", name)];
            teller.counter(&catalog::SPARED, &labels, &told.spared[index], spared);
            for priority in Priority::ALL {
                let rejected = self.snapshot.rejected_by.of(*reason, priority);
                if rejected > 0 || priority == Priority::Normal {
                    let labels = [("reason", name), ("priority", priority.as_str())];
                    let told = &told.rejected[index][priority as usize];
                    teller.counter(&catalog::REJECTED, &labels, told, rejected);
                }
            }
        }
    }
}

/// Tells the recorder of one limiter, with handles made for the occasion: a recorder may have been
/// installed, or have forgotten a series, since the last time.
struct Teller {
    limiter: SharedString,
}

type Labels<'a> = &'a [(&'static str, &'static str)];

impl Teller {
    fn new(name: &Arc<str>) -> Self {
        Self {
            limiter: SharedString::from_shared(name.clone()),
        }
    }

    fn gauge(&self, metric: &Metric, label: Option<Label>, value: f64) {
        let key = metric.key([self.label()].into_iter().chain(label).collect());
        metrics::with_recorder(|recorder| recorder.register_gauge(&key, &ORIGIN)).set(value);
    }

    /// Also if nothing is new, so that a recorder which forgets what is idle keeps those that live.
    fn counter(&self, metric: &Metric, labels: Labels<'_>, told: &Total, total: u64) {
        let labels = labels.iter();
        let labels = labels.map(|(key, value)| Label::from_static_parts(key, value));
        let key = metric.key([self.label()].into_iter().chain(labels).collect());
        let counter = metrics::with_recorder(|recorder| recorder.register_counter(&key, &ORIGIN));
        counter.increment(told.advance(total));
    }

    fn histogram(&self, metric: &Metric, values: &[(f64, usize)]) {
        let key = metric.key(vec![self.label()]);
        let histogram =
            metrics::with_recorder(|recorder| recorder.register_histogram(&key, &ORIGIN));
        for (value, times) in values {
            histogram.record_many(*value, *times);
        }
    }

    fn label(&self) -> Label {
        Label::new("limiter", self.limiter.clone())
    }
}

fn states(snapshot: &Snapshot) -> [(&'static str, bool); 4] {
    [
        ("frozen", snapshot.frozen),
        ("paused", snapshot.paused),
        ("observing", snapshot.mode == Mode::Observe),
        ("closed", snapshot.closed),
    ]
}
