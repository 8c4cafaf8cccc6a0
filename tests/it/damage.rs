//! Transcripts as crashes, disks, editors and other clients leave them: no response is lost to what surrounds it.

use std::fs;
use std::os::unix::fs::symlink;
use std::time::{Duration, SystemTime};

use odin::model::Tokens;
use serde_json::{Value, json};

use crate::compare::{Rows, Sums};
use crate::confined::{Unprivileged, set_mode};
use crate::harness::{Home, Report, modified, set_modified};

/// One line of a subagent, as client 2.1.330 wrote it.
const REAL_LINE: &str = include_str!("../fixtures/transcripts/claude-2.1.330-subagent.jsonl");
const OUTPUT_TOKENS: &str = "/message/usage/output_tokens";

/// A response with so many output tokens, as a line without its newline.
fn line(id: &str, output: i64) -> String {
    format!(
        r#"{{"parentUuid":null,"isSidechain":false,"message":{{"id":"msg_{id}","type":"message","role":"assistant","model":"claude-opus-5-5","content":[{{"type":"text","text":"some words"}}],"stop_reason":"end_turn","usage":{{"input_tokens":3,"output_tokens":{output},"cache_read_input_tokens":0}}}},"requestId":"req_{id}","type":"assistant","uuid":"{id}","timestamp":"2026-11-20T10:00:00.000Z","cwd":"/work","sessionId":"a","gitBranch":"main"}}"#
    )
}

fn output(home: &Home) -> i64 {
    home.total().tokens.output
}

/// What is counted of one file with these bytes: responses and output tokens.
fn counted(bytes: impl AsRef<[u8]>) -> (i64, i64) {
    let home = Home::new();
    home.write("-work/a.jsonl", bytes);
    let Sums { responses, tokens, .. } = home.total();
    home.check();
    (responses, tokens.output)
}

#[test]
fn bytes_that_do_not_belong_cost_no_response() {
    let (one, two) = (line("1", 10), line("2", 200));
    let half = &one[..one.find("some").unwrap()];
    let within = |place: &str, bytes: &[u8]| {
        let (before, after) = one.split_once(place).unwrap();
        [before.as_bytes(), bytes, place.as_bytes(), after.as_bytes(), b"\n", two.as_bytes(), b"\n"].concat()
    };
    let nul = [0; 5000];
    for (what, bytes) in [
        ("a byte order mark", [b"\xef\xbb\xbf", one.as_bytes(), b"\n", two.as_bytes(), b"\n"].concat()),
        ("line ends of Windows", format!("{one}\r\n{two}\r\n").into()),
        ("empty lines", format!("\n\n{one}\n \n{two}\n\n").into()),
        ("no newline at the end", format!("{one}\n{two}").into()),
        ("bad UTF-8 in a text", within("some", b"\xff\xfe\xc3")),
        ("bad UTF-8 in the cwd", within("/work", b"/\xc3\x28\xff")),
        ("bad UTF-8 in an id", within("msg_1", b"\xf0\x90")),
        ("a lone surrogate in a text", within("some", br"\ud83d")),
        ("a lone surrogate in the cwd", within("/work", br"/\ud83d")),
        ("a NUL in a text", within("some", b"\\u0000")),
        ("NULs before a line", [&nul, one.as_bytes(), b"\n", two.as_bytes(), b"\n"].concat()),
        ("NULs between lines", [one.as_bytes(), b"\n", &nul, b"\n", two.as_bytes(), b"\n"].concat()),
        ("NULs that run into a line", [one.as_bytes(), b"\n", &nul, two.as_bytes(), b"\n"].concat()),
        ("NULs at the end", [one.as_bytes(), b"\n", two.as_bytes(), b"\n", &nul].concat()),
        ("half a line, and a newline", format!("{half}\n{one}\n{two}\n").into()),
        ("half a line that runs into the next", format!("{two}\n{half}{one}\n").into()),
        (
            "half a line, cut within its usage",
            format!("{two}\n{}{one}\n", &one[..one.find("output_tok").unwrap()]).into(),
        ),
        ("two lines without a newline between them", format!("{one}{two}\n").into()),
        ("half a line at the end", format!("{one}\n{two}\n{half}").into()),
        ("text that is no JSON", format!("oops\n{one}\n\"usage\" of an \"assistant\"\n{two}\n").into()),
        (
            "a tool input nested deep",
            within(r#"{"type":"text""#, format!("{}{},", "[".repeat(900), "]".repeat(900)).as_bytes()),
        ),
    ] {
        assert_eq!(counted(&bytes), (2, 210), "{what}");
    }
}

#[test]
fn keys_that_stand_twice_cost_no_response() {
    let one = line("1", 10);
    for key in
        ["message", "usage", "output_tokens", "timestamp", "type", "requestId", "cwd", "isSidechain", "model"]
    {
        let start = one.rfind(&format!("\"{key}\":")).unwrap();
        let value_at = start + key.len() + 3;
        let value = serde_json::Deserializer::from_str(&one[value_at..])
            .into_iter::<Value>()
            .next()
            .unwrap()
            .unwrap();
        let doubled = format!("{}\"{key}\":{value},{}", &one[..start], &one[start..]);
        assert_eq!(counted(doubled + "\n"), (1, 10), "{key}");
    }
}

/// Every value within a value, by its JSON pointer.
fn pointers(value: &Value) -> Vec<String> {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(map) => map.iter().map(|(key, child)| (key.clone(), child)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(n, child)| (n.to_string(), child)).collect(),
        _ => vec![],
    };
    let below = |(key, child): (String, &Value)| {
        let deeper = pointers(child).into_iter().map({
            let key = key.clone();
            move |rest| format!("/{key}{rest}")
        });
        [format!("/{key}")].into_iter().chain(deeper).collect::<Vec<_>>()
    };
    children.into_iter().flat_map(below).collect()
}

/// Whether a value is of the type that another one is; all numbers that can be counts are.
fn is_same_type(one: &Value, other: &Value) -> bool {
    std::mem::discriminant(one) == std::mem::discriminant(other) && (!other.is_number() || other.is_i64())
}

/// The same response under identities of its own, so that it is not taken for another case's.
fn renamed(value: &Value, case: usize) -> Value {
    let mut value = value.clone();
    for (pointer, name) in
        [("/message/id", "msg"), ("/requestId", "req"), ("/requestRef", "ref"), ("/uuid", "uuid")]
    {
        *value.pointer_mut(pointer).unwrap() = json!(format!("{name}_{case}"));
    }
    *value.pointer_mut("/sessionId").unwrap() = json!(session(case));
    value
}

fn session(case: usize) -> String {
    format!("case-{case:04}")
}

/// Puts each of `replacements` in place of each value of a line, where that leaves the output tokens, and compares
/// the tokens of each with what is `expected` of it. A replacement is spliced in as text.
fn each_replaced(original: &Value, replacements: &[&str], expected: impl Fn(&str) -> Tokens) {
    let home = Home::new();
    let mut cases = vec![];
    for pointer in pointers(original).iter().filter(|pointer| !OUTPUT_TOKENS.starts_with(*pointer)) {
        let is_same = |text: &&&str| {
            serde_json::from_str(text)
                .is_ok_and(|new: Value| is_same_type(original.pointer(pointer).unwrap(), &new))
        };
        for text in replacements.iter().filter(|text| !is_same(text)) {
            let mut value = renamed(original, cases.len());
            *value.pointer_mut(pointer).unwrap() = json!("@here@");
            let line = value.to_string().replace("\"@here@\"", text);
            // A line that lost its session belongs to the one that its file is named after.
            home.write(&format!("-work/{}.jsonl", session(cases.len())), line + "\n");
            cases.push((pointer.clone(), *text));
        }
    }
    let found = home.report("session", "UTC").rows();
    let mut wrong = vec![];
    for (case, (pointer, text)) in cases.iter().enumerate() {
        let sums = found.get(&session(case)).copied().unwrap_or_default();
        if (sums.responses, sums.tokens) != (1, expected(pointer)) {
            wrong.push(format!("{pointer} = {text}: {} responses, {:?}", sums.responses, sums.tokens));
        }
    }
    assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    assert_eq!(found.len(), cases.len());
    home.check();
}

/// Of `REAL_LINE`, without what stands at `pointer`. Each part of its cache writes tells the whole of them.
fn real_tokens_without(pointer: &str) -> Tokens {
    let mut tokens =
        Tokens { input: 11, output: 96, cache_read: 12_808, cache_write_5m: 404, cache_write_1h: 0 };
    match pointer {
        "/message/usage/input_tokens" => tokens.input = 0,
        "/message/usage/cache_read_input_tokens" => tokens.cache_read = 0,
        _ => {}
    }
    tokens
}

#[test]
fn a_null_anywhere_costs_no_more_than_itself() {
    each_replaced(&serde_json::from_str(REAL_LINE).unwrap(), &["null"], real_tokens_without);
}

#[test]
fn a_value_of_another_type_costs_no_more_than_itself() {
    let other =
        ["true", "\"x\"", "[]", "{}", "[null]", "[[1]]", r#"{"x":{"y":null}}"#, "7", "12.5", "-1e300"];
    each_replaced(&serde_json::from_str(REAL_LINE).unwrap(), &other, real_tokens_without);
}

#[test]
fn a_null_in_an_iteration_costs_no_more_than_itself() {
    let mut advised: Value = serde_json::from_str(REAL_LINE).unwrap();
    advised["message"]["usage"]["iterations"] = json!([
        {"type": "advisor_message", "model": "claude-fable-5-1", "input_tokens": 7, "output_tokens": 9},
        {"type": "message", "input_tokens": 11, "output_tokens": 96, "cache_read_input_tokens": 12_808,
         "cache_creation_input_tokens": 404},
    ]);
    each_replaced(&advised, &["null", "true", "\"x\""], |pointer| {
        let mut tokens = real_tokens_without(pointer);
        let advisor = "/message/usage/iterations/0";
        // Without its type nothing says that an iteration comes on top.
        if !matches!(pointer.strip_prefix("/message/usage/iterations"), Some("" | "/0" | "/0/type")) {
            tokens.input += if pointer == format!("{advisor}/input_tokens") { 0 } else { 7 };
            tokens.output += if pointer == format!("{advisor}/output_tokens") { 0 } else { 9 };
        }
        tokens
    });
}

/// The days of responses with these timestamps, which may be any JSON, in one file.
fn days(timestamps: &[&str]) -> Rows {
    let home = Home::new();
    let line = |(n, time): (usize, &&str)| {
        line(&n.to_string(), 1).replace("\"2026-11-20T10:00:00.000Z\"", time) + "\n"
    };
    let text: String = timestamps.iter().enumerate().map(line).collect();
    let path = home.write("-work/a.jsonl", text);
    // 2026-11-22, noon.
    set_modified(&path, SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_348_800));
    home.report("day", "UTC").rows()
}

#[test]
fn a_time_is_read_in_any_form() {
    for time in [
        "\"2026-11-20T10:00:00Z\"",
        "\"2026-11-20T10:00:00.123456789Z\"",
        "\"2026-11-20T10:00:00.5Z\"",
        "\"2026-11-20 10:00:00Z\"",
        "\"2026-11-21T01:30:00+02:00\"",
        "\"2026-11-20T10:00:00\"",
        "1795168800",
        "1795168800000",
        "1795168800000000",
        "\"1795168800000\"",
    ] {
        assert_eq!(days(&[time]).keys().collect::<Vec<_>>(), ["2026-11-20"], "{time}");
    }
}

#[test]
fn a_response_without_a_time_stands_beside_its_neighbour() {
    let found =
        days(&["\"2026-11-19T10:00:00Z\"", "null", "\"soon\"", "-5", "\"2026-11-20T10:00:00Z\"", "{}"]);
    let found: Vec<(&str, i64)> = found.iter().map(|(day, sums)| (day.as_str(), sums.responses)).collect();
    assert_eq!(found, [("2026-11-19", 4), ("2026-11-20", 2)]);
    // Without a neighbour, the file's own time is the best there is.
    assert_eq!(days(&["null"]).keys().collect::<Vec<_>>(), ["2026-11-22"]);
}

#[test]
fn a_line_without_a_timestamp_key_is_counted_once() {
    let home = Home::new();
    let text = line("1", 10).replace(r#""timestamp":"2026-11-20T10:00:00.000Z","#, "") + "\n";
    home.write("-work/a.jsonl", &text);
    assert_eq!(output(&home), 10);
    home.write("-work/fork.jsonl", text);
    assert_eq!(output(&home), 10);
}

#[test]
fn a_line_of_100_megabytes_is_read() {
    let big = line("1", 10).replace("some words", &"x".repeat(100_000_000));
    assert_eq!(counted(format!("{}\n{big}\n{}\n", line("0", 1), line("2", 200))), (3, 211));
}

#[test]
fn a_loop_of_links_ends() {
    let home = Home::new();
    home.write("-work/a.jsonl", line("1", 10) + "\n");
    symlink(home.projects(), home.projects().join("loop")).unwrap();
    symlink("..", home.projects().join("-work/up")).unwrap();
    symlink("itself", home.projects().join("itself")).unwrap();
    symlink("nothing", home.projects().join("-work/dangling.jsonl")).unwrap();
    assert_eq!(output(&home), 10);
    home.append("-work/a.jsonl", line("2", 200) + "\n");
    assert_eq!(output(&home), 210);
    assert_eq!(home.total().responses, 2);
}

#[test]
fn what_cannot_be_read_is_named_and_read_later() {
    let home = Home::new();
    home.write("-work/a.jsonl", line("1", 10) + "\n");
    let folder = home.write("-closed/b.jsonl", line("2", 200) + "\n").parent().unwrap().to_path_buf();
    let file = home.write("-work/c.jsonl", line("3", 3000) + "\n");
    let Some(user) = Unprivileged::new(&home) else { return };
    set_mode(&folder, 0);
    set_mode(&file, 0);
    let report = "cost report --last all --format json";
    let run = user.run(&home, report);
    assert_eq!(Report::parse(&run.stdout).total().tokens.output, 10);
    for path in [&folder, &file] {
        assert!(run.stderr.contains(path.to_str().unwrap()), "{run:?}");
    }
    let ingest = user.run(&home, "ingest");
    ingest.assert_failed_saying(&[folder.to_str().unwrap(), file.to_str().unwrap()]);
    set_mode(&folder, 0o700);
    set_mode(&file, 0o600);
    assert_eq!(Report::parse(&user.run(&home, report).done()).total().tokens.output, 3210);
}

#[test]
fn a_folder_that_stands_under_a_transcripts_name_is_no_transcript() {
    let home = Home::new();
    home.write("-work/odd.jsonl/a.jsonl", line("1", 10) + "\n");
    assert_eq!(output(&home), 10);
}

#[test]
fn a_file_replaced_by_another_of_its_name_is_read_from_its_start() {
    let home = Home::new();
    let path = home.write("-work/a.jsonl", line("1", 10) + "\n");
    assert_eq!(output(&home), 10);
    // Another file, longer than the one that was read.
    let other = home.path().join("other");
    fs::write(&other, format!("{}\n{}\n", line("2", 200), line("3", 3000))).unwrap();
    fs::rename(&other, &path).unwrap();
    assert_eq!(output(&home), 3210);
    // The same file with other contents, as long as before.
    fs::write(&path, format!("{}\n{}\n", line("4", 400), line("5", 5000))).unwrap();
    assert_eq!(output(&home), 8610);
    // The same beginning, and another end.
    fs::write(&path, format!("{}\n{}\n", line("4", 400), line("6", 6000))).unwrap();
    assert_eq!(output(&home), 14_610);
    home.check();
}

#[test]
fn a_file_cut_short_keeps_what_was_read_and_grows_again() {
    let home = Home::new();
    let (one, two) = (line("1", 10) + "\n", line("2", 200) + "\n");
    let path = home.write("-work/a.jsonl", format!("{one}{two}"));
    assert_eq!(output(&home), 210);
    for length in [one.len() + 50, one.len(), 50, 0] {
        fs::write(&path, &format!("{one}{two}")[..length]).unwrap();
        assert_eq!(output(&home), 210, "cut to {length} bytes");
    }
    fs::write(&path, format!("{one}{}\n", line("3", 3000))).unwrap();
    assert_eq!(output(&home), 3210);
    home.check();
}

#[test]
fn a_half_line_waits_for_its_end() {
    let home = Home::new();
    let (one, two) = (line("1", 10), line("2", 200));
    home.write("-work/a.jsonl", &one[..40]);
    assert_eq!(home.total(), Sums::default());
    home.append("-work/a.jsonl", &one[40..one.len() - 1]);
    assert_eq!(home.total(), Sums::default());
    home.append("-work/a.jsonl", &one[one.len() - 1..]);
    assert_eq!(output(&home), 10, "whole, though its newline is not there yet");
    home.append("-work/a.jsonl", format!("\n{two}\n"));
    assert_eq!(output(&home), 210);
    assert_eq!(home.total().responses, 2);
    home.check();
}

#[test]
fn what_is_renamed_or_moved_counts_once_and_grows_on() {
    let home = Home::new();
    let path = home.write("-work/a.jsonl", line("1", 10) + "\n");
    home.write("-work/a/subagents/agent-x.jsonl", line("2", 200) + "\n");
    assert_eq!(output(&home), 210);
    fs::rename(&path, path.with_file_name("b.jsonl")).unwrap();
    assert_eq!(output(&home), 210);
    fs::rename(home.projects().join("-work"), home.projects().join("-moved")).unwrap();
    assert_eq!(output(&home), 210);
    home.append("-moved/b.jsonl", line("3", 3000) + "\n");
    home.append("-moved/a/subagents/agent-x.jsonl", line("4", 40_000) + "\n");
    assert_eq!(output(&home), 43_210);
    // Renamed and grown before anyone looked.
    fs::rename(home.projects().join("-moved"), home.projects().join("-again")).unwrap();
    home.append("-again/b.jsonl", line("5", 500_000) + "\n");
    assert_eq!(output(&home), 543_210);
    assert_eq!(home.total().responses, 5);
    home.check();
}

#[test]
fn a_file_written_again_with_its_old_time_is_noticed_by_its_size() {
    let home = Home::new();
    let path = home.write("-work/a.jsonl", line("1", 10) + "\n");
    let before = modified(&fs::metadata(&path).unwrap());
    assert_eq!(output(&home), 10);
    home.append("-work/a.jsonl", line("2", 200) + "\n");
    set_modified(&path, before);
    assert_eq!(output(&home), 210);
}

#[test]
fn damaged_lines_are_told_by_kind_and_place() {
    let home = Home::new();
    let one = line("1", 10);
    let path = home.write("-work/a.jsonl", format!("{one}\n{}\n\0\0\0\n{one}\n", &one[..200]));
    let told = home.run("ingest");
    assert_eq!(told.code, Some(0), "{told:?}");
    for (place, kind) in [(2, "not JSON"), (3, "NUL")] {
        let place = format!("{}:{place}", path.display());
        assert!(told.stderr.contains(&place) && told.stderr.contains(kind), "{told:?}");
    }
}
