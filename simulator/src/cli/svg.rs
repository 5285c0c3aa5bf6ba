use std::fmt::{self, Write as _};

/// A picture.
#[derive(Clone, Debug, Default)]
pub(super) struct Svg {
    body: String,
}

/// How a line looks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Stroke {
    /// As in CSS.
    pub colour: &'static str,
    /// In pixels.
    pub width: f64,
    /// Lengths of dashes and gaps; empty is a whole line.
    pub dash: &'static str,
    /// From 0 to 1.
    pub opacity: f64,
}

impl Stroke {
    /// A whole, opaque line.
    #[must_use]
    pub(super) const fn new(colour: &'static str, width: f64) -> Self {
        Self {
            colour,
            width,
            dash: "",
            opacity: 1.0,
        }
    }

    /// The same, with dashes.
    #[must_use]
    pub(super) const fn dashed(self, dash: &'static str) -> Self {
        Self { dash, ..self }
    }

    /// The same, as if behind paper.
    #[must_use]
    pub(super) const fn faint(self, opacity: f64) -> Self {
        Self { opacity, ..self }
    }
}

/// How a text looks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Font {
    /// In pixels.
    pub size: f64,
    /// As in CSS.
    pub colour: &'static str,
    /// `normal` or `bold`.
    pub weight: &'static str,
    /// Which point of it is where it is put: `start`, `middle` or `end`.
    pub anchor: &'static str,
}

impl Svg {
    /// Draws a line through points, with a gap where there is none.
    pub(super) fn path(
        &mut self,
        points: impl Iterator<Item = Option<(f64, f64)>>,
        clip: &str,
        stroke: Stroke,
    ) {
        let data = path_data(points);
        if !data.is_empty() {
            let _ = writeln!(
                self.body,
                r#"<path d="{data}" fill="none" clip-path="url(#{clip})" {}/>"#,
                attributes(stroke)
            );
        }
    }

    /// Draws a straight line.
    pub(super) fn line(&mut self, (x1, y1): (f64, f64), (x2, y2): (f64, f64), stroke: Stroke) {
        let _ = writeln!(
            self.body,
            r#"<path d="M{x1:.1} {y1:.1}L{x2:.1} {y2:.1}" fill="none" {}/>"#,
            attributes(stroke)
        );
    }

    /// Names a rectangle outside of which paths are not seen.
    pub(super) fn clip(&mut self, name: &str, (x, y): (f64, f64), (width, height): (f64, f64)) {
        let _ = writeln!(
            self.body,
            r#"<clipPath id="{name}"><rect x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}"/></clipPath>"#
        );
    }

    /// Fills a circle.
    pub(super) fn circle(&mut self, (x, y): (f64, f64), radius: f64, colour: &str) {
        let _ = writeln!(
            self.body,
            r#"<circle cx="{x:.1}" cy="{y:.1}" r="{radius}" fill="{colour}"/>"#
        );
    }

    /// Writes a text; `y` is its baseline.
    pub(super) fn text(&mut self, (x, y): (f64, f64), font: Font, text: &str) {
        let Font {
            size,
            colour,
            weight,
            anchor,
        } = font;
        let _ = writeln!(
            self.body,
            r#"<text x="{x:.1}" y="{y:.1}" font-size="{size}" font-weight="{weight}" fill="{colour}" text-anchor="{anchor}">{}</text>"#,
            escaped(text)
        );
    }

    /// Ends: the picture on white paper, so that it can be read on a dark page, too.
    #[must_use]
    pub(super) fn finish(self, width: f64, height: f64, title: &str) -> String {
        format!(
            r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" font-family="system-ui, 'Segoe UI', Helvetica, Arial, sans-serif" role="img">
<title>{}</title>
<rect width="{width}" height="{height}" fill="#ffffff"/>
{}</svg>
"##,
            escaped(title),
            self.body
        )
    }
}

/// Writes points as a path: steps of tenths of a pixel, the shortest way there is.
fn path_data(points: impl Iterator<Item = Option<(f64, f64)>>) -> String {
    let tenths = |value: f64| (value * 10.0).round() as i64;
    let mut data = String::new();
    let mut pen: Option<(i64, i64)> = None;
    // How far a level line has come that is not written yet.
    let mut level = 0;
    for point in points {
        let Some((x, y)) = point.map(|(x, y)| (tenths(x), tenths(y))) else {
            write_step(&mut data, (level, 0));
            (pen, level) = (None, 0);
            continue;
        };
        match pen {
            None => {
                let _ = write!(data, "M{} {}l", Tenths(x), Tenths(y));
            }
            Some((_, before)) if before == y => level += x - pen.map_or(x, |(x, _)| x),
            Some((from, before)) => {
                write_step(&mut data, (level, 0));
                level = 0;
                write_step(&mut data, (x - from, y - before));
            }
        }
        pen = Some((x, y));
    }
    write_step(&mut data, (level, 0));
    data
}

fn write_step(data: &mut String, (x, y): (i64, i64)) {
    if (x, y) != (0, 0) {
        let separator = if data.ends_with('l') { "" } else { " " };
        let _ = write!(data, "{separator}{} {}", Tenths(x), Tenths(y));
    }
}

/// A number of tenths.
struct Tenths(i64);

impl fmt::Display for Tenths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(tenths) = self;
        let sign = if *tenths < 0 { "-" } else { "" };
        let (whole, rest) = (tenths.abs() / 10, tenths.abs() % 10);
        match rest {
            0 => write!(f, "{sign}{whole}"),
            _ if whole == 0 => write!(f, "{sign}.{rest}"),
            _ => write!(f, "{sign}{whole}.{rest}"),
        }
    }
}

fn attributes(stroke: Stroke) -> String {
    let Stroke {
        colour,
        width,
        dash,
        opacity,
    } = stroke;
    let mut attributes =
        format!(r#"stroke="{colour}" stroke-width="{width}" stroke-linejoin="round""#);
    if !dash.is_empty() {
        let _ = write!(attributes, r#" stroke-dasharray="{dash}""#);
    }
    if opacity < 1.0 {
        let _ = write!(attributes, r#" stroke-opacity="{opacity}""#);
    }
    attributes
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            // XML has no way to write the others.
            c if c.is_control() && !c.is_whitespace() => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_steps_and_gaps_and_joins_level_ones() {
        let points = [
            Some((1.0, 2.0)),
            Some((2.0, 2.0)),
            Some((3.04, 2.0)),
            Some((4.0, 1.5)),
            None,
            Some((5.0, 1.0)),
            Some((6.0, 1.0)),
        ];
        assert_eq!(path_data(points.into_iter()), "M1 2l2 0 1 -.5M5 1l1 0");
    }

    #[test]
    fn text_is_escaped() {
        assert_eq!(escaped("a < b & \u{1}"), "a &lt; b &amp; \u{fffd}");
    }
}
