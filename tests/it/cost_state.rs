//! What the client counted itself and no response explains, from made transcripts to the report.

use std::fs;

use serde_json::Value;

use crate::harness::Home;

const OPUS: &str = "claude-opus-5-5";

/// Of a session at a second of one hour; input and output tokens.
fn answer(session: &str, second: u32, [input, output]: [i64; 2]) -> String {
    format!(
        r#"{{"parentUuid":null,"isSidechain":false,"message":{{"model":"{OPUS}","id":"msg_{session}_{second}","type":"message","role":"assistant","content":[],"stop_reason":"end_turn","usage":{{"input_tokens":{input},"output_tokens":{output}}}}},"requestId":"req_{session}_{second}","requestedModel":"{OPUS}","type":"assistant","uuid":"u{session}{second}","timestamp":"2026-11-20T12:00:{second:02}.000Z","cwd":"/w/odin","sessionId":"{session}","version":"2.1.330","gitBranch":"main"}}
"#
    )
}

/// As it is copied into a fork.
fn copied(session: &str, from: &str, second: u32, tokens: [i64; 2]) -> String {
    let line = answer(from, second, tokens);
    let line = line.replace(&format!(r#""sessionId":"{from}""#), &format!(r#""sessionId":"{session}""#));
    line.replace("}\n", &format!(r#","requestSessionId":"{from}"}}{}"#, "\n"))
}

/// Written when the client leaves, with when it began to count.
fn state(session: &str, started_ms: i64, [input, output]: [i64; 2]) -> String {
    format!(
        r#"{{"type":"cost-state","sessionId":"{session}","totalCostUSD":0.1,"startTime":{started_ms},"modelUsage":{{"{OPUS}":{{"inputTokens":{input},"outputTokens":{output},"thinkingTokens":0,"cacheReadInputTokens":0,"cacheCreationInputTokens":0,"webSearchRequests":0,"costUSD":0.1}}}},"hasUnknownModelCost":false}}
"#
    )
}

fn provenance(home: &Home, options: &str) -> Value {
    let text = home.done(&format!("cost report --last all --tz UTC --format json {options}"));
    serde_json::from_str::<Value>(&text).unwrap()["provenance"].clone()
}

/// Input, output and sessions.
fn counts(sums: &Value) -> [i64; 3] {
    [&sums["tokens"]["input"], &sums["tokens"]["output"], &sums["sessions"]]
        .map(|count| count.as_i64().unwrap())
}

/// A session that hides 2 and 300, a fork of it that hides 3 and 0, and one that was killed.
fn written() -> Home {
    let home = Home::new();
    let begun_ms = 1_795_176_000_000;
    let parent = [answer("p", 1, [5, 50]), state("p", begun_ms, [7, 350])];
    home.write("-w-odin/p.jsonl", parent.concat());
    let fork = [copied("f", "p", 1, [5, 50]), answer("f", 11, [1, 10]), state("f", begun_ms, [11, 360])];
    home.write("-w-odin/f.jsonl", fork.concat());
    home.write("-w-odin/k.jsonl", answer("k", 30, [8, 80]));
    home
}

#[test]
fn what_no_response_explains_is_told_beside_the_total_and_outlives_its_transcripts() {
    let home = written();
    for _ in 0..2 {
        let of = provenance(&home, "");
        assert_eq!(counts(&of["transcript"]), [14, 140, 3]);
        assert_eq!(counts(&of["otel"]), [0, 0, 0]);
        assert_eq!(counts(&of["cost_state"]), [5, 300, 2], "{of}");
        assert_eq!(of["cost_state"]["cost_picousd"], 5 * 4_000_000 + 300 * 20_000_000_i64);
        assert_eq!(counts(&of["unknown"]), [8, 80, 1]);
        assert_eq!(home.report("day", "UTC").total().tokens.output, 140, "no part of the total");
        home.check();
        // Gone, it is known all the same.
        for name in ["p", "f", "k"] {
            let path = home.projects().join(format!("-w-odin/{name}.jsonl"));
            if path.exists() {
                fs::remove_file(path).unwrap();
            }
        }
    }
    let table = home.done("cost report --last all --tz UTC");
    assert!(
        table.ends_with(
            "\n\nCoverage: measured $0.0029, telemetry only $0.0000, inferred $0.0060, unknown in 1 session\n"
        ),
        "{table}"
    );
}

#[test]
fn what_is_inferred_passes_the_filters_of_the_report() {
    let home = written();
    let inferred = |options: &str| counts(&provenance(&home, options)["cost_state"]);
    assert_eq!(inferred("--session p"), [2, 300, 1]);
    assert_eq!(inferred("--session f"), [3, 0, 1]);
    assert_eq!(inferred("--session k"), [0, 0, 0]);
    assert_eq!(inferred("--project odin --model opus --branch main"), [5, 300, 2]);
    let until = home.done("cost report --until 2026-11-19 --since 2026-11-01 --tz UTC --format json");
    assert_eq!(
        counts(&serde_json::from_str::<Value>(&until).unwrap()["provenance"]["cost_state"]),
        [0, 0, 0]
    );
}

#[test]
fn a_session_says_what_the_client_counted() {
    let home = written();
    let explained = home.done("sessions f --explain --tz UTC");
    for said in [
        "  transcripts: 1 response, 11 tokens, $0.0002",
        "  inferred, beside the total: 3 tokens, <$0.0001",
        "What the client had counted by 2026-11-20 12:00:11",
        "  357 tokens were counted in the session that it is a fork of.",
        "  So the client's own figure is $0.1000.",
    ] {
        assert!(explained.contains(said), "{said}\n{explained}");
    }
    let killed = home.done("sessions k --explain --tz UTC");
    assert!(killed.contains("The client did not say what it counted"), "{killed}");
    assert!(!home.done("sessions f --tz UTC").contains("What the client had counted"));
}

#[test]
fn a_count_that_comes_later_is_taken_in_where_it_was_left_off() {
    let home = written();
    assert_eq!(counts(&provenance(&home, "")["cost_state"]), [5, 300, 2]);
    home.append("-w-odin/k.jsonl", state("k", 1_795_176_020_000, [9, 81]));
    let of = provenance(&home, "");
    assert_eq!((counts(&of["cost_state"]), counts(&of["unknown"])), ([6, 301, 3], [0, 0, 0]));
    home.check();
}
