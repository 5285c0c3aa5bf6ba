//! A client of the server: HTTP and WebSocket.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use tower_adaptive_sim::serve;

/// A server of this test, on a port of its own.
pub(crate) struct Server {
    pub(crate) host: String,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        tokio::spawn(serve::serve_on(listener));
        Self { host }
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.request("GET", path, "", "").await
    }

    pub(crate) async fn post(&self, path: &str, body: &str) -> Response {
        self.request("POST", path, "", body).await
    }

    /// Sends a request; `headers` are whole lines, each with its end.
    pub(crate) async fn request(
        &self,
        method: &str,
        path: &str,
        headers: &str,
        body: &str,
    ) -> Response {
        self.called(&self.host, method, path, headers, body).await
    }

    /// Sends a request to the server by the name of `host`.
    pub(crate) async fn called(
        &self,
        host: &str,
        method: &str,
        path: &str,
        headers: &str,
        body: &str,
    ) -> Response {
        let mut stream = TcpStream::connect(&self.host).await.unwrap();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: {}\r\n\
             {headers}\r\n",
            body.len(),
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        // A server that has heard enough may hang up before the end of a long body.
        let _ = stream.write_all(body.as_bytes()).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        Response::parse(&String::from_utf8_lossy(&answer))
    }

    /// Opens a page's connection.
    pub(crate) async fn page(&self) -> Page {
        let url = format!("ws://{}/api/live", self.host);
        let (socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
        Page { socket }
    }

    /// Tries to open a connection from a page of `origin`; returns the status of the refusal.
    pub(crate) async fn refused_page(&self, origin: &str) -> Option<u16> {
        let url = format!("ws://{}/api/live", self.host);
        let mut request = url.into_client_request().unwrap();
        request
            .headers_mut()
            .insert("origin", origin.parse().unwrap());
        match tokio_tungstenite::connect_async(request).await {
            Err(tokio_tungstenite::tungstenite::Error::Http(response)) => {
                Some(response.status().as_u16())
            }
            Err(error) => panic!("{error}"),
            Ok(_) => None,
        }
    }
}

#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Response {
    fn parse(answer: &str) -> Self {
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((answer, ""));
        let status = head.split(' ').nth(1).and_then(|word| word.parse().ok());
        Self {
            status: status.unwrap_or(0),
            head: head.to_lowercase(),
            body: body.to_owned(),
        }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// What a page is to the server.
pub(crate) struct Page {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Page {
    pub(crate) async fn send(&mut self, message: Value) {
        self.send_text(message.to_string()).await;
    }

    pub(crate) async fn send_text(&mut self, text: String) {
        self.socket.send(Message::text(text)).await.unwrap();
    }

    /// Returns the next message; `None` if the server has closed the connection, with the reason.
    pub(crate) async fn next(&mut self) -> Result<Value, String> {
        loop {
            let message = tokio::time::timeout(PATIENCE, self.socket.next()).await;
            match message.expect("the server says something") {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(frame))) => {
                    return Err(frame.map_or_else(String::new, |frame| frame.reason.to_string()));
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(String::new()),
            }
        }
    }

    /// Returns the next message of a kind, and what came before it.
    pub(crate) async fn wait_for(&mut self, kind: &str) -> (Value, Vec<Value>) {
        let mut before = Vec::new();
        loop {
            let message = self.next().await.expect("a message");
            if message["is"] == kind {
                return (message, before);
            }
            before.push(message);
        }
    }

    /// Waits until the run has ended, and returns all that came.
    pub(crate) async fn wait_for_end(&mut self) -> Vec<Value> {
        let mut all = Vec::new();
        loop {
            let message = self.next().await.expect("a message");
            let has_ended = message["is"] == "status" && message["ended"] == true;
            all.push(message);
            if has_ended {
                return all;
            }
        }
    }
}

const PATIENCE: Duration = Duration::from_secs(60);
