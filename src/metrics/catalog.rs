use metrics::{Key, KeyName, Level, Metadata, Unit};

/// What there is to know of one metric. The table in the module's documentation has the same.
#[derive(Debug)]
pub(super) struct Metric {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) unit: Unit,
    pub(super) meaning: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

pub(super) const LIMIT: Metric = gauge(
    "tower_adaptive_limit",
    "Requests that may be in flight now.",
);
pub(super) const LIMIT_MIN: Metric = gauge(
    "tower_adaptive_limit_min",
    "The lower end of the range in which the limit moves.",
);
pub(super) const LIMIT_MAX: Metric = gauge(
    "tower_adaptive_limit_max",
    "The upper end of the range in which the limit moves.",
);
pub(super) const IN_FLIGHT: Metric = gauge(
    "tower_adaptive_in_flight",
    "Requests in flight, and permits taken and not spent yet.",
);
pub(super) const WAITING: Metric = gauge(
    "tower_adaptive_waiting",
    "Callers, and requests in the queue, waiting for a permit.",
);
pub(super) const ADMITTED: Metric = counter(
    "tower_adaptive_admitted_total",
    "Requests that were admitted.",
);
pub(super) const FINISHED: Metric = counter(
    "tower_adaptive_finished_total",
    "Requests that finished, by outcome.",
);
pub(super) const REJECTED: Metric = counter(
    "tower_adaptive_rejected_total",
    "Requests that were turned away, by reason and priority.",
);
pub(super) const SPARED: Metric = counter(
    "tower_adaptive_spared_total",
    "Requests let in only because the limiter observes, by the reason they would have been rejected for.",
);
pub(super) const ABANDONED: Metric = counter(
    "tower_adaptive_abandoned_total",
    "Requests that were dropped by their callers while they waited in the queue.",
);
pub(super) const RTT: Metric = histogram(
    "tower_adaptive_rtt_seconds",
    "How long successful requests took.",
);
pub(super) const QUEUE_WAIT: Metric = histogram(
    "tower_adaptive_queue_wait_seconds",
    "How long callers and requests waited that had to, whatever became of them.",
);
pub(super) const BASELINE_RTT: Metric = seconds(
    "tower_adaptive_baseline_rtt_seconds",
    "The RTT the algorithm believes the service would show with no queue.",
);
pub(super) const SMOOTHED_RTT: Metric = seconds(
    "tower_adaptive_smoothed_rtt_seconds",
    "An average over recent successes.",
);
pub(super) const SAMPLES_DROPPED: Metric = counter(
    "tower_adaptive_samples_dropped_total",
    "Finished requests from which nothing was learned because too many finished at once.",
);
pub(super) const LIMIT_CHANGES: Metric = counter(
    "tower_adaptive_limit_changes_total",
    "How often the limit has moved, by direction.",
);
pub(super) const SATURATED: Metric = Metric {
    unit: Unit::Seconds,
    ..counter(
        "tower_adaptive_saturated_seconds_total",
        "Time in which somebody was kept out or had to wait, or nothing was free.",
    )
};
pub(super) const STATE: Metric = gauge(
    "tower_adaptive_state",
    "1 while the limiter is in that state, and 0 otherwise.",
);

pub(super) const ALL: &[&Metric] = &[
    &LIMIT,
    &LIMIT_MIN,
    &LIMIT_MAX,
    &IN_FLIGHT,
    &WAITING,
    &ADMITTED,
    &FINISHED,
    &REJECTED,
    &SPARED,
    &ABANDONED,
    &RTT,
    &QUEUE_WAIT,
    &BASELINE_RTT,
    &SMOOTHED_RTT,
    &SAMPLES_DROPPED,
    &LIMIT_CHANGES,
    &SATURATED,
    &STATE,
];

/// What a recorder is told of where a metric comes from.
pub(super) static ORIGIN: Metadata<'static> =
    Metadata::new("tower_adaptive", Level::INFO, Some("tower_adaptive"));

/// Tells the recorder in force each metric's unit and meaning. [`publish`](super::publish) does it,
/// too.
///
/// A recorder that panics is contained, and reported by the panic hook.
pub fn describe() {
    crate::contain::contain(|| {
        metrics::with_recorder(|recorder| {
            for metric in ALL {
                let name = KeyName::from_const_str(metric.name);
                let (unit, meaning) = (Some(metric.unit), metric.meaning.into());
                match metric.kind {
                    Kind::Counter => recorder.describe_counter(name, unit, meaning),
                    Kind::Gauge => recorder.describe_gauge(name, unit, meaning),
                    Kind::Histogram => recorder.describe_histogram(name, unit, meaning),
                }
            }
        });
    });
}

impl Metric {
    pub(super) fn key(&self, labels: Vec<metrics::Label>) -> Key {
        Key::from_parts(KeyName::from_const_str(self.name), labels)
    }
}

const fn counter(name: &'static str, meaning: &'static str) -> Metric {
    metric(name, Kind::Counter, Unit::Count, meaning)
}

const fn gauge(name: &'static str, meaning: &'static str) -> Metric {
    metric(name, Kind::Gauge, Unit::Count, meaning)
}

const fn seconds(name: &'static str, meaning: &'static str) -> Metric {
    metric(name, Kind::Gauge, Unit::Seconds, meaning)
}

const fn histogram(name: &'static str, meaning: &'static str) -> Metric {
    metric(name, Kind::Histogram, Unit::Seconds, meaning)
}

const fn metric(name: &'static str, kind: Kind, unit: Unit, meaning: &'static str) -> Metric {
    Metric {
        name,
        kind,
        unit,
        meaning,
    }
}
