use tower_adaptive::{Algorithm, Outcome};

use super::agenda::What;
use super::limiter::{Entry, Ticket, Verdict};
use super::{CountsAs, Params, Sim};

/// What a user wants, however often it is tried.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request {
    pub(super) number: u64,
    arrived: u64,
    /// The client of the closed loop that waits for it.
    client: Option<u32>,
    /// How often it has been tried before.
    tried: u32,
    /// How often the plant has taken it in. Chance in the plant goes by this: a rejection before it
    /// does not give a request another service time.
    pub(super) reached: u32,
}

impl Request {
    pub(super) fn new(number: u64, arrived: u64, client: Option<u32>) -> Self {
        Self {
            number,
            arrived,
            client,
            tried: 0,
            reached: 0,
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
    /// Whether somebody has noted when its client gives up.
    pub(super) has_deadline: bool,
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
    /// The queue was full.
    Refusal,
    /// A limiter rejected it.
    Overload,
}

impl Attempt {
    pub(super) fn ticket(&self, key: usize) -> Ticket {
        Ticket {
            key,
            serial: self.serial,
        }
    }
}

impl Response {
    /// Returns what it teaches.
    pub(super) fn outcome(self, params: &Params) -> Option<Outcome> {
        match self {
            Self::Success => Some(Outcome::Success),
            Self::Overload => Some(Outcome::Overload),
            Self::Error => params.error_counts_as.outcome(),
            Self::Refusal => params.refusal_counts_as.outcome(),
        }
    }
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
            has_deadline: false,
            is_out: false,
            response: Response::Success,
        });
        self.note_deadline(ticket);
        if client == Client::WaitsForResponse {
            self.send(ticket.key);
        }
    }

    /// Notes when the client gives up. A response that comes just then is in time.
    pub(super) fn note_deadline(&mut self, ticket: Ticket) {
        let Some(deadline) = self.params.deadline.get() else {
            return;
        };
        let at = self.now.saturating_add(deadline.nanos()).saturating_add(1);
        self.attempts[ticket.key].has_deadline = true;
        self.agenda.note_deadline(at, ticket);
        let attempts = &self.attempts;
        self.agenda.tidy(attempts.len(), |ticket| {
            let attempt = attempts.get(ticket.key);
            attempt.is_some_and(|attempt| attempt.serial == ticket.serial)
        });
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
        let teaches = attempt.response.outcome(&self.params);
        self.release(&attempt, teaches);
        match attempt.response {
            Response::Success => self.succeeded(&attempt),
            Response::Overload | Response::Refusal => self.try_again(attempt.request),
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
            let outcome = self.params.deadline_counts_as.outcome();
            self.release(&attempt, Some(outcome));
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
        let micros = u32::try_from(latency_ns.div_ceil(1000).max(1)).unwrap_or(u32::MAX);
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
        self.decided(request, SHORTEST_ROUND_NS);
    }

    /// Tries a request again that was rejected, refused or given up, or lets it fail.
    fn try_again(&mut self, mut request: Request) {
        if request.tried >= self.params.retries || self.retries.len() >= MOST {
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
        self.decided(request, SHORTEST_FAILURE_NS);
    }

    /// Ends a request. A client of the closed loop does not come back sooner than `shortest_ns` after
    /// its arrival: it could do so at the same instant, for ever.
    fn decided(&mut self, request: Request, shortest_ns: u64) {
        self.totals.pending -= 1;
        if let Some(id) = request.client {
            self.think(id, request.arrived + shortest_ns);
        }
    }

    pub(super) fn forget_if_done(&mut self, key: usize) {
        let attempt = &self.attempts[key];
        if attempt.client == Client::Gone && !attempt.is_out {
            self.attempts.remove(key);
        }
    }
}

/// So many requests at most wait for a retry, and so many attempts in a line or a queue.
pub(super) const MOST: usize = 1_000_000;

const SHORTEST_ROUND_NS: u64 = 10_000;
const SHORTEST_FAILURE_NS: u64 = 1_000_000;
