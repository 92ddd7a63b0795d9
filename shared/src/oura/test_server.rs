//! A small HTTP server for the tests of this module: it gives set answers, byte by byte if needed, and records requests.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Barrier;
use url::Url;

use super::hosts::OuraHosts;
use super::transport::HttpOptions;
use crate::env::Env;

/// One request as it arrived.
#[derive(Debug, Clone)]
pub struct Seen {
    pub method: String,
    pub url: Url,
    headers: Vec<(String, String)>,
    pub body: String,
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub fn query(&self, name: &str) -> Option<String> {
        self.url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }

    pub fn form(&self) -> Vec<(String, String)> {
        url::form_urlencoded::parse(self.body.as_bytes()).into_owned().collect()
    }
}

/// Reaction to a request.
pub enum Reply {
    /// A regular answer.
    Answer { status: u16, headers: String, body: Vec<u8> },
    /// Status 200 with this body once the barrier is full.
    Together { barrier: Arc<Barrier>, body: &'static str },
    /// The connection is closed without an answer.
    HangUp,
    /// A long body is announced, a part of it sent, the connection closed.
    CutShort { status: u16 },
    /// No answer.
    Silence,
    /// A body without end.
    Endless,
}

impl Reply {
    pub fn status(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self::Answer { status, headers: String::new(), body: body.into() }
    }

    pub fn ok(body: impl Into<Vec<u8>>) -> Self {
        Self::status(200, body)
    }
}

pub struct Server {
    base: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Server {
    pub async fn start(reply: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let (seen, reply) = (Arc::<Mutex<Vec<Seen>>>::default(), Arc::new(reply));
        let task = tokio::spawn({
            let seen = Arc::clone(&seen);
            async move {
                loop {
                    let (mut stream, _) = listener.accept().await.unwrap();
                    let (seen, reply) = (Arc::clone(&seen), Arc::clone(&reply));
                    tokio::spawn(async move {
                        if let Some(request) = read(&mut stream).await {
                            let reply = reply(&request);
                            seen.lock().unwrap().push(request);
                            write(&mut stream, reply).await;
                        }
                    });
                }
            }
        });
        Self { base, seen, task }
    }

    /// Starts a server with one answer to every request.
    pub async fn answering(status: u16, body: &'static str) -> Self {
        Self::start(move |_| Reply::status(status, body)).await
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// Its origin.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// All hosts at this server; the data API behind a path prefix.
    pub fn hosts(&self) -> OuraHosts {
        hosts_at(&self.base)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub fn hosts_at(base: &str) -> OuraHosts {
    let env = Env::default()
        .with("OURA_AUTHORIZE_URL", format!("{base}/consent"))
        .with("OURA_TOKEN_URL", format!("{base}/token"))
        .with("OURA_REVOKE_URL", format!("{base}/revoke"))
        .with("OURA_API_BASE_URL", format!("{base}/oura/"));
    OuraHosts::from_env(&env).unwrap()
}

/// An address without a server. Its port stays reserved, so that no other test's server gets it.
pub struct NoServer {
    pub base: String,
    _socket: TcpSocket,
}

impl NoServer {
    pub fn new() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        Self { base: format!("http://{}", socket.local_addr().unwrap()), _socket: socket }
    }
}

/// Time-outs for tests that run into them: short, yet long enough for a busy machine.
pub fn impatient() -> HttpOptions {
    let short = Duration::from_millis(1500);
    HttpOptions { data_timeout: short, token_timeout: short, ..HttpOptions::default() }
}

async fn read(stream: &mut TcpStream) -> Option<Seen> {
    let mut bytes = Vec::new();
    let (mut head_end, mut length) = (None, 0);
    while head_end.is_none_or(|end| bytes.len() < end + length) {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
        if head_end.is_none() {
            head_end = bytes.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4);
            let head = String::from_utf8_lossy(&bytes[..head_end.unwrap_or(0)]).to_lowercase();
            length = head
                .split_once("content-length: ")
                .map_or(0, |(_, rest)| rest.lines().next().unwrap().parse().unwrap());
        }
    }
    let head = std::str::from_utf8(&bytes[..head_end?]).unwrap();
    let mut lines = head.lines();
    let mut words = lines.next()?.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?);
    let headers = lines.filter_map(|line| line.split_once(": ")).map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
    let url = Url::parse("http://oura.test").unwrap().join(target).unwrap();
    Some(Seen { method, url, headers, body: String::from_utf8(bytes[head_end?..].to_vec()).unwrap() })
}

async fn write(stream: &mut TcpStream, reply: Reply) {
    // The client may have closed the connection already.
    match reply {
        Reply::Answer { status, headers, body } => answer(stream, status, &headers, &body).await,
        Reply::Together { barrier, body } => {
            barrier.wait().await;
            answer(stream, 200, "", body.as_bytes()).await;
        }
        Reply::HangUp => {}
        Reply::CutShort { status } => {
            let text = format!("HTTP/1.1 {status} X\r\ncontent-length: 1000\r\n\r\n{{\"data\":[");
            let _ = stream.write_all(text.as_bytes()).await;
        }
        Reply::Silence => std::future::pending().await,
        Reply::Endless => {
            let _ = stream.write_all(b"HTTP/1.1 200 X\r\n\r\n").await;
            while stream.write_all(&[b' '; 64 * 1024]).await.is_ok() {}
        }
    }
}

async fn answer(stream: &mut TcpStream, status: u16, headers: &str, body: &[u8]) {
    let length = body.len();
    let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n");
    let _ = stream.write_all(&[head.as_bytes(), body].concat()).await;
}
