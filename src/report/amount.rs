//! What a row of a report adds up.

use crate::ledger::Cell;
use crate::model::Tokens;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Amount {
    pub responses: i64,
    pub tokens: Tokens,
    pub web_searches: i64,
    /// Of the part that has a price.
    pub cost_picousd: i128,
    pub unpriced_responses: i64,
    has_priced: bool,
    /// Not the same as some `unpriced_responses`: an advisor adds tokens and no response.
    has_unpriced: bool,
    /// May repeat and be in any order until [`settle`](Self::settle).
    sessions: Vec<i64>,
}

/// How much of an amount has a price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Priced {
    All,
    /// The cost is a lower bound.
    Some,
    None,
}

impl Amount {
    pub(super) fn add(&mut self, cell: &Cell, session: i64) {
        let sums = &cell.sums;
        self.responses += sums.responses;
        self.tokens += sums.tokens;
        self.web_searches += sums.web_searches;
        self.cost_picousd += i128::from(sums.cost_picousd);
        self.unpriced_responses += if cell.is_priced { 0 } else { sums.responses };
        self.has_priced |= cell.is_priced;
        self.has_unpriced |= !cell.is_priced;
        if self.sessions.last() != Some(&session) {
            self.sessions.push(session);
        }
    }

    /// To be settled when all is merged.
    pub(super) fn merge(&mut self, other: &Self) {
        self.responses += other.responses;
        self.tokens += other.tokens;
        self.web_searches += other.web_searches;
        self.cost_picousd += other.cost_picousd;
        self.unpriced_responses += other.unpriced_responses;
        self.has_priced |= other.has_priced;
        self.has_unpriced |= other.has_unpriced;
        self.sessions.extend_from_slice(&other.sessions);
    }

    /// Counts each session once.
    pub(super) fn settle(&mut self) {
        self.sessions.sort_unstable();
        self.sessions.dedup();
    }

    /// How many distinct sessions there are.
    pub fn sessions(&self) -> i64 {
        i64::try_from(self.sessions.len()).unwrap_or(i64::MAX)
    }

    pub fn priced(&self) -> Priced {
        match (self.has_priced, self.has_unpriced) {
            (_, false) => Priced::All,
            (true, true) => Priced::Some,
            (false, true) => Priced::None,
        }
    }
}
