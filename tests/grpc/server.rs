//! Admission in front of a tonic server.

use std::time::Duration;

use futures_util::stream;
use http::Request;
use tonic::{Code, Status};
use tower_adaptive::grpc::{self, GrpcClassifier};
use tower_adaptive::{AdmissionLayer, Limiter, Outcome};

use crate::echo::{Parrot, Result, client, connect, pass, serve, until_idle, words};
use crate::pb::echo_client::EchoClient;
use crate::pb::health_client::HealthClient;
use crate::support::{Samples, Steady};

fn steady(limit: usize) -> (Limiter, Samples) {
    let steady = Steady::new(limit);
    let samples = steady.samples();
    (Limiter::new(steady), samples)
}

fn assert_rejected(status: &Status) {
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(status.message(), "concurrency limit of 1 reached");
    let pushback = status.metadata().get("grpc-retry-pushback-ms");
    let pushback: u32 = pushback.unwrap().to_str().unwrap().parse().unwrap();
    assert!((100..=300).contains(&pushback), "{pushback}");
}

#[tokio::test]
async fn an_admitted_call_gets_the_handlers_answer() -> Result {
    let (limiter, samples) = steady(1);
    let layer = AdmissionLayer::with_limiter(limiter.clone()).respond_grpc();
    let mut client = client(&Parrot::new(), layer).await?;

    let answer = client.say(words("hello")).await?;

    assert_eq!(answer.into_inner(), words("hello"));
    assert_eq!(samples.outcomes(), [Outcome::Success]);
    assert_eq!(limiter.in_flight(), 0);
    Ok(())
}

#[tokio::test]
async fn a_rejected_call_of_any_kind_gets_unavailable_a_message_and_a_pushback() -> Result {
    let (limiter, samples) = steady(1);
    let layer = AdmissionLayer::with_limiter(limiter.clone()).respond_grpc();
    let parrot = Parrot::new();
    let mut client = client(&parrot, layer).await?;
    let _permit = limiter.try_acquire().unwrap();

    let unary = client.say(words("hello")).await;
    let server_stream = client.repeat(words("hello")).await;
    let both_stream = client.chat(stream::iter([words("hello")])).await;

    assert_rejected(&unary.unwrap_err());
    assert_rejected(&server_stream.unwrap_err());
    assert_rejected(&both_stream.unwrap_err());
    assert_eq!(parrot.calls(), 0);
    assert_eq!(limiter.snapshot().rejected, 3);
    assert_eq!(samples.all(), []);
    Ok(())
}

#[tokio::test]
async fn a_call_is_rejected_while_another_holds_the_only_permit() -> Result {
    let (limiter, _) = steady(1);
    let layer = AdmissionLayer::with_limiter(limiter.clone()).respond_grpc();
    let parrot = Parrot::new();
    let mut client = client(&parrot, layer).await?;
    let held = tokio::spawn({
        let mut client = client.clone();
        async move { client.say(words("hold")).await }
    });
    parrot.holds().await;

    assert_rejected(&client.say(words("hello")).await.unwrap_err());
    parrot.let_go();

    assert_eq!(held.await??.into_inner(), words("hold"));
    assert_eq!(
        client.say(words("hello")).await?.into_inner(),
        words("hello")
    );
    Ok(())
}

#[tokio::test]
async fn a_handlers_error_counts_by_its_status() -> Result {
    let (limiter, _) = steady(1);
    let layer = AdmissionLayer::with_limiter(limiter.clone()).respond_grpc();
    let mut client = client(&Parrot::new(), layer).await?;

    for code in 1..=16 {
        let before = limiter.snapshot();

        let status = client.say(words(format!("fail {code}"))).await.unwrap_err();

        let now = limiter.snapshot();
        assert_eq!(status.code(), Code::from(code));
        let counted = (
            now.success - before.success,
            now.overload - before.overload,
            now.ignored - before.ignored,
        );
        let expected = match status.code() {
            Code::Unavailable | Code::ResourceExhausted | Code::DeadlineExceeded => (0, 1, 0),
            Code::Internal | Code::Unknown => (0, 1, 0),
            _ => (0, 0, 1),
        };
        assert_eq!(counted, expected, "{status}");
    }
    Ok(())
}

#[tokio::test]
async fn a_classifier_set_after_the_responder_replaces_its_own() -> Result {
    let (limiter, samples) = steady(1);
    let classifier = GrpcClassifier::new()
        .overload(grpc::Code::Aborted)
        .success(grpc::Code::NotFound)
        .ignore(grpc::Code::Internal);
    let layer = AdmissionLayer::with_limiter(limiter.clone())
        .respond_grpc()
        .classifier(classifier);
    let mut client = client(&Parrot::new(), layer).await?;

    for code in [Code::Aborted, Code::NotFound, Code::Internal] {
        let told = words(format!("fail {}", code as i32));
        assert_eq!(client.say(told).await.unwrap_err().code(), code);
    }

    assert_eq!(samples.outcomes(), [Outcome::Overload, Outcome::Success]);
    assert_eq!(limiter.snapshot().ignored, 1);
    Ok(())
}

#[tokio::test]
async fn a_method_that_does_not_exist_teaches_nothing() -> Result {
    let (limiter, samples) = steady(1);
    let layer = AdmissionLayer::with_limiter(limiter.clone()).respond_grpc();
    let channel = connect(serve(&Parrot::new(), layer).await?).await?;
    let mut client = tonic::client::Grpc::new(channel);
    client.ready().await?;

    let path = http::uri::PathAndQuery::from_static("/echo.v1.Nobody/Say");
    let codec = tonic_prost::ProstCodec::<crate::pb::Words, crate::pb::Words>::default();
    let answer = client
        .unary(tonic::Request::new(words("hello")), path, codec)
        .await;

    assert_eq!(answer.unwrap_err().code(), Code::Unimplemented);
    assert_eq!(samples.all(), []);
    assert_eq!(limiter.snapshot().ignored, 1);
    Ok(())
}

#[tokio::test]
async fn a_bypassed_health_check_answers_at_the_limit_and_teaches_nothing() -> Result {
    let (limiter, samples) = steady(1);
    let layer = AdmissionLayer::with_limiter(limiter.clone())
        .respond_grpc()
        .bypass(|request: &Request<_>| grpc::service(request) == "echo.v1.Health");
    let channel = connect(serve(&Parrot::new(), layer).await?).await?;
    let _permit = limiter.try_acquire().unwrap();

    let healthy = HealthClient::new(channel.clone()).check(words("?")).await;
    let rejected = EchoClient::new(channel).say(words("hello")).await;

    assert!(healthy.is_ok());
    assert_rejected(&rejected.unwrap_err());
    assert_eq!(samples.all(), []);
    Ok(())
}

#[tokio::test]
async fn a_server_stream_gives_its_permit_back_at_the_head() -> Result {
    let (limiter, samples) = steady(1);
    let layer = AdmissionLayer::with_limiter(limiter.clone()).respond_grpc();
    let parrot = Parrot::new();
    let mut client = client(&parrot, layer).await?;

    let mut repeated = client.repeat(words("hold")).await?.into_inner();
    assert_eq!(repeated.message().await?, Some(words("first")));
    parrot.holds().await;

    assert_eq!(limiter.in_flight(), 0);
    assert_eq!(
        client.say(words("hello")).await?.into_inner(),
        words("hello")
    );
    parrot.let_go();
    assert_eq!(repeated.message().await?, Some(words("hold")));
    assert_eq!(repeated.message().await?, None);
    assert_eq!(samples.outcomes(), [Outcome::Success; 2]);
    Ok(())
}

#[tokio::test]
async fn an_error_amid_a_stream_comes_after_the_head_has_counted_as_success() -> Result {
    let (limiter, samples) = steady(1);
    let layer = AdmissionLayer::with_limiter(limiter).respond_grpc();
    let mut client = client(&Parrot::new(), layer).await?;

    let mut repeated = client.repeat(words("fail 14")).await?.into_inner();
    assert_eq!(repeated.message().await?, Some(words("first")));
    let error = repeated.message().await.unwrap_err();

    assert_eq!(error.code(), Code::Unavailable);
    assert_eq!(samples.outcomes(), [Outcome::Success]);
    Ok(())
}

#[tokio::test]
async fn both_sides_may_stream() -> Result {
    let (limiter, samples) = steady(1);
    let layer = AdmissionLayer::with_limiter(limiter).respond_grpc();
    let mut client = client(&Parrot::new(), layer).await?;

    let told = stream::iter(["one", "two"].map(words));
    let mut answers = client.chat(told).await?.into_inner();

    assert_eq!(answers.message().await?, Some(words("one")));
    assert_eq!(answers.message().await?, Some(words("two")));
    assert_eq!(answers.message().await?, None);
    assert_eq!(samples.outcomes(), [Outcome::Success]);
    Ok(())
}

#[tokio::test]
async fn a_call_whose_client_is_gone_counts_as_canceled() -> Result {
    let (limiter, samples) = steady(1);
    let layer = AdmissionLayer::with_limiter(limiter.clone()).respond_grpc();
    let parrot = Parrot::new();
    let mut client = client(&parrot, layer).await?;

    let call = tokio::spawn(async move { client.say(words("hold")).await });
    parrot.holds().await;
    call.abort();
    until_idle(&limiter).await;

    assert_eq!(samples.outcomes(), [Outcome::Canceled]);
    Ok(())
}

#[tokio::test]
async fn a_call_that_its_timeout_cuts_off_counts_as_canceled() -> Result {
    let (limiter, samples) = steady(1);
    let layer = AdmissionLayer::with_limiter(limiter.clone()).respond_grpc();
    let parrot = Parrot::new();
    let mut client = client(&parrot, layer).await?;
    let mut request = tonic::Request::new(words("hold"));
    request.set_timeout(Duration::from_secs(60));

    let call = tokio::spawn(async move { client.say(request).await });
    parrot.holds().await;
    pass(Duration::from_secs(61)).await;

    assert!(call.await?.is_err());
    until_idle(&limiter).await;
    assert_eq!(samples.outcomes(), [Outcome::Canceled]);
    Ok(())
}
