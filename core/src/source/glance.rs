//! What a line without a response tells at a glance.
//!
//! Nearly all bytes of a transcript are results of tool calls that went well. The client, in every version seen, writes
//! its lines compact, and what says what a line is before what is large. So a line is walked key by key, without being
//! parsed, to the end of the result; what follows, most often the same output once more, is not looked at. Whatever is
//! written in another way is [`Glance::Unknown`], never guessed at.

use memchr::memchr;

/// What may be known of a line before it is parsed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Glance<'a> {
    Nothing,
    /// The tool call with this id, and nothing else.
    WentWell(&'a str),
    /// It is of those that tell something.
    Something,
    Unknown,
}

pub(super) fn glance(line: &[u8]) -> Glance<'_> {
    walk(line).unwrap_or(Glance::Unknown)
}

fn walk(line: &[u8]) -> Option<Glance<'_>> {
    let mut rest = line.strip_prefix(b"{")?;
    let mut kind = b"".as_slice();
    loop {
        let (key, at_value) = key(rest)?;
        if key == b"message" && kind == br#""user""# {
            return message(at_value);
        }
        let (found, after) = value(at_value)?;
        match (key, found) {
            (b"type", br#""user""# | br#""system""#) => kind = found,
            (b"type", br#""assistant""# | br#""progress""#) => return None,
            (b"type", br#""cost-state""#) => return Some(Glance::Something),
            (b"type", _) => return (!found.contains(&b'\\')).then_some(Glance::Nothing),
            (b"subtype", _) if kind == br#""system""# => return Some(subtype(found)),
            _ => {}
        }
        rest = after.strip_prefix(b",")?;
    }
}

fn subtype(found: &[u8]) -> Glance<'_> {
    match found {
        br#""compact_boundary""#
        | br#""api_error""#
        | br#""model_fallback""#
        | br#""model_refusal_fallback""# => Glance::Something,
        _ => Glance::Nothing,
    }
}

/// The `message` of a `user` line: a prompt, or one `tool_result` and no more.
fn message(text: &[u8]) -> Option<Glance<'_>> {
    let content = text.strip_prefix(br#"{"role":"user","content":"#)?;
    if content.first() == Some(&b'"') {
        return Some(Glance::Nothing);
    }
    let mut rest = content.strip_prefix(b"[{")?;
    let (mut id, mut kind) = (b"".as_slice(), b"".as_slice());
    loop {
        let (key, at_value) = key(rest)?;
        let (found, after) = value(at_value)?;
        match (key, found) {
            (b"tool_use_id", _) => id = string(found)?.0,
            (b"type", _) => kind = found,
            (b"is_error", b"false") | (b"content", _) => {}
            _ => return None,
        }
        match after {
            [b',', more @ ..] => rest = more,
            [b'}', b']', b'}', ..] => break,
            _ => return None,
        }
    }
    let is_plain = !id.is_empty() && !id.contains(&b'\\') && kind == br#""tool_result""#;
    std::str::from_utf8(id).ok().filter(|_| is_plain).map(Glance::WentWell)
}

/// A key at the start of `text`, and what follows its colon.
fn key(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let (key, after) = string(text)?;
    Some((key, after.strip_prefix(b":")?))
}

/// A value at the start of `text`, without white space, and what follows it. That brackets match is taken for granted.
fn value(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut rest = text;
    let mut depth = 0;
    loop {
        let byte = *rest.first()?;
        match byte {
            b'"' => rest = string(rest)?.1,
            b',' | b'}' | b']' if depth == 0 => break,
            _ if byte.is_ascii_whitespace() => return None,
            _ => rest = &rest[1..],
        }
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
        if depth == 0 && b"\"}]".contains(&byte) {
            break;
        }
    }
    Some(text.split_at(text.len() - rest.len()))
}

/// What stands between the quotes of a string at the start of `text`, still escaped, and what follows it.
fn string(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let text = text.strip_prefix(b"\"")?;
    let end = closing_quote(text)?;
    Some((&text[..end], &text[end + 1..]))
}

/// The first quote that is not escaped.
fn closing_quote(text: &[u8]) -> Option<usize> {
    let mut from = 0;
    loop {
        let at = from + memchr(b'"', &text[from..])?;
        if text[..at].iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 0 {
            return Some(at);
        }
        // Where one is escaped, more are: what has none that is not is passed over block by block.
        from = at + 1;
        let blocks = |from: usize| text[from..].as_chunks::<BLOCK>().0.iter();
        let calm = blocks(from).zip(blocks(from - 1)).zip(blocks(from - 2));
        from += BLOCK * calm.take_while(|((now, before), earlier)| !may_end(now, before, earlier)).count();
    }
}

const BLOCK: usize = 64;

/// Whether a quote stands in `now` with no backslash, or with two, before it.
#[expect(clippy::needless_bitwise_bool, reason = "without branches it becomes vector code")]
fn may_end(now: &[u8; BLOCK], before: &[u8; BLOCK], earlier: &[u8; BLOCK]) -> bool {
    let mut found = false;
    for at in 0..BLOCK {
        found |= (now[at] == b'"') & ((before[at] != b'\\') | (earlier[at] == b'\\'));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{Glance, closing_quote, glance, value};
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn a_result_is_read_off_its_beginning_and_nothing_is_guessed() {
        const WELL: &str = r#"{"parentUuid":null,"isSidechain":false,"type":"user","message":{"role":"user","content":[{"tool_use_id":"t","type":"tool_result","content":"out","is_error":false}]},"uuid":"u","toolUseResult":{"stdout":"out"}}"#;
        let with = |from: &str, to: &str| {
            assert!(WELL.contains(from), "{from}");
            WELL.replace(from, to)
        };
        let blocks = r#"[{"type":"text","text":"a } ] \" b"},{"type":"image","source":{"data":"x"}}]"#;
        let second = r#"},{"tool_use_id":"t2","type":"tool_result","content":"x"}]"#;
        let cases = [
            (WELL.to_string(), Glance::WentWell("t")),
            (with(r#","is_error":false"#, ""), Glance::WentWell("t")),
            (with(r#""out","is_e"#, &format!(r#"{blocks},"is_e"#)), Glance::WentWell("t")),
            (
                with(
                    r#""tool_use_id":"t","type":"tool_result","#,
                    r#""type":"tool_result","tool_use_id":"t","#,
                ),
                Glance::WentWell("t"),
            ),
            (
                with(r#""parentUuid":null"#, r#""toolUseResult":{"a":["}"]},"cwd":"C:\\","n":-1.5e3"#),
                Glance::WentWell("t"),
            ),
            (with("out\",\"is", r#"\"}]},\"is_error\":true,\\","is"#), Glance::WentWell("t")),
            // To be parsed: all that is not just this.
            (with("false}", "true}"), Glance::Unknown),
            (with("false}", "null}"), Glance::Unknown),
            (with("false}", r#"false,"is_error":true}"#), Glance::Unknown),
            (with("}]", second), Glance::Unknown),
            (with("}]", r#"},{"type":"text","text":"x"}]"#), Glance::Unknown),
            (with(r#""type":"tool_result","#, ""), Glance::Unknown),
            (with(r#""tool_use_id":"t","#, ""), Glance::Unknown),
            (with(r#""tool_use_id":"t""#, r#""tool_use_id":"\u0074""#), Glance::Unknown),
            (with(r#""tool_use_id":"t""#, r#""tool_use_id":["t"]"#), Glance::Unknown),
            (with(r#""type":"tool_result""#, r#""type":"text""#), Glance::Unknown),
            (with(":", ": "), Glance::Unknown),
            (with(r#""type":"user","#, ""), Glance::Unknown),
            (with(r#""user","message""#, r#""assistant","message""#), Glance::Unknown),
            (with("out\",\"is_error", r#"torn{"parentUuid":null,"is_error"#), Glance::Unknown),
            (WELL[..WELL.len() - 90].to_string(), Glance::Unknown),
            (
                with(
                    r#"[{"tool_use_id":"t","type":"tool_result","content":"out","is_error":false}]"#,
                    r#""a prompt""#,
                ),
                Glance::Nothing,
            ),
            (with(r#""user","message""#, r#""us\u0065r","message""#), Glance::Unknown),
            (with(r#""user","message""#, r#""attachment","message""#), Glance::Nothing),
            (r#"{"type":"mode","mode":"normal"}"#.into(), Glance::Nothing),
            (r#"{"attachment":{"type":"system","a":[1]},"type":"attachment"}"#.into(), Glance::Nothing),
            (r#"{"type":"system","subtype":"turn_duration"}"#.into(), Glance::Nothing),
            (r#"{"type":"system","subtype":"api_error","error":{}}"#.into(), Glance::Something),
            (r#"{"subtype":"api_error","type":"system","error":{}}"#.into(), Glance::Unknown),
            (r#"{"sessionId":"s","type":"cost-state","modelUsage":{}}"#.into(), Glance::Something),
            (r#"{"summary":"x"}"#.into(), Glance::Unknown),
            ("{}".into(), Glance::Unknown),
        ];
        for (line, expected) in cases {
            assert_eq!(glance(line.as_bytes()), expected, "{line}");
        }
    }

    proptest! {
        #[test]
        fn a_quote_closes_a_string_as_in_json(text in r#"[\\\\"a]{0,300}"#) {
            let mut is_escaped = false;
            let naive = text.bytes().position(|byte| {
                let is_end = byte == b'"' && !is_escaped;
                is_escaped = byte == b'\\' && !is_escaped;
                is_end
            });
            prop_assert_eq!(closing_quote(text.as_bytes()), naive);
        }

        #[test]
        fn a_value_ends_where_it_ends(
            text in any::<String>(),
            list in proptest::collection::vec(r#"[\\\\"{}\[\],:a]{0,90}"#, 0..4),
        ) {
            let nested = json!([1, null, {"k": list, "": [text]}]);
            for json in [json!(text), json!(list), nested, json!(-1.5e300), json!(true)] {
                for rest in [",\"a\":1}", "}]", "]"] {
                    let json = json.to_string();
                    let whole = format!("{json}{rest}");
                    prop_assert_eq!(value(whole.as_bytes()), Some((json.as_bytes(), rest.as_bytes())));
                }
            }
        }
    }
}
