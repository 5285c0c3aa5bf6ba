//! Streams of snapshots, over real sockets.

use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tower_adaptive_control::Control;

use crate::asking::{limiter, mounted};

/// A visitor who listens.
struct Listener {
    stream: BufReader<TcpStream>,
    head: String,
}

impl Listener {
    async fn new(port: u16, name: &str) -> Self {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let head = format!(
            "GET /control/limiters/{name}/events HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut listener = Self {
            stream: BufReader::new(stream),
            head: String::new(),
        };
        loop {
            let line = listener.line().await;
            if line.trim().is_empty() {
                return listener;
            }
            listener.head.push_str(&line);
        }
    }

    async fn line(&mut self) -> String {
        let mut line = String::new();
        let read = self.stream.read_line(&mut line);
        timeout(PATIENCE, read).await.expect("it comes").unwrap();
        line
    }

    /// The next event: its name and its data.
    async fn event(&mut self) -> (String, Value) {
        let mut name = String::new();
        loop {
            let line = self.line().await;
            assert!(!line.is_empty(), "the connection has ended");
            if let Some(event) = line.strip_prefix("event: ") {
                name = event.trim().to_owned();
            }
            if let Some(data) = line.strip_prefix("data: ") {
                return (name, serde_json::from_str(data).unwrap());
            }
        }
    }
}

async fn serve(control: Control) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move { axum::serve(listener, mounted(control)).await });
    port
}

#[tokio::test]
async fn a_stream_has_the_state_at_once_and_whatever_changes_and_ends_with_its_limiter() {
    let limiter = limiter("streamed");
    let port = serve(Control::new()).await;
    let mut listener = Listener::new(port, "streamed").await;
    assert!(
        listener.head.starts_with("HTTP/1.1 200"),
        "{}",
        listener.head
    );
    assert!(
        listener.head.contains("content-type: text/event-stream"),
        "{}",
        listener.head
    );
    assert!(
        listener.head.contains("cache-control: no-store"),
        "{}",
        listener.head
    );
    assert!(
        listener.head.contains("x-accel-buffering: no"),
        "{}",
        listener.head
    );

    let (name, first) = listener.event().await;
    assert_eq!((name.as_str(), &first["limit"]), ("snapshot", &20.into()));
    limiter.set_bounds(1..=7).unwrap();
    let (_, second) = listener.event().await;
    assert_eq!(second["limit"], 7);
    drop(limiter);
    assert_eq!(listener.event().await.0, "gone");
    let rest = async { while listener.line().await != "0\r\n" {} };
    timeout(PATIENCE, rest).await.expect("the stream ends");
}

#[tokio::test]
async fn there_are_only_so_many_streams_and_who_leaves_makes_room() {
    let _limiter = limiter("bounded");
    let port = serve(Control::new().most_streams(1)).await;
    let mut first = Listener::new(port, "bounded").await;
    first.event().await;
    let second = Listener::new(port, "bounded").await;
    assert!(second.head.starts_with("HTTP/1.1 503"), "{}", second.head);
    assert!(second.head.contains("retry-after: 5"), "{}", second.head);

    drop(first);
    let retry = async {
        loop {
            let next = Listener::new(port, "bounded").await;
            if next.head.starts_with("HTTP/1.1 200") {
                return;
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, retry).await.expect("there is room again");
}

#[tokio::test(start_paused = true)]
async fn a_stream_in_which_nothing_happens_is_kept_alive() {
    use axum::body::Body;
    use axum::http::Request;
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    let _limiter = limiter("silent");
    let request = Request::get("/control/limiters/silent/events").header("host", "localhost");
    let request = request.body(Body::empty()).unwrap();
    let answer = mounted(Control::new()).oneshot(request).await.unwrap();
    let mut body = answer.into_body();
    let mut next = async || body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert!(next().await.starts_with(b"event: snapshot"));
    let begun = tokio::time::Instant::now();
    assert_eq!(next().await.as_ref(), b":\n\n");
    assert_eq!(begun.elapsed().as_secs(), 15);
}

const PATIENCE: Duration = Duration::from_secs(30);
