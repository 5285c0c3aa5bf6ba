//! Streamed responses: until when a permit is held, to when is measured, and what ends a body.
#![cfg(feature = "http")]

mod support;

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use tokio::time::{advance, sleep};
use tower::{Layer, Service, ServiceBuilder, ServiceExt, service_fn};
use tower_adaptive::http::{BodyEnd, GuardedBody, StatusClassifier, Streaming, Until};
use tower_adaptive::{
    AdmissionLayer, Classifier, ConcurrencyLimitLayer, Limiter, Limiters, Outcome,
};

use Step::{Data, Fail, Trailers, Wait};
use support::{Fault, MS, Polled, Samples, Scripted, Steady, poll};

/// A body that does as it is told.
#[derive(Debug, Default)]
struct Script {
    steps: VecDeque<Step>,
    /// Whether it knows its end before it is asked for another frame.
    knows_its_end: bool,
    size_hint: SizeHint,
}

#[derive(Debug)]
enum Step {
    Data(&'static str),
    Trailers(HeaderMap),
    Fail,
    /// There will be more, one day.
    Wait,
}

impl Script {
    fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self {
            steps: steps.into_iter().collect(),
            ..Self::default()
        }
    }

    fn knows_its_end(mut self) -> Self {
        self.knows_its_end = true;
        self
    }

    fn exactly(mut self, bytes: u64) -> Self {
        self.size_hint = SizeHint::with_exact(bytes);
        self
    }
}

impl Body for Script {
    type Data = Bytes;
    type Error = Fault;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Fault>>> {
        if let Some(Wait) = self.steps.front() {
            return Poll::Pending;
        }
        Poll::Ready(self.steps.pop_front().map(|step| match step {
            Data(data) => Ok(Frame::data(Bytes::from_static(data.as_bytes()))),
            Trailers(trailers) => Ok(Frame::trailers(trailers)),
            Fail => Err(Fault),
            Wait => unreachable!("looked at above"),
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.knows_its_end && self.steps.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        self.size_hint
    }
}

/// A response whose head took 10 ms, behind a limit of 1.
struct Streamed<C = StatusClassifier> {
    body: GuardedBody<Script, C>,
    limiter: Limiter,
    samples: Samples,
}

async fn stream(streaming: Streaming, script: Script) -> Streamed {
    respond(streaming, StatusClassifier::new(), Response::new(script)).await
}

async fn respond<C>(streaming: Streaming, classifier: C, head: Response<Script>) -> Streamed<C>
where
    C: Classifier<Response<Script>, Infallible>,
{
    let steady = Steady::new(1);
    let samples = steady.samples();
    let limiter = Limiter::new(steady);
    let body = respond_through(&limiter, streaming, classifier, head).await;
    Streamed {
        body,
        limiter,
        samples,
    }
}

async fn respond_through<C>(
    limiter: &Limiter,
    streaming: Streaming,
    classifier: C,
    head: Response<Script>,
) -> GuardedBody<Script, C>
where
    C: Classifier<Response<Script>, Infallible>,
{
    let service = AdmissionLayer::with_limiter(limiter.clone())
        .classifier(classifier)
        .streaming(streaming)
        .layer(service_fn(after_10_ms));
    let Ok(response) = service.oneshot(head).await else {
        panic!("admitted, and does not fail");
    };
    response.into_body()
}

async fn after_10_ms(response: Response<Script>) -> Result<Response<Script>, Infallible> {
    sleep(10 * MS).await;
    Ok(response)
}

fn status(status: StatusCode, script: Script) -> Response<Script> {
    let mut response = Response::new(script);
    *response.status_mut() = status;
    response
}

fn grpc_status(value: &'static str) -> HeaderMap {
    HeaderMap::from_iter([(
        header::HeaderName::from_static("grpc-status"),
        HeaderValue::from_static(value),
    )])
}

impl<C> Streamed<C> {
    /// Takes the next frame, 10 ms later.
    async fn frame(&mut self) -> Option<Result<Frame<Bytes>, Fault>> {
        advance(10 * MS).await;
        self.body.frame().await
    }

    /// Asks for a frame that is not there.
    fn wait(&mut self) {
        assert!(poll(&mut self.body.frame(), Waker::noop()).is_pending());
    }

    /// The permits that are out, and the requests that have finished.
    fn standing(&self) -> (usize, u64) {
        let snapshot = self.limiter.snapshot();
        (snapshot.in_flight, snapshot.finished())
    }

    /// Asserts that the permit is back, the sample was taken, and that neither comes twice.
    fn assert_ended(self, outcomes: &[Outcome]) {
        assert_eq!(self.standing(), (0, 1));
        drop(self.body);
        assert_eq!(self.limiter.snapshot().finished(), 1);
        assert_eq!(self.limiter.in_flight(), 0);
        assert_eq!(self.samples.outcomes(), outcomes);
    }
}

// Until when, and to when.

#[tokio::test(start_paused = true)]
async fn without_streaming_a_body_holds_no_permit_and_is_the_services_own() {
    let steady = Steady::new(1);
    let samples = steady.samples();
    let layer = AdmissionLayer::new(steady);
    let service = layer.layer(service_fn(after_10_ms));

    let response: Response<Script> = service.oneshot(Response::default()).await.unwrap();

    assert_eq!(layer.limiter().in_flight(), 0);
    assert_eq!(samples.only().rtt, 10 * MS);
    drop(response);
}

#[tokio::test(start_paused = true)]
async fn new_holds_and_measures_to_the_end() {
    let mut streamed = stream(Streaming::new(), Script::new([Data("a"), Data("b")])).await;
    assert_eq!(streamed.standing(), (1, 0));

    while streamed.frame().await.is_some() {
        assert_eq!(streamed.standing(), (1, 0));
    }

    assert_eq!(streamed.samples.only().rtt, 40 * MS);
    streamed.assert_ended(&[Outcome::Success]);
}

#[tokio::test(start_paused = true)]
async fn held_to_the_end_and_measured_to_the_head_the_sample_is_taken_at_the_head() {
    let streaming = Streaming::new().measure(Until::Head);
    let mut streamed = stream(streaming, Script::new([Data("a"), Fail])).await;
    assert_eq!(streamed.standing(), (1, 1));
    assert_eq!(streamed.samples.only().rtt, 10 * MS);

    let _ = streamed.frame().await;
    assert_eq!(streamed.standing(), (1, 1));
    let _ = streamed.frame().await;

    // Its outcome is what was known then.
    streamed.assert_ended(&[Outcome::Success]);
}

#[tokio::test(start_paused = true)]
async fn held_to_the_head_and_measured_to_the_end_the_permit_is_back_at_the_head() {
    let streaming = Streaming::new().hold(Until::Head);
    let mut streamed = stream(streaming, Script::new([Data("a")])).await;
    assert_eq!(streamed.standing(), (0, 0));

    while streamed.frame().await.is_some() {}

    assert_eq!(streamed.samples.only().rtt, 30 * MS);
    streamed.assert_ended(&[Outcome::Success]);
}

#[tokio::test(start_paused = true)]
async fn held_and_measured_to_the_head_nothing_is_left_to_the_body() {
    let streaming = Streaming::new().hold(Until::Head).measure(Until::Head);

    let streamed = stream(streaming, Script::new([Wait])).await;

    assert_eq!(streamed.samples.only().rtt, 10 * MS);
    streamed.assert_ended(&[Outcome::Success]);
}

#[tokio::test(start_paused = true)]
async fn a_sample_says_what_was_in_flight_at_the_call() {
    for hold in [Until::Head, Until::End] {
        let mut streamed = stream(Streaming::new().hold(hold), Script::default()).await;

        assert!(streamed.frame().await.is_none());

        assert_eq!(streamed.samples.only().in_flight, 1, "{hold:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_sample_without_its_permit_says_how_many_were_started() {
    for measure in [Until::Head, Until::End] {
        for hold in [Until::Head, Until::End] {
            let steady = Steady::new(2);
            let samples = steady.samples();
            let limiter = Limiter::new(steady);
            let streaming = Streaming::new().hold(hold).measure(measure);
            let classifier = StatusClassifier::new;
            let head = || Response::new(Script::default());

            let first = respond_through(&limiter, streaming, classifier(), head()).await;
            let mut second = respond_through(&limiter, streaming, classifier(), head()).await;
            assert!(second.frame().await.is_none());
            drop(first);
            limiter.try_acquire().unwrap().complete(Outcome::Success);

            let all = samples.all();
            let started: Vec<u64> = all.iter().map(|sample| sample.started).collect();
            let expected = match measure {
                // The first body is dropped unread, and teaches nothing.
                Until::End => vec![2, 3],
                Until::Head => vec![1, 2, 3],
            };
            assert_eq!(started, expected, "{hold:?} {measure:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_of_the_service_ends_it_at_once() {
    let layer = AdmissionLayer::new(Steady::new(1)).streaming(Streaming::new());
    let service = layer.layer(service_fn(async |()| Err::<Response<Script>, _>(Fault)));

    let failed = service.oneshot(()).await;

    assert!(failed.is_err());
    assert_eq!(layer.limiter().in_flight(), 0);
    assert_eq!(layer.limiter().snapshot().overload, 1);
}

#[tokio::test(start_paused = true)]
async fn a_future_dropped_before_its_head_is_canceled() {
    let layer = AdmissionLayer::new(Steady::new(1)).streaming(Streaming::new());
    let mut response = Box::pin(
        layer
            .layer(service_fn(after_10_ms))
            .oneshot(Response::default()),
    );
    assert!(poll(&mut response, Waker::noop()).is_pending());

    drop(response);

    assert_eq!(layer.limiter().in_flight(), 0);
    assert_eq!(layer.limiter().snapshot().canceled, 1);
}

// What ends a body. In each of these it lives on.

#[tokio::test(start_paused = true)]
async fn a_body_ends_where_there_is_no_frame_any_more() {
    let mut streamed = stream(Streaming::new(), Script::new([Data("a")])).await;
    let _ = streamed.frame().await;
    assert_eq!(streamed.standing(), (1, 0));

    assert!(streamed.frame().await.is_none());

    streamed.assert_ended(&[Outcome::Success]);
}

#[tokio::test(start_paused = true)]
async fn a_body_ends_with_an_error() {
    let mut streamed = stream(Streaming::new(), Script::new([Fail, Data("a")])).await;

    assert!(matches!(streamed.frame().await, Some(Err(Fault))));

    streamed.assert_ended(&[Outcome::Overload]);
}

#[tokio::test(start_paused = true)]
async fn a_body_ends_with_its_trailers() {
    let script = Script::new([Data("a"), Trailers(grpc_status("0"))]);
    let mut streamed = stream(Streaming::new(), script).await;
    let _ = streamed.frame().await;

    let frame = streamed.frame().await.unwrap().unwrap();

    assert_eq!(frame.into_trailers().ok(), Some(grpc_status("0")));
    streamed.assert_ended(&[Outcome::Success]);
}

#[tokio::test(start_paused = true)]
async fn a_body_ends_with_data_after_which_it_says_so() {
    let script = Script::new([Data("a"), Data("b")]).knows_its_end();
    let mut streamed = stream(Streaming::new(), script).await;
    let _ = streamed.frame().await;
    assert_eq!(streamed.standing(), (1, 0));

    let _ = streamed.frame().await;

    streamed.assert_ended(&[Outcome::Success]);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_empty_ends_at_the_head() {
    let streamed = stream(Streaming::new(), Script::default().knows_its_end()).await;

    assert_eq!(streamed.samples.only().rtt, 10 * MS);
    streamed.assert_ended(&[Outcome::Success]);
}

#[tokio::test(start_paused = true)]
async fn an_upgrade_ends_at_the_head() {
    let head = status(StatusCode::SWITCHING_PROTOCOLS, Script::new([Wait]));

    let streamed = respond(Streaming::new(), StatusClassifier::new(), head).await;

    streamed.assert_ended(&[Outcome::Success]);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_body_wakes_a_waiter() {
    let mut streamed = stream(Streaming::new(), Script::new([Data("a")]).knows_its_end()).await;
    let mut waiting = Polled::new(streamed.limiter.acquire());
    assert!(waiting.poll().is_pending());

    let _ = streamed.frame().await;

    assert_eq!(waiting.wakes(), 1);
    assert!(waiting.poll().is_ready());
}

#[tokio::test(start_paused = true)]
async fn a_permit_back_at_the_head_wakes_a_waiter() {
    let steady = Limiter::new(Steady::new(1));
    let layer =
        AdmissionLayer::with_limiter(steady.clone()).streaming(Streaming::new().hold(Until::Head));
    let mut service = layer.layer(service_fn(after_10_ms));
    let response = service.call(Response::default());
    let mut waiting = Polled::new(steady.acquire());
    assert!(waiting.poll().is_pending());

    let _response = response.await.unwrap();

    assert_eq!(waiting.wakes(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_limit_raised_at_the_head_wakes_a_waiter_while_the_permit_is_held() {
    let limiter = Limiter::new(Scripted::new([1, 2]));
    let layer = AdmissionLayer::with_limiter(limiter.clone())
        .streaming(Streaming::new().measure(Until::Head));
    let mut service = layer.layer(service_fn(after_10_ms));
    let response = service.call(Response::default());
    let mut waiting = Polled::new(limiter.acquire());
    assert!(waiting.poll().is_pending());

    let _response = response.await.unwrap();

    assert_eq!(waiting.wakes(), 1);
    let granted = waiting.poll();
    assert!(granted.is_ready());
    assert_eq!(limiter.in_flight(), 2);
}

// What is dropped before its end.

#[tokio::test(start_paused = true)]
async fn a_body_dropped_before_its_end_is_canceled() {
    let mut streamed = stream(Streaming::new(), Script::new([Data("a"), Wait])).await;
    let _ = streamed.frame().await;
    streamed.wait();
    advance(10 * MS).await;

    drop(streamed.body);

    let sample = streamed.samples.only();
    assert_eq!((sample.outcome, sample.rtt), (Outcome::Canceled, 30 * MS));
    assert_eq!(streamed.limiter.in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_body_dropped_with_all_that_was_announced_is_complete() {
    let by_hint = Script::new([Data("abc"), Wait]).exactly(3);
    let mut by_header = Response::new(Script::new([Data("abc"), Wait]));
    let length = HeaderValue::from_static("3");
    by_header
        .headers_mut()
        .insert(header::CONTENT_LENGTH, length);

    for head in [Response::new(by_hint), by_header] {
        let mut streamed = respond(Streaming::new(), StatusClassifier::new(), head).await;
        let _ = streamed.frame().await;
        drop(streamed.body);

        assert_eq!(streamed.samples.outcomes(), [Outcome::Success]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_dropped_short_of_what_was_announced_is_canceled() {
    let script = Script::new([Data("abc"), Data("d")]).exactly(4);
    let mut streamed = stream(Streaming::new(), script).await;
    let _ = streamed.frame().await;

    drop(streamed.body);

    assert_eq!(streamed.samples.outcomes(), [Outcome::Canceled]);
}

#[tokio::test(start_paused = true)]
async fn a_body_dropped_before_it_was_asked_for_a_frame_teaches_nothing() {
    for hold in [Until::Head, Until::End] {
        let streaming = Streaming::new().hold(hold);
        let streamed = stream(streaming, Script::new([Data("a")]).exactly(1)).await;

        drop(streamed.body);

        assert_eq!(streamed.samples.all(), []);
        assert_eq!(streamed.limiter.snapshot().ignored, 1);
        assert_eq!(streamed.limiter.in_flight(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_head_that_is_overload_stays_so_however_its_body_ends() {
    for steps in [
        vec![Data("a")],
        vec![Data("a"), Fail],
        vec![Data("a"), Wait],
    ] {
        let head = status(StatusCode::SERVICE_UNAVAILABLE, Script::new(steps));
        let mut streamed = respond(Streaming::new(), StatusClassifier::new(), head).await;
        let _ = streamed.frame().await;
        let _ = poll(&mut streamed.body.frame(), Waker::noop());

        drop(streamed.body);

        assert_eq!(streamed.samples.outcomes(), [Outcome::Overload]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_head_that_teaches_nothing_does_not_however_its_body_ends() {
    for steps in [
        vec![Data("a")],
        vec![Data("a"), Fail],
        vec![Data("a"), Wait],
    ] {
        let head = status(StatusCode::NOT_FOUND, Script::new(steps));
        let mut streamed = respond(Streaming::new(), StatusClassifier::new(), head).await;
        let _ = streamed.frame().await;
        let _ = poll(&mut streamed.body.frame(), Waker::noop());

        drop(streamed.body);

        assert_eq!(streamed.samples.all(), []);
        assert_eq!(streamed.limiter.snapshot().ignored, 1);
    }
}

// Classification of the end.

/// Reads a status from the trailers.
#[derive(Clone, Copy)]
struct ByTrailers;

impl<T, E> Classifier<T, E> for ByTrailers {
    fn classify(&self, _: &Result<T, E>) -> Option<Outcome> {
        Some(Outcome::Success)
    }

    fn classify_end(&self, head: Option<Outcome>, end: &BodyEnd<'_>) -> Option<Outcome> {
        match end {
            BodyEnd::Complete(Some(trailers)) if trailers["grpc-status"] != "0" => {
                Some(Outcome::Overload)
            }
            BodyEnd::Complete(_) => head,
            _ => None,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_classifier_reads_the_trailers() {
    for (value, outcome) in [("0", Outcome::Success), ("14", Outcome::Overload)] {
        let script = Script::new([Trailers(grpc_status(value))]);
        let mut streamed = respond(Streaming::new(), ByTrailers, Response::new(script)).await;

        let _ = streamed.frame().await;

        streamed.assert_ended(&[outcome]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_classifier_has_the_last_word_about_an_error() {
    let head = Response::new(Script::new([Fail]));
    let mut streamed = respond(Streaming::new(), ByTrailers, head).await;

    let _ = streamed.frame().await;

    streamed.assert_ended(&[]);
}

#[derive(Clone, Copy)]
struct Panics;

impl<T, E> Classifier<T, E> for Panics {
    fn classify(&self, _: &Result<T, E>) -> Option<Outcome> {
        Some(Outcome::Success)
    }

    fn classify_end(&self, _: Option<Outcome>, _: &BodyEnd<'_>) -> Option<Outcome> {
        panic!("part of the test")
    }
}

#[tokio::test(start_paused = true)]
async fn a_classifier_that_panics_at_the_end_teaches_nothing_and_gives_the_permit_back() {
    let ended = Script::default().knows_its_end();
    let streamed = respond(Streaming::new(), Panics, Response::new(ended)).await;
    streamed.assert_ended(&[]);

    let mut streamed = respond(Streaming::new(), Panics, Response::default()).await;
    assert!(streamed.frame().await.is_none());
    streamed.assert_ended(&[]);

    let head = Response::new(Script::new([Data("a"), Wait]));
    let mut streamed = respond(Streaming::new(), Panics, head).await;
    let _ = streamed.frame().await;
    drop(streamed.body);
    assert_eq!(streamed.limiter.in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_measured_to_the_head_is_not_classified_at_the_end() {
    let streaming = Streaming::new().measure(Until::Head);
    let mut streamed = respond(streaming, Panics, Response::default()).await;

    assert!(streamed.frame().await.is_none());

    streamed.assert_ended(&[Outcome::Success]);
}

// In the company of other options.

#[tokio::test(start_paused = true)]
async fn a_rejection_is_a_body_without_a_permit() {
    let layer = AdmissionLayer::new(Steady::new(1))
        .on_reject(|request: Response<Script>, _| request)
        .streaming(Streaming::new());
    let permit = layer.limiter().try_acquire().unwrap();
    let service = layer.layer(service_fn(after_10_ms));

    let response = service.oneshot(Response::new(Script::new([Data("a")])));
    let body = response.await.unwrap().into_body();

    assert_eq!(body.collect().await.unwrap().to_bytes(), "a");
    assert_eq!(layer.limiter().in_flight(), 1);
    permit.release();
    assert_eq!(layer.limiter().snapshot().finished(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_bypassed_request_holds_its_permit_to_the_end_and_is_never_a_sample() {
    let steady = Steady::new(1);
    let samples = steady.samples();
    let layer = AdmissionLayer::new(steady)
        .bypass(|_: &Response<Script>| true)
        .streaming(Streaming::new());
    let service = layer.layer(service_fn(after_10_ms));
    let mut body = service
        .oneshot(Response::default())
        .await
        .unwrap()
        .into_body();
    assert_eq!(layer.limiter().in_flight(), 1);

    assert!(body.frame().await.is_none());

    assert_eq!(layer.limiter().in_flight(), 0);
    assert_eq!(layer.limiter().snapshot().ignored, 1);
    assert_eq!(samples.all(), []);
}

#[tokio::test(start_paused = true)]
async fn a_bypassed_request_is_counted_once_whatever_is_held_and_measured() {
    for hold in [Until::Head, Until::End] {
        for measure in [Until::Head, Until::End] {
            let layer = AdmissionLayer::new(Steady::new(1))
                .bypass(|_: &Response<Script>| true)
                .streaming(Streaming::new().hold(hold).measure(measure));
            let service = layer.layer(service_fn(after_10_ms));

            let response = service.oneshot(Response::default()).await.unwrap();
            drop(response.into_body().collect().await);

            let snapshot = layer.limiter().snapshot();
            assert_eq!((snapshot.ignored, snapshot.in_flight), (1, 0));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_observed_holds_to_the_end_too() {
    let layer = AdmissionLayer::new(Steady::new(1))
        .observe_only()
        .streaming(Streaming::new());
    let service = layer.layer(service_fn(after_10_ms));
    let mut bodies = Vec::new();
    for _ in 0..3 {
        let response = service.clone().oneshot(Response::default()).await;
        bodies.push(response.unwrap().into_body());
    }
    let snapshot = layer.limiter().snapshot();
    assert_eq!((snapshot.in_flight, snapshot.spared), (3, 2));

    for mut body in bodies {
        assert!(body.frame().await.is_none());
    }

    let snapshot = layer.limiter().snapshot();
    assert_eq!((snapshot.in_flight, snapshot.success), (0, 3));
}

#[tokio::test(start_paused = true)]
async fn back_pressure_lasts_to_the_end_of_the_body() {
    let layer = ConcurrencyLimitLayer::new(Steady::new(1)).streaming(Streaming::new());
    let mut service = layer.layer(service_fn(after_10_ms));
    let script = Script::new([Data("a")]).knows_its_end();
    let response = service.ready().await.unwrap().call(Response::new(script));
    let mut body = response.await.unwrap().into_body();
    let mut waiting = Polled::new(Box::pin(service.ready()));
    assert!(waiting.poll().is_pending());

    let _ = body.frame().await;

    assert!(waiting.poll().is_ready());
    assert_eq!(layer.limiter().unwrap().snapshot().success, 1);
}

#[tokio::test(start_paused = true)]
async fn keyed_limits_hold_to_the_end_of_the_body() {
    let limiters = Limiters::new(|_: &u16| Limiter::new(Steady::new(1)));
    let by_status = |response: &Response<Script>| response.status().as_u16();
    let admission = AdmissionLayer::with_limiters(limiters.clone())
        .key(by_status)
        .streaming(Streaming::new());
    let limit = ConcurrencyLimitLayer::with_limiters(limiters.clone())
        .key(by_status)
        .streaming(Streaming::new());

    let service = admission.layer(service_fn(after_10_ms));
    let head = status(StatusCode::OK, Script::default());
    let admitted = service.oneshot(head).await.unwrap().into_body();
    let service = limit.layer(service_fn(after_10_ms));
    let head = status(StatusCode::CREATED, Script::default());
    let limited = service.oneshot(head).await.unwrap().into_body();

    for (key, body) in [(200, admitted), (201, limited)] {
        assert_eq!(limiters.for_key(&key).in_flight(), 1);
        body.collect().await.unwrap();
        assert_eq!(limiters.for_key(&key).in_flight(), 0);
        assert_eq!(limiters.for_key(&key).snapshot().success, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_is_as_long_as_the_inner_one() {
    let streamed = stream(Streaming::new(), Script::default().exactly(7)).await;

    assert_eq!(streamed.body.size_hint().exact(), Some(7));
    assert!(!streamed.body.is_end_stream());
}

#[tokio::test(start_paused = true)]
async fn streaming_layers_nest_and_infer_their_types() {
    let inner = AdmissionLayer::new(Steady::new(1)).respond_unavailable();
    let outer = AdmissionLayer::new(Steady::new(1)).respond_unavailable();
    let limiters = [inner.limiter().clone(), outer.limiter().clone()];
    let service = ServiceBuilder::new()
        .layer(outer.streaming(Streaming::new()))
        .layer(inner.streaming(Streaming::new()))
        .service(service_fn(after_10_ms))
        .boxed_clone();

    let response = service.oneshot(Response::default()).await.unwrap();
    assert!(limiters.iter().all(|limiter| limiter.in_flight() == 1));

    response.into_body().collect().await.unwrap();
    assert!(limiters.iter().all(|limiter| limiter.in_flight() == 0));
}
