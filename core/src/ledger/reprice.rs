//! Prices every response anew when the prices have changed; rows whose price stays keep the list that priced them.

use std::collections::BTreeMap;

use rusqlite::{Connection, TransactionBehavior};

use super::row::{Row, flag};
use super::writer::Writer;
use super::{Error, Ledger, explain, remainder, responses, rollup, state};

/// Rows held in memory at a time.
const CHUNK: usize = 1000;

/// What a change of prices did to the responses of one model.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Moved {
    pub responses: i64,
    /// When the first and the last of them came, milliseconds since the epoch.
    pub first_ms: i64,
    pub last_ms: i64,
    /// Their list cost, with that of their extra attempts; 0 where there is none.
    pub before_picousd: i128,
    pub after_picousd: i128,
    /// How many of them had no list price, and have none now.
    pub unpriced_before: i64,
    pub unpriced_after: i64,
}

impl Ledger {
    /// Brings all responses to the present prices, in one transaction. None where they are; else what moved, by model.
    pub fn reprice(&mut self) -> Result<Option<BTreeMap<String, Moved>>, Error> {
        let prices = self.prices();
        let is_done = |db: &Connection| -> rusqlite::Result<bool> {
            let done: Option<String> = state::get(db, state::PRICES)?;
            Ok(done.as_ref() == Some(&prices.version))
        };
        if self.explained(is_done(&self.db))? {
            return Ok(None);
        }
        let path = self.path.clone();
        let Self { db, names, is_writing, .. } = self;
        let mut reprice = || {
            let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            if is_done(&tx)? {
                return Ok(BTreeMap::new());
            }
            names.begin(&tx, std::mem::replace(is_writing, true))?;
            let mut writer = Writer::new(&tx, prices)?;
            // What the cache saved by former prices nobody knows any more, so that no difference can be told.
            rollup::clear(&tx)?;
            remainder::forget(&tx, &mut writer.touched)?;
            let (mut moved, mut last) = (BTreeMap::new(), 0);
            loop {
                let rows = responses::after(&tx, last, CHUNK)?;
                let Some(id) = rows.last().and_then(|row| row.id) else { break };
                last = id;
                for before in rows {
                    let mut row = before.clone();
                    writer.charge(&tx, names, &mut row)?;
                    writer.count(&tx, names, &row, 1)?;
                    if row == before {
                        continue;
                    }
                    if !row.has(flag::COPY) {
                        let model = names.terms_by_id(&tx, prices, row.terms)?.name.clone();
                        moved.entry(model).or_insert_with(Moved::default).add(&before, &row);
                    }
                    writer.update(&tx, &row)?;
                }
            }
            writer.finish(&tx, names)?;
            state::set(&tx, state::PRICES, &prices.version)?;
            tx.commit()?;
            *is_writing = false;
            Ok(moved)
        };
        reprice().map(Some).map_err(|source| explain(&path, source))
    }
}

impl Moved {
    fn add(&mut self, before: &Row, after: &Row) {
        let is_first = self.responses == 0;
        self.responses += 1;
        self.first_ms = if is_first { after.at_ms } else { self.first_ms.min(after.at_ms) };
        self.last_ms = if is_first { after.at_ms } else { self.last_ms.max(after.at_ms) };
        self.before_picousd += cost(before);
        self.after_picousd += cost(after);
        self.unpriced_before += i64::from(before.cost_picousd.is_none());
        self.unpriced_after += i64::from(after.cost_picousd.is_none());
    }
}

fn cost(row: &Row) -> i128 {
    let extras =
        row.attempts.iter().filter(|charged| charged.is_extra).filter_map(|charged| charged.cost_picousd);
    row.cost_picousd.into_iter().chain(extras).map(i128::from).sum()
}
