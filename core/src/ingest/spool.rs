//! Reads what the hooks of the shells and of the client, and its status lines, have added to the spool into the ledger.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::{Damaged, Outcome, open, probe};
use crate::ledger::{self, Ledger, SpoolFile};
use crate::model::Launch;
use crate::model::status::Status;
use crate::source::lines::Reader;
use crate::source::{hooks, project, spool, status};

/// How long a file is kept once it has been read to its end and nothing was added.
const KEPT_MS: i64 = 7 * 24 * 3_600_000;

/// Takes in what a host's spool has gained: launches, calls of the client's hooks, and what its status lines were told.
/// `now_ms`: milliseconds since the epoch.
///
/// A file that has been read to its end a week ago, and was written to before that, is removed: hooks write to a file of
/// the current month only, and status lines to one of the day.
pub fn take_in(
    ledger: &mut Ledger,
    host: &str,
    folder: &Path,
    now_ms: i64,
) -> Result<Outcome, ledger::Error> {
    let mut outcome = Outcome::default();
    let launches = Kind { files: spool::LAUNCHES, damage: "launch", parse: |line| spool::parse(line).ok() };
    let taken = files(ledger, host, folder, now_ms, &launches, &mut outcome, |ledger, file, launches| {
        let launches: Vec<Launch> = launches.into_iter().map(on_disk).collect();
        ledger.add_launches(host, file, &launches, project::root)
    })?;
    outcome.launches = taken;
    let hooks = Kind { files: spool::HOOKS, damage: "hook", parse: |line| hooks::parse(line).ok() };
    files(ledger, host, folder, now_ms, &hooks, &mut outcome, |ledger, file, calls| {
        ledger.add_hook_calls(host, file, &calls)
    })?;
    let statuses = Kind { files: spool::STATUS, damage: "status", parse: status::parse };
    files(ledger, host, folder, now_ms, &statuses, &mut outcome, |ledger, file, statuses: Vec<Status>| {
        ledger.add_statuses(host, file, &statuses)
    })?;
    Ok(outcome)
}

/// A kind of file, and how its lines are read.
struct Kind<T> {
    files: spool::Kind,
    /// What a line is called that cannot be read.
    damage: &'static str,
    parse: fn(&[u8]) -> Option<T>,
}

/// Takes in the files of a kind, and tells how many lines were news.
fn files<T>(
    ledger: &mut Ledger,
    host: &str,
    folder: &Path,
    now_ms: i64,
    kind: &Kind<T>,
    outcome: &mut Outcome,
    add: impl Fn(&mut Ledger, &SpoolFile, Vec<T>) -> Result<(), ledger::Error>,
) -> Result<usize, ledger::Error> {
    let files = spool::files(folder, kind.files).unwrap_or_else(|error| {
        outcome.unreadable.push((folder.into(), error));
        vec![]
    });
    let known = if files.is_empty() { vec![] } else { ledger.spool(host)? };
    let mut taken = 0;
    for path in &files {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let known = known.iter().find(|known| known.name == name).cloned();
        let mut file = known.unwrap_or_else(|| SpoolFile { name, ..SpoolFile::default() });
        match read(path, &mut file, now_ms, kind, &mut outcome.damages) {
            Ok(Some(lines)) => {
                taken += lines.len();
                add(ledger, &file, lines)?;
            }
            Ok(None) if is_done_with(path, &file, now_ms) => match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    outcome.unreadable.push((path.clone(), error));
                }
                _ => ledger.forget_spool(host, &file.name)?,
            },
            Ok(None) => {}
            Err(error) => outcome.unreadable.push((path.clone(), error)),
        }
    }
    Ok(taken)
}

/// The lines behind what has been read, and moves `file` there; none where nothing was added.
fn read<T>(
    path: &Path,
    file: &mut SpoolFile,
    now_ms: i64,
    kind: &Kind<T>,
    damages: &mut Vec<Damaged>,
) -> io::Result<Option<Vec<T>>> {
    let meta = fs::metadata(path)?;
    let inode = meta.ino().cast_signed();
    if file.progress.inode == inode && file.progress.offset.unsigned_abs() == meta.len() {
        return Ok(None);
    }
    let before = file.progress;
    let mut opened = open(path, &mut file.progress, inode)?;
    if file.progress != before {
        file.malformed = 0;
    }
    file.progress.inode = inode;
    let (mut reader, mut lines) = (Reader::default(), vec![]);
    reader.begin(file.progress.offset.unsigned_abs());
    while let Some(line) = reader.next(&mut opened)? {
        // The rest is still to come.
        if !line.is_terminated {
            break;
        }
        if let Some(read) = (kind.parse)(line.bytes) {
            lines.push(read);
        } else {
            file.malformed += 1;
            damages.push(Damaged { path: path.into(), offset: line.offset, kind: kind.damage });
        }
        file.progress.offset = line.end().cast_signed();
    }
    if file.progress == before {
        return Ok(None);
    }
    probe(&opened, &mut file.progress)?;
    file.read_ms = now_ms;
    Ok(Some(lines))
}

/// The shell's name of a directory may lead through links; the client's does not.
fn on_disk(mut launch: Launch) -> Launch {
    if let Some(cwd) = &mut launch.cwd
        && let Ok(real) = fs::canonicalize(&*cwd)
    {
        *cwd = real;
    }
    launch
}

fn is_done_with(path: &Path, file: &SpoolFile, now_ms: i64) -> bool {
    let is_old = |at_ms: i64| now_ms - at_ms > KEPT_MS;
    let written_ms = fs::metadata(path).map_or(i64::MAX, |meta| meta.mtime().saturating_mul(1000));
    is_old(file.read_ms) && is_old(written_ms)
}

#[cfg(test)]
mod tests {
    use super::{KEPT_MS, take_in};
    use crate::ledger::Ledger;
    use std::fs::{self, File};
    use std::time::{Duration, UNIX_EPOCH};

    #[test]
    fn a_file_is_removed_a_week_after_it_was_read_and_no_sooner() {
        let dir = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open(&dir.path().join("ledger.db")).unwrap();
        let path = dir.path().join("launches-2026-11.tsv");
        fs::write(&path, "1\tbash\t5.2\t812\t\t1000000\t2000000\t0\t\t/\t\n").unwrap();
        let written = 1_800_000_000_000;
        let touch = |ms: u64| {
            let file = File::options().append(true).open(&path).unwrap();
            file.set_modified(UNIX_EPOCH + Duration::from_millis(ms)).unwrap();
        };
        touch(written);
        let written = i64::try_from(written).unwrap();
        let read_at = written + KEPT_MS;
        let mut at = |now_ms| {
            let outcome = take_in(&mut ledger, "here", dir.path(), now_ms).unwrap();
            assert!(outcome.unreadable.is_empty());
            (outcome.launches, path.exists())
        };
        assert_eq!(at(read_at), (1, true), "old, but only just read");
        assert_eq!(at(read_at + KEPT_MS), (0, true));
        assert_eq!(at(read_at + KEPT_MS + 1), (0, false));
        assert_eq!(at(read_at + KEPT_MS + 2), (0, false));
        assert_eq!(ledger.spool("here").unwrap(), []);
        assert_eq!(ledger.launches(0..i64::MAX).unwrap().len(), 1);
    }
}
