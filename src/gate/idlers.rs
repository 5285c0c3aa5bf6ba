use std::task::Waker;

/// Those who wait until nothing is in flight. Few, and seldom: a list will do.
#[derive(Debug)]
pub(super) struct Idlers {
    list: Vec<(IdlerId, Waker)>,
    /// Wakers of those whose wait is over.
    dismissed: Vec<Waker>,
    next: u64,
}

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct IdlerId(u64);

impl Idlers {
    pub(super) const fn new() -> Self {
        Self {
            list: Vec::new(),
            dismissed: Vec::new(),
            next: 0,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(super) fn insert(&mut self, waker: Waker) -> IdlerId {
        let id = IdlerId(self.next);
        self.next += 1;
        self.list.push((id, waker));
        id
    }

    /// Forgets one, if its wait is not over.
    pub(super) fn remove(&mut self, id: IdlerId) -> Option<Waker> {
        let at = self.list.iter().position(|(other, _)| *other == id)?;
        Some(self.list.swap_remove(at).1)
    }

    /// Ends the wait of all.
    pub(super) fn dismiss(&mut self) {
        let wakers = self.list.drain(..).map(|(_, waker)| waker);
        self.dismissed.extend(wakers);
    }

    pub(super) fn take_dismissed(&mut self) -> Vec<Waker> {
        std::mem::take(&mut self.dismissed)
    }
}
