//! A tonic server that finds its own concurrency limit, under more clients than it can serve.
//!
//! Run: `cargo run --release --example tonic`

use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Request, Response, Status};
use tower_adaptive::{AdmissionLayer, Fathom};

use pb::Words;
use pb::echo_client::EchoClient;
use pb::echo_server::{Echo, EchoServer};

#[allow(warnings)]
#[rustfmt::skip]
#[path = "../tests/grpc/pb.rs"]
mod pb;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let admission = AdmissionLayer::new(Fathom::default()).respond_grpc();
    let limiter = admission.limiter().clone();

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let endpoint = Endpoint::from_shared(format!("http://{}", listener.local_addr()?))?;
    let server = Server::builder()
        .layer(admission)
        .add_service(EchoServer::new(Slow(Semaphore::new(8))));
    tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));

    let channel = endpoint.connect().await?;
    let clients: JoinSet<_> = (0..100).map(|_| client(channel.clone())).collect();
    let served: u32 = clients.join_all().await.into_iter().sum();

    let now = limiter.snapshot();
    println!(
        "{served} calls served, with room for 800; {} rejected",
        now.rejected
    );
    println!("limit {}, RTT {:?}", now.limit, now.smoothed_rtt);
    Ok(())
}

/// A service with room for eight calls of 20 ms: the ninth waits, and so do all after it.
struct Slow(Semaphore);

#[tonic::async_trait]
impl Echo for Slow {
    async fn say(&self, request: Request<Words>) -> Result<Response<Words>, Status> {
        let _room = self.0.acquire().await.unwrap();
        sleep(Duration::from_millis(20)).await;
        Ok(Response::new(request.into_inner()))
    }
}

/// Calls for two seconds, and if rejected returns when it is told to. Counts what was served.
async fn client(channel: Channel) -> u32 {
    let mut echo = EchoClient::new(channel);
    let (start, mut served) = (Instant::now(), 0);
    while start.elapsed() < Duration::from_secs(2) {
        match echo.say(Words::default()).await {
            Ok(_) => served += 1,
            Err(status) => sleep(pushback(&status)).await,
        }
    }
    served
}

fn pushback(status: &Status) -> Duration {
    let metadata = status.metadata().get("grpc-retry-pushback-ms");
    let ms = metadata.and_then(|value| value.to_str().ok()?.parse().ok());
    Duration::from_millis(ms.unwrap_or(100))
}
