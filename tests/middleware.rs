//! `ConcurrencyLimit` and `Admission` among tower's own middleware.

mod support;

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Waker};
use std::time::Duration;

use tokio::time::sleep;
use tower::balance::p2c::Balance;
use tower::buffer::Buffer;
use tower::load_shed::LoadShed;
use tower::load_shed::error::Overloaded;
use tower::ready_cache::ReadyCache;
use tower::retry::{Policy, Retry};
use tower::timeout::Timeout;
use tower::timeout::error::Elapsed;
use tower::{BoxError, Layer, Service, ServiceBuilder, ServiceExt, service_fn};
use tower_adaptive::{
    AdmissionError, AdmissionLayer, ConcurrencyLimit, ConcurrencyLimitLayer, Fixed, Limiter,
    Outcome,
};

use support::{Fault, MS, Polled, Readiness, Remote, Samples, Steady, limited, poll, set_limit};

/// A limiter whose limit stays, and what it learns.
fn steady(limit: usize) -> (Limiter, Samples) {
    let steady = Steady::new(limit);
    let samples = steady.samples();
    (Limiter::new(steady), samples)
}

/// A service that takes its time.
async fn slow(request: u64) -> Result<u64, BoxError> {
    sleep(Duration::from_millis(request)).await;
    Ok(request)
}

// Buffer.

#[tokio::test(start_paused = true)]
async fn behind_a_buffer_no_more_than_the_limit_run_and_all_are_served() {
    let running = Arc::new(AtomicUsize::new(0));
    let most = Arc::new(AtomicUsize::new(0));
    let inner = {
        let (running, most) = (running.clone(), most.clone());
        service_fn(move |request: u64| {
            let (running, most) = (running.clone(), most.clone());
            async move {
                let now = running.fetch_add(1, Ordering::SeqCst) + 1;
                most.fetch_max(now, Ordering::SeqCst);
                let response = slow(request).await;
                running.fetch_sub(1, Ordering::SeqCst);
                response
            }
        })
    };
    let (limiter, samples) = steady(2);
    let buffer = Buffer::new(ConcurrencyLimit::new(inner, limiter), 8);

    let requests = (0..6).map(|_| tokio::spawn(buffer.clone().oneshot(10)));
    for response in requests.collect::<Vec<_>>() {
        assert_eq!(response.await.unwrap().unwrap(), 10);
    }

    assert_eq!(most.load(Ordering::SeqCst), 2);
    assert_eq!(samples.outcomes(), [Outcome::Success; 6]);
}

#[tokio::test(start_paused = true)]
async fn the_time_in_a_buffer_is_not_part_of_the_rtt() {
    let (limiter, samples) = steady(1);
    let buffer = Buffer::new(ConcurrencyLimit::new(service_fn(slow), limiter), 8);

    let requests = (0..3).map(|_| tokio::spawn(buffer.clone().oneshot(10)));
    for response in requests.collect::<Vec<_>>() {
        response.await.unwrap().unwrap();
    }

    for sample in samples.all() {
        assert!(sample.rtt < 20 * MS, "{sample:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_dropped_in_a_buffer_is_no_request_for_the_limiter() {
    let (limiter, samples) = steady(1);
    let service = ConcurrencyLimit::new(service_fn(slow), limiter.clone());
    let mut buffer = Buffer::new(service, 8);
    let first = tokio::spawn(buffer.clone().oneshot(10));
    sleep(MS).await;
    let second = buffer.ready().await.unwrap().call(10);
    drop(second);
    let third = tokio::spawn(buffer.clone().oneshot(10));

    assert!(first.await.unwrap().is_ok() && third.await.unwrap().is_ok());

    assert_eq!(samples.outcomes(), [Outcome::Success; 2]);
    assert_eq!(limiter.snapshot().admitted(), 2);
}

// Balance and ReadyCache.

#[cfg(feature = "load")]
mod balance {
    use tower::Layer;
    use tower::balance::p2c::Balance;
    use tower::discover::ServiceList;
    use tower::load::Load;

    use super::*;

    type Balanced = Balance<ServiceList<Vec<ConcurrencyLimit<Remote>>>, u32>;

    fn balanced(endpoints: usize, limit: usize) -> (Polled<Balanced>, Vec<Remote>, Vec<Limiter>) {
        let layer = ConcurrencyLimitLayer::per_service(move || Steady::new(limit));
        let remotes: Vec<_> = (0..endpoints).map(|_| Remote::default()).collect();
        let services: Vec<_> = remotes.iter().cloned().map(|r| layer.layer(r)).collect();
        let limiters = services.iter().map(|s| s.limiter().clone()).collect();
        let balance = Balance::new(ServiceList::new::<u32>(services));
        (Polled::new(balance), remotes, limiters)
    }

    #[tokio::test(start_paused = true)]
    async fn a_balancer_does_not_send_to_an_endpoint_at_its_limit() {
        let (mut balance, remotes, _) = balanced(4, 1);
        let mut responses = Vec::new();

        for request in 0..4 {
            assert!(balance.is_ready());
            responses.push(balance.call(request));
        }

        for remote in &remotes {
            assert_eq!(remote.calls().len(), 1);
        }
        assert!(balance.poll_ready().is_pending());
    }

    #[tokio::test(start_paused = true)]
    async fn a_balancer_with_all_endpoints_at_their_limit_is_woken_by_a_response() {
        let (mut balance, remotes, _) = balanced(2, 1);
        let mut responses = Vec::new();
        for request in 0..2 {
            assert!(balance.is_ready());
            responses.push(balance.call(request));
        }
        assert!(balance.poll_ready().is_pending());

        for remote in &remotes {
            remote.answer(Ok(1));
        }
        for response in responses {
            assert_eq!(response.await.unwrap(), 1);
        }

        assert!(balance.wakes() > 0);
        assert!(balance.is_ready());
    }

    #[tokio::test(start_paused = true)]
    async fn a_balancer_sends_nothing_to_an_endpoint_that_is_not_ready() {
        let (mut balance, remotes, limiters) = balanced(2, 10);
        remotes[0].set(Readiness::Pending);
        let mut responses = Vec::new();

        for request in 0..5 {
            assert!(balance.is_ready());
            responses.push(balance.call(request));
        }

        assert_eq!((remotes[0].calls().len(), remotes[1].calls().len()), (0, 5));
        assert_eq!(limiters[0].in_flight(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn endpoints_of_different_limits_compare_by_the_share_in_use() {
        let (small, _) = steady(2);
        let (large, _) = steady(100);
        let small = ConcurrencyLimit::new(Remote::default(), small);
        let large = ConcurrencyLimit::new(Remote::default(), large);
        let _one = small.limiter().acquire().await.unwrap();
        let mut ten = Vec::new();
        for _ in 0..10 {
            ten.push(large.limiter().acquire().await.unwrap());
        }

        assert!(small.load() > large.load());
        assert!((small.load() - 0.5).abs() < 1e-9);
        assert!((large.load() - 0.1).abs() < 1e-9);
    }

    #[tokio::test(start_paused = true)]
    async fn admission_has_the_same_load_as_its_limiter() {
        let layer = AdmissionLayer::new(Steady::new(4));
        let service = layer.layer(Remote::default());
        let _permit = layer.limiter().try_acquire();

        assert!((service.load() - 0.25).abs() < 1e-9);
    }
}

#[tokio::test(start_paused = true)]
async fn a_ready_cache_holds_one_permit_for_each_ready_service() {
    let (service, _, _) = limited(3);
    let limiter = service.inner.limiter().clone();
    let mut cache = ReadyCache::<u32, _, u32>::default();
    for key in 0..5 {
        cache.push(key, service.inner.clone());
    }

    let _ = cache.poll_pending(&mut Context::from_waker(Waker::noop()));

    assert_eq!((cache.ready_len(), cache.pending_len()), (3, 2));
    assert_eq!((limiter.in_flight(), limiter.waiting()), (3, 2));
}

#[tokio::test(start_paused = true)]
async fn evicting_a_ready_service_from_a_cache_gives_its_permit_to_a_pending_one() {
    let (service, _, _) = limited(1);
    let mut cache = ReadyCache::<u32, _, u32>::default();
    let mut cx = Context::from_waker(Waker::noop());
    cache.push(0, service.inner.clone());
    let _ = cache.poll_pending(&mut cx);
    cache.push(1, service.inner.clone());
    let _ = cache.poll_pending(&mut cx);
    assert!(cache.get_ready(&0).is_some() && cache.get_ready(&1).is_none());

    assert!(cache.evict(&0));
    let _ = cache.poll_pending(&mut cx);

    assert!(cache.get_ready(&1).is_some());
}

#[tokio::test(start_paused = true)]
async fn a_service_called_from_a_ready_cache_spends_its_permit() {
    let (service, remote, _) = limited(1);
    let limiter = service.inner.limiter().clone();
    let mut cache = ReadyCache::default();
    let mut cx = Context::from_waker(Waker::noop());
    cache.push(0, service.inner.clone());
    let _ = cache.poll_pending(&mut cx);

    let response = cache.call_ready(&0, 7);
    remote.answer(Ok(70));

    assert_eq!(response.await, Ok(70));
    assert_eq!(limiter.in_flight(), 0);
}

// LoadShed.

#[tokio::test(start_paused = true)]
async fn load_shed_outside_sheds_what_would_wait() {
    let (service, _, _) = limited(1);
    let mut first = LoadShed::new(service.inner);
    let mut second = first.clone();
    let _response = first.ready().await.unwrap().call(1);

    let shed = second.ready().await.unwrap().call(2).await;

    assert!(shed.unwrap_err().is::<Overloaded>());
}

#[tokio::test(start_paused = true)]
async fn load_shed_outside_with_many_idle_clones_never_freezes_the_gate() {
    let (service, remote, _) = limited(1);
    let limiter = service.inner.limiter().clone();
    let mut busy = LoadShed::new(service.inner);
    let mut idle = Vec::new();

    for round in 0..200 {
        let response = busy.ready().await.unwrap().call(round);
        for _ in 0..3 {
            // Polled once, told to wait, kept, and never polled again.
            let mut clone = busy.clone();
            let shed = clone.ready().await.unwrap().call(0).await;
            assert!(shed.is_err());
            idle.push(clone);
        }
        remote.answer(Ok(round));
        assert_eq!(response.await.expect("admitted"), round);
        // The permit is granted to the idle clones one after the other, for 2 ms each.
        sleep(10 * MS).await;
    }

    assert_eq!(remote.calls().len(), 200);
    drop((busy, idle));
    assert_eq!((limiter.in_flight(), limiter.waiting()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn load_shed_outside_with_idle_clones_still_uses_the_whole_limit() {
    let (service, _, _) = limited(8);
    let limiter = service.inner.limiter().clone();
    let shed = LoadShed::new(service.inner);
    let mut clones = vec![shed; 64];
    let mut responses = Vec::new();
    for clone in &mut clones {
        responses.push(clone.ready().await.unwrap().call(1));
    }
    drop(responses);
    assert_eq!(limiter.in_flight(), 8, "granted to idle clones");
    // 56 idle clones, 8 at a time, 2 ms each.
    sleep(20 * MS).await;

    let mut admitted = Vec::new();
    for clone in clones.iter_mut().rev().take(8) {
        let mut response = clone.ready().await.unwrap().call(1);
        assert!(poll(&mut response, Waker::noop()).is_pending(), "not shed");
        admitted.push(response);
    }

    assert_eq!(limiter.in_flight(), 8);
}

#[tokio::test(start_paused = true)]
async fn load_shed_outside_of_admission_sheds_only_what_the_service_does_not_take() {
    let remote = Remote::default();
    let mut service = ServiceBuilder::new()
        .load_shed()
        .layer(AdmissionLayer::new(Steady::new(1)))
        .service(remote.clone());
    let _response = service.ready().await.unwrap().call(1);

    let rejected = service.ready().await.unwrap().call(2).await.unwrap_err();
    remote.set(Readiness::Pending);
    let shed = service.ready().await.unwrap().call(3).await.unwrap_err();

    let rejected = rejected.downcast::<AdmissionError<Fault>>().unwrap();
    assert!(rejected.is_rejected());
    assert!(shed.is::<Overloaded>());
}

// Timeout.

#[tokio::test(start_paused = true)]
async fn a_timeout_outside_makes_a_canceled_sample() {
    let (limiter, samples) = steady(1);
    let inner = ConcurrencyLimit::new(service_fn(slow), limiter);
    let mut service = Timeout::new(inner, 50 * MS);

    let response = service.ready().await.unwrap().call(10_000).await;

    assert!(response.unwrap_err().is::<Elapsed>());
    let sample = samples.only();
    assert_eq!(sample.outcome, Outcome::Canceled);
    assert!(sample.rtt >= 50 * MS && sample.rtt < 60 * MS, "{sample:?}");
}

#[tokio::test(start_paused = true)]
async fn a_timeout_inside_makes_an_overload_sample() {
    let (limiter, samples) = steady(1);
    let inner = Timeout::new(service_fn(slow), 50 * MS);
    let mut service = ConcurrencyLimit::new(inner, limiter);

    let response = service.ready().await.unwrap().call(10_000).await;

    assert!(response.unwrap_err().is::<Elapsed>());
    assert_eq!(samples.only().outcome, Outcome::Overload);
}

#[tokio::test(start_paused = true)]
async fn a_timeout_outside_gives_the_permit_to_a_waiter() {
    let (limiter, _) = steady(1);
    let inner = ConcurrencyLimit::new(service_fn(slow), limiter);
    let mut first = Timeout::new(inner, 50 * MS);
    let second = first.clone();
    let hung = tokio::spawn(first.ready().await.unwrap().call(1_000_000));

    let served = second.oneshot(1).await;

    assert_eq!(served.unwrap(), 1);
    assert!(hung.await.unwrap().is_err());
}

#[tokio::test(start_paused = true)]
async fn a_timeout_outside_does_not_limit_the_wait_for_a_permit() {
    let (limiter, _) = steady(1);
    let permit = limiter.acquire().await.unwrap();
    let inner = ConcurrencyLimit::new(service_fn(slow), limiter);
    let waiting = tokio::spawn(Timeout::new(inner, 50 * MS).oneshot(1));
    sleep(Duration::from_secs(10)).await;

    permit.release();

    assert_eq!(waiting.await.unwrap().unwrap(), 1);
}

// Retry.

#[derive(Clone)]
struct Attempts(usize);

impl<T> Policy<u32, T, Fault> for Attempts {
    type Future = std::future::Ready<()>;

    fn retry(&mut self, _: &mut u32, result: &mut Result<T, Fault>) -> Option<Self::Future> {
        if result.is_ok() || self.0 == 1 {
            return None;
        }
        self.0 -= 1;
        Some(std::future::ready(()))
    }

    fn clone_request(&mut self, request: &u32) -> Option<u32> {
        Some(*request)
    }
}

/// Fails twice, 10 ms each, then succeeds.
fn flaky() -> impl Service<u32, Response = u32, Error = Fault, Future = impl Send> + Clone {
    let calls = Arc::new(AtomicUsize::new(0));
    service_fn(move |request: u32| {
        let calls = calls.clone();
        async move {
            sleep(10 * MS).await;
            match calls.fetch_add(1, Ordering::SeqCst) {
                0 | 1 => Err(Fault),
                _ => Ok(request),
            }
        }
    })
}

#[tokio::test(start_paused = true)]
async fn a_retry_outside_makes_a_sample_per_attempt() {
    let (limiter, samples) = steady(5);
    let mut service = Retry::new(Attempts(3), ConcurrencyLimit::new(flaky(), limiter));

    let response = service.ready().await.unwrap().call(1).await;

    assert_eq!(response, Ok(1));
    let expected = [Outcome::Overload, Outcome::Overload, Outcome::Success];
    assert_eq!(samples.outcomes(), expected);
}

#[tokio::test(start_paused = true)]
async fn a_retry_outside_at_a_limit_of_1_does_not_wait_for_itself() {
    let (limiter, _) = steady(1);
    let service = Retry::new(Attempts(3), ConcurrencyLimit::new(flaky(), limiter.clone()));

    let response = tokio::time::timeout(Duration::from_secs(10), service.oneshot(1)).await;

    assert_eq!(response.expect("no deadlock"), Ok(1));
    assert_eq!(limiter.in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_retry_outside_queues_behind_those_who_wait() {
    let (limiter, samples) = steady(1);
    let service = ConcurrencyLimit::new(flaky(), limiter);
    let retried = tokio::spawn(Retry::new(Attempts(2), service.clone()).oneshot(1));
    tokio::task::yield_now().await;
    let plain = tokio::spawn(service.clone().oneshot(2));

    // The plain one fails as the second call: it did not have to wait for the retry.
    assert_eq!(plain.await.unwrap(), Err(Fault));
    assert_eq!(retried.await.unwrap(), Ok(1));

    assert_eq!(samples.all().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_retry_inside_makes_one_sample_of_all_attempts() {
    let (limiter, samples) = steady(5);
    let mut service = ConcurrencyLimit::new(Retry::new(Attempts(3), flaky()), limiter);

    let response = service.ready().await.unwrap().call(1).await;

    assert_eq!(response, Ok(1));
    let sample = samples.only();
    assert_eq!(sample.outcome, Outcome::Success);
    assert!(sample.rtt >= 30 * MS, "{sample:?}");
}

#[tokio::test(start_paused = true)]
async fn a_retry_outside_of_admission_sees_rejections() {
    #[derive(Clone)]
    struct OnRejection;

    impl Policy<u32, u32, AdmissionError<Fault>> for OnRejection {
        type Future = Pin<Box<dyn Future<Output = ()> + Send>>;

        fn retry(
            &mut self,
            _: &mut u32,
            result: &mut Result<u32, AdmissionError<Fault>>,
        ) -> Option<Self::Future> {
            let rejected = matches!(result, Err(AdmissionError::Rejected(_)));
            rejected.then(|| Box::pin(sleep(10 * MS)) as _)
        }

        fn clone_request(&mut self, request: &u32) -> Option<u32> {
            Some(*request)
        }
    }

    let layer = AdmissionLayer::new(Steady::new(1));
    let limiter = layer.limiter().clone();
    let permit = limiter.try_acquire().unwrap();
    let inner = service_fn(async |request: u32| Ok::<_, Fault>(request));
    let service = ServiceBuilder::new()
        .retry(OnRejection)
        .layer(layer)
        .service(inner);
    let retried = tokio::spawn(service.oneshot(1));
    sleep(25 * MS).await;

    permit.release();

    assert_eq!(retried.await.unwrap(), Ok(1));
    assert_eq!(limiter.snapshot().rejected, 3);
}

// Type erasure.

#[tokio::test(start_paused = true)]
async fn a_boxed_clone_starts_without_a_permit() {
    let (service, _, _) = limited(1);
    let mut first = Polled::new(service.inner.boxed_clone());
    assert!(first.is_ready());

    let mut second = first.fork();

    assert!(second.poll_ready().is_pending());
}

#[tokio::test(start_paused = true)]
async fn an_optional_layer_keeps_its_limit() {
    let layer = ConcurrencyLimitLayer::new(Steady::new(1));
    let limiter = layer.limiter().unwrap().clone();
    let mut service = ServiceBuilder::new()
        .option_layer(Some(layer))
        .service(Remote::default());

    let _response = service.ready().await.unwrap().call(1);

    assert_eq!(limiter.in_flight(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_rejection_is_found_in_a_stack_of_boxed_errors() {
    let layer = AdmissionLayer::new(Steady::new(1));
    let _permit = layer.limiter().try_acquire().unwrap();
    let service = ServiceBuilder::new()
        .timeout(Duration::from_secs(1))
        .layer(layer)
        .timeout(Duration::from_secs(1))
        .service(service_fn(slow));

    let error: BoxError = service.oneshot(1).await.unwrap_err();

    let error = error.downcast::<AdmissionError<BoxError>>().unwrap();
    assert!(error.is_rejected());
}

#[tokio::test(start_paused = true)]
async fn a_limit_lowered_under_a_buffer_holds() {
    let (limiter, samples) = steady(4);
    let buffer = Buffer::new(ConcurrencyLimit::new(service_fn(slow), limiter.clone()), 32);
    let requests: Vec<_> = (0..20)
        .map(|_| tokio::spawn(buffer.clone().oneshot(10)))
        .collect();
    sleep(5 * MS).await;

    set_limit(&limiter, 1);
    for response in requests {
        response.await.unwrap().unwrap();
    }

    let later = samples.all().into_iter().filter(|s| s.limit == 1);
    assert!(later.clone().count() > 10);
    // The buffer's worker may have claimed a permit before the limit fell.
    assert!(later.skip(1).all(|sample| sample.in_flight == 1));
}

/// Twice as many requests as a limit of 16 can serve, through one of many clones each. Returns how
/// many were served, in virtual time.
async fn goodput_under_twice_the_load<S>(service: S, clones: usize) -> u64
where
    S: Service<(), Response = ()> + Clone,
    S::Future: Send + 'static,
    S::Error: Send,
{
    const TICK: Duration = Duration::from_millis(1);
    let served = Arc::new(AtomicU64::new(0));
    let mut clones = vec![service; clones];
    let mut random: u64 = 42;
    for _ in 0..2_000 {
        sleep(TICK).await;
        // 16 permits, 4 ms each: 4 a millisecond are the capacity.
        for _ in 0..8 {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let index = (random % clones.len() as u64) as usize;
            let service = &mut clones[index];
            if service.ready().await.is_err() {
                continue;
            }
            let response = service.call(());
            let served = served.clone();
            tokio::spawn(async move {
                if response.await.is_ok() {
                    served.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    }
    served.load(Ordering::Relaxed)
}

#[tokio::test(start_paused = true)]
async fn idle_clones_under_load_shed_cost_a_twentieth_of_the_goodput_at_most() {
    let work = service_fn(async |()| {
        sleep(Duration::from_millis(4)).await;
        Ok::<_, Infallible>(())
    });
    let admission = AdmissionLayer::new(Fixed::new(16)).layer(work);
    let best = goodput_under_twice_the_load(admission, 500).await;

    for clones in [32, 100, 500] {
        let limit = ConcurrencyLimitLayer::new(Fixed::new(16)).layer(work);
        let served = goodput_under_twice_the_load(LoadShed::new(limit), clones).await;

        let share = served as f64 / best as f64;
        println!("{clones} idle clones: {share:.2} of what an admission layer serves");
        assert!(share > 0.95, "{share} with {clones} clones");
    }
}

// Inside the limit.

#[tokio::test(start_paused = true)]
async fn inside_the_limit_the_time_in_a_buffer_counts_as_rtt() {
    let one_at_a_time = ServiceBuilder::new()
        .concurrency_limit(1)
        .service(service_fn(slow));
    let (limiter, samples) = steady(10);
    let mut service = ConcurrencyLimit::new(Buffer::new(one_at_a_time, 10), limiter);

    let first = service.ready().await.unwrap().call(10);
    let second = service.ready().await.unwrap().call(10);
    let (first, second) = futures_util::future::join(first, second).await;

    assert!(first.is_ok() && second.is_ok());
    let slowest = samples.all().iter().map(|sample| sample.rtt).max();
    assert!(slowest >= Some(Duration::from_millis(20)), "{slowest:?}");
}

#[tokio::test(start_paused = true)]
async fn what_a_load_shed_inside_the_limit_refuses_is_overload() {
    let (limiter, samples) = steady(10);
    let busy = ServiceBuilder::new()
        .load_shed()
        .concurrency_limit(1)
        .service(service_fn(slow));
    let mut service = ConcurrencyLimit::new(busy, limiter);

    let mut taken = std::pin::pin!(service.ready().await.unwrap().call(1_000));
    assert!(poll(&mut taken, Waker::noop()).is_pending());
    let refused = service.ready().await.unwrap().call(1).await;

    assert!(refused.is_err());
    assert_eq!(samples.all()[0].outcome, Outcome::Overload);
}

#[tokio::test(start_paused = true)]
async fn one_limit_around_a_balancer_bounds_all_endpoints_together() {
    let endpoints = [(); 3].map(|()| tower::load::Constant::new(service_fn(slow), 1));
    let balance = Balance::new(tower::discover::ServiceList::new(endpoints));
    let (limiter, _) = steady(2);
    let mut service = ConcurrencyLimit::new(balance, limiter);

    let first = service.ready().await.unwrap().call(10);
    let second = service.ready().await.unwrap().call(10);

    assert!(poll(&mut service.ready(), Waker::noop()).is_pending());
    drop((first, second));
}
