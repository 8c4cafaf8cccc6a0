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

/// Why a body is not taken in.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("a body is {PROTOBUF} or {JSON}")]
    Kind,
    #[error("a body comes as it is, or packed by gzip")]
    Packing,
    #[error(transparent)]
    Body(#[from] Error),
    #[error("the ledger cannot take it in right now: send it again")]
    Later,
}

impl Refusal {
    fn status(&self) -> StatusCode {
        match self {
            Self::Kind | Self::Packing => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Body(Error::Malformed { .. }) => StatusCode::BAD_REQUEST,
            Self::Body(Error::TooMany | Error::TooLarge { .. }) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Later => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

fn answer(pages: &Pages, signal: Signal, request: &Request) -> Response {
    let counts = pages.otlp().of(signal);
    let encoding = encoding(&request.content_type);
    let taken = encoding.ok_or(Refusal::Kind).and_then(|encoding| {
        let told = read(signal, encoding, request)?;
        take_in(pages, told, request, counts)
    });
    count(if taken.is_ok() { &counts.accepted } else { &counts.rejected }, 1);
    match taken {
        Ok(invalid) => success(signal, encoding.unwrap_or(Encoding::Protobuf), invalid),
        Err(why) => refusal(encoding, &why),
    }
}

fn encoding(content_type: &str) -> Option<Encoding> {
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    let known = [(JSON, Encoding::Json), (PROTOBUF, Encoding::Protobuf)];
    known.into_iter().find_map(|(name, encoding)| kind.eq_ignore_ascii_case(name).then_some(encoding))
}

fn read(signal: Signal, encoding: Encoding, request: &Request) -> Result<Told, Refusal> {
    match &*request.content_encoding.to_ascii_lowercase() {
        "" | "identity" => Ok(otlp::read(signal, encoding, &request.body)?),
        "gzip" => Ok(otlp::read(signal, encoding, &otlp::unpack(&request.body, MOST_BYTES)?)?),
        _ => Err(Refusal::Packing),
    }
}

/// How many records could not be.
fn take_in(pages: &Pages, told: Told, request: &Request, counts: &SignalCounts) -> Result<usize, Refusal> {
    let Told { facts, ignored, invalid, .. } = told;
    let told = facts.len();
    let stored = if told == 0 { Some(0) } else { pages.kept().take_in(facts, request.budget) };
    let stored = stored.ok_or(Refusal::Later)?;
    count(&counts.stored, stored);
    count(&counts.duplicate, told - stored);
    count(&counts.ignored, ignored);
    count(&counts.invalid, invalid);
    Ok(invalid)
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
fn refusal(encoding: Option<Encoding>, why: &Refusal) -> Response {
    let said = match encoding {
        Some(Encoding::Json) => {
            Response::new(JSON, serde_json::json!({ "message": why.to_string() }).to_string())
        }
        Some(Encoding::Protobuf) => {
            let mut message = vec![];
            put_bytes(&mut message, 2, why.to_string().as_bytes());
            Response::new(PROTOBUF, message)
        }
        None => Response::text(StatusCode::OK, format!("{why}\n")),
    };
    let said = Response { status: why.status(), ..said };
    match why {
        Refusal::Later => said.with_header(RETRY_AFTER, HeaderValue::from_static("5")),
        _ => said,
    }
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
