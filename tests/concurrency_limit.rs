//! `ConcurrencyLimit`: `poll_ready` waits for a permit, `call` spends it.

mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::time::{advance, sleep, timeout};
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_adaptive::{Bounds, ConcurrencyLimit, ConcurrencyLimitLayer, Limiter, Outcome};

use support::{
    Alarm, Bomb, Fault, MS, Polled, Readiness, Remote, Scripted, Steady, limited, poll, set_limit,
};

// Permits and capacity.

#[tokio::test(start_paused = true)]
async fn the_request_past_the_limit_waits_until_a_response_completes() {
    let (mut first, remote, _) = limited(2);
    let (mut second, mut third) = (first.fork(), first.fork());
    assert!(first.is_ready() && second.is_ready());
    let one = first.call(1);
    let _two = second.call(2);
    assert!(third.poll_ready().is_pending());

    remote.answer(Ok(10));
    assert_eq!(one.await, Ok(10));

    assert_eq!(third.wakes(), 1);
    assert!(third.is_ready());
}

#[tokio::test(start_paused = true)]
async fn a_response_is_that_of_the_inner_service() {
    let (mut service, remote, _) = limited(1);
    assert!(service.is_ready());
    let response = service.call(7);
    remote.answer(Ok(70));

    assert_eq!(response.await, Ok(70));
    assert_eq!(remote.calls(), [7]);
}

#[tokio::test(start_paused = true)]
async fn one_service_can_be_called_again_and_again() {
    let (mut service, remote, _) = limited(1);
    for n in 0..100 {
        assert!(service.is_ready());
        let response = service.call(n);
        remote.answer(Ok(n));
        assert_eq!(response.await, Ok(n));
    }
    assert_eq!(service.inner.limiter().in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn dropping_a_ready_service_hands_its_permit_to_a_waiter() {
    let (mut first, _, _) = limited(1);
    let mut second = first.fork();
    assert!(first.is_ready());
    assert!(second.poll_ready().is_pending());

    drop(first);

    assert_eq!(second.wakes(), 1);
    assert!(second.is_ready());
}

#[tokio::test(start_paused = true)]
async fn taking_a_ready_service_apart_gives_its_permit_back() {
    let (mut service, _, _) = limited(1);
    let limiter = service.inner.limiter().clone();
    assert!(service.is_ready());

    let _remote = service.inner.into_inner();

    assert_eq!(limiter.in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn dropping_a_response_future_hands_its_permit_to_a_waiter() {
    let (mut first, _, _) = limited(1);
    let mut second = first.fork();
    assert!(first.is_ready());
    let response = first.call(1);
    assert!(second.poll_ready().is_pending());

    drop(response);

    assert_eq!(second.wakes(), 1);
    assert!(second.is_ready());
}

#[tokio::test(start_paused = true)]
async fn an_error_of_the_service_hands_its_permit_to_a_waiter() {
    let (mut first, remote, _) = limited(1);
    let mut second = first.fork();
    assert!(first.is_ready());
    let response = first.call(1);
    assert!(second.poll_ready().is_pending());

    remote.answer(Err(Fault));
    assert_eq!(response.await, Err(Fault));

    assert_eq!(second.wakes(), 1);
    assert!(second.is_ready());
}

#[tokio::test(start_paused = true)]
async fn an_error_of_the_inner_poll_ready_is_passed_on_and_takes_no_permit() {
    let (mut service, remote, _) = limited(1);
    remote.set(Readiness::Broken);

    assert_eq!(service.poll_ready(), Poll::Ready(Err(Fault)));

    assert_eq!(service.inner.limiter().in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_service_whose_inner_fails_while_it_waits_gives_its_place_up_when_dropped() {
    let (mut first, remote, _) = limited(1);
    let (mut broken, mut third) = (first.fork(), first.fork());
    assert!(first.is_ready());
    assert!(broken.poll_ready().is_pending() && third.poll_ready().is_pending());
    remote.set(Readiness::Broken);
    assert_eq!(broken.poll_ready(), Poll::Ready(Err(Fault)));
    remote.set(Readiness::Ready);

    drop(broken);
    drop(first);

    assert_eq!(third.wakes(), 1);
    assert!(third.is_ready());
}

#[tokio::test(start_paused = true)]
async fn an_inner_service_that_is_not_ready_takes_no_permit() {
    let (mut service, remote, _) = limited(1);
    remote.set(Readiness::Pending);
    assert!(service.poll_ready().is_pending());
    assert_eq!(service.inner.limiter().in_flight(), 0);
    assert_eq!(service.inner.limiter().waiting(), 0);

    remote.set(Readiness::Ready);

    assert_eq!(service.wakes(), 1);
    assert!(service.is_ready());
}

#[tokio::test(start_paused = true)]
async fn poll_ready_after_ready_takes_no_second_permit() {
    let (mut service, _, _) = limited(2);

    assert!(service.is_ready() && service.is_ready() && service.is_ready());

    assert_eq!(service.inner.limiter().in_flight(), 1);
}

#[tokio::test(start_paused = true)]
async fn poll_ready_after_pending_takes_no_second_place_in_the_queue() {
    let (mut first, _, _) = limited(1);
    let mut second = first.fork();
    assert!(first.is_ready());

    assert!(second.poll_ready().is_pending() && second.poll_ready().is_pending());

    assert_eq!(second.inner.limiter().waiting(), 1);
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "call without a permit")]
async fn call_without_poll_ready_panics() {
    let (mut service, _, _) = limited(1);
    let _response = service.call(1);
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "call without a permit")]
async fn a_second_call_after_one_poll_ready_panics() {
    let (mut service, _, _) = limited(2);
    assert!(service.is_ready());
    let _first = service.call(1);
    let _second = service.call(2);
}

#[tokio::test(start_paused = true)]
async fn a_clone_of_a_ready_service_starts_without_a_permit() {
    let (mut service, _, _) = limited(2);
    assert!(service.is_ready());

    let mut clone = service.fork();

    assert_eq!(service.inner.limiter().in_flight(), 1);
    let called = catch_unwind(AssertUnwindSafe(|| drop(clone.call(1))));
    assert!(called.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_clone_of_a_waiting_service_starts_without_a_place_in_the_queue() {
    let (mut first, _, _) = limited(1);
    let mut second = first.fork();
    assert!(first.is_ready());
    assert!(second.poll_ready().is_pending());

    let mut third = second.fork();
    assert_eq!(third.inner.limiter().waiting(), 1);
    assert!(third.poll_ready().is_pending());
    drop(first);

    assert_eq!((second.wakes(), third.wakes()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_service_whose_call_panics_gives_its_permit_back() {
    let mut service = ConcurrencyLimit::new(
        service_fn(|()| -> std::future::Ready<Result<(), Fault>> { panic!("part of the test") }),
        Limiter::new(Steady::new(1)),
    );
    service.ready().await.unwrap();

    let called = catch_unwind(AssertUnwindSafe(|| drop(service.call(()))));

    assert!(called.is_err());
    assert_eq!(service.limiter().in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_response_future_that_panics_gives_its_permit_back() {
    let limiter = Limiter::new(Steady::new(1));
    let inner = service_fn(async |()| -> Result<(), Fault> { panic!("part of the test") });
    let mut service = ConcurrencyLimit::new(inner, limiter.clone());
    let response = service.ready().await.unwrap().call(());

    assert!(tokio::spawn(response).await.unwrap_err().is_panic());

    assert_eq!(limiter.in_flight(), 0);
}

// The queue.

#[tokio::test(start_paused = true)]
async fn waiting_clones_are_served_in_the_order_in_which_they_came() {
    let (mut holder, _, _) = limited(1);
    let mut waiting: Vec<_> = (0..5).map(|_| holder.fork()).collect();
    assert!(holder.is_ready());
    for service in &mut waiting {
        assert!(service.poll_ready().is_pending());
    }

    for mut next in waiting {
        assert_eq!(next.wakes(), 0);
        drop(holder);
        assert_eq!(next.wakes(), 1);
        assert!(next.is_ready());
        holder = next;
    }
}

#[tokio::test(start_paused = true)]
async fn a_newcomer_does_not_overtake_a_grant() {
    let (mut first, _, _) = limited(1);
    let (mut second, mut newcomer) = (first.fork(), first.fork());
    assert!(first.is_ready());
    assert!(second.poll_ready().is_pending());

    drop(first);

    assert!(newcomer.poll_ready().is_pending());
    assert!(second.is_ready());
}

#[tokio::test(start_paused = true)]
async fn dropping_a_waiter_with_a_grant_wakes_the_next() {
    let (mut first, _, _) = limited(1);
    let (mut second, mut third) = (first.fork(), first.fork());
    assert!(first.is_ready());
    assert!(second.poll_ready().is_pending() && third.poll_ready().is_pending());
    drop(first);
    assert_eq!((second.wakes(), third.wakes()), (1, 0));

    drop(second);

    assert_eq!(third.wakes(), 1);
    assert!(third.is_ready());
}

#[tokio::test(start_paused = true)]
async fn dropping_a_waiter_without_a_grant_wakes_nobody() {
    let (mut first, _, _) = limited(1);
    let (mut second, mut third) = (first.fork(), first.fork());
    assert!(first.is_ready());
    assert!(second.poll_ready().is_pending() && third.poll_ready().is_pending());

    drop(second);

    assert_eq!(third.wakes(), 0);
    assert_eq!(third.inner.limiter().waiting(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_waiter_dropped_from_the_middle_of_the_queue_is_skipped() {
    let (mut first, _, _) = limited(1);
    let (mut second, mut third, mut fourth) = (first.fork(), first.fork(), first.fork());
    assert!(first.is_ready());
    for service in [&mut second, &mut third, &mut fourth] {
        assert!(service.poll_ready().is_pending());
    }

    drop(third);
    drop(first);
    assert!(second.is_ready());
    drop(second);

    assert!(fourth.is_ready());
}

#[tokio::test(start_paused = true)]
async fn polled_again_with_another_waker_the_new_one_is_woken() {
    let (mut first, _, _) = limited(1);
    let mut second = first.fork();
    assert!(first.is_ready());
    assert!(second.poll_ready().is_pending());
    let before = std::mem::replace(&mut second.alarm, Alarm::new());
    assert!(second.poll_ready().is_pending());

    drop(first);

    assert_eq!((before.wakes(), second.wakes()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_waiting_service_moved_to_another_task_is_woken_there() {
    let (mut first, _, _) = limited(1);
    let mut second = first.fork();
    assert!(first.is_ready());
    assert!(second.poll_ready().is_pending());
    let moved = tokio::spawn(async move { second.inner.ready().await.map(drop) });
    tokio::task::yield_now().await;

    drop(first);

    assert_eq!(moved.await.unwrap(), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_waiters_are_woken_one_per_freed_permit() {
    let (mut holder, _, _) = limited(1);
    let alarm = Alarm::new();
    let mut waiting: Vec<_> = (0..10_000).map(|_| holder.fork()).collect();
    assert!(holder.is_ready());
    for service in &mut waiting {
        service.alarm = alarm.clone();
        assert!(service.poll_ready().is_pending());
    }

    for (served, mut next) in waiting.into_iter().enumerate() {
        drop(holder);
        assert_eq!(alarm.wakes(), served + 1);
        assert!(next.is_ready());
        holder = next;
    }
}

#[tokio::test(start_paused = true)]
async fn of_ten_thousand_waiters_those_that_left_cost_no_wake_up() {
    let (mut holder, _, _) = limited(1);
    let limiter = holder.inner.limiter().clone();
    let alarm = Alarm::new();
    let mut waiting: Vec<_> = (0..10_000).map(|_| holder.fork()).collect();
    assert!(holder.is_ready());
    for service in &mut waiting {
        service.alarm = alarm.clone();
        assert!(service.poll_ready().is_pending());
    }

    let mut staying = Vec::new();
    for (n, service) in waiting.into_iter().enumerate() {
        if n % 3 == 0 {
            staying.push(service);
        }
    }
    assert_eq!(limiter.waiting(), staying.len());
    assert_eq!(alarm.wakes(), 0);

    for (served, mut next) in staying.into_iter().enumerate() {
        drop(holder);
        assert_eq!(alarm.wakes(), served + 1);
        assert!(next.is_ready());
        holder = next;
    }
    drop(holder);
    assert_eq!((limiter.in_flight(), limiter.waiting()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_panicking_waker_loses_nobody_elses_wake_up() {
    let (mut first, _, _) = limited(1);
    let (mut before, mut bomb, mut after) = (first.fork(), first.fork(), first.fork());
    assert!(first.is_ready());
    assert!(before.poll_ready().is_pending());
    let waker = Waker::from(Arc::new(Bomb));
    let polled = bomb.inner.poll_ready(&mut Context::from_waker(&waker));
    assert!(polled.is_pending());
    assert!(after.poll_ready().is_pending());

    set_limit(first.inner.limiter(), 4);

    assert_eq!((before.wakes(), after.wakes()), (1, 1));
    assert!(before.is_ready() && bomb.is_ready() && after.is_ready());
}

#[tokio::test(start_paused = true)]
async fn a_panicking_waker_does_not_take_the_response_down_that_frees_its_permit() {
    let (mut first, remote, samples) = limited(1);
    let mut bomb = first.fork();
    assert!(first.is_ready());
    let response = first.call(1);
    let waker = Waker::from(Arc::new(Bomb));
    let polled = bomb.inner.poll_ready(&mut Context::from_waker(&waker));
    assert!(polled.is_pending());

    remote.answer(Ok(1));

    assert_eq!(response.await, Ok(1));
    assert_eq!(samples.outcomes(), [Outcome::Success]);
    assert!(bomb.is_ready());
}

// Grants that nobody takes up.

#[tokio::test(start_paused = true)]
async fn a_grant_belongs_to_its_holder_for_less_than_1_ms() {
    let (mut first, _, _) = limited(1);
    let (mut idle, mut newcomer) = (first.fork(), first.fork());
    assert!(first.is_ready());
    assert!(idle.poll_ready().is_pending());
    drop(first);

    advance(Duration::from_micros(900)).await;

    assert!(newcomer.poll_ready().is_pending());
    assert!(idle.is_ready());
}

#[tokio::test(start_paused = true)]
async fn a_grant_unclaimed_for_1_ms_goes_to_the_next_caller_that_polls() {
    let (mut first, _, _) = limited(1);
    let (mut idle, mut newcomer) = (first.fork(), first.fork());
    assert!(first.is_ready());
    assert!(idle.poll_ready().is_pending());
    drop(first);

    advance(MS).await;

    assert!(newcomer.is_ready());
    assert!(idle.poll_ready().is_pending());
}

#[tokio::test(start_paused = true)]
async fn a_grant_claimed_late_is_good_if_nobody_asked() {
    let (mut first, _, _) = limited(1);
    let mut idle = first.fork();
    assert!(first.is_ready());
    assert!(idle.poll_ready().is_pending());
    drop(first);

    advance(100 * MS).await;

    assert!(idle.is_ready());
    assert_eq!(idle.inner.limiter().in_flight(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_unclaimed_grant_passes_to_a_live_waiter_with_nobody_asking() {
    let (mut first, _, _) = limited(1);
    let (mut idle, mut live) = (first.fork(), first.fork());
    assert!(first.is_ready());
    assert!(idle.poll_ready().is_pending());
    let live = tokio::spawn(async move { live.inner.ready().await.map(drop) });
    tokio::task::yield_now().await;

    drop(first);

    let served = timeout(Duration::from_secs(10), live).await;
    assert_eq!(served.unwrap().unwrap(), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_live_waiter_behind_many_dead_ones_is_served_within_a_few_ms_of_each() {
    let (mut first, _, _) = limited(1);
    let mut dead: Vec<_> = (0..20).map(|_| first.fork()).collect();
    let mut live = first.fork();
    assert!(first.is_ready());
    for service in &mut dead {
        assert!(service.poll_ready().is_pending());
    }
    let live = tokio::spawn(async move { live.inner.ready().await.map(drop) });
    tokio::task::yield_now().await;

    drop(first);

    // Twenty grants lapse in turn; the paused clock makes this exact but for the timer's ticks.
    let served = timeout(50 * MS, live).await;
    assert_eq!(served.unwrap().unwrap(), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn grants_pass_on_again_after_the_timer_has_come_to_rest() {
    let (service, _, _) = limited(1);
    for round in 0..3 {
        let (mut first, mut idle, mut live) = (service.fork(), service.fork(), service.fork());
        assert!(first.is_ready());
        assert!(idle.poll_ready().is_pending());
        let live = tokio::spawn(async move { live.inner.ready().await.map(drop) });
        tokio::task::yield_now().await;

        drop(first);

        let served = timeout(Duration::from_secs(10), live).await;
        assert_eq!(served.expect("served").unwrap(), Ok(()), "round {round}");
        drop(idle);
        sleep(Duration::from_secs(1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_holder_that_lost_its_grant_comes_first_when_it_returns() {
    let (mut first, _, _) = limited(1);
    let (mut loser, mut second, mut taker) = (first.fork(), first.fork(), first.fork());
    assert!(first.is_ready());
    assert!(loser.poll_ready().is_pending());
    drop(first);
    advance(MS).await;
    assert!(taker.is_ready());
    assert!(second.poll_ready().is_pending());

    assert!(loser.poll_ready().is_pending());
    drop(taker);

    assert_eq!(second.wakes(), 0);
    assert!(loser.is_ready());
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_lost_its_grant_and_is_dropped_takes_nothing_with_it() {
    let (mut first, _, _) = limited(1);
    let (mut loser, mut taker) = (first.fork(), first.fork());
    let limiter = first.inner.limiter().clone();
    assert!(first.is_ready());
    assert!(loser.poll_ready().is_pending());
    drop(first);
    advance(MS).await;
    assert!(taker.is_ready());

    drop(loser);
    assert_eq!(limiter.in_flight(), 1);
    drop(taker);

    assert_eq!((limiter.in_flight(), limiter.waiting()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_claimed_permit_never_expires() {
    let (mut first, _, _) = limited(1);
    let mut second = first.fork();
    assert!(first.is_ready());
    assert!(second.poll_ready().is_pending());

    sleep(Duration::from_secs(3600)).await;

    assert!(second.poll_ready().is_pending());
    assert!(first.is_ready());
}

// Limits that change.

#[tokio::test(start_paused = true)]
async fn a_claimed_permit_survives_a_lower_limit() {
    let (mut first, remote, _) = limited(3);
    let mut second = first.fork();
    assert!(first.is_ready() && second.is_ready());

    set_limit(first.inner.limiter(), 1);

    assert!(first.is_ready() && second.is_ready());
    let (one, two) = (first.call(1), second.call(2));
    remote.answer(Ok(1));
    remote.answer(Ok(2));
    assert_eq!((one.await, two.await), (Ok(1), Ok(2)));
}

#[tokio::test(start_paused = true)]
async fn a_higher_limit_wakes_exactly_the_waiters_that_fit() {
    let (mut holder, _, _) = limited(1);
    let mut waiting: Vec<_> = (0..30).map(|_| holder.fork()).collect();
    assert!(holder.is_ready());
    for service in &mut waiting {
        assert!(service.poll_ready().is_pending());
    }

    set_limit(holder.inner.limiter(), 21);

    let wakes: Vec<_> = waiting.iter().map(Polled::wakes).collect();
    assert_eq!(wakes, [[1; 20].as_slice(), [0; 10].as_slice()].concat());
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_an_algorithm_raises_wakes_the_waiters_that_fit() {
    let remote = Remote::default();
    let limiter = Limiter::new(Scripted::new([1, 3]));
    let mut first = Polled::new(ConcurrencyLimit::new(remote.clone(), limiter));
    let mut waiting: Vec<_> = (0..5).map(|_| first.fork()).collect();
    assert!(first.is_ready());
    let response = first.call(1);
    for service in &mut waiting {
        assert!(service.poll_ready().is_pending());
    }

    remote.answer(Ok(1));
    response.await.unwrap();

    let wakes: Vec<_> = waiting.iter().map(Polled::wakes).collect();
    assert_eq!(wakes, [1, 1, 1, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_lower_limit_admits_no_waiter_until_in_flight_is_below_it() {
    let (mut first, _, _) = limited(3);
    let (mut second, mut third, mut waiting) = (first.fork(), first.fork(), first.fork());
    assert!(first.is_ready() && second.is_ready() && third.is_ready());
    assert!(waiting.poll_ready().is_pending());
    let limiter = first.inner.limiter().clone();

    set_limit(&limiter, 1);
    drop(first);
    drop(second);
    assert_eq!((waiting.wakes(), limiter.in_flight()), (0, 1));
    drop(third);

    assert_eq!(waiting.wakes(), 1);
    assert!(waiting.is_ready());
}

#[tokio::test(start_paused = true)]
async fn a_limit_lowered_and_raised_again_wakes_the_waiters_it_kept() {
    let (mut first, _, _) = limited(2);
    let (mut second, mut waiting) = (first.fork(), first.fork());
    assert!(first.is_ready() && second.is_ready());
    assert!(waiting.poll_ready().is_pending());
    let limiter = first.inner.limiter().clone();
    set_limit(&limiter, 1);
    drop(first);
    assert_eq!(waiting.wakes(), 0);

    set_limit(&limiter, 2);

    assert_eq!(waiting.wakes(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_largest_limit_admits() {
    let (mut service, remote, _) = limited(Bounds::LARGEST);
    assert_eq!(service.inner.limiter().limit(), 1 << 30);
    let mut responses = Vec::new();
    for n in 0..1000 {
        assert!(service.is_ready());
        responses.push(service.call(n));
    }
    assert_eq!(service.inner.limiter().in_flight(), 1000);

    for (n, response) in (0..).zip(responses) {
        remote.answer(Ok(n));
        assert_eq!(response.await, Ok(n));
    }
    assert_eq!(service.inner.limiter().limit(), 1 << 30);
    assert_eq!(service.inner.limiter().in_flight(), 0);
}

// What is learned.

#[tokio::test(start_paused = true)]
async fn the_permit_comes_back_when_the_inner_future_completes_not_when_it_is_dropped() {
    let (mut service, remote, _) = limited(1);
    assert!(service.is_ready());
    let mut response = service.call(1);
    remote.answer(Ok(1));

    assert_eq!(poll(&mut response, Waker::noop()), Poll::Ready(Ok(1)));

    assert_eq!(service.inner.limiter().in_flight(), 0);
    drop(response);
    assert_eq!(service.inner.limiter().in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_rtt_is_that_of_the_completion_however_long_the_future_is_kept() {
    let (mut service, remote, samples) = limited(1);
    assert!(service.is_ready());
    let mut response = service.call(1);
    assert!(poll(&mut response, Waker::noop()).is_pending());

    advance(5 * MS).await;
    remote.answer(Ok(1));
    assert!(poll(&mut response, Waker::noop()).is_ready());
    advance(195 * MS).await;
    drop(response);

    let sample = samples.only();
    assert_eq!((sample.outcome, sample.rtt), (Outcome::Success, 5 * MS));
}

#[tokio::test(start_paused = true)]
async fn the_rtt_starts_at_the_call_not_at_poll_ready() {
    let (mut service, remote, samples) = limited(1);
    assert!(service.is_ready());
    advance(70 * MS).await;
    let response = service.call(1);
    advance(3 * MS).await;
    remote.answer(Ok(1));

    response.await.unwrap();

    assert_eq!(samples.only().rtt, 3 * MS);
}

#[tokio::test(start_paused = true)]
async fn a_future_dropped_after_its_first_poll_is_canceled_with_the_time_elapsed() {
    let (mut service, _, samples) = limited(1);
    assert!(service.is_ready());
    let mut response = service.call(1);
    assert!(poll(&mut response, Waker::noop()).is_pending());
    advance(30 * MS).await;

    drop(response);

    let sample = samples.only();
    assert_eq!((sample.outcome, sample.rtt), (Outcome::Canceled, 30 * MS));
}

#[tokio::test(start_paused = true)]
async fn a_future_dropped_before_its_first_poll_teaches_nothing() {
    let (mut service, _, samples) = limited(1);
    assert!(service.is_ready());
    let response = service.call(1);
    advance(30 * MS).await;

    drop(response);

    assert_eq!(samples.all(), []);
    assert_eq!(service.inner.limiter().snapshot().ignored, 1);
}

#[tokio::test(start_paused = true)]
async fn an_error_counts_as_overload() {
    let (mut service, remote, samples) = limited(1);
    assert!(service.is_ready());
    let response = service.call(1);
    remote.answer(Err(Fault));

    assert_eq!(response.await, Err(Fault));

    assert_eq!(samples.outcomes(), [Outcome::Overload]);
}

#[tokio::test(start_paused = true)]
async fn a_permit_given_back_without_a_call_is_no_request() {
    let (mut service, _, samples) = limited(1);
    let limiter = service.inner.limiter().clone();
    assert!(service.is_ready());

    drop(service);

    assert_eq!(samples.all(), []);
    assert_eq!(limiter.snapshot().admitted(), 0);
}

#[tokio::test(start_paused = true)]
async fn in_flight_in_a_sample_is_that_of_the_call_itself_included() {
    let (mut first, remote, samples) = limited(5);
    let (mut second, mut third) = (first.fork(), first.fork());
    assert!(first.is_ready() && second.is_ready());
    let one = first.call(1);
    assert!(third.is_ready());
    let two = third.call(2);

    remote.answer(Ok(1));
    one.await.unwrap();
    remote.answer(Ok(2));
    two.await.unwrap();

    let in_flight: Vec<_> = samples.all().iter().map(|s| s.in_flight).collect();
    assert_eq!(in_flight, [2, 3]);
}

#[tokio::test(start_paused = true)]
async fn a_sample_says_when_and_under_which_limit_and_how_many_wait() {
    let (mut first, remote, samples) = limited(1);
    let mut waiting = first.fork();
    advance(40 * MS).await;
    assert!(first.is_ready());
    let response = first.call(1);
    assert!(waiting.poll_ready().is_pending());
    set_limit(first.inner.limiter(), 1);
    advance(2 * MS).await;
    remote.answer(Ok(1));

    response.await.unwrap();

    let sample = samples.only();
    assert_eq!((sample.at, sample.limit), (42 * MS, 1));
    assert_eq!((sample.waiting, sample.finished), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn the_limit_in_a_sample_is_that_of_the_call() {
    let (mut service, remote, samples) = limited(7);
    assert!(service.is_ready());
    let response = service.call(1);
    set_limit(service.inner.limiter(), 3);
    remote.answer(Ok(1));

    response.await.unwrap();

    assert_eq!(samples.only().limit, 7);
}

// The layer.

#[tokio::test(start_paused = true)]
async fn one_layer_value_is_one_limit() {
    let layer = ConcurrencyLimitLayer::new(Steady::new(1));
    let mut first = Polled::new(layer.layer(Remote::default()));
    let mut second = Polled::new(layer.clone().layer(Remote::default()));

    assert!(first.is_ready());

    assert!(second.poll_ready().is_pending());
    assert_eq!(layer.limiter().unwrap().in_flight(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_layer_per_service_makes_a_limit_per_service_that_its_clones_share() {
    let layer = ConcurrencyLimitLayer::per_service(|| Steady::new(1));
    let mut first = Polled::new(layer.layer(Remote::default()));
    let mut second = Polled::new(layer.layer(Remote::default()));
    let mut clone = first.fork();

    assert!(first.is_ready());

    assert!(second.is_ready());
    assert!(clone.poll_ready().is_pending());
    assert!(layer.limiter().is_none());
}

#[tokio::test(start_paused = true)]
async fn two_layers_with_one_limiter_share_its_limit() {
    let limiter = Limiter::new(Steady::new(1));
    let first = ConcurrencyLimitLayer::with_limiter(limiter.clone());
    let second = ConcurrencyLimitLayer::with_limiter(limiter);
    let mut first = Polled::new(first.layer(Remote::default()));
    let mut second = Polled::new(second.layer(Remote::default()));

    assert!(first.is_ready());

    assert!(second.poll_ready().is_pending());
}

#[tokio::test(start_paused = true)]
async fn layer_registers_nothing() {
    let layer = ConcurrencyLimitLayer::new(Steady::new(3));
    let limiter = layer.limiter().unwrap().clone();
    let before = limiter.snapshot();

    let services: Vec<_> = (0..100).map(|_| layer.layer(Remote::default())).collect();

    assert_eq!(limiter.snapshot(), before);
    drop(services);
    assert_eq!(limiter.snapshot(), before);
}

#[tokio::test(start_paused = true)]
async fn a_classifier_says_how_a_response_counts() {
    let steady = Steady::new(1);
    let samples = steady.samples();
    let layer =
        ConcurrencyLimitLayer::new(steady).classifier(|result: &Result<u32, Fault>| match result {
            Ok(404) => None,
            Ok(429) => Some(Outcome::Overload),
            _ => Some(Outcome::Success),
        });
    let remote = Remote::default();
    let mut service = layer.layer(remote.clone());

    for answer in [Ok(200), Ok(404), Ok(429), Err(Fault)] {
        let response = service.ready().await.unwrap().call(1);
        remote.answer(answer);
        assert_eq!(response.await, answer);
    }

    let expected = [Outcome::Success, Outcome::Overload, Outcome::Success];
    assert_eq!(samples.outcomes(), expected);
    assert_eq!(service.limiter().snapshot().ignored, 1);
}

#[tokio::test(start_paused = true)]
async fn a_service_whose_inner_fails_gives_its_permit_back() {
    struct Dies(bool);

    impl Service<()> for Dies {
        type Response = ();
        type Error = &'static str;
        type Future = std::future::Ready<Result<(), &'static str>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), &'static str>> {
            let lives = std::mem::take(&mut self.0);
            Poll::Ready(if lives { Ok(()) } else { Err("dead") })
        }

        fn call(&mut self, (): ()) -> Self::Future {
            std::future::ready(Ok(()))
        }
    }

    let limiter = Limiter::new(tower_adaptive::Fixed::new(1));
    let mut service = ConcurrencyLimit::new(Dies(true), limiter.clone());
    let mut cx = Context::from_waker(Waker::noop());
    assert!(service.poll_ready(&mut cx).is_ready());
    assert_eq!(limiter.in_flight(), 1);

    assert_eq!(service.poll_ready(&mut cx), Poll::Ready(Err("dead")));

    assert_eq!(limiter.in_flight(), 0);
}
