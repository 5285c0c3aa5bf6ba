use tower_adaptive_sim::model::Config;

use super::notes::{self, Mark};
use super::scale::{self, Scale};
use super::style::{
    BADGE, EVENT, FRAME, GRID, LEFT, LEGEND, MARK_END, MARK_MIDDLE, MOST_NOTES, PANEL, RIGHT, WIDTH,
};
use super::svg::{Font, Stroke, Svg};
use super::words::{plain, wrapped};

/// Panels, one below the other, that share the axis of time.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) svg: Svg,
    /// Down to where it is drawn.
    pub(super) y: f64,
    time: Scale,
    /// From where to where each panel goes.
    panels: Vec<(f64, f64)>,
}

impl Frame {
    /// Begins, for a run of this length.
    pub(super) fn new(length_secs: f64) -> Self {
        Self {
            svg: Svg::default(),
            y: 10.0,
            time: Scale::linear(length_secs, (LEFT, RIGHT)),
            panels: Vec::new(),
        }
    }

    /// Writes a text from `x` to the right edge, in as many lines as it takes.
    pub(super) fn paragraph(&mut self, x: f64, font: Font, text: &str) {
        // Bold is wider.
        let size = if font.weight == "bold" {
            1.1 * font.size
        } else {
            font.size
        };
        for line in wrapped(text, RIGHT - x, size) {
            self.y += (1.3 * font.size).round();
            self.svg.text((x, self.y), font, &line);
        }
    }

    /// Begins a panel: title, frame, and lines at round values.
    pub(super) fn panel(
        &mut self,
        name: &'static str,
        title: &str,
        height: f64,
        scale: impl FnOnce((f64, f64)) -> Scale,
        label: fn(f64) -> String,
    ) -> Panel {
        self.y += 24.0;
        let (baseline, top) = (self.y, self.y + 7.0);
        self.y = top + height;
        let scale = scale((self.y, top));
        let kind = if scale.is_log() { " (logarithmic)" } else { "" };
        self.svg
            .text((LEFT, baseline), PANEL, &format!("{title}{kind}"));
        self.panels.push((top, self.y));
        for mark in scale.marks((height / 30.0) as usize) {
            let y = scale.position(mark);
            self.svg.line((LEFT, y), (RIGHT, y), GRID);
            self.svg.text((LEFT - 6.0, y + 3.5), MARK_END, &label(mark));
        }
        self.svg.line((LEFT, self.y), (RIGHT, self.y), FRAME);
        // Half of a line that is at the edge is outside.
        self.svg
            .clip(name, (LEFT, top - 1.5), (RIGHT - LEFT, height + 3.0));
        Panel { name, scale }
    }

    /// Draws a line through points, each at a time in seconds.
    pub(super) fn curve(
        &mut self,
        panel: &Panel,
        points: impl Iterator<Item = (f64, Option<f64>)>,
        stroke: Stroke,
    ) {
        let points = points.map(|(at, value)| {
            let y = panel.scale.position(value?);
            Some((self.time.position(at), y))
        });
        self.svg.path(points, panel.name, stroke);
    }

    /// Draws a level line.
    pub(super) fn level(&mut self, panel: &Panel, value: f64, stroke: Stroke) {
        let y = panel.scale.position(value);
        self.svg.line((LEFT, y), (RIGHT, y), stroke);
    }

    /// Labels the axis of time.
    pub(super) fn times(&mut self, length: f64) {
        let (unit, name) = notes::unit(length);
        let step = unit * scale::round_up(length / unit / 12.0);
        self.y += 15.0;
        for i in 0..=(length / step + 1e-6) as u32 {
            let at = f64::from(i) * step;
            let x = self.time.position(at);
            self.svg.line((x, self.y - 15.0), (x, self.y - 11.0), FRAME);
            let label = format!("{} {name}", plain(at / unit));
            self.svg.text((x, self.y), MARK_MIDDLE, &label);
        }
    }

    /// Marks events in all panels, and says below what they are.
    pub(super) fn events(&mut self, run: &Config) {
        let (marks, notes) = notes::notes(run);
        let above = self.panels.first().map_or(0.0, |(top, _)| top - 32.0);
        for Mark { at, over, note } in marks {
            let x = self.time.position(at);
            let end = self.time.position(at + over).min(RIGHT);
            if over > 0.0 {
                self.svg.line((x, above), (end, above), EVENT);
            }
            for (top, bottom) in self.panels.clone() {
                self.svg.line((x, top), (x, bottom), EVENT);
                if over > 0.0 {
                    self.svg.line((end, top), (end, bottom), EVENT.faint(0.5));
                }
            }
            self.badge(x, above, note);
        }
        let rest = notes.len().saturating_sub(MOST_NOTES);
        self.y += if notes.is_empty() { 0.0 } else { 8.0 };
        for (i, note) in notes.iter().take(MOST_NOTES).enumerate() {
            self.badge(LEFT + 8.0, self.y + 14.0, i + 1);
            self.y += 2.0;
            self.paragraph(LEFT + 22.0, LEGEND, note);
        }
        if rest > 0 {
            self.y += 18.0;
            self.svg
                .text((LEFT + 22.0, self.y), LEGEND, &format!("and {rest} more"));
        }
        self.y += 6.0;
    }

    fn badge(&mut self, x: f64, y: f64, number: usize) {
        self.svg.circle((x, y), 7.5, EVENT.colour);
        self.svg.text((x, y + 3.5), BADGE, &number.to_string());
    }

    /// Ends.
    pub(super) fn finish(self, title: &str) -> String {
        self.svg.finish(WIDTH, self.y + 8.0, title)
    }
}

/// A part of the picture with an axis of its own.
#[derive(Clone, Copy, Debug)]
pub(super) struct Panel {
    /// What its curves are clipped by.
    name: &'static str,
    scale: Scale,
}
