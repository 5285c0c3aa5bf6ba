use rand_pcg::Pcg64Mcg;

use super::draws::{self, Draws, Purpose};

/// Arrivals of a Poisson process with a rate that changes.
///
/// It counts down an exponential amount of "rate times time", so a change of the rate in between
/// neither draws anew nor forgets how long nothing has come.
#[derive(Clone, Debug)]
pub(super) struct OpenLoop {
    rng: Pcg64Mcg,
    left: f64,
    since: u64,
    /// Per nanosecond.
    rate: f64,
    next_at: u64,
}

impl OpenLoop {
    pub(super) fn new(draws: &Draws, rate: f64) -> Self {
        let mut rng = draws.of(Purpose::Arrivals, 0, 0);
        let left = draws::exponential(&mut rng);
        let mut open_loop = Self {
            rng,
            left,
            since: 0,
            rate: rate / 1e9,
            next_at: u64::MAX,
        };
        open_loop.plan();
        open_loop
    }

    pub(super) fn next_at(&self) -> u64 {
        self.next_at
    }

    pub(super) fn set_rate(&mut self, rate: f64, now: u64) {
        let passed = (now - self.since) as f64 * self.rate;
        self.left = (self.left - passed).max(0.0);
        self.since = now;
        self.rate = rate / 1e9;
        self.plan();
    }

    /// The arrival at `next_at` has come: plans the one after it.
    pub(super) fn arrived(&mut self) {
        self.since = self.next_at;
        self.left = draws::exponential(&mut self.rng);
        self.plan();
    }

    fn plan(&mut self) {
        self.next_at = if self.rate > 0.0 {
            // `as` saturates.
            let wait = (self.left / self.rate).ceil() as u64;
            self.since.saturating_add(wait)
        } else {
            u64::MAX
        };
    }
}

/// Clients that send a request, wait for what becomes of it, think, and send the next.
#[derive(Clone, Debug, Default)]
pub(super) struct ClosedLoop {
    count: u32,
    clients: Vec<Client>,
}

#[derive(Clone, Debug, Default)]
struct Client {
    is_running: bool,
    requests: u32,
}

impl ClosedLoop {
    /// Sets how many clients there are, and returns those that have to be started. Those too many
    /// stop after their request.
    pub(super) fn set_count(&mut self, count: u32) -> Vec<u32> {
        self.count = count;
        if self.clients.len() < count as usize {
            self.clients.resize_with(count as usize, Client::default);
        }
        let mut started = Vec::new();
        for (id, client) in (0..count).zip(&mut self.clients) {
            if !client.is_running {
                client.is_running = true;
                started.push(id);
            }
        }
        started
    }

    /// Returns the number of the client's next request, or `None` if there is to be none.
    pub(super) fn next_request(&mut self, id: u32) -> Option<u64> {
        let client = &mut self.clients[id as usize];
        if id >= self.count {
            client.is_running = false;
            return None;
        }
        client.requests += 1;
        Some(Self::number(id, client.requests))
    }

    /// Returns a number for the client's thinking before its next request.
    pub(super) fn upcoming(&self, id: u32) -> u64 {
        Self::number(id, self.clients[id as usize].requests + 1)
    }

    /// Numbers of the open loop count from 0 and never come this far.
    fn number(id: u32, requests: u32) -> u64 {
        1 << 63 | u64::from(id) << 32 | u64::from(requests)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrivals_come_at_the_rate_and_a_change_of_it_forgets_nothing() {
        let draws = Draws::new(1);
        let mut changed = OpenLoop::new(&draws, 1000.0);
        let mut constant = OpenLoop::new(&draws, 1000.0);
        for i in 0..10_000 {
            let middle = changed.since.midpoint(changed.next_at);
            if i % 10 == 0 {
                changed.set_rate(0.0, middle);
                assert_eq!(changed.next_at, u64::MAX);
                changed.set_rate(1000.0, middle);
            }
            // Rounded up to whole nanoseconds.
            assert!(changed.next_at.abs_diff(constant.next_at) <= i + 1);
            changed.arrived();
            constant.arrived();
        }
        let rate = 10_000.0 / (constant.since as f64 / 1e9);
        assert!((rate / 1000.0 - 1.0).abs() < 0.03, "{rate}");
    }

    #[test]
    fn clients_too_many_stop_and_come_back() {
        let mut clients = ClosedLoop::default();
        assert_eq!(clients.set_count(2), [0, 1]);
        let first = clients.next_request(1).unwrap();
        assert!(clients.set_count(1).is_empty());
        assert_eq!(clients.next_request(1), None);
        assert_eq!(clients.set_count(3), [1, 2]);
        assert_eq!(clients.next_request(1), Some(first + 1));
    }
}
