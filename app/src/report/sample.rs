//! Reports to test the formats with.

use jiff::civil::date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::{
    Amount, Block, Blocks, Concern, Coverage, Current, Key, Previous, Rate, Remarks, Report, Row, Unpriced,
};
use crate::ledger::{Cell, Sums};
use crate::model::Tokens;
use crate::pricing::Remark;
use crate::pricing::saving::Saved;

const PICOUSD: i64 = 1_000_000_000_000;

/// What a session did: responses, tokens `[input, output, cache_read, cache_write_5m, cache_write_1h]`, cost.
fn amount(session: i64, responses: i64, tokens: [i64; 5], cost_picousd: Option<i64>) -> Amount {
    amount_at(session, responses, tokens, cost_picousd, None)
}

/// And at the user's own prices.
fn amount_at(
    session: i64,
    responses: i64,
    tokens: [i64; 5],
    cost_picousd: Option<i64>,
    contract_picousd: Option<i64>,
) -> Amount {
    let [input, output, cache_read, short, long] = tokens;
    let sums = Sums {
        responses,
        tokens: Tokens { input, output, cache_read, cache_write_5m: short, cache_write_1h: long },
        web_searches: 0,
        cost_picousd: cost_picousd.unwrap_or(0),
        contract_picousd: contract_picousd.or(cost_picousd).unwrap_or(0),
        saved: Saved { reads_picousd: 2 * cost_picousd.unwrap_or(0), writes_picousd: 0 },
    };
    let (is_priced, is_contracted) = (cost_picousd.is_some(), contract_picousd.is_some());
    let cell = Cell { quarter: 0, origin: 0, terms: 0, provenance: 0, is_priced, is_contracted, sums };
    let mut amount = Amount::default();
    amount.add(&cell, session);
    amount
}

/// A row of its parts, or of an amount.
fn row(name: &str, amount: Amount, parts: Vec<Row>) -> Row {
    let mut row = Row { name: name.into(), amount, parts, ..Row::default() };
    for part in &row.parts {
        row.amount.merge(&part.amount);
    }
    row.amount.settle();
    row
}

fn report(by: &[&str], rows: Vec<Row>) -> Report {
    let mut total = Amount::default();
    for row in &rows {
        total.merge(&row.amount);
    }
    total.settle();
    Report {
        by: by.iter().map(|key| key.parse::<Key>().unwrap()).collect(),
        timezone: "Europe/Berlin".into(),
        since: Some(date(2026, 11, 20)),
        until: Some(date(2026, 11, 21)),
        ledger_span: Some((date(2026, 1, 2), date(2026, 11, 21))),
        rows,
        previous: None,
        transcript: total.clone(),
        total,
        otel: Amount::default(),
        coverage: None,
        daily: None,
        unpriced: vec![],
        remarks: None,
    }
}

/// Two days, of which the first was dear.
pub(super) fn by_day() -> Report {
    let first = amount(
        1,
        1234,
        [45_678, 1_234_567, 987_654_321, 3_456_789, 23_456],
        Some(1234 * PICOUSD + 567_890_123_456),
    );
    let second = amount(2, 1, [3, 450, 20_000, 0, 1200], Some(4_999_999_999));
    report(&["day"], vec![row("2026-11-20", first, vec![]), row("2026-11-21", second, vec![])])
}

/// Responses of which telemetry alone tells, counts of the client, and a session without any.
pub(super) fn covered() -> Report {
    let report = by_day();
    let otel = amount(1, 2, [10, 20, 30, 0, 0], Some(PICOUSD / 4));
    let cost_state = amount(1, 0, [40, 299, 15_737, 781, 0], Some(PICOUSD / 8));
    let uncounted = amount(2, 1, [3, 450, 20_000, 0, 1200], Some(4_999_999_999));
    Report { otel, coverage: Some(Coverage { cost_state, uncounted }), ..report }
}

/// Months, and the days of them that cost something.
pub(super) fn daily() -> Report {
    let months = [("2026-10", 3 * PICOUSD / 2), ("2026-11", PICOUSD / 10)];
    let rows = months.map(|(name, cost)| row(name, amount(1, 1, [1, 2, 3, 4, 5], Some(cost)), vec![]));
    let days = [((10, 28), PICOUSD), ((10, 30), PICOUSD / 2), ((11, 4), PICOUSD / 10)];
    let daily = days.map(|((month, day), cost)| (date(2026, month, day), cost.into()));
    Report {
        since: Some(date(2026, 10, 28)),
        until: Some(date(2026, 11, 13)),
        daily: Some(daily.into()),
        ..report(&["month"], rows.into())
    }
}

/// Two projects, one with two models of which one has no price.
pub(super) fn by_project_and_model() -> Report {
    let mut opus = row(
        "claude-opus-5-5-20261101",
        amount(1, 12, [100, 20_000, 3_000_000, 0, 40_000], Some(PICOUSD)),
        vec![],
    );
    opus.priced_as = Some("claude-opus-5-5".into());
    let unknown = row("claude-next", amount(1, 2, [10, 200, 3000, 400, 0], None), vec![]);
    let haiku = row("claude-haiku-5-5", amount(2, 3, [5, 60, 700, 80, 9], Some(PICOUSD / 2)), vec![]);
    let rows = vec![
        row("/home/anna/work/a-long-name-for-a-service", Amount::default(), vec![opus, unknown]),
        row("/home/anna/odin", Amount::default(), vec![haiku]),
    ];
    let tokens = rows[0].parts[1].amount.tokens;
    let unpriced = vec![Unpriced { model: "claude-next".into(), responses: 2, tokens }];
    Report { unpriced, ..report(&["project", "model"], rows) }
}

/// Models of which the user's own prices name two, and the list one.
pub(super) fn contracted() -> Report {
    let opus = amount_at(1, 12, [100, 20_000, 3_000_000, 0, 40_000], Some(PICOUSD), Some(PICOUSD / 5 * 4));
    let next = amount_at(1, 2, [10, 200, 3000, 400, 0], None, Some(PICOUSD / 4));
    let odd = amount_at(1, 1, [1, 1, 0, 0, 0], None, None);
    let rows = [("claude-opus-5-5", opus), ("claude-next", next), ("claude-odd", odd)];
    report(&["model"], rows.map(|(name, amount)| row(name, amount, vec![])).into())
}

/// Projects that cost more than before, less, and something that cannot be told.
pub(super) fn compared() -> Report {
    let of = |cost| amount(2, 3, [5, 60, 700, 80, 9], cost);
    let nothing = Amount::default;
    let rows = [
        ("/w/more", of(Some(PICOUSD / 2)), of(Some(PICOUSD / 5 * 2))),
        ("/w/less", of(Some(PICOUSD / 5)), of(Some(PICOUSD))),
        ("/w/same", of(Some(PICOUSD / 5)), of(Some(PICOUSD / 5))),
        ("/w/new", of(Some(PICOUSD / 100)), nothing()),
        ("/w/unpriced", of(None), of(Some(PICOUSD))),
        ("/w/was-unpriced", of(Some(0)), of(None)),
        ("/w/gone", nothing(), of(Some(1200 * PICOUSD))),
    ];
    let rows = rows.map(|(name, amount, previous)| Row {
        previous: Some(Box::new(previous)),
        ..row(name, amount, vec![])
    });
    let mut total = Amount::default();
    rows.iter().filter_map(|row| row.previous.as_ref()).for_each(|previous| total.merge(previous));
    total.settle();
    let previous = Previous { since: date(2026, 11, 18), until: date(2026, 11, 19), total, is_early: true };
    Report { previous: Some(previous), ..report(&["project"], rows.into()) }
}

/// A window of yesterday, and one that goes on.
pub(super) fn blocks() -> Blocks {
    let block = |start: &str, amount| {
        let start: Timestamp = start.parse().unwrap();
        let account = "/home/anna/.claude".into();
        Block { start, end: start + 5.hours(), account, amount, current: None }
    };
    let mut rows = vec![
        block("2026-11-20T08:00Z", amount(2, 3, [5, 60, 700, 80, 9], Some(PICOUSD / 2))),
        block("2026-11-21T09:00Z", amount(1, 12, [100, 20_000, 3_000_000, 0, 40_000], Some(PICOUSD))),
    ];
    let mut total = rows[0].amount.clone();
    total.merge(&rows[1].amount);
    total.settle();
    rows[1].current = Some(Current {
        elapsed_seconds: 4500,
        remaining_seconds: 13_500,
        rate: Some(Rate {
            since: "2026-11-21T09:15Z".parse().unwrap(),
            tokens_per_minute: 51_002,
            picousd_per_hour: PICOUSD.into(),
            estimated_tokens: 14_535_475,
            estimated_picousd: i128::from(PICOUSD) * 19 / 4,
        }),
    });
    Blocks {
        zone: TimeZone::get("Europe/Berlin").unwrap(),
        since: Some(date(2026, 11, 20)),
        until: Some(date(2026, 11, 21)),
        ledger_span: None,
        rows,
        total,
        unpriced: vec![],
    }
}

/// Models with something to know of what they cost.
pub(super) fn explained() -> Report {
    let report = by_project_and_model();
    let concern = |remark, amount: &Amount| Concern { remark, amount: amount.clone() };
    let (opus, haiku) = (&report.rows[0].parts[0].amount, &report.rows[1].amount);
    let remarks = Remarks {
        concerns: vec![concern(Remark::ABORTED, opus), concern(Remark::TTL_UNKNOWN, haiku)],
        price_lists: vec![("2026-11-01/1".into(), 5), ("2026-11-23/1".into(), 12)],
    };
    Report { remarks: Some(remarks), ..report }
}

/// A project of some path and alias.
pub(super) fn of_project(path: &str, alias: &str) -> Report {
    let mut project = row(path, amount(1, 1, [1, 2, 3, 4, 5], Some(1)), vec![]);
    project.label = Some(alias.into());
    report(&["project"], vec![project])
}

/// One branch of any name.
pub(super) fn of_branch(name: &str) -> Report {
    report(&["branch"], vec![row(name, amount(1, 1, [1, 2, 3, 4, 5], Some(1)), vec![])])
}

pub(super) fn empty() -> Report {
    report(&["day"], vec![])
}
