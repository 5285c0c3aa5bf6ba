use tower_adaptive::{Algorithm, Outcome};

use super::agenda::What;
use super::limiter::{Entry, Ticket, Verdict};
use super::{CountsAs, Sim};

/// What a user wants, however often it is tried.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request {
    pub(super) number: u64,
    arrived: u64,
    /// The client of the closed loop that waits for it.
    client: Option<u32>,
    /// How often it has been tried before.
    pub(super) tried: u32,
}

impl Request {
    pub(super) fn new(number: u64, arrived: u64, client: Option<u32>) -> Self {
        Self {
            number,
            arrived,
            client,
            tried: 0,
        }
    }
}

/// One try of a request. It lives until both its client and the plant are done with it.
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    pub(super) request: Request,
    serial: u64,
    instance: u32,
    pub(super) client: Client,
    /// What its sample will say.
    entry: Entry,
    pub(super) plant: Entry,
    pub(super) is_counted_by_plant: bool,
    /// Whether it is at the plant, or on a way to or from it.
    pub(super) is_out: bool,
    pub(super) response: Response,
}

/// Where the client is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Client {
    WaitsForPermit,
    WaitsForResponse,
    Gone,
}

/// What the plant answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Response {
    Success,
    /// An error by chance.
    Error,
    /// There was no room.
    Overload,
}

impl<A: Algorithm> Sim<A> {
    pub(super) fn arrive(&mut self, request: Request) {
        self.totals.arrived += 1;
        self.totals.pending += 1;
        self.tick.arrived += 1;
        self.begin(request);
    }

    pub(super) fn begin(&mut self, request: Request) {
        self.totals.attempts += 1;
        self.tick.attempts += 1;
        let joined = self.params.instances as usize;
        let instance = self.draws.instance(request.number, joined);
        let ticket = Ticket {
            key: self.attempts.vacant_key(),
            serial: self.totals.attempts,
        };
        let verdict = self.instances[instance].enter(ticket, self.at_limit, self.now);
        let (client, entry) = match verdict {
            Verdict::Rejected => {
                self.tick.rejected += 1;
                self.totals.ended += 1;
                return self.try_again(request);
            }
            Verdict::Admitted(entry) => (Client::WaitsForResponse, entry),
            Verdict::Waits => (Client::WaitsForPermit, Entry::default()),
        };
        self.attempts.insert(Attempt {
            request,
            serial: ticket.serial,
            instance: instance as u32,
            client,
            entry,
            plant: Entry::default(),
            is_counted_by_plant: false,
            is_out: false,
            response: Response::Success,
        });
        if let Some(deadline) = self.params.deadline.get() {
            let at = self.now.saturating_add(deadline.nanos());
            self.agenda.note_deadline(at, ticket);
        }
        if client == Client::WaitsForResponse {
            self.send(ticket.key);
        }
    }

    /// The request goes out.
    fn send(&mut self, key: usize) {
        self.attempts[key].is_out = true;
        match self.params.latency.nanos() / 2 {
            0 => self.reach_plant(key),
            way_ns => self.agenda.note(self.now + way_ns, What::Request(key)),
        }
    }

    pub(super) fn reach_client(&mut self, key: usize) {
        self.attempts[key].is_out = false;
        if self.attempts[key].client == Client::Gone {
            return self.forget_if_done(key);
        }
        let attempt = self.attempts.remove(key);
        self.totals.ended += 1;
        let teaches = outcome(attempt.response, self.params.error_counts_as);
        self.release(&attempt, teaches);
        match attempt.response {
            Response::Success => self.succeeded(&attempt),
            Response::Overload => self.try_again(attempt.request),
            Response::Error => {
                self.tick.errors += 1;
                match self.params.error_counts_as {
                    // What was wrong is wrong the next time, too.
                    CountsAs::Nothing | CountsAs::Success => self.failed(attempt.request),
                    CountsAs::Overload => self.try_again(attempt.request),
                }
            }
        }
    }

    pub(super) fn deadline(&mut self, ticket: Ticket) {
        let now = self.now;
        let Some(attempt) = self.attempts.get_mut(ticket.key) else {
            return;
        };
        if attempt.serial != ticket.serial || attempt.client == Client::Gone {
            return;
        }
        let waited = attempt.client == Client::WaitsForPermit;
        attempt.client = Client::Gone;
        let attempt = attempt.clone();
        self.tick.timed_out += 1;
        self.totals.ended += 1;
        if waited {
            self.instances[attempt.instance as usize].give_up(now);
        }
        self.forget_if_done(ticket.key);
        if !waited {
            self.release(&attempt, Some(Outcome::Canceled));
        }
        self.try_again(attempt.request);
    }

    /// Gives a permit back, and admits those who waited for it.
    fn release(&mut self, attempt: &Attempt, outcome: Option<Outcome>) {
        let instance = attempt.instance as usize;
        self.instances[instance].finish(attempt.entry, outcome, self.now);
        self.admit_waiting_of(instance);
    }

    pub(super) fn admit_waiting(&mut self) {
        for instance in 0..self.instances.len() {
            self.admit_waiting_of(instance);
        }
    }

    fn admit_waiting_of(&mut self, instance: usize) {
        while let Some((ticket, entry)) = {
            let attempts = &self.attempts;
            self.instances[instance].next(self.now, |ticket| {
                attempts
                    .get(ticket.key)
                    .is_some_and(|attempt| attempt.serial == ticket.serial)
            })
        } {
            let attempt = &mut self.attempts[ticket.key];
            attempt.client = Client::WaitsForResponse;
            attempt.entry = entry;
            self.send(ticket.key);
        }
    }

    fn succeeded(&mut self, attempt: &Attempt) {
        let request = attempt.request;
        let latency_ns = self.now - request.arrived;
        let micros = u32::try_from(latency_ns / 1000).unwrap_or(u32::MAX);
        self.tick.latencies_us.push(micros);
        if latency_ns <= self.slo_ns {
            self.tick.good += 1;
            let good_of = &mut self.tick.good_of;
            let instance = attempt.instance as usize;
            if good_of.len() <= instance {
                good_of.resize(instance + 1, 0);
            }
            good_of[instance] += 1;
        } else {
            self.tick.late += 1;
        }
        self.totals.succeeded += 1;
        self.decided(request);
    }

    /// Tries a request again that was rejected, refused or given up, or lets it fail.
    fn try_again(&mut self, mut request: Request) {
        if request.tried >= self.params.retries {
            return self.failed(request);
        }
        request.tried += 1;
        let first_ns = self.params.backoff.nanos();
        let wait_ns = self
            .draws
            .backoff_ns(first_ns, request.number, request.tried);
        let key = self.retries.insert(request);
        self.agenda.note(self.now + wait_ns, What::Retry(key));
    }

    fn failed(&mut self, request: Request) {
        self.tick.failed += 1;
        self.totals.failed += 1;
        self.decided(request);
    }

    fn decided(&mut self, request: Request) {
        self.totals.pending -= 1;
        if let Some(id) = request.client {
            // A client without anything to think about that was rejected at once would otherwise
            // come back at the same instant, for ever.
            if request.arrived == self.now && self.params.think_time.nanos() == 0 {
                let at = self.now + SHORTEST_ROUND_NS;
                self.agenda.note(at, What::Client(id));
            } else {
                self.think(id);
            }
        }
    }

    pub(super) fn forget_if_done(&mut self, key: usize) {
        let attempt = &self.attempts[key];
        if attempt.client == Client::Gone && !attempt.is_out {
            self.attempts.remove(key);
        }
    }
}

/// Returns what a response teaches.
pub(super) fn outcome(response: Response, error_counts_as: CountsAs) -> Option<Outcome> {
    match (response, error_counts_as) {
        (Response::Success, _) | (Response::Error, CountsAs::Success) => Some(Outcome::Success),
        (Response::Overload, _) | (Response::Error, CountsAs::Overload) => Some(Outcome::Overload),
        (Response::Error, CountsAs::Nothing) => None,
    }
}

/// How soon a client of the closed loop comes back that was rejected and has nothing to think about.
const SHORTEST_ROUND_NS: u64 = 1_000_000;
