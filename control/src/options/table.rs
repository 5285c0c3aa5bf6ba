//! What is said about the options of algorithms, windows and queues: ranges and a sentence each.
//!
//! Defaults are not here: they are the builders'. Tests in `describe.rs` hold the algorithms and the
//! window to the builders: the same options, and the same ends of each range.

/// An algorithm.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    pub(super) doc: &'static str,
    pub(super) knobs: &'static [Knob],
}

/// An option of an algorithm.
#[derive(Debug)]
pub(super) struct Knob {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) doc: &'static str,
}

/// What an option can be, both ends included. Where another option is the bound, it is the widest
/// that any allows.
#[derive(Debug)]
pub(super) enum Kind {
    Number(f64, f64),
    Integer(u32, u32),
    /// A whole number, at least so large.
    AtLeast(u32),
    /// At least so long, and at most.
    Duration(&'static str, Option<&'static str>),
    /// `"mean"`, `"log_mean"`, or `{"percentile": 0.9}`.
    Aggregate,
    /// A seed, or null for one of its own.
    Seed,
}

use Kind::{Aggregate, AtLeast, Duration, Integer, Number, Seed};

pub(super) const TABLE: &[Entry] = &[
    Entry {
        name: "fathom",
        title: "Fathom",
        doc: "Throughput × the RTT without a queue; lowers the limit to see whether latency falls with it.",
        knobs: &[
            INITIAL,
            MIN,
            MAX,
            Knob {
                name: "headroom",
                kind: Number(0.25, 4.0),
                doc: "How much of a queue is kept in the service. More loses less throughput to noise, and waits longer.",
            },
        ],
    },
    Entry {
        name: "vegas",
        title: "Vegas",
        doc: "RTT over the smallest seen: holds the queue that it infers between two bounds.",
        knobs: &[
            INITIAL,
            MIN,
            MAX,
            Knob {
                name: "alpha",
                kind: Number(1.0, f64::MAX),
                doc: "The queue below which the limit rises slowly, in multiples of log10(limit). At most beta.",
            },
            Knob {
                name: "beta",
                kind: Number(1.0, f64::MAX),
                doc: "The queue above which the limit falls, in multiples of log10(limit). At least alpha.",
            },
            Knob {
                name: "threshold",
                kind: Number(0.0, f64::MAX),
                doc: "The queue up to which the limit rises fast, in multiples of log10(limit). At most alpha.",
            },
            SMOOTHING,
            Knob {
                name: "probe_multiplier",
                kind: Integer(2, u32::MAX),
                doc: "After how many samples per unit of the limit the baseline is measured anew.",
            },
            Knob {
                name: "seed",
                kind: Seed,
                doc: "Makes the intervals between probes a sequence of its own; without one, chance decides.",
            },
        ],
    },
    Entry {
        name: "gradient2",
        title: "Gradient2",
        doc: "RTT over its long-term average: the limit falls while responses are slower than usual.",
        knobs: &[
            INITIAL,
            MIN,
            MAX,
            Knob {
                name: "rtt_tolerance",
                kind: Number(1.0, f64::MAX),
                doc: "How far the RTT may rise over its average before the limit falls.",
            },
            Knob {
                name: "long_window",
                kind: Integer(1, u32::MAX),
                doc: "Over how many samples the RTT is averaged.",
            },
            Knob {
                name: "queue_size",
                kind: AtLeast(1),
                doc: "The queue that is always allowed, in requests. More grows faster, and waits longer.",
            },
            SMOOTHING,
        ],
    },
    Entry {
        name: "aimd",
        title: "AIMD",
        doc: "Errors and timeouts: one more on success, a fraction less on overload.",
        knobs: &[
            INITIAL,
            MIN,
            MAX,
            Knob {
                name: "backoff_ratio",
                kind: Number(0.5, BELOW_ONE),
                doc: "By what an overload multiplies the limit; below 1.",
            },
            Knob {
                name: "timeout",
                kind: Duration("1ns", None),
                doc: "The RTT beyond which a success counts as an overload.",
            },
        ],
    },
    Entry {
        name: "fixed",
        title: "Fixed",
        doc: "A constant: the baseline of every comparison.",
        knobs: &[Knob {
            name: "limit",
            kind: Integer(1, LARGEST),
            doc: "The limit.",
        }],
    },
];

pub(super) const WINDOW: &[Knob] = &[
    Knob {
        name: "min_window",
        kind: Duration("1ns", None),
        doc: "How long a window lasts at least; at most max_window.",
    },
    Knob {
        name: "max_window",
        kind: Duration("1ns", None),
        doc: "How long a window lasts at most; at least min_window.",
    },
    Knob {
        name: "min_samples",
        kind: Integer(1, u32::MAX),
        doc: "How many samples a window needs to be delivered.",
    },
    Knob {
        name: "min_rtt",
        kind: Duration("0s", None),
        doc: "The RTT below which a sample other than an overload is ignored.",
    },
    Knob {
        name: "aggregate",
        kind: Aggregate,
        doc: "How the RTTs of a window become one: their mean, their log-mean, which few slow ones hardly move, or a percentile.",
    },
];

pub(super) const QUEUE: &[Knob] = &[
    Knob {
        name: "capacity",
        kind: Integer(0, 1 << 20),
        doc: "How many requests may wait; 0 for no queue. More takes larger bursts.",
    },
    Knob {
        name: "max_wait",
        kind: Duration("1ns", Some("1h")),
        doc: "How long a request may wait. More rejects less in a short burst.",
    },
    Knob {
        name: "target",
        kind: Duration("1ns", Some("1h")),
        doc: "The wait that is none to worry about; less than the interval.",
    },
    Knob {
        name: "interval",
        kind: Duration("1ns", Some("1h")),
        doc: "Over what time the shortest wait is taken: about that of a slow response.",
    },
];

const INITIAL: Knob = Knob {
    name: "initial_limit",
    kind: Integer(1, LARGEST),
    doc: "The limit to start with, from min_limit to max_limit.",
};
const MIN: Knob = Knob {
    name: "min_limit",
    kind: Integer(1, LARGEST),
    doc: "The smallest limit, at most max_limit.",
};
const MAX: Knob = Knob {
    name: "max_limit",
    kind: Integer(1, LARGEST),
    doc: "The largest limit, at least min_limit.",
};
const SMOOTHING: Knob = Knob {
    name: "smoothing",
    kind: Number(ABOVE_ZERO, 1.0),
    doc: "How much of each step is taken at once; above 0. More follows the RTT faster, noise included.",
};

const LARGEST: u32 = 1 << 30;
const ABOVE_ZERO: f64 = f64::from_bits(1);
const BELOW_ONE: f64 = 1.0 - f64::EPSILON / 2.0;
