//! What sessions did besides asking: events, and which session or agent came from which.

use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::calls::{self, Call};
use super::names::name_id;
use super::responses::tokens_at;
use super::row::flag;
use super::{Error, Ledger};
use crate::model::{Event, EventKind, Fork, Tokens, ToolOutcome, fnv1a};

/// As in `event.kind`.
pub(super) const KINDS: [EventKind; 5] = [
    EventKind::Compaction,
    EventKind::Retry,
    EventKind::ApiError,
    EventKind::Interruption,
    EventKind::ModelFallback,
];

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
    let kind = KINDS.iter().zip(0_i64..).find_map(|(known, n)| (known == kind).then_some(n));
    let (session, agent) = (name_id(tx, "session", "name", session)?, name_id(tx, "agent", "name", agent)?);
    tx.prepare_cached(
        "INSERT INTO event VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO UPDATE
            SET claim_ms = ?4, session_id = ?5, agent_id = ?6 WHERE ?4 < claim_ms",
    )?
    .execute(params![key, kind, at_ms, claim_ms, session, agent, detail])?;
    Ok(())
}

pub(super) fn remember_fork(tx: &Transaction, fork: &Fork) -> rusqlite::Result<()> {
    let (session, from) =
        (name_id(tx, "session", "name", &fork.session)?, name_id(tx, "session", "name", &fork.from)?);
    tx.prepare_cached("INSERT INTO fork VALUES (?1, ?2) ON CONFLICT DO NOTHING")?.execute([session, from])?;
    Ok(())
}

pub(super) fn remember_span(
    tx: &Transaction,
    session: &str,
    begun_ms: i64,
    ended_ms: i64,
) -> rusqlite::Result<()> {
    let session = name_id(tx, "session", "name", session)?;
    tx.prepare_cached(
        "UPDATE session SET begun_ms = min(ifnull(begun_ms, ?2), ?2), ended_ms = max(ifnull(ended_ms, ?3), ?3)
          WHERE id = ?1",
    )?
    .execute([session, begun_ms, ended_ms])?;
    Ok(())
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
        Ok(facts)
    }

    pub(super) fn remember(&self, tx: &Transaction) -> rusqlite::Result<()> {
        for (key, event, claim_ms) in &self.events {
            remember_event_of(tx, *key, event, *claim_ms)?;
        }
        self.forks.iter().try_for_each(|fork| remember_fork(tx, fork))?;
        for (session, begun_ms, ended_ms) in &self.spans {
            remember_span(tx, session, *begun_ms, *ended_ms)?;
        }
        self.parents.iter().try_for_each(|(agent, parent)| remember_parent(tx, agent, parent))
    }
}

/// What the ledger knows of one session beyond its responses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SessionFacts {
    /// First and last time on its own lines, milliseconds since the epoch.
    pub begun_ms: Option<i64>,
    pub ended_ms: Option<i64>,
    /// Sessions whose history it began with, and those that began with its.
    pub forked_from: Vec<String>,
    pub forks: Vec<String>,
    /// In the order of time.
    pub events: Vec<SessionEvent>,
    /// Of its agents, the agent that started each; empty: the main loop. Not all are known.
    pub parents: Vec<(String, String)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionEvent {
    pub kind: EventKind,
    pub at_ms: i64,
    pub agent: String,
    pub detail: String,
}

/// One response of a session, or an extra attempt behind one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionResponse {
    /// False for an extra attempt.
    pub is_response: bool,
    pub at_ms: i64,
    pub agent: String,
    pub agent_type: String,
    pub project: String,
    pub branch: String,
    pub account: String,
    pub host: String,
    pub model: String,
    pub tokens: Tokens,
    pub web_searches: i64,
    /// None: no price known.
    pub cost_picousd: Option<i64>,
    /// By the user's own prices; none: these say nothing of it.
    pub contract_picousd: Option<i64>,
    /// Of the ledger and of the price list alike.
    pub flags: i64,
    /// Names of the tools it called, and how that ended; none: not known.
    pub calls: Vec<(String, Option<ToolOutcome>)>,
}

impl Ledger {
    /// The sessions whose ids begin so, by id and name.
    pub fn sessions_named(&self, beginning: &str) -> Result<Vec<(i64, String)>, Error> {
        let find = || {
            self.db
                .prepare_cached(
                    "SELECT id, name FROM session WHERE substr(name, 1, length(?1)) = ?1 ORDER BY name",
                )?
                .query_map([beginning], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect()
        };
        self.explained(find())
    }

    pub fn session_facts(&self, session: i64) -> Result<SessionFacts, Error> {
        let read = || {
            let (begun_ms, ended_ms) = self.db.query_row(
                "SELECT begun_ms, ended_ms FROM session WHERE id = ?1",
                [session],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )?;
            let names = |sql| -> rusqlite::Result<Vec<String>> {
                self.db.prepare_cached(sql)?.query_map([session], |row| row.get(0))?.collect()
            };
            Ok(SessionFacts {
                begun_ms,
                ended_ms,
                forked_from: names(
                    "SELECT name FROM fork JOIN session ON session.id = from_id WHERE session_id = ?1 ORDER BY name",
                )?,
                forks: names(
                    "SELECT name FROM fork JOIN session ON session.id = session_id WHERE from_id = ?1 ORDER BY name",
                )?,
                events: self.events(session)?,
                parents: self
                    .db
                    .prepare_cached(
                        "SELECT DISTINCT agent.name, parent.name FROM origin JOIN agent ON agent.id = agent_id
                           JOIN agent AS parent ON parent.id = agent.parent_id WHERE session_id = ?1",
                    )?
                    .query_map([session], |row| Ok((row.get(0)?, row.get(1)?)))?
                    .collect::<rusqlite::Result<_>>()?,
            })
        };
        self.explained(read())
    }

    fn events(&self, session: i64) -> rusqlite::Result<Vec<SessionEvent>> {
        let mut find = self.db.prepare_cached(
            "SELECT kind, at_ms, agent.name, detail FROM event JOIN agent ON agent.id = agent_id
              WHERE session_id = ?1 ORDER BY at_ms, event_key",
        )?;
        let mut rows = find.query([session])?;
        let mut events = Vec::new();
        while let Some(row) = rows.next()? {
            if let Some(kind) = KINDS.get(usize::from(row.get::<_, u8>(0)?)) {
                let (at_ms, agent, detail) = (row.get(1)?, row.get(2)?, row.get(3)?);
                events.push(SessionEvent { kind: *kind, at_ms, agent, detail });
            }
        }
        Ok(events)
    }

    /// Tells of the responses of a session that count, each followed by its extra attempts.
    pub fn session_responses(
        &self,
        session: i64,
        mut each: impl FnMut(SessionResponse),
    ) -> Result<(), Error> {
        let mut read = || {
            let tools = self.names_of("SELECT id, name FROM tool")?;
            let mut find = self.db.prepare_cached(
                "SELECT response.id, at_ms, agent.name, agent_type, project.path, branch.name, config_dir, host.name,
                        model.name, input, output, cache_read, cache_write_5m, cache_write_1h, web_searches,
                        cost_picousd, contract_picousd, flags, tools
                   FROM origin
                   JOIN response ON response.id BETWEEN first_response AND last_response AND origin_id = origin.id
                   JOIN agent ON agent.id = agent_id JOIN cwd ON cwd.id = cwd_id
                   JOIN project ON project.id = project_id JOIN branch ON branch.id = branch_id
                   JOIN account ON account.id = account_id JOIN host ON host.id = host_id
                   JOIN terms ON terms.id = terms_id JOIN model ON model.id = model_id
                  WHERE session_id = ?1",
            )?;
            let mut rows = find.query([session])?;
            while let Some(row) = rows.next()? {
                let flags: i64 = row.get(17)?;
                if flags & flag::COPY != 0 {
                    continue;
                }
                let calls = row.get_ref(18)?.as_blob_or_null()?.map(calls::unpack).unwrap_or_default();
                let name = |call: &Call| tools.get(&call.tool).cloned().unwrap_or_default();
                let response = SessionResponse {
                    is_response: true,
                    at_ms: row.get(1)?,
                    agent: row.get(2)?,
                    agent_type: row.get(3)?,
                    project: row.get(4)?,
                    branch: row.get(5)?,
                    account: row.get(6)?,
                    host: row.get(7)?,
                    model: row.get(8)?,
                    tokens: tokens_at(row, 9)?,
                    web_searches: row.get(14)?,
                    cost_picousd: row.get(15)?,
                    contract_picousd: row.get(16)?,
                    flags,
                    calls: calls.iter().map(|call| (name(call), call.outcome)).collect(),
                };
                let extras =
                    if flags & flag::ATTEMPTS == 0 { vec![] } else { self.extras(row.get(0)?, &response)? };
                each(response);
                extras.into_iter().for_each(&mut each);
            }
            Ok(())
        };
        self.explained(read())
    }

    fn extras(&self, response: i64, of: &SessionResponse) -> rusqlite::Result<Vec<SessionResponse>> {
        self.db
            .prepare_cached(
                "SELECT model.name, input, output, cache_read, cache_write_5m, cache_write_1h, cost_picousd,
                        contract_picousd
                   FROM attempt LEFT JOIN model ON model.id = model_id
                  WHERE response_id = ?1 AND is_extra ORDER BY n",
            )?
            .query_map([response], |row| {
                let model: Option<String> = row.get(0)?;
                Ok(SessionResponse {
                    is_response: false,
                    model: model.unwrap_or_else(|| of.model.clone()),
                    tokens: tokens_at(row, 1)?,
                    web_searches: 0,
                    cost_picousd: row.get(6)?,
                    contract_picousd: row.get(7)?,
                    calls: vec![],
                    ..of.clone()
                })
            })?
            .collect()
    }
}
