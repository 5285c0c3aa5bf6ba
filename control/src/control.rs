use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::http::HeaderName;
use tokio::sync::Semaphore;
use tower_adaptive::InvalidOption;

use crate::router::{Server, router};
use crate::token::Token;
use crate::visitor::Hosts;

/// Builds the router of live control.
///
/// # Examples
///
/// ```
/// use axum::Router;
/// use tower_adaptive_control::Control;
///
/// // Read-only, for whoever reaches it.
/// let app: Router = Router::new().nest("/control", Control::new().into_router());
/// # let _ = app;
/// ```
#[derive(Clone)]
#[must_use]
pub struct Control {
    write_token: Option<String>,
    actor_header: Option<String>,
    allowed_hosts: Vec<String>,
    most_streams: usize,
}

impl Control {
    /// Starts with everything at its default: nothing can be changed.
    pub fn new() -> Self {
        Self {
            write_token: None,
            actor_header: None,
            allowed_hosts: Vec::new(),
            most_streams: 32,
        }
    }

    /// Sets the token that a change must show, as `Authorization: Bearer <token>`: default none, and
    /// so read-only; 16 to 256 visible ASCII characters.
    ///
    /// Draw it, as `openssl rand -hex 32` does: what is guessed is not counted, and nobody is locked
    /// out.
    pub fn write_token(mut self, token: impl Into<String>) -> Self {
        self.write_token = Some(token.into());
        self
    }

    /// Sets the header that says who asks for a change: default none, and so `unknown`.
    ///
    /// It is written down and not checked: name one that a proxy in front sets, and takes from
    /// whoever sends it himself. Of its value, the first 128 characters count, without those that
    /// control a terminal.
    pub fn actor_header(mut self, name: impl Into<String>) -> Self {
        self.actor_header = Some(name.into());
        self
    }

    /// Sets the host names by which it may be called: default `localhost` and every IP address, which
    /// are always allowed.
    ///
    /// A service that is called `https://ops.example.com` needs `["ops.example.com"]`. Whatever has
    /// another name in its `Host` is refused, since any web page can have a name of its own lead here
    /// and would then read, as one of ours, what a browser within your network can reach (DNS
    /// rebinding). Ports do not count. A proxy in front must pass on the `Host` it got.
    pub fn allowed_hosts(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.allowed_hosts = names.into_iter().map(Into::into).collect();
        self
    }

    /// Sets how many streams of events there may be at a time: default 32, from 0 to 65536.
    ///
    /// Each open page has one. More costs memory, and a snapshot each ten times a second.
    pub fn most_streams(mut self, most: usize) -> Self {
        self.most_streams = most;
        self
    }

    /// Returns the router, to be mounted anywhere, as by [`Router::nest`].
    ///
    /// # Panics
    ///
    /// If an option is outside its range; the message names the option and the range, and never the
    /// token.
    #[track_caller]
    pub fn into_router(self) -> Router {
        match self.try_into_router() {
            Ok(router) => router,
            Err(invalid) => panic!("{invalid}"),
        }
    }

    /// As [`into_router`](Self::into_router), without the panic.
    ///
    /// # Errors
    ///
    /// If an option is outside its range.
    pub fn try_into_router(self) -> Result<Router, InvalidOption> {
        if self.most_streams > MOST_STREAMS {
            let range = format!("at most {MOST_STREAMS}");
            return Err(InvalidOption::new("most_streams", range, self.most_streams));
        }
        let token = self.write_token.as_deref().map(Token::new).transpose()?;
        let actor_header = self.actor_header.map(|name| {
            HeaderName::try_from(&name).map_err(|_| {
                let got = format_args!("{name:?}");
                InvalidOption::new("actor_header", "the name of a header", got)
            })
        });
        Ok(router(Server {
            token,
            actor_header: actor_header.transpose()?,
            hosts: Arc::new(Hosts::new(self.allowed_hosts)?),
            streams: Arc::new(Semaphore::new(self.most_streams)),
            most_streams: self.most_streams,
        }))
    }
}

/// Nothing can be changed.
impl Default for Control {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control")
            .field("is_writable", &self.write_token.is_some())
            .field("actor_header", &self.actor_header)
            .field("allowed_hosts", &self.allowed_hosts)
            .field("most_streams", &self.most_streams)
            .finish_non_exhaustive()
    }
}

const MOST_STREAMS: usize = 1 << 16;
