//! What the client counted and no response in the ledger explains: compaction, web searches, titles, lost answers.
//!
//! The client writes down what it has counted when it leaves a session ([`CostState`]). Of every such count, what its
//! fork's parent had counted before and all that the ledger has of the session up to then are taken off, whoever told
//! of it, by the model that was asked for and class of tokens, never below zero; what is new in the rest since the
//! count before is the remainder of that time. A count may fall short, as after a kill, and then leaves less, so that a
//! remainder is a lower bound. It is made anew whenever something that it is made of changes: when telemetry tells of a
//! call later, it goes.

use std::collections::{BTreeMap, HashMap};
use std::ops::AddAssign;

use rusqlite::{Connection, Row as SqlRow, Transaction, params};

use super::names::{Names, Terms, name_id};
use super::query::put;
use super::responses::tokens_at;
use super::rollup::{Changes, Key, QUARTER_MS, Sums};
use super::row::flag;
use super::session_query::runs;
use super::{Error, Ledger};
use crate::model::{CostState, ModelCount, Tokens};
use crate::pricing::saving::Saved;
use crate::pricing::{Prices, Request};

/// As in a cell's `provenance`.
pub const REMAINDER: i64 = 2;

/// A response counts as of before the client left if it came at most so much later; another run takes longer to start.
const SLACK_MS: i64 = 1000;

/// What is counted of a model.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    pub tokens: Tokens,
    pub web_searches: i64,
}

/// Classes that are compared: input, output, cache reads, cache writes, of them those for an hour, web searches. Which
/// lifetime a write had is not always told, so that their sum decides.
type Classes = [i64; 6];
const WRITES: usize = 3;
const LONG_WRITES: usize = 4;

impl Usage {
    fn classes(&self) -> Classes {
        let Tokens { input, output, cache_read, cache_write_5m, cache_write_1h } = self.tokens;
        [input, output, cache_read, cache_write_5m + cache_write_1h, cache_write_1h, self.web_searches]
    }

    fn of(classes: Classes) -> Self {
        let [input, output, cache_read, written, long, web_searches] = classes;
        let tokens =
            Tokens { input, output, cache_read, cache_write_5m: written - long, cache_write_1h: long };
        Self { tokens, web_searches }
    }
}

impl AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        self.tokens += other.tokens;
        self.web_searches += other.web_searches;
    }
}

/// What a session is charged with beyond its responses.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Remainder {
    at_ms: i64,
    /// As the client wrote it.
    model: String,
    usage: Usage,
}

/// What the client itself counted of a session, and what the ledger has of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientCounts {
    /// When the client last wrote down what it had counted, milliseconds since the epoch; none: it never did.
    pub told_ms: Option<i64>,
    /// The session is a fork, and what it began with is not known.
    pub is_base_unknown: bool,
    /// By name.
    pub models: Vec<ClientCount>,
    /// Of what no response explains, the part that has a list price, and whether all of it has.
    pub remainder_picousd: i64,
    pub is_remainder_priced: bool,
}

/// Of one model that was asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientCount {
    /// As the client wrote it, or else as it stands on responses.
    pub model: String,
    /// The most that the client told.
    pub client: Usage,
    /// By its own prices; none: not told.
    pub client_picousd: Option<i64>,
    /// Of that, what it has from the session that this one is a fork of.
    pub inherited: Usage,
    /// What the ledger has up to when the client last told, and of later.
    pub known: Usage,
    pub later: Usage,
    pub remainder: Usage,
}

/// What was counted of some models at a time, by what they are priced as.
struct State {
    at_ms: i64,
    started_ms: Option<i64>,
    models: BTreeMap<String, Count>,
}

#[derive(Clone)]
struct Count {
    /// As the client wrote it.
    model: String,
    usage: Usage,
    cost_picousd: Option<i64>,
}

/// A response, or an extra attempt behind one.
struct Answer {
    at_ms: i64,
    origin: i64,
    /// What the model that was asked for is priced as, and how it stands there.
    name: String,
    model: String,
    usage: Usage,
}

/// Usage by what models are priced as.
type Usages = HashMap<String, Usage>;

/// All that the remainder of a session is made of.
struct Known {
    /// In the order of time.
    states: Vec<State>,
    /// In the order of time.
    answers: Vec<Answer>,
    /// What counts that began at a time inherit; none: that is not known.
    inherited: HashMap<Option<i64>, Option<Usages>>,
}

/// Sessions whose remainder may have changed.
#[derive(Default)]
pub(super) struct Touched(HashMap<i64, i64>);

impl Touched {
    /// Something changed that a session had at a time.
    pub(super) fn at(&mut self, session: i64, at_ms: i64) {
        let since = self.0.entry(session).or_insert(at_ms);
        *since = at_ms.min(*since);
    }

    pub(super) fn wholly(&mut self, session: i64) {
        self.0.insert(session, i64::MIN);
    }

    /// Makes their remainders anew.
    pub(super) fn settle(
        &mut self,
        tx: &Transaction,
        names: &mut Names,
        prices: &'static Prices,
        changes: &mut Changes,
    ) -> rusqlite::Result<()> {
        let mut due: Vec<(i64, i64)> = self.0.drain().collect();
        due.sort_unstable();
        while let Some((session, since)) = due.pop() {
            if let Some(told_ms) = told_ms(tx, session)?.filter(|told_ms| since <= told_ms + SLACK_MS) {
                settle(tx, names, prices, (session, told_ms), changes)?;
            }
            if since == i64::MIN {
                let forks = "SELECT session_id FROM fork WHERE from_id = ?1";
                let mut find = tx.prepare_cached(forks)?;
                let forks = find.query_map([session], |row| row.get(0))?;
                // Of the forks, only what they inherit may have changed, and not what others inherit from them.
                for fork in forks {
                    due.push((fork?, i64::MIN + 1));
                }
            }
        }
        Ok(())
    }
}

impl Ledger {
    /// What the client itself counted of a session, beside what the ledger has.
    pub fn client_counts(&self, session: i64) -> Result<ClientCounts, Error> {
        let read = || {
            let Some(told_ms) = told_ms(&self.db, session)? else { return Ok(ClientCounts::default()) };
            let known = Known::read(&self.db, self.prices(), session)?;
            let remainder = stored(&self.db, session)?;
            Ok(ClientCounts {
                remainder_picousd: remainder.iter().filter_map(|row| row.cost_picousd).sum(),
                is_remainder_priced: remainder.iter().all(|row| row.cost_picousd.is_some()),
                ..known.beside(told_ms)
            })
        };
        self.explained(read())
    }

    /// By session, when the client last wrote down what it had counted, milliseconds since the epoch.
    pub fn told(&self) -> Result<Vec<Option<i64>>, Error> {
        let read = || {
            let mut told = Vec::new();
            let mut find =
                self.db.prepare_cached("SELECT id, told_ms FROM session WHERE told_ms IS NOT NULL")?;
            let mut rows = find.query([])?;
            while let Some(row) = rows.next()? {
                put(&mut told, row.get(0)?, Some(row.get(1)?));
            }
            Ok(told)
        };
        self.explained(read())
    }

    /// Sessions whose remainder is not what it should be, one sentence each.
    pub(super) fn remainder_differences(&self) -> rusqlite::Result<Vec<String>> {
        let mut found = Vec::new();
        let mut find = self.db.prepare("SELECT id, name, told_ms FROM session WHERE told_ms IS NOT NULL")?;
        let mut rows = find.query([])?;
        while let Some(row) = rows.next()? {
            let (session, name): (i64, String) = (row.get(0)?, row.get(1)?);
            let mut stored: Vec<(i64, Usage)> =
                stored(&self.db, session)?.into_iter().map(|row| (row.at_ms, row.usage)).collect();
            let known = Known::read(&self.db, self.prices(), session)?;
            let due = if known.origin(row.get(2)?).is_some() { known.remainders() } else { vec![] };
            let mut due: Vec<(i64, Usage)> = due.into_iter().map(|due| (due.at_ms, due.usage)).collect();
            let order = |of: &(i64, Usage)| (of.0, of.1.classes());
            stored.sort_unstable_by_key(order);
            due.sort_unstable_by_key(order);
            if stored != due {
                found.push(format!(
                    "what the client counted beyond the responses of session {name} is out of date"
                ));
            }
        }
        Ok(found)
    }
}

/// Takes in what the client had counted when it left a session, whose id is returned.
pub(super) fn remember(tx: &Transaction, state: &CostState, at_ms: i64) -> rusqlite::Result<i64> {
    let session = name_id(tx, "session", "name", &state.session)?;
    tx.prepare_cached("UPDATE session SET told_ms = max(ifnull(told_ms, ?2), ?2) WHERE id = ?1")?
        .execute([session, at_ms])?;
    for ModelCount { model, tokens, web_searches, cost_picousd } in &state.models {
        let model = name_id(tx, "model", "name", model)?;
        tx.prepare_cached(
            "INSERT INTO cost_state VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
                 ON CONFLICT DO UPDATE SET started_ms = excluded.started_ms, input = max(input, excluded.input),
                    output = max(output, excluded.output), cache_read = max(cache_read, excluded.cache_read),
                    cache_write_5m = max(cache_write_5m, excluded.cache_write_5m),
                    cache_write_1h = max(cache_write_1h, excluded.cache_write_1h),
                    web_searches = max(web_searches, excluded.web_searches),
                    cost_picousd = max(cost_picousd, excluded.cost_picousd)",
        )?
        .execute(params![
            session,
            at_ms,
            model,
            state.started_ms,
            tokens.input,
            tokens.output,
            tokens.cache_read,
            tokens.cache_write_5m,
            tokens.cache_write_1h,
            web_searches,
            cost_picousd
        ])?;
    }
    Ok(session)
}

/// All that the client counted, as another ledger has it; an earlier format has nothing of the kind.
pub(super) fn all_states(from: &Connection) -> rusqlite::Result<Vec<(CostState, i64)>> {
    if !from.table_exists(None, "cost_state")? {
        return Ok(vec![]);
    }
    let mut states = Vec::new();
    let mut find = from.prepare("SELECT id, name, told_ms FROM session WHERE told_ms IS NOT NULL")?;
    let mut rows = find.query([])?;
    while let Some(row) = rows.next()? {
        let (id, session, told_ms): (i64, String, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let mut find = from.prepare_cached(
            "SELECT at_ms, started_ms, name, input, output, cache_read, cache_write_5m, cache_write_1h, web_searches,
                    cost_picousd
               FROM cost_state JOIN model ON model.id = model_id WHERE session_id = ?1",
        )?;
        let mut counts = find.query([id])?;
        while let Some(row) = counts.next()? {
            let count = ModelCount {
                model: row.get(2)?,
                tokens: tokens_at(row, 3)?,
                web_searches: row.get(8)?,
                cost_picousd: row.get(9)?,
            };
            let state = CostState { session: session.clone(), started_ms: row.get(1)?, models: vec![count] };
            states.push((state, row.get(0)?));
        }
        states.push((CostState { session, started_ms: None, models: vec![] }, told_ms));
    }
    Ok(states)
}

/// Forgets all that is derived, so that it is made anew.
pub(super) fn forget(tx: &Transaction, touched: &mut Touched) -> rusqlite::Result<()> {
    tx.execute_batch("DELETE FROM remainder")?;
    let mut find = tx.prepare("SELECT id FROM session WHERE told_ms IS NOT NULL")?;
    let mut rows = find.query([])?;
    while let Some(row) = rows.next()? {
        touched.wholly(row.get(0)?);
    }
    Ok(())
}

fn told_ms(db: &Connection, session: i64) -> rusqlite::Result<Option<i64>> {
    db.prepare_cached("SELECT told_ms FROM session WHERE id = ?1")?.query_row([session], |row| row.get(0))
}

/// Stores what the remainder of a session has become, and moves the sums by what it differs.
fn settle(
    tx: &Transaction,
    names: &mut Names,
    prices: &'static Prices,
    (session, told_ms): (i64, i64),
    changes: &mut Changes,
) -> rusqlite::Result<()> {
    let before = stored(tx, session)?;
    let mut after = Vec::new();
    let known = Known::read(tx, prices, session)?;
    // Without a response nobody knows where it was spent.
    if let Some(origin) = known.origin(told_ms) {
        for Remainder { at_ms, model, usage } in known.remainders() {
            let terms = names.terms(tx, &model, "", "", "", "")?.id;
            let cost = cost(prices, names.terms_by_id(tx, prices, terms)?, at_ms, &usage);
            let [cost_picousd, contract_picousd] = cost;
            after.push(Stored { at_ms, terms, origin, usage, cost_picousd, contract_picousd });
        }
        after.sort_unstable_by_key(|row| (row.at_ms, row.terms));
    }
    if before == after {
        return Ok(());
    }
    tx.prepare_cached("DELETE FROM remainder WHERE session_id = ?1")?.execute([session])?;
    for row in &before {
        let (key, sums) = row.cell();
        changes.add(key, sums.negated());
    }
    for row in after {
        let (key, sums) = row.cell();
        changes.add(key, sums);
        row.insert(tx, session)?;
    }
    Ok(())
}

/// What remains at list price and at the user's own, token by token: how long the prompts were, and so what tier they
/// were of, nobody knows, and the tiers of short ones are the cheaper.
fn cost(prices: &Prices, terms: &Terms, at_ms: i64, usage: &Usage) -> [Option<i64>; 2] {
    let request = Request {
        model: &terms.model,
        speed: "",
        inference_geo: "",
        service_tier: "",
        message_id: "",
        at_ms,
        tokens: Tokens::default(),
        web_searches: 0,
        attempts: &[],
        is_refused: false,
    };
    let Tokens { input, output, cache_read, cache_write_5m, cache_write_1h } = usage.tokens;
    let none = Tokens::default();
    let units = [
        (input, Tokens { input: 1, ..none }, 0),
        (output, Tokens { output: 1, ..none }, 0),
        (cache_read, Tokens { cache_read: 1, ..none }, 0),
        (cache_write_5m, Tokens { cache_write_5m: 1, ..none }, 0),
        (cache_write_1h, Tokens { cache_write_1h: 1, ..none }, 0),
        (usage.web_searches, none, 1),
    ];
    let (mut cost, mut contract, mut is_contracted) = (Some(0_i64), 0_i64, false);
    for (count, tokens, web_searches) in units.into_iter().filter(|(count, ..)| *count > 0) {
        let bill = prices.bill(&Request { tokens, web_searches, ..request });
        let times = |unit: i64| unit.saturating_mul(count);
        cost = cost.zip(bill.cost_picousd).map(|(cost, unit)| cost.saturating_add(times(unit)));
        is_contracted |= bill.contract_picousd.is_some();
        let paid = bill.contract_picousd.or(bill.cost_picousd).unwrap_or(0);
        contract = contract.saturating_add(times(paid));
    }
    [cost, is_contracted.then_some(contract)]
}

/// A row of `remainder`.
#[derive(Debug, PartialEq, Eq)]
struct Stored {
    at_ms: i64,
    terms: i64,
    origin: i64,
    usage: Usage,
    cost_picousd: Option<i64>,
    contract_picousd: Option<i64>,
}

const COLUMNS: &str = "at_ms, terms_id, origin_id, input, output, cache_read, cache_write_5m, cache_write_1h,
    web_searches, cost_picousd, contract_picousd";

impl Stored {
    fn read(row: &SqlRow) -> rusqlite::Result<Self> {
        Ok(Self {
            at_ms: row.get(0)?,
            terms: row.get(1)?,
            origin: row.get(2)?,
            usage: Usage { tokens: tokens_at(row, 3)?, web_searches: row.get(8)? },
            cost_picousd: row.get(9)?,
            contract_picousd: row.get(10)?,
        })
    }

    fn insert(&self, tx: &Transaction, session: i64) -> rusqlite::Result<()> {
        let Tokens { input, output, cache_read, cache_write_5m, cache_write_1h } = self.usage.tokens;
        tx.prepare_cached(
            "INSERT INTO remainder VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        )?
        .execute(params![
            session,
            self.at_ms,
            self.terms,
            self.origin,
            input,
            output,
            cache_read,
            cache_write_5m,
            cache_write_1h,
            self.usage.web_searches,
            self.cost_picousd,
            self.contract_picousd
        ])?;
        Ok(())
    }

    /// What it adds to the sums.
    fn cell(&self) -> (Key, Sums) {
        let key = Key {
            quarter: self.at_ms.div_euclid(QUARTER_MS),
            origin: self.origin,
            terms: self.terms,
            provenance: REMAINDER,
            is_priced: self.cost_picousd.is_some(),
            is_contracted: self.contract_picousd.is_some(),
        };
        let sums = Sums {
            responses: 0,
            tokens: self.usage.tokens,
            web_searches: self.usage.web_searches,
            cost_picousd: self.cost_picousd.unwrap_or(0),
            contract_picousd: self.contract_picousd.or(self.cost_picousd).unwrap_or(0),
            saved: Saved::default(),
        };
        (key, sums)
    }
}

/// In the order of time and terms.
fn stored(db: &Connection, session: i64) -> rusqlite::Result<Vec<Stored>> {
    let sql = format!("SELECT {COLUMNS} FROM remainder WHERE session_id = ?1 ORDER BY at_ms, terms_id");
    db.prepare_cached(&sql)?.query_map([session], Stored::read)?.collect()
}

/// What all remainders add to the sums.
pub(super) fn counted(db: &Connection, mut each: impl FnMut(Key, Sums)) -> rusqlite::Result<()> {
    let mut find = db.prepare(&format!("SELECT {COLUMNS} FROM remainder"))?;
    let mut rows = find.query([])?;
    while let Some(row) = rows.next()? {
        let (key, sums) = Stored::read(row)?.cell();
        each(key, sums);
    }
    Ok(())
}

impl Known {
    fn read(db: &Connection, prices: &Prices, session: i64) -> rusqlite::Result<Self> {
        let mut names = Resolved { prices, known: HashMap::new() };
        let states = states(db, &mut names, session)?;
        let mut inherited = HashMap::new();
        for State { started_ms, .. } in &states {
            if !inherited.contains_key(started_ms) {
                inherited.insert(*started_ms, inherits(db, &mut names, session, *started_ms)?);
            }
        }
        Ok(Self { answers: answers(db, &mut names, session)?, states, inherited })
    }

    /// Where the session was when it was first answered, if that was before the client last told.
    fn origin(&self, told_ms: i64) -> Option<i64> {
        self.answers.first().filter(|answer| answer.is_before(told_ms)).map(|answer| answer.origin)
    }

    /// What each state shows that those before did not, and nothing else explains.
    fn remainders(&self) -> Vec<Remainder> {
        let (mut found, nothing) = (Vec::new(), Usage::default());
        let (mut known, mut answers) = (Usages::new(), self.answers.iter().peekable());
        let mut most: HashMap<&str, Classes> = HashMap::new();
        for State { at_ms, started_ms, models } in &self.states {
            while let Some(answer) = answers.next_if(|answer| answer.is_before(*at_ms)) {
                *known.entry(answer.name.clone()).or_default() += answer.usage;
            }
            let Some(Some(inherited)) = self.inherited.get(started_ms) else { continue };
            for (name, Count { model, usage, .. }) in models {
                let of = |usages: &Usages| usages.get(name).unwrap_or(&nothing).classes();
                let mut left = less(usage.classes(), of(inherited));
                left = less(left, of(&known));
                let most = most.entry(name).or_default();
                let news = less(left, *most);
                for (most, left) in most.iter_mut().zip(left) {
                    *most = left.max(*most);
                }
                let usage = Usage::of(news);
                if usage != nothing {
                    found.push(Remainder { at_ms: *at_ms, model: model.clone(), usage });
                }
            }
        }
        found
    }
}

impl Known {
    /// Beside what the client told last at a time.
    fn beside(&self, told_ms: i64) -> ClientCounts {
        let mut models: BTreeMap<&str, ClientCount> = BTreeMap::new();
        for State { started_ms, models: counts, .. } in &self.states {
            let inherited = self.inherited.get(started_ms).and_then(Option::as_ref);
            for (name, count) in counts {
                let of = models.entry(name).or_default();
                of.model.clone_from(&count.model);
                if count.usage.tokens.total() >= of.client.tokens.total() {
                    (of.client, of.client_picousd) = (count.usage, count.cost_picousd);
                    of.inherited = inherited.and_then(|usages| usages.get(name)).copied().unwrap_or_default();
                }
            }
        }
        for answer in &self.answers {
            let of = models.entry(&answer.name).or_default();
            if of.model.is_empty() {
                of.model.clone_from(&answer.model);
            }
            *(if answer.is_before(told_ms) { &mut of.known } else { &mut of.later }) += answer.usage;
        }
        for Remainder { model, usage, .. } in self.remainders() {
            if let Some(of) = models.values_mut().find(|of| of.model == model) {
                of.remainder += usage;
            }
        }
        let mut models: Vec<ClientCount> = models.into_values().collect();
        models.sort_by(|a, b| a.model.cmp(&b.model));
        let is_base_unknown = self.inherited.values().any(Option::is_none);
        ClientCounts { told_ms: Some(told_ms), is_base_unknown, models, ..ClientCounts::default() }
    }
}

impl Answer {
    /// It came before the client left at a time.
    fn is_before(&self, at_ms: i64) -> bool {
        self.at_ms <= at_ms.saturating_add(SLACK_MS)
    }
}

/// What is left of each class, and is not below zero.
fn less(mut from: Classes, classes: Classes) -> Classes {
    for (from, taken) in from.iter_mut().zip(classes) {
        *from = (*from - taken).max(0);
    }
    from[LONG_WRITES] = from[LONG_WRITES].min(from[WRITES]);
    from
}

/// What models are priced as, so that two ids of one model are one.
struct Resolved<'p> {
    prices: &'p Prices,
    known: HashMap<String, String>,
}

impl Resolved<'_> {
    fn of(&mut self, model: &str) -> String {
        if let Some(name) = self.known.get(model) {
            return name.clone();
        }
        let name = self.prices.resolve(model).name;
        self.known.insert(model.into(), name.clone());
        name
    }
}

fn states(db: &Connection, names: &mut Resolved, session: i64) -> rusqlite::Result<Vec<State>> {
    let mut find = db.prepare_cached(
        "SELECT at_ms, started_ms, name, input, output, cache_read, cache_write_5m, cache_write_1h, web_searches,
                cost_picousd
           FROM cost_state JOIN model ON model.id = model_id WHERE session_id = ?1 ORDER BY at_ms, started_ms, name",
    )?;
    let mut rows = find.query([session])?;
    let mut states: Vec<State> = Vec::new();
    while let Some(row) = rows.next()? {
        let (at_ms, started_ms, model): (i64, Option<i64>, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let usage = Usage { tokens: tokens_at(row, 3)?, web_searches: row.get(8)? };
        let cost: Option<i64> = row.get(9)?;
        let name = names.of(&model);
        let is_same = |state: &&mut State| (state.at_ms, state.started_ms) == (at_ms, started_ms);
        let Some(state) = states.last_mut().filter(is_same) else {
            let count = Count { model, usage, cost_picousd: cost };
            states.push(State { at_ms, started_ms, models: [(name, count)].into() });
            continue;
        };
        let nothing = Count { model, usage: Usage::default(), cost_picousd: Some(0) };
        let count = state.models.entry(name).or_insert(nothing);
        count.usage += usage;
        count.cost_picousd = count.cost_picousd.zip(cost).map(|(a, b)| a + b);
    }
    Ok(states)
}

/// What a session's counts that began at a time have from the session it is a fork of: what that had counted when the
/// fork began. None: there is such a session, and what it had counted is not known.
fn inherits(
    db: &Connection,
    names: &mut Resolved,
    session: i64,
    started_ms: Option<i64>,
) -> rusqlite::Result<Option<Usages>> {
    let parents: Vec<(i64, Option<i64>)> = db
        .prepare_cached("SELECT id, begun_ms FROM fork JOIN session ON id = from_id WHERE session_id = ?1")?
        .query_map([session], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    let begun_ms: Option<i64> = db
        .prepare_cached("SELECT begun_ms FROM session WHERE id = ?1")?
        .query_row([session], |row| row.get(0))?;
    let mut latest: Option<State> = None;
    for (parent, _) in &parents {
        let states = states(db, names, *parent)?.into_iter();
        let before = states.filter(|state| {
            state.started_ms == started_ms && begun_ms.is_none_or(|begun_ms| state.at_ms <= begun_ms)
        });
        latest = latest.into_iter().chain(before).max_by_key(|state| state.at_ms);
    }
    // Counting that began before the parent did was not begun anew by `/branch`.
    let is_of_parent =
        |parent_ms: Option<i64>| parent_ms.is_none_or(|parent_ms| started_ms < Some(parent_ms));
    let is_unknown = latest.is_none() && parents.iter().any(|(_, begun_ms)| is_of_parent(*begun_ms));
    let models = latest.into_iter().flat_map(|state| state.models);
    Ok((!is_unknown).then(|| models.map(|(name, count)| (name, count.usage)).collect()))
}

/// The responses of a session that count, and their extra attempts, in the order of time.
fn answers(db: &Connection, names: &mut Resolved, session: i64) -> rusqlite::Result<Vec<Answer>> {
    let rows: Vec<(i64, i64)> = db
        .prepare_cached(
            "SELECT first_response, last_response FROM origin WHERE session_id = ?1 AND first_response IS NOT NULL",
        )?
        .query_map([session], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    let mut find = db.prepare_cached(&format!(
        "SELECT response.id, at_ms, ifnull(nullif(requested_model, ''), model.name), input, output, cache_read,
                cache_write_5m, cache_write_1h, web_searches, flags, origin_id
           FROM response JOIN terms ON terms.id = terms_id JOIN model ON model.id = model_id
          WHERE response.id BETWEEN ?1 AND ?2 AND flags & {} = 0
            AND origin_id IN (SELECT id FROM origin WHERE session_id = ?3)",
        flag::COPY
    ))?;
    let mut find_extras = db.prepare_cached(
        "SELECT name, input, output, cache_read, cache_write_5m, cache_write_1h
           FROM attempt LEFT JOIN model ON model.id = model_id WHERE response_id = ?1 AND is_extra",
    )?;
    let mut answers = Vec::new();
    for run in runs(rows) {
        let mut rows = find.query(params![run.start(), run.end(), session])?;
        while let Some(row) = rows.next()? {
            let (at_ms, model, origin): (i64, String, i64) = (row.get(1)?, row.get(2)?, row.get(10)?);
            if row.get::<_, i64>(9)? & flag::ATTEMPTS != 0 {
                let mut extras = find_extras.query([row.get::<_, i64>(0)?])?;
                while let Some(extra) = extras.next()? {
                    let model = extra.get::<_, Option<String>>(0)?.unwrap_or_else(|| model.clone());
                    let usage = Usage { tokens: tokens_at(extra, 1)?, web_searches: 0 };
                    answers.push(Answer { at_ms, origin, name: names.of(&model), model, usage });
                }
            }
            let usage = Usage { tokens: tokens_at(row, 3)?, web_searches: row.get(8)? };
            answers.push(Answer { at_ms, origin, name: names.of(&model), model, usage });
        }
    }
    answers.sort_by_key(|answer| answer.at_ms);
    Ok(answers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Reader;
    use crate::model::{Fork, Response};

    const OPUS: &str = "claude-opus-5-5";
    const HAIKU: &str = "claude-haiku-5-5";

    /// What a ledger is told; times are seconds.
    #[derive(Clone, Copy)]
    enum Fact {
        /// Session, time, model asked for, input and output.
        Answer(&'static str, i64, &'static str, [i64; 2]),
        /// Session, time, when counting began, model, input and output.
        State(&'static str, i64, i64, &'static str, [i64; 2]),
        /// Without any count.
        Empty(&'static str, i64),
        Fork(&'static str, &'static str),
        /// When a session began.
        Began(&'static str, i64),
    }
    use Fact::{Answer, Began, Empty, State};

    fn tokens([input, output]: [i64; 2]) -> Tokens {
        Tokens { input, output, ..Tokens::default() }
    }

    fn opened() -> (tempfile::TempDir, Ledger) {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(&dir.path().join("ledger.db")).unwrap();
        (dir, ledger)
    }

    fn answer(session: &'static str, at_s: i64, model: &'static str, tokens: Tokens) -> Response<'static> {
        Response {
            message_id: format!("msg_{session}_{at_s}").into(),
            request_id: format!("req_{session}_{at_s}").into(),
            at_ms: at_s * 1000,
            is_time_inferred: false,
            session: session.into(),
            agent: "".into(),
            agent_type: "".into(),
            skill: "".into(),
            mcp_server: "".into(),
            mcp_tool: "".into(),
            cwd: "/w".into(),
            branch: "main".into(),
            is_sidechain: false,
            // Another one answered.
            model: if model == OPUS { "claude-sonnet-5-5" } else { model }.into(),
            requested_model: model.into(),
            speed: "".into(),
            inference_geo: "".into(),
            service_tier: "".into(),
            tokens,
            is_ttl_unknown: false,
            web_searches: 0,
            code_executions: 0,
            attempts: vec![],
            tool_uses: vec![],
            is_finished: true,
            is_refused: false,
            is_aborted: false,
        }
    }

    fn state(session: &str, started_s: i64, model: &str, tokens: Tokens) -> CostState {
        let count =
            ModelCount { model: model.into(), tokens, web_searches: 0, cost_picousd: Some(tokens.total()) };
        CostState { session: session.into(), started_ms: Some(started_s * 1000), models: vec![count] }
    }

    fn tell(ledger: &mut Ledger, facts: &[Fact]) {
        let reader = Reader { host: "h".into(), config_dir: "/c".into() };
        let mut project_of = |cwd: &str| cwd.to_string();
        let mut batch = ledger.batch(&reader, &mut project_of).unwrap();
        for fact in facts {
            match *fact {
                Answer(session, at_s, model, of) => {
                    batch.add(&answer(session, at_s, model, tokens(of)), 0).unwrap();
                }
                State(session, at_s, started_s, model, of) => {
                    batch.cost_state(&state(session, started_s, model, tokens(of)), at_s * 1000).unwrap();
                }
                Empty(session, at_s) => {
                    let state = CostState { session: session.into(), started_ms: None, models: vec![] };
                    batch.cost_state(&state, at_s * 1000).unwrap();
                }
                Fact::Fork(session, from) => {
                    batch.fork(&Fork { session: session.into(), from: from.into() }).unwrap();
                }
                Began(session, at_s) => batch.span(session, at_s * 1000, at_s * 1000).unwrap(),
            }
        }
        batch.commit().unwrap();
    }

    /// Session, time, model, input and output of what remains.
    type Left = (String, i64, String, [i64; 2]);

    fn left(ledger: &Ledger) -> Vec<Left> {
        assert_eq!(ledger.check().unwrap(), [""; 0]);
        let sql = "SELECT session.name, at_ms / 1000, model.name, input, output FROM remainder
                     JOIN session ON session.id = session_id JOIN terms ON terms.id = terms_id
                     JOIN model ON model.id = model_id ORDER BY 1, 2, 3";
        let mut find = ledger.db.prepare(sql).unwrap();
        let row = |row: &SqlRow| Ok((row.get(0)?, row.get(1)?, row.get(2)?, [row.get(3)?, row.get(4)?]));
        find.query_map([], row).unwrap().collect::<rusqlite::Result<_>>().unwrap()
    }

    /// What remains, in whatever order and in how many batches facts come.
    #[track_caller]
    fn remains(facts: &[Fact], want: &[(&str, i64, &str, [i64; 2])]) {
        let want: Vec<Left> = want
            .iter()
            .map(|(session, at_s, model, of)| ((*session).into(), *at_s, (*model).into(), *of))
            .collect();
        let mut orders = vec![facts.to_vec(), facts.iter().rev().copied().collect()];
        orders.extend((1..facts.len()).map(|by| [&facts[by..], &facts[..by]].concat()));
        for order in orders {
            let (_dir, mut ledger) = opened();
            for fact in &order {
                tell(&mut ledger, &[*fact]);
            }
            assert_eq!(left(&ledger), want);
            tell(&mut ledger, &order);
            assert_eq!(left(&ledger), want, "told again");
        }
        let (_dir, mut ledger) = opened();
        tell(&mut ledger, facts);
        assert_eq!(left(&ledger), want, "all at once");
    }

    #[test]
    fn what_is_explained_leaves_nothing_and_what_is_not_shows_when_the_client_told() {
        let facts = [
            Answer("s", 10, OPUS, [5, 50]),
            State("s", 20, 1, OPUS, [5, 50]),
            Answer("s", 30, OPUS, [7, 70]),
            // A compaction that cost 2 and 300; then a title.
            State("s", 40, 1, OPUS, [14, 420]),
            State("s", 40, 1, HAIKU, [90, 9]),
            Answer("s", 50, OPUS, [1, 1]),
            State("s", 60, 1, OPUS, [16, 421]),
        ];
        let compaction = ("s", 40, OPUS, [2, 300]);
        remains(&facts[..2], &[]);
        remains(&facts[..4], &[compaction]);
        remains(&facts, &[("s", 40, HAIKU, [90, 9]), compaction, ("s", 60, OPUS, [1, 0])]);
    }

    #[test]
    fn what_is_told_later_is_no_remainder_any_more() {
        let facts = [
            Answer("s", 10, OPUS, [5, 50]),
            State("s", 40, 1, OPUS, [7, 350]),
            // By telemetry.
            Answer("s", 39, OPUS, [2, 300]),
        ];
        remains(&facts, &[]);
        // Of the next run.
        remains(&[facts[0], facts[1], Answer("s", 42, OPUS, [2, 300])], &[("s", 40, OPUS, [2, 300])]);
    }

    #[test]
    fn a_count_that_falls_short_takes_nothing_away() {
        let facts = [
            Answer("s", 10, OPUS, [5, 50]),
            State("s", 20, 1, OPUS, [7, 350]),
            // Killed: nobody counted this.
            Answer("s", 30, OPUS, [1000, 1000]),
            Answer("s", 40, OPUS, [1, 1]),
            State("s", 50, 1, OPUS, [8, 351]),
            Empty("s", 60),
        ];
        remains(&facts, &[("s", 20, OPUS, [2, 300])]);
        remains(&[Answer("s", 10, OPUS, [5, 50]), Empty("s", 9)], &[]);
    }

    #[test]
    fn a_fork_begins_with_what_its_parent_had_counted() {
        let facts = [
            Began("p", 5),
            Answer("p", 10, OPUS, [5, 50]),
            State("p", 20, 4, OPUS, [7, 350]),
            Fact::Fork("f", "p"),
            Began("f", 25),
            Answer("f", 30, OPUS, [1, 10]),
            State("f", 40, 4, OPUS, [11, 360]),
            Answer("p", 50, OPUS, [2, 20]),
            State("p", 60, 4, OPUS, [9, 370]),
        ];
        let of_parent = ("p", 20, OPUS, [2, 300]);
        remains(&facts, &[("f", 40, OPUS, [3, 0]), of_parent]);
        // What the fork began with is not known: its parent's counts are gone.
        remains(&[&facts[..2], &facts[3..7]].concat(), &[]);
        // `/branch` begins to count anew.
        let branch = [&facts[..6], &[State("f", 40, 24, OPUS, [4, 10])]].concat();
        remains(&branch, &[("f", 40, OPUS, [3, 0]), of_parent]);
    }

    #[test]
    fn cache_writes_are_compared_whatever_lifetime_they_were_told_with() {
        let (_dir, mut ledger) = opened();
        let reader = Reader { host: "h".into(), config_dir: "/c".into() };
        let mut project_of = |cwd: &str| cwd.to_string();
        let mut batch = ledger.batch(&reader, &mut project_of).unwrap();
        let written = Tokens { cache_write_1h: 100, ..Tokens::default() };
        batch.add(&answer("s", 10, OPUS, written), 0).unwrap();
        let counted = Tokens { cache_write_5m: 130, ..Tokens::default() };
        batch.cost_state(&state("s", 1, "claude-opus-5-5-20261101", counted), 20_000).unwrap();
        batch.commit().unwrap();
        let account = ledger.client_counts(1).unwrap();
        let [of] = &account.models[..] else { panic!("{account:?}") };
        let tokens = |usage: Usage| (usage.tokens.cache_write_5m, usage.tokens.cache_write_1h);
        assert_eq!(
            (tokens(of.client), tokens(of.known), tokens(of.remainder)),
            ((130, 0), (0, 100), (30, 0))
        );
    }

    #[test]
    fn a_remainder_is_priced_by_the_token_and_anew_by_other_prices() {
        let (dir, mut ledger) = opened();
        tell(
            &mut ledger,
            &[
                Answer("s", 1_795_000_000, HAIKU, [0, 0]),
                // As one prompt it would be a dear one.
                State("s", 1_795_000_001, 1, HAIKU, [1_000_000, 2]),
                State("s", 1_795_000_001, 1, "claude-next", [3, 4]),
            ],
        );
        let costs = |ledger: &Ledger| {
            let mut costs = vec![];
            let mut add = |cell: super::super::Cell| {
                if cell.provenance == REMAINDER {
                    costs.push((cell.is_priced, cell.sums.cost_picousd, cell.sums.contract_picousd));
                }
            };
            ledger.all_cells(i64::MIN..i64::MAX, &mut add).unwrap();
            costs.sort_unstable();
            costs
        };
        let list = 1_000_000 * 100_000 + 2 * 500_000;
        assert_eq!(costs(&ledger), [(false, 0, 0), (true, list, list)]);
        let overlay = toml::from_str("[[discount]]\npercent = '50'").unwrap();
        let prices = Box::leak(Box::new(Prices::load(&overlay).unwrap()));
        let mut ledger = Ledger::open(&dir.path().join("ledger.db")).unwrap().priced_by(prices);
        assert!(ledger.reprice().unwrap().is_some());
        assert_eq!(costs(&ledger), [(false, 0, 0), (true, list, list / 2)]);
        assert_eq!(ledger.check().unwrap(), [""; 0]);
    }

    #[test]
    fn another_ledger_takes_over_what_was_counted() {
        let (dir, mut ledger) = opened();
        let facts = [Answer("s", 10, OPUS, [5, 50]), State("s", 20, 1, OPUS, [7, 350]), Empty("s", 30)];
        tell(&mut ledger, &facts);
        let (_other_dir, mut other) = opened();
        tell(&mut other, &facts[..1]);
        assert!(!other.absorb(&dir.path().join("ledger.db")).unwrap().is_damaged);
        assert_eq!(left(&other), left(&ledger));
        assert_eq!(other.told().unwrap(), ledger.told().unwrap());
        assert_eq!(left(&other).len(), 1);
    }
}
