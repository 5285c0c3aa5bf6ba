//! The best fixed limit of each stretch of a session, found beside the run.
//!
//! A search ends when nobody waits for it any more, and is given up when it is too much work. Its turn
//! is over when it has really ended: there is never more than one.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use tokio::sync::{Semaphore, mpsc};
use tokio::task;

use super::api::text;
use super::session::Session;
use crate::model::{Config, Params, Span};
use crate::oracle;
use crate::scenario::{self, Place};

/// What has been found, for all connections, and the right to look for more, one at a time.
#[derive(Clone, Debug)]
pub(super) struct BestLimits {
    found: Arc<Mutex<HashMap<String, Found>>>,
    turn: Arc<Semaphore>,
    /// After how many thousand steps a search is given up.
    patience: u32,
}

/// What came of a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    Limit(usize),
    /// Next to nothing is good under any limit: that of before is as good as another.
    AsBefore,
    /// It was too much work, and would be again.
    GivenUp,
}

/// A stretch of a run, in seconds, and its best limit, of all instances together.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Stretch {
    from: f64,
    to: Option<f64>,
    limit: usize,
}

impl Default for BestLimits {
    fn default() -> Self {
        Self {
            found: Arc::default(),
            turn: Arc::new(Semaphore::new(1)),
            patience: PATIENCE,
        }
    }
}

impl BestLimits {
    /// Finds the best limits of a session, and tells of them whenever there are more. Stretches for
    /// which none is found are left out.
    ///
    /// # Cancel safety
    ///
    /// A search that is under way when this is dropped ends soon after.
    pub(super) async fn find(self, session: Session, tell: mpsc::Sender<Vec<Stretch>>) {
        let place = place_of(&session);
        let mut stretches = Vec::new();
        let mut before = None;
        for (from, to) in stretches_of(&session.run) {
            let params = params_at(&session.run, from);
            let limit = match self.steady(&session.run, params.clone(), place).await {
                Found::Limit(limit) => Some(limit),
                Found::AsBefore => before,
                Found::GivenUp => None,
            };
            let Some(limit) = limit else { continue };
            before = Some(limit);
            let instances = match place {
                Place::Client => params.instances as usize,
                Place::Plant => 1,
            };
            stretches.push(Stretch {
                from: from.secs(),
                to: to.map(Span::secs),
                limit: limit * instances,
            });
            if tell.send(stretches.clone()).await.is_err() {
                return;
            }
        }
    }

    async fn steady(&self, run: &Config, params: Params, place: Place) -> Found {
        let key = text(&(&params, run.slo, run.at_limit, run.at_plant_limit, place));
        if let Some(found) = self.known(&key) {
            return found;
        }
        // Nobody closes it.
        let turn = self.turn.clone().acquire_owned().await;
        if let Some(found) = self.known(&key) {
            return found;
        }
        let run = run.clone();
        let patience = self.patience;
        let wanted = Arc::new(());
        let is_wanted = Arc::downgrade(&wanted);
        let look = move || {
            let _turn = turn;
            let left = Cell::new(patience);
            let go_on = || {
                left.set(left.get().saturating_sub(1));
                left.get() > 0 && is_wanted.strong_count() > 0
            };
            let length = length_for(&params);
            match oracle::steady(&run, &params, place, length, Some(AS_BEFORE), &go_on) {
                Some(AS_BEFORE) => Found::AsBefore,
                Some(limit) => Found::Limit(limit),
                None => Found::GivenUp,
            }
        };
        let outcome = task::spawn_blocking(look).await;
        // Until here somebody wants it.
        drop(wanted);
        let outcome = outcome.unwrap_or(Found::GivenUp);
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        if found.len() >= MOST_KEPT {
            found.clear();
        }
        found.insert(key, outcome);
        outcome
    }

    fn known(&self, key: &str) -> Option<Found> {
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.get(key).copied()
    }
}

/// Where the limiters are that are compared with the oracle.
fn place_of(session: &Session) -> Place {
    if session.lanes.iter().all(|lane| lane.client.is_none()) {
        Place::Plant
    } else {
        Place::Client
    }
}

/// The stretches of a run: its phases, but for those that nobody could see.
fn stretches_of(run: &Config) -> Vec<(Span, Option<Span>)> {
    let begins = scenario::phases(run);
    let ends = begins.iter().skip(1).copied().map(Some).chain([None]);
    let long_enough = |(from, to): &(Span, Option<Span>)| {
        to.is_none_or(|to| to.nanos() - from.nanos() >= 1_000_000_000)
    };
    let all = begins.iter().copied().zip(ends);
    all.filter(long_enough).take(MOST_STRETCHES).collect()
}

/// The options at a time, those on their way included.
fn params_at(run: &Config, time: Span) -> Params {
    let mut params = run.start.clone();
    for event in run.events.iter().filter(|event| event.at <= time) {
        let passed = time.secs() - event.at.secs();
        let fraction = if event.over > Span::ZERO {
            (passed / event.over.secs()).min(1.0)
        } else {
            1.0
        };
        let before = params.clone();
        event.set.apply(&mut params, &before, fraction);
    }
    params
}

/// How long to try: some ten thousand requests, if that is neither too short nor too long.
fn length_for(params: &Params) -> Span {
    let loop_time = params.think_time.secs() + params.service_time.secs() + params.latency.secs();
    let closed = f64::from(params.clients) / loop_time.max(1e-3);
    let attempts = (params.rate + closed) * f64::from(params.retries.min(3) + 1);
    let secs = (20_000.0 / attempts.max(1.0)).clamp(0.3, 20.0);
    Span::from_millis((secs * 1e3) as u64)
}

const MOST_KEPT: usize = 10_000;
const MOST_STRETCHES: usize = 60;
/// No limit that is ever tried.
const AS_BEFORE: usize = 0;
/// So much work takes some 3 s.
const PATIENCE: u32 = 5_000;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};
    use tokio::time;

    use super::*;

    fn session(run: Value) -> Session {
        let vegas = json!({ "client": { "name": "vegas" } });
        serde_json::from_value(json!({ "run": run, "lanes": [vegas] })).unwrap()
    }

    /// Looks at a million requests per second for each limit.
    fn endless() -> Session {
        session(json!({ "start": { "rate": 1e6, "servers": 100_000, "retries": 3 } }))
    }

    async fn found(best: &BestLimits, session: Session) -> Vec<Stretch> {
        let (tell, mut told) = mpsc::channel(100);
        let search = time::timeout(A_WHILE, best.clone().find(session, tell));
        search.await.expect("an end");
        let mut last = Vec::new();
        while let Some(stretches) = told.recv().await {
            last = stretches;
        }
        last
    }

    #[tokio::test]
    async fn a_search_that_nobody_waits_for_ends_and_has_its_turn_until_then() {
        let best = BestLimits {
            patience: u32::MAX,
            ..BestLimits::default()
        };
        let (tell, _told) = mpsc::channel(1);
        let search = tokio::spawn(best.clone().find(endless(), tell));
        while best.turn.available_permits() > 0 {
            time::sleep(Duration::from_millis(1)).await;
        }
        search.abort();
        assert!(search.await.unwrap_err().is_cancelled());
        assert_eq!(best.turn.available_permits(), 0, "it is still at work");
        let turn = time::timeout(A_WHILE, best.turn.acquire()).await;
        assert!(turn.is_ok(), "it goes on for ever");
    }

    #[tokio::test]
    async fn a_search_that_is_too_much_work_is_given_up_once_and_for_all() {
        let best = BestLimits {
            patience: 3,
            ..BestLimits::default()
        };
        assert!(found(&best, endless()).await.is_empty());
        let kept: Vec<_> = best.found.lock().unwrap().values().copied().collect();
        assert_eq!(kept, [Found::GivenUp]);
        best.turn.close();
        assert!(found(&best, endless()).await.is_empty());
    }

    #[tokio::test]
    async fn a_black_hole_has_the_limit_of_the_stretch_before() {
        let events = json!([{ "at": "5s", "set": { "black_hole": true } }]);
        let run = json!({ "start": { "rate": 50, "deadline": "200ms" }, "events": events });
        let stretches = found(&BestLimits::default(), session(run)).await;
        assert_eq!(stretches.len(), 2);
        assert_eq!(stretches[1].limit, stretches[0].limit);
    }

    const A_WHILE: Duration = Duration::from_secs(60);
}
