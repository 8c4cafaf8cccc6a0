//! The status line: whatever the client writes, there is a line; and what it tells of limits reaches the ledger.

use std::fs;
use std::io::Write;
use std::process::Stdio;

use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};

use crate::agent::Agent;
use crate::budgets;
use crate::harness::{Home, Run};

const SESSION: &str = "9e1a5cd0-63f2-4d6e-8a0e-3c5b8f1f2a77";

fn show(home: &Home, args: &str, told: &str) -> Run {
    let mut odin = home.odin(["statusline"].into_iter().chain(args.split_whitespace()));
    odin.env("TZ", "UTC").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = odin.spawn().unwrap();
    child.stdin.take().unwrap().write_all(told.as_bytes()).unwrap();
    child.wait_with_output().unwrap().into()
}

/// As the client writes it, with so much of the five-hour limit used.
fn told(home: &Home, used: f64) -> Value {
    let transcript = home.projects().join(format!("-w-odin/{SESSION}.jsonl"));
    json!({
        "session_id": SESSION, "transcript_path": transcript, "cwd": home.path().join("repo/src"),
        "model": {"id": "claude-opus-5-5", "display_name": "Opus 5.5"},
        "cost": {"total_cost_usd": 3.456},
        "context_window": {"total_input_tokens": 50_000, "context_window_size": 200_000},
        "rate_limits": {"five_hour": {"used_percentage": used, "resets_at": resets()}},
    })
}

fn resets() -> i64 {
    (Timestamp::now() + 2.hours()).as_second() / 3600 * 3600
}

fn spool(home: &Home) -> Vec<String> {
    let files = fs::read_dir(home.state().join("spool")).unwrap();
    let texts = files.map(|file| fs::read_to_string(file.unwrap().path()).unwrap());
    texts.collect::<String>().lines().map(String::from).collect()
}

#[test]
fn a_line_has_what_the_client_tells_and_what_the_ledger_knows() {
    let home = Home::new();
    let repo = home.path().join("repo");
    fs::create_dir_all(repo.join("src")).unwrap();
    fs::create_dir(repo.join(".git")).unwrap();
    fs::write(repo.join(".git/HEAD"), "ref: refs/heads/main\n").unwrap();
    home.write("-w-odin/a.jsonl", budgets::line("a", repo.to_str().unwrap(), 3));
    home.done("ingest -q");
    home.done("cost budget set month 4");
    home.done("cost budget set week 100 --project repo");
    let shown = show(&home, "", &told(&home, 23.5).to_string());
    let line = shown.done();
    assert!(line.starts_with("Opus 5.5 · main · session $3.46 · today $3.00 · block $3.00 to "), "{line}");
    assert!(
        line.contains(" · context 25% · 5h 24% to ") && line.ends_with(" · month budget 75%\n"),
        "{line}"
    );

    let elsewhere = show(&home, "--parts budget,model --separator |", &told(&home, 23.5).to_string()).done();
    assert_eq!(elsewhere, "month budget 75%|Opus 5.5\n");
    home.done("cost budget set week 3 --project repo");
    let line = show(&home, "--parts budget", &told(&home, 23.5).to_string()).done();
    assert_eq!(line, "\u{1b}[31mweek budget 100%\u{1b}[0m\n");
}

#[test]
fn nothing_fails_the_client() {
    let home = Home::new();
    for told in ["", "{", "null", "[1]", "\u{0}", r#"{"cost":{"total_cost_usd":"1"},"cwd":7}"#] {
        assert_eq!(show(&home, "", told).done(), "\n", "{told:?}");
    }
    let half = r#"{"session_id":"s","transcript_path":"/x/projects/p/s.jsonl","rate_limits":[],"cost":{"total_cost_usd":1}}"#;
    assert_eq!(show(&home, "", half).done(), "session $1.00\n");
    assert!(!home.state().exists(), "nothing is made where there is nothing to keep");

    let full = told(&home, 50.0).to_string();
    // A ledger that is none, a config that is none, and a state folder that cannot be.
    fs::create_dir(home.state()).unwrap();
    fs::write(home.ledger(), "no ledger, by far".repeat(1000)).unwrap();
    let shown = show(&home, "--parts session,today", &full);
    assert!(shown.stderr.contains("damaged"), "{shown:?}");
    assert_eq!(shown.done(), "session $3.46\n");
    fs::remove_dir_all(home.state()).unwrap();
    fs::write(home.state(), "").unwrap();
    let shown = show(&home, "--parts session,context", &full);
    assert!(shown.stderr.contains("cannot keep"), "{shown:?}");
    assert_eq!(shown.done(), "session $3.46 · context 25%\n");
    let config = home.path().join(".config/odin/config.toml");
    fs::create_dir_all(config.parent().unwrap()).unwrap();
    fs::write(&config, "nonsense = 1").unwrap();
    let shown = show(&home, "", &full);
    assert!(shown.stderr.contains("config.toml"), "{shown:?}");
    assert!(shown.done().starts_with("Opus 5.5 · session $3.46 · context 25% · 5h 50%"));
    fs::write(&config, "[statusline]\nparts = ['colour', 'model']").unwrap();
    let shown = show(&home, "", &full);
    assert!(shown.stderr.contains("no part `colour`; use model, branch"), "{shown:?}");
    assert_eq!(shown.done(), "Opus 5.5\n");
}

#[test]
fn only_what_changed_is_kept_and_every_reader_of_the_spool_takes_it_in() {
    let home = Home::new();
    for used in [10.0, 10.0, 23.5, 23.5, 23.5, 100.0] {
        show(&home, "", &told(&home, used).to_string()).done();
    }
    assert_eq!(spool(&home).len(), 3, "{:?}", spool(&home));
    let agent = Agent::start(&home);
    agent.await_ready();
    let used = r#"odin_claude_rate_limit_used_ratio{window="five_hour"}"#;
    let page = agent.await_page(|page| page.get(used) == Some(&1.0));
    let resets_at = r#"odin_claude_rate_limit_reset_timestamp_seconds{window="five_hour"}"#;
    assert_eq!(page.get(resets_at), Some(&(resets() as f64)));
    let observed = page[r#"odin_claude_rate_limit_observed_timestamp_seconds{window="five_hour"}"#];
    assert!((-1.0..120.0).contains(&(Timestamp::now().as_second() as f64 - observed)), "{observed}");
    // What is told while an agent runs is on its page, too; of another window, that is.
    let later = resets() + 18_000;
    let mut next = told(&home, 1.0);
    next["rate_limits"]["five_hour"]["resets_at"] = later.into();
    show(&home, "", &next.to_string()).done();
    agent.await_page(|page| page.get(used) == Some(&0.01) && page.get(resets_at) == Some(&(later as f64)));
    home.check();
}
