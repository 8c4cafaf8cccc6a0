//! `odin hook`: notes a call of the client's hooks in the spool, in one write, and never keeps the client waiting.
//!
//! An exit code other than 0 would be shown to the user, and 2 would stop what they are about to do. So nothing here
//! fails: neither configuration nor ledger are opened, and a line that cannot be written is lost. Only where it was asked
//! to look after budgets, it looks into the ledger before a prompt, for 2 ms at most; what it cannot find out stops
//! nobody. What it answers then is of <https://code.claude.com/docs/en/hooks>.

use std::ffi::OsString;
use std::fs::{DirBuilder, File};
use std::io::{self, IsTerminal, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::process::ExitCode;

use jiff::Timestamp;
use serde_json::json;

use super::budget;
use crate::config::state_dir;
use crate::ledger::Ledger;
use crate::model::hook::{HookCall, HookKind};
use crate::report::budgets;
use crate::source::{hooks, project, spool};

pub(super) const NOTES: &str = "\
`odin setup` enters it in the client's settings.json, for SessionStart, UserPromptSubmit, Stop, StopFailure and \
SessionEnd; `odin sessions ID` shows what it noted. The client's JSON is read from standard input. Of it the event, the \
session, the model and why it began or ended are kept, never text. The exit code is 0 whatever happens.

With `--over-budget=warn` the client says before each prompt which budgets are spent, with `--over-budget=block` it does \
not send the prompt; as far as the ledger knows, which is up to date where odin agent runs.";

/// What is answered to a prompt once a budget is spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OverBudget {
    Warn,
    Block,
}

impl OverBudget {
    /// None: nothing, or nothing that is known.
    fn wished(arguments: impl Iterator<Item = OsString>) -> Option<Self> {
        let wished = arguments.filter_map(|argument| match argument.to_str()? {
            "--over-budget=warn" => Some(Self::Warn),
            "--over-budget=block" => Some(Self::Block),
            _ => None,
        });
        wished.last()
    }

    /// To the client, as JSON.
    fn answer(self, notes: &str) -> serde_json::Value {
        match self {
            Self::Warn => json!({ "systemMessage": notes }),
            Self::Block => json!({ "decision": "block", "reason": notes }),
        }
    }
}

/// Whether the arguments are those of the client, and not a request for help.
pub(super) fn is_called(mut arguments: impl Iterator<Item = OsString>) -> bool {
    arguments.nth(1).is_some_and(|command| command == "hook")
        && !arguments.any(|argument| argument == "--help" || argument == "-h")
}

pub(super) fn run() -> ExitCode {
    let input = io::stdin();
    if input.is_terminal() {
        super::say("odin hook: the client calls this, with JSON on standard input");
        return ExitCode::SUCCESS;
    }
    let at = Timestamp::now();
    let pid = std::env::var("CLAUDE_PID").ok().and_then(|pid| pid.parse().ok());
    let call = hooks::told(input.lock(), at.as_microsecond(), pid);
    let state = state_dir(&|name| std::env::var_os(name));
    if let (Some(call), Some(state)) = (call, state) {
        // Whoever could be told of it is at work in the client.
        _ = note(&call, at, &state.join("spool"));
        let wished = OverBudget::wished(std::env::args_os()).filter(|_| call.kind == HookKind::Prompt);
        if let (Some(wished), Ok(Some(notes))) = (wished, over_budget()) {
            _ = writeln!(io::stdout(), "{}", wished.answer(&notes));
        }
    }
    ExitCode::SUCCESS
}

/// The budgets that are spent, of all and of the project that the client works in.
fn over_budget() -> anyhow::Result<Option<String>> {
    let config = super::load()?;
    let ledger = Ledger::open_to_glance(&config.ledger_path())?;
    let moment = budget::moment(&config)?;
    let project = project::root(&std::env::current_dir()?.to_string_lossy());
    let over = budgets::over(&ledger, Some(&project), &moment)?;
    Ok((!over.is_empty()).then(|| budgets::notes(&over, &moment.zone).trim_end().into()))
}

fn note(call: &HookCall, at: Timestamp, spool: &Path) -> io::Result<()> {
    let name = format!("{}{}.tsv", spool::HOOKS.beginning, at.strftime("%Y-%m"));
    let line = hooks::line(call);
    let mut append = File::options();
    append.append(true).create(true).mode(0o600);
    let mut file = match append.open(spool.join(&name)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            DirBuilder::new().recursive(true).mode(0o700).create(spool)?;
            append.open(spool.join(&name))?
        }
        opened => opened?,
    };
    file.write_all(line.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::is_called;
    use std::ffi::OsString;

    #[test]
    fn only_a_request_for_help_is_no_call() {
        let is_called = |line: &str| is_called(line.split(' ').map(OsString::from));
        assert!(is_called("odin hook"));
        assert!(is_called("odin hook --what SessionStart"), "wrong usage must not stop the client");
        assert!(
            !is_called("odin hook --help") && !is_called("odin shell install hook") && !is_called("odin")
        );
    }
}
