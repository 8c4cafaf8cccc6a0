//! Joins rows with what the ledger has, prices them, and keeps the sums; all within somebody's transaction.

use std::collections::{HashMap, HashSet};

use rusqlite::{OptionalExtension, Transaction};

use super::calls::is_final;
use super::names::{Names, name_id};
use super::remainder::Touched;
use super::rollup::{Changes, Key, QUARTER_MS, Sums};
use super::row::{Row, flag, settle};
use super::{charge, responses, telemetry};
use crate::model::{ToolOutcome, ToolResult, fnv1a};
use crate::pricing::Prices;

/// Rows held back until their lines are likely all there; bounds memory.
const MAX_PENDING: usize = 2048;

/// The part of a transaction that is about responses.
pub(super) struct Writer {
    prices: &'static Prices,
    price_list: i64,
    /// Rows not yet written, and where each identity stands among them.
    pending: Vec<Row>,
    places: HashMap<Identity, usize>,
    changes: Changes,
    added: i64,
    /// Between which rows those of an origin lie, of the rows written.
    ranges: HashMap<i64, (i64, i64)>,
    calls: Calls,
    pub(super) touched: Touched,
    /// Telemetry has told of responses.
    has_telemetry: bool,
}

/// Hashes of a message's and of a request's id.
type Identity = (i64, i64);

/// Tool calls of this transaction, by their keys.
#[derive(Default)]
struct Calls {
    made: HashMap<i64, Identity>,
    /// Rows with calls that are written already.
    written: HashMap<Identity, i64>,
    settled: HashSet<i64>,
    /// Outcomes for rows that are written already: row, call, outcome.
    late: Vec<(i64, u32, ToolOutcome)>,
}

impl Writer {
    pub(super) fn new(tx: &Transaction, prices: &'static Prices) -> rusqlite::Result<Self> {
        Ok(Self {
            prices,
            price_list: name_id(tx, "price_list", "version", &prices.version)?,
            pending: Vec::new(),
            places: HashMap::new(),
            changes: Changes::default(),
            added: 0,
            ranges: HashMap::new(),
            calls: Calls::default(),
            touched: Touched::default(),
            has_telemetry: telemetry::is_told(tx)?,
        })
    }

    /// Takes in a row, which is held back for others of its identity.
    pub(super) fn add(&mut self, tx: &Transaction, names: &mut Names, row: Row) -> rusqlite::Result<()> {
        let identity = identity(&row);
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

    /// Takes in which tool calls a row has, by the ids of their blocks.
    pub(super) fn calls<'i>(&mut self, row: &Row, ids: impl Iterator<Item = &'i str>) {
        self.calls.made.extend(ids.map(|id| (fnv1a(id.as_bytes()), identity(row))));
    }

    /// Takes in how a tool call ended; of one that nobody has told of, nothing is kept.
    pub(super) fn result(&mut self, tx: &Transaction, result: &ToolResult) -> rusqlite::Result<()> {
        let (key, outcome) = (fnv1a(result.tool_use_id.as_bytes()), result.outcome);
        let is_settled = is_final(outcome);
        let made = self.calls.made.get(&key);
        let made =
            made.filter(|made| self.places.contains_key(made) || self.calls.written.contains_key(made));
        let Some(identity) = made else {
            let row: Option<i64> = tx
                .prepare_cached("SELECT response_id FROM open_call WHERE call_key = ?1")?
                .query_row([key], |row| row.get(0))
                .optional()?;
            self.calls.late.extend(row.map(|row| (row, low(key), outcome)));
            if is_settled && row.is_some() {
                tx.prepare_cached("DELETE FROM open_call WHERE call_key = ?1")?.execute([key])?;
            }
            return Ok(());
        };
        if is_settled {
            self.calls.settled.insert(key);
        }
        if let Some(place) = self.places.get(identity) {
            if let Some(call) = self.pending[*place].calls.iter_mut().find(|call| call.key == low(key)) {
                call.learn(Some(outcome));
            }
        } else if let Some(row) = self.calls.written.get(identity) {
            self.calls.late.push((*row, low(key), outcome));
        }
        Ok(())
    }

    /// Stores all that was held back, and its sums. Returns how many responses more are counted than before.
    pub(super) fn finish(&mut self, tx: &Transaction, names: &mut Names) -> rusqlite::Result<i64> {
        self.flush(tx, names)?;
        if self.has_telemetry {
            self.bring_home(tx, names)?;
        }
        self.end_calls(tx, names)?;
        for (origin, (first, last)) in self.ranges.drain() {
            tx.prepare_cached(
                "UPDATE origin SET first_response = min(ifnull(first_response, ?2), ?2),
                        last_response = max(ifnull(last_response, ?3), ?3)
                  WHERE id = ?1 AND NOT ifnull(first_response <= ?2 AND last_response >= ?3, 0)",
            )?
            .execute([origin, first, last])?;
        }
        self.touched.settle(tx, names, self.prices, &mut self.changes)?;
        self.changes.apply(tx)?;
        Ok(std::mem::take(&mut self.added))
    }

    fn end_calls(&mut self, tx: &Transaction, names: &mut Names) -> rusqlite::Result<()> {
        let Calls { made, written, settled, late } = std::mem::take(&mut self.calls);
        for (row, key, outcome) in late {
            let Some(before) = responses::by_id(tx, row)? else { continue };
            let mut row = before.clone();
            row.calls.iter_mut().filter(|call| call.key == key).for_each(|call| call.learn(Some(outcome)));
            if row != before {
                self.replace(tx, names, Some(&before), row)?;
            }
        }
        for (key, identity) in made.iter().filter(|(key, _)| !settled.contains(*key)) {
            if let Some(row) = written.get(identity) {
                tx.prepare_cached("INSERT INTO open_call VALUES (?1, ?2) ON CONFLICT DO NOTHING")?
                    .execute([*key, *row])?;
            }
        }
        Ok(())
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
        if row.is_told() {
            if !std::mem::replace(&mut self.has_telemetry, true) {
                telemetry::begin(tx)?;
            }
            if responses::of_request(tx, &row.request_id)?.iter().any(|known| !known.is_told()) {
                return Ok(());
            }
        } else if self.has_telemetry {
            for told in responses::of_request(tx, &row.request_id)?.iter().filter(|known| known.is_told()) {
                self.remove(tx, names, told)?;
            }
        }
        let stored = responses::of_message(tx, &row)?;
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
            self.replace(tx, names, before.as_ref(), row)?;
        }
        Ok(())
    }

    /// Stores a row, which `before` was, and moves the sums by what they differ.
    pub(super) fn replace(
        &mut self,
        tx: &Transaction,
        names: &mut Names,
        before: Option<&Row>,
        mut row: Row,
    ) -> rusqlite::Result<()> {
        if let Some(before) = before {
            self.count(tx, names, before, -1)?;
            self.touched.at(before.session, before.at_ms);
        }
        self.touched.at(row.session, row.at_ms);
        self.count(tx, names, &row, 1)?;
        self.added +=
            i64::from(!row.has(flag::COPY)) - i64::from(before.is_some_and(|row| !row.has(flag::COPY)));
        match before {
            Some(_) => responses::update(tx, &row, self.price_list)?,
            None => responses::insert(tx, &mut row, self.price_list)?,
        }
        if let Some(id) = row.id {
            let (first, last) = self.ranges.entry(row.origin).or_insert((id, id));
            (*first, *last) = (id.min(*first), id.max(*last));
            if !row.calls.is_empty() {
                self.calls.written.insert(identity(&row), id);
            }
        }
        Ok(())
    }

    /// Takes a row away that turns out to be another's.
    fn remove(&mut self, tx: &Transaction, names: &mut Names, row: &Row) -> rusqlite::Result<()> {
        self.count(tx, names, row, -1)?;
        self.touched.at(row.session, row.at_ms);
        self.added -= i64::from(!row.has(flag::COPY));
        responses::delete(tx, row)
    }

    /// Moves what telemetry told before any transcript did to where its session turns out to be.
    fn bring_home(&mut self, tx: &Transaction, names: &mut Names) -> rusqlite::Result<()> {
        for telemetry::Found { origin, rows, home } in telemetry::homes_found(tx)? {
            let rows = [rows, self.ranges.get(&origin).copied()].into_iter().flatten();
            let rows = rows.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
            for before in responses::of_origin(tx, origin, rows.unwrap_or((1, 0)))? {
                let row = Row { origin: home, ..before.clone() };
                self.replace(tx, names, Some(&before), row)?;
            }
        }
        Ok(())
    }

    /// Stores what has become of a row, whose sums are told otherwise.
    pub(super) fn update(&self, tx: &Transaction, row: &Row) -> rusqlite::Result<()> {
        responses::update(tx, row, self.price_list)
    }

    /// Prices a row by the list of today.
    pub(super) fn charge(&self, tx: &Transaction, names: &mut Names, row: &mut Row) -> rusqlite::Result<()> {
        charge::charge(self.prices, names.terms_by_id(tx, self.prices, row.terms)?, row);
        Ok(())
    }

    /// Tells the rollup what a row adds to it, or (-1 time) no longer does.
    pub(super) fn count(
        &mut self,
        tx: &Transaction,
        names: &mut Names,
        row: &Row,
        times: i64,
    ) -> rusqlite::Result<()> {
        if row.has(flag::COPY) {
            return Ok(());
        }
        let saving = charge::saving(self.prices, names.terms_by_id(tx, self.prices, row.terms)?, row);
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
            saved: saving.own.unwrap_or_default(),
        };
        let sign = |sums: Sums| if times < 0 { sums.negated() } else { sums };
        self.changes.add(key, sign(own));
        self.changes.add_calls(&row.calls, times);
        let extras = row.attempts.iter().filter(|charged| charged.is_extra);
        for (charged, saved) in extras.zip(saving.extras) {
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
                saved: saved.unwrap_or_default(),
            };
            let key = Key {
                terms,
                is_priced: charged.cost_picousd.is_some(),
                is_contracted: charged.contract_picousd.is_some(),
                ..key
            };
            self.changes.add(key, sign(extra));
        }
        Ok(())
    }
}

fn identity(row: &Row) -> Identity {
    (fnv1a(row.message().as_bytes()), fnv1a(row.request_id.as_bytes()))
}

/// As in [`Call::key`](super::calls::Call::key).
pub(super) fn low(key: i64) -> u32 {
    let [a, b, c, ..] = key.to_le_bytes();
    u32::from_le_bytes([a, b, c, 0])
}
