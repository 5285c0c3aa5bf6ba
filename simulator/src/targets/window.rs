use tower_adaptive::Fixed;

use crate::model::{Sim, Tick};
use crate::scenario::Scenario;

/// A part of a run, in whole seconds since its start or since an event was over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    event: Option<usize>,
    from_s: u32,
    to_s: u32,
}

impl Window {
    /// All of it.
    pub const WHOLE: Self = Self::after(0);

    /// From so many seconds on.
    #[must_use]
    pub const fn after(from_s: u32) -> Self {
        Self {
            event: None,
            from_s,
            to_s: END,
        }
    }

    /// These seconds of the run.
    #[must_use]
    pub const fn seconds(from_s: u32, to_s: u32) -> Self {
        Self {
            event: None,
            from_s,
            to_s,
        }
    }

    /// These seconds since an event, which has its index in the scenario.
    #[must_use]
    pub const fn since(event: usize, from_s: u32, to_s: u32) -> Self {
        Self {
            event: Some(event),
            from_s,
            to_s,
        }
    }

    /// From so many seconds after an event on.
    #[must_use]
    pub const fn since_and_on(event: usize, from_s: u32) -> Self {
        Self::since(event, from_s, END)
    }

    /// Returns the ticks that are in it.
    pub(super) fn of<'a>(&self, scenario: &Scenario, ticks: &'a [Tick]) -> &'a [Tick] {
        let begin = self.event.map_or(0, |event| over(scenario, event));
        let at = |seconds: u32| (begin + seconds as usize * PER_SECOND).min(ticks.len());
        let end = if self.to_s == END {
            ticks.len()
        } else {
            at(self.to_s)
        };
        &ticks[at(self.from_s)..end]
    }

    /// Says which part it is.
    pub(super) fn words(&self, scenario: &Scenario) -> String {
        let Self { from_s, to_s, .. } = self;
        let since = match self.event {
            None => String::new(),
            Some(event) => format!(" after “{}”", scenario.run.events[event].note),
        };
        match (self.event, *from_s, *to_s) {
            (None, 0, END) => "whole run".to_owned(),
            (None, _, END) => format!("after {from_s} s"),
            (None, ..) => format!("{from_s}–{to_s} s"),
            (Some(_), 0, END) => format!("all{since}"),
            (Some(_), _, END) => format!("from {from_s} s{since} on"),
            (Some(_), ..) => format!("{from_s}–{to_s} s{since}"),
        }
    }
}

/// Returns the first tick after an event: after its straight line, or its pause.
pub(super) fn over(scenario: &Scenario, event: usize) -> usize {
    let event = &scenario.run.events[event];
    let over_ns = event.at.nanos() + event.over.nanos() + event.pause.nanos();
    over_ns.div_ceil(tick_ns()) as usize
}

/// Returns the ticks from the end of an event to the next event, or to the end.
pub(super) fn phase<'a>(scenario: &Scenario, event: usize, ticks: &'a [Tick]) -> &'a [Tick] {
    let begin = over(scenario, event).min(ticks.len());
    let next = scenario.run.events.get(event + 1);
    let end = next.map_or(ticks.len(), |next| (next.at.nanos() / tick_ns()) as usize);
    &ticks[begin..end.clamp(begin, ticks.len())]
}

fn tick_ns() -> u64 {
    Sim::<Fixed>::TICK.nanos()
}

/// How many ticks a second has.
pub(super) const PER_SECOND: usize = 10;

const END: u32 = u32::MAX;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Span;

    /// Eight seconds, with a stall of a second at 2 s and something else at 5 s.
    fn scenario() -> Scenario {
        let text = "title = \"t\"\nwhy = \"w\"\n[run]\nlength = \"8s\"
            [[run.events]]\nat = \"2s\"\nnote = \"stall\"\npause = \"1s\"
            [[run.events]]\nat = \"5s\"\nnote = \"more\"\nset = { rate = 200 }";
        Scenario::from_toml("test", text).unwrap()
    }

    /// Returns when the first and the last of these ticks ended.
    fn ends(ticks: &[Tick]) -> (f64, f64) {
        (ticks[0].at.secs(), ticks[ticks.len() - 1].at.secs())
    }

    fn ticks() -> Vec<Tick> {
        let tick = |i: u64| Tick {
            at: Span::from_millis(100 * i),
            ..Tick::default()
        };
        (1..=80).map(tick).collect()
    }

    #[test]
    fn seconds_count_from_the_start_or_from_the_end_of_an_event() {
        let (scenario, ticks) = (scenario(), ticks());
        let cases = [
            (Window::WHOLE, (0.1, 8.0), "whole run"),
            (Window::after(3), (3.1, 8.0), "after 3 s"),
            (Window::seconds(1, 2), (1.1, 2.0), "1–2 s"),
            (Window::since(0, 0, 1), (3.1, 4.0), "0–1 s after “stall”"),
            (Window::since(1, 1, 90), (6.1, 8.0), "1–90 s after “more”"),
            (Window::since_and_on(1, 0), (5.1, 8.0), "all after “more”"),
            (
                Window::since_and_on(1, 2),
                (7.1, 8.0),
                "from 2 s after “more” on",
            ),
        ];
        for (window, expected, words) in cases {
            assert_eq!(ends(window.of(&scenario, &ticks)), expected, "{words}");
            assert_eq!(window.words(&scenario), words);
        }
    }

    #[test]
    fn a_window_beyond_the_end_is_empty() {
        assert!(Window::after(9).of(&scenario(), &ticks()).is_empty());
    }

    #[test]
    fn a_phase_ends_at_the_next_event() {
        let (scenario, ticks) = (scenario(), ticks());
        assert_eq!(ends(phase(&scenario, 0, &ticks)), (3.1, 5.0));
        assert_eq!(ends(phase(&scenario, 1, &ticks)), (5.1, 8.0));
    }
}
