//! A ledger is kept for years: backups, damage, and what can be got back after it.

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Instant;

use odin::ledger::{Ledger, Reader};
use rusqlite::Connection;
use serde_json::Value;

use crate::compare::Sums;
use crate::confined::Namespace;
use crate::corpora;
use crate::durability::{home_with_news, is_killed_after, line};
use crate::harness::{Home, Report, copy_folder, tell};
use crate::random::Random;

/// The total of what the ledger has, without a look at transcripts.
#[track_caller]
fn stored(home: &Home) -> Sums {
    Report::parse(&home.done("cost report --last all --format json --no-ingest")).total()
}

fn backups(home: &Home) -> Vec<String> {
    let entries = fs::read_dir(home.state().join("backups")).into_iter().flatten();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Files of ledgers that were set aside.
fn set_aside(home: &Home) -> Vec<PathBuf> {
    let files = fs::read_dir(home.state()).unwrap().map(|entry| entry.unwrap().path());
    let is_damaged = |path: &PathBuf| path.to_str().unwrap().contains(".damaged-");
    files.filter(|path| is_damaged(path) && !path.to_str().unwrap().ends_with("-shm")).collect()
}

#[test]
fn a_restored_ledger_is_the_former_one_and_reads_on_from_there() {
    let (home, before, after) = home_with_news();
    home.done("ledger backup one.db");
    assert_eq!(home.total(), after);
    let restored = home.run("ledger restore one.db");
    assert!(
        restored.stdout.contains("1 responses") && restored.stderr.contains("before-restore-"),
        "{restored:?}"
    );
    assert_eq!(stored(&home), before);
    home.check();
    assert_eq!(home.total(), after, "the transcripts still hold the other one");
    home.check();

    // The ledger of before is a backup, too, for whoever names it.
    fs::remove_file(home.projects().join("-work/a.jsonl")).unwrap();
    home.run("ledger restore").assert_failed_saying(&["no good backup"]);
    home.done(&format!("ledger restore {}", backups(&home)[0]));
    assert_eq!(home.total(), after);
}

#[test]
fn a_backup_of_a_corpus_restored_a_day_later_equals_the_truth() {
    let Some(corpus) = corpora::small(2) else { return };
    let home = Home::new();
    let projects: Vec<PathBuf> =
        fs::read_dir(corpus.projects()).unwrap().map(|entry| entry.unwrap().path()).collect();
    let (early, late) = projects.split_at(projects.len() / 2);
    for project in early {
        copy_folder(project, &home.projects().join(project.file_name().unwrap()));
    }
    home.done("ingest --quiet");
    let before = stored(&home);
    home.done("ledger backup");
    for project in late {
        copy_folder(project, &home.projects().join(project.file_name().unwrap()));
    }
    assert_eq!(home.total(), corpus.truth.total());
    home.done("ledger restore");
    assert_eq!(stored(&home), before);
    assert_eq!(home.total(), corpus.truth.total());
    home.check();
}

#[test]
fn a_backup_never_replaces_a_file_and_a_bad_one_is_not_restored() {
    let (home, before, _) = home_with_news();
    home.done("ledger backup one.db");
    home.run("ledger backup one.db").assert_failed_saying(&["one.db is there already"]);
    home.run("ledger backup /does/not/exist/one.db").assert_failed_saying(&["/does/not/exist/one.db"]);
    home.run("ledger restore yesterday").assert_failed_saying(&["no backup `yesterday`"]);
    home.run("ledger restore").assert_failed_saying(&["no good backup"]);

    let one = home.path().join("one.db");
    let mut bytes = fs::read(&one).unwrap();
    bytes[4096..8 * 4096].fill(0x55);
    fs::write(&one, bytes).unwrap();
    home.run("ledger restore one.db").assert_failed_saying(&["one.db", "no sound ledger"]);
    assert_eq!(stored(&home), before);
}

#[test]
fn a_backup_is_made_once_a_day_and_old_ones_go() {
    let (home, _, after) = home_with_news();
    assert_eq!(home.total(), after);
    assert_eq!(backups(&home), [""; 0], "the first day needs none");
    fs::create_dir(home.state().join("backups")).unwrap();
    for name in ["daily-2001-01-01.db", "daily-2001-01-02.db", "manual-1.db"] {
        home.done(&format!("ledger backup state/backups/{name}"));
    }
    fs::write(home.path().join("config.toml"), "[backups]\ndaily = 1\nweekly = 1\n").unwrap();
    let db = Connection::open(home.ledger()).unwrap();
    db.execute("UPDATE state SET value = value - 86400000 WHERE name = 'backed_up_ms'", []).unwrap();
    for _ in 0..2 {
        let mut report = home.odin(["cost", "report"]);
        report.env("ODIN_CONFIG", home.path().join("config.toml"));
        crate::harness::Run::from(report.output().unwrap()).done();
        let names = backups(&home);
        assert_eq!(names.len(), 2, "{names:?}");
        assert!(names[0].starts_with("daily-2") && names[0].as_str() > "daily-2001-01-02.db", "{names:?}");
        assert_eq!(names[1], "manual-1.db");
    }
    home.done("ledger restore manual-1.db");
    assert_eq!(home.total(), after);
}

#[test]
fn what_is_no_ledger_is_set_aside_and_made_anew() {
    let (home, before, after) = home_with_news();
    home.done("ledger backup");
    let sound = fs::read(home.ledger()).unwrap();
    // Only the backup knows of it now.
    fs::write(home.projects().join("-work/a.jsonl"), line("msg_2", 11)).unwrap();
    let mut both = after;
    both.responses = 2;
    for bytes in
        ["no database, but some text. ".repeat(300).as_bytes(), &[0xff; 9000], &sound[..sound.len() / 2]]
    {
        fs::write(home.ledger(), bytes).unwrap();
        home.run("ledger check").assert_failed_saying(&["odin ledger rebuild"]);
        let run = home.run("cost report --last all --format json");
        for word in ["is damaged or no ledger", "made anew from", "backups/manual-"] {
            assert!(run.stderr.contains(word), "nothing of `{word}`: {run:?}");
        }
        assert_eq!(Report::parse(&run.done()).total(), both);
        home.check();
        let db = Connection::open(home.ledger()).unwrap();
        let mode: String = db.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
        assert_eq!(mode, "wal");
        drop(db);
        let aside = set_aside(&home);
        assert!(aside.iter().any(|path| fs::read(path).unwrap() == bytes), "{aside:?}");
    }
    assert!(before.responses < both.responses);
}

#[test]
fn what_only_a_damaged_ledger_knows_is_saved() {
    let Some(corpus) = corpora::small(3) else { return };
    let home = Home::new();
    copy_folder(&corpus.projects(), &home.projects());
    home.done("ingest --quiet");
    fs::remove_dir_all(home.projects()).unwrap();
    fs::create_dir(home.projects()).unwrap();
    let db = Connection::open(home.ledger()).unwrap();
    let page: i64 = db
        .query_row("SELECT rootpage FROM sqlite_schema WHERE name = 'response_message'", [], |row| row.get(0))
        .unwrap();
    drop(db);
    let mut bytes = fs::read(home.ledger()).unwrap();
    let at = usize::try_from(page - 1).unwrap() * 4096;
    bytes[at..at + 4096].fill(0xee);
    fs::write(home.ledger(), bytes).unwrap();

    // The index is needed as soon as something is to be stored.
    home.write("-new/b.jsonl", line("msg_new", 7));
    let run = home.run("cost report --last all --format json");
    assert!(run.stderr.contains("found nowhere else"), "{run:?}");
    let mut truth = corpus.truth.total();
    truth += Home::over(&[&home.claude()]).total();
    assert_eq!(Report::parse(&run.done()).total(), truth);
    home.check();
}

#[test]
fn flipped_bytes_never_become_a_wrong_total() {
    let Some(corpus) = corpora::small(1) else { return };
    let home = Home::over(&[&corpus.dir]);
    home.done("ingest --quiet");
    let sound = fs::read(home.ledger()).unwrap();
    let random = &mut Random::new(11);
    let mut rebuilt = 0;
    for round in 0..40 {
        let mut bytes = sound.clone();
        // Behind the file's header, of which a flipped version is no damage that anyone could tell.
        let first = 100 + usize::try_from(random.below(bytes.len() as u64 - 100)).unwrap();
        for byte in bytes.iter_mut().skip(first).take(1 << random.below(17)) {
            *byte ^= 1 + u8::try_from(random.below(255)).unwrap();
        }
        fs::write(home.ledger(), bytes).unwrap();
        let run = home.run("cost report --last all --format json");
        rebuilt += u32::from(run.stderr.contains("made anew"));
        assert_eq!(
            Report::parse(&run.done()).total(),
            corpus.truth.total(),
            "round {round}, from byte {first}"
        );
    }
    assert!(rebuilt > 2, "{rebuilt} rebuilt");
    tell(&format!("40 ledgers with flipped bytes: {rebuilt} made anew, all totals right"));
}

#[test]
fn a_ledger_whose_wal_is_gone_is_read_on_from_what_is_left() {
    let Some(corpus) = corpora::small(2) else { return };
    let random = &mut Random::new(5);
    for _ in 0..12 {
        let home = Home::over(&[&corpus.dir]);
        let mut child = home.odin(["ingest", "--quiet"]).stderr(Stdio::null()).spawn().unwrap();
        let wal = home.state().join("ledger.db-wal");
        while child.try_wait().unwrap().is_none()
            && fs::metadata(&wal).map_or(0, |wal| wal.len()) < random.below(400_000)
        {
            std::thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        _ = fs::remove_file(wal);
        assert_eq!(home.total(), corpus.truth.total());
        home.check();
    }
}

#[test]
fn an_export_has_every_response_and_its_cost() {
    let Some(corpus) = corpora::small(1) else { return };
    let home = Home::over(&[&corpus.dir]);
    let (truth, mut responses, mut cost, mut output) = (corpus.truth.total(), 0, 0, 0);
    for line in home.done("ledger export").lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["schema"], "odin.ledger.response/1");
        responses += i64::from(line["attempt"] == "");
        cost += line["cost_picousd"].as_i64().unwrap_or(0);
        output += line["output"].as_i64().unwrap();
    }
    assert_eq!((responses, cost, output), (truth.responses, truth.cost_picousd, truth.tokens.output));

    home.done("ledger export --format csv --output all.csv");
    let csv = fs::read_to_string(home.path().join("all.csv")).unwrap();
    assert!(csv.lines().count() as u64 > truth.responses.unsigned_abs());
    assert!(csv.starts_with("message_id,request_id,at,"));
}

#[test]
fn a_full_disk_ends_a_backup_and_harms_nothing() {
    let Some(namespace) = Namespace::new() else { return };
    let (home, before, _) = home_with_news();
    let script = r#"mkdir small && mount -t tmpfs -o size=16k none small || exit 99
        "$@" ledger backup small/one.db; code=$?; ls -A small; exit $code"#;
    let run = namespace.run(&home, script, "");
    run.assert_failed_saying(&["no space left", "one.db"]);
    assert_eq!(run.stdout.trim(), "", "no half of a backup is left");
    assert_eq!(stored(&home), before);
}

/// The list that comes with odin, with dearer output of one model from a day on.
fn dearer_from(day: &str, model: &str) -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/core/src/pricing/claude-prices.json");
    let mut list: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    list["as_of"] = day.into();
    let models = list["models"].as_array_mut().unwrap();
    let entries =
        models.iter_mut().find(|known| known["id"] == model).unwrap()["entries"].as_array_mut().unwrap();
    let is_current = |entry: &&mut Value| entry["speed"] == "standard" && entry["valid_to"].is_null();
    let entry = entries.iter_mut().find(is_current).unwrap();
    let mut dearer = entry.clone();
    entry["valid_to"] = day.into();
    dearer["valid_from"] = day.into();
    dearer["tiers"][0]["output"] = "999".into();
    entries.push(dearer);
    list.to_string()
}

/// Every response's identity, and what is known of its price.
fn priced(home: &Home, config: &str) -> Vec<Value> {
    fs::write(home.path().join("config.toml"), config).unwrap();
    let mut export = home.odin(["ledger", "export", "--no-ingest"]);
    export.env("ODIN_CONFIG", home.path().join("config.toml"));
    let run = crate::harness::Run::from(export.output().unwrap());
    run.done().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_new_price_moves_exactly_the_rows_of_its_dates() {
    const MODEL: &str = "claude-opus-5-5";
    const DAY: &str = "2026-11-01";
    let Some(corpus) = corpora::small(1) else { return };
    let home = Home::over(&[&corpus.dir]);
    home.done("ingest --quiet");
    let before = priced(&home, "");
    fs::write(home.path().join("prices.json"), dearer_from(DAY, MODEL)).unwrap();
    let after = priced(&home, "[prices]\nfile = 'prices.json'\n");
    assert_eq!(before.len(), after.len());
    let mut moved = 0;
    for (before, after) in before.iter().zip(&after) {
        let is_of_it = before["model"].as_str().unwrap().starts_with(MODEL)
            && before["speed"] != "fast"
            && before["at"].as_str().unwrap() >= DAY
            && before["output"] != 0;
        if is_of_it {
            moved += 1;
            assert!(after["cost_picousd"].as_i64() > before["cost_picousd"].as_i64(), "{before} {after}");
            assert_ne!(before["price_list"], after["price_list"]);
        } else {
            assert_eq!(before, after);
        }
    }
    assert!(moved > 100, "{moved} rows");
    home.check();

    // And back, told with the days and the amounts.
    let back = home.run("cost report --last all --format json");
    for word in ["priced anew by", MODEL, "2026-11-0", " → $"] {
        assert!(back.stderr.contains(word), "nothing of `{word}`: {back:?}");
    }
    assert_eq!(Report::parse(&back.done()).total(), corpus.truth.total());
    let costs = |rows: &[Value]| rows.iter().map(|row| row["cost_picousd"].clone()).collect::<Vec<_>>();
    assert_eq!(costs(&priced(&home, "")), costs(&before));
    home.check();
}

#[test]
fn a_contract_moves_no_list_cost() {
    let Some(corpus) = corpora::small(2) else { return };
    let home = Home::over(&[&corpus.dir]);
    home.done("ingest --quiet");
    let half = priced(&home, "[[prices.discount]]\npercent = '50'\n");
    for row in &half {
        let (list, contract) = (row["cost_picousd"].as_i64(), row["contract_picousd"].as_i64());
        // Half a picodollar goes to the even neighbour.
        let half = |list: i64| list / 2 + i64::from(list % 4 == 3);
        assert_eq!(contract, list.map(half), "{row}");
    }
    assert_eq!(stored(&home), corpus.truth.total());
}

/// `ODIN_TEST_KILLS` says how many, as for ingests alone.
#[test]
fn whatever_is_killed_at_any_instant_loses_and_doubles_nothing() {
    let Some(corpus) = corpora::small(3) else { return };
    let kills: u64 = std::env::var("ODIN_TEST_KILLS").map_or(200, |text| text.parse().unwrap());
    let random = &mut Random::new(kills);
    let home = Home::new();
    fs::write(home.path().join("list.toml"), "").unwrap();
    fs::write(home.path().join("half.toml"), "[[prices.discount]]\npercent = '50'\n").unwrap();
    fs::write(home.path().join("dear.json"), dearer_from("2026-10-15", "claude-opus-5-5")).unwrap();
    fs::write(home.path().join("dear.toml"), "[prices]\nfile = 'dear.json'\n").unwrap();
    let mut coming: Vec<PathBuf> =
        fs::read_dir(corpus.projects()).unwrap().map(|entry| entry.unwrap().path()).collect();
    let whole = {
        let begun = Instant::now();
        Home::over(&[&corpus.dir]).done("ingest --quiet");
        begun.elapsed()
    };
    let every = (kills / coming.len() as u64).max(1);
    let mut done = 0;
    while done < kills {
        if done % every == 0
            && let Some(project) = coming.pop()
        {
            copy_folder(&project, &home.projects().join(project.file_name().unwrap()));
        }
        let args: &[&str] = match random.below(4) {
            0 => &["ingest", "--quiet"],
            1 => &["ledger", "backup"],
            2 => &["ledger", "export", "--output", "export.jsonl"],
            _ => &["cost", "report"],
        };
        let config = ["list.toml", "half.toml", "dear.toml"][usize::try_from(random.below(3)).unwrap()];
        let mut odin = home.odin(args);
        odin.env("ODIN_CONFIG", home.path().join(config)).stdout(Stdio::null()).stderr(Stdio::null());
        // One that had ended before is no kill, but may have changed the prices for the next.
        let at = whole.mul_f64(random.below(300) as f64 / 1000.0);
        done += u64::from(is_killed_after(at, odin.spawn().unwrap()));
    }
    for project in coming {
        copy_folder(&project, &home.projects().join(project.file_name().unwrap()));
    }
    assert_eq!(home.total(), corpus.truth.total(), "after {done} kills");
    home.check();
    let list = home.done("ledger restore --list");
    assert!(list.lines().all(|line| line.contains(" responses")), "{list}");
    tell(&format!("killed {done} of ingest, backup, export and re-pricing: totals equal"));
}

#[test]
fn a_backup_that_no_sound_ledger_comes_of_is_passed_over() {
    let (home, _, after) = home_with_news();
    assert_eq!(home.total(), after);
    home.done("ledger backup");
    home.done("ledger backup");
    // Sound pages, and a cost that is not that of the sums.
    let newest = home.state().join("backups").join(&backups(&home)[1]);
    Connection::open(newest).unwrap().execute("UPDATE response SET output = output + 1", []).unwrap();
    fs::write(home.ledger(), "no database").unwrap();
    assert_eq!(home.total(), after);
    home.check();
}

#[test]
fn a_ledger_made_anew_takes_its_place_after_a_crash() {
    let (home, before, _) = home_with_news();
    home.done("ledger backup one.db");
    fs::rename(home.path().join("one.db"), home.state().join("ledger.db.rebuilt")).unwrap();
    fs::write(home.ledger(), "a damaged one").unwrap();
    assert_eq!(stored(&home), before);
    assert_eq!(fs::read(home.state().join("ledger.db.damaged")).unwrap(), b"a damaged one");
    assert!(!home.state().join("ledger.db.rebuilt").exists());
}

#[test]
fn what_is_priced_by_other_prices_meanwhile_is_due_again() {
    let (home, ..) = home_with_news();
    let prices_of = |home: &Home| {
        let db = Connection::open(home.ledger()).unwrap();
        let sql = "SELECT value FROM state WHERE name = 'prices'";
        db.query_row(sql, [], |row| row.get::<_, String>(0)).ok()
    };
    let mut ledger = Ledger::open(&home.ledger()).unwrap();
    // Another process has priced all responses by its own prices since.
    let db = Connection::open(home.ledger()).unwrap();
    db.execute("UPDATE state SET value = 'others' WHERE name = 'prices'", []).unwrap();
    let reader = Reader { host: "h".into(), config_dir: "/c".into() };
    ledger.batch(&reader, &mut |cwd| cwd.into()).unwrap().commit().unwrap();
    assert_eq!(prices_of(&home), None, "nobody takes all for priced by theirs");
    ledger.reprice().unwrap();
    assert!(prices_of(&home).is_some_and(|version| version != "others"));
}
