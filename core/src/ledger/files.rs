//! What the ledger knows of files and folders.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior, params};

use super::known::{Known, pack};
use super::names::name_id;
use super::{Error, Ledger, explain};
use crate::model::{FileStamp, Folder, KnownFolder, TranscriptFile};

/// Fewer files are read as fast from their rows.
const WORTH_PACKING: i64 = 500;

/// How far a transcript has been read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    pub device: i64,
    pub inode: i64,
    /// Bytes from the start, up to the end of a line.
    pub offset: i64,
    /// Of the first and of the last bytes before `offset`: a file that has others there is another file.
    pub head_hash: i64,
    pub tail_hash: i64,
    pub last_at_ms: Option<i64>,
}

impl Ledger {
    /// Folders and transcripts known below a config dir, for comparing with what is there.
    pub fn known(&self, config_dir: &str) -> Result<Known, Error> {
        let packed = || {
            let sql = "SELECT known FROM survey JOIN account ON account.id = account_id
                        WHERE config_dir = ?1 AND survey.changes = account.changes";
            let packed = |row: &Row| Ok(Known::packed(row.get_ref(0)?.as_blob()?));
            self.db.prepare_cached(sql)?.query_row([config_dir], packed).optional()
        };
        match self.explained(packed())?.flatten() {
            Some(known) => Ok(known),
            None => self.explained(known_rows(&self.db, config_dir)).map(Known::Rows),
        }
    }

    /// Packs what is known below a config dir, where that is worth it and not done: the next look reads it sooner.
    pub fn pack_known(&mut self, config_dir: &str) -> Result<(), Error> {
        let path = self.path.clone();
        let mut pack = || {
            let files: i64 = self.db.query_row("SELECT count(*) FROM transcript", [], |row| row.get(0))?;
            if files < WORTH_PACKING || stale_account(&self.db, config_dir)?.is_none() {
                return Ok(());
            }
            let tx = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let mut known = known_rows(&tx, config_dir)?;
            // In the order that a look wants them in.
            known.sort_unstable_by(KnownFolder::order);
            if let Some((account, changes)) = stale_account(&tx, config_dir)? {
                tx.execute(
                    "INSERT INTO survey VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET changes = ?2, known = ?3",
                    params![account, changes, pack(&known)],
                )?;
            }
            tx.commit()
        };
        pack().map_err(|source| explain(&path, source))
    }

    /// When everything below a config dir was last looked at, nanoseconds since the epoch; 0: never.
    pub fn looked_ns(&self, config_dir: &str) -> Result<i64, Error> {
        let find = || {
            let sql = "SELECT looked_ns FROM account WHERE config_dir = ?1";
            self.db.prepare_cached(sql)?.query_row([config_dir], |row| row.get(0)).optional()
        };
        self.explained(find()).map(Option::unwrap_or_default)
    }

    /// Remembers that everything below a config dir was looked at.
    pub fn looked(&self, config_dir: &str, at_ns: i64) -> Result<(), Error> {
        let sql = "UPDATE account SET looked_ns = ?2 WHERE config_dir = ?1";
        self.explained(self.db.execute(sql, params![config_dir, at_ns])).map(|_| ())
    }

    /// How many lines could not be read, by kind, in all that was ever read.
    pub fn parse_errors(&self) -> Result<Vec<(String, i64)>, Error> {
        let sql = "SELECT kind, count(*) FROM parse_error GROUP BY kind ORDER BY kind";
        let counts =
            || self.db.prepare_cached(sql)?.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect();
        self.explained(counts())
    }
}

/// The id of a config dir of which what is known has changed since it was packed, and how often it has in all.
fn stale_account(db: &Connection, config_dir: &str) -> rusqlite::Result<Option<(i64, i64)>> {
    let sql = "SELECT account.id, account.changes FROM account LEFT JOIN survey ON account_id = account.id
                WHERE config_dir = ?1 AND survey.changes IS NOT account.changes";
    db.prepare_cached(sql)?.query_row([config_dir], |row| Ok((row.get(0)?, row.get(1)?))).optional()
}

/// What is known below a config dir, from the rows.
fn known_rows(db: &Connection, config_dir: &str) -> rusqlite::Result<Vec<KnownFolder>> {
    let mut find = db.prepare_cached(
        "SELECT id, path, modified_ns FROM folder
          WHERE account_id = (SELECT id FROM account WHERE config_dir = ?1)",
    )?;
    let (mut known, mut places) = (Vec::new(), HashMap::new());
    let mut rows = find.query([config_dir])?;
    while let Some(row) = rows.next()? {
        places.insert(row.get::<_, i64>(0)?, known.len());
        let folder = Folder { path: row.get_ref(1)?.as_str()?.into(), modified_ns: row.get(2)? };
        known.push(KnownFolder { folder, files: vec![] });
    }
    let mut find =
        db.prepare_cached("SELECT folder_id, name, device, inode, size_bytes, modified_ns FROM transcript")?;
    let mut rows = find.query([])?;
    while let Some(row) = rows.next()? {
        if let Some(place) = places.get(&row.get(0)?) {
            known[*place].files.push((row.get(1)?, stamp(row)?));
        }
    }
    Ok(known)
}

/// From columns 2 to 5.
fn stamp(row: &Row) -> rusqlite::Result<FileStamp> {
    Ok(FileStamp {
        device: row.get(2)?,
        inode: row.get(3)?,
        size_bytes: row.get(4)?,
        modified_ns: row.get(5)?,
    })
}

/// What is known below a config dir has changed.
pub(super) fn count_change(tx: &Transaction, config_dir: &str) -> rusqlite::Result<()> {
    tx.prepare_cached("UPDATE account SET changes = changes + 1 WHERE config_dir = ?1")?
        .execute([config_dir])?;
    Ok(())
}

pub(super) fn folder_id(tx: &Transaction, config_dir: &str, path: &str) -> rusqlite::Result<i64> {
    let account = name_id(tx, "account", "config_dir", config_dir)?;
    let find = "SELECT id FROM folder WHERE account_id = ?1 AND path = ?2";
    if let Some(id) =
        tx.prepare_cached(find)?.query_row(params![account, path], |row| row.get(0)).optional()?
    {
        return Ok(id);
    }
    let add = "INSERT INTO folder (account_id, path, modified_ns) VALUES (?1, ?2, 0)";
    tx.prepare_cached(add)?.insert(params![account, path])
}

pub(super) fn remember_folder(tx: &Transaction, config_dir: &str, folder: &Folder) -> rusqlite::Result<()> {
    let id = folder_id(tx, config_dir, &folder.path)?;
    let sql = "UPDATE folder SET modified_ns = ?2 WHERE id = ?1 AND modified_ns != ?2";
    tx.prepare_cached(sql)?.execute(params![id, folder.modified_ns])?;
    Ok(())
}

/// Forgets a folder and all below it; what was read from it stays.
pub(super) fn forget_folder(tx: &Transaction, config_dir: &str, path: &str) -> rusqlite::Result<()> {
    let account = name_id(tx, "account", "config_dir", config_dir)?;
    let below = "SELECT id FROM folder WHERE account_id = ?1 AND (path = ?2 OR substr(path, 1, length(?2) + 1) = ?2 || '/')";
    for sql in [
        format!(
            "DELETE FROM parse_error WHERE transcript_id IN (SELECT id FROM transcript WHERE folder_id IN ({below}))"
        ),
        format!("DELETE FROM transcript WHERE folder_id IN ({below})"),
        format!("DELETE FROM folder WHERE id IN ({below})"),
    ] {
        tx.execute(&sql, params![account, path])?;
    }
    Ok(())
}

/// The id of a transcript and how far it was read; one that is new, or that moved here from a place where it is no
/// more, is entered.
pub(super) fn transcript(
    tx: &Transaction,
    config_dir: &str,
    file: &TranscriptFile,
) -> rusqlite::Result<(i64, Progress)> {
    let folder = folder_id(tx, config_dir, &file.folder)?;
    let columns = "id, device, inode, offset, head_hash, tail_hash, last_at_ms";
    let at_place = format!("SELECT {columns} FROM transcript WHERE folder_id = ?1 AND name = ?2");
    if let Some(found) =
        tx.prepare_cached(&at_place)?.query_row(params![folder, file.name], progress).optional()?
    {
        return Ok(found);
    }
    let FileStamp { device, inode, .. } = file.stamp;
    tx.prepare_cached(
        "INSERT INTO transcript (folder_id, name, device, inode, size_bytes, modified_ns, offset, head_hash, tail_hash)
         VALUES (?1, ?2, ?3, ?4, 0, 0, 0, 0, 0)",
    )?
    .execute(params![folder, file.name, device, inode])?;
    Ok((tx.last_insert_rowid(), Progress { device, inode, ..Progress::default() }))
}

fn progress(row: &Row) -> rusqlite::Result<(i64, Progress)> {
    let progress = Progress {
        device: row.get(1)?,
        inode: row.get(2)?,
        offset: row.get(3)?,
        head_hash: row.get(4)?,
        tail_hash: row.get(5)?,
        last_at_ms: row.get(6)?,
    };
    Ok((row.get(0)?, progress))
}

pub(super) fn remember_transcript(
    tx: &Transaction,
    id: i64,
    stamp: &FileStamp,
    progress: &Progress,
) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "UPDATE transcript SET device = ?2, inode = ?3, size_bytes = ?4, modified_ns = ?5, offset = ?6,
                head_hash = ?7, tail_hash = ?8, last_at_ms = ?9 WHERE id = ?1",
    )?
    .execute(params![
        id,
        stamp.device,
        stamp.inode,
        stamp.size_bytes,
        stamp.modified_ns,
        progress.offset,
        progress.head_hash,
        progress.tail_hash,
        progress.last_at_ms
    ])?;
    Ok(())
}

/// Moves what is known of a transcript to where it lies now.
pub(super) fn move_transcript(
    tx: &Transaction,
    config_dir: &str,
    from: &TranscriptFile,
    to: &TranscriptFile,
) -> rusqlite::Result<()> {
    let (old, new) = (folder_id(tx, config_dir, &from.folder)?, folder_id(tx, config_dir, &to.folder)?);
    let sql = "UPDATE OR IGNORE transcript SET folder_id = ?3, name = ?4 WHERE folder_id = ?1 AND name = ?2";
    tx.execute(sql, params![old, from.name, new, to.name])?;
    Ok(())
}

pub(super) fn forget_transcript(
    tx: &Transaction,
    config_dir: &str,
    file: &TranscriptFile,
) -> rusqlite::Result<()> {
    let folder = folder_id(tx, config_dir, &file.folder)?;
    let which = "SELECT id FROM transcript WHERE folder_id = ?1 AND name = ?2";
    for sql in [
        format!("DELETE FROM parse_error WHERE transcript_id IN ({which})"),
        format!("DELETE FROM transcript WHERE id IN ({which})"),
    ] {
        tx.execute(&sql, params![folder, file.name])?;
    }
    Ok(())
}

pub(super) fn forget_parse_errors(tx: &Transaction, transcript: i64) -> rusqlite::Result<()> {
    tx.prepare_cached("DELETE FROM parse_error WHERE transcript_id = ?1")?.execute([transcript])?;
    Ok(())
}

pub(super) fn remember_parse_error(
    tx: &Transaction,
    transcript: i64,
    offset: i64,
    kind: &str,
) -> rusqlite::Result<()> {
    let sql = "INSERT INTO parse_error VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
    tx.prepare_cached(sql)?.execute(params![transcript, offset, kind])?;
    Ok(())
}
