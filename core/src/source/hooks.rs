//! Calls of the client's hooks: what it says on standard input, and the line of the spool that this becomes.
//!
//! The client tells more than is kept: the prompt, the last answer, paths. These are skipped as they are read. A file a
//! month, `hooks-YYYY-MM.tsv`, with tabs between the fields of a line, of which empty ones are not known:
//!
//! ```text
//! 1  event  at_us  session  pid  detail  model
//! ```

use std::io::Read;

use serde::Deserialize;

use super::lenient::Word;
use super::spool::{Malformed, number, optional, required, text, time, version};
use crate::model::hook::{HookCall, HookKind};

const FIELDS: usize = 7;

#[derive(Default, Deserialize)]
#[serde(default)]
struct Payload<'a> {
    #[serde(borrow)]
    hook_event_name: Word<'a>,
    #[serde(borrow)]
    session_id: Word<'a>,
    #[serde(borrow)]
    source: Word<'a>,
    #[serde(borrow)]
    reason: Word<'a>,
    #[serde(borrow)]
    model: Word<'a>,
}

/// Reads what the client says, to the end of it and not on to that of the pipe. None: nothing that is kept.
pub fn told(input: impl Read, at_us: i64, pid: Option<u32>) -> Option<HookCall> {
    let Payload { hook_event_name, session_id, source, reason, model } =
        Payload::deserialize(&mut serde_json::Deserializer::from_reader(input)).ok()?;
    let kind = HookKind::named(&hook_event_name.0)?;
    let detail = if kind == HookKind::SessionEnd { reason } else { source };
    let session = Some(session_id.0.into_owned()).filter(|session| !session.is_empty())?;
    let (detail, model) = (detail.0.into_owned(), model.0.into_owned());
    Some(HookCall { kind, at_us, session, pid, detail, model })
}

/// The line, with its newline: short enough for one write.
pub fn line(call: &HookCall) -> String {
    let HookCall { kind, at_us, session, pid, detail, model } = call;
    let pid = pid.map(|pid| pid.to_string()).unwrap_or_default();
    format!("1\t{}\t{at_us}\t{session}\t{pid}\t{detail}\t{model}\n", kind.name())
}

/// Reads a line without its newline.
pub fn parse(line: &[u8]) -> Result<HookCall, Malformed> {
    let fields: Vec<&[u8]> = line.split(|byte| *byte == b'\t').collect();
    version(fields[0])?;
    let Ok([_, kind, at, session, pid, detail, model]) = <[&[u8]; FIELDS]>::try_from(&fields[..]) else {
        return Err(Malformed::Fields { found: fields.len(), wanted: FIELDS });
    };
    Ok(HookCall {
        kind: required("event", kind, |field| HookKind::named(text(field)?))?,
        at_us: required("at_us", at, time)?,
        session: required("session", session, |field| text(field).filter(|id| !id.is_empty()))?.into(),
        pid: optional("pid", pid, number)?,
        detail: required("detail", detail, text)?.into(),
        model: required("model", model, text)?.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::{line, parse, told};
    use crate::model::hook::{HookCall, HookKind};
    use crate::source::spool::Malformed;
    use proptest::prelude::*;

    const LINE: &str = "1\tSessionStart\t1795458866201000\t0df25cee\t15152\tstartup\tclaude-opus-5-5\n";

    fn start() -> HookCall {
        HookCall {
            kind: HookKind::SessionStart,
            at_us: 1_795_458_866_201_000,
            session: "0df25cee".into(),
            pid: Some(15152),
            detail: "startup".into(),
            model: "claude-opus-5-5".into(),
        }
    }

    #[test]
    fn a_call_is_told_in_a_line_and_read_from_it() {
        let payload = br#"{"session_id":"0df25cee","transcript_path":"/home/me/.claude/projects/x.jsonl","cwd":"/home/me",
            "hook_event_name":"SessionStart","source":"startup","model":"claude-opus-5-5"}"#;
        let call = told(&payload[..], 1_795_458_866_201_000, Some(15152)).unwrap();
        assert_eq!(call, start());
        assert_eq!(line(&call), LINE);
        assert_eq!(parse(LINE.trim_end().as_bytes()), Ok(call));
    }

    #[test]
    fn an_end_has_its_reason_and_words_are_not_kept() {
        let detail = |payload: &str| told(payload.as_bytes(), 1, None).map(|call| call.detail);
        let end =
            r#"{"hook_event_name":"SessionEnd","session_id":"a","reason":"prompt_input_exit","source":"x"}"#;
        assert_eq!(detail(end).as_deref(), Some("prompt_input_exit"));
        let words =
            r#"{"hook_event_name":"Stop","session_id":"a","source":"rm -rf my secret","prompt":"hello"}"#;
        assert_eq!(detail(words).as_deref(), Some(""));
        for nothing in [
            "",
            "{",
            "[]",
            "{}",
            r#"{"hook_event_name":"Stop"}"#,
            r#"{"hook_event_name":"MessageDisplay","session_id":"a"}"#,
            r#"{"hook_event_name":7,"session_id":"a"}"#,
            r#"{"hook_event_name":"Stop","session_id":"a b"}"#,
        ] {
            assert_eq!(detail(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn nothing_is_waited_for_behind_what_was_said() {
        struct Open<'s>(&'s [u8]);
        impl std::io::Read for Open<'_> {
            fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
                assert!(!self.0.is_empty(), "would wait for ever");
                self.0.read(buffer)
            }
        }
        let payload = br#"{"hook_event_name":"Stop","session_id":"a","last_assistant_message":"}{"}"#;
        assert!(told(Open(payload), 1, None).is_some());
    }

    #[test]
    fn what_is_wrong_with_a_line_is_told() {
        for (part, wrong, expected) in [
            ("1\tSession", "2\tSession", Malformed::Version(2)),
            ("SessionStart", "Notification", Malformed::Field("event")),
            ("1795458866201000", "yesterday", Malformed::Field("at_us")),
            ("0df25cee", "", Malformed::Field("session")),
            ("15152", "-1", Malformed::Field("pid")),
            ("\tclaude-opus-5-5", "", Malformed::Fields { found: 6, wanted: 7 }),
        ] {
            let line = LINE.trim_end().replacen(part, wrong, 1);
            assert_eq!(parse(line.as_bytes()), Err(expected), "{part} -> {wrong}");
        }
    }

    proptest! {
        #[test]
        fn a_line_is_short_and_says_the_call_whatever_the_client_says(
            session in any::<String>(), source in any::<String>(), model in any::<String>(), pid in any::<u32>()
        ) {
            let payload = serde_json::json!({
                "hook_event_name": "SessionStart", "session_id": session, "source": source, "model": model,
            });
            if let Some(call) = told(payload.to_string().as_bytes(), 1, Some(pid)) {
                let line = line(&call);
                prop_assert!(line.len() < 512);
                prop_assert_eq!(parse(line.trim_end_matches('\n').as_bytes()), Ok(call));
            }
        }
    }
}
