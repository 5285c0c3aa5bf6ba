use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{self, Instant};

use super::api::{Refusal, text};
use super::best::Stretch;
use super::flow::Flow;
use super::message::{Command, News};
use super::player::Player;
use super::server::{LARGEST_MESSAGE, MOST_PAGES, Server};
use super::visitor::is_own_page;
use crate::model::Invalid;

/// Connects a page with a simulation of its own.
pub(super) async fn live(
    State(server): State<Server>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    if !is_own_page(&headers) {
        return Refusal::OtherSite.into_response();
    }
    // Larger ones than are allowed still come through, up to a point: to say so is better than to hang up.
    let upgrade = upgrade.max_message_size(16 * LARGEST_MESSAGE);
    let Some(place) = server.page() else {
        return upgrade.on_upgrade(refuse);
    };
    upgrade.on_upgrade(async move |socket| {
        // What ends a connection is of no interest: the page is gone, and all it had with it.
        let _ = Connection::new(socket, server).serve().await;
        drop(place);
    })
}

/// A browser shows the reason of a close, but not the body of a refusal.
async fn refuse(mut socket: WebSocket) {
    let reason = format!("This server has {MOST_PAGES} pages open, and takes no more");
    let frame = CloseFrame {
        code: close_code::AGAIN,
        reason: reason.into(),
    };
    let _ = socket.send(Message::Close(Some(frame))).await;
}

struct Connection {
    socket: WebSocket,
    server: Server,
    player: Player,
    flow: Flow,
    /// When the page is next told how the run is, while it moves.
    status_at: Instant,
    ping_at: Instant,
    search: Search,
}

/// The search for best limits, which begins a little after the last change.
struct Search {
    at: Option<Instant>,
    tasks: JoinSet<()>,
    found: mpsc::Receiver<Vec<Stretch>>,
    tell: mpsc::Sender<Vec<Stretch>>,
}

/// The page is gone.
struct Gone;

impl Connection {
    fn new(socket: WebSocket, server: Server) -> Self {
        let (tell, found) = mpsc::channel(1);
        let now = Instant::now();
        Self {
            socket,
            player: Player::new(server.memory.clone()),
            server,
            flow: Flow::new(),
            status_at: now,
            ping_at: now + PING,
            search: Search {
                at: None,
                tasks: JoinSet::new(),
                found,
                tell,
            },
        }
    }

    async fn serve(mut self) -> Result<(), Gone> {
        loop {
            let wake = self.player.wakes_at();
            let is_moving = self.player.is_moving();
            let opens_at = self.flow.opens_at();
            let socket = &mut self.socket;
            let message = async {
                time::sleep_until(opens_at).await;
                socket.recv().await
            };
            tokio::select! {
                message = message => match message {
                    Some(Ok(message)) => self.hear(message).await?,
                    _ => return Err(Gone),
                },
                () = until(wake) => self.work().await?,
                () = until(is_moving.then_some(self.status_at)) => self.tell_status().await?,
                () = until(self.search.at) => self.look(),
                Some(spans) = self.search.found.recv() => {
                    self.tell(&News::Oracle { spans: &spans }).await?;
                }
                () = time::sleep_until(self.ping_at) => {
                    // One that went away without a word is found out.
                    self.ping_at = Instant::now() + PING;
                    self.send(Message::Ping(Bytes::new())).await?;
                }
            }
        }
    }

    async fn hear(&mut self, message: Message) -> Result<(), Gone> {
        let begin = Instant::now();
        let text = match message {
            Message::Text(text) => text,
            Message::Close(_) => return Err(Gone),
            Message::Binary(_) => {
                self.flow.heard(begin.elapsed());
                return self.refuse(&Invalid::new("", "must be text")).await;
            }
            Message::Ping(_) | Message::Pong(_) => {
                self.flow.heard(begin.elapsed());
                return Ok(());
            }
        };
        let command = if text.len() > LARGEST_MESSAGE {
            let message = format!(
                "must be at most {LARGEST_MESSAGE} bytes, got {}",
                text.len()
            );
            Err(Invalid::new("", message))
        } else {
            Command::parse(&text)
        };
        let done = command.and_then(|command| self.player.obey(command));
        self.flow.heard(begin.elapsed());
        match done {
            Ok(()) => {
                self.tell_news().await?;
                self.tell_status().await
            }
            Err(invalid) => self.refuse(&invalid).await,
        }
    }

    /// Simulates for a moment, and tells what came of it.
    async fn work(&mut self) -> Result<(), Gone> {
        let Some((run, until)) = self.player.next_slice() else {
            return Ok(());
        };
        let (run, result) = self.server.advance(run, until).await;
        match result {
            Ok(ticks) => {
                self.player.done(run);
                if !ticks.rows.is_empty() {
                    self.send(Message::text(text(&ticks))).await?;
                }
                self.tell_news().await?;
                if !self.player.is_moving() {
                    self.tell_status().await?;
                }
                Ok(())
            }
            Err(error) => {
                self.player.stopped(run);
                let message = error.to_string();
                self.refuse(&Invalid::new("", message)).await?;
                self.tell_status().await
            }
        }
    }

    /// Looks for the best limits of the session as it is now, instead of those of before.
    fn look(&mut self) {
        self.search.at = None;
        self.search.tasks.abort_all();
        let (tell, found) = mpsc::channel(1);
        (self.search.tell, self.search.found) = (tell.clone(), found);
        if let Some(session) = self.player.session() {
            let best = self.server.best.clone();
            self.search.tasks.spawn(best.find(session.clone(), tell));
        }
        while self.search.tasks.try_join_next().is_some() {}
    }

    /// Tells what is new of the session, and looks for its best limits after a while.
    async fn tell_news(&mut self) -> Result<(), Gone> {
        let all = self.player.take_news();
        if !all.is_empty() {
            self.search.at = Some(Instant::now() + CALM);
        }
        for news in all {
            self.send(Message::text(news)).await?;
        }
        Ok(())
    }

    async fn tell_status(&mut self) -> Result<(), Gone> {
        self.status_at = Instant::now() + STATUS;
        let status = self.player.status();
        self.tell(&News::Status(status)).await
    }

    async fn refuse(&mut self, invalid: &Invalid) -> Result<(), Gone> {
        let (field, message) = (&*invalid.field, &*invalid.message);
        self.tell(&News::Error { field, message }).await
    }

    async fn tell(&mut self, news: &News<'_>) -> Result<(), Gone> {
        self.send(Message::text(text(news))).await
    }

    /// Sends a message. A page that takes none for long is as good as gone.
    async fn send(&mut self, message: Message) -> Result<(), Gone> {
        match time::timeout(PATIENCE, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(Gone),
        }
    }
}

/// Waits until then; without a time, for ever.
async fn until(time: Option<Instant>) {
    match time {
        Some(time) => time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}

const STATUS: Duration = Duration::from_millis(250);
const CALM: Duration = Duration::from_millis(400);
const PING: Duration = Duration::from_secs(30);
const PATIENCE: Duration = Duration::from_secs(15);
