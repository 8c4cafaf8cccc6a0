//! Ids of what stands on many rows: one small number each for who asked (origin) and on which terms it was answered.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::state;
use crate::model::{Response, fnv1a};
use crate::pricing::{Model, Prices};

/// Who reads: part of the origin of every response of one config dir.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reader {
    pub host: String,
    /// The Claude config dir, which stands for the account that uses it.
    pub config_dir: String,
}

/// What decides the price, by id.
pub(super) struct Terms {
    /// The model's, verbatim.
    pub(super) name: String,
    pub(super) model: Model<'static>,
    pub(super) speed: String,
    pub(super) inference_geo: String,
    pub(super) service_tier: String,
}

/// Caches over the tables. Rows are only ever added, so that a cached id stays right whoever else writes.
#[derive(Default)]
pub(super) struct Names {
    /// Of the ledger that the ids are of.
    epoch: Option<i64>,
    origins: HashMap<Vec<u8>, Origin>,
    terms: HashMap<Vec<u8>, TermsId>,
    tools: HashMap<String, i64>,
    terms_by_id: HashMap<i64, Terms>,
    /// Reused for the keys of lookups.
    key: Vec<u8>,
}

#[derive(Clone, Copy)]
pub(super) struct TermsId {
    pub(super) id: i64,
    /// Of the text.
    pub(super) hash: i64,
}

#[derive(Clone, Copy)]
pub(super) struct Origin {
    pub(super) id: i64,
    pub(super) session: i64,
}

impl Names {
    /// Begins a transaction. Forgets all where the last one left no trace, or where the ledger's contents have been
    /// replaced since.
    pub(super) fn begin(&mut self, tx: &Transaction, is_lost: bool) -> rusqlite::Result<()> {
        let epoch = state::get(tx, state::EPOCH)?;
        if is_lost || epoch != self.epoch {
            *self = Self { epoch, ..Self::default() };
        }
        Ok(())
    }

    pub(super) fn origin(
        &mut self,
        tx: &Transaction,
        reader: &Reader,
        response: &Response,
        query_source: &str,
        project_of: &mut dyn FnMut(&str) -> String,
    ) -> rusqlite::Result<Origin> {
        let Response { session, agent, cwd, branch, agent_type, skill, mcp_server, mcp_tool, .. } = response;
        self.key.clear();
        let parts = [session, agent, cwd, branch, agent_type, skill, mcp_server, mcp_tool];
        for part in parts.iter().map(|part| &***part).chain([query_source, &*reader.host]) {
            self.key.extend_from_slice(part.as_bytes());
            self.key.push(0);
        }
        self.key.extend_from_slice(reader.config_dir.as_bytes());
        if let Some(origin) = self.origins.get(&self.key) {
            return Ok(*origin);
        }
        let session = name_id(tx, "session", "name", session)?;
        let ids = params![
            session,
            name_id(tx, "agent", "name", agent)?,
            cwd_id(tx, cwd, project_of)?,
            name_id(tx, "branch", "name", branch)?,
            name_id(tx, "host", "name", &reader.host)?,
            name_id(tx, "account", "config_dir", &reader.config_dir)?,
            agent_type,
            skill,
            mcp_server,
            mcp_tool,
            query_source
        ];
        let id = find_or_add(
            tx,
            "SELECT id FROM origin WHERE session_id = ?1 AND agent_id = ?2 AND cwd_id = ?3 AND branch_id = ?4
                AND host_id = ?5 AND account_id = ?6 AND agent_type = ?7 AND skill = ?8 AND mcp_server = ?9
                AND mcp_tool = ?10 AND query_source = ?11",
            "INSERT INTO origin (session_id, agent_id, cwd_id, branch_id, host_id, account_id,
                                 agent_type, skill, mcp_server, mcp_tool, query_source)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            ids,
        )?;
        let origin = Origin { id, session };
        self.origins.insert(self.key.clone(), origin);
        Ok(origin)
    }

    /// `requested_model` is empty for an attempt that no request named.
    pub(super) fn terms(
        &mut self,
        tx: &Transaction,
        model: &str,
        requested_model: &str,
        speed: &str,
        inference_geo: &str,
        service_tier: &str,
    ) -> rusqlite::Result<TermsId> {
        self.key.clear();
        for part in [model, requested_model, speed, inference_geo, service_tier] {
            self.key.extend_from_slice(part.as_bytes());
            self.key.push(0);
        }
        if let Some(terms) = self.terms.get(&self.key) {
            return Ok(*terms);
        }
        let model = name_id(tx, "model", "name", model)?;
        let id = find_or_add(
            tx,
            "SELECT id FROM terms WHERE model_id = ?1 AND requested_model = ?2 AND speed = ?3
                AND inference_geo = ?4 AND service_tier = ?5",
            "INSERT INTO terms (model_id, requested_model, speed, inference_geo, service_tier)
             VALUES (?1, ?2, ?3, ?4, ?5)",
            params![model, requested_model, speed, inference_geo, service_tier],
        )?;
        let terms = TermsId { id, hash: fnv1a(&self.key) };
        self.terms.insert(self.key.clone(), terms);
        Ok(terms)
    }

    pub(super) fn tool(&mut self, tx: &Transaction, name: &str) -> rusqlite::Result<i64> {
        if let Some(id) = self.tools.get(name) {
            return Ok(*id);
        }
        let id = name_id(tx, "tool", "name", name)?;
        self.tools.insert(name.into(), id);
        Ok(id)
    }

    /// What terms of an id are.
    pub(super) fn terms_by_id(
        &mut self,
        db: &Connection,
        prices: &'static Prices,
        id: i64,
    ) -> rusqlite::Result<&Terms> {
        if let Entry::Vacant(vacant) = self.terms_by_id.entry(id) {
            let sql = "SELECT model.name, speed, inference_geo, service_tier
                         FROM terms JOIN model ON model.id = model_id WHERE terms.id = ?1";
            let terms = db.prepare_cached(sql)?.query_row([id], |row| {
                Ok(Terms {
                    name: row.get(0)?,
                    model: prices.resolve(row.get_ref(0)?.as_str()?),
                    speed: row.get(1)?,
                    inference_geo: row.get(2)?,
                    service_tier: row.get(3)?,
                })
            })?;
            vacant.insert(terms);
        }
        Ok(&self.terms_by_id[&id])
    }
}

/// The id of `value` in a table of names, which gains it if need be.
pub(super) fn name_id(tx: &Transaction, table: &str, column: &str, value: &str) -> rusqlite::Result<i64> {
    find_or_add(
        tx,
        &format!("SELECT id FROM {table} WHERE {column} = ?1"),
        &format!("INSERT INTO {table} ({column}) VALUES (?1)"),
        [value],
    )
}

/// A directory's project is looked up once, when it is first seen: a repository that is removed later keeps its past.
pub(super) fn cwd_id(
    tx: &Transaction,
    cwd: &str,
    project_of: &mut dyn FnMut(&str) -> String,
) -> rusqlite::Result<i64> {
    let known = tx
        .prepare_cached("SELECT id FROM cwd WHERE path = ?1")?
        .query_row([cwd], |row| row.get(0))
        .optional()?;
    if let Some(id) = known {
        return Ok(id);
    }
    let project = name_id(tx, "project", "path", &project_of(cwd))?;
    tx.execute("INSERT INTO cwd (path, project_id) VALUES (?1, ?2)", params![cwd, project])?;
    Ok(tx.last_insert_rowid())
}

pub(super) fn find_or_add(
    tx: &Transaction,
    find: &str,
    add: &str,
    values: impl rusqlite::Params + Copy,
) -> rusqlite::Result<i64> {
    match tx.prepare_cached(find)?.query_row(values, |row| row.get(0)).optional()? {
        Some(id) => Ok(id),
        None => tx.prepare_cached(add)?.insert(values),
    }
}
