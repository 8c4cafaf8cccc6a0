//! OTLP/HTTP bodies of Claude Code's telemetry: <https://opentelemetry.io/docs/specs/otlp/>.
//!
//! ```text
//! protobuf ─┐            ┌─ events
//!           ├─► records ─┤          ─► facts
//! json ─────┘            └─ sums
//! ```
//!
//! A body is walked through, never made into a tree: an empty record takes 2 bytes of it and 184 as a struct, so that
//! a tree of a small body could take all memory. What is no fact, above all prompts and answers, is stepped over.

mod attributes;
mod events;
mod json;
mod protobuf;
mod sums;

use std::io::Read;

use flate2::read::GzDecoder;

use crate::model::fnv1a;
use crate::model::telemetry::Fact;

/// More than any client sends at once: the SDK's own limit is 512.
pub const MOST_RECORDS: usize = 10_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    Logs,
    Metrics,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    Protobuf,
    Json,
}

/// What a body tells.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Told {
    pub facts: Vec<Fact>,
    /// Records that are nothing to the ledger.
    pub ignored: usize,
    /// Records that should be facts and cannot be.
    pub invalid: usize,
    records: usize,
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// Nothing of the body is repeated: it may be text of a conversation.
    #[error("the body is no {what}: {why}")]
    Malformed { what: &'static str, why: String },
    #[error("the body has more than {MOST_RECORDS} records")]
    TooMany,
    #[error("the body has more than {most} bytes when it is unpacked")]
    TooLarge { most: usize },
}

/// Reads a whole body.
pub fn read(signal: Signal, encoding: Encoding, body: &[u8]) -> Result<Told, Error> {
    match encoding {
        Encoding::Protobuf => protobuf::read(signal, body),
        Encoding::Json => json::read(signal, body),
    }
}

/// Unpacks what was packed with gzip, up to so many bytes.
pub fn unpack(body: &[u8], most: usize) -> Result<Vec<u8>, Error> {
    let mut unpacked = Vec::new();
    let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    let read = GzDecoder::new(body).take(limit).read_to_end(&mut unpacked);
    read.map_err(|error| Error::Malformed { what: "gzip", why: error.to_string() })?;
    if unpacked.len() > most { Err(Error::TooLarge { most }) } else { Ok(unpacked) }
}

impl Told {
    /// One record more was found.
    fn count(&mut self) -> Result<(), Error> {
        self.records += 1;
        if self.records > MOST_RECORDS { Err(Error::TooMany) } else { Ok(()) }
    }
}

/// A number that only the same facts share.
fn key_of(names: &[&str], numbers: &[i64]) -> i64 {
    let mut bytes = Vec::new();
    for name in names {
        bytes.extend_from_slice(name.as_bytes());
        bytes.push(0);
    }
    for number in numbers {
        bytes.extend(number.to_le_bytes());
    }
    fnv1a(&bytes)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::model::telemetry::{ApiRequest, Measure, Point, TelemetryEvent, ToolRun};
    use crate::model::{EventKind, Tokens};

    /// The same body in protobuf.
    fn protobuf(signal: Signal, body: &Value) -> Vec<u8> {
        let lists = match signal {
            Signal::Logs => ["resourceLogs", "scopeLogs", "logRecords"],
            Signal::Metrics => ["resourceMetrics", "scopeMetrics", "metrics"],
        };
        let mut out = vec![];
        for resource in list(&body[lists[0]]) {
            let mut scopes = message(1, &message(1, &[]));
            for scope in list(&resource[lists[1]]) {
                let mut records = message(1, &message(1, b"com.anthropic.claude_code"));
                for record in list(&scope[lists[2]]) {
                    let record = if signal == Signal::Logs { log(record) } else { metric(record) };
                    records.extend(message(2, &record));
                }
                scopes.extend(message(2, &records));
            }
            out.extend(message(1, &scopes));
        }
        out
    }

    fn list(value: &Value) -> &[Value] {
        value.as_array().map_or(&[], Vec::as_slice)
    }

    fn log(record: &Value) -> Vec<u8> {
        [fixed64(1, time(&record["timeUnixNano"])), attributes(6, record)].concat()
    }

    fn metric(metric: &Value) -> Vec<u8> {
        let sum = &metric["sum"];
        let mut fields = vec![];
        for point in list(&sum["dataPoints"]) {
            let times = [("startTimeUnixNano", 2), ("timeUnixNano", 3)];
            let mut bytes = times.map(|(name, field)| fixed64(field, time(&point[name]))).concat();
            bytes.extend(fixed64(4, point["asDouble"].as_f64().unwrap().to_bits()));
            bytes.extend(attributes(7, point));
            fields.extend(message(1, &bytes));
        }
        fields.extend([2 << 3, u8::try_from(sum["aggregationTemporality"].as_u64().unwrap()).unwrap()]);
        fields.extend([3 << 3, u8::from(sum["isMonotonic"].as_bool().unwrap())]);
        [message(7, &fields), message(1, metric["name"].as_str().unwrap().as_bytes())].concat()
    }

    fn attributes(field: u8, record: &Value) -> Vec<u8> {
        let attribute = |attribute: &Value| {
            let value = match attribute["value"].as_object().unwrap().iter().next().unwrap() {
                (_, Value::String(text)) => message(1, text.as_bytes()),
                (_, Value::Bool(flag)) => vec![2 << 3, u8::from(*flag)],
                (kind, Value::Number(number)) if kind == "doubleValue" => {
                    fixed64(4, number.as_f64().unwrap().to_bits())
                }
                (_, Value::Number(number)) => [vec![3 << 3], varint(number.as_u64().unwrap())].concat(),
                (_, other) => panic!("{other}"),
            };
            let key = attribute["key"].as_str().unwrap();
            message(field, &[message(2, &value), message(1, key.as_bytes())].concat())
        };
        list(&record["attributes"]).iter().flat_map(attribute).collect()
    }

    fn time(value: &Value) -> u64 {
        value.as_str().unwrap().parse().unwrap()
    }

    fn varint(mut number: u64) -> Vec<u8> {
        let mut bytes = vec![];
        while number >= 0x80 {
            bytes.push(number.to_le_bytes()[0] | 0x80);
            number >>= 7;
        }
        bytes.push(number.to_le_bytes()[0]);
        bytes
    }

    fn message(field: u8, bytes: &[u8]) -> Vec<u8> {
        [vec![field << 3 | 2], varint(bytes.len() as u64), bytes.to_vec()].concat()
    }

    fn fixed64(field: u8, number: u64) -> Vec<u8> {
        [vec![field << 3 | 1], number.to_le_bytes().to_vec()].concat()
    }

    fn with_attributes(mut record: Value, attributes: &Value) -> Value {
        let attribute = |(key, value): (&String, &Value)| {
            let value = match value {
                Value::String(_) => json!({ "stringValue": value }),
                Value::Bool(_) => json!({ "boolValue": value }),
                Value::Number(number) if number.is_f64() => json!({ "doubleValue": value }),
                _ => json!({ "intValue": value }),
            };
            json!({ "key": key, "value": value })
        };
        let attributes: Vec<Value> = attributes.as_object().unwrap().iter().map(attribute).collect();
        record["attributes"] = attributes.into();
        record
    }

    fn logs(records: &[Value]) -> Value {
        json!({ "resourceLogs": [{ "resource": {}, "scopeLogs": [{ "scope": {}, "logRecords": records }] }] })
    }

    fn metrics(metrics: &[Value]) -> Value {
        json!({ "resourceMetrics": [{ "resource": {}, "scopeMetrics": [{ "scope": {}, "metrics": metrics }] }] })
    }

    /// Reads a body in both encodings, which must agree.
    fn both(signal: Signal, body: &Value) -> Told {
        let told = read(signal, Encoding::Json, body.to_string().as_bytes()).unwrap();
        assert_eq!(read(signal, Encoding::Protobuf, &protobuf(signal, body)), Ok(told.clone()));
        told
    }

    fn event(name: &str, attributes: &Value) -> Value {
        let mut all = json!({ "session.id": "s", "event.name": name, "event.sequence": 9 });
        all.as_object_mut().unwrap().extend(attributes.as_object().unwrap().clone());
        let record = json!({ "timeUnixNano": "1795459212708000000", "body": { "stringValue": "a prompt" } });
        with_attributes(record, &all)
    }

    /// As client 2.1.330 sends it.
    fn request() -> Value {
        json!({
            "model": "claude-haiku-5-5", "input_tokens": 59, "output_tokens": 432, "cache_read_tokens": 17656,
            "cache_creation_tokens": 2054, "cache_creation_5m_tokens": 1054, "cache_creation_1h_tokens": 1000,
            "cost_usd": 0.5, "duration_ms": 25, "ttft_ms": 8,
            "request_id": "req_1", "speed": "normal", "query_source": "agent:builtin:general-purpose",
            "effort": "medium", "agent.name": "general-purpose", "agent_id": "a3a40e1c1be57590b",
            "prompt": "what the user said"
        })
    }

    #[test]
    fn events_become_facts_without_any_words() {
        let told = both(
            Signal::Logs,
            &logs(&[
                event("api_request", &request()),
                event(
                    "tool_result",
                    &json!({ "tool_name": "Read", "tool_use_id": "toolu_1", "success": "false", "duration_ms": "12" }),
                ),
                event("compaction", &json!({ "trigger": "manual", "success": "true" })),
                event("api_error", &json!({ "error": "mock error", "status_code": 529, "attempt": 2 })),
                event("user_prompt", &json!({ "prompt": "what the user said" })),
                event("compaction", &json!({ "trigger": "auto", "success": "false" })),
                event("api_request", &json!({ "model": "m" })),
            ]),
        );
        assert_eq!((told.facts.len(), told.ignored, told.invalid), (4, 2, 1));
        let at_ms = 1_795_459_212_708;
        let Fact::Request(ApiRequest { key, .. }) = told.facts[0] else { panic!("{:?}", told.facts[0]) };
        let expected = ApiRequest {
            request_id: "req_1".into(),
            session: "s".into(),
            agent: "a3a40e1c1be57590b".into(),
            agent_type: "general-purpose".into(),
            query_source: "agent:builtin:general-purpose".into(),
            model: "claude-haiku-5-5".into(),
            at_ms,
            tokens: Tokens {
                input: 59,
                output: 432,
                cache_read: 17_656,
                cache_write_5m: 1_054,
                cache_write_1h: 1_000,
            },
            is_ttl_unknown: false,
            duration_ms: Some(25),
            ttft_ms: Some(8),
            key,
        };
        assert_eq!(told.facts[0], Fact::Request(expected));
        let run = ToolRun {
            session: "s".into(),
            tool_use_id: "toolu_1".into(),
            tool: "Read".into(),
            at_ms,
            is_ok: false,
            duration_ms: Some(12),
        };
        assert_eq!(told.facts[1], Fact::ToolRun(run));
        let of = |fact: &Fact| match fact {
            Fact::Event(TelemetryEvent { kind, detail, retries, .. }) => (*kind, detail.clone(), *retries),
            other => panic!("{other:?}"),
        };
        assert_eq!(of(&told.facts[2]), (EventKind::Compaction, "manual".into(), 0));
        assert_eq!(of(&told.facts[3]), (EventKind::ApiError, "529".into(), 1));
        assert!(!format!("{told:?}").contains("user said"));
    }

    #[test]
    fn cache_writes_without_their_split_are_taken_as_short_lived() {
        for (split, writes, is_ttl_unknown) in [
            (json!({ "cache_creation_tokens": 313 }), (313, 0), true),
            (json!({ "cache_creation_tokens": 313, "cache_creation_1h_tokens": 10 }), (303, 10), true),
            (json!({ "cache_creation_5m_tokens": 3, "cache_creation_1h_tokens": 10 }), (3, 10), false),
        ] {
            let mut all = json!({ "model": "m", "output_tokens": 1 });
            all.as_object_mut().unwrap().extend(split.as_object().unwrap().clone());
            let told = both(Signal::Logs, &logs(&[event("api_request", &all)]));
            let Fact::Request(request) = &told.facts[0] else { panic!("{told:?}") };
            assert_eq!((request.tokens.cache_write_5m, request.tokens.cache_write_1h), writes, "{split}");
            assert_eq!(request.is_ttl_unknown, is_ttl_unknown, "{split}");
        }
    }

    fn sum(name: &str, temporality: u8, points: &[Value]) -> Value {
        let sum = json!({ "dataPoints": points, "aggregationTemporality": temporality, "isMonotonic": true });
        json!({ "name": name, "sum": sum })
    }

    fn point(times: [&str; 2], value: f64, attributes: &Value) -> Value {
        let point = json!({ "startTimeUnixNano": times[0], "timeUnixNano": times[1], "asDouble": value });
        with_attributes(point, attributes)
    }

    fn points(told: &Told) -> Vec<(Measure, &str, i64)> {
        let point = |fact| match fact {
            &Fact::Point(Point { measure, ref detail, value, .. }) => (measure, &**detail, value),
            other => panic!("{other:?}"),
        };
        told.facts.iter().map(point).collect()
    }

    #[test]
    fn metrics_become_points() {
        let times = ["1795459211848000000", "1795459212259000000"];
        let of = |kind: &str| json!({ "session.id": "s", "type": kind });
        let told = both(
            Signal::Metrics,
            &metrics(&[
                sum(
                    "claude_code.lines_of_code.count",
                    1,
                    &[point(times, 3.0, &of("added")), point(times, 0.0, &of("removed"))],
                ),
                sum("claude_code.active_time.total", 1, &[point(times, 4.0814, &of("cli"))]),
                sum(
                    "claude_code.session.count",
                    2,
                    &[point(times, 1.0, &json!({ "session.id": "s", "start_type": "fresh" }))],
                ),
                sum(
                    "claude_code.code_edit_tool.decision",
                    1,
                    &[point(
                        times,
                        1.0,
                        &json!({ "session.id": "s", "decision": "accept", "tool_name": "Write" }),
                    )],
                ),
                sum("claude_code.commit.count", 1, &[point(times, 1.0, &json!({}))]),
                sum("claude_code.commit.count", 0, &[point(times, 1.0, &json!({ "session.id": "s" }))]),
                sum("claude_code.commit.count", 1, &[point(times, -1.0, &json!({ "session.id": "s" }))]),
                sum("claude_code.cost.usage", 1, &[point(times, 0.5, &json!({ "session.id": "s" }))]),
            ]),
        );
        let expected = [
            (Measure::Lines, "added", 3),
            (Measure::Active, "cli", 4_081),
            (Measure::Starts, "fresh", 1),
            (Measure::EditDecisions, "accept/Write", 1),
        ];
        assert_eq!(points(&told), expected);
        assert_eq!((told.ignored, told.invalid), (2, 3));
    }

    #[test]
    fn a_point_is_known_by_its_time_and_a_sum_so_far_by_its_start() {
        let key = |temporality, times, model: &str| {
            let attributes = json!({ "session.id": "s", "type": "added", "model": model });
            let lines =
                sum("claude_code.lines_of_code.count", temporality, &[point(times, 3.0, &attributes)]);
            let told = both(Signal::Metrics, &metrics(&[lines]));
            let [Fact::Point(point)] = &told.facts[..] else { panic!("{told:?}") };
            point.key
        };
        assert_eq!(key(1, ["10", "20"], "m"), key(1, ["10", "20"], "m"));
        assert_ne!(key(1, ["10", "20"], "m"), key(1, ["20", "30"], "m"));
        assert_ne!(key(1, ["10", "20"], "m"), key(1, ["10", "20"], "other"));
        assert_eq!(key(2, ["10", "20"], "m"), key(2, ["10", "30"], "m"));
        assert_ne!(key(2, ["10", "20"], "m"), key(2, ["20", "30"], "m"));
    }

    #[test]
    fn a_body_that_ends_early_is_malformed_or_tells_less() {
        let body =
            logs(&[event("api_request", &request()), event("compaction", &json!({ "trigger": "auto" }))]);
        let (text, bytes) = (body.to_string(), protobuf(Signal::Logs, &body));
        for end in 0..text.len() {
            assert!(read(Signal::Logs, Encoding::Json, &text.as_bytes()[..end]).is_err(), "{end}");
        }
        for end in 1..bytes.len() {
            assert!(read(Signal::Logs, Encoding::Protobuf, &bytes[..end]).is_err(), "{end}");
        }
    }

    #[test]
    fn json_of_another_shape_is_malformed_and_unknown_fields_are_not() {
        let reads = |text: &str| read(Signal::Logs, Encoding::Json, text.as_bytes()).map(|told| told.records);
        for text in
            ["", "7", "[]", r#"{"resourceLogs":7}"#, r#"{"resourceLogs":[7]}"#, "{} {}", "{\"a\":\"\u{1}\"}"]
        {
            assert!(reads(text).is_err(), "{text}");
        }
        for (text, records) in [
            ("{}", 0),
            (r#"{"resourceLogs":null,"new":[[{"a":1}]]}"#, 0),
            (
                r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[null,{},{"timeUnixNano":7,"attributes":null}]}]}]}"#,
                2,
            ),
        ] {
            assert_eq!(reads(text), Ok(records), "{text}");
        }
        let deep = format!(r#"{{"resourceLogs":[{{"x":{}"#, "[".repeat(1_000_000));
        assert!(reads(&deep).is_err());
    }

    #[test]
    fn records_and_unpacked_bytes_are_bounded() {
        let many = |count| logs(&vec![json!({}); count]).to_string();
        let reads =
            |count| read(Signal::Logs, Encoding::Json, many(count).as_bytes()).map(|told| told.ignored);
        assert_eq!(reads(MOST_RECORDS), Ok(MOST_RECORDS));
        assert_eq!(reads(MOST_RECORDS + 1), Err(Error::TooMany));
        let bytes = message(1, &message(2, &[0x12, 0].repeat(MOST_RECORDS + 1)));
        assert_eq!(read(Signal::Logs, Encoding::Protobuf, &bytes), Err(Error::TooMany));

        let mut packed = GzEncoder::new(vec![], Compression::fast());
        packed.write_all(&[7; 1_000]).unwrap();
        let packed = packed.finish().unwrap();
        assert_eq!(unpack(&packed, 1_000).unwrap(), [7; 1_000]);
        assert_eq!(unpack(&packed, 999), Err(Error::TooLarge { most: 999 }));
        assert!(matches!(unpack(&packed[..packed.len() - 1], 1_000), Err(Error::Malformed { .. })));
    }

    proptest! {
        #[test]
        fn any_bytes_end(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            for signal in [Signal::Logs, Signal::Metrics] {
                for encoding in [Encoding::Protobuf, Encoding::Json] {
                    _ = read(signal, encoding, &bytes);
                }
            }
        }

        #[test]
        fn any_damage_ends(at in 0..800_usize, byte in any::<u8>()) {
            let body = logs(&[event("api_request", &request())]);
            for (encoding, mut bytes) in [
                (Encoding::Json, body.to_string().into_bytes()),
                (Encoding::Protobuf, protobuf(Signal::Logs, &body)),
            ] {
                let at = at % bytes.len();
                bytes[at] = byte;
                if let Ok(told) = read(Signal::Logs, encoding, &bytes) {
                    prop_assert!(told.facts.len() <= 1);
                }
            }
        }
    }
}
