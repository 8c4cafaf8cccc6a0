//! Reading one session: its responses, and what else happened in it.
//!
//! Origins know between which rows their responses lie. Where these runs overlap, rows are gone through once.

use std::collections::{HashMap, HashSet};
use std::ops::RangeInclusive;

use rusqlite::{OptionalExtension, Row, params};

use super::calls;
use super::names::Names;
use super::row::flag;
use super::sessions::{KINDS, stored};
use super::told::{COLUMNS, Told, WIDTH, told};
use super::{Dimension, Error, Ledger};
use crate::model::{EventKind, ToolOutcome};

/// Who asked, of some of a session's responses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SessionOrigin {
    pub id: i64,
    /// Empty: the main loop.
    pub agent: String,
    /// Empty: not known.
    pub agent_type: String,
    pub project: String,
    pub branch: String,
    pub account: String,
    pub host: String,
    /// Rows between which its responses lie, and others' may.
    rows: Option<(i64, i64)>,
}

/// A response of a session, or an extra attempt behind one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionResponse<'s> {
    pub told: Told,
    pub origin: &'s SessionOrigin,
    pub model: &'s str,
    /// The version of the prices that gave its cost.
    pub price_list: &'s str,
    /// Names of the tools it called, and how that ended; none: not known.
    pub calls: Vec<(&'s str, Option<ToolOutcome>)>,
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

/// What tells a session from others at a glance.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SessionGlance {
    pub name: String,
    /// First and last time on its own lines, milliseconds since the epoch, as all below.
    pub begun_ms: Option<i64>,
    pub ended_ms: Option<i64>,
    /// Of its first and its last response.
    pub first_answer_ms: Option<i64>,
    pub last_answer_ms: Option<i64>,
    pub is_fork: bool,
    pub is_interrupted: bool,
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

    /// The origins of a session, also those that have lost their responses to others.
    pub fn session_origins(&self, session: i64) -> Result<Vec<SessionOrigin>, Error> {
        let read = || {
            let mut find = self.db.prepare_cached(
                "SELECT origin.id, ifnull(agent.name, ''), agent_type, ifnull(project.path, ''),
                        ifnull(branch.name, ''), ifnull(config_dir, ''), ifnull(host.name, ''),
                        first_response, last_response
                   FROM origin LEFT JOIN agent ON agent.id = agent_id LEFT JOIN cwd ON cwd.id = cwd_id
                   LEFT JOIN project ON project.id = project_id LEFT JOIN branch ON branch.id = branch_id
                   LEFT JOIN account ON account.id = account_id LEFT JOIN host ON host.id = host_id
                  WHERE session_id = ?1 ORDER BY origin.id",
            )?;
            let origin = |row: &Row| {
                let (first, last): (Option<i64>, Option<i64>) = (row.get(7)?, row.get(8)?);
                Ok(SessionOrigin {
                    id: row.get(0)?,
                    agent: row.get(1)?,
                    agent_type: row.get(2)?,
                    project: row.get(3)?,
                    branch: row.get(4)?,
                    account: row.get(5)?,
                    host: row.get(6)?,
                    rows: first.zip(last),
                })
            };
            find.query_map([session], origin)?.collect()
        };
        self.explained(read())
    }

    pub fn session_glance(&self, session: i64, origins: &[SessionOrigin]) -> Result<SessionGlance, Error> {
        let read = || {
            let mut find = self.db.prepare_cached(
                "SELECT name, begun_ms, ended_ms, EXISTS (SELECT 1 FROM fork WHERE session_id = ?1),
                        EXISTS (SELECT 1 FROM event WHERE session_id = ?1 AND kind = ?2)
                   FROM session WHERE id = ?1",
            )?;
            let interruption = stored(EventKind::Interruption);
            let told = find.query_row(params![session, interruption], |row| {
                Ok(SessionGlance {
                    name: row.get(0)?,
                    begun_ms: row.get(1)?,
                    ended_ms: row.get(2)?,
                    is_fork: row.get(3)?,
                    is_interrupted: row.get(4)?,
                    ..SessionGlance::default()
                })
            });
            let mut glance = told.optional()?.unwrap_or_default();
            let mut find = self.db.prepare_cached(&format!(
                "SELECT min(at_ms), max(at_ms) FROM response WHERE id BETWEEN ?1 AND ?2 AND flags & {} = 0
                    AND origin_id IN (SELECT id FROM origin WHERE session_id = ?3)",
                flag::COPY
            ))?;
            for rows in runs(rows_of(origins)) {
                let ends = params![rows.start(), rows.end(), session];
                let (first, last): (Option<i64>, Option<i64>) =
                    find.query_row(ends, |row| Ok((row.get(0)?, row.get(1)?)))?;
                glance.first_answer_ms = [glance.first_answer_ms, first].into_iter().flatten().min();
                glance.last_answer_ms = glance.last_answer_ms.max(last);
            }
            Ok(glance)
        };
        self.explained(read())
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
            "SELECT kind, at_ms, agent.name, detail FROM
               (SELECT kind, at_ms, agent_id, detail, event_key FROM event WHERE session_id = ?1
                 UNION ALL
                SELECT kind, at_ms, agent_id, detail, event_key
                  FROM session CROSS JOIN telemetry_event ON session_id = session.id
                 WHERE session.id = ?1 AND begun_ms IS NULL)
               JOIN agent ON agent.id = agent_id ORDER BY at_ms, event_key",
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
        origins: &[SessionOrigin],
        mut each: impl FnMut(&SessionResponse),
    ) -> Result<(), Error> {
        let (terms, models) = (self.terms()?, self.names(Dimension::Model)?);
        let (price_lists, mut seen) = (self.price_lists()?, Names::default());
        let by_id: HashMap<i64, &SessionOrigin> = origins.iter().map(|origin| (origin.id, origin)).collect();
        let mut read = || {
            let tools = self.names_of("SELECT id, name FROM tool")?;
            let mut find = self.db.prepare_cached(&format!(
                "SELECT {COLUMNS}, tools FROM response WHERE id BETWEEN ?1 AND ?2 AND flags & {} = 0
                    AND origin_id IN (SELECT id FROM origin WHERE session_id = ?3)",
                flag::COPY
            ))?;
            for run in runs(rows_of(origins)) {
                let mut rows = find.query(params![run.start(), run.end(), session])?;
                while let Some(row) = rows.next()? {
                    let mut told = told(row, &terms)?;
                    let Some(origin) = by_id.get(&told.cell.origin) else { continue };
                    let calls = row.get_ref(WIDTH)?.as_blob_or_null()?.map(calls::unpack).unwrap_or_default();
                    let extras = self.extras(&mut seen, row.get(0)?, &mut told)?;
                    let mut response = SessionResponse {
                        told,
                        origin,
                        model: name(&models, told.model),
                        price_list: name(&price_lists, told.price_list),
                        calls: calls.iter().map(|call| (name(&tools, call.tool), call.outcome)).collect(),
                    };
                    each(&response);
                    response.calls = vec![];
                    for extra in extras {
                        (response.told, response.model) = (extra, name(&models, extra.model));
                        each(&response);
                    }
                }
            }
            Ok(())
        };
        self.explained(read())
    }

    /// Tells of the responses of some sessions that count, each followed by its extra attempts.
    pub fn responses_of(
        &self,
        sessions: &HashSet<i64>,
        mut each: impl FnMut(i64, &Told),
    ) -> Result<(), Error> {
        let (terms, mut seen) = (self.terms()?, Names::default());
        let mut read = || {
            let (mut session_of, mut rows_of) = (HashMap::new(), Vec::new());
            let mut find =
                self.db.prepare_cached("SELECT id, session_id, first_response, last_response FROM origin")?;
            let mut rows = find.query([])?;
            while let Some(row) = rows.next()? {
                let session = row.get(1)?;
                if sessions.contains(&session) {
                    session_of.insert(row.get::<_, i64>(0)?, session);
                    rows_of.extend(row.get::<_, Option<i64>>(2)?.zip(row.get(3)?));
                }
            }
            let mut find = self.db.prepare_cached(&format!(
                "SELECT {COLUMNS} FROM response WHERE id BETWEEN ?1 AND ?2 AND flags & {} = 0",
                flag::COPY
            ))?;
            for run in runs(rows_of) {
                let mut rows = find.query(params![run.start(), run.end()])?;
                while let Some(row) = rows.next()? {
                    let Some(session) = session_of.get(&row.get::<_, i64>(2)?) else { continue };
                    let mut told = told(row, &terms)?;
                    let extras = self.extras(&mut seen, row.get(0)?, &mut told)?;
                    each(*session, &told);
                    for extra in &extras {
                        each(*session, extra);
                    }
                }
            }
            Ok(())
        };
        self.explained(read())
    }

    /// Versions of prices, by id.
    pub fn price_lists(&self) -> Result<HashMap<i64, String>, Error> {
        self.explained(self.names_of("SELECT id, version FROM price_list"))
    }
}

fn rows_of(origins: &[SessionOrigin]) -> Vec<(i64, i64)> {
    origins.iter().filter_map(|origin| origin.rows).collect()
}

fn name(names: &HashMap<i64, String>, id: i64) -> &str {
    names.get(&id).map_or("", String::as_str)
}

/// The rows of several origins, as runs that do not overlap.
pub(super) fn runs(mut rows: Vec<(i64, i64)>) -> Vec<RangeInclusive<i64>> {
    rows.sort_unstable();
    let mut runs: Vec<RangeInclusive<i64>> = Vec::new();
    for (first, last) in rows {
        match runs.last_mut() {
            Some(run) if first <= *run.end() => *run = *run.start()..=last.max(*run.end()),
            _ => runs.push(first..=last),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::runs;

    #[test]
    fn rows_of_several_origins_are_gone_through_once() {
        assert_eq!(runs(vec![]), []);
        assert_eq!(runs(vec![(7, 9), (1, 4), (3, 5), (2, 2)]), [1..=5, 7..=9]);
        assert_eq!(runs(vec![(1, 9), (2, 3), (9, 12)]), [1..=12]);
    }
}
