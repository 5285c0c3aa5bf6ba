use std::time::Duration;

use tokio::time::Instant;

use super::lane::LaneRun;
use super::memory::{Share, TooMuch};
use super::session::Session;
use super::ticks::Ticks;
use crate::model::{Sim, Span};

/// A session that runs: all lanes, tick by tick.
///
/// Events and changes of algorithms are handed to the simulations when the tick begins in which they
/// happen. So it makes no difference whether they were known from the start or came while it ran.
pub(super) struct Run {
    session: Session,
    lanes: Vec<LaneRun>,
    /// How many ticks have ended.
    tick: usize,
    /// How many events and swaps have been handed over.
    events: usize,
    swaps: usize,
    /// How many lanes have come to the next stop, while a tick is under way.
    arrived: usize,
    under_way: bool,
    share: Share,
}

impl Run {
    /// Starts a session that has passed its check.
    pub(super) fn new(session: Session, share: Share) -> Self {
        let start = |lane| LaneRun::new(&session.run, session.seed, lane);
        Self {
            lanes: session.lanes.iter().map(start).collect(),
            session,
            tick: 0,
            events: 0,
            swaps: 0,
            arrived: 0,
            under_way: false,
            share,
        }
    }

    pub(super) fn session(&self) -> &Session {
        &self.session
    }

    /// Returns how many ticks have ended.
    pub(super) fn tick(&self) -> usize {
        self.tick
    }

    pub(super) fn has_ended(&self) -> bool {
        self.tick >= self.session.ticks()
    }

    /// Returns how much it has done so far.
    pub(super) fn steps(&self) -> u64 {
        self.lanes.iter().map(LaneRun::steps).sum()
    }

    /// Returns the earliest time at which something new can still happen.
    pub(super) fn next_change(&self) -> Span {
        time_of(self.tick + usize::from(self.under_way))
    }

    /// Changes the session, if it is the same in all that has happened; otherwise gives it back.
    pub(super) fn try_change(&mut self, session: Session) -> Option<Session> {
        let now = self.next_change();
        let is_same_start = {
            let (a, b) = (&self.session, &session);
            let (x, y) = (&a.run, &b.run);
            a.seed == b.seed
                && a.lanes == b.lanes
                && (x.slo, x.at_limit, x.at_plant_limit, &x.start)
                    == (y.slo, y.at_limit, y.at_plant_limit, &y.start)
        };
        let events = session.run.events.partition_point(|event| event.at < now);
        let swaps = session.swaps.partition_point(|swap| swap.at < now);
        let is_same_past = session.run.events[..events] == self.session.run.events[..self.events]
            && session.swaps[..swaps] == self.session.swaps[..self.swaps]
            && self.tick <= session.ticks();
        if !is_same_start || !is_same_past {
            return Some(session);
        }
        self.session = session;
        None
    }

    /// Runs until so many ticks have ended, but not for longer than `budget`, nor for very many. Returns the ticks that
    /// have ended meanwhile.
    ///
    /// # Errors
    ///
    /// If it would need too much memory.
    pub(super) fn advance(&mut self, until: usize, budget: Duration) -> Result<Ticks, TooMuch> {
        let until = until
            .min(self.session.ticks())
            .min(self.tick + TICKS_AT_ONCE);
        let end = Instant::now() + budget;
        let mut ticks = Ticks::starting_at(self.tick);
        while self.tick < until {
            if !self.under_way {
                self.begin_tick();
            }
            while self.under_way {
                self.continue_tick(&mut ticks);
                if Instant::now() >= end {
                    self.check_memory()?;
                    return Ok(ticks);
                }
            }
        }
        self.check_memory()?;
        Ok(ticks)
    }

    fn begin_tick(&mut self) {
        let end = time_of(self.tick + 1);
        let events = &self.session.run.events[self.events..];
        let due = events.partition_point(|event| event.at < end);
        for event in &events[..due] {
            for lane in &mut self.lanes {
                lane.insert(event.clone());
            }
        }
        self.events += due;
        self.under_way = true;
        self.arrived = 0;
    }

    /// Brings one lane a few steps further, and ends the tick once all have come to its end.
    fn continue_tick(&mut self, ticks: &mut Ticks) {
        let end = time_of(self.tick + 1);
        let swap = self.session.swaps.get(self.swaps);
        let swap = swap.filter(|swap| swap.at < end);
        let stop = swap.map_or(end, |swap| swap.at);
        if let Some(lane) = self.lanes.get_mut(self.arrived) {
            if lane.run_at_most(stop, STEPS_AT_ONCE) {
                self.arrived += 1;
            }
            return;
        }
        self.arrived = 0;
        if let Some(swap) = swap {
            self.lanes[swap.lane].swap(swap.side, swap.algorithm.clone());
            self.swaps += 1;
            return;
        }
        ticks
            .rows
            .push(self.lanes.iter_mut().map(LaneRun::take_row).collect());
        self.tick += 1;
        self.under_way = false;
    }

    fn check_memory(&mut self) -> Result<(), TooMuch> {
        self.share.hold(self.lanes.iter().map(LaneRun::held).sum())
    }
}

fn time_of(tick: usize) -> Span {
    Span::from_nanos(tick as u64 * Sim::<tower_adaptive::Fixed>::TICK.nanos())
}

const STEPS_AT_ONCE: u64 = 256;
/// What a page takes in without a jerk.
const TICKS_AT_ONCE: usize = 1000;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::memory::Memory;
    use super::*;

    fn start(session: Session) -> Run {
        Run::new(session, Memory::default().share())
    }

    fn session(value: serde_json::Value) -> Session {
        let mut session: Session = serde_json::from_value(value).unwrap();
        session.check().unwrap();
        session
    }

    fn trace(run: &mut Run, until: usize) -> String {
        let mut all = Ticks::default();
        while run.tick() < until {
            let ticks = run.advance(until, Duration::from_micros(200)).unwrap();
            all.rows.extend(ticks.rows);
        }
        serde_json::to_string(&all).unwrap()
    }

    #[test]
    fn what_came_while_it_ran_is_the_same_as_what_was_known_from_the_start() {
        let lanes = json!([
            { "client": { "name": "vegas" } },
            { "client": { "name": "aimd", "min_limit": 2 }, "plant": { "name": "gradient2" } },
        ]);
        let run =
            json!({ "length": "4s", "start": { "rate": 4000, "deadline": "200ms", "retries": 1 } });
        let mut live = start(session(json!({ "run": run, "lanes": lanes })));
        let mut seen = trace(&mut live, 20);
        let mut changed = live.session().clone();
        let change = json!({ "at": live.next_change(), "set": { "servers": 8 }, "over": "500ms" });
        changed.add_event(serde_json::from_value(change).unwrap());
        let swap = json!({ "at": live.next_change(), "lane": 0, "side": "client", "algorithm": { "name": "aimd" } });
        changed.swaps.push(serde_json::from_value(swap).unwrap());
        assert_eq!(live.try_change(changed.clone()), None);
        seen.push_str(&trace(&mut live, 40));

        let mut again = start(changed);
        let mut replayed = trace(&mut again, 20);
        replayed.push_str(&trace(&mut again, 40));
        assert_eq!(seen, replayed);
    }

    #[test]
    fn a_change_of_the_past_is_not_taken() {
        let known = session(json!({ "lanes": [{ "client": { "name": "vegas" } }] }));
        let mut run = start(known.clone());
        trace(&mut run, 10);
        let mut early = known.clone();
        let event = json!({ "at": "900ms", "set": { "rate": 5 } });
        early.add_event(serde_json::from_value(event).unwrap());
        assert!(run.try_change(early).is_some());
        let mut other = known;
        other.seed = 2;
        assert!(run.try_change(other).is_some());
    }

    #[test]
    fn what_was_refused_long_ago_is_forgotten_before_its_deadline() {
        let refused = json!({ "rate": 1e6, "deadline": "1h", "queue": 0 });
        let mut run = start(session(
            json!({ "run": { "start": refused }, "lanes": [{}] }),
        ));
        while run.tick() < 10 {
            run.advance(10, Duration::from_millis(50)).unwrap();
            assert!(run.lanes[0].held() < 100_000);
        }
    }

    #[test]
    fn what_has_no_bound_stops_the_run_and_not_the_machine() {
        let queue = json!({ "rate": 1e6, "servers": 1, "service_time": "1s" });
        // What is given up at once is forgotten by its client, and not by the plant or the network.
        let given_up =
            json!({ "rate": 1e6, "servers": 1, "service_time": "1h", "deadline": "1ms" });
        let on_its_way = json!({ "rate": 1e6, "latency": "1h", "deadline": "1ms" });
        for params in [queue, given_up, on_its_way] {
            let mut run = start(session(
                json!({ "run": { "start": params }, "lanes": [{}] }),
            ));
            let stopped = std::iter::repeat_with(|| run.advance(600, Duration::from_millis(50)))
                .take(1000)
                .find_map(Result::err);
            assert_eq!(stopped, Some(TooMuch::Run), "{params}");
        }
    }
}
