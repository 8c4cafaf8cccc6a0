//! Lines of a Claude Code transcript: which API responses they tell of.
//!
//! The client writes one JSON object a line, one line per content block of a response, each with the usage of the
//! whole response. Only `assistant` lines with `message.usage` count; the same usage repeated in tool results does
//! not. Early 2026 clients also wrote the lines of subagents into their parent's file, wrapped in `progress` lines.
//! Seen in client 2.1.330 and, back to 1.0, in published transcripts.
//!
//! Nearly all bytes of a transcript are tool results, so a line is parsed only if it holds the words that a response
//! must hold, and then only the fields needed. Whatever stands where another type is expected counts as not there.

use std::borrow::Cow;

use memchr::memmem::{Finder, find_iter};
use serde::Deserialize;

use super::lenient::{Count, Flag, List, Loose, Text, When};
use crate::model::{Attempt, AttemptKind, Response, Tokens};

/// What of a line could not be read, or only after a repair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Damage {
    /// Not JSON: cut short, or two lines run together.
    Json,
    /// NUL bytes, as a file system leaves them after a crash.
    Nul,
    ByteOrderMark,
    Utf8,
    /// No readable time; the line was placed beside its neighbours.
    Timestamp,
    /// A response without usable token counts.
    Usage,
    /// A response under an unknown `type`.
    UnknownType,
}

impl Damage {
    /// As stored, and as in the label `kind`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Nul => "nul",
            Self::ByteOrderMark => "byte_order_mark",
            Self::Utf8 => "utf8",
            Self::Timestamp => "timestamp",
            Self::Usage => "usage",
            Self::UnknownType => "unknown_type",
        }
    }
}

/// What a line tells.
pub enum Told<'a> {
    Response(Box<Response<'a>>),
    Damage(Damage),
}

/// What is known of a line from the file it stands in.
#[derive(Debug, Clone, Default)]
pub struct FileFacts {
    /// For a line without a session: the folder or file that is named after it.
    pub session: String,
    /// For a line without an `agentId`: the file `agent-<id>.jsonl`. Empty in a session's main file.
    pub agent: String,
    /// For a line without a `cwd`: the project's folder, its path with other characters turned into dashes.
    pub project_folder: String,
    /// For a line without a time where no line before it had one.
    pub modified_ms: i64,
    /// Time of the last response that had one.
    pub last_at_ms: Option<i64>,
}

impl FileFacts {
    /// `folder` and `name` as in [`crate::model::TranscriptFile`].
    pub fn of(folder: &str, name: &str, modified_ms: i64) -> Self {
        let stem = name.strip_suffix(".jsonl").unwrap_or(name);
        let (above, is_below_session) = match folder.split_once("/subagents") {
            Some((above, _)) => (above, true),
            None => (folder, false),
        };
        let session = if is_below_session { above.rsplit('/').next().unwrap_or(above) } else { stem };
        Self {
            session: session.into(),
            agent: stem.strip_prefix("agent-").unwrap_or_default().into(),
            project_folder: folder.split('/').next().unwrap_or_default().into(),
            modified_ms,
            last_at_ms: None,
        }
    }
}

/// Reads lines; holds the prepared searches.
pub struct Parser {
    usage: Finder<'static>,
    assistant: Finder<'static>,
}

impl Default for Parser {
    fn default() -> Self {
        Self { usage: Finder::new(b"\"usage\""), assistant: Finder::new(b"\"assistant\"") }
    }
}

/// No request has ever been this large; a number beyond it is damage, and would overflow the sums.
const MAX_COUNT: i64 = 1_000_000_000;

/// How every line with an envelope starts, so that one can be found behind the torn end of another.
const LINE_START: &[u8] = b"{\"parentUuid\":";

impl Parser {
    /// Tells what `line` says, whole as it was read, without its newline.
    ///
    /// A line that is not terminated is read all the same if it is complete, and is no damage if it is not.
    pub fn read(&self, line: &[u8], is_terminated: bool, facts: &mut FileFacts, tell: &mut impl FnMut(Told)) {
        let mut damage = |kind| {
            if is_terminated {
                tell(Told::Damage(kind));
            }
        };
        let (text, repair) = trim(line);
        if let Some(kind) = repair {
            damage(kind);
        }
        if text.is_empty() {
            return;
        }
        if self.usage.find(text).is_none() || self.assistant.find(text).is_none() {
            if text.first() != Some(&b'{') || text.last() != Some(&b'}') {
                damage(Damage::Json);
            }
            return;
        }
        if let Ok(parsed) = sonic_rs::from_slice::<Line>(text) {
            return parsed.tell(facts, tell);
        }
        // Slow and forgiving: bad UTF-8 and UTF-16, keys that stand twice.
        let repaired = mend_surrogates(String::from_utf8_lossy(text));
        if let Ok(value) = serde_json::from_str::<serde_json::Value>(&repaired)
            && let Ok(parsed) = Line::deserialize(&value)
        {
            if matches!(repaired, Cow::Owned(_)) {
                damage(Damage::Utf8);
            }
            return parsed.tell(facts, tell);
        }
        damage(Damage::Json);
        for start in find_iter(repaired.as_bytes(), LINE_START) {
            let mut rest = serde_json::Deserializer::from_str(&repaired[start..]);
            if let Ok(parsed) = Line::deserialize(&mut rest) {
                parsed.tell(facts, tell);
            }
        }
    }
}

/// Replaces escaped halves of UTF-16 pairs that lack the other half, which no JSON reader takes.
fn mend_surrogates(text: Cow<str>) -> Cow<str> {
    let unit_at = |at: usize| {
        let digits = text.get(at..at + 6)?.strip_prefix("\\u")?;
        u16::from_str_radix(digits, 16).ok()
    };
    let mut mended = String::new();
    let (mut done, mut at) = (0, 0);
    while let Some(found) = memchr::memchr(b'\\', &text.as_bytes()[at..]) {
        at += found;
        match (unit_at(at), unit_at(at + 6)) {
            (Some(0xd800..0xdc00), Some(0xdc00..0xe000)) => at += 12,
            (Some(0xd800..0xe000), _) => {
                mended.push_str(&text[done..at]);
                mended.push_str("\\ufffd");
                at += 6;
                done = at;
            }
            _ => at = (at + 2).min(text.len()),
        }
    }
    if done == 0 {
        return text;
    }
    mended.push_str(&text[done..]);
    Cow::Owned(mended)
}

/// Takes off what does not belong to the JSON: a byte order mark, NULs, white space.
fn trim(line: &[u8]) -> (&[u8], Option<Damage>) {
    let (text, mut repair) = match line.strip_prefix(b"\xef\xbb\xbf") {
        Some(rest) => (rest, Some(Damage::ByteOrderMark)),
        None => (line, None),
    };
    let text = text.trim_ascii();
    let is_junk = |byte: &u8| *byte == 0 || byte.is_ascii_whitespace();
    let junk_before = text.iter().take_while(|byte| is_junk(byte)).count();
    let text = &text[junk_before..];
    let junk_after = text.iter().rev().take_while(|byte| is_junk(byte)).count();
    if junk_before + junk_after > 0 {
        repair = Some(Damage::Nul);
    }
    (&text[..text.len() - junk_after], repair)
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Line<'a> {
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

impl Line<'_> {
    fn tell(self, facts: &mut FileFacts, tell: &mut impl FnMut(Told)) {
        match &*self.kind.0 {
            "assistant" => self.assistant(facts, tell),
            // A line whose type is lost is known by who speaks.
            "" if self.message.0.as_ref().is_some_and(|m| m.role.0 == "assistant" && m.usage.0.is_some()) => {
                self.assistant(facts, tell);
            }
            "progress" => {
                let Some(progress) = self.data.0 else { return };
                let Some(mut line) = progress.message.0 else { return };
                if line.kind.0 == "assistant" {
                    line.is_sidechain = Flag(true);
                    line.agent_id.or(progress.agent_id);
                    line.session_id.or(self.session_id);
                    line.cwd.or(self.cwd);
                    line.git_branch.or(self.git_branch);
                    line.assistant(facts, tell);
                }
            }
            // Tool results and attachments may quote usage; it is that of a response with a line of its own.
            "user" | "system" | "attachment" | "api-request" | "api-request-blob" | "api-request-shape"
            | "queue-operation" | "cost-state" | "result" | "summary" => {}
            _ if self.message.0.as_ref().is_some_and(|m| m.usage.0.is_some()) => {
                tell(Told::Damage(Damage::UnknownType));
            }
            _ => {}
        }
    }

    fn assistant(self, facts: &mut FileFacts, tell: &mut impl FnMut(Told)) {
        let Some(message) = self.message.0 else { return tell(Told::Damage(Damage::Usage)) };
        // The client's own words for an error: no request was made.
        if message.model.0 == "<synthetic>" {
            return;
        }
        let Some(usage) = message.usage.0 else { return tell(Told::Damage(Damage::Usage)) };
        let Some(counted) = usage.counted() else { return tell(Told::Damage(Damage::Usage)) };

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
        tell(Told::Response(Box::new(Response {
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
            tool_uses: vec![],
            is_finished: !message.stop_reason.0.is_empty(),
            is_refused: message.stop_reason.0 == "refusal",
            is_aborted: self.is_aborted_mid_stream.0,
        })));
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

/// The text, or another where it is empty.
trait OrText<'a> {
    fn or_text(self, other: &str) -> Cow<'a, str>;
}

impl<'a> OrText<'a> for Cow<'a, str> {
    fn or_text(self, other: &str) -> Cow<'a, str> {
        if self.is_empty() { Cow::Owned(other.into()) } else { self }
    }
}

#[cfg(test)]
mod tests {
    use super::{Damage, FileFacts, Parser, Told};
    use crate::model::{AttemptKind, Tokens};

    const WHOLE: &str = r#"{"parentUuid":null,"isSidechain":false,"message":{"model":"claude-opus-5-5","id":"msg_1",
        "content":[{"type":"text","text":"the \"usage\" of an \"assistant\""}],"stop_reason":"end_turn",
        "usage":{"input_tokens":5,"output_tokens":60,"cache_read_input_tokens":7,"cache_creation_input_tokens":90,
        "cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":90}}},"requestId":"req_1",
        "type":"assistant","uuid":"u","timestamp":"2026-10-14T12:00:00.500Z","cwd":"/w","sessionId":"s"}"#;

    /// What a response comes down to: identity, session, time, tokens.
    type Brief = (String, String, String, i64, Tokens);

    fn read(line: &[u8]) -> (Vec<Brief>, Vec<Damage>) {
        let mut facts = FileFacts::of("-w/parent/subagents", "agent-a1.jsonl", 77);
        let (mut responses, mut damages) = (vec![], vec![]);
        Parser::default().read(line, true, &mut facts, &mut |told| match told {
            Told::Response(r) => responses.push((
                r.message_id.to_string(),
                r.request_id.to_string(),
                r.session.to_string(),
                r.at_ms,
                r.tokens,
            )),
            Told::Damage(damage) => damages.push(damage),
        });
        (responses, damages)
    }

    fn whole() -> Brief {
        let tokens = Tokens { input: 5, output: 60, cache_read: 7, cache_write_5m: 0, cache_write_1h: 90 };
        ("msg_1".into(), "req_1".into(), "s".into(), 1_791_979_200_500, tokens)
    }

    fn with(from: &str, to: &str) -> String {
        assert!(WHOLE.contains(from), "{from}");
        WHOLE.replace(from, to)
    }

    #[test]
    fn a_response_is_read_with_its_whole_usage() {
        assert_eq!(read(WHOLE.as_bytes()), (vec![whole()], vec![]));
    }

    #[test]
    fn repairs_are_told_and_lose_nothing() {
        let torn =
            format!(r#"{{"parentUuid":null,"message":{{"content":[{{"text":"cut{}"#, WHOLE.replace('\n', ""));
        let cases: [(Vec<u8>, Damage); 5] = [
            ([b"\xef\xbb\xbf", WHOLE.as_bytes()].concat(), Damage::ByteOrderMark),
            ([b"\0\0\0", WHOLE.as_bytes(), b"\0"].concat(), Damage::Nul),
            (with("the ", "\u{1}").replace('\u{1}', "x").into_bytes(), Damage::Utf8),
            (torn.into_bytes(), Damage::Json),
            (with(r#""uuid":"u""#, r#""uuid":"u","uuid":"v""#).into_bytes(), Damage::Usage),
        ];
        for (mut line, damage) in cases {
            if damage == Damage::Utf8 {
                let at = line.iter().position(|byte| *byte == b'x').unwrap();
                line[at] = 0xff;
            }
            let (responses, damages) = read(&line);
            assert_eq!(responses, [whole()], "{damage:?}");
            // A key that stands twice is no damage at all.
            assert_eq!(damages, if damage == Damage::Usage { vec![] } else { vec![damage] });
        }
    }

    #[test]
    fn a_time_is_read_in_any_form() {
        for form in [
            r#""2026-10-14T12:00:00.5Z""#,
            r#""2026-10-14T14:00:00.500123+02:00""#,
            r#""2026-10-14T12:00:00.500""#,
            r#""2026-10-14 12:00:00.5z""#,
            "1791979200500",
            r#""1791979200500""#,
            "1791979200500000",
        ] {
            let line = with(r#""2026-10-14T12:00:00.500Z""#, form);
            assert_eq!(read(line.as_bytes()), (vec![whole()], vec![]), "{form}");
        }
    }

    #[test]
    fn without_a_time_the_file_gives_it_and_the_damage_is_told() {
        let (responses, damages) = read(with("\"timestamp\"", "\"time\"").as_bytes());
        assert_eq!((responses[0].3, damages), (77, vec![Damage::Timestamp]));
    }

    #[test]
    fn stand_ins_for_the_request_id_are_what_copies_share() {
        let bare = with(r#""requestId":"req_1","#, "");
        let cases = [
            (bare.clone(), "at:1791979200500"),
            (bare.replace(r#""uuid""#, r#""requestRef":"r","uuid""#), "ref:r"),
            (bare.replace(r#""id":"msg_1","#, ""), "uuid:u"),
            (with(r#""id":"msg_1","#, ""), "req_1"),
        ];
        for (line, request_id) in cases {
            assert_eq!(read(line.as_bytes()).0[0].1, request_id);
        }
    }

    #[test]
    fn the_session_is_the_one_that_asked() {
        let copied = with(r#""sessionId":"s""#, r#""sessionId":"fork","requestSessionId":"s""#);
        assert_eq!(read(copied.as_bytes()).0, [whole()]);
        assert_eq!(read(with(r#","sessionId":"s""#, "").as_bytes()).0[0].2, "parent");
    }

    #[test]
    fn usage_elsewhere_is_not_a_response() {
        for line in [
            r#"{"type":"user","toolUseResult":{"usage":{"output_tokens":9}},"by":"assistant"}"#,
            r#"{"type":"assistant","message":{"model":"<synthetic>","usage":{"output_tokens":0}}}"#,
        ] {
            assert_eq!(read(line.as_bytes()), (vec![], vec![]), "{line}");
        }
        let unknown = with(r#""type":"assistant""#, r#""type":"helper","role":"assistant""#);
        assert_eq!(read(unknown.as_bytes()), (vec![], vec![Damage::UnknownType]));
        assert_eq!(read(with("60", "-60").as_bytes()), (vec![], vec![Damage::Usage]));
    }

    #[test]
    fn progress_lines_tell_what_the_agents_own_file_would() {
        let line = format!(
            r#"{{"type":"progress","sessionId":"s","data":{{"type":"agent_progress","agentId":"a1","message":{WHOLE}}}}}"#
        );
        assert_eq!(read(line.as_bytes()).0, [whole()]);
    }

    #[test]
    fn one_plain_iteration_is_the_usage_itself() {
        let usage = |iterations: &str| {
            with(r#""output_tokens":60"#, &format!(r#""iterations":{iterations},"output_tokens":60"#))
        };
        let same = r#"{"type":"message","input_tokens":5,"output_tokens":60,"cache_read_input_tokens":7,"cache_creation_input_tokens":90}"#;
        let advisor = r#"{"type":"advisor_message","model":"m","output_tokens":3}"#;
        for (iterations, kinds) in [
            ("null".into(), vec![]),
            (format!("[{same}]"), vec![]),
            (format!("[{same},null,{advisor}]"), vec![AttemptKind::Message, AttemptKind::Advisor]),
        ] {
            let mut found = vec![];
            Parser::default().read(
                usage(&iterations).as_bytes(),
                true,
                &mut FileFacts::default(),
                &mut |told| {
                    let Told::Response(response) = told else { panic!("{iterations}") };
                    found = response.attempts.iter().map(|attempt| attempt.kind).collect();
                },
            );
            assert_eq!(found, kinds, "{iterations}");
        }
    }
}
