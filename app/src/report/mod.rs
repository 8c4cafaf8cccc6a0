//! What was spent, from the ledger's rollup to text.
//!
//! [`cost`] adds up cells by one or two keys, [`blocks`](blocks()) by window of five hours; `table`, `json`, `csv` and
//! `markdown` write the result. `sessions` tells of sessions and what happened in them, `launches` of runs of claude as
//! shells saw them, `top` of live sessions, `shell` of the shell integration.
//! Nothing here prints, or asks the clock or the environment.

mod amount;
mod blocks;
pub mod budgets;
mod calendar;
mod chart;
pub mod csv;
pub mod export;
mod filter;
mod groups;
pub mod json;
mod key;
pub mod launches;
pub mod limits;
pub mod markdown;
mod number;
mod page;
mod period;
pub mod prices;
mod projects;
mod remarks;
#[cfg(test)]
mod sample;
pub mod sessions;
pub mod shell;
mod spelling;
pub mod statusline;
pub mod table;
mod text;
pub mod top;

use std::collections::BTreeMap;
use std::ops::Range;

use jiff::Timestamp;
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;

use crate::ledger::{self, Ledger};
use crate::model::Tokens;

use groups::{Groups, Span};

pub use amount::{Amount, Priced};
pub use blocks::{Block, Blocks, Current, Rate, blocks};
pub use filter::project;
pub use key::Key;
pub use period::{Bound, Last, Period};
pub use projects::Projects;
pub use remarks::{Concern, Remarks};
pub use spelling::nearest;
pub use text::moved;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("group by one or two different keys")]
    Keys,
    #[error("nothing comes before all time: to compare, say from when on")]
    NothingBefore,
    #[error("blocks have no counterparts in the period before: compare by another key")]
    NoCounterpart,
    #[error("the period ends before it begins: {from} is not before {to}")]
    Backwards { from: String, to: String },
    /// A filter that nothing in the ledger can pass is a slip of the pen, not an empty report.
    #[error("no {what} matches `{wanted}`; {}", known(near))]
    NoMatch { what: &'static str, wanted: String, near: Vec<String> },
    #[error("`{wanted}` begins the ids of {} sessions:{}", ids.len(), listed(ids))]
    Ambiguous { wanted: String, ids: Vec<String> },
    #[error("`{wanted}` matches {} projects, where one is meant:{}", paths.len(), listed(paths))]
    Several { wanted: String, paths: Vec<String> },
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
}

/// An option's value that cannot be read, and what could be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(String);

/// What to report.
#[derive(Debug, Clone)]
pub struct Query {
    /// One or two, different.
    pub by: Vec<Key>,
    pub period: Period,
    /// With the period before.
    pub compares: bool,
    /// What is spent a day is told, too.
    pub charts: bool,
    /// With what there is to know of the costs.
    pub explains: bool,
    /// A path, an alias, a group, or the end of a path.
    pub project: Option<String>,
    /// An id, the id it is priced as, or a part of one.
    pub model: Option<String>,
    pub branch: Option<String>,
    /// An id, or the beginning of some.
    pub session: Option<String>,
    /// A Claude config dir, or the end of one.
    pub account: Option<String>,
    pub zone: TimeZone,
    /// The first day of weeks.
    pub week_starts: Weekday,
    pub projects: Projects,
    pub now: Timestamp,
}

impl Query {
    /// All of a period, with weeks from Monday on.
    pub fn new(by: Vec<Key>, period: Period, zone: TimeZone, now: Timestamp) -> Self {
        Self {
            by,
            period,
            compares: false,
            charts: false,
            explains: false,
            project: None,
            model: None,
            branch: None,
            session: None,
            account: None,
            zone,
            week_starts: Weekday::Monday,
            projects: Projects::default(),
            now,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    pub by: Vec<Key>,
    pub timezone: String,
    /// First and last day, in the zone; none: the ledger is empty, and the query left them open.
    pub since: Option<Date>,
    pub until: Option<Date>,
    /// First and last day of all that the ledger holds.
    pub ledger_span: Option<(Date, Date)>,
    /// By time where the key is a time, else by cost and then name.
    pub rows: Vec<Row>,
    pub total: Amount,
    /// Where the query compares.
    pub previous: Option<Previous>,
    pub transcript: Amount,
    pub otel: Amount,
    /// Of responses; windows have none.
    pub coverage: Option<Coverage>,
    /// What the days cost on which there was something; where the query charts.
    pub daily: Option<BTreeMap<Date, i128>>,
    /// By tokens, the most first.
    pub unpriced: Vec<Unpriced>,
    /// Where the query explains.
    pub remarks: Option<Remarks>,
}

/// What there may be besides the total.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coverage {
    /// What the client counted and no response explains.
    pub cost_state: Amount,
    /// Of the total, what came after the client last said what it had counted, or where it never did: whether anything
    /// was spent besides, nobody knows.
    pub uncounted: Amount,
}

/// The period before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Previous {
    /// First and last day, in the zone.
    pub since: Date,
    pub until: Date,
    pub total: Amount,
    /// The report's own period goes on: it is less than a whole one.
    pub is_early: bool,
}

/// One value of a key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Row {
    /// Verbatim; may be empty.
    pub name: String,
    /// What people call it, where that is something else: an alias, a block's hours.
    pub label: Option<String>,
    /// The model id that gave the price, where `name` is a model without its own.
    pub priced_as: Option<String>,
    pub amount: Amount,
    /// Of the same in the period before, where the query compares.
    pub previous: Option<Box<Amount>>,
    /// By the second key, where there is one.
    pub parts: Vec<Row>,
}

/// What a model without a price did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unpriced {
    pub model: String,
    pub responses: i64,
    pub tokens: Tokens,
}

impl Report {
    /// The finest amounts, each with the rows that name it: one for each key.
    fn leaves(&self) -> impl Iterator<Item = (Vec<&Row>, &Amount)> {
        self.rows.iter().flat_map(|row| {
            let whole = row.parts.is_empty().then(|| (vec![row], &row.amount));
            whole.into_iter().chain(row.parts.iter().map(move |part| (vec![row, part], &part.amount)))
        })
    }
}

/// Adds up what the query asks for.
pub fn cost(ledger: &Ledger, query: &Query) -> Result<Report, Error> {
    if query.by.is_empty() || query.by.len() > 2 || query.by.first() == query.by.get(1) {
        return Err(Error::Keys);
    }
    // Another process may ingest meanwhile: all that follows reads one state.
    let _snapshot = ledger.snapshot()?;
    let Query { by, zone, .. } = query;
    let quarters = query.period.quarters(zone, query.week_starts, query.now)?;
    let mut groups = groups::gather(ledger, query, Span::Quarters(quarters.clone()))?;
    let previous = query.compares.then(|| compare(ledger, query, &quarters, &mut groups)).transpose()?;
    let days = days(ledger, &quarters, zone)?;
    Ok(Report {
        by: by.clone(),
        timezone: calendar::zone_name(zone),
        since: days.since,
        until: days.until,
        ledger_span: days.of_ledger,
        rows: groups.rows(ledger, query)?,
        unpriced: groups.unpriced(ledger)?,
        total: groups.total(),
        previous,
        transcript: groups.transcript,
        otel: groups.otel,
        coverage: Some(Coverage { cost_state: groups.cost_state, uncounted: groups.uncounted }),
        daily: query.charts.then(|| by_date(&groups.daily, zone)),
        remarks: query.explains.then(|| remarks::of_period(ledger, query, &quarters)).transpose()?,
    })
}

fn by_date(daily: &BTreeMap<i64, i128>, zone: &TimeZone) -> BTreeMap<Date, i128> {
    daily.iter().map(|(start, cost)| (calendar::date(*start, zone), *cost)).collect()
}

struct Days {
    since: Option<Date>,
    until: Option<Date>,
    of_ledger: Option<(Date, Date)>,
}

/// First and last day of a period, whose open ends are the ledger's.
fn days(ledger: &Ledger, quarters: &Range<i64>, zone: &TimeZone) -> Result<Days, Error> {
    let span = ledger.span()?;
    let first = if quarters.start == i64::MIN { span.map(|(first, _)| first) } else { Some(quarters.start) };
    let last = if quarters.end == i64::MAX { span.map(|(_, last)| last) } else { Some(quarters.end - 1) };
    let date = |quarter| calendar::date(quarter, zone);
    Ok(Days {
        // A ledger that begins after an open period's end would turn it around.
        since: first.map(|first| date(last.map_or(first, |last| first.min(last)))),
        until: last.map(date),
        of_ledger: span.map(|(first, last)| (date(first), date(last))),
    })
}

/// Adds what was in the period before.
fn compare(
    ledger: &Ledger,
    query: &Query,
    quarters: &Range<i64>,
    groups: &mut Groups,
) -> Result<Previous, Error> {
    let Query { by, zone, now, .. } = query;
    if by.contains(&Key::Block) {
        return Err(Error::NoCounterpart);
    }
    let mut before = query.period.previous(quarters.clone(), zone, *now)?;
    let gathered = groups::gather(ledger, query, Span::Before(&mut before))?;
    let total = gathered.total();
    groups.compare(gathered);
    Ok(Previous {
        since: calendar::date(before.quarters.start, zone),
        until: calendar::date(before.quarters.end - 1, zone),
        total,
        is_early: quarters.contains(&calendar::quarter(*now)),
    })
}

/// A line each, but not too many.
fn listed(ids: &[String]) -> String {
    const MANY: usize = 10;
    let named = ids.iter().take(MANY).map(|id| format!("\n  {id}"));
    let more = ids.len().checked_sub(MANY).filter(|more| *more > 0);
    named.chain(more.map(|more| format!("\n  and {more} more"))).collect()
}

fn known(near: &[String]) -> String {
    if near.is_empty() { "the ledger has none".into() } else { format!("the nearest: {}", near.join(", ")) }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::{
        Amount, Block, Error, Key, Last, Period, Priced, Projects, Query, Report, Row, blocks, cost,
    };
    use crate::ledger::{Ledger, Reader};
    use crate::model::{Attempt, AttemptKind, Response, Tokens};
    use jiff::Timestamp;
    use jiff::tz::TimeZone;
    use std::borrow::Cow;

    pub(crate) const OPUS: &str = "claude-opus-5-5";
    const HAIKU: &str = "claude-haiku-5-5";

    /// A ledger of responses: time, session, project, model, output tokens.
    fn ledger(responses: &[(&str, &str, &str, &str, i64)]) -> (tempfile::TempDir, Ledger) {
        let (dir, mut ledger) = empty_ledger();
        let responses = responses
            .iter()
            .map(|(at, session, project, model, output)| response(at, session, project, model, *output));
        add(&mut ledger, "/home/anna/.claude", responses.collect());
        (dir, ledger)
    }

    pub(crate) fn empty_ledger() -> (tempfile::TempDir, Ledger) {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(&dir.path().join("ledger.db")).unwrap();
        (dir, ledger)
    }

    pub(crate) fn add(ledger: &mut Ledger, config_dir: &str, responses: Vec<Response>) {
        let reader = Reader { host: "here".into(), config_dir: config_dir.into() };
        let mut project_of = |cwd: &str| cwd.to_string();
        let mut batch = ledger.batch(&reader, &mut project_of).unwrap();
        for (n, mut response) in responses.into_iter().enumerate() {
            response.message_id = format!("msg_{config_dir}_{n}").into();
            response.request_id = format!("req_{n}").into();
            batch.add(&response, 0).unwrap();
        }
        batch.commit().unwrap();
    }

    pub(crate) fn response<'a>(
        at: &str,
        session: &'a str,
        project: &'a str,
        model: &'a str,
        output: i64,
    ) -> Response<'a> {
        Response {
            message_id: "".into(),
            request_id: "".into(),
            at_ms: at.parse::<Timestamp>().unwrap().as_millisecond(),
            is_time_inferred: false,
            session: session.into(),
            agent: "".into(),
            agent_type: "".into(),
            skill: "".into(),
            mcp_server: "".into(),
            mcp_tool: "".into(),
            cwd: project.into(),
            branch: "main".into(),
            is_sidechain: false,
            model: model.into(),
            requested_model: "".into(),
            speed: "".into(),
            inference_geo: "".into(),
            service_tier: "".into(),
            tokens: Tokens { output, ..Tokens::default() },
            is_ttl_unknown: false,
            web_searches: 0,
            code_executions: 0,
            attempts: vec![],
            tool_uses: vec![],
            is_finished: true,
            is_refused: false,
            is_aborted: false,
        }
    }

    fn all(by: &[&str]) -> Query {
        let by = by.iter().map(|key| key.parse().unwrap()).collect();
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        Query::new(by, Period::Last(Last::All), berlin, "2026-11-23T12:00Z".parse().unwrap())
    }

    fn names(report: &Report) -> Vec<(&str, Vec<&str>)> {
        report
            .rows
            .iter()
            .map(|row| (&*row.name, row.parts.iter().map(|part| &*part.name).collect()))
            .collect()
    }

    #[test]
    fn a_session_of_two_days_is_one_session() {
        let (_dir, ledger) = ledger(&[
            ("2026-11-20T22:59Z", "s", "/w/odin", OPUS, 1),
            ("2026-11-20T23:00Z", "s", "/w/odin", OPUS, 1),
            ("2026-11-20T23:20Z", "t", "/w/odin", OPUS, 1),
        ]);
        let report = cost(&ledger, &all(&["day"])).unwrap();
        assert_eq!(names(&report), [("2026-11-20", vec![]), ("2026-11-21", vec![])], "days of Berlin");
        assert_eq!(report.rows.iter().map(|row| row.amount.sessions()).collect::<Vec<_>>(), [1, 2]);
        assert_eq!((report.total.sessions(), report.total.responses), (2, 3));
        assert_eq!(report.since.unwrap().to_string(), "2026-11-20");
        assert_eq!(report.until.unwrap().to_string(), "2026-11-21");
    }

    #[test]
    fn names_are_ordered_by_cost_and_times_by_time() {
        let (_dir, ledger) = ledger(&[
            ("2026-11-21T12:00Z", "s", "/w/cheap", HAIKU, 100),
            ("2026-11-20T12:00Z", "s", "/w/dear", HAIKU, 100),
            ("2026-11-20T12:00Z", "s", "/w/dear", OPUS, 100_000),
            ("2026-11-21T12:00Z", "s", "/w/also-cheap", HAIKU, 100),
        ]);
        assert_eq!(
            names(&cost(&ledger, &all(&["project", "model"])).unwrap()),
            [("/w/dear", vec![OPUS, HAIKU]), ("/w/also-cheap", vec![HAIKU]), ("/w/cheap", vec![HAIKU])]
        );
        assert_eq!(
            names(&cost(&ledger, &all(&["month", "day"])).unwrap()),
            [("2026-11", vec!["2026-11-20", "2026-11-21"])]
        );
    }

    #[test]
    fn parts_rows_and_provenance_add_up_to_the_total() {
        let (_dir, ledger) = ledger(&[
            ("2026-11-20T12:00Z", "s", "/w/a", OPUS, 10),
            ("2026-11-20T12:00Z", "s", "/w/a", "claude-next", 20),
            ("2026-11-20T12:00Z", "t", "/w/b", HAIKU, 40),
        ]);
        let report = cost(&ledger, &all(&["project", "model"])).unwrap();
        let sum = |parts: &[Row]| {
            let mut sum = Amount::default();
            for part in parts {
                sum.merge(&part.amount);
            }
            sum.settle();
            sum
        };
        assert_eq!(sum(&report.rows), report.total);
        assert!(report.rows.iter().all(|row| sum(&row.parts) == row.amount));
        assert_eq!(report.transcript, report.total);
        assert_eq!(report.otel, Amount::default());
    }

    #[test]
    fn what_has_no_price_is_told_and_makes_costs_lower_bounds() {
        let (_dir, ledger) = ledger(&[
            ("2026-11-20T12:00Z", "s", "/w/a", OPUS, 10),
            ("2026-11-20T12:00Z", "s", "/w/a", "claude-next", 20),
        ]);
        let report = cost(&ledger, &all(&["project", "model"])).unwrap();
        assert_eq!((report.unpriced.len(), &*report.unpriced[0].model), (1, "claude-next"));
        assert_eq!((report.unpriced[0].responses, report.unpriced[0].tokens.output), (1, 20));
        assert_eq!((report.total.priced(), report.total.unpriced_responses), (Priced::Some, 1));
        assert_eq!(
            report.rows[0].parts.iter().map(|row| row.amount.priced()).collect::<Vec<_>>(),
            [Priced::All, Priced::None]
        );
    }

    #[test]
    fn filters_narrow_and_a_slip_is_told() {
        let (_dir, ledger) = ledger(&[
            ("2026-11-20T12:00Z", "abc", "/w/odin", OPUS, 1),
            ("2026-11-20T12:00Z", "abd", "/w/odin", HAIKU, 2),
            ("2026-11-20T12:00Z", "x", "/w/web", OPUS, 4),
        ]);
        let output = |query: &Query| cost(&ledger, query).map(|report| report.total.tokens.output);
        let by = all(&["day"]);
        assert_eq!(output(&Query { project: Some("odin".into()), ..by.clone() }).unwrap(), 3);
        assert_eq!(output(&Query { model: Some("opus".into()), ..by.clone() }).unwrap(), 5);
        assert_eq!(output(&Query { session: Some("ab".into()), ..by.clone() }).unwrap(), 3);
        let both = Query { project: Some("web".into()), model: Some(HAIKU.into()), ..by.clone() };
        assert_eq!(output(&both).unwrap(), 0, "both are known, and never met");
        let slip = output(&Query { project: Some("oidn".into()), ..by }).unwrap_err();
        assert_eq!(slip.to_string(), "no project matches `oidn`; the nearest: /w/odin, /w/web");
    }

    #[test]
    fn what_the_cache_saved_adds_up_and_may_be_negative() {
        let (_dir, mut ledger) = empty_ledger();
        let cached = |project, cache_read, cache_write_1h| Response {
            tokens: Tokens { cache_read, cache_write_1h, ..Tokens::default() },
            ..response("2026-11-20T12:00Z", "s", project, OPUS, 0)
        };
        let responses =
            vec![cached("/w/odin", 1000, 0), cached("/w/odin", 1000, 100), cached("/w/web", 0, 1000)];
        add(&mut ledger, "/home/anna/.claude", responses);
        let report = cost(&ledger, &all(&["project"])).unwrap();
        // Reads cost 3.80 dollars a million less than input, these writes 4 more.
        let saved = report.rows.iter().map(|row| (&*row.name, row.amount.cache_saving_picousd / 1_000_000));
        assert_eq!(saved.collect::<Vec<_>>(), [("/w/web", -4000), ("/w/odin", 7200)]);
        assert_eq!(report.total.cache_saving_picousd, 3_200_000_000);
        assert_eq!(ledger.check().unwrap(), Vec::<String>::new());
    }

    #[test]
    fn a_chart_has_the_days_whatever_the_key() {
        let (_dir, ledger) = ledger(&[
            ("2026-11-20T22:59Z", "s", "/w/odin", OPUS, 1),
            ("2026-11-20T23:00Z", "s", "/w/odin", OPUS, 2),
            ("2026-11-21T12:00Z", "s", "/w/web", OPUS, 4),
        ]);
        let query = Query { charts: true, ..all(&["project"]) };
        let daily = cost(&ledger, &query).unwrap().daily.unwrap();
        let price = 20_000_000;
        let told: Vec<_> = daily.iter().map(|(day, cost)| (day.to_string(), cost / price)).collect();
        assert_eq!(told, [("2026-11-20".into(), 1), ("2026-11-21".into(), 6)]);
        assert_eq!(cost(&ledger, &all(&["project"])).unwrap().daily, None);
    }

    #[test]
    fn what_was_before_stands_beside_what_it_was_of() {
        let (_dir, ledger) = ledger(&[
            ("2026-11-15T12:00Z", "s", "/w/long-ago", OPUS, 99),
            ("2026-11-16T12:00Z", "s", "/w/odin", OPUS, 1),
            ("2026-11-16T13:00Z", "t", "/w/web", HAIKU, 2),
            ("2026-11-19T12:00Z", "u", "/w/odin", OPUS, 4),
            ("2026-11-23T08:00Z", "v", "/w/odin", OPUS, 8),
            ("2026-11-23T08:00Z", "v", "/w/new", OPUS, 16),
        ]);
        // Of four days, on the last of them: the four days before began on the 16th.
        let query = |by| Query { period: Period::Last(Last::Days(4)), compares: true, ..all(by) };
        let outputs = |report: &Report| {
            let row = |row: &Row| {
                let previous = row.previous.as_ref().unwrap();
                (row.name.clone(), row.amount.tokens.output, previous.tokens.output)
            };
            report.rows.iter().map(row).collect::<Vec<_>>()
        };
        let row = |name: &str, now, before| (name.to_string(), now, before);
        let report = cost(&ledger, &query(&["project"])).unwrap();
        assert_eq!(outputs(&report), [row("/w/new", 16, 0), row("/w/odin", 8, 5), row("/w/web", 0, 2)]);
        let previous = report.previous.as_ref().unwrap();
        assert_eq!((previous.total.tokens.output, previous.total.sessions()), (7, 3));
        assert_eq!(
            (previous.since.to_string(), previous.until.to_string()),
            ("2026-11-16".into(), "2026-11-19".into())
        );
        assert!(previous.is_early);
        assert_eq!(report.transcript.tokens.output, 24, "provenance is of the period itself");

        let days = cost(&ledger, &query(&["day"])).unwrap();
        assert_eq!(outputs(&days), [row("2026-11-20", 0, 3), row("2026-11-23", 24, 4)]);
        let parts = cost(&ledger, &query(&["model", "project"])).unwrap();
        assert_eq!(outputs(&parts), [row(OPUS, 24, 5), row(HAIKU, 0, 2)]);
        assert_eq!(parts.rows[0].previous.as_ref().unwrap().sessions(), 2);

        let open = Query { period: Period::Last(Last::All), ..query(&["day"]) };
        assert!(matches!(cost(&ledger, &open), Err(Error::NothingBefore)));
    }

    #[test]
    fn windows_are_whole_and_those_of_all_responses() {
        let (_dir, mut ledger) = ledger(&[
            ("2026-11-20T08:50Z", "s", "/w/web", OPUS, 1),
            ("2026-11-20T11:10Z", "s", "/w/odin", OPUS, 2),
            ("2026-11-20T13:10Z", "s", "/w/odin", OPUS, 4),
            ("2026-11-20T23:10Z", "s", "/w/odin", HAIKU, 8),
            ("2026-11-23T10:50Z", "s", "/w/odin", OPUS, 16),
        ]);
        add(&mut ledger, "/home/anna/other", vec![response("2026-11-20T12:10Z", "t", "/w/odin", OPUS, 32)]);
        let told = |query: &Query| {
            let blocks = blocks(&ledger, query).unwrap();
            let told = |block: &Block| {
                let account = block.account.rsplit('/').next().unwrap().to_string();
                (block.start.strftime("%d %H").to_string(), account, block.amount.tokens.output)
            };
            blocks.rows.iter().map(told).collect::<Vec<_>>()
        };
        let row = |start: &str, account: &str, output| (start.to_string(), account.to_string(), output);
        let query = all(&["day"]);
        let whole = [
            row("20 08", ".claude", 3),
            row("20 12", "other", 32),
            row("20 13", ".claude", 4),
            row("20 23", ".claude", 8),
            row("23 10", ".claude", 16),
        ];
        assert_eq!(told(&query), whole);
        // The day in Berlin begins at 23:00 UTC; one that ends there has none of its quarters in it.
        let since = Period::Between {
            since: "2026-11-20T12:45Z".parse().ok(),
            until: "2026-11-20T14:00Z".parse().ok(),
        };
        assert_eq!(
            told(&Query { period: since, ..query.clone() }),
            whole[..3],
            "what reaches into it is whole"
        );
        let odin = Query { project: Some("odin".into()), ..query.clone() };
        assert_eq!(
            told(&odin)[0],
            row("20 08", ".claude", 2),
            "windows are the account's, not the project's"
        );

        // In a report, the period cuts.
        let by_block =
            |query: &Query| cost(&ledger, &Query { by: vec![Key::Block], ..query.clone() }).unwrap();
        let period = Period::Between {
            since: "2026-11-20T11:00Z".parse().ok(),
            until: "2026-11-20T13:00Z".parse().ok(),
        };
        let cut = by_block(&Query { period, ..query.clone() });
        assert_eq!(
            names(&cut),
            [("2026-11-20T09:00:00+01:00", vec![]), ("2026-11-20T13:00:00+01:00", vec![])]
        );
        assert_eq!(cut.rows.iter().map(|row| row.amount.tokens.output).collect::<Vec<_>>(), [2, 32]);
        assert_eq!(by_block(&query).total, cost(&ledger, &query).unwrap().total);
        let compared =
            Query { by: vec![Key::Block], period: Period::Last(Last::Days(1)), compares: true, ..query };
        assert!(matches!(cost(&ledger, &compared), Err(Error::NoCounterpart)));
    }

    #[test]
    fn a_window_that_goes_on_has_a_rate() {
        let (_dir, ledger) = ledger(&[
            ("2026-11-23T08:00Z", "s", "/w/odin", OPUS, 999),
            ("2026-11-23T10:20Z", "s", "/w/odin", OPUS, 700),
            ("2026-11-23T12:50Z", "s", "/w/odin", OPUS, 300),
            ("2026-11-23T13:10Z", "s", "/w/odin", OPUS, 250),
            ("2026-11-23T13:40Z", "s", "/w/odin", OPUS, 1000),
        ]);
        let at = |now: &str| {
            let query = Query { now: now.parse().unwrap(), ..all(&["day"]) };
            let rows = blocks(&ledger, &query).unwrap().rows;
            assert_eq!(rows.iter().filter(|block| block.current.is_some()).count().max(1), 1);
            rows.into_iter().find_map(|block| block.current)
        };
        // Since the quarter hour of 13:00, which had the first response: 80 minutes for 1,250 tokens.
        let current = at("2026-11-23T14:20:30Z").unwrap();
        assert_eq!((current.elapsed_seconds, current.remaining_seconds), (4830, 13_170));
        let rate = current.rate.unwrap();
        assert_eq!(rate.since, "2026-11-23T13:00Z".parse().unwrap());
        assert_eq!((rate.tokens_per_minute, rate.picousd_per_hour), (16, 18_633_540_373));
        assert_eq!((rate.estimated_tokens, rate.estimated_picousd), (4658, 93_167_701_863));
        assert_eq!(at("2026-11-23T13:00:59Z").unwrap().rate, None, "too early to tell");
        assert_eq!(at("2026-11-23T18:00:00Z"), None, "it has ended");
        assert_eq!(at("2026-11-23T17:59:59Z").unwrap().remaining_seconds, 1);
    }

    #[test]
    fn what_lines_attribute_is_a_key() {
        let (_dir, mut ledger) = empty_ledger();
        let attributed = |output, agent_type, skill, mcp_server| Response {
            agent_type: Cow::Borrowed(agent_type),
            skill: Cow::Borrowed(skill),
            mcp_server: Cow::Borrowed(mcp_server),
            ..response("2026-11-20T12:00Z", "s", "/w/odin", OPUS, output)
        };
        let responses = vec![
            attributed(10, "", "", ""),
            attributed(40, "Explore", "review", ""),
            attributed(20, "Explore", "", "github"),
            attributed(5, "", "review", "github"),
        ];
        add(&mut ledger, "/home/anna/.claude", responses);
        for (by, want) in [
            ("agent_type", [("Explore", 60), ("", 15)]),
            ("skill", [("review", 45), ("", 30)]),
            ("mcp_server", [("", 50), ("github", 25)]),
        ] {
            let report = cost(&ledger, &all(&[by])).unwrap();
            let outputs = report.rows.iter().map(|row| (&*row.name, row.amount.tokens.output));
            assert_eq!(outputs.collect::<Vec<_>>(), want, "{by}");
        }
        let both = cost(&ledger, &all(&["skill", "agent_type"])).unwrap();
        assert_eq!(names(&both), [("review", vec!["Explore", ""]), ("", vec!["Explore", ""])]);
    }

    #[test]
    fn projects_have_groups_and_aliases() {
        let (_dir, ledger) = ledger(&[
            ("2026-11-20T12:00Z", "s", "/w/acme-web", OPUS, 10),
            ("2026-11-20T12:00Z", "s", "/w/acme-api", OPUS, 20),
            ("2026-11-20T12:00Z", "s", "/w/odin", OPUS, 15),
        ]);
        let alias = ("/w/odin".into(), "the ledger".into());
        let group = ("clients".into(), vec!["/w/acme-*".into()]);
        let projects = Projects::new(&[alias], &[group]).unwrap();
        let by = |keys: &[&str]| Query { projects: projects.clone(), ..all(keys) };
        let report = cost(&ledger, &by(&["group", "project"])).unwrap();
        assert_eq!(names(&report), [("clients", vec!["/w/acme-api", "/w/acme-web"]), ("", vec!["/w/odin"])]);
        assert_eq!(report.rows[1].parts[0].label.as_deref(), Some("the ledger"));
        for (project, want) in [("clients", 30), ("the ledger", 15), ("acme-web", 10)] {
            let query = Query { project: Some(project.into()), ..by(&["group"]) };
            assert_eq!(cost(&ledger, &query).unwrap().total.tokens.output, want, "{project}");
        }
    }

    #[test]
    fn what_there_is_to_know_is_of_what_the_report_takes_in() {
        let (_dir, mut ledger) = empty_ledger();
        let advisor = |model: &str| Attempt {
            kind: AttemptKind::Advisor,
            model: Some(model.into()),
            tokens: Tokens { output: 100, ..Tokens::default() },
        };
        let own = |output| Attempt {
            kind: AttemptKind::Message,
            model: None,
            tokens: Tokens { output, ..Tokens::default() },
        };
        let responses = vec![
            response("2026-11-20T12:00Z", "s", "/w/odin", OPUS, 1),
            Response {
                is_ttl_unknown: true,
                attempts: vec![own(10), advisor(HAIKU)],
                ..response("2026-11-20T12:00Z", "s", "/w/odin", OPUS, 10)
            },
            Response {
                is_ttl_unknown: true,
                is_aborted: true,
                ..response("2026-11-21T12:00Z", "t", "/w/web", HAIKU, 1000)
            },
            response("2026-11-21T12:00Z", "t", "/w/web", "anthropic.claude-opus-5-5", 10_000),
        ];
        add(&mut ledger, "/home/anna/.claude", responses);
        let explained = |query: Query| {
            let report = cost(&ledger, &Query { explains: true, ..query }).unwrap();
            let remarks = report.remarks.unwrap();
            let versions = remarks.price_lists.iter().map(|(_, responses)| *responses).collect::<Vec<_>>();
            let concerns = remarks.concerns.into_iter().map(|concern| {
                let Amount { responses, tokens, .. } = concern.amount;
                (concern.remark.name, responses, tokens.output)
            });
            (concerns.collect::<Vec<_>>(), versions)
        };
        let by = all(&["day"]);
        assert_eq!(
            explained(by.clone()),
            (vec![("ttl_unknown", 2, 1110), ("aborted", 1, 1000), ("region_unknown", 1, 10_000)], vec![4])
        );
        let first_day = Period::Between { since: None, until: Some("2026-11-20".parse().unwrap()) };
        assert_eq!(
            explained(Query { period: first_day, ..by.clone() }),
            (vec![("ttl_unknown", 1, 110)], vec![2])
        );
        assert_eq!(
            explained(Query { model: Some(HAIKU.into()), ..by.clone() }),
            (vec![("aborted", 1, 1000), ("ttl_unknown", 1, 1100)], vec![1]),
            "the advisor is of this model, its response is not"
        );
        let plain = Query { session: Some("s".into()), model: Some(HAIKU.into()), ..by.clone() };
        assert_eq!(explained(plain), (vec![("ttl_unknown", 0, 100)], vec![0]));
        assert_eq!(cost(&ledger, &by).unwrap().remarks, None);
    }

    #[test]
    fn an_empty_ledger_has_an_empty_report() {
        let (_dir, ledger) = ledger(&[]);
        let report = cost(&ledger, &all(&["model"])).unwrap();
        assert_eq!(
            (report.rows.len(), report.since, report.until, report.ledger_span),
            (0, None, None, None)
        );
        assert_eq!(super::table::render(&report, 80, false), "Nothing yet: the ledger is empty.\n");
    }

    #[test]
    fn keys_are_one_or_two_different_ones() {
        let (_dir, ledger) = ledger(&[]);
        for by in [&["day", "day"][..], &[], &["day", "model", "branch"]] {
            assert!(matches!(cost(&ledger, &all(by)), Err(Error::Keys)), "{by:?}");
        }
    }
}
