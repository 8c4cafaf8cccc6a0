//! Any bytes as a body of telemetry: no panic, and nothing told that the ledger could not hold.
//!
//! The first byte chooses signal and encoding, and whether the rest is packed.

#![no_main]

use libfuzzer_sys::fuzz_target;
use odin::model::telemetry::Fact;
use odin::source::otlp::{Encoding, Error, MOST_RECORDS, Signal, Told, read, unpack};

const MAX_COUNT: i64 = 1_000_000_000_000;

const MAX_WORD: usize = 128;

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, body)) = bytes.split_first() else { return };
    let signal = if kind & 1 == 0 { Signal::Logs } else { Signal::Metrics };
    let encoding = if kind & 2 == 0 { Encoding::Protobuf } else { Encoding::Json };
    if kind & 4 == 0 {
        check(read(signal, encoding, body));
        assert_eq!(
            read(signal, encoding, body),
            read(signal, encoding, body),
            "the same body tells the same"
        );
    } else if let Ok(unpacked) = unpack(body, 1 << 20) {
        assert!(unpacked.len() <= 1 << 20);
        check(read(signal, encoding, &unpacked));
    }
});

fn check(told: Result<Told, Error>) {
    let Ok(told) = told else { return };
    assert!(told.facts.len() + told.ignored + told.invalid <= MOST_RECORDS);
    for fact in &told.facts {
        let (session, words, counts) = match fact {
            Fact::Request(request) => {
                let tokens = request.tokens;
                let words = [&request.request_id, &request.model, &request.query_source, &request.agent];
                let counts = vec![
                    tokens.input,
                    tokens.output,
                    tokens.cache_read,
                    tokens.cache_write_5m,
                    tokens.cache_write_1h,
                    request.at_ms,
                ];
                (&request.session, words.to_vec(), counts)
            }
            Fact::ToolRun(run) => (&run.session, vec![&run.tool, &run.tool_use_id], vec![run.at_ms]),
            Fact::Event(event) => {
                (&event.session, vec![&event.agent, &event.detail], vec![event.at_ms, event.retries])
            }
            // A decision and a tool, with a slash between them.
            Fact::Point(point) => (&point.session, vec![], vec![point.value]),
        };
        assert!(!session.is_empty() && session.len() <= MAX_WORD, "{fact:?}");
        assert!(
            words.iter().all(|word| word.len() <= MAX_WORD && !word.contains(char::is_whitespace)),
            "{fact:?}"
        );
        // Cache writes may be the sum of two counts; times are milliseconds since the epoch.
        assert!(counts.iter().all(|count| (0..100 * MAX_COUNT).contains(count)), "{fact:?}");
    }
}
