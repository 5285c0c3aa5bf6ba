//! The limiters of this process, by name.
//!
//! The registry is one for the whole process, so each test has names of its own.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

use std::time::Duration;

use tower_adaptive::{Algorithm, Fixed, Limiter, Limiters, Sample, registry};

fn named(name: &str, limit: usize) -> Limiter {
    Limiter::builder(Fixed::new(limit)).name(name).build()
}

/// Names that begin so.
fn names(prefix: &str) -> Vec<String> {
    let all = registry::all().into_iter().map(|(name, _)| name);
    all.filter(|name| name.starts_with(prefix)).collect()
}

#[test]
fn a_limiter_with_a_name_is_listed_while_it_lives() {
    let limiter = named("lives", 3);
    let clone = limiter.clone();

    drop(limiter);
    assert_eq!(registry::get("lives").map(|found| found.limit()), Some(3));

    drop(clone);
    assert!(registry::get("lives").is_none());
    assert!(names("lives").is_empty());
}

#[test]
fn a_limiter_without_a_name_is_listed_when_asked() {
    let limiter = Limiter::new(Fixed::new(3));
    assert!(registry::get("asked").is_none());

    registry::insert("asked", &limiter);

    let permit = limiter.try_acquire();
    assert_eq!(registry::get("asked").map(|it| it.in_flight()), Some(1));
    drop(permit);
}

#[test]
fn a_limiter_may_be_listed_under_two_names() {
    let limiter = named("two names: own", 3);

    registry::insert("two names: other", &limiter);

    assert_eq!(
        names("two names"),
        ["two names: other", "two names: own"].map(String::from)
    );
}

#[test]
fn of_one_name_the_youngest_living_one_is_seen() {
    let oldest = named("young", 1);
    let youngest = named("young", 2);
    assert_eq!(registry::get("young").map(|it| it.limit()), Some(2));
    assert_eq!(names("young").len(), 1);

    drop(youngest);
    assert_eq!(registry::get("young").map(|it| it.limit()), Some(1));

    drop(oldest);
    assert!(registry::get("young").is_none());
}

#[test]
fn one_inserted_again_is_the_youngest() {
    let first = named("again", 1);
    let _second = named("again", 2);

    registry::insert("again", &first);

    assert_eq!(registry::get("again").map(|it| it.limit()), Some(1));
}

#[test]
fn all_are_sorted_by_name() {
    let _limiters = ["sorted b", "sorted c", "sorted a"].map(|name| named(name, 1));

    assert_eq!(names("sorted"), ["sorted a", "sorted b", "sorted c"]);
}

#[test]
fn one_that_could_not_be_built_is_not_listed() {
    let shares = tower_adaptive::Shares::new().guarantee("a", 2.0);

    let built = Limiter::builder(Fixed::new(1))
        .name("not built")
        .shares(shares)
        .try_build();

    assert!(built.is_err());
    assert!(registry::get("not built").is_none());
}

#[test]
fn an_algorithm_that_uses_the_registry_when_it_is_dropped_finds_it_free() {
    struct Nosy(Arc<Mutex<Option<usize>>>);

    impl Algorithm for Nosy {
        fn max_concurrency(&self) -> usize {
            1
        }

        fn update(&mut self, _: &Sample) {}
    }

    impl Drop for Nosy {
        fn drop(&mut self) {
            let inner = named("nosy: inner", 1);
            *self.0.lock().unwrap() = Some(names("nosy").len());
            drop(inner);
        }
    }

    let found = Arc::new(Mutex::new(None));
    let limiter = Limiter::builder(Nosy(found.clone())).name("nosy").build();
    let from_registry = registry::get("nosy");
    drop(limiter);

    drop(from_registry);

    assert_eq!(*found.lock().unwrap(), Some(1));
}

#[test]
fn a_name_that_uses_the_registry_when_it_is_asked_for_finds_it_free() {
    struct Name;

    impl From<Name> for String {
        fn from(_: Name) -> Self {
            // Another thread, so that the test fails rather than hangs.
            let (sender, receiver) = std::sync::mpsc::channel();
            std::thread::spawn(move || sender.send(registry::get("nobody").is_none()));
            let free = receiver.recv_timeout(Duration::from_secs(1));
            format!("the registry was free: {free:?}")
        }
    }
    let limiter = Limiter::new(Fixed::new(1));

    registry::insert(Name, &limiter);

    assert!(registry::get("the registry was free: Ok(true)").is_some());
}

#[test]
fn limiters_of_a_set_are_listed_as_their_keys_say() {
    let limiters = Limiters::builder(|_: &String| Limiter::new(Fixed::new(1)))
        .listed_as(|key| format!("by key: {key}"))
        .build();

    let _a = limiters.for_key("a");
    let b = limiters.for_key("b");
    assert_eq!(names("by key"), ["by key: a", "by key: b"]);

    drop(b);
    limiters.remove("b");
    assert_eq!(names("by key"), ["by key: a"]);
}

#[test]
fn of_a_set_only_so_many_are_listed_at_once() {
    let limiters = Limiters::builder(|_: &u32| Limiter::new(Fixed::new(1)))
        .listed_as(|key| format!("so many: {key}"))
        .most_listed(2)
        .build();

    (0..5).for_each(|key| drop(limiters.for_key(&key)));
    assert_eq!(names("so many"), ["so many: 0", "so many: 1"]);

    limiters.remove(&0);
    let _ = limiters.for_key(&5);
    assert_eq!(names("so many"), ["so many: 1", "so many: 5"]);
}

#[test]
fn names_that_a_factory_gives_are_bounded_as_well() {
    let limiters = Limiters::builder(|key: &u32| named(&format!("factory: {key}"), 1))
        .most_listed(2)
        .build();

    (0..5).for_each(|key| drop(limiters.for_key(&key)));

    assert_eq!(names("factory"), ["factory: 0", "factory: 1"]);
}

#[test]
fn a_hundred_of_a_set_are_listed_unless_said_otherwise() {
    let limiters = Limiters::new(|key: &u32| named(&format!("hundred: {key}"), 1));

    (0..150).for_each(|key| drop(limiters.for_key(&key)));

    assert_eq!(names("hundred").len(), 100);
}

#[test]
fn none_of_a_set_is_listed_if_none_may_be() {
    let limiters = Limiters::builder(|key: &u32| named(&format!("none: {key}"), 1))
        .overflow_listed_as("none: overflow")
        .most_listed(0)
        .capacity(1)
        .build();

    let _both = [limiters.for_key(&1), limiters.for_key(&2)];

    assert!(limiters.overflow().is_some());
    assert!(names("none").is_empty());
}

#[test]
fn a_set_that_names_nothing_lists_nothing() {
    let before: HashSet<_> = names("overflow").into_iter().collect();
    let limiters = Limiters::builder(|_: &u32| Limiter::new(Fixed::new(1)))
        .capacity(1)
        .build();

    let _both = [limiters.for_key(&1), limiters.for_key(&2)];

    assert!(limiters.overflow().is_some());
    assert!(
        names("overflow")
            .into_iter()
            .all(|name| before.contains(&name))
    );
}

#[test]
fn the_overflow_limiter_is_listed_under_its_own_name_beside_the_others() {
    let limiters = Limiters::builder(|_: &u32| Limiter::new(Fixed::new(1)))
        .listed_as(|key| format!("beside: {key}"))
        .overflow_listed_as("beside: the rest")
        .most_listed(1)
        .capacity(1)
        .build();

    let _all = [1, 2, 3].map(|key| limiters.for_key(&key));

    assert_eq!(names("beside"), ["beside: 1", "beside: the rest"]);
    let overflow = registry::get("beside: the rest").unwrap();
    let _permit = overflow.try_acquire().unwrap();
    assert_eq!(limiters.overflow().unwrap().in_flight(), 1);
}

#[test]
fn what_a_factory_builds_beside_its_limiter_is_listed() {
    let kept = Arc::new(Mutex::new(Vec::new()));
    let limiters = Limiters::builder({
        let kept = kept.clone();
        move |_: &u32| {
            kept.lock().unwrap().push(named("built: shared", 1));
            named("built: own", 1)
        }
    })
    .most_listed(0)
    .build();

    let _ = limiters.for_key(&1);

    assert_eq!(names("built"), ["built: shared"]);
}

#[test]
fn a_factory_that_panics_leaves_the_registry_in_order() {
    let limiters = Limiters::new(|_: &u32| -> Limiter { panic!("a factory that panics") });

    let looked_up = catch_unwind(AssertUnwindSafe(|| limiters.for_key(&1)));

    assert!(looked_up.is_err());
    let _after = named("after the panic", 1);
    assert!(registry::get("after the panic").is_some());
}

#[test]
fn a_listed_limiter_of_a_set_is_forgotten_as_any_other() {
    let limiters = Limiters::builder(|_: &u32| Limiter::new(Fixed::new(1)))
        .listed_as(|key| format!("forgotten: {key}"))
        .capacity(1)
        .build();

    drop(limiters.for_key(&1));
    drop(limiters.for_key(&2));

    assert_eq!(limiters.forgotten(), 1);
    assert_eq!(names("forgotten"), ["forgotten: 2"]);
}

#[test]
fn a_bound_out_of_range_is_refused() {
    let built = Limiters::builder(|_: &u32| Limiter::new(Fixed::new(1)))
        .most_listed(10_001)
        .try_build();

    assert_eq!(
        built.unwrap_err().to_string(),
        "most_listed must be at most 10000, got 10001"
    );
}
