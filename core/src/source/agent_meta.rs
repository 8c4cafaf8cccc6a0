//! What the client notes beside a subagent's transcript: `agent-<id>.meta.json`.
//!
//! Names and numbers only: the task's description is text and is not read.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::Deserialize;

use super::lenient::{Count, Flag, Loose, Text};
use crate::model::AgentMeta;

/// Real ones have some 400 bytes.
const MAX_BYTES: u64 = 64 * 1024;

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Meta<'a> {
    #[serde(borrow)]
    agent_type: Text<'a>,
    #[serde(borrow)]
    parent_agent_id: Text<'a>,
    spawn_depth: Count,
    #[serde(borrow)]
    model: Text<'a>,
    finished: Flag,
}

/// What lies beside `transcript`; none if nothing does, or nothing that can be read.
pub fn beside(transcript: &Path) -> Option<AgentMeta> {
    let mut json = vec![];
    let file = File::open(transcript.with_extension("meta.json")).ok()?;
    file.take(MAX_BYTES).read_to_end(&mut json).ok()?;
    parse(&json)
}

fn parse(json: &[u8]) -> Option<AgentMeta> {
    let meta = serde_json::from_slice::<Loose<Meta>>(json).ok()?.0?;
    Some(AgentMeta {
        agent_type: meta.agent_type.0.into(),
        parent_agent: meta.parent_agent_id.0.into(),
        spawn_depth: meta.spawn_depth.0,
        model: meta.model.0.into(),
        is_finished: meta.finished.0,
    })
}

#[cfg(test)]
mod tests {
    use super::{beside, parse};
    use crate::model::AgentMeta;

    /// As client 2.1.330 writes it for an agent that an agent started.
    const NESTED: &str = r#"{"agentType":"general-purpose","isBuiltIn":true,"description":"private","toolUseId":"toolu_1",
        "parentAgentId":"af2e01aa8d16bc7b3","spawnDepth":2,"requestShape":"foreground","requestNonInteractive":true,
        "model":"claude-sonnet-5-5","pickedEffortModel":"claude-opus-5-5","finished":true}"#;

    fn nested() -> AgentMeta {
        AgentMeta {
            agent_type: "general-purpose".into(),
            parent_agent: "af2e01aa8d16bc7b3".into(),
            spawn_depth: Some(2),
            model: "claude-sonnet-5-5".into(),
            is_finished: true,
        }
    }

    #[test]
    fn an_agent_is_known_by_what_lies_beside_its_transcript() {
        let dir = tempfile::tempdir().unwrap();
        let transcript = dir.path().join("agent-a1.jsonl");
        assert_eq!(beside(&transcript), None);
        std::fs::write(dir.path().join("agent-a1.meta.json"), NESTED).unwrap();
        assert_eq!(beside(&transcript), Some(nested()));
    }

    #[test]
    fn a_broken_note_is_as_good_as_none_and_an_odd_field_as_good_as_absent() {
        let odd = NESTED.replace(r#""model":"claude-sonnet-5-5""#, r#""model":["x"]"#).replace("true}", "1}");
        let without = AgentMeta { model: String::new(), is_finished: false, ..nested() };
        let cases = [
            (NESTED[..40].to_string(), None),
            ("[]".into(), None),
            (String::new(), None),
            ("{}".into(), Some(AgentMeta::default())),
            (odd, Some(without)),
        ];
        for (json, expected) in cases {
            assert_eq!(parse(json.as_bytes()), expected, "{json}");
        }
    }
}
