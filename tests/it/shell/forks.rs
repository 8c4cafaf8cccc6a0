//! What the hooks cost in processes, as the kernel counts them.

use std::fs;
use std::path::Path;

use odin::model::Shell;

use super::terminal::Setup;
use super::{ALL, Check};

pub(super) const CHECKS: &[Check] = &[
    Check::new("50 empty lines fork nothing", ALL, |shell| adds(shell, "", 50, 0)).needing(&["strace"]),
    Check::new("50 prompts fork nothing", ALL, |shell| adds(shell, "true", 50, 0)).needing(&["strace"]),
    Check::new("50 prompts fork nothing more behind commands", ALL, |shell| adds(shell, "/bin/true", 50, 0))
        .needing(&["strace"]),
    Check::new("a launch forks nothing, in fish date and tee", ALL, |shell| {
        adds(shell, "claude exit 0", 5, if shell == Shell::Fish { 10 } else { 0 });
    })
    .needing(&["strace"]),
    Check::new("a line of half a second forks once in bash", ALL, |shell| {
        adds(shell, "sleep 0.6", 2, if shell == Shell::Bash { 2 } else { 0 });
    })
    .needing(&["strace"]),
];

/// As strace writes them.
const FORKS: &[&str] = &["clone(", "clone3(", "fork("];

/// That so many times the same line forks so often more than without the hook.
fn adds(shell: Shell, line: &str, times: usize, more: usize) {
    let (hooked, bare) =
        (forks(Setup::new(shell), line, times), forks(Setup::new(shell).without_hook(), line, times));
    assert_eq!(hooked, bare + more, "{hooked} with the hook, {bare} without");
}

/// Counts between two changes of directory, which leave their marks in the trace.
fn forks(setup: Setup, line: &str, times: usize) -> usize {
    let trace = setup.home().join("trace");
    let (from, to) = (setup.home().join("from"), setup.home().join("to"));
    for folder in [&from, &to] {
        fs::create_dir(folder).unwrap();
    }
    let calls = "trace=clone,clone3,fork,vfork,chdir,fchdir";
    let strace = ["strace", "-f", "-y", "--seccomp-bpf", "-qq", "-e", calls, "-o", trace.to_str().unwrap()];
    let mut terminal = setup.under(&strace).start();
    // The first launch makes the spool.
    terminal.run("claude exit 0");
    terminal.run("cd ~/from");
    for _ in 0..times {
        terminal.run(line);
    }
    terminal.run("cd ~/to");
    terminal.send("exit\r");
    terminal.end();

    let trace = fs::read_to_string(trace).unwrap();
    let is_at =
        |line: &str, folder: &Path| line.contains("chdir(") && line.contains(folder.to_str().unwrap());
    let between: Vec<&str> =
        trace.lines().skip_while(|line| !is_at(line, &from)).take_while(|line| !is_at(line, &to)).collect();
    assert!(!between.is_empty() && trace.lines().any(|line| is_at(line, &to)), "no marks in {trace}");
    // Of the shell: what it started before may be at work still. A thread is no process. A call that another process
    // interrupts is told in two lines, the second without its `(`.
    let (shell, _) = between[0].split_once(' ').unwrap();
    let is_fork =
        |line: &&&str| !line.contains("CLONE_THREAD") && FORKS.iter().any(|call| line.contains(call));
    between.iter().filter(|line| line.starts_with(shell)).filter(is_fork).count()
}
