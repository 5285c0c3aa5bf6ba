/// Whether a limit is enforced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Mode {
    /// What does not fit waits or is turned away.
    #[default]
    Enforce,
    /// Everybody is let in. What would have become of them is counted (see
    /// [`Snapshot::spared`](crate::Snapshot::spared)), and the limit goes on learning.
    Observe,
}
