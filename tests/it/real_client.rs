//! The real client against the mock service of the shared folder: what it wrote down equals what it was served, and
//! its processes are the tree of its session.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use odin::model::Tokens;
use odin::model::process::{ProcessKind, SessionTree};
use rustix::process::Signal;
use serde_json::Value;

use crate::agent::{Agent, Samples, assert_none_fell};
use crate::compare::{Rows, Sums, assert_none, differences, whole};
use crate::corpora::from_shared;
use crate::harness::{Home, is_set, tell, transcripts};
use crate::processes::{Watch, below, pids, send};

#[test]
fn what_the_real_client_wrote_equals_what_it_was_served() {
    let Some((client, driver)) = client_and_driver() else { return };
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("drive");
    let run = drive(&driver, &client, &out).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stdout));
    compare(&Home::over(&[&out.join("home/.claude")]), &out);
}

#[test]
fn an_agent_that_is_killed_beside_the_real_client_loses_and_doubles_nothing() {
    let Some((client, driver)) = client_and_driver() else { return };
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("drive");
    let config_dir = out.join("home/.claude");
    let home = Home::over(&[&config_dir]);
    let mut driving = drive(&driver, &client, &out).stdout(Stdio::null()).spawn().unwrap();
    while !config_dir.is_dir() {
        assert_eq!(driving.try_wait().unwrap(), None, "the driver ended before its client began");
        std::thread::yield_now();
    }
    let (mut last, mut kills) = (Samples::new(), 0);
    let status = loop {
        let agent = Agent::start(&home);
        // Every other one is killed while it begins.
        if kills % 2 == 0 {
            let page = agent.await_ready();
            assert_none_fell(&last, &page);
            last = page;
        }
        agent.kill();
        kills += 1;
        if let Some(status) = driving.try_wait().unwrap() {
            break status;
        }
    };
    assert!(status.success(), "{status}");
    tell(&format!("{kills} agents were killed"));
    compare(&home, &out);
}

/// All that the driver knows to do.
fn drive(driver: &Path, client: &Path, out: &Path) -> Command {
    let mut command = Command::new("python3");
    command.arg(driver).arg("--claude").arg(client).args(["--set", "all", "--out"]).arg(out);
    command
}

#[test]
fn what_the_real_client_tells_by_telemetry_leaves_nothing_to_infer() {
    let Some((client, driver)) = client_and_driver() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (out, client_home) = (folder.path().join("drive"), folder.path().join("home"));
    let config_dir = client_home.join(".claude");
    fs::create_dir_all(config_dir.join("projects")).unwrap();
    let home = Home::over(&[&config_dir]);
    let agent = Agent::start(&home);
    agent.await_ready();
    let mut run = drive(&driver, &client, &out);
    run.arg("--home").arg(&client_home);
    for setting in [
        "CLAUDE_CODE_ENABLE_TELEMETRY=1",
        "OTEL_LOGS_EXPORTER=otlp",
        "OTEL_METRICS_EXPORTER=otlp",
        "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf",
        "OTEL_LOGS_EXPORT_INTERVAL=500",
        &format!("OTEL_EXPORTER_OTLP_ENDPOINT=http://{}", agent.address),
    ] {
        run.args(["--env", setting]);
    }
    let run = run.output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stdout));
    // What the agent was told it has taken in before it answers.
    drop(agent);
    coverage(&out, &home, "otel");
    home.check();
}

#[test]
fn the_tree_of_the_real_client_is_what_runs_below_it_and_outlives_it() {
    let Some((client, driver)) = client_and_driver() else { return };
    let mut hold = Driven::new(&driver, |command, out| {
        command.arg("--claude").arg(client).arg("--out").arg(out).args(["--hold", "300"]);
    });
    let (root, all) = (whole_pid(&hold.told["pid"]), hold.told["pids"].as_array().unwrap());
    let mut all: Vec<u32> = all.iter().map(whole_pid).chain([root]).collect();
    all.sort_unstable();
    let session = hold.told["session_id"].as_str().unwrap();
    let mut watch = Watch::over(&hold.config_dir());
    let [tree] = &watch.look()[..] else { panic!("one client, one session") };
    assert_eq!((&*tree.session, pids(tree)), (session, all.clone()));
    assert_eq!((tree.clients.len(), tree.processes(ProcessKind::Claude)), (1, 1));
    assert!(tree.processes(ProcessKind::Shell) >= 1 && tree.totals.spent.cpu_ms() > 0);
    tell(&format!("{} processes: {}", all.len(), names(tree)));

    // The driver would end what its client leaves behind.
    send(hold.child.id(), Signal::STOP);
    send(root, Signal::KILL);
    let left = loop {
        let [tree] = &watch.look()[..] else { panic!("one session") };
        if tree.clients.is_empty() {
            break pids(tree);
        }
        std::thread::yield_now();
    };
    all.retain(|pid| *pid != root);
    assert_eq!(left.into_iter().filter(|pid| *pid != root).collect::<Vec<_>>(), all);
    send(hold.child.id(), Signal::CONT);
    // It ends what was left before it ends.
    hold.output.read_to_string(&mut String::new()).unwrap();
    assert!(hold.child.wait().unwrap().success());
}

#[test]
fn a_real_client_below_another_has_a_tree_of_its_own() {
    let Some((client, driver)) = client_and_driver() else { return };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/processes/nested.py");
    let nested = Driven::new(&script, |command, out| {
        command.arg(driver.parent().unwrap()).arg(client).arg(out);
    });
    let root = whole_pid(&nested.told["pid"]);
    let mut watch = Watch::over(&nested.config_dir());
    let trees = watch.look();
    let of = |is_inner: bool| trees.iter().find(|tree| tree.parent_session.is_some() == is_inner).unwrap();
    let (outer, inner) = (of(false), of(true));
    assert_eq!((trees.len(), inner.parent_session.as_ref()), (2, Some(&outer.session)));
    assert_eq!(outer.clients[0].pid, root);
    let (all, own) = (below(root), below(inner.clients[0].pid));
    let others: Vec<u32> = all.iter().filter(|pid| !own.contains(pid)).copied().collect();
    assert_eq!((pids(outer), pids(inner)), (others, own));
    assert_eq!((outer.processes(ProcessKind::Mcp), inner.processes(ProcessKind::Mcp)), (1, 0));
    tell(&format!("outer: {}; inner: {}", names(outer), names(inner)));
}

/// The paths of both, if this is asked for and can be done.
pub(crate) fn client_and_driver() -> Option<(PathBuf, PathBuf)> {
    if !is_set("ODIN_TEST_REAL_CLIENT") {
        tell("skipped: the real client (ODIN_TEST_REAL_CLIENT=1 and ODIN_TEST_CLIENT=PATH run it)");
        return None;
    }
    let client = std::env::var_os("ODIN_TEST_CLIENT").expect("ODIN_TEST_CLIENT is the path of the client");
    Some((client.into(), from_shared("claude-code-mock/drive.py")?))
}

/// A driver that keeps clients running. They end with it.
struct Driven {
    child: Child,
    output: BufReader<ChildStdout>,
    folder: tempfile::TempDir,
    /// The line that it prints once they run.
    told: Value,
}

impl Driven {
    fn new(script: &Path, args: impl FnOnce(&mut Command, &Path)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("python3");
        command.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped());
        args(&mut command, &folder.path().join("drive"));
        let mut child = command.spawn().unwrap();
        let (mut output, mut line) = (BufReader::new(child.stdout.take().unwrap()), String::new());
        output.read_line(&mut line).unwrap();
        Self { child, output, folder, told: serde_json::from_str(&line).unwrap() }
    }

    fn config_dir(&self) -> PathBuf {
        self.folder.path().join("drive/home/.claude")
    }
}

impl Drop for Driven {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|status| status.is_none()) {
            for pid in below(self.child.id()).into_iter().rev() {
                send(pid, Signal::KILL);
            }
            _ = self.child.wait();
        }
    }
}

fn whole_pid(value: &Value) -> u32 {
    u32::try_from(value.as_u64().unwrap()).unwrap()
}

fn names(tree: &SessionTree) -> String {
    let names = tree.members.iter().map(|member| format!("{} ({})", member.name, member.kind.name()));
    names.collect::<Vec<_>>().join(", ")
}

fn compare(home: &Home, out: &Path) {
    let expected = read_json(&out.join("expected.json"));
    let recorded = &expected["recorded"];
    let (models, sessions) = (truth(&recorded["by_model"]), truth(&recorded["by_session"]));
    let (found_models, found_sessions) = (found(home, "model"), found(home, "session"));

    tell("model responses input output read w5 w1 searches");
    for (model, sums) in &models {
        let Tokens { input, output, cache_read, cache_write_5m, cache_write_1h } = sums.tokens;
        let verdict = if found_models.get(model) == Some(sums) { "equal" } else { "DIFFERENT" };
        tell(&format!(
            "{model} {} {input} {output} {cache_read} {cache_write_5m} {cache_write_1h} {}: {verdict}",
            sums.responses, sums.web_searches
        ));
    }
    let unrecorded = expected["unrecorded"].as_array().unwrap();
    let partial = expected["partial"].as_array().unwrap().iter().filter(|one| one["in_transcript"] == false);
    for one in unrecorded.iter().chain(partial) {
        tell(&format!(
            "in no transcript: {} of {}, {} input and {} output tokens",
            one["reason"].as_str().unwrap(),
            one["model"].as_str().unwrap(),
            one["input_tokens"],
            one["output_tokens"]
        ));
    }

    let mut wrong = differences("model", &models, &found_models);
    wrong.extend(differences("session", &sessions, &found_sessions));
    assert_none(&wrong);
    let mut total = home.report("day", "UTC").total();
    total.cost_picousd = 0;
    assert_eq!(total, sums(&recorded["total"]));
    coverage(out, home, "cost_state");
    assert_eq!(home.report("session", "UTC").rows().len(), sessions.len(), "no session is made up");
    assert!(!transcripts(&out.join("home/.claude")).is_empty());
    home.check();
}

/// What no transcript shows is all told by `teller`, a provenance, and nothing by the other; as far as it was counted.
fn coverage(out: &Path, home: &Home, teller: &str) {
    let expected = read_json(&out.join("expected.json"));
    let text = home.done("cost report --last all --tz UTC --format json");
    let provenance = serde_json::from_str::<Value>(&text).unwrap()["provenance"].clone();
    let unrecorded = expected["unrecorded"].as_array().unwrap();
    let mut hidden = Tokens::default();
    for one in unrecorded {
        hidden += tokens(one);
    }
    let counted = |of: &str| Sums::of_report(&provenance[of]);
    let lost = expected["partial"].as_array().unwrap().iter().filter(|one| one["in_transcript"] == false);
    let lost: Vec<&Value> = lost.collect();
    tell("part of the coverage: responses, input output read w5 w1, cost");
    for of in ["transcript", "otel", "cost_state", "unknown"] {
        let Sums { responses, tokens, cost_picousd, .. } = counted(of);
        let Tokens { input, output, cache_read, cache_write_5m, cache_write_1h } = tokens;
        let cost = cost_picousd as f64 / 1e12;
        tell(&format!(
            "{of}: {responses}, {input} {output} {cache_read} {cache_write_5m} {cache_write_1h}, ${cost}"
        ));
    }
    tell(&format!("{} answers were lost", lost.len()));
    let line = home.done("cost report --last all --tz UTC");
    tell(line.lines().next_back().unwrap());

    let recorded = sums(&expected["recorded"]["total"]);
    assert_eq!(Sums { cost_picousd: 0, ..counted("transcript") }, recorded);
    let (responses, other) = if teller == "otel" { (unrecorded.len(), "cost_state") } else { (0, "otel") };
    assert_eq!(counted(teller).responses, i64::try_from(responses).unwrap());
    // Of an answer that was lost, a client that gave up on it counts what it had of it.
    let with_lost = lost.iter().fold(vec![hidden], |sums, one| {
        let with = |sum: &Tokens| {
            let mut sum = *sum;
            sum += tokens(one);
            sum
        };
        let more: Vec<Tokens> = sums.iter().map(with).collect();
        [sums, more].concat()
    });
    assert!(with_lost.contains(&counted(teller).tokens), "{:?}: {with_lost:?}", counted(teller));
    assert_eq!(counted(other), Sums::default());

    // Killed, a client counts nothing. What it says of all others is what is told of them here, but for a fork, whose
    // figure has its parent's in it, and for an answer that was cut short, of which it counts what it guesses.
    let runs = fs::read_to_string(out.join("sessions.jsonl")).unwrap();
    let runs: Vec<Value> = runs.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let with_answers = &expected["recorded"]["by_session"];
    let killed = runs.iter().filter(|run| run["rc"] == -9 && with_answers.get(id(run)).is_some());
    assert_eq!(whole(&provenance["unknown"]["sessions"]), i64::try_from(killed.count()).unwrap());
    let (mut figures, mut compared): (BTreeMap<&str, &Value>, usize) = Default::default();
    for run in runs.iter().filter(|run| run["total_cost_usd"].is_f64()) {
        if run["name"] != "fork" && run["name"] != "interrupt" {
            figures.insert(id(run), &run["total_cost_usd"]);
        }
    }
    for (session, figure) in figures.into_iter().filter(|(session, _)| with_answers.get(session).is_some()) {
        let told = home.done(&format!("sessions {session} --format json"));
        let told: Value = serde_json::from_str(&told).unwrap();
        let parts = [&told["total"]["cost_picousd"], &told["client"]["unexplained_cost_picousd"]];
        let here: i64 = parts.into_iter().map(whole).sum();
        let difference = figure.as_f64().unwrap() - here as f64 / 1e12;
        assert!(difference.abs() < 1e-9, "{session}: {figure} and {here}");
        compared += 1;
    }
    assert!(compared > 10, "{compared}");
}

fn id(run: &Value) -> &str {
    run["session_id"].as_str().unwrap_or_default()
}

fn read_json(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// Rows without their cost: the service told none.
fn found(home: &Home, by: &str) -> Rows {
    home.report(by, "UTC")
        .rows()
        .into_iter()
        .map(|(name, sums)| (name, Sums { cost_picousd: 0, ..sums }))
        .collect()
}

fn truth(buckets: &Value) -> Rows {
    let buckets: BTreeMap<_, _> = buckets.as_object().unwrap().iter().collect();
    buckets.into_iter().map(|(name, bucket)| (name.clone(), sums(bucket))).collect()
}

fn sums(bucket: &Value) -> Sums {
    Sums {
        responses: whole(&bucket["responses"]),
        tokens: tokens(bucket),
        web_searches: whole(&bucket["web_search_requests"]),
        cost_picousd: 0,
    }
}

fn tokens(bucket: &Value) -> Tokens {
    Tokens {
        input: whole(&bucket["input_tokens"]),
        output: whole(&bucket["output_tokens"]),
        cache_read: whole(&bucket["cache_read_input_tokens"]),
        cache_write_5m: whole(&bucket["cache_creation_5m"]),
        cache_write_1h: whole(&bucket["cache_creation_1h"]),
    }
}
