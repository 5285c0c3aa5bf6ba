//! A router, and how it is asked.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;
use tower_adaptive::{Limiter, LimiterConfig};
use tower_adaptive_control::Control;

pub(crate) const TOKEN: &str = "0123456789abcdef-the-token";

/// Where a service has mounted it.
pub(crate) fn mounted(control: Control) -> Router {
    Router::new().nest("/control", control.into_router())
}

pub(crate) fn writable() -> Router {
    mounted(Control::new().write_token(TOKEN))
}

/// A limiter of that name: 20 at first, 5 to 200, Fathom.
pub(crate) fn limiter(name: &str) -> Limiter {
    let config = serde_json::json!({
        "name": name,
        "algorithm": { "name": "fathom", "min_limit": 5, "max_limit": 200 },
    });
    let config: LimiterConfig = serde_json::from_value(config).expect("a configuration");
    config.try_build().expect("a limiter")
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().expect("it is text"))
    }
}

/// A request that is complete but for what a test adds, or takes away.
pub(crate) struct Ask {
    method: Method,
    path: String,
    headers: Vec<(String, String)>,
    body: Body,
}

impl Ask {
    pub(crate) fn get(path: &str) -> Self {
        Self {
            method: Method::GET,
            path: path.to_owned(),
            headers: vec![("host".to_owned(), "localhost:3000".to_owned())],
            body: Body::empty(),
        }
    }

    /// A change that is allowed.
    pub(crate) fn patch(path: &str, body: impl ToString) -> Self {
        let ask = Self {
            method: Method::PATCH,
            body: Body::from(body.to_string()),
            ..Self::get(path)
        };
        ask.with("content-type", "application/merge-patch+json")
            .with("authorization", &format!("Bearer {TOKEN}"))
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(other, _)| other != name);
        self
    }

    pub(crate) fn instead(self, name: &str, value: &str) -> Self {
        self.without(name).with(name, value)
    }

    pub(crate) fn body(mut self, body: Body) -> Self {
        self.body = body;
        self
    }

    pub(crate) async fn of(self, router: &Router) -> Answer {
        let mut request = Request::builder().method(self.method).uri(self.path);
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        let request = request.body(self.body).expect("a request");
        let answer = router.clone().oneshot(request).await.expect("an answer");
        let (parts, body) = answer.into_parts();
        let bytes = body.collect().await.expect("a body").to_bytes();
        Answer {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8(bytes.to_vec()).expect("text"),
        }
    }
}
