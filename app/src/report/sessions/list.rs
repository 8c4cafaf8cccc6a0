//! Many sessions at a glance.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::ops::Range;

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::{Place, Share, Shares};
use crate::ledger::{Dimension, Ledger, SessionGlance, SessionOrigin};
use crate::report::filter::Filter;
use crate::report::groups::Origins;
use crate::report::{Amount, Error, Query, days};

/// Which sessions come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Those that answered last.
    Recent,
    /// The dearest.
    Cost,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List {
    pub zone: TimeZone,
    /// First and last day, in the zone; none: the ledger is empty, and the query left them open.
    pub since: Option<Date>,
    pub until: Option<Date>,
    /// First and last day of all that the ledger holds.
    pub ledger_span: Option<(Date, Date)>,
    /// How many there are; `rows` are the first of them.
    pub found: usize,
    pub rows: Vec<Listed>,
}

/// One session, as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    pub session: String,
    /// Milliseconds since the epoch, as below: its first line's time, or its first response's where that came before.
    pub began_ms: Option<i64>,
    pub last_answer_ms: Option<i64>,
    /// The last that is known of it.
    pub ended_ms: Option<i64>,
    /// The dearest first, like all names here.
    pub projects: Vec<Place>,
    pub branches: Vec<String>,
    pub accounts: Vec<String>,
    pub hosts: Vec<String>,
    pub models: Vec<String>,
    /// How many, besides the main loop.
    pub agents: usize,
    pub amount: Amount,
    /// It began with a copy of another's history.
    pub is_fork: bool,
    /// A person stopped the client in it.
    pub is_interrupted: bool,
}

impl Listed {
    pub fn duration_ms(&self) -> Option<i64> {
        Some(self.ended_ms? - self.began_ms?)
    }

    /// What is out of the ordinary, a word each.
    pub fn marks(&self) -> Vec<&'static str> {
        let marks = [(self.is_fork, "fork"), (self.is_interrupted, "interrupted")];
        marks.into_iter().filter(|(is_so, _)| *is_so).map(|(_, mark)| mark).collect()
    }
}

/// What decides whether a session is shown.
#[derive(Clone, Copy)]
struct Tally {
    session: i64,
    cost_picousd: i128,
    /// In quarters.
    first: i64,
    last: i64,
    /// Some of it passes, and lies in the period.
    is_asked: bool,
}

/// The sessions that have a response of those that the query asks for, at most so many.
pub fn list(ledger: &Ledger, query: &Query, order: Order, limit: Option<usize>) -> Result<List, Error> {
    let _snapshot = ledger.snapshot()?;
    let quarters = query.period.quarters(&query.zone, query.week_starts, query.now)?;
    let filter = Filter::find(ledger, query)?;
    let origins = Origins::read(ledger, query, &filter)?;
    let mut tallies = tallies(ledger, &filter, &origins, &quarters)?;
    tallies.retain(|tally| tally.is_asked);
    let found = tallies.len();
    let limit = limit.unwrap_or(found);
    let rank = |tally: &Tally| match order {
        Order::Recent => (Reverse(0), Reverse(tally.last)),
        Order::Cost => (Reverse(tally.cost_picousd), Reverse(tally.last)),
    };
    tallies.sort_by_key(rank);
    // Quarters leave some in no order, which exact times put right.
    if let Some(last) = limit.checked_sub(1).and_then(|last| tallies.get(last)).map(rank) {
        tallies.retain(|tally| rank(tally) <= last);
    }
    let mut rows = look(ledger, query, &origins, &tallies)?;
    rows.sort_by(|a, b| {
        let key = |row: &Listed| match order {
            Order::Recent => (Reverse(0), Reverse(row.last_answer_ms)),
            Order::Cost => (Reverse(row.amount.cost_picousd), Reverse(row.last_answer_ms)),
        };
        (key(a), &a.session).cmp(&(key(b), &b.session))
    });
    rows.truncate(limit);
    let days = days(ledger, &quarters, &query.zone)?;
    Ok(List {
        zone: query.zone.clone(),
        since: days.since,
        until: days.until,
        ledger_span: days.of_ledger,
        found,
        rows,
    })
}

/// Of all sessions: that one is asked for may turn out late.
fn tallies(
    ledger: &Ledger,
    filter: &Filter,
    origins: &Origins,
    quarters: &Range<i64>,
) -> Result<Vec<Tally>, Error> {
    let terms = ledger.terms()?;
    let models: Option<Vec<bool>> = filter
        .models
        .as_ref()
        .map(|models| terms.iter().map(|terms| models.contains(&terms.model)).collect());
    let mut tallies: Vec<Tally> = Vec::new();
    let mut places: HashMap<i64, usize> = HashMap::new();
    let mut at: Option<usize> = None;
    ledger.cells(i64::MIN..i64::MAX, |cell| {
        let origin = origins.of(cell.origin);
        let place = match at {
            Some(at) if tallies[at].session == origin.session => at,
            _ => *places.entry(origin.session).or_insert_with(|| {
                let (session, quarter) = (origin.session, cell.quarter);
                tallies.push(Tally {
                    session,
                    cost_picousd: 0,
                    first: quarter,
                    last: quarter,
                    is_asked: false,
                });
                tallies.len() - 1
            }),
        };
        at = Some(place);
        let tally = &mut tallies[place];
        tally.cost_picousd += i128::from(cell.sums.cost_picousd);
        tally.last = cell.quarter;
        let passes = |models: &Vec<bool>| {
            usize::try_from(cell.terms).ok().and_then(|terms| models.get(terms)).copied().unwrap_or_default()
        };
        tally.is_asked |=
            origin.passes && quarters.contains(&cell.quarter) && models.as_ref().is_none_or(passes);
    })?;
    Ok(tallies)
}

/// What a chosen session adds up.
#[derive(Default)]
struct Sum {
    amount: Amount,
    by_origin: HashMap<i64, Share>,
    by_model: HashMap<i64, Share>,
}

/// All that is shown of some sessions.
fn look(ledger: &Ledger, query: &Query, origins: &Origins, chosen: &[Tally]) -> Result<Vec<Listed>, Error> {
    let quarters = chosen.iter().map(|tally| tally.first..tally.last + 1);
    let Some(quarters) = quarters.reduce(|a, b| a.start.min(b.start)..a.end.max(b.end)) else {
        return Ok(vec![]);
    };
    let (terms, models) = (ledger.terms()?, ledger.names(Dimension::Model)?);
    let mut sums: HashMap<i64, Sum> = chosen.iter().map(|tally| (tally.session, Sum::default())).collect();
    ledger.cells(quarters, |cell| {
        let session = origins.of(cell.origin).session;
        let Some(sum) = sums.get_mut(&session) else { return };
        sum.amount.add(&cell, session);
        sum.by_origin.entry(cell.origin).or_default().merge(Share::of(&cell));
        let terms = usize::try_from(cell.terms).ok().and_then(|id| terms.get(id));
        sum.by_model.entry(terms.map_or(0, |terms| terms.model)).or_default().merge(Share::of(&cell));
    })?;
    let row = |tally: &Tally| {
        let mut sum = sums.remove(&tally.session).unwrap_or_default();
        sum.amount.settle();
        let origins = ledger.session_origins(tally.session)?;
        let glance = ledger.session_glance(tally.session, &origins)?;
        Ok(listed(query, &models, &origins, glance, sum))
    };
    chosen.iter().map(row).collect()
}

fn listed(
    query: &Query,
    names: &HashMap<i64, String>,
    origins: &[SessionOrigin],
    glance: SessionGlance,
    sum: Sum,
) -> Listed {
    let shares = || [(); 4].map(|()| Shares::default());
    let [mut projects, mut branches, mut accounts, mut hosts] = shares();
    let mut agents = HashSet::new();
    for origin in origins {
        let Some(share) = sum.by_origin.get(&origin.id) else { continue };
        for (shares, name) in [
            (&mut projects, &origin.project),
            (&mut branches, &origin.branch),
            (&mut accounts, &origin.account),
            (&mut hosts, &origin.host),
        ] {
            shares.add(name, *share);
        }
        agents.insert(&origin.agent);
    }
    agents.retain(|agent| !agent.is_empty());
    let mut models = Shares::default();
    for (model, share) in &sum.by_model {
        models.add(names.get(model).map_or("", String::as_str), *share);
    }
    let SessionGlance { name, begun_ms, ended_ms, first_answer_ms, last_answer_ms, is_fork, is_interrupted } =
        glance;
    Listed {
        session: name,
        began_ms: [begun_ms, first_answer_ms].into_iter().flatten().min(),
        last_answer_ms,
        ended_ms: ended_ms.max(last_answer_ms),
        projects: Place::all(projects.ranked(), &query.projects),
        branches: branches.ranked(),
        accounts: accounts.ranked(),
        hosts: hosts.ranked(),
        models: models.ranked(),
        agents: agents.len(),
        amount: sum.amount,
        is_fork,
        is_interrupted,
    }
}

#[cfg(test)]
mod tests {
    use super::{Order, list};
    use crate::ledger::Dimension;
    use crate::report::sessions::sample::{self, FORK, OTHER, SESSION, listed};
    use crate::report::{Bound, Error, Key, Period, Query, cost};

    #[test]
    fn the_first_are_the_first_by_exact_time_or_by_cost() {
        let (_dir, ledger) = sample::ledger();
        let all = sample::all();
        for (order, want) in [(Order::Recent, [FORK, OTHER, SESSION]), (Order::Cost, [FORK, SESSION, OTHER])]
        {
            assert_eq!(listed(&ledger, &all, order, None), want);
            for limit in 1..4 {
                // All three answered last in the same quarter of an hour.
                assert_eq!(listed(&ledger, &all, order, Some(limit)), want[..limit]);
            }
        }
        let list = list(&ledger, &all, Order::Recent, Some(2)).unwrap();
        assert_eq!((list.found, list.rows.len()), (3, 2));
    }

    #[test]
    fn a_session_is_found_by_a_part_and_told_as_a_whole() {
        let (_dir, ledger) = sample::ledger();
        let until: Bound = "2026-11-20".parse().unwrap();
        let first_day = Period::Between { since: None, until: Some(until) };
        for (query, want) in [
            (Query { period: first_day.clone(), ..sample::all() }, &[SESSION][..]),
            (Query { model: Some("haiku".into()), ..sample::all() }, &[SESSION]),
            (Query { branch: Some("checkout".into()), ..sample::all() }, &[SESSION]),
            (Query { project: Some("the web".into()), ..sample::all() }, &[FORK]),
            (Query { account: Some(".claude".into()), ..sample::all() }, &[FORK, OTHER, SESSION]),
            (Query { period: first_day, project: Some("web".into()), ..sample::all() }, &[]),
        ] {
            let found = list(&ledger, &query, Order::Recent, None).unwrap().rows;
            assert_eq!(found.iter().map(|row| &*row.session).collect::<Vec<_>>(), want);
            assert!(found.iter().all(|row| row.session != SESSION || row.amount.responses == 6));
        }
        let slip = Query { account: Some("claude".into()), ..sample::all() };
        let error = list(&ledger, &slip, Order::Recent, None).unwrap_err();
        assert!(matches!(error, Error::NoMatch { what: "account", .. }), "{error}");
    }

    #[test]
    fn a_session_costs_what_a_report_by_session_says() {
        let (_dir, ledger) = sample::ledger();
        let query = Query { by: vec![Key::Name(Dimension::Session)], ..sample::all() };
        let report = cost(&ledger, &query).unwrap();
        let rows = list(&ledger, &sample::all(), Order::Cost, None).unwrap().rows;
        let reported = report.rows.iter().map(|row| (&row.name, &row.amount)).collect::<Vec<_>>();
        assert_eq!(rows.iter().map(|row| (&row.session, &row.amount)).collect::<Vec<_>>(), reported);
        for (name, amount) in reported {
            assert_eq!(&sample::session(&ledger, name).total, amount);
        }
    }
}
