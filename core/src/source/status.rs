//! What the client writes to its status line's standard input, and the file of the spool that keeps what of it is worth
//! keeping: `status-YYYY-MM-DD.tsv`, a line for each change, with tabs between the fields.
//!
//! ```text
//! 1  at_ms  session  config_dir  tokens/size  limit=used@resets_s,…
//! ```
//!
//! The first field is the version of the format. `used` is in hundredths of a percent. In `config_dir`, `\\`, `\t` and `\n`
//! stand for a backslash, a tab and a newline.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::lenient::{Count, Loose, Number, Text, When, Word};
use crate::model::status::{Context, LimitUse, Status};

const VERSION: &str = "1";

/// Limits that are kept, at most.
const MOST_LIMITS: usize = 8;

/// More than this of a window is no share.
const MOST_USED: f64 = 1e6;

/// What a client tells; empty or none where it does not.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Told {
    pub session: String,
    pub transcript: String,
    /// Where the session is at work.
    pub cwd: String,
    /// The name of its model, for people.
    pub model: String,
    /// What the session cost, as the client reckons.
    pub cost_usd: Option<f64>,
    pub context: Option<Context>,
    pub limits: Vec<LimitUse>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Client<'a> {
    #[serde(borrow)]
    session_id: Word<'a>,
    #[serde(borrow)]
    transcript_path: Text<'a>,
    #[serde(borrow)]
    cwd: Text<'a>,
    #[serde(borrow)]
    model: Loose<Model<'a>>,
    #[serde(borrow)]
    workspace: Loose<Workspace<'a>>,
    cost: Loose<Cost>,
    context_window: Loose<Window>,
    #[serde(borrow)]
    rate_limits: Loose<BTreeMap<Cow<'a, str>, Loose<Limit>>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Model<'a> {
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow)]
    display_name: Text<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Workspace<'a> {
    #[serde(borrow)]
    current_dir: Text<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Cost {
    total_cost_usd: Number,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Window {
    total_input_tokens: Count,
    context_window_size: Count,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Limit {
    used_percentage: Number,
    resets_at: When,
}

/// Reads what the client wrote. What cannot be read counts as not told.
pub fn read(json: &[u8]) -> Told {
    let Ok(Loose(Some(client))) = serde_json::from_slice::<Loose<Client>>(json) else {
        return Told::default();
    };
    let (model, workspace) = (client.model.0.unwrap_or_default(), client.workspace.0.unwrap_or_default());
    let mut cwd = workspace.current_dir;
    cwd.or(client.cwd);
    let mut name = model.display_name;
    name.or(model.id);
    let limits = client.rate_limits.0.unwrap_or_default();
    Told {
        session: client.session_id.0.into(),
        transcript: client.transcript_path.0.into(),
        cwd: cwd.0.into(),
        model: name.0.into(),
        cost_usd: client.cost.0.unwrap_or_default().total_cost_usd.0.filter(|usd| *usd >= 0.0),
        context: client.context_window.0.as_ref().and_then(context),
        limits: limits.iter().filter_map(|(name, limit)| limit_use(name, limit)).take(MOST_LIMITS).collect(),
    }
}

/// Before the first response the tokens are 0, which says nothing.
fn context(window: &Window) -> Option<Context> {
    let (tokens, size) = (window.total_input_tokens.0?, window.context_window_size.0?);
    (tokens > 0 && size > 0).then_some(Context { tokens, size })
}

#[expect(clippy::cast_possible_truncation, reason = "the bounds are checked")]
fn limit_use(name: &str, limit: &Loose<Limit>) -> Option<LimitUse> {
    let Limit { used_percentage, resets_at } = limit.0.as_ref()?;
    let used = used_percentage.0.filter(|percent| (0.0..MOST_USED).contains(percent))?;
    let name = Text(name.into()).word().0;
    let is_fit = !name.is_empty() && !name.contains([',', '=', '@']);
    is_fit.then_some(LimitUse {
        name: name.into(),
        used: (used * 100.0).round() as i64,
        resets_s: resets_at.0? / 1000,
    })
}

/// The Claude config dir that a transcript lies in: it is `<config dir>/projects/<project>/<session>.jsonl`.
pub fn config_dir(transcript: &Path) -> Option<&Path> {
    let projects = transcript.parent()?.parent()?;
    projects.file_name().filter(|name| *name == "projects").and_then(|_| projects.parent())
}

/// What is kept of a status, as a line with its newline.
pub fn line(status: &Status) -> String {
    let Status { at_ms, session, config_dir, .. } = status;
    let dir = config_dir.replace('\\', "\\\\").replace('\t', "\\t").replace('\n', "\\n");
    format!("{VERSION}\t{at_ms}\t{session}\t{dir}\t{}\n", facts(status))
}

/// What may change from one line of a session to the next.
fn facts(status: &Status) -> String {
    let context = status.context.map(|Context { tokens, size }| format!("{tokens}/{size}"));
    let limits =
        status.limits.iter().map(|LimitUse { name, used, resets_s }| format!("{name}={used}@{resets_s}"));
    format!("{}\t{}", context.unwrap_or_default(), limits.collect::<Vec<_>>().join(","))
}

/// Whether the last line of the session, among the last lines of a file, says the same and is not older than `age_ms`.
pub fn says(tail: &[u8], status: &Status, age_ms: i64) -> bool {
    let lines = tail.rsplit(|byte| *byte == b'\n').filter_map(parse);
    let mut of_session = lines.filter(|last| last.session == status.session);
    of_session.next().is_some_and(|last| {
        let age = status.at_ms - last.at_ms;
        (0..age_ms).contains(&age) && facts(&last) == facts(status) && last.config_dir == status.config_dir
    })
}

/// Reads a line without its newline.
pub fn parse(line: &[u8]) -> Option<Status> {
    let line = std::str::from_utf8(line).ok()?;
    let fields: Vec<&str> = line.split('\t').collect();
    let [VERSION, at_ms, session, dir, context, limits] = fields[..] else { return None };
    let context = match context.split_once('/') {
        Some((tokens, size)) => Some(Context { tokens: tokens.parse().ok()?, size: size.parse().ok()? }),
        None if context.is_empty() => None,
        None => return None,
    };
    let limit = |text: &str| {
        let (name, rest) = text.split_once('=')?;
        let (used, resets_s) = rest.split_once('@')?;
        Some(LimitUse { name: name.into(), used: used.parse().ok()?, resets_s: resets_s.parse().ok()? })
    };
    let limits = limits.split(',').filter(|limit| !limit.is_empty()).map(limit);
    Some(Status {
        at_ms: at_ms.parse().ok().filter(|at_ms| *at_ms >= 0)?,
        session: Some(session).filter(|session| !session.is_empty())?.into(),
        config_dir: unescaped(dir)?,
        context: context.filter(|context| context.tokens >= 0 && context.size > 0),
        limits: limits.collect::<Option<_>>()?,
    })
}

fn unescaped(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        out.push(match c {
            '\\' => match rest.next()? {
                '\\' => '\\',
                't' => '\t',
                'n' => '\n',
                _ => return None,
            },
            plain => plain,
        });
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::{Told, config_dir, line, parse, read, says};
    use crate::model::status::{Context, LimitUse, Status};
    use proptest::prelude::*;
    use std::path::Path;

    /// As client 2.1.330 writes it, and with the limits that it has of a subscription.
    const TOLD: &str = r#"{"session_id":"534b6444-7551-47b7-a4f4-95d8323da63c","transcript_path":"/home/dev/.claude/projects/-w/534b6444-7551-47b7-a4f4-95d8323da63c.jsonl","cwd":"/w","model":{"id":"claude-opus-5-5","display_name":"Opus 5.5"},"workspace":{"current_dir":"/w/sub","project_dir":"/w","added_dirs":[]},"version":"2.1.330","cost":{"total_cost_usd":0.0106712,"total_duration_ms":58292},"context_window":{"total_input_tokens":15293,"total_output_tokens":222,"context_window_size":1000000,"current_usage":{"input_tokens":29},"used_percentage":2},"rate_limits":{"five_hour":{"used_percentage":23.5,"resets_at":1795460400},"seven_day":{"used_percentage":41,"resets_at":1795860000}}}"#;

    fn limit(name: &str, used: i64, resets_s: i64) -> LimitUse {
        LimitUse { name: name.into(), used, resets_s }
    }

    #[test]
    fn all_that_the_line_shows_is_read() {
        let told = read(TOLD.as_bytes());
        let want = Told {
            session: "534b6444-7551-47b7-a4f4-95d8323da63c".into(),
            transcript: "/home/dev/.claude/projects/-w/534b6444-7551-47b7-a4f4-95d8323da63c.jsonl".into(),
            cwd: "/w/sub".into(),
            model: "Opus 5.5".into(),
            cost_usd: Some(0.010_671_2),
            context: Some(Context { tokens: 15293, size: 1_000_000 }),
            limits: vec![limit("five_hour", 2350, 1_795_460_400), limit("seven_day", 4100, 1_795_860_000)],
        };
        assert_eq!(told, want);
        assert_eq!(config_dir(Path::new(&told.transcript)), Some(Path::new("/home/dev/.claude")));
        assert_eq!(config_dir(Path::new("/elsewhere/s.jsonl")), None);
    }

    #[test]
    fn what_is_odd_costs_itself_alone() {
        for (json, cost, limits) in [
            (
                r#"{"cost":null,"rate_limits":{"a":{"used_percentage":1,"resets_at":1795460400},"b":7,"c":{"used_percentage":1}}}"#,
                None,
                1,
            ),
            (
                r#"{"cost":{"total_cost_usd":1},"context_window":[],"rate_limits":"none","session_id":{}}"#,
                Some(1.0),
                0,
            ),
            (
                r#"{"cost":{"total_cost_usd":-1},"rate_limits":{"a,b":{"used_percentage":1,"resets_at":1795460400}}}"#,
                None,
                0,
            ),
            (
                r#"{"cost":{"total_cost_usd":2.5},"rate_limits":{"a":{"used_percentage":-1,"resets_at":1795460400}}}"#,
                Some(2.5),
                0,
            ),
            (r#"{"cost":{"total_"#, None, 0),
            ("[]", None, 0),
            ("", None, 0),
        ] {
            let told = read(json.as_bytes());
            assert_eq!((told.cost_usd, told.limits.len()), (cost, limits), "{json}");
        }
    }

    #[test]
    fn a_line_is_written_again_when_something_changed_or_it_grew_old() {
        let status = |at_ms, session: &str, tokens| Status {
            at_ms,
            session: session.into(),
            config_dir: "/h/.claude".into(),
            context: Some(Context { tokens, size: 100 }),
            limits: vec![limit("five_hour", 2350, 1_795_460_400)],
        };
        let file = line(&status(1000, "a", 1)) + &line(&status(1001, "b", 2)) + &line(&status(1002, "a", 3));
        // The tail of a file may begin anywhere.
        for tail in [&file[..], &file[5..]] {
            let says = |status: &Status| says(tail.as_bytes(), status, 60_000);
            assert!(says(&status(1003, "a", 3)) && says(&status(1003, "b", 2)));
            assert!(!says(&status(1003, "a", 1)), "it was so before, and is not now");
            assert!(!says(&status(61_002, "a", 3)), "a minute old");
            assert!(!says(&status(1001, "a", 3)), "the clock was put back");
            assert!(!says(&status(1003, "c", 3)));
        }
    }

    #[test]
    fn lines_that_are_none_are_told_from_those_that_are() {
        for line in [
            "",
            "1\t5\ts\t/h\t\t\t",
            "2\t5\ts\t/h\t\t",
            "1\t-5\ts\t/h\t\t",
            "1\t5\t\t/h\t\t",
            "1\t5\ts\t/h\t7\t",
            "1\t5\ts\t\\x\t\t",
            "1\t5\ts\t/h\t\ta=1",
        ] {
            assert_eq!(parse(line.as_bytes()), None, "{line:?}");
        }
        assert!(parse(b"1\t5\ts\t/h\t\t").is_some());
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(
            at_ms in 0..i64::MAX,
            session in "[a-z0-9-]{1,36}",
            config_dir in "/[ -~\t\n]{0,20}",
            context in prop::option::of((0..i64::MAX, 1..i64::MAX)),
            limits in prop::collection::vec(("[a-z_]{1,9}", 0..1_000_000_i64, 0..i64::MAX), 0..4),
        ) {
            let context = context.map(|(tokens, size)| Context { tokens, size });
            let limits = limits.iter().map(|(name, used, resets_s)| limit(name, *used, *resets_s)).collect();
            let status = Status { at_ms, session, config_dir, context, limits };
            let line = line(&status);
            prop_assert_eq!(parse(line.strip_suffix('\n').unwrap().as_bytes()), Some(status));
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            read(&bytes);
            parse(&bytes);
        }
    }
}
