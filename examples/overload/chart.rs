//! The chart in the terminal: limit and latency over time, drawn with the dots of Braille patterns.

use std::fmt::Write as _;
use std::time::Duration;

use console::{Color, style};

use crate::measure::{Record, Span};
use crate::traffic::{CLIENT_TIMEOUT, CONNECTIONS, Traffic};

/// Draws one row: limit and in flight on the left, latency on the right, in 80 columns.
pub fn draw(record: &Record, traffic: &Traffic) -> String {
    let spans = record.spans(traffic, DOTS_ACROSS);
    let values = |of: fn(&Span) -> Option<f64>| spans.iter().map(of).collect::<Vec<_>>();
    let mut limits = Canvas::new(LIMIT_TOP);
    limits.dotted(&values(|span| Some(span.in_flight as f64)), Color::Yellow);
    limits.solid(
        &values(|span| span.limit.map(|limit| limit as f64)),
        Color::Cyan,
    );
    let mut latencies = Canvas::new(LATENCY_TOP);
    latencies.dotted(&values(|span| span.p50.map(millis)), Color::Green);
    latencies.solid(&values(|span| span.p99.map(millis)), Color::Magenta);

    let mut text = format!("{}\n", style(record.row.name()).bold());
    for line in 0..LINES {
        let _ = writeln!(text, "{}  {}", limits.line(line), latencies.line(line));
    }
    let axis = time_axis(traffic);
    let _ = writeln!(text, "{}", style(format!("{axis}  {axis}")).dim());
    text
}

/// What the lines are.
pub fn legend() -> String {
    format!(
        "{:5} {} {} in flight {:15} {:5} {} {} p50, in ms\n",
        "",
        style("━━ limit").cyan(),
        style("┄┄").yellow(),
        "",
        "",
        style("━━ p99").magenta(),
        style("┄┄").green(),
    )
}

fn time_axis(traffic: &Traffic) -> String {
    let column = |at: Duration| {
        (at.as_secs_f64() / traffic.length.as_secs_f64() * WIDTH as f64).round() as usize
    };
    let (start, end) = (column(traffic.overload.start), column(traffic.overload.end));
    let middle = format!("{:━^1$}", " overload ", end - start);
    format!(
        "{:5} {}{middle}{}",
        "",
        "─".repeat(start),
        "─".repeat(WIDTH - end)
    )
}

/// A grid of characters with 2 × 4 dots each, for values from 0 to `top`.
struct Canvas {
    top: f64,
    cells: [[Cell; WIDTH]; LINES],
}

#[derive(Clone, Copy)]
struct Cell {
    dots: u8,
    color: Color,
}

impl Canvas {
    fn new(top: f64) -> Self {
        let empty = Cell {
            dots: 0,
            color: Color::White,
        };
        Self {
            top,
            cells: [[empty; WIDTH]; LINES],
        }
    }

    fn dotted(&mut self, values: &[Option<f64>], color: Color) {
        for (x, value) in values.iter().enumerate().step_by(2) {
            if let Some(value) = value {
                self.dot(x, self.height(*value), color);
            }
        }
    }

    fn solid(&mut self, values: &[Option<f64>], color: Color) {
        let mut last = None;
        for (x, value) in values.iter().enumerate() {
            let y = value.map(|value| self.height(value));
            if let Some(y) = y {
                let from = last.unwrap_or(y);
                for y in from.min(y)..=from.max(y) {
                    self.dot(x, y, color);
                }
            }
            last = y;
        }
    }

    /// In dots from the top. What is too large for the canvas runs along its upper edge.
    fn height(&self, value: f64) -> usize {
        let share = (value / self.top).clamp(0.0, 1.0);
        ((1.0 - share) * (DOTS_DOWN - 1) as f64).round() as usize
    }

    fn dot(&mut self, x: usize, y: usize, color: Color) {
        let cell = &mut self.cells[y / 4][x / 2];
        cell.dots |= BRAILLE[y % 4][x % 2];
        cell.color = color;
    }

    fn line(&self, line: usize) -> String {
        let label = self.top * (LINES - line) as f64 / LINES as f64;
        let mut text = style(format!("{label:>4.0} ┤")).dim().to_string();
        for cell in self.cells[line] {
            let dots = char::from_u32(0x2800 + u32::from(cell.dots)).unwrap_or(' ');
            let _ = write!(text, "{}", style(dots).fg(cell.color));
        }
        text
    }
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

const WIDTH: usize = 33;
const LINES: usize = 4;
const DOTS_ACROSS: usize = 2 * WIDTH;
const DOTS_DOWN: usize = 4 * LINES;

/// The bits of a Braille pattern's dots, by line and column.
const BRAILLE: [[u8; 2]; 4] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];

const LIMIT_TOP: f64 = 4.0 * CONNECTIONS as f64;
const LATENCY_TOP: f64 = CLIENT_TIMEOUT.as_millis() as f64;
