use super::svg::{Font, Stroke};

/// So many algorithms can be told apart.
pub(super) const MOST_LINES: usize = 6;

pub(super) const WIDTH: f64 = 960.0;
pub(super) const MARGIN: f64 = 20.0;
pub(super) const LEFT: f64 = 66.0;
pub(super) const RIGHT: f64 = WIDTH - 28.0;
pub(super) const MOST_NOTES: usize = 12;

/// What is this many times the goodput is left out, or the goodput would be a line at the bottom.
pub(super) const HIDES: f64 = 4.0;

/// Colours that the colour-blind can tell apart (M. Okabe and K. Ito, *Color Universal Design*, 2008),
/// and dashes for those who see none.
pub(super) const STROKES: &[Stroke; MOST_LINES] = &[
    Stroke::new("#0072b2", 1.8),
    Stroke::new("#d55e00", 1.8).dashed("7 2"),
    Stroke::new("#009e73", 1.8).dashed("3 1.5"),
    Stroke::new("#aa4499", 1.8).dashed("9 2 2 2"),
    Stroke::new("#e69f00", 1.8).dashed("12 3"),
    Stroke::new("#56b4e9", 1.8).dashed("2 2"),
];
pub(super) const ORACLE: Stroke = Stroke::new("#111111", 1.3).dashed("5 4");
pub(super) const OFFERED: Stroke = Stroke::new("#9a9a9a", 1.3);
pub(super) const CAPACITY: Stroke = Stroke::new("#555555", 1.3).dashed("1.5 3");
pub(super) const SLO: Stroke = Stroke::new("#c1121f", 1.2).dashed("2 3");
pub(super) const GRID: Stroke = Stroke::new("#e8e8e8", 1.0);
pub(super) const FRAME: Stroke = Stroke::new("#888888", 1.0);
pub(super) const EVENT: Stroke = Stroke::new("#666666", 1.0).dashed("2 2");

pub(super) const TITLE: Font = font(19.0, "#111111", "bold", "start");
pub(super) const CAPTION: Font = font(12.5, "#444444", "normal", "start");
pub(super) const LEGEND: Font = font(12.5, "#222222", "normal", "start");
pub(super) const PANEL: Font = font(12.5, "#222222", "bold", "start");
pub(super) const MARK_MIDDLE: Font = font(11.0, "#555555", "normal", "middle");
pub(super) const MARK_END: Font = font(11.0, "#555555", "normal", "end");
pub(super) const BADGE: Font = font(10.0, "#ffffff", "bold", "middle");

const fn font(size: f64, colour: &'static str, weight: &'static str, anchor: &'static str) -> Font {
    Font {
        size,
        colour,
        weight,
        anchor,
    }
}
