//! What the gate does under its lock for the requests of an admission.

use std::time::Duration;

use super::protocol::{Env, Gate};
use super::shares::PartitionId;
use super::slots::{Key, Request, State};
use super::ticket::{Decision, Manner, Pass, Place, Ticket};
use super::turned_away::Evicted;
use super::waiters::Waiters;
use super::word::Word;
use crate::contain::contain;
use crate::sync::atomic::Ordering;
use crate::{Mode, Priority, Queue, Reason, Shares};

/// What is to be changed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Change<'a> {
    pub(crate) queue: Option<Queue>,
    pub(crate) shares: Option<&'a Shares>,
    pub(crate) mode: Option<Mode>,
}

impl Gate {
    #[inline(never)]
    pub(super) fn enter_parked(
        &self,
        ticket: &Ticket<'_>,
        manner: Manner,
        env: &impl Env,
    ) -> Decision {
        let mut waiters = self.lock();
        if waiters.is_closed() {
            return Decision::Refused(Reason::Closed);
        }
        let ghost = manner.ghost || self.observes();
        let lapsed = self.lapse_for_visitor(&mut waiters, env);
        let id = waiters.partitions.find(ticket.partition);
        let mut reason = Reason::Limit;
        // Who waits to be ready may have gone, and whoever comes goes before it; requests are there.
        let first = lapsed && waiters.is_patient_next(self.load().limit());
        if first || waiters.line.is_empty() {
            match self.admit_locked(&mut waiters, id, manner.headroom, env) {
                Ok(pass) => {
                    self.settle_and_unlock(waiters, env);
                    return Decision::Admitted(pass);
                }
                Err(refused) => reason = refused,
            }
        }
        let mut evicted = None;
        let decision = match waiters.line.queue.capacity {
            0 => Decision::Refused(reason),
            _ => self.queue_up(&mut waiters, ticket, id, ghost, &mut evicted, env),
        };
        self.settle_and_unlock(waiters, env);
        if let Some(Evicted { waker: Some(waker) }) = evicted {
            contain(|| waker.wake());
        }
        decision
    }

    /// Queues a request, if need be in the place of another.
    fn queue_up(
        &self,
        waiters: &mut Waiters,
        ticket: &Ticket<'_>,
        id: PartitionId,
        ghost: bool,
        evicted: &mut Option<Evicted>,
        env: &impl Env,
    ) -> Decision {
        let now = env.now();
        let priority = ticket.priority;
        let mut until = now + waiters.line.queue.max_wait;
        if let Some(deadline) = ticket.deadline {
            let ahead = waiters.line.ahead(priority, id);
            if now + self.expected_wait(ahead, env) > deadline {
                return Decision::Refused(Reason::DeadlineTooClose);
            }
            until = until.min(deadline);
        }
        if waiters.line.requests() >= waiters.line.queue.capacity {
            // One that is overdue has no claim to its place; nobody need lose another.
            let overdue = waiters
                .expire_next(self.load().limit(), now)
                .map(|waker| Evicted { waker });
            *evicted = overdue.or_else(|| waiters.evict_for(priority, id, ghost));
            if evicted.is_none() {
                return Decision::Refused(Reason::QueueFull);
            }
        }
        let request = Request {
            priority,
            arrived: now,
            until,
            ghost,
        };
        waiters.observe(now, env.mean_rtt(), self.load().limit());
        let key = waiters.push_request(request, id);
        if ghost {
            // Before the lock is given back: whoever grants to it takes it off again.
            self.enter_beyond();
        }
        self.park();
        Decision::Queued(Place {
            key,
            until,
            priority,
            ghost,
        })
    }

    /// Returns how long it takes, at best, until so many have gone before, as far as that is known.
    fn expected_wait(&self, ahead: usize, env: &impl Env) -> Duration {
        let limit = self.load().limit();
        let rtt = env.mean_rtt().unwrap_or_default();
        rtt.mul_f64((ahead + 1) as f64 / limit as f64)
    }

    /// Ends the wait of a request whose time is over: it is admitted if it has been granted a
    /// permit, or else turned away.
    pub(crate) fn time_out(&self, key: Key, env: &impl Env) -> Result<Pass, Reason> {
        let mut waiters = self.lock();
        let mut left = waiters.remove(key);
        self.settle_and_unlock(waiters, env);
        let waker = left.waker.take();
        contain(|| drop(waker));
        left.decision()
    }

    #[inline(never)]
    pub(super) fn release_of_partition(&self, id: PartitionId, env: &impl Env) {
        let mut waiters = self.lock();
        waiters.partitions.given_back(id);
        self.give_back();
        self.settle_and_unlock(waiters, env);
    }

    /// Ends a ghost: its request is over. Returns why it would have been turned away, if so, and how
    /// much it mattered.
    #[inline(never)]
    pub(super) fn lay_to_rest(&self, key: Key, env: &impl Env) -> Option<(Reason, Priority)> {
        let mut waiters = self.lock();
        let (until, priority) = (waiters.until(&key), waiters.priority(&key));
        let left = waiters.remove(key);
        if left.pass.is_some() {
            self.take_back(&mut waiters, left.pass);
        } else {
            self.leave_beyond();
            // Nothing comes back; the word is to be changed all the same: see the learner.
            self.fence();
        }
        self.settle_and_unlock(waiters, env);
        let reason = match left.state {
            State::Refused(reason) => Some(reason),
            State::Queued if until.is_some_and(|until| until <= env.now()) => {
                Some(Reason::WaitedTooLong)
            }
            _ => None,
        };
        reason.map(|reason| (reason, priority))
    }

    /// Takes back what was granted, under the lock.
    pub(super) fn take_back(&self, waiters: &mut Waiters, pass: Option<Pass>) {
        if let Some(Pass::Partition(id)) = pass {
            waiters.partitions.given_back(id);
        }
        if pass.is_some() {
            self.give_back();
        }
    }

    /// Changes what is to be changed, all at once. The caller must then call
    /// [`resume`](Self::resume), or those whom it concerns sleep on.
    pub(crate) fn change(&self, change: Change<'_>) {
        let mut waiters = self.lock();
        if let Some(queue) = change.queue {
            // Relaxed: a copy; see `enter`.
            self.capacity.store(queue.capacity, Ordering::Relaxed);
            waiters.line.queue = queue;
        }
        if let Some(shares) = change.shares {
            waiters.set_shares(shares);
            // Relaxed: the flag only changes under the lock. A request that is admitted outside it at
            // this moment is one of those that were in flight before anybody counted.
            if waiters.is_guarded() {
                self.word.fetch_or(Word::GUARDED, Ordering::Relaxed);
            } else {
                self.word.fetch_and(!Word::GUARDED, Ordering::Relaxed);
            }
        }
        if let Some(mode) = change.mode {
            // Relaxed: read under the lock by those who decide on it; see `observes`.
            self.observing
                .store(mode == Mode::Observe, Ordering::Relaxed);
        }
    }

    /// Lets everybody go on whom a change concerns.
    pub(crate) fn resume(&self, env: &impl Env) {
        self.hand_over(env);
        if self.observes() {
            self.wake_all();
        }
    }

    /// Name, guaranteed fraction and requests in flight of each partition, if shares are guaranteed.
    pub(crate) fn partitions<T>(&self, collect: impl Fn(Option<&str>, f64, usize) -> T) -> Vec<T> {
        let waiters = self.lock();
        if !waiters.is_guarded() {
            return Vec::new();
        }
        let partitions = waiters.partitions.iter();
        partitions
            .map(|(name, fraction, in_flight)| collect(name, fraction, in_flight))
            .collect()
    }
}

#[cfg(test)]
impl Gate {
    pub(super) fn set_queue(&self, queue: Queue, env: &impl Env) {
        self.change(Change {
            queue: Some(queue),
            ..Change::default()
        });
        self.resume(env);
    }

    pub(super) fn set_shares(&self, shares: &Shares, env: &impl Env) {
        self.change(Change {
            shares: Some(shares),
            ..Change::default()
        });
        self.resume(env);
    }
}
