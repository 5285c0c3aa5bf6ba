//! The server of the page: what it serves, what it refuses, and what it survives.

mod client;
mod files;
mod process;
mod refusals;
mod runs;
mod travels;
mod visitors;

use client::{Page, Server};
use serde_json::{Value, json};

/// A session that is quickly simulated.
pub(crate) fn session() -> Value {
    json!({
        "seed": 7,
        "run": {
            "length": "3s",
            "start": { "rate": 2000, "deadline": "300ms", "retries": 1 },
            "events": [{ "at": "1s", "set": { "servers": 8 } }],
        },
        "lanes": [
            { "client": { "name": "vegas" } },
            { "client": { "name": "aimd", "min_limit": 2 }, "plant": { "name": "gradient2" } },
        ],
        "swaps": [{ "at": "2s", "lane": 0, "side": "client", "algorithm": { "name": "fixed", "limit": 9 } }],
    })
}

pub(crate) fn ten_thousand_events() -> Value {
    let mut session = session();
    session["run"]["events"] = (0..10_000).map(|_| json!({ "at": "1s" })).collect();
    session
}

/// Joins what came of a column of a lane.
pub(crate) fn column(messages: &[Value], lane: usize, name: &str) -> Vec<Value> {
    let ticks = messages.iter().filter(|message| message["is"] == "ticks");
    ticks
        .flat_map(|ticks| ticks["lanes"][lane][name].as_array().unwrap().clone())
        .collect()
}

pub(crate) async fn started(server: &Server, session: &Value) -> Page {
    let mut page = server.page().await;
    page.send(json!({ "do": "start", "session": session }))
        .await;
    page.wait_for("started").await;
    page
}
