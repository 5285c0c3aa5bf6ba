use tokio::time::Instant;

use super::api::text;
use super::knobs;
use super::memory::Memory;
use super::message::{Command, News, Speed, Start, Status};
use super::pace::Pace;
use super::run::Run;
use super::session::Session;
use crate::model::Invalid;

/// The simulation of one page: what runs, how fast, and how far.
pub(super) struct Player {
    /// Absent before the start, and while a slice is under way.
    run: Option<Run>,
    /// Where a run was stopped.
    stopped: Option<usize>,
    pace: Pace,
    /// A tick to go to as fast as possible, before any goal: the page believes to be there, so what it
    /// changes meanwhile waits until then.
    arrival: Option<usize>,
    waiting: Vec<Command>,
    /// A tick to go to as fast as possible.
    goal: Option<usize>,
    replaying: bool,
    memory: Memory,
    wake: Instant,
    news: Vec<String>,
}

impl Player {
    pub(super) fn new(memory: Memory) -> Self {
        Self {
            run: None,
            stopped: None,
            pace: Pace::new(),
            arrival: None,
            waiting: Vec::new(),
            goal: None,
            replaying: false,
            memory,
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
        can && (self.target().is_some() || self.pace.is_playing())
    }

    /// Returns when there is something to do.
    pub(super) fn wakes_at(&self) -> Option<Instant> {
        self.is_moving().then_some(self.wake)
    }

    /// Hands the run out for a slice, and says until which tick it should go.
    pub(super) fn next_slice(&mut self) -> Option<(Run, usize)> {
        let run = self.run.take()?;
        let until = match self.target() {
            Some(target) => target,
            None => self.pace.due(run.tick()),
        };
        Some((run, until))
    }

    /// Takes the run back after a slice.
    pub(super) fn done(&mut self, run: Run) {
        let (tick, has_ended) = (run.tick(), run.has_ended());
        self.run = Some(run);
        let is_there = |target: &mut usize| has_ended || tick >= *target;
        if self.arrival.take_if(is_there).is_some() {
            self.pace.restart(tick);
            self.arrived();
        }
        if self.goal.take_if(is_there).is_some() {
            self.pace.restart(tick);
        }
        if has_ended && self.pace.is_playing() {
            self.pace.set_playing(false, tick);
        }
        self.wake = match self.target() {
            Some(_) => Instant::now(),
            None => self.pace.next(tick),
        };
    }

    /// Takes note that a run went too far; its memory is freed.
    pub(super) fn stopped(&mut self, run: Run) {
        self.pace.set_playing(false, run.tick());
        self.arrival = None;
        self.waiting.clear();
        self.goal = None;
        self.replaying = false;
        self.stopped = Some(run.tick());
    }

    /// Does what the page asks for, or keeps it until it can be done.
    ///
    /// # Errors
    ///
    /// If it cannot be done; then nothing has changed.
    pub(super) fn obey(&mut self, command: Command) -> Result<(), Invalid> {
        match command {
            Command::Start(start) => return self.start(start),
            Command::Replace(replace) => return self.replace(replace.session),
            Command::Set(_) | Command::Swap(_) if self.arrival.is_some() => {
                return self.wait(command);
            }
            Command::Set(set) => {
                let news = knobs::set(self.running()?, set)?;
                self.news.push(news);
                return Ok(());
            }
            Command::Swap(exchange) => {
                let news = knobs::swap(self.running()?, exchange)?;
                self.news.push(news);
                return Ok(());
            }
            Command::Play | Command::Step(_) | Command::ToEnd if self.run.is_none() => {
                return self.running().map(|_| ());
            }
            Command::Speed(Speed { speed }) => self.pace.set_speed(speed, self.tick()),
            Command::Play => self.pace.set_playing(true, self.tick()),
            Command::Pause => {
                self.pace.set_playing(false, self.tick());
                self.goal = None;
                if !self.replaying {
                    self.arrival = None;
                    self.arrived();
                }
            }
            Command::Step(step) => {
                self.pace.set_playing(false, self.tick());
                let goal = self.goal.or(self.arrival).unwrap_or(self.tick());
                self.goal = Some(goal.saturating_add(step.ticks as usize));
            }
            Command::ToEnd => {
                self.pace.set_playing(false, self.tick());
                self.goal = Some(usize::MAX);
            }
        }
        self.wake = Instant::now();
        Ok(())
    }

    pub(super) fn status(&mut self) -> Status {
        let tick = self.tick();
        let can = self.run.as_ref().is_some_and(|run| !run.has_ended());
        Status {
            t: tick as f64 / 10.0,
            playing: can && self.pace.is_playing(),
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
        self.waiting.clear();
        self.goal = None;
        self.begin(session, (start.at * 10.0).round() as usize, false);
        Ok(())
    }

    /// Starts a run, and fast-forwards it to tick `arrival`.
    fn begin(&mut self, session: Session, arrival: usize, replaying: bool) {
        // What it has is free before the next one begins.
        self.run = None;
        let run = Run::new(session, self.memory.share());
        self.arrival = (arrival > 0).then_some(arrival);
        self.replaying = replaying && arrival > 0;
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
        // It goes where it was going: what waits for its arrival, and the goal behind it, are as before.
        let arrival = self.arrival.unwrap_or(self.tick());
        self.begin(session, arrival, true);
        if self.arrival.is_none() {
            self.arrived();
        }
        Ok(())
    }

    /// Keeps a change until the run is where the page believes it to be.
    fn wait(&mut self, command: Command) -> Result<(), Invalid> {
        if self.waiting.len() >= MOST_WAITING {
            let message = "too many changes wait until the run is where it was";
            return Err(Invalid::new("", message));
        }
        self.waiting.push(command);
        Ok(())
    }

    /// Does what waited for the arrival.
    fn arrived(&mut self) {
        self.replaying = false;
        for command in std::mem::take(&mut self.waiting) {
            if let Err(Invalid { field, message }) = self.obey(command) {
                let (field, message) = (&field, &message);
                self.news.push(text(&News::Error { field, message }));
            }
        }
    }

    /// Where it goes as fast as possible.
    fn target(&self) -> Option<usize> {
        self.arrival.or(self.goal)
    }

    fn running(&mut self) -> Result<&mut Run, Invalid> {
        let none = || Invalid::new("", "there is no run: start one, or reset");
        self.run.as_mut().ok_or_else(none)
    }

    fn tick(&self) -> usize {
        match &self.run {
            Some(run) => run.tick(),
            None => self.stopped.unwrap_or(0),
        }
    }
}

const MOST_WAITING: usize = 1000;
