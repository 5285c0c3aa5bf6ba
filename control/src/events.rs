use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderName, HeaderValue};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_core::Stream;
use tokio::sync::OwnedSemaphorePermit;
use tower_adaptive::Changes;

use crate::refusal::Refusal;
use crate::router::{Server, find};
use crate::{json, view};

/// Streams the snapshots of a limiter until it is gone.
pub(crate) async fn events(
    State(server): State<Server>,
    name: Result<Path<String>, PathRejection>,
) -> Result<Response, Refusal> {
    let (_, limiter) = find(name)?;
    let place = server.streams.clone().try_acquire_owned();
    let place = place.map_err(|_| Refusal::TooManyStreams(server.most_streams))?;
    let stream = Events {
        changes: limiter.changes(),
        has_ended: false,
        _place: place,
    };
    let alive = KeepAlive::new().interval(ALIVE);
    let mut response = Sse::new(stream).keep_alive(alive).into_response();
    // nginx would keep events back until it has a page full of them.
    response
        .headers_mut()
        .insert(ACCEL_BUFFERING, HeaderValue::from_static("no"));
    Ok(response)
}

/// It has no handle on the limiter, which would keep it alive.
struct Events {
    changes: Changes,
    has_ended: bool,
    _place: OwnedSemaphorePermit,
}

impl Stream for Events {
    type Item = Result<Event, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.has_ended {
            return Poll::Ready(None);
        }
        let event = match ready!(self.changes.poll_next(cx)) {
            Some(now) => Event::default()
                .event("snapshot")
                .data(json::text(&view::snapshot(&now))),
            // Without it, a browser would come back and ask for more.
            None => {
                self.has_ended = true;
                Event::default().event("gone").data("{}")
            }
        };
        Poll::Ready(Some(Ok(event)))
    }
}

const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");
/// Proxies cut a connection that is silent for a minute.
const ALIVE: Duration = Duration::from_secs(15);
