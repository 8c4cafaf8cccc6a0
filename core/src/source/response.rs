//! The shape of a line that holds a response, and what it tells.
//!
//! Only the fields needed; of the content, which tools were called. Whatever stands where another type is expected
//! counts as not there.

use std::borrow::Cow;

use serde::Deserialize;

use super::happening::ForkedFrom;
use super::lenient::{Count, Flag, List, Loose, Text, When};
use super::transcript::{Damage, FileFacts, OrText, Told};
use crate::model::{Attempt, AttemptKind, Response, Tokens, ToolUse};

/// No request has ever been this large; a number beyond it is damage, and would overflow the sums.
const MAX_COUNT: i64 = 1_000_000_000;

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Line<'a> {
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow)]
    message: Loose<Message<'a>>,
    /// Of a `progress` line.
    #[serde(borrow)]
    data: Loose<Progress<'a>>,
    timestamp: When,
    #[serde(borrow)]
    uuid: Text<'a>,
    #[serde(borrow)]
    request_id: Text<'a>,
    #[serde(borrow)]
    request_ref: Text<'a>,
    #[serde(borrow)]
    session_id: Text<'a>,
    #[serde(borrow)]
    request_session_id: Text<'a>,
    #[serde(borrow)]
    forked_from: Loose<ForkedFrom<'a>>,
    #[serde(borrow)]
    agent_id: Text<'a>,
    #[serde(borrow)]
    cwd: Text<'a>,
    #[serde(borrow)]
    git_branch: Text<'a>,
    #[serde(borrow)]
    requested_model: Text<'a>,
    #[serde(borrow)]
    attribution_agent: Text<'a>,
    #[serde(borrow)]
    attribution_skill: Text<'a>,
    #[serde(borrow)]
    attribution_mcp_server: Text<'a>,
    #[serde(borrow)]
    attribution_mcp_tool: Text<'a>,
    is_sidechain: Flag,
    is_aborted_mid_stream: Flag,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Message<'a> {
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow)]
    role: Text<'a>,
    #[serde(borrow)]
    model: Text<'a>,
    #[serde(borrow)]
    stop_reason: Text<'a>,
    #[serde(borrow)]
    usage: Loose<Usage<'a>>,
    #[serde(borrow)]
    content: List<Block<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Block<'a> {
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow)]
    name: Text<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Progress<'a> {
    #[serde(borrow)]
    agent_id: Text<'a>,
    #[serde(borrow)]
    message: Loose<Box<Line<'a>>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Usage<'a> {
    input_tokens: Count,
    output_tokens: Count,
    cache_read_input_tokens: Count,
    cache_creation_input_tokens: Count,
    cache_creation: Loose<CacheCreation>,
    server_tool_use: Loose<ServerToolUse>,
    #[serde(borrow)]
    speed: Text<'a>,
    #[serde(borrow)]
    inference_geo: Text<'a>,
    #[serde(borrow)]
    service_tier: Text<'a>,
    #[serde(borrow)]
    iterations: List<Iteration<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct CacheCreation {
    ephemeral_5m_input_tokens: Count,
    ephemeral_1h_input_tokens: Count,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ServerToolUse {
    web_search_requests: Count,
    code_execution_requests: Count,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Iteration<'a> {
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow)]
    model: Text<'a>,
    input_tokens: Count,
    output_tokens: Count,
    cache_read_input_tokens: Count,
    cache_creation_input_tokens: Count,
    cache_creation: Loose<CacheCreation>,
}

impl<'a> Line<'a> {
    /// False where it is no response.
    pub(super) fn tell(self, facts: &mut FileFacts, tell: &mut impl FnMut(Told)) -> bool {
        match &*self.kind.0 {
            "assistant" => self.assistant(facts, tell),
            // A line whose type is lost is known by who speaks.
            "" if self.message.0.as_ref().is_some_and(|m| m.role.0 == "assistant" && m.usage.0.is_some()) => {
                self.assistant(facts, tell)
            }
            "progress" => {
                let Some(progress) = self.data.0 else { return false };
                let Some(mut line) = progress.message.0 else { return false };
                if line.kind.0 != "assistant" {
                    return false;
                }
                line.is_sidechain = Flag(true);
                line.agent_id.or(progress.agent_id);
                line.session_id.or(self.session_id);
                line.cwd.or(self.cwd);
                line.git_branch.or(self.git_branch);
                line.assistant(facts, tell)
            }
            // Tool results and attachments may quote usage; it is that of a response with a line of its own.
            "user" | "system" | "attachment" | "api-request" | "api-request-blob" | "api-request-shape"
            | "queue-operation" | "cost-state" | "result" | "summary" => false,
            _ => {
                let is_unknown = self.message.0.as_ref().is_some_and(|m| m.usage.0.is_some());
                if is_unknown {
                    tell(Told::Damage(Damage::UnknownType));
                }
                is_unknown
            }
        }
    }

    fn assistant(self, facts: &mut FileFacts, tell: &mut impl FnMut(Told)) -> bool {
        // The client's own words for an error: no request was made.
        if self.message.0.as_ref().is_some_and(|message| message.model.0 == "<synthetic>") {
            return false;
        }
        let forked_from = self.forked_from.0.as_ref().map(|from| &from.session_id);
        facts.place(&self.session_id, &self.request_session_id, forked_from, self.timestamp, tell);
        match self.response(facts, tell) {
            Some(response) => tell(Told::Response(Box::new(response))),
            None => tell(Told::Damage(Damage::Usage)),
        }
        true
    }

    /// None without usable token counts.
    fn response(self, facts: &mut FileFacts, tell: &mut impl FnMut(Told)) -> Option<Response<'a>> {
        let message = self.message.0?;
        let usage = message.usage.0?;
        let counted = usage.counted()?;

        let at_ms = self.timestamp.0;
        if at_ms.is_none() {
            tell(Told::Damage(Damage::Timestamp));
        }
        let is_time_inferred = at_ms.is_none();
        let stand_in_ms = facts.last_at_ms.unwrap_or(facts.modified_ms);
        facts.last_at_ms = at_ms.or(facts.last_at_ms);

        let request_id = match (&*self.request_id.0, &*self.request_ref.0, at_ms, &*self.uuid.0) {
            ("", "", Some(at_ms), _) if !message.id.0.is_empty() => Cow::Owned(format!("at:{at_ms}")),
            ("", "", _, "") => Cow::Owned(format!("line:{}:{:?}", at_ms.unwrap_or_default(), counted.tokens)),
            ("", "", _, uuid) => Cow::Owned(format!("uuid:{uuid}")),
            ("", reference, ..) => Cow::Owned(format!("ref:{reference}")),
            _ => self.request_id.0,
        };
        let mut session = self.request_session_id;
        session.or(self.session_id);
        Some(Response {
            message_id: message.id.0,
            request_id,
            at_ms: at_ms.unwrap_or(stand_in_ms),
            is_time_inferred,
            session: session.0.or_text(&facts.session),
            agent: self.agent_id.0.or_text(&facts.agent),
            agent_type: self.attribution_agent.0,
            skill: self.attribution_skill.0,
            mcp_server: self.attribution_mcp_server.0,
            mcp_tool: self.attribution_mcp_tool.0,
            cwd: self.cwd.0.or_text(&facts.project_folder),
            branch: self.git_branch.0,
            is_sidechain: self.is_sidechain.0,
            model: message.model.0,
            requested_model: self.requested_model.0,
            speed: usage.speed.0,
            inference_geo: usage.inference_geo.0,
            service_tier: usage.service_tier.0,
            tokens: counted.tokens,
            is_ttl_unknown: counted.is_ttl_unknown,
            web_searches: counted.web_searches,
            code_executions: counted.code_executions,
            attempts: counted.attempts,
            tool_uses: message.content.0.into_iter().filter_map(Block::tool_use).collect(),
            is_finished: !message.stop_reason.0.is_empty(),
            is_refused: message.stop_reason.0 == "refusal",
            is_aborted: self.is_aborted_mid_stream.0,
        })
    }
}

impl<'a> Block<'a> {
    fn tool_use(self) -> Option<ToolUse<'a>> {
        let is_call = self.kind.0 == "tool_use" && !self.id.0.is_empty();
        is_call.then_some(ToolUse { id: self.id.0, name: self.name.word().0 })
    }
}

/// The counts of a usage object, checked.
struct Counted {
    tokens: Tokens,
    is_ttl_unknown: bool,
    web_searches: i64,
    code_executions: i64,
    attempts: Vec<Attempt>,
}

impl Usage<'_> {
    /// None where a count cannot be one.
    fn counted(&self) -> Option<Counted> {
        let (tokens, is_ttl_unknown) = tokens(
            [&self.input_tokens, &self.output_tokens, &self.cache_read_input_tokens],
            &self.cache_creation_input_tokens,
            self.cache_creation.0.as_ref(),
        )?;
        let tools = self.server_tool_use.0.as_ref();
        let known = self.iterations.0.iter().filter_map(|entry| Some((entry, entry.attempt_kind()?)));
        let attempts = known.map(|(entry, kind)| entry.attempt(kind)).collect::<Option<Vec<_>>>()?;
        // What nearly every response has: one request, the one that the usage itself describes.
        let is_plain = match attempts.as_slice() {
            [only] => {
                only.kind == AttemptKind::Message
                    && only.model.is_none()
                    && counts(&only.tokens) == counts(&tokens)
            }
            _ => false,
        };
        Some(Counted {
            tokens,
            is_ttl_unknown,
            web_searches: tools.map_or(Some(0), |t| t.web_search_requests.checked())?,
            code_executions: tools.map_or(Some(0), |t| t.code_execution_requests.checked())?,
            attempts: if is_plain { vec![] } else { attempts },
        })
    }
}

impl Iteration<'_> {
    fn attempt_kind(&self) -> Option<AttemptKind> {
        match &*self.kind.0 {
            "message" => Some(AttemptKind::Message),
            "fallback_message" => Some(AttemptKind::Fallback),
            "advisor_message" => Some(AttemptKind::Advisor),
            "compaction" => Some(AttemptKind::Compaction),
            _ => None,
        }
    }

    /// None where a count cannot be one.
    fn attempt(&self, kind: AttemptKind) -> Option<Attempt> {
        let (tokens, _) = tokens(
            [&self.input_tokens, &self.output_tokens, &self.cache_read_input_tokens],
            &self.cache_creation_input_tokens,
            self.cache_creation.0.as_ref(),
        )?;
        let model = (!self.model.0.is_empty()).then(|| self.model.0.to_string());
        Some(Attempt { kind, model, tokens })
    }
}

impl Count {
    fn checked(&self) -> Option<i64> {
        self.0.map_or(Some(0), |n| (0..=MAX_COUNT).contains(&n).then_some(n))
    }
}

/// Entries do not always split their cache writes.
fn counts(tokens: &Tokens) -> [i64; 4] {
    let written = tokens.cache_write_5m + tokens.cache_write_1h;
    [tokens.input, tokens.output, tokens.cache_read, written]
}

/// Splits cache writes by lifetime. The flat total is right where the split falls short of it (the client keeps the
/// split of the stream's start), and clients before 2.1.152 could leave the total at 0.
fn tokens(plain: [&Count; 3], flat: &Count, split: Option<&CacheCreation>) -> Option<(Tokens, bool)> {
    let [input, output, cache_read] = plain;
    let five = split.map_or(Some(0), |s| s.ephemeral_5m_input_tokens.checked())?;
    let hour = split.map_or(Some(0), |s| s.ephemeral_1h_input_tokens.checked())?;
    let written = match flat.checked()? {
        0 => five + hour,
        flat => flat,
    };
    let cache_write_1h = hour.min(written);
    let tokens = Tokens {
        input: input.checked()?,
        output: output.checked()?,
        cache_read: cache_read.checked()?,
        cache_write_5m: written - cache_write_1h,
        cache_write_1h,
    };
    Some((tokens, written > 0 && five + hour == 0))
}
