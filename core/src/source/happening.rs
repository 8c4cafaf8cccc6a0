//! The shape of a line that tells something besides a response: how tool calls ended, and events.
//!
//! The fields that client 2.1.330 writes, and those of earlier ones where they differ. Text is compared, never kept.

use std::borrow::Cow;

use serde::Deserialize;

use super::failure::Failure;
use super::lenient::{Count, Flag, List, Loose, Or, Phrase, Text, When, Word};
use super::transcript::{FileFacts, OrText, Told};
use crate::model::{Event, EventKind, ToolOutcome, ToolResult};

/// How the client notes, in the user's place, that the user stopped it.
const INTERRUPTED_RESPONSE: &str = "[Request interrupted by user]";
const INTERRUPTED_TOOL_USE: &str = "[Request interrupted by user for tool use]";

/// `toolUseResult` of a call that a person refused or stopped.
const REJECTED: &str = "User rejected tool use";

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Happening<'a> {
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow)]
    subtype: Word<'a>,
    #[serde(borrow)]
    message: Loose<Message<'a>>,
    /// Of a `progress` line.
    #[serde(borrow)]
    data: Loose<Progress<'a>>,
    timestamp: When,
    #[serde(borrow)]
    uuid: Text<'a>,
    #[serde(borrow)]
    session_id: Text<'a>,
    #[serde(borrow)]
    request_session_id: Text<'a>,
    #[serde(borrow)]
    forked_from: Loose<ForkedFrom<'a>>,
    #[serde(borrow)]
    agent_id: Text<'a>,

    #[serde(borrow)]
    tool_use_result: Or<Phrase<'a>, Output>,
    #[serde(borrow)]
    tool_denial_kind: Word<'a>,
    tool_denial_before_run: Flag,
    #[serde(borrow)]
    permission_decision: Loose<PermissionDecision<'a>>,
    interrupted_by_shutdown: Flag,

    #[serde(borrow)]
    compact_metadata: Loose<CompactMetadata<'a>>,
    #[serde(borrow)]
    trigger: Word<'a>,
    /// An object on a `system` line, a name on an `assistant` line.
    #[serde(borrow)]
    error: Or<Word<'a>, Failure<'a>>,
    #[serde(borrow)]
    source: Word<'a>,
    is_api_error_message: Flag,
    #[serde(borrow)]
    api_error_type: Word<'a>,
    api_error_status: Count,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Message<'a> {
    #[serde(borrow)]
    content: List<Block<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Block<'a> {
    #[serde(borrow, rename = "type")]
    kind: Word<'a>,
    #[serde(borrow)]
    text: Phrase<'a>,
    #[serde(borrow)]
    tool_use_id: Text<'a>,
    is_error: Flag,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Progress<'a> {
    #[serde(borrow)]
    agent_id: Text<'a>,
    #[serde(borrow)]
    message: Loose<Box<Happening<'a>>>,
}

/// What a tool put out, as the client keeps it.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Output {
    interrupted: Flag,
}

/// Written by `/branch` on every line it copies.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct ForkedFrom<'a> {
    #[serde(borrow)]
    pub(super) session_id: Text<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PermissionDecision<'a> {
    #[serde(borrow)]
    source: Word<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct CompactMetadata<'a> {
    #[serde(borrow)]
    trigger: Word<'a>,
}

impl<'a> Happening<'a> {
    pub(super) fn is_cost_state(&self) -> bool {
        self.kind.0 == "cost-state"
    }

    pub(super) fn tell(self, facts: &mut FileFacts, tell: &mut impl FnMut(Told)) {
        self.place(facts, tell);
        match &*self.kind.0 {
            "user" => self.user(facts, tell),
            "system" => self.system(facts, tell),
            "assistant" => self.failed_request(facts, tell),
            "progress" => {
                let Some(progress) = self.data.0 else { return };
                let Some(mut line) = progress.message.0 else { return };
                line.agent_id.or(progress.agent_id);
                line.session_id.or(self.session_id);
                match &*line.kind.0 {
                    "user" => line.user(facts, tell),
                    "assistant" => line.failed_request(facts, tell),
                    _ => {}
                }
            }
            _ => {}
        }
    }

    /// Notes when the line was written, and whether it is a copy. False where it has no time.
    pub(super) fn place(&self, facts: &mut FileFacts, tell: &mut impl FnMut(Told)) -> bool {
        let forked_from = self.forked_from.0.as_ref().map(|from| &from.session_id);
        facts.place(&self.session_id, &self.request_session_id, forked_from, self.timestamp, tell);
        self.timestamp.0.is_some()
    }

    /// Results of tool calls, or that the user stopped the client.
    fn user(mut self, facts: &FileFacts, tell: &mut impl FnMut(Told)) {
        let blocks = self.message.0.take().unwrap_or_default().content.0;
        for block in blocks.iter().filter(|block| block.kind.0 == "tool_result") {
            if !block.tool_use_id.0.is_empty() {
                let outcome = self.outcome(block);
                tell(Told::ToolResult(ToolResult { tool_use_id: (&*block.tool_use_id.0).into(), outcome }));
            }
        }
        if let [Block { text, .. }] = &*blocks
            && !self.interrupted_by_shutdown.0
        {
            match &*text.0 {
                INTERRUPTED_RESPONSE => self.event(EventKind::Interruption, "response".into(), facts, tell),
                INTERRUPTED_TOOL_USE => self.event(EventKind::Interruption, "tool_use".into(), facts, tell),
                _ => {}
            }
        }
    }

    /// As the client itself tells them apart. A call that was stopped while it ran is marked like one that was refused,
    /// but for `toolDenialBeforeRun`. Clients before 2.1.205 did not mark either: both count as refused there, but for
    /// shell commands, which were `interrupted`.
    fn outcome(&self, block: &Block) -> ToolOutcome {
        let is_rejected = self.tool_use_result.text.0 == REJECTED;
        let is_interrupted = self.tool_use_result.object.as_ref().is_some_and(|output| output.interrupted.0);
        let source = self.permission_decision.0.as_ref().map_or("", |decision| &*decision.source.0);
        match &*self.tool_denial_kind.0 {
            _ if !block.is_error.0 => ToolOutcome::Ok,
            "interrupted" | "cancelled" => ToolOutcome::Interrupted,
            "" if is_interrupted => ToolOutcome::Interrupted,
            "" if !is_rejected => ToolOutcome::Error,
            "user-rejected" if is_rejected && !self.tool_denial_before_run.0 && source != "user_reject" => {
                ToolOutcome::Interrupted
            }
            _ => ToolOutcome::Denied,
        }
    }

    fn system(mut self, facts: &FileFacts, tell: &mut impl FnMut(Told)) {
        let (kind, detail) = match &*self.subtype.0 {
            "compact_boundary" => {
                let metadata = self.compact_metadata.0.take().unwrap_or_default();
                (EventKind::Compaction, metadata.trigger.0)
            }
            "api_error" => {
                let error = self.error.object.as_ref().and_then(Failure::word);
                (EventKind::Retry, error.map_or_else(|| std::mem::take(&mut self.source.0), Cow::Owned))
            }
            "model_fallback" | "model_refusal_fallback" => {
                (EventKind::ModelFallback, std::mem::take(&mut self.trigger.0))
            }
            _ => return,
        };
        self.event(kind, detail, facts, tell);
    }

    /// The client's own words in place of a response.
    fn failed_request(mut self, facts: &FileFacts, tell: &mut impl FnMut(Told)) {
        if self.is_api_error_message.0 {
            let named = [&mut self.api_error_type.0, &mut self.error.text.0].map(std::mem::take);
            let status = self.api_error_status.0.map_or_else(String::new, |status| status.to_string());
            let mut details = named.into_iter().chain([status.into()]);
            let detail = details.find(|detail| !detail.is_empty()).unwrap_or_default();
            self.event(EventKind::ApiError, detail, facts, tell);
        }
    }

    fn event(self, kind: EventKind, detail: Cow<'a, str>, facts: &FileFacts, tell: &mut impl FnMut(Told)) {
        let at_ms = self.timestamp.0.or(facts.last_at_ms).unwrap_or(facts.modified_ms);
        let mut session = self.request_session_id;
        session.or(self.session_id);
        tell(Told::Event(Event {
            uuid: self.uuid.0.or_text(&format!("at:{at_ms}")),
            kind,
            at_ms,
            session: session.0.or_text(&facts.session),
            agent: self.agent_id.0.or_text(&facts.agent),
            detail,
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::super::transcript::{FileFacts, Parser, Told};
    use crate::model::EventKind::{ApiError, Compaction, Interruption, ModelFallback, Retry};
    use crate::model::ToolOutcome::{self, Denied, Error, Interrupted, Ok};
    use crate::model::{Event, EventKind, ToolResult};
    use proptest::prelude::*;
    use serde_json::json;

    /// The lines below are client 2.1.330's, shortened, with this end.
    const END: &str = r#""uuid":"u","timestamp":"2026-11-24T08:39:41.344Z","cwd":"/w","sessionId":"s"}"#;
    const AT_MS: i64 = 1_795_509_581_344;

    fn read(line: &str) -> (Vec<(String, ToolOutcome)>, Vec<Event<'static>>) {
        let mut facts = FileFacts::of("-w/s/subagents", "agent-a1.jsonl", 77);
        let (mut results, mut events) = (vec![], vec![]);
        Parser::default().read(line.as_bytes(), true, &mut facts, &mut |told| match told {
            Told::ToolResult(ToolResult { tool_use_id, outcome }) => {
                results.push((tool_use_id.into(), outcome));
            }
            Told::Event(Event { uuid, kind, at_ms, session, agent, detail }) => events.push(Event {
                uuid: uuid.into_owned().into(),
                kind,
                at_ms,
                session: session.into_owned().into(),
                agent: agent.into_owned().into(),
                detail: detail.into_owned().into(),
            }),
            Told::Damage(damage) => panic!("{damage:?} of {line}"),
            Told::Response(_) | Told::Fork(_) | Told::CostState(_) => panic!("{line}"),
        });
        (results, events)
    }

    /// With spaces, no line is read at a glance.
    fn spaced(line: &str) -> String {
        line.replace("\":", "\" : ").replace(",\"", " , \"")
    }

    #[test]
    fn an_outcome_is_what_the_client_says_of_it() {
        let rejected = r#""toolUseResult":"User rejected tool use","#;
        let cases: [(&str, &str, ToolOutcome); 20] = [
            (
                r#""content":"out","is_error":false"#,
                r#""toolUseResult":{"stdout":"out","interrupted":false},"#,
                Ok,
            ),
            (r#""content":[{"type":"tool_reference","tool_name":"WebSearch"}]"#, "", Ok),
            (r#""content":"out","is_error":null"#, "", Ok),
            // Failed; no such tool; timed out.
            (
                r#""content":"Exit code 3\nout","is_error":true"#,
                r#""toolUseResult":"Error: Exit code 3\nout","#,
                Error,
            ),
            (
                r#""content":"<tool_use_error>…","is_error":true"#,
                r#""toolUseResult":"Error: No such tool","#,
                Error,
            ),
            (
                r#""content":"Exit code 143","is_error":true"#,
                r#""permissionDecision":{"decision":"accept"},"#,
                Error,
            ),
            // A rule; a hook; nobody there to ask; the auto mode; what is to come.
            (
                r#""content":"Permission to use Bash with command rm -f x has been denied.","is_error":true"#,
                r#""toolDenialKind":"permission-rule","permissionDecision":{"decision":"reject","source":"config"},"#,
                Denied,
            ),
            (
                r#""is_error":true"#,
                r#""toolDenialKind":"permission-rule","permissionDecision":{"source":"hook"},"#,
                Denied,
            ),
            (r#""is_error":true"#, r#""toolUseResult":"Error: …","toolDenialKind":"user-rejected","#, Denied),
            (r#""is_error":true"#, r#""toolDenialKind":"automode-blocked","#, Denied),
            (r#""is_error":true"#, r#""toolDenialKind":"to-come","#, Denied),
            // Esc where the client asked; "no" there; Esc in a client that did not tell.
            (
                r#""is_error":true"#,
                &format!(r#"{rejected}"toolDenialKind":"user-rejected","toolDenialBeforeRun":true,"#),
                Denied,
            ),
            (
                r#""is_error":true"#,
                &format!(
                    r#"{rejected}"toolDenialKind":"user-rejected","permissionDecision":{{"source":"user_reject"}},"#
                ),
                Denied,
            ),
            (r#""is_error":true"#, rejected, Denied),
            // Esc or SIGINT while it ran; an earlier run of the client was killed; a call beside it failed.
            (r#""is_error":true"#, &format!(r#"{rejected}"toolDenialKind":"user-rejected","#), Interrupted),
            (r#""is_error":true"#, r#""toolDenialKind":"interrupted","#, Interrupted),
            (r#""is_error":true"#, r#""toolDenialKind":"cancelled","#, Interrupted),
            (r#""is_error":true"#, r#""toolUseResult":{"stdout":"","interrupted":true},"#, Interrupted),
            // Without an error, nothing else counts.
            (r#""content":"x""#, &format!(r#"{rejected}"toolDenialKind":"interrupted","#), Ok),
            (r#""is_error":"true""#, r#""toolUseResult":{"interrupted":true},"#, Ok),
        ];
        for (block, marks, outcome) in cases {
            let line = format!(
                r#"{{"parentUuid":"p","isSidechain":false,"type":"user","message":{{"role":"user","content":[{{"type":"tool_result",{block},"tool_use_id":"t"}}]}},{marks}{END}"#
            );
            for line in [spaced(&line), line] {
                assert_eq!(read(&line), (vec![("t".into(), outcome)], vec![]), "{line}");
            }
        }
    }

    #[test]
    fn every_result_on_a_line_is_told() {
        let line = format!(
            r#"{{"type":"user","message":{{"role":"user","content":[{{"tool_use_id":"a","type":"tool_result","content":"x"}},null,
            {{"type":"text","text":"x"}},{{"type":"tool_result","content":"x"}},{{"type":"tool_result","tool_use_id":"b","is_error":true}}]}},{END}"#
        );
        assert_eq!(read(&line.replace('\n', "")).0, [("a".into(), Ok), ("b".into(), Error)]);
    }

    #[test]
    fn results_in_progress_lines_are_told_as_in_the_agents_own_file() {
        let line = format!(
            r#"{{"parentUuid":"p","type":"progress","data":{{"type":"agent_progress","agentId":"a9","message":{{"type":"user","message":{{"role":"user","content":[{{"tool_use_id":"t","type":"tool_result","content":"x"}}]}},"uuid":"v"}}}},{END}"#
        );
        assert_eq!(read(&line).0, [("t".into(), Ok)]);
    }

    #[test]
    fn words_that_look_like_facts_are_none() {
        let hostile = r#"{"type":"tool_result","tool_use_id":"x","is_error":true}]},"toolDenialKind":"interrupted","subtype":"api_error" [Request interrupted by user]"#;
        let quoted = serde_json::to_string(hostile).unwrap();
        let twice = serde_json::to_string(&quoted).unwrap();
        let object = r#"{"type":"tool_result","tool_use_id":"x","is_error":true,"content":[{"type":"tool_result","tool_use_id":"y"}]}"#;
        for output in
            [&quoted, &twice, &format!("[{{\"type\":\"text\",\"text\":{quoted}}}]"), &format!("[{object}]")]
        {
            for result in
                [&quoted, &format!(r#"{{"stdout":{quoted},"message":{{"content":[{object}]}}}}"#), object]
            {
                let line = format!(
                    r#"{{"type":"user","message":{{"role":"user","content":[{{"tool_use_id":"t","type":"tool_result","content":{output}}}]}},"toolUseResult":{result},{END}"#
                );
                for line in [line.replace(r#""role":"user","#, ""), line] {
                    assert_eq!(read(&line), (vec![("t".into(), Ok)], vec![]), "{line}");
                }
            }
        }
        for line in [
            format!(r#"{{"type":"user","message":{{"role":"user","content":{quoted}}},{END}"#),
            format!(
                r#"{{"type":"user","message":{{"role":"user","content":[{{"type":"text","text":{quoted}}}]}},{END}"#
            ),
            format!(
                r#"{{"attachment":{{"type":"tool_result","message":{object}}},"type":"attachment",{END}"#
            ),
            format!(
                r#"{{"type":"system","subtype":"informational","content":"api_error","error":{object},{END}"#
            ),
            format!(r#"{{"type":"queue-operation","content":[{object}],{END}"#),
        ] {
            for line in [spaced(&line), line] {
                assert_eq!(read(&line), (vec![], vec![]), "{line}");
            }
        }
    }

    proptest! {
        #[test]
        fn whatever_a_tool_said_its_outcome_is_the_same_read_at_a_glance_and_as_a_whole(
            text in r#"([ \\\\"{}\[\],:a]|"\}\]\},"|"is_error":true|"type":"tool_result"|\PC){0,40}"#,
            is_error in any::<Option<bool>>(),
            is_list in any::<bool>(),
        ) {
            let content = if is_list { json!([{"type": "text", "text": text}, {"a": [text]}]) } else { json!(text) };
            let marks = is_error.map_or(String::new(), |is_error| format!(r#","is_error":{is_error}"#));
            let line = format!(
                r#"{{"cwd":{},"type":"user","message":{{"role":"user","content":[{{"tool_use_id":"t","type":"tool_result","content":{content}{marks}}}]}},"toolUseResult":{content},{END}"#,
                json!(text)
            );
            let outcome = if is_error == Some(true) { Error } else { Ok };
            prop_assert_eq!(read(&line), (vec![("t".into(), outcome)], vec![]));
            prop_assert_eq!(read(&line.replacen('{', "{ ", 1)), (vec![("t".into(), outcome)], vec![]));
        }
    }

    #[test]
    fn events_are_told_with_one_word() {
        let user = |text: &str| {
            format!(
                r#""type":"user","message":{{"role":"user","content":[{{"type":"text","text":"{text}"}}]}}"#
            )
        };
        let error = |more: &str| {
            format!(
                r#""type":"assistant","message":{{"model":"<synthetic>","role":"assistant","usage":{{"input_tokens":0}},"content":[{{"type":"text","text":"API Error: 529"}}]}},{more}"#
            )
        };
        let api_error = r#""type":"system","subtype":"api_error","level":"error","error":"#;
        let cases: [(String, Option<(EventKind, &str)>); 17] = [
            (
                r#""type":"system","subtype":"compact_boundary","content":"Conversation compacted","compactMetadata":{"trigger":"manual","preTokens":16613}"#.into(),
                Some((Compaction, "manual")),
            ),
            (r#""type":"system","subtype":"compact_boundary","compactMetadata":null"#.into(), Some((Compaction, ""))),
            (
                format!(r#"{api_error}{{"message":"529 {{\"error\":{{\"type\":\"overloaded_error\"}}}}","status":529}},"retryAttempt":1,"source":"request_retry""#),
                Some((Retry, "overloaded_error")),
            ),
            (format!(r#"{api_error}{{"message":"","connection":{{"code":"ECONNRESET"}}}},"source":"connection_retry""#), Some((Retry, "ECONNRESET"))),
            (format!(r#"{api_error}{{"message":"all my words"}},"source":"connection_retry""#), Some((Retry, "connection_retry"))),
            (format!(r#"{api_error}"words","source":5"#), Some((Retry, ""))),
            (error(r#""error":"server_error","isApiErrorMessage":true,"apiErrorStatus":529,"apiErrorType":"overloaded_error""#), Some((ApiError, "overloaded_error"))),
            (error(r#""error":"rate_limit","isApiErrorMessage":true,"apiErrorStatus":429"#), Some((ApiError, "rate_limit"))),
            (error(r#""isApiErrorMessage":true,"apiErrorStatus":429"#), Some((ApiError, "429"))),
            (error(r#""error":"you said this","isApiErrorMessage":true"#), Some((ApiError, ""))),
            (error(r#""isApiErrorMessage":true"#).replace(r#""usage":{"input_tokens":0},"#, ""), Some((ApiError, ""))),
            (error(r#""isApiErrorMessage":false"#), None),
            (user("[Request interrupted by user]") + r#","interruptedMessageId":"msg_1""#, Some((Interruption, "response"))),
            (user("[Request interrupted by user for tool use]"), Some((Interruption, "tool_use"))),
            (user("[Request interrupted by user]") + r#","interruptedByShutdown":true"#, None),
            (
                r#""type":"system","subtype":"model_fallback","content":"Switched to Haiku","trigger":"overloaded","fallbackModel":"m""#.into(),
                Some((ModelFallback, "overloaded")),
            ),
            (r#""type":"system","subtype":"model_refusal_fallback","trigger":"refusal""#.into(), Some((ModelFallback, "refusal"))),
        ];
        for (middle, expected) in cases {
            let events: Vec<_> = expected
                .map(|(kind, detail)| Event {
                    uuid: "u".into(),
                    kind,
                    at_ms: AT_MS,
                    session: "s".into(),
                    agent: "a1".into(),
                    detail: detail.into(),
                })
                .into_iter()
                .collect();
            let line = format!(r#"{{"parentUuid":null,"isSidechain":false,{middle},{END}"#);
            for line in [spaced(&line), line] {
                assert_eq!(read(&line), (vec![], events.clone()), "{line}");
            }
        }
    }

    #[test]
    fn an_event_without_its_own_marks_takes_those_of_its_file() {
        let (_, events) = read(r#"{"type":"system","subtype":"model_fallback"}"#);
        let [Event { uuid, at_ms, session, .. }] = &*events else { panic!("{events:?}") };
        assert_eq!((&**uuid, *at_ms, &**session), ("at:77", 77, "s"));
    }
}
