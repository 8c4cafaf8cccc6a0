//! What a client tells its status line of the session and the account.

/// What of it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Milliseconds since the epoch.
    pub at_ms: i64,
    pub session: String,
    /// The Claude config dir, which stands for the account.
    pub config_dir: String,
    /// None before the first response.
    pub context: Option<Context>,
    /// None with an API key.
    pub limits: Vec<LimitUse>,
}

/// How full a context is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context {
    /// Of the last request's prompt.
    pub tokens: i64,
    /// That the window holds.
    pub size: i64,
}

/// How much of a rate limit's window was used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitUse {
    /// As the client has it, as in `five_hour`.
    pub name: String,
    /// Hundredths of a percent. More than all where a gateway lets it.
    pub used: i64,
    /// When the window ends, seconds since the epoch.
    pub resets_s: i64,
}
