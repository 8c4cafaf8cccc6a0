//! Sums of the counted responses, kept beside them.

use std::collections::{BTreeMap, HashMap};
use std::ops::AddAssign;

use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::calls::{self, Call};
use super::cells::{day_of, pack, unpack};
use super::row::flag;
use super::{damaged_value, remainder};
use crate::model::Tokens;
use crate::pricing::saving::Saved;

/// Length of a rollup's step. Every zone's hours and days begin at one: offsets are multiples of 15 minutes.
pub const QUARTER_MS: i64 = 900_000;

/// What a report adds up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sums {
    pub responses: i64,
    pub tokens: Tokens,
    pub web_searches: i64,
    /// At list price; 0 where there is none.
    pub cost_picousd: i64,
    /// At the user's own prices; the list's where these say nothing.
    pub contract_picousd: i64,
    /// What the cache changed at list price; nothing where there is none.
    pub saved: Saved,
}

impl Sums {
    pub(super) fn negated(mut self) -> Self {
        let plus = self;
        self.responses = -plus.responses;
        self.tokens = Tokens::default() - plus.tokens;
        self.web_searches = -plus.web_searches;
        self.cost_picousd = -plus.cost_picousd;
        self.contract_picousd = -plus.contract_picousd;
        self.saved = -plus.saved;
        self
    }
}

impl AddAssign for Sums {
    fn add_assign(&mut self, other: Self) {
        self.responses += other.responses;
        self.tokens += other.tokens;
        self.web_searches += other.web_searches;
        self.cost_picousd += other.cost_picousd;
        self.contract_picousd += other.contract_picousd;
        self.saved += other.saved;
    }
}

/// What tells cells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) quarter: i64,
    pub(super) origin: i64,
    pub(super) terms: i64,
    pub(super) provenance: i64,
    pub(super) is_priced: bool,
    pub(super) is_contracted: bool,
}

/// Changes to the rollup, gathered over a batch.
#[derive(Default)]
pub(super) struct Changes {
    sums: HashMap<Key, Sums>,
    /// Tool calls by tool and [stored outcome](calls::stored).
    calls: HashMap<(i64, u8), i64>,
}

impl Changes {
    pub(super) fn add(&mut self, key: Key, sums: Sums) {
        *self.sums.entry(key).or_default() += sums;
    }

    /// Calls of a response that counts, or (-1 time) no longer does.
    pub(super) fn add_calls(&mut self, calls: &[Call], times: i64) {
        for call in calls {
            *self.calls.entry((call.tool, calls::stored(call.outcome))).or_default() += times;
        }
    }

    /// Writes them, and begins anew.
    pub(super) fn apply(&mut self, tx: &Transaction) -> rusqlite::Result<()> {
        for ((tool, outcome), calls) in self.calls.drain().filter(|(_, calls)| *calls != 0) {
            tx.prepare_cached(
                "INSERT INTO tool_calls VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET calls = calls + ?3",
            )?
            .execute(params![tool, outcome, calls])?;
        }
        let mut changes: Vec<_> = self.sums.drain().filter(|(_, sums)| *sums != Sums::default()).collect();
        changes.sort_unstable_by_key(|(key, _)| *key);
        for changes in changes.chunk_by(|(a, _), (b, _)| day_of(a.quarter) == day_of(b.quarter)) {
            let day = day_of(changes[0].0.quarter);
            let mut cells: BTreeMap<Key, Sums> = BTreeMap::new();
            let mut find = tx.prepare_cached("SELECT cells FROM rollup WHERE day = ?1")?;
            let packed: Option<Vec<u8>> = find.query_row([day], |row| row.get(0)).optional()?;
            let insert = |key, sums| _ = cells.insert(key, sums);
            if packed.is_some_and(|packed| !unpack(day, &packed, insert)) {
                return Err(damaged_value("rollup", day));
            }
            for (key, sums) in changes {
                *cells.entry(*key).or_default() += *sums;
            }
            let cells: Vec<_> = cells.into_iter().filter(|(_, sums)| *sums != Sums::default()).collect();
            if cells.is_empty() {
                tx.prepare_cached("DELETE FROM rollup WHERE day = ?1")?.execute([day])?;
            } else {
                tx.prepare_cached("INSERT INTO rollup VALUES (?1, ?2) ON CONFLICT DO UPDATE SET cells = ?2")?
                    .execute(params![day, pack(&cells)])?;
            }
        }
        Ok(())
    }
}

/// Makes the rollup anew from the responses, but for what the cache saved, which
/// [re-pricing](super::Ledger::reprice) tells.
pub(super) fn rebuild(tx: &Transaction) -> rusqlite::Result<()> {
    clear(tx)?;
    let mut changes = Changes::default();
    counted(tx, |key, sums| changes.add(key, sums))?;
    remainder::counted(tx, |key, sums| changes.add(key, sums))?;
    counted_calls(tx, |calls| changes.add_calls(calls, 1))?;
    changes.apply(tx)
}

/// Forgets all sums.
pub(super) fn clear(tx: &Transaction) -> rusqlite::Result<()> {
    tx.execute_batch("DELETE FROM rollup; DELETE FROM tool_calls")
}

/// The tool calls of all responses that count.
pub(super) fn counted_calls(db: &Connection, mut each: impl FnMut(&[Call])) -> rusqlite::Result<()> {
    let sql = format!("SELECT tools FROM response WHERE tools IS NOT NULL AND flags & {} = 0", flag::COPY);
    let mut find = db.prepare(&sql)?;
    let mut rows = find.query([])?;
    while let Some(row) = rows.next()? {
        each(&calls::unpack(row.get_ref(0)?.as_blob()?));
    }
    Ok(())
}

/// Adds up all responses that count and their extra attempts, in no order, but for what the cache saved. An attempt's terms are those of its
/// response but for the model, which must have terms without a requested model and a speed
/// ([`Names::terms`](super::names::Names::terms) makes them where it is counted).
pub(super) fn counted(db: &Connection, mut each: impl FnMut(Key, Sums)) -> rusqlite::Result<()> {
    let mut all = db.prepare(&format!(
        "SELECT at_ms, origin_id, terms_id, provenance, cost_picousd, contract_picousd,
                input, output, cache_read, cache_write_5m, cache_write_1h, web_searches, 1
           FROM response WHERE flags & {copy} = 0
         UNION ALL
         SELECT at_ms, origin_id, coalesce(other.id, terms.id), provenance, attempt.cost_picousd,
                attempt.contract_picousd, attempt.input, attempt.output, attempt.cache_read, attempt.cache_write_5m,
                attempt.cache_write_1h, 0, 0
           FROM attempt JOIN response ON response.id = response_id JOIN terms ON terms.id = terms_id
           LEFT JOIN terms AS other ON other.model_id = attempt.model_id AND other.requested_model = ''
            AND other.speed = '' AND other.inference_geo = terms.inference_geo
            AND other.service_tier = terms.service_tier
          WHERE is_extra AND flags & {copy} = 0",
        copy = flag::COPY
    ))?;
    let mut rows = all.query([])?;
    while let Some(row) = rows.next()? {
        let (cost, contract): (Option<i64>, Option<i64>) = (row.get(4)?, row.get(5)?);
        let key = Key {
            quarter: row.get::<_, i64>(0)?.div_euclid(QUARTER_MS),
            origin: row.get(1)?,
            terms: row.get(2)?,
            provenance: row.get(3)?,
            is_priced: cost.is_some(),
            is_contracted: contract.is_some(),
        };
        let sums = Sums {
            responses: row.get(12)?,
            tokens: super::responses::tokens_at(row, 6)?,
            web_searches: row.get(11)?,
            cost_picousd: cost.unwrap_or(0),
            contract_picousd: contract.or(cost).unwrap_or(0),
            saved: Saved::default(),
        };
        each(key, sums);
    }
    Ok(())
}
