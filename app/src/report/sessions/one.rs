//! One session, with all that happened in it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use jiff::tz::TimeZone;

use super::agents::{Agent, Deeds, tree};
use super::lives::{Life, lives};
use super::{Ends, Place, Share, Shares};
use crate::ledger::{
    Cell, ClientCounts, Dimension, Ledger, SessionEvent, SessionFacts, SessionResponse, StoredTree,
};
use crate::model::{Tokens, ToolOutcome};
use crate::report::groups::sorted;
use crate::report::remarks::Gathered;
use crate::report::spelling::nearest_beginnings;
use crate::report::{Amount, Error, Projects, Remarks, Unpriced};

/// A longer pause is no activity. The cache of most prompts lives as long.
const PAUSE_MS: i64 = 5 * 60_000;
/// A longer pause ends a stretch.
const LONG_PAUSE_MS: i64 = 60 * 60_000;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    pub id: String,
    pub zone: TimeZone,
    /// The dearest first, like all names here.
    pub projects: Vec<Place>,
    pub branches: Vec<String>,
    pub accounts: Vec<String>,
    pub hosts: Vec<String>,
    /// Milliseconds since the epoch, as below: its first line's time, or its first response's where that came before.
    pub began_ms: Option<i64>,
    pub last_answer_ms: Option<i64>,
    /// The last that is known of it.
    pub ended_ms: Option<i64>,
    /// Without pauses of more than five minutes between one line, response or event and the next.
    pub active_ms: i64,
    /// Runs without a pause of more than an hour.
    pub stretches: Vec<Stretch>,
    pub total: Amount,
    /// Of the total, what transcripts tell of, and what telemetry alone does.
    pub transcript: Amount,
    pub otel: Amount,
    /// What the client itself counted.
    pub client: ClientCounts,
    pub models: Vec<Model>,
    /// Each after the one that started it; the main loop comes first.
    pub agents: Vec<Agent>,
    /// Those called most first.
    pub tools: Vec<Tool>,
    /// In the order of time.
    pub events: Vec<SessionEvent>,
    /// As the client's hooks told them; none where they did not.
    pub lives: Vec<Life>,
    /// Of its processes, one after another; none where no agent saw any.
    pub trees: Vec<StoredTree>,
    pub forked_from: Vec<String>,
    pub forks: Vec<String>,
    pub unpriced: Vec<Unpriced>,
    pub remarks: Remarks,
}

/// A time without a long pause.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stretch {
    pub began_ms: i64,
    pub ended_ms: i64,
    pub amount: Amount,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    pub name: String,
    /// The id that gave the price, where that is another one.
    pub priced_as: Option<String>,
    pub amount: Amount,
}

/// How calls of a tool ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tool {
    pub name: String,
    pub ok: i64,
    pub error: i64,
    pub denied: i64,
    pub interrupted: i64,
    /// Not known, or not yet.
    pub open: i64,
}

impl Tool {
    pub fn calls(&self) -> i64 {
        self.ok + self.error + self.denied + self.interrupted + self.open
    }
}

impl Session {
    pub fn duration_ms(&self) -> Option<i64> {
        Some(self.ended_ms? - self.began_ms?)
    }
}

/// The session of an id, or the only one whose id begins so.
pub fn one(ledger: &Ledger, wanted: &str, projects: &Projects, zone: &TimeZone) -> Result<Session, Error> {
    let _snapshot = ledger.snapshot()?;
    let (session, id) = find(ledger, wanted)?;
    let facts = ledger.session_facts(session)?;
    let origins = ledger.session_origins(session)?;
    let mut whole = Whole::default();
    ledger.session_responses(session, &origins, |response| whole.add(response, session))?;
    let Whole { mut total, mut of, ends, names, models, unpriced, agents, tools, answers, remarks } = whole;
    [&mut total].into_iter().chain(&mut of).for_each(Amount::settle);
    let [transcript, otel] = of;
    let activity = Activity::new(&facts, answers, session);
    let SessionFacts { begun_ms, ended_ms, forked_from, forks, events, parents } = facts;
    let [paths, branches, accounts, hosts] = names.map(Shares::ranked);
    let priced_as = |name: &str| ledger.priced_as(name).map(String::from);
    Ok(Session {
        id,
        zone: zone.clone(),
        projects: Place::all(paths, projects),
        branches,
        accounts,
        hosts,
        began_ms: [begun_ms, ends.first_ms].into_iter().flatten().min(),
        last_answer_ms: ends.last_ms,
        ended_ms: ended_ms.max(ends.last_ms),
        active_ms: activity.active_ms,
        stretches: activity.stretches,
        total,
        transcript,
        otel,
        client: ledger.client_counts(session)?,
        models: by_cost(models, priced_as),
        agents: tree(agents, &parents),
        tools: by_calls(tools),
        events,
        lives: lives(&ledger.hook_calls(session)?),
        trees: ledger.session_trees(session)?,
        forked_from,
        forks,
        unpriced: sorted(unpriced),
        remarks: remarks.finish(&ledger.price_lists()?),
    })
}

fn find(ledger: &Ledger, wanted: &str) -> Result<(i64, String), Error> {
    let mut found = ledger.sessions_named(wanted)?;
    // In the order of names, so that the id itself is the first.
    if found.len() == 1 || found.first().is_some_and(|(_, id)| id == wanted) {
        return Ok(found.swap_remove(0));
    }
    let wanted = wanted.to_string();
    if found.is_empty() {
        let known = ledger.names(Dimension::Session)?;
        let near = nearest_beginnings(&wanted, known.values().map(String::as_str));
        return Err(Error::NoMatch { what: "session", wanted, near });
    }
    Err(Error::Ambiguous { wanted, ids: found.into_iter().map(|(_, id)| id).collect() })
}

/// What the responses of a session add up to.
#[derive(Default)]
struct Whole {
    total: Amount,
    /// Of transcripts and of telemetry alone.
    of: [Amount; 2],
    ends: Ends,
    /// Projects, branches, accounts and hosts.
    names: [Shares; 4],
    models: HashMap<String, Amount>,
    /// Responses and tokens, by model.
    unpriced: HashMap<String, (i64, Tokens)>,
    agents: BTreeMap<String, Deeds>,
    tools: HashMap<String, Tool>,
    answers: Vec<(i64, Cell)>,
    remarks: Gathered,
}

impl Whole {
    fn add(&mut self, response: &SessionResponse, session: i64) {
        let SessionResponse { told, origin, model, calls, .. } = response;
        let cell = &told.cell;
        let share = Share::of(cell);
        self.total.add(cell, session);
        self.of[usize::from(cell.provenance != 0)].add(cell, session);
        self.ends.add(told);
        let names = [&origin.project, &origin.branch, &origin.account, &origin.host];
        for (shares, name) in self.names.iter_mut().zip(names) {
            shares.add(name, share);
        }
        self.models.entry((*model).into()).or_default().add(cell, session);
        if !cell.is_priced {
            let (responses, tokens) = self.unpriced.entry((*model).into()).or_default();
            *responses += cell.sums.responses;
            *tokens += cell.sums.tokens;
        }
        let deeds = self.agents.entry(origin.agent.clone()).or_default();
        deeds.types.add(&origin.agent_type, share);
        deeds.models.add(model, share);
        deeds.ends.add(told);
        deeds.amount.add(cell, session);
        for (name, outcome) in calls {
            let tool = self.tools.entry((*name).into()).or_default();
            *match outcome {
                Some(ToolOutcome::Ok) => &mut tool.ok,
                Some(ToolOutcome::Error) => &mut tool.error,
                Some(ToolOutcome::Denied) => &mut tool.denied,
                Some(ToolOutcome::Interrupted) => &mut tool.interrupted,
                None => &mut tool.open,
            } += 1;
        }
        self.answers.push((told.at_ms, *cell));
        self.remarks.add(told, session);
    }
}

fn by_cost(models: HashMap<String, Amount>, priced_as: impl Fn(&str) -> Option<String>) -> Vec<Model> {
    let mut models: Vec<Model> = models
        .into_iter()
        .map(|(name, mut amount)| {
            amount.settle();
            Model { priced_as: priced_as(&name), name, amount }
        })
        .collect();
    models.sort_by(|a, b| {
        (Reverse(a.amount.cost_picousd), &a.name).cmp(&(Reverse(b.amount.cost_picousd), &b.name))
    });
    models
}

fn by_calls(tools: HashMap<String, Tool>) -> Vec<Tool> {
    let mut tools: Vec<Tool> = tools.into_iter().map(|(name, tool)| Tool { name, ..tool }).collect();
    tools.sort_by(|a, b| (Reverse(a.calls()), &a.name).cmp(&(Reverse(b.calls()), &b.name)));
    tools
}

/// When something happened, and when nothing did.
struct Activity {
    active_ms: i64,
    stretches: Vec<Stretch>,
}

impl Activity {
    fn new(facts: &SessionFacts, mut answers: Vec<(i64, Cell)>, session: i64) -> Self {
        let ends = facts.begun_ms.into_iter().chain(facts.ended_ms);
        let events = facts.events.iter().map(|event| event.at_ms);
        let mut instants: Vec<i64> =
            ends.chain(events).chain(answers.iter().map(|(at_ms, _)| *at_ms)).collect();
        instants.sort_unstable();
        let pauses = instants.windows(2).map(|pair| pair[1] - pair[0]);
        let active_ms = pauses.filter(|pause| *pause <= PAUSE_MS).sum();
        answers.sort_by_key(|(at_ms, _)| *at_ms);
        let mut answers = answers.into_iter().peekable();
        let stretch = |instants: &[i64]| {
            let mut stretch = Stretch {
                began_ms: instants[0],
                ended_ms: instants[instants.len() - 1],
                ..Stretch::default()
            };
            while let Some((_, cell)) = answers.next_if(|(at_ms, _)| *at_ms <= stretch.ended_ms) {
                stretch.amount.add(&cell, session);
            }
            stretch.amount.settle();
            stretch
        };
        let stretches = instants.chunk_by(|a, b| b - a <= LONG_PAUSE_MS).map(stretch).collect();
        Self { active_ms, stretches }
    }
}

#[cfg(test)]
mod tests {
    use super::Activity;
    use crate::ledger::{Cell, SessionFacts, Sums};
    use crate::report::sessions::sample::{self, OTHER, SESSION};
    use crate::report::{Error, sessions};
    use jiff::tz::TimeZone;

    const MINUTE: i64 = 60_000;

    /// Minutes of activity, and where the stretches begin and end with how many answers, for answers at some minutes.
    fn active(begun: Option<i64>, answers: &[i64]) -> (i64, Vec<(i64, i64, i64)>) {
        let facts = SessionFacts { begun_ms: begun.map(|at| at * MINUTE), ..SessionFacts::default() };
        let sums = Sums { responses: 1, ..Sums::default() };
        let cell = Cell {
            quarter: 0,
            origin: 0,
            terms: 0,
            provenance: 0,
            is_priced: true,
            is_contracted: false,
            sums,
        };
        let answers = answers.iter().map(|at| (at * MINUTE, cell)).collect();
        let activity = Activity::new(&facts, answers, 1);
        let stretches = activity.stretches.iter();
        let stretches = stretches
            .map(|stretch| (stretch.began_ms / MINUTE, stretch.ended_ms / MINUTE, stretch.amount.responses));
        (activity.active_ms / MINUTE, stretches.collect())
    }

    #[test]
    fn pauses_are_no_activity_and_long_ones_end_a_stretch() {
        assert_eq!(active(None, &[]), (0, vec![]));
        assert_eq!(active(None, &[7]), (0, vec![(7, 7, 1)]));
        assert_eq!(active(Some(0), &[10, 5, 16]), (10, vec![(0, 16, 3)]), "5, 5 and a pause of 6");
        assert_eq!(active(Some(0), &[60, 61, 122, 183]), (1, vec![(0, 61, 2), (122, 122, 1), (183, 183, 1)]));
    }

    #[test]
    fn what_the_agent_saw_of_its_processes_is_told() {
        let (_dir, mut ledger) = sample::ledger();
        assert!(sample::session(&ledger, SESSION).trees.is_empty());
        for tree in sample::trees() {
            ledger.add_trees("here", "b", &[sample::live(&tree)], 0).unwrap();
        }
        assert_eq!(sample::session(&ledger, SESSION).trees, sample::trees());
        assert!(sample::session(&ledger, OTHER).trees.is_empty());
    }

    #[test]
    fn a_session_is_its_id_or_the_only_one_that_begins_so() {
        let (_dir, ledger) = sample::ledger();
        assert_eq!(sample::session(&ledger, "6513270e-26").id, SESSION);
        assert_eq!(sample::session(&ledger, OTHER).id, OTHER);
        let failed = |id| sessions::one(&ledger, id, &sample::projects(), &TimeZone::UTC).unwrap_err();
        let ambiguous = failed("6513270e").to_string();
        assert_eq!(ambiguous, format!("`6513270e` begins the ids of 2 sessions:\n  {SESSION}\n  {OTHER}"));
        let unknown = failed("6513270e-3");
        assert!(matches!(unknown, Error::NoMatch { what: "session", .. }));
        assert!(unknown.to_string().starts_with("no session matches `6513270e-3`; the nearest: 6513270e-2"));
    }
}
