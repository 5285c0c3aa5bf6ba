use std::task::Waker;

/// Those who wait until nothing is in flight. Few, and seldom: a list will do.
#[derive(Debug, Default)]
pub(super) struct Idlers {
    list: Vec<(IdlerId, Waker)>,
    next: u64,
}

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct IdlerId(u64);

impl Idlers {
    pub(super) const fn new() -> Self {
        Self {
            list: Vec::new(),
            next: 0,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Leaves a waker, in the place of one left before. Returns what is to be dropped outside the
    /// lock.
    pub(super) fn insert(&mut self, id: &mut Option<IdlerId>, waker: Waker) -> Option<Waker> {
        let before = id.take().and_then(|id| self.remove(id));
        let new = IdlerId(self.next);
        self.next += 1;
        self.list.push((new, waker));
        *id = Some(new);
        before
    }

    /// Forgets one, if it was not woken.
    pub(super) fn remove(&mut self, id: IdlerId) -> Option<Waker> {
        let at = self.list.iter().position(|(other, _)| *other == id)?;
        Some(self.list.swap_remove(at).1)
    }

    pub(super) fn take_all(&mut self) -> Vec<Waker> {
        self.list.drain(..).map(|(_, waker)| waker).collect()
    }
}
