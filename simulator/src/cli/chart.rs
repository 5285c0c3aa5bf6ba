use tower_adaptive_sim::scenario::{Place, Scenario};

use super::frame::{Frame, Panel};
use super::scale::Scale;
use super::series::{Point, Series};
use super::style::{
    CAPACITY, CAPTION, HIDES, LEGEND, MARGIN, OFFERED, ORACLE, RIGHT, SLO, STROKES, TITLE,
};
use super::svg::Stroke;
use super::words::{duration, plain, text_width};

/// Draws limits, latencies, goodput and rejects, one below the other.
#[must_use]
pub(super) fn draw(scenario: &Scenario, series: &[Series], oracle: &Series) -> String {
    let run = &scenario.run;
    let mut chart = Chart {
        frame: Frame::new(run.length.secs()),
        scenario,
        series,
        oracle,
    };
    chart.heading();
    chart.limits();
    chart.latencies();
    chart.goodput();
    chart.rejects();
    chart.frame.times(run.length.secs());
    chart.frame.events(run);
    chart.frame.finish(&scenario.title)
}

struct Chart<'a> {
    frame: Frame,
    scenario: &'a Scenario,
    series: &'a [Series],
    oracle: &'a Series,
}

impl Chart<'_> {
    fn heading(&mut self) {
        let Self {
            frame, scenario, ..
        } = self;
        frame.paragraph(MARGIN, TITLE, &scenario.title);
        frame.y += 6.0;
        frame.paragraph(MARGIN, CAPTION, &scenario.why);
        frame.y += 26.0;
        let mut x = MARGIN;
        let lines = self.series.iter().zip(STROKES);
        let lines = lines.map(|(series, stroke)| (series.name.as_str(), *stroke));
        for (name, stroke) in lines.chain([("oracle: the best fixed limits", ORACLE)]) {
            let width = 42.0 + text_width(name, LEGEND.size);
            if x + width > RIGHT && x > MARGIN {
                (x, frame.y) = (MARGIN, frame.y + 18.0);
            }
            let y = frame.y - 4.0;
            frame.svg.line((x, y), (x + 26.0, y), stroke);
            frame.svg.text((x + 32.0, frame.y), LEGEND, name);
            x += width + 14.0;
        }
        frame.y += if scenario.run.events.is_empty() {
            8.0
        } else {
            30.0
        };
    }

    fn limits(&mut self) {
        let limits = || self.all().map(|point| point.limit);
        let low = limits().fold(f64::INFINITY, f64::min).max(1.0);
        let high = limits().fold(1.0, f64::max);
        let run = &self.scenario.run;
        let mut events = run.events.iter();
        let has_several =
            run.start.instances > 1 || events.any(|event| event.set.instances.is_some());
        let of = match self.scenario.limiter {
            Place::Plant => " at the server",
            _ if has_several => " of all instances together",
            _ => "",
        };
        let title = format!("Limit{of}; in flight, faint");
        let panel = self.frame.panel(
            "limit",
            &title,
            150.0,
            |ends| Scale::fitting(low, high, ends),
            plain,
        );
        for (series, stroke) in self.series.iter().zip(STROKES) {
            self.curve(&panel, series, stroke.faint(0.35), |point| {
                Some(point.in_flight)
            });
        }
        self.curves(&panel, |point| Some(point.limit));
    }

    fn latencies(&mut self) {
        let slo = self.scenario.run.slo;
        // The oracle's median is not drawn.
        let medians = self.series.iter().flat_map(|series| &series.points);
        let medians: Vec<f64> = medians.filter_map(|point| point.p50).collect();
        let quantiles = || {
            let p99 = self.all().filter_map(|point| point.p99);
            p99.chain(medians.iter().copied())
        };
        let low = quantiles().fold(slo.secs(), f64::min);
        let high = quantiles().fold(slo.secs(), f64::max);
        let window = match self.oracle.window_secs {
            1.0 => "second".to_owned(),
            secs => format!("{secs} s"),
        };
        let slo_text = duration(slo.secs());
        let title = format!(
            "Response time in the last {window}: 99th percentile; median, faint. The SLO is {slo_text}"
        );
        let panel = self.frame.panel(
            "latency",
            &title,
            150.0,
            |ends| Scale::fitting(low, high, ends),
            duration,
        );
        self.frame.level(&panel, slo.secs(), SLO);
        for (series, stroke) in self.series.iter().zip(STROKES) {
            self.curve(&panel, series, stroke.faint(0.35), |point| point.p50);
        }
        self.curves(&panel, |point| point.p99);
    }

    fn goodput(&mut self) {
        let most = |value: fn(&Point) -> f64| self.all().map(value).fold(0.0, f64::max);
        let (good, offered, capacity) = (
            most(|point| point.good),
            most(|point| point.offered),
            most(|point| point.capacity),
        );
        let mut high = good;
        let mut title = "Answered within the SLO, per second".to_owned();
        for (name, value, stroke) in [
            ("offered", offered, "grey"),
            ("the servers' capacity", capacity, "dotted"),
        ] {
            if value <= HIDES * good {
                high = high.max(value);
                title.push_str(&format!("; {name}, {stroke}"));
            } else {
                title.push_str(&format!("; {name}, up to {}, is above", plain(value)));
            }
        }
        let panel = self.frame.panel(
            "goodput",
            &title,
            150.0,
            |ends| Scale::linear(high * 1.08, ends),
            plain,
        );
        self.curve(&panel, self.oracle, OFFERED, |point| Some(point.offered));
        self.curve(&panel, self.oracle, CAPACITY, |point| Some(point.capacity));
        self.curves(&panel, |point| Some(point.good));
    }

    fn rejects(&mut self) {
        let high = self.all().map(|point| point.rejected).fold(0.0, f64::max);
        let title = "Rejected by the limiter, per second";
        let panel = self.frame.panel(
            "rejects",
            title,
            90.0,
            |ends| Scale::linear(high * 1.08, ends),
            plain,
        );
        self.curves(&panel, |point| Some(point.rejected));
    }

    /// Draws a value of every algorithm and the oracle.
    fn curves(&mut self, panel: &Panel, value: fn(&Point) -> Option<f64>) {
        for (series, stroke) in self.series.iter().zip(STROKES) {
            self.curve(panel, series, *stroke, value);
        }
        self.curve(panel, self.oracle, ORACLE, value);
    }

    fn curve(
        &mut self,
        panel: &Panel,
        series: &Series,
        stroke: Stroke,
        value: fn(&Point) -> Option<f64>,
    ) {
        let points = series.points.iter();
        let points = points.map(|point| (point.at, value(point)));
        self.frame.curve(panel, points, stroke);
    }

    fn all(&self) -> impl Iterator<Item = &Point> {
        let series = self.series.iter().chain([self.oracle]);
        series.flat_map(|series| &series.points)
    }
}
