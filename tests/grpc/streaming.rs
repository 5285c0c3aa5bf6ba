//! Permits that are held until the trailers.

use futures_util::stream;
use tonic::Code;
use tower::Layer;
use tower_adaptive::grpc::GrpcClassifier;
use tower_adaptive::http::{Streaming, Until};
use tower_adaptive::{AdmissionLayer, ConcurrencyLimitLayer, Fixed, Limiter, Outcome};

use crate::echo::{Parrot, Result, client, connect, serve, until_idle, words};
use crate::pb::Words;
use crate::pb::echo_client::EchoClient;
use crate::support::Steady;

#[tokio::test]
async fn a_server_stream_holds_its_permit_to_the_trailers() -> Result {
    let steady = Steady::new(1);
    let samples = steady.samples();
    let limiter = Limiter::new(steady);
    let layer = AdmissionLayer::with_limiter(limiter.clone())
        .respond_grpc()
        .streaming(Streaming::new());
    let parrot = Parrot::new();
    let mut client = client(&parrot, layer).await?;

    let mut repeated = client.repeat(words("hold")).await?.into_inner();
    assert_eq!(repeated.message().await?, Some(words("first")));
    parrot.holds().await;

    let rejected = client.say(words("hello")).await.unwrap_err();
    assert_eq!(rejected.message(), "concurrency limit of 1 reached");
    assert_eq!(samples.all(), []);
    parrot.let_go();
    assert_eq!(repeated.message().await?, Some(words("hold")));
    assert_eq!(repeated.message().await?, None);
    assert_eq!(limiter.in_flight(), 0);
    assert_eq!(samples.outcomes(), [Outcome::Success]);
    assert!(client.say(words("hello")).await.is_ok());
    Ok(())
}

#[tokio::test]
async fn the_status_in_the_trailers_decides() -> Result {
    let steady = Steady::new(1);
    let samples = steady.samples();
    let limiter = Limiter::new(steady);
    let layer = AdmissionLayer::with_limiter(limiter.clone())
        .respond_grpc()
        .streaming(Streaming::new());
    let mut client = client(&Parrot::new(), layer).await?;

    for (told, expected) in [
        ("fail 14", Code::Unavailable),
        ("fail 5", Code::NotFound),
        ("hello", Code::Ok),
    ] {
        let mut repeated = client.repeat(words(told)).await?.into_inner();
        assert_eq!(repeated.message().await?, Some(words("first")));
        assert_eq!(to_the_end(&mut repeated).await, expected);
        until_idle(&limiter).await;
    }

    assert_eq!(samples.outcomes(), [Outcome::Overload, Outcome::Success]);
    assert_eq!(limiter.snapshot().ignored, 1);
    Ok(())
}

#[tokio::test]
async fn a_unary_call_counts_by_its_head_or_its_trailers() -> Result {
    let steady = Steady::new(1);
    let samples = steady.samples();
    let limiter = Limiter::new(steady);
    let layer = AdmissionLayer::with_limiter(limiter.clone())
        .respond_grpc()
        .streaming(Streaming::new());
    let mut client = client(&Parrot::new(), layer).await?;

    for told in ["hello", "fail 14", "fail 5"] {
        let _ = client.say(words(told)).await;
        until_idle(&limiter).await;
    }

    assert_eq!(samples.outcomes(), [Outcome::Success, Outcome::Overload]);
    assert_eq!(limiter.snapshot().ignored, 1);
    Ok(())
}

#[tokio::test]
async fn measured_to_the_head_a_stream_holds_its_permit_and_has_counted() -> Result {
    let steady = Steady::new(1);
    let samples = steady.samples();
    let limiter = Limiter::new(steady);
    let layer = AdmissionLayer::with_limiter(limiter.clone())
        .respond_grpc()
        .streaming(Streaming::new().measure(Until::Head));
    let parrot = Parrot::new();
    let mut client = client(&parrot, layer).await?;

    let mut chat = client
        .chat(stream::iter(["hello", "hold", "fail 14"].map(words)))
        .await?
        .into_inner();
    assert_eq!(chat.message().await?, Some(words("hello")));
    parrot.holds().await;

    assert_eq!(limiter.in_flight(), 1);
    assert_eq!(samples.outcomes(), [Outcome::Success]);
    parrot.let_go();
    assert_eq!(to_the_end(&mut chat).await, Code::Unavailable);
    until_idle(&limiter).await;
    assert_eq!(samples.outcomes(), [Outcome::Success]);
    Ok(())
}

#[tokio::test]
async fn a_stream_whose_client_is_gone_counts_as_canceled() -> Result {
    let steady = Steady::new(1);
    let samples = steady.samples();
    let limiter = Limiter::new(steady);
    let layer = AdmissionLayer::with_limiter(limiter.clone())
        .respond_grpc()
        .streaming(Streaming::new());
    let parrot = Parrot::new();
    let mut client = client(&parrot, layer).await?;

    let mut repeated = client.repeat(words("hold")).await?.into_inner();
    assert_eq!(repeated.message().await?, Some(words("first")));
    parrot.holds().await;
    drop(repeated);
    until_idle(&limiter).await;

    assert_eq!(samples.outcomes(), [Outcome::Canceled]);
    Ok(())
}

#[tokio::test]
async fn a_client_hears_the_trailers_too() -> Result {
    let admission = AdmissionLayer::new(Fixed::new(10)).respond_grpc();
    let channel = connect(serve(&Parrot::new(), admission).await?).await?;
    let steady = Steady::new(1);
    let samples = steady.samples();
    let limit = ConcurrencyLimitLayer::new(steady)
        .classifier(GrpcClassifier::new())
        .streaming(Streaming::new());
    let limiter = limit.limiter().unwrap().clone();
    let mut client = EchoClient::new(limit.layer(channel));

    let mut repeated = client.repeat(words("fail 8")).await?.into_inner();
    assert_eq!(repeated.message().await?, Some(words("first")));
    assert_eq!(limiter.in_flight(), 1);
    assert_eq!(to_the_end(&mut repeated).await, Code::ResourceExhausted);

    assert_eq!(limiter.in_flight(), 0);
    assert_eq!(samples.outcomes(), [Outcome::Overload]);
    Ok(())
}

/// Reads what is left of a stream, and returns its status.
async fn to_the_end(messages: &mut tonic::Streaming<Words>) -> Code {
    loop {
        match messages.message().await {
            Ok(Some(_)) => {}
            Ok(None) => return Code::Ok,
            Err(status) => return status.code(),
        }
    }
}
