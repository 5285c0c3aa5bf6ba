use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequest, Path, Request, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::Response;
use serde_json::Value;
use tokio::time::timeout;
use tower_adaptive::{InvalidOption, Limiter};

use crate::merge::merge_config;
use crate::problem::read;
use crate::refusal::{Problem, Refusal};
use crate::router::{Server, find};
use crate::visitor::is_own_page;
use crate::{json, view};

/// Changes a limiter, if the visitor may and all he says is valid.
///
/// Who comes from elsewhere learns nothing, not even whether a token is set; and nobody's body is
/// read before he has shown the token.
pub(crate) async fn change(
    State(server): State<Server>,
    name: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Refusal> {
    if !is_own_page(request.uri(), request.headers()) {
        return Err(Refusal::OtherSite);
    }
    let headers = request.headers().clone();
    authorize(&server, &headers)?;
    if !is_json(&headers) {
        return Err(Refusal::NoJsonType);
    }
    let patch = patch(request).await?;
    let (name, limiter) = find(name)?;
    let actor = actor(server.actor_header.as_ref(), &headers);
    apply(&name, &limiter, &patch, &headers, &actor)?;
    Ok(view::limiter(&name, &limiter))
}

fn authorize(server: &Server, headers: &HeaderMap) -> Result<(), Refusal> {
    let token = server.token.as_ref().ok_or(Refusal::ReadOnly)?;
    let given = headers.get(header::AUTHORIZATION).ok_or(Refusal::NoToken)?;
    let given = given.as_bytes();
    match given.split_first_chunk::<7>() {
        Some((scheme, given)) if scheme.eq_ignore_ascii_case(b"bearer ") => {
            match token.is(given.trim_ascii()) {
                true => Ok(()),
                false => Err(Refusal::WrongToken),
            }
        }
        _ => Err(Refusal::NoToken),
    }
}

/// A form of another site cannot have these types without asking first.
fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/json")
        || kind.eq_ignore_ascii_case("application/merge-patch+json")
}

async fn patch(request: Request) -> Result<Value, Refusal> {
    let body = timeout(PATIENCE, Bytes::from_request(request, &())).await;
    let body = body.map_err(|_| Refusal::TooSlow)?;
    let body = body.map_err(|error| match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Refusal::TooLarge,
        _ => Refusal::NoBody,
    })?;
    serde_json::from_slice(&body).map_err(|error| Refusal::NoJson(error.to_string()))
}

/// Returns who asks for a change, as the header says: nothing that could pass for more than a name.
fn actor(name: Option<&HeaderName>, headers: &HeaderMap) -> String {
    let Some(value) = name.and_then(|name| headers.get(name)) else {
        return "unknown".to_owned();
    };
    let value = String::from_utf8_lossy(value.as_bytes());
    let actor: String = value
        .chars()
        .filter(|char| !char.is_control())
        .take(MOST_OF_A_NAME)
        .collect();
    match actor.trim() {
        "" => "unknown".to_owned(),
        actor => actor.to_owned(),
    }
}

/// Reads a limiter's configuration, merges the change into it and applies it, as one step.
fn apply(
    name: &str,
    limiter: &Limiter,
    patch: &Value,
    headers: &HeaderMap,
    actor: &str,
) -> Result<(), Refusal> {
    // Two changes at a time would each be merged into what was before both.
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let before = limiter.config();
    if let Some(tags) = headers.get(header::IF_MATCH) {
        let tag = view::tag(&before);
        let tags = tags.to_str().unwrap_or_default();
        if !tags
            .split(',')
            .map(str::trim)
            .any(|one| one == "*" || one == tag)
        {
            return Err(Refusal::Changed);
        }
    }
    let before = serde_json::to_value(&before).expect("plain data can be written");
    check_shape(patch, &before)?;
    let mut after = before.clone();
    if patch["bounds"].is_object() && !after["bounds"].is_object() {
        // Whoever sets one bound means the other one that he sees.
        after["bounds"] = view::bounds(limiter.snapshot().bounds);
    }
    merge_config(&mut after, patch);
    limiter.apply(&read(&after)?).map_err(Problem::from)?;
    tracing::info!(
        target: "tower_adaptive_control::change",
        limiter = name,
        actor,
        before = json::text(&before),
        after = json::text(&limiter.config()),
        "limiter changed",
    );
    Ok(())
}

/// Refuses what merging would let pass for no change at all.
fn check_shape(patch: &Value, before: &Value) -> Result<(), Problem> {
    let refuse =
        |option, range: &str, got: &Value| Err(InvalidOption::new(option, range, got).into());
    let Some(keys) = patch.as_object() else {
        return Err(Problem {
            error: format!("a change must be an object, got {patch}"),
            option: None,
            range: Some("an object".to_owned()),
        });
    };
    if let Some(name) = keys.get("name").filter(|name| **name != before["name"]) {
        let range = match before.get("name") {
            Some(name) => format!("{name}, which cannot be changed"),
            None => "left out: this limiter has none of its own".to_owned(),
        };
        return refuse("name", &range, name);
    }
    match keys.get("algorithm") {
        Some(null @ Value::Null) => refuse("algorithm", "an object with a name", null),
        _ => Ok(()),
    }
}

/// In bytes.
pub(crate) const LONGEST: usize = 16 * 1024;
/// How long a change may take to arrive.
const PATIENCE: Duration = Duration::from_secs(10);
const MOST_OF_A_NAME: usize = 128;

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn actor_of(value: &[u8]) -> String {
        let name = HeaderName::from_static("x-user");
        let mut headers = HeaderMap::new();
        headers.insert(&name, HeaderValue::from_bytes(value).unwrap());
        actor(Some(&name), &headers)
    }

    #[test]
    fn an_actor_is_a_name_and_no_more() {
        assert_eq!(actor_of(b"ada"), "ada");
        assert_eq!(actor_of("Ada Lovelace (ж)".as_bytes()), "Ada Lovelace (ж)");
        assert_eq!(actor_of(b"ada\tlovelace"), "adalovelace");
        assert_eq!(actor_of("a\u{85}b\u{9b}31m".as_bytes()), "ab31m");
        assert_eq!(actor_of(b"\xff"), "\u{fffd}");
        assert_eq!(actor_of(&[b'a'; 1000]).len(), 128);
        assert_eq!(actor_of(b"  "), "unknown");
        assert_eq!(actor(None, &HeaderMap::new()), "unknown");
    }
}
