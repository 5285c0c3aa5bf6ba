//! A service that does as its callers say, and servers that serve it.

use std::convert::Infallible;
use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use http::{Request, Response};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time;
use tonic::body::Body;
use tonic::codegen::{Body as HttpBody, BoxStream, Bytes};
use tonic::service::Routes;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Status, Streaming};
use tower::{BoxError, Layer, Service};
use tower_adaptive::Limiter;

use crate::pb::Words;
use crate::pb::echo_client::EchoClient;
use crate::pb::echo_server::{Echo, EchoServer};
use crate::pb::health_server::{Health, HealthServer};

pub(crate) type Result<T = (), E = Box<dyn Error>> = std::result::Result<T, E>;

/// What it is told decides: `fail 14` fails with that status, `hold` waits until it is let go, and
/// all else is said back. A stream says one word first, and then does so.
#[derive(Clone, Debug)]
pub(crate) struct Parrot {
    calls: Arc<AtomicUsize>,
    /// One permit for each call that is let go.
    open: Arc<Semaphore>,
    /// One permit for each call that has begun to hold.
    held: Arc<Semaphore>,
}

impl Parrot {
    pub(crate) fn new() -> Self {
        Self {
            calls: Arc::default(),
            open: Arc::new(Semaphore::new(0)),
            held: Arc::new(Semaphore::new(0)),
        }
    }

    /// How many calls have reached it.
    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    /// Lets go of one call that holds, or is going to.
    pub(crate) fn let_go(&self) {
        self.open.add_permits(1);
    }

    /// Waits until one more call holds.
    pub(crate) async fn holds(&self) {
        self.held.acquire().await.unwrap().forget();
    }

    async fn say_back(self, words: Words) -> Result<Words, Status> {
        if words.text == "hold" {
            self.held.add_permits(1);
            self.open.acquire().await.unwrap().forget();
        } else if let Some(code) = words.text.strip_prefix("fail ") {
            let code: i32 = code.parse().unwrap();
            return Err(Status::new(code.into(), "as told"));
        }
        Ok(words)
    }

    fn count(&self) {
        self.calls.fetch_add(1, Ordering::SeqCst);
    }
}

type Answer<T> = Result<tonic::Response<T>, Status>;

#[tonic::async_trait]
impl Echo for Parrot {
    async fn say(&self, request: tonic::Request<Words>) -> Answer<Words> {
        self.count();
        let said = self.clone().say_back(request.into_inner()).await?;
        Ok(tonic::Response::new(said))
    }

    async fn repeat(&self, request: tonic::Request<Words>) -> Answer<BoxStream<Words>> {
        self.count();
        let first = stream::iter([Ok(words("first"))]);
        let rest = stream::once(self.clone().say_back(request.into_inner()));
        Ok(tonic::Response::new(first.chain(rest).boxed()))
    }

    async fn chat(&self, request: tonic::Request<Streaming<Words>>) -> Answer<BoxStream<Words>> {
        self.count();
        let parrot = self.clone();
        let answers = request.into_inner().then(move |heard| {
            let parrot = parrot.clone();
            async move { parrot.say_back(heard?).await }
        });
        Ok(tonic::Response::new(answers.boxed()))
    }
}

#[tonic::async_trait]
impl Health for Parrot {
    async fn check(&self, request: tonic::Request<Words>) -> Answer<Words> {
        Ok(tonic::Response::new(request.into_inner()))
    }
}

pub(crate) fn words(text: impl Into<String>) -> Words {
    Words { text: text.into() }
}

/// Serves the parrot behind a layer, on a free port of the loopback.
pub(crate) async fn serve<L, B>(parrot: &Parrot, layer: L) -> Result<SocketAddr>
where
    L: Layer<Routes> + Clone + Send + 'static,
    L::Service:
        Service<Request<Body>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
    <L::Service as Service<Request<Body>>>::Future: Send + 'static,
    B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let serving = Server::builder()
        .layer(layer)
        .add_service(EchoServer::new(parrot.clone()))
        .add_service(HealthServer::new(parrot.clone()))
        .serve_with_incoming(TcpIncoming::from(listener));
    tokio::spawn(serving);
    Ok(address)
}

/// Waits until the server is done with every call.
pub(crate) async fn until_idle(limiter: &Limiter) {
    while limiter.in_flight() > 0 {
        tokio::task::yield_now().await;
    }
}

/// Lets time pass at once. The clock stands still only while nothing else is awaited: a paused one
/// would run ahead while a socket is waited for.
pub(crate) async fn pass(duration: Duration) {
    time::pause();
    time::advance(duration).await;
    time::resume();
}

pub(crate) async fn connect(address: SocketAddr) -> Result<Channel> {
    Ok(Endpoint::from_shared(format!("http://{address}"))?
        .connect()
        .await?)
}

/// Serves the parrot behind a layer, and connects to it.
pub(crate) async fn client<L, B>(parrot: &Parrot, layer: L) -> Result<EchoClient<Channel>>
where
    L: Layer<Routes> + Clone + Send + 'static,
    L::Service:
        Service<Request<Body>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
    <L::Service as Service<Request<Body>>>::Future: Send + 'static,
    B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    Ok(EchoClient::new(connect(serve(parrot, layer).await?).await?))
}
