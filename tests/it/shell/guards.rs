//! Where the hooks do nothing at all.

use std::process::{Command, Stdio};

use odin::model::Shell;

use super::terminal::{Setup, hook, hook_text};
use super::{ALL, BASH, Check};

pub(super) const CHECKS: &[Check] = &[
    Check::new("a shell starts silently", ALL, silent_start),
    Check::new("inside of claude the hook is not there", ALL, inside_claude),
    Check::new("a shell without a person gets nothing", ALL, not_interactive),
    Check::new("ssh HOST COMMAND prints what COMMAND does", BASH, ssh),
    Check::new("an older bash gets nothing", BASH, older_bash),
    Check::new("no variable is exported", ALL, no_export),
];

fn silent_start(shell: Shell) {
    let hooked = Setup::new(shell).start();
    let bare = Setup::new(shell).without_hook().start();
    assert_eq!(super::terminal::plain(&hooked.greeting), super::terminal::plain(&bare.greeting));
}

/// Names that the hook defines, in a shell that lists functions and variables.
fn definitions(shell: Shell) -> &'static str {
    match shell {
        Shell::Bash => "declare -F; declare -p",
        Shell::Zsh => "print -l ${(k)functions} ${(k)parameters}",
        Shell::Fish => "functions -a -n; set -n",
    }
}

fn inside_claude(shell: Shell) {
    let mut terminal = Setup::new(shell).variable("CLAUDECODE", "1").start();
    assert!(!terminal.run(definitions(shell)).contains("__odin"));
    terminal.run("claude last 0.6 0");
    assert_eq!(terminal.launches(), []);

    let mut terminal = Setup::new(shell).start();
    assert!(terminal.run(definitions(shell)).contains("__odin"), "the check can tell");
}

fn not_interactive(shell: Shell) {
    let script = format!("source {}\n{}", hook(shell).display(), definitions(shell));
    let output = Command::new(shell.name()).args(["-c", &script]).env_remove("CLAUDECODE").output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    assert!(!printed.is_empty() && !printed.contains("__odin"), "{printed}");
}

/// bash reads `~/.bashrc` where it takes itself to be started by a remote shell daemon.
fn ssh(_: Shell) {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join(".bashrc"), format!("source {}\n", hook(Shell::Bash).display())).unwrap();
    let mut ssh = Command::new("bash");
    ssh.args(["-c", "echo data"]).env_clear().env("HOME", home.path()).env("SSH_CLIENT", "192.0.2.1 1 22");
    let output = ssh.stdin(Stdio::null()).output().unwrap();
    assert_eq!((&output.stdout[..], &output.stderr[..]), (&b"data\n"[..], &b""[..]));
}

/// There is no such bash to be installed, so the hook is told a lie.
fn older_bash(_: Shell) {
    let text = hook_text(Shell::Bash).replace("BASH_VERSINFO[0]", "VERSION");
    let home = tempfile::tempdir().unwrap();
    let older = home.path().join("odin.bash");
    std::fs::write(&older, text).unwrap();
    let rc = format!("VERSION=4\nsource {}", older.display());
    let mut terminal = Setup::new(Shell::Bash).without_hook().after(&rc).start();
    assert!(!terminal.greeting.contains("bash:"), "{}", terminal.greeting);
    assert!(!terminal.run(definitions(Shell::Bash)).contains("__odin"));
}

fn no_export(shell: Shell) {
    let mut terminal = Setup::new(shell).start();
    terminal.run("claude exit 0");
    assert!(!terminal.run("env").to_lowercase().contains("odin="));
    assert!(!terminal.run("env").contains("__odin"));
}
