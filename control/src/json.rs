use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// Answers with plain data, as all here is.
pub(crate) fn json(value: &impl Serialize) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], text(value)).into_response()
}

/// Writes plain data.
pub(crate) fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("plain data can be written")
}
