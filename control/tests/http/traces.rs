//! What is written down of a change.

use std::fmt;
use std::sync::{Arc, Mutex};

use axum::http::StatusCode;
use serde_json::{Value, json};
use tower_adaptive_control::Control;
use tracing_core::field::{Field, Visit};
use tracing_core::{Event, Metadata, Subscriber, span};

use crate::asking::{Ask, TOKEN, limiter, mounted};

/// Keeps what is said of changes, field by field.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<Value>>>);

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "tower_adaptive_control::change"
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields(json!({ "level": event.metadata().level().as_str() }));
        event.record(&mut fields);
        self.0.lock().unwrap().push(fields.0);
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

struct Fields(Value);

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0[field.name()] = value.into();
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0[field.name()] = format!("{value:?}").into();
    }
}

#[tokio::test]
async fn every_accepted_change_is_told_with_who_before_and_after() {
    let log = Log::default();
    let _guard = tracing_core::dispatcher::set_default(&log.clone().into());
    let _limiter = limiter("traced");
    let control = Control::new()
        .write_token(TOKEN)
        .actor_header("X-Forwarded-User");
    let router = mounted(control);
    let ask = |change: Value| Ask::patch("/control/limiters/traced", change);

    let refused = ask(json!({ "paused": 1 }))
        .with("x-forwarded-user", "ada")
        .of(&router)
        .await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(log.0.lock().unwrap().len(), 0);
    ask(json!({ "bounds": { "max": 50 } }))
        .with("x-forwarded-user", "ada")
        .of(&router)
        .await;
    ask(json!({ "paused": true })).of(&router).await;

    let log = log.0.lock().unwrap();
    assert_eq!(log.len(), 2);
    let read = |value: &Value| serde_json::from_str::<Value>(value.as_str().unwrap()).unwrap();
    assert_eq!(log[0]["level"], "INFO");
    assert_eq!(log[0]["limiter"], "traced");
    assert_eq!(log[0]["actor"], "ada");
    assert_eq!(read(&log[0]["before"]).get("bounds"), None);
    assert_eq!(
        read(&log[0]["after"])["bounds"],
        json!({ "min": 5, "max": 50 })
    );
    assert_eq!(log[1]["actor"], "unknown");
    assert_eq!(read(&log[1]["before"])["paused"], false);
    assert_eq!(read(&log[1]["after"])["paused"], true);
    assert!(!log.iter().any(|one| one.to_string().contains(TOKEN)));
}
