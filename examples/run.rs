//! A limit without any `Service`: futures, and permits by hand.
//!
//! Run: `cargo run --example run`

use std::time::Duration;

use tower_adaptive::{Fathom, Limiter, Outcome};

#[tokio::main]
async fn main() {
    let limiter = Limiter::builder(Fathom::default())
        .name("thumbnails")
        .build();

    // A future: waits for a permit, runs, and reports what became of it.
    let jobs = (0..100).map(|n| {
        let limiter = limiter.clone();
        tokio::spawn(async move { limiter.run(thumbnail(n)).await })
    });
    let mut failed = 0;
    for job in jobs.collect::<Vec<_>>() {
        failed += usize::from(job.await.expect("no panic").is_err());
    }
    println!("{failed} of 100 failed");

    // A permit, where there is no one future to wrap.
    let permit = limiter.acquire().await.unwrap();
    tokio::time::sleep(Duration::from_millis(3)).await;
    permit.complete(Outcome::Success);

    // Or not at all, rather than later.
    match limiter.try_acquire() {
        Some(permit) => permit.release(),
        None => println!("too busy"),
    }
    println!("{:#?}", limiter.snapshot());
}

async fn thumbnail(n: u32) -> Result<(), &'static str> {
    tokio::time::sleep(Duration::from_millis(5)).await;
    if n % 50 == 49 {
        Err("disk full")
    } else {
        Ok(())
    }
}
