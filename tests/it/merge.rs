//! Random histories of responses: whatever the order and the pieces in which their lines arrive, the rows are the same.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use odin::ingest::Look;
use odin::ledger::{Ledger, Reader};
use odin::model::Tokens;
use odin::report::{self, Last, Period, Query};
use odin::source::folders::Extent;
use proptest::prelude::*;
use serde_json::Value;
use tempfile::TempDir;

use crate::compare::{Rows, Sums, assert_none, differences, without_responses};
use crate::harness::{Report, copy_folder, second, set_modified};

/// Three sessions in two projects, and the agents of the first.
const FILES: [&str; 4] = ["-p/s0.jsonl", "-p/s1.jsonl", "-q/s2.jsonl", "-p/s0/subagents/agent-a.jsonl"];

/// The models, of which the last has no price.
const MODELS: [&str; 3] = ["claude-opus-5-5", "claude-sonnet-5-5", "claude-nova-9"];

const REQUEST: i64 = 1_793_000_000_000;
const HOUR_MS: i64 = 3_600_000;

/// One response, and all that the client wrote of it.
#[expect(clippy::struct_excessive_bools, reason = "each is an oddity of its own")]
#[derive(Debug, Clone)]
struct Answer {
    /// Of `FILES`; the last one is a subagent's.
    file: usize,
    has_request_id: bool,
    model: usize,
    prompt: i64,
    output: i64,
    at_hour: i64,
    /// Lines with the final usage, at least one.
    blocks: i64,
    /// Lines before them that hold the usage of the stream's start.
    placeholders: i64,
    start: Start,
    /// `stop_reason` stands on its last lines.
    is_finished: bool,
    has_advisor: bool,
    forks: Vec<Fork>,
    /// A side question's file repeats it, so many milliseconds later.
    replay: Option<i64>,
    /// Its lines stand twice.
    is_doubled: bool,
}

/// What a stream begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Start {
    /// The model that also ends it.
    Same,
    /// One that declines, so that another takes over; with the same prompt tokens or others.
    OtherModel,
    OtherModelAndPrompt,
}

/// A session that took over the history of another.
#[derive(Debug, Clone)]
struct Fork {
    file: usize,
    /// Its lines say whose request it was.
    is_told: bool,
    /// How many of the last lines it lacks.
    missing: i64,
}

fn answer() -> impl Strategy<Value = Answer> {
    let identity =
        (0..FILES.len(), prop::bool::weighted(0.7), 0..MODELS.len(), 1..4_i64, 1..5_i64, 0..30_i64);
    let start = prop_oneof![Just(Start::Same), Just(Start::OtherModel), Just(Start::OtherModelAndPrompt)];
    let lines = (1..4_i64, 0..3_i64, start, any::<bool>(), prop::bool::weighted(0.2));
    let fork = (0..3_usize, any::<bool>(), 0..3_i64).prop_map(|(file, is_told, missing)| Fork {
        file,
        is_told,
        missing,
    });
    let forks = prop::collection::vec(fork, 0..3).prop_map(|mut forks| {
        // A session takes over a history once.
        forks.sort_by_key(|fork| fork.file);
        forks.dedup_by_key(|fork| fork.file);
        forks
    });
    let copies = (forks, prop::option::of(0..3_i64), any::<bool>());
    (identity, lines, copies).prop_map(|(identity, lines, (forks, replay, is_doubled))| {
        let (file, has_request_id, model, prompt, output, at_hour) = identity;
        let (blocks, placeholders, start, is_finished, has_advisor) = lines;
        Answer {
            file,
            has_request_id,
            model,
            prompt,
            output: output * output,
            at_hour,
            blocks,
            placeholders,
            // Of two usages of one output, none of which is said to be final, neither is the true one.
            start: if output == 1 && !is_finished && start != Start::Same {
                Start::OtherModel
            } else {
                start
            },
            is_finished,
            has_advisor,
            forks,
            replay: replay.map(|times| times * 5000),
            is_doubled,
        }
    })
}

/// One line of the client, of whatever file.
struct Line<'a> {
    answer: &'a Answer,
    number: usize,
    request: Option<String>,
    at_ms: i64,
    is_placeholder: bool,
    is_sidechain: bool,
    session: usize,
    request_session: Option<usize>,
}

impl Line<'_> {
    fn text(&self) -> String {
        let Self { answer, number, at_ms, .. } = self;
        let start = if self.is_placeholder { answer.start } else { Start::Same };
        let model = MODELS[(answer.model + usize::from(start != Start::Same)) % MODELS.len()];
        let (input, read) =
            (answer.prompt + i64::from(start == Start::OtherModelAndPrompt), 1000 * answer.prompt);
        let output = if self.is_placeholder { 1 } else { answer.output };
        let stop = if answer.is_finished && !self.is_placeholder { "\"end_turn\"" } else { "null" };
        let mut iterations = String::new();
        if answer.has_advisor {
            iterations.push_str(
                r#"{"type":"advisor_message","model":"claude-fable-5-1","input_tokens":700,"output_tokens":7},"#,
            );
        }
        let request = self.request.as_ref().map_or(String::new(), |id| format!(r#""requestId":"{id}","#));
        let of = self.request_session.map_or(String::new(), |s| format!(r#""requestSessionId":"s{s}","#));
        let project = if self.session == 2 { "/q" } else { "/p" };
        let at = Timestamp::from_millisecond(*at_ms).unwrap();
        format!(
            r#"{{"parentUuid":null,"isSidechain":{},"message":{{"id":"msg_{number}","model":"{model}","role":"assistant","content":[],"stop_reason":{stop},"usage":{{"input_tokens":{input},"output_tokens":{output},"cache_read_input_tokens":{read},"iterations":[{iterations}{{"type":"message","input_tokens":{input},"output_tokens":{output},"cache_read_input_tokens":{read}}}]}}}},{request}{of}"type":"assistant","uuid":"{number}-{at_ms}","timestamp":"{at}","cwd":"{project}","sessionId":"s{}","gitBranch":"main"}}"#,
            self.is_sidechain, self.session
        )
    }
}

/// All lines of an answer, each with the file it stands in.
fn lines(number: usize, answer: &Answer) -> Vec<(usize, String)> {
    let is_agent = answer.file == 3;
    let session = if is_agent { 0 } else { answer.file };
    // Without request ids only the prompt tells lines of one response, and forks are made between responses.
    let is_vague = !answer.has_request_id;
    let placeholders =
        if is_vague && answer.start == Start::OtherModelAndPrompt { 0 } else { answer.placeholders };
    let count = placeholders + answer.blocks;
    let at_ms = |n: i64| REQUEST + answer.at_hour * HOUR_MS + n * 400;
    let line = |n: i64| Line {
        answer,
        number,
        request: answer.has_request_id.then(|| format!("req_{number}")),
        at_ms: at_ms(n),
        is_placeholder: n < placeholders,
        is_sidechain: is_agent,
        session,
        request_session: None,
    };
    let mut out = vec![];
    for n in 0..count {
        out.push((answer.file, line(n).text()));
        if answer.is_doubled {
            out.push((answer.file, line(n).text()));
        }
        let has_line =
            |fork: &&Fork| !is_agent && fork.file != session && (is_vague || n < count - fork.missing);
        for Fork { file, is_told, .. } in answer.forks.iter().filter(has_line) {
            let copy = Line { session: *file, request_session: is_told.then_some(session), ..line(n) };
            out.push((*file, copy.text()));
        }
        if let (Some(later_ms), false, false) = (answer.replay, is_agent, is_vague) {
            let request = Some(format!("side_{number}"));
            let replay = Line { request, at_ms: at_ms(n) + later_ms, is_sidechain: true, ..line(n) };
            out.push((3, replay.text()));
        }
    }
    out
}

/// A folder of transcripts and when its files were last written.
#[derive(Debug, Clone)]
struct History {
    answers: Vec<Answer>,
    /// Where each line of the answers goes among the lines of its file.
    order: Vec<u16>,
    /// The files by age.
    ages: Vec<usize>,
}

fn history() -> impl Strategy<Value = History> {
    let ages = Just((0..FILES.len()).collect::<Vec<_>>()).prop_shuffle();
    (prop::collection::vec(answer(), 1..7), prop::collection::vec(any::<u16>(), 64), ages)
        .prop_map(|(answers, order, ages)| History { answers, order, ages })
}

impl History {
    /// What is in each of `FILES`.
    fn files(&self) -> Vec<String> {
        let mut files: Vec<Vec<String>> = vec![vec![]; FILES.len()];
        let lines = self.answers.iter().enumerate().flat_map(|(number, answer)| lines(number, answer));
        for ((file, line), at) in lines.zip(self.order.iter().cycle()) {
            let at = usize::from(*at) % (files[file].len() + 1);
            files[file].insert(at, line);
        }
        let joined =
            |lines: Vec<String>| lines.into_iter().fold(String::new(), |all, line| all + &line + "\n");
        files.into_iter().map(joined).collect()
    }

    /// The truth by hour: each answer once, with its final usage, in the hour of its first line.
    fn by_hour(&self) -> Rows {
        let mut rows = Rows::new();
        for answer in &self.answers {
            let at = Timestamp::from_millisecond(REQUEST + answer.at_hour * HOUR_MS).unwrap();
            let hour = at.to_zoned_datetime(TimeZone::UTC).strftime("%Y-%m-%dT%H:00:00%:z").to_string();
            let row = rows.entry(hour).or_default();
            row.responses += 1;
            row.tokens += Tokens {
                input: answer.prompt,
                output: answer.output,
                cache_read: 1000 * answer.prompt,
                ..Tokens::default()
            };
            if answer.has_advisor {
                row.tokens += Tokens { input: 700, output: 7, ..Tokens::default() };
            }
        }
        rows
    }
}

/// A ledger and the transcripts that it reads.
struct Place {
    folder: TempDir,
    ledger: Ledger,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for file in FILES {
            fs::create_dir_all(folder.path().join("projects").join(file).parent().unwrap()).unwrap();
        }
        Self { ledger: Ledger::open(&folder.path().join("ledger.db")).unwrap(), folder }
    }

    fn projects(&self) -> PathBuf {
        self.folder.path().join("projects")
    }

    fn append(&self, history: &History, file: usize, bytes: &[u8]) {
        let path = self.projects().join(FILES[file]);
        File::options().create(true).append(true).open(&path).unwrap().write_all(bytes).unwrap();
        set_modified(&path, second(history.ages[file] as u64));
    }

    fn ingest(&mut self) {
        let reader = Reader { host: "h".into(), config_dir: "/c".into() };
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos();
        let projects = self.projects();
        let now_ns = i64::try_from(now).unwrap();
        let look = Look::new(&self.ledger, reader, projects, now_ns, Extent::All).unwrap();
        let outcome = look.finish().take_in(&mut self.ledger, &mut ()).unwrap();
        assert!(outcome.unreadable.is_empty() && outcome.damages.is_empty(), "{outcome:?}");
    }

    fn report(&self, by: &str) -> String {
        let by = by.split(',').map(|key| key.parse().unwrap()).collect();
        let query = Query::new(by, Period::Last(Last::All), TimeZone::UTC, Timestamp::UNIX_EPOCH);
        report::json::render(&report::cost(&self.ledger, &query).unwrap()).unwrap()
    }

    /// All that reports can tell: their rows, and their unpriced models.
    fn told(&self) -> BTreeSet<String> {
        assert_eq!(self.ledger.check().unwrap(), Vec::<String>::new());
        let reports = ["hour,session", "session,agent", "hour,model", "project,model", "branch,account"];
        let of_report = |by| {
            let Value::Object(report) = Report::parse(&self.report(by)).json else {
                unreachable!("a report is an object")
            };
            ["rows", "unpriced"]
                .into_iter()
                .flat_map(|part| report[part].as_array().unwrap().clone())
                .collect::<Vec<_>>()
        };
        reports.into_iter().flat_map(of_report).map(|row| row.to_string()).collect()
    }
}

/// What only one of two ledgers tells.
fn differing(one: &BTreeSet<String>, other: &BTreeSet<String>) -> Vec<String> {
    let of_one = one.difference(other).map(|row| format!("only here: {row}"));
    of_one.chain(other.difference(one).map(|row| format!("only there: {row}"))).collect()
}

fn at_once(history: &History) -> Place {
    let mut place = Place::new();
    for (file, text) in history.files().iter().enumerate() {
        place.append(history, file, text.as_bytes());
    }
    place.ingest();
    place
}

/// `PROPTEST_CASES` says how many, as elsewhere.
fn config() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").map_or(96, |text| text.parse().unwrap());
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn every_response_counts_once_with_its_final_usage(history in history()) {
        let found = Report::parse(&at_once(&history).report("hour")).rows();
        let found = found.into_iter().map(|(hour, sums)| (hour, Sums { cost_picousd: 0, ..sums })).collect();
        assert_none(&differences("hour", &history.by_hour(), &found));
    }

    #[test]
    fn any_order_of_files_and_any_split_of_their_bytes_give_the_same_rows(
        history in history(),
        cuts in prop::collection::vec((0..FILES.len(), any::<u16>()), 0..8),
        turns in prop::collection::vec(any::<u8>(), 16),
        groups in prop::collection::vec(any::<bool>(), 16),
    ) {
        let texts = history.files();
        let mut queues: Vec<Vec<&[u8]>> = texts.iter().zip(0..).map(|(text, file)| {
            let of_file = cuts.iter().filter(|(of, _)| *of == file);
            let mut at: Vec<usize> = of_file.map(|(_, cut)| usize::from(*cut) % (text.len() + 1)).chain([0, text.len()]).collect();
            at.sort_unstable();
            at.windows(2).rev().map(|ends| &text.as_bytes()[ends[0]..ends[1]]).collect()
        }).collect();
        let mut place = Place::new();
        for (turn, is_ingested) in turns.iter().cycle().zip(groups.iter().cycle()) {
            let waiting: Vec<usize> = (0..FILES.len()).filter(|file| !queues[*file].is_empty()).collect();
            if waiting.is_empty() {
                break;
            }
            let file = waiting[usize::from(*turn) % waiting.len()];
            place.append(&history, file, queues[file].pop().unwrap());
            if *is_ingested {
                place.ingest();
            }
        }
        place.ingest();
        assert_none(&differing(&place.told(), &at_once(&history).told()));
    }

    #[test]
    fn what_is_read_again_changes_nothing(history in history()) {
        let mut place = at_once(&history);
        let before = place.told();
        place.ingest();
        assert_none(&differing(&place.told(), &before));
        // The same names in another folder, so that sessions and agents that stand in names are the same.
        let projects = place.projects();
        let again = place.folder.path().join("again");
        copy_folder(&projects.join("-p"), &again);
        later(&again);
        fs::rename(again, projects.join("-again")).unwrap();
        place.ingest();
        assert_none(&differing(&place.told(), &before));
    }
}

/// Files written after all others claim nothing.
fn later(folder: &Path) {
    for name in crate::harness::files(folder) {
        set_modified(&folder.join(name), second(1000));
    }
}

#[test]
fn a_request_of_another_session_under_a_reused_message_id_counts() {
    let mut place = Place::new();
    let answer = |file, prompt, at_hour| Answer {
        file,
        has_request_id: false,
        model: 0,
        prompt,
        output: 20,
        at_hour,
        blocks: 2,
        placeholders: 0,
        start: Start::Same,
        is_finished: true,
        has_advisor: false,
        forks: vec![],
        replay: None,
        is_doubled: false,
    };
    let history = History { answers: vec![], order: vec![], ages: vec![0, 1, 2, 3] };
    for one in [answer(0, 1, 0), answer(1, 1, 1), answer(1, 2, 2)] {
        for (file, line) in lines(7, &one) {
            place.append(&history, file, format!("{line}\n").as_bytes());
        }
    }
    place.ingest();
    let rows = without_responses(Report::parse(&place.report("session")).rows());
    let output: Vec<(&str, i64)> =
        rows.iter().map(|(name, sums)| (name.as_str(), sums.tokens.output)).collect();
    assert_eq!(output, [("s0", 20), ("s1", 40)]);
}

#[test]
fn of_two_usages_that_are_equally_good_the_same_one_wins_in_any_order() {
    let of_model = |model: &str| {
        format!(
            r#"{{"type":"assistant","message":{{"id":"msg_1","model":"{model}","role":"assistant","stop_reason":null,"usage":{{"input_tokens":3,"output_tokens":1}}}},"requestId":"req_1","timestamp":"2026-11-20T10:00:00Z","cwd":"/p","sessionId":"s0"}}
"#
        )
    };
    let history = History { answers: vec![], order: vec![], ages: vec![0, 1, 2, 3] };
    let [one, other] = [[0, 1], [1, 0]].map(|order| {
        let mut place = Place::new();
        for file in order {
            place.append(&history, file, of_model(MODELS[file]).as_bytes());
            place.ingest();
        }
        place.told()
    });
    assert_none(&differing(&one, &other));
}
