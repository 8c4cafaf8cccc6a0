//! Reading: what reports are made of.

use std::collections::HashMap;
use std::ops::Range;

use rusqlite::{Transaction, params};

use super::{Error, Ledger, Sums};
use crate::model::Tokens;
use crate::pricing::PriceList;

/// One sum of the rollup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    /// Time since the epoch, in units of [`QUARTER_MS`](super::QUARTER_MS).
    pub quarter: i64,
    pub origin: i64,
    pub terms: i64,
    /// 0 transcript, 1 otel.
    pub provenance: i64,
    pub is_priced: bool,
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
        let mut read = || {
            let mut find = self.db.prepare_cached(
                "SELECT quarter, origin_id, terms_id, provenance, is_priced, responses, input, output, cache_read,
                        cache_write_5m, cache_write_1h, web_searches, cost_picousd
                   FROM rollup WHERE quarter >= ?1 AND quarter < ?2",
            )?;
            let mut rows = find.query(params![quarters.start, quarters.end])?;
            while let Some(row) = rows.next()? {
                each(Cell {
                    quarter: row.get(0)?,
                    origin: row.get(1)?,
                    terms: row.get(2)?,
                    provenance: row.get(3)?,
                    is_priced: row.get(4)?,
                    sums: Sums {
                        responses: row.get(5)?,
                        tokens: Tokens {
                            input: row.get(6)?,
                            output: row.get(7)?,
                            cache_read: row.get(8)?,
                            cache_write_5m: row.get(9)?,
                            cache_write_1h: row.get(10)?,
                        },
                        web_searches: row.get(11)?,
                        cost_picousd: row.get(12)?,
                    },
                });
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
        let read = || {
            self.db
                .prepare_cached(dimension.sql())?
                .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect()
        };
        self.explained(read())
    }

    /// The id that a model is priced as, where that is not its own.
    pub fn priced_as(&self, model: &str) -> Option<&str> {
        PriceList::embedded().priced_as(model).filter(|id| *id != model)
    }

    /// The quarters of the first and the last response.
    pub fn span(&self) -> Result<Option<(i64, i64)>, Error> {
        let (first, last): (Option<i64>, Option<i64>) = self.explained(self.db.query_row(
            "SELECT (SELECT min(quarter) FROM rollup), (SELECT max(quarter) FROM rollup)",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        ))?;
        Ok(first.zip(last))
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
