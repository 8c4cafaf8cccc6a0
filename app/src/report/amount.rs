//! What a row of a report adds up.

use super::number::percent;
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
    /// At the user's own prices, and the list's where these say nothing; of the part that has either.
    pub contract_picousd: i128,
    /// Without either.
    pub contract_unpriced_responses: i64,
    /// The user's own prices say something of it.
    pub is_contracted: bool,
    /// What the cache saved at list price, of the part that has one; negative where writing cost more.
    pub cache_saving_picousd: i128,
    list: Parts,
    contract: Parts,
    /// May repeat and be in any order until [`settle`](Self::settle).
    sessions: Vec<i64>,
}

/// What an amount is made of. Not to be told from responses: an advisor adds tokens and no response.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Parts {
    has_priced: bool,
    has_unpriced: bool,
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
        let is_unknown = !cell.is_priced && !cell.is_contracted;
        self.responses += sums.responses;
        self.tokens += sums.tokens;
        self.web_searches += sums.web_searches;
        self.cost_picousd += i128::from(sums.cost_picousd);
        self.unpriced_responses += if cell.is_priced { 0 } else { sums.responses };
        self.contract_picousd += i128::from(sums.contract_picousd);
        self.contract_unpriced_responses += if is_unknown { sums.responses } else { 0 };
        self.is_contracted |= cell.is_contracted;
        self.cache_saving_picousd += i128::from(sums.saved.net_picousd());
        self.list.add(Parts { has_priced: cell.is_priced, has_unpriced: !cell.is_priced });
        self.contract.add(Parts { has_priced: !is_unknown, has_unpriced: is_unknown });
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
        self.contract_picousd += other.contract_picousd;
        self.contract_unpriced_responses += other.contract_unpriced_responses;
        self.is_contracted |= other.is_contracted;
        self.cache_saving_picousd += other.cache_saving_picousd;
        self.list.add(other.list);
        self.contract.add(other.contract);
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

    /// By the list.
    pub fn priced(&self) -> Priced {
        self.list.priced()
    }

    /// In percent with one decimal, how much more it costs than another; none where that cannot be said.
    pub(super) fn percent_over(&self, before: &Self) -> Option<String> {
        let is_known = self.priced() == Priced::All && before.priced() == Priced::All;
        let more = self.cost_picousd - before.cost_picousd;
        (is_known && before.cost_picousd > 0).then(|| percent(more, before.cost_picousd))
    }

    /// By the user's own prices or the list.
    pub fn contract_priced(&self) -> Priced {
        self.contract.priced()
    }
}

impl Parts {
    fn add(&mut self, other: Self) {
        self.has_priced |= other.has_priced;
        self.has_unpriced |= other.has_unpriced;
    }

    fn priced(self) -> Priced {
        match (self.has_priced, self.has_unpriced) {
            (_, false) => Priced::All,
            (true, true) => Priced::Some,
            (false, true) => Priced::None,
        }
    }
}
