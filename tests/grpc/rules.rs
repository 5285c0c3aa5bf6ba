//! What a call says of itself: its priority, its deadline, its service.

use std::time::Duration;

use tonic::{Code, Request};
use tower_adaptive::{AdmissionLayer, Fixed, Limiter, Limiters, Outcome, Queue, Shares, grpc};

use crate::echo::{Parrot, Result, client, connect, pass, serve, words};
use crate::pb::Words;
use crate::pb::echo_client::EchoClient;
use crate::pb::health_client::HealthClient;

#[tokio::test]
async fn a_critical_call_takes_the_place_of_a_sheddable_one_in_the_queue() -> Result {
    let limiter = Limiter::new(Fixed::new(1));
    let layer = AdmissionLayer::with_limiter(limiter.clone())
        .respond_grpc()
        .queue(patient(1))
        .priority(grpc::priority("x-priority"));
    let parrot = Parrot::new();
    let client = client(&parrot, layer).await?;
    let call = |told, priority: &'static str| {
        let mut client = client.clone();
        let mut request = Request::new(words(told));
        let value = priority.parse().unwrap();
        request.metadata_mut().insert("x-priority", value);
        tokio::spawn(async move { client.say(request).await })
    };

    let held = call("hold", "normal");
    parrot.holds().await;
    let sheddable = call("recommendations", "sheddable");
    until_waiting(&limiter).await;
    let critical = call("checkout", "critical");
    let evicted = sheddable.await?.unwrap_err();
    parrot.let_go();

    assert_eq!(evicted.code(), Code::Unavailable);
    assert_eq!(
        evicted.message(),
        "concurrency limit of 1 reached, and a request of higher priority took the place"
    );
    held.await??;
    assert_eq!(critical.await??.into_inner(), words("checkout"));
    Ok(())
}

#[tokio::test]
async fn a_call_whose_timeout_is_shorter_than_the_queue_is_rejected_at_once() -> Result {
    let limiter = Limiter::new(Fixed::new(1));
    let layer = AdmissionLayer::with_limiter(limiter.clone())
        .respond_grpc()
        .queue(patient(10))
        .deadline(grpc::deadline);
    let parrot = Parrot::new();
    let client = client(&parrot, layer).await?;
    learn_an_rtt_of_a_minute(&limiter).await;
    let call = |told, timeout| {
        let mut client = client.clone();
        let mut request = Request::new(words(told));
        if let Some(timeout) = timeout {
            request.set_timeout(timeout);
        }
        tokio::spawn(async move { client.say(request).await })
    };

    let held = call("hold", None);
    parrot.holds().await;
    let short = call("hello", Some(Duration::from_secs(30))).await?;
    let endless = call("hello", None);
    until_waiting(&limiter).await;
    parrot.let_go();

    let short = short.unwrap_err();
    assert_eq!(short.code(), Code::Unavailable);
    assert_eq!(
        short.message(),
        "concurrency limit of 1 has no room before the deadline of the request"
    );
    held.await??;
    assert_eq!(endless.await??.into_inner(), words("hello"));
    Ok(())
}

#[tokio::test]
async fn a_pushback_grows_with_the_drain_time() -> Result {
    let limiter = Limiter::new(Fixed::new(1));
    let layer = AdmissionLayer::with_limiter(limiter.clone()).respond_grpc();
    let mut client = client(&Parrot::new(), layer).await?;
    learn_an_rtt_of_a_minute(&limiter).await;
    let _permit = limiter.try_acquire().unwrap();

    let mut longest = 0;
    for _ in 0..20 {
        let status = client.say(words("hello")).await.unwrap_err();
        let pushback = status.metadata().get("grpc-retry-pushback-ms").unwrap();
        longest = longest.max(pushback.to_str()?.parse::<u32>()?);
    }

    // Twenty draws from 100..=60000: all of them below ten seconds once in 10¹⁵ runs.
    assert!((10_000..=60_000).contains(&longest), "{longest}");
    Ok(())
}

#[tokio::test]
async fn a_service_has_its_share_while_another_is_at_the_limit() -> Result {
    let limiter = Limiter::new(Fixed::new(2));
    let shares = Shares::new()
        .guarantee("echo.v1.Echo", 0.5)
        .guarantee("echo.v1.Health", 0.5);
    let layer = AdmissionLayer::with_limiter(limiter.clone())
        .respond_grpc()
        .queue(patient(10))
        .shares(shares)
        .partition(grpc::service);
    let parrot = Parrot::new();
    let channel = connect(serve(&parrot, layer).await?).await?;
    let call = || {
        let mut client = EchoClient::new(channel.clone());
        tokio::spawn(async move { client.say(words("hold")).await })
    };
    let mut calls = vec![call(), call()];
    parrot.holds().await;
    parrot.holds().await;
    calls.push(call());
    until_waiting(&limiter).await;

    let mut health = HealthClient::new(channel.clone());
    let healthy = tokio::spawn(async move { health.check(Words::default()).await });
    while limiter.waiting() < 2 {
        tokio::task::yield_now().await;
    }
    parrot.let_go();

    // Of the room that was lent, what comes back goes to its owner, not to who has waited longer.
    healthy.await??;
    parrot.let_go();
    parrot.let_go();
    for call in calls {
        call.await??;
    }
    Ok(())
}

#[tokio::test]
async fn each_method_has_a_limit_of_its_own_by_key() -> Result {
    let methods = Limiters::new(|_: &String| Limiter::new(Fixed::new(1)));
    let layer = AdmissionLayer::with_limiters(methods.clone())
        .key(grpc::FullMethod)
        .respond_grpc();
    let parrot = Parrot::new();
    let mut client = client(&parrot, layer).await?;
    let held = tokio::spawn({
        let mut client = client.clone();
        async move { client.say(words("hold")).await }
    });
    parrot.holds().await;

    let same = client.say(words("hello")).await;
    let other = client.repeat(words("hello")).await;
    parrot.let_go();

    assert_eq!(same.unwrap_err().code(), Code::Unavailable);
    assert!(other.is_ok());
    held.await??;
    let mut keys = methods.keys();
    keys.sort();
    assert_eq!(keys, ["echo.v1.Echo/Repeat", "echo.v1.Echo/Say"]);
    Ok(())
}

/// A queue in which nobody waits too long.
fn patient(capacity: usize) -> Queue {
    Queue::bounded(capacity)
        .max_wait(Duration::from_secs(3000))
        .target(Duration::from_secs(1000))
        .interval(Duration::from_secs(2000))
}

async fn until_waiting(limiter: &Limiter) {
    while limiter.waiting() == 0 {
        tokio::task::yield_now().await;
    }
}

async fn learn_an_rtt_of_a_minute(limiter: &Limiter) {
    let permit = limiter.try_acquire().unwrap();
    pass(Duration::from_secs(60)).await;
    permit.complete(Outcome::Success);
}
