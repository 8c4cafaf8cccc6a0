//! What sessions did besides asking: events, and which session or agent came from which.

use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::names::name_id;
use super::remainder::{self, Touched};
use crate::model::{CostState, Event, EventKind, Fork, fnv1a};

/// As in `event.kind`.
pub(super) const KINDS: [EventKind; 5] = [
    EventKind::Compaction,
    EventKind::Retry,
    EventKind::ApiError,
    EventKind::Interruption,
    EventKind::ModelFallback,
];

pub(super) fn stored(kind: EventKind) -> Option<i64> {
    KINDS.iter().zip(0..).find_map(|(known, n)| (*known == kind).then_some(n))
}

pub(super) fn remember_event(tx: &Transaction, event: &Event, claim_ms: i64) -> rusqlite::Result<()> {
    remember_event_of(tx, fnv1a(event.uuid.as_bytes()), event, claim_ms)
}

/// Of an event whose uuid is known by its hash alone.
pub(super) fn remember_event_of(
    tx: &Transaction,
    key: i64,
    event: &Event,
    claim_ms: i64,
) -> rusqlite::Result<()> {
    let Event { kind, at_ms, session, agent, detail, .. } = event;
    let (session, agent) = (name_id(tx, "session", "name", session)?, name_id(tx, "agent", "name", agent)?);
    tx.prepare_cached(
        "INSERT INTO event VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO UPDATE
            SET claim_ms = ?4, session_id = ?5, agent_id = ?6 WHERE ?4 < claim_ms",
    )?
    .execute(params![key, stored(*kind), at_ms, claim_ms, session, agent, detail])?;
    Ok(())
}

/// Returns the id of the session that is the fork.
pub(super) fn remember_fork(tx: &Transaction, fork: &Fork) -> rusqlite::Result<i64> {
    let (session, from) =
        (name_id(tx, "session", "name", &fork.session)?, name_id(tx, "session", "name", &fork.from)?);
    tx.prepare_cached("INSERT INTO fork VALUES (?1, ?2) ON CONFLICT DO NOTHING")?.execute([session, from])?;
    Ok(session)
}

/// Returns the session's id where it began otherwise than was known.
pub(super) fn remember_span(
    tx: &Transaction,
    session: &str,
    begun_ms: i64,
    ended_ms: i64,
) -> rusqlite::Result<Option<i64>> {
    let (known_ms, _) = known_span(tx, session)?;
    let session = name_id(tx, "session", "name", session)?;
    tx.prepare_cached(
        "UPDATE session SET begun_ms = min(ifnull(begun_ms, ?2), ?2), ended_ms = max(ifnull(ended_ms, ?3), ?3)
          WHERE id = ?1",
    )?
    .execute([session, begun_ms, ended_ms])?;
    Ok(known_ms.is_none_or(|known_ms| begun_ms < known_ms).then_some(session))
}

pub(super) fn known_span(tx: &Transaction, session: &str) -> rusqlite::Result<(Option<i64>, Option<i64>)> {
    let sql = "SELECT begun_ms, ended_ms FROM session WHERE name = ?1";
    let span = |row: &rusqlite::Row| Ok((row.get(0)?, row.get(1)?));
    Ok(tx.prepare_cached(sql)?.query_row([session], span).optional()?.unwrap_or_default())
}

pub(super) fn remember_parent(tx: &Transaction, agent: &str, parent: &str) -> rusqlite::Result<()> {
    let (agent, parent) = (name_id(tx, "agent", "name", agent)?, name_id(tx, "agent", "name", parent)?);
    tx.prepare_cached("UPDATE agent SET parent_id = ?2 WHERE id = ?1")?.execute([agent, parent])?;
    Ok(())
}

/// The events, forks, spans and agents' parents of another ledger.
#[derive(Default)]
pub(super) struct Facts {
    /// With the hash of the uuid, and the claim.
    events: Vec<(i64, Event<'static>, i64)>,
    forks: Vec<Fork<'static>>,
    spans: Vec<(String, i64, i64)>,
    parents: Vec<(String, String)>,
    /// With their times.
    states: Vec<(CostState, i64)>,
}

impl Facts {
    pub(super) fn read(from: &Connection) -> rusqlite::Result<Self> {
        let mut facts = Self::default();
        let mut find = from.prepare(
            "SELECT event_key, kind, at_ms, claim_ms, session.name, agent.name, detail FROM event
               JOIN session ON session.id = session_id JOIN agent ON agent.id = agent_id",
        )?;
        let mut rows = find.query([])?;
        while let Some(row) = rows.next()? {
            let Some(kind) = KINDS.get(usize::from(row.get::<_, u8>(1)?)) else { continue };
            let event = Event {
                uuid: "".into(),
                kind: *kind,
                at_ms: row.get(2)?,
                session: row.get::<_, String>(4)?.into(),
                agent: row.get::<_, String>(5)?.into(),
                detail: row.get::<_, String>(6)?.into(),
            };
            facts.events.push((row.get(0)?, event, row.get(3)?));
        }
        let mut find = from.prepare(
            "SELECT session.name, origin.name FROM fork JOIN session ON session.id = session_id
               JOIN session AS origin ON origin.id = from_id",
        )?;
        let mut rows = find.query([])?;
        while let Some(row) = rows.next()? {
            let (session, from): (String, String) = (row.get(0)?, row.get(1)?);
            facts.forks.push(Fork { session: session.into(), from: from.into() });
        }
        facts.spans = from
            .prepare("SELECT name, begun_ms, ended_ms FROM session WHERE begun_ms IS NOT NULL")?
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
            .collect::<rusqlite::Result<_>>()?;
        let sql =
            "SELECT agent.name, parent.name FROM agent JOIN agent AS parent ON parent.id = agent.parent_id";
        facts.parents = from
            .prepare(sql)?
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<rusqlite::Result<_>>()?;
        facts.states = remainder::all_states(from)?;
        Ok(facts)
    }

    pub(super) fn remember(&self, tx: &Transaction, touched: &mut Touched) -> rusqlite::Result<()> {
        for (key, event, claim_ms) in &self.events {
            remember_event_of(tx, *key, event, *claim_ms)?;
        }
        for fork in &self.forks {
            touched.wholly(remember_fork(tx, fork)?);
        }
        for (session, begun_ms, ended_ms) in &self.spans {
            remember_span(tx, session, *begun_ms, *ended_ms)?;
        }
        for (state, at_ms) in &self.states {
            touched.wholly(remainder::remember(tx, state, *at_ms)?);
        }
        self.parents.iter().try_for_each(|(agent, parent)| remember_parent(tx, agent, parent))
    }
}
