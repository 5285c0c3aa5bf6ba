//! What is said before and after: the set-up, the table, and whether the adaptive rows did it.

use std::fmt::Write as _;
use std::time::Duration;

use console::style;

use crate::measure::{Figures, Record};
use crate::row::Row;
use crate::traffic::{CALM_LOAD, CLIENT_TIMEOUT, CONNECTIONS, MEAN_SERVICE, Traffic, capacity};

pub fn introduction(rows: &[Row], traffic: &Traffic) -> String {
    let mut text = setting(traffic) + "\n";
    for row in rows {
        let _ = writeln!(
            text,
            "{} {}",
            style(format!("{:16}", row.name())).bold(),
            row.options()
        );
    }
    text + "\n"
}

/// Says in three lines what is done to what.
pub fn setting(traffic: &Traffic) -> String {
    let (start, end) = (traffic.overload.start, traffic.overload.end);
    format!(
        "A dependency with {CONNECTIONS} connections and {} ms a query (lognormal, p99 {} ms) \
         can do {} requests/s.\n\
         Clients ask for {CALM_LOAD} × that for {:.1} s, {} × for {:.1} s, {CALM_LOAD} × for {:.1} s, \
         and give up after {} ms.\n\
         Every row gets the same {} arrivals and query times.\n",
        MEAN_SERVICE.as_millis(),
        millis(traffic.service_p99()),
        capacity(),
        start.as_secs_f64(),
        traffic.load,
        (end - start).as_secs_f64(),
        (traffic.length - end).as_secs_f64(),
        CLIENT_TIMEOUT.as_millis(),
        traffic.arrivals.len(),
    )
}

/// Says in a few words what came of a row in the overload.
pub fn summary(record: &Record, traffic: &Traffic) -> String {
    let figures = record.figures(traffic);
    format!(
        "goodput {} · p99 {} ms · rejected {} · timed out {}",
        percent(figures.goodput),
        optional(figures.p99, millis),
        percent(figures.rejected),
        percent(figures.timed_out),
    )
}

pub fn figures(records: &[Record], traffic: &Traffic) -> String {
    let rows: Vec<_> = records
        .iter()
        .map(|record| (record.row, record.figures(traffic)))
        .collect();
    let mut text = String::new();
    for heading in HEADING {
        let _ = writeln!(text, "{}", style(heading).dim());
    }
    for (row, figures) in &rows {
        let _ = writeln!(text, "{}", line(*row, figures, traffic));
    }
    let _ = writeln!(text, "{}", style(LEGEND).dim());
    let _ = writeln!(text, "{}", schedule(&rows, traffic));
    for (row, figures) in rows.iter().filter(|(row, _)| row.is_adaptive()) {
        let _ = writeln!(text, "{}", verdict(*row, figures, traffic));
    }
    text
}

fn line(row: Row, figures: &Figures, traffic: &Traffic) -> String {
    let times = |p99| format!("{:.1} ×", times_service(p99, traffic));
    let seconds = |time: Duration| format!("{:.2} s", time.as_secs_f64());
    format!(
        "{} {:>7} {:>6} {:>6} {:>6} {:>9} {:>10} {:>7} {:>9} {:>6}",
        style(format!("{:16}", row.name())).bold(),
        percent(figures.goodput),
        optional(figures.p50, millis),
        optional(figures.p99, millis),
        optional(figures.p99, times),
        percent(figures.rejected),
        percent(figures.timed_out),
        percent(figures.wasted),
        optional(figures.recovery, seconds),
        optional(figures.final_limit, |limit| limit.to_string()),
    )
}

/// Whether the clients were the bottleneck: all rows at their worst, or each row where they were.
fn schedule(rows: &[(Row, Figures)], traffic: &Traffic) -> String {
    let due = traffic.arrivals.len();
    let is_behind = |figures: &Figures| {
        figures.sent < due || figures.failed > 0 || figures.late_p99 >= MEAN_SERVICE
    };
    let mut text = String::new();
    for (row, figures) in rows.iter().filter(|(_, figures)| is_behind(figures)) {
        let _ = writeln!(
            text,
            "The clients fell behind, so do not trust the row \"{}\": {} of {due} requests sent,\n\
             {} failed, late by {:.1} ms at p99 and {:.1} ms at most.",
            row.name(),
            figures.sent,
            figures.failed,
            exact_millis(figures.late_p99),
            exact_millis(figures.late_max),
        );
    }
    if text.is_empty() {
        let worst =
            |of: fn(&Figures) -> Duration| rows.iter().map(|(_, figures)| of(figures)).max();
        let _ = writeln!(
            text,
            "The clients kept their schedule: all {due} requests sent in every row, late by {:.1} ms\n\
             at p99 and {:.1} ms at most in the worst row.",
            exact_millis(worst(|figures| figures.late_p99).unwrap_or_default()),
            exact_millis(worst(|figures| figures.late_max).unwrap_or_default()),
        );
    }
    text
}

/// Whether an adaptive row did what it is there for.
fn verdict(row: Row, figures: &Figures, traffic: &Traffic) -> String {
    let times = figures
        .p99
        .map_or(f64::INFINITY, |p99| times_service(p99, traffic));
    let marks = match (figures.goodput >= GOODPUT_MARK, times < P99_MARK) {
        (true, true) => "both marks met",
        (true, false) => "p99 missed its mark",
        (false, true) => "goodput missed its mark",
        (false, false) => "both marks missed",
    };
    format!(
        "{}: {marks}. Goodput {} of capacity (at least {}), p99 {times:.1} × the dependency's own (below {P99_MARK} ×).",
        row.name(),
        percent(figures.goodput),
        percent(GOODPUT_MARK),
    )
}

fn times_service(p99: Duration, traffic: &Traffic) -> f64 {
    p99.as_secs_f64() / traffic.service_p99().as_secs_f64()
}

fn optional<T>(value: Option<T>, show: impl Fn(T) -> String) -> String {
    value.map_or_else(|| "–".to_owned(), show)
}

fn percent(share: f64) -> String {
    format!("{:.1}%", 100.0 * share)
}

fn millis(time: Duration) -> String {
    format!("{:.0}", exact_millis(time))
}

fn exact_millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

const HEADING: [&str; 2] = [
    "                                   in the overload                                     after",
    "                 goodput    p50    p99  ÷ own  rejected  timed out  wasted  recovery  limit",
];

const LEGEND: &str = "
goodput    answers that came within the client timeout, as a share of capacity
p50, p99   of what was served, in ms; ÷ own: p99 as a multiple of the dependency's own p99
rejected   share of the requests answered with 503; timed out: not answered in time
wasted     share of the dependency's queries whose client had gone before they were done
recovery   until 95% of the requests, in 250 ms and in all that follows, are served within twice
           the dependency's own p99; –: not in this run
";

const GOODPUT_MARK: f64 = 0.9;
const P99_MARK: f64 = 5.0;
