//! The way of an attempt through the plant: its limiter, its queue, its servers, and back.

use tower_adaptive::Algorithm;

use super::Sim;
use super::agenda::What;
use super::attempt::{Client, Response};
use super::limiter::{Entry, Limiter, Ticket, Verdict};
use super::plant::Job;

impl<A: Algorithm> Sim<A> {
    pub(super) fn reach_plant(&mut self, key: usize) {
        if self.params.black_hole {
            return self.lost(key);
        }
        let Some(limiter) = &mut self.plant_limiter else {
            return self.enter_plant(key);
        };
        // Nothing leaves this line: the plant does not know who has given up.
        let ticket = Ticket { key, serial: 0 };
        match limiter.enter(ticket, self.at_plant_limit, self.now) {
            Verdict::Admitted(entry) => self.admitted_by_plant(key, entry),
            Verdict::Waits => {}
            Verdict::Rejected => {
                self.tick.plant_rejected += 1;
                self.attempts[key].response = Response::Overload;
                // Not at once: whoever waits for its permit could be rejected next, and so on,
                // each deeper in the stack.
                self.agenda.note(self.now, What::Rejection(key));
            }
        }
    }

    fn admitted_by_plant(&mut self, key: usize, entry: Entry) {
        let attempt = &mut self.attempts[key];
        attempt.plant = entry;
        attempt.is_counted_by_plant = true;
        self.enter_plant(key);
    }

    fn enter_plant(&mut self, key: usize) {
        let attempt = &mut self.attempts[key];
        let (number, reached) = (attempt.request.number, attempt.request.reached);
        attempt.request.reached += 1;
        if self.draws.is_error(self.params.error_rate, number, reached) {
            attempt.response = Response::Error;
            if let Some(time) = self.params.error_time.get() {
                return self.agenda.note(self.now + time.nanos(), What::Answer(key));
            }
        }
        let job = Job {
            key,
            request: number,
            attempt: reached,
        };
        if !self.plant.enter(job, &self.params, &self.draws, self.now) {
            self.tick.refused += 1;
            attempt.response = Response::Refusal;
            let at = self.now + self.params.refusal_time.nanos();
            self.agenda.note(at, What::Answer(key));
        }
    }

    /// The plant's work on a request is done.
    pub(super) fn served(&mut self) {
        let Some(key) = self.plant.depart() else {
            return;
        };
        if self.attempts[key].client == Client::Gone {
            self.tick.wasted += 1;
        }
        self.plant
            .start_waiting(&self.params, &self.draws, self.now);
        self.answer(key);
    }

    /// The plant has an answer, by work or without.
    pub(super) fn answer(&mut self, key: usize) {
        let attempt = &self.attempts[key];
        if let (Some(limiter), true) = (&mut self.plant_limiter, attempt.is_counted_by_plant) {
            let outcome = attempt.response.outcome(&self.params);
            limiter.finish(attempt.plant, outcome, self.now);
            self.admit_waiting_at_plant();
        }
        self.respond(key);
    }

    pub(super) fn respond(&mut self, key: usize) {
        if self.params.black_hole {
            return self.lost(key);
        }
        let latency_ns = self.params.latency.nanos();
        match latency_ns - latency_ns / 2 {
            0 => self.reach_client(key),
            way_ns => self.agenda.note(self.now + way_ns, What::Response(key)),
        }
    }

    /// The request or its response is lost; only its client's deadline can end it.
    fn lost(&mut self, key: usize) {
        let attempt = &mut self.attempts[key];
        attempt.is_out = false;
        if attempt.client != Client::Gone && !attempt.has_deadline {
            // It began when there was none, and nothing else would ever end it.
            attempt.has_deadline = true;
            let ticket = attempt.ticket(key);
            self.note_deadline(ticket);
        }
        self.forget_if_done(key);
    }

    pub(super) fn admit_waiting_at_plant(&mut self) {
        while let Some((ticket, entry)) = self
            .plant_limiter
            .as_mut()
            .and_then(|limiter| limiter.next(self.now, |_| true))
        {
            self.admitted_by_plant(ticket.key, entry);
        }
    }

    /// Lets those in who waited for a limiter that is no more.
    pub(super) fn let_all_in(&mut self, limiter: Limiter<A>) {
        for (_, attempt) in &mut self.attempts {
            attempt.is_counted_by_plant = false;
        }
        for ticket in limiter.into_line() {
            self.enter_plant(ticket.key);
        }
    }
}
