//! Plain facts with public fields. No I/O, no SQL, no clock.

pub mod hook;
pub mod process;
pub mod status;
pub mod telemetry;

use std::borrow::Cow;
use std::cmp::Ordering;
use std::ops::{Add, AddAssign, Sub, SubAssign};
use std::path::PathBuf;
use std::sync::Arc;

/// Tokens of one model request, by price class. Thinking tokens are part of `output`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Tokens {
    pub input: i64,
    pub output: i64,
    pub cache_read: i64,
    pub cache_write_5m: i64,
    pub cache_write_1h: i64,
}

impl Tokens {
    /// What decides the price tier: everything the model was given, cached or not.
    pub fn prompt(&self) -> i64 {
        self.input + self.cache_read + self.cache_write_5m + self.cache_write_1h
    }

    pub fn total(&self) -> i64 {
        self.prompt() + self.output
    }
}

impl AddAssign for Tokens {
    fn add_assign(&mut self, other: Self) {
        self.input += other.input;
        self.output += other.output;
        self.cache_read += other.cache_read;
        self.cache_write_5m += other.cache_write_5m;
        self.cache_write_1h += other.cache_write_1h;
    }
}

impl SubAssign for Tokens {
    fn sub_assign(&mut self, other: Self) {
        self.input -= other.input;
        self.output -= other.output;
        self.cache_read -= other.cache_read;
        self.cache_write_5m -= other.cache_write_5m;
        self.cache_write_1h -= other.cache_write_1h;
    }
}

impl Add for Tokens {
    type Output = Self;

    fn add(mut self, other: Self) -> Self {
        self += other;
        self
    }
}

impl Sub for Tokens {
    type Output = Self;

    fn sub(mut self, other: Self) -> Self {
        self -= other;
        self
    }
}

/// Which of the model requests behind one response an [`Attempt`] was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AttemptKind {
    /// A request of the main model, or, under a model of its own, of one that declined.
    Message,
    /// A request of the model that served the turn after another had declined.
    Fallback,
    /// A request to an advisor model; on top of the response's own tokens.
    Advisor,
    /// Server-side compaction; on top of the response's own tokens.
    Compaction,
}

/// One entry of `usage.iterations`: a model request behind a response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    pub kind: AttemptKind,
    /// The model it went to; none: the response's own.
    pub model: Option<String>,
    pub tokens: Tokens,
}

/// What one transcript line says of one API response.
///
/// A response stands on several lines (one a content block) and in several files (resumed and forked
/// sessions copy their history); the ledger joins what they say under `message_id` and `request_id`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Response<'a> {
    /// `message.id`, empty where the line has none.
    pub message_id: Cow<'a, str>,
    /// `requestId`; where the line has none, a stand-in that copies of the line share.
    pub request_id: Cow<'a, str>,
    /// Milliseconds since the epoch, UTC: when the line's block ended.
    pub at_ms: i64,
    /// The line had no readable time; `at_ms` is its neighbour's or the file's.
    pub is_time_inferred: bool,

    /// The session that made the request: `requestSessionId`, else `sessionId`.
    pub session: Cow<'a, str>,
    /// `agentId` of a subagent, empty for the session's main loop.
    pub agent: Cow<'a, str>,
    /// `attributionAgent`: the subagent's type, as in `general-purpose`.
    pub agent_type: Cow<'a, str>,
    /// `attributionSkill`, `attributionMcpServer`, `attributionMcpTool`.
    pub skill: Cow<'a, str>,
    pub mcp_server: Cow<'a, str>,
    pub mcp_tool: Cow<'a, str>,
    /// Working directory, absolute.
    pub cwd: Cow<'a, str>,
    /// `gitBranch`; `HEAD` stands for detached and for no repository alike.
    pub branch: Cow<'a, str>,
    pub is_sidechain: bool,

    /// `message.model`: the model that answered.
    pub model: Cow<'a, str>,
    /// `requestedModel`, empty in transcripts of older clients.
    pub requested_model: Cow<'a, str>,
    pub speed: Cow<'a, str>,
    pub inference_geo: Cow<'a, str>,
    pub service_tier: Cow<'a, str>,

    pub tokens: Tokens,
    /// Cache writes came without their 5m/1h split and were taken as 5m.
    pub is_ttl_unknown: bool,
    pub web_searches: i64,
    pub code_executions: i64,
    /// The model requests behind the response, where they are more than the one that `tokens` describes.
    pub attempts: Vec<Attempt>,
    /// The tool calls on the line; what the service ran itself, as a web search, is none.
    pub tool_uses: Vec<ToolUse<'a>>,
    /// `stop_reason` was there: the usage is final, not a placeholder of the stream's start.
    pub is_finished: bool,
    /// `stop_reason` was `refusal`.
    pub is_refused: bool,
    /// The stream was cut (`isAbortedMidStream`): the output is a lower bound.
    pub is_aborted: bool,
}

/// A call of one of the client's tools, from a `tool_use` block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolUse<'a> {
    /// The same on all copies, and on the result.
    pub id: Cow<'a, str>,
    /// As written: `Bash`, `mcp__server__tool`. Empty where the model wrote what cannot be a tool's name.
    pub name: Cow<'a, str>,
}

/// How a tool call ended. Where lines differ, the lesser one is right: a client that finds a call without a result
/// when it resumes or forks a session writes down an interruption, whatever is still to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ToolOutcome {
    Ok,
    /// The tool ran and failed, or could not be run as it was called.
    Error,
    /// A person, a permission rule, a hook or the auto mode said no.
    Denied,
    /// Stopped before its end: by a person, with its turn, or because the client ended.
    Interrupted,
}

/// What a `tool_result` block says of the call it answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolResult<'a> {
    pub tool_use_id: Cow<'a, str>,
    pub outcome: ToolOutcome,
}

/// What happened in a session besides responses and tool calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EventKind {
    /// The conversation was replaced by a summary; `detail` is the trigger: `manual`, `auto`.
    Compaction,
    /// A request failed and was sent again; `detail` is the error.
    Retry,
    /// A request failed for good; `detail` is the error.
    ApiError,
    /// A person stopped the client; `detail` is what it was at: `response`, `tool_use`.
    Interruption,
    /// Another model took over; `detail` is the trigger: `overloaded`, `refusal` and others.
    ModelFallback,
}

/// What one line says of one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event<'a> {
    /// The line's `uuid`, which its copies share.
    pub uuid: Cow<'a, str>,
    pub kind: EventKind,
    /// Milliseconds since the epoch, UTC.
    pub at_ms: i64,
    /// As in [`Response`]; on a copy of anything but a failed request, the session that it was copied to.
    pub session: Cow<'a, str>,
    pub agent: Cow<'a, str>,
    /// One word, never text. An error: its type (`overloaded_error`), else its HTTP status, else the code of the
    /// broken connection (`ECONNRESET`), else where it was retried (`request_retry`). Empty where nothing is known.
    pub detail: Cow<'a, str>,
}

/// A session began with a copy of another's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fork<'a> {
    pub session: Cow<'a, str>,
    /// The session it was copied from, as far as the line tells; an earlier one that had been copied before, else.
    pub from: Cow<'a, str>,
}

/// What the client itself had counted of a session when it left it: all that was asked for, also over resumes, by the
/// model that was asked for. A fork's counts begin with its parent's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CostState {
    pub session: String,
    /// When counting began, milliseconds since the epoch. A resumed session has it from before, a fork from its parent.
    pub started_ms: Option<i64>,
    pub models: Vec<ModelCount>,
}

/// Of one model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelCount {
    /// As asked for.
    pub model: String,
    pub tokens: Tokens,
    pub web_searches: i64,
    /// By the client's own prices; none: not told.
    pub cost_picousd: Option<i64>,
}

/// What lies beside a subagent's transcript.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AgentMeta {
    /// As in `general-purpose`.
    pub agent_type: String,
    /// The agent that started it; empty: the session's main loop.
    pub parent_agent: String,
    /// 1 for an agent of the main loop.
    pub spawn_depth: Option<i64>,
    /// As asked for: an id, or an alias as in `haiku`.
    pub model: String,
    pub is_finished: bool,
}

/// A folder below a config dir's `projects/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// Below `projects/`; empty for itself.
    pub path: Arc<str>,
    /// When it was last changed, nanoseconds since the epoch; 0: to be listed again.
    pub modified_ns: i64,
}

/// What the ledger knows of a folder and the transcripts in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownFolder {
    pub folder: Folder,
    /// Their names, and how they were when they were last read.
    pub files: Vec<(String, FileStamp)>,
}

impl KnownFolder {
    /// By path, so that all that lies below a folder follows it directly.
    pub fn order(a: &Self, b: &Self) -> Ordering {
        path_order(&a.folder.path, &b.folder.path)
    }
}

/// As [`KnownFolder::order`].
pub fn path_order(a: &str, b: &str) -> Ordering {
    let first_slash = |byte: u8| if byte == b'/' { 0 } else { byte };
    a.bytes().map(first_slash).cmp(b.bytes().map(first_slash))
}

/// A file as it was at one look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FileStamp {
    pub device: i64,
    pub inode: i64,
    pub size_bytes: i64,
    pub modified_ns: i64,
}

/// A transcript and where it lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TranscriptFile {
    /// Below `projects/`, as [`Folder::path`].
    pub folder: Arc<str>,
    pub name: String,
    pub stamp: FileStamp,
}

/// A shell that there is a hook for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Shell {
    Bash,
    Zsh,
    Fish,
}

impl Shell {
    pub const ALL: [Self; 3] = [Self::Bash, Self::Zsh, Self::Fish];

    /// Of its program.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bash => "bash",
            Self::Zsh => "zsh",
            Self::Fish => "fish",
        }
    }
}

/// One run of claude as a shell saw it, or a part of one that Ctrl-Z stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launch {
    pub shell: Shell,
    pub shell_version: String,
    pub shell_pid: u32,
    /// First process of the job: claude itself, unless the line was a pipeline. Known only of a run that was stopped.
    pub child_pid: Option<u32>,
    /// Microseconds since the epoch, UTC: when the command line started, and when it ended or was stopped. Both are of
    /// the wall clock, which may be set back in between.
    pub started_us: i64,
    pub ended_us: i64,
    /// As in `$?`; none where the shell does not know it.
    pub exit: Option<u8>,
    pub tty: Option<PathBuf>,
    /// Absolute; none if it was too long for a line.
    pub cwd: Option<PathBuf>,
    pub branch: Option<String>,
}

impl Launch {
    /// Stopped, by Ctrl-Z or SIGSTOP, not ended: a later one of the same shell may continue it.
    pub fn is_stopped(&self) -> bool {
        matches!(self.exit, Some(147 | 148))
    }
}

/// FNV-1a, 64 bits: a hash that is the same in every version, fit to be stored.
pub fn fnv1a(bytes: &[u8]) -> i64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        })
        .cast_signed()
}
