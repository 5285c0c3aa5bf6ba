use super::Window;
use super::measure::Measure::{
    self, AtMinimum, Drift, Fairness, FalseRejects, Found, Goodput, Moved, P99, P99Alone, P99Trend,
    Recovered, Rejected, Settled, Throughput,
};
use crate::suite::Worst;

/// A row: what is measured in a scenario, and what it must be.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Target {
    /// What the rows around it have in common.
    pub group: &'static str,
    /// The scenario, of `scenarios/` or of `targets/`.
    pub scenario: &'static str,
    /// What is measured.
    pub measure: Measure,
    /// What it must be.
    pub bound: Bound,
}

/// What a measure must be on every seed.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Bound {
    /// This or more.
    AtLeast(f64),
    /// This or less.
    AtMost(f64),
    /// Nothing is asked; it is shown for what it says about the rows beside it. More is better.
    Nothing,
}

impl Bound {
    /// Returns whether a value is as asked; what is not a number never is.
    #[must_use]
    pub fn is_met(&self, value: f64) -> bool {
        match self {
            Self::AtLeast(bound) => value >= *bound,
            Self::AtMost(bound) => value <= *bound,
            Self::Nothing => true,
        }
    }

    /// Returns which end is the worst.
    #[must_use]
    pub fn worst(&self) -> Worst {
        match self {
            Self::AtMost(_) => Worst::Highest,
            Self::AtLeast(_) | Self::Nothing => Worst::Lowest,
        }
    }
}

/// Declares the table: groups, and in each scenario, measure and bound.
macro_rules! table {
    ($($group:literal: { $($scenario:literal: $measure:expr, $bound:expr;)* })*) => {
        /// Everything that is asked.
        pub const TABLE: &[Target] = &[
            $($(Target { group: $group, scenario: $scenario, measure: $measure, bound: $bound },)*)*
        ];
    };
}

table! {
    "Steady overload": {
        "overload-2x-c32":              Goodput(Window::after(3)), AtLeast(0.98);
        "overload-2x-c32":              P99Alone(Window::after(3)), AtMost(1.15);
        "overload-5x-c32":              Goodput(Window::after(3)), AtLeast(0.98);
        "overload-5x-c32":              P99Alone(Window::after(3)), AtMost(1.15);
        "overload-10x-c32":             Goodput(Window::after(3)), AtLeast(0.98);
        "overload-10x-c32":             P99Alone(Window::after(3)), AtMost(1.15);
        "overload-2x-c8":               Goodput(Window::after(3)), AtLeast(0.98);
        "overload-2x-c8":               P99Alone(Window::after(3)), AtMost(1.4);
        "overload-5x-c8":               Goodput(Window::after(3)), AtLeast(0.98);
        "overload-5x-c8":               P99Alone(Window::after(3)), AtMost(1.4);
        "overload-10x-c8":              Goodput(Window::after(3)), AtLeast(0.98);
        "overload-10x-c8":              P99Alone(Window::after(3)), AtMost(1.4);
    }
    "Any start": {
        "start-at-1":                   Found, AtMost(3.0);
        "start-at-5":                   Found, AtMost(3.0);
        "start-at-20":                  Found, AtMost(3.0);
        "start-at-200":                 Found, AtMost(3.0);
        "start-at-1000":                Found, AtMost(3.0);
    }
    "A step of the load": {
        "step-half-to-triple":          Goodput(Window::since(0, 0, 1)), AtLeast(0.95);
        "step-half-to-triple":          P99(Window::since(0, 0, 1)), AtMost(1.5);
    }
    "A step of the capacity": {
        "capacity-32-8-32":             Settled(0), AtMost(2.0);
        "capacity-32-8-32":             Goodput(Window::since(1, 5, 15)), AtLeast(0.95);
        "capacity-32-8-32":             Goodput(Window::since(1, 0, 5)), Nothing;
    }
    "A slower dependency": {
        "dependency-60ms-slower":       Rejected(Window::since(0, 0, 5)), AtMost(0.05);
        "dependency-60ms-slower":       Rejected(Window::since_and_on(0, 5)), AtMost(0.0);
        "dependency-60ms-in-overload":  Goodput(Window::since_and_on(0, 0)), AtLeast(0.95);
    }
    "Two kinds of requests": {
        "bimodal-07x":                  FalseRejects, AtMost(0.001);
        "bimodal-2x":                   Goodput(Window::WHOLE), AtLeast(0.95);
        "bimodal-mix-changes":          Goodput(Window::WHOLE), AtLeast(0.95);
    }
    "Half an hour of overload": {
        "overload-30-minutes":          P99Trend(EARLY, LATE), AtMost(1.05);
        "overload-30-minutes":          Drift(EARLY, LATE), AtMost(0.1);
    }
    "After a long idle time": {
        "idle-then-3x":                 Goodput(Window::since(0, 0, 5)), AtLeast(0.9);
    }
    "Little traffic, and pauses": {
        "trickle":                      Rejected(Window::WHOLE), AtMost(0.0);
        "trickle-with-pauses":          Rejected(Window::WHOLE), AtMost(0.02);
        "bursts-and-pauses":            Rejected(Window::WHOLE), AtMost(0.02);
    }
    "A black hole": {
        "black-hole":                   AtMinimum(0), AtMost(3.0);
        "black-hole":                   Goodput(Window::since(1, 3, 13)), AtLeast(0.95);
        "black-hole":                   Goodput(Window::since(1, 0, 3)), Nothing;
    }
    "Fast errors": {
        "client-errors":                Moved, AtMost(0.05);
        "errors-as-overload-07x":       Moved, AtMost(0.05);
        "errors-as-overload-2x":        Moved, AtMost(0.05);
    }
    "Work for nobody, and retries": {
        "metastable":                   Recovered(0), AtMost(5.0);
        "metastable-deadline-as-error": Recovered(0), AtMost(5.0);
    }
    "Five instances": {
        "five-instances":               Fairness(Window::since_and_on(0, 0)), AtLeast(0.95);
        "five-instances":               Goodput(Window::since_and_on(0, 0)), AtLeast(0.95);
    }
    "A closed loop that waits": {
        "closed-loop-waits":            Throughput(Window::WHOLE), AtLeast(0.95);
    }
}

use Bound::{AtLeast, AtMost, Nothing};

/// Minutes 2 to 7.
const EARLY: Window = Window::seconds(120, 420);

/// The last 5 of 30 minutes.
const LATE: Window = Window::seconds(1500, 1800);
