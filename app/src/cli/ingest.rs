//! `odin ingest`: reads what is new in the transcripts and the spool.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::Context;
use indicatif::{HumanBytes, HumanCount};

use super::ledger::{open, tidy};
use super::{End, now, progress, say};
use crate::config::{Config, projects_dir};
use crate::ingest::{Damaged, Found, Look, Outcome, Watcher, spool};
use crate::ledger::{Ledger, Reader};
use crate::source::folders::Extent;

/// How many damaged lines are named one by one.
const MAX_NAMED: usize = 5;

#[derive(clap::Args)]
pub(super) struct Options {
    /// Say nothing unless something is wrong
    #[arg(long, short)]
    quiet: bool,
}

pub(super) fn run(options: &Options, config: &Config) -> anyhow::Result<End> {
    let mut ledger = open(config)?;
    let outcome = all(&mut ledger, config, &mut *progress::watcher())?;
    tell_damage(&outcome);
    if !options.quiet {
        say(&summary(&outcome));
        if config.claude_dirs.is_empty() {
            say(
                "no Claude config dir: neither CLAUDE_CONFIG_DIR nor claude.config_dirs is set, and ~/.claude is not there",
            );
        }
    }
    tidy(&mut ledger, config);
    Ok(if outcome.unreadable.is_empty() { End::Done } else { End::Found })
}

/// Prepares a look at all config dirs.
pub(super) fn looks(ledger: &Ledger, config: &Config, extent: Extent) -> anyhow::Result<Vec<Look>> {
    let now_ns = i64::try_from(now().as_nanos()).unwrap_or(i64::MAX);
    let look = |dir: &PathBuf| {
        let reader = Reader { host: host(), config_dir: dir.to_string_lossy().into_owned() };
        Ok(Look::new(ledger, reader, projects_dir(dir), now_ns, extent)?)
    };
    config.claude_dirs.iter().map(look).collect()
}

/// Does something else while another thread looks for what is new, where that takes long enough.
pub(super) fn while_looking<T>(looks: &[Look], meanwhile: impl FnOnce() -> T) -> T {
    let work = || looks.iter().for_each(Look::work);
    if !looks.iter().any(Look::is_large) {
        return meanwhile();
    }
    std::thread::scope(|scope| {
        scope.spawn(work);
        let done = meanwhile();
        work();
        done
    })
}

/// Takes in what the shells' hooks have told.
pub(super) fn spool(ledger: &mut Ledger, config: &Config) -> anyhow::Result<Outcome> {
    let (folder, now_ms) = (config.spool_path(), i64::try_from(now().as_millis()).unwrap_or(i64::MAX));
    spool::take_in(ledger, &host(), &folder, now_ms)
        .with_context(|| format!("cannot take in {}", folder.display()))
}

/// Takes in what was found before a report; only what is wrong is told.
pub(super) fn quietly(ledger: &mut Ledger, found: Vec<Found>, spooled: Outcome) -> anyhow::Result<()> {
    let mut outcome = take_in(ledger, found, &mut *progress::watcher())?;
    outcome.add(spooled);
    for (path, error) in &outcome.unreadable {
        say(&format!("odin: cannot read {}: {error}", path.display()));
    }
    Ok(())
}

/// Reads all config dirs, and the spool.
pub(super) fn all(
    ledger: &mut Ledger,
    config: &Config,
    watcher: &mut dyn Watcher,
) -> anyhow::Result<Outcome> {
    let found = looks(ledger, config, Extent::All)?.into_iter().map(Look::finish).collect();
    let mut outcome = take_in(ledger, found, watcher)?;
    outcome.add(spool(ledger, config)?);
    Ok(outcome)
}

/// Reads what was found.
pub(super) fn take_in(
    ledger: &mut Ledger,
    found: Vec<Found>,
    watcher: &mut dyn Watcher,
) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome::default();
    for found in found {
        let place = found.projects.display().to_string();
        outcome.add(found.take_in(ledger, watcher).with_context(|| format!("cannot take in {place}"))?);
    }
    Ok(outcome)
}

pub(super) fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

pub(super) fn summary(outcome: &Outcome) -> String {
    let Outcome { files, files_read, bytes_read, responses, launches, .. } = outcome;
    let launches = match launches {
        0 => String::new(),
        launches => format!(", {} new launches", HumanCount(*launches as u64)),
    };
    format!(
        "{} transcripts, {} with news ({}): {} new responses{launches}",
        HumanCount(*files as u64),
        HumanCount(*files_read as u64),
        HumanBytes(*bytes_read),
        HumanCount(u64::try_from(*responses).unwrap_or_default())
    )
}

/// Names what could not be read, each with its place.
pub(super) fn tell_damage(outcome: &Outcome) {
    for (path, error) in &outcome.unreadable {
        say(&format!("odin: cannot read {}: {error}", path.display()));
    }
    let mut kinds: BTreeMap<&str, Vec<&Damaged>> = BTreeMap::new();
    for damaged in &outcome.damages {
        kinds.entry(damaged.kind).or_default().push(damaged);
    }
    for (kind, damaged) in kinds {
        say(&format!("odin: {} {}", HumanCount(damaged.len() as u64), explanation(kind)));
        for one in damaged.iter().take(MAX_NAMED) {
            say(&format!("  {}", place(&one.path, one.offset)));
        }
        if damaged.len() > MAX_NAMED {
            say(&format!("  and {} more", damaged.len() - MAX_NAMED));
        }
    }
}

/// What happened to lines of a kind of damage, and whether something is missing.
fn explanation(kind: &str) -> &'static str {
    match kind {
        "json" => {
            "lines are not JSON (cut short when the client was killed?); a response on them is not counted:"
        }
        "nul" => "lines hold NUL bytes (left by a crash); what else was on them was read:",
        "byte_order_mark" => "lines begin with a byte order mark; they were read:",
        "launch" => "lines of the shells' spool are no launches; they are not counted:",
        "hook" => "lines of the spool are no calls of the client's hooks; they are not kept:",
        "status" => "lines of the spool are not what a status line kept; they are not counted:",
        "utf8" => "lines are not UTF-8; they were read, bad bytes replaced:",
        "timestamp" => "responses have no readable time; they were placed beside their neighbours:",
        "usage" => "responses have no usable token counts; they are not counted:",
        _ => "lines of an unknown type carry usage; they are not counted (is there a newer odin?):",
    }
}

/// `path:line`, where the file still allows to count.
fn place(path: &Path, offset: u64) -> String {
    let line = || {
        let mut lines = 1;
        let mut before = std::fs::File::open(path).ok()?.take(offset);
        let mut buffer = [0; 8 * 1024];
        loop {
            match before.read(&mut buffer).ok()? {
                0 => return Some(lines),
                read => lines += memchr::memchr_iter(b'\n', &buffer[..read]).count(),
            }
        }
    };
    match line() {
        Some(line) => format!("{}:{line}", path.display()),
        None => format!("{}, byte {offset}", path.display()),
    }
}
