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
    amounts: Vec<(Ids, Amount)>,
    /// Where each stands, and which was added to last: cells come in runs.
    places: HashMap<Ids, usize>,
    last: Option<(Ids, usize)>,
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
    let amounts = groups.amounts.iter_mut().map(|(_, amount)| amount);
    amounts.chain([&mut groups.transcript, &mut groups.otel]).for_each(Amount::settle);
    groups.amounts.sort_unstable_by_key(|(ids, _)| *ids);
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
        let place = match self.last {
            Some((last, place)) if last == ids => place,
            _ => *self.places.entry(ids).or_insert_with(|| {
                self.amounts.push((ids, Amount::default()));
                self.amounts.len() - 1
            }),
        };
        self.last = Some((ids, place));
        self.amounts[place].1.add(cell, session);
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
    pub(super) fn rows(&mut self, ledger: &Ledger, by: &[Key], zone: &TimeZone) -> Result<Vec<Row>, Error> {
        let mut namers: Vec<Namer> =
            by.iter().map(|key| Namer::new(ledger, *key, zone)).collect::<Result<_, _>>()?;
        let mut rows: Vec<Row> = Vec::new();
        let mut first = None;
        for (ids, amount) in self.amounts.drain(..) {
            if first != Some(ids[0]) {
                first = Some(ids[0]);
                rows.push(namers[0].row(ledger, ids[0]));
            }
            let Some(row) = rows.last_mut() else { continue };
            match namers.get_mut(1) {
                None => row.amount = amount,
                Some(namer) => {
                    row.amount.merge(&amount);
                    row.parts.push(Row { amount, ..namer.row(ledger, ids[1]) });
                }
            }
        }
        if let Some(namer) = namers.get(1) {
            for row in &mut rows {
                row.amount.settle();
                namer.sort(&mut row.parts);
            }
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
    fn row(&mut self, ledger: &Ledger, id: i64) -> Row {
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
