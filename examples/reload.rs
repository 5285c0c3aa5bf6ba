//! A limiter that follows its configuration file while requests come, and loses none of them.
//!
//! Run: `cargo run --example reload`. The environment goes before the file:
//! `LIMITER_QUEUE__CAPACITY=500 cargo run --example reload`

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{env, fs, process};

use figment::Figment;
use figment::providers::{Env, Format, Toml};
use tokio::time::{Instant, interval, sleep};
use tower::{ServiceBuilder, ServiceExt, service_fn};
use tower_adaptive::{AdmissionLayer, Limiter, LimiterConfig};

/// A queue that is patient: for these clients, late is better than never.
const QUEUE: &str = "queue = { capacity = 200, max_wait = '30s', target = '5s', interval = '30s' }";

/// What somebody writes into the file, one after the other. One of them is a mistake.
const VERSIONS: [&str; 5] = [
    "name = 'jobs'",
    "bounds = { min = 1, max = 4 }",
    "bounds = { min = 10, max = 5 }",
    "algorithm = { name = 'vegas', initial_limit = 30 }",
    "observe_only = true",
];

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let file = env::temp_dir().join(format!("tower-adaptive-reload-{}.toml", process::id()));
    write(&file, VERSIONS[0])?;
    let limiter = read(&file)?.try_build()?;
    let service = ServiceBuilder::new()
        .layer(AdmissionLayer::with_limiter(limiter.clone()))
        .service(service_fn(async |request: u32| {
            sleep(Duration::from_millis(5)).await;
            Ok::<_, std::convert::Infallible>(request)
        }));

    let follower = tokio::spawn(follow(file.clone(), limiter.clone()));
    let end = Instant::now() + Duration::from_secs(5);
    let clients = (0..64).map(|client| {
        let service = service.clone();
        tokio::spawn(async move {
            let (mut sent, mut lost) = (0, 0);
            while Instant::now() < end {
                sent += 1;
                lost += u32::from(service.clone().oneshot(client).await.is_err());
            }
            (sent, lost)
        })
    });
    let clients: Vec<_> = clients.collect();
    for version in &VERSIONS[1..] {
        sleep(Duration::from_secs(1)).await;
        write(&file, version)?;
    }
    let (mut sent, mut lost) = (0, 0);
    for client in clients {
        let counts = client.await?;
        (sent, lost) = (sent + counts.0, lost + counts.1);
    }
    follower.abort();
    fs::remove_file(&file)?;
    println!("{sent} requests, {lost} lost");
    Ok(())
}

fn write(file: &Path, version: &str) -> std::io::Result<()> {
    fs::write(file, format!("{version}\n{QUEUE}\n"))
}

/// The file, and what the environment says otherwise.
fn read(file: &Path) -> Result<LimiterConfig, Box<figment::Error>> {
    let figment =
        Figment::from(Toml::file_exact(file)).merge(Env::prefixed("LIMITER_").split("__"));
    figment.extract().map_err(Box::new)
}

/// Applies the file whenever it has changed. What is wrong with it is said, and nothing changes.
async fn follow(file: PathBuf, limiter: Limiter) {
    let mut every = interval(Duration::from_millis(100));
    let mut seen = String::new();
    loop {
        every.tick().await;
        let Ok(text) = fs::read_to_string(&file) else {
            continue;
        };
        if text == seen {
            continue;
        }
        match read(&file).map(|config| limiter.apply(&config)) {
            Err(error) => println!("cannot be read: {error}"),
            Ok(Err(error)) => println!("refused: {error}"),
            Ok(Ok(())) => println!("applied: {}", text.lines().next().unwrap_or_default()),
        }
        println!("  limit {}, {} waiting", limiter.limit(), limiter.waiting());
        seen = text;
    }
}
