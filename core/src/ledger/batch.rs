//! Writing: what transcript lines tell, taken in within one transaction.

use std::cell::Cell;
use std::path::PathBuf;

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::calls::{self, Call};
use super::names::{Names, Reader};
use super::row::{Charged, OTEL, Row, flag};
use super::writer::{Writer, low};
use super::{
    Error, Ledger, Progress, explain, files, hooks, is_of_the_file, launches, limits, remainder, responses,
    sessions, state, telemetry, trees,
};
use crate::model::{
    CostState, Event, FileStamp, Folder, Fork, Response, ToolResult, ToolUse, TranscriptFile, fnv1a,
};

/// Why a transcript's responses were asked for: it does not say.
const NO_SOURCE: &str = "";

/// One transaction of the ledger. Dropped without [`commit`](Batch::commit), it leaves no trace.
pub struct Batch<'l> {
    pub(super) tx: Transaction<'l>,
    names: &'l mut Names,
    is_writing: &'l mut bool,
    path: PathBuf,
    pub(super) reader: &'l Reader,
    project_of: &'l mut dyn FnMut(&str) -> String,
    writer: Writer,
    /// Whether what is known of files has changed.
    has_moved: Cell<bool>,
}

impl Ledger {
    /// Begins to write. `project_of` finds the project of a directory that the ledger has not seen.
    ///
    /// Waits for another writer, and keeps others waiting until it is done: fill it with what is at hand.
    pub fn batch<'l>(
        &'l mut self,
        reader: &'l Reader,
        project_of: &'l mut dyn FnMut(&str) -> String,
    ) -> Result<Batch<'l>, Error> {
        let (path, prices) = (self.path.clone(), self.prices());
        let explained = |source| explain(&path, source);
        let tx = self.db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(explained)?;
        // If the last batch was dropped, what it had named was never stored.
        let is_lost = std::mem::replace(&mut self.is_writing, true);
        self.names.begin(&tx, is_lost).map_err(explained)?;
        // Somebody has brought all responses to other prices: these will not be theirs, so that all are due again.
        let priced_by: Option<String> = state::get(&tx, state::PRICES).map_err(explained)?;
        if priced_by.is_some_and(|version| version != prices.version) {
            state::forget(&tx, state::PRICES).map_err(explained)?;
        }
        let writer = Writer::new(&tx, prices).map_err(explained)?;
        Ok(Batch {
            tx,
            names: &mut self.names,
            is_writing: &mut self.is_writing,
            path,
            reader,
            project_of,
            writer,
            has_moved: Cell::new(false),
        })
    }
}

impl Batch<'_> {
    /// Takes in what one line says. `claim_ms`: when its file was last written.
    pub fn add(&mut self, response: &Response, claim_ms: i64) -> Result<(), Error> {
        let mut add = || {
            let (reader, source) = (self.reader, NO_SOURCE);
            let row = row_of(&self.tx, self.names, reader, self.project_of, response, claim_ms, source)?;
            self.writer.calls(&row, response.tool_uses.iter().map(|call| &*call.id));
            self.writer.add(&self.tx, self.names, row)
        };
        let added = add();
        self.explained(added)
    }

    /// Takes in how a tool call ended.
    pub fn tool_result(&mut self, result: &ToolResult) -> Result<(), Error> {
        let taken = self.writer.result(&self.tx, result);
        self.explained(taken)
    }

    /// Takes in what else happened. `claim_ms`: when the line's file was last written; of copies, the earliest counts.
    pub fn event(&self, event: &Event, claim_ms: i64) -> Result<(), Error> {
        self.explained(sessions::remember_event(&self.tx, event, claim_ms))
    }

    /// Takes in that a session began with a copy of another's history.
    pub fn fork(&mut self, fork: &Fork) -> Result<(), Error> {
        let remembered = sessions::remember_fork(&self.tx, fork);
        self.writer.touched.wholly(self.explained(remembered)?);
        Ok(())
    }

    /// Takes in the first and the last time on a session's own lines, milliseconds since the epoch.
    pub fn span(&mut self, session: &str, begun_ms: i64, ended_ms: i64) -> Result<(), Error> {
        let remembered = sessions::remember_span(&self.tx, session, begun_ms, ended_ms);
        if let Some(session) = self.explained(remembered)? {
            self.writer.touched.wholly(session);
        }
        Ok(())
    }

    /// Takes in what the client had counted of a session when it left it.
    pub fn cost_state(&mut self, state: &CostState, at_ms: i64) -> Result<(), Error> {
        let remembered = remainder::remember(&self.tx, state, at_ms);
        self.writer.touched.wholly(self.explained(remembered)?);
        Ok(())
    }

    /// What is known of the first and last time on a session's own lines.
    pub fn known_span(&self, session: &str) -> Result<(Option<i64>, Option<i64>), Error> {
        self.explained(sessions::known_span(&self.tx, session))
    }

    /// Takes in which agent started another; empty: the session's main loop.
    pub fn agent(&self, agent: &str, parent: &str) -> Result<(), Error> {
        self.explained(sessions::remember_parent(&self.tx, agent, parent))
    }

    /// Takes in a response that telemetry tells, and why it was asked for.
    pub(super) fn add_told(
        &mut self,
        reader: &Reader,
        response: &Response,
        query_source: &str,
    ) -> rusqlite::Result<()> {
        let row = row_of(&self.tx, self.names, reader, self.project_of, response, i64::MAX, query_source)?;
        if response.cwd.is_empty() {
            telemetry::remember_homeless(&self.tx, row.origin)?;
        }
        self.writer.add(&self.tx, self.names, Row { provenance: OTEL, ..row })
    }

    /// Takes in a response that another ledger knows, unless this one knows of it.
    pub(super) fn add_missing<'c>(
        &mut self,
        response: &Response,
        claim_ms: i64,
        (provenance, query_source): (i64, &str),
        calls: impl Iterator<Item = (&'c str, Call)>,
    ) -> Result<(), Error> {
        let add = || {
            let reader = self.reader;
            let row =
                row_of(&self.tx, self.names, reader, self.project_of, response, claim_ms, query_source)?;
            let known = responses::of_message(&self.tx, &row)?;
            if known.iter().any(|known| known.request_id == row.request_id) {
                return Ok(());
            }
            if provenance == OTEL && response.cwd.is_empty() {
                telemetry::remember_homeless(&self.tx, row.origin)?;
            }
            let mut row = Row { provenance, ..row };
            for (tool, call) in calls {
                let tool = self.names.tool(&self.tx, tool)?;
                calls::join(&mut row.calls, &[Call { tool, ..call }]);
            }
            self.writer.add(&self.tx, self.names, row)
        };
        let added = add();
        self.explained(added)
    }

    /// Takes in the events, forks and spans of another ledger. False where not all can be read.
    pub(super) fn add_sessions_of(&mut self, other: &Connection) -> Result<bool, Error> {
        let facts = match sessions::Facts::read(other) {
            Err(error) if is_of_the_file(&error) => return Ok(false),
            facts => self.explained(facts)?,
        };
        let remembered = facts.remember(&self.tx, &mut self.writer.touched);
        self.explained(remembered).map(|()| true)
    }

    /// Takes in the launches of another ledger. False where not all can be read.
    pub(super) fn add_launches_of(&self, other: &Connection) -> Result<bool, Error> {
        self.explained(launches::take_over(&self.tx, other))
    }

    /// Takes in the hook calls of another ledger. False where not all can be read.
    pub(super) fn add_hook_calls_of(&self, other: &Connection) -> Result<bool, Error> {
        self.explained(hooks::take_over(&self.tx, other))
    }

    /// Takes in the process trees of another ledger. False where not all can be read.
    pub(super) fn add_trees_of(&self, other: &Connection) -> Result<bool, Error> {
        self.explained(trees::take_over(&self.tx, other))
    }

    /// Takes in what telemetry told another ledger, but for responses. False where not all can be read.
    pub(super) fn add_telemetry_of(&self, other: &Connection) -> Result<bool, Error> {
        self.explained(telemetry::take_over(&self.tx, other))
    }

    /// Takes in what clients told another ledger's status lines. False where not all can be read.
    pub(super) fn add_statuses_of(&self, other: &Connection) -> Result<bool, Error> {
        self.explained(limits::take_over(&self.tx, other))
    }

    /// The transcript's id and how far it has been read.
    pub fn transcript(&self, file: &TranscriptFile) -> Result<(i64, Progress), Error> {
        self.explained(files::transcript(&self.tx, &self.reader.config_dir, file))
    }

    /// Forgets what could not be read of a transcript, before it is read again from the start.
    pub fn restart(&self, transcript: i64) -> Result<(), Error> {
        self.explained(files::forget_parse_errors(&self.tx, transcript))
    }

    pub fn parse_error(&self, transcript: i64, offset: i64, kind: &str) -> Result<(), Error> {
        self.explained(files::remember_parse_error(&self.tx, transcript, offset, kind))
    }

    pub fn read_to(&self, transcript: i64, stamp: &FileStamp, progress: &Progress) -> Result<(), Error> {
        self.has_moved.set(true);
        self.explained(files::remember_transcript(&self.tx, transcript, stamp, progress))
    }

    pub fn moved(&self, from: &TranscriptFile, to: &TranscriptFile) -> Result<(), Error> {
        self.has_moved.set(true);
        self.explained(files::move_transcript(&self.tx, &self.reader.config_dir, from, to))
    }

    pub fn listed(&self, folders: &[Folder]) -> Result<(), Error> {
        let config_dir = &self.reader.config_dir;
        self.has_moved.set(self.has_moved.get() || !folders.is_empty());
        self.explained(folders.iter().try_for_each(|f| files::remember_folder(&self.tx, config_dir, f)))
    }

    pub fn gone(&self, transcripts: &[TranscriptFile], folders: &[Folder]) -> Result<(), Error> {
        let config_dir = &self.reader.config_dir;
        self.has_moved.set(self.has_moved.get() || !transcripts.is_empty() || !folders.is_empty());
        let forget = || {
            transcripts.iter().try_for_each(|file| files::forget_transcript(&self.tx, config_dir, file))?;
            folders.iter().try_for_each(|folder| files::forget_folder(&self.tx, config_dir, &folder.path))
        };
        self.explained(forget())
    }

    /// Makes it all permanent. Returns how many responses the ledger counts more than before.
    pub fn commit(mut self) -> Result<i64, Error> {
        let finished = self.writer.finish(&self.tx, self.names);
        let added = self.explained(finished)?;
        if self.has_moved.get() {
            self.explained(files::count_change(&self.tx, &self.reader.config_dir))?;
        }
        let path = self.path.clone();
        self.tx.commit().map_err(|source| explain(&path, source))?;
        *self.is_writing = false;
        Ok(added)
    }

    pub(super) fn explained<T>(&self, result: rusqlite::Result<T>) -> Result<T, Error> {
        result.map_err(|source| explain(&self.path, source))
    }
}

/// What one line says, as a row that is not stored yet.
fn row_of(
    tx: &Transaction,
    names: &mut Names,
    reader: &Reader,
    project_of: &mut dyn FnMut(&str) -> String,
    response: &Response,
    claim_ms: i64,
    query_source: &str,
) -> rusqlite::Result<Row> {
    let origin = names.origin(tx, reader, response, query_source, project_of)?;
    let terms = names.terms(
        tx,
        &response.model,
        &response.requested_model,
        &response.speed,
        &response.inference_geo,
        &response.service_tier,
    )?;
    let mut row = Row {
        id: None,
        message_id: response.message_id.to_string(),
        request_id: response.request_id.to_string(),
        at_ms: response.at_ms,
        usage_at_ms: response.at_ms,
        claim_ms,
        origin: origin.id,
        session: origin.session,
        terms: terms.id,
        terms_hash: terms.hash,
        provenance: 0,
        tokens: response.tokens,
        web_searches: response.web_searches,
        cost_picousd: None,
        contract_picousd: None,
        flags: 0,
        attempts: response.attempts.iter().map(|attempt| Charged::new(attempt.clone())).collect(),
        calls: vec![],
    };
    for ToolUse { id, name } in &response.tool_uses {
        let call = Call { key: low(fnv1a(id.as_bytes())), tool: names.tool(tx, name)?, outcome: None };
        calls::join(&mut row.calls, &[call]);
    }
    row.set(flag::SIDECHAIN, response.is_sidechain);
    row.set(flag::FINISHED, response.is_finished);
    row.set(flag::ABORTED, response.is_aborted);
    row.set(flag::REFUSED, response.is_refused);
    row.set(flag::ATTEMPTS, !response.attempts.is_empty());
    row.set(flag::TIME_INFERRED, response.is_time_inferred);
    row.set(flag::TTL_UNKNOWN, response.is_ttl_unknown);
    row.set(flag::CODE_EXECUTION, response.code_executions > 0);
    Ok(row)
}
