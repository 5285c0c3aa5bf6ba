//! What changes while a run goes on: algorithms, events, straight lines, pauses.

use std::sync::Arc;

use tower_adaptive::Algorithm;

use super::agenda::What;
use super::draws::{self, Purpose};
use super::limiter::Limiter;
use super::{Change, Event, Params, Sim, Span};

/// Options on their way from `start` to what `change` says.
#[derive(Clone, Debug)]
pub(super) struct Ramp {
    change: Change,
    start: Params,
    from: u64,
    length: u64,
}

impl<A: Algorithm> Sim<A> {
    /// Changes the algorithm of all clients: each takes over the limit that there is.
    pub fn set_algorithm(&mut self, make: impl Fn(u32) -> A + Send + Sync + 'static) {
        self.make = Arc::new(make);
        for (i, instance) in (0..).zip(&mut self.instances) {
            instance.set_algorithm((self.make)(i), self.now);
        }
        self.admit_waiting();
    }

    /// Changes the algorithm of the plant's limiter, takes it away, or adds one.
    ///
    /// What is in the plant then was admitted by nobody, and is not counted by a new one.
    pub fn set_plant_algorithm(&mut self, algorithm: Option<A>) {
        match (&mut self.plant_limiter, algorithm) {
            (Some(limiter), Some(algorithm)) => limiter.set_algorithm(algorithm, self.now),
            (limiter, algorithm) => {
                let before = limiter.take();
                *limiter = algorithm.map(|algorithm| Limiter::new(algorithm, self.now));
                if let Some(before) = before {
                    self.let_all_in(before);
                }
            }
        }
        self.admit_waiting_at_plant();
    }

    /// Puts another algorithm in the place of every client's, with the limit that it has.
    pub fn replace_algorithm(&mut self, make: impl Fn(u32) -> A + Send + Sync + 'static) {
        self.make = Arc::new(make);
        for (i, instance) in (0..).zip(&mut self.instances) {
            instance.replace_algorithm((self.make)(i), self.now);
        }
        self.admit_waiting();
    }

    /// Puts another algorithm in the place of the plant's, with the limit that it has.
    pub fn replace_plant_algorithm(&mut self, algorithm: A) {
        if let Some(limiter) = &mut self.plant_limiter {
            limiter.replace_algorithm(algorithm, self.now);
        }
        self.admit_waiting_at_plant();
    }

    pub(super) fn event(&mut self, key: usize) {
        let event = self.events.remove(key);
        let burst = event.burst;
        self.change(event);
        // After everything else that changes at its time.
        for _ in 0..burst {
            self.new_request();
        }
    }

    fn change(&mut self, event: Event) {
        if event.pause > Span::ZERO {
            self.pause(event.pause.nanos());
        }
        self.at_limit = event.at_limit.unwrap_or(self.at_limit);
        self.at_plant_limit = event.at_plant_limit.unwrap_or(self.at_plant_limit);
        if event.set == Change::default() {
            return;
        }
        // What is on its way and set here goes here instead.
        for ramp in &mut self.ramps {
            ramp.change.leave_out(&event.set);
        }
        let before = self.params.clone();
        if event.over > Span::ZERO {
            self.ramps.push(Ramp {
                change: event.set,
                start: before,
                from: self.now,
                length: event.over.nanos(),
            });
            if self.ramps.len() == 1 {
                self.agenda.note(self.now, What::Ramps);
            }
        } else {
            event.set.apply(&mut self.params, &before, 1.0);
            self.params_changed(Some(&before));
        }
    }

    pub(super) fn move_on(&mut self) {
        let before = self.params.clone();
        let now = self.now;
        let params = &mut self.params;
        self.ramps.retain(|ramp| {
            let fraction = (now - ramp.from) as f64 / ramp.length as f64;
            ramp.change.apply(params, &ramp.start, fraction.min(1.0));
            fraction < 1.0
        });
        self.params_changed(Some(&before));
        if !self.ramps.is_empty() {
            self.agenda.note(now + RAMP_STEP_NS, What::Ramps);
        }
    }

    /// Follows new values of options; `None` is the start.
    pub(super) fn params_changed(&mut self, before: Option<&Params>) {
        let differs = |differs: fn(&Params, &Params) -> bool, params: &Params| {
            before.is_none_or(|before| differs(before, params))
        };
        if differs(|a, b| a.rate != b.rate, &self.params) {
            self.open_loop.set_rate(self.params.rate, self.now);
        }
        while self.instances.len() < self.params.instances as usize {
            let algorithm = (self.make)(self.instances.len() as u32);
            self.instances.push(Limiter::new(algorithm, self.now));
        }
        if differs(|a, b| a.clients != b.clients, &self.params) {
            for id in self.closed_loop.set_count(self.params.clients) {
                self.think(id, self.now);
            }
        }
        if differs(|a, b| a.pause_every != b.pause_every, &self.params) {
            self.plan_pause();
        }
        if differs(|a, b| a.servers != b.servers, &self.params) {
            self.plant
                .start_waiting(&self.params, &self.draws, self.now);
        }
    }

    /// Lets a client of the closed loop think, and then send, but not before `earliest`.
    pub(super) fn think(&mut self, id: u32, earliest: u64) {
        let mean_ns = self.params.think_time.nanos();
        let think_ns = self.draws.think_ns(mean_ns, self.closed_loop.upcoming(id));
        let at = (self.now + think_ns).max(earliest);
        self.agenda.note(at, What::Client(id));
    }

    pub(super) fn pause(&mut self, length_ns: u64) {
        self.plant.pause(length_ns, self.now);
    }

    /// Plans the next pause, and forgets one that was planned before.
    pub(super) fn plan_pause(&mut self) {
        self.pauses += 1;
        if let Some(every) = self.params.pause_every.get() {
            let mut rng = self.draws.of(Purpose::Pauses, u64::from(self.pauses), 0);
            let wait_ns = draws::exponential(&mut rng) * every.nanos() as f64;
            let at = self.plant.resumes_at().max(self.now) + wait_ns as u64;
            self.agenda.note(at, What::Pause(self.pauses));
        }
    }
}

/// How often what changes in a straight line moves on.
const RAMP_STEP_NS: u64 = 20_000_000;
