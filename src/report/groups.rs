//! The single pass over the ledger's cells. Groups are told apart by ids; names come last.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use jiff::tz::TimeZone;

use super::calendar::Calendar;
use super::filter::Filter;
use super::{Amount, Error, Key, Query, Row, Unpriced};
use crate::ledger::{Cell, Dimension, Ledger, Origin, Terms};
use crate::model::Tokens;

/// A value of each key: a period's first quarter, or the id of a name. 0 for a second key that is not there.
type Ids = [i64; 2];

#[derive(Default)]
pub(super) struct Groups {
    amounts: HashMap<Ids, Amount>,
    pub(super) transcript: Amount,
    pub(super) otel: Amount,
    /// Responses and tokens without a price, by model.
    unpriced: BTreeMap<i64, (i64, Tokens)>,
}

/// Adds up the cells of the quarters.
pub(super) fn gather(ledger: &Ledger, query: &Query, quarters: &Range<i64>) -> Result<Groups, Error> {
    let (origins, terms) = (ledger.origins()?, ledger.terms()?);
    let filter = Filter::find(ledger, query)?;
    let mut finders: Vec<Finder> = query.by.iter().map(|key| Finder::new(*key, &query.zone)).collect();
    let mut groups = Groups::default();
    ledger.cells(quarters.clone(), |cell| {
        let (origin, terms) = (of_id(&origins, cell.origin), of_id(&terms, cell.terms));
        if filter.passes(&origin, terms) {
            let mut ids = Ids::default();
            for (id, finder) in ids.iter_mut().zip(&mut finders) {
                *id = finder.id(&cell, &origin, terms);
            }
            groups.add(ids, &cell, origin.session, terms.model);
        }
    })?;
    groups.amounts.values_mut().chain([&mut groups.transcript, &mut groups.otel]).for_each(Amount::settle);
    Ok(groups)
}

/// What is not there (`odin ledger check` would tell) is nameless, and counts all the same.
fn of_id<T: Copy + Default>(table: &[T], id: i64) -> T {
    usize::try_from(id).ok().and_then(|id| table.get(id)).copied().unwrap_or_default()
}

/// Finds a cell's value of a key.
enum Finder {
    Time(Calendar),
    Name(Dimension),
}

impl Finder {
    fn new(key: Key, zone: &TimeZone) -> Self {
        match key {
            Key::Time(unit) => Self::Time(Calendar::new(zone, unit)),
            Key::Name(dimension) => Self::Name(dimension),
        }
    }

    fn id(&mut self, cell: &Cell, origin: &Origin, terms: Terms) -> i64 {
        match self {
            Self::Time(calendar) => calendar.start(cell.quarter),
            Self::Name(Dimension::Session) => origin.session,
            Self::Name(Dimension::Project) => origin.project,
            Self::Name(Dimension::Model) => terms.model,
            Self::Name(Dimension::Branch) => origin.branch,
            Self::Name(Dimension::Agent) => origin.agent,
            Self::Name(Dimension::Host) => origin.host,
            Self::Name(Dimension::Account) => origin.account,
        }
    }
}

impl Groups {
    fn add(&mut self, ids: Ids, cell: &Cell, session: i64, model: i64) {
        self.amounts.entry(ids).or_default().add(cell, session);
        let provenance = if cell.provenance == 0 { &mut self.transcript } else { &mut self.otel };
        provenance.add(cell, session);
        if !cell.is_priced {
            let (responses, tokens) = self.unpriced.entry(model).or_default();
            *responses += cell.sums.responses;
            *tokens += cell.sums.tokens;
        }
    }

    pub(super) fn total(&self) -> Amount {
        let mut total = self.transcript.clone();
        total.merge(&self.otel);
        total.settle();
        total
    }

    /// The rows of the first key, with those of the second as their parts.
    pub(super) fn rows(&self, ledger: &Ledger, by: &[Key], zone: &TimeZone) -> Result<Vec<Row>, Error> {
        let namers: Vec<Namer> =
            by.iter().map(|key| Namer::new(ledger, *key, zone)).collect::<Result<_, _>>()?;
        let mut amounts: Vec<_> = self.amounts.iter().collect();
        amounts.sort_unstable_by_key(|(ids, _)| **ids);
        let mut rows = Vec::new();
        for group in amounts.chunk_by(|(a, _), (b, _)| a[0] == b[0]) {
            let mut row = namers[0].row(ledger, group[0].0[0]);
            for (_, amount) in group {
                row.amount.merge(amount);
            }
            row.amount.settle();
            if let Some(namer) = namers.get(1) {
                row.parts = group
                    .iter()
                    .map(|(ids, amount)| Row { amount: (*amount).clone(), ..namer.row(ledger, ids[1]) })
                    .collect();
                namer.sort(&mut row.parts);
            }
            rows.push(row);
        }
        namers[0].sort(&mut rows);
        Ok(rows)
    }

    pub(super) fn unpriced(&self, ledger: &Ledger) -> Result<Vec<Unpriced>, Error> {
        if self.unpriced.is_empty() {
            return Ok(vec![]);
        }
        let mut names = ledger.names(Dimension::Model)?;
        let by_model = self.unpriced.iter().map(|(model, (responses, tokens))| Unpriced {
            model: names.remove(model).unwrap_or_default(),
            responses: *responses,
            tokens: *tokens,
        });
        let mut unpriced: Vec<_> = by_model.collect();
        unpriced.sort_by(|a, b| {
            (Reverse(a.tokens.total()), &a.model).cmp(&(Reverse(b.tokens.total()), &b.model))
        });
        Ok(unpriced)
    }
}

/// Turns a key's ids into names.
enum Namer {
    Time(Calendar),
    Name(Dimension, HashMap<i64, String>),
}

impl Namer {
    fn new(ledger: &Ledger, key: Key, zone: &TimeZone) -> Result<Self, Error> {
        Ok(match key {
            Key::Time(unit) => Self::Time(Calendar::new(zone, unit)),
            Key::Name(dimension) => Self::Name(dimension, ledger.names(dimension)?),
        })
    }

    /// A row with nothing in it.
    fn row(&self, ledger: &Ledger, id: i64) -> Row {
        let name = match self {
            Self::Time(calendar) => calendar.name(id),
            Self::Name(_, names) => names.get(&id).cloned().unwrap_or_default(),
        };
        let priced_as = match self {
            Self::Name(Dimension::Model, _) => ledger.priced_as(&name).map(String::from),
            _ => None,
        };
        Row { name, priced_as, amount: Amount::default(), parts: vec![] }
    }

    /// Rows come by id, which for a time is its order.
    fn sort(&self, rows: &mut [Row]) {
        if let Self::Name(..) = self {
            rows.sort_by(|a, b| {
                b.amount.cost_picousd.cmp(&a.amount.cost_picousd).then_with(|| a.name.cmp(&b.name))
            });
        }
    }
}
