//! A bounded HTTP/1.1 server: whoever connects, and however slowly, memory, threads and time stay within limits, and
//! those who ask like a scraper are answered.
//!
//! It knows nothing of what it serves: a [`Route`] names a path, and the closure that answers it. One thread drives
//! all connections; an answer that may take long is made on another, of which there are a fixed number. What is
//! promised against slow clients, and what such clients did to other servers, is measured in `ARCHITECTURE.md`.

mod accepted;
mod bind;
mod connection;
mod host;
mod request;
mod response;
mod route;
mod server;
pub mod web_config;

pub use accepted::wants_open_metrics;
pub use bind::check_bind;
pub use request::Request;
pub use response::Response;
pub use route::Route;
pub use server::{Counts, Options, Server, Stop};

use std::net::SocketAddr;
use std::time::Duration;

/// What no client can make the server exceed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Open at a time, and more than twice `answers`. A new one takes the place of the one that is idle for longest.
    pub connections: usize,
    /// Being made at a time: as many threads; more wait for their turn. As many again may be on their way. Half as many
    /// bodies are held at a time, so that those who only ask are answered however many send.
    pub answers: usize,
    /// Of a request line and the headers.
    pub head_bytes: usize,
    /// Of what is posted.
    pub body_bytes: usize,
    /// For a TLS handshake and a head, from the connection or from the first byte of a later request.
    pub head: Duration,
    /// For a body to come, and for an answer to be taken.
    pub transfer: Duration,
    /// To wait for a thread, and no more than half of the time that the client has.
    pub turn: Duration,
    /// For an answer to be made.
    pub answer: Duration,
    /// Between two requests.
    pub idle: Duration,
    /// For answers under way when the server is told to stop.
    pub stop: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 128,
            answers: 4,
            head_bytes: 16 << 10,
            body_bytes: 2 << 20,
            head: Duration::from_secs(5),
            transfer: Duration::from_secs(10),
            turn: Duration::from_secs(5),
            answer: Duration::from_secs(30),
            idle: Duration::from_secs(90),
            stop: Duration::from_millis(1_500),
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot serve on {address}")]
    Serve { address: SocketAddr, source: std::io::Error },
    #[error(
        "{address} can be reached from other machines, and nobody would be asked for a password: \
         listen on 127.0.0.1, or name users or client certificates in a file given by --web.config.file, \
         or say --web.insecure"
    )]
    Unprotected { address: SocketAddr },
}
