//! From answers and moments to the figures of a row.

use std::ops::Range;
use std::time::Duration;

use crate::client::{Answer, Fate};
use crate::row::Row;
use crate::traffic::{Traffic, capacity};

/// One look at the server.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    pub at: Duration,
    pub limit: Option<usize>,
    pub in_flight: usize,
    /// Queries the dependency has finished, and how many of them for nobody.
    pub finished: u64,
    pub wasted: u64,
}

/// All that was observed of one row.
#[derive(Debug)]
pub struct Record {
    pub row: Row,
    pub answers: Vec<Answer>,
    pub moments: Vec<Moment>,
}

/// One row of the table. From `p50` to `timed_out`, about arrivals in the overload.
#[derive(Clone, Copy, Debug)]
pub struct Figures {
    /// Served within the client timeout and while the overload lasted, as a share of capacity.
    pub goodput: f64,
    pub p50: Option<Duration>,
    pub p99: Option<Duration>,
    /// As shares of the arrivals.
    pub rejected: f64,
    pub timed_out: f64,
    /// The share of the dependency's queries whose client had gone when they were done.
    pub wasted: f64,
    /// See [`Record::recovery`].
    pub recovery: Option<Duration>,
    pub final_limit: Option<usize>,
    /// Requests that were sent, those that failed for another reason, and how late they were sent,
    /// in the whole row.
    pub sent: usize,
    pub failed: usize,
    pub late_p99: Duration,
    pub late_max: Duration,
}

impl Record {
    pub fn figures(&self, traffic: &Traffic) -> Figures {
        let overload: Vec<_> = self.answers_in(traffic.overload.clone()).collect();
        let count = |fate| overload.iter().filter(|answer| answer.fate == fate).count() as f64;
        let latencies = served(overload.iter().copied()).map(|answer| answer.latency);
        let mut latencies: Vec<_> = latencies.collect();
        let mut lateness: Vec<_> = self
            .answers
            .iter()
            .filter_map(|answer| answer.lateness)
            .collect();
        let failed = self
            .answers
            .iter()
            .filter(|answer| answer.fate == Fate::Failed);
        let goodput = served(self.answers.iter())
            .filter(|answer| traffic.overload.contains(&(answer.at + answer.latency)))
            .count() as f64;
        let length = (traffic.overload.end - traffic.overload.start).as_secs_f64();
        let arrivals = overload.len() as f64;
        Figures {
            goodput: goodput / length / capacity(),
            p50: percentile(&mut latencies, 0.50),
            p99: percentile(&mut latencies, 0.99),
            rejected: count(Fate::Rejected) / arrivals,
            timed_out: count(Fate::TimedOut) / arrivals,
            wasted: self.wasted(&traffic.overload),
            recovery: self.recovery(traffic),
            final_limit: self.moments.last().and_then(|moment| moment.limit),
            sent: lateness.len(),
            failed: failed.count(),
            late_p99: percentile(&mut lateness, 0.99).unwrap_or_default(),
            late_max: lateness.last().copied().unwrap_or_default(),
        }
    }

    /// How long after the overload requests fare as well as without one: from then on, in the next
    /// 250 ms and in the rest of the row, 95% are served within twice the dependency's own p99.
    fn recovery(&self, traffic: &Traffic) -> Option<Duration> {
        let good = 2 * traffic.service_p99();
        let fares_well = |span: Range<Duration>| {
            let arrivals = || self.answers_in(span.clone());
            let well = served(arrivals()).filter(|answer| answer.latency <= good);
            well.count() as f64 >= 0.95 * arrivals().count() as f64
        };
        let mut from = traffic.overload.end;
        while from + RECOVERY_WINDOW <= traffic.length {
            if fares_well(from..from + RECOVERY_WINDOW) && fares_well(from..traffic.length) {
                return Some(from - traffic.overload.end);
            }
            from += RECOVERY_STEP;
        }
        None
    }

    fn wasted(&self, span: &Range<Duration>) -> f64 {
        let mut inside = self
            .moments
            .iter()
            .filter(|moment| span.contains(&moment.at));
        let Some((first, last)) = inside.next().zip(inside.next_back()) else {
            return 0.0;
        };
        (last.wasted - first.wasted) as f64 / (last.finished - first.finished).max(1) as f64
    }

    fn answers_in(&self, span: Range<Duration>) -> impl Iterator<Item = &Answer> {
        self.answers
            .iter()
            .filter(move |answer| span.contains(&answer.at))
    }

    /// Divides the row into `count` equal spans, for charts.
    pub fn spans(&self, traffic: &Traffic, count: usize) -> Vec<Span> {
        let length = traffic.length / u32::try_from(count).unwrap_or(u32::MAX);
        let most = length.as_secs_f64() * capacity();
        let mut spans = vec![Span::default(); count];
        let index =
            |at: Duration| ((at.as_secs_f64() / length.as_secs_f64()) as usize).min(count - 1);
        for moment in &self.moments {
            let span = &mut spans[index(moment.at)];
            span.limit = moment.limit;
            span.in_flight = moment.in_flight;
        }
        for (before, after) in self.moments.iter().zip(self.moments.iter().skip(1)) {
            spans[index(after.at)].wasted += (after.wasted - before.wasted) as f64 / most;
        }
        let mut latencies = vec![Vec::new(); count];
        for answer in served(self.answers.iter()) {
            latencies[index(answer.at + answer.latency)].push(answer.latency);
        }
        for (span, latencies) in spans.iter_mut().zip(&mut latencies) {
            span.goodput = latencies.len() as f64 / most;
            span.p50 = percentile(latencies, 0.50);
            span.p99 = percentile(latencies, 0.99);
        }
        spans
    }
}

/// What happened in one of many equal spans of a row. Work is counted when it was done, as a share
/// of capacity.
#[derive(Clone, Copy, Debug, Default)]
pub struct Span {
    pub limit: Option<usize>,
    pub in_flight: usize,
    pub goodput: f64,
    pub wasted: f64,
    pub p50: Option<Duration>,
    pub p99: Option<Duration>,
}

fn served<'a>(answers: impl Iterator<Item = &'a Answer>) -> impl Iterator<Item = &'a Answer> {
    answers.filter(|answer| answer.fate == Fate::Served)
}

/// Sorts `values` and returns the smallest that at least `share` of them do not exceed.
pub fn percentile(values: &mut [Duration], share: f64) -> Option<Duration> {
    values.sort_unstable();
    let rank = (values.len() as f64 * share).ceil() as usize;
    values.get(rank.saturating_sub(1)).copied()
}

const RECOVERY_WINDOW: Duration = Duration::from_millis(250);
const RECOVERY_STEP: Duration = Duration::from_millis(10);
