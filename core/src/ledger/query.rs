//! Reading: what reports are made of.

use std::collections::HashMap;
use std::ops::Range;

use rusqlite::types::ValueRef;
use rusqlite::{Transaction, params};

use super::cells::{QUARTERS_OF_DAY, day_of, unpack};
use super::rollup::{Key, Sums};
use super::{Error, Ledger, REMAINDER, damaged_value};

/// One sum of the rollup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    /// Time since the epoch, in units of [`QUARTER_MS`](super::QUARTER_MS).
    pub quarter: i64,
    pub origin: i64,
    pub terms: i64,
    /// 0 transcript, 1 otel; [`REMAINDER`]: no response.
    pub provenance: i64,
    /// There is a list price.
    pub is_priced: bool,
    /// The user's own prices say something of it.
    pub is_contracted: bool,
    pub sums: Sums,
}

/// Who answered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Terms {
    pub model: i64,
}

/// One state of the ledger, held.
pub struct Snapshot<'l>(#[expect(dead_code, reason = "it is there to be dropped")] Transaction<'l>);

/// Something with names. The id of a name is its row's; of a text on the origins, the first origin's that has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dimension {
    Session,
    Project,
    Model,
    Branch,
    Agent,
    AgentType,
    Skill,
    McpServer,
    Host,
    Account,
    /// What telemetry says a request was for; empty: a transcript's response.
    QuerySource,
}

impl Dimension {
    /// Of `origin`.
    fn column(self) -> &'static str {
        match self {
            Self::Session => "session_id",
            // Whose project is looked up.
            Self::Project => "cwd_id",
            Self::Branch => "branch_id",
            Self::Agent => "agent_id",
            Self::AgentType => "agent_type",
            Self::Skill => "skill",
            Self::McpServer => "mcp_server",
            Self::Host => "host_id",
            Self::Account => "account_id",
            Self::QuerySource => "query_source",
            // Told by the terms.
            Self::Model => "0",
        }
    }

    fn names(self) -> &'static str {
        match self {
            Self::Session => "SELECT id, name FROM session",
            Self::Project => "SELECT id, path FROM project",
            Self::Model => "SELECT id, name FROM model",
            Self::Branch => "SELECT id, name FROM branch",
            Self::Agent => "SELECT id, name FROM agent",
            Self::AgentType => "SELECT min(id), agent_type FROM origin GROUP BY agent_type",
            Self::Skill => "SELECT min(id), skill FROM origin GROUP BY skill",
            Self::McpServer => "SELECT min(id), mcp_server FROM origin GROUP BY mcp_server",
            Self::Host => "SELECT id, name FROM host",
            Self::Account => "SELECT id, config_dir FROM account",
            Self::QuerySource => "SELECT min(id), query_source FROM origin GROUP BY query_source",
        }
    }
}

impl Ledger {
    /// Until it is dropped, everything is read as it is now, whoever writes meanwhile.
    pub fn snapshot(&self) -> Result<Snapshot<'_>, Error> {
        self.explained(self.db.unchecked_transaction()).map(Snapshot)
    }

    /// The sums of the responses of a range of quarters, in the order of time.
    pub fn cells(&self, quarters: Range<i64>, mut each: impl FnMut(Cell)) -> Result<(), Error> {
        self.all_cells(quarters, |cell| {
            if cell.provenance != REMAINDER {
                each(cell);
            }
        })
    }

    /// The same, and of what the client counted besides.
    pub fn all_cells(&self, quarters: Range<i64>, mut each: impl FnMut(Cell)) -> Result<(), Error> {
        let days = params![day_of(quarters.start), day_of(quarters.end.saturating_sub(1))];
        let mut read = || {
            let mut find =
                self.db.prepare_cached("SELECT day, cells FROM rollup WHERE day BETWEEN ?1 AND ?2")?;
            let mut rows = find.query(days)?;
            while let Some(row) = rows.next()? {
                let day = row.get(0)?;
                let is_whole = unpack(day, row.get_ref(1)?.as_blob()?, |key, sums| {
                    if quarters.contains(&key.quarter) {
                        each(Cell::of(key, sums));
                    }
                });
                if !is_whole {
                    return Err(damaged_value("rollup", day));
                }
            }
            Ok(())
        };
        self.explained(read())
    }

    /// What each origin is of some dimensions: its own id, and one of each; 0 for the model, which terms tell.
    ///
    /// Every report comes by here, so that only what is asked for is read.
    pub fn origins(&self, dimensions: &[Dimension], mut each: impl FnMut(i64, &[i64])) -> Result<(), Error> {
        let mut read = || {
            let projects =
                if dimensions.contains(&Dimension::Project) { self.projects_by_cwd()? } else { vec![] };
            let mut texts = vec![HashMap::<Vec<u8>, i64>::new(); dimensions.len()];
            let mut ids = vec![0; dimensions.len()];
            let columns: Vec<&str> =
                ["id"].into_iter().chain(dimensions.iter().map(|of| of.column())).collect();
            let sql = format!("SELECT {} FROM origin ORDER BY id", columns.join(", "));
            let mut find = self.db.prepare_cached(&sql)?;
            let mut rows = find.query([])?;
            while let Some(row) = rows.next()? {
                let origin = row.get(0)?;
                for (at, dimension) in dimensions.iter().enumerate() {
                    ids[at] = match row.get_ref(at + 1)? {
                        ValueRef::Text(text) => match texts[at].get(text) {
                            Some(first) => *first,
                            None => *texts[at].entry(text.to_vec()).or_insert(origin),
                        },
                        id if *dimension == Dimension::Project => {
                            let cwd = usize::try_from(id.as_i64()?).ok();
                            cwd.and_then(|cwd| projects.get(cwd)).copied().unwrap_or_default()
                        }
                        id => id.as_i64()?,
                    };
                }
                each(origin, &ids);
            }
            Ok(())
        };
        self.explained(read())
    }

    fn projects_by_cwd(&self) -> rusqlite::Result<Vec<i64>> {
        let mut projects = Vec::new();
        let mut find = self.db.prepare_cached("SELECT id, project_id FROM cwd")?;
        let mut rows = find.query([])?;
        while let Some(row) = rows.next()? {
            put(&mut projects, row.get(0)?, row.get(1)?);
        }
        Ok(projects)
    }

    /// All terms, by id.
    pub fn terms(&self) -> Result<Vec<Terms>, Error> {
        let read = || {
            let mut terms = Vec::new();
            let mut find = self.db.prepare_cached("SELECT id, model_id FROM terms")?;
            let mut rows = find.query([])?;
            while let Some(row) = rows.next()? {
                put(&mut terms, row.get(0)?, Terms { model: row.get(1)? });
            }
            Ok(terms)
        };
        self.explained(read())
    }

    pub fn names(&self, dimension: Dimension) -> Result<HashMap<i64, String>, Error> {
        self.explained(self.names_of(dimension.names()))
    }

    pub(super) fn names_of(&self, sql: &str) -> rusqlite::Result<HashMap<i64, String>> {
        self.db.prepare_cached(sql)?.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
    }

    /// The id that a model is priced as, where that is not its own.
    pub fn priced_as(&self, model: &str) -> Option<&str> {
        self.prices().priced_as(model).filter(|id| *id != model)
    }

    /// The quarters of the first and the last thing that was counted.
    pub fn span(&self) -> Result<Option<(i64, i64)>, Error> {
        let ends = || {
            self.db.query_row("SELECT min(day), max(day) FROM rollup", [], |row| {
                Ok(row.get::<_, Option<i64>>(0)?.zip(row.get::<_, Option<i64>>(1)?))
            })
        };
        let Some((first, last)) = self.explained(ends())? else { return Ok(None) };
        let mut span = None;
        for day in [first, last] {
            self.all_cells(day * QUARTERS_OF_DAY..(day + 1) * QUARTERS_OF_DAY, |cell| {
                let (first, last) = span.unwrap_or((cell.quarter, cell.quarter));
                span = Some((cell.quarter.min(first), cell.quarter.max(last)));
            })?;
        }
        Ok(span)
    }
}

impl Cell {
    fn of(key: Key, sums: Sums) -> Self {
        let Key { quarter, origin, terms, provenance, is_priced, is_contracted } = key;
        Self { quarter, origin, terms, provenance, is_priced, is_contracted, sums }
    }
}

/// Ids are small and dense: a table by id is an array.
pub(super) fn put<T: Clone + Default>(table: &mut Vec<T>, id: i64, value: T) {
    let id = usize::try_from(id).unwrap_or_default();
    if table.len() <= id {
        table.resize(id + 1, T::default());
    }
    table[id] = value;
}
