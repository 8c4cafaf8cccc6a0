//! What the client tells by telemetry: plain facts, without any text of a conversation.

use super::{EventKind, Tokens};

/// One fact.
#[derive(Debug, Clone, PartialEq)]
pub enum Fact {
    Request(ApiRequest),
    ToolRun(ToolRun),
    Event(TelemetryEvent),
    Point(Point),
}

/// An answered request (`claude_code.api_request`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiRequest {
    /// As in transcripts; empty where the service gave none.
    pub request_id: String,
    pub session: String,
    /// `agent_id`; empty: the session's main loop.
    pub agent: String,
    /// As in `general-purpose`.
    pub agent_type: String,
    /// What it was for: `sdk`, `repl_main_thread`, `agent:…`, `compact`, `web_search_tool` and others.
    pub query_source: String,
    /// The model that was asked for.
    pub model: String,
    /// Milliseconds since the epoch, UTC.
    pub at_ms: i64,
    pub tokens: Tokens,
    /// Cache writes came without their 5m/1h split and were taken as 5m.
    pub is_ttl_unknown: bool,
    pub duration_ms: Option<i64>,
    /// Until the first token.
    pub ttft_ms: Option<i64>,
    /// The same whenever this event is sent, and of no other.
    pub key: i64,
}

/// A tool call that ended (`claude_code.tool_result`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolRun {
    pub session: String,
    /// As in transcripts.
    pub tool_use_id: String,
    pub tool: String,
    pub at_ms: i64,
    pub is_ok: bool,
    pub duration_ms: Option<i64>,
}

/// What transcripts tell of, too, as [`Event`](super::Event).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TelemetryEvent {
    /// The same whenever this event is sent, and of no other.
    pub key: i64,
    pub kind: EventKind,
    pub session: String,
    pub agent: String,
    pub at_ms: i64,
    /// As in [`Event`](super::Event).
    pub detail: String,
    /// Attempts at the same request that had failed before, and were no event.
    pub retries: i64,
}

/// What is counted by telemetry alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Measure {
    /// By `start_type`.
    Starts,
    /// By `type`: `added`, `removed`.
    Lines,
    Commits,
    PullRequests,
    /// Milliseconds, by `type`: `cli`, `user`.
    Active,
    /// By decision and tool, with a slash between them.
    EditDecisions,
    /// Requests given up after the last retry, by error.
    RetriesExhausted,
}

/// A sum, or what has been added to one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Point {
    pub measure: Measure,
    pub session: String,
    pub detail: String,
    /// Of a delta: of its attributes and its span of time. Of a sum so far: of its attributes and when it began, so
    /// that a later one takes the place of an earlier.
    pub key: i64,
    pub value: i64,
}
