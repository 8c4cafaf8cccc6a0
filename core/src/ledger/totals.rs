//! What the agent tells besides sums: tool calls, events, sessions and agents, each counted.

use rusqlite::Row;

use super::calls::outcome;
use super::sessions::KINDS;
use super::{Error, Ledger};
use crate::model::{EventKind, ToolOutcome};

/// Calls of a tool that ended in one way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolCalls {
    pub tool: String,
    /// None: not known yet.
    pub outcome: Option<ToolOutcome>,
    pub calls: i64,
}

/// How many sessions there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sessions {
    pub all: i64,
    /// Of them, those that began with a copy of another's history.
    pub forks: i64,
    /// And those others that a client began when it left another, as telemetry tells.
    pub clears: i64,
}

impl Ledger {
    pub fn tool_calls(&self) -> Result<Vec<ToolCalls>, Error> {
        let calls = |row: &Row| {
            Ok(ToolCalls { tool: row.get(0)?, outcome: outcome(row.get(1)?), calls: row.get(2)? })
        };
        let read = || {
            self.db
                .prepare_cached(
                    "SELECT name, outcome, sum(calls) FROM
                       (SELECT tool_id, outcome, calls FROM tool_calls
                         UNION ALL
                        SELECT tool_id, CASE is_ok WHEN 0 THEN 2 ELSE 1 END, 1
                          FROM session CROSS JOIN tool_run ON session_id = session.id WHERE begun_ms IS NULL)
                       JOIN tool ON tool.id = tool_id GROUP BY 1, 2 ORDER BY 1, 2",
                )?
                .query_map([], calls)?
                .collect()
        };
        self.explained(read())
    }

    /// Events by kind and detail.
    pub fn event_counts(&self) -> Result<Vec<(EventKind, String, i64)>, Error> {
        let read = || {
            let mut find = self.db.prepare_cached(
                "SELECT kind, detail, sum(times) FROM
                   (SELECT kind, detail, count(*) AS times FROM event GROUP BY 1, 2
                     UNION ALL
                    SELECT kind, detail, 1
                      FROM session CROSS JOIN telemetry_event ON session_id = session.id WHERE begun_ms IS NULL)
                  GROUP BY 1, 2",
            )?;
            let mut rows = find.query([])?;
            let mut counts = Vec::new();
            while let Some(row) = rows.next()? {
                if let Some(kind) = KINDS.get(usize::from(row.get::<_, u8>(0)?)) {
                    counts.push((*kind, row.get(1)?, row.get(2)?));
                }
            }
            Ok(counts)
        };
        self.explained(read())
    }

    /// Runs of subagents, by the type of the agent.
    pub fn subagents(&self) -> Result<Vec<(String, i64)>, Error> {
        self.counts(
            "SELECT agent_type, count(DISTINCT agent_id) FROM origin JOIN agent ON agent.id = agent_id
              WHERE agent.name != '' GROUP BY 1",
        )
    }

    /// When the last response came, milliseconds since the epoch.
    pub fn last_answer_ms(&self) -> Result<Option<i64>, Error> {
        self.explained(self.db.query_row("SELECT max(at_ms) FROM response", [], |row| row.get(0)))
    }

    pub fn session_counts(&self) -> Result<Sessions, Error> {
        let sql = "WITH began AS (SELECT session_id, detail FROM telemetry_sum WHERE measure = 0),
                        forked AS (SELECT session_id FROM fork
                                    UNION SELECT session_id FROM began WHERE detail = 'fork')
                   SELECT (SELECT count(*) FROM session), (SELECT count(*) FROM forked),
                          (SELECT count(DISTINCT session_id) FROM began
                            WHERE detail = 'clear' AND session_id NOT IN forked)";
        let read = || {
            self.db.prepare_cached(sql)?.query_row([], |row| {
                Ok(Sessions { all: row.get(0)?, forks: row.get(1)?, clears: row.get(2)? })
            })
        };
        self.explained(read())
    }

    fn counts(&self, sql: &str) -> Result<Vec<(String, i64)>, Error> {
        let read =
            || self.db.prepare_cached(sql)?.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect();
        self.explained(read())
    }
}
