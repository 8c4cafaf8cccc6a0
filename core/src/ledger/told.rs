//! Responses one by one, with what there is to say of their cost.

use std::ops::Range;

use rusqlite::{Row, params};

use super::names::Names;
use super::responses::{self, tokens_at};
use super::rollup::{QUARTER_MS, Sums};
use super::row::flag;
use super::{Cell, Error, Ledger, Terms, charge};
use crate::model::Tokens;
use crate::pricing::saving::Saved;
use crate::pricing::{Flags, Remark};

/// A response that counts, or an extra attempt behind one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// False for an extra attempt.
    pub is_response: bool,
    /// Milliseconds since the epoch, UTC.
    pub at_ms: i64,
    /// What it adds to the rollup; the terms of an extra attempt are those of its response.
    pub cell: Cell,
    pub model: i64,
    /// Of the ledger and of the price list alike; an extra attempt has its response's.
    pub flags: i64,
    pub price_list: i64,
}

/// What [`told`] reads of a `response`.
pub(super) const COLUMNS: &str =
    "id, at_ms, origin_id, terms_id, provenance, flags, price_list_id, cost_picousd,
    contract_picousd, web_searches, input, output, cache_read, cache_write_5m, cache_write_1h";

/// How many they are.
pub(super) const WIDTH: usize = 15;

/// Of the flags that the ledger sets itself.
const REMARKS: [(i64, Remark); 4] = [
    (flag::TTL_UNKNOWN, Remark::TTL_UNKNOWN),
    (flag::CODE_EXECUTION, Remark::CODE_EXECUTION),
    (flag::ABORTED, Remark::ABORTED),
    (flag::TIME_INFERRED, Remark::TIME_INFERRED),
];

/// What flags say of a cost.
pub fn remarks(flags: i64) -> impl Iterator<Item = Remark> {
    let own = REMARKS.into_iter().filter(move |(flag, _)| flags & flag != 0).map(|(_, remark)| remark);
    own.chain(Flags::from_bits(u32::try_from(flags).unwrap_or_default()).explain())
}

impl Ledger {
    /// Tells of the responses of a range of quarters, each followed by its extra attempts.
    ///
    /// There is no index by time, which every response would pay for: all of them are gone through.
    pub fn responses(&self, quarters: &Range<i64>, mut each: impl FnMut(&Told)) -> Result<(), Error> {
        let [from, to] = [quarters.start, quarters.end].map(|quarter| quarter.saturating_mul(QUARTER_MS));
        let (terms, mut names) = (self.terms()?, Names::default());
        let mut read = || {
            let mut find = self.db.prepare_cached(&format!(
                "SELECT {COLUMNS} FROM response WHERE at_ms >= ?1 AND at_ms < ?2 AND flags & {} = 0",
                flag::COPY
            ))?;
            let mut rows = find.query(params![from, to])?;
            while let Some(row) = rows.next()? {
                let mut response = told(row, &terms)?;
                let extras = self.extras(&mut names, row.get(0)?, &mut response)?;
                each(&response);
                extras.iter().for_each(&mut each);
            }
            Ok(())
        };
        self.explained(read())
    }

    /// The extra attempts behind a response, which learns what the cache saved of it.
    pub(super) fn extras(
        &self,
        names: &mut Names,
        id: i64,
        response: &mut Told,
    ) -> rusqlite::Result<Vec<Told>> {
        let Tokens { cache_read, cache_write_5m, cache_write_1h, .. } = response.cell.sums.tokens;
        let is_cached = cache_read != 0 || cache_write_5m != 0 || cache_write_1h != 0;
        let has_attempts = response.flags & flag::ATTEMPTS != 0;
        let row = if is_cached || has_attempts { responses::by_id(&self.db, id)? } else { None };
        let Some(row) = row else { return Ok(vec![]) };
        let terms = names.terms_by_id(&self.db, self.prices(), row.terms)?;
        let saving = charge::saving(self.prices(), terms, &row);
        response.cell.sums.saved = saving.own.unwrap_or_default();
        if !has_attempts {
            return Ok(vec![]);
        }
        let mut find = self.db.prepare_cached(
            "SELECT model_id, cost_picousd, contract_picousd, input, output, cache_read, cache_write_5m, cache_write_1h
               FROM attempt WHERE response_id = ?1 AND is_extra ORDER BY n",
        )?;
        let extra = |row: &Row| {
            let (cost, contract): (Option<i64>, Option<i64>) = (row.get(1)?, row.get(2)?);
            let cell = Cell {
                is_priced: cost.is_some(),
                is_contracted: contract.is_some(),
                sums: Sums {
                    responses: 0,
                    tokens: tokens_at(row, 3)?,
                    web_searches: 0,
                    cost_picousd: cost.unwrap_or(0),
                    contract_picousd: contract.or(cost).unwrap_or(0),
                    saved: Saved::default(),
                },
                ..response.cell
            };
            let model = row.get::<_, Option<i64>>(0)?.unwrap_or(response.model);
            Ok(Told { is_response: false, cell, model, ..*response })
        };
        let mut extras: Vec<Told> = find.query_map([id], extra)?.collect::<rusqlite::Result<_>>()?;
        for (extra, saved) in extras.iter_mut().zip(saving.extras) {
            extra.cell.sums.saved = saved.unwrap_or_default();
        }
        Ok(extras)
    }
}

/// Reads [`COLUMNS`], which do not say what the cache saved; `terms` by id.
pub(super) fn told(row: &Row, terms: &[Terms]) -> rusqlite::Result<Told> {
    let (at_ms, cost, contract): (i64, Option<i64>, Option<i64>) = (row.get(1)?, row.get(7)?, row.get(8)?);
    let cell = Cell {
        quarter: at_ms.div_euclid(QUARTER_MS),
        origin: row.get(2)?,
        terms: row.get(3)?,
        provenance: row.get(4)?,
        is_priced: cost.is_some(),
        is_contracted: contract.is_some(),
        sums: Sums {
            responses: 1,
            tokens: tokens_at(row, 10)?,
            web_searches: row.get(9)?,
            cost_picousd: cost.unwrap_or(0),
            contract_picousd: contract.or(cost).unwrap_or(0),
            saved: Saved::default(),
        },
    };
    let terms = usize::try_from(cell.terms).ok().and_then(|id| terms.get(id)).copied().unwrap_or_default();
    let (flags, price_list) = (row.get(5)?, row.get(6)?);
    Ok(Told { is_response: true, at_ms, cell, model: terms.model, flags, price_list })
}

#[cfg(test)]
mod tests {
    use super::remarks;
    use crate::ledger::row::flag;
    use crate::pricing::Flags;

    #[test]
    fn flags_of_the_ledger_and_of_the_price_list_are_said() {
        let said = |flags| remarks(flags).map(|remark| remark.name).collect::<Vec<_>>();
        let both = flag::ABORTED | flag::FINISHED | i64::from(Flags::PROMOTION.bits());
        assert_eq!(said(both), ["aborted", "promotion"]);
        assert_eq!(said(flag::SIDECHAIN | flag::FINISHED | flag::ATTEMPTS), [""; 0]);
    }
}
