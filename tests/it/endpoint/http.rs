//! Requests as they should be, and as they should not.

use std::io::Read;
use std::net::Shutdown;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, Sender};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use flate2::read::GzDecoder;
use hyper::StatusCode;
use hyper::header::{HeaderValue, VARY};
use odin::endpoint::{Limits, Options, Request, Response, Route};

use super::Served;
use super::client::Client;

const SHORT: Duration = Duration::from_millis(80);

fn page(_: &Request) -> Response {
    Response::new("text/plain; version=0.0.4; charset=utf-8", "odin_build_info 1\n".repeat(500))
        .with_header(VARY, HeaderValue::from_static("Accept"))
}

fn small(_: &Request) -> Response {
    Response::text(StatusCode::OK, "ok\n")
}

/// What was asked, as the route sees it.
fn echo(request: &Request) -> Response {
    let body = String::from_utf8_lossy(&request.body);
    let Request { method, path, query, accept, content_type, content_encoding, budget, .. } = request;
    let told =
        format!("{method} {path} {query:?} {accept}|{content_type}|{content_encoding}|{budget:?}|{body}");
    Response::text(StatusCode::OK, told)
}

fn served(limits: Limits) -> Served {
    let routes = vec![
        Route::get("/metrics", page).for_any_host(),
        Route::get("/healthz", small).quick().for_any_host(),
        Route::get("/echo", echo).quick(),
        Route::post("/echo", echo).quick(),
        Route::get("/api/*", echo).quick(),
    ];
    Served::new(Options { limits, hosts: vec!["odin.test".into()], web: None }, routes)
}

/// A route that answers when the test lets it, and tells when it has begun.
fn held() -> (Route, mpsc::Receiver<()>, Sender<()>) {
    let ((begun, has_begun), (go, may_go)) = (mpsc::channel(), mpsc::channel());
    let may_go = Mutex::new(may_go);
    let route = Route::get("/held", move |_| {
        begun.send(()).unwrap();
        // The other end is dropped where nobody waits for the answer.
        let _ = may_go.lock().unwrap_or_else(PoisonError::into_inner).recv();
        Response::text(StatusCode::OK, "at last\n")
    });
    (route, has_begun, go)
}

#[test]
fn a_route_sees_what_was_asked() {
    let served = served(Limits::default());
    let mut client = Client::new(served.address);
    let got = client.get(
        "/echo?collect[]=cpu&collect[]=net&exclude[]=%C3%A4",
        "Accept: text/plain\r\nX-Prometheus-Scrape-Timeout-Seconds: 10\r\n",
    );
    assert_eq!(
        got.text(),
        r#"GET /echo [("collect[]", "cpu"), ("collect[]", "net"), ("exclude[]", "ä")] text/plain|||9.5s|"#
    );
    client.send(
        "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-protobuf\r\n\
         Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello",
    );
    assert_eq!(client.answer().unwrap().text(), "POST /echo [] |application/x-protobuf|gzip|30s|hello");
    client.send(
        "POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
    );
    assert_eq!(client.answer().unwrap().text(), "POST /echo [] |||30s|hello");
    assert_eq!(client.get("/api/sessions/1%2F2", "").text(), "GET /api/sessions/1%2F2 [] |||30s|");
    assert_eq!(served.counts.connections.load(Ordering::Relaxed), 1, "all over one connection");
    assert_eq!(served.counts.requests.load(Ordering::Relaxed), 4);
}

#[test]
fn pages_are_gzipped_for_those_who_want_it() {
    let served = served(Limits::default());
    let mut client = Client::new(served.address);
    let plain = client.get("/metrics", "");
    assert_eq!((plain.header("content-encoding"), plain.body.len()), ("", 9_000));

    let packed = client.get("/metrics", "Accept-Encoding: deflate, gzip;q=0.9\r\n");
    assert_eq!(packed.header("content-encoding"), "gzip");
    assert!(packed.body.len() < 500, "{}", packed.body.len());
    let varies: Vec<_> = packed.headers.iter().filter(|(name, _)| name == "vary").map(|(_, by)| by).collect();
    assert_eq!(varies, ["Accept", "Accept-Encoding"]);
    let mut unpacked = vec![];
    GzDecoder::new(&packed.body[..]).read_to_end(&mut unpacked).unwrap();
    assert_eq!(unpacked, plain.body);

    assert_eq!(client.get("/metrics", "Accept-Encoding: gzip;q=0\r\n"), plain, "even the headers");
    let little = client.get("/healthz", "Accept-Encoding: gzip\r\n");
    assert_eq!((little.header("content-encoding"), little.text()), ("", "ok\n"));
}

#[test]
fn head_is_get_without_its_body() {
    let served = served(Limits::default());
    let mut client = Client::new(served.address);
    client.send("HEAD /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let head = client.head_only().unwrap();
    assert_eq!((head.status, head.header("content-length")), (200, "9000"));
    // What follows is the next answer, not the body.
    assert_eq!(client.get("/healthz", "").text(), "ok\n");
}

#[test]
fn what_is_not_there_and_what_is_not_meant_that_way_is_told() {
    let served = served(Limits::default());
    let mut client = Client::new(served.address);
    assert_eq!(client.get("/", "").status, 404);
    client.send("DELETE /echo HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let refused = client.answer().unwrap();
    assert_eq!((refused.status, refused.header("allow")), (405, "GET, HEAD, POST"));
    client.send("POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nhi");
    let refused = client.answer().unwrap();
    assert_eq!((refused.status, refused.header("allow")), (405, "GET, HEAD"));
}

#[test]
fn a_page_of_another_name_gets_nothing_but_metrics() {
    let served = served(Limits::default());
    let mut client = Client::new(served.address);
    for (path, host, status) in [
        ("/api/sessions", "evil.example", 421),
        ("/api/sessions", "odin.test:9477", 200),
        ("/api/sessions", "127.0.0.1:9477", 200),
        ("/metrics", "evil.example", 200),
        ("/healthz", "evil.example", 200),
        ("http://evil.example/api/sessions", "localhost", 421),
        ("http://localhost/api/sessions", "evil.example", 200),
    ] {
        client.send(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        let got = client.answer().unwrap();
        assert_eq!(got.status, status, "{path} {host}");
        if status == 421 {
            assert!(got.text().contains("evil.example"), "{}", got.text());
        }
    }
    client.send("GET /api/sessions HTTP/1.0\r\n\r\n");
    assert_eq!(client.answer().unwrap().status, 421);
}

#[test]
fn too_long_heads_and_bodies_are_refused_and_told_so() {
    let served = served(Limits { body_bytes: 1_000, ..Limits::default() });
    let long = "x".repeat(20_000);
    for (request, status) in [
        (format!("GET /metrics HTTP/1.1\r\nHost: localhost\r\nX-Long: {long}\r\n\r\n"), 431),
        (format!("GET /metrics HTTP/1.1\r\nHost: localhost\r\n{}\r\n", "A: b\r\n".repeat(100)), 431),
        (format!("GET /{long} HTTP/1.1\r\nHost: localhost\r\n\r\n"), 431),
        (format!("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 20000\r\n\r\n{long}"), 413),
        (
            format!(
                "POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n4e20\r\n{long}\r\n0\r\n\r\n"
            ),
            413,
        ),
        (format!("POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 20000\r\n\r\n{long}"), 405),
    ] {
        let mut client = Client::new(served.address);
        client.send(&request);
        assert_eq!(client.answer().unwrap().status, status, "{}", &request[..60]);
        client.shut(Shutdown::Write);
        assert_eq!(client.rest(), b"", "{}", &request[..60]);
    }
    let mut client = Client::new(served.address);
    client.send(format!(
        "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{}",
        &long[..1000]
    ));
    assert_eq!(client.answer().unwrap().status, 200);
}

#[test]
fn who_is_waited_for_too_long_is_cut_off() {
    let body_only = "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhel";
    let whole = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let limits = Limits { head: SHORT, transfer: SHORT, idle: SHORT, ..Limits::default() };
    for sent in ["", "GET /metr", "GET /metrics HTTP/1.1\r\nHost: local", body_only, whole] {
        let served = served(limits.clone());
        let mut client = Client::new(served.address);
        client.send(sent);
        if sent == whole {
            assert_eq!(client.answer().unwrap().text(), "ok\n");
        }
        assert_eq!(client.rest(), b"", "{sent}");
        assert_eq!(served.counts.late.load(Ordering::Relaxed), 1, "{sent}");
    }
}

#[test]
fn a_head_does_not_get_more_time_by_coming_in_small_pieces() {
    let served = served(Limits { head: SHORT, ..Limits::default() });
    let mut client = Client::new(served.address);
    assert_eq!(client.get("/healthz", "").status, 200);
    client.send("GET / HTTP/1.1\r\nX: ");
    while !client.is_closed_within(Duration::from_millis(1)) {
        client.try_send("x");
    }
    assert_eq!(served.counts.late.load(Ordering::Relaxed), 1);
}

#[test]
fn an_answer_that_is_not_taken_is_cut_off() {
    let large = Route::get("/large", |_| Response::new("text/plain", vec![b'x'; 64 << 20]));
    let limits = Limits { transfer: SHORT, ..Limits::default() };
    let served = Served::new(Options { limits, ..Options::default() }, vec![large]);
    let mut client = Client::new(served.address);
    client.send("GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n");
    while served.counts.late.load(Ordering::Relaxed) == 0 {
        std::thread::yield_now();
    }
    assert!(client.rest().len() < 64 << 20);
}

#[test]
fn one_slow_answer_does_not_keep_others() {
    let (slow, has_begun, go) = held();
    let quick = Route::get("/healthz", small).quick();
    let limits = Limits { answers: 2, turn: SHORT, ..Limits::default() };
    let served =
        Served::new(Options { limits, ..Options::default() }, vec![slow, quick, Route::get("/", small)]);
    let mut first = Client::new(served.address);
    first.send("GET /held HTTP/1.1\r\nHost: localhost\r\n\r\n");
    has_begun.recv().unwrap();
    let mut other = Client::new(served.address);
    assert_eq!(other.get("/", "").status, 200);

    let mut second = Client::new(served.address);
    second.send("GET /held HTTP/1.1\r\nHost: localhost\r\n\r\n");
    has_begun.recv().unwrap();
    let refused = other.get("/", "");
    assert_eq!((refused.status, refused.header("retry-after")), (503, "1"));
    assert_eq!(other.get("/healthz", "").status, 200, "takes no thread");
    assert_eq!(served.counts.refused.load(Ordering::Relaxed), 1);

    go.send(()).unwrap();
    go.send(()).unwrap();
    assert_eq!(first.answer().unwrap().text(), "at last\n");
    assert_eq!(second.answer().unwrap().text(), "at last\n");
    assert_eq!(other.get("/", "").status, 200);
}

#[test]
fn who_comes_while_all_threads_are_taken_waits_for_a_turn() {
    let (slow, has_begun, go) = held();
    let limits = Limits { answers: 1, ..Limits::default() };
    let most = limits.answer;
    let patient = Route::get("/", move |request| {
        assert!(request.budget < most, "waiting counts");
        small(request)
    });
    let served = Served::new(Options { limits, ..Options::default() }, vec![slow, patient]);
    let mut first = Client::new(served.address);
    first.send("GET /held HTTP/1.1\r\nHost: localhost\r\n\r\n");
    has_begun.recv().unwrap();
    let mut second = Client::new(served.address);
    second.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    while served.counts.requests.load(Ordering::Relaxed) < 2 {
        std::thread::yield_now();
    }
    go.send(()).unwrap();
    assert_eq!(first.answer().unwrap().text(), "at last\n");
    assert_eq!(second.answer().unwrap().text(), "ok\n");
}

#[test]
fn an_answer_that_hangs_is_given_up_and_keeps_its_place() {
    let (hung, has_begun, go) = held();
    let limits = Limits { answers: 1, answer: SHORT, turn: SHORT, ..Limits::default() };
    let served = Served::new(Options { limits, ..Options::default() }, vec![hung, Route::get("/", small)]);
    let mut client = Client::new(served.address);
    let overdue = client.get("/held", "");
    assert_eq!((overdue.status, overdue.text()), (503, "the answer was not made within 0.08 s\n"));
    has_begun.recv().unwrap();
    assert_eq!(client.get("/", "").status, 503, "no second thread for it");
    assert_eq!(served.counts.overdue.load(Ordering::Relaxed), 1);
    go.send(()).unwrap();
    while client.get("/", "").status == 503 {
        std::thread::yield_now();
    }
}

#[test]
fn a_route_that_panics_costs_its_answer_alone() {
    let broken = Route::get("/broken", |_| panic!("on purpose"));
    let served = Served::new(Options::default(), vec![broken, Route::get("/", small)]);
    let mut client = Client::new(served.address);
    assert_eq!(client.get("/broken", "").status, 500);
    assert_eq!(client.get("/", "").status, 200);
}

#[test]
fn the_oldest_idle_connection_makes_room() {
    let served = served(Limits { connections: 3, ..Limits::default() });
    let mut clients: Vec<Client> = vec![];
    for _ in 0..3 {
        let mut client = Client::new(served.address);
        assert_eq!(client.get("/healthz", "").status, 200);
        clients.push(client);
    }
    // The first is heard of again, so the second is the one that is idle for longest.
    assert_eq!(clients[0].get("/healthz", "").status, 200);
    let mut late = Client::new(served.address);
    assert_eq!(late.get("/healthz", "").status, 200);
    assert_eq!(clients[1].rest(), b"");
    assert_eq!(clients[0].get("/healthz", "").status, 200);
    assert_eq!(clients[2].get("/healthz", "").status, 200);
    assert_eq!(served.counts.evicted.load(Ordering::Relaxed), 1);
}

#[test]
fn stopping_waits_for_answers_but_not_for_idle_clients() {
    let (slow, has_begun, go) = held();
    let served = Served::new(Options::default(), vec![slow, Route::get("/", small)]);
    let address = served.address;
    let (mut idle, mut fresh, mut busy) = (Client::new(address), Client::new(address), Client::new(address));
    assert_eq!(idle.get("/", "").status, 200);
    busy.send("GET /held HTTP/1.1\r\nHost: localhost\r\n\r\n");
    has_begun.recv().unwrap();
    served.stop.stop();
    assert_eq!(idle.rest(), b"");
    assert_eq!(fresh.rest(), b"");
    go.send(()).unwrap();
    let last = busy.answer().unwrap();
    assert_eq!((last.text(), last.header("connection")), ("at last\n", "close"));
    served.end();
    assert!(std::net::TcpStream::connect(address).is_err(), "nobody listens");
}

#[test]
fn stopping_gives_up_what_hangs() {
    let (hung, has_begun, go) = held();
    let limits = Limits { stop: SHORT, ..Limits::default() };
    let served = Served::new(Options { limits, ..Options::default() }, vec![hung]);
    let mut client = Client::new(served.address);
    client.send("GET /held HTTP/1.1\r\nHost: localhost\r\n\r\n");
    has_begun.recv().unwrap();
    served.end();
    assert_eq!(client.rest(), b"");
    drop(go);
}

#[test]
fn requests_may_come_before_their_answers_were_read() {
    let served = served(Limits::default());
    let mut client = Client::new(served.address);
    client.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(20));
    for _ in 0..20 {
        assert_eq!(client.answer().unwrap().text(), "ok\n");
    }
    client.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    assert_eq!(client.answer().unwrap().status, 200);
    assert_eq!(client.rest(), b"");
}
