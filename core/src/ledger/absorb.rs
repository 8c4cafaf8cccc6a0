//! Takes in what another ledger file knows: a backup, or what can still be read of a damaged one.
//!
//! Any format may be read, so what later ones brought is asked for first. Where a page is damaged, reading goes on
//! behind it.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use rusqlite::{Connection, OpenFlags, Row};

use super::calls::{self, Call};
use super::names::Reader;
use super::responses::{attempt_kind, tokens_at};
use super::row::flag;
use super::{Error, Ledger, explain, is_of_the_file};
use crate::model::{Attempt, Response, Tokens};

/// Responses held in memory at a time.
const CHUNK: usize = 20_000;

/// Ids are handed out one by one, so that no sound ledger has one beyond it.
const MAX_ID: i64 = 1 << 40;

/// What was taken from another ledger.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Absorbed {
    /// Rows that could be read.
    pub read: i64,
    /// How many responses more are counted than before.
    pub added: i64,
    /// Some of the file could not be read.
    pub is_damaged: bool,
}

impl Ledger {
    /// Takes in the responses of the ledger at `from` that this one lacks. Those that it has are left alone: what a
    /// damaged file says of them is worth less. A response of the same instant and tokens is had, too: in a damaged
    /// file, its id may be another.
    pub fn absorb(&mut self, from: &Path) -> Result<Absorbed, Error> {
        let explained = |source| explain(from, source);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let other = Connection::open_with_flags(from, flags).map_err(explained)?;
        let mut done = Absorbed::default();
        let names = Names::read(&other, &mut done.is_damaged).map_err(explained)?;
        let had = self.instants()?;
        done.is_damaged |= !self.take_over_sessions(&other)?;
        done.is_damaged |= !self.take_over_exposed(&other)?;
        done.is_damaged |= !self.take_over_budgets(&other)?;
        let sql = responses_sql(&other);
        let mut next = 0;
        loop {
            let (chunk, is_damaged) = chunk(&other, &sql, next).map_err(explained)?;
            done.is_damaged |= is_damaged;
            let Some(last) = chunk.last() else { return Ok(done) };
            next = last.id + 1;
            done.read += i64::try_from(chunk.len()).unwrap_or_default();
            done.added += self.take_over(&names, &chunk, &had)?;
        }
    }

    /// Takes in events, forks, spans, launches, hook calls, process trees, telemetry and what status lines were told;
    /// all that one does not know already merges. False where not all can be read, or where the format has no events.
    fn take_over_sessions(&mut self, other: &Connection) -> Result<bool, Error> {
        let reader = Reader::default();
        let mut project_of = |_: &str| String::new();
        let mut batch = self.batch(&reader, &mut project_of)?;
        let is_whole = batch.add_sessions_of(other)?
            & batch.add_launches_of(other)?
            & batch.add_hook_calls_of(other)?
            & batch.add_trees_of(other)?
            & batch.add_telemetry_of(other)?
            & batch.add_statuses_of(other)?;
        batch.commit()?;
        Ok(is_whole)
    }

    /// When the responses came, and their tokens.
    fn instants(&self) -> Result<HashSet<(i64, Tokens)>, Error> {
        let read = || {
            self.db
                .prepare(
                    "SELECT at_ms, input, output, cache_read, cache_write_5m, cache_write_1h FROM response",
                )?
                .query_map([], |row| Ok((row.get(0)?, tokens_at(row, 1)?)))?
                .collect()
        };
        self.explained(read())
    }

    fn take_over(
        &mut self,
        names: &Names,
        chunk: &[Stored],
        had: &HashSet<(i64, Tokens)>,
    ) -> Result<i64, Error> {
        let mut by_reader: BTreeMap<(&str, &str), Vec<(&Stored, &Origin)>> = BTreeMap::new();
        let nobody = Origin::default();
        for stored in chunk.iter().filter(|stored| !had.contains(&(stored.at_ms, stored.tokens))) {
            let origin = names.origins.get(&stored.origin).unwrap_or(&nobody);
            let reader = (names.text("host", origin.host), names.text("account", origin.account));
            by_reader.entry(reader).or_default().push((stored, origin));
        }
        let mut added = 0;
        for ((host, config_dir), rows) in by_reader {
            let reader = Reader { host: host.into(), config_dir: config_dir.into() };
            let mut project_of = |cwd: &str| names.projects.get(cwd).cloned().unwrap_or_else(|| cwd.into());
            let mut batch = self.batch(&reader, &mut project_of)?;
            for (stored, origin) in rows {
                let calls = stored.calls.iter().map(|call| (names.text("tool", call.tool), *call));
                let response = names.response(stored, origin);
                let source = (stored.provenance, &*origin.query_source);
                batch.add_missing(&response, stored.claim_ms, source, calls)?;
            }
            added += batch.commit()?;
        }
        Ok(added)
    }
}

/// A row of `response`.
struct Stored {
    id: i64,
    message_id: String,
    request_id: String,
    at_ms: i64,
    claim_ms: i64,
    origin: i64,
    terms: i64,
    provenance: i64,
    tokens: Tokens,
    web_searches: i64,
    flags: i64,
    attempts: Vec<Attempt>,
    calls: Vec<Call>,
}

/// Selects what makes a [`Stored`] from an id on. Two columns are not in every format.
fn responses_sql(db: &Connection) -> String {
    let (claim_ms, tools) = match db.prepare("SELECT claim_after_ms, tools FROM response") {
        Ok(_) => ("at_ms + claim_after_ms", "tools"),
        Err(_) => ("claim_ms", "NULL"),
    };
    format!(
        "SELECT id, message_id, request_id, at_ms, {claim_ms}, origin_id, terms_id, provenance, input, output,
                cache_read, cache_write_5m, cache_write_1h, web_searches, flags, {tools}
           FROM response WHERE id >= ?1 ORDER BY id"
    )
}

/// The next rows from an id on, and whether some in between could not be read.
fn chunk(db: &Connection, sql: &str, from: i64) -> rusqlite::Result<(Vec<Stored>, bool)> {
    let mut rows = Vec::new();
    let is_damaged = salvage(db, sql, from, |row| {
        rows.push(stored(db, row)?);
        Ok(rows.len() < CHUNK)
    })?;
    Ok((rows, is_damaged))
}

fn stored(db: &Connection, row: &Row) -> rusqlite::Result<Stored> {
    let (id, flags): (i64, i64) = (row.get(0)?, row.get(14)?);
    let attempts = if flags & flag::ATTEMPTS == 0 { vec![] } else { attempts(db, id)? };
    Ok(Stored {
        id,
        message_id: row.get(1)?,
        request_id: row.get(2)?,
        at_ms: row.get(3)?,
        claim_ms: row.get(4)?,
        origin: row.get(5)?,
        terms: row.get(6)?,
        provenance: row.get(7)?,
        tokens: tokens_at(row, 8)?,
        web_searches: row.get(13)?,
        flags,
        attempts,
        calls: row.get_ref(15)?.as_blob_or_null()?.map(calls::unpack).unwrap_or_default(),
    })
}

fn attempts(db: &Connection, response: i64) -> rusqlite::Result<Vec<Attempt>> {
    db.prepare_cached(
        "SELECT kind, name, input, output, cache_read, cache_write_5m, cache_write_1h
           FROM attempt LEFT JOIN model ON model.id = model_id WHERE response_id = ?1 ORDER BY n",
    )?
    .query_map([response], |row| {
        Ok(Attempt { kind: attempt_kind(row.get(0)?), model: row.get(1)?, tokens: tokens_at(row, 2)? })
    })?
    .collect()
}

/// Reads rows, of which the first column is the id, in the order of ids, from `next` on until `each` says that it has
/// enough. Steps over what is damaged, ever farther until something can be read again. True if anything was.
fn salvage(
    db: &Connection,
    sql: &str,
    mut next: i64,
    mut each: impl FnMut(&Row) -> rusqlite::Result<bool>,
) -> rusqlite::Result<bool> {
    let (mut is_damaged, mut step) = (false, 1);
    while next < MAX_ID {
        let begun_at = next;
        let mut read = || {
            let mut find = db.prepare_cached(sql)?;
            let mut rows = find.query([next])?;
            while let Some(row) = rows.next()? {
                next = row.get::<_, i64>(0)? + 1;
                if !each(row)? {
                    break;
                }
            }
            Ok(())
        };
        match read() {
            Ok(()) => return Ok(is_damaged),
            Err(error) if is_of_the_file(&error) => {
                is_damaged = true;
                step = if next > begun_at { 1 } else { step * 2 };
                next += step;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(is_damaged)
}

/// Ids of a row of `origin`, and its texts.
#[derive(Default)]
struct Origin {
    host: i64,
    account: i64,
    session: i64,
    agent: i64,
    cwd: i64,
    branch: i64,
    /// Agent type, skill, MCP server, MCP tool.
    texts: [String; 4],
    query_source: String,
}

#[derive(Default)]
struct Terms {
    model: i64,
    /// Requested model, speed, inference geo, service tier.
    texts: [String; 4],
}

/// All of a ledger's names, by id; those that cannot be read are empty.
struct Names {
    texts: HashMap<(&'static str, i64), String>,
    origins: HashMap<i64, Origin>,
    terms: HashMap<i64, Terms>,
    /// By directory.
    projects: HashMap<String, String>,
}

/// Tables of names, and their columns.
const TABLES: [(&str, &str); 9] = [
    ("host", "name"),
    ("account", "config_dir"),
    ("project", "path"),
    ("cwd", "path"),
    ("session", "name"),
    ("branch", "name"),
    ("agent", "name"),
    ("model", "name"),
    ("tool", "name"),
];

impl Names {
    fn read(db: &Connection, is_damaged: &mut bool) -> rusqlite::Result<Self> {
        let mut names = Self {
            texts: HashMap::new(),
            origins: HashMap::new(),
            terms: HashMap::new(),
            projects: HashMap::new(),
        };
        for (table, column) in TABLES {
            let sql = format!("SELECT id, {column} FROM {table} WHERE id >= ?1 ORDER BY id");
            if table == "tool" && db.prepare(&sql).is_err() {
                // Of a later format.
                continue;
            }
            *is_damaged |= salvage(db, &sql, 0, |row| {
                names.texts.insert((table, row.get(0)?), row.get(1)?);
                Ok(true)
            })?;
        }
        *is_damaged |= salvage(db, "SELECT id, project_id FROM cwd WHERE id >= ?1 ORDER BY id", 0, |row| {
            let (cwd, project) = (names.text("cwd", row.get(0)?), names.text("project", row.get(1)?));
            if !project.is_empty() {
                names.projects.insert(cwd.into(), project.into());
            }
            Ok(true)
        })?;
        // Of a later format.
        let has_source = db.prepare("SELECT query_source FROM origin").is_ok();
        let source = if has_source { "query_source" } else { "''" };
        let sql = format!(
            "SELECT id, host_id, account_id, session_id, agent_id, cwd_id, branch_id, agent_type, skill,
                    mcp_server, mcp_tool, {source} FROM origin WHERE id >= ?1 ORDER BY id"
        );
        *is_damaged |= salvage(db, &sql, 0, |row| {
            let origin = Origin {
                host: row.get(1)?,
                account: row.get(2)?,
                session: row.get(3)?,
                agent: row.get(4)?,
                cwd: row.get(5)?,
                branch: row.get(6)?,
                texts: [row.get(7)?, row.get(8)?, row.get(9)?, row.get(10)?],
                query_source: row.get(11)?,
            };
            names.origins.insert(row.get(0)?, origin);
            Ok(true)
        })?;
        let sql = "SELECT id, model_id, requested_model, speed, inference_geo, service_tier
                     FROM terms WHERE id >= ?1 ORDER BY id";
        *is_damaged |= salvage(db, sql, 0, |row| {
            let texts = [row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?];
            names.terms.insert(row.get(0)?, Terms { model: row.get(1)?, texts });
            Ok(true)
        })?;
        Ok(names)
    }

    fn text(&self, table: &'static str, id: i64) -> &str {
        self.texts.get(&(table, id)).map_or("", String::as_str)
    }

    /// As the line would tell it that the row was made of.
    fn response<'n>(&'n self, stored: &'n Stored, origin: &'n Origin) -> Response<'n> {
        const NOTHING: &[String; 4] = &[String::new(), String::new(), String::new(), String::new()];
        let terms = self.terms.get(&stored.terms);
        let model = terms.map_or("", |terms| self.text("model", terms.model));
        let [requested_model, speed, inference_geo, service_tier] =
            terms.map_or(NOTHING, |terms| &terms.texts).each_ref().map(|text| Cow::Borrowed(text.as_str()));
        let [agent_type, skill, mcp_server, mcp_tool] =
            origin.texts.each_ref().map(|text| Cow::Borrowed(text.as_str()));
        let has = |flag| stored.flags & flag != 0;
        Response {
            message_id: Cow::Borrowed(&stored.message_id),
            request_id: Cow::Borrowed(&stored.request_id),
            at_ms: stored.at_ms,
            is_time_inferred: has(flag::TIME_INFERRED),
            session: self.text("session", origin.session).into(),
            agent: self.text("agent", origin.agent).into(),
            agent_type,
            skill,
            mcp_server,
            mcp_tool,
            cwd: self.text("cwd", origin.cwd).into(),
            branch: self.text("branch", origin.branch).into(),
            is_sidechain: has(flag::SIDECHAIN),
            model: model.into(),
            requested_model,
            speed,
            inference_geo,
            service_tier,
            tokens: stored.tokens,
            is_ttl_unknown: has(flag::TTL_UNKNOWN),
            web_searches: stored.web_searches,
            code_executions: i64::from(has(flag::CODE_EXECUTION)),
            attempts: stored.attempts.clone(),
            tool_uses: vec![],
            is_finished: has(flag::FINISHED),
            is_refused: has(flag::REFUSED),
            is_aborted: has(flag::ABORTED),
        }
    }
}
