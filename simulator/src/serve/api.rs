use std::sync::LazyLock;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Options;
use super::presets::Preset;
use super::run::Run;
use super::server::{Server, is_own_page};
use super::session::Session;
use super::ticks::Ticks;
use crate::model::Invalid;

pub(super) async fn options() -> Response {
    static TEXT: LazyLock<String> = LazyLock::new(|| text(&Options::all()));
    json(StatusCode::OK, &*TEXT)
}

pub(super) async fn scenarios() -> Response {
    static TEXT: LazyLock<String> = LazyLock::new(|| text(&Preset::all()));
    json(StatusCode::OK, &*TEXT)
}

/// The session with which the page begins.
pub(super) async fn defaults() -> Response {
    static TEXT: LazyLock<String> =
        LazyLock::new(|| text(&Preset::all().first().map(|preset| &preset.session)));
    json(StatusCode::OK, &*TEXT)
}

/// Runs a session to its end, and returns all its ticks.
pub(super) async fn simulate(
    State(server): State<Server>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    if !is_own_page(&headers) {
        return Err(Refusal::OtherSite);
    }
    let session = read_session(&body)?;
    if session.ticks() > MOST_TICKS {
        let message = format!(
            "must be at most 1h for a whole trace, got {}",
            session.run.length
        );
        return Err(Invalid::new("run.length", message).into());
    }
    let _place = server.trace().ok_or(Refusal::TooBusy)?;
    let until = session.ticks();
    let mut run = Run::new(session);
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
    Ok(json(StatusCode::OK, text(&all)))
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
    OtherSite,
    TooBusy,
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

fn json(status: StatusCode, text: impl Into<String>) -> Response {
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
const MOST_STEPS: u64 = 100_000_000;
