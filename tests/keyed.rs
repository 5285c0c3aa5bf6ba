//! Layers on a set of limiters: a request's key chooses its limit.

mod support;

use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Waker;

use tokio::time::{advance, sleep};
use tower::{Layer, Service, ServiceBuilder, ServiceExt, service_fn};
use tower_adaptive::{
    AdmissionLayer, ConcurrencyLimitLayer, Fixed, Limiter, Limiters, Queue, Shares,
};

use support::{Fault, MS, Polled, Readiness, Remote, Steady, poll};

/// One limiter for each key, with a limit of 1.
fn ones<K>() -> Limiters<K> {
    Limiters::new(|_| Limiter::new(Steady::new(1)))
}

async fn echo<T>(request: T) -> Result<T, Infallible> {
    Ok(request)
}

/// The tens of a number.
fn tens(request: &u32) -> u32 {
    request / 10
}

// Admission.

#[tokio::test(start_paused = true)]
async fn each_key_has_a_limit_of_its_own() {
    let layer = AdmissionLayer::with_limiters(ones()).key(tens);
    let mut service = layer.layer(Remote::default());
    let _first = service.call(11);

    let mut other = service.call(21);
    let same = service.call(12).await;

    assert!(poll(&mut other, Waker::noop()).is_pending());
    assert!(same.unwrap_err().is_rejected());
    assert_eq!(layer.limiters().for_key(&1).snapshot().rejected, 1);
    assert_eq!(layer.limiters().for_key(&2).snapshot().rejected, 0);
}

#[tokio::test(start_paused = true)]
async fn each_key_learns_for_itself() {
    let limiters = ones();
    let layer = AdmissionLayer::with_limiters(limiters.clone()).key(tens);
    let service = layer.layer(service_fn(echo::<u32>));

    for request in [11, 12, 21] {
        service.clone().oneshot(request).await.unwrap();
    }

    assert_eq!(limiters.for_key(&1).snapshot().success, 2);
    assert_eq!(limiters.for_key(&2).snapshot().success, 1);
}

#[tokio::test(start_paused = true)]
async fn a_bypassed_request_is_counted_where_its_key_belongs() {
    let limiters = ones();
    let layer = AdmissionLayer::with_limiters(limiters.clone())
        .bypass(|_: &u32| true)
        .key(tens);

    layer
        .layer(service_fn(echo::<u32>))
        .oneshot(11)
        .await
        .unwrap();

    assert_eq!(limiters.for_key(&1).snapshot().ignored, 1);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_panics_takes_no_permit() {
    let limiters = Limiters::new(|_: &u32| Limiter::new(Steady::new(1)));
    let bomb = |_: &u32| -> u32 { panic!("part of the test") };
    let admitted = AdmissionLayer::with_limiters(limiters.clone()).key(bomb);
    let limited = ConcurrencyLimitLayer::with_limiters(limiters.clone()).key(bomb);
    let mut admitted = admitted.layer(Remote::default());
    let mut limited = limited.layer(Remote::default());

    let calls = [
        catch_unwind(AssertUnwindSafe(|| drop(admitted.call(1)))),
        catch_unwind(AssertUnwindSafe(|| drop(limited.call(1)))),
    ];

    assert!(calls.iter().all(Result::is_err));
    assert!(limiters.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_queue_is_that_of_each_limiter_present_and_to_come() {
    let limiters = ones();
    let present = limiters.for_key(&1);
    let layer = AdmissionLayer::with_limiters(limiters.clone())
        .key(tens)
        .queue(Queue::bounded(10));
    let mut service = layer.layer(Remote::default());
    let permits = [present.try_acquire(), limiters.for_key(&2).try_acquire()];

    let mut responses = [service.call(11), service.call(21)];

    for response in &mut responses {
        assert!(poll(response, Waker::noop()).is_pending());
    }
    assert_eq!(present.waiting(), 1);
    assert_eq!(limiters.for_key(&2).waiting(), 1);
    drop(permits);
}

#[tokio::test(start_paused = true)]
async fn shares_are_those_of_each_limiter_present_and_to_come() {
    let limiters = Limiters::new(|_: &u32| Limiter::new(Steady::new(10)));
    let present = limiters.for_key(&1);

    let _layer = AdmissionLayer::with_limiters(limiters.clone())
        .shares(Shares::new().guarantee("live", 0.5))
        .partition(|_: &u32| "live")
        .key(tens);

    assert_eq!(present.snapshot().shares.len(), 2);
    assert_eq!(limiters.for_key(&2).snapshot().shares.len(), 2);
}

#[test]
#[should_panic = "target must be"]
fn a_queue_that_limiters_would_refuse_is_refused_before_there_are_any() {
    let queue = Queue::bounded(1).target(10 * MS).interval(5 * MS);
    let _ = AdmissionLayer::with_limiters(ones::<u32>()).queue(queue);
}

#[tokio::test(start_paused = true)]
async fn keyed_layers_infer_their_types_and_can_be_boxed() {
    let service = ServiceBuilder::new()
        .layer(
            AdmissionLayer::with_limiters(ones())
                .key(|request: &String| request.len())
                .on_reject(|request: String, _| request),
        )
        .layer(ConcurrencyLimitLayer::with_limiters(ones()).key(|request: &String| request.clone()))
        .service(service_fn(echo))
        .boxed_clone();

    assert_eq!(service.oneshot("a".to_owned()).await.unwrap(), "a");
}

// Back-pressure.

#[tokio::test(start_paused = true)]
async fn a_limited_request_waits_for_its_key_and_not_for_others() {
    let layer = ConcurrencyLimitLayer::with_limiters(ones()).key(tens);
    let mut service = layer.layer(Remote::default());
    let remote = service.get_ref().clone();
    let mut first = service.call(11);
    let mut second = Polled::new(service.call(12));
    let mut other = service.call(21);
    assert!(poll(&mut first, Waker::noop()).is_pending());
    assert!(second.poll().is_pending());
    assert!(poll(&mut other, Waker::noop()).is_pending());
    assert_eq!(remote.calls(), [11, 21]);

    remote.answer(Ok(1));
    assert!(poll(&mut first, Waker::noop()).is_ready());

    assert_eq!(second.wakes(), 1);
    assert!(second.poll().is_pending());
    assert_eq!(remote.calls(), [11, 21, 12]);
}

#[tokio::test(start_paused = true)]
async fn those_of_one_key_are_served_first_come_first_served() {
    let limiters = ones();
    let layer = ConcurrencyLimitLayer::with_limiters(limiters.clone()).key(tens);
    let mut service = layer.layer(Remote::default());
    let permit = limiters.for_key(&1).try_acquire().unwrap();
    let mut waiting = [10, 11, 12].map(|request| service.call(request));
    for response in &mut waiting {
        assert!(poll(response, Waker::noop()).is_pending());
    }
    let remote = service.get_ref().clone();

    permit.release();
    for response in &mut waiting {
        assert!(poll(response, Waker::noop()).is_pending());
        remote.answer(Ok(1));
        assert!(poll(response, Waker::noop()).is_ready());
    }

    assert_eq!(remote.calls(), [10, 11, 12]);
}

#[tokio::test(start_paused = true)]
async fn the_wait_for_a_permit_is_no_part_of_the_rtt() {
    let limiters = ones();
    let layer = ConcurrencyLimitLayer::with_limiters(limiters.clone()).key(tens);
    let work = service_fn(async |request: u32| {
        sleep(5 * MS).await;
        Ok::<_, Infallible>(request)
    });
    let permit = limiters.for_key(&1).try_acquire().unwrap();
    let response = tokio::spawn(layer.layer(work).oneshot(11));
    tokio::task::yield_now().await;

    advance(100 * MS).await;
    permit.release();
    response.await.unwrap().unwrap();

    let snapshot = limiters.for_key(&1).snapshot();
    assert_eq!(snapshot.last_rtt, Some(5 * MS));
}

#[tokio::test(start_paused = true)]
async fn a_waiting_response_that_is_dropped_loses_its_place_and_nothing_else() {
    let limiters = ones();
    let layer = ConcurrencyLimitLayer::with_limiters(limiters.clone()).key(tens);
    let mut service = layer.layer(Remote::default());
    let limiter = limiters.for_key(&1);
    let permit = limiter.try_acquire().unwrap();
    let mut gone = service.call(11);
    let mut stays = Polled::new(service.call(12));
    assert!(poll(&mut gone, Waker::noop()).is_pending());
    assert!(stays.poll().is_pending());

    permit.release();
    drop(gone);

    assert_eq!(stays.wakes(), 1);
    assert!(stays.poll().is_pending());
    assert_eq!(service.get_ref().calls(), [12]);
    drop(stays);
    assert_eq!(limiter.in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_panics_when_it_is_called_after_the_wait_gives_its_permit_back() {
    let limiters = ones();
    let layer = ConcurrencyLimitLayer::with_limiters(limiters.clone()).key(tens);
    let mut service = layer.layer(service_fn(
        |_: u32| -> std::future::Ready<Result<(), Infallible>> { panic!("part of the test") },
    ));
    let mut response = service.call(11);

    let polled = catch_unwind(AssertUnwindSafe(|| {
        let _ = poll(&mut response, Waker::noop());
    }));

    assert!(polled.is_err());
    assert_eq!(limiters.for_key(&1).in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn poll_ready_is_the_inner_services() {
    let layer = ConcurrencyLimitLayer::with_limiters(ones()).key(tens);
    let remote = Remote::default();
    let mut service = Polled::new(layer.layer(remote.clone()));
    remote.set(Readiness::Pending);
    assert!(service.poll_ready().is_pending());
    remote.set(Readiness::Broken);

    assert!(matches!(
        service.poll_ready(),
        std::task::Poll::Ready(Err(Fault))
    ));
}

#[tokio::test(start_paused = true)]
async fn two_layers_on_one_set_share_its_limits() {
    let limiters = ones();
    let admitted = AdmissionLayer::with_limiters(limiters.clone()).key(tens);
    let limited = ConcurrencyLimitLayer::with_limiters(limiters).key(tens);
    let mut limited = limited.layer(Remote::default());
    let mut response = limited.call(11);
    assert!(poll(&mut response, Waker::noop()).is_pending());

    let rejected = admitted.layer(Remote::default()).oneshot(12).await;

    assert!(rejected.unwrap_err().is_rejected());
}

#[tokio::test(start_paused = true)]
async fn a_limiter_is_not_forgotten_while_a_response_is_in_flight() {
    let limiters = Limiters::builder(|_: &u32| Limiter::new(Fixed::new(1)))
        .capacity(1)
        .build();
    let layer = AdmissionLayer::with_limiters(limiters.clone()).key(tens);
    let mut service = layer.layer(Remote::default());
    let response = service.call(11);

    drop(service.call(21));
    assert_eq!(limiters.keys(), [1]);
    drop(response);
    drop(service.call(21));

    assert_eq!(limiters.keys(), [2]);
}

#[cfg(feature = "axum")]
mod paths {
    //! axum's matched path as a key.

    use std::time::Duration;

    use axum::Router;
    use axum::body::Body;
    use axum::extract::Request;
    use axum::routing::get;
    use http::StatusCode;
    use tokio::task::JoinSet;
    use tokio::time::{Instant, sleep_until};
    use tower_adaptive::Vegas;
    use tower_adaptive::axum::MatchedPath;
    use tower_adaptive::http::Authority;

    use super::*;

    fn request(uri: &str) -> Request {
        Request::builder().uri(uri).body(Body::empty()).unwrap()
    }

    fn vegas() -> Limiter {
        Limiter::new(Vegas::builder().initial_limit(20).seed(1).build())
    }

    #[tokio::test(start_paused = true)]
    async fn requests_of_one_route_have_one_key_whatever_their_path() {
        let limiters = ones();
        let app: Router = Router::new()
            .route("/users/{id}", get(async || "a user"))
            .nest("/api", Router::new().route("/", get(async || "nested")))
            .layer(
                AdmissionLayer::with_limiters(limiters.clone())
                    .key(MatchedPath)
                    .respond_unavailable(),
            );

        for path in ["/users/1", "/users/2", "/api", "/nothing", "/here"] {
            let Ok(_) = app.clone().oneshot(request(path)).await;
        }

        let mut keys = limiters.keys();
        keys.sort();
        assert_eq!(keys, ["", "/api", "/users/{id}"]);
        assert_eq!(limiters.for_key("/users/{id}").snapshot().success, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn requests_of_one_authority_have_one_key() {
        let limiters = ones();
        let service = ConcurrencyLimitLayer::with_limiters(limiters.clone())
            .key(Authority)
            .layer(service_fn(echo::<Request>));

        for uri in [
            "http://a.example/1",
            "http://A.example/2",
            "http://b.example/",
        ] {
            service.clone().oneshot(request(uri)).await.unwrap();
        }

        assert_eq!(limiters.for_key("a.example").snapshot().success, 2);
        assert_eq!(limiters.for_key("b.example").snapshot().success, 1);
    }

    /// A route that takes 5 µs, and one that takes 500 ms.
    fn mixed() -> Router {
        Router::new()
            .route(
                "/fast",
                get(async || {
                    advance(Duration::from_micros(5)).await;
                    "fast"
                }),
            )
            .route(
                "/slow",
                get(async || {
                    sleep(Duration::from_millis(500)).await;
                    "slow"
                }),
            )
    }

    /// Offers 34 slow requests and a fast one a second for 20 s; returns which share of each was
    /// served. Of the slow ones 17 are in flight, if all are admitted.
    async fn offer(app: &Router) -> (f64, f64) {
        let start = Instant::now();
        let mut responses = JoinSet::new();
        for tick in 0_u32..2000 {
            let path = match tick % 100 {
                1 => Some("/fast"),
                n if n % 3 == 0 => Some("/slow"),
                _ => None,
            };
            if let Some(path) = path {
                let app = app.clone();
                responses.spawn(async move {
                    let Ok(response) = app.oneshot(request(path)).await;
                    (path, response.status() == StatusCode::OK)
                });
            }
            sleep_until(start + tick * Duration::from_millis(10)).await;
        }
        let responses = responses.join_all().await;
        let share = |wanted: &str| {
            let of_path = responses.iter().filter(|(path, _)| *path == wanted);
            let (served, all) = of_path.fold((0, 0), |(served, all), (_, ok)| {
                (served + u32::from(*ok), all + 1)
            });
            f64::from(served) / f64::from(all)
        };
        (share("/fast"), share("/slow"))
    }

    #[tokio::test(start_paused = true)]
    async fn a_limit_for_each_route_keeps_both_healthy_where_one_for_all_collapses() {
        let single = AdmissionLayer::with_limiter(vegas());
        let keyed = AdmissionLayer::with_limiters(Limiters::new(|_| vegas())).key(MatchedPath);

        let (fast, slow) = offer(&mixed().layer(single.respond_unavailable())).await;
        let (keyed_fast, keyed_slow) = offer(&mixed().layer(keyed.respond_unavailable())).await;

        println!("one limit:      fast {fast:.3}, slow {slow:.3} served");
        println!("one each route: fast {keyed_fast:.3}, slow {keyed_slow:.3} served");
        assert!(keyed_fast > 0.99, "{keyed_fast}");
        assert!(keyed_slow > 0.99, "{keyed_slow}");
        assert!(fast < 0.5, "{fast}");
        assert!(slow < 0.5, "{slow}");
    }
}
