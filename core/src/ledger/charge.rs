//! What a row costs, and what the cache saved of it.

use super::names::Terms;
use super::row::{Charged, Row, flag};
use crate::model::Attempt;
use crate::pricing::saving::Saving;
use crate::pricing::{Bill, Extra, Flags, Prices, Request};

/// Prices a row anew.
pub(super) fn charge(prices: &Prices, terms: &Terms, row: &mut Row) {
    let bill = prices.bill(&request(row, terms, &attempts(row)));
    (row.cost_picousd, row.contract_picousd) = (bill.cost_picousd, bill.contract_picousd);
    row.flags = row.flags & flag::OF_LEDGER | i64::from(bill.flags.bits());
    for charged in &mut row.attempts {
        *charged = Charged::new(charged.attempt.clone());
    }
    for extra in bill.extras {
        let charged = &mut row.attempts[extra.attempt];
        charged.is_extra = true;
        (charged.cost_picousd, charged.contract_picousd) = (extra.cost_picousd, extra.contract_picousd);
    }
}

/// What the cache saved of a row that these prices charged. No row keeps it, which would take 8 bytes of each.
pub(super) fn saving(prices: &Prices, terms: &Terms, row: &Row) -> Saving {
    let extras = row.attempts.iter().enumerate().filter(|(_, charged)| charged.is_extra);
    let extra = |(attempt, charged): (usize, &Charged)| Extra {
        attempt,
        cost_picousd: charged.cost_picousd,
        contract_picousd: charged.contract_picousd,
    };
    let bill = Bill {
        cost_picousd: row.cost_picousd,
        contract_picousd: row.contract_picousd,
        extras: extras.map(extra).collect(),
        flags: Flags::from_bits(u32::try_from(row.flags).unwrap_or_default()),
    };
    prices.saving(&request(row, terms, &attempts(row)), &bill)
}

fn request<'r>(row: &'r Row, terms: &'r Terms, attempts: &'r [Attempt]) -> Request<'r> {
    Request {
        model: &terms.model,
        speed: &terms.speed,
        inference_geo: &terms.inference_geo,
        service_tier: &terms.service_tier,
        message_id: &row.message_id,
        at_ms: row.at_ms,
        tokens: row.tokens,
        web_searches: row.web_searches,
        attempts,
        is_refused: row.has(flag::REFUSED),
    }
}

fn attempts(row: &Row) -> Vec<Attempt> {
    row.attempts.iter().map(|charged| charged.attempt.clone()).collect()
}
