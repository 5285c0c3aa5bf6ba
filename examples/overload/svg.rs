//! The picture: three panels for each row, with goodput, limit and latency over time.

use std::fmt::Write as _;
use std::time::Duration;

use crate::measure::{Record, Span};
use crate::panel::{HEIGHT, PANEL_WIDTH, Panel, Point, Scale, text};
use crate::table;
use crate::traffic::{CLIENT_TIMEOUT, CONNECTIONS, Traffic};

/// Draws all rows as one SVG document.
pub fn draw(records: &[Record], traffic: &Traffic) -> String {
    let height = TOP + records.len() as f64 * ROW + BOTTOM;
    let mut svg = format!(
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {height}' width='{WIDTH}' \
         height='{height}'>\n<style>{STYLE}</style>\n\
         <rect width='100%' height='100%' fill='#fff'/>\n"
    );
    text(
        &mut svg,
        (MARGIN, 42.0),
        "title",
        "One overload, and what limits make of it",
    );
    for (line, note) in table::setting(traffic).lines().enumerate() {
        text(&mut svg, (MARGIN, 66.0 + 18.0 * line as f64), "note", note);
    }
    draw_keys(&mut svg);
    for (index, record) in records.iter().enumerate() {
        draw_row(&mut svg, TOP + index as f64 * ROW, record, traffic);
    }
    draw_time(&mut svg, height - BOTTOM + 8.0, traffic);
    svg + "</svg>\n"
}

/// What the lines of each column are.
fn draw_keys(svg: &mut String) {
    for (column, (title, keys)) in COLUMNS.iter().enumerate() {
        let x = column_x(column);
        text(svg, (x, TOP - 38.0), "heading", title);
        let mut x = x;
        for (class, key) in *keys {
            let y = TOP - 22.0;
            let _ = writeln!(svg, "<path class='{class}' d='M{x},{y} h18'/>");
            text(svg, (x + 22.0, TOP - 18.0), "note", key);
            x += 38.0 + 6.2 * key.len() as f64;
        }
    }
}

fn draw_row(svg: &mut String, y: f64, record: &Record, traffic: &Traffic) {
    let right = WIDTH - MARGIN;
    let _ = writeln!(
        svg,
        "<line class='rule' x1='{MARGIN}' x2='{right}' y1='{y}' y2='{y}'/>"
    );
    text(svg, (MARGIN, y + 24.0), "name", record.row.name());
    text(
        svg,
        (MARGIN + 150.0, y + 24.0),
        "note",
        &record.row.options(),
    );
    let summary = table::summary(record, traffic);
    text(svg, (right, y + 24.0), "note end", &summary);

    let spans = record.spans(traffic, SPANS);
    let spans = |of: fn(&Span) -> Option<f64>| -> Vec<Point> {
        let middle = |index| (index as f64 + 0.5) / SPANS as f64;
        spans
            .iter()
            .enumerate()
            .map(|(index, span)| (middle(index), of(span)))
            .collect()
    };
    let when = |at: Duration| at.as_secs_f64() / traffic.length.as_secs_f64();
    let looks = record.moments.iter();
    let in_flight: Vec<Point> = looks
        .clone()
        .map(|look| (when(look.at), Some(look.in_flight as f64)))
        .collect();
    let limit: Vec<Point> = looks
        .map(|look| (when(look.at), look.limit.map(|limit| limit as f64)))
        .collect();
    let overload = when(traffic.overload.start)..when(traffic.overload.end);
    let panel = |column, scale| Panel::new(column_x(column), y + 38.0, scale, &overload);

    let goodput = panel(0, GOODPUT)
        .area("goodput", &spans(|span| Some(span.goodput)))
        .area("wasted", &spans(|span| Some(span.wasted)))
        .mark(1.0);
    let limit = panel(1, LIMIT)
        .area("in-flight", &in_flight)
        .mark(CONNECTIONS as f64)
        .line("limit", &limit)
        .peak("in flight", &in_flight);
    let latency = panel(2, LATENCY)
        .mark(5.0 * millis(traffic.service_p99()))
        .line("p50", &spans(|span| span.p50.map(millis)))
        .line("p99", &spans(|span| span.p99.map(millis)));
    for panel in [goodput, limit, latency] {
        svg.push_str(&panel.into_svg());
    }
}

/// The times at which the load changes, below each column.
fn draw_time(svg: &mut String, y: f64, traffic: &Traffic) {
    let (start, end) = (traffic.overload.start, traffic.overload.end);
    for column in 0..COLUMNS.len() {
        let x = |at: Duration| {
            column_x(column) + PANEL_WIDTH * at.as_secs_f64() / traffic.length.as_secs_f64()
        };
        for at in [Duration::ZERO, start, end, traffic.length] {
            let label = format!("{:.1} s", at.as_secs_f64());
            text(svg, (x(at), y), "tick middle", &label);
        }
        let label = format!("{} × capacity", traffic.load);
        text(svg, (x((start + end) / 2), y), "tick middle", &label);
    }
}

fn column_x(column: usize) -> f64 {
    MARGIN + 40.0 + column as f64 * (PANEL_WIDTH + 54.0)
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

const COLUMNS: [(&str, &[(&str, &str)]); 3] = [
    (
        "The dependency's work, of capacity",
        &[
            ("goodput", "served in time"),
            ("wasted", "for nobody"),
            ("mark", "capacity"),
        ],
    ),
    (
        "Requests at once",
        &[
            ("limit", "limit"),
            ("in-flight", "in flight"),
            ("mark", "connections"),
        ],
    ),
    (
        "Latency of what was served, ms",
        &[
            ("p99", "p99"),
            ("p50", "p50"),
            ("mark", "5 × the dependency's p99"),
        ],
    ),
];

const GOODPUT: Scale = Scale {
    top: 1.25,
    ticks: &[(0.0, "0"), (0.5, "50%"), (1.0, "100%")],
};
const LIMIT: Scale = Scale {
    top: 4.5 * CONNECTIONS as f64,
    ticks: &[
        (0.0, "0"),
        (16.0, "16"),
        (32.0, "32"),
        (48.0, "48"),
        (64.0, "64"),
    ],
};
const LATENCY: Scale = Scale {
    top: CLIENT_TIMEOUT.as_millis() as f64,
    ticks: &[(0.0, "0"), (250.0, "250"), (500.0, "500")],
};

const SPANS: usize = 90;

const MARGIN: f64 = 36.0;
const WIDTH: f64 = 2.0 * MARGIN + 40.0 + 3.0 * PANEL_WIDTH + 2.0 * 54.0;
const TOP: f64 = 170.0;
const ROW: f64 = HEIGHT + 58.0;
const BOTTOM: f64 = 44.0;

const STYLE: &str = "
  text { font-family: system-ui, 'Segoe UI', Helvetica, Arial, 'DejaVu Sans', sans-serif; font-size: 12px; fill: #475569 }
  .title { font-size: 24px; font-weight: 700; fill: #0f172a }
  .heading { font-size: 14px; font-weight: 600; fill: #0f172a }
  .name { font-size: 15px; font-weight: 700; fill: #0f172a }
  .tick { font-size: 11px; fill: #64748b }
  .end { text-anchor: end }
  .middle { text-anchor: middle }
  .rule { stroke: #e2e8f0 }
  .grid { stroke: #e2e8f0; stroke-width: 1 }
  .overload { fill: #fef3c7 }
  .mark { stroke: #0f172a; stroke-width: 1.2; stroke-dasharray: 5 4 }
  .peak { font-weight: 600; fill: #1e3a8a }
  polygon.goodput { fill: #4ade80 }
  polygon.wasted { fill: #f87171 }
  polygon.in-flight { fill: #93c5fd }
  polyline { fill: none; stroke-width: 1.8; stroke-linejoin: round }
  polyline.limit, path.limit { stroke: #1d4ed8 }
  polyline.p50, path.p50 { stroke: #0d9488 }
  polyline.p99, path.p99 { stroke: #c2410c }
  path { stroke-width: 4 }
  path.goodput { stroke: #4ade80 }
  path.wasted { stroke: #f87171 }
  path.in-flight { stroke: #93c5fd }
";
