//! Sums of the counted responses, kept beside them.

use std::collections::HashMap;
use std::ops::AddAssign;

use rusqlite::{Transaction, params};

use crate::model::Tokens;

/// Length of a rollup's step. Every zone's hours and days begin at one: offsets are multiples of 15 minutes.
pub const QUARTER_MS: i64 = 900_000;

/// What a report adds up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sums {
    pub responses: i64,
    pub tokens: Tokens,
    pub web_searches: i64,
    /// 0 where there is no price.
    pub cost_picousd: i64,
}

impl Sums {
    fn negated(mut self) -> Self {
        let plus = self;
        self.responses = -plus.responses;
        self.tokens = Tokens::default() - plus.tokens;
        self.web_searches = -plus.web_searches;
        self.cost_picousd = -plus.cost_picousd;
        self
    }
}

impl AddAssign for Sums {
    fn add_assign(&mut self, other: Self) {
        self.responses += other.responses;
        self.tokens += other.tokens;
        self.web_searches += other.web_searches;
        self.cost_picousd += other.cost_picousd;
    }
}

/// The key of a rollup row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) quarter: i64,
    pub(super) origin: i64,
    pub(super) terms: i64,
    pub(super) provenance: i64,
    pub(super) is_priced: bool,
}

/// Changes to the rollup, gathered over a batch.
#[derive(Default)]
pub(super) struct Changes(HashMap<Key, Sums>);

impl Changes {
    pub(super) fn add(&mut self, key: Key, sums: Sums) {
        *self.0.entry(key).or_default() += sums;
    }

    pub(super) fn remove(&mut self, key: Key, sums: Sums) {
        self.add(key, sums.negated());
    }

    /// Writes them, in the order of the table, and begins anew.
    pub(super) fn apply(&mut self, tx: &Transaction) -> rusqlite::Result<()> {
        let mut changes: Vec<_> = self.0.drain().filter(|(_, sums)| *sums != Sums::default()).collect();
        changes.sort_unstable_by_key(|(key, _)| *key);
        let mut upsert = tx.prepare_cached(
            "INSERT INTO rollup VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
             ON CONFLICT DO UPDATE SET
                responses = responses + ?6, input = input + ?7, output = output + ?8,
                cache_read = cache_read + ?9, cache_write_5m = cache_write_5m + ?10,
                cache_write_1h = cache_write_1h + ?11, web_searches = web_searches + ?12,
                cost_picousd = cost_picousd + ?13",
        )?;
        let mut is_any_negative = false;
        for (key, sums) in changes {
            let Sums { responses, tokens, web_searches, cost_picousd } = sums;
            is_any_negative |= responses < 0;
            upsert.execute(params![
                key.quarter,
                key.origin,
                key.terms,
                key.provenance,
                key.is_priced,
                responses,
                tokens.input,
                tokens.output,
                tokens.cache_read,
                tokens.cache_write_5m,
                tokens.cache_write_1h,
                web_searches,
                cost_picousd
            ])?;
        }
        if is_any_negative {
            let empty = "DELETE FROM rollup WHERE responses = 0 AND web_searches = 0
                AND input + output + cache_read + cache_write_5m + cache_write_1h = 0";
            tx.execute(empty, [])?;
        }
        Ok(())
    }
}
