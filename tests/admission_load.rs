//! Admission under load, in virtual time: what priorities and shares are for, with figures.
//!
//! `cargo test --test admission_load -- --nocapture` prints them.

#[path = "support/load.rs"]
mod load;

use std::convert::Infallible;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::sleep;
use tower::{Layer, ServiceExt, service_fn};
use tower_adaptive::{
    AdmissionLayer, Algorithm, Fixed, Gradient2, Priority, Queue, Shares, Windowed,
};

use load::{Job, Plant, Tally};

const MS: Duration = Duration::from_millis(1);

fn priority(job: &Job) -> Priority {
    match job.kind {
        "checkout" => Priority::Critical,
        _ => Priority::Sheddable,
    }
}

/// Twice what the plant can do, three in ten of it critical.
async fn checkout_in_overload(
    plant: &Plant,
    algorithm: impl Algorithm,
    queue: Queue,
    minutes: u64,
) -> (f64, f64, f64) {
    let layer = AdmissionLayer::new(algorithm)
        .queue(queue)
        .priority(priority);
    let kinds = [("checkout", 0.3), ("recommendation", 0.7)];
    let length = Duration::from_secs(60 * minutes);
    let service = layer.layer(plant.service());
    let (tallies, goodput) = plant.load(service, 2.0, &kinds, length).await;
    (tallies[0].share(), tallies[1].share(), goodput)
}

fn assert_met((critical, sheddable, goodput): (f64, f64, f64), what: &str) {
    println!(
        "{what}: {:.3}% of critical, {:.1}% of sheddable, goodput {:.1}%",
        100.0 * critical,
        100.0 * sheddable,
        100.0 * goodput
    );
    assert!(critical >= 0.999, "{what}: {critical}");
    assert!(goodput >= 0.95, "{what}: {goodput}");
}

#[tokio::test(start_paused = true)]
async fn with_a_queue_critical_requests_get_through_an_overload() {
    let plant = Plant::new(32, 50 * MS);
    let figures = checkout_in_overload(&plant, Fixed::new(32), Queue::bounded(64), 3).await;
    assert_met(figures, "queue, limit 32 = capacity");
}

#[tokio::test(start_paused = true)]
async fn with_a_queue_critical_requests_get_through_at_a_small_limit_too() {
    let plant = Plant::new(8, 50 * MS);
    let queue = Queue::bounded(16).interval(500 * MS).max_wait(500 * MS);
    let figures = checkout_in_overload(&plant, Fixed::new(8), queue, 10).await;
    assert_met(
        figures,
        "queue with an interval of ten RTTs, limit 8 = capacity",
    );
}

#[tokio::test(start_paused = true)]
async fn without_a_queue_critical_requests_get_through_an_overload() {
    let plant = Plant::new(32, 50 * MS);
    let figures = checkout_in_overload(&plant, Fixed::new(48), Queue::none(), 5).await;
    assert_met(figures, "no queue, limit 48 before 32 servers");
}

#[tokio::test(start_paused = true)]
async fn without_a_queue_critical_requests_get_through_with_an_adaptive_limit() {
    let plant = Plant::new(32, 50 * MS);
    let gradient = Windowed::builder(Gradient2::builder().min_limit(4).build())
        .min_window(200 * MS)
        .max_window(200 * MS)
        .build();
    let figures = checkout_in_overload(&plant, gradient, Queue::none(), 10).await;
    assert_met(figures, "no queue, Gradient2 in windows");
}

const LIVE_AND_BATCH: [(&str, f64); 2] = [("live", 0.5), ("batch", 0.5)];

/// Sends so many times the capacity, a fraction of it of each kind.
async fn run(queue: Queue, times: f64, kinds: &[(&'static str, f64)]) -> (Vec<Tally>, f64) {
    let plant = Plant::new(100, 50 * MS);
    let shares = Shares::new().guarantee("live", 0.9).guarantee("batch", 0.1);
    let layer = AdmissionLayer::new(Fixed::new(100))
        .queue(queue)
        .shares(shares)
        .partition(|job: &Job| job.kind);
    let limiter = layer.limiter().clone();
    let watch = tokio::spawn(async move {
        loop {
            assert!(limiter.in_flight() <= limiter.limit());
            sleep(3 * MS).await;
        }
    });
    let service = layer.layer(plant.service());
    let length = Duration::from_secs(20);
    let (tallies, goodput) = plant.load(service, times, kinds, length).await;
    assert!(!watch.is_finished(), "above the limit");
    watch.abort();
    (tallies, goodput)
}

#[tokio::test(start_paused = true)]
async fn saturated_partitions_get_the_fractions_that_are_guaranteed() {
    for (what, queue) in [("queue", Queue::bounded(200)), ("no queue", Queue::none())] {
        let (tallies, goodput) = run(queue, 6.0, &LIVE_AND_BATCH).await;

        let served: u64 = tallies.iter().map(|tally| tally.served).sum();
        let split = [0, 1].map(|kind: usize| tallies[kind].served as f64 / served as f64);

        println!(
            "{what}: live {:.3}, batch {:.3} of what is served, goodput {goodput:.3}",
            split[0], split[1]
        );
        assert!((split[0] - 0.9).abs() <= 0.02, "{what}: {split:?}");
        assert!((split[1] - 0.1).abs() <= 0.02, "{what}: {split:?}");
        assert!(goodput > 0.95, "{what}: {goodput}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_idle_partition_lends_all_that_it_is_guaranteed() {
    for (what, queue) in [("queue", Queue::bounded(200)), ("no queue", Queue::none())] {
        for kind in ["batch", "live"] {
            let (_, goodput) = run(queue.clone(), 2.0, &[(kind, 1.0)]).await;

            println!(
                "{what}: {kind} alone reaches {:.1}% of the limit",
                100.0 * goodput
            );
            assert!(goodput > 0.97, "{what}, {kind}: {goodput}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_partition_that_needs_half_of_its_guarantee_lends_most_of_the_rest() {
    for (what, queue, least) in [
        ("queue", Queue::bounded(200), 0.97),
        ("no queue", Queue::none(), 0.75),
    ] {
        // Live needs 45% of the capacity, batch asks for 155%.
        let kinds = [("live", 0.225), ("batch", 0.775)];
        let (tallies, goodput) = run(queue, 2.0, &kinds).await;

        let live = tallies[0].share();
        println!(
            "{what}: {:.2}% of live is served, goodput {:.1}%",
            100.0 * live,
            100.0 * goodput
        );
        assert!(live >= 0.99, "{what}: {live}");
        assert!(goodput >= least, "{what}: {goodput}");
    }
}

/// Live is guaranteed half and needs an eighth; what batch sends is critical, and too much.
#[tokio::test(start_paused = true)]
async fn a_guarantee_goes_before_a_priority() {
    let plant = Plant::new(64, 50 * MS);
    for (what, queue) in [("queue", Queue::bounded(128)), ("no queue", Queue::none())] {
        let layer = AdmissionLayer::new(Fixed::new(64))
            .queue(queue)
            .shares(Shares::new().guarantee("live", 0.5))
            .partition(|job: &Job| job.kind)
            .priority(|job: &Job| match job.kind {
                "live" => Priority::Sheddable,
                _ => Priority::Critical,
            });
        let service = layer.layer(plant.service());
        let kinds = [("live", 0.0625), ("batch", 0.9375)];
        let length = Duration::from_secs(60);
        let (tallies, goodput) = plant.load(service, 2.0, &kinds, length).await;

        let live = tallies[0].share();
        println!(
            "{what}: {:.2}% of sheddable, guaranteed requests served, goodput {:.1}%",
            100.0 * live,
            100.0 * goodput
        );
        let least = if what == "queue" { 0.999 } else { 0.95 };
        assert!(live >= least, "{what}: {live}");
    }
}

/// While one has borrowed everything, the other comes back: how much it has one RTT later.
async fn called_back(queue: Queue) -> usize {
    let shares = Shares::new().guarantee("live", 0.9).guarantee("batch", 0.1);
    let layer = AdmissionLayer::new(Fixed::new(100))
        .queue(queue)
        .shares(shares)
        .partition(|job: &Job| job.kind);
    let limiter = layer.limiter().clone();
    let service = layer.layer(service_fn(async |job: Job| {
        sleep(job.work).await;
        Ok::<_, Infallible>(())
    }));
    // Twenty a millisecond of each, four times what the limit lets through.
    let mut tasks = JoinSet::new();
    let mut send = |kind| {
        for _ in 0..20 {
            let work = 20 * MS;
            tasks.spawn(service.clone().oneshot(Job { kind, work }));
        }
    };
    for _ in 0..100 {
        send("batch");
        sleep(MS).await;
    }
    assert_eq!(limiter.snapshot().shares[1].in_flight, 100);
    for _ in 0..=20 {
        send("batch");
        send("live");
        sleep(MS).await;
    }
    limiter.snapshot().shares[0].in_flight
}

#[tokio::test(start_paused = true)]
async fn what_was_lent_is_called_back_within_one_rtt() {
    for (what, queue) in [("queue", Queue::bounded(200)), ("no queue", Queue::none())] {
        let live = called_back(queue).await;

        println!("{what}: one RTT later live has {live} of its 90 permits");
        assert_eq!(live, 90, "{what}");
    }
}
