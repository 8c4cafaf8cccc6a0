//! Nothing is lost or counted twice: killed processes, several at once, and state folders that cannot be written.

use std::fs;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rusqlite::{Connection, TransactionBehavior};

use crate::compare::Sums;
use crate::confined::{Namespace, Unprivileged, set_mode};
use crate::corpora::{self, Corpus};
use crate::harness::{Home, Report, Run, copy_folder, tell};
use crate::random::Random;

const REPORT: &str = "cost report --last all --format json";

/// Three config dirs, and so at least three transactions; and their total.
fn several() -> Option<(Vec<Corpus>, Sums)> {
    let corpora: Vec<Corpus> = [1, 2, 3].into_iter().map(corpora::small).collect::<Option<_>>()?;
    let mut total = Sums::default();
    for corpus in &corpora {
        total += corpus.truth.total();
    }
    Some((corpora, total))
}

fn home_over(corpora: &[Corpus]) -> Home {
    Home::over(&corpora.iter().map(|corpus| corpus.dir.as_path()).collect::<Vec<_>>())
}

/// So many of them while one corpus is read, in a single transaction; the others while three are, and between these.
const KILLS: (u64, u64) = (140, 60);

#[test]
fn an_ingest_that_is_killed_at_any_instant_loses_and_doubles_nothing() {
    let Some((corpora, _)) = several() else { return };
    killed_and_resumed(&corpora[..1], corpora[0].truth.total(), KILLS.0);
}

#[test]
fn an_ingest_that_is_killed_between_transactions_loses_and_doubles_nothing() {
    let Some((corpora, total)) = several() else { return };
    killed_and_resumed(&corpora, total, KILLS.1);
}

fn killed_and_resumed(corpora: &[Corpus], total: Sums, kills: u64) {
    let asked: u64 = std::env::var("ODIN_TEST_KILLS").map_or(KILLS.0 + KILLS.1, |text| text.parse().unwrap());
    let kills = (kills * asked).div_ceil(KILLS.0 + KILLS.1);
    let random = &mut Random::new(kills);
    let mut whole = {
        let home = home_over(corpora);
        let begun = Instant::now();
        home.done("ingest --quiet");
        begun.elapsed()
    };
    let (mut done, mut ledgers, mut most_survived) = (0, 0, 0);
    while done < kills {
        // Ledgers live through one to eight kills, so that some ingests begin anew and others resume.
        let home = home_over(corpora);
        let lives = (1 + random.below(8)).min(kills - done);
        let mut survived = 0;
        while survived < lives {
            let child = ingest(&home);
            let at = whole.mul_f64(random.below(1100) as f64 / 1000.0);
            if is_killed_after(at, child) {
                survived += 1;
                continue;
            }
            // It came to its end: there is nothing left to resume. A whole one takes no longer than that, however
            // busy the machine was when the first was measured.
            if survived == 0 {
                whole = whole.min(at);
            }
            break;
        }
        done += survived;
        ledgers += 1;
        most_survived = most_survived.max(survived);
        home.done("ingest --quiet");
        assert_eq!(home.total(), total, "after {survived} kills");
        home.check();
    }
    tell(&format!(
        "killed {done} ingests of {} ms, in {ledgers} ledgers, up to {most_survived} times in one: totals equal",
        whole.as_millis()
    ));
}

fn ingest(home: &Home) -> Child {
    home.odin(["ingest", "--quiet"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

#[track_caller]
fn assert_done(child: Child) {
    Run::from(child.wait_with_output().unwrap()).done();
}

/// False: it had ended before.
pub(crate) fn is_killed_after(instant: Duration, mut child: Child) -> bool {
    std::thread::sleep(instant);
    child.kill().unwrap();
    child.wait().unwrap().code().is_none()
}

#[test]
fn several_ingests_at_once_count_everything_once() {
    let Some((corpora, total)) = several() else { return };
    for _ in 0..4 {
        let home = home_over(&corpora);
        let children: Vec<Child> = (0..4).map(|_| ingest(&home)).collect();
        children.into_iter().for_each(assert_done);
        assert_eq!(home.total(), total);
        home.check();
    }
}

#[test]
fn first_starts_at_the_same_instant_all_succeed() {
    let home = Home::new();
    home.write("-work/a.jsonl", line("msg_1", 100));
    for _ in 0..60 {
        let children: Vec<Child> = (0..4).map(|_| ingest(&home)).collect();
        children.into_iter().for_each(assert_done);
        fs::remove_dir_all(home.state()).unwrap();
    }
}

#[test]
fn ingests_that_are_killed_do_not_hurt_others_at_work() {
    let Some((corpora, total)) = several() else { return };
    let random = &mut Random::new(5);
    let home = home_over(&corpora);
    for _ in 0..8 {
        let lives = ingest(&home);
        is_killed_after(Duration::from_millis(random.below(200)), ingest(&home));
        assert_done(lives);
        assert_eq!(home.total(), total);
        home.check();
        fs::remove_dir_all(home.state()).unwrap();
    }
}

/// A home with transcripts of its own, taken in except for one response.
pub(crate) fn home_with_news() -> (Home, Sums, Sums) {
    let home = Home::new();
    home.write("-work/a.jsonl", line("msg_1", 100));
    home.done("ingest");
    let before = home.total();
    assert_eq!(before.tokens.output, 100);
    home.append("-work/a.jsonl", line("msg_2", 11));
    let mut after = before;
    after.responses = 2;
    after.tokens.output = 111;
    after.cost_picousd = before.cost_picousd / 100 * 111;
    (home, before, after)
}

pub(crate) fn line(id: &str, output: i64) -> String {
    format!(
        r#"{{"type":"assistant","message":{{"id":"{id}","model":"claude-opus-5-5","role":"assistant","stop_reason":"end_turn","usage":{{"input_tokens":0,"output_tokens":{output}}}}},"requestId":"req_{id}","uuid":"{id}","timestamp":"2026-11-20T10:00:00.000Z","cwd":"/work","sessionId":"a","gitBranch":"main"}}
"#
    )
}

#[test]
fn a_locked_ledger_is_shown_as_it_is_and_told() {
    let (home, before, after) = home_with_news();
    let mut holder = Connection::open(home.ledger()).unwrap();
    let lock = holder.transaction_with_behavior(TransactionBehavior::Immediate).unwrap();
    let spawn = |args: &str| {
        let mut odin = home.odin(args.split(' '));
        odin.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    // Both wait for the same ten seconds.
    let (report, ingest) = (spawn(REPORT), spawn("ingest"));
    let (report, ingest) = (report.wait_with_output().unwrap(), ingest.wait_with_output().unwrap());
    lock.rollback().unwrap();

    let (report, ingest): (Run, Run) = (report.into(), ingest.into());
    for run in [&report, &ingest] {
        run.assert_failed_saying(&["locked", home.ledger().to_str().unwrap()]);
    }
    assert_eq!(Report::parse(&report.stdout).total(), before);
    assert_eq!(home.total(), after);
}

/// What a state folder that takes no changes makes of the commands that would change it.
fn assert_read_only(home: &Home, before: Sums, run: impl Fn(&str) -> Run) {
    let ingest = run("ingest");
    ingest.assert_failed_saying(&[home.ledger().to_str().unwrap(), "cannot be written"]);
    let report = run(REPORT);
    report.assert_failed_saying(&[home.ledger().to_str().unwrap(), "cannot be written"]);
    assert_eq!(Report::parse(&report.stdout).total(), before, "what is there is shown");
}

#[test]
fn a_state_folder_on_a_read_only_file_system_is_told_and_loses_nothing() {
    let (home, before, after) = home_with_news();
    let Some(namespace) = Namespace::new() else { return };
    let bind = r#"mount --bind "$ODIN_STATE_DIR" "$ODIN_STATE_DIR" && mount -o remount,ro,bind "$ODIN_STATE_DIR" && exec "$@""#;
    assert_read_only(&home, before, |args| namespace.run(&home, bind, args));
    assert_eq!(home.total(), after);
    home.check();
}

#[test]
fn a_state_folder_whose_mode_forbids_writing_is_told_and_loses_nothing() {
    let (home, before, after) = home_with_news();
    let Some(user) = Unprivileged::new(&home) else { return };
    set_mode(&home.ledger(), 0o444);
    set_mode(&home.state(), 0o555);
    assert_read_only(&home, before, |args| user.run(&home, args));
    set_mode(&home.state(), 0o700);
    set_mode(&home.ledger(), 0o644);
    assert_eq!(home.total(), after);
    home.check();
}

#[test]
fn a_state_folder_that_cannot_be_made_is_named() {
    let home = Home::new();
    home.write("-work/a.jsonl", line("msg_1", 100));
    fs::write(home.state(), "a file where the folder should be").unwrap();
    for args in ["ingest", "up", "cost report"] {
        home.run(args).assert_failed_saying(&[home.state().to_str().unwrap()]);
    }
}

#[test]
fn a_full_disk_is_told_and_nothing_is_lost() {
    let Some(corpus) = corpora::small(1) else { return };
    let Some(namespace) = Namespace::new() else { return };
    let needed = {
        let home = Home::over(&[&corpus.dir]);
        home.done("ingest");
        fs::metadata(home.ledger()).unwrap().len() / 1024
    };
    // From hardly any space to hardly too little: each step of an ingest meets the end of the disk once.
    for size_kib in [0, 8, 40, 100, needed / 2, needed] {
        let home = Home::over(&[&corpus.dir]);
        fs::create_dir(home.state()).unwrap();
        // A size of 0 would be no limit.
        let script = format!(
            r#"mount -t tmpfs -o size={}k none "$ODIN_STATE_DIR" || exit 99
            [ {size_kib} = 0 ] && echo x | dd of="$ODIN_STATE_DIR/filler" bs=4096 conv=sync 2>/dev/null
            "$@" ingest >full.out 2>full.err; echo $? >full.code
            rm -f "$ODIN_STATE_DIR/filler"
            mount -o remount,size=256m "$ODIN_STATE_DIR" || exit 99
            "$@" ingest --quiet && "$@" ledger check >&2 || exit 98
            exec "$@" {REPORT}"#,
            size_kib.max(4)
        );
        let again = namespace.run(&home, &script, "");
        run_in_script(&home, "full")
            .assert_failed_saying(&["no space left", home.ledger().to_str().unwrap()]);
        assert_eq!(Report::parse(&again.done()).total(), corpus.truth.total(), "{size_kib} KiB");
    }
}

/// Fills the disk to all but so many KiB behind a ledger, brings news, and asks for a report; then makes room.
///
/// Returns the report from the full disk, the one after it, and what the two should total.
fn report_from_a_full_disk(free_kib: u64) -> Option<[(Run, Sums); 2]> {
    let corpus = corpora::small(1)?;
    let namespace = Namespace::new()?;
    let home = Home::new();
    fs::create_dir(home.state()).unwrap();
    home.write("-work/a.jsonl", line("msg_1", 100));
    let before = Home::over(&[&home.claude()]).total();
    copy_folder(&corpus.projects(), &home.path().join("arriving"));
    let script = format!(
        r#"mount -t tmpfs -o size=256m none "$ODIN_STATE_DIR" || exit 99
        "$@" ingest --quiet || exit 98
        mv arriving claude/projects/more
        used=$(du -k "$ODIN_STATE_DIR" | cut -f 1)
        mount -o "remount,size=$((used + {free_kib}))k" "$ODIN_STATE_DIR" || exit 99
        "$@" {REPORT} >full.out 2>full.err; echo $? >full.code
        mount -o remount,size=256m "$ODIN_STATE_DIR" || exit 99
        exec "$@" {REPORT}"#
    );
    let again = namespace.run(&home, &script, "");
    let mut after = before;
    after += corpus.truth.total();
    Some([(run_in_script(&home, "full"), before), (again, after)])
}

/// A run whose streams and exit code a script left in files.
fn run_in_script(home: &Home, name: &str) -> Run {
    let text = |kind| fs::read_to_string(home.path().join(format!("{name}.{kind}"))).unwrap();
    Run { code: text("code").trim().parse().ok(), stdout: text("out"), stderr: text("err") }
}

#[test]
fn a_disk_that_fills_up_is_told_and_nothing_is_lost() {
    for free_kib in [0, 16, 64, 256] {
        let Some([(full, _), (again, after)]) = report_from_a_full_disk(free_kib) else { return };
        full.assert_failed_saying(&["no space left", "ledger.db"]);
        assert_eq!(Report::parse(&again.done()).total(), after, "{free_kib} KiB");
    }
}

#[test]
fn a_report_from_a_full_disk_shows_what_is_there() {
    for free_kib in [64, 16, 0] {
        let Some([(full, before), _]) = report_from_a_full_disk(free_kib) else { return };
        assert!(!full.stdout.is_empty(), "nothing with {free_kib} KiB left: {full:?}");
        assert_eq!(Report::parse(&full.stdout).total(), before, "{free_kib} KiB");
    }
}

#[test]
fn a_ledger_of_a_newer_odin_is_refused_and_not_touched() {
    let (home, ..) = home_with_news();
    Connection::open(home.ledger()).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let before = fs::read(home.ledger()).unwrap();
    for args in ["ingest", "cost report", "ledger check", "up"] {
        home.run(args).assert_failed_saying(&["update odin", home.ledger().to_str().unwrap(), "99"]);
    }
    assert!(fs::read(home.ledger()).unwrap() == before);
}

#[test]
fn a_ledger_that_lost_a_row_is_found_out() {
    let (home, ..) = home_with_news();
    // The references are not enforced, so that an origin can go and leave its responses and sums behind.
    let db = Connection::open(home.ledger()).unwrap();
    db.pragma_update(None, "foreign_keys", false).unwrap();
    assert_eq!(db.execute("DELETE FROM origin", []).unwrap(), 1);
    let check = home.run("ledger check");
    assert_eq!(check.code, Some(1), "{check:?}");
    assert!(check.stdout.contains("refers to a row of origin"), "{check:?}");
}

#[test]
fn a_report_of_a_ledger_that_lost_a_row_ends() {
    let (home, ..) = home_with_news();
    let db = Connection::open(home.ledger()).unwrap();
    db.pragma_update(None, "foreign_keys", false).unwrap();
    assert_eq!(db.execute("DELETE FROM origin", []).unwrap(), 1);
    let report = Run::of_one_that_ends(&mut home.odin(["cost", "report", "--no-ingest", "--last", "all"]));
    assert!(!report.stderr.contains("panicked"), "{report:?}");
}

#[test]
fn sums_that_are_not_those_of_the_responses_are_found_out() {
    for change in [
        "output = output + 1",
        "cost_picousd = cost_picousd - 1",
        "flags = flags | 2",
        "at_ms = at_ms + 900000",
    ] {
        let (home, ..) = home_with_news();
        home.check();
        Connection::open(home.ledger())
            .unwrap()
            .execute(&format!("UPDATE response SET {change}"), [])
            .unwrap();
        let check = home.run("ledger check");
        assert_eq!(check.code, Some(1), "{change}: {check:?}");
        assert!(
            check.stdout.contains("2026-11-20") && check.stdout.contains("claude-opus-5-5"),
            "{change}: {check:?}"
        );
    }
}

#[test]
fn an_empty_file_becomes_a_ledger() {
    let home = Home::new();
    home.write("-work/a.jsonl", line("msg_1", 100));
    fs::create_dir(home.state()).unwrap();
    fs::write(home.ledger(), "").unwrap();
    assert_eq!(home.total().tokens.output, 100);
}
