//! Telemetry as clients send it, and as they should not: each fact counts once, and the agent stays small.

// Counts are whole, and told exactly.
#![allow(clippy::float_cmp)]

mod real_client;

use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::thread;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::agent::{Agent, Samples, counters};
use crate::corpora::from_shared;
use crate::endpoint::client::{Answer, Client};
use crate::harness::{Home, tell};

const JSON: &str = "application/json";
const PROTOBUF: &str = "application/x-protobuf";

/// A body and how it came.
#[derive(Debug, Clone)]
struct Post {
    path: String,
    content_type: String,
    body: Vec<u8>,
}

impl Post {
    fn logs(body: &Value) -> Self {
        Self { path: "/v1/logs".into(), content_type: JSON.into(), body: body.to_string().into() }
    }

    fn head(&self, headers: &str) -> String {
        format!(
            "POST {} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {}\r\nContent-Length: {}\r\n{headers}\r\n",
            self.path,
            self.content_type,
            self.body.len()
        )
    }

    fn send_with(&self, address: SocketAddr, headers: &str) -> Answer {
        let mut client = Client::new(address);
        client.send(self.head(headers)).send(&self.body);
        client.answer().unwrap()
    }

    #[track_caller]
    fn send(&self, agent: &Agent) -> Answer {
        let answer = self.send_with(agent.address, "");
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        answer
    }
}

/// What a client was seen to send, in both encodings, and a family that only the last body tells of.
fn captured() -> Option<[(Vec<Post>, &'static str); 2]> {
    let read = |name: &str| {
        let text = fs::read_to_string(from_shared(&format!("fixtures/otel/{name}"))?).unwrap();
        let post = |line: &str| {
            let line: Value = serde_json::from_str(line).unwrap();
            let body = match line["raw_b64"].as_str() {
                Some(packed) => STANDARD.decode(packed).unwrap(),
                None => line["body"].to_string().into(),
            };
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            let content_type = text(&line["headers"]["Content-Type"]);
            Post { path: text(&line["path"]), content_type, body }
        };
        Some(text.lines().map(post).collect::<Vec<_>>())
    };
    let (json, protobuf) = (read("http-json-delta.jsonl")?, read("http-protobuf-base64.jsonl")?);
    Some([(json, "odin_claude_active_seconds_total"), (protobuf, "odin_claude_lines_changed_total")])
}

fn gzipped(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(vec![], Compression::fast());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

/// An `api_request` event.
fn request(id: &str, session: &str, query_source: &str) -> Value {
    let text = |key: &str, value: &str| json!({ "key": key, "value": { "stringValue": value } });
    let count = |key: &str, value: i64| json!({ "key": key, "value": { "intValue": value } });
    let attributes = [
        text("session.id", session),
        text("event.name", "api_request"),
        text("request_id", id),
        text("query_source", query_source),
        text("model", "claude-opus-5-5"),
        count("input_tokens", 39),
        count("output_tokens", 292),
        count("duration_ms", 1_500),
    ];
    let record = json!({ "timeUnixNano": "1795459212708000000", "attributes": attributes });
    json!({ "resourceLogs": [{ "scopeLogs": [{ "logRecords": [record] }] }] })
}

/// Of the counters of Claude, those that have counted anything; and the histograms' counts.
fn told(page: &Samples) -> Samples {
    let mut told = counters(page);
    told.retain(|_, value| *value != 0.0);
    let counts =
        page.iter().filter(|(series, _)| series.starts_with("odin_claude_") && series.contains("_count"));
    told.extend(counts.map(|(series, value)| (series.clone(), *value)));
    told
}

fn records(page: &Samples, result: &str) -> f64 {
    let of = |signal| page[&format!(r#"odin_otlp_records_total{{signal="{signal}",result="{result}"}}"#)];
    of("logs") + of("metrics")
}

/// After an answer, what it was for is on a page at once or with the next round.
fn await_told(agent: &Agent, expected: &Samples) {
    agent.await_page(|page| told(page) == *expected);
}

#[test]
fn captured_bodies_count_once_however_often_and_in_whatever_order_they_come() {
    let Some(captures) = captured() else { return };
    for (posts, last) in captures {
        let home = Home::new();
        let agent = Agent::start(&home);
        agent.await_ready();
        for post in &posts {
            let answer = post.send(&agent);
            assert_eq!(answer.header("content-type"), post.content_type);
            assert_eq!(answer.body, if post.content_type == JSON { b"{}".to_vec() } else { vec![] });
        }
        let requests = home.total().responses;
        assert!(requests > 0);
        let has = |page: &Samples, family: &str| page.keys().any(|series| series.starts_with(family));
        let page = agent.await_page(|page| has(page, last));
        let (first, stored) = (told(&page), records(&page, "stored"));
        for family in ["responses", "hidden_cost_usd", "api_request_duration_seconds_count"] {
            assert!(has(&first, &format!("odin_claude_{family}")), "{family}");
        }
        assert_eq!((records(&page, "duplicate"), records(&page, "invalid")), (0.0, 0.0));

        for post in posts.iter().rev() {
            post.send(&agent);
            let packed = Post { body: gzipped(&post.body), ..post.clone() };
            assert_eq!(packed.send_with(agent.address, "Content-Encoding: gzip\r\n").status, 200);
        }
        let page = agent.samples();
        assert_eq!((records(&page, "stored"), records(&page, "duplicate")), (stored, 2.0 * stored));
        await_told(&agent, &first);
        home.check();

        // In a ledger of its own, the other way round.
        drop(agent);
        let home = Home::new();
        let agent = Agent::start(&home);
        agent.await_ready();
        posts.iter().rev().for_each(|post| _ = post.send(&agent));
        await_told(&agent, &first);
        assert_eq!(home.total().responses, requests);
        home.check();
    }
}

#[test]
fn what_is_no_telemetry_is_refused_and_counted() {
    let home = Home::new();
    let agent = Agent::start(&home);
    agent.await_ready();
    let good = Post::logs(&request("req_1", "s", "compact"));
    let half = good.body.len() / 2;
    let as_kind = |content_type: &str, body: &[u8]| Post {
        content_type: content_type.into(),
        body: body.into(),
        ..good.clone()
    };
    for (post, headers, status) in [
        (as_kind(JSON, &good.body[..half]), "", 400),
        (as_kind(PROTOBUF, &good.body), "", 400),
        (as_kind(JSON, b"\x0a\x00"), "", 400),
        (as_kind("text/plain", &good.body), "", 415),
        (as_kind(JSON, &good.body), "Content-Encoding: br\r\n", 415),
        (as_kind(JSON, &good.body), "Content-Encoding: gzip\r\n", 400),
        (as_kind(JSON, &gzipped(&good.body)[..half / 2]), "Content-Encoding: gzip\r\n", 400),
        (as_kind(JSON, &gzipped(&vec![b' '; 64 << 20])), "Content-Encoding: gzip\r\n", 413),
        (as_kind(JSON, &[b"[".as_slice(), &vec![b'['; 1 << 20]].concat()), "", 400),
    ] {
        let answer = post.send_with(agent.address, headers);
        assert_eq!(answer.status, status, "{} {headers}", post.content_type);
        let kind = if status == 415 && post.content_type == "text/plain" {
            "text/plain; charset=utf-8"
        } else {
            &post.content_type
        };
        assert_eq!(answer.header("content-type"), kind);
    }
    assert_eq!(Client::new(agent.address).get("/v1/logs", "").status, 405);
    let page = agent.samples();
    assert_eq!(page[r#"odin_otlp_requests_total{signal="logs",result="rejected"}"#], 9.0);
    assert_eq!(home.total().responses, 0);

    // Content that is no fact is told apart from what is.
    let mut partial = request("req_1", "s", "compact");
    let records = &mut partial["resourceLogs"][0]["scopeLogs"][0]["logRecords"];
    let without_time = json!({ "attributes": records[0]["attributes"] });
    records.as_array_mut().unwrap().push(without_time);
    let answer: Value = serde_json::from_slice(&Post::logs(&partial).send(&agent).body).unwrap();
    assert_eq!(answer["partialSuccess"]["rejectedLogRecords"], "1");
    assert_eq!(home.total().responses, 1);
}

#[test]
fn a_body_of_64_mb_is_refused_before_it_has_come() {
    let home = Home::new();
    let agent = Agent::start(&home);
    agent.await_ready();
    let post = Post { body: vec![b' '; 64 << 20], ..Post::logs(&json!({})) };
    let mut client = Client::new(agent.address);
    client.send(post.head(""));
    client.try_send(&post.body);
    assert_eq!(client.answer().unwrap().status, 413);
    assert!(peak_mib(&agent) < 40.0, "{}", peak_mib(&agent));
}

#[test]
fn a_hundred_senders_are_all_taken_in_and_a_scrape_is_answered_meanwhile() {
    const SENDERS: usize = 100;
    const EACH: usize = 5;
    let home = Home::new();
    let agent = Agent::start(&home);
    agent.await_ready();
    let before = peak_mib(&agent);
    thread::scope(|scope| {
        for sender in 0..SENDERS {
            let agent = &agent;
            scope.spawn(move || {
                for n in 0..EACH {
                    // The last is everybody's.
                    let id = if n + 1 == EACH { "req_shared".into() } else { format!("req_{sender}_{n}") };
                    let mut body = request(&id, &format!("session-{sender}"), "compact");
                    body["padding"] = " ".repeat(500_000).into();
                    send_until_taken(agent.address, &Post::logs(&body));
                }
            });
        }
        agent.samples();
    });
    assert_eq!(home.total().responses, i64::try_from(SENDERS * (EACH - 1) + 1).unwrap());
    home.check();
    tell(&format!(
        "{SENDERS} senders of 500 kB each: {before:.1} MiB before, at most {:.1}",
        peak_mib(&agent)
    ));
    assert!(peak_mib(&agent) < 40.0);
}

/// As clients do: what was not answered, or is to come later, is sent again.
fn send_until_taken(address: SocketAddr, post: &Post) {
    loop {
        let mut client = Client::new(address);
        if client.try_send(post.head("")) && client.try_send(&post.body) {
            match client.answer().map(|answer| answer.status) {
                Some(200) => return,
                Some(503) | None => {}
                Some(other) => panic!("{other}"),
            }
        }
        thread::yield_now();
    }
}

/// The most memory that the agent has had resident.
fn peak_mib(agent: &Agent) -> f64 {
    let status = fs::read_to_string(format!("/proc/{}/status", agent.pid())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    peak.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
}

#[test]
fn what_was_answered_outlives_a_kill_and_finds_its_transcript() {
    let home = Home::new();
    let agent = Agent::start(&home);
    agent.await_ready();
    Post::logs(&request("req_m1", "a", "sdk")).send(&agent);
    Post::logs(&request("req_hidden", "a", "compact")).send(&agent);
    agent.kill();
    let told = home.report("project", "UTC");
    assert_eq!(told.json["provenance"]["otel"]["responses"], 2);
    home.check();

    // As `line` of the tests of durability has it: in /work, of session a.
    home.write("-work/a.jsonl", crate::durability::line("m1", 292));
    let report = home.report("project", "UTC");
    assert_eq!(report.json["provenance"]["otel"]["responses"], 1);
    assert_eq!(report.json["provenance"]["transcript"]["responses"], 1);
    let projects: Vec<&str> =
        report.json["rows"].as_array().unwrap().iter().map(|row| row["project"].as_str().unwrap()).collect();
    assert_eq!(projects, ["/work"], "what is hidden is where its session is");
    home.check();
}
