//! The gate: who may be in flight now, and who is next.
//!
//! # State
//!
//! One atomic [`Word`](word::Word) holds the limit, the number in flight and two flags, *parked* and
//! *guarded*. Behind a mutex lie the [`Waiters`](waiters::Waiters): the [`Line`](line::Line) of those
//! who wait, the *grants*, permits given to a waiter that has not been polled since, and the
//! [`Partitions`](shares::Partitions), of which each counts its own requests in flight. A grant counts
//! as in flight from the moment it is made, so that nobody else takes its room.
//!
//! In the line stand *patient* callers, who wait in `poll_ready` or `acquire` as long as they must,
//! and *requests*, which an admission has queued: at most so many, each until a time of its own, in
//! an order of their own. A request may be a *ghost*: its layer only observes, so it is in flight
//! already and waits on paper. What is in flight and not on paper is counted *beyond* the word.
//!
//! # Invariants
//!
//! 1. An admission is a compare-and-swap of the word that found in flight below the limit (except
//!    [`acquire_past_limit`](Gate::acquire_past_limit), which says so). A limit that fell
//!    therefore holds at once: releases admit nobody until there is room.
//! 2. *parked* is set exactly while the line or the grants are not empty, the gate is closed, or
//!    somebody waits until nothing is in flight, seen from under the lock, where alone it changes.
//!    While it is set nobody is admitted outside the lock, so that newcomers do not overtake.
//! 3. Whoever makes room (gives a permit back, raises the limit, takes a grant back) and finds
//!    *parked* set hands the room on: it takes the lock and grants to whoever is next in the line.
//! 4. Each unit in flight is owned by exactly one permit, one holder of a spent wait, one grant, or
//!    one ghost that has claimed it. While *guarded* is set, which is while shares are guaranteed,
//!    nobody is admitted outside the lock either, and each unit admitted since then is one of
//!    exactly one partition.
//! 5. The wait of a request ends once: granted, refused, timed out or left. All four happen under
//!    the lock, and each takes it out of the line.
//! 6. No code of a caller runs under the lock: wakers are cloned, woken and dropped outside it.
//!
//! # Why no wake-up is lost
//!
//! A waiter sets *parked* and then looks for room once more. Both that and the release are changes
//! of one word, so one of them comes first:
//!
//! ```text
//! waiter                                 | releaser
//! ---------------------------------------+---------------------------------------
//! no room: take the lock                 |
//! queue itself                           |
//! set parked                         (1) | in flight - 1, read parked          (2)
//! look for room again, under the lock    | parked: take the lock,
//! none: leave a waker, unlock, sleep     |   grant to the next, unlock, wake it
//! ```
//!
//! If (1) comes before (2) the releaser sees the flag, waits for the lock, and finds the waiter in
//! the queue with its waker. If (2) comes before (1) the waiter's second look sees the room. Raising
//! the limit is the same with "limit := n" at (2).
//!
//! A request is queued when it is called and leaves its waker when it is first polled. What was
//! decided between the two needs no wake-up: the first poll looks before it sleeps, under the lock
//! under which the decision was made.
//!
//! # Time
//!
//! A request gives up at a time of its own, by a clock of its own: its future holds a timer. Where
//! a lane does not drain, the old ones are refused earlier; that happens when anybody comes or goes,
//! since only then is there anything to be had that they are in the way of.
//!
//! # Grants that nobody takes up
//!
//! A caller may poll, get `Pending` and never poll again without dropping its place: `LoadShed`
//! does, and so does a connection that goes idle. Its grant must not freeze the gate. A grant that
//! was not claimed for 1 ms *lapses*: it goes to whoever polls next, since a poll is the only
//! proof that somebody is there. That is the one exception to first come first served, and its
//! loser goes to the front of the queue if it ever returns. Whoever polls takes one such grant and
//! leaves the others to those who poll next. Where nobody polls, a live waiter could sleep behind
//! a dead one for ever; so while there are both grants and a queue, one timer per limiter passes
//! on to the queue what was not claimed for 2 ms.
//!
//! Requests are not like that: their future is polled, or it is dropped and leaves. One that was
//! granted a permit has 10 ms, whoever polls meanwhile, and what lapses goes to whoever is next in
//! the line. Only where that is a caller, who may be gone, does a newcomer have it first.
//!
//! # The end
//!
//! A gate that is *closed* admits nobody: it turns away all who wait and takes back the grants that
//! nobody has taken up; who was admitted finishes. Because it stays parked, a newcomer comes
//! to the lock and is told so there, and the fast path knows nothing of it. Whoever waits until nothing
//! is in flight, an *idler*, parks the gate for the same reason: so that each permit that comes back
//! passes by the lock, and the last one wakes the idlers. Why none is forgotten: a permit given back
//! changes the word, and so does parking it; see the two columns above.
//!
//! # Observing
//!
//! A gate that *observes* lets everybody in. Requests wait on paper, as ghosts; whoever waits in
//! truth when it begins to observe, or comes later and would have to, goes in *beyond* the word.
//!
//! # Failure cases
//!
//! - *A waiter is dropped*: queued, it leaves the queue; granted, the grant is given back and
//!   handed on; lapsed, there is nothing to return.
//! - *A request is dropped after it was refused, and before it was polled*: it counts as abandoned.
//! - *A request is granted a permit as its time runs out*: it has the permit.
//! - *A queue is made smaller than what is in it*: those who wait keep their places.
//! - *Shares change while requests are in flight*: a permit goes back to the partition it was taken
//!   from, whatever is guaranteed to that now. One taken before there were shares is nobody's.
//! - *Callers wait at a limiter with shares*: they are of the rest, and never time out, so they wait
//!   as long as others stay below their guarantees. If requests have no queue there, freed permits
//!   go to the callers, whatever is guaranteed: there is nobody else to give them to.
//! - *A waker panics*, woken or dropped: it is contained, and the others are woken all the same.
//! - *The runtime of the timer ends*: the timer's guard says so and wakes the queue. Whoever of it
//!   is alive polls, on a runtime that is, and starts another.
//! - *The timer's runtime is kept and not driven*: a caller that polls 100 ms later starts another.
//! - *No runtime at all, or one without time*: there is no timer, and lapsed grants wait for the
//!   next poll.
//! - *2^31 - 1 in flight*: only callers that ignore the limit get there; they are refused.

mod closing;
mod drain;
mod idlers;
mod lanes;
mod line;
mod observing;
mod parked;
mod permit;
mod protocol;
mod queued;
mod requests;
mod shares;
mod slots;
mod ticket;
mod turned_away;
mod waiter;
mod waiters;
mod word;

pub use permit::Permit;

pub(crate) use idlers::IdlerId;
pub(crate) use permit::Held;
pub(crate) use protocol::{Env, Gate};
pub(crate) use queued::Queued;
pub(crate) use requests::Change;
pub(crate) use ticket::{Decision, Entry, Manner, Pass, Place, Ticket};
pub(crate) use waiter::Waiter;

#[cfg(all(test, tower_adaptive_loom))]
mod closing_models;
#[cfg(all(test, not(tower_adaptive_loom)))]
mod ghost_tests;
#[cfg(all(test, not(tower_adaptive_loom)))]
mod late_tests;
#[cfg(all(test, not(tower_adaptive_loom)))]
mod line_tests;
#[cfg(all(test, tower_adaptive_loom))]
mod models;
#[cfg(all(test, not(tower_adaptive_loom)))]
mod proptests;
#[cfg(all(test, tower_adaptive_loom))]
mod request_models;
#[cfg(all(test, not(tower_adaptive_loom)))]
mod request_tests;
#[cfg(all(test, not(tower_adaptive_loom)))]
mod share_tests;
#[cfg(all(test, not(tower_adaptive_loom)))]
mod steps;
#[cfg(all(test, not(tower_adaptive_loom)))]
mod tests;
#[cfg(all(test, not(tower_adaptive_loom)))]
mod world;
