//! The best fixed limit of each stretch of a session, found beside the run.

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
    found: Arc<Mutex<HashMap<String, usize>>>,
    turn: Arc<Semaphore>,
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
        }
    }
}

impl BestLimits {
    /// Finds the best limits of a session, and tells of them whenever there are more.
    pub(super) async fn find(self, session: Session, tell: mpsc::Sender<Vec<Stretch>>) {
        let place = place_of(&session);
        let mut stretches = Vec::new();
        for (from, to) in stretches_of(&session.run) {
            let params = params_at(&session.run, from);
            let limit = self.steady(&session.run, params.clone(), place).await;
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

    async fn steady(&self, run: &Config, params: Params, place: Place) -> usize {
        let key = text(&(&params, run.slo, run.at_limit, run.at_plant_limit, place));
        if let Some(limit) = self.known(&key) {
            return limit;
        }
        // Nobody closes it.
        let _turn = self.turn.acquire().await;
        if let Some(limit) = self.known(&key) {
            return limit;
        }
        let run = run.clone();
        let look = move || {
            oracle::steady(&run, &params, place, length_for(&params), None, &|| true).unwrap_or(1)
        };
        let Ok(limit) = task::spawn_blocking(look).await else {
            return 1;
        };
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        if found.len() >= MOST_KEPT {
            found.clear();
        }
        found.insert(key, limit);
        limit
    }

    fn known(&self, key: &str) -> Option<usize> {
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
