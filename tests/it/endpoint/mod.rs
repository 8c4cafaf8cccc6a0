//! The bounded HTTP server, over real sockets.

mod abuse;
pub(crate) mod client;
mod http;
mod secure;

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;

use odin::endpoint::{Counts, Error, Options, Route, Server, Stop};

/// A server on loopback that ends with its test.
pub(crate) struct Served {
    pub(crate) address: SocketAddr,
    pub(crate) counts: Arc<Counts>,
    pub(crate) stop: Stop,
    thread: Option<JoinHandle<Result<(), Error>>>,
}

impl Served {
    pub(crate) fn new(options: Options, routes: Vec<Route>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Server::new(listener, options, routes).unwrap();
        let (address, counts, stop) = (server.address(), server.counts(), server.stop());
        let thread = Some(std::thread::spawn(|| server.run()));
        Self { address, counts, stop, thread }
    }

    /// Waits until it has come to its end.
    pub(crate) fn end(mut self) {
        self.stop.stop();
        self.thread.take().unwrap().join().unwrap().unwrap();
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.stop.stop();
    }
}
