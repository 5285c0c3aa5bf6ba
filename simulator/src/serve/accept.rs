use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time;

/// Serves `router` to all who connect: so many at a time, and each only as long as it gets on.
///
/// # Errors
///
/// If the listener fails for good.
pub(super) async fn accept(
    listener: TcpListener,
    router: Router,
    limits: Limits,
) -> io::Result<()> {
    let places = Arc::new(Semaphore::new(limits.connections));
    loop {
        // Nobody closes it. Who finds no place waits in the queue of the listener.
        let place = places.clone().acquire_owned().await;
        match listener.accept().await {
            Ok((stream, _)) => {
                let router = router.clone();
                tokio::spawn(async move {
                    // The page of a WebSocket has a place of its own: this one is free from then on.
                    let _place = place;
                    serve(stream, router, limits).await;
                });
            }
            Err(error) if is_of_one_connection(&error) => {}
            // Out of descriptors, as a rule: some will be free again.
            Err(_) => time::sleep(Duration::from_secs(1)).await,
        }
    }
}

/// What a connection may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// How many there may be at a time.
    pub(super) connections: usize,
    /// How long a head may take, the wait for the next one included.
    pub(super) head: Duration,
    /// How long it may last in all, unless it becomes a WebSocket.
    pub(super) whole: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 256,
            head: Duration::from_secs(10),
            whole: Duration::from_secs(300),
        }
    }
}

async fn serve(stream: TcpStream, router: Router, limits: Limits) {
    let _ = stream.set_nodelay(true);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
        .with_upgrades();
    // What ends a connection is of no interest.
    let _ = time::timeout(limits.whole, connection).await;
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted
    )
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn who_never_ends_a_head_does_not_keep_others_out() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let limits = Limits {
            connections: 2,
            head: Duration::from_millis(50),
            ..Limits::default()
        };
        let router = Router::new().route("/", get(|| async { "here" }));
        tokio::spawn(accept(listener, router, limits));
        let mut slow = Vec::new();
        for _ in 0..4 {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(b"GET / HTTP/1.1\r\nho").await.unwrap();
            slow.push(stream);
        }
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
        stream.write_all(request).await.unwrap();
        let mut answer = String::new();
        let read = time::timeout(Duration::from_secs(60), stream.read_to_string(&mut answer));
        read.await.expect("an answer").unwrap();
        assert!(answer.ends_with("here"), "{answer}");
        for mut stream in slow {
            let mut rest = Vec::new();
            let closed = time::timeout(Duration::from_secs(60), stream.read_to_end(&mut rest));
            closed.await.expect("it is closed").unwrap();
        }
    }
}
