//! The SQLite ledger: the only module that speaks SQL.
//!
//! Responses and how far their files were read change in one transaction ([`Batch`]), so that a crash repeats lines,
//! which the responses' identity absorbs, and never loses one.

mod absorb;
mod backup;
mod batch;
mod budgets;
mod calls;
mod cells;
mod charge;
mod check;
mod export;
mod exposed;
mod files;
mod hooks;
mod known;
mod launches;
mod limits;
mod names;
mod query;
mod rebuild;
mod remainder;
mod reprice;
mod responses;
mod rollup;
mod row;
mod session_query;
mod sessions;
mod state;
mod telemetry;
mod told;
mod totals;
mod trees;
mod writer;

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior, ffi};

use crate::pricing::Prices;
pub use absorb::Absorbed;

pub use backup::{Contents, contents, expired};
pub use batch::Batch;
pub use budgets::{Budget, BudgetPeriod};
pub use export::Exported;
pub use exposed::{Exposed, Fall, Series};
pub use files::Progress;
pub use known::Known;
pub use launches::{SessionProcess, SpoolFile, StoredLaunch};
pub use limits::SeenUse;
pub use names::Reader;
pub use query::{Cell, Dimension, Snapshot, Terms};
pub use rebuild::alone;
pub use remainder::{ClientCount, ClientCounts, REMAINDER, Usage};
pub use reprice::Moved;
pub use rollup::{QUARTER_MS, Sums};
pub use session_query::{SessionEvent, SessionFacts, SessionGlance, SessionOrigin, SessionResponse};
pub use telemetry::{Latency, TelemetryTotal, is_shown};
pub use told::{Told, remarks};
pub use totals::{Sessions, ToolCalls};
pub use trees::StoredTree;

/// Applied in order; `PRAGMA user_version` counts those done. One that has shipped is never edited.
const MIGRATIONS: &[&str] = &[
    include_str!("../../../migrations/0001_ledger.sql"),
    include_str!("../../../migrations/0002_daily_sums.sql"),
    include_str!("../../../migrations/0003_life.sql"),
    include_str!("../../../migrations/0004_sessions.sql"),
    include_str!("../../../migrations/0005_saving.sql"),
    include_str!("../../../migrations/0006_launches.sql"),
    include_str!("../../../migrations/0007_exposed.sql"),
    include_str!("../../../migrations/0008_tool_calls.sql"),
    include_str!("../../../migrations/0009_trees.sql"),
    include_str!("../../../migrations/0010_telemetry.sql"),
    include_str!("../../../migrations/0011_cost_state.sql"),
    include_str!("../../../migrations/0012_client_hooks.sql"),
    include_str!("../../../migrations/0013_limits.sql"),
];

/// What a ledger of this version says in `user_version`.
#[expect(clippy::cast_possible_wrap, reason = "a handful")]
const FORMAT: i64 = MIGRATIONS.len() as i64;

/// How long to wait for another writer: a batch holds the lock for a fraction of a second.
const PATIENCE: Duration = Duration::from_secs(10);

/// The same of who had rather know nothing than wait.
const GLANCE: Duration = Duration::from_millis(2);

/// Each try comes after another process was waited for; there are not that many.
const MAX_TRIES: usize = 1000;

/// A share of the 32 MiB that a first ingest may take.
const CACHE_KIB: i64 = 6 * 1024;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot create {}", path.display())]
    Folder { path: PathBuf, source: std::io::Error },
    #[error(
        "{} was written by a newer odin (format {found}, this one knows {}); update odin, or set ODIN_STATE_DIR to another folder",
        path.display(), FORMAT
    )]
    Newer { path: PathBuf, found: i64 },
    #[error("{} is locked by another program; try again when it is done", path.display())]
    Locked { path: PathBuf },
    #[error("no space left for {}; nothing was lost: free some and run odin again", path.display())]
    Full { path: PathBuf },
    #[error("{} cannot be written; nothing was lost: check its owner and mode, or set ODIN_STATE_DIR", path.display())]
    ReadOnly { path: PathBuf },
    #[error("{} is damaged or no ledger; `odin ledger rebuild` makes it anew", path.display())]
    Damaged { path: PathBuf, source: rusqlite::Error },
    #[error("cannot write the copy {}", path.display())]
    Backup { path: PathBuf, source: std::io::Error },
    #[error("{} is no sound ledger ({what}); choose another backup: `odin ledger restore --list`", path.display())]
    NoBackup { path: PathBuf, what: String },
    #[error("cannot use {}", path.display())]
    Sql { path: PathBuf, source: rusqlite::Error },
}

/// The ledger of one state folder.
pub struct Ledger {
    db: Connection,
    path: PathBuf,
    /// None: the list that comes with the program, which is read when it is needed.
    prices: Option<&'static Prices>,
    names: names::Names,
    /// Device and inode of the file that was opened; none where it could not be told.
    file: Option<(u64, u64)>,
    /// A batch was begun and not committed.
    is_writing: bool,
}

impl Ledger {
    /// Opens the ledger at `path`, which is made if need be and brought to this version's format.
    pub fn open(path: &Path) -> Result<Self, Error> {
        if let Some(folder) = path.parent() {
            private_folder(folder).map_err(|source| Error::Folder { path: folder.into(), source })?;
        }
        rebuild::adopt(path)?;
        let ledger = Self::open_with(path, OpenFlags::default(), PATIENCE)?;
        // A backup is no WAL database, and neither is what was made of one.
        let mode = ledger.db.pragma_query_value(None, "journal_mode", |row| row.get::<_, String>(0));
        if ledger.explained(mode)? != "wal" {
            ledger.explained(enter_wal(&ledger.db))?;
        }
        Ok(ledger)
    }

    /// Opens a ledger to read it, also where this process cannot write.
    pub fn open_read_only(path: &Path) -> Result<Self, Error> {
        Self::open_to_read(path, PATIENCE)
    }

    /// The same, and waits for nobody.
    pub fn open_to_glance(path: &Path) -> Result<Self, Error> {
        Self::open_to_read(path, GLANCE)
    }

    fn open_to_read(path: &Path, patience: Duration) -> Result<Self, Error> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        match Self::open_with(path, flags, patience) {
            // Readers of a WAL database share a file beside it, which a read-only folder or a full disk cannot get;
            // where nothing waits in the WAL they can do without.
            Err(Error::ReadOnly { .. } | Error::Full { .. }) if has_no_wal(path) => {
                let uri = immutable_uri(path);
                Self::open_with(Path::new(&uri), flags | OpenFlags::SQLITE_OPEN_URI, patience)
                    .map(|ledger| Self { path: path.into(), ..ledger })
            }
            opened => opened,
        }
    }

    fn open_with(path: &Path, flags: OpenFlags, patience: Duration) -> Result<Self, Error> {
        let open = || {
            let db = Connection::open_with_flags(path, flags)?;
            db.busy_timeout(patience)?;
            db.pragma_update(None, "cache_size", -CACHE_KIB)?;
            // References are made here, by id, and `check` looks them up all at once; not at each insert.
            db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_FKEY, false)?;
            // Without it SQLite plans a statement anew whenever a value is bound (it is built with STAT4).
            db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
            db.set_prepared_statement_cache_capacity(64);
            Ok(db)
        };
        let db = open().map_err(|source| explain(path, source))?;
        let names = names::Names::default();
        let file = rebuild::file_at(path);
        let mut ledger = Self { db, path: path.into(), prices: None, names, file, is_writing: false };
        ledger.migrate()?;
        Ok(ledger)
    }

    /// Prices responses by these from now on, instead of by the list that comes with the program.
    #[must_use]
    pub fn priced_by(self, prices: &'static Prices) -> Self {
        Self { prices: Some(prices), ..self }
    }

    fn prices(&self) -> &'static Prices {
        self.prices.unwrap_or_else(Prices::embedded)
    }

    fn migrate(&mut self) -> Result<(), Error> {
        let found = self.version()?;
        if found > FORMAT {
            return Err(Error::Newer { path: self.path.clone(), found });
        }
        if found == FORMAT {
            return Ok(());
        }
        let mut migrate = || {
            enter_wal(&self.db)?;
            // Waits for another process that does the same, and finds its work done.
            let tx = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let done: i64 = tx.pragma_query_value(None, "user_version", |row| row.get(0))?;
            if done >= FORMAT {
                return Ok(());
            }
            for (sql, n) in MIGRATIONS.iter().zip(1..).filter(|(_, n)| *n > done) {
                tx.execute_batch(sql)?;
                tx.pragma_update(None, "user_version", n)?;
            }
            // What is derived may have another form now. What the cache saved comes with pricing all anew.
            rollup::rebuild(&tx)?;
            state::forget(&tx, state::PRICES)?;
            tx.commit()
        };
        let path = self.path.clone();
        migrate().map_err(|source| explain(&path, source))
    }

    fn version(&self) -> Result<i64, Error> {
        self.explained(self.db.pragma_query_value(None, "user_version", |row| row.get(0)))
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Frees the pages that are kept at hand. They are read again when they are needed.
    pub fn give_memory_back(&self) -> Result<(), Error> {
        self.explained(self.db.release_memory())
    }

    fn explained<T>(&self, result: rusqlite::Result<T>) -> Result<T, Error> {
        result.map_err(|source| explain(&self.path, source))
    }
}

fn private_folder(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Leaves the rollback journal for good. Unlike all else, this fails at once where another process is at the database,
/// which may want the same: so wait for them to be done, and try again.
fn enter_wal(db: &Connection) -> rusqlite::Result<()> {
    for _ in 0..MAX_TRIES {
        match db.pragma_update(None, "journal_mode", "wal") {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {
                db.execute_batch("BEGIN EXCLUSIVE; COMMIT")?;
            }
            done => return done,
        }
    }
    db.pragma_update(None, "journal_mode", "wal")
}

/// All of the ledger is in the one file.
fn has_no_wal(path: &Path) -> bool {
    let mut wal = path.as_os_str().to_owned();
    wal.push("-wal");
    path.exists() && std::fs::metadata(wal).map_or(true, |wal| wal.len() == 0)
}

fn immutable_uri(path: &Path) -> OsString {
    let mut uri = b"file:".to_vec();
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'%' | b'?' | b'#' => uri.extend(format!("%{byte:02x}").bytes()),
            byte => uri.push(*byte),
        }
    }
    uri.extend(b"?immutable=1");
    OsString::from_vec(uri)
}

/// For a value that this module cannot have written.
fn damaged_value(table: &str, id: i64) -> rusqlite::Error {
    let what = format!("{table} {id} holds no value of this format");
    rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_CORRUPT), Some(what))
}

/// Says what the caller can do about an error of SQLite's.
fn explain(path: &Path, source: rusqlite::Error) -> Error {
    let path = path.to_path_buf();
    match source.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Error::Locked { path },
        // The shared file beside a WAL database is grown by other means, and fails in another way.
        Some(ErrorCode::DiskFull) => Error::Full { path },
        Some(ErrorCode::SystemIoFailure) if is_out_of_space(&source) => Error::Full { path },
        Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
            Error::ReadOnly { path }
        }
        _ if is_of_the_file(&source) => Error::Damaged { path, source },
        _ => Error::Sql { path, source },
    }
}

/// The file is to blame: it is damaged, or not what it was taken for.
fn is_of_the_file(error: &rusqlite::Error) -> bool {
    match error {
        rusqlite::Error::SqliteFailure(error, _) => matches!(
            error.code,
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::SystemIoFailure
        ),
        // A table or column that every ledger has, or a value that none of its column can be.
        rusqlite::Error::SqlInputError { .. }
        | rusqlite::Error::InvalidColumnType(..)
        | rusqlite::Error::FromSqlConversionFailure(..)
        | rusqlite::Error::IntegralValueOutOfRange(..)
        | rusqlite::Error::Utf8Error(..) => true,
        _ => false,
    }
}

fn is_out_of_space(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error().map(|error| error.extended_code);
    matches!(code, Some(ffi::SQLITE_IOERR_SHMSIZE | ffi::SQLITE_IOERR_WRITE | ffi::SQLITE_IOERR_TRUNCATE))
}
