//! Admission in front of HTTP handlers: axum routers, over `oneshot` and over a socket.
#![cfg(feature = "axum")]

mod support;

use std::convert::Infallible;
use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::error_handling::HandleErrorLayer;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures_util::stream;
use http::{HeaderValue, StatusCode, header};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tower::{BoxError, Layer, ServiceBuilder, ServiceExt, service_fn};
use tower_adaptive::http::{Streaming, unavailable};
use tower_adaptive::{
    AdmissionError, AdmissionLayer, Limiter, Outcome, Permit, Priority, Queue, Reason, Rejected,
};

use support::{Samples, Steady, poll};

type Result<T = (), E = Box<dyn Error>> = std::result::Result<T, E>;

fn steady(limit: usize) -> (Limiter, Samples) {
    let steady = Steady::new(limit);
    let samples = steady.samples();
    (Limiter::new(steady), samples)
}

fn request(path: &str) -> Request {
    Request::builder().uri(path).body(Body::empty()).unwrap()
}

/// A router with a page, and a page that is held until `Notify` lets go.
fn router(open: Arc<Notify>) -> Router {
    let held = move || async move {
        open.notified().await;
        "held"
    };
    Router::new()
        .route("/", get(async || "hello"))
        .route("/held", get(held))
        .route("/missing", get(async || StatusCode::NOT_FOUND))
        .route("/busy", get(async || StatusCode::TOO_MANY_REQUESTS))
        .route("/broken", get(async || StatusCode::BAD_GATEWAY))
        .route("/health", get(async || "ok"))
}

fn guarded(limiter: &Limiter) -> Router {
    let layer = AdmissionLayer::with_limiter(limiter.clone()).respond_unavailable();
    router(Arc::default()).layer(layer)
}

/// Nothing is known of how long the queue takes, so it is one, two or three.
fn assert_returns_within_seconds(response: &Response) {
    let seconds = response.headers()[header::RETRY_AFTER].to_str().unwrap();
    assert!(["1", "2", "3"].contains(&seconds), "{seconds}");
}

async fn status(app: &Router, path: &str) -> StatusCode {
    let Ok(response) = app.clone().oneshot(request(path)).await;
    response.status()
}

#[tokio::test]
async fn an_admitted_request_gets_the_handlers_response() {
    let (limiter, samples) = steady(1);

    assert_eq!(status(&guarded(&limiter), "/").await, StatusCode::OK);

    assert_eq!(samples.outcomes(), [Outcome::Success]);
}

#[tokio::test]
async fn a_rejected_request_gets_503_and_retry_after() {
    let (limiter, _) = steady(1);
    let _permit = limiter.try_acquire().unwrap();

    let Ok(response) = guarded(&limiter).oneshot(request("/")).await;

    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_returns_within_seconds(&response);
}

#[tokio::test]
async fn a_rejected_request_gets_429_and_retry_after_by_choice() {
    let layer = AdmissionLayer::new(Steady::new(1)).respond_too_many_requests();
    let _permit = layer.limiter().try_acquire().unwrap();
    let app = router(Arc::default()).layer(layer);

    let Ok(response) = app.oneshot(request("/")).await;

    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_returns_within_seconds(&response);
}

#[tokio::test]
async fn with_429_responses_count_by_their_status_too() {
    let (limiter, samples) = steady(1);
    let layer = AdmissionLayer::with_limiter(limiter).respond_too_many_requests();
    let app = router(Arc::default()).layer(layer);

    status(&app, "/missing").await;
    status(&app, "/broken").await;

    assert_eq!(samples.outcomes(), [Outcome::Overload]);
}

#[tokio::test]
async fn a_rejection_is_not_learned_as_overload() {
    let (limiter, samples) = steady(1);
    let _permit = limiter.try_acquire().unwrap();

    status(&guarded(&limiter), "/").await;

    assert_eq!(samples.all(), []);
    assert_eq!(limiter.snapshot().rejected, 1);
}

#[tokio::test]
async fn the_routes_of_a_router_share_one_limit() {
    let open = Arc::new(Notify::new());
    let layer = AdmissionLayer::new(Steady::new(1)).respond_unavailable();
    let limiter = layer.limiter().clone();
    let app = router(open.clone()).layer(layer);
    let held = tokio::spawn(app.clone().oneshot(request("/held")));
    while limiter.in_flight() == 0 {
        tokio::task::yield_now().await;
    }

    for path in ["/", "/missing", "/broken"] {
        let rejected = StatusCode::SERVICE_UNAVAILABLE;
        assert_eq!(status(&app, path).await, rejected, "{path}");
    }

    open.notify_one();
    assert_eq!(held.await.unwrap().unwrap().status(), StatusCode::OK);
    assert_eq!(status(&app, "/").await, StatusCode::OK);
}

#[tokio::test]
async fn one_layer_value_on_two_routers_is_one_limit() {
    let layer = AdmissionLayer::new(Steady::new(1)).respond_unavailable();
    let open = Arc::new(Notify::new());
    let first = router(open).layer(layer.clone());
    let second = router(Arc::default()).layer(layer.clone());
    let _held = tokio::spawn(first.oneshot(request("/held")));
    while layer.limiter().in_flight() == 0 {
        tokio::task::yield_now().await;
    }

    assert_eq!(status(&second, "/").await, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn building_and_cloning_a_router_registers_nothing() {
    let (limiter, _) = steady(1);
    let before = limiter.snapshot();

    let routers: Vec<_> = (0..10).map(|_| guarded(&limiter).clone()).collect();

    assert_eq!(limiter.snapshot(), before);
    drop(routers);
    assert_eq!(limiter.snapshot(), before);
}

#[tokio::test]
async fn client_errors_teach_nothing() {
    let (limiter, samples) = steady(1);

    assert_eq!(
        status(&guarded(&limiter), "/missing").await,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        status(&guarded(&limiter), "/no-such-route").await,
        StatusCode::NOT_FOUND
    );

    assert_eq!(samples.all(), []);
    assert_eq!(limiter.snapshot().ignored, 2);
}

#[tokio::test]
async fn server_errors_and_429_are_overload() {
    let (limiter, samples) = steady(1);

    status(&guarded(&limiter), "/broken").await;
    status(&guarded(&limiter), "/busy").await;

    assert_eq!(samples.outcomes(), [Outcome::Overload; 2]);
}

#[tokio::test]
async fn a_classifier_set_after_the_responder_replaces_that_of_the_status() {
    let (limiter, samples) = steady(1);
    let layer = AdmissionLayer::with_limiter(limiter)
        .respond_unavailable()
        .classifier(|_: &Result<Response, Infallible>| Some(Outcome::Success));
    let app = router(Arc::default()).layer(layer);

    status(&app, "/broken").await;

    assert_eq!(samples.outcomes(), [Outcome::Success]);
}

#[tokio::test]
async fn a_bypassed_path_answers_at_the_limit_and_teaches_nothing() {
    let (limiter, samples) = steady(1);
    let layer = AdmissionLayer::with_limiter(limiter.clone())
        .respond_unavailable()
        .bypass(|request: &Request| request.uri().path() == "/health");
    let app = router(Arc::default()).layer(layer);
    let _permit = limiter.try_acquire().unwrap();

    assert_eq!(status(&app, "/health").await, StatusCode::OK);
    assert_eq!(status(&app, "/").await, StatusCode::SERVICE_UNAVAILABLE);

    assert_eq!(samples.all(), []);
}

#[tokio::test]
async fn on_reject_builds_on_the_ready_made_response() {
    let layer = AdmissionLayer::new(Steady::new(1)).on_reject(|request: Request, rejected| {
        let mut response: Response = unavailable(&rejected);
        let path = HeaderValue::from_str(request.uri().path()).unwrap();
        response.headers_mut().insert("x-shed", path);
        response
    });
    let _permit = layer.limiter().try_acquire().unwrap();
    let app = router(Arc::default()).layer(layer);

    let Ok(response) = app.oneshot(request("/held")).await;

    assert_eq!(response.headers()["x-shed"], "/held");
}

#[tokio::test]
async fn in_the_classic_form_a_handle_error_layer_answers() {
    let layer = AdmissionLayer::new(Steady::new(1));
    let _permit = layer.limiter().try_acquire().unwrap();
    let stack = ServiceBuilder::new()
        .layer(HandleErrorLayer::new(async |error: BoxError| {
            let error = error.downcast::<AdmissionError<Infallible>>();
            (StatusCode::IM_A_TEAPOT, error.unwrap().to_string())
        }))
        .map_err(BoxError::from)
        .layer(layer);
    let app = router(Arc::default()).layer(stack);

    assert_eq!(status(&app, "/").await, StatusCode::IM_A_TEAPOT);
}

#[tokio::test]
async fn an_admission_error_is_a_response_in_a_handle_error_layer() {
    let layer = AdmissionLayer::new(Steady::new(1));
    let _permit = layer.limiter().try_acquire().unwrap();
    let stack = ServiceBuilder::new()
        .layer(HandleErrorLayer::new(
            async |error: AdmissionError<Infallible>| error,
        ))
        .layer(layer);
    let app = router(Arc::default()).layer(stack);

    assert_eq!(status(&app, "/").await, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn a_rejection_is_a_503_response() {
    let layer = AdmissionLayer::new(Steady::new(1))
        .on_reject(|_: Request, rejected: Rejected| rejected.into_response());
    let _permit = layer.limiter().try_acquire().unwrap();
    let app = router(Arc::default()).layer(layer);

    let Ok(response) = app.oneshot(request("/")).await;

    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_returns_within_seconds(&response);
}

#[tokio::test]
async fn the_ready_made_response_has_the_body_type_of_the_service() {
    /// As compression's and tonic's: anything with a `Default`.
    #[derive(Debug, Default, PartialEq)]
    struct Compressed(Vec<u8>);

    let layer = AdmissionLayer::new(Steady::new(1)).respond_unavailable();
    let _permit = layer.limiter().try_acquire().unwrap();
    let service = layer.layer(service_fn(async |_: http::Request<String>| {
        Ok::<_, Infallible>(http::Response::new(Compressed(vec![1])))
    }));

    let Ok(response) = service.oneshot(http::Request::new(String::new())).await;

    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.into_body(), Compressed::default());
}

#[tokio::test]
async fn a_handler_whose_client_is_gone_counts_as_canceled() {
    let (limiter, samples) = steady(1);
    let mut response = Box::pin(guarded(&limiter).oneshot(request("/held")));
    assert!(poll(&mut response, Waker::noop()).is_pending());

    drop(response);

    assert_eq!(samples.outcomes(), [Outcome::Canceled]);
    assert_eq!(limiter.in_flight(), 0);
}

// Over a socket.

/// Serves a router on a free port of the loopback.
async fn serve(app: Router) -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, app).await });
    Ok(address)
}

/// Gets a page over a connection of its own, and returns all that came.
async fn fetch(address: SocketAddr, path: &str) -> Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut response = String::new();
    stream.read_to_string(&mut response).await?;
    Ok(response)
}

#[tokio::test]
async fn over_a_socket_a_rejection_is_503_with_retry_after() -> Result {
    let (limiter, _) = steady(1);
    let _permit = limiter.try_acquire().unwrap();
    let address = serve(guarded(&limiter)).await?;

    let response = fetch(address, "/").await?;

    assert!(response.starts_with("HTTP/1.1 503 "), "{response}");
    let (_, retry_after) = response.split_once("\r\nretry-after: ").unwrap();
    assert!(retry_after.starts_with(['1', '2', '3']), "{response}");
    Ok(())
}

#[tokio::test]
async fn connections_share_one_limit() -> Result {
    let open = Arc::new(Notify::new());
    let layer = AdmissionLayer::new(Steady::new(3)).respond_unavailable();
    let limiter = layer.limiter().clone();
    let address = serve(router(open.clone()).layer(layer)).await?;
    let held: Vec<_> = (0..3)
        .map(|_| tokio::spawn(async move { fetch(address, "/held").await.unwrap() }))
        .collect();
    while limiter.in_flight() < 3 {
        tokio::task::yield_now().await;
    }

    let rejected = fetch(address, "/").await?;
    open.notify_waiters();
    for response in held {
        assert!(response.await?.ends_with("held"));
    }
    let admitted = fetch(address, "/").await?;

    assert!(rejected.starts_with("HTTP/1.1 503 "), "{rejected}");
    assert!(admitted.starts_with("HTTP/1.1 200 "), "{admitted}");
    assert_eq!(limiter.in_flight(), 0);
    Ok(())
}

#[tokio::test]
async fn a_connection_closed_early_gives_its_permit_back() -> Result {
    let (limiter, samples) = steady(1);
    let address = serve(guarded(&limiter)).await?;
    let mut stream = TcpStream::connect(address).await?;
    stream
        .write_all(b"GET /held HTTP/1.1\r\nhost: test\r\n\r\n")
        .await?;
    while limiter.in_flight() == 0 {
        tokio::task::yield_now().await;
    }

    drop(stream);
    while limiter.in_flight() > 0 {
        tokio::task::yield_now().await;
    }

    assert_eq!(samples.outcomes(), [Outcome::Canceled]);
    Ok(())
}

/// A server with one permit, which is out, and a queue.
async fn queueing(queue: Queue) -> Result<(SocketAddr, Limiter, Permit)> {
    let layer = AdmissionLayer::new(Steady::new(1))
        .queue(queue.max_wait(Duration::from_secs(30)))
        .priority(|request: &Request| match request.uri().path() {
            "/" => Priority::Critical,
            _ => Priority::Sheddable,
        })
        .respond_unavailable();
    let limiter = layer.limiter().clone();
    let permit = limiter.try_acquire().unwrap();
    let address = serve(router(Arc::default()).layer(layer)).await?;
    Ok((address, limiter, permit))
}

async fn until(holds: impl Fn() -> bool) {
    while !holds() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn over_a_socket_a_client_that_hangs_up_leaves_the_queue() -> Result {
    let (address, limiter, permit) = queueing(Queue::bounded(1)).await?;
    let mut stream = TcpStream::connect(address).await?;
    stream
        .write_all(b"GET / HTTP/1.1\r\nhost: test\r\n\r\n")
        .await?;
    until(|| limiter.waiting() == 1).await;

    drop(stream);

    until(|| limiter.waiting() == 0).await;
    assert_eq!(limiter.snapshot().abandoned, 1);
    let next = tokio::spawn(async move { fetch(address, "/").await.unwrap() });
    until(|| limiter.waiting() == 1).await;
    permit.release();
    assert!(next.await?.ends_with("hello"));
    Ok(())
}

#[tokio::test]
async fn over_a_socket_a_critical_request_takes_the_place_of_a_sheddable_one() -> Result {
    let (address, limiter, permit) = queueing(Queue::bounded(1)).await?;
    let sheddable = tokio::spawn(async move { fetch(address, "/health").await.unwrap() });
    until(|| limiter.waiting() == 1).await;

    let critical = tokio::spawn(async move { fetch(address, "/").await.unwrap() });

    let evicted = sheddable.await?;
    assert!(evicted.starts_with("HTTP/1.1 503 "), "{evicted}");
    assert_eq!(limiter.snapshot().rejected_by.get(Reason::Evicted), 1);
    permit.release();
    assert!(critical.await?.ends_with("hello"));
    Ok(())
}

/// A download of two parts, of a length that is announced; the second is held until `Notify` lets
/// go.
fn downloads(open: Arc<Notify>, limiter: &Limiter) -> Router {
    let download = move || async move {
        let parts = stream::unfold(0, move |part| {
            let open = open.clone();
            async move {
                if part == 1 {
                    open.notified().await;
                }
                // It does not end by itself: nobody asks for more than was announced.
                Some((Ok::<_, Infallible>(Bytes::from_static(b"part")), part + 1))
            }
        });
        ([(header::CONTENT_LENGTH, "8")], Body::from_stream(parts))
    };
    Router::new().route("/", get(download)).layer(
        AdmissionLayer::with_limiter(limiter.clone())
            .respond_unavailable()
            .streaming(Streaming::new()),
    )
}

#[tokio::test]
async fn over_a_socket_a_download_holds_its_permit_until_it_is_sent() -> Result {
    let (limiter, samples) = steady(1);
    let open = Arc::new(Notify::new());
    let address = serve(downloads(open.clone(), &limiter)).await?;
    let mut stream = TcpStream::connect(address).await?;
    stream
        .write_all(b"GET / HTTP/1.1\r\nhost: test\r\n\r\n")
        .await?;
    let mut start = [0; 1024];
    let mut read = 0;
    while !start[..read].ends_with(b"part") {
        read += stream.read(&mut start[read..]).await?;
    }
    assert_eq!(limiter.in_flight(), 1);
    let rejected = fetch(address, "/").await?;
    assert!(rejected.starts_with("HTTP/1.1 503 "), "{rejected}");

    open.notify_one();
    let mut rest = [0; 4];
    stream.read_exact(&mut rest).await?;
    while limiter.in_flight() > 0 {
        tokio::task::yield_now().await;
    }

    assert_eq!(samples.outcomes(), [Outcome::Success]);
    Ok(())
}

#[tokio::test]
async fn over_a_socket_a_download_that_is_broken_off_counts_as_canceled() -> Result {
    let (limiter, samples) = steady(1);
    let address = serve(downloads(Arc::default(), &limiter)).await?;
    let mut stream = TcpStream::connect(address).await?;
    stream
        .write_all(b"GET / HTTP/1.1\r\nhost: test\r\n\r\n")
        .await?;
    let _ = stream.read(&mut [0; 1024]).await?;

    drop(stream);
    while limiter.in_flight() > 0 {
        tokio::task::yield_now().await;
    }

    assert_eq!(samples.outcomes(), [Outcome::Canceled]);
    Ok(())
}

#[tokio::test]
async fn over_a_socket_the_body_that_head_does_not_want_teaches_nothing() -> Result {
    let (limiter, samples) = steady(1);
    let address = serve(downloads(Arc::default(), &limiter)).await?;
    let mut stream = TcpStream::connect(address).await?;
    let request = b"HEAD / HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n";

    stream.write_all(request).await?;
    let mut response = String::new();
    stream.read_to_string(&mut response).await?;

    assert!(response.starts_with("HTTP/1.1 200 "), "{response}");
    assert_eq!(limiter.in_flight(), 0);
    assert_eq!(samples.all(), []);
    Ok(())
}
