//! Whether every link of the chain holds, from the client's settings to the scrape: facts, gathered by the command line,
//! and a table of checks over them.

pub mod checks;
pub mod page;
pub mod show;

use std::path::PathBuf;

use crate::setup::settings::Found;
use crate::shell::status::Problem;

/// What was found out. Times are milliseconds since the epoch.
#[derive(Debug)]
pub struct Facts {
    pub now_ms: i64,
    pub state: State,
    pub ledger: LedgerState,
    pub claude: Vec<ClaudeDir>,
    /// Folders below them, each of which takes a watch, and how many watches the kernel gives; none: not known.
    pub folders: u64,
    pub watches: Option<u64>,
    pub agent: AgentState,
    /// Where it is expected.
    pub address: String,
    /// How it is started.
    pub start: String,
    pub prices: Prices,
    /// Names of those with a hook.
    pub shells: Vec<&'static str>,
    pub shell_problems: Vec<Problem>,
}

#[derive(Debug, Clone, Default)]
pub struct State {
    pub path: PathBuf,
    /// Permission bits; none: there is no such folder.
    pub mode: Option<u32>,
    pub is_writable: bool,
    /// Of its file system; none: not known.
    pub free_bytes: Option<u64>,
}

#[derive(Debug, Clone)]
pub enum LedgerState {
    Absent,
    /// With what to do about it.
    Broken(String),
    Sound {
        last_answer_ms: Option<i64>,
        last_hook_ms: Option<i64>,
        /// Models without a price, and their responses.
        unpriced: Vec<(String, i64)>,
    },
}

/// A Claude config dir.
#[derive(Debug, Clone)]
pub struct ClaudeDir {
    pub path: PathBuf,
    pub transcripts: Transcripts,
    /// What its settings have; or why they cannot be read.
    pub settings: Result<Found, String>,
    pub settings_path: PathBuf,
    /// Of odin's commands in them, the programs that are not there.
    pub missing_programs: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transcripts {
    /// The client has not run yet.
    None,
    Readable,
    Unreadable(String),
    /// On a file system that does not tell of what other machines change.
    Untold,
}

#[derive(Debug, Clone)]
pub enum AgentState {
    Unreachable(String),
    /// It answers, but not to those it does not know, or not without TLS.
    Guarded(String),
    Answers {
        state_dir: PathBuf,
        scraped_s_ago: Option<f64>,
        metrics: String,
    },
}

#[derive(Debug, Clone)]
pub struct Prices {
    /// The day that the list is of.
    pub as_of: String,
    pub as_of_ms: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    Ok,
    /// Worth knowing, and maybe meant.
    Note,
    Broken,
}

impl Health {
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Broken => "broken",
        }
    }
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    pub check: &'static str,
    pub health: Health,
    pub what: String,
    /// What to do about it; empty: nothing.
    pub fix: String,
}
