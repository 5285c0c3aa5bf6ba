use tokio::time::Instant;

use super::api::text;
use super::message::{Command, Exchange, News, Set, Speed, Start, Status};
use super::pace::Pace;
use super::run::Run;
use super::session::{Session, Swap};
use crate::model::{Event, Invalid};

/// The simulation of one page: what runs, how fast, and how far.
pub(super) struct Player {
    /// Absent before the start, and while a slice is under way.
    run: Option<Run>,
    /// Where a run was stopped.
    stopped: Option<usize>,
    pace: Pace,
    /// A tick to go to as fast as possible.
    goal: Option<usize>,
    replaying: bool,
    wake: Instant,
    news: Vec<String>,
}

impl Player {
    pub(super) fn new() -> Self {
        Self {
            run: None,
            stopped: None,
            pace: Pace::new(),
            goal: None,
            replaying: false,
            wake: Instant::now(),
            news: Vec::new(),
        }
    }

    pub(super) fn session(&self) -> Option<&Session> {
        self.run.as_ref().map(Run::session)
    }

    /// Returns whether time goes on.
    pub(super) fn is_moving(&self) -> bool {
        let can = self.run.as_ref().is_some_and(|run| !run.has_ended());
        can && (self.goal.is_some() || self.pace.is_playing())
    }

    /// Returns when there is something to do.
    pub(super) fn wakes_at(&self) -> Option<Instant> {
        self.is_moving().then_some(self.wake)
    }

    /// Hands the run out for a slice, and says until which tick it should go.
    pub(super) fn next_slice(&mut self) -> Option<(Run, usize)> {
        let run = self.run.take()?;
        let until = match self.goal {
            Some(goal) => goal,
            None => self.pace.due(run.tick()),
        };
        Some((run, until))
    }

    /// Takes the run back after a slice.
    pub(super) fn done(&mut self, run: Run) {
        let tick = run.tick();
        if self.goal.is_some_and(|goal| tick >= goal) || run.has_ended() {
            if self.goal.take().is_some() {
                self.pace.restart(tick);
            }
            self.replaying = false;
        }
        if run.has_ended() && self.pace.is_playing() {
            self.pace.set_playing(false, tick);
        }
        self.wake = match self.goal {
            Some(_) => Instant::now(),
            None => self.pace.next(tick),
        };
        self.run = Some(run);
    }

    /// Takes note that a run went too far; its memory is freed.
    pub(super) fn stopped(&mut self, run: Run) {
        self.pace.set_playing(false, run.tick());
        self.goal = None;
        self.replaying = false;
        self.stopped = Some(run.tick());
    }

    /// Does what the page asks for. Returns whether there is news of the session.
    ///
    /// # Errors
    ///
    /// If it cannot be done; then nothing has changed.
    pub(super) fn obey(&mut self, command: Command) -> Result<bool, Invalid> {
        match command {
            Command::Start(start) => return self.start(start).map(|()| true),
            Command::Replace(replace) => return self.replace(replace.session).map(|()| true),
            Command::Set(set) => return self.set(set).map(|()| true),
            Command::Swap(exchange) => return self.swap(exchange).map(|()| true),
            Command::Speed(Speed { speed }) => self.pace.set_speed(speed, self.tick()),
            Command::Play => self.pace.set_playing(true, self.tick()),
            Command::Pause => {
                self.pace.set_playing(false, self.tick());
                if !self.replaying {
                    self.goal = None;
                }
            }
            Command::Step(step) => {
                self.pace.set_playing(false, self.tick());
                let goal = self.goal.unwrap_or(self.tick());
                self.goal = Some(goal.saturating_add(step.ticks as usize));
            }
            Command::ToEnd => {
                self.pace.set_playing(false, self.tick());
                self.goal = Some(usize::MAX);
            }
        }
        self.wake = Instant::now();
        Ok(false)
    }

    pub(super) fn status(&mut self) -> Status {
        let tick = self.tick();
        Status {
            t: tick as f64 / 10.0,
            playing: self.pace.is_playing(),
            speed: self.pace.speed(),
            actual: self.pace.actual(tick),
            replaying: self.replaying,
            ended: self.run.as_ref().is_some_and(Run::has_ended),
        }
    }

    /// Takes what the page is to be told after a command.
    pub(super) fn take_news(&mut self) -> Vec<String> {
        std::mem::take(&mut self.news)
    }

    fn start(&mut self, start: Start) -> Result<(), Invalid> {
        let mut session = start.session;
        session.check()?;
        if !(0.0..=86_400.0).contains(&start.at) {
            let message = format!("must be from 0 to 86400 seconds, got {}", start.at);
            return Err(Invalid::new("at", message));
        }
        let speed = start.speed.unwrap_or(1.0);
        let Speed { speed } = Speed { speed }.check()?;
        self.pace = Pace::new();
        self.pace.set_speed(speed, 0);
        self.pace.set_playing(start.play, 0);
        self.begin(session, (start.at * 10.0).round() as usize, false);
        Ok(())
    }

    /// Starts a run, and fast-forwards it to tick `goal`.
    fn begin(&mut self, session: Session, goal: usize, replaying: bool) {
        let run = Run::new(session);
        self.goal = (goal > 0).then_some(goal);
        self.replaying = replaying && goal > 0;
        self.wake = Instant::now();
        self.stopped = None;
        self.news.push(text(&News::Started {
            session: run.session(),
            tick: 0.1,
            replaying: self.replaying,
        }));
        self.run = Some(run);
    }

    fn replace(&mut self, mut session: Session) -> Result<(), Invalid> {
        session.check()?;
        let session = match &mut self.run {
            Some(run) => match run.try_change(session) {
                None => {
                    let session = run.session();
                    self.news.push(text(&News::Session { session }));
                    self.wake = Instant::now();
                    return Ok(());
                }
                Some(session) => session,
            },
            None => session,
        };
        // One that is replayed already goes where it was going.
        let goal = match self.goal {
            Some(goal) if self.replaying => goal,
            _ => self.tick(),
        };
        self.begin(session, goal, true);
        Ok(())
    }

    fn set(&mut self, set: Set) -> Result<(), Invalid> {
        let run = running(&mut self.run)?;
        let mut event = Event::new(run.next_change());
        event.set = set.change;
        event.over = set.over;
        event.burst = set.burst;
        event.pause = set.pause;
        event.at_limit = set.at_limit;
        event.at_plant_limit = set.at_plant_limit;
        let mut session = run.session().clone();
        let (index, merged) = session.add_event(event);
        session.check().map_err(|error| at_the_knob(error, index))?;
        let event = session.run.events[index].clone();
        if run.try_change(session).is_some() {
            unreachable!("the past is as it was");
        }
        self.news.push(text(&News::Event {
            index,
            merged,
            event: &event,
        }));
        Ok(())
    }

    fn swap(&mut self, exchange: Exchange) -> Result<(), Invalid> {
        let run = running(&mut self.run)?;
        let swap = Swap {
            at: run.next_change(),
            lane: exchange.lane,
            side: exchange.side,
            algorithm: exchange.algorithm,
        };
        let mut session = run.session().clone();
        session.check_swap(&swap).map_err(|mut error| {
            if let Some(rest) = error.field.strip_prefix("algorithm.") {
                let side = text(&swap.side);
                error.field = format!("lanes[{}].{}.{rest}", swap.lane, side.trim_matches('"'));
            }
            error
        })?;
        let index = session.swaps.partition_point(|one| one.at <= swap.at);
        session.swaps.insert(index, swap.clone());
        session.check()?;
        if run.try_change(session).is_some() {
            unreachable!("the past is as it was");
        }
        self.news.push(text(&News::Swapped { swap: &swap }));
        Ok(())
    }

    fn tick(&self) -> usize {
        match &self.run {
            Some(run) => run.tick(),
            None => self.stopped.unwrap_or(0),
        }
    }
}

fn running(run: &mut Option<Run>) -> Result<&mut Run, Invalid> {
    match run {
        Some(run) if run.has_ended() => Err(Invalid::new("", "the run has ended")),
        Some(run) => Ok(run),
        None => Err(Invalid::new("", "there is no run: start one, or reset")),
    }
}

/// Whoever turned a knob knows nothing of the event that it is.
fn at_the_knob(mut error: Invalid, index: usize) -> Invalid {
    let event = format!("run.events[{index}].");
    if let Some(path) = error.field.strip_prefix(&event) {
        error.field = path.to_owned();
    }
    error
}
