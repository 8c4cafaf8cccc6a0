//! Writing: what transcript lines tell, taken in within one transaction.

use std::collections::HashMap;
use std::path::PathBuf;

use rusqlite::{Transaction, TransactionBehavior, params};

use super::names::{Names, Reader, name_id};
use super::rollup::{Changes, Key, QUARTER_MS, Sums};
use super::row::{Charged, Row, flag, settle};
use super::{Error, Ledger, Progress, explain, files};
use crate::model::{Attempt, AttemptKind, FileStamp, Folder, Response, Tokens, TranscriptFile, fnv1a};
use crate::pricing::{PriceList, Request};

/// Rows held back until their lines are likely all there; bounds memory.
const MAX_PENDING: usize = 2048;

/// One transaction of the ledger. Dropped without [`commit`](Batch::commit), it leaves no trace.
pub struct Batch<'l> {
    tx: Transaction<'l>,
    names: &'l mut Names,
    is_writing: &'l mut bool,
    path: PathBuf,
    writer: Writer<'l>,
}

/// The part of a batch that is about responses.
struct Writer<'l> {
    reader: &'l Reader,
    prices: &'static PriceList,
    price_list: i64,
    project_of: &'l mut dyn FnMut(&str) -> String,
    /// Rows not yet written, and where each identity stands among them.
    pending: Vec<Row>,
    places: HashMap<(i64, i64), usize>,
    changes: Changes,
    added: u64,
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
        let (path, prices) = (self.path.clone(), PriceList::embedded());
        if self.is_writing {
            // The last batch was dropped: what it had named was never stored.
            self.names.forget();
        }
        self.is_writing = true;
        let explained = |source| explain(&path, source);
        let tx = self.db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(explained)?;
        let price_list = name_id(&tx, "price_list", "version", &prices.version).map_err(explained)?;
        let writer = Writer {
            reader,
            prices,
            price_list,
            project_of,
            pending: Vec::new(),
            places: HashMap::new(),
            changes: Changes::default(),
            added: 0,
        };
        Ok(Batch { tx, names: &mut self.names, is_writing: &mut self.is_writing, path, writer })
    }
}

impl Batch<'_> {
    /// Takes in what one line says. `claim_ms`: when its file was last written.
    pub fn add(&mut self, response: &Response, claim_ms: i64) -> Result<(), Error> {
        let added = self.writer.add(&self.tx, self.names, response, claim_ms);
        self.explained(added)
    }

    /// The transcript's id and how far it has been read.
    pub fn transcript(&self, file: &TranscriptFile) -> Result<(i64, Progress), Error> {
        self.explained(files::transcript(&self.tx, &self.writer.reader.config_dir, file))
    }

    /// Forgets what could not be read of a transcript, before it is read again from the start.
    pub fn restart(&self, transcript: i64) -> Result<(), Error> {
        self.explained(files::forget_parse_errors(&self.tx, transcript))
    }

    pub fn parse_error(&self, transcript: i64, offset: i64, kind: &str) -> Result<(), Error> {
        self.explained(files::remember_parse_error(&self.tx, transcript, offset, kind))
    }

    pub fn read_to(&self, transcript: i64, stamp: &FileStamp, progress: &Progress) -> Result<(), Error> {
        self.explained(files::remember_transcript(&self.tx, transcript, stamp, progress))
    }

    pub fn moved(&self, from: &TranscriptFile, to: &TranscriptFile) -> Result<(), Error> {
        self.explained(files::move_transcript(&self.tx, &self.writer.reader.config_dir, from, to))
    }

    pub fn listed(&self, folders: &[Folder]) -> Result<(), Error> {
        let config_dir = &self.writer.reader.config_dir;
        self.explained(folders.iter().try_for_each(|f| files::remember_folder(&self.tx, config_dir, f)))
    }

    pub fn gone(&self, transcripts: &[TranscriptFile], folders: &[Folder]) -> Result<(), Error> {
        let config_dir = &self.writer.reader.config_dir;
        let forget = || {
            transcripts.iter().try_for_each(|file| files::forget_transcript(&self.tx, config_dir, file))?;
            folders.iter().try_for_each(|folder| files::forget_folder(&self.tx, config_dir, &folder.path))
        };
        self.explained(forget())
    }

    /// Makes it all permanent. Returns how many responses the ledger did not have.
    pub fn commit(mut self) -> Result<u64, Error> {
        let done = self.writer.flush(&self.tx, self.names).and_then(|()| self.writer.changes.apply(&self.tx));
        self.explained(done)?;
        let path = self.path.clone();
        self.tx.commit().map_err(|source| explain(&path, source))?;
        *self.is_writing = false;
        Ok(self.writer.added)
    }

    fn explained<T>(&self, result: rusqlite::Result<T>) -> Result<T, Error> {
        result.map_err(|source| explain(&self.path, source))
    }
}

impl Writer<'_> {
    fn add(
        &mut self,
        tx: &Transaction,
        names: &mut Names,
        response: &Response,
        claim_ms: i64,
    ) -> rusqlite::Result<()> {
        let row = self.row(tx, names, response, claim_ms)?;
        let identity = (fnv1a(row.message().as_bytes()), fnv1a(row.request_id.as_bytes()));
        if let Some(&place) = self.places.get(&identity) {
            let known = &mut self.pending[place];
            if known.message_id == row.message_id && known.request_id == row.request_id {
                known.merge(&row);
                return Ok(());
            }
        }
        if self.pending.len() >= MAX_PENDING {
            self.flush(tx, names)?;
        }
        self.places.insert(identity, self.pending.len());
        self.pending.push(row);
        Ok(())
    }

    fn row(
        &mut self,
        tx: &Transaction,
        names: &mut Names,
        response: &Response,
        claim_ms: i64,
    ) -> rusqlite::Result<Row> {
        let origin = names.origin(tx, self.reader, response, self.project_of)?;
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
        };
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

    fn flush(&mut self, tx: &Transaction, names: &mut Names) -> rusqlite::Result<()> {
        self.places.clear();
        let mut pending = std::mem::take(&mut self.pending);
        for row in pending.drain(..) {
            self.take_in(tx, names, row)?;
        }
        self.pending = pending;
        Ok(())
    }

    /// Joins a row with what the ledger has of its message, and stores what that changes.
    fn take_in(&mut self, tx: &Transaction, names: &mut Names, row: Row) -> rusqlite::Result<()> {
        let stored = same_message(tx, &row)?;
        let mut rows = stored.clone();
        match rows.iter_mut().find(|known| known.request_id == row.request_id) {
            Some(known) => known.merge(&row),
            None => rows.push(row),
        }
        if rows.len() > 1 {
            settle(&mut rows);
        }
        let mut stored = stored.into_iter();
        for mut row in rows {
            let before = stored.next();
            if before.as_ref() == Some(&row) {
                continue;
            }
            self.charge(tx, names, &mut row)?;
            if let Some(before) = &before {
                self.count(tx, names, before, Changes::remove)?;
            }
            self.count(tx, names, &row, Changes::add)?;
            if before.is_some() {
                update(tx, &row, self.price_list)?;
            } else {
                self.added += 1;
                insert(tx, &mut row, self.price_list)?;
            }
        }
        Ok(())
    }

    /// Prices a row by the list of today.
    fn charge(&self, tx: &Transaction, names: &mut Names, row: &mut Row) -> rusqlite::Result<()> {
        let terms = names.terms_by_id(tx, self.prices, row.terms)?;
        let attempts: Vec<Attempt> = row.attempts.iter().map(|charged| charged.attempt.clone()).collect();
        let bill = self.prices.bill(&Request {
            model: &terms.model,
            speed: &terms.speed,
            inference_geo: &terms.inference_geo,
            service_tier: &terms.service_tier,
            message_id: &row.message_id,
            at_ms: row.at_ms,
            tokens: row.tokens,
            web_searches: row.web_searches,
            attempts: &attempts,
            is_refused: row.has(flag::REFUSED),
        });
        row.cost_picousd = bill.cost_picousd;
        row.flags = row.flags & flag::OF_LEDGER | i64::from(bill.flags.bits());
        for charged in &mut row.attempts {
            (charged.is_extra, charged.cost_picousd) = (false, None);
        }
        for extra in bill.extras {
            let charged = &mut row.attempts[extra.attempt];
            (charged.is_extra, charged.cost_picousd) = (true, extra.cost_picousd);
        }
        Ok(())
    }

    /// Tells the rollup what a row adds to it, or no longer does.
    fn count(
        &mut self,
        tx: &Transaction,
        names: &mut Names,
        row: &Row,
        change: fn(&mut Changes, Key, Sums),
    ) -> rusqlite::Result<()> {
        if row.has(flag::COPY) {
            return Ok(());
        }
        let quarter = row.at_ms.div_euclid(QUARTER_MS);
        let key = Key {
            quarter,
            origin: row.origin,
            terms: row.terms,
            provenance: row.provenance,
            is_priced: row.cost_picousd.is_some(),
            is_contracted: row.contract_picousd.is_some(),
        };
        let own = Sums {
            responses: 1,
            tokens: row.tokens,
            web_searches: row.web_searches,
            cost_picousd: row.cost_picousd.unwrap_or(0),
            contract_picousd: row.contract_picousd.or(row.cost_picousd).unwrap_or(0),
        };
        change(&mut self.changes, key, own);
        for charged in row.attempts.iter().filter(|charged| charged.is_extra) {
            let terms = match &charged.attempt.model {
                None => row.terms,
                Some(model) => {
                    let own = names.terms_by_id(tx, self.prices, row.terms)?;
                    let (geo, tier) = (own.inference_geo.clone(), own.service_tier.clone());
                    names.terms(tx, model, "", "", &geo, &tier)?.id
                }
            };
            let extra = Sums {
                responses: 0,
                tokens: charged.attempt.tokens,
                web_searches: 0,
                cost_picousd: charged.cost_picousd.unwrap_or(0),
                contract_picousd: charged.contract_picousd.or(charged.cost_picousd).unwrap_or(0),
            };
            let key = Key {
                terms,
                is_priced: charged.cost_picousd.is_some(),
                is_contracted: charged.contract_picousd.is_some(),
                ..key
            };
            change(&mut self.changes, key, extra);
        }
        Ok(())
    }
}

/// The stored rows of a row's message; of its request where the message has no id.
fn same_message(tx: &Transaction, row: &Row) -> rusqlite::Result<Vec<Row>> {
    let mut find = tx.prepare_cached(
        "SELECT response.id, message_id, request_id, at_ms, claim_ms, origin_id, session_id, terms_id, provenance,
                input, output, cache_read, cache_write_5m, cache_write_1h, web_searches, cost_picousd, flags,
                contract_picousd, model.name, requested_model, speed, inference_geo, service_tier
           FROM response JOIN origin ON origin.id = origin_id
           JOIN terms ON terms.id = terms_id JOIN model ON model.id = model_id
          WHERE substr(CASE message_id WHEN '' THEN request_id ELSE message_id END, -8) = substr(?1, -8)
          ORDER BY response.id",
    )?;
    let mut found = find.query([row.message()])?;
    let mut rows = Vec::new();
    while let Some(stored) = found.next()? {
        let (message_id, request_id) = (stored.get_ref(1)?.as_str()?, stored.get_ref(2)?.as_str()?);
        if message_id != row.message_id || message_id.is_empty() && request_id != row.request_id {
            continue;
        }
        let mut stored = stored_row(stored)?;
        if stored.has(flag::ATTEMPTS) {
            stored.attempts = attempts(tx, stored.id)?;
        }
        rows.push(stored);
    }
    Ok(rows)
}

fn stored_row(row: &rusqlite::Row) -> rusqlite::Result<Row> {
    Ok(Row {
        id: row.get(0)?,
        message_id: row.get(1)?,
        request_id: row.get(2)?,
        at_ms: row.get(3)?,
        claim_ms: row.get(4)?,
        origin: row.get(5)?,
        session: row.get(6)?,
        terms: row.get(7)?,
        terms_hash: terms_hash(row)?,
        provenance: row.get(8)?,
        tokens: tokens_at(row, 9)?,
        web_searches: row.get(14)?,
        cost_picousd: row.get(15)?,
        flags: row.get(16)?,
        contract_picousd: row.get(17)?,
        attempts: vec![],
    })
}

/// As [`Names::terms`] makes it.
fn terms_hash(row: &rusqlite::Row) -> rusqlite::Result<i64> {
    let mut key = Vec::new();
    for column in 18..23 {
        key.extend_from_slice(row.get_ref(column)?.as_str()?.as_bytes());
        key.push(0);
    }
    Ok(fnv1a(&key))
}

pub(super) fn tokens_at(row: &rusqlite::Row, first: usize) -> rusqlite::Result<Tokens> {
    Ok(Tokens {
        input: row.get(first)?,
        output: row.get(first + 1)?,
        cache_read: row.get(first + 2)?,
        cache_write_5m: row.get(first + 3)?,
        cache_write_1h: row.get(first + 4)?,
    })
}

fn attempts(tx: &Transaction, response: Option<i64>) -> rusqlite::Result<Vec<Charged>> {
    tx.prepare_cached(
        "SELECT kind, name, is_extra, cost_picousd, input, output, cache_read, cache_write_5m, cache_write_1h,
                contract_picousd
           FROM attempt LEFT JOIN model ON model.id = model_id WHERE response_id = ?1 ORDER BY n",
    )?
    .query_map([response], |row| {
        Ok(Charged {
            attempt: Attempt {
                kind: attempt_kind(row.get(0)?),
                model: row.get(1)?,
                tokens: tokens_at(row, 4)?,
            },
            is_extra: row.get(2)?,
            cost_picousd: row.get(3)?,
            contract_picousd: row.get(9)?,
        })
    })?
    .collect()
}

/// As in `attempt.kind`.
const KINDS: [AttemptKind; 4] =
    [AttemptKind::Message, AttemptKind::Fallback, AttemptKind::Advisor, AttemptKind::Compaction];

fn attempt_kind(stored: i64) -> AttemptKind {
    usize::try_from(stored).ok().and_then(|stored| KINDS.get(stored)).copied().unwrap_or(AttemptKind::Message)
}

fn insert(tx: &Transaction, row: &mut Row, price_list: i64) -> rusqlite::Result<()> {
    let tokens = &row.tokens;
    let id = tx
        .prepare_cached(
            "INSERT INTO response (message_id, request_id, at_ms, claim_ms, origin_id, terms_id, provenance, input,
                output, cache_read, cache_write_5m, cache_write_1h, web_searches, cost_picousd, price_list_id, flags,
                contract_picousd)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
        )?
        .insert(params![
            row.message_id,
            row.request_id,
            row.at_ms,
            row.claim_ms,
            row.origin,
            row.terms,
            row.provenance,
            tokens.input,
            tokens.output,
            tokens.cache_read,
            tokens.cache_write_5m,
            tokens.cache_write_1h,
            row.web_searches,
            row.cost_picousd,
            price_list,
            row.flags,
            row.contract_picousd
        ])?;
    row.id = Some(id);
    insert_attempts(tx, row)
}

fn update(tx: &Transaction, row: &Row, price_list: i64) -> rusqlite::Result<()> {
    let tokens = &row.tokens;
    tx.prepare_cached(
        "UPDATE response SET at_ms = ?2, claim_ms = ?3, origin_id = ?4, terms_id = ?5, provenance = ?6, input = ?7,
                output = ?8, cache_read = ?9, cache_write_5m = ?10, cache_write_1h = ?11, web_searches = ?12,
                cost_picousd = ?13, price_list_id = ?14, flags = ?15, contract_picousd = ?16
          WHERE id = ?1",
    )?
    .execute(params![
        row.id,
        row.at_ms,
        row.claim_ms,
        row.origin,
        row.terms,
        row.provenance,
        tokens.input,
        tokens.output,
        tokens.cache_read,
        tokens.cache_write_5m,
        tokens.cache_write_1h,
        row.web_searches,
        row.cost_picousd,
        price_list,
        row.flags,
        row.contract_picousd
    ])?;
    tx.prepare_cached("DELETE FROM attempt WHERE response_id = ?1")?.execute([row.id])?;
    insert_attempts(tx, row)
}

fn insert_attempts(tx: &Transaction, row: &Row) -> rusqlite::Result<()> {
    for (charged, n) in row.attempts.iter().zip(0..) {
        let Attempt { kind, model, tokens } = &charged.attempt;
        let model = model.as_ref().map(|model| name_id(tx, "model", "name", model)).transpose()?;
        let kind = KINDS.iter().zip(0..).find_map(|(k, stored): (_, i64)| (k == kind).then_some(stored));
        tx.prepare_cached("INSERT INTO attempt VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)")?
            .execute(params![
                row.id,
                n,
                kind,
                model,
                tokens.input,
                tokens.output,
                tokens.cache_read,
                tokens.cache_write_5m,
                tokens.cache_write_1h,
                charged.is_extra,
                charged.cost_picousd,
                charged.contract_picousd
            ])?;
    }
    Ok(())
}
