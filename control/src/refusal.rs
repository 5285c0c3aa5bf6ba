use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tower_adaptive::InvalidOption;

use crate::json::json;

/// Why a request is not answered, or not done.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// It was called by a name that is not its own.
    OtherHost,
    /// A page of another site asks for a change.
    OtherSite,
    ReadOnly,
    NoToken,
    WrongToken,
    NoJsonType,
    TooLarge,
    TooSlow,
    NoBody,
    NoJson(String),
    NoName,
    NoLimiter(String),
    Nothing,
    /// Somebody else has changed it since.
    Changed,
    Invalid(Problem),
    TooManyStreams(usize),
}

/// What is wrong with a change.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Problem {
    /// For people.
    pub(crate) error: String,
    /// The option, if it is known which it is.
    pub(crate) option: Option<String>,
    /// What it can be, in words.
    pub(crate) range: Option<String>,
}

impl From<InvalidOption> for Problem {
    fn from(invalid: InvalidOption) -> Self {
        Self {
            error: invalid.to_string(),
            option: Some(invalid.option().to_owned()),
            range: Some(invalid.range().to_owned()),
        }
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self::Invalid(problem)
    }
}

impl Refusal {
    fn status(&self) -> StatusCode {
        match self {
            Self::OtherHost | Self::OtherSite | Self::ReadOnly => StatusCode::FORBIDDEN,
            Self::NoToken | Self::WrongToken => StatusCode::UNAUTHORIZED,
            Self::NoJsonType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::NoBody | Self::NoJson(_) | Self::NoName => StatusCode::BAD_REQUEST,
            Self::NoLimiter(_) | Self::Nothing => StatusCode::NOT_FOUND,
            Self::Changed => StatusCode::PRECONDITION_FAILED,
            Self::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::TooManyStreams(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn message(&self) -> String {
        match self {
            Self::OtherHost => "this is not called so: `Control::allowed_hosts` adds names".into(),
            Self::OtherSite => "only pages of this server may change anything".into(),
            Self::ReadOnly => "nothing can be changed here: no write token is set".into(),
            Self::NoToken => "a change needs the write token".into(),
            Self::WrongToken => "that is not the write token".into(),
            Self::NoJsonType => {
                "a change is application/merge-patch+json, or application/json".into()
            }
            Self::TooLarge => "a change has at most 16 KiB".into(),
            Self::TooSlow => "the change took too long to arrive".into(),
            Self::NoBody => "the change did not arrive".into(),
            Self::NoJson(message) => format!("the change is no JSON: {message}"),
            Self::NoName => "the name of the limiter is not percent-encoded UTF-8".into(),
            Self::NoLimiter(name) => format!("there is no limiter {name:?}"),
            Self::Nothing => "there is nothing here".into(),
            Self::Changed => "somebody else has changed it since".into(),
            Self::Invalid(problem) => problem.error.clone(),
            Self::TooManyStreams(most) => format!("all {most} streams are taken: try again soon"),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = match &self {
            Self::Invalid(problem) => json(problem),
            _ => json(&Message {
                error: self.message(),
            }),
        };
        *response.status_mut() = self.status();
        let header = match self {
            Self::NoToken => Some((header::WWW_AUTHENTICATE, CHALLENGE)),
            Self::WrongToken => Some((header::WWW_AUTHENTICATE, WRONG)),
            Self::TooManyStreams(_) => Some((header::RETRY_AFTER, "5")),
            _ => None,
        };
        if let Some((name, value)) = header {
            response
                .headers_mut()
                .insert(name, HeaderValue::from_static(value));
        }
        response
    }
}

#[derive(Serialize)]
struct Message {
    error: String,
}

const CHALLENGE: &str = r#"Bearer realm="tower-adaptive-control""#;
const WRONG: &str = r#"Bearer realm="tower-adaptive-control", error="invalid_token""#;
