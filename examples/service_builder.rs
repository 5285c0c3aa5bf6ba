//! Back-pressure in a `ServiceBuilder` stack: `ready()` waits until there is a permit.
//!
//! Run: `cargo run --example service_builder`

use std::time::Duration;

use tower::{Service, ServiceBuilder, ServiceExt, service_fn};
use tower_adaptive::{Aimd, ConcurrencyLimitLayer, Limiter};

#[tokio::main]
async fn main() -> Result<(), tower::BoxError> {
    let aimd = Aimd::builder()
        .initial_limit(4)
        .min_limit(1)
        .max_limit(100)
        .timeout(Duration::from_millis(100))
        .try_build()?;
    let limiter = Limiter::new(aimd);

    // The timeout is inside: what it cuts off is an error that the limiter sees, and AIMD backs
    // off.
    let service = ServiceBuilder::new()
        .layer(ConcurrencyLimitLayer::with_limiter(limiter.clone()))
        .timeout(Duration::from_millis(200))
        .service(service_fn(slow_double));

    let requests = (0..200).map(|n| {
        let mut service = service.clone();
        tokio::spawn(async move { service.ready().await?.call(n).await })
    });
    let mut sum = 0;
    for request in requests.collect::<Vec<_>>() {
        sum += request.await??;
    }
    println!("sum {sum}, limit {}", limiter.limit());
    Ok(())
}

async fn slow_double(n: u64) -> Result<u64, tower::BoxError> {
    tokio::time::sleep(Duration::from_millis(10)).await;
    Ok(2 * n)
}
