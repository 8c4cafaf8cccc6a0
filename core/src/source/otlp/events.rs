//! Log records of the client: one event each.

use super::attributes::Attributes;
use super::{Told, key_of};
use crate::model::telemetry::{ApiRequest, Fact, Measure, Point, TelemetryEvent, ToolRun};
use crate::model::{EventKind, Tokens};

/// More attempts than a client makes at one request.
const MOST_ATTEMPTS: i64 = 20;

/// A time that can be shown, in milliseconds since the epoch.
const TIMES_MS: std::ops::Range<u64> = 1..100_000_000_000_000;

/// A log record.
#[derive(Debug, Default)]
pub(super) struct Record {
    /// Nanoseconds since the epoch.
    pub(super) time_ns: u64,
    pub(super) attributes: Attributes,
}

impl Told {
    pub(super) fn event(&mut self, record: &Record) {
        let name = record.attributes.word("event.name");
        let fact = match name.strip_prefix("claude_code.").unwrap_or(name) {
            "api_request" => api_request(record).map(Fact::Request),
            "api_error" => api_error(record).map(Fact::Event),
            "api_retries_exhausted" => retries_exhausted(record).map(Fact::Point),
            "tool_result" => tool_result(record).map(Fact::ToolRun),
            "compaction" if record.attributes.word("success") != "false" => {
                let trigger = record.attributes.word("trigger");
                event(record, EventKind::Compaction, trigger.into(), 0).map(Fact::Event)
            }
            _ => {
                self.ignored += 1;
                return;
            }
        };
        match fact {
            Some(fact) => self.facts.push(fact),
            None => self.invalid += 1,
        }
    }
}

impl Record {
    fn session(&self) -> Option<String> {
        Some(self.attributes.word("session.id")).filter(|session| !session.is_empty()).map(String::from)
    }

    fn at_ms(&self) -> Option<i64> {
        let at_ms = self.time_ns / 1_000_000;
        TIMES_MS.contains(&at_ms).then_some(at_ms.cast_signed())
    }

    /// Two events of a session may have the same time, and two processes the same sequence.
    fn key(&self) -> i64 {
        let sequence = self.attributes.count("event.sequence").unwrap_or(-1);
        let names = [self.attributes.word("session.id"), self.attributes.word("event.name")];
        key_of(&names, &[self.time_ns.cast_signed(), sequence])
    }

    /// The status of a failed request; without one, the error, if that is a name.
    fn failure(&self) -> String {
        let status = self.attributes.count("status_code").map(|status| status.to_string());
        status.unwrap_or_else(|| self.attributes.word("error").into())
    }
}

fn api_request(record: &Record) -> Option<ApiRequest> {
    let attributes = &record.attributes;
    let word = |key| attributes.word(key).to_owned();
    // One that is there and cannot be counted makes the event useless.
    let count = |key| if attributes.has(key) { attributes.count(key) } else { Some(0) };
    let (w5, w1) = (count("cache_creation_5m_tokens")?, count("cache_creation_1h_tokens")?);
    let written = count("cache_creation_tokens")?.max(w5 + w1);
    let request = ApiRequest {
        request_id: word("request_id"),
        session: record.session()?,
        agent: word("agent_id"),
        agent_type: word("agent.name"),
        query_source: word("query_source"),
        model: word("model"),
        at_ms: record.at_ms()?,
        tokens: Tokens {
            input: count("input_tokens")?,
            output: count("output_tokens")?,
            cache_read: count("cache_read_tokens")?,
            cache_write_5m: written - w1,
            cache_write_1h: w1,
        },
        is_ttl_unknown: written > w5 + w1,
        duration_ms: attributes.count("duration_ms"),
        ttft_ms: attributes.count("ttft_ms"),
        key: record.key(),
    };
    (!request.model.is_empty() && attributes.has("output_tokens")).then_some(request)
}

/// The failure that ended it.
fn api_error(record: &Record) -> Option<TelemetryEvent> {
    let attempts = record.attributes.count("attempt").unwrap_or(1).clamp(1, MOST_ATTEMPTS);
    event(record, EventKind::ApiError, record.failure(), attempts - 1)
}

fn retries_exhausted(record: &Record) -> Option<Point> {
    Some(Point {
        measure: Measure::RetriesExhausted,
        session: record.session()?,
        detail: record.failure(),
        key: record.key(),
        value: 1,
    })
}

fn tool_result(record: &Record) -> Option<ToolRun> {
    let run = ToolRun {
        session: record.session()?,
        tool_use_id: record.attributes.word("tool_use_id").into(),
        tool: record.attributes.word("tool_name").into(),
        at_ms: record.at_ms()?,
        is_ok: record.attributes.word("success") == "true",
        duration_ms: record.attributes.count("duration_ms"),
    };
    (!run.tool_use_id.is_empty()).then_some(run)
}

fn event(record: &Record, kind: EventKind, detail: String, retries: i64) -> Option<TelemetryEvent> {
    Some(TelemetryEvent {
        key: record.key(),
        kind,
        session: record.session()?,
        agent: record.attributes.word("agent_id").into(),
        at_ms: record.at_ms()?,
        detail,
        retries,
    })
}
