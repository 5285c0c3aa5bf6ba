use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tower_adaptive::{Limiter, registry};

use crate::change::{LONGEST, change};
use crate::events::events;
use crate::json::json;
use crate::refusal::Refusal;
use crate::token::Token;
use crate::visitor::{Hosts, host};
use crate::{assets, options, view};

/// What a control was built with.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    pub(crate) token: Option<Token>,
    pub(crate) actor_header: Option<HeaderName>,
    pub(crate) hosts: Arc<Hosts>,
    pub(crate) streams: Arc<Semaphore>,
    pub(crate) most_streams: usize,
}

pub(crate) fn router(server: Server) -> Router {
    Router::new()
        .route("/", get(assets::page))
        .route("/assets/{*path}", get(assets::asset))
        .route("/options", get(describe))
        .route("/limiters", get(list))
        .route("/limiters/{name}", get(one).patch(change))
        .route("/limiters/{name}/events", get(events))
        .fallback(async || Refusal::Nothing)
        .layer(DefaultBodyLimit::max(LONGEST))
        .layer(middleware::from_fn_with_state(server.clone(), check_host))
        .layer(middleware::map_response(secure))
        .with_state(server)
}

/// Returns the limiter that a path names.
pub(crate) fn find(
    name: Result<Path<String>, PathRejection>,
) -> Result<(String, Limiter), Refusal> {
    let Path(name) = name.map_err(|_| Refusal::NoName)?;
    match registry::get(&name) {
        Some(limiter) => Ok((name, limiter)),
        None => Err(Refusal::NoLimiter(name)),
    }
}

async fn list() -> Response {
    let one = |(name, limiter): (String, Limiter)| json!({ "name": name, "snapshot": view::snapshot(&limiter.snapshot()) });
    json(&registry::all().into_iter().map(one).collect::<Value>())
}

async fn one(name: Result<Path<String>, PathRejection>) -> Result<Response, Refusal> {
    let (name, limiter) = find(name)?;
    Ok(view::limiter(&name, &limiter))
}

/// What can be set, and whether it can be set here.
async fn describe(State(server): State<Server>) -> Response {
    static OPTIONS: LazyLock<Value> = LazyLock::new(|| {
        json!({
            "algorithms": options::algorithms(),
            "window": options::window(),
            "queue": options::queue(),
        })
    });
    let mut all = OPTIONS.clone();
    all["writable"] = server.token.is_some().into();
    json(&all)
}

/// Lets only those through who call the server by one of its names.
async fn check_host(State(server): State<Server>, request: Request, next: Next) -> Response {
    let host = host(request.uri(), request.headers());
    if !host.is_some_and(|host| server.hosts.has(host)) {
        return Refusal::OtherHost.into_response();
    }
    next.run(request).await
}

/// Forbids a page everything that it has not been served from here, and caches everything.
async fn secure(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

const POLICY: &str = "default-src 'self'; object-src 'none'; base-uri 'self'; form-action 'none'; frame-ancestors 'none'";
