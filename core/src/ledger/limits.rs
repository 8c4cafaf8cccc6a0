//! What clients told their status lines: how much of the rate limits was used, and how full contexts are.

use std::ops::Range;

use rusqlite::{Connection, Row, Transaction, TransactionBehavior, params};

use super::launches::{SpoolFile, remember_spool};
use super::names::name_id;
use super::{Error, Ledger, explain, is_of_the_file};
use crate::model::status::{Context, LimitUse, Status};

const USES: &str = "SELECT config_dir, name, resets_s, used, first_ms, last_ms
                      FROM limit_use JOIN account ON account.id = account_id";

/// A share of a limit's window, and when clients told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenUse {
    /// A Claude config dir.
    pub account: String,
    pub limit: LimitUse,
    /// Milliseconds since the epoch.
    pub first_ms: i64,
    pub last_ms: i64,
}

impl Ledger {
    /// Takes in what a file of the spool told, and how far it has been read by now. What is known already changes nothing.
    pub fn add_statuses(&mut self, host: &str, file: &SpoolFile, statuses: &[Status]) -> Result<(), Error> {
        let path = self.path.clone();
        let mut add = || {
            let tx = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            for Status { at_ms, session, config_dir, context, limits } in statuses {
                if let Some(context) = context {
                    write_context(&tx, session, *at_ms, *context)?;
                }
                for limit in limits {
                    let seen = SeenUse {
                        account: config_dir.clone(),
                        limit: limit.clone(),
                        first_ms: *at_ms,
                        last_ms: *at_ms,
                    };
                    write_use(&tx, &seen)?;
                }
            }
            let host = name_id(&tx, "host", "name", host)?;
            remember_spool(&tx, host, file)?;
            tx.commit()
        };
        add().map_err(|source| explain(&path, source))
    }

    /// What was told of windows that end in a span of seconds since the epoch: by account and limit, windows in the order
    /// of time, and in each the shares as they grew.
    pub fn limit_uses(&self, resets_s: Range<i64>) -> Result<Vec<SeenUse>, Error> {
        let read = || {
            self.db
                .prepare_cached(&format!(
                    "{USES} WHERE resets_s >= ?1 AND resets_s < ?2 ORDER BY config_dir, name, resets_s, used"
                ))?
                .query_map([resets_s.start, resets_s.end], seen)?
                .collect()
        };
        self.explained(read())
    }

    /// How full the context of a session was when its client last told.
    pub fn context(&self, session: i64) -> Result<Option<Context>, Error> {
        let read = || {
            self.db
                .prepare_cached("SELECT tokens, size FROM context WHERE session_id = ?1")?
                .query_map([session], |row| Ok(Context { tokens: row.get(0)?, size: row.get(1)? }))?
                .next()
                .transpose()
        };
        self.explained(read())
    }
}

/// Takes over what another ledger knows; one of an older format knows nothing. False where not all can be read.
pub(super) fn take_over(tx: &Transaction, other: &Connection) -> rusqlite::Result<bool> {
    if !other.table_exists(None, "limit_use").unwrap_or_default() {
        return Ok(true);
    }
    let context = |row: &Row| {
        let context = Context { tokens: row.get(2)?, size: row.get(3)? };
        Ok((row.get::<_, String>(0)?, row.get(1)?, context))
    };
    let read = || {
        let uses: Vec<SeenUse> = other.prepare(USES)?.query_map([], seen)?.collect::<Result<_, _>>()?;
        let sql = "SELECT name, at_ms, tokens, size FROM context JOIN session ON session.id = session_id";
        let contexts: Vec<_> = other.prepare(sql)?.query_map([], context)?.collect::<Result<_, _>>()?;
        Ok((uses, contexts))
    };
    let (uses, contexts) = match read() {
        Err(error) if is_of_the_file(&error) => return Ok(false),
        known => known?,
    };
    for seen in &uses {
        write_use(tx, seen)?;
    }
    for (session, at_ms, context) in contexts {
        write_context(tx, &session, at_ms, context)?;
    }
    Ok(true)
}

fn seen(row: &Row) -> rusqlite::Result<SeenUse> {
    Ok(SeenUse {
        account: row.get(0)?,
        limit: LimitUse { name: row.get(1)?, resets_s: row.get(2)?, used: row.get(3)? },
        first_ms: row.get(4)?,
        last_ms: row.get(5)?,
    })
}

fn write_use(tx: &Transaction, seen: &SeenUse) -> rusqlite::Result<()> {
    let SeenUse { account, limit, first_ms, last_ms } = seen;
    tx.prepare_cached(
        "INSERT INTO limit_use VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO UPDATE
            SET first_ms = min(first_ms, ?5), last_ms = max(last_ms, ?6)",
    )?
    .execute(params![
        name_id(tx, "account", "config_dir", account)?,
        limit.name,
        limit.resets_s,
        limit.used,
        first_ms,
        last_ms
    ])?;
    Ok(())
}

/// The latest counts.
fn write_context(tx: &Transaction, session: &str, at_ms: i64, context: Context) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "INSERT INTO context VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE
            SET at_ms = ?2, tokens = ?3, size = ?4 WHERE at_ms < ?2",
    )?
    .execute(params![name_id(tx, "session", "name", session)?, at_ms, context.tokens, context.size])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::ledger::{Ledger, SpoolFile};
    use crate::model::status::{Context, LimitUse, Status};

    fn status(at_ms: i64, used: i64) -> Status {
        let limit = LimitUse { name: "five_hour".into(), used, resets_s: 1_795_460_400 };
        let context = Some(Context { tokens: used, size: 200 });
        Status { at_ms, session: "s".into(), config_dir: "/h/.claude".into(), context, limits: vec![limit] }
    }

    #[test]
    fn what_is_told_twice_or_late_or_taken_from_another_ledger_changes_nothing() {
        let statuses = [status(10, 100), status(20, 100), status(30, 150), status(40, 100), status(50, 180)];
        let mut reversed = statuses.clone();
        reversed.reverse();
        let dir = tempfile::tempdir().unwrap();
        let told = [&statuses[..], &reversed, &[&statuses[..], &statuses].concat()].map(|statuses| {
            let path = dir.path().join(format!("{}.db", statuses.len()));
            let mut ledger = Ledger::open(&path).unwrap();
            ledger.add_statuses("here", &SpoolFile::default(), statuses).unwrap();
            assert_eq!(ledger.check().unwrap(), [""; 0]);
            let mut other = Ledger::open(&dir.path().join("other.db")).unwrap();
            assert!(!other.absorb(&path).unwrap().is_damaged);
            assert_eq!(other.limit_uses(0..i64::MAX).unwrap(), ledger.limit_uses(0..i64::MAX).unwrap());
            let session = ledger.sessions_named("s").unwrap()[0].0;
            assert_eq!(ledger.context(session).unwrap(), Some(Context { tokens: 180, size: 200 }));
            let uses = ledger.limit_uses(0..i64::MAX).unwrap();
            uses.iter().map(|seen| (seen.limit.used, seen.first_ms, seen.last_ms)).collect::<Vec<_>>()
        });
        for told in told {
            assert_eq!(told, [(100, 10, 40), (150, 30, 30), (180, 50, 50)]);
        }
    }
}
