//! Clients that keep the server busy with as little as they can, while a scraper wants its answers.

use std::io::Write;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::Ordering;

use bytes::Bytes;
use hyper::StatusCode;
use odin::endpoint::{Limits, Options, Response, Route};
use proptest::prelude::Rng;
use proptest::test_runner::{RngAlgorithm, TestRng};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::Served;
use super::client::{Client, connect};

/// As many as the scraper asks during each attack.
const SCRAPES: usize = 40;

fn served(page_bytes: usize) -> Served {
    let page = Bytes::from(vec![b'x'; page_bytes]);
    let page = Route::get("/metrics", move |_| Response::new("text/plain", page.clone()));
    let health = Route::get("/healthz", |_| Response::text(StatusCode::OK, "ok\n")).quick();
    Served::new(Options::default(), vec![page, health])
}

/// Both ends of a connection are in this process.
fn allow_open_files(count: u64) {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    assert!(maximum.is_none_or(|maximum| maximum >= count), "no more than {maximum:?} open files");
    if current.is_some_and(|current| current < count) {
        setrlimit(Resource::Nofile, Rlimit { current: Some(count), maximum }).unwrap();
    }
}

/// Every answer whole, each over a connection of its own.
fn assert_scrapes_go_well(address: SocketAddr, page_bytes: usize) {
    for n in 0..SCRAPES {
        let got = Client::new(address).get("/metrics", "");
        assert_eq!((got.status, got.body.len()), (200, page_bytes), "scrape {n}");
    }
}

fn attackers(count: usize, address: SocketAddr, sends: &[u8]) -> Vec<TcpStream> {
    let attacker = || {
        let mut stream = connect(address);
        // It may have been cut off already.
        let _ = stream.write_all(sends);
        stream
    };
    (0..count).map(|_| attacker()).collect()
}

#[test]
fn idle_connections_do_not_keep_a_scraper_out() {
    allow_open_files(8_000);
    let served = served(60_000);
    let idle = attackers(2_000, served.address, b"");
    assert_scrapes_go_well(served.address, 60_000);
    let evicted = served.counts.evicted.load(Ordering::Relaxed);
    assert!(evicted >= (idle.len() - Limits::default().connections) as u64, "{evicted}");
}

#[test]
fn trickled_heads_do_not_keep_a_scraper_out() {
    let served = served(60_000);
    let mut trickling = attackers(200, served.address, b"GET /metrics HTTP/1.1\r\nX");
    for _ in 0..4 {
        for stream in &mut trickling {
            let _ = stream.write_all(b"-");
        }
        assert_scrapes_go_well(served.address, 60_000);
    }
}

#[test]
fn slow_readers_do_not_keep_a_scraper_out() {
    // More than socket buffers take.
    const PAGE_BYTES: usize = 16 << 20;
    let served = served(PAGE_BYTES);
    let _slow = attackers(200, served.address, b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_scrapes_go_well(served.address, PAGE_BYTES);
    assert!(served.counts.evicted.load(Ordering::Relaxed) > 0);
}

#[test]
fn trickled_bodies_do_not_keep_a_scraper_out() {
    let page = Route::get("/metrics", |_| Response::new("text/plain", vec![b'x'; 60_000]));
    let posted = Route::post("/v1/logs", |_| Response::text(StatusCode::OK, ""));
    let served = Served::new(Options::default(), vec![page, posted]);
    let head = b"POST /v1/logs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nx";
    let _trickling = attackers(200, served.address, head);
    assert_scrapes_go_well(served.address, 60_000);
}

#[test]
fn garbage_is_answered_with_an_error_or_not_at_all() {
    let served = served(100);
    let mut random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    for round in 0..300 {
        let mut client = Client::new(served.address);
        let garbage = garbage(&mut random);
        client.try_send(&garbage);
        client.shut(Shutdown::Write);
        let said = client.rest();
        let said = String::from_utf8_lossy(&said);
        let is_expected = said.is_empty() || said.starts_with("HTTP/1.");
        assert!(is_expected, "round {round}: {said:?} to {garbage:?}");
        assert!(!said.contains(" 500 "), "round {round}: {said:?} to {garbage:?}");
    }
    assert_scrapes_go_well(served.address, 100);
}

/// Any bytes, or a request in which a few are not as they should be.
fn garbage(random: &mut TestRng) -> Vec<u8> {
    let mut bytes = b"POST /metrics?a=%zz&b HTTP/1.1\r\nHost: localhost\r\nAccept: */*;q=9\r\n\
        Transfer-Encoding: chunked\r\nContent-Length: 7\r\n\r\n5\r\nhello\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\n\r\n"
        .to_vec();
    if random.next_u32().is_multiple_of(4) {
        bytes.resize(1 + random.next_u32() as usize % 3_000, 0);
        random.fill_bytes(&mut bytes);
    } else {
        for _ in 0..random.next_u32() % 6 {
            let at = random.next_u32() as usize % bytes.len();
            bytes[at] = random.next_u32().to_le_bytes()[0];
        }
        bytes.truncate(1 + random.next_u32() as usize % bytes.len());
    }
    bytes
}
