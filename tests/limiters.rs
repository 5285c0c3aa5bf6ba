//! Limiters by key: which are made, kept and forgotten, whatever keys come.

mod support;

use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, OnceLock};
use std::thread;
use std::time::Duration;

use allocation_counter::measure;
use proptest::prelude::*;
use tokio::time::advance;
use tower_adaptive::{Fixed, Limiter, Limiters, LimitersBuilder, Outcome, Permit};

use support::block_on;

const LIMIT: usize = 2;
const IDLE: Duration = Duration::from_secs(60);

/// Names each limiter after its key and the number of those made before.
fn numbered<K: ToString>() -> LimitersBuilder<K> {
    let made = AtomicUsize::new(0);
    Limiters::builder(move |key: &K| {
        let number = made.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}#{number}", key.to_string());
        Limiter::builder(Fixed::new(LIMIT)).name(name).build()
    })
}

fn name(limiter: &Limiter) -> String {
    limiter.name().expect("each has one").to_owned()
}

fn panics<R>(f: impl FnOnce() -> R) -> bool {
    catch_unwind(AssertUnwindSafe(f)).is_err()
}

#[test]
fn a_key_has_one_limit_however_it_is_looked_up() {
    let limiters = numbered::<String>().build();
    let _permit = limiters.for_key("a").try_acquire().unwrap();

    assert_eq!(limiters.for_key("a").in_flight(), 1);
    assert_eq!(limiters.for_owned("a".to_owned()).in_flight(), 1);
    assert_eq!(limiters.clone().get("a").unwrap().in_flight(), 1);
    assert_eq!(limiters.len(), 1);
}

#[test]
fn keys_have_limits_of_their_own() {
    let limiters = numbered::<String>().build();
    let a = limiters.for_key("a");
    let _full = [a.try_acquire().unwrap(), a.try_acquire().unwrap()];

    assert!(a.try_acquire().is_none());
    assert!(limiters.for_key("b").try_acquire().is_some());
}

#[test]
fn looking_without_making_makes_nothing() {
    let limiters = numbered::<String>().build();

    assert!(limiters.get("a").is_none());
    assert!(limiters.is_empty());
}

#[test]
fn a_hit_allocates_nothing() {
    let limiters = numbered::<String>().build();
    drop(limiters.for_key("a"));

    let allocations = measure(|| {
        for _ in 0..1_000 {
            drop(limiters.for_key("a"));
            drop(limiters.get("a"));
        }
    });

    assert_eq!(allocations.count_total, 0);
}

#[test]
fn a_removed_key_gets_a_new_limiter_and_its_users_keep_the_old_one() {
    let limiters = numbered::<String>().build();
    let permit = limiters.for_key("a").try_acquire().unwrap();

    let old = limiters.remove("a").unwrap();

    assert!(limiters.remove("a").is_none());
    assert_eq!(name(&old), "a#0");
    assert_eq!(name(&limiters.for_key("a")), "a#1");
    permit.complete(Outcome::Success);
    assert_eq!(old.snapshot().success, 1);
    assert_eq!(limiters.forgotten(), 0);
}

#[test]
fn dashboards_see_every_key_and_its_limiter() {
    let limiters = numbered::<String>().build();
    let _permit = limiters.for_key("a").try_acquire().unwrap();
    drop(limiters.for_key("b"));

    let mut keys = limiters.keys();
    keys.sort();
    let snapshots: HashMap<_, _> = limiters.snapshots().into_iter().collect();

    assert_eq!(keys, ["a", "b"]);
    assert_eq!(snapshots.len(), 2);
    assert_eq!((snapshots["a"].in_flight, snapshots["b"].in_flight), (1, 0));
}

#[test]
fn options_outside_their_range_are_refused_by_name() {
    let cases = [
        (numbered::<u32>().capacity(0), "capacity"),
        (numbered::<u32>().capacity(1_000_001), "capacity"),
        (numbered::<u32>().idle_after(Duration::ZERO), "idle_after"),
    ];
    for (builder, option) in cases {
        assert_eq!(builder.try_build().unwrap_err().option(), option);
    }
    assert!(numbered::<u32>().capacity(1).try_build().is_ok());
    assert!(numbered::<u32>().capacity(1_000_000).try_build().is_ok());
}

#[test]
#[should_panic(expected = "capacity must be in 1..=1000000, got 0")]
fn build_panics_with_the_option_and_its_range() {
    let _ = numbered::<u32>().capacity(0).build();
}

#[test]
fn a_flood_of_keys_stays_within_the_capacity() {
    let limiters = numbered::<u32>().capacity(100).build();

    for key in 0..100_000 {
        drop(limiters.for_owned(key));
        assert!(limiters.len() <= 100);
    }

    assert_eq!(limiters.forgotten(), 99_900);
    assert_eq!(limiters.overflowed(), 0);
}

#[test]
fn a_flood_of_keys_that_all_hold_permits_stays_within_the_capacity() {
    let limiters = numbered::<u32>().capacity(100).build();
    let mut permits = Vec::new();

    for key in 0..100_000 {
        permits.extend(limiters.for_owned(key).try_acquire());
    }

    assert_eq!(limiters.len(), 100);
    assert_eq!(limiters.forgotten(), 0);
    assert_eq!(limiters.overflowed(), 99_900);
    assert_eq!(permits.len(), 100 + LIMIT, "the rest share one limit");
}

#[test]
fn a_flood_of_keys_does_not_drive_out_those_in_steady_use() {
    let limiters = numbered::<u32>().capacity(100).build();
    let steady = 0..90;
    let names: Vec<_> = steady
        .clone()
        .map(|key| name(&limiters.for_owned(key)))
        .collect();

    for stranger in 1_000..20_000 {
        if stranger % 5 == 0 {
            steady.clone().for_each(|key| drop(limiters.for_owned(key)));
        }
        drop(limiters.for_owned(stranger));
    }

    let after: Vec<_> = steady.map(|key| name(&limiters.for_owned(key))).collect();
    assert_eq!(after, names);
}

#[test]
fn the_one_that_was_not_looked_up_goes() {
    let limiters = numbered::<u32>().capacity(3).build();
    for key in [1, 2, 3, 1, 3] {
        drop(limiters.for_owned(key));
    }

    drop(limiters.for_owned(4));

    assert!(limiters.get(&2).is_none());
    assert_eq!(name(&limiters.get(&1).unwrap()), "1#0");
    assert_eq!(name(&limiters.get(&3).unwrap()), "3#2");
    assert_eq!(limiters.forgotten(), 1);
}

#[test]
fn a_limiter_in_use_is_not_forgotten() {
    let limiters = numbered::<u32>().capacity(3).build();
    let handle = limiters.for_owned(0);
    let permit = limiters.for_owned(1).try_acquire().unwrap();
    for key in 1_000..1_100 {
        drop(limiters.for_owned(key));
    }

    assert_eq!(name(&limiters.for_owned(0)), "0#0");
    assert_eq!(name(&limiters.for_owned(1)), "1#1");
    drop((handle, permit));

    for key in 2_000..2_100 {
        drop(limiters.for_owned(key));
    }
    assert!(limiters.get(&0).is_none());
    assert!(limiters.get(&1).is_none());
}

#[test]
fn a_limiter_that_somebody_waits_for_is_not_forgotten() {
    let limiters = numbered::<u32>().capacity(2).build();
    let waiting = limiters.for_owned(1).acquire();
    for key in 1_000..1_100 {
        drop(limiters.for_owned(key));
    }

    let permit = block_on(waiting).unwrap();

    assert_eq!(limiters.for_owned(1).in_flight(), 1);
    permit.release();
}

#[test]
fn newcomers_share_the_overflow_limiter_while_all_others_are_busy() {
    let limiters = numbered::<u32>().capacity(2).build();
    let _busy = [limiters.for_owned(1), limiters.for_owned(2)];
    assert!(limiters.overflow().is_none());

    let (three, four) = (limiters.for_owned(3), limiters.for_owned(4));

    assert_eq!((name(&three), name(&four)), ("3#2".into(), "3#2".into()));
    assert_eq!(name(&limiters.overflow().unwrap()), "3#2");
    assert_eq!((limiters.len(), limiters.overflowed()), (2, 2));
    assert!(limiters.get(&3).is_none());
}

#[test]
fn a_key_gets_a_limiter_of_its_own_once_there_is_room() {
    let limiters = numbered::<u32>().capacity(1).build();
    let busy = limiters.for_owned(1);
    assert_eq!(name(&limiters.for_owned(2)), "2#1");
    drop(busy);

    assert_eq!(name(&limiters.for_owned(2)), "2#2");
    assert_eq!(limiters.overflowed(), 1);
    assert_eq!(name(&limiters.overflow().unwrap()), "2#1");
}

#[test]
fn an_overflow_limiter_that_exists_is_not_made_again() {
    let made = Arc::new(AtomicUsize::new(0));
    let limiters = Limiters::builder({
        let made = made.clone();
        move |_: &u32| {
            made.fetch_add(1, Ordering::Relaxed);
            Limiter::new(Fixed::new(1))
        }
    });
    let limiters = limiters.capacity(1).build();
    let _busy = limiters.for_owned(0);

    (1..100).for_each(|key| drop(limiters.for_owned(key)));

    assert_eq!(made.load(Ordering::Relaxed), 2);
}

#[test]
fn dashboards_make_no_newcomer_overflow() {
    let limiters = numbered::<u32>().capacity(10).build();
    let over = AtomicBool::new(false);

    thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                assert!(limiters.snapshots().len() <= 10);
            }
        });
        (0..20_000).for_each(|key| drop(limiters.for_owned(key)));
        over.store(true, Ordering::Relaxed);
    });

    assert_eq!(limiters.overflowed(), 0);
}

#[tokio::test(start_paused = true)]
async fn idle_limiters_are_forgotten_when_somebody_new_comes() {
    let limiters = numbered::<u32>().idle_after(IDLE).build();
    (0..10).for_each(|key| drop(limiters.for_owned(key)));

    advance(IDLE).await;
    assert_eq!(limiters.len(), 10);
    drop(limiters.for_owned(10));

    assert_eq!(limiters.keys(), [10]);
    assert_eq!(limiters.forgotten(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_limiter_is_not_idle_before_its_time() {
    let limiters = numbered::<u32>().idle_after(IDLE).build();
    drop(limiters.for_owned(0));
    advance(IDLE / 2).await;
    drop(limiters.for_owned(0));
    advance(IDLE - Duration::from_millis(1)).await;
    drop(limiters.for_owned(1));
    drop(limiters.for_owned(2));

    assert_eq!(name(&limiters.for_owned(0)), "0#0");
}

#[tokio::test(start_paused = true)]
async fn an_idle_limiter_in_use_is_not_forgotten() {
    let limiters = numbered::<u32>().idle_after(IDLE).build();
    let permit = limiters.for_owned(0).try_acquire().unwrap();
    advance(10 * IDLE).await;
    drop(limiters.for_owned(1));
    assert_eq!(limiters.len(), 2);
    drop(permit);

    // It was in use when somebody last came.
    advance(IDLE / 2).await;
    drop(limiters.for_owned(2));
    assert_eq!(limiters.len(), 3);

    advance(IDLE).await;
    drop(limiters.for_owned(3));
    assert_eq!(limiters.keys(), [3]);
}

#[tokio::test(start_paused = true)]
async fn all_of_a_large_set_are_found_idle_in_time() {
    let limiters = numbered::<u32>().idle_after(IDLE).build();
    (0..1_000).for_each(|key| drop(limiters.for_owned(key)));

    advance(IDLE).await;
    (2_000..2_020).for_each(|key| drop(limiters.for_owned(key)));

    assert_eq!(limiters.len(), 20);
}

#[test]
fn threads_that_race_for_a_new_key_get_one_limiter() {
    for _ in 0..200 {
        let limiters = numbered::<u32>().build();
        let start = Barrier::new(2);
        let race = || {
            start.wait();
            limiters.for_owned(1)
        };

        let (ours, theirs) = thread::scope(|scope| {
            let theirs = scope.spawn(race);
            (race(), theirs.join().unwrap())
        });

        assert_eq!(name(&ours), name(&theirs));
    }
}

#[test]
fn a_factory_that_panics_leaves_the_set_usable() {
    let broken = Arc::new(AtomicBool::new(true));
    let limiters = Limiters::new({
        let broken = broken.clone();
        move |_: &u32| {
            assert!(!broken.load(Ordering::Relaxed), "part of the test");
            Limiter::new(Fixed::new(1))
        }
    });

    assert!(panics(|| limiters.for_owned(1)));
    assert!(limiters.is_empty());

    broken.store(false, Ordering::Relaxed);
    let _permit = limiters.for_owned(1).try_acquire().unwrap();
    assert_eq!(limiters.for_owned(1).in_flight(), 1);
}

#[test]
fn a_factory_may_use_the_set() {
    let handle = Arc::new(OnceLock::<Limiters<u32>>::new());
    let limiters = Limiters::new({
        let handle = handle.clone();
        move |key: &u32| match key {
            0 => Limiter::new(Fixed::new(7)),
            _ => Limiter::new(Fixed::new(
                handle.get().unwrap().for_key(&(key - 1)).limit(),
            )),
        }
    });
    handle.set(limiters.clone()).unwrap();

    assert_eq!(limiters.for_owned(5).limit(), 7);
    assert_eq!(limiters.len(), 6);
}

#[test]
fn a_factory_may_make_the_limiter_of_its_own_key() {
    let handle = Arc::new(OnceLock::<Limiters<u32>>::new());
    let first = AtomicBool::new(true);
    let limiters = Limiters::new({
        let handle = handle.clone();
        move |key: &u32| {
            if first.swap(false, Ordering::Relaxed) {
                drop(handle.get().unwrap().for_key(key));
                return Limiter::new(Fixed::new(1));
            }
            Limiter::new(Fixed::new(2))
        }
    });
    handle.set(limiters.clone()).unwrap();

    assert_eq!(limiters.for_owned(1).limit(), 2);
    assert_eq!(limiters.len(), 1);
}

/// A key whose methods panic if told to.
#[derive(Debug)]
struct Bomb {
    id: u32,
    armed: Arc<Armed>,
}

#[derive(Debug, Default)]
struct Armed {
    hash: AtomicBool,
    eq: AtomicBool,
    drop: AtomicBool,
}

impl std::hash::Hash for Bomb {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        assert!(!self.armed.hash.load(Ordering::Relaxed), "part of the test");
        self.id.hash(state);
    }
}

impl PartialEq for Bomb {
    fn eq(&self, other: &Self) -> bool {
        assert!(!self.armed.eq.load(Ordering::Relaxed), "part of the test");
        self.id == other.id
    }
}

impl Eq for Bomb {}

impl Drop for Bomb {
    fn drop(&mut self) {
        if !thread::panicking() {
            assert!(!self.armed.drop.load(Ordering::Relaxed), "part of the test");
        }
    }
}

#[test]
fn keys_that_panic_leave_the_set_usable() {
    let armed = Arc::new(Armed::default());
    let bomb = |id| Bomb {
        id,
        armed: armed.clone(),
    };
    let limiters = Limiters::builder(|_: &Bomb| Limiter::new(Fixed::new(LIMIT)));
    let limiters = limiters.capacity(2).build();
    let _permit = limiters.for_owned(bomb(1)).try_acquire().unwrap();
    drop(limiters.for_owned(bomb(2)));

    for fault in [&armed.hash, &armed.eq] {
        fault.store(true, Ordering::Relaxed);
        assert!(panics(|| limiters.for_owned(bomb(1))));
        assert!(panics(|| limiters.remove(&bomb(2))));
        fault.store(false, Ordering::Relaxed);
    }
    let key = bomb(3);
    armed.drop.store(true, Ordering::Relaxed);
    let made = limiters.for_owned(key);
    armed.drop.store(false, Ordering::Relaxed);

    assert_eq!(made.limit(), LIMIT, "another's drop is not our fault");
    assert_eq!(limiters.for_owned(bomb(1)).in_flight(), 1);
    assert_eq!((limiters.len(), limiters.forgotten()), (2, 1));
}

#[derive(Clone, Debug)]
enum Step {
    LookUp(u8),
    Hold(u8),
    Free(usize),
    Remove(u8),
    Advance,
}

fn step() -> impl Strategy<Value = Step> {
    let key = || 0..12u8;
    prop_oneof![
        6 => key().prop_map(Step::LookUp),
        3 => key().prop_map(Step::Hold),
        3 => any::<usize>().prop_map(Step::Free),
        1 => key().prop_map(Step::Remove),
        1 => Just(Step::Advance),
    ]
}

proptest! {
    #[test]
    fn the_bound_holds_and_what_is_in_use_stays(steps in prop::collection::vec(step(), 1..120)) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            const CAPACITY: usize = 4;
            let limiters = numbered::<u8>().capacity(CAPACITY).idle_after(IDLE).build();
            let mut held: Vec<(u8, String, Permit)> = Vec::new();
            for step in steps {
                let overflowed = limiters.overflowed();
                match step {
                    Step::LookUp(key) => {
                        let known = limiters.get(&key).map(|limiter| name(&limiter));
                        let busy: HashSet<_> =
                            held.iter().map(|(_, name, _)| name).collect();
                        let found = name(&limiters.for_key(&key));
                        if let Some(known) = known {
                            prop_assert_eq!(known, found);
                        } else if busy.len() < CAPACITY {
                            prop_assert_eq!(limiters.overflowed(), overflowed);
                        }
                    }
                    Step::Hold(key) => {
                        let limiter = limiters.for_key(&key);
                        if limiters.overflowed() == overflowed {
                            let permit = limiter.try_acquire();
                            held.extend(permit.map(|permit| (key, name(&limiter), permit)));
                        }
                    }
                    Step::Free(index) if !held.is_empty() => {
                        let (_, _, permit) = held.swap_remove(index % held.len());
                        permit.release();
                    }
                    Step::Remove(key) if held.iter().all(|(busy, ..)| *busy != key) => {
                        let known = limiters.get(&key).is_some();
                        prop_assert_eq!(limiters.remove(&key).is_some(), known);
                    }
                    Step::Free(_) | Step::Remove(_) => {}
                    Step::Advance => advance(IDLE / 2).await,
                }
                prop_assert!(limiters.len() <= CAPACITY);
                for (key, expected, _) in &held {
                    let own = limiters.get(key);
                    prop_assert_eq!(own.as_ref().and_then(Limiter::name), Some(expected.as_str()));
                }
            }
            Ok(())
        })?;
    }
}

/// While one key is used by all and others come and go, it is forgotten and made again, but never
/// has two limiters in use: more would be inside than one allows.
#[test]
fn a_key_never_has_two_limiters_in_use() {
    const ROUNDS: u32 = 20_000;
    const THREADS: u32 = 4;
    let made = Arc::new(AtomicUsize::new(0));
    let limiters = Limiters::builder({
        let made = made.clone();
        move |key: &u32| {
            if *key == 0 {
                made.fetch_add(1, Ordering::Relaxed);
            }
            Limiter::new(Fixed::new(1))
        }
    });
    // More than all threads can have in use, so that nobody overflows.
    let limiters = limiters.capacity(9).build();
    let inside = AtomicUsize::new(0);

    thread::scope(|scope| {
        for thread in 1..=THREADS {
            let (limiters, inside) = (&limiters, &inside);
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    if let Some(permit) = limiters.for_owned(0).try_acquire() {
                        let others = inside.fetch_add(1, Ordering::SeqCst);
                        assert_eq!(others, 0, "two at a limit of 1");
                        if round % 64 == 0 {
                            thread::yield_now();
                        }
                        // While we are inside, others try to drive the limiter out.
                        drop(limiters.for_owned(thread * ROUNDS + round));
                        inside.fetch_sub(1, Ordering::SeqCst);
                        permit.release();
                    }
                    for stranger in 0..6 {
                        let key = (thread + THREADS * (stranger + 1)) * ROUNDS + round;
                        drop(limiters.for_owned(key));
                    }
                }
            });
        }
    });

    assert_eq!(limiters.overflowed(), 0);
    assert!(limiters.len() <= 9);
    let made = made.load(Ordering::Relaxed);
    assert!(made > 1, "it was never forgotten");
}
