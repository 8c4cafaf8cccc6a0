//! Attributes of a record, as far as they are of use.

use crate::model::fnv1a;

/// Keys of those that are kept. All others are stepped over, and with them all text of a conversation.
const KEPT: &[&str] = &[
    "agent.name",
    "agent_id",
    "attempt",
    "cache_creation_1h_tokens",
    "cache_creation_5m_tokens",
    "cache_creation_tokens",
    "cache_read_tokens",
    "decision",
    "duration_ms",
    "error",
    "event.name",
    "event.sequence",
    "input_tokens",
    "model",
    "output_tokens",
    "query_source",
    "request_id",
    "session.id",
    "start_type",
    "status_code",
    "success",
    "tool_name",
    "tool_use_id",
    "trigger",
    "ttft_ms",
    "type",
];

/// The longest name.
const MAX_WORD: usize = 128;

/// More than a count can be; a float holds it exactly.
pub(super) const MAX_COUNT: i64 = 1_000_000_000_000;

/// A value that is no array and no object.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Scalar<'a> {
    Text(&'a str),
    Whole(i64),
    Float(f64),
    Flag(bool),
}

#[derive(Debug, Clone, PartialEq)]
enum Kept {
    Word(String),
    Whole(i64),
}

#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Attributes {
    kept: Vec<(&'static str, Kept)>,
    /// Of all, in any order.
    hash: i64,
}

impl Attributes {
    pub(super) fn add(&mut self, key: &str, value: Scalar) {
        let hash = match value {
            Scalar::Text(text) => fnv1a(text.as_bytes()),
            Scalar::Whole(whole) => fnv1a(&whole.to_le_bytes()),
            Scalar::Float(float) => fnv1a(&float.to_le_bytes()),
            Scalar::Flag(flag) => fnv1a(&[u8::from(flag)]),
        };
        self.hash = self.hash.wrapping_add(fnv1a(key.as_bytes()).rotate_left(17) ^ hash);
        let Some(key) = KEPT.iter().find(|kept| **kept == key) else { return };
        let kept = match value {
            Scalar::Text(text) if is_word(text) => Kept::Word(text.into()),
            Scalar::Flag(flag) => Kept::Word(flag.to_string()),
            Scalar::Whole(whole) => Kept::Whole(whole),
            Scalar::Float(float) => match whole(float) {
                Some(whole) => Kept::Whole(whole),
                None => return,
            },
            Scalar::Text(_) => return,
        };
        self.kept.push((key, kept));
    }

    /// A name; empty where there is none, as in what may be anybody's words.
    pub(super) fn word(&self, key: &str) -> &str {
        match self.get(key) {
            Some(Kept::Word(word)) => word,
            _ => "",
        }
    }

    /// A whole number, also written as text. None where there is none, or where it cannot be a count.
    pub(super) fn count(&self, key: &str) -> Option<i64> {
        let count = match self.get(key)? {
            Kept::Whole(whole) => *whole,
            Kept::Word(word) => word.parse().ok()?,
        };
        (0..=MAX_COUNT).contains(&count).then_some(count)
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// The same for the same attributes, whatever they are and in whatever order.
    pub(super) fn hash(&self) -> i64 {
        self.hash
    }

    fn get(&self, key: &str) -> Option<&Kept> {
        self.kept.iter().find_map(|(kept, value)| (*kept == key).then_some(value))
    }
}

/// Letters, digits and few signs, as in names of models, tools and sources.
fn is_word(text: &str) -> bool {
    let is_fit = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.:/@[]".contains(&byte);
    text.len() <= MAX_WORD && text.bytes().all(is_fit)
}

#[expect(clippy::cast_possible_truncation, reason = "the bounds are checked")]
pub(super) fn whole(float: f64) -> Option<i64> {
    (float.fract() == 0.0 && float.abs() <= MAX_COUNT as f64).then_some(float as i64)
}
