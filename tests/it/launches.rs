//! `odin launches` and `--by launch`: what shells told of runs of claude, joined to what these cost.

use std::fs;
use std::path::Path;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::harness::Home;

const MONTH: &str = "spool/launches-2026-11.tsv";

fn at(time: &str) -> i64 {
    format!("2026-11-20T{time}Z").parse::<Timestamp>().unwrap().as_microsecond()
}

/// A line of the spool: a bash of a pid ran claude.
fn launch(pid: u32, from: &str, to: &str, exit: &str, cwd: &Path) -> String {
    let child = if matches!(exit, "147" | "148") || exit.ends_with('c') { "900" } else { "" };
    let exit = exit.trim_end_matches('c');
    let (from, to, cwd) = (at(from), at(to), cwd.display());
    format!("1\tbash\t5.2.15\t{pid}\t{child}\t{from}\t{to}\t{exit}\t/dev/pts/3\t{cwd}\tmain\n")
}

/// A response of a session, of a million tokens of input: 4 dollars.
fn answer(session: &str, id: &str, time: &str, cwd: &Path) -> String {
    let cwd = cwd.display();
    format!(
        r#"{{"type":"assistant","message":{{"id":"msg_{id}","model":"claude-opus-5-5","role":"assistant","content":[],"stop_reason":"end_turn","usage":{{"input_tokens":1000000,"output_tokens":0}}}},"requestId":"req_{id}","uuid":"u-{id}","timestamp":"2026-11-20T{time}Z","cwd":"{cwd}","sessionId":"{session}","gitBranch":"main"}}"#
    ) + "\n"
}

struct Scene {
    home: Home,
}

impl Scene {
    fn new() -> Self {
        let home = Home::new();
        for name in ["shop", "web", "state/spool"] {
            fs::create_dir_all(home.path().join(name)).unwrap();
        }
        Self { home }
    }

    fn folder(&self, name: &str) -> std::path::PathBuf {
        fs::canonicalize(self.home.path()).unwrap().join(name)
    }

    fn spool(&self, lines: &[String]) {
        fs::write(self.home.state().join(MONTH), lines.concat()).unwrap();
    }

    fn session(&self, session: &str, lines: &[String]) {
        self.home.write(&format!("-p/{session}.jsonl"), lines.concat());
    }

    fn launches(&self, more: &str) -> Value {
        let text = self.home.done(&format!("launches --last all --tz UTC --format json {more}"));
        serde_json::from_str(&text).unwrap()
    }

    /// Start, exit, sessions, open sessions and dollars of each.
    fn told(&self) -> Vec<Value> {
        let launches = self.launches("");
        assert_eq!(launches["schema"], "odin.launches/1");
        let told = launches["rows"].as_array().unwrap().iter().map(|row| {
            let started = &row["started"].as_str().unwrap()[11..19];
            json!([started, row["exit"], row["sessions"], row["open_sessions"], row["cost_usd"]])
        });
        told.collect()
    }

    /// Dollars by the name of a launch.
    fn by_launch(&self) -> Vec<(String, i64)> {
        let text = self.home.done("cost report --last all --tz UTC --by launch --format json");
        let report: Value = serde_json::from_str(&text).unwrap();
        let rows = report["rows"].as_array().unwrap().iter();
        let dollars = |sums: &Value| sums["cost_picousd"].as_i64().unwrap() / 1_000_000_000_000;
        let mut rows: Vec<(String, i64)> =
            rows.map(|row| (row["launch"].as_str().unwrap().to_string(), dollars(row))).collect();
        rows.sort();
        let sum: i64 = rows.iter().map(|(_, cost)| cost).sum();
        assert_eq!(sum, dollars(&report["total"]), "they add up");
        rows
    }
}

#[test]
fn a_launch_has_what_was_asked_in_its_directory_meanwhile() {
    let scene = Scene::new();
    let (shop, web) = (scene.folder("shop"), scene.folder("web"));
    scene.spool(&[
        launch(812, "09:00:00", "09:30:00", "0", &shop),
        launch(812, "10:00:00", "10:10:00", "130", &shop),
        launch(813, "09:00:00", "11:00:00", "0", &web),
        launch(814, "12:00:00", "12:00:01", "1", &web),
    ]);
    scene.session(
        "s1",
        &[
            answer("s1", "0", "08:59:00", &shop),
            answer("s1", "1", "09:00:05", &shop),
            answer("s1", "2", "09:29:59", &shop),
            answer("s1", "3", "10:05:00", &shop),
        ],
    );
    scene.session("s2", &[answer("s2", "4", "10:06:00", &shop)]);
    scene.session("s3", &[answer("s3", "5", "10:06:00", &web)]);
    assert_eq!(
        scene.told(),
        [
            json!(["12:00:00", 1, [], [], null]),
            json!(["10:00:00", 130, ["s1", "s2"], [], 8.0]),
            json!(["09:00:00", 0, ["s3"], [], 4.0]),
            json!(["09:00:00", 0, ["s1"], [], 8.0]),
        ]
    );
    let row = &scene.launches("--project shop --limit 1")["rows"][0];
    assert_eq!(row["cwd"].as_str(), shop.to_str());
    assert_eq!(row["project"].as_str(), shop.to_str());
    for (field, value) in [
        ("ended", json!("2026-11-20T10:10:00.000000+00:00")),
        ("duration_seconds", json!(600.0)),
        ("shell", json!("bash")),
        ("shell_pid", json!(812)),
        ("tty", json!("/dev/pts/3")),
        ("branch", json!("main")),
        ("responses", json!(2)),
        ("cost_picousd", json!(8_000_000_000_000_i64)),
    ] {
        assert_eq!(row[field], value, "{field}");
    }
    let name = |time: &str| format!("2026-11-20T{time}.000000+00:00");
    assert_eq!(
        scene.by_launch(),
        [(String::new(), 4), (name("09:00:00"), 4), (name("09:00:00"), 8), (name("10:00:00"), 8)]
    );
}

#[test]
fn what_may_be_of_two_launches_is_of_neither_and_says_so() {
    let scene = Scene::new();
    let shop = scene.folder("shop");
    scene.spool(&[
        launch(812, "09:00:00", "10:00:00", "0", &shop),
        launch(813, "09:00:00", "10:00:00", "0", &shop),
    ]);
    scene.session("s1", &[answer("s1", "1", "09:30:00", &shop)]);
    let open = json!(["09:00:00", 0, [], ["s1"], null]);
    assert_eq!(scene.told(), [open.clone(), open]);
    assert_eq!(scene.by_launch(), [("(one of several)".to_string(), 4)]);
    let table = scene.home.done("launches --last all --tz UTC");
    assert!(table.contains("s1?") && table.contains("may be another launch's"), "{table}");
}

#[test]
fn what_was_stopped_and_continued_is_one_launch() {
    let scene = Scene::new();
    let shop = scene.folder("shop");
    scene.spool(&[
        launch(812, "09:00:00", "09:10:00", "148", &shop),
        launch(812, "09:20:00", "09:30:00", "148", &shop),
        launch(812, "09:40:00", "10:00:00", "0c", &shop),
        launch(812, "11:00:00", "11:10:00", "148", &shop),
    ]);
    let answers = ["09:01:00", "09:25:00", "09:59:00"].map(|time| answer("s1", time, time, &shop));
    scene.session("s1", &answers);
    assert_eq!(
        scene.told(),
        [json!(["11:00:00", 148, [], [], null]), json!(["09:00:00", 0, ["s1"], [], 12.0])]
    );
    assert_eq!(scene.launches("")["rows"][0]["is_stopped"], true);
}

#[test]
fn a_directory_is_the_same_through_a_link() {
    let scene = Scene::new();
    let (shop, link) = (scene.folder("shop"), scene.folder("link"));
    std::os::unix::fs::symlink(&shop, &link).unwrap();
    scene.spool(&[launch(812, "09:00:00", "10:00:00", "0", &link)]);
    scene.session("s1", &[answer("s1", "1", "09:30:00", &shop)]);
    assert_eq!(scene.told(), [json!(["09:00:00", 0, ["s1"], [], 4.0])]);
}

#[test]
fn lines_count_once_half_ones_wait_and_damaged_ones_are_named() {
    let scene = Scene::new();
    let shop = scene.folder("shop");
    let lines = [
        launch(812, "09:00:00", "10:00:00", "0", &shop),
        "1\tbash\tgarbage\n".into(),
        launch(813, "10:00:00", "11:00:00", "0", &shop),
    ];
    let whole = lines.concat();
    scene.spool(&[whole[..whole.len() - 5].into()]);
    let run = scene.home.run("ingest");
    assert_eq!(run.code, Some(0));
    assert!(run.stderr.contains("1 new launches"), "{}", run.stderr);
    assert!(run.stderr.contains("1 lines of the shells' spool are no launches"), "{}", run.stderr);
    assert!(run.stderr.contains("launches-2026-11.tsv:2\n"), "{}", run.stderr);
    assert_eq!(scene.told().len(), 1, "the half line waits");
    scene.spool(&lines);
    assert_eq!(scene.told().len(), 2);
    // Another file by that name: all of it is read, and nothing counts twice.
    let more = [launch(814, "07:00:00", "08:00:00", "0", &shop), lines[0].clone()];
    scene.spool(&more);
    assert_eq!(scene.told().len(), 3);
    let again = scene.home.run("ingest");
    assert!(!again.stderr.contains("launches"), "{}", again.stderr);
    scene.home.check();
}

#[test]
fn launches_stay_when_spool_and_transcripts_are_gone() {
    let scene = Scene::new();
    let shop = scene.folder("shop");
    scene.spool(&[launch(812, "09:00:00", "10:00:00", "0", &shop)]);
    scene.session("s1", &[answer("s1", "1", "09:30:00", &shop)]);
    let before = scene.told();
    fs::remove_dir_all(scene.home.state().join("spool")).unwrap();
    fs::remove_dir_all(scene.home.projects()).unwrap();
    assert_eq!(scene.told(), before);
    scene.home.done("ledger rebuild");
    assert_eq!(scene.told(), before, "also in a ledger that was made anew");
}

#[test]
fn without_launches_it_is_said_how_there_come_to_be_some() {
    let table = Home::new().done("launches");
    assert!(table.contains("odin shell install"), "{table}");
}
