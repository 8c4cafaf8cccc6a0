//! What concerns the ledger as a whole, by name.

use rusqlite::types::FromSql;
use rusqlite::{Connection, OptionalExtension, ToSql, params};

/// A random number that changes when other contents take the ledger's place, so that nobody goes on using ids of the
/// former ones.
pub(super) const EPOCH: &str = "epoch";
/// When a backup was last begun, milliseconds since the epoch.
pub(super) const BACKED_UP_MS: &str = "backed_up_ms";
/// What [`EPOCH`] was when counters were last told.
pub(super) const EXPOSED_EPOCH: &str = "exposed_epoch";
/// What [`PRICES`] was then.
pub(super) const EXPOSED_PRICES: &str = "exposed_prices";
/// Version of the prices that every response has been priced by.
pub(super) const PRICES: &str = "prices";

/// None where it was never set.
pub(super) fn get<T: FromSql>(db: &Connection, name: &str) -> rusqlite::Result<Option<T>> {
    db.prepare_cached("SELECT value FROM state WHERE name = ?1")?
        .query_row([name], |row| row.get(0))
        .optional()
}

pub(super) fn set(db: &Connection, name: &str, value: impl ToSql) -> rusqlite::Result<()> {
    db.prepare_cached("INSERT INTO state VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = ?2")?
        .execute(params![name, value])?;
    Ok(())
}

pub(super) fn forget(db: &Connection, name: &str) -> rusqlite::Result<()> {
    db.prepare_cached("DELETE FROM state WHERE name = ?1")?.execute([name])?;
    Ok(())
}
