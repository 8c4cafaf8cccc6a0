//! What the client's own hooks tell of a session.

/// When the client calls a hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum HookKind {
    SessionStart,
    /// A prompt was sent.
    Prompt,
    /// The client has answered, and waits.
    Stop,
    /// It gave up on an answer.
    StopFailure,
    SessionEnd,
}

impl HookKind {
    pub const ALL: [Self; 5] =
        [Self::SessionStart, Self::Prompt, Self::Stop, Self::StopFailure, Self::SessionEnd];

    /// As the client names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::SessionStart => "SessionStart",
            Self::Prompt => "UserPromptSubmit",
            Self::Stop => "Stop",
            Self::StopFailure => "StopFailure",
            Self::SessionEnd => "SessionEnd",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// One call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookCall {
    pub kind: HookKind,
    /// Microseconds since the epoch.
    pub at_us: i64,
    pub session: String,
    /// Of the client; none: not told.
    pub pid: Option<u32>,
    /// What began the session (`startup`, `resume`, `clear`, `compact`, `fork`), or why it ended; else empty.
    pub detail: String,
    /// That a session begins with; empty: not told.
    pub model: String,
}
