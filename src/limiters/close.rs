use std::sync::Arc;

use super::set::Limiters;
use crate::limiter::Limiter;

/// The end of a set.
impl<K> Limiters<K> {
    /// [Closes](Limiter::close) each limiter there is, that for overflow included, and each that will
    /// be made.
    ///
    /// One that is closed alone is open again after it was forgotten: the next lookup of its key
    /// makes another.
    ///
    /// # Examples
    ///
    /// ```
    /// use tower_adaptive::{Fathom, Limiter, Limiters};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let hosts = Limiters::new(|_: &String| Limiter::new(Fathom::default()));
    /// hosts.close();
    /// assert!(hosts.for_key("a.example").is_closed());
    /// hosts.idle().await; // a graceful drain is over
    /// # }
    /// ```
    pub fn close(&self) {
        self.configure(Arc::new(Limiter::close));
    }

    /// Waits until each limiter has been idle (see [`Limiter::idle`]): after [`close`](Self::close),
    /// until nothing is in flight under any of them. Those that were [removed](Self::remove) do not
    /// count.
    ///
    /// # Cancel safety
    ///
    /// May be dropped at any time.
    pub async fn idle(&self) {
        let mut idle = Vec::new();
        self.for_each(|limiter| idle.push(limiter.idle()));
        for idle in idle {
            idle.await;
        }
    }
}
