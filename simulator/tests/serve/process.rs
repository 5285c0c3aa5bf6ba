//! The server as a program: how it begins and how it ends.

use std::process::Stdio;
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time;

use crate::client::Server;
use crate::started;

fn program(port: u16) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tower-adaptive-sim"));
    command.args(["serve", "--port", &port.to_string()]);
    command.kill_on_drop(true);
    command
}

async fn running() -> (Child, Server) {
    let mut child = program(0).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = lines.next_line().await.unwrap().expect("its address");
    let host = line.strip_prefix("http://").unwrap().to_owned();
    (child, Server { host })
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn an_interruption_ends_it_though_it_looks_for_limits() {
    let (mut child, server) = running().await;
    let mut session = crate::session();
    session["run"]["start"] = json!({ "rate": 1e6, "servers": 100_000, "retries": 3 });
    let _page = started(&server, &session).await;
    // By now it is looking.
    time::sleep(Duration::from_millis(800)).await;
    let id = child.id().unwrap().to_string();
    let sent = Command::new("kill").args(["-INT", &id]).status().await;
    assert!(sent.unwrap().success());
    let ended = time::timeout(Duration::from_secs(2), child.wait()).await;
    assert!(ended.expect("it ends").unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_in_use_is_named_with_the_option_that_takes_another() {
    let server = Server::start().await;
    let port = server.host.rsplit(':').next().unwrap().parse().unwrap();
    let output = program(port).output().await.unwrap();
    assert_eq!(output.status.code(), Some(2));
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(
        message.starts_with(&format!("error: cannot serve on {}: ", server.host)),
        "{message}"
    );
    assert!(message.contains("--port"), "{message}");
}
