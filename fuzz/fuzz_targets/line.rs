//! Any bytes as one line of a transcript: no panic, and nothing told that the ledger could not hold.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use odin::model::{Event, Response, Tokens};
use odin::source::transcript::{FileFacts, Parser, Told};

static PARSER: LazyLock<Parser> = LazyLock::new(Parser::default);

const MAX_COUNT: i64 = 1_000_000_000;

fuzz_target!(|line: &[u8]| {
    let whole = read(line, true);
    assert_eq!(whole, read(line, true), "the same line tells the same");

    let waiting = read(line, false);
    assert!(waiting.damages.iter().all(|kind| whole.damages.contains(kind)), "{waiting:?} {whole:?}");
    assert_eq!(whole.responses, waiting.responses, "a newline changes no response");
});

/// What a line tells.
#[derive(Debug, PartialEq)]
struct Heard {
    /// In words, since they borrow from the line.
    responses: Vec<String>,
    others: Vec<String>,
    damages: Vec<&'static str>,
    last_at_ms: Option<i64>,
}

fn read(line: &[u8], is_terminated: bool) -> Heard {
    let mut facts = FileFacts::of("-home-dev-shop/5e551011/subagents", "agent-a1.jsonl", 1_760_000_000_000);
    let (mut responses, mut others, mut damages) = (vec![], vec![], vec![]);
    PARSER.read(line, is_terminated, &mut facts, &mut |told| match told {
        Told::Response(response) => {
            check(&response);
            responses.push(format!("{response:?}"));
        }
        Told::ToolResult(result) => {
            assert!(!result.tool_use_id.is_empty());
            others.push(format!("{result:?}"));
        }
        Told::Event(event) => {
            check_event(&event);
            others.push(format!("{event:?}"));
        }
        Told::Fork(fork) => assert_ne!(fork.session, fork.from),
        Told::CostState(state) => {
            state.models.iter().for_each(|count| assert!(count.tokens.prompt() >= 0 && count.tokens.output >= 0));
            others.push(format!("{state:?}"));
        }
        Told::Damage(damage) => damages.push(damage.name()),
    });
    Heard { responses, others, damages, last_at_ms: facts.last_at_ms }
}

fn check(response: &Response) {
    check_tokens(&response.tokens);
    for count in [response.web_searches, response.code_executions] {
        assert!((0..=MAX_COUNT).contains(&count), "{response:?}");
    }
    for attempt in &response.attempts {
        check_tokens(&attempt.tokens);
        assert_ne!(attempt.model.as_deref(), Some(""));
    }
    for call in &response.tool_uses {
        assert!(!call.id.is_empty(), "{response:?}");
        check_word(&call.name);
    }
    assert!(!response.request_id.is_empty(), "{response:?}");
    assert!(!response.session.is_empty() && !response.agent.is_empty() && !response.cwd.is_empty(), "{response:?}");
    assert_ne!(response.model, "<synthetic>");
    assert!(jiff::Timestamp::from_millisecond(response.at_ms).is_ok(), "{response:?}");
}

fn check_event(event: &Event) {
    assert!(!event.uuid.is_empty() && !event.session.is_empty() && !event.agent.is_empty(), "{event:?}");
    check_word(&event.detail);
    assert!(jiff::Timestamp::from_millisecond(event.at_ms).is_ok(), "{event:?}");
}

/// A name, which cannot be anybody's words.
fn check_word(word: &str) {
    assert!(word.len() <= 128 && !word.contains(|c: char| !c.is_ascii() || c.is_ascii_whitespace()), "{word:?}");
}

fn check_tokens(tokens: &Tokens) {
    let Tokens { input, output, cache_read, cache_write_5m, cache_write_1h } = *tokens;
    for count in [input, output, cache_read, cache_write_5m, cache_write_1h] {
        assert!((0..=MAX_COUNT).contains(&count), "{tokens:?}");
    }
}
