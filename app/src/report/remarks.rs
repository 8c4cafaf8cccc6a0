//! What there is to know of costs before trusting them: what flags say, and which prices they are by.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use super::filter::Filter;
use super::groups::Origins;
use super::number::counted;
use super::page::Page;
use super::text::{plain, push_cost};
use super::{Amount, Error, Query, Unpriced};
use crate::ledger::{self, Ledger, Told};
use crate::pricing::Remark;

pub(super) const TITLE: &str = "What to know of these costs";

/// Of some responses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Remarks {
    /// Those of most responses first.
    pub concerns: Vec<Concern>,
    /// Versions of prices, and how many responses each gave the cost of; by version.
    pub price_lists: Vec<(String, i64)>,
}

/// A remark, and all that it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Concern {
    pub remark: Remark,
    pub amount: Amount,
}

/// Gathers remarks, response by response.
#[derive(Default)]
pub(super) struct Gathered {
    by_flags: HashMap<i64, Amount>,
    /// Responses by price list.
    by_list: HashMap<i64, i64>,
}

impl Gathered {
    pub(super) fn add(&mut self, told: &Told, session: i64) {
        self.by_flags.entry(told.flags).or_default().add(&told.cell, session);
        *self.by_list.entry(told.price_list).or_default() += told.cell.sums.responses;
    }

    pub(super) fn finish(self, price_lists: &HashMap<i64, String>) -> Remarks {
        let mut by_name: BTreeMap<&str, Concern> = BTreeMap::new();
        for (flags, amount) in &self.by_flags {
            for remark in ledger::remarks(*flags) {
                let concern = by_name.entry(remark.name);
                let concern = concern.or_insert_with(|| Concern { remark, amount: Amount::default() });
                concern.amount.merge(amount);
            }
        }
        let mut concerns: Vec<Concern> = by_name.into_values().collect();
        for concern in &mut concerns {
            concern.amount.settle();
        }
        concerns.sort_by_key(|concern| Reverse(concern.amount.responses));
        let version = |(list, responses)| (price_lists.get(&list).cloned().unwrap_or_default(), responses);
        let mut price_lists: Vec<_> = self.by_list.into_iter().map(version).collect();
        price_lists.sort();
        Remarks { concerns, price_lists }
    }
}

/// What there is to say of a period. Goes through all responses of the ledger.
pub(super) fn of_period(ledger: &Ledger, query: &Query, quarters: &Range<i64>) -> Result<Remarks, Error> {
    let filter = Filter::find(ledger, query)?;
    let origins = Origins::read(ledger, query, &filter)?;
    let mut gathered = Gathered::default();
    ledger.responses(quarters, |told| {
        let origin = origins.of(told.cell.origin);
        if origin.passes && filter.models.as_ref().is_none_or(|models| models.contains(&told.model)) {
            gathered.add(told, origin.session);
        }
    })?;
    Ok(gathered.finish(&ledger.price_lists()?))
}

/// What each remark is about, and what it says.
pub(super) fn told(remarks: &Remarks, unpriced: &[Unpriced], decimals: u32) -> Vec<[String; 2]> {
    let about = |name: &str, responses, tokens| {
        format!("{name}: {}, {}", counted(responses, "response"), counted(tokens, "token"))
    };
    let concern = |Concern { remark, amount }: &Concern| {
        let mut what = about(remark.name, amount.responses, amount.tokens.total()) + ", ";
        push_cost(&mut what, amount.cost_picousd, amount.priced(), decimals);
        [what, remark.meaning.into()]
    };
    let unpriced = unpriced.iter().map(|of| {
        let model = plain(&of.model);
        let what = about(&format!("no price for {model}"), of.responses, of.tokens.total());
        [what, format!("Update odin, or say what it costs: `odin prices {model}` tells how.")]
    });
    remarks.concerns.iter().map(concern).chain(unpriced).collect()
}

/// The prices that it is by, and that there is nothing to say where so it is.
pub(super) fn sources(remarks: &Remarks, unpriced: &[Unpriced]) -> Vec<String> {
    let is_plain = remarks.concerns.is_empty() && unpriced.is_empty();
    let plain = is_plain.then(|| "All of it has a list price, and no response leaves anything open.".into());
    let line = |(version, responses): &(String, i64)| {
        format!("Priced by {version}: {}", counted(*responses, "response"))
    };
    plain.into_iter().chain(remarks.price_lists.iter().map(line)).collect()
}

/// All of it for people.
pub(super) fn show(page: &mut Page, remarks: &Remarks, unpriced: &[Unpriced], decimals: u32) {
    page.gap();
    page.title(TITLE);
    for [what, meaning] in told(remarks, unpriced, decimals) {
        page.say(2, &what);
        page.say(4, &meaning);
    }
    for line in sources(remarks, unpriced) {
        page.say(2, &line);
    }
}
