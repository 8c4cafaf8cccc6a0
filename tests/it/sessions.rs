//! `odin sessions`: what each cost equals the report, and all that happened in one is told, but for what was said.

use serde_json::Value;

use crate::cli::on_terminal;
use crate::compare::{Sums, assert_none};
use crate::corpora;
use crate::harness::Home;

const SESSION: &str = "6513270e-269e-4d37-a2a7-4de452e6b438";
const FORK: &str = "9531985d-5d9d-49f8-a818-e811892f902b";
/// Begins like [`SESSION`].
const OTHER: &str = "6513270f-5d9d-49f8-a818-e811892f902b";
const AGENT: &str = "a5f0c1d2e3b4a5968";
const NESTED: &str = "a7b9d1f3a5c7e9b1d";
/// What people and models say, in places where transcripts have it.
const SECRET: &str = "the-words-of-a-conversation";

/// A response on its line, with calls of tools by id and name.
fn answer(id: &str, at: &str, agent: &str, model: &str, calls: &[(&str, &str)]) -> String {
    let blocks = calls.iter().map(|(id, name)| {
        format!(r#"{{"type":"tool_use","id":"{id}","name":"{name}","input":{{"command":"{SECRET}"}}}}"#)
    });
    let content = [format!(r#"{{"type":"text","text":"{SECRET}"}}"#)].into_iter().chain(blocks);
    let content = content.collect::<Vec<_>>().join(",");
    let agent = match agent {
        "" => String::new(),
        id => format!(r#","isSidechain":true,"agentId":"{id}","attributionAgent":"Explore""#),
    };
    format!(
        r#"{{"type":"assistant","message":{{"id":"msg_{id}","model":"{model}","role":"assistant","content":[{content}],"stop_reason":"end_turn","usage":{{"input_tokens":1000000,"output_tokens":10}}}},"requestId":"req_{id}","uuid":"u-{id}","timestamp":"2026-11-20T{at}Z","cwd":"/home/someone/shop","sessionId":"{SESSION}","gitBranch":"main"{agent}}}"#
    ) + "\n"
}

/// Any other line of the session.
fn line(kind: &str, at: &str, rest: &str) -> String {
    format!(
        r#"{{"type":"{kind}",{rest},"uuid":"u-{at}","timestamp":"2026-11-20T{at}Z","cwd":"/home/someone/shop","sessionId":"{SESSION}"}}"#
    ) + "\n"
}

fn result(call: &str, at: &str, is_error: bool, rest: &str) -> String {
    let content = format!(
        r#""message":{{"role":"user","content":[{{"tool_use_id":"{call}","type":"tool_result","content":"{SECRET}","is_error":{is_error}}}]}}{rest}"#
    );
    line("user", at, &content)
}

/// A session with two nested agents and a fork.
fn home() -> Home {
    let home = Home::new();
    let opus = "claude-opus-5-5";
    let first = answer("1", "09:00:00", "", opus, &[("t1", "Bash"), ("t2", "Read")]);
    let main = [
        line("user", "08:59:30", &format!(r#""message":{{"role":"user","content":"{SECRET}"}}"#)),
        first.clone(),
        result("t1", "09:00:10", false, r#","toolUseResult":{"stdout":"out","interrupted":false}"#),
        result("t2", "09:00:11", true, r#","toolUseResult":"Error: no such file""#),
        line(
            "system",
            "09:00:20",
            r#""subtype":"api_error","level":"error","error":{"status":529,"formatted":"overloaded"},"retryAttempt":1,"source":"request_retry""#,
        ),
        answer("2", "09:01:00", "", opus, &[("t3", "Agent"), ("t4", "Edit")]),
        result("t4", "09:01:10", true, r#","toolDenialKind":"permission-rule""#),
        line(
            "user",
            "09:01:20",
            r#""message":{"role":"user","content":[{"type":"text","text":"[Request interrupted by user]"}]}"#,
        ),
        line(
            "system",
            "09:02:00",
            r#""subtype":"compact_boundary","compactMetadata":{"trigger":"auto","preTokens":1}"#,
        ),
        answer("3", "14:30:00", "", "claude-next", &[]),
    ];
    home.write(&format!("-shop/{SESSION}.jsonl"), main.concat());
    for (agent, parent, id, at, model) in [
        (AGENT, "", "4", "09:01:05", "claude-haiku-5-5"),
        (NESTED, AGENT, "5", "09:01:07", "claude-sonnet-5-5"),
    ] {
        let folder = format!("-shop/{SESSION}/subagents/agent-{agent}");
        home.write(&format!("{folder}.jsonl"), answer(id, at, agent, model, &[]));
        let parent =
            if parent.is_empty() { String::new() } else { format!(r#","parentAgentId":"{parent}""#) };
        home.write(
            &format!("{folder}.meta.json"),
            format!(r#"{{"agentType":"Explore","description":"{SECRET}"{parent}}}"#),
        );
    }
    let copied = first.replace(
        &format!(r#""sessionId":"{SESSION}""#),
        &format!(r#""sessionId":"{FORK}","requestSessionId":"{SESSION}""#),
    );
    let own = answer("6", "15:00:00", "", opus, &[]).replace(SESSION, FORK);
    home.write(&format!("-shop/{FORK}.jsonl"), copied + &own);
    home.write(
        &format!("-shop/{OTHER}.jsonl"),
        answer("7", "09:00:00", "", opus, &[]).replace(SESSION, OTHER),
    );
    home
}

#[track_caller]
fn json(home: &Home, args: &str) -> Value {
    let text = home.done(&format!("sessions {args} --format json"));
    assert_eq!(text.lines().count(), 1, "{text}");
    serde_json::from_str(&text).unwrap()
}

fn sum<'v>(parts: impl IntoIterator<Item = &'v Value>) -> Sums {
    let mut sum = Sums::default();
    for part in parts {
        sum += Sums::of_report(part);
    }
    sum
}

fn array(value: &Value) -> &Vec<Value> {
    value.as_array().unwrap_or_else(|| panic!("no array: {value}"))
}

#[test]
fn every_session_of_a_corpus_costs_what_the_report_says() {
    let Some(corpus) = corpora::small(1) else { return };
    let home = Home::over(&[&corpus.dir]);
    let reported = home.report("session", "UTC").rows();
    let list = json(&home, "--last all --no-ingest");
    assert_eq!(list["found"].as_u64(), Some(reported.len() as u64));
    let mut wrong = vec![];
    for row in array(&list["rows"]) {
        let id = row["session"].as_str().unwrap();
        let session = json(&home, &format!("{id} --no-ingest"));
        let total = &session["total"];
        let agents = array(&session["agents"]);
        for (what, sums) in [
            ("listed", Sums::of_report(row)),
            ("total", Sums::of_report(total)),
            ("models", sum(array(&session["models"]))),
            ("agents", sum(agents)),
            ("main loop with agents", Sums::of_report(&agents[0]["with_agents_below"])),
            ("stretches", sum(array(&session["stretches"]))),
        ] {
            if sums != reported[id] {
                wrong.push(format!("{what} of {id}: {}", reported[id].differences(&sums)));
            }
        }
        assert_eq!(row["unpriced_responses"], total["unpriced_responses"], "{id}");
        for same in ["began", "last_answer", "ended", "duration_seconds", "projects", "branches"] {
            assert_eq!(row[same], session[same], "{same} of {id}");
        }
        assert_eq!(row["agents"].as_u64(), Some(agents.len() as u64 - 1), "{id}");
        let priced = array(&session["price_lists"]).iter().map(|list| list["responses"].as_i64().unwrap());
        assert_eq!(priced.sum::<i64>(), reported[id].responses, "{id}");
    }
    assert_none(&wrong);
}

#[test]
fn the_newest_come_first_or_the_dearest() {
    let Some(corpus) = corpora::small(2) else { return };
    let home = Home::over(&[&corpus.dir]);
    let recent = json(&home, "--last all --tz UTC");
    let times: Vec<&str> =
        array(&recent["rows"]).iter().map(|row| row["last_answer"].as_str().unwrap()).collect();
    assert!(times.is_sorted_by(|a, b| a >= b) && times.len() > 10, "{times:?}");
    let dearest = json(&home, "--last all --sort cost --limit 5");
    let costs: Vec<i64> =
        array(&dearest["rows"]).iter().map(|row| row["cost_picousd"].as_i64().unwrap()).collect();
    assert!(costs.is_sorted_by(|a, b| a >= b) && costs.len() == 5, "{costs:?}");
    let most = array(&recent["rows"]).iter().map(|row| row["cost_picousd"].as_i64().unwrap()).max();
    assert_eq!(costs.first().copied(), most);
}

#[test]
fn all_that_happened_is_read_from_the_transcripts() {
    let home = home();
    let session = json(&home, &format!("{SESSION} --tz UTC"));
    assert_eq!(
        (&session["began"], &session["last_answer"], &session["duration_seconds"]),
        (&"2026-11-20T08:59:30.000+00:00".into(), &"2026-11-20T14:30:00.000+00:00".into(), &19_830.into())
    );
    assert_eq!(session["active_seconds"], 150);
    assert_eq!(array(&session["stretches"]).len(), 2);
    let agents = array(&session["agents"]).iter().map(|agent| {
        let text = |name: &str| agent[name].as_str().unwrap_or("?").to_string();
        let responses = agent["with_agents_below"]["responses"].as_i64().unwrap();
        (text("agent"), text("agent_type"), text("parent"), agent["depth"].as_i64().unwrap(), responses)
    });
    let owned = |a: &str, b: &str, c: &str, d, e| (a.to_string(), b.to_string(), c.to_string(), d, e);
    assert_eq!(
        agents.collect::<Vec<_>>(),
        [owned("", "", "?", 0, 5), owned(AGENT, "Explore", "", 1, 2), owned(NESTED, "Explore", AGENT, 2, 1)]
    );
    let tools = array(&session["tools"]).iter().map(|tool| {
        let counts =
            ["ok", "error", "denied", "interrupted", "open"].map(|name| tool[name].as_i64().unwrap());
        (tool["tool"].as_str().unwrap(), counts)
    });
    assert_eq!(
        tools.collect::<Vec<_>>(),
        [
            ("Agent", [0, 0, 0, 0, 1]),
            ("Bash", [1, 0, 0, 0, 0]),
            ("Edit", [0, 0, 1, 0, 0]),
            ("Read", [0, 1, 0, 0, 0])
        ]
    );
    let events = array(&session["events"]).iter().map(|event| event["event"].as_str().unwrap());
    assert_eq!(events.collect::<Vec<_>>(), ["retry", "interruption", "compaction"]);
    assert_eq!((&session["forks"][0], &session["forked_from"]), (&FORK.into(), &Value::Array(vec![])));
    assert_eq!(session["unpriced"][0]["model"], "claude-next");
    let fork = json(&home, FORK);
    assert_eq!((&fork["forked_from"][0], &fork["total"]["responses"]), (&SESSION.into(), &1.into()));
    let marks: Vec<String> =
        array(&json(&home, "--last all")["rows"]).iter().map(|row| row["marks"].to_string()).collect();
    assert_eq!(marks, [r#"["fork"]"#, r#"["interrupted"]"#, "[]"]);
}

#[test]
fn nothing_that_was_said_is_shown_or_kept() {
    let home = home();
    for args in [
        "sessions --last all",
        "sessions --last all --format json",
        "sessions --last all --format csv",
        &format!("sessions {SESSION} --events --explain"),
        &format!("sessions {SESSION} --format json"),
    ] {
        let text = home.done(args);
        assert!(text.contains("6513270e") && !text.contains(SECRET), "{args}: {text}");
    }
    for name in ["ledger.db", "ledger.db-wal"] {
        let bytes = std::fs::read(home.state().join(name)).unwrap_or_default();
        assert!(memchr::memmem::find(&bytes, SECRET.as_bytes()).is_none(), "{name}");
    }
}

#[test]
fn an_id_may_be_cut_short_but_must_mean_one_session() {
    let home = home();
    assert_eq!(json(&home, "6513270e")["session"], SESSION);
    let run = home.run("sessions 651");
    assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""), "{run:?}");
    assert!(
        run.stderr.contains(SESSION) && run.stderr.contains(OTHER) && !run.stderr.contains(FORK),
        "{run:?}"
    );
    let run = home.run("sessions 9531986");
    assert_eq!((run.code, run.stdout.as_str()), (Some(1), ""), "{run:?}");
    assert!(run.stderr.contains(&format!("no session matches `9531986`; the nearest: {FORK}")), "{run:?}");
}

#[test]
fn wrong_usage_of_sessions_is_exit_code_2_and_is_explained() {
    let home = home();
    for (args, word) in [
        ("--events", "<ID>"),
        ("--explain", "<ID>"),
        ("6513270e --last 7d", "--last"),
        ("6513270e --limit 3", "--limit"),
        ("6513270e --format csv", "table or json"),
        ("--format markdown", "markdown"),
        ("--sort name", "recent, cost"),
        ("--last all --project sohp", "/home/someone/shop"),
        ("--last all --account claud", "claude"),
        ("6513270e --tz Europe/Berlln", "Europe/Berlin"),
    ] {
        let run = home.run(&format!("sessions {args}"));
        assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""), "{args}: {run:?}");
        assert!(run.stderr.contains(word), "{args}: {run:?}");
    }
}

#[test]
fn tables_fit_their_terminal() {
    let Some(corpus) = corpora::small(1) else { return };
    let home = Home::over(&[&corpus.dir]);
    let dearest = json(&home, "--last all --sort cost --limit 1");
    let id = dearest["rows"][0]["session"].as_str().unwrap();
    for columns in [200, 100, 80, 60, 40] {
        for args in ["sessions --last all".into(), format!("sessions {id} --events --explain")] {
            let Some(text) = on_terminal(&home, &args, columns, ("NO_COLOR", "1")) else { return };
            for line in text.lines().map(str::trim_end) {
                let is_word = line.split_whitespace().count() <= 3;
                assert!(line.chars().count() <= columns as usize || is_word, "{args}, {columns}: {line:?}");
            }
        }
    }
}

#[test]
fn a_report_explains_its_costs() {
    let home = home();
    let text = home.done("cost report --last all --explain");
    assert!(text.contains("no price for claude-next: 1 response, 1,000,010 tokens"), "{text}");
    assert!(text.contains("\n  Priced by ") && text.contains(": 7 responses\n\nCoverage: "), "{text}");
    let report: Value =
        serde_json::from_str(&home.done("cost report --last all --explain --format json")).unwrap();
    assert_eq!(report["price_lists"][0]["responses"], 7);
    assert_eq!(report["remarks"], Value::Array(vec![]));
    let run = home.run("cost report --explain --format csv");
    assert!(run.code == Some(2) && run.stderr.contains("--explain"), "{run:?}");
}
