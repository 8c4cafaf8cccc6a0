//! Process trees over this machine's own `/proc`: real processes, in the role of the client and of what it starts.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use odin::config::Roots;
use odin::model::process::{Client, ProcessKind, SessionTree, Spent};
use odin::source::process::procfs::Procfs;
use odin::source::process::stat::Snapshot;
use odin::source::process::trees::{Host, Trees};
use odin::source::registry;
use rustix::process::{Pid, Signal};
use tempfile::TempDir;

use crate::harness::tell;

/// An agent's view: a registry, `/proc`, and what is known.
pub(crate) struct Watch {
    config_dir: PathBuf,
    procfs: Procfs,
    trees: Trees,
    now_ms: i64,
}

impl Watch {
    pub(crate) fn over(config_dir: &Path) -> Self {
        let procfs = Procfs::open(&Roots::default(), true).unwrap();
        Self { config_dir: config_dir.into(), procfs, trees: Trees::default(), now_ms: 1_795_458_328_814 }
    }

    /// Registers a process as a client does with itself.
    fn register(&self, pid: u32) {
        let entry = format!(
            r#"{{"pid":{pid},"sessionId":"s{pid}","procStart":"{}","cwd":"/","status":"busy"}}"#,
            start_ticks(pid)
        );
        fs::write(self.config_dir.join(format!("sessions/{pid}.json")), entry).unwrap();
    }

    fn registry(&self) -> Vec<Client> {
        let registered = registry::read(&[self.config_dir.clone(), PathBuf::from("/nowhere")]);
        assert_eq!((registered.damaged, registered.unreadable.len()), (0, 0));
        registered.clients
    }

    pub(crate) fn look(&mut self) -> Vec<SessionTree> {
        let snapshot = self.procfs.snapshot().unwrap();
        self.look_at(&snapshot)
    }

    fn look_at(&mut self, snapshot: &Snapshot) -> Vec<SessionTree> {
        self.now_ms += 1000;
        let registry = self.registry();
        self.trees.update(snapshot, &mut self.procfs, &registry, self.now_ms);
        self.trees.sessions()
    }
}

/// A config dir with an empty registry.
fn config_dir() -> TempDir {
    let config_dir = tempfile::tempdir().unwrap();
    fs::create_dir(config_dir.path().join("sessions")).unwrap();
    config_dir
}

/// A shell that runs a script in which `read` waits for [`go_on`](Self::go_on).
struct Script {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    /// What it started, to be ended with the test.
    started: Vec<u32>,
}

impl Script {
    fn new(script: &str) -> Self {
        let mut child = Command::new("sh")
            .args(["-c", script])
            .env_remove("CLAUDE_PID")
            .env_remove("CLAUDE_CODE_SESSION_ID")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (stdin, stdout) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, stdin, stdout, started: vec![] }
    }

    fn pid(&self) -> u32 {
        self.child.id()
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        line.trim_end().into()
    }

    /// The script prints the pid of something it started.
    fn started(&mut self) -> u32 {
        let pid = self.line().parse().unwrap();
        self.started.push(pid);
        pid
    }

    fn go_on(&mut self) {
        self.stdin.write_all(b"\n").unwrap();
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
        for pid in &self.started {
            send(*pid, Signal::KILL);
        }
    }
}

pub(crate) fn send(pid: u32, signal: Signal) {
    let pid = Pid::from_raw(pid.cast_signed()).unwrap();
    _ = rustix::process::kill_process(pid, signal);
}

/// A process and all that `/proc` has below it now, in order.
pub(crate) fn below(root: u32) -> Vec<u32> {
    let listed =
        fs::read_dir("/proc").unwrap().filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
    let parents: Vec<(u32, u32)> =
        listed.filter_map(|pid| Some((pid, field(pid, 4)?.parse().ok()?))).collect();
    let (mut found, mut next) = (vec![root], 0);
    while let Some(above) = found.get(next).copied() {
        found.extend(parents.iter().filter(|(_, parent)| *parent == above).map(|(pid, _)| *pid));
        next += 1;
    }
    found.sort_unstable();
    found
}

fn field(pid: u32, n: usize) -> Option<String> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    Some(text.rsplit_once(") ")?.1.split(' ').nth(n - 3)?.into())
}

pub(crate) fn start_ticks(pid: u32) -> String {
    field(pid, 22).unwrap()
}

pub(crate) fn pids(tree: &SessionTree) -> Vec<u32> {
    let mut pids: Vec<u32> = tree.members.iter().map(|member| member.id.pid).collect();
    pids.sort_unstable();
    pids
}

fn sorted<const N: usize>(mut pids: [u32; N]) -> [u32; N] {
    pids.sort_unstable();
    pids
}

/// A session is named for its client: other tests run theirs on the same machine.
#[track_caller]
fn tree(trees: &[SessionTree], client: u32) -> &SessionTree {
    let session = format!("s{client}");
    trees.iter().find(|tree| tree.session == session).unwrap_or_else(|| panic!("no {session} in {trees:#?}"))
}

/// A client whose shell starts one child that stays, and one that is set apart and reparented.
const LEAVES_ORPHANS: &str = "CLAUDE_PID=$$ CLAUDE_CODE_SESSION_ID=s$$ sh -c '
    echo $$; (setsid tail -f /dev/null >/dev/null & echo $!); tail -f /dev/null >/dev/null & echo $!; wait' & wait";

#[test]
fn what_was_set_apart_and_reparented_is_of_the_session_and_outlives_its_client() {
    let config_dir = config_dir();
    let (mut watch, mut client) = (Watch::over(config_dir.path()), Script::new(LEAVES_ORPHANS));
    let (shell, apart, child) = (client.started(), client.started(), client.started());
    watch.register(client.pid());
    let parent = field(apart, 4).unwrap();
    assert!(parent != shell.to_string() && parent != client.pid().to_string(), "it is reparented: {parent}");

    // While a process becomes another program, its environment is empty for an instant: the next look reads it.
    let all = sorted([client.pid(), shell, apart, child]);
    let mut looks = std::iter::repeat_with(|| watch.look()).take(1000);
    let found = looks.find(|found| pids(tree(found, client.pid())) == all).unwrap();
    drop(looks);
    let found = tree(&found, client.pid());
    assert_eq!((found.clients.len(), found.ended_ms, found.totals.spawned), (1, None, 3));
    let root = found.members.iter().find(|member| member.id.pid == client.pid()).unwrap();
    assert_eq!((root.kind, &*root.name), (ProcessKind::Claude, "sh"));
    assert!(found.rss_bytes() > 0 && found.pss_bytes().unwrap() > 0 && found.threads() == 4);
    assert!(found.open_fds().unwrap() >= 8 && found.worst_fd_ratio().unwrap() > 0.0);
    assert!(found.totals.is_io_known && found.totals.spent.minor_faults > 0);
    assert!(found.totals.context_switches > 0);

    client.kill();
    let trees = watch.look();
    let found = tree(&trees, client.pid());
    assert_eq!(pids(found), sorted([shell, apart, child]));
    assert_eq!((found.clients.len(), found.ended_ms), (0, Some(watch.now_ms)));
}

#[test]
fn orphans_of_a_client_that_died_before_the_first_look_are_found() {
    let config_dir = config_dir();
    let (mut watch, mut client) = (Watch::over(config_dir.path()), Script::new(LEAVES_ORPHANS));
    let (shell, apart, child) = (client.started(), client.started(), client.started());
    watch.register(client.pid());
    client.kill();
    assert_eq!(pids(tree(&watch.look(), client.pid())), sorted([shell, apart, child]));
}

#[test]
fn a_client_below_a_client_is_not_confused_with_it() {
    let script = "CLAUDE_PID=$$ CLAUDE_CODE_SESSION_ID=s$$ sh -c '
        echo $$; sh -c \"echo \\$\\$; tail -f /dev/null >/dev/null & echo \\$!; wait\" & wait' & wait";
    let config_dir = config_dir();
    let (mut watch, mut client) = (Watch::over(config_dir.path()), Script::new(script));
    let (shell, inner, below) = (client.started(), client.started(), client.started());
    watch.register(client.pid());
    watch.register(inner);
    let found = watch.look();
    assert_eq!(pids(tree(&found, client.pid())), sorted([client.pid(), shell]));
    assert_eq!(pids(tree(&found, inner)), sorted([inner, below]));
    assert_eq!(tree(&found, inner).parent_session, Some(format!("s{}", client.pid())));
}

#[test]
fn what_children_used_is_counted_once_whether_a_look_met_them_or_not() {
    let folder = tempfile::tempdir().unwrap();
    let work = "head -c 30000000 /dev/zero | cksum >/dev/null; head -c 3000000 /dev/zero > file; sync file";
    let script = format!(
        "cd {}; echo ready; read go; {work}; {work}; echo done; sh -c '{work}; echo half; read go; {work}'; echo done; read go",
        folder.path().display()
    );
    let config_dir = config_dir();
    let (mut watch, mut client) = (Watch::over(config_dir.path()), Script::new(&script));
    client.line();
    watch.register(client.pid());
    watch.look();
    client.go_on();
    for step in ["done", "half"] {
        assert_eq!(client.line(), step);
    }
    assert_eq!(watch.look()[0].members.len(), 2);
    client.go_on();
    assert_eq!(client.line(), "done");
    watch.look();
    let found = watch.look();
    let snapshot = watch.procfs.snapshot().unwrap();
    let root = snapshot.processes.iter().find(|process| process.id.pid == client.pid()).unwrap();
    let (read_bytes, written_bytes) = watch.procfs.detail(client.pid()).io.unwrap();
    let io = Spent { read_bytes, written_bytes, ..Spent::default() };
    assert_eq!(found[0].totals.spent, root.own + root.reaped + io, "the client waited for all of it");
    assert!(root.reaped.minor_faults > 500, "{root:?}");
    assert_eq!(found[0].totals.spawned, 1);
}

#[test]
fn a_process_that_ends_while_it_is_looked_at_is_no_error() {
    let config_dir = config_dir();
    let (mut watch, mut client) = (Watch::over(config_dir.path()), Script::new("echo ready; read go"));
    client.line();
    watch.register(client.pid());
    let snapshot = watch.procfs.snapshot().unwrap();
    client.kill();
    let found = watch.look_at(&snapshot);
    assert_eq!((found[0].members.len(), found[0].open_fds()), (1, None));
    let found = watch.look();
    assert_eq!((found[0].members.len(), found[0].ended_ms), (0, Some(watch.now_ms)));
}

#[test]
fn a_name_that_looks_like_the_end_of_a_name_is_a_name() {
    let folder = tempfile::tempdir().unwrap();
    let odd = folder.path().join("a) R 1\n(b");
    std::os::unix::fs::symlink("/bin/sh", &odd).unwrap();
    let mut child = Command::new(&odd)
        .args(["-c", "echo; read go"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut String::new()).unwrap();
    let config_dir = config_dir();
    let mut watch = Watch::over(config_dir.path());
    watch.register(child.id());
    let found = watch.look();
    child.kill().unwrap();
    child.wait().unwrap();
    let [member] = &found[0].members[..] else { panic!("{found:?}") };
    assert_eq!((member.id.pid, member.ppid, &*member.name), (child.id(), std::process::id(), "a)"));
}

#[test]
fn what_only_its_owner_may_read_is_absent_and_counted() {
    let mut procfs = Procfs::open(&Roots::default(), false).unwrap();
    let is_denied = |error: std::io::Error| error.kind() == std::io::ErrorKind::PermissionDenied;
    if !fs::read("/proc/1/environ").is_err_and(is_denied) {
        return tell("skipped: nothing is listed here that this user may not read");
    }
    let detail = procfs.detail(1);
    assert_eq!((procfs.marker(1), procfs.program(1), detail.io), (None, None, None));
    assert!(procfs.denied >= 3);
    assert!(procfs.snapshot().unwrap().processes.iter().any(|process| process.id.pid == 1));
}
