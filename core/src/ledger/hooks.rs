//! What the client's own hooks told of sessions.

use rusqlite::{Connection, Row, Transaction, TransactionBehavior, params};

use super::launches::remember_spool;
use super::names::name_id;
use super::{Error, Ledger, SpoolFile, explain, is_of_the_file};
use crate::model::hook::{HookCall, HookKind};

/// What makes a [`HookCall`], and its host.
const CALLS: &str = "SELECT kind, at_us, session.name, pid, detail, model, host.name FROM hook_call
    JOIN session ON session.id = session_id JOIN host ON host.id = host_id";

/// As in `hook_call.kind`.
const KINDS: [HookKind; 5] =
    [HookKind::SessionStart, HookKind::Prompt, HookKind::Stop, HookKind::StopFailure, HookKind::SessionEnd];

impl Ledger {
    /// Takes in what a file of the spool told, and how far it has been read by now. Calls that are known already change
    /// nothing.
    pub fn add_hook_calls(&mut self, host: &str, file: &SpoolFile, calls: &[HookCall]) -> Result<(), Error> {
        let path = self.path.clone();
        let mut add = || {
            let tx = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let host = name_id(&tx, "host", "name", host)?;
            calls.iter().try_for_each(|call| insert(&tx, host, call))?;
            remember_spool(&tx, host, file)?;
            tx.commit()
        };
        add().map_err(|source| explain(&path, source))
    }

    /// The calls of a session, in the order of time.
    pub fn hook_calls(&self, session: i64) -> Result<Vec<HookCall>, Error> {
        let read = || {
            self.db
                .prepare_cached(&format!("{CALLS} WHERE session_id = ?1 ORDER BY at_us, kind"))?
                .query_map([session], call)?
                .filter_map(Result::transpose)
                .collect()
        };
        self.explained(read())
    }

    /// When a hook was last called, microseconds since the epoch.
    pub fn last_hook_call(&self) -> Result<Option<i64>, Error> {
        self.explained(self.db.query_row("SELECT max(at_us) FROM hook_call", [], |row| row.get(0)))
    }
}

fn insert(tx: &Transaction, host: i64, call: &HookCall) -> rusqlite::Result<()> {
    let HookCall { kind, at_us, session, pid, detail, model } = call;
    let kind = KINDS.iter().zip(0..).find_map(|(known, n): (_, i64)| (known == kind).then_some(n));
    let session = name_id(tx, "session", "name", session)?;
    tx.prepare_cached("INSERT INTO hook_call VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING")?
        .execute(params![session, at_us, kind, host, pid, detail, model])?;
    Ok(())
}

/// None: of a kind that this odin does not know.
fn call(row: &Row) -> rusqlite::Result<Option<HookCall>> {
    let Some(kind) = KINDS.get(usize::from(row.get::<_, u8>(0)?)) else { return Ok(None) };
    Ok(Some(HookCall {
        kind: *kind,
        at_us: row.get(1)?,
        session: row.get(2)?,
        pid: row.get(3)?,
        detail: row.get(4)?,
        model: row.get(5)?,
    }))
}

/// Takes over the calls of another ledger; one of an older format has none. False where not all can be read.
pub(super) fn take_over(tx: &Transaction, other: &Connection) -> rusqlite::Result<bool> {
    if !other.table_exists(None, "hook_call").unwrap_or_default() {
        return Ok(true);
    }
    let read = || -> rusqlite::Result<Vec<(Option<HookCall>, String)>> {
        other.prepare(CALLS)?.query_map([], |row| Ok((call(row)?, row.get(6)?)))?.collect()
    };
    let calls = match read() {
        Err(error) if is_of_the_file(&error) => return Ok(false),
        calls => calls?,
    };
    for (call, host) in calls {
        let host = name_id(tx, "host", "name", &host)?;
        call.iter().try_for_each(|call| insert(tx, host, call))?;
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::KINDS;
    use crate::ledger::{Ledger, SpoolFile};
    use crate::model::hook::{HookCall, HookKind};

    fn call(kind: HookKind, at_us: i64, session: &str) -> HookCall {
        HookCall {
            kind,
            at_us,
            session: session.into(),
            pid: Some(7),
            detail: "other".into(),
            model: String::new(),
        }
    }

    #[test]
    fn every_kind_has_its_number() {
        assert!(HookKind::ALL.iter().all(|kind| KINDS.contains(kind)));
    }

    #[test]
    fn calls_are_kept_once_by_session_and_taken_over() {
        let dir = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open(&dir.path().join("ledger.db")).unwrap();
        let calls = [
            call(HookKind::SessionEnd, 9, "a"),
            call(HookKind::SessionStart, 5, "a"),
            call(HookKind::Stop, 6, "b"),
        ];
        for _ in 0..2 {
            ledger.add_hook_calls("here", &SpoolFile::default(), &calls).unwrap();
        }
        let of = |ledger: &Ledger, name: &str| {
            let (session, _) = ledger.sessions_named(name).unwrap().remove(0);
            ledger.hook_calls(session).unwrap()
        };
        assert_eq!(of(&ledger, "a"), [calls[1].clone(), calls[0].clone()]);
        assert_eq!(ledger.last_hook_call().unwrap(), Some(9));

        let mut other = Ledger::open(&dir.path().join("other.db")).unwrap();
        assert!(!other.absorb(ledger.path()).unwrap().is_damaged);
        assert_eq!((of(&other, "a"), of(&other, "b")), (of(&ledger, "a"), of(&ledger, "b")));
        assert_eq!(other.check().unwrap(), [""; 0]);
    }
}
