//! Copies of the ledger: whole, checked, and put back where others may be using it.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags, params};

use super::cells::is_whole;
use super::rebuild::remove;
use super::{Error, FORMAT, Ledger, budgets, explain, exposed, state};

const ALL_PAGES: i32 = -1;

/// How often a backup is due, and how soon after one that failed.
const DAY_MS: i64 = 86_400_000;
const HOUR_MS: i64 = 3_600_000;

/// What a good backup holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    pub responses: i64,
    /// Milliseconds since the epoch, of the last response.
    pub last_at_ms: Option<i64>,
}

impl Ledger {
    /// Writes a copy of the ledger as it is now, without gaps, to a file that must not be there yet. Others may write
    /// meanwhile. The copy appears whole or not at all.
    pub fn backup(&self, to: &Path) -> Result<(), Error> {
        let made = unfinished(to);
        remove(&made)?;
        let copied = self.db.execute("VACUUM INTO ?1", [made.to_string_lossy()]);
        let copied = copied.map_err(|source| explain(&made, source));
        let kept = copied
            .and_then(|_| contents(&made))
            .and_then(|_| keep(&made, to).map_err(|source| Error::Backup { path: to.into(), source }));
        if kept.is_err() {
            remove(&made)?;
        }
        kept
    }

    /// Whether a day has passed since the last automatic backup. One that is told so is expected to make it; nobody
    /// else is told for another day. The first day of a ledger needs none.
    pub fn is_backup_due(&mut self, now_ms: i64) -> Result<bool, Error> {
        let last: Option<i64> = self.explained(state::get(&self.db, state::BACKED_UP_MS))?;
        // A clock that was put back must not stop backups.
        if last.is_some_and(|last| (last..last + DAY_MS).contains(&now_ms)) {
            return Ok(false);
        }
        let claim = || match last {
            None => state::set(&self.db, state::BACKED_UP_MS, now_ms).map(|()| 0),
            Some(last) => self.db.execute(
                "UPDATE state SET value = ?3 WHERE name = ?1 AND value = ?2",
                params![state::BACKED_UP_MS, last, now_ms],
            ),
        };
        Ok(self.explained(claim())? == 1)
    }

    /// Tells somebody else within the hour that a backup is due: this one failed.
    pub fn postpone_backup(&self, now_ms: i64) -> Result<(), Error> {
        self.explained(state::set(&self.db, state::BACKED_UP_MS, now_ms - DAY_MS + HOUR_MS))
    }

    /// Puts a backup's contents in place of the ledger's, in one transaction: whoever has the ledger open sees the
    /// one or the other. The backup may be of an older format.
    pub fn restore(&mut self, backup: &Path) -> Result<(), Error> {
        contents(backup)?;
        // The copy gets an epoch of its own before it is in place, not after.
        let scratch = unfinished(&self.path);
        let copied = fs::copy(backup, &scratch);
        copied.map_err(|source| Error::Backup { path: scratch.clone(), source })?;
        let restored = self.replace_with(&scratch);
        remove(&scratch)?;
        restored
    }

    fn replace_with(&mut self, copy: &Path) -> Result<(), Error> {
        drop(Self::open(copy)?);
        let from = || {
            let from = Connection::open(copy)?;
            from.execute("UPDATE state SET value = random() WHERE name = ?1", [state::EPOCH])?;
            exposed::carry_over(&self.db, &from)?;
            budgets::carry_over(&self.db, &from)?;
            Ok(from)
        };
        let from = from().map_err(|source| explain(copy, source))?;
        copy_pages(&from, &mut self.db, &self.path)
    }
}

/// Makes one database's contents another's, in one transaction. `path` is the other's.
pub(super) fn copy_pages(from: &Connection, to: &mut Connection, path: &Path) -> Result<(), Error> {
    let copied = Backup::new(from, to).and_then(|copy| copy.step(ALL_PAGES));
    match copied.map_err(|source| explain(path, source))? {
        StepResult::Done => Ok(()),
        _ => Err(Error::Locked { path: path.into() }),
    }
}

/// Checks that a file is a sound ledger of this or an older format, and tells what it holds.
pub fn contents(path: &Path) -> Result<Contents, Error> {
    let check = || {
        let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let format: i64 = db.pragma_query_value(None, "user_version", |row| row.get(0))?;
        if format > FORMAT {
            return Ok(Err(Error::Newer { path: path.into(), found: format }));
        }
        let found: String = db.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
        let what = match found.lines().last() {
            Some("ok") if format == 0 => "it is empty",
            Some("ok") if are_sums_whole(&db, format)? => "",
            Some("ok") => "its sums are damaged",
            Some(what) => what,
            None => "it cannot be checked",
        };
        if !what.is_empty() {
            return Ok(Err(Error::NoBackup { path: path.into(), what: what.into() }));
        }
        let sql = "SELECT count(*), max(at_ms) FROM response";
        db.query_row(sql, [], |row| Ok(Ok(Contents { responses: row.get(0)?, last_at_ms: row.get(1)? })))
    };
    check().map_err(|source| explain(path, source))?
}

/// The first format had no checksums.
fn are_sums_whole(db: &Connection, format: i64) -> rusqlite::Result<bool> {
    if format < 2 {
        return Ok(true);
    }
    let mut days = db.prepare("SELECT cells FROM rollup")?;
    let mut rows = days.query([])?;
    while let Some(row) = rows.next()? {
        if !is_whole(row.get_ref(0)?.as_blob()?) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// What a file is called until it is whole.
fn unfinished(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    name.into()
}

/// Makes a file permanent, under its name, which must be free.
fn keep(made: &Path, to: &Path) -> std::io::Result<()> {
    let file = File::open(made)?;
    file.set_permissions(fs::Permissions::from_mode(0o600))?;
    file.sync_all()?;
    if to.exists() {
        return Err(std::io::ErrorKind::AlreadyExists.into());
    }
    fs::rename(made, to)?;
    match to.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => File::open(folder)?.sync_all(),
        _ => File::open(".")?.sync_all(),
    }
}

/// Which automatic backups are too many, of the names of all: kept are the newest so many, one a day, and behind them
/// the newest of each ISO week until there are so many weeks. Other files are not touched.
pub fn expired<'n>(names: impl Iterator<Item = &'n str>, daily: usize, weekly: usize) -> Vec<&'n str> {
    let day = |name: &'n str| {
        let day: jiff::civil::Date = name.strip_prefix("daily-")?.strip_suffix(".db")?.parse().ok()?;
        Some((day, name))
    };
    let mut days: Vec<_> = names.filter_map(day).collect();
    days.sort_unstable();
    let mut weeks = Vec::new();
    let mut is_kept = |at: usize, day: jiff::civil::Date| {
        let week = (day.iso_week_date().year(), day.iso_week_date().week());
        let is_new = !weeks.contains(&week);
        if is_new {
            weeks.push(week);
        }
        at < daily || is_new && weeks.len() <= weekly
    };
    let newest_first = days.into_iter().rev().enumerate();
    newest_first.filter(|(at, (day, _))| !is_kept(*at, *day)).map(|(_, (_, name))| name).collect()
}

#[cfg(test)]
mod tests {
    use super::expired;

    #[test]
    fn days_and_then_weeks_are_kept() {
        let names: Vec<String> = (1..=30).map(|day| format!("daily-2026-11-{day:02}.db")).collect();
        let names = names.iter().map(String::as_str);
        let gone = expired(names.clone().chain(["manual-20261101T000000Z.db", "daily-x.db"]), 3, 3);
        // Monday the 30th, Sunday the 29th and Saturday the 28th; and of the week before theirs the last day.
        let kept: Vec<&str> = names.filter(|name| !gone.contains(name)).collect();
        assert_eq!(
            kept,
            ["daily-2026-11-22.db", "daily-2026-11-28.db", "daily-2026-11-29.db", "daily-2026-11-30.db"]
        );
        assert_eq!(expired(["daily-2026-11-01.db"].into_iter(), 0, 0), ["daily-2026-11-01.db"]);
    }
}
