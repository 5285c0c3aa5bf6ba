//! [`Limiters`]: a limit for each key, bounded in number however many keys come.
//!
//! A key's limiter is found in a hash table of our own ([`table`]), not in a `HashMap`: the hash is
//! computed before the lock is taken, and a limiter is forgotten by its index. So of the caller's
//! code only `Eq` runs under the lock, before anything has changed, and keys need not be cloned.
//! Which limiter goes is decided in [`roster`]. The factory, the drops of what was forgotten and
//! the settings of layers run when the lock is free.
//!
//! Why a limiter in use is never forgotten: users hold a clone of it, and clones of one that has no
//! user are made under the read lock only. Whoever sees under the write lock that the table has the
//! only handle knows that nobody is between looking it up and using it.

mod builder;
mod close;
mod listed;
mod roster;
mod set;
mod table;
mod watch;

pub use builder::LimitersBuilder;
pub use set::Limiters;
