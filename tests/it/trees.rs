//! Process trees over made-up kernels, in which it is known who used what.

use std::collections::{BTreeMap, HashSet};

use odin::model::process::{Client, Past, ProcessId, ProcessKind, SessionTree, Spent, Totals};
use odin::source::process::stat::{Marker, Snapshot, Stat};
use odin::source::process::trees::{Detail, Host, KEEP_MS, Trees};
use proptest::prelude::*;

const INIT: u32 = 1;

/// Processes as the kernel keeps them.
#[derive(Default)]
struct World {
    processes: BTreeMap<u32, Process>,
    registry: Vec<Client>,
    last_pid: u32,
    now_ms: i64,
}

#[derive(Clone)]
struct Process {
    stat: Stat,
    uid: u32,
    marker: Option<Marker>,
    program: Option<String>,
    io: u64,
    adopts_orphans: bool,
}

impl World {
    fn new() -> Self {
        let mut world = Self { now_ms: 1_000_000, ..Self::default() };
        world.insert(0, "init", None);
        world
    }

    fn insert(&mut self, parent: u32, name: &str, like: Option<Process>) -> u32 {
        self.last_pid += 1;
        let pid = self.last_pid;
        let stat = Stat {
            id: ProcessId { start_ticks: 100 + u64::from(pid), pid },
            started_ms: 1000 + 10 * u64::from(pid),
            ppid: parent,
            process_group: pid,
            terminal_session: pid,
            is_kernel_thread: false,
            state: b'S',
            is_zombie: false,
            name: name.into(),
            own: Spent::default(),
            reaped: Spent::default(),
            threads: 1,
            rss_bytes: 4096,
        };
        let (uid, marker) = like.map_or((7, None), |like| (like.uid, like.marker));
        let program = Some(name.into());
        self.processes
            .insert(pid, Process { stat, uid, marker, program, io: 0, adopts_orphans: pid == INIT });
        pid
    }

    /// A child with its parent's environment, in a process group of its own.
    fn spawn(&mut self, parent: u32, name: &str) -> u32 {
        let like = self.processes[&parent].clone();
        self.insert(parent, name, Some(like))
    }

    /// A shell with the marker of the client that starts it.
    fn shell(&mut self, client: u32) -> u32 {
        let session = self.entry(client).session.clone();
        let shell = self.spawn(client, "bash");
        self.get(shell).marker = Some(Marker { client_pid: Some(client), session: Some(session) });
        shell
    }

    fn client(&mut self, parent: u32, session: &str) -> u32 {
        let pid = self.spawn(parent, "claude");
        self.register(pid, session);
        pid
    }

    fn register(&mut self, pid: u32, session: &str) {
        self.registry.retain(|entry| entry.id.pid != pid);
        self.registry.push(Client {
            id: self.processes[&pid].stat.id,
            session: session.into(),
            config_dir: "/c".into(),
            uid: 7,
            cwd: "/w".into(),
            entrypoint: "cli".into(),
            kind: "interactive".into(),
            version: "2".into(),
            status: "busy".into(),
            started_ms: self.now_ms,
            updated_ms: self.now_ms,
        });
    }

    fn entry(&self, client: u32) -> &Client {
        self.registry.iter().find(|entry| entry.id.pid == client).unwrap()
    }

    fn get(&mut self, pid: u32) -> &mut Process {
        self.processes.get_mut(&pid).unwrap()
    }

    fn burn(&mut self, pid: u32, ms: u64) {
        let process = self.get(pid);
        process.stat.own.cpu_user_ms += ms;
        process.stat.own.minor_faults += 3 * ms;
        process.io += 10 * ms;
    }

    /// Ends a process, which waits for its parent to wait for it; its children are adopted.
    fn exit(&mut self, pid: u32) {
        let mut above = self.processes[&pid].stat.ppid;
        while !self.processes[&above].adopts_orphans {
            above = self.processes[&above].stat.ppid;
        }
        self.get(pid).stat.is_zombie = true;
        for process in self.processes.values_mut().filter(|process| process.stat.ppid == pid) {
            process.stat.ppid = above;
        }
        // Who adopts waits for them at once.
        let is_due =
            |process: &&Process| process.stat.is_zombie && self.processes[&process.stat.ppid].adopts_orphans;
        let due: Vec<u32> =
            self.processes.values().filter(is_due).map(|process| process.stat.id.pid).collect();
        for pid in due {
            self.reap(pid);
        }
    }

    fn reap(&mut self, pid: u32) {
        let ended = self.processes.remove(&pid).unwrap();
        let parent = self.get(ended.stat.ppid);
        parent.stat.reaped += ended.stat.own + ended.stat.reaped;
        parent.io += ended.io;
    }

    fn end(&mut self, pid: u32) {
        self.exit(pid);
        if self.processes.contains_key(&pid) {
            self.reap(pid);
        }
    }

    fn look(&mut self, trees: &mut Trees) -> Vec<SessionTree> {
        self.look_in(trees, |_| {})
    }

    fn look_in(&mut self, trees: &mut Trees, order: impl Fn(&mut Vec<Stat>)) -> Vec<SessionTree> {
        self.now_ms += 5000;
        let mut processes: Vec<Stat> = self.processes.values().map(|process| process.stat.clone()).collect();
        order(&mut processes);
        let snapshot = Snapshot { processes, unreadable: 0, uptime_ms: 100_000 };
        let (registry, now_ms) = (self.registry.clone(), self.now_ms);
        trees.update(&snapshot, self, &registry, now_ms);
        trees.sessions()
    }
}

impl Host for World {
    fn uid(&mut self, pid: u32) -> Option<u32> {
        Some(self.processes.get(&pid)?.uid)
    }
    fn marker(&mut self, pid: u32) -> Option<Marker> {
        self.processes.get(&pid)?.marker.clone()
    }
    fn program(&mut self, pid: u32) -> Option<String> {
        self.processes.get(&pid)?.program.clone()
    }
    fn detail(&mut self, pid: u32) -> Detail {
        let io = self.processes.get(&pid).map(|process| (process.io, 0));
        Detail { io, open_fds: Some(4), context_switches: Some(u64::from(pid)), ..Detail::default() }
    }
    fn max_fds(&mut self, _: u32) -> Option<u64> {
        Some(16)
    }
}

fn pids(tree: &SessionTree) -> Vec<u32> {
    tree.members.iter().map(|member| member.id.pid).collect()
}

#[track_caller]
fn tree<'t>(trees: &'t [SessionTree], session: &str) -> &'t SessionTree {
    trees.iter().find(|tree| tree.session == session).unwrap_or_else(|| panic!("no {session} in {trees:#?}"))
}

#[test]
fn a_session_is_its_client_and_all_below_it() {
    let (mut world, mut trees) = (World::new(), Trees::default());
    let elsewhere = world.spawn(INIT, "sshd");
    let client = world.client(elsewhere, "s");
    let shell = world.shell(client);
    let tail = world.spawn(shell, "tail");
    world.spawn(elsewhere, "bash");
    let trees = world.look(&mut trees);
    let [found] = &trees[..] else { panic!("{trees:?}") };
    assert_eq!(pids(found), [client, shell, tail]);
    assert_eq!(found.clients, [world.processes[&client].stat.id]);
    assert_eq!((found.parent_session.as_deref(), found.ended_ms), (None, None));
    assert_eq!(found.totals.spawned, 2);
    let kinds = [ProcessKind::Claude, ProcessKind::Shell, ProcessKind::Other];
    assert_eq!(found.members.iter().map(|member| member.kind).collect::<Vec<_>>(), kinds);
    assert_eq!((found.open_fds(), found.worst_fd_ratio()), (Some(12), Some(0.25)));
    let programs: Vec<_> = found.programs.iter().map(|p| (p.parent, &*p.name, p.processes)).collect();
    assert_eq!(programs, [(None, "claude", 1), (Some(0), "bash", 1), (Some(1), "tail", 1)]);
}

#[test]
fn a_reused_pid_is_not_the_client_that_the_registry_names() {
    let (mut world, mut trees) = (World::new(), Trees::default());
    let client = world.client(INIT, "s");
    world.get(client).stat.id.start_ticks += 1;
    assert_eq!(world.look(&mut trees), []);
}

#[test]
fn what_was_reparented_before_the_first_look_is_found_by_its_environment_and_only_of_the_same_user() {
    let (mut world, mut trees) = (World::new(), Trees::default());
    let client = world.client(INIT, "s");
    let shell = world.shell(client);
    let (kept, foreign, other) = (world.spawn(shell, "a"), world.spawn(shell, "b"), world.spawn(shell, "c"));
    world.get(foreign).uid = 8;
    world.get(other).marker.as_mut().unwrap().session = Some("another".into());
    world.end(shell);
    assert_eq!(pids(tree(&world.look(&mut trees), "s")), [client, kept]);
}

#[test]
fn the_environment_of_a_process_counts_as_it_is_after_it_became_another_program() {
    let (mut world, mut trees) = (World::new(), Trees::default());
    let client = world.client(INIT, "s");
    let shell = world.shell(client);
    let forked = world.spawn(INIT, "claude");
    world.look(&mut trees);
    world.get(forked).stat.name = "bash".into();
    world.get(forked).marker = world.processes[&shell].marker.clone();
    assert_eq!(pids(tree(&world.look(&mut trees), "s")), [client, shell, forked]);
}

#[test]
fn orphans_stay_with_the_session_of_a_client_that_was_killed_and_so_does_what_they_start() {
    let (mut world, mut trees) = (World::new(), Trees::default());
    let client = world.client(INIT, "s");
    let shell = world.shell(client);
    let unmarked = world.spawn(client, "server");
    world.look(&mut trees);
    world.end(client);
    let late = world.spawn(unmarked, "worker");
    let hidden = world.spawn(shell, "sh");
    let hider = world.spawn(hidden, "daemon");
    world.end(hidden);
    let found = world.look(&mut trees);
    let found = tree(&found, "s");
    assert_eq!(pids(found), [shell, unmarked, late, hider]);
    assert_eq!((found.clients.len(), found.ended_ms), (0, Some(world.now_ms)));
}

#[test]
fn orphans_of_a_client_that_nobody_saw_are_found_by_the_entry_that_it_left() {
    let (mut world, mut trees) = (World::new(), Trees::default());
    let client = world.client(INIT, "s");
    let shell = world.shell(client);
    world.end(client);
    let found = world.look(&mut trees);
    let found = tree(&found, "s");
    assert_eq!((pids(found), found.started_ms), (vec![shell], 1_000_000));
}

#[test]
fn a_nested_client_has_its_own_tree_below_the_session_that_started_it() {
    let (mut world, mut trees) = (World::new(), Trees::default());
    let outer = world.client(INIT, "outer");
    let shell = world.shell(outer);
    let inner = world.client(shell, "inner");
    let server = world.spawn(inner, "node");
    let below = world.shell(inner);
    let found = world.look(&mut trees);
    assert_eq!(pids(tree(&found, "outer")), [outer, shell]);
    assert_eq!(pids(tree(&found, "inner")), [inner, server, below]);
    assert_eq!(tree(&found, "inner").parent_session.as_deref(), Some("outer"));
    assert_eq!(tree(&found, "outer").parent_session, None);
}

#[test]
fn orphans_of_a_nested_client_stay_its_own_though_the_outer_tree_adopts_them() {
    let (mut world, mut trees) = (World::new(), Trees::default());
    let outer = world.client(INIT, "outer");
    let reaper = world.shell(outer);
    world.get(reaper).adopts_orphans = true;
    let inner = world.client(reaper, "inner");
    let (seen, shell) = (world.spawn(inner, "node"), world.shell(inner));
    world.look(&mut trees);
    let unseen = world.spawn(shell, "server");
    world.end(shell);
    world.end(inner);
    let found = world.look(&mut trees);
    assert_eq!(world.processes[&unseen].stat.ppid, reaper);
    assert_eq!(pids(tree(&found, "outer")), [outer, reaper]);
    assert_eq!(pids(tree(&found, "inner")), [seen, unseen]);
}

#[test]
fn a_nested_client_that_registers_late_takes_what_it_started_with_it() {
    let (mut world, mut trees) = (World::new(), Trees::default());
    let outer = world.client(INIT, "outer");
    let shell = world.shell(outer);
    let inner = world.spawn(shell, "claude");
    let server = world.spawn(inner, "node");
    world.burn(server, 5);
    assert_eq!(pids(tree(&world.look(&mut trees), "outer")), [outer, shell, inner, server]);
    world.register(inner, "inner");
    world.burn(server, 7);
    let found = world.look(&mut trees);
    assert_eq!(pids(tree(&found, "outer")), [outer, shell]);
    assert_eq!(pids(tree(&found, "inner")), [inner, server]);
    assert_eq!(tree(&found, "outer").totals.spent.cpu_ms(), 5);
    assert_eq!(tree(&found, "inner").totals.spent.cpu_ms(), 7);
}

#[test]
fn another_session_in_the_same_process_takes_over_and_leaves_the_first_its_totals() {
    let (mut world, mut trees) = (World::new(), Trees::default());
    let client = world.client(INIT, "first");
    let shell = world.shell(client);
    world.burn(client, 30);
    world.look(&mut trees);
    world.register(client, "second");
    world.burn(client, 12);
    let found = world.look(&mut trees);
    assert_eq!(pids(tree(&found, "second")), [client, shell]);
    assert_eq!(tree(&found, "second").totals.spent.cpu_ms(), 12);
    assert_eq!(tree(&found, "second").started_ms, world.now_ms);
    let first = tree(&found, "first");
    assert_eq!((pids(first), first.totals.spent.cpu_ms()), (vec![], 30));
    assert_eq!(first.ended_ms, Some(world.now_ms));
    // What the first one left still counts for the process that runs the second.
    let orphan = world.spawn(INIT, "daemon");
    world.get(orphan).marker = world.processes[&shell].marker.clone();
    assert_eq!(pids(tree(&world.look(&mut trees), "second")), [client, shell, orphan]);
}

#[test]
fn a_session_in_two_terminals_is_one_tree() {
    let (mut world, mut trees) = (World::new(), Trees::default());
    let (a, b) = (world.client(INIT, "s"), world.client(INIT, "s"));
    let (below_a, below_b) = (world.shell(a), world.shell(b));
    let found = world.look(&mut trees);
    let [found] = &found[..] else { panic!("{found:?}") };
    assert_eq!(pids(found), [a, b, below_a, below_b]);
    assert_eq!(found.clients.len(), 2);
    world.end(a);
    let found = world.look(&mut trees);
    assert_eq!((found[0].clients.len(), found[0].ended_ms), (1, None));
}

#[test]
fn a_client_lives_as_long_as_its_process_though_its_entry_is_torn_or_gone() {
    let (mut world, mut trees) = (World::new(), Trees::default());
    let client = world.client(INIT, "s");
    world.look(&mut trees);
    world.registry.clear();
    let found = world.look(&mut trees);
    assert_eq!((pids(&found[0]), found[0].ended_ms), (vec![client], None));
    world.exit(client);
    let found = world.look(&mut trees);
    assert_eq!((found[0].clients.len(), found[0].ended_ms), (0, Some(world.now_ms)));
}

#[test]
fn a_session_is_remembered_for_a_while_after_its_end() {
    let (mut world, mut trees) = (World::new(), Trees::default());
    let client = world.client(INIT, "s");
    let shell = world.shell(client);
    world.burn(client, 30);
    world.look(&mut trees);
    world.end(client);
    world.look(&mut trees);
    world.now_ms += KEEP_MS;
    assert_eq!(pids(tree(&world.look(&mut trees), "s")), [shell], "as long as anything of it runs");
    world.end(shell);
    assert_eq!(world.look(&mut trees), []);

    let client = world.client(INIT, "t");
    world.burn(client, 40);
    world.look(&mut trees);
    world.end(client);
    assert_eq!(tree(&world.look(&mut trees), "t").totals.spent.cpu_ms(), 40);
    world.now_ms += KEEP_MS - 5001;
    assert_eq!(world.look(&mut trees).len(), 1);
    assert_eq!(world.look(&mut trees), []);
}

#[test]
fn a_server_of_the_model_context_protocol_knows_its_session_but_not_its_client() {
    let (mut world, mut trees) = (World::new(), Trees::default());
    let client = world.client(INIT, "s");
    let place = world.processes[&client].stat.clone();
    let in_group = |world: &mut World, pid: u32| {
        let stat = &mut world.get(pid).stat;
        (stat.process_group, stat.terminal_session) = (place.process_group, place.terminal_session);
    };
    let server = world.spawn(client, "npm exec x");
    world.get(server).marker = Some(Marker { client_pid: None, session: Some("s".into()) });
    let behind = world.spawn(server, "node");
    let browser = world.spawn(behind, "chrome");
    let (shell, git) = (world.shell(client), world.spawn(client, "git"));
    let set_apart = world.spawn(server, "python3");
    for pid in [server, behind, browser, git] {
        in_group(&mut world, pid);
    }
    let found = world.look(&mut trees);
    let kind = |pid: u32| found[0].members.iter().find(|member| member.id.pid == pid).unwrap().kind;
    let kinds = [server, behind, browser, shell, git, set_apart].map(kind);
    let (mcp, browser) = (ProcessKind::Mcp, ProcessKind::Browser);
    assert_eq!(kinds, [mcp, mcp, browser, ProcessKind::Shell, ProcessKind::Vcs, ProcessKind::Python]);
    assert_eq!(found[0].members.iter().find(|member| member.id.pid == server).unwrap().name, "npm");
}

#[test]
fn compilers_that_no_look_met_are_in_the_totals_once() {
    let (mut world, mut trees) = (World::new(), Trees::default());
    let client = world.client(INIT, "s");
    let make = world.shell(client);
    world.look(&mut trees);
    let mut used = 0;
    for n in 0..20 {
        let compiler = world.spawn(make, "cc1");
        world.burn(compiler, 100 + n);
        used += 100 + n;
        if n % 5 == 0 {
            world.look(&mut trees);
            world.burn(compiler, 7);
            used += 7;
        }
        world.end(compiler);
    }
    world.end(make);
    world.look(&mut trees);
    let found = world.look(&mut trees);
    let spent = tree(&found, "s").totals.spent;
    assert_eq!((spent.cpu_user_ms, spent.minor_faults, spent.read_bytes), (used, 3 * used, 10 * used));
    assert_eq!(tree(&found, "s").totals.spawned, 5, "the shell, and those that were met");
}

#[test]
fn totals_are_not_less_after_a_restart_and_only_of_the_same_client() {
    let (mut world, mut trees) = (World::new(), Trees::default());
    let client = world.client(INIT, "s");
    let orphan = world.shell(client);
    world.get(orphan).stat.ppid = INIT;
    world.burn(orphan, 100);
    let before = world.look(&mut trees)[0].clone();
    world.end(orphan);
    let past = |client: ProcessId| {
        let SessionTree { session, started_ms, totals, programs, .. } = before.clone();
        [Past { session, clients: vec![client], started_ms, totals, programs }]
    };
    let mut resumed = Trees::resume(past(before.clients[0]));
    let found = world.look(&mut resumed)[0].clone();
    assert_eq!((found.totals, found.started_ms), (before.totals, before.started_ms));
    let [left, ended] = &found.programs[..] else { panic!("{found:#?}") };
    assert_eq!((&*left.name, left.spent.cpu_ms()), ("claude", 0));
    assert_eq!((&*ended.name, ended.spent.cpu_ms(), ended.processes), ("bash", 100, 1), "it is still told");
    world.burn(client, 130);
    let make = world.spawn(client, "make");
    let found = world.look(&mut resumed)[0].clone();
    assert_eq!(found.totals.spent.cpu_ms(), 130);
    let programs: Vec<_> = found.programs.iter().map(|p| (p.parent, &*p.name, p.spent.cpu_ms())).collect();
    assert_eq!(programs, [(None, "claude", 30), (Some(0), "bash", 100), (Some(0), "make", 0)]);
    world.end(make);
    let mut other = Trees::resume(past(ProcessId { start_ticks: 1, ..before.clients[0] }));
    assert_eq!(world.look(&mut other)[0].totals.spent.cpu_ms(), 130);
}

/// What may happen; numbers choose among the processes there are.
#[derive(Debug, Clone)]
enum Step {
    Spawn(usize),
    Client(usize),
    Clear(usize),
    Burn(usize, u64),
    Exec(usize),
    Adopt(usize),
    Exit(usize),
    Look(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let number = 0..1000_usize;
    prop_oneof![
        6 => number.clone().prop_map(Step::Spawn),
        1 => number.clone().prop_map(Step::Client),
        1 => number.clone().prop_map(Step::Clear),
        6 => (number.clone(), 1..1000_u64).prop_map(|(n, ms)| Step::Burn(n, ms)),
        1 => number.clone().prop_map(Step::Exec),
        1 => number.clone().prop_map(Step::Adopt),
        4 => number.prop_map(Step::Exit),
        4 => any::<u64>().prop_map(Step::Look),
    ]
}

/// A world in which `steps` happen below one client; `after` sees every look.
fn run(steps: &[Step], are_orphans_allowed: bool, mut after: impl FnMut(&mut World, u64)) -> World {
    let mut world = World::new();
    let first = world.client(INIT, "s0");
    for (n, step) in steps.iter().enumerate() {
        let pick = |world: &World, n: usize| {
            let live: Vec<u32> =
                world.processes.values().filter(|p| !p.stat.is_zombie).map(|p| p.stat.id.pid).collect();
            live[1 + n % (live.len() - 1)]
        };
        let of_client = |world: &World, n: usize| world.registry[n % world.registry.len()].id.pid;
        match *step {
            Step::Spawn(n) => {
                let parent = pick(&world, n);
                if world.registry.iter().any(|entry| entry.id.pid == parent) {
                    world.shell(parent);
                } else {
                    world.spawn(parent, "sh");
                }
            }
            Step::Client(at) => {
                let parent = pick(&world, at);
                world.client(parent, &format!("s{n}"));
            }
            Step::Clear(at) => {
                let client = of_client(&world, at);
                if world.processes.get(&client).is_some_and(|process| !process.stat.is_zombie) {
                    world.register(client, &format!("s{n}"));
                }
            }
            Step::Burn(n, ms) => {
                let pid = pick(&world, n);
                world.burn(pid, ms);
            }
            Step::Exec(n) => {
                let pid = pick(&world, n);
                world.get(pid).stat.name += "x";
            }
            Step::Adopt(n) => {
                let pid = pick(&world, n);
                world.get(pid).adopts_orphans = true;
            }
            Step::Exit(n) => {
                let pid = pick(&world, n);
                let is_parent = world.processes.values().any(|process| process.stat.ppid == pid);
                if pid != first && (are_orphans_allowed || !is_parent) {
                    world.end(pid);
                }
            }
            Step::Look(seed) => after(&mut world, seed),
        }
    }
    world
}

fn total(trees: &[SessionTree]) -> Spent {
    trees.iter().fold(Spent::default(), |sum, tree| sum + tree.totals.spent)
}

/// What all processes used that are or were below the first client, and that init waited for.
fn truth(world: &World) -> Spent {
    let of = |process: &Process| Spent { read_bytes: process.io, ..process.stat.own + process.stat.reaped };
    world.processes.values().fold(Spent::default(), |sum, process| sum + of(process))
}

proptest! {
    #[test]
    fn nothing_is_counted_twice_nor_in_two_sessions_and_totals_never_decrease(
        steps in prop::collection::vec(step(), 1..120),
    ) {
        let mut trees = Trees::default();
        let mut before = BTreeMap::<String, Totals>::new();
        let mut failed = None;
        run(&steps, true, |world, _| {
            let found = world.look(&mut trees);
            let mut seen = HashSet::new();
            if !found.iter().all(|tree| tree.members.iter().all(|member| seen.insert(member.id))) {
                failed = Some(format!("in two sessions: {found:?}"));
            }
            let (total, truth) = (total(&found), truth(world));
            if total.min(truth) != total {
                failed = Some(format!("{total:?} of {truth:?}"));
            }
            for tree in &found {
                let programs = tree.programs.iter().fold(Spent::default(), |sum, program| sum + program.spent);
                let is_whole = programs == tree.totals.spent;
                let old = before.insert(tree.session.clone(), tree.totals).unwrap_or_default();
                let grown = tree.totals.spent.max(old.spent) == tree.totals.spent
                    && tree.totals.spawned >= old.spawned
                    && tree.totals.context_switches >= old.context_switches;
                if !is_whole || !grown {
                    failed = Some(format!("{old:?} before {tree:?}"));
                }
            }
        });
        prop_assert_eq!(failed, None);
    }

    #[test]
    fn all_is_counted_where_every_process_is_waited_for(steps in prop::collection::vec(step(), 1..120)) {
        let mut trees = Trees::default();
        let mut world = run(&steps, false, |world, _| {
            world.look(&mut trees);
        });
        // What a parent has reaped may wait for one more look.
        world.look(&mut trees);
        let found = world.look(&mut trees);
        prop_assert_eq!(total(&found), truth(&world));
    }

    #[test]
    fn the_order_of_a_listing_changes_nothing(steps in prop::collection::vec(step(), 1..60)) {
        let (mut straight, mut shuffled) = (Trees::default(), Trees::default());
        let mut differ = None;
        run(&steps, true, |world, seed| {
            let a = world.look(&mut straight);
            world.now_ms -= 5000;
            let b = world.look_in(&mut shuffled, |processes| {
                processes.sort_by_key(|process| (u64::from(process.id.pid).wrapping_mul(seed | 1)).rotate_left(32));
            });
            if a != b {
                differ = Some((a, b));
            }
        });
        prop_assert_eq!(differ, None);
    }
}
