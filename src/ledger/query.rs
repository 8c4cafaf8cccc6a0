//! Reading: what reports are made of.

use std::collections::HashMap;
use std::ops::Range;

use rusqlite::{Transaction, params};

use super::cells::{QUARTERS_OF_DAY, day_of, unpack};
use super::rollup::{Key, Sums};
use super::{Error, Ledger, damaged_value};

/// One sum of the rollup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    /// Time since the epoch, in units of [`QUARTER_MS`](super::QUARTER_MS).
    pub quarter: i64,
    pub origin: i64,
    pub terms: i64,
    /// 0 transcript, 1 otel.
    pub provenance: i64,
    /// There is a list price.
    pub is_priced: bool,
    /// The user's own prices say something of it.
    pub is_contracted: bool,
    pub sums: Sums,
}

/// Who asked, as ids of names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Origin {
    pub session: i64,
    pub project: i64,
    pub branch: i64,
    pub agent: i64,
    pub host: i64,
    pub account: i64,
}

/// Who answered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Terms {
    pub model: i64,
}

/// One state of the ledger, held.
pub struct Snapshot<'l>(#[expect(dead_code, reason = "it is there to be dropped")] Transaction<'l>);

/// A table of names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dimension {
    Session,
    Project,
    Model,
    Branch,
    Agent,
    Host,
    Account,
}

impl Dimension {
    fn sql(self) -> &'static str {
        match self {
            Self::Session => "SELECT id, name FROM session",
            Self::Project => "SELECT id, path FROM project",
            Self::Model => "SELECT id, name FROM model",
            Self::Branch => "SELECT id, name FROM branch",
            Self::Agent => "SELECT id, name FROM agent",
            Self::Host => "SELECT id, name FROM host",
            Self::Account => "SELECT id, config_dir FROM account",
        }
    }
}

impl Ledger {
    /// Until it is dropped, everything is read as it is now, whoever writes meanwhile.
    pub fn snapshot(&self) -> Result<Snapshot<'_>, Error> {
        self.explained(self.db.unchecked_transaction()).map(Snapshot)
    }

    /// The sums of a range of quarters, in the order of time.
    pub fn cells(&self, quarters: Range<i64>, mut each: impl FnMut(Cell)) -> Result<(), Error> {
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

    /// All origins, by id.
    pub fn origins(&self) -> Result<Vec<Origin>, Error> {
        let read = || {
            let mut projects: Vec<i64> = Vec::new();
            let mut find = self.db.prepare_cached("SELECT id, project_id FROM cwd")?;
            let mut rows = find.query([])?;
            while let Some(row) = rows.next()? {
                put(&mut projects, row.get(0)?, row.get(1)?);
            }
            let mut origins = Vec::new();
            let mut find = self.db.prepare_cached(
                "SELECT id, session_id, cwd_id, branch_id, agent_id, host_id, account_id FROM origin",
            )?;
            let mut rows = find.query([])?;
            while let Some(row) = rows.next()? {
                let cwd: i64 = row.get(2)?;
                let origin = Origin {
                    session: row.get(1)?,
                    project: usize::try_from(cwd)
                        .ok()
                        .and_then(|id| projects.get(id))
                        .copied()
                        .unwrap_or_default(),
                    branch: row.get(3)?,
                    agent: row.get(4)?,
                    host: row.get(5)?,
                    account: row.get(6)?,
                };
                put(&mut origins, row.get(0)?, origin);
            }
            Ok(origins)
        };
        self.explained(read())
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
        self.explained(self.names_of(dimension.sql()))
    }

    pub(super) fn names_of(&self, sql: &str) -> rusqlite::Result<HashMap<i64, String>> {
        self.db.prepare_cached(sql)?.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
    }

    /// The id that a model is priced as, where that is not its own.
    pub fn priced_as(&self, model: &str) -> Option<&str> {
        self.prices.priced_as(model).filter(|id| *id != model)
    }

    /// The quarters of the first and the last response.
    pub fn span(&self) -> Result<Option<(i64, i64)>, Error> {
        let ends = || {
            self.db.query_row("SELECT min(day), max(day) FROM rollup", [], |row| {
                Ok(row.get::<_, Option<i64>>(0)?.zip(row.get::<_, Option<i64>>(1)?))
            })
        };
        let Some((first, last)) = self.explained(ends())? else { return Ok(None) };
        let mut span = None;
        for day in [first, last] {
            self.cells(day * QUARTERS_OF_DAY..(day + 1) * QUARTERS_OF_DAY, |cell| {
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
fn put<T: Clone + Default>(table: &mut Vec<T>, id: i64, value: T) {
    let id = usize::try_from(id).unwrap_or_default();
    if table.len() <= id {
        table.resize(id + 1, T::default());
    }
    table[id] = value;
}
