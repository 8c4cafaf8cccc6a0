//! Any bytes over a connection to the server: no panic, nothing but whole HTTP answers, and then it closes.

#![no_main]

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::LazyLock;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use odin::endpoint::{Format, Options, Request, Response, Route, Server};

static SERVER: LazyLock<SocketAddr> = LazyLock::new(|| {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let routes = vec![Route::get("/metrics", echo).quick().for_any_host(), Route::post("/v1/*", echo).quick()];
    let server = Server::new(listener, Options::default(), routes).expect("a listener");
    let address = server.address();
    std::thread::spawn(|| server.run());
    address
});

/// All that a route gets to see, so that all of it is looked at.
fn echo(request: &Request) -> Response {
    assert!(request.budget <= Options::default().limits.answer);
    assert!(request.body.len() <= Options::default().limits.body_bytes);
    Response::new(Format::of(&request.accept).content_type(), format!("{request:?}"))
}

fuzz_target!(|bytes: &[u8]| {
    let mut stream = TcpStream::connect(*SERVER).expect("a server that listens");
    stream.set_read_timeout(Some(Duration::from_secs(4))).expect("a timeout");
    // It may have heard enough before all is sent.
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(Shutdown::Write);
    let mut said = vec![];
    if let Err(error) = stream.read_to_end(&mut said) {
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{error}");
    }
    assert!(said.is_empty() || said.starts_with(b"HTTP/1."), "{}", String::from_utf8_lossy(&said));
});
