//! Puts a ledger that was made anew in the place of a damaged one, so that a crash in between leaves the one or the
//! other: the new one gets a name of its own once it is whole, and whoever finds it by that name puts it in place.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};
use rustix::fs::{FlockOperation, flock};

use super::backup::copy_pages;
use super::{Error, Ledger, explain};

/// Files of SQLite's that belong to a database, by the ends of their names. The database itself comes first: once it is
/// gone, nobody opens what is left of it.
const PARTS: [&str; 4] = ["", "-wal", "-shm", "-journal"];

/// Waits until no other process makes the ledger at `path` anew or puts one in place, and keeps others waiting until it
/// is dropped.
pub fn alone(path: &Path) -> Result<File, Error> {
    let lock = path.with_file_name("rebuild.lock");
    let explained = |source| Error::Backup { path: lock.clone(), source };
    let file = File::create(&lock).map_err(explained)?;
    flock(&file, FlockOperation::LockExclusive).map_err(|errno| explained(errno.into()))?;
    Ok(file)
}

impl Ledger {
    /// Begins a ledger beside the one at `path`, with the contents of a backup or with none.
    pub fn begin_anew(path: &Path, backup: Option<&Path>) -> Result<Self, Error> {
        let place = with_end(path, ".part");
        for part in PARTS {
            remove(&with_end(&place, part))?;
        }
        if let Some(backup) = backup {
            let open = || {
                let from = Connection::open_with_flags(backup, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
                Ok((from, Connection::open(&place)?))
            };
            let (from, mut to) = open().map_err(|source| explain(&place, source))?;
            copy_pages(&from, &mut to, &place)?;
        }
        Self::open(&place)
    }

    /// Another file lies at the ledger's path by now: this one was set aside, and what is written to it is lost.
    pub fn is_set_aside(&self) -> bool {
        let there = file_at(&self.path);
        // For an instant nothing lies there.
        there.is_some() && there != self.file
    }

    /// Goes on with what lies at the ledger's path.
    pub fn reopen(&mut self) -> Result<(), Error> {
        *self = Self::open(&self.path)?.priced_by(self.prices());
        Ok(())
    }

    /// Ends what [`begin_anew`](Self::begin_anew) began: the ledger at `path` is set aside under a name that ends in
    /// `stamp`, which is returned, and this one takes its place. To be done [`alone`].
    pub fn take_place_of(self, path: &Path, stamp: &str) -> Result<PathBuf, Error> {
        let Self { db, path: place, .. } = self;
        let into_one = || {
            db.pragma_update(None, "wal_checkpoint", "TRUNCATE")?;
            db.close().map_err(|(_, error)| error)
        };
        into_one().map_err(|source| explain(&place, source))?;
        rename(&place, &rebuilt(path))?;
        let aside = with_end(path, &format!(".damaged-{stamp}"));
        swap(path, &aside)?;
        Ok(aside)
    }
}

/// Device and inode.
pub(super) fn file_at(path: &Path) -> Option<(u64, u64)> {
    fs::metadata(path).ok().map(|meta| (meta.dev(), meta.ino()))
}

/// Ends what a crash left half done: a ledger that was made anew, and is whole, has not taken its place yet.
pub(super) fn adopt(path: &Path) -> Result<(), Error> {
    if !rebuilt(path).exists() {
        return Ok(());
    }
    let _alone = alone(path)?;
    // Most likely somebody was just at it.
    if rebuilt(path).exists() { swap(path, &free_name(&with_end(path, ".damaged"))) } else { Ok(()) }
}

/// The path, or one like it that nothing has.
fn free_name(path: &Path) -> PathBuf {
    let mut names = (0..).map(|n| if n == 0 { path.into() } else { with_end(path, &format!("-{n}")) });
    names.find(|name| !name.exists()).unwrap_or_else(|| path.into())
}

fn swap(path: &Path, aside: &Path) -> Result<(), Error> {
    for part in PARTS {
        let part_of_damaged = with_end(path, part);
        if part_of_damaged.exists() {
            rename(&part_of_damaged, &with_end(aside, part))?;
        }
    }
    rename(&rebuilt(path), path)
}

fn rebuilt(path: &Path) -> PathBuf {
    with_end(path, ".rebuilt")
}

fn with_end(path: &Path, end: &str) -> PathBuf {
    let mut name: OsString = path.as_os_str().into();
    name.push(end);
    name.into()
}

fn rename(from: &Path, to: &Path) -> Result<(), Error> {
    fs::rename(from, to).map_err(|source| Error::Backup { path: to.into(), source })
}

pub(super) fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(Error::Backup { path: path.into(), source })
        }
        _ => Ok(()),
    }
}
