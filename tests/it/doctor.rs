//! `odin doctor`: what it says of a machine where all is set up, and of one where it is not.

use std::fs;

use serde_json::Value;

use crate::agent::Agent;
use crate::harness::{Home, Run};

/// States and words, by check.
fn told(home: &Home, more: &str) -> (Option<i32>, Vec<(String, String, String)>) {
    let run = home.run(&format!("doctor --format json {more}"));
    let document: Value =
        serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run:?}"));
    assert_eq!(document["schema"], "odin.doctor/1");
    let checks = document["checks"].as_array().unwrap();
    let text = |check: &Value, name: &str| check[name].as_str().unwrap_or_default().to_owned();
    let checks: Vec<_> = checks
        .iter()
        .map(|check| (text(check, "check"), text(check, "state"), text(check, "what")))
        .collect();
    assert_eq!(document["is_sound"], checks.iter().all(|(_, state, _)| state != "broken"));
    (run.code, checks)
}

#[track_caller]
fn assert_says(checks: &[(String, String, String)], check: &str, state: &str, words: &str) {
    let found = checks.iter().any(|(name, is, what)| name == check && is == state && what.contains(words));
    assert!(found, "{check} is not {state} with `{words}`: {checks:#?}");
}

#[test]
fn on_a_machine_without_anything_it_says_what_to_do() {
    let home = Home::new();
    // Nothing listens at the port that nobody can have.
    let (code, checks) = told(&home, "--listen 127.0.0.1:1");
    assert_eq!(code, Some(1));
    assert_says(&checks, "agent", "broken", "nothing answers at 127.0.0.1:1");
    assert_says(&checks, "ledger", "note", "there is none yet");
    assert_says(&checks, "client hooks", "note", "the client calls none");
    assert!(!home.ledger().exists(), "it makes no ledger");
    let text = home.run("doctor --listen 127.0.0.1:1");
    assert_eq!(text.code, Some(1));
    assert!(
        text.stdout.lines().any(|line| line.starts_with("broken  agent ") && line.contains(" → ")),
        "{text:?}"
    );
    assert_eq!(text.stdout.lines().count(), checks.len(), "one line each");
}

#[test]
fn with_an_agent_and_a_setup_nothing_is_broken() {
    let home = Home::new();
    home.write(
        "-p/s.jsonl",
        "{\"type\":\"assistant\",\"sessionId\":\"s\",\"requestId\":\"r\",\"timestamp\":\"2026-11-24T10:00:00.000Z\",\"message\":{\"id\":\"m\",\"model\":\"claude-opus-5-5\",\"role\":\"assistant\",\"stop_reason\":\"end_turn\",\"usage\":{\"input_tokens\":10,\"output_tokens\":20}}}\n",
    );
    let agent = Agent::start(&home);
    let listen = agent.address.to_string();
    home.done(&format!("setup --yes --skip service --skip shell --listen {listen}"));
    let (_, before) = told(&home, &format!("--listen {listen}"));
    assert_says(&before, "scrape", "note", "nobody has asked");
    assert_says(&before, "client hooks", "note", "not called yet");
    agent.samples();
    let (code, checks) = told(&home, &format!("--listen {listen}"));
    let broken: Vec<_> = checks.iter().filter(|(_, state, _)| state == "broken").collect();
    assert_eq!((code, broken.len()), (Some(0), 0), "{broken:#?}");
    assert_says(&checks, "scrape", "ok", "s ago");
    assert_says(&checks, "agent", "ok", &listen);
    assert_says(&checks, "statusline", "ok", "entered");
    assert_says(&checks, "unpriced", "ok", "");
    // Of another ledger, the same agent is a stranger.
    let mut other = home.odin(["doctor", "--listen", &listen]);
    let run = Run::of(other.env("ODIN_STATE_DIR", home.path().join("other")));
    assert_eq!(run.code, Some(1));
    assert!(run.stdout.contains("keeps another ledger"), "{run:?}");
}

#[test]
fn a_model_without_a_price_and_settings_that_are_no_json_are_broken() {
    let home = Home::new();
    home.write(
        "-p/s.jsonl",
        "{\"type\":\"assistant\",\"sessionId\":\"s\",\"requestId\":\"r\",\"timestamp\":\"2026-11-24T10:00:00.000Z\",\"message\":{\"id\":\"m\",\"model\":\"claude-of-tomorrow\",\"role\":\"assistant\",\"stop_reason\":\"end_turn\",\"usage\":{\"input_tokens\":10,\"output_tokens\":20}}}\n",
    );
    home.done("ingest --quiet");
    fs::write(home.claude().join("settings.json"), "{\n  \"model\": opus\n}\n").unwrap();
    let (code, checks) = told(&home, "--listen 127.0.0.1:1");
    assert_eq!(code, Some(1));
    assert_says(&checks, "unpriced", "broken", "claude-of-tomorrow has no price: 1 responses");
    assert_says(&checks, "telemetry", "broken", "settings.json: line 2");
}
