//! The shell hooks as a person at a terminal meets them: real bash, zsh and fish on a pseudo-terminal, with a stand-in
//! for claude, or the real client where it is asked for.
//!
//! Each check is told with its name and result, and its shell's tests close with their number.

mod forks;
mod guards;
mod install;
mod lines;
mod modes;
mod neighbours;
pub(crate) mod real_client;
mod runs;
mod spool;
mod state;
mod terminal;

use std::fmt::{self, Display, Formatter};
use std::panic::catch_unwind;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use odin::model::Shell;

use crate::harness::{is_set, tell};

/// Checks that run side by side.
const AT_A_TIME: usize = 3;

const ALL: &[Shell] = &Shell::ALL;
const BASH: &[Shell] = &[Shell::Bash];
const ZSH: &[Shell] = &[Shell::Zsh];
const FISH: &[Shell] = &[Shell::Fish];
/// Those that share most of a syntax.
const POSIX: &[Shell] = &[Shell::Bash, Shell::Zsh];

/// Those with a stand-in for claude.
const SUBJECTS: &[&[Check]] = &[
    runs::CHECKS,
    lines::CHECKS,
    state::CHECKS,
    modes::CHECKS,
    guards::CHECKS,
    spool::CHECKS,
    forks::CHECKS,
    neighbours::CHECKS,
    install::CHECKS,
];

/// A promise of the hooks.
struct Check {
    /// A claim.
    name: &'static str,
    shells: &'static [Shell],
    run: fn(Shell),
    /// Programs, or files by their paths, that it takes.
    needs: &'static [&'static str],
    /// Whether the systems that are tested have all that it needs.
    is_everywhere: bool,
}

impl Check {
    const fn new(name: &'static str, shells: &'static [Shell], run: fn(Shell)) -> Self {
        Self { name, shells, run, needs: &[], is_everywhere: true }
    }

    const fn needing(self, needs: &'static [&'static str]) -> Self {
        Self { needs, ..self }
    }

    const fn where_there_is(self, needs: &'static [&'static str]) -> Self {
        Self { needs, is_everywhere: false, ..self }
    }

    fn result(&self, shell: Shell) -> Result {
        if let Some(missing) = self.needs.iter().find(|needed| !is_here(needed)) {
            let must_run = self.is_everywhere && is_set("ODIN_TEST_STRICT");
            return if must_run { Result::Missing(missing) } else { Result::Skipped(missing) };
        }
        // What went wrong has been printed by the time that it is caught.
        catch_unwind(|| (self.run)(shell)).map_or(Result::Failed, |()| Result::Passed)
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Result {
    Passed,
    Failed,
    /// What it needs is not here, and need not be.
    Skipped(&'static str),
    /// It has to be.
    Missing(&'static str),
}

impl Display for Result {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passed => write!(f, "ok"),
            Self::Failed => write!(f, "FAILED"),
            Self::Skipped(what) => write!(f, "skipped: no usable {what} here"),
            Self::Missing(what) => write!(f, "FAILED: no usable {what} here"),
        }
    }
}

#[test]
fn bash_keeps_its_promises() {
    try_all(Shell::Bash, SUBJECTS);
}

#[test]
fn zsh_keeps_its_promises() {
    try_all(Shell::Zsh, SUBJECTS);
}

#[test]
fn fish_keeps_its_promises() {
    try_all(Shell::Fish, SUBJECTS);
}

fn try_all(shell: Shell, subjects: &[&[Check]]) {
    let name = shell.name();
    if !is_here(name) {
        assert!(!is_set("ODIN_TEST_STRICT"), "no {name} here");
        return tell(&format!("skipped: no {name} here"));
    }
    let checks: Vec<&Check> =
        subjects.iter().copied().flatten().filter(|check| check.shells.contains(&shell)).collect();
    let (next, results) = (AtomicUsize::new(0), Mutex::new(vec![]));
    // Most of the time goes into runs of claude that last.
    thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                while let Some(check) = checks.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let result = check.result(shell);
                    tell(&format!("{name}: {}: {result}", check.name));
                    results.lock().unwrap().push((check.name, result));
                }
            });
        }
    });
    let results = results.into_inner().unwrap();
    let count = |wanted: fn(&Result) -> bool| results.iter().filter(|(_, result)| wanted(result)).count();
    let passed = count(|result| *result == Result::Passed);
    let skipped = count(|result| matches!(result, Result::Skipped(_)));
    let failed = results.len() - passed - skipped;
    tell(&format!("{name}: {passed} passed, {failed} failed, {skipped} skipped"));
    assert_eq!(failed, 0);
}

/// Whether there is a program of a name, or a file at a path, and it can be used.
fn is_here(needed: &str) -> bool {
    if needed == "strace" {
        // It may be there and not be let.
        let mut strace = Command::new("strace");
        strace.args(["-f", "--seccomp-bpf", "-qq", "-o", "/dev/null", "true"]);
        return strace.output().is_ok_and(|output| output.status.success());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    Path::new(needed).is_absolute() && Path::new(needed).exists()
        || std::env::split_paths(&path).any(|folder| folder.join(needed).is_file())
}
