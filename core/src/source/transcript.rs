//! Lines of a Claude Code transcript: which API responses they tell of, how tool calls ended, what else happened.
//!
//! The client writes one JSON object a line, one line per content block of a response, each with the usage of the
//! whole response. Only `assistant` lines with `message.usage` count; the same usage repeated in tool results does
//! not. Results of tools stand on `user` lines, most events on `system` lines. Early 2026 clients also wrote the lines
//! of subagents into their parent's file, wrapped in `progress` lines. Seen in client 2.1.330 and, back to 1.0, in
//! published transcripts.
//!
//! Nearly all bytes of a transcript are tool results, so a line is parsed only if it holds the words that what it could
//! tell must hold. A word in its quotes is never quoted text: there, the quotes are escaped.

use std::borrow::Cow;

use memchr::memmem::{Finder, find_iter};
use serde::Deserialize;
use serde_json::Value;

use super::cost_state;
use super::glance::{Glance, glance};
use super::happening::Happening;
use super::lenient::{Text, When};
use super::response::Line;
use crate::model::{CostState, Event, Fork, Response, ToolOutcome, ToolResult};

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
    ToolResult(ToolResult<'a>),
    Event(Event<'a>),
    Fork(Fork<'a>),
    CostState(CostState),
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
    /// First and last time on lines of the session's own, of whatever type: not on those that a fork copied. A line
    /// that need not be parsed is looked at for the first time only; [`Parser::close`] finds the last. To be carried
    /// over from one read of the file to the next.
    pub begun_at_ms: Option<i64>,
    pub ended_at_ms: Option<i64>,
    /// The session that the last copied line came from.
    pub forked_from: String,
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
            ..Self::default()
        }
    }

    /// Notes when a line was written and whether a fork copied it here: then it names where it came from.
    pub(super) fn place(
        &mut self,
        session: &Text,
        request_session: &Text,
        forked_from: Option<&Text>,
        at: When,
        tell: &mut impl FnMut(Told),
    ) {
        let from = &*forked_from.unwrap_or(request_session).0;
        let session = &*session.0;
        let is_copy = !from.is_empty() && !session.is_empty() && from != session;
        if is_copy && from != self.forked_from {
            self.forked_from = from.into();
            tell(Told::Fork(Fork { session: session.into(), from: from.into() }));
        }
        match at.0 {
            // A fork is younger than all that it copied, so what came before was copied too: on prompts, nothing
            // says so.
            Some(at_ms) if is_copy => {
                self.begun_at_ms = self.begun_at_ms.filter(|begun| *begun > at_ms);
                self.ended_at_ms = self.ended_at_ms.filter(|ended| *ended > at_ms);
            }
            Some(at_ms) => {
                self.begun_at_ms.get_or_insert(at_ms);
                self.ended_at_ms = self.ended_at_ms.max(Some(at_ms));
            }
            None => {}
        }
    }
}

/// Reads lines; holds the prepared searches.
pub struct Parser {
    usage: Finder<'static>,
    assistant: Finder<'static>,
    /// One of them stands on every line that tells anything besides a response.
    others: [Finder<'static>; 7],
}

impl Default for Parser {
    fn default() -> Self {
        let others = [
            "\"tool_result\"",
            "\"compact_boundary\"",
            "\"api_error\"",
            "fallback\"",
            "\"isApiErrorMessage\"",
            "[Request interrupted by user",
            "\"cost-state\"",
        ];
        Self {
            usage: Finder::new(b"\"usage\""),
            assistant: Finder::new(b"\"assistant\""),
            others: others.map(Finder::new),
        }
    }
}

/// How every line with an envelope starts, so that one can be found behind the torn end of another.
const LINE_START: &[u8] = b"{\"parentUuid\":";

impl Parser {
    /// Tells what `line` says, whole as it was read, without its newline.
    ///
    /// A line that is not terminated is read all the same if it is complete, and is no damage if it is not.
    pub fn read(&self, line: &[u8], is_terminated: bool, facts: &mut FileFacts, tell: &mut impl FnMut(Told)) {
        let (text, repair) = trim(line);
        if let Some(kind) = repair
            && is_terminated
        {
            tell(Told::Damage(kind));
        }
        if text.is_empty() {
            return;
        }
        if self.usage.find(text).is_some() && self.assistant.find(text).is_some() {
            return read_response(text, is_terminated, facts, tell);
        }
        if text.first() != Some(&b'{') || text.last() != Some(&b'}') {
            if is_terminated {
                tell(Told::Damage(Damage::Json));
            }
            return;
        }
        match glance(text) {
            // The rest of a line that is still being written could say otherwise.
            Glance::WentWell(id) if is_terminated => {
                tell(Told::ToolResult(ToolResult { tool_use_id: id.into(), outcome: ToolOutcome::Ok }));
            }
            Glance::Nothing if facts.begun_at_ms.is_some() => {}
            Glance::Unknown if facts.begun_at_ms.is_some() && !self.may_tell(text) => {}
            _ => read_happening(text, facts, tell),
        }
    }

    fn may_tell(&self, text: &[u8]) -> bool {
        self.others.iter().any(|word| word.find(text).is_some())
    }

    /// Finds the last time in `tail`: the end of what was read of a file, whose first line may lack its beginning.
    /// False where there is none.
    pub fn close(tail: &[u8], facts: &mut FileFacts) -> bool {
        let lines = tail.split(|byte| *byte == b'\n').filter(|line| line.starts_with(b"{"));
        let parsed = lines.filter_map(|line| sonic_rs::from_slice::<Happening>(line).ok());
        parsed.filter(|line| line.place(facts, &mut |_| {})).count() > 0
    }
}

/// When the last line of `tail` that has a time was written, where that is no copy; none: none of them has one.
pub fn last_time(tail: &[u8]) -> Option<Option<i64>> {
    let lines = tail.rsplit(|byte| *byte == b'\n').filter(|line| line.starts_with(b"{"));
    lines.filter_map(|line| sonic_rs::from_slice::<Happening>(line).ok()).find_map(|line| {
        let mut facts = FileFacts::default();
        line.place(&mut facts, &mut |_| {}).then_some(facts.ended_at_ms)
    })
}

fn read_response(text: &[u8], is_terminated: bool, facts: &mut FileFacts, tell: &mut impl FnMut(Told)) {
    if let Ok(line) = sonic_rs::from_slice::<Line>(text) {
        if !line.tell(facts, tell) {
            read_happening(text, facts, tell);
        }
        return;
    }
    let (damage, salvaged) = salvage(text);
    if is_terminated && let Some(kind) = damage {
        tell(Told::Damage(kind));
    }
    for text in &salvaged {
        if let Ok(line) = serde_json::from_str::<Line>(text)
            && !line.tell(facts, tell)
        {
            read_happening(text.as_bytes(), facts, tell);
        }
    }
}

fn read_happening(text: &[u8], facts: &mut FileFacts, tell: &mut impl FnMut(Told)) {
    if let Ok(line) = sonic_rs::from_slice::<Happening>(text) {
        if line.is_cost_state()
            && let Ok(line) = sonic_rs::from_slice::<cost_state::Line>(text)
        {
            tell(Told::CostState(line.read(facts)));
        }
        return line.tell(facts, tell);
    }
    for text in &salvage(text).1 {
        if let Ok(line) = serde_json::from_str::<Happening>(text) {
            line.tell(facts, tell);
        }
    }
}

/// What can be made of a line that is not quite JSON, slowly and forgivingly: bad UTF-8 and UTF-16, keys that stand
/// twice, a whole line behind a torn one.
fn salvage(text: &[u8]) -> (Option<Damage>, Vec<String>) {
    let repaired = mend_surrogates(String::from_utf8_lossy(text));
    if let Ok(value) = serde_json::from_str::<Value>(&repaired) {
        let damage = matches!(repaired, Cow::Owned(_)).then_some(Damage::Utf8);
        return (damage, vec![value.to_string()]);
    }
    let lines = find_iter(repaired.as_bytes(), LINE_START).filter_map(|start| {
        let mut rest = serde_json::Deserializer::from_str(&repaired[start..]);
        Value::deserialize(&mut rest).ok().map(|value| value.to_string())
    });
    (Some(Damage::Json), lines.collect())
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

/// The text, or another where it is empty.
pub(super) trait OrText<'a> {
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
            _ => {}
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

    /// What lines tell, in words, and the facts of their file afterwards.
    fn told(lines: &[String]) -> (Vec<String>, FileFacts) {
        let mut facts = FileFacts::of("-w", "s.jsonl", 77);
        let mut heard = vec![];
        for line in lines {
            Parser::default()
                .read(line.as_bytes(), true, &mut facts, &mut |told| heard.push(in_words(&told)));
        }
        (heard, facts)
    }

    fn in_words(told: &Told) -> String {
        match told {
            Told::Response(response) => format!("{response:?}"),
            Told::ToolResult(result) => format!("{result:?}"),
            Told::Event(event) => format!("{event:?}"),
            Told::Fork(fork) => format!("{} from {}", fork.session, fork.from),
            Told::CostState(state) => format!("{state:?}"),
            Told::Damage(damage) => format!("{damage:?}"),
        }
    }

    fn at(second: u32, line: &str) -> String {
        format!(r#"{},"timestamp":"2026-10-14T12:00:{second:02}Z"}}"#, line.strip_suffix('}').unwrap())
    }

    const START_MS: i64 = 1_791_979_200_000;

    fn span(facts: &FileFacts) -> (Option<i64>, Option<i64>) {
        let seconds = |at: Option<i64>| at.map(|at_ms| (at_ms - START_MS) / 1_000);
        (seconds(facts.begun_at_ms), seconds(facts.ended_at_ms))
    }

    const PROMPT: &str = r#"{"parentUuid":null,"type":"user","message":{"role":"user","content":"SECRET"},"uuid":"u","sessionId":"s"}"#;
    const RESULT: &str = r#"{"parentUuid":null,"type":"user","message":{"role":"user","content":[{"tool_use_id":"t","type":"tool_result","content":"SECRET"}]},"uuid":"v","sessionId":"s"}"#;
    const FAILURE: &str = r#"{"parentUuid":null,"type":"user","message":{"role":"user","content":[{"type":"tool_result","content":"SECRET","is_error":true,"tool_use_id":"t2"}]},"uuid":"v","toolUseResult":"Error: SECRET","sessionId":"s"}"#;
    const STOP: &str = r#"{"parentUuid":null,"type":"user","message":{"role":"user","content":[{"type":"text","text":"[Request interrupted by user]"}]},"uuid":"w","sessionId":"s"}"#;
    const RETRY: &str = r#"{"parentUuid":null,"type":"system","subtype":"api_error","error":{"message":"SECRET {\"type\":\"SECRET said so\"}","formatted":"SECRET","status":529},"uuid":"x","sessionId":"s"}"#;
    const ERROR: &str = r#"{"type":"assistant","message":{"model":"<synthetic>","usage":{},"content":[{"type":"text","text":"SECRET"}]},"error":"SECRET words","isApiErrorMessage":true,"uuid":"y","sessionId":"s"}"#;

    /// A response that calls two tools, one by a name that is none; `more` stands at its end.
    fn response(more: &str) -> String {
        format!(
            r#"{{"parentUuid":null,"message":{{"id":"msg_1","role":"assistant","model":"m","content":[{{"type":"thinking","thinking":"SECRET"}},{{"type":"text","text":"SECRET"}},{{"type":"tool_use","id":"t","name":"mcp__server__tool","input":{{"type":"tool_use","id":"SECRET","name":"SECRET"}}}},{{"type":"server_tool_use","id":"srv","name":"web_search","input":{{}}}},{{"name":"SECRET, he said","id":"t2","type":"tool_use"}}],"usage":{{"output_tokens":5}}}},"requestId":"r","type":"assistant","uuid":"z","sessionId":"s"{more}}}"#
        )
    }

    #[test]
    fn a_response_tells_which_tools_it_called() {
        let mut called = vec![];
        Parser::default().read(response("").as_bytes(), true, &mut FileFacts::default(), &mut |told| {
            if let Told::Response(response) = told {
                called.extend(
                    response.tool_uses.iter().map(|call| (call.id.to_string(), call.name.to_string())),
                );
            }
        });
        assert_eq!(called, [("t".into(), "mcp__server__tool".into()), ("t2".into(), String::new())]);
    }

    #[test]
    fn no_fact_holds_words_that_were_spoken() {
        let lines = [PROMPT, RESULT, FAILURE, STOP, RETRY, ERROR].map(|line| at(1, line));
        let (told, facts) = told(&[&lines[..], &[response("")]].concat());
        assert_eq!(told.len(), 7, "{told:?}");
        assert!(!format!("{told:?} {facts:?}").contains("SECRET"), "{told:?} {facts:?}");
    }

    #[test]
    fn the_order_of_lines_makes_no_difference_to_what_they_tell() {
        let mut lines: Vec<_> = [RESULT, FAILURE, STOP, RETRY, ERROR, PROMPT].map(|line| at(1, line)).into();
        lines.push(at(2, &response(r#","requestSessionId":"earlier""#)));
        let sorted = |lines: &[String]| {
            let mut told = told(lines).0;
            told.sort();
            told
        };
        let expected = sorted(&lines);
        for _ in 0..lines.len() {
            lines.rotate_left(1);
            assert_eq!(sorted(&lines), expected);
            lines.swap(0, 3);
            assert_eq!(sorted(&lines), expected);
        }
    }

    #[test]
    fn a_result_that_is_still_being_written_is_no_result() {
        let whole = RESULT.replace("SECRET", "{}").replace("SECRET\"", "SECRET\",\"is_error\":true");
        for cut in 1..=whole.len() {
            let mut heard = vec![];
            let part = &whole.as_bytes()[..cut];
            Parser::default()
                .read(part, false, &mut FileFacts::default(), &mut |told| heard.push(in_words(&told)));
            assert_eq!(heard.len(), usize::from(cut == whole.len()), "{cut}");
        }
    }

    #[test]
    fn a_line_behind_a_torn_result_is_told_and_the_result_is_not() {
        let torn = &RESULT[..RESULT.find("SECRET").unwrap()];
        let (told, _) = told(&[format!("{torn}{RETRY}")]);
        assert!(matches!(&*told, [event] if event.contains("Retry")), "{told:?}");
    }

    #[test]
    fn a_copied_line_tells_where_it_came_from() {
        let branched = r#","requestSessionId":"first","forkedFrom":{"sessionId":"second","messageUuid":"z"}"#;
        let lines = [
            response(r#","requestSessionId":"first""#),
            response(r#","requestSessionId":"first""#),
            response(branched),
            response(r#","requestSessionId":"s""#),
            STOP.replace(r#""sessionId":"s""#, r#""forkedFrom":{"sessionId":"third"},"sessionId":"s""#),
        ];
        let told = told(&lines).0;
        let forks: Vec<_> = told.iter().filter(|told| told.starts_with("s from")).collect();
        assert_eq!(forks, ["s from first", "s from second", "s from third"]);
    }

    #[test]
    fn a_span_is_that_of_the_sessions_own_lines() {
        let own = response("");
        let copy = response(r#","requestSessionId":"earlier""#);
        let branched = PROMPT.replace(r#""uuid""#, r#""forkedFrom":{"sessionId":"earlier"},"uuid""#);
        let untimed = r#"{"type":"mode","mode":"normal","sessionId":"s"}"#.to_string();
        let queued = r#"{"type":"queue-operation","operation":"enqueue","sessionId":"s"}"#;
        let cases = [
            (vec![untimed.clone(), at(3, PROMPT), at(5, &own), at(9, RESULT)], (Some(3), Some(5))),
            (vec![at(5, &own), at(4, &own), at(3, STOP)], (Some(5), Some(5))),
            // Copied prompts do not say that they are; what is never copied stands before them.
            (
                vec![at(3, PROMPT), at(4, &copy), at(5, PROMPT), at(6, &copy), at(8, PROMPT)],
                (Some(8), Some(8)),
            ),
            (
                vec![at(7, queued), at(3, PROMPT), at(4, &copy), at(5, FAILURE), at(8, PROMPT)],
                (Some(7), Some(7)),
            ),
            (vec![at(3, &branched), at(4, &copy)], (None, None)),
            (vec![untimed], (None, None)),
        ];
        for (lines, expected) in cases {
            assert_eq!(span(&told(&lines).1), expected, "{lines:?}");
        }
    }

    #[test]
    fn the_last_time_is_found_at_the_end_of_the_file() {
        let copy = at(1, &response(r#","requestSessionId":"earlier""#));
        let lines = [copy, at(2, PROMPT), at(6, RESULT), at(4, STOP), r#"{"type":"mode"}"#.into()].join("\n");
        let begun = Some(START_MS + 2_000);
        for (skipped, expected) in [(0, Some(6)), (5, Some(6)), (lines.len() - 20, None)] {
            let mut facts = FileFacts { begun_at_ms: begun, ..FileFacts::default() };
            assert_eq!(Parser::close(&lines.as_bytes()[skipped..], &mut facts), expected.is_some());
            assert_eq!(span(&facts), (Some(2), expected));
        }
    }
}
