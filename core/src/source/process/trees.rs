//! Which process belongs to which session, and what each session used: what is known, moved on by one look after
//! another, whatever order a look lists processes in.
//!
//! A process belongs to a client, and by it to the session that the client runs at present:
//!
//! * to the client that it is, as the registry says;
//! * to the one it belonged to at the last look: it stays when it is reparented, calls `setsid`, or its client dies;
//! * to its parent's;
//! * to the one that its environment names (`CLAUDE_PID`, `CLAUDE_CODE_SESSION_ID`), if they are the same user's. The
//!   environment is read once, and again when the process has become another program; nothing else of it is kept.
//!
//! Where these differ, the one that was started below the other is right: an orphan of a nested client may have become
//! the child of something in the outer tree, and a nested client has the outer one's marker in its own environment.
//! That marker, or its parent, tells which session a client was started from.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};

use super::account::Account;
use super::kind;
use super::stat::{Marker, Snapshot, Stat};
use crate::model::process::{
    Client, Member, Past, ProcessId, ProcessKind, Program, SessionTree, Spent, Totals,
};

/// How long a session is remembered after its last client and its last process.
pub const KEEP_MS: i64 = 5 * 60 * 1000;

/// What is started after so many programs of a session is counted with what started it.
const MAX_PROGRAMS: usize = 256;

/// What a look asks of a process only if it has to. Whatever cannot be read is absent.
pub trait Host {
    fn uid(&mut self, pid: u32) -> Option<u32>;
    fn marker(&mut self, pid: u32) -> Option<Marker>;
    /// The file name of what it runs.
    fn program(&mut self, pid: u32) -> Option<String>;
    fn detail(&mut self, pid: u32) -> Detail;
    /// The soft limit of open files.
    fn max_fds(&mut self, pid: u32) -> Option<u64>;
}

/// What is only read of members.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Detail {
    /// Bytes read from storage, and written to it.
    pub io: Option<(u64, u64)>,
    pub context_switches: Option<u64>,
    pub swap_bytes: Option<u64>,
    pub pss_bytes: Option<u64>,
    pub open_fds: Option<u64>,
}

#[derive(Debug, Default)]
pub struct Trees {
    known: HashMap<ProcessId, Known>,
    /// Those that live, and those whose session is remembered.
    clients: BTreeMap<ProcessId, Runner>,
    sessions: BTreeMap<String, Session>,
    /// What was told of sessions before, by client and session.
    past: HashMap<(ProcessId, String), Past>,
}

impl Trees {
    /// Goes on where trees were left, as by an agent that was started again. What a parent has waited for is found
    /// with it, so that nearly all of what was counted then is counted again; the totals are never less, and the
    /// programs that ended are still told.
    pub fn resume(past: impl IntoIterator<Item = Past>) -> Self {
        let of_clients = |past: Past| {
            let clients = past.clients.clone().into_iter();
            clients.map(move |client| ((client, past.session.clone()), past.clone()))
        };
        Self { past: past.into_iter().flat_map(of_clients).collect(), ..Self::default() }
    }

    /// Takes one look in: all processes, and what the registry said just before. `now_ms` is milliseconds since the
    /// epoch.
    pub fn update(&mut self, snapshot: &Snapshot, host: &mut impl Host, registry: &[Client], now_ms: i64) {
        let look = Look::new(snapshot, now_ms);
        let claims = self.forget_vanished(&look);
        self.note_clients(&look, host, registry);
        self.read_markers(&look, host, registry);
        self.note_dead_clients(registry);
        self.find_owners(&look);
        self.note_sessions(&look);
        self.take_members(&look, host);
        self.measure(&look, host);
        self.charge(claims);
        self.end_sessions(now_ms);
    }

    /// Those that run and those that ended within [`KEEP_MS`], by session.
    pub fn sessions(&self) -> Vec<SessionTree> {
        let mut members: HashMap<&str, Vec<Member>> = HashMap::new();
        for (_, tracked) in self.tracked() {
            members.entry(&tracked.session).or_default().push(tracked.member.clone());
        }
        let trees = self.sessions.iter().map(|(name, session)| {
            let mut members = members.remove(&**name).unwrap_or_default();
            members.sort_unstable_by_key(|member| member.id);
            session.tree(name, self.live_clients(name).collect(), members)
        });
        trees.collect()
    }

    fn live_clients(&self, session: &str) -> impl Iterator<Item = ProcessId> {
        let runs = move |runner: &Runner| runner.is_live && runner.entry.session == session;
        self.clients.iter().filter(move |(_, runner)| runs(runner)).map(|(id, _)| *id)
    }

    /// What ended since the last look leaves its claim to the nearest process above it that lives.
    fn forget_vanished(&mut self, look: &Look) -> BTreeMap<ProcessId, Spent> {
        let mut vanished: Vec<_> = self
            .known
            .extract_if(|id, _| look.get(*id).is_none())
            .filter_map(|(id, known)| Some((id, known.tracked?)))
            .collect();
        vanished.sort_unstable_by_key(|(id, _)| Reverse(*id));
        let mut claims = BTreeMap::<ProcessId, Spent>::new();
        for (id, tracked) in vanished {
            let Tracked { session, program, parent, account, .. } = *tracked;
            let (charge, mut claim) = account.close();
            claim += claims.remove(&id).unwrap_or_default();
            if let Some(session) = self.sessions.get_mut(&session) {
                session.charge(program, charge);
            }
            if let Some(parent) = parent {
                *claims.entry(parent).or_default() += claim;
            }
        }
        claims
    }

    /// An entry may be torn just when it is read, and is gone before its process is: a client lives as long as its
    /// process does.
    fn note_clients(&mut self, look: &Look, host: &mut impl Host, registry: &[Client]) {
        let is_live = |id: ProcessId| look.get(id).is_some_and(|process| !process.is_zombie);
        for (id, runner) in &mut self.clients {
            runner.is_live = is_live(*id);
        }
        let mut entries: Vec<&Client> = registry.iter().filter(|entry| is_live(entry.id)).collect();
        // Where two speak of one process, the last one written counts.
        entries.sort_unstable_by(|a, b| (a.updated_ms, &a.session).cmp(&(b.updated_ms, &b.session)));
        let newest: BTreeMap<_, _> = entries.into_iter().map(|entry| (entry.id, entry)).collect();
        for (id, entry) in newest {
            let runner = self.clients.entry(id).or_insert_with(|| {
                let uid = host.uid(id.pid).unwrap_or(entry.uid);
                Runner::new(entry, uid, true)
            });
            if !runner.sessions.contains(&entry.session) {
                runner.sessions.push(entry.session.clone());
            }
            runner.entry = entry.clone();
        }
    }

    /// Only of processes that are of a client's user.
    fn read_markers(&mut self, look: &Look, host: &mut impl Host, registry: &[Client]) {
        let live = self.clients.values().map(|runner| runner.uid);
        let uids: HashSet<u32> = live.chain(registry.iter().map(|entry| entry.uid)).collect();
        for process in &look.by_age {
            let known = self.known.entry(process.id).or_default();
            if known.name != process.name {
                known.name.clone_from(&process.name);
                known.marker = Reading::Due;
                known.is_renamed = true;
            }
            if known.marker != Reading::Due || uids.is_empty() {
                continue;
            }
            known.uid = known.uid.or_else(|| host.uid(process.id.pid));
            if known.uid.is_some_and(|uid| uids.contains(&uid)) {
                known.marker = Reading::Done(host.marker(process.id.pid));
            }
        }
    }

    /// A client that was killed leaves its entry behind, and maybe processes.
    fn note_dead_clients(&mut self, registry: &[Client]) {
        for entry in registry {
            if self.clients.contains_key(&entry.id) {
                continue;
            }
            let dead = Runner::new(entry, entry.uid, false);
            let is_left = |(id, known): (&ProcessId, &Known)| {
                let is_named = dead.is_named_by(known) && known.client_pid() == Some(entry.id.pid);
                known.owner.is_none() && is_named && entry.id < *id
            };
            if self.known.iter().any(is_left) {
                self.clients.insert(entry.id, dead);
            }
        }
    }

    /// By age, so that a parent's owner is known before its children ask for it, and a client's own parent before
    /// anybody asks which of two clients is below the other.
    fn find_owners(&mut self, look: &Look) {
        for process in &look.by_age {
            let id = process.id;
            let parents = look.parent(process).and_then(|parent| self.known.get(&parent)?.owner);
            let Some(known) = self.known.get(&id) else { continue };
            let named = self.named_by(id, known);
            let candidates = [known.owner, parents, named];
            let mut owner = self.lowest(candidates);
            if self.clients.get(&id).is_some_and(|runner| runner.is_live) {
                let outer = self.lowest(candidates.map(|owner| owner.filter(|owner| *owner != id)));
                let marked = known.session().filter(|_| outer == named).map(Into::into);
                self.link(id, outer, marked);
                owner = Some(id);
            }
            if let Some(known) = self.known.get_mut(&id) {
                known.owner = owner;
            }
        }
    }

    /// The client that a process's environment names.
    fn named_by(&self, id: ProcessId, known: &Known) -> Option<ProcessId> {
        known.read()?;
        let named = self.clients.range(..id).filter(|(_, runner)| runner.is_named_by(known));
        named
            .map(|(client, _)| *client)
            .max_by_key(|client| (known.client_pid() == Some(client.pid), *client))
    }

    /// The first, unless a later one was started below it.
    fn lowest(&self, candidates: [Option<ProcessId>; 3]) -> Option<ProcessId> {
        candidates
            .into_iter()
            .flatten()
            .reduce(|best, other| if self.is_below(other, best) { other } else { best })
    }

    fn is_below(&self, client: ProcessId, above: ProcessId) -> bool {
        let parent = |client: &ProcessId| self.clients.get(client)?.parent;
        std::iter::successors(parent(&client), parent).any(|client| client == above)
    }

    /// Remembers from which client another was started; once known, that does not change. `outer` is older, so this
    /// makes no circle.
    fn link(&mut self, id: ProcessId, outer: Option<ProcessId>, marked: Option<String>) {
        let Some(outer) = outer.filter(|outer| *outer < id) else { return };
        let session = marked.or_else(|| Some(self.clients.get(&outer)?.entry.session.clone()));
        if let Some(runner) = self.clients.get_mut(&id).filter(|runner| runner.parent.is_none()) {
            runner.parent = Some(outer);
            runner.parent_session = session;
        }
    }

    fn note_sessions(&mut self, look: &Look) {
        let mut runners: Vec<_> = self.clients.iter().collect();
        // Where two clients run a session, what the younger one says counts, if it lives.
        runners.sort_by_key(|(id, runner)| (runner.is_live, **id));
        for (id, runner) in runners {
            let name = &runner.entry.session;
            let session = self.sessions.entry(name.clone()).or_insert_with(|| {
                let is_first = runner.sessions.len() == 1;
                let process = look.get(*id).map(|process| look.started_ms(process));
                let told = Some(runner.entry.started_ms).filter(|started_ms| *started_ms > 0);
                let started_ms = process.or(told).filter(|_| is_first);
                Session::new(&runner.entry, started_ms.unwrap_or(look.now_ms))
            });
            if let Some(past) = self.past.remove(&(*id, name.clone())) {
                session.started_ms = past.started_ms;
                session.past.get_or_insert(past);
            }
            if session.entry != runner.entry {
                session.entry = runner.entry.clone();
            }
            if session.parent.is_none() {
                session.parent = runner.parent_session.clone().filter(|parent| parent != name);
            }
        }
    }

    /// Gives every process that has an owner its place in the tree of the owner's session.
    fn take_members(&mut self, look: &Look, host: &mut impl Host) {
        for process in &look.by_age {
            let id = process.id;
            let Some(known) = self.known.get(&id) else { continue };
            let Some((owner, runner)) =
                known.owner.and_then(|owner| Some((owner, self.clients.get(&owner)?)))
            else {
                continue;
            };
            let name = &runner.entry.session;
            let is_at_home = known.tracked.as_ref().is_some_and(|tracked| tracked.session == *name);
            if is_at_home && !known.is_renamed {
                continue;
            }
            let parent = look.parent(process).and_then(|parent| self.known.get(&parent)?.tracked.as_ref());
            let above = parent.filter(|tracked| tracked.session == *name).map(|tracked| tracked.program);
            let (Some(session), Some(known)) = (self.sessions.get_mut(name), self.known.get_mut(&id)) else {
                continue;
            };
            known.is_renamed = false;
            // What a client left behind hangs on it.
            let above = above.or_else(|| session.client_program().filter(|_| owner != id));
            let program = host.program(id.pid);
            let kind = if owner == id {
                ProcessKind::Claude
            } else {
                let base = kind::of(&process.name, program.as_deref());
                if runner.is_server(known, base, process, look.get(owner)) { ProcessKind::Mcp } else { base }
            };
            let shown = kind::display(&process.name, program.as_deref());
            if let Some(tracked) = known.tracked.as_ref().filter(|_| is_at_home) {
                session.leave(tracked.program);
            }
            let tracked = known.tracked.get_or_insert_with(|| {
                session.totals.spawned += u64::from(owner != id);
                Box::new(Tracked::new(id, look.started_ms(process)))
            });
            tracked.program = session.place(above, kind, &shown, tracked.member.started_ms);
            tracked.session.clone_from(name);
            (tracked.member.kind, tracked.member.name) = (kind, shown);
        }
    }

    fn measure(&mut self, look: &Look, host: &mut impl Host) {
        for process in &look.by_age {
            let Some(tracked) = self.known.get_mut(&process.id).and_then(|known| known.tracked.as_mut())
            else {
                continue;
            };
            let detail = if process.is_zombie { Detail::default() } else { host.detail(process.id.pid) };
            let member = &mut tracked.member;
            if detail.open_fds.is_none() {
                member.max_fds = None;
            } else if detail.open_fds != member.open_fds {
                // A program that raises its limit does so before it opens much.
                member.max_fds = host.max_fds(process.id.pid);
            }
            let Some(session) = self.sessions.get_mut(&tracked.session) else { continue };
            let switches = detail.context_switches.unwrap_or(0).max(member.context_switches);
            session.totals.context_switches += switches - member.context_switches;
            session.totals.is_io_known |= detail.io.is_some();
            let (read_bytes, written_bytes) = detail.io.unwrap_or_default();
            tracked.account.see(Spent { read_bytes, written_bytes, ..process.own }, process.reaped);
            tracked.parent = look.parent(process);
            member.ppid = process.ppid;
            member.spent = tracked.account.own;
            member.context_switches = switches;
            member.threads = process.threads;
            member.rss_bytes = process.rss_bytes;
            member.swap_bytes = detail.swap_bytes;
            member.pss_bytes = detail.pss_bytes;
            member.open_fds = detail.open_fds;
            session.meet(tracked.program, process.rss_bytes, look.now_ms);
        }
        let mut rss_bytes: HashMap<&str, u64> = HashMap::new();
        for tracked in self.known.values().filter_map(|known| known.tracked.as_ref()) {
            *rss_bytes.entry(&tracked.session).or_default() += tracked.member.rss_bytes;
        }
        for (session, rss_bytes) in rss_bytes {
            if let Some(session) = self.sessions.get_mut(session) {
                session.totals.peak_rss_bytes = session.totals.peak_rss_bytes.max(rss_bytes);
            }
        }
    }

    /// Answers claims where they are due, then further up: what adopts orphans is above all of them.
    fn charge(&mut self, mut claims: BTreeMap<ProcessId, Spent>) {
        let mut parents = HashSet::new();
        for (id, tracked) in self.tracked() {
            parents.extend(tracked.parent);
            if tracked.account.has_open() {
                claims.entry(*id).or_default();
            }
        }
        let mut left = vec![];
        for (id, mut claim) in claims {
            let Some(tracked) = self.tracked_mut(id) else { continue };
            let mut open = tracked.account.take_open();
            tracked.account.answer(&mut open);
            tracked.account.answer(&mut claim);
            left.push((id, open, claim));
        }
        for (id, mut open, mut claim) in left {
            let mut above = self.tracked_mut(id).and_then(|tracked| tracked.parent);
            while let Some(tracked) = above.and_then(|above| self.tracked_mut(above)) {
                tracked.account.answer(&mut open);
                tracked.account.answer(&mut claim);
                above = tracked.parent;
            }
            if let Some(tracked) = self.tracked_mut(id) {
                tracked.account.keep_open(claim);
            }
        }
        for (id, known) in &mut self.known {
            let Some(tracked) = &mut known.tracked else { continue };
            let charge = tracked.account.settle(parents.contains(id));
            if let Some(session) = self.sessions.get_mut(&tracked.session) {
                session.charge(tracked.program, charge);
            }
        }
    }

    fn tracked(&self) -> impl Iterator<Item = (&ProcessId, &Tracked)> {
        self.known.iter().filter_map(|(id, known)| Some((id, &**known.tracked.as_ref()?)))
    }

    fn tracked_mut(&mut self, id: ProcessId) -> Option<&mut Tracked> {
        self.known.get_mut(&id)?.tracked.as_deref_mut()
    }

    fn end_sessions(&mut self, now_ms: i64) {
        let live = |runner: &Runner| runner.is_live.then(|| runner.entry.session.clone());
        let live: HashSet<String> = self.clients.values().filter_map(live).collect();
        let lasting: HashSet<String> = self.tracked().map(|(_, tracked)| tracked.session.clone()).collect();
        self.sessions.retain(|name, session| {
            if live.contains(name) {
                session.ended_ms = None;
                return true;
            }
            let ended_ms = *session.ended_ms.get_or_insert(now_ms);
            lasting.contains(name) || now_ms - ended_ms < KEEP_MS
        });
        self.clients.retain(|_, runner| runner.is_live || self.sessions.contains_key(&runner.entry.session));
    }
}

/// A process of the last look.
#[derive(Debug, Default)]
struct Known {
    /// As it was when the marker was read.
    name: String,
    /// Since it was last given a place: it is new, or has become another program.
    is_renamed: bool,
    uid: Option<u32>,
    marker: Reading,
    /// The client it belongs to.
    owner: Option<ProcessId>,
    tracked: Option<Box<Tracked>>,
}

#[derive(Debug, Default, Clone, PartialEq, Eq)]
enum Reading {
    #[default]
    Due,
    Done(Option<Marker>),
}

/// A process that belongs to a session.
#[derive(Debug)]
struct Tracked {
    session: String,
    /// Its place in the session's programs.
    program: usize,
    parent: Option<ProcessId>,
    account: Account,
    member: Member,
}

/// A client.
#[derive(Debug)]
struct Runner {
    entry: Client,
    is_live: bool,
    uid: u32,
    /// All sessions that it has run.
    sessions: Vec<String>,
    /// The client from which it was started, and the session that one was of.
    parent: Option<ProcessId>,
    parent_session: Option<String>,
}

#[derive(Debug)]
struct Session {
    /// Of the client that runs it, or ran it last.
    entry: Client,
    parent: Option<String>,
    started_ms: i64,
    ended_ms: Option<i64>,
    totals: Totals,
    programs: Vec<Program>,
    /// What was told of it before.
    past: Option<Past>,
}

impl Known {
    fn read(&self) -> Option<&Marker> {
        match &self.marker {
            Reading::Done(marker) => marker.as_ref(),
            Reading::Due => None,
        }
    }

    fn client_pid(&self) -> Option<u32> {
        self.read()?.client_pid
    }

    fn session(&self) -> Option<&str> {
        self.read()?.session.as_deref()
    }
}

impl Tracked {
    fn new(id: ProcessId, started_ms: i64) -> Self {
        Self {
            session: String::new(),
            program: 0,
            parent: None,
            account: Account::default(),
            member: Member::new(id, started_ms),
        }
    }
}

impl Runner {
    fn new(entry: &Client, uid: u32, is_live: bool) -> Self {
        let sessions = vec![entry.session.clone()];
        Self { entry: entry.clone(), is_live, uid, sessions, parent: None, parent_session: None }
    }

    fn ran(&self, session: &str) -> bool {
        self.sessions.iter().any(|ran| ran == session)
    }

    /// Another user's process may name anything.
    fn is_named_by(&self, known: &Known) -> bool {
        let is_named = match (known.session(), known.client_pid()) {
            (Some(session), _) => self.ran(session),
            (None, Some(pid)) => pid == self.entry.id.pid,
            (None, None) => false,
        };
        is_named && known.uid == Some(self.uid)
    }

    /// A stdio server of the Model Context Protocol is told the session but not the client, and stays in the client's
    /// process group, from which shells and hooks are set apart. What it is written in says less.
    fn is_server(&self, known: &Known, kind: ProcessKind, process: &Stat, client: Option<&Stat>) -> bool {
        let place = |process: &Stat| (process.process_group, process.terminal_session);
        let is_any =
            matches!(kind, ProcessKind::Node | ProcessKind::Python | ProcessKind::Shell | ProcessKind::Other);
        is_any
            && known.session().is_some_and(|session| self.ran(session))
            && known.client_pid() != Some(self.entry.id.pid)
            && client.is_some_and(|client| place(client) == place(process))
    }
}

impl Session {
    fn new(entry: &Client, started_ms: i64) -> Self {
        Self {
            entry: entry.clone(),
            parent: None,
            started_ms,
            ended_ms: None,
            totals: Totals::default(),
            programs: vec![],
            past: None,
        }
    }

    /// Its client's, which is the first, if a look met it.
    fn client_program(&self) -> Option<usize> {
        self.programs.first().filter(|program| program.kind == ProcessKind::Claude).map(|_| 0)
    }

    /// Counts a process with the others of its name and origin.
    fn place(&mut self, parent: Option<usize>, kind: ProcessKind, name: &str, started_ms: i64) -> usize {
        let is_same =
            |program: &Program| program.parent == parent && program.kind == kind && program.name == name;
        let place = match self.programs.iter().position(is_same) {
            Some(place) => place,
            None if self.programs.len() >= MAX_PROGRAMS => parent.unwrap_or(0),
            None => {
                self.programs.push(Program {
                    parent,
                    kind,
                    name: name.into(),
                    processes: 0,
                    spent: Spent::default(),
                    peak_rss_bytes: 0,
                    first_ms: started_ms,
                    last_ms: started_ms,
                });
                self.programs.len() - 1
            }
        };
        let program = &mut self.programs[place];
        program.processes += 1;
        program.first_ms = program.first_ms.min(started_ms);
        place
    }

    /// A process has become another program.
    fn leave(&mut self, program: usize) {
        self.programs[program].processes -= 1;
    }

    fn meet(&mut self, program: usize, rss_bytes: u64, now_ms: i64) {
        let program = &mut self.programs[program];
        program.peak_rss_bytes = program.peak_rss_bytes.max(rss_bytes);
        program.last_ms = program.last_ms.max(now_ms);
    }

    fn charge(&mut self, program: usize, spent: Spent) {
        self.totals.spent += spent;
        self.programs[program].spent += spent;
    }

    fn tree(&self, session: &str, clients: Vec<ProcessId>, members: Vec<Member>) -> SessionTree {
        let entry = &self.entry;
        let (totals, programs) = match &self.past {
            Some(past) => {
                let totals = self.totals.max(past.totals);
                (totals, joined(&past.programs, &self.programs, totals.spent))
            }
            None => (self.totals, self.programs.clone()),
        };
        SessionTree {
            session: session.into(),
            parent_session: self.parent.clone(),
            clients,
            config_dir: entry.config_dir.clone(),
            cwd: entry.cwd.clone(),
            entrypoint: entry.entrypoint.clone(),
            kind: entry.kind.clone(),
            version: entry.version.clone(),
            status: entry.status.clone(),
            started_ms: self.started_ms,
            ended_ms: self.ended_ms,
            members,
            totals,
            programs,
        }
    }
}

/// Programs that were told of before, and those that were found since. What a client waited for before is found with it
/// once more, so that it has what is left of the total.
fn joined(before: &[Program], since: &[Program], total: Spent) -> Vec<Program> {
    let mut all = before.to_vec();
    // Where each of `since` is among all.
    let mut places: Vec<usize> = vec![];
    for program in since {
        let parent = program.parent.map(|parent| places[parent]);
        let is_same = |known: &Program| {
            known.parent == parent && known.kind == program.kind && known.name == program.name
        };
        let known = all.iter().position(is_same);
        let is_full = known.is_none() && all.len() >= MAX_PROGRAMS;
        if let Some(place) = known.or(is_full.then(|| parent.unwrap_or(0))) {
            let known = &mut all[place];
            known.processes = known.processes.max(program.processes);
            known.spent = known.spent.max(program.spent);
            known.peak_rss_bytes = known.peak_rss_bytes.max(program.peak_rss_bytes);
            known.first_ms = known.first_ms.min(program.first_ms);
            known.last_ms = known.last_ms.max(program.last_ms);
            places.push(place);
        } else {
            places.push(all.len());
            all.push(Program { parent, ..program.clone() });
        }
    }
    if let Some((client, others)) = all.split_first_mut() {
        client.spent = others.iter().fold(total, |left, program| left - program.spent);
    }
    all
}

/// A look, by age: parents before their children.
struct Look<'s> {
    now_ms: i64,
    uptime_ms: u64,
    by_age: Vec<&'s Stat>,
    by_pid: HashMap<u32, &'s Stat>,
}

impl<'s> Look<'s> {
    fn new(snapshot: &'s Snapshot, now_ms: i64) -> Self {
        let mut by_age: Vec<&Stat> =
            snapshot.processes.iter().filter(|process| !process.is_kernel_thread).collect();
        by_age.sort_unstable_by_key(|process| process.id);
        let by_pid = by_age.iter().map(|process| (process.id.pid, *process)).collect();
        Self { now_ms, uptime_ms: snapshot.uptime_ms, by_age, by_pid }
    }

    fn get(&self, id: ProcessId) -> Option<&'s Stat> {
        self.by_pid.get(&id.pid).copied().filter(|process| process.id == id)
    }

    /// A process that is younger than its child was given the parent's pid after that one's end.
    fn parent(&self, process: &Stat) -> Option<ProcessId> {
        self.by_pid.get(&process.ppid).map(|parent| parent.id).filter(|parent| *parent < process.id)
    }

    /// Milliseconds since the epoch. In a container whose `uptime` is its own, nothing starts in the future.
    fn started_ms(&self, process: &Stat) -> i64 {
        self.now_ms - self.uptime_ms.saturating_sub(process.started_ms).cast_signed()
    }
}
