//! The single pass over the ledger's cells. Groups are told apart by ids; names come last.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use jiff::tz::TimeZone;

use super::blocks::{self, WINDOW_QUARTERS, Window, Windows};
use super::calendar::{self, Calendar, Unit};
use super::filter::Filter;
use super::launches::join::Of;
use super::launches::{self, Joined, Run};
use super::period::Before;
use super::{Amount, Error, Key, Projects, Query, Row, Unpriced};
use crate::ledger::{Cell, Dimension, Ledger, QUARTER_MS, REMAINDER, Terms};
use crate::model::Tokens;

/// A value of each key: a period's first quarter, or the id of a name. 0 for a second key that is not there.
type Ids = [i64; 2];

/// In place of a group's number.
const NO_GROUP: i64 = -1;

/// In place of a launch's: it is of none that is known, or of one of several.
const NO_LAUNCH: i64 = -1;
const OPEN_LAUNCH: i64 = -2;

#[derive(Default)]
pub(super) struct Groups {
    amounts: Vec<Group>,
    /// Where each stands, and which was added to last: cells come in runs.
    places: HashMap<Ids, usize>,
    last: Option<(Ids, usize)>,
    pub(super) transcript: Amount,
    pub(super) otel: Amount,
    /// What the client counted besides.
    pub(super) cost_state: Amount,
    /// Of the responses, those that came after the client last told what it had counted.
    pub(super) uncounted: Amount,
    /// Costs by a day's first quarter; empty where no chart asks for them.
    pub(super) daily: BTreeMap<i64, i128>,
    /// Empty where no key asks for them, as are the launches.
    pub(super) windows: Windows,
    launches: Vec<Run>,
    /// Responses and tokens without a price, by model.
    unpriced: BTreeMap<i64, (i64, Tokens)>,
    /// By session, when the client last told what it had counted.
    told: Vec<Option<i64>>,
}

/// What a query asks of an origin.
#[derive(Clone, Copy)]
pub(super) struct Asked {
    pub(super) passes: bool,
    pub(super) session: i64,
    account: i64,
    /// Of the keys that the origin tells.
    ids: Ids,
}

pub(super) struct Group {
    pub(super) ids: Ids,
    pub(super) amount: Amount,
    previous: Option<Box<Amount>>,
}

/// The cells to add up.
pub(super) enum Span<'s> {
    Quarters(Range<i64>),
    /// Those of a period before, which count as of the one after.
    Before(&'s mut Before),
    /// Those of all windows that reach into a period.
    Windows(Range<i64>),
}

pub(super) fn gather(ledger: &Ledger, query: &Query, mut span: Span) -> Result<Groups, Error> {
    let filter = Filter::find(ledger, query)?;
    let origins = Origins::read(ledger, query, &filter)?;
    let terms = ledger.terms()?;
    let mut finders: Vec<Finder> = query.by.iter().map(|key| Finder::new(*key, query)).collect();
    let has_windows = query.by.contains(&Key::Block);
    let mut windows = Windows::default();
    let mut days = query.charts.then(|| Calendar::new(&query.zone, Unit::Day, query.week_starts));
    let mut groups = Groups { told: ledger.told()?, ..Groups::default() };
    let has_launches = query.by.contains(&Key::Launch);
    let reads = span.reads(has_windows);
    let mut add = |mut cell: Cell, terms: Terms, launch: i64| {
        let origin = origins.of(cell.origin);
        // No block begins with what the client counted besides.
        let is_remainder = cell.provenance == REMAINDER;
        let window = (has_windows && !is_remainder).then(|| windows.of(origin.account, cell.quarter));
        let passes =
            origin.passes && filter.models.as_ref().is_none_or(|models| models.contains(&terms.model));
        if passes && span.takes_in(&mut cell, window) {
            if is_remainder {
                return groups.cost_state.add(&cell, origin.session);
            }
            let mut ids = origin.ids;
            for (id, finder) in ids.iter_mut().zip(&mut finders) {
                finder.find(id, &cell, terms, window, launch);
            }
            groups.add(ids, &cell, origin.session, terms.model);
            if let Some(days) = &mut days {
                *groups.daily.entry(days.start(cell.quarter)).or_default() +=
                    i128::from(cell.sums.cost_picousd);
            }
        }
    };
    // What is not there (`odin ledger check` would tell) is nameless, and counts all the same.
    let terms_of = |cell: &Cell| at(&terms, cell.terms).copied().unwrap_or_default();
    if has_launches {
        let joined = Joined::read(ledger, &reads)?;
        for (cell, terms, launch) in by_launch(ledger, reads, &origins, terms_of, &joined)? {
            add(cell, terms, launch);
        }
        groups.launches = joined.runs;
    } else {
        ledger.all_cells(reads, |cell| add(cell, terms_of(&cell), NO_LAUNCH))?;
    }
    groups.windows = windows;
    let amounts = groups.amounts.iter_mut().map(|group| &mut group.amount);
    let of_all = [&mut groups.transcript, &mut groups.otel, &mut groups.cost_state, &mut groups.uncounted];
    amounts.chain(of_all).for_each(Amount::settle);
    Ok(groups)
}

/// Cells in the order of time; of sessions that a launch may have had, one for each response.
fn by_launch(
    ledger: &Ledger,
    quarters: Range<i64>,
    origins: &Origins,
    terms_of: impl Fn(&Cell) -> Terms,
    joined: &Joined,
) -> Result<Vec<(Cell, Terms, i64)>, Error> {
    let mut cells = Vec::new();
    ledger.all_cells(quarters.clone(), |cell| {
        let is_whole = cell.provenance == REMAINDER;
        if is_whole || !joined.sessions.contains_key(&origins.of(cell.origin).session) {
            cells.push((cell, terms_of(&cell), NO_LAUNCH));
        }
    })?;
    for (told, of) in joined.sessions.values().flatten() {
        if quarters.contains(&told.cell.quarter) {
            let launch = match of {
                Of::None => NO_LAUNCH,
                Of::Launch(run) => joined.runs[*run].id,
                Of::Open(_) => OPEN_LAUNCH,
            };
            cells.push((told.cell, Terms { model: told.model }, launch));
        }
    }
    cells.sort_by_key(|(cell, ..)| cell.quarter);
    Ok(cells)
}

impl Span<'_> {
    /// Where windows begin is told by all that came before.
    fn reads(&self, has_windows: bool) -> Range<i64> {
        match self {
            Self::Quarters(quarters) if has_windows => i64::MIN..quarters.end,
            Self::Quarters(quarters) => quarters.clone(),
            Self::Before(before) => before.quarters.clone(),
            Self::Windows(quarters) => i64::MIN..quarters.end.saturating_add(WINDOW_QUARTERS),
        }
    }

    fn takes_in(&mut self, cell: &mut Cell, window: Option<Window>) -> bool {
        match self {
            Self::Quarters(quarters) => quarters.contains(&cell.quarter),
            Self::Before(before) => {
                cell.quarter = before.moved(cell.quarter);
                true
            }
            Self::Windows(quarters) => window.is_some_and(|window| window.reaches_into(quarters)),
        }
    }
}

/// What a query asks of all origins, by id.
pub(super) struct Origins {
    asked: Vec<Asked>,
    /// Of one that is not there.
    nameless: Asked,
}

impl Origins {
    pub(super) fn read(ledger: &Ledger, query: &Query, filter: &Filter) -> Result<Self, Error> {
        let mut dimensions = vec![Dimension::Session];
        let mut column = |dimension| {
            let known = dimensions.iter().position(|known| *known == dimension);
            known.unwrap_or_else(|| {
                dimensions.push(dimension);
                dimensions.len() - 1
            })
        };
        let mut keys = [None; 2];
        for (place, key) in keys.iter_mut().zip(&query.by) {
            *place = key.of_origin().map(&mut column).map(|at| (at, *key));
        }
        let groups =
            if query.by.contains(&Key::Group) { groups_of_projects(ledger, query)? } else { HashMap::new() };
        let value = |ids: &[i64], (at, key)| match key {
            Key::Group => groups.get(&ids[at]).copied().unwrap_or(NO_GROUP),
            _ => ids[at],
        };
        let account = query.by.contains(&Key::Block).then(|| column(Dimension::Account));
        let passing: Vec<_> = filter.of_origin.iter().map(|(of, ids)| (column(*of), ids)).collect();
        let ask = |ids: &[i64]| Asked {
            passes: passing.iter().all(|(at, passing)| passing.contains(&ids[*at])),
            session: ids[0],
            account: account.map_or(0, |at| ids[at]),
            ids: keys.map(|key| key.map_or(0, |key| value(ids, key))),
        };
        let mut origins = Self { nameless: ask(&vec![0; dimensions.len()]), asked: vec![] };
        ledger.origins(&dimensions, |id, ids| {
            let id = usize::try_from(id).unwrap_or_default();
            if origins.asked.len() <= id {
                origins.asked.resize(id + 1, origins.nameless);
            }
            origins.asked[id] = ask(ids);
        })?;
        Ok(origins)
    }

    pub(super) fn of(&self, id: i64) -> Asked {
        at(&self.asked, id).copied().unwrap_or(self.nameless)
    }
}

/// The group of each project that is in one.
fn groups_of_projects(ledger: &Ledger, query: &Query) -> Result<HashMap<i64, i64>, Error> {
    let projects = ledger.names(Dimension::Project)?;
    let group = |path: &str| i64::try_from(query.projects.group(path)?).ok();
    Ok(projects.iter().filter_map(|(id, path)| Some((*id, group(path)?))).collect())
}

fn at<T>(table: &[T], id: i64) -> Option<&T> {
    usize::try_from(id).ok().and_then(|id| table.get(id))
}

/// Finds a cell's value of a key.
enum Finder {
    Time(Calendar),
    Block,
    Launch,
    Model,
    /// Its origin has told.
    Told,
}

impl Finder {
    fn new(key: Key, query: &Query) -> Self {
        match key {
            Key::Time(unit) => Self::Time(Calendar::new(&query.zone, unit, query.week_starts)),
            Key::Block => Self::Block,
            Key::Launch => Self::Launch,
            Key::Name(Dimension::Model) => Self::Model,
            Key::Name(_) | Key::Group => Self::Told,
        }
    }

    fn find(&mut self, id: &mut i64, cell: &Cell, terms: Terms, window: Option<Window>, launch: i64) {
        match self {
            Self::Launch => *id = launch,
            Self::Block => *id = window.map_or(cell.quarter, |window| window.start),
            Self::Time(calendar) => *id = calendar.start(cell.quarter),
            Self::Model => *id = terms.model,
            Self::Told => {}
        }
    }
}

impl Groups {
    fn add(&mut self, ids: Ids, cell: &Cell, session: i64, model: i64) {
        let place = match self.last {
            Some((last, place)) if last == ids => place,
            _ => *self.places.entry(ids).or_insert_with(|| {
                self.amounts.push(Group { ids, amount: Amount::default(), previous: None });
                self.amounts.len() - 1
            }),
        };
        self.last = Some((ids, place));
        self.amounts[place].amount.add(cell, session);
        let provenance = if cell.provenance == 0 { &mut self.transcript } else { &mut self.otel };
        provenance.add(cell, session);
        let told_ms = at(&self.told, session).copied().flatten();
        if told_ms.is_none_or(|told_ms| told_ms < cell.quarter * QUARTER_MS) {
            self.uncounted.add(cell, session);
        }
        if !cell.is_priced {
            let (responses, tokens) = self.unpriced.entry(model).or_default();
            *responses += cell.sums.responses;
            *tokens += cell.sums.tokens;
        }
    }

    /// Puts beside each amount what it was before.
    pub(super) fn compare(&mut self, before: Self) {
        for group in before.amounts {
            let previous = Some(Box::new(group.amount));
            match self.places.get(&group.ids) {
                Some(place) => self.amounts[*place].previous = previous,
                None => self.amounts.push(Group { ids: group.ids, amount: Amount::default(), previous }),
            }
        }
        for group in &mut self.amounts {
            group.previous.get_or_insert_default();
        }
    }

    pub(super) fn total(&self) -> Amount {
        let mut total = self.transcript.clone();
        total.merge(&self.otel);
        total.settle();
        total
    }

    /// All of them, by their ids.
    pub(super) fn take(&mut self) -> Vec<Group> {
        self.amounts.sort_unstable_by_key(|group| group.ids);
        std::mem::take(&mut self.amounts)
    }

    /// The rows of the first key, with those of the second as their parts.
    pub(super) fn rows(&mut self, ledger: &Ledger, query: &Query) -> Result<Vec<Row>, Error> {
        let namers = query.by.iter().map(|key| Namer::new(ledger, *key, query, &self.launches));
        let mut namers: Vec<Namer> = namers.collect::<Result<_, _>>()?;
        let mut rows: Vec<Row> = Vec::new();
        let mut first = None;
        for Group { ids, amount, previous } in self.take() {
            if first != Some(ids[0]) {
                first = Some(ids[0]);
                rows.push(namers[0].row(ledger, ids[0]));
            }
            let Some(row) = rows.last_mut() else { continue };
            match namers.get_mut(1) {
                None => (row.amount, row.previous) = (amount, previous),
                Some(namer) => {
                    row.amount.merge(&amount);
                    if let Some(previous) = &previous {
                        row.previous.get_or_insert_default().merge(previous);
                    }
                    row.parts.push(Row { amount, previous, ..namer.row(ledger, ids[1]) });
                }
            }
        }
        if let Some(namer) = namers.get(1) {
            for row in &mut rows {
                row.amount.settle();
                row.previous.iter_mut().for_each(|previous| previous.settle());
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
        let by_model = self.unpriced.iter();
        Ok(sorted(by_model.map(|(model, unpriced)| (names.remove(model).unwrap_or_default(), *unpriced))))
    }
}

/// By tokens, the most first.
pub(super) fn sorted(by_model: impl IntoIterator<Item = (String, (i64, Tokens))>) -> Vec<Unpriced> {
    let by_model = by_model.into_iter();
    let unpriced = by_model.map(|(model, (responses, tokens))| Unpriced { model, responses, tokens });
    let mut unpriced: Vec<Unpriced> = unpriced.collect();
    unpriced
        .sort_by(|a, b| (Reverse(a.tokens.total()), &a.model).cmp(&(Reverse(b.tokens.total()), &b.model)));
    unpriced
}

/// Turns a key's ids into names.
enum Namer<'q> {
    Time(Calendar),
    Block(&'q TimeZone),
    Group(&'q Projects),
    Launch(HashMap<i64, (String, String)>),
    Name(Dimension, HashMap<i64, String>, &'q Projects),
}

impl<'q> Namer<'q> {
    fn new(ledger: &Ledger, key: Key, query: &'q Query, launches: &[Run]) -> Result<Self, Error> {
        Ok(match key {
            Key::Launch => {
                let name =
                    |run: &Run| (run.id, (run.name(&query.zone), run.label(&query.zone, &query.projects)));
                Self::Launch(launches.iter().map(name).collect())
            }
            Key::Time(unit) => Self::Time(Calendar::new(&query.zone, unit, query.week_starts)),
            Key::Block => Self::Block(&query.zone),
            Key::Group => Self::Group(&query.projects),
            Key::Name(dimension) => Self::Name(dimension, ledger.names(dimension)?, &query.projects),
        })
    }

    /// A row with nothing in it.
    fn row(&mut self, ledger: &Ledger, id: i64) -> Row {
        let mut row = Row::default();
        match self {
            Self::Time(calendar) => row.name = calendar.name(id),
            Self::Block(zone) => {
                row.name = calendar::rfc3339(id, zone);
                row.label = Some(blocks::label(id, zone));
            }
            Self::Group(projects) => {
                row.name =
                    usize::try_from(id).map_or_else(|_| String::new(), |id| projects.group_name(id).into());
            }
            Self::Launch(launches) => match launches.get(&id) {
                Some((name, label)) => (row.name, row.label) = (name.clone(), Some(label.clone())),
                None if id == OPEN_LAUNCH => row.name = launches::OPEN.into(),
                None => {}
            },
            Self::Name(dimension, names, projects) => {
                row.name = names.get(&id).cloned().unwrap_or_default();
                match dimension {
                    Dimension::Model => row.priced_as = ledger.priced_as(&row.name).map(String::from),
                    Dimension::Project => row.label = projects.alias(&row.name).map(String::from),
                    _ => {}
                }
            }
        }
        row
    }

    /// Rows come by id, which for a time is its order.
    fn sort(&self, rows: &mut [Row]) {
        if !matches!(self, Self::Time(_) | Self::Block(_)) {
            let cost = |row: &Row| {
                (row.amount.cost_picousd, row.previous.as_ref().map(|previous| previous.cost_picousd))
            };
            rows.sort_by(|a, b| cost(b).cmp(&cost(a)).then_with(|| a.name.cmp(&b.name)));
        }
    }
}
