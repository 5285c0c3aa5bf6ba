//! One test for each fault seen in other crates. Each is what failed there, run against this crate.

mod support;

use std::task::Waker;
use std::time::Duration;

use tokio::time::{advance, sleep, timeout};
use tower::timeout::Timeout;
use tower::{BoxError, Layer, Service, ServiceBuilder, ServiceExt, service_fn};
use tower_adaptive::{
    AdmissionLayer, Aimd, Bounds, ConcurrencyLimit, ConcurrencyLimitLayer, Fixed, Gradient2,
    InvalidOption, Limiter, Outcome, Permit, Vegas,
};

use support::{Fault, MS, Method, Panicking, Polled, Remote, Scripted, limited, poll};

/// The three algorithms that move, from 1 to `max`, starting at `initial`.
fn adaptive(initial: usize, max: usize) -> [(&'static str, Limiter); 3] {
    let aimd = Aimd::builder().min_limit(1).max_limit(max);
    let gradient2 = Gradient2::builder().min_limit(1).max_limit(max);
    let vegas = Vegas::builder().min_limit(1).max_limit(max).seed(1);
    [
        ("aimd", Limiter::new(aimd.initial_limit(initial).build())),
        (
            "gradient2",
            Limiter::new(gradient2.initial_limit(initial).build()),
        ),
        ("vegas", Limiter::new(vegas.initial_limit(initial).build())),
    ]
}

/// Runs requests of 10 ms, as many at once as the limit allows.
async fn warm_up(limiter: &Limiter, rounds: usize) {
    for _ in 0..rounds {
        let permits: Vec<Permit> = std::iter::from_fn(|| limiter.try_acquire()).collect();
        advance(10 * MS).await;
        for permit in permits {
            permit.complete(Outcome::Success);
        }
    }
}

/// There: 20 in flight at limit 1, for as long as anyone waited.
#[tokio::test(start_paused = true)]
async fn the_limit_falls_while_waiters_are_queued() {
    let limiter = Limiter::new(Scripted::new((1..=20).rev()));
    let mut held: Vec<_> = std::iter::from_fn(|| limiter.try_acquire()).collect();
    let mut waiting: Vec<_> = (0..100).map(|_| Polled::new(limiter.acquire())).collect();
    for acquire in &mut waiting {
        assert!(acquire.poll().is_pending());
    }

    while held.len() > 1 {
        held.pop().unwrap().complete(Outcome::Overload);
        assert_eq!(limiter.in_flight(), held.len());
    }

    assert_eq!((limiter.limit(), limiter.waiting()), (1, 100));
    assert!(waiting.iter().all(|acquire| acquire.wakes() == 0));
}

/// There: 0 in flight and every request shed, until one idle clone was dropped.
#[tokio::test(start_paused = true)]
async fn a_reserved_place_in_the_queue_does_not_outlive_interest() {
    let (service, remote, _) = limited(1);
    let shed = ServiceBuilder::new().load_shed().service(service.inner);
    let mut busy = shed.clone();
    let response = busy.ready().await.unwrap().call(1);
    let mut idle = shed.clone();
    assert!(idle.ready().await.unwrap().call(2).await.is_err());
    remote.answer(Ok(1));
    response.await.unwrap();

    sleep(2 * MS).await;
    let mut served = busy.ready().await.unwrap().call(3);

    assert!(poll(&mut served, Waker::noop()).is_pending(), "not shed");
    assert_eq!(remote.calls(), [1, 3]);
}

/// There: a healthy service stayed at 1 and shed 11,700 of 12,000 requests.
#[tokio::test(start_paused = true)]
async fn limit_1_is_not_absorbing() {
    for (name, limiter) in adaptive(1, 100) {
        warm_up(&limiter, 500).await;

        assert!(limiter.limit() > 1, "{name} stays at 1");
    }
}

/// There: a 5 ms call reported 206 ms.
#[tokio::test(start_paused = true)]
async fn the_sample_is_not_taken_when_the_future_is_dropped() {
    let (mut service, remote, samples) = limited(1);
    assert!(service.is_ready());
    let mut response = service.call(1);
    assert!(poll(&mut response, Waker::noop()).is_pending());

    advance(5 * MS).await;
    remote.answer(Ok(1));
    assert!(poll(&mut response, Waker::noop()).is_ready());
    advance(201 * MS).await;
    drop(response);

    assert_eq!(samples.only().rtt, 5 * MS);
}

/// There: three axum routes, three times the limit.
#[tokio::test(start_paused = true)]
async fn layer_makes_no_new_limit() {
    let waiting = ConcurrencyLimitLayer::new(Fixed::new(10));
    let rejecting = AdmissionLayer::new(Fixed::new(10));
    let mut admitted = (0, 0);

    let mut held = Vec::new();
    for _route in 0..3 {
        let mut limited = Polled::new(waiting.layer(Remote::default()));
        let mut admission = rejecting.layer(Remote::default());
        for request in 0..10 {
            if limited.is_ready() {
                held.push(Ok(limited.call(request)));
                admitted.0 += 1;
            }
            let mut response = admission.call(request);
            if poll(&mut response, Waker::noop()).is_pending() {
                held.push(Err(response));
                admitted.1 += 1;
            }
        }
    }

    assert_eq!(admitted, (10, 10));
}

/// There: 600 failures in a row drove the limit from 40 to 200.
#[tokio::test(start_paused = true)]
async fn fast_errors_do_not_raise_the_limit() {
    for (name, limiter) in adaptive(40, 200) {
        warm_up(&limiter, 1).await;
        let mut before = limiter.limit();

        for failure in 0..600 {
            let permits: Vec<Permit> = std::iter::from_fn(|| limiter.try_acquire()).collect();
            advance(Duration::from_micros(50)).await;
            for permit in permits {
                permit.complete(Outcome::Overload);
                assert!(limiter.limit() <= before, "{name} rose, failure {failure}");
                before = limiter.limit();
            }
        }

        assert!(before < 40, "{name} stays at {before}");
    }
}

/// There: 200 timeouts on a hung backend, and the limit unchanged.
#[tokio::test(start_paused = true)]
async fn cancels_on_a_hung_backend_lower_the_limit() {
    for (name, limiter) in adaptive(20, 100) {
        warm_up(&limiter, 10).await;
        let before = limiter.limit();
        let hung = service_fn(async |()| -> Result<(), BoxError> { std::future::pending().await });
        let guarded = ConcurrencyLimit::new(hung, limiter.clone());
        let service = Timeout::new(guarded, Duration::from_secs(10));

        let requests = (0..200).map(|_| tokio::spawn(service.clone().oneshot(())));
        for request in requests.collect::<Vec<_>>() {
            assert!(request.await.unwrap().is_err());
        }

        let after = limiter.limit();
        assert_eq!(limiter.snapshot().canceled, 200);
        assert!(after <= before / 2, "{name}: {before} to {after}");
    }
}

/// There: one request at a time took the limit from 10 to 100.
#[tokio::test(start_paused = true)]
async fn without_load_the_limit_does_not_grow() {
    for (name, limiter) in adaptive(10, 100) {
        for _ in 0..1000 {
            let permit = limiter.acquire().await.unwrap();
            advance(10 * MS).await;
            permit.complete(Outcome::Success);
        }

        assert!(limiter.limit() <= 10, "{name} grew to {}", limiter.limit());
    }
}

/// There: a limit of 0 hung for ever, and NaN pinned the limit.
#[test]
fn options_out_of_range_are_refused() {
    fn refused<A>(option: &str, built: Result<A, InvalidOption>) {
        match built {
            Ok(_) => panic!("{option} was accepted"),
            Err(refusal) => assert_eq!(refusal.option(), option),
        }
    }

    refused("limit", Fixed::try_new(0));
    refused("min_limit", Aimd::builder().min_limit(0).try_build());
    refused(
        "initial_limit",
        Aimd::builder().initial_limit(0).try_build(),
    );
    refused(
        "backoff_ratio",
        Aimd::builder().backoff_ratio(f64::NAN).try_build(),
    );
    refused("min_limit", Vegas::builder().min_limit(0).try_build());
    refused(
        "initial_limit",
        Vegas::builder().initial_limit(0).try_build(),
    );
    refused(
        "smoothing",
        Vegas::builder().smoothing(f64::NAN).try_build(),
    );
    refused("min_limit", Gradient2::builder().min_limit(0).try_build());
    refused(
        "smoothing",
        Gradient2::builder().smoothing(f64::NAN).try_build(),
    );
    refused(
        "rtt_tolerance",
        Gradient2::builder().rtt_tolerance(f64::NAN).try_build(),
    );
    refused("min_limit", Bounds::new(0, 10));
    refused("min_limit", Limiter::new(Fixed::new(1)).set_bounds(0..=10));
}

/// There: every later request panicked, or the process aborted.
#[tokio::test(start_paused = true)]
async fn a_panic_of_the_algorithm_poisons_nothing() {
    for method in [Method::Update, Method::MaxConcurrency, Method::Report] {
        let mut algorithm = Panicking::new(1, method);
        algorithm.calm = usize::from(method == Method::MaxConcurrency);
        let service = ConcurrencyLimit::new(
            service_fn(async |n: u32| Ok::<_, Fault>(n)),
            Limiter::new(algorithm),
        );

        for n in 0..100 {
            let _ = service.limiter().snapshot();
            let response = timeout(Duration::from_secs(10), service.clone().oneshot(n)).await;
            assert_eq!(response, Ok(Ok(n)), "{method:?}");
        }

        assert!(service.limiter().snapshot().frozen);
        assert_eq!(service.limiter().in_flight(), 0);
    }
}

/// There: the service hung after 10 requests.
#[tokio::test(start_paused = true)]
async fn permits_are_of_one_gate_and_all_come_back() {
    let limiter = Limiter::new(Fixed::new(10));
    let inner = service_fn(async |n: u32| Ok::<_, Fault>(n));
    let layer = ConcurrencyLimitLayer::with_limiter(limiter.clone());

    for n in 0..1000 {
        let service = layer.layer(inner);
        let response = timeout(Duration::from_secs(10), service.clone().oneshot(n)).await;
        assert_eq!(response, Ok(Ok(n)));
    }

    assert_eq!((limiter.in_flight(), limiter.waiting()), (0, 0));
}
