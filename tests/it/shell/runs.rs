//! What is noted of a run: how it ended, when, where; and what its user sees of that: nothing.

use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use odin::model::{Launch, Shell};
use rustix::process::{Pid, Signal, kill_process};

use super::terminal::{CTRL_C, CTRL_Z, Setup, Terminal};
use super::{ALL, Check, FISH, POSIX};

pub(super) const CHECKS: &[Check] = &[
    Check::new("a run is noted with all its facts", ALL, facts),
    Check::new("a run of no time is noted", ALL, no_time),
    Check::new("the exit status is noted and kept", ALL, exit_status),
    Check::new("ctrl-c is noted as 130", ALL, ctrl_c),
    Check::new("ctrl-z is noted as 148, with the process", ALL, ctrl_z),
    Check::new("fg and its end are noted", ALL, fg),
    Check::new("stopped twice is noted twice", ALL, stopped_twice),
    Check::new("lines beside a stopped run are not noted", ALL, beside_a_stopped_run),
    Check::new("a stopped pipeline is noted, with its first process", ALL, stopped_pipeline),
    Check::new("a stopped run that is killed has no end", ALL, killed_while_stopped),
    Check::new("a run beside a stopped one is noted as well", ALL, second_run),
    Check::new("fg keeps the exit status", POSIX, status_after_fg),
    Check::new("fg is 0 to fish, so its status is not noted", FISH, fish_fg),
    Check::new("kill -9 of claude is noted as 137", ALL, killed),
    Check::new("a closed terminal leaves no torn line", ALL, closed),
];

fn started(shell: Shell) -> Terminal {
    Setup::new(shell).start()
}

fn now_us() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros()).unwrap()
}

fn exits(launches: &[Launch]) -> Vec<Option<u8>> {
    launches.iter().map(|launch| launch.exit).collect()
}

fn facts(shell: Shell) {
    let mut terminal = started(shell);
    // To the millisecond, which is what fish knows.
    let before = now_us() - 1000;
    terminal.run("claude last 0.1 3");
    let after = now_us() + 1000;
    let launch = terminal.launch();
    assert_eq!(launch.shell, shell);
    let version = Command::new(shell.name()).arg("--version").output().unwrap().stdout;
    assert!(String::from_utf8(version).unwrap().contains(&launch.shell_version), "{launch:?}");
    assert_eq!((launch.shell_pid, launch.child_pid, launch.exit), (terminal.pid(), None, Some(3)));
    assert!(before <= launch.started_us && launch.ended_us <= after, "{before} {launch:?} {after}");
    let lasted = launch.ended_us - launch.started_us;
    assert!((100_000..after - before).contains(&lasted), "{lasted}");
    let tty = terminal.run("tty");
    assert!(tty.contains(launch.tty.as_ref().unwrap().to_str().unwrap()), "{launch:?} {tty}");
    assert_eq!(launch.cwd.as_deref(), Some(terminal.home()));
    assert_eq!(launch.branch, None);
}

fn no_time(shell: Shell) {
    let mut terminal = started(shell);
    terminal.run("claude exit 0");
    assert_eq!(terminal.launch().exit, Some(0));
}

fn exit_status(shell: Shell) {
    let mut terminal = started(shell);
    for status in [0, 1, 2, 126, 255] {
        terminal.run(&format!("claude exit {status}"));
        assert_eq!(terminal.status(), status);
        assert_eq!(terminal.launch().exit, Some(status));
    }
}

fn ctrl_c(shell: Shell) {
    let mut terminal = started(shell);
    terminal.run_until_it_waits("claude wait 0");
    terminal.send(CTRL_C);
    terminal.prompt();
    assert_eq!(terminal.status(), 130);
    assert_eq!(terminal.launch().exit, Some(130));
}

/// Runs claude and stops it; its pid.
fn stop(terminal: &mut Terminal, line: &str) -> u32 {
    let pid = terminal.run_until_it_waits(line);
    terminal.send(CTRL_Z);
    terminal.prompt();
    pid
}

fn ctrl_z(shell: Shell) {
    let mut terminal = started(shell);
    let pid = stop(&mut terminal, "claude wait 0");
    let launch = terminal.launch();
    assert!(launch.is_stopped());
    assert_eq!((launch.exit, launch.child_pid), (Some(148), Some(pid)));
}

/// Lets a stopped run go on until its end.
fn resume(terminal: &mut Terminal) {
    // It is continued by the time that it opens the pipe.
    terminal.send("fg\r");
    terminal.let_go();
    terminal.prompt();
}

fn fg(shell: Shell) {
    let mut terminal = started(shell);
    let pid = stop(&mut terminal, "claude wait 7");
    let stopped = terminal.launch();
    resume(&mut terminal);
    let ended = terminal.launch();
    assert_eq!(ended.exit, (shell != Shell::Fish).then_some(7));
    assert_eq!(ended.child_pid, Some(pid));
    assert!(stopped.ended_us <= ended.started_us, "{stopped:?} {ended:?}");
}

fn stopped_twice(shell: Shell) {
    let mut terminal = started(shell);
    let pid = stop(&mut terminal, "claude wait 7");
    terminal.send("fg\r");
    terminal.until("claude");
    // The shell says what it continues before it does so, and a stop that comes too early stops nothing.
    wait_until_it_runs(pid);
    terminal.send(CTRL_Z);
    terminal.prompt();
    resume(&mut terminal);
    let launches = terminal.launches();
    let last = (shell != Shell::Fish).then_some(7);
    assert_eq!(exits(&launches), [Some(148), Some(148), last]);
    assert!(launches.iter().all(|launch| launch.child_pid == Some(pid)), "{launches:?}");
}

/// Until a process is no longer stopped, by `/proc`; there is nothing that tells.
fn wait_until_it_runs(pid: u32) {
    let is_stopped = || {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        stat.rsplit_once(") ").unwrap().1.starts_with('T')
    };
    while is_stopped() {
        std::thread::yield_now();
    }
}

fn beside_a_stopped_run(shell: Shell) {
    let mut terminal = started(shell);
    stop(&mut terminal, "claude wait 0");
    for line in ["true", "ls -d /", "sleep 0.6", "false", ""] {
        terminal.run(line);
    }
    assert_eq!(exits(&terminal.take_launches()), [Some(148)]);
    resume(&mut terminal);
    assert_eq!(terminal.take_launches().len(), 1);
    terminal.run("sleep 0.6");
    assert_eq!(terminal.take_launches(), []);
}

fn stopped_pipeline(shell: Shell) {
    let mut terminal = started(shell);
    let pid = terminal.run_until_it_waits("claude late 0.6 0 | cat");
    terminal.send(CTRL_Z);
    terminal.prompt();
    let launch = terminal.launch();
    assert_eq!((launch.exit, launch.child_pid), (Some(148), Some(pid)));
}

fn killed_while_stopped(shell: Shell) {
    let mut terminal = started(shell);
    let pid = stop(&mut terminal, "claude wait 0");
    terminal.run(&format!("kill -9 {pid}"));
    terminal.run("sleep 0.6");
    terminal.run("true");
    assert_eq!(exits(&terminal.launches()), [Some(148)]);
}

fn second_run(shell: Shell) {
    let mut terminal = started(shell);
    stop(&mut terminal, "claude wait 0");
    terminal.run("claude exit 4");
    assert_eq!(exits(&terminal.take_launches()), [Some(148), Some(4)]);
    resume(&mut terminal);
    assert_eq!(terminal.take_launches().len(), 1);
}

fn status_after_fg(shell: Shell) {
    let mut terminal = started(shell);
    stop(&mut terminal, "claude wait 7");
    resume(&mut terminal);
    assert_eq!(terminal.status(), 7);
}

fn fish_fg(shell: Shell) {
    let mut terminal = Setup::new(shell).without_hook().start();
    stop(&mut terminal, "claude wait 7");
    resume(&mut terminal);
    assert_eq!(terminal.status(), 0, "fish tells the status now: note it");
}

fn killed(shell: Shell) {
    let mut terminal = started(shell);
    let pid = terminal.run_until_it_waits("claude wait 0");
    kill_process(Pid::from_raw(pid.try_into().unwrap()).unwrap(), Signal::KILL).unwrap();
    terminal.prompt();
    assert_eq!(terminal.status(), 137);
    assert_eq!(terminal.launch().exit, Some(137));
}

fn closed(shell: Shell) {
    let mut terminal = started(shell);
    terminal.run("claude exit 5");
    terminal.run_until_it_waits("claude wait 0");
    terminal.close();
    // Whether a shell gets to note what ended with it is its own affair; what it notes is whole.
    let launches = terminal.launches();
    assert_eq!(launches[0].exit, Some(5));
    assert!(launches.len() <= 2, "{launches:?}");
}
