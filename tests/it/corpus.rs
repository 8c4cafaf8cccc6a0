//! Corpora as people make them: all that they cost, to the picodollar, however and in whatever order they arrive.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use crate::compare::{Rows, Sums, add, assert_none, differences};
use crate::corpora::{self, Corpus, Truth, ZONES};
use crate::harness::{Home, copy_folder, is_set, modified, set_modified, tell, transcripts};
use crate::random::Random;

const SEEDS: [u64; 3] = [1, 2, 3];

/// Every key that transcripts can answer.
const KEYS: [&str; 11] =
    ["hour", "day", "week", "month", "session", "project", "model", "branch", "agent", "host", "account"];

#[test]
fn every_grouping_equals_the_truth() {
    for seed in SEEDS {
        let Some(corpus) = corpora::small(seed) else { return };
        every_grouping_equals_the_truth_of(&corpus);
    }
}

#[test]
fn the_order_of_files_makes_no_difference() {
    for seed in SEEDS {
        let Some(corpus) = corpora::small(seed) else { return };
        the_order_of_files_makes_no_difference_to(&corpus, &mut Random::new(seed));
    }
}

#[test]
fn arrival_in_pieces_makes_no_difference() {
    for seed in SEEDS {
        let Some(corpus) = corpora::small(seed) else { return };
        arrival_in_pieces_makes_no_difference_to(&corpus, &mut Random::new(seed));
    }
}

#[test]
fn growth_adds_just_what_was_added() {
    for seed in SEEDS {
        let Some(corpus) = corpora::small(seed) else { return };
        growth_adds_just_what_was_added_to(&corpus, seed);
    }
}

#[test]
fn all_of_it_holds_for_a_gigabyte() {
    if !is_set("ODIN_TEST_LARGE") {
        return tell("skipped: 1 GB corpora (ODIN_TEST_LARGE=1 runs them)");
    }
    for seed in SEEDS {
        let Some(corpus) = corpora::large(seed) else { return };
        every_grouping_equals_the_truth_of(&corpus);
        the_order_of_files_makes_no_difference_to(&corpus, &mut Random::new(seed));
        arrival_in_pieces_makes_no_difference_to(&corpus, &mut Random::new(seed));
        growth_adds_just_what_was_added_to(&corpus, seed);
        tell(&format!("1 GB, seed {seed}: {} responses equal", corpus.truth.total().responses));
        corpora::discard(&corpus);
    }
}

#[test]
fn every_grouping_holds_for_five_gigabytes() {
    if !is_set("ODIN_TEST_HUGE") {
        return tell("left out: 5 GB corpora (ODIN_TEST_HUGE=1 runs them)");
    }
    let Some(corpus) = corpora::huge(1) else { return };
    every_grouping_equals_the_truth_of(&corpus);
    tell(&format!("5 GB: {} responses equal", corpus.truth.total().responses));
    corpora::discard(&corpus);
}

fn every_grouping_equals_the_truth_of(corpus: &Corpus) {
    let home = Home::over(&[&corpus.dir]);
    let truth = &corpus.truth;
    home.done("ingest");
    let mut wrong = vec![];
    for (by, kind) in [
        ("day", "day"),
        ("month", "month"),
        ("model", "model"),
        ("day,model", "day_model"),
        ("project", "project"),
        ("project,branch", "branch"),
        ("session", "session"),
    ] {
        wrong.extend(differences(kind, &truth.by(kind), &home.report(by, "UTC").rows()));
    }
    for zone in ZONES {
        wrong.extend(differences(zone, &truth.by_local_day(zone), &home.report("day", zone).rows()));
    }
    let mut agents = home.report("agent", "UTC").rows();
    assert!(agents.remove("").is_some(), "the main loop, which has no name, is not there");
    wrong.extend(differences("agent", &truth.by("subagent"), &agents));
    assert_none(&wrong);
    groupings_agree(&home, truth.total());
    home.check();
}

/// All groupings add up to the same, in their rows as in their total.
fn groupings_agree(home: &Home, total: Sums) {
    let pairs = KEYS.iter().zip(KEYS.iter().cycle().skip(4)).map(|(one, other)| format!("{one},{other}"));
    for by in KEYS.map(String::from).into_iter().chain(pairs) {
        let report = home.report(&by, "Europe/Berlin");
        assert_eq!(report.total(), total, "total by {by}");
        let mut sum = Sums::default();
        for sums in report.rows().values() {
            sum += *sums;
        }
        assert_eq!(sum, total, "sum of the rows by {by}");
    }
}

/// What a corpus costs in the groupings that neither order nor pieces may change.
struct Expected {
    total: Sums,
    by: Vec<(&'static str, Rows)>,
}

impl Expected {
    fn of(truth: &Truth) -> Self {
        let by = ["day", "model", "project", "month"].map(|by| (by, truth.by(by)));
        Self { total: truth.total(), by: by.into() }
    }

    fn add(&mut self, more: &Truth) {
        self.total += more.total();
        for (by, rows) in &mut self.by {
            add(rows, &more.by(by));
        }
    }

    fn assert_found(&self, home: &Home) {
        let differing =
            self.by.iter().flat_map(|(by, rows)| differences(by, rows, &home.report(by, "UTC").rows()));
        assert_none(&differing.collect::<Vec<_>>());
        assert_eq!(home.total(), self.total);
    }

    /// All is there, and stays when the client deletes its transcripts.
    fn assert_kept(&self, home: &Home) {
        self.assert_found(home);
        let reports = || KEYS.map(|by| home.report(by, "America/New_York"));
        let before = reports();
        for entry in fs::read_dir(home.projects()).unwrap() {
            fs::remove_dir_all(entry.unwrap().path()).unwrap();
        }
        assert_eq!(reports(), before, "without its transcripts");
        fs::remove_dir(home.projects()).unwrap();
        assert_eq!(reports(), before, "without the projects folder");
        self.assert_found(home);
        home.check();
    }
}

fn the_order_of_files_makes_no_difference_to(corpus: &Corpus, random: &mut Random) {
    let home = Home::new();
    let staged = home.path().join("staged");
    copy_folder(&corpus.projects(), &staged);
    let mut names = transcripts(&staged);
    random.shuffle(&mut names);
    let most = (names.len() / 16).max(2);
    while !names.is_empty() {
        let group = (1 + random.index(most)).min(names.len());
        for name in names.drain(..group) {
            let to = home.projects().join(&name);
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::rename(staged.join(name), to).unwrap();
        }
        take_in(&home, random);
    }
    // Files keep their times here, and with them the claims of sessions to copied histories.
    assert_none(&differences("session", &corpus.truth.by("session"), &home.report("session", "UTC").rows()));
    Expected::of(&corpus.truth).assert_kept(&home);
}

/// A report takes in what is new just as an ingest does.
fn take_in(home: &Home, random: &mut Random) {
    if random.below(2) == 0 {
        home.done("ingest --quiet");
    } else {
        home.done("cost report");
    }
}

fn arrival_in_pieces_makes_no_difference_to(corpus: &Corpus, random: &mut Random) {
    let home = Home::new();
    let mut pieces = pieces(&corpus.projects(), random);
    let most = pieces.len() / 12;
    while !pieces.is_empty() {
        let group = (1 + random.index(most)).min(pieces.len());
        for piece in pieces.drain(..group) {
            piece.arrive(&corpus.projects(), &home.projects());
        }
        take_in(&home, random);
    }
    Expected::of(&corpus.truth).assert_kept(&home);
}

/// Bytes that a file gains.
struct Piece {
    name: PathBuf,
    from: u64,
    to: u64,
}

/// Cuts every file at up to four bytes; pieces of one file come in order, and files in none.
fn pieces(root: &Path, random: &mut Random) -> Vec<Piece> {
    let mut turns = vec![];
    let mut queues: Vec<Vec<Piece>> = vec![];
    for name in transcripts(root) {
        let size = fs::metadata(root.join(&name)).unwrap().len();
        let mut cuts: Vec<u64> = (0..random.below(5)).map(|_| random.below(size)).chain([0, size]).collect();
        cuts.sort_unstable();
        turns.extend(vec![queues.len(); cuts.len() - 1]);
        let piece = |ends: &[u64]| Piece { name: name.clone(), from: ends[0], to: ends[1] };
        queues.push(cuts.windows(2).rev().map(piece).collect());
    }
    random.shuffle(&mut turns);
    turns.into_iter().map(|queue| queues[queue].pop().unwrap()).collect()
}

impl Piece {
    fn arrive(&self, from: &Path, to: &Path) {
        let (source, target) = (from.join(&self.name), to.join(&self.name));
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        let mut read = File::open(&source).unwrap();
        read.seek(SeekFrom::Start(self.from)).unwrap();
        let mut written = File::options().create(true).append(true).open(&target).unwrap();
        io::copy(&mut read.take(self.to - self.from), &mut written).unwrap();
        let source = fs::metadata(&source).unwrap();
        if self.to == source.len() {
            set_modified(&target, modified(&source));
        }
    }
}

fn growth_adds_just_what_was_added_to(corpus: &Corpus, seed: u64) {
    let home = Home::new();
    copy_folder(&corpus.dir, &home.claude());
    home.done("ingest");
    let mut expected = Expected::of(&corpus.truth);
    expected.assert_found(&home);
    for seed in [seed + 100, seed + 200] {
        let Some(added) = corpora::append(&home.claude(), 50, seed) else { return };
        expected.add(&added);
        expected.assert_found(&home);
    }
    expected.assert_kept(&home);
}
