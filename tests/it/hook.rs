//! `odin hook`, as the client calls it, and what becomes of that.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::harness::{Home, Run};

const SESSION: &str = "0df25cee-a635-47da-8941-0e59ca5665b4";

/// Calls the hook with an input.
fn call(hook: &mut Command, input: &[u8]) -> Run {
    let mut child = hook.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // It need not read what it has no use for.
    _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap().into()
}

#[track_caller]
fn assert_silent(run: &Run) {
    assert_eq!((run.code, run.stdout.as_str(), run.stderr.as_str()), (Some(0), "", ""));
}

fn tell(home: &Home, event: &str, more: &Value) {
    let mut payload = json!({
        "session_id": SESSION, "transcript_path": "/home/me/.claude/projects/x.jsonl", "cwd": "/home/me/secret",
        "hook_event_name": event, "prompt": "a secret", "last_assistant_message": "another secret",
    });
    payload.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let run = call(home.odin(["hook"]).env("CLAUDE_PID", "15152"), payload.to_string().as_bytes());
    assert_silent(&run);
}

fn spool(home: &Home) -> Vec<String> {
    let files = fs::read_dir(home.state().join("spool")).unwrap();
    let texts = files.map(|file| fs::read_to_string(file.unwrap().path()).unwrap());
    texts.flat_map(|text| text.lines().map(String::from).collect::<Vec<_>>()).collect()
}

#[test]
fn the_life_of_a_session_is_told_with_its_reasons() {
    let home = Home::new();
    tell(&home, "SessionStart", &json!({"source": "startup", "model": "claude-opus-5-5"}));
    tell(&home, "UserPromptSubmit", &json!({}));
    tell(&home, "PreToolUse", &json!({"tool_name": "Bash"}));
    tell(&home, "Stop", &json!({"stop_hook_active": false}));
    tell(&home, "SessionEnd", &json!({"reason": "prompt_input_exit"}));
    let lines = spool(&home);
    assert_eq!(lines.len(), 4, "{lines:?}");
    assert!(!lines.concat().contains("secret"));

    let told: Value =
        serde_json::from_str(&home.done(&format!("sessions {SESSION} --format json --tz UTC"))).unwrap();
    let life = &told["lives"][0];
    assert_eq!(
        (&life["source"], &life["model"], &life["turns"], &life["reason"], &life["pid"]),
        (&json!("startup"), &json!("claude-opus-5-5"), &json!(1), &json!("prompt_input_exit"), &json!(15152))
    );
    assert!(life["began"].as_str().unwrap() <= life["ended"].as_str().unwrap());
    let text = home.done(&format!("sessions {SESSION} --tz UTC"));
    assert!(text.contains("(startup) to ") && text.contains("(prompt_input_exit): 1 turn"), "{text}");
    home.check();
    let again: Value =
        serde_json::from_str(&home.done(&format!("sessions {SESSION} --format json --tz UTC"))).unwrap();
    assert_eq!(again["lives"], told["lives"], "a second look changes nothing");
}

#[test]
fn nothing_that_goes_wrong_is_the_clients_problem() {
    let home = Home::new();
    let stop = format!(r#"{{"hook_event_name":"Stop","session_id":"{SESSION}"}}"#);
    for input in ["", "no json", "[1]", "{\"hook_event_name\":", r#"{"hook_event_name":"Stop"}"#] {
        assert_silent(&call(&mut home.odin(["hook"]), input.as_bytes()));
    }
    assert!(!home.state().exists());
    assert_silent(&call(&mut home.odin(["hook", "--no-such-option"]), stop.as_bytes()));
    assert_eq!(spool(&home).len(), 1);
    // A configuration that cannot be read, and a state folder that cannot be made.
    let broken = home.path().join("config.toml");
    fs::write(&broken, "what = is this").unwrap();
    assert_silent(&call(home.odin(["hook"]).env("ODIN_CONFIG", &broken), stop.as_bytes()));
    assert_eq!(spool(&home).len(), 2);
    assert_silent(&call(home.odin(["hook"]).env("ODIN_STATE_DIR", broken.join("state")), stop.as_bytes()));
    assert_silent(&call(home.odin(["hook"]).stdout(Stdio::null()), &vec![b'{'; 1 << 20]));
    let mut closed = home.odin(["hook"]);
    assert_silent(&closed.stdin(Stdio::null()).output().unwrap().into());
}

#[test]
fn calls_at_once_keep_their_lines_whole() {
    let home = Home::new();
    let stop = format!(r#"{{"hook_event_name":"Stop","session_id":"{SESSION}"}}"#);
    let mut calls: Vec<_> =
        (0..20).map(|_| home.odin(["hook"]).stdin(Stdio::piped()).spawn().unwrap()).collect();
    for call in &mut calls {
        call.stdin.take().unwrap().write_all(stop.as_bytes()).unwrap();
    }
    for mut call in calls {
        assert!(call.wait().unwrap().success());
    }
    let lines = spool(&home);
    assert!(lines.len() == 20 && lines.iter().all(|line| line.split('\t').count() == 7), "{lines:?}");
}

#[test]
fn the_spool_is_the_users_alone() {
    use std::os::unix::fs::PermissionsExt;
    let home = Home::new();
    tell(&home, "Stop", &json!({}));
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let spool = home.state().join("spool");
    let file = fs::read_dir(&spool).unwrap().next().unwrap().unwrap().path();
    assert_eq!((mode(&spool), mode(&file)), (0o700, 0o600));
}

#[test]
fn a_prompt_over_budget_is_warned_of_or_blocked_where_that_was_asked_for() {
    let home = Home::new();
    home.write("-work/a.jsonl", crate::budgets::line("a", "/work", 3));
    let answer = |argument: &str, event: &str| {
        let input = json!({ "session_id": SESSION, "hook_event_name": event }).to_string();
        let run = call(home.odin(["hook", argument]).current_dir(home.path()), input.as_bytes());
        assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
        run.stdout
    };
    home.done("cost budget set month 3");
    assert_eq!(answer("--over-budget=block", "UserPromptSubmit"), "", "all is spent, and no more");
    home.done("cost budget set month 2.99");
    let told = |argument| serde_json::from_str::<Value>(&answer(argument, "UserPromptSubmit")).unwrap();
    let block = told("--over-budget=block");
    let reason = block["reason"].as_str().unwrap();
    assert!(reason.starts_with("Budget of the month: $3.00 of $2.99"), "{reason}");
    assert_eq!(block, json!({ "decision": "block", "reason": reason }));
    assert_eq!(told("--over-budget=warn"), json!({ "systemMessage": reason }));
    assert_eq!(answer("--over-budget=block", "Stop"), "", "there is nothing to stop");
    assert_eq!(answer("--over-budget=shout", "UserPromptSubmit"), "");
    // Of another project than the one that the client works in.
    home.done("cost budget set month 5");
    home.done("cost budget set day 1 --project /work");
    assert_eq!(answer("--over-budget=block", "UserPromptSubmit"), "");
    fs::write(home.state().join("ledger.db"), "no ledger any more").unwrap();
    assert_eq!(answer("--over-budget=block", "UserPromptSubmit"), "");
}
