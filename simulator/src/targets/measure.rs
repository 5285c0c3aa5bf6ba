use super::case::Case;
use super::window::{Window, over, phase};
use super::{count, moment};
use crate::model::Maybe;
use crate::scenario::Scenario;

/// What can be measured. Events are given by their index in the scenario.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Measure {
    /// The goodput, as a part of the oracle's.
    Goodput(Window),
    /// What was answered, late or not, as a part of what the oracle answered.
    Throughput(Window),
    /// The 99th percentile as a multiple of the oracle's.
    P99(Window),
    /// The 99th percentile as a multiple of that with a fifth of the capacity's load and no limit: what
    /// the service takes without any queue.
    P99Alone(Window),
    /// The 99th percentile in the second window as a multiple of that in the first.
    P99Trend(Window, Window),
    /// How far the mean limit in the second window is from that in the first, as a part of it.
    Drift(Window, Window),
    /// What was rejected, as a part of the attempts.
    Rejected(Window),
    /// What was rejected in seconds in which the oracle rejected nothing, as a part of the attempts in
    /// them.
    FalseRejects,
    /// From when on the mean limit of each second is within 20% of the oracle's, for 5 s or more.
    Found,
    /// How long after an event until the limit, smoothed over half a second, stays within 25% of its
    /// mean over the last half of the time to the next event.
    Settled(usize),
    /// How many of the clients' deadlines after an event the limit is at the algorithm's minimum, or at
    /// 2 if that is more.
    AtMinimum(usize),
    /// How far the mean limit of the second half is from that of a run without errors that has as many
    /// requests for the servers, as a part of it.
    Moved,
    /// How long after an event until in each second 90% of what arrives is good.
    Recovered(usize),
    /// Jain's index of what the instances got.
    Fairness(Window),
}

/// How a value is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unit {
    /// A part of a whole.
    Part,
    /// A multiple.
    Times,
    /// Seconds.
    Seconds,
    /// Deadlines of the clients.
    Deadlines,
    /// An index up to 1.
    Index,
}

impl Measure {
    /// Returns how its values are to be read.
    #[must_use]
    pub fn unit(&self) -> Unit {
        match self {
            Self::P99(_) | Self::P99Alone(_) | Self::P99Trend(..) => Unit::Times,
            Self::Found | Self::Settled(_) | Self::Recovered(_) => Unit::Seconds,
            Self::AtMinimum(_) => Unit::Deadlines,
            Self::Fairness(_) => Unit::Index,
            _ => Unit::Part,
        }
    }

    /// Says what is measured in this scenario.
    #[must_use]
    pub fn words(&self, scenario: &Scenario) -> String {
        let words = |window: &Window| window.words(scenario);
        let note = |event: &usize| &scenario.run.events[*event].note;
        match self {
            Self::Goodput(window) => format!("goodput ÷ oracle’s, {}", words(window)),
            Self::Throughput(window) => format!("throughput ÷ oracle’s, {}", words(window)),
            Self::P99(window) => format!("p99 ÷ oracle’s, {}", words(window)),
            Self::P99Alone(window) => format!("p99 ÷ without a queue, {}", words(window)),
            Self::P99Trend(early, late) => {
                format!("p99, {} ÷ {}", words(late), words(early))
            }
            Self::Drift(early, late) => {
                format!(
                    "change of the limit, {} against {}",
                    words(late),
                    words(early)
                )
            }
            Self::Rejected(window) => format!("rejected, {}", words(window)),
            Self::FalseRejects => "rejected while the oracle rejects nothing".to_owned(),
            Self::Found => "limit within 20% of the oracle’s, from".to_owned(),
            Self::Settled(event) => format!("new plateau of the limit after “{}”", note(event)),
            Self::AtMinimum(event) => format!("limit at its minimum after “{}”", note(event)),
            Self::Moved => "change of the limit by the errors, second half".to_owned(),
            Self::Recovered(event) => format!("90% good in each second after “{}”", note(event)),
            Self::Fairness(window) => format!("Jain’s index, {}", words(window)),
        }
    }

    /// Returns whether it compares with the oracle.
    pub(super) fn needs_oracle(&self) -> bool {
        matches!(
            self,
            Self::Goodput(_)
                | Self::Throughput(_)
                | Self::P99(_)
                | Self::FalseRejects
                | Self::Found
        )
    }

    /// Measures.
    pub(super) fn of(&self, case: &Case<'_>) -> f64 {
        let scenario = case.scenario;
        let run = |window: &Window| window.of(scenario, &case.ticks);
        let best = |window: &Window| window.of(scenario, case.oracle());
        let ratio =
            |window, count: fn(&[_]) -> f64| count::part(count(run(window)), count(best(window)));
        let change = |now: f64, before: f64| (count::part(now, before) - 1.0).abs();
        match self {
            Self::Goodput(window) => ratio(window, count::good),
            Self::Throughput(window) => ratio(window, count::answered),
            Self::P99(window) => ratio(window, count::p99),
            Self::P99Alone(window) => count::p99(run(window)) / case.p99_alone(),
            Self::P99Trend(early, late) => count::p99(run(late)) / count::p99(run(early)),
            Self::Drift(early, late) => change(count::limit(run(late)), count::limit(run(early))),
            Self::Rejected(window) => count::rejected(run(window)),
            Self::FalseRejects => count::false_rejects(&case.ticks, case.oracle()),
            Self::Found => moment::found(&case.ticks, case.oracle_limit()),
            Self::Settled(event) => moment::settled(phase(scenario, *event, &case.ticks)),
            Self::AtMinimum(event) => {
                let fallen = moment::fallen(phase(scenario, *event, &case.ticks), case.floor());
                fallen / deadline(scenario)
            }
            Self::Moved => {
                let half = case.ticks.len() / 2;
                let without = case.without_errors();
                change(
                    count::limit(&case.ticks[half..]),
                    count::limit(&without[half..]),
                )
            }
            Self::Recovered(event) => moment::recovered(&case.ticks[over(scenario, *event)..]),
            Self::Fairness(window) => count::fairness(run(window), instances(scenario)),
        }
    }
}

/// Returns how long clients wait, in seconds; for ever without a deadline.
fn deadline(scenario: &Scenario) -> f64 {
    match &scenario.run.start.deadline {
        Maybe::Some(deadline) => deadline.secs(),
        Maybe::None => f64::INFINITY,
    }
}

/// Returns how many instances there are at the end.
fn instances(scenario: &Scenario) -> usize {
    let events = scenario.run.events.iter().rev();
    let last = events.filter_map(|event| event.set.instances).next();
    last.unwrap_or(scenario.run.start.instances) as usize
}
