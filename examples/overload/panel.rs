//! One panel of the picture: a frame, and values over time in it.

use std::fmt::Write as _;
use std::ops::Range;

/// A share of the row's length, and the value then, if there was one.
pub type Point = (f64, Option<f64>);

/// The values from 0 to the upper edge, and those written beside the panel.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    pub top: f64,
    pub ticks: &'static [(f64, &'static str)],
}

/// The SVG elements of a panel at some place. What is above its scale runs along the upper edge.
#[derive(Debug)]
pub struct Panel {
    svg: String,
    x: f64,
    y: f64,
    scale: Scale,
}

impl Panel {
    /// Draws the frame: the overload shaded, a line and a label for each tick.
    pub fn new(x: f64, y: f64, scale: Scale, overload: &Range<f64>) -> Self {
        let mut panel = Self {
            svg: String::new(),
            x,
            y,
            scale,
        };
        let _ = writeln!(
            panel.svg,
            "<rect class='overload' x='{:.1}' y='{y}' width='{:.1}' height='{HEIGHT}'/>",
            x + overload.start * PANEL_WIDTH,
            (overload.end - overload.start) * PANEL_WIDTH,
        );
        for &(value, label) in scale.ticks {
            let y = panel.height(value);
            panel.horizontal("grid", y);
            text(&mut panel.svg, (x - 7.0, y + 4.0), "tick end", label);
        }
        panel
    }

    /// Draws a dashed line across.
    pub fn mark(mut self, value: f64) -> Self {
        let y = self.height(value);
        self.horizontal("mark", y);
        self
    }

    /// Draws a line, with a gap where there is no value.
    pub fn line(mut self, class: &str, points: &[Point]) -> Self {
        for run in points
            .split(|(_, value)| value.is_none())
            .filter(|run| !run.is_empty())
        {
            let path = self.path(run);
            let _ = writeln!(self.svg, "<polyline class='{class}' points='{path}'/>");
        }
        self
    }

    /// Fills what is below the values.
    pub fn area(mut self, class: &str, points: &[Point]) -> Self {
        if let Some(((first, _), (last, _))) = points.first().zip(points.last()) {
            let ground = |share| self.path(&[(share, Some(0.0))]);
            let (from, to, path) = (ground(*first), ground(*last), self.path(points));
            let _ = writeln!(
                self.svg,
                "<polygon class='{class}' points='{from} {path} {to}'/>"
            );
        }
        self
    }

    /// Writes the largest value into the panel if that is above the scale.
    pub fn peak(mut self, of: &str, points: &[Point]) -> Self {
        let peak = points
            .iter()
            .filter_map(|(_, value)| *value)
            .fold(0.0, f64::max);
        if peak > self.scale.top {
            let place = (self.x + PANEL_WIDTH / 2.0, self.y + 15.0);
            let peak = format!("up to {peak} {of}");
            text(&mut self.svg, place, "peak middle", &peak);
        }
        self
    }

    pub fn into_svg(self) -> String {
        self.svg
    }

    fn horizontal(&mut self, class: &str, y: f64) {
        let (from, to) = (self.x, self.x + PANEL_WIDTH);
        let _ = writeln!(
            self.svg,
            "<line class='{class}' x1='{from:.1}' x2='{to:.1}' y1='{y:.1}' y2='{y:.1}'/>"
        );
    }

    fn path(&self, points: &[Point]) -> String {
        let mut path = String::new();
        for (share, value) in points {
            let x = self.x + share * PANEL_WIDTH;
            let y = self.height(value.unwrap_or(0.0));
            let _ = write!(path, "{x:.1},{y:.1} ");
        }
        path
    }

    fn height(&self, value: f64) -> f64 {
        self.y + HEIGHT * (1.0 - (value / self.scale.top).min(1.0))
    }
}

/// Writes a text element.
pub fn text(svg: &mut String, (x, y): (f64, f64), class: &str, text: &str) {
    let _ = writeln!(
        svg,
        "<text class='{class}' x='{x:.1}' y='{y:.1}'>{text}</text>"
    );
}

pub const PANEL_WIDTH: f64 = 340.0;
pub const HEIGHT: f64 = 96.0;
