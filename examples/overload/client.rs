//! The clients: HTTP/1.1 requests at the instants that the traffic says, whatever comes back.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::HOST;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::traffic::{Arrival, CLIENT_TIMEOUT, Traffic};

/// What became of one request.
#[derive(Clone, Copy, Debug)]
pub struct Answer {
    /// When it was due, since the start of the row.
    pub at: Duration,
    /// How much later than that it was handed to a connection. `None`: never, for want of one.
    pub lateness: Option<Duration>,
    /// From the instant it was due, so that a late start hides nothing.
    pub latency: Duration,
    pub fate: Fate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Served,
    Rejected,
    TimedOut,
    Failed,
}

/// Sends every request when it is due, and returns when each has its answer.
pub async fn send(traffic: &Traffic, address: SocketAddr, start: Instant) -> Vec<Answer> {
    let connections = Arc::new(Connections {
        address,
        idle: Mutex::default(),
    });
    let mut requests = JoinSet::new();
    for &arrival in &traffic.arrivals {
        let due = start + arrival.at;
        if Instant::now() < due {
            sleep_until(due).await;
        }
        requests.spawn(request(connections.clone(), arrival, due));
    }
    requests.join_all().await
}

async fn request(connections: Arc<Connections>, arrival: Arrival, due: Instant) -> Answer {
    let mut sent = None;
    let exchange = connections.exchange(arrival.service, &mut sent);
    let status = timeout_at(due + CLIENT_TIMEOUT, exchange).await;
    let latency = due.elapsed();
    let fate = match status {
        _ if latency > CLIENT_TIMEOUT => Fate::TimedOut,
        Ok(Ok(StatusCode::OK)) => Fate::Served,
        Ok(Ok(StatusCode::SERVICE_UNAVAILABLE)) => Fate::Rejected,
        Ok(_) => Fate::Failed,
        Err(_) => Fate::TimedOut,
    };
    Answer {
        at: arrival.at,
        lateness: sent.map(|sent| sent - due),
        latency,
        fate,
    }
}

/// Open connections, the one used last on top.
#[derive(Debug)]
struct Connections {
    address: SocketAddr,
    idle: Mutex<Vec<Connection>>,
}

type Connection = SendRequest<Empty<Bytes>>;

impl Connections {
    /// Sends one request. Dropped before the end, it closes its connection, as any client does.
    async fn exchange(
        &self,
        service: Duration,
        sent: &mut Option<Instant>,
    ) -> Result<StatusCode, Box<dyn Error + Send + Sync>> {
        let mut connection = match self.take_idle().await {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        let request = Request::get(format!("/{}", service.as_micros()))
            .header(HOST, "overload")
            .body(Empty::new())?;
        *sent = Some(Instant::now());
        let response = connection.send_request(request).await?;
        let status = response.status();
        response.into_body().collect().await?;
        self.idle().push(connection);
        Ok(status)
    }

    async fn take_idle(&self) -> Option<Connection> {
        loop {
            let mut connection = self.idle().pop()?;
            if connection.ready().await.is_ok() {
                return Some(connection);
            }
        }
    }

    async fn connect(&self) -> Result<Connection, Box<dyn Error + Send + Sync>> {
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        // Thousands of clients give up in one row: without this each would hold a port for a minute.
        stream.set_zero_linger()?;
        let (connection, driver) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(driver);
        Ok(connection)
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
