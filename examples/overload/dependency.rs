//! The dependency: a database with 16 connections and a first-come-first-served queue for them.
//!
//! It runs on a thread of its own, as if it were another machine, because it has to be exact: tokio
//! rounds every sleep up to a millisecond, which would cost it 4% of its capacity.
//!
//! What happens to a query whose client has gone? One that has begun holds its connection to the
//! end, as a real database does. One that still waits leaves the queue, as the waiters of sqlx,
//! deadpool and bb8 do when hyper drops the handler of a closed connection. This is the kinder
//! model: with a queue inside the database, dead queries would run too. It does not save a service
//! without a limit. In an overload each query reaches the front when its client's patience is
//! nearly over, so it begins, the client leaves, and the connection works for nobody.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::traffic::CONNECTIONS;

/// A handle on the dependency. It stops with its last handle.
#[derive(Clone, Debug)]
pub struct Dependency {
    queries: Sender<Query>,
    counts: Arc<Counts>,
}

/// Queries run to the end so far, and how many of those nobody waited for any more.
#[derive(Debug, Default)]
pub struct Counts {
    pub finished: AtomicU64,
    pub wasted: AtomicU64,
}

impl Dependency {
    pub fn start() -> Self {
        let (queries, inbox) = mpsc::channel();
        let counts = Arc::<Counts>::default();
        let mut pool = Pool {
            waiting: VecDeque::new(),
            running: Vec::new(),
            counts: counts.clone(),
        };
        thread::spawn(move || pool.run(&inbox));
        Self { queries, counts }
    }

    /// Waits for a connection, then for the query to take `service`.
    pub async fn query(&self, service: Duration) {
        let (reply, done) = oneshot::channel();
        let query = Query { service, reply };
        self.queries
            .send(query)
            .expect("the dependency runs while it has a handle");
        done.await
            .expect("the dependency answers every query it was not told to drop");
    }

    pub fn counts(&self) -> &Counts {
        &self.counts
    }
}

struct Pool {
    waiting: VecDeque<Query>,
    running: Vec<Running>,
    counts: Arc<Counts>,
}

struct Query {
    service: Duration,
    reply: oneshot::Sender<()>,
}

struct Running {
    until: Instant,
    reply: oneshot::Sender<()>,
}

impl Pool {
    fn run(&mut self, inbox: &Receiver<Query>) {
        loop {
            let next = self.next_to_finish().map(|index| self.running[index].until);
            let pause = next.map_or(IDLE, |until| {
                until.saturating_duration_since(Instant::now())
            });
            let query = inbox.recv_timeout(pause);
            let now = Instant::now();
            self.finish_until(now);
            match query {
                Ok(query) if self.running.len() < CONNECTIONS => self.begin(query, now),
                Ok(query) => self.waiting.push_back(query),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn finish_until(&mut self, now: Instant) {
        while let Some(index) = self
            .next_to_finish()
            .filter(|&index| self.running[index].until <= now)
        {
            let Running { until, reply } = self.running.swap_remove(index);
            self.counts.finished.fetch_add(1, Ordering::Relaxed);
            if reply.send(()).is_err() {
                self.counts.wasted.fetch_add(1, Ordering::Relaxed);
            }
            // The next one begins when this one was due to finish: a late wake-up costs no capacity.
            if let Some(query) = self.next_waiting() {
                self.begin(query, until);
            }
        }
    }

    fn next_waiting(&mut self) -> Option<Query> {
        loop {
            let query = self.waiting.pop_front()?;
            if !query.reply.is_closed() {
                return Some(query);
            }
        }
    }

    fn begin(&mut self, query: Query, now: Instant) {
        self.running.push(Running {
            until: now + query.service,
            reply: query.reply,
        });
    }

    fn next_to_finish(&self) -> Option<usize> {
        (0..self.running.len()).min_by_key(|&index| self.running[index].until)
    }
}

/// With nothing running there is nothing to wake up for but a query.
const IDLE: Duration = Duration::from_secs(3600);
