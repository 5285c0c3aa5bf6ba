//! The example under load, and what its clients have counted.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::child::{Running, example};

/// How long a turn of the load is.
pub(crate) const TURN: Duration = Duration::from_secs(10);

/// Answers by route and status; 0 is a client that gave up.
pub(crate) type Answers = BTreeMap<(String, u16), f64>;

pub(crate) struct Example {
    pub(crate) address: String,
    /// All answers of the turns that have ended.
    pub(crate) answers: Answers,
    running: Running,
}

impl Example {
    /// Starts three turns: calm, overload, calm.
    pub(crate) fn start(max_limit: &str) -> Self {
        let seconds = TURN.as_secs().to_string();
        let arguments = [
            "--port=0",
            "--turns=3",
            "--seconds",
            &seconds,
            "--max-limit",
            max_limit,
        ];
        let running = Running::start(&example("prometheus"), &arguments);
        let address = running.wait_for(|line| {
            let address = line.strip_prefix("http://")?.strip_suffix("/metrics")?;
            Some(address.to_owned())
        });
        Self {
            address,
            answers: Answers::new(),
            running,
        }
    }

    /// Waits until the turn is over, and returns its answers.
    pub(crate) fn end_of_turn(&mut self) -> Answers {
        let answers = self.running.wait_for(|line| {
            let (_, answers) = line.split_once("/s to each route: {")?;
            Some(parse(answers.trim_end_matches('}')))
        });
        for (answer, count) in &answers {
            *self.answers.entry(answer.clone()).or_default() += count;
        }
        answers
    }

    /// How often a route answered with a status.
    pub(crate) fn count(&self, route: &str, status: u16) -> f64 {
        let answer = (route.to_owned(), status);
        self.answers.get(&answer).copied().unwrap_or(0.0)
    }
}

/// Parses `("orders", 200): 584, ("orders", 404): 7`.
fn parse(answers: &str) -> Answers {
    let entries = answers.split("(\"").skip(1);
    let entries = entries.map(|entry| {
        let (route, rest) = entry.split_once("\", ").expect("a route");
        let (status, count) = rest.split_once("): ").expect("a status");
        let count = count.trim_end_matches(", ").parse().expect("a count");
        ((route.to_owned(), status.parse().expect("a status")), count)
    });
    entries.collect()
}
