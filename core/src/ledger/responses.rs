//! Rows of `response` and `attempt`: the statements that read and write them.

use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::calls;
use super::names::name_id;
use super::row::{Charged, Row, flag};
use crate::model::{Attempt, AttemptKind, Tokens, fnv1a};

/// Selects all that makes a [`Row`], but its attempts.
macro_rules! select_rows {
    ($which:literal) => {
        concat!(
            "SELECT response.id, message_id, request_id, at_ms, claim_after_ms, origin_id, session_id, terms_id, provenance,
                    input, output, cache_read, cache_write_5m, cache_write_1h, web_searches, cost_picousd, flags,
                    contract_picousd, tools, usage_after_ms, model.name, requested_model, speed, inference_geo, service_tier
               FROM response JOIN origin ON origin.id = origin_id
               JOIN terms ON terms.id = terms_id JOIN model ON model.id = model_id ",
            $which
        )
    };
}

/// The stored rows of a row's message; of its request where the message has no id.
pub(super) fn of_message(db: &Connection, row: &Row) -> rusqlite::Result<Vec<Row>> {
    let mut find = db.prepare_cached(select_rows!(
        "WHERE substr(CASE message_id WHEN '' THEN request_id ELSE message_id END, -6) = substr(?1, -6)
         ORDER BY response.id"
    ))?;
    let mut found = find.query([row.message()])?;
    let mut rows = Vec::new();
    while let Some(stored) = found.next()? {
        let (message_id, request_id) = (stored.get_ref(1)?.as_str()?, stored.get_ref(2)?.as_str()?);
        if message_id != row.message_id || message_id.is_empty() && request_id != row.request_id {
            continue;
        }
        rows.push(with_attempts(db, stored_row(stored)?)?);
    }
    Ok(rows)
}

/// Which [`of_request`] needs. Made when telemetry comes for the first time: without it, nobody pays for it.
pub(super) const REQUEST_INDEX: &str = "response_request";

/// Without the plus, SQLite puts ?1 in place of the column everywhere, and has no use for the index.
pub(super) const OF_REQUEST: &str =
    select_rows!("WHERE substr(request_id, -6) = substr(?1, -6) AND +request_id = ?1 ORDER BY response.id");

/// The stored rows of a request, whatever their messages.
pub(super) fn of_request(db: &Connection, request_id: &str) -> rusqlite::Result<Vec<Row>> {
    let mut find = db.prepare_cached(OF_REQUEST)?;
    find.query_map([request_id], stored_row)?.map(|row| with_attempts(db, row?)).collect()
}

/// The stored rows of an origin, which lie between two ids.
pub(super) fn of_origin(
    db: &Connection,
    origin: i64,
    (first, last): (i64, i64),
) -> rusqlite::Result<Vec<Row>> {
    let mut find =
        db.prepare_cached(select_rows!("WHERE response.id BETWEEN ?2 AND ?3 AND origin_id = ?1"))?;
    find.query_map([origin, first, last], stored_row)?.map(|row| with_attempts(db, row?)).collect()
}

/// At most so many of the stored rows behind an id, in the order of ids.
pub(super) fn after(db: &Connection, id: i64, limit: usize) -> rusqlite::Result<Vec<Row>> {
    let mut find = db.prepare_cached(select_rows!("WHERE response.id > ?1 ORDER BY response.id LIMIT ?2"))?;
    let mut found = find.query(params![id, i64::try_from(limit).unwrap_or(i64::MAX)])?;
    let mut rows = Vec::new();
    while let Some(stored) = found.next()? {
        rows.push(with_attempts(db, stored_row(stored)?)?);
    }
    Ok(rows)
}

/// The stored row of an id.
pub(super) fn by_id(db: &Connection, id: i64) -> rusqlite::Result<Option<Row>> {
    let mut find = db.prepare_cached(select_rows!("WHERE response.id = ?1"))?;
    let row = find.query_row([id], stored_row).optional()?;
    row.map(|row| with_attempts(db, row)).transpose()
}

fn with_attempts(db: &Connection, mut row: Row) -> rusqlite::Result<Row> {
    if row.has(flag::ATTEMPTS) {
        row.attempts = attempts(db, row.id)?;
    }
    Ok(row)
}

fn stored_row(row: &rusqlite::Row) -> rusqlite::Result<Row> {
    Ok(Row {
        id: row.get(0)?,
        message_id: row.get(1)?,
        request_id: row.get(2)?,
        at_ms: row.get(3)?,
        usage_at_ms: row.get::<_, i64>(3)?.saturating_add(row.get(19)?),
        claim_ms: row.get::<_, i64>(3)?.saturating_add(row.get(4)?),
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
        calls: row.get_ref(18)?.as_blob_or_null()?.map(calls::unpack).unwrap_or_default(),
    })
}

/// As [`Names::terms`] makes it.
fn terms_hash(row: &rusqlite::Row) -> rusqlite::Result<i64> {
    let mut key = Vec::new();
    for column in 20..25 {
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

fn attempts(db: &Connection, response: Option<i64>) -> rusqlite::Result<Vec<Charged>> {
    db.prepare_cached(
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

pub(super) fn attempt_kind(stored: i64) -> AttemptKind {
    usize::try_from(stored).ok().and_then(|stored| KINDS.get(stored)).copied().unwrap_or(AttemptKind::Message)
}

pub(super) fn insert(tx: &Transaction, row: &mut Row, price_list: i64) -> rusqlite::Result<()> {
    let tokens = &row.tokens;
    let id = tx
        .prepare_cached(
            "INSERT INTO response (message_id, request_id, at_ms, claim_after_ms, origin_id, terms_id, provenance, input,
                output, cache_read, cache_write_5m, cache_write_1h, web_searches, cost_picousd, price_list_id, flags,
                contract_picousd, tools, usage_after_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)",
        )?
        .insert(params![
            row.message_id,
            row.request_id,
            row.at_ms,
            row.claim_ms.saturating_sub(row.at_ms),
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
            row.contract_picousd,
            calls::pack(&row.calls),
            row.usage_after_ms()
        ])?;
    row.id = Some(id);
    insert_attempts(tx, row)
}

pub(super) fn update(tx: &Transaction, row: &Row, price_list: i64) -> rusqlite::Result<()> {
    let tokens = &row.tokens;
    tx.prepare_cached(
        "UPDATE response SET at_ms = ?2, claim_after_ms = ?3, origin_id = ?4, terms_id = ?5, provenance = ?6, input = ?7,
                output = ?8, cache_read = ?9, cache_write_5m = ?10, cache_write_1h = ?11, web_searches = ?12,
                cost_picousd = ?13, price_list_id = ?14, flags = ?15, contract_picousd = ?16, tools = ?17,
                usage_after_ms = ?18
          WHERE id = ?1",
    )?
    .execute(params![
        row.id,
        row.at_ms,
        row.claim_ms.saturating_sub(row.at_ms),
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
        row.contract_picousd,
        calls::pack(&row.calls),
        row.usage_after_ms()
    ])?;
    tx.prepare_cached("DELETE FROM attempt WHERE response_id = ?1")?.execute([row.id])?;
    insert_attempts(tx, row)
}

pub(super) fn delete(tx: &Transaction, row: &Row) -> rusqlite::Result<()> {
    tx.prepare_cached("DELETE FROM attempt WHERE response_id = ?1")?.execute([row.id])?;
    tx.prepare_cached("DELETE FROM response WHERE id = ?1")?.execute([row.id])?;
    Ok(())
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
