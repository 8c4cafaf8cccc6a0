//! Runs of claude as shells saw them, and how far the spool that tells of them has been read.

use std::ops::Range;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior, params};

use super::names::{cwd_id, name_id};
use super::{Error, Ledger, Progress, explain, is_of_the_file};
use crate::model::{Launch, Shell};

/// What makes a [`StoredLaunch`].
const LAUNCHES: &str =
    "SELECT launch.id, host.name, ifnull(project.path, ''), shell, shell_version, shell_pid, child_pid,
        started_us, ended_us, exit, tty, ifnull(cwd.path, ''), branch
   FROM launch JOIN host ON host.id = host_id LEFT JOIN cwd ON cwd.id = cwd_id
   LEFT JOIN project ON project.id = project_id";

/// How old may be when a process was last seen.
const SEEN_MS: i64 = 30_000;

/// How far a file of the spool has been read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SpoolFile {
    pub name: String,
    pub progress: Progress,
    /// Lines that were no launch.
    pub malformed: i64,
    /// When it was last read on, milliseconds since the epoch.
    pub read_ms: i64,
}

/// A launch of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredLaunch {
    pub id: i64,
    pub host: String,
    /// Of the directory; empty where that is not known.
    pub project: String,
    pub launch: Launch,
}

/// A process that ran a session, as the agent saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionProcess {
    pub host: String,
    pub pid: u32,
    /// Milliseconds since the epoch, as all times here.
    pub started_ms: i64,
    pub session: i64,
    /// Its parent's pid, that one's parent's, and so on.
    pub ancestors: Vec<u32>,
    /// When it was first and last seen to run the session.
    pub first_ms: i64,
    pub last_ms: i64,
}

impl Ledger {
    /// What is known of a host's spool.
    pub fn spool(&self, host: &str) -> Result<Vec<SpoolFile>, Error> {
        let file = |row: &Row| {
            let progress = Progress {
                inode: row.get(1)?,
                offset: row.get(2)?,
                head_hash: row.get(3)?,
                tail_hash: row.get(4)?,
                ..Progress::default()
            };
            Ok(SpoolFile { name: row.get(0)?, progress, malformed: row.get(5)?, read_ms: row.get(6)? })
        };
        let read = || {
            self.db
                .prepare_cached(
                    "SELECT spool.name, inode, offset, head_hash, tail_hash, malformed, read_ms
                       FROM spool JOIN host ON host.id = host_id WHERE host.name = ?1",
                )?
                .query_map([host], file)?
                .collect()
        };
        self.explained(read())
    }

    /// Takes in what a file of the spool told, and how far it has been read by now. Launches that are known already
    /// change nothing. `project_of` finds the project of a directory that the ledger has not seen.
    pub fn add_launches(
        &mut self,
        host: &str,
        file: &SpoolFile,
        launches: &[Launch],
        mut project_of: impl FnMut(&str) -> String,
    ) -> Result<(), Error> {
        let path = self.path.clone();
        let mut add = || {
            let tx = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let host = name_id(&tx, "host", "name", host)?;
            for launch in launches {
                insert(&tx, host, launch, &mut project_of)?;
            }
            remember_spool(&tx, host, file)?;
            tx.commit()
        };
        add().map_err(|source| explain(&path, source))
    }

    /// Forgets a file of the spool that is no more; its launches stay.
    pub fn forget_spool(&self, host: &str, name: &str) -> Result<(), Error> {
        let sql = "DELETE FROM spool WHERE host_id = (SELECT id FROM host WHERE name = ?1) AND name = ?2";
        self.explained(self.db.execute(sql, [host, name])).map(|_| ())
    }

    /// The launches that reach into a span of microseconds since the epoch, in the order of their starts.
    pub fn launches(&self, span_us: Range<i64>) -> Result<Vec<StoredLaunch>, Error> {
        let read = || {
            self.db
                .prepare_cached(&format!(
                    "{LAUNCHES} WHERE started_us < ?2 AND ended_us >= ?1 ORDER BY started_us, launch.id"
                ))?
                .query_map([span_us.start, span_us.end], stored)?
                .collect()
        };
        self.explained(read())
    }

    /// Which sessions asked from one of these directories, and on which host: session, directory, host.
    pub fn sessions_in(&self, directories: &[&str]) -> Result<Vec<(i64, String, String)>, Error> {
        let read = || {
            let mut find = self.db.prepare_cached(
                "SELECT DISTINCT session_id, host.name FROM origin JOIN host ON host.id = host_id
                  WHERE cwd_id = (SELECT id FROM cwd WHERE path = ?1)",
            )?;
            let mut found = Vec::new();
            for directory in directories {
                let mut rows = find.query([directory])?;
                while let Some(row) = rows.next()? {
                    found.push((row.get(0)?, (*directory).to_string(), row.get(1)?));
                }
            }
            Ok(found)
        };
        self.explained(read())
    }

    /// Remembers processes that run sessions, by the sessions' names. Of one that is known, when it was last seen is kept
    /// to half a minute.
    pub fn add_session_processes<'s>(
        &mut self,
        processes: impl Iterator<Item = (&'s str, SessionProcess)>,
    ) -> Result<(), Error> {
        let path = self.path.clone();
        let add = || {
            let mut news = Vec::new();
            for (session, process) in processes {
                let known: Option<i64> = self
                    .db
                    .prepare_cached(
                        "SELECT last_ms FROM session_process WHERE pid = ?1 AND started_ms = ?2
                            AND host_id = (SELECT id FROM host WHERE name = ?3)
                            AND session_id = (SELECT id FROM session WHERE name = ?4)",
                    )?
                    .query_row(params![process.pid, process.started_ms, process.host, session], |row| {
                        row.get(0)
                    })
                    .optional()?;
                if known.is_none_or(|known| process.last_ms - known > SEEN_MS) {
                    news.push((session, process));
                }
            }
            if news.is_empty() {
                return Ok(());
            }
            let tx = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            for (session, process) in news {
                let ancestors: Vec<String> = process.ancestors.iter().map(u32::to_string).collect();
                tx.prepare_cached(
                    "INSERT INTO session_process VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                         ON CONFLICT DO UPDATE SET last_ms = max(last_ms, ?7)",
                )?
                .execute(params![
                    name_id(&tx, "host", "name", &process.host)?,
                    process.pid,
                    process.started_ms,
                    name_id(&tx, "session", "name", session)?,
                    ancestors.join(","),
                    process.first_ms,
                    process.last_ms
                ])?;
            }
            tx.commit()
        };
        add().map_err(|source| explain(&path, source))
    }

    /// The processes that the agent saw run sessions in a span of milliseconds since the epoch.
    pub fn session_processes(&self, span_ms: Range<i64>) -> Result<Vec<SessionProcess>, Error> {
        let process = |row: &Row| {
            let ancestors: String = row.get(4)?;
            Ok(SessionProcess {
                host: row.get(0)?,
                pid: row.get(1)?,
                started_ms: row.get(2)?,
                session: row.get(3)?,
                ancestors: ancestors.split(',').filter_map(|pid| pid.parse().ok()).collect(),
                first_ms: row.get(5)?,
                last_ms: row.get(6)?,
            })
        };
        let read = || {
            self.db
                .prepare_cached(
                    "SELECT host.name, pid, started_ms, session_id, ancestors, first_ms, last_ms
                       FROM session_process JOIN host ON host.id = host_id
                      WHERE started_ms < ?2 AND last_ms >= ?1 ORDER BY started_ms, pid, session_id",
                )?
                .query_map([span_ms.start, span_ms.end], process)?
                .collect()
        };
        self.explained(read())
    }
}

/// How far a file of the spool has been read.
pub(super) fn remember_spool(tx: &Transaction, host: i64, file: &SpoolFile) -> rusqlite::Result<()> {
    let SpoolFile { name, progress, malformed, read_ms } = file;
    let Progress { inode, offset, head_hash, tail_hash, .. } = progress;
    tx.prepare_cached(
        "INSERT INTO spool VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO UPDATE
            SET inode = ?3, offset = ?4, head_hash = ?5, tail_hash = ?6, malformed = ?7, read_ms = ?8",
    )?
    .execute(params![host, name, inode, offset, head_hash, tail_hash, malformed, read_ms])?;
    Ok(())
}

fn insert(
    tx: &Transaction,
    host: i64,
    launch: &Launch,
    project_of: &mut dyn FnMut(&str) -> String,
) -> rusqlite::Result<()> {
    let text = |path: &Option<PathBuf>| path.as_deref().map(Path::to_string_lossy).map(String::from);
    let cwd = text(&launch.cwd).map(|cwd| cwd_id(tx, &cwd, project_of)).transpose()?;
    let shell =
        Shell::ALL.iter().zip(0..).find_map(|(known, id): (_, i64)| (*known == launch.shell).then_some(id));
    tx.prepare_cached(
        "INSERT INTO launch (host_id, shell, shell_version, shell_pid, child_pid, started_us, ended_us, exit, tty,
                             cwd_id, branch)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT DO NOTHING",
    )?
    .execute(params![
        host,
        shell,
        launch.shell_version,
        launch.shell_pid,
        launch.child_pid,
        launch.started_us,
        launch.ended_us,
        launch.exit,
        text(&launch.tty).unwrap_or_default(),
        cwd,
        launch.branch.as_deref().unwrap_or_default()
    ])?;
    Ok(())
}

fn stored(row: &Row) -> rusqlite::Result<StoredLaunch> {
    let known = |text: String| Some(text).filter(|text| !text.is_empty());
    let shell: u8 = row.get(3)?;
    Ok(StoredLaunch {
        id: row.get(0)?,
        host: row.get(1)?,
        project: row.get(2)?,
        launch: Launch {
            shell: Shell::ALL.get(usize::from(shell)).copied().unwrap_or(Shell::Bash),
            shell_version: row.get(4)?,
            shell_pid: row.get(5)?,
            child_pid: row.get(6)?,
            started_us: row.get(7)?,
            ended_us: row.get(8)?,
            exit: row.get(9)?,
            tty: known(row.get(10)?).map(PathBuf::from),
            cwd: known(row.get(11)?).map(PathBuf::from),
            branch: known(row.get(12)?),
        },
    })
}

/// Takes over the launches of another ledger; one of an older format has none. False where not all can be read.
pub(super) fn take_over(tx: &Transaction, other: &Connection) -> rusqlite::Result<bool> {
    if !other.table_exists(None, "launch").unwrap_or_default() {
        return Ok(true);
    }
    let read = |sql: &str| -> rusqlite::Result<Vec<StoredLaunch>> {
        other.prepare(sql)?.query_map([], stored)?.collect()
    };
    let launches = match read(LAUNCHES) {
        Err(error) if is_of_the_file(&error) => return Ok(false),
        launches => launches?,
    };
    for StoredLaunch { host, project, launch, .. } in launches {
        let host = name_id(tx, "host", "name", &host)?;
        insert(tx, host, &launch, &mut |_| project.clone())?;
    }
    Ok(true)
}
