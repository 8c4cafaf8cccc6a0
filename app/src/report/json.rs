//! Reports as JSON, schemas `odin.cost.report/1` and `odin.cost.blocks/1`, on one line. Names and order of the fields are a promise.

use serde::Serialize;
use serde::ser::{Error as _, SerializeMap, Serializer};
use serde_json::value::RawValue;

use super::number::usd;
use super::{Amount, Block, Blocks, Concern, Current, Key, Remarks, Report, Row, Unpriced};
use crate::ledger::Dimension;
use crate::model::Tokens;

#[derive(Serialize)]
struct Document<'r> {
    schema: &'static str,
    timezone: &'r str,
    by: Vec<&'static str>,
    since: Option<String>,
    until: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    compared_with: Option<Days>,
    rows: Vec<Line<'r>>,
    total: Compared,
    unpriced: Vec<Unknown<'r>>,
    provenance: Provenance,
    #[serde(flatten)]
    explained: Option<Explained<'r>>,
}

/// What there is to know of costs, where somebody asks.
#[derive(Serialize)]
pub(super) struct Explained<'r> {
    remarks: Vec<Concerned<'r>>,
    price_lists: Vec<PricedBy<'r>>,
}

#[derive(Serialize)]
struct Concerned<'r> {
    remark: &'r str,
    meaning: &'r str,
    #[serde(flatten)]
    sums: Sums,
}

#[derive(Serialize)]
struct PricedBy<'r> {
    version: &'r str,
    responses: i64,
}

#[derive(Serialize)]
struct Line<'r> {
    #[serde(flatten)]
    names: Names<'r>,
    #[serde(flatten)]
    sums: Compared,
}

#[derive(Serialize)]
struct Days {
    since: String,
    until: String,
}

#[derive(Serialize)]
struct Compared {
    #[serde(flatten)]
    sums: Sums,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous: Option<Sums>,
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<Change>,
}

/// Since the period before.
#[derive(Serialize)]
struct Change {
    responses: i64,
    sessions: i64,
    tokens: Classes,
    web_searches: i64,
    #[serde(rename = "cost_usd", serialize_with = "usd_number")]
    cost: i128,
    cost_picousd: i128,
    /// Null where one of the costs is not known in full, and where there was none.
    cost_percent: Option<Box<RawValue>>,
}

#[derive(Serialize)]
pub(super) struct Sums {
    responses: i64,
    /// None: of one session.
    #[serde(skip_serializing_if = "Option::is_none")]
    sessions: Option<i64>,
    tokens: Classes,
    web_searches: i64,
    #[serde(rename = "cost_usd", serialize_with = "usd_number")]
    cost: i128,
    cost_picousd: i128,
    unpriced_responses: i64,
    #[serde(rename = "cache_saving_usd", serialize_with = "usd_number")]
    cache_saving: i128,
    cache_saving_picousd: i128,
    #[serde(flatten)]
    contract: Option<Contract>,
}

/// Where the user's own prices say something of the report.
#[derive(Serialize)]
struct Contract {
    #[serde(rename = "contract_usd", serialize_with = "usd_number")]
    usd: i128,
    #[serde(rename = "contract_picousd")]
    picousd: i128,
    #[serde(rename = "contract_unpriced_responses")]
    unpriced_responses: i64,
}

#[derive(Serialize)]
pub(super) struct Classes {
    input: i64,
    output: i64,
    cache_read: i64,
    cache_write_5m: i64,
    cache_write_1h: i64,
}

#[derive(Serialize)]
pub(super) struct Unknown<'r> {
    model: &'r str,
    responses: i64,
    tokens: Classes,
}

#[derive(Serialize)]
struct Provenance {
    transcript: Sums,
    otel: Sums,
    /// What the client counted besides; not part of the total.
    cost_state: Option<Sums>,
    /// Of the total, where the client did not say what it had counted.
    unknown: Option<Sums>,
}

#[derive(Serialize)]
struct Windows<'r> {
    schema: &'static str,
    timezone: String,
    since: Option<String>,
    until: Option<String>,
    rows: Vec<Window<'r>>,
    total: Sums,
    unpriced: Vec<Unknown<'r>>,
}

#[derive(Serialize)]
struct Window<'r> {
    block: String,
    end: String,
    account: &'r str,
    #[serde(flatten)]
    sums: Sums,
    #[serde(skip_serializing_if = "Option::is_none")]
    current: Option<Progress>,
}

#[derive(Serialize)]
struct Progress {
    elapsed_seconds: i64,
    remaining_seconds: i64,
    /// Null: too early to tell.
    rate: Option<Speed>,
    estimate: Option<Estimate>,
}

#[derive(Serialize)]
struct Speed {
    since: String,
    tokens_per_minute: i128,
    #[serde(rename = "cost_usd_per_hour", serialize_with = "usd_number")]
    cost: i128,
    cost_picousd_per_hour: i128,
}

/// At the window's end.
#[derive(Serialize)]
struct Estimate {
    tokens: i128,
    #[serde(rename = "cost_usd", serialize_with = "usd_number")]
    cost: i128,
    cost_picousd: i128,
}

pub fn blocks<'b>(blocks: &'b Blocks) -> Result<String, serde_json::Error> {
    let is_contracted = blocks.total.is_contracted;
    let window = |block: &'b Block| Window {
        block: blocks.rfc3339(block.start),
        end: blocks.rfc3339(block.end),
        account: &block.account,
        sums: sums(&block.amount, is_contracted),
        current: block.current.as_ref().map(|current| progress(blocks, current)),
    };
    let document = Windows {
        schema: "odin.cost.blocks/1",
        timezone: blocks.timezone(),
        since: blocks.since.map(|day| day.to_string()),
        until: blocks.until.map(|day| day.to_string()),
        rows: blocks.rows.iter().map(window).collect(),
        total: sums(&blocks.total, is_contracted),
        unpriced: blocks.unpriced.iter().map(unknown).collect(),
    };
    Ok(serde_json::to_string(&document)? + "\n")
}

fn progress(blocks: &Blocks, current: &Current) -> Progress {
    let rate = current.rate.as_ref();
    Progress {
        elapsed_seconds: current.elapsed_seconds,
        remaining_seconds: current.remaining_seconds,
        rate: rate.map(|rate| Speed {
            since: blocks.rfc3339(rate.since),
            tokens_per_minute: rate.tokens_per_minute,
            cost: rate.picousd_per_hour,
            cost_picousd_per_hour: rate.picousd_per_hour,
        }),
        estimate: rate.map(|rate| Estimate {
            tokens: rate.estimated_tokens,
            cost: rate.estimated_picousd,
            cost_picousd: rate.estimated_picousd,
        }),
    }
}

pub fn render<'r>(report: &'r Report) -> Result<String, serde_json::Error> {
    let is_contracted = report.total.is_contracted;
    let sums = |amount: &Amount| sums(amount, is_contracted);
    let compared = |amount: &Amount, previous: Option<&Amount>| {
        let change = previous.map(|previous| change(amount, previous)).transpose()?;
        Ok(Compared { sums: sums(amount), previous: previous.map(sums), change })
    };
    let line = |(rows, amount): (Vec<&'r Row>, _)| {
        let sums = compared(amount, rows.last().and_then(|row| row.previous.as_deref()))?;
        Ok(Line { names: Names { by: &report.by, rows }, sums })
    };
    let previous = report.previous.as_ref();
    let document = Document {
        schema: "odin.cost.report/1",
        timezone: &report.timezone,
        by: report.by.iter().map(|key| key.name()).collect(),
        since: report.since.map(|day| day.to_string()),
        until: report.until.map(|day| day.to_string()),
        compared_with: previous.map(|of| Days { since: of.since.to_string(), until: of.until.to_string() }),
        rows: report.leaves().map(line).collect::<Result<_, serde_json::Error>>()?,
        total: compared(&report.total, previous.map(|previous| &previous.total))?,
        unpriced: report.unpriced.iter().map(unknown).collect(),
        provenance: Provenance {
            transcript: sums(&report.transcript),
            otel: sums(&report.otel),
            cost_state: report.coverage.as_ref().map(|of| sums(&of.cost_state)),
            unknown: report.coverage.as_ref().map(|of| sums(&of.uncounted)),
        },
        explained: report.remarks.as_ref().map(|remarks| explained(remarks, sums)),
    };
    Ok(serde_json::to_string(&document)? + "\n")
}

pub(super) fn explained(remarks: &Remarks, sums: impl Fn(&Amount) -> Sums) -> Explained<'_> {
    let concerned = |Concern { remark, amount }: &Concern| Concerned {
        remark: remark.name,
        meaning: remark.meaning,
        sums: sums(amount),
    };
    Explained {
        remarks: remarks.concerns.iter().map(concerned).collect(),
        price_lists: remarks
            .price_lists
            .iter()
            .map(|(version, responses)| PricedBy { version, responses: *responses })
            .collect(),
    }
}

/// Of what lies within one session.
pub(super) fn sums_of_session(amount: &Amount, is_contracted: bool) -> Sums {
    Sums { sessions: None, ..sums(amount, is_contracted) }
}

fn sums(amount: &Amount, is_contracted: bool) -> Sums {
    Sums {
        responses: amount.responses,
        sessions: Some(amount.sessions()),
        tokens: classes(&amount.tokens),
        web_searches: amount.web_searches,
        cost: amount.cost_picousd,
        cost_picousd: amount.cost_picousd,
        unpriced_responses: amount.unpriced_responses,
        cache_saving: amount.cache_saving_picousd,
        cache_saving_picousd: amount.cache_saving_picousd,
        contract: is_contracted.then_some(Contract {
            usd: amount.contract_picousd,
            picousd: amount.contract_picousd,
            unpriced_responses: amount.contract_unpriced_responses,
        }),
    }
}

fn change(amount: &Amount, previous: &Amount) -> Result<Change, serde_json::Error> {
    let more = amount.cost_picousd - previous.cost_picousd;
    Ok(Change {
        responses: amount.responses - previous.responses,
        sessions: amount.sessions() - previous.sessions(),
        tokens: classes(&(amount.tokens - previous.tokens)),
        web_searches: amount.web_searches - previous.web_searches,
        cost: more,
        cost_picousd: more,
        cost_percent: amount.percent_over(previous).map(RawValue::from_string).transpose()?,
    })
}

pub(super) fn classes(tokens: &Tokens) -> Classes {
    let Tokens { input, output, cache_read, cache_write_5m, cache_write_1h } = *tokens;
    Classes { input, output, cache_read, cache_write_5m, cache_write_1h }
}

pub(super) fn unknown(unpriced: &Unpriced) -> Unknown<'_> {
    Unknown { model: &unpriced.model, responses: unpriced.responses, tokens: classes(&unpriced.tokens) }
}

/// The fields that the keys of the report are.
struct Names<'r> {
    by: &'r [Key],
    rows: Vec<&'r Row>,
}

impl Serialize for Names<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (key, row) in self.by.iter().zip(&self.rows) {
            map.serialize_entry(key.name(), &row.name)?;
            if let (Key::Name(Dimension::Project), Some(alias)) = (key, &row.label) {
                map.serialize_entry("alias", alias)?;
            }
            if let Some(priced_as) = &row.priced_as {
                map.serialize_entry("priced_as", priced_as)?;
            }
        }
        map.end()
    }
}

/// Digits all the way: a float would not hold them.
pub(super) fn usd_number<S: Serializer>(picousd: &i128, serializer: S) -> Result<S::Ok, S::Error> {
    RawValue::from_string(usd(*picousd, 6)).map_err(S::Error::custom)?.serialize(serializer)
}

#[cfg(test)]
mod tests {
    use super::{blocks, render, usd};
    use crate::report::sample;

    #[test]
    fn the_text_is_exact() {
        let sums = |responses, sessions, tokens, cost_usd, cost_picousd: i64, unpriced| {
            let (saved, saved_picousd) = (usd(2 * i128::from(cost_picousd), 6), 2 * cost_picousd);
            format!(
                r#""responses":{responses},"sessions":{sessions},"tokens":{tokens},"web_searches":0,"cost_usd":{cost_usd},"cost_picousd":{cost_picousd},"unpriced_responses":{unpriced},"cache_saving_usd":{saved},"cache_saving_picousd":{saved_picousd}"#
            )
        };
        let tokens = |[input, output, cache_read, cache_write_5m, cache_write_1h]: [i64; 5]| {
            format!(
                r#"{{"input":{input},"output":{output},"cache_read":{cache_read},"cache_write_5m":{cache_write_5m},"cache_write_1h":{cache_write_1h}}}"#
            )
        };
        let service = r#"{"project":"/home/anna/work/a-long-name-for-a-service","model":"#;
        let total =
            sums(17, 2, tokens([115, 20_260, 3_003_700, 480, 40_009]), "1.500000", 1_500_000_000_000_i64, 2);
        let lines = [
            r#"{"schema":"odin.cost.report/1","timezone":"Europe/Berlin","by":["project","model"],"since":"2026-11-20","until":"2026-11-21","rows":["#.into(),
            format!(
                r#"{service}"claude-opus-5-5-20261101","priced_as":"claude-opus-5-5",{}}},"#,
                sums(12, 1, tokens([100, 20_000, 3_000_000, 0, 40_000]), "1.000000", 1_000_000_000_000, 0)
            ),
            format!(r#"{service}"claude-next",{}}},"#, sums(2, 1, tokens([10, 200, 3000, 400, 0]), "0.000000", 0, 2)),
            format!(
                r#"{{"project":"/home/anna/odin","model":"claude-haiku-5-5",{}}}],"#,
                sums(3, 1, tokens([5, 60, 700, 80, 9]), "0.500000", 500_000_000_000, 0)
            ),
            format!(r#""total":{{{total}}},"#),
            format!(r#""unpriced":[{{"model":"claude-next","responses":2,"tokens":{}}}],"#, tokens([10, 200, 3000, 400, 0])),
            format!(r#""provenance":{{"transcript":{{{total}}},"#),
            format!(r#""otel":{{{}}},"cost_state":null,"unknown":null}}}}"#, sums(0, 0, tokens([0; 5]), "0.000000", 0, 0)),
        ];
        assert_eq!(render(&sample::by_project_and_model()).unwrap(), lines.concat() + "\n");
    }

    #[test]
    fn a_contract_is_told_only_where_there_is_one() {
        let text = render(&sample::contracted()).unwrap();
        let next = r#""cost_usd":0.000000,"cost_picousd":0,"unpriced_responses":2,"cache_saving_usd":0.000000,"cache_saving_picousd":0,"contract_usd":0.250000,"contract_picousd":250000000000,"contract_unpriced_responses":0}"#;
        assert!(text.contains(next), "{text}");
        assert!(!render(&sample::by_day()).unwrap().contains("contract"));
    }

    #[test]
    fn a_comparison_tells_what_was_and_how_much_more_it_is() {
        let text = render(&sample::compared()).unwrap();
        for part in [
            r#""until":"2026-11-21","compared_with":{"since":"2026-11-18","until":"2026-11-19"},"rows":[{"project":"/w/more","responses":3"#,
            r#""previous":{"responses":3,"sessions":1,"tokens":{"input":5,"output":60,"cache_read":700,"cache_write_5m":80,"cache_write_1h":9},"web_searches":0,"cost_usd":0.400000,"cost_picousd":400000000000,"unpriced_responses":0,"cache_saving_usd":0.800000,"cache_saving_picousd":800000000000}"#,
            r#""change":{"responses":0,"sessions":0,"tokens":{"input":0,"output":0,"cache_read":0,"cache_write_5m":0,"cache_write_1h":0},"web_searches":0,"cost_usd":0.100000,"cost_picousd":100000000000,"cost_percent":25.0}}"#,
            r#""cost_usd":-0.800000,"cost_picousd":-800000000000,"cost_percent":-80.0}"#,
            r#""cost_usd":0.010000,"cost_picousd":10000000000,"cost_percent":null}"#,
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
    }

    #[test]
    fn windows_have_a_schema_of_their_own() {
        let text = blocks(&sample::blocks()).unwrap();
        for part in [
            r#"{"schema":"odin.cost.blocks/1","timezone":"Europe/Berlin","since":"2026-11-20","until":"2026-11-21","rows":[{"block":"2026-11-20T09:00:00+01:00","end":"2026-11-20T14:00:00+01:00","account":"/home/anna/.claude","responses":3,"#,
            r#""cache_saving_picousd":1000000000000},{"block":"2026-11-21T10:00:00+01:00","#,
            r#""cache_saving_picousd":2000000000000,"current":{"elapsed_seconds":4500,"remaining_seconds":13500,"rate":{"since":"2026-11-21T10:15:00+01:00","tokens_per_minute":51002,"cost_usd_per_hour":1.000000,"cost_picousd_per_hour":1000000000000},"estimate":{"tokens":14535475,"cost_usd":4.750000,"cost_picousd":4750000000000}}}],"#,
            r#""total":{"responses":15,"#,
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
    }

    #[test]
    fn what_there_is_to_know_comes_last_and_on_request() {
        let text = render(&sample::explained()).unwrap();
        for part in [
            r#""cost_state":null,"unknown":null},"remarks":[{"remark":"aborted","meaning":"The response was cut short and its last usage never came; the output is a lower bound.","responses":12,"sessions":1,"#,
            r#"}],"price_lists":[{"version":"2026-11-01/1","responses":5},{"version":"2026-11-23/1","responses":12}]}"#,
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
        assert!(!render(&sample::by_day()).unwrap().contains("remarks"));
    }

    #[test]
    fn a_project_stays_its_path_and_has_its_alias_beside_it() {
        let text = render(&sample::of_project("/w/odin", "the ledger")).unwrap();
        assert!(
            text.contains(r#""rows":[{"project":"/w/odin","alias":"the ledger","responses":1"#),
            "{text}"
        );
    }

    #[test]
    fn money_keeps_all_digits() {
        let text = render(&sample::by_day()).unwrap();
        assert!(text.contains(r#""cost_usd":1234.567890,"cost_picousd":1234567890123456,"#), "{text}");
    }

    #[test]
    fn what_the_client_counted_besides_is_no_part_of_the_total() {
        let text = render(&sample::covered()).unwrap();
        for part in [
            r#""otel":{"responses":2,"sessions":1,"#,
            r#""cost_state":{"responses":0,"sessions":1,"tokens":{"input":40,"output":299,"cache_read":15737,"cache_write_5m":781,"cache_write_1h":0},"web_searches":0,"cost_usd":0.125000,"#,
            r#""unknown":{"responses":1,"sessions":1,"#,
            r#""total":{"responses":1235,"#,
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
    }

    #[test]
    fn an_empty_report_has_no_rows_and_no_cost() {
        let text = render(&sample::empty()).unwrap();
        assert!(text.contains(r#""rows":[],"total":{"responses":0,"sessions":0,"#), "{text}");
    }
}
