//! Live sessions: the trees of their processes, looked at when a page is made and in between.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::collector::{Collector, Error, tcp};
use crate::config::{Config, Roots};
use crate::ledger::{self, Ledger, SessionProcess};
use crate::metrics::families::{claude, session as families};
use crate::metrics::snapshot::Builder;
use crate::model::process::{ProcessId, ProcessKind, SessionTree};
use crate::source::process::procfs::{self, Procfs};
use crate::source::process::trees::Trees;
use crate::source::registry;

/// Sessions that have series of their own.
const MOST_SESSIONS: usize = 64;

/// How far a process is followed up to the shell that started it.
const MOST_ANCESTORS: usize = 16;

/// What was last seen of live sessions.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// Those with a live client.
    pub live: Vec<String>,
    /// Their clients, and the processes above them.
    clients: Vec<SeenClient>,
    /// Of the boot that pids are of.
    boot: String,
    /// Those that live, and those that ended a while ago.
    trees: Arc<[SessionTree]>,
    /// When that was, milliseconds since the epoch.
    pub looked_ms: i64,
}

#[derive(Debug, Clone)]
struct SeenClient {
    session: String,
    pid: u32,
    /// Milliseconds since the epoch, as below.
    started_ms: i64,
    ancestors: Vec<u32>,
    first_ms: i64,
    last_ms: i64,
}

impl Seen {
    /// Keeps who ran a session, which tells whose launch it was, and its tree. A tree that goes on is written `every_ms`.
    pub fn remember(&self, ledger: &mut Ledger, host: &str, every_ms: i64) -> Result<(), ledger::Error> {
        let processes = self.clients.iter().map(|client| {
            let process = SessionProcess {
                host: host.into(),
                pid: client.pid,
                started_ms: client.started_ms,
                session: 0,
                ancestors: client.ancestors.clone(),
                first_ms: client.first_ms,
                last_ms: client.last_ms,
            };
            (client.session.as_str(), process)
        });
        ledger.add_session_processes(processes)?;
        ledger.add_trees(host, &self.boot, &self.trees, every_ms)
    }
}

pub struct Sessions {
    roots: Roots,
    config_dirs: Vec<PathBuf>,
    wants_pss: bool,
    procfs: Option<Procfs>,
    trees: Trees,
    /// When each client was first seen to run its session, and its own start by the clock of that moment.
    first_seen: HashMap<(ProcessId, String), (i64, i64)>,
    boot: String,
    seen: Arc<Mutex<Seen>>,
}

impl Sessions {
    /// Goes on where the ledger has trees of processes that may still live.
    pub fn resume(
        config: &Config,
        roots: &Roots,
        ledger: &Ledger,
        host: &str,
        seen: Arc<Mutex<Seen>>,
    ) -> Result<Self, ledger::Error> {
        let boot = procfs::boot_id(roots);
        // Where boots cannot be told apart, a pid may be anybody's.
        let past = boot.as_deref().map(|boot| ledger.past_trees(host, boot)).transpose()?;
        Ok(Self {
            roots: roots.clone(),
            config_dirs: config.claude_dirs.clone(),
            wants_pss: false,
            procfs: None,
            trees: Trees::resume(past.unwrap_or_default()),
            first_seen: HashMap::new(),
            boot: boot.unwrap_or_default(),
            seen,
        })
    }

    fn look(&mut self) -> Result<Vec<SessionTree>, Error> {
        let registered = registry::read(&self.config_dirs);
        let tracked = self.trees.sessions();
        // Most of the day nothing runs: then nothing is listed.
        if registered.clients.is_empty() && tracked.is_empty() {
            self.publish(Seen::default());
            return Ok(vec![]);
        }
        let mut procfs = match self.procfs.take() {
            Some(procfs) => procfs,
            None => Procfs::open(&self.roots, self.wants_pss).map_err(of_procfs)?,
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now_ms = i64::try_from(now.as_millis()).unwrap_or(i64::MAX);
        let snapshot = procfs.snapshot().map_err(of_procfs)?;
        self.trees.update(&snapshot, &mut procfs, &registered.clients, now_ms);
        self.procfs = Some(procfs);
        let trees = self.trees.sessions();
        let parents: HashMap<u32, (u32, u64)> =
            snapshot.processes.iter().map(|stat| (stat.id.pid, (stat.ppid, stat.started_ms))).collect();
        let booted_ms = now_ms - i64::try_from(snapshot.uptime_ms).unwrap_or_default();
        let mut seen = Seen {
            boot: self.boot.clone(),
            trees: trees.clone().into(),
            looked_ms: now_ms,
            ..Seen::default()
        };
        for tree in &trees {
            if !tree.clients.is_empty() {
                seen.live.push(tree.session.clone());
            }
            for client in &tree.clients {
                let Some((_, started_ms)) = parents.get(&client.pid) else { continue };
                let key = (*client, tree.session.clone());
                let started_ms = booted_ms + i64::try_from(*started_ms).unwrap_or_default();
                let (first_ms, started_ms) = *self.first_seen.entry(key).or_insert((now_ms, started_ms));
                seen.clients.push(SeenClient {
                    session: tree.session.clone(),
                    pid: client.pid,
                    started_ms,
                    ancestors: ancestors(client.pid, &parents),
                    first_ms,
                    last_ms: now_ms,
                });
            }
        }
        self.first_seen.retain(|(client, session), _| {
            trees.iter().any(|tree| tree.session == *session && tree.clients.contains(client))
        });
        self.publish(seen);
        Ok(trees)
    }

    /// A socket that several processes of a session hold counts once.
    fn tell_sockets(&mut self, trees: &[&SessionTree], out: &mut Builder) -> Result<(), Error> {
        let Some(procfs) = self.procfs.as_mut().filter(|_| !trees.is_empty()) else { return Ok(()) };
        let states = match tcp::states(&self.roots) {
            // Everything else of sessions is there.
            Err(Error::Absent { .. }) => return Ok(()),
            states => states?,
        };
        for tree in trees {
            let held = tree.members.iter().filter_map(|member| procfs.sockets(member.id.pid));
            let held: Vec<Vec<u32>> = held.collect();
            if held.is_empty() {
                continue;
            }
            let inodes: HashSet<u32> = held.into_iter().flatten().collect();
            let mut counts = BTreeMap::from([(tcp::STATES[0], 0_u32)]);
            for state in inodes.iter().filter_map(|inode| states.get(inode)) {
                *counts.entry(state).or_default() += 1;
            }
            for (state, count) in counts {
                out.push(&families::TCP_SOCKETS, &[&tree.session, state], count.into());
            }
        }
        Ok(())
    }

    fn publish(&self, seen: Seen) {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = seen;
    }
}

/// Its parent, that one's parent, and so on, up to the first process.
fn ancestors(pid: u32, parents: &HashMap<u32, (u32, u64)>) -> Vec<u32> {
    let mut above = vec![];
    let mut at = pid;
    while let Some((parent, _)) = parents.get(&at).filter(|(parent, _)| *parent > 1) {
        if above.len() == MOST_ANCESTORS || above.contains(parent) {
            break;
        }
        above.push(*parent);
        at = *parent;
    }
    above
}

pub(super) fn of_procfs(error: procfs::Error) -> Error {
    match error {
        procfs::Error::Read { path, source } => Error::at(&path, source),
        procfs::Error::Parse { path } => Error::Parse { path, what: "no uptime".into() },
    }
}

impl Collector for Sessions {
    fn name(&self) -> &'static str {
        "session"
    }

    fn collect(&mut self, out: &mut Builder) -> Result<(), Error> {
        let trees = self.look()?;
        let live = trees.iter().filter(|tree| !tree.clients.is_empty()).count();
        out.push(&claude::SESSIONS_ACTIVE, &[], live as f64);
        // Live ones first: the rest is kept for a while only.
        let mut shown: Vec<&SessionTree> = trees.iter().collect();
        shown.sort_by_key(|tree| (tree.clients.is_empty(), tree.started_ms));
        for tree in shown.iter().skip(MOST_SESSIONS) {
            out.leave_out(&families::INFO, 1 + tree.members.len() as u64);
        }
        shown.truncate(MOST_SESSIONS);
        for tree in &shown {
            tell(tree, out);
        }
        self.tell_sockets(&shown, out)
    }
}

fn tell(tree: &SessionTree, out: &mut Builder) {
    let session = tree.session.as_str();
    let seconds = |ms: u64| ms as f64 / 1000.0;
    out.push(&families::INFO, &[session, &tree.cwd, &tree.entrypoint, &tree.version], 1.0);
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for kind in ProcessKind::ALL {
        *kinds.entry(kind.name()).or_default() += tree.processes(kind);
    }
    for (kind, count) in kinds.into_iter().filter(|(_, count)| *count > 0) {
        out.push(&families::PROCESSES, &[session, kind], count as f64);
    }
    let spent = &tree.totals.spent;
    out.push(&families::CPU_SECONDS, &[session, "user"], seconds(spent.cpu_user_ms));
    out.push(&families::CPU_SECONDS, &[session, "system"], seconds(spent.cpu_system_ms));
    out.push(&families::MEMORY_BYTES, &[session, "rss"], tree.rss_bytes() as f64);
    for (kind, bytes) in [("swap", tree.swap_bytes()), ("pss", tree.pss_bytes())] {
        if let Some(bytes) = bytes {
            out.push(&families::MEMORY_BYTES, &[session, kind], bytes as f64);
        }
    }
    if tree.totals.is_io_known {
        out.push(&families::IO_BYTES, &[session, "read"], spent.read_bytes as f64);
        out.push(&families::IO_BYTES, &[session, "write"], spent.written_bytes as f64);
    }
    out.push(&families::THREADS, &[session], tree.threads() as f64);
    if let Some(fds) = tree.open_fds() {
        out.push(&families::OPEN_FDS, &[session], fds as f64);
    }
    if let Some(ratio) = tree.worst_fd_ratio() {
        out.push(&families::WORST_FD_RATIO, &[session], ratio);
    }
    if let Some(oldest_ms) = tree.oldest_start_ms() {
        out.push(&families::OLDEST_START_TIMESTAMP_SECONDS, &[session], oldest_ms as f64 / 1000.0);
    }
    out.push(&families::CONTEXT_SWITCHES, &[session], tree.totals.context_switches as f64);
    out.push(&families::PAGE_FAULTS, &[session, "major"], spent.major_faults as f64);
    out.push(&families::PAGE_FAULTS, &[session, "minor"], spent.minor_faults as f64);
    out.push(&families::SPAWNED_PROCESSES, &[session], tree.totals.spawned as f64);
}
