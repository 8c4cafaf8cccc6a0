//! What the client itself counted of a session, from its `cost-state` lines.
//!
//! Written when the client leaves a session: at its end, and when `/clear`, `/branch` or `/resume` lead to another. The
//! counts go on over resumes, and a fork's begin with its parent's. Seen in client 2.1.330; without a time of its own.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::lenient::{Count, Dollars, Loose, Text, When};
use super::transcript::{FileFacts, OrText};
use crate::model::{CostState, ModelCount, Tokens};

/// A model's count beyond this is none.
const MAX_COUNT: i64 = 1_000_000_000_000;

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Line<'a> {
    #[serde(borrow)]
    session_id: Text<'a>,
    start_time: When,
    model_usage: Loose<BTreeMap<String, Loose<Usage>>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Usage {
    input_tokens: Count,
    output_tokens: Count,
    cache_read_input_tokens: Count,
    cache_creation_input_tokens: Count,
    cache_creation_ephemeral1h_input_tokens: Count,
    web_search_requests: Count,
    #[serde(rename = "costUSD")]
    cost: Dollars,
}

impl Line<'_> {
    pub(super) fn read(self, facts: &FileFacts) -> CostState {
        let models = self.model_usage.0.unwrap_or_default().into_iter();
        CostState {
            session: self.session_id.0.or_text(&facts.session).into_owned(),
            started_ms: self.start_time.0,
            models: models.filter_map(|(model, usage)| usage.0?.counted(model)).collect(),
        }
    }
}

impl Usage {
    /// None where nothing was counted, or what cannot be.
    fn counted(&self, model: String) -> Option<ModelCount> {
        let written = checked(self.cache_creation_input_tokens)?;
        let cache_write_1h = checked(self.cache_creation_ephemeral1h_input_tokens)?.min(written);
        let count = ModelCount {
            tokens: Tokens {
                input: checked(self.input_tokens)?,
                output: checked(self.output_tokens)?,
                cache_read: checked(self.cache_read_input_tokens)?,
                cache_write_5m: written - cache_write_1h,
                cache_write_1h,
            },
            web_searches: checked(self.web_search_requests)?,
            cost_picousd: self.cost.0,
            model,
        };
        (count.tokens.total() + count.web_searches > 0).then_some(count)
    }
}

fn checked(count: Count) -> Option<i64> {
    count.0.map_or(Some(0), |count| (0..=MAX_COUNT).contains(&count).then_some(count))
}

#[cfg(test)]
mod tests {
    use super::super::transcript::{FileFacts, Parser, Told};
    use crate::model::{CostState, ModelCount, Tokens};

    /// Client 2.1.330's, shortened.
    const LINE: &str = r#"{"type":"cost-state","sessionId":"s","totalCostUSD":0.115738545,"totalDuration":165161,"startTime":1795458939109,"modelUsage":{"claude-opus-5-5":{"inputTokens":368,"outputTokens":2467,"thinkingTokens":0,"cacheReadInputTokens":142441,"cacheCreationInputTokens":7133,"cacheCreationEphemeral5mInputTokens":7100,"cacheCreationEphemeral1hInputTokens":33,"webSearchRequests":2,"costUSD":0.1149652}},"hasUnknownModelCost":false}"#;

    fn read(line: &str) -> Vec<CostState> {
        let mut states = vec![];
        // Of a file whose first line has been read.
        let mut facts = FileFacts { begun_at_ms: Some(1), ..FileFacts::of("-w", "5.jsonl", 77) };
        Parser::default().read(line.as_bytes(), true, &mut facts, &mut |told| match told {
            Told::CostState(state) => states.push(state),
            _ => panic!("{line}"),
        });
        states
    }

    fn counted() -> ModelCount {
        let tokens = Tokens {
            input: 368,
            output: 2467,
            cache_read: 142_441,
            cache_write_5m: 7100,
            cache_write_1h: 33,
        };
        let model = "claude-opus-5-5".into();
        ModelCount { model, tokens, web_searches: 2, cost_picousd: Some(114_965_200_000) }
    }

    #[test]
    fn a_line_tells_what_was_counted_of_each_model() {
        let whole =
            CostState { session: "s".into(), started_ms: Some(1_795_458_939_109), models: vec![counted()] };
        let whole = [whole];
        assert_eq!(read(LINE), whole);
        assert_eq!(read(&LINE.replace("\":", "\" : ")), whole, "with spaces");
    }

    #[test]
    fn what_is_odd_costs_no_more_than_itself() {
        let models = |line: &str| read(line).remove(0).models;
        let with = |from: &str, to: &str| {
            assert!(LINE.contains(from), "{from}");
            LINE.replace(from, to)
        };
        for (line, want) in [
            (with("368", "-1"), vec![]),
            (with("368", "9999999999999"), vec![]),
            (with("0.1149652", "\"much\""), vec![ModelCount { cost_picousd: None, ..counted() }]),
            (with("0.1149652", "1"), vec![ModelCount { cost_picousd: Some(1_000_000_000_000), ..counted() }]),
            (with(r#""modelUsage":{"#, r#""modelUsage":{"x":null,"y":[],"z":{},"#), vec![counted()]),
            (with(r#""modelUsage":{"#, r#""modelUsage":{},"other":{"#), vec![]),
            (with(r#""modelUsage":{"#, r#""modelUsage":null,"other":{"#), vec![]),
        ] {
            assert_eq!(models(&line), want, "{line}");
        }
        let nameless = read(&with(r#""sessionId":"s","#, "")).remove(0);
        assert_eq!(nameless.session, "5", "the file's");
    }

    #[test]
    fn a_lifetime_that_is_not_told_is_the_short_one() {
        let line = LINE.replace(
            r#""cacheCreationEphemeral5mInputTokens":7100,"cacheCreationEphemeral1hInputTokens":33,"#,
            "",
        );
        let tokens = read(&line).remove(0).models.remove(0).tokens;
        assert_eq!((tokens.cache_write_5m, tokens.cache_write_1h), (7133, 0));
    }
}
