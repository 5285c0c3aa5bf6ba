//! Limits around a tonic channel.

use futures_util::future;
use tokio::net::TcpListener;
use tonic::Code;
use tonic::transport::Endpoint;
use tower::layer::util::Identity;
use tower::{Layer, ServiceBuilder};
use tower_adaptive::grpc::GrpcClassifier;
use tower_adaptive::{AdmissionLayer, ConcurrencyLimitLayer, Fixed, Limiter, Outcome};

use crate::echo::{Parrot, Result, connect, serve, words};
use crate::pb::echo_client::EchoClient;
use crate::support::Steady;

#[tokio::test]
async fn calls_beyond_the_limit_wait_their_turn() -> Result {
    let parrot = Parrot::new();
    let channel = connect(serve(&parrot, Identity::new()).await?).await?;
    let limit = ConcurrencyLimitLayer::new(Fixed::new(1)).classifier(GrpcClassifier::new());
    let limiter = limit.limiter().unwrap().clone();
    let client = EchoClient::new(ServiceBuilder::new().layer(limit).service(channel));

    let call = |told| {
        let mut client = client.clone();
        tokio::spawn(async move { client.say(words(told)).await })
    };
    let first = call("hold");
    parrot.holds().await;
    let second = call("hello");
    while limiter.waiting() == 0 {
        tokio::task::yield_now().await;
    }

    assert_eq!(parrot.calls(), 1);
    parrot.let_go();
    assert_eq!(first.await??.into_inner(), words("hold"));
    assert_eq!(second.await??.into_inner(), words("hello"));
    assert_eq!(limiter.snapshot().success, 2);
    Ok(())
}

#[tokio::test]
async fn a_channels_answers_count_by_their_status() -> Result {
    let channel = connect(serve(&Parrot::new(), Identity::new()).await?).await?;
    let steady = Steady::new(1);
    let samples = steady.samples();
    let limit = ConcurrencyLimitLayer::new(steady).classifier(GrpcClassifier::new());
    let limiter = limit.limiter().unwrap().clone();
    let mut client = EchoClient::new(limit.layer(channel));

    for told in ["hello", "fail 14", "fail 5"] {
        let _ = client.say(words(told)).await;
    }

    assert_eq!(samples.outcomes(), [Outcome::Success, Outcome::Overload]);
    assert_eq!(limiter.snapshot().ignored, 1);
    Ok(())
}

#[tokio::test]
async fn a_servers_rejection_is_the_clients_overload() -> Result {
    let admission = AdmissionLayer::new(Fixed::new(1)).respond_grpc();
    let _permit = admission.limiter().try_acquire().unwrap();
    let channel = connect(serve(&Parrot::new(), admission).await?).await?;
    let steady = Steady::new(1);
    let samples = steady.samples();
    let limit = ConcurrencyLimitLayer::new(steady).classifier(GrpcClassifier::new());
    let mut client = EchoClient::new(limit.layer(channel));

    let status = client.say(words("hello")).await.unwrap_err();

    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(samples.outcomes(), [Outcome::Overload]);
    Ok(())
}

#[tokio::test]
async fn a_server_that_is_not_there_is_overload() -> Result {
    let closed = TcpListener::bind("127.0.0.1:0").await?.local_addr()?;
    let channel = Endpoint::from_shared(format!("http://{closed}"))?.connect_lazy();
    let steady = Steady::new(1);
    let samples = steady.samples();
    let limit = ConcurrencyLimitLayer::new(steady).classifier(GrpcClassifier::new());
    let mut client = EchoClient::new(limit.layer(channel));

    assert!(client.say(words("hello")).await.is_err());

    assert_eq!(samples.outcomes(), [Outcome::Overload]);
    Ok(())
}

#[tokio::test]
async fn admission_around_a_channel_rejects_before_anything_is_sent() -> Result {
    let parrot = Parrot::new();
    let channel = connect(serve(&parrot, Identity::new()).await?).await?;
    let admission = AdmissionLayer::with_limiter(Limiter::new(Fixed::new(2))).respond_grpc();
    let limiter = admission.limiter().clone();
    let client = EchoClient::new(admission.layer(channel));
    let call = |told| {
        let mut client = client.clone();
        tokio::spawn(async move { client.say(words(told)).await })
    };

    let held = [call("hold"), call("hold")];
    parrot.holds().await;
    parrot.holds().await;
    let status = call("hello").await?.unwrap_err();
    parrot.let_go();
    parrot.let_go();

    assert_eq!(status.code(), Code::Unavailable);
    assert!(status.metadata().contains_key("grpc-retry-pushback-ms"));
    for answer in future::join_all(held).await {
        assert_eq!(answer??.into_inner(), words("hold"));
    }
    assert_eq!(parrot.calls(), 2);
    assert_eq!(limiter.snapshot().rejected, 1);
    Ok(())
}
