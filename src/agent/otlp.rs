//! `/v1/logs` and `/v1/metrics`: the client's telemetry, by OTLP/HTTP.
//!
//! What is told is in the ledger when the answer says 200. Otherwise the answer's status says, as the protocol wants it,
//! whether to send it again: 503 does, 4xx do not.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hyper::StatusCode;
use hyper::header::{HeaderValue, RETRY_AFTER};

use super::page::Pages;
use crate::endpoint::{Request, Response, Route};
use crate::metrics::families::agent as families;
use crate::metrics::snapshot::Builder;
use crate::source::otlp::{self, Encoding, Error, Signal, Told};

/// Of a body when it is unpacked.
const MOST_BYTES: usize = 4 << 20;

const JSON: &str = "application/json";
const PROTOBUF: &str = "application/x-protobuf";

/// What came so far.
#[derive(Debug, Default)]
pub struct Counts {
    logs: SignalCounts,
    metrics: SignalCounts,
}

#[derive(Debug, Default)]
struct SignalCounts {
    accepted: AtomicU64,
    rejected: AtomicU64,
    stored: AtomicU64,
    duplicate: AtomicU64,
    ignored: AtomicU64,
    invalid: AtomicU64,
}

impl Counts {
    pub fn tell(&self, out: &mut Builder) {
        for (signal, counts) in [("logs", &self.logs), ("metrics", &self.metrics)] {
            for (result, count) in [("accepted", &counts.accepted), ("rejected", &counts.rejected)] {
                out.push(&families::OTLP_REQUESTS, &[signal, result], count.load(Ordering::Relaxed) as f64);
            }
            for (result, count) in [
                ("stored", &counts.stored),
                ("duplicate", &counts.duplicate),
                ("ignored", &counts.ignored),
                ("invalid", &counts.invalid),
            ] {
                out.push(&families::OTLP_RECORDS, &[signal, result], count.load(Ordering::Relaxed) as f64);
            }
        }
    }

    fn of(&self, signal: Signal) -> &SignalCounts {
        match signal {
            Signal::Logs => &self.logs,
            Signal::Metrics => &self.metrics,
        }
    }
}

pub fn routes(pages: &Arc<Pages>) -> [Route; 2] {
    [("/v1/logs", Signal::Logs), ("/v1/metrics", Signal::Metrics)].map(|(path, signal)| {
        let pages = Arc::clone(pages);
        Route::post(path, move |request| answer(&pages, signal, request))
    })
}

fn answer(pages: &Pages, signal: Signal, request: &Request) -> Response {
    let counts = pages.otlp().of(signal);
    let response = take_in(pages, signal, request, counts).unwrap_or_else(|refusal| refusal);
    let is_accepted = response.status == StatusCode::OK;
    count(if is_accepted { &counts.accepted } else { &counts.rejected }, 1);
    response
}

fn take_in(
    pages: &Pages,
    signal: Signal,
    request: &Request,
    counts: &SignalCounts,
) -> Result<Response, Response> {
    let encoding = match request.content_type.split(';').next().map(str::trim) {
        Some(kind) if kind.eq_ignore_ascii_case(JSON) => Encoding::Json,
        Some(kind) if kind.eq_ignore_ascii_case(PROTOBUF) => Encoding::Protobuf,
        _ => {
            let why = format!("a body is {PROTOBUF} or {JSON}\n");
            return Err(Response::text(StatusCode::UNSUPPORTED_MEDIA_TYPE, why));
        }
    };
    let refused = |error: Error| {
        let status = match error {
            Error::Malformed { .. } => StatusCode::BAD_REQUEST,
            Error::TooMany | Error::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        };
        refusal(encoding, status, &error.to_string())
    };
    let unpacked;
    let body = match &*request.content_encoding.to_ascii_lowercase() {
        "" | "identity" => &*request.body,
        "gzip" => {
            unpacked = otlp::unpack(&request.body, MOST_BYTES).map_err(refused)?;
            &*unpacked
        }
        _ => {
            let why = "a body comes as it is, or packed by gzip";
            return Err(refusal(encoding, StatusCode::UNSUPPORTED_MEDIA_TYPE, why));
        }
    };
    let Told { facts, ignored, invalid, .. } = otlp::read(signal, encoding, body).map_err(refused)?;
    let told = facts.len();
    let stored = if told == 0 { Some(0) } else { pages.kept().take_in(facts, request.budget) };
    let Some(stored) = stored else {
        let why = "the ledger cannot take it in right now: send it again";
        let later = refusal(encoding, StatusCode::SERVICE_UNAVAILABLE, why);
        return Err(later.with_header(RETRY_AFTER, HeaderValue::from_static("5")));
    };
    count(&counts.stored, stored);
    count(&counts.duplicate, told - stored);
    count(&counts.ignored, ignored);
    count(&counts.invalid, invalid);
    Ok(success(signal, encoding, invalid))
}

fn count(counter: &AtomicU64, times: usize) {
    counter.fetch_add(times as u64, Ordering::Relaxed);
}

/// `ExportLogsServiceResponse` or `ExportMetricsServiceResponse`: the names differ in JSON alone.
fn success(signal: Signal, encoding: Encoding, invalid: usize) -> Response {
    let why = "they lack a session, a time or a count";
    match (encoding, invalid) {
        (Encoding::Json, 0) => Response::new(JSON, "{}"),
        (Encoding::Protobuf, 0) => Response::new(PROTOBUF, ""),
        (Encoding::Json, invalid) => {
            let name = match signal {
                Signal::Logs => "rejectedLogRecords",
                Signal::Metrics => "rejectedDataPoints",
            };
            let partial = serde_json::json!({ name: invalid.to_string(), "errorMessage": why });
            Response::new(JSON, serde_json::json!({ "partialSuccess": partial }).to_string())
        }
        (Encoding::Protobuf, invalid) => {
            let mut partial = vec![1 << 3];
            put_varint(&mut partial, invalid);
            put_bytes(&mut partial, 2, why.as_bytes());
            let mut response = vec![];
            put_bytes(&mut response, 1, &partial);
            Response::new(PROTOBUF, response)
        }
    }
}

/// With a `google.rpc.Status`, of which only the message is of use.
fn refusal(encoding: Encoding, status: StatusCode, why: &str) -> Response {
    let said = match encoding {
        Encoding::Json => Response::new(JSON, serde_json::json!({ "message": why }).to_string()),
        Encoding::Protobuf => {
            let mut message = vec![];
            put_bytes(&mut message, 2, why.as_bytes());
            Response::new(PROTOBUF, message)
        }
    };
    Response { status, ..said }
}

fn put_bytes(to: &mut Vec<u8>, field: u8, bytes: &[u8]) {
    to.push(field << 3 | 2);
    put_varint(to, bytes.len());
    to.extend_from_slice(bytes);
}

#[expect(clippy::cast_possible_truncation, reason = "seven bits a byte")]
fn put_varint(to: &mut Vec<u8>, mut number: usize) {
    while number >= 0x80 {
        to.push(number as u8 | 0x80);
        number >>= 7;
    }
    to.push(number as u8);
}
