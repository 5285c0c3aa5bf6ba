//! loom models of the path on which samples are learned.

use loom::thread;

use super::handle::Limiter;
use crate::{Algorithm, Outcome, Sample};

/// Writes down what it is taught.
struct Tally(std::sync::Arc<std::sync::Mutex<Vec<usize>>>);

impl Algorithm for Tally {
    fn max_concurrency(&self) -> usize {
        8
    }

    fn update(&mut self, sample: &Sample) {
        self.0.lock().unwrap().push(sample.in_flight);
    }
}

fn check(preemptions: usize, f: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(f);
}

/// Finishes `requests` requests on as many threads, and checks that each was taught once: a
/// request is known by the number in flight when it was called.
fn finish_at_once(requests: usize) {
    let taught = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let limiter = Limiter::new(Tally(taught.clone()));
    let mut permits: Vec<_> = (0..requests)
        .map(|_| limiter.try_acquire().expect("below the limit"))
        .collect();
    let mine = permits.pop().expect("at least one request");
    let others: Vec<_> = permits
        .into_iter()
        .map(|permit| thread::spawn(move || permit.complete(Outcome::Success)))
        .collect();
    mine.complete(Outcome::Success);
    for other in others {
        other.join().unwrap();
    }

    // Read before anything else could learn: nothing may be left to the next finisher.
    let mut taught = taught.lock().unwrap().clone();
    taught.sort_unstable();
    assert_eq!(taught, (1..=requests).collect::<Vec<_>>());
    assert_eq!(limiter.in_flight(), 0);
}

/// Seeded bug it caught: no look into the buffer after the permit was given back.
#[test]
fn of_two_that_finish_at_once_each_is_learned_once() {
    check(5, || finish_at_once(2));
}

/// Seeded bugs it caught: no fence after a later exclusion, and a `pop` that does not move `head`.
#[test]
fn of_three_that_finish_at_once_each_is_learned_once() {
    check(3, || finish_at_once(3));
}

/// Seeded bug it caught: a snapshot that gives the exclusion back and does not look again.
#[test]
fn a_snapshot_strands_no_sample() {
    check(3, || {
        let taught = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let limiter = Limiter::new(Tally(taught.clone()));
        let permit = limiter.try_acquire().expect("below the limit");
        let finisher = thread::spawn(move || permit.complete(Outcome::Success));
        let snapshot = limiter.snapshot();
        assert!(snapshot.success <= 1);
        finisher.join().unwrap();
        assert_eq!(*taught.lock().unwrap(), [1]);
    });
}
