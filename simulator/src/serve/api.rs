use std::sync::LazyLock;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::OwnedSemaphorePermit;
use tokio::{task, time};

use super::Options;
use super::presets::Preset;
use super::run::Run;
use super::server::Server;
use super::session::Session;
use super::ticks::Ticks;
use super::visitor::is_own_page;
use crate::model::Invalid;

pub(super) async fn options() -> Response {
    static TEXT: LazyLock<String> = LazyLock::new(|| text(&Options::all()));
    json(StatusCode::OK, TEXT.as_str())
}

pub(super) async fn scenarios() -> Response {
    static TEXT: LazyLock<String> = LazyLock::new(|| text(&Preset::all()));
    json(StatusCode::OK, TEXT.as_str())
}

/// The session with which the page begins.
pub(super) async fn defaults() -> Response {
    static TEXT: LazyLock<String> =
        LazyLock::new(|| text(&Preset::all().first().map(|preset| &preset.session)));
    json(StatusCode::OK, TEXT.as_str())
}

/// Runs a session to its end, and returns all its ticks.
pub(super) async fn simulate(
    State(server): State<Server>,
    request: Request,
) -> Result<Response, Refusal> {
    if !is_own_page(request.headers()) {
        return Err(Refusal::OtherSite);
    }
    let body = time::timeout(PATIENCE, Bytes::from_request(request, &()));
    let body = body.await.map_err(|_| Refusal::TooSlow)?;
    let body = body.map_err(|error| Refusal::Body(Box::new(error.into_response())))?;
    let place = server.trace().ok_or(Refusal::TooBusy)?;
    let session = beside(move || read_session(&body)).await?;
    if session.ticks() > MOST_TICKS {
        let message = format!(
            "must be at most 1h for a whole trace, got {}",
            session.run.length
        );
        return Err(Invalid::new("run.length", message).into());
    }
    let until = session.ticks();
    let mut run = Run::new(session, server.memory.share());
    let mut all = Ticks::default();
    while !run.has_ended() {
        let result;
        (run, result) = server.advance(run, until).await;
        let ticks = result.map_err(|error| Invalid::new("run", error.to_string()))?;
        all.rows.extend(ticks.rows);
        if run.steps() > MOST_STEPS {
            let message = format!(
                "is more than {MOST_STEPS} steps of work by {}: make it shorter, or send less",
                run.next_change()
            );
            return Err(Invalid::new("run", message).into());
        }
    }
    let text = beside(move || text(&all)).await;
    // The place is free again when all has been sent: until then, it is in memory.
    Ok(json(
        StatusCode::OK,
        Bytes::from_owner(Trace {
            text,
            _place: place,
        }),
    ))
}

struct Trace {
    text: String,
    _place: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Trace {
    fn as_ref(&self) -> &[u8] {
        self.text.as_bytes()
    }
}

/// Does what takes long where it keeps nobody waiting.
async fn beside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

/// Reads a session and checks it.
fn read_session(body: &[u8]) -> Result<Session, Refusal> {
    let value: Value =
        serde_json::from_slice(body).map_err(|error| Refusal::NoJson(error.to_string()))?;
    let mut session: Session = read(value)?;
    session.check()?;
    Ok(session)
}

/// Reads a value; the error has the path of what is wrong.
pub(super) fn read<T: DeserializeOwned>(value: Value) -> Result<T, Invalid> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = match error.path().to_string() {
            path if path == "." => String::new(),
            path => path,
        };
        Invalid::new(path, error.into_inner().to_string())
    })
}

/// Why a request is not answered.
#[derive(Debug)]
pub(super) enum Refusal {
    NoJson(String),
    Invalid(Invalid),
    /// The body could not be read.
    Body(Box<Response>),
    OtherSite,
    OtherName,
    TooBusy,
    TooSlow,
}

impl From<Invalid> for Refusal {
    fn from(invalid: Invalid) -> Self {
        Self::Invalid(invalid)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, invalid) = match self {
            Self::NoJson(message) => (StatusCode::BAD_REQUEST, Invalid::new("", message)),
            Self::Invalid(invalid) => (StatusCode::UNPROCESSABLE_ENTITY, invalid),
            Self::Body(response) => return *response,
            Self::OtherName => {
                let message = "this server is called localhost, or by its address";
                (StatusCode::FORBIDDEN, Invalid::new("", message))
            }
            Self::TooSlow => {
                let message = "the session took too long to arrive";
                (StatusCode::REQUEST_TIMEOUT, Invalid::new("", message))
            }
            Self::OtherSite => {
                let message = "only pages of this server may do this";
                (StatusCode::FORBIDDEN, Invalid::new("", message))
            }
            Self::TooBusy => {
                let message = "too many traces are being simulated: try again soon";
                (StatusCode::SERVICE_UNAVAILABLE, Invalid::new("", message))
            }
        };
        json(status, text(&invalid))
    }
}

fn json(status: StatusCode, text: impl Into<Body>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (status, headers, text.into()).into_response()
}

/// Writes what is plain data, as all here is.
pub(super) fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("plain data can be written")
}

/// An hour.
const MOST_TICKS: usize = 36_000;
/// How long the body of a request may take.
const PATIENCE: Duration = Duration::from_secs(10);
const MOST_STEPS: u64 = 100_000_000;
