//! Plain facts with public fields. No I/O, no SQL, no clock.

use std::borrow::Cow;
use std::ops::{Add, AddAssign, Sub, SubAssign};
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
    /// `stop_reason` was there: the usage is final, not a placeholder of the stream's start.
    pub is_finished: bool,
    /// `stop_reason` was `refusal`.
    pub is_refused: bool,
    /// The stream was cut (`isAbortedMidStream`): the output is a lower bound.
    pub is_aborted: bool,
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

/// FNV-1a, 64 bits: a hash that is the same in every version, fit to be stored.
pub fn fnv1a(bytes: &[u8]) -> i64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        })
        .cast_signed()
}
