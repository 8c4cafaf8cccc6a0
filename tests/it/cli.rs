//! The command line: exit codes, what goes where, and what a terminal changes.

use std::fs;
use std::io::pipe;
use std::process::{Command, Stdio};
use std::time::SystemTime;

use serde_json::Value;

use crate::corpora;
use crate::harness::{Home, Report, Run, binary, files, tell};

const ESCAPE: char = '\u{1b}';

/// A home with a response of each of some projects.
fn home_with_costs() -> Home {
    let home = Home::new();
    for n in 0..3 {
        let line = format!(
            r#"{{"type":"assistant","message":{{"id":"msg_{n}","model":"claude-opus-5-5","role":"assistant","stop_reason":"end_turn","usage":{{"input_tokens":1000000,"output_tokens":{n}}}}},"requestId":"req_{n}","uuid":"{n}","timestamp":"2026-11-20T1{n}:00:00Z","cwd":"/home/someone/a/rather/long/path/to/work-{n}","sessionId":"s{n}","gitBranch":"main"}}"#
        );
        home.write(&format!("-work-{n}/s{n}.jsonl"), line + "\n");
    }
    home
}

fn configure(home: &Home, text: &str) {
    fs::create_dir_all(home.path().join(".config/odin")).unwrap();
    fs::write(home.path().join(".config/odin/config.toml"), text).unwrap();
}

#[test]
fn the_config_names_projects_and_begins_weeks() {
    let home = home_with_costs();
    configure(
        &home,
        "week_starts = 'sunday'
        [projects.alias]
        '/home/someone/a/rather/long/path/to/work-0' = 'zero'
        [projects.groups]
        others = ['/home/someone/**/work-[12]']",
    );
    let table = home.done("cost report --last all --by group,project");
    assert!(table.contains("\nothers  …") && table.contains("\n(none)  zero "), "{table}");
    for (project, responses) in [("others", 2), ("zero", 1), ("work-2", 1)] {
        let text = home.done(&format!("cost report --last all --by week --format json --project {project}"));
        let report = Report::parse(&text);
        assert_eq!(report.total().responses, responses, "{project}");
        assert_eq!(report.json["rows"][0]["week"], "2026-11-15");
    }
    let monday = home.done("cost report --last all --by week --week-start Monday --format csv");
    assert!(monday.contains("\n2026-W47,3,"), "{monday}");
    configure(&home, "[projects.groups]\nothers = ['/a/[']");
    let run = home.run("cost report");
    assert_eq!(run.code, Some(2), "{run:?}");
    assert!(run.stderr.contains("the group `others`"), "{run:?}");
}

#[test]
fn a_report_is_compared_with_the_period_before() {
    let home = home_with_costs();
    let text = home.done(
        "cost report --since 2026-11-20T11:00Z --until 2026-11-20T12:00Z --compare --by project --format json",
    );
    let report = Report::parse(&text).json;
    assert_eq!(report["compared_with"]["until"], "2026-11-20");
    let rows = report["rows"].as_array().unwrap();
    let told = |row: &Value| {
        let cost = |of: &Value| of["cost_usd"].as_f64().unwrap();
        (
            row["project"].as_str().unwrap().to_string(),
            cost(row),
            cost(&row["previous"]),
            cost(&row["change"]),
        )
    };
    let path = |n| format!("/home/someone/a/rather/long/path/to/work-{n}");
    let told: Vec<_> = rows.iter().map(told).collect();
    assert_eq!(told, [(path(1), 4.00002, 0.0, 4.00002), (path(0), 0.0, 4.0, -4.0)]);
    let table = home.done("cost report --since 2026-11-20T11:00Z --until 2026-11-20T12:00Z --compare");
    assert!(table.contains("compared with 2026-11-20\n"), "{table}");
    let total = table.lines().find(|line| line.starts_with("Total")).unwrap();
    assert!(total.ends_with("$4.00     $4.00  +$0.00  0.0%"), "{table}");
}

#[test]
fn blocks_tell_what_the_current_one_has_come_to() {
    let home = home_with_costs();
    let now = jiff::Timestamp::try_from(SystemTime::now()).unwrap();
    let line = format!(
        r#"{{"type":"assistant","message":{{"id":"msg_now","model":"claude-opus-5-5","role":"assistant","stop_reason":"end_turn","usage":{{"input_tokens":1000000,"output_tokens":1}}}},"requestId":"req_now","uuid":"now","timestamp":"{now}","cwd":"/w","sessionId":"now","gitBranch":"main"}}"#
    );
    home.write("-w/now.jsonl", line + "\n");
    let blocks = Report::parse(&home.done("cost blocks --last all --format json --tz Asia/Kolkata")).json;
    assert_eq!(blocks["schema"], "odin.cost.blocks/1");
    let rows = blocks["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 2);
    assert_eq!(
        (&rows[0]["block"], &rows[0]["end"]),
        (&"2026-11-20T15:30:00+05:30".into(), &"2026-11-20T20:30:00+05:30".into())
    );
    assert_eq!((&rows[0]["responses"], rows[0].get("current")), (&3.into(), None));
    assert_eq!(rows[0]["account"], home.claude().to_str().unwrap());
    let current = &rows[1]["current"];
    let seconds = |name: &str| current[name].as_i64().unwrap();
    assert_eq!(seconds("elapsed_seconds") + seconds("remaining_seconds"), 5 * 3600);
    assert!((0..2 * 3600).contains(&seconds("elapsed_seconds")), "{current}");

    let table = home.done("cost blocks --last all --tz UTC");
    assert!(table.contains("\n2026-11-20 10:00 to 15:00 ") && table.contains("\nCurrent block, "), "{table}");
    assert!(home.done("cost blocks").contains("Current block"), "of the last 7 days");
    let past = home.run("cost blocks --until 2026-11-20 --format csv --tz UTC");
    assert!(past.stdout.lines().nth(1).unwrap().starts_with("2026-11-20T10:00:00+00:00,"), "{past:?}");
    assert_eq!(past.stdout.lines().count(), 2);
    let by_block = home.done("cost report --last all --by block --format csv --tz UTC");
    assert!(by_block.contains("\n2026-11-20T10:00:00+00:00,3,3,"), "{by_block}");
}

#[test]
fn help_and_version_succeed() {
    let home = Home::new();
    for args in [
        "--help",
        "-h",
        "cost --help",
        "cost report --help",
        "cost blocks --help",
        "ingest --help",
        "up --help",
        "ledger check -h",
        "prices -h",
        "sessions --help",
    ] {
        let run = home.run(args);
        assert!(
            run.code == Some(0) && run.stdout.contains("Usage") && run.stderr.is_empty(),
            "{args}: {run:?}"
        );
    }
    assert_eq!(home.done("--version"), format!("odin {}\n", env!("CARGO_PKG_VERSION")));
    assert!(!home.state().exists(), "asking for help makes no ledger");
}

#[test]
fn wrong_usage_is_exit_code_2_and_is_explained() {
    let home = home_with_costs();
    for (args, word) in [
        ("", "Usage"),
        ("frobnicate", "frobnicate"),
        ("cost", "Usage"),
        ("ingest --frobnicate", "--frobnicate"),
        ("cost report --by colour", "colour"),
        ("cost report --by day,day", "different"),
        ("cost report --by day,model,project", "two"),
        ("cost report --last fortnight", "fortnight"),
        ("cost report --since yesterday-ish", "yesterday-ish"),
        ("cost report --last 7d --since 2026-11-01", "--since"),
        ("cost report --since 2026-11-20 --until 2026-11-01", "ends before it begins"),
        ("cost report --format yaml", "yaml"),
        ("cost report --last all --compare", "nothing comes before"),
        ("cost report --by block --compare", "no counterparts"),
        ("cost blocks --by day", "--by"),
        ("cost report --chart --format json", "leave out --format"),
        ("cost report --tz Europe/Berlln", "Europe/Berlin"),
        ("cost report --last all --project work-7", "work-0"),
        ("cost report --last all --model claude-opus-5-6", "claude-opus-5-5"),
    ] {
        let run = home.run(args);
        assert_eq!(run.code, Some(2), "{args}: {run:?}");
        assert!(run.stdout.is_empty() && run.stderr.contains(word), "{args}: {run:?}");
    }
}

#[test]
fn up_without_transcripts_says_where_it_looked_and_what_else_to_do() {
    let home = Home::new();
    let up = home.run("up");
    assert_eq!(up.code, Some(0), "{up:?}");
    assert!(up.stdout.contains(home.projects().to_str().unwrap()), "{up:?}");
    assert!(up.stdout.contains("--demo") && up.stdout.contains("CLAUDE_CONFIG_DIR"), "{up:?}");

    // Nothing says where to look, and the usual places are not there.
    let mut command = home.odin(["up"]);
    let up = Run::of(command.env_remove("CLAUDE_CONFIG_DIR"));
    assert_eq!(up.code, Some(0), "{up:?}");
    assert!(up.stdout.contains(".claude/projects") && up.stdout.contains("--demo"), "{up:?}");
}

#[test]
fn up_finds_the_usual_places_by_itself() {
    let home = home_with_costs();
    fs::rename(home.claude(), home.path().join(".claude")).unwrap();
    let up = Run::of(home.odin(["up", "--no-agent"]).env_remove("CLAUDE_CONFIG_DIR"));
    assert_eq!(up.code, Some(0), "{up:?}");
    assert!(up.stdout.contains("Total") && up.stdout.contains('$'), "{up:?}");
    assert!(up.stderr.contains("odin cost report") && up.stderr.contains("3 new responses"), "{up:?}");
}

#[test]
fn the_demo_shows_a_report_and_leaves_nothing_behind() {
    let home = home_with_costs();
    let before = files(home.path());
    let demo = home.run("up --demo");
    assert_eq!(demo.code, Some(0), "{demo:?}");
    assert!(demo.stdout.contains("Total") && demo.stdout.contains('$'), "{demo:?}");
    assert_eq!(files(home.path()), before);
    assert!(!home.state().exists());
    assert_eq!(fs::read_dir(home.path().join("tmp")).unwrap().count(), 0);
    assert!(!demo.stdout.contains("work-0"), "a sample is not mixed with what is yours");
}

#[test]
fn a_closed_pipe_is_no_failure() {
    let home = home_with_costs();
    for args in [
        "cost report --last all",
        "cost report --last all --format json",
        "up --no-agent",
        "up --demo",
        "ledger check",
    ] {
        let (reader, writer) = pipe().unwrap();
        drop(reader);
        let mut odin = home.odin(args.split(' '));
        let run = Run::of(odin.stdout(writer).stderr(Stdio::piped()));
        assert_eq!(run.code, Some(0), "{args}: {run:?}");
        assert!(!run.stderr.contains("panicked"), "{args}: {run:?}");
    }
}

#[test]
fn standard_output_is_the_report_alone() {
    let home = home_with_costs();
    home.write("-work-0/broken.jsonl", "{\"type\":\"assistant\",\"message\":{\"usage\":\n");
    let run = home.run("cost report --last all --format json");
    assert_eq!((run.code, run.stdout.lines().count()), (Some(0), 1), "{run:?}");
    assert!(run.stdout.starts_with("{\"schema\":\"odin.cost.report/1\""), "{run:?}");
    let ingest = home.run("ingest");
    assert!(ingest.stdout.is_empty() && ingest.stderr.contains("4 transcripts"), "{ingest:?}");
    let quiet = home.run("ingest --quiet");
    assert!(quiet.stdout.is_empty() && quiet.stderr.is_empty(), "{quiet:?}");
}

#[test]
fn nothing_but_a_terminal_gets_escape_codes() {
    let home = home_with_costs();
    for args in [
        "cost report --last all --chart",
        "cost report --last all --format markdown",
        "cost blocks --last all",
        "up --no-agent",
        "up --demo",
        "ingest",
    ] {
        let run = Run::of(home.odin(args.split(' ')).env("TERM", "xterm-256color").env("CLICOLOR", "1"));
        assert!(!run.stdout.contains(ESCAPE) && !run.stderr.contains(ESCAPE), "{args}: {run:?}");
    }
}

/// What odin prints on a terminal that is so many columns wide. None: there is no `script`, which has been told.
pub(crate) fn on_terminal(
    home: &Home,
    args: &str,
    columns: u32,
    environment: (&str, &str),
) -> Option<String> {
    if Command::new("script").arg("--version").output().is_err() {
        tell("skipped: no `script` to make a terminal with");
        return None;
    }
    let command = format!("stty cols {columns}; exec {} {args}", binary().display());
    let mut script = home.command("script");
    script.args(["-qec", &command, "/dev/null"]).stdin(Stdio::null()).env("TERM", "xterm");
    script.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env(environment.0, environment.1);
    Some(Run::of(&mut script).done())
}

#[test]
fn no_color_is_respected_on_a_terminal() {
    let home = home_with_costs();
    let Some(plain) = on_terminal(&home, "cost report --last all", 100, ("NO_COLOR", "1")) else { return };
    assert!(plain.contains("Total") && !plain.contains(ESCAPE), "{plain:?}");
    let bold = on_terminal(&home, "cost report --last all", 100, ("NO_COLOR", "")).unwrap();
    assert!(bold.contains(ESCAPE), "{bold:?}");
}

#[test]
fn a_table_fits_its_terminal() {
    let Some(corpus) = corpora::small(1) else { return };
    let home = Home::over(&[&corpus.dir]);
    for by in ["day", "project,model", "session", "agent", "branch,session", "block,skill"] {
        for columns in [200, 100, 80, 60, 40] {
            let args = format!("cost report --last all --chart --by {by}");
            let Some(table) = on_terminal(&home, &args, columns, ("NO_COLOR", "1")) else { return };
            for line in table.lines() {
                assert!(line.chars().count() <= columns as usize, "by {by}, {columns} columns: {line:?}");
            }
        }
    }
}

#[test]
fn a_name_from_outside_cannot_steer_the_terminal() {
    let home = Home::new();
    let line = r#"{"type":"assistant","message":{"id":"m","model":"\u001b]0;owned\u0007","role":"assistant","usage":{"input_tokens":1,"output_tokens":1}},"requestId":"r","timestamp":"2026-11-20T10:00:00Z","cwd":"/w\u001b[2J","sessionId":"s","gitBranch":"\u001b[31mred\nline"}"#;
    home.write("-w/s.jsonl", format!("{line}\n"));
    for by in ["project", "branch", "model"] {
        for format in ["table", "markdown"] {
            let text = home.done(&format!("cost report --last all --by {by} --format {format}"));
            let is_control = |c: char| c.is_control() && c != '\n';
            assert!(!text.contains(is_control), "by {by}, {format}: {text:?}");
        }
    }
}
