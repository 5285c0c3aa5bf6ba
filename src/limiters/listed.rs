use super::set::Factory;
use crate::limiter::Limiter;
#[cfg(not(tower_adaptive_loom))]
use crate::registry::{self, Quota};

/// Which names the limiters of a set have in the registry.
pub(super) struct Naming<K> {
    pub(super) of_key: Option<OfKey<K>>,
    pub(super) of_overflow: String,
}

type OfKey<K> = Box<dyn Fn(&K) -> String + Send + Sync>;

/// Lists the limiters of a set.
pub(super) struct Listed<K> {
    naming: Naming<K>,
    #[cfg(not(tower_adaptive_loom))]
    quota: Quota,
}

impl<K> Naming<K> {
    pub(super) fn new() -> Self {
        Self {
            of_key: None,
            of_overflow: "overflow".to_owned(),
        }
    }
}

#[cfg(not(tower_adaptive_loom))]
impl<K> Listed<K> {
    pub(super) fn new(naming: Naming<K>, most: usize) -> Self {
        let quota = Quota::new(most);
        Self { naming, quota }
    }

    /// Makes a limiter that is not listed yet, and the name it would be listed under.
    pub(super) fn make(&self, factory: &Factory<K>, key: &K) -> (Limiter, Option<String>) {
        let made = registry::apart(|| factory(key));
        let name = match &self.naming.of_key {
            Some(of_key) => Some(of_key(key)),
            None => made.name().map(str::to_owned),
        };
        (made, name)
    }

    /// Lists a limiter that is one of the set's now.
    pub(super) fn list(&self, name: Option<String>, limiter: &Limiter, is_overflow: bool) {
        match name {
            Some(_) if is_overflow => self.quota.list_beside(&self.naming.of_overflow, limiter),
            Some(name) => self.quota.list(name, limiter),
            None => {}
        }
    }
}

/// loom has no weak handles, so nothing is listed.
#[cfg(tower_adaptive_loom)]
impl<K> Listed<K> {
    pub(super) fn new(naming: Naming<K>, _: usize) -> Self {
        Self { naming }
    }

    pub(super) fn make(&self, factory: &Factory<K>, key: &K) -> (Limiter, Option<String>) {
        let _ = (&self.naming.of_key, &self.naming.of_overflow);
        (factory(key), None)
    }

    pub(super) fn list(&self, _: Option<String>, _: &Limiter, _: bool) {}
}
