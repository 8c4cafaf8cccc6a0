//! Budgets as JSON, schema `odin.cost.budgets/1`, on one line. Names and order of the fields are a promise.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::Standing;
use crate::report::calendar;
use crate::report::json::usd_number;

#[derive(Serialize)]
struct Document<'s> {
    schema: &'static str,
    timezone: String,
    rows: Vec<Line<'s>>,
}

#[derive(Serialize)]
struct Line<'s> {
    period: &'static str,
    /// Empty: all.
    project: &'s str,
    /// Null: no block has begun.
    since: Option<String>,
    until: Option<String>,
    #[serde(rename = "budget_usd", serialize_with = "usd_number")]
    budget: i128,
    budget_picousd: i128,
    #[serde(rename = "cost_usd", serialize_with = "usd_number")]
    cost: i128,
    cost_picousd: i128,
    unpriced_responses: i64,
    is_over: bool,
    /// Null: too early to tell.
    pace: Option<Going>,
}

#[derive(Serialize)]
struct Going {
    #[serde(rename = "cost_usd_per_hour", serialize_with = "usd_number")]
    rate: i128,
    cost_picousd_per_hour: i128,
    #[serde(rename = "estimated_cost_usd", serialize_with = "usd_number")]
    estimate: i128,
    estimated_cost_picousd: i128,
    /// Null: not in this period, or it is already.
    spent_at: Option<String>,
}

pub fn render<'s>(standings: &'s [Standing], zone: &TimeZone) -> serde_json::Result<String> {
    let time =
        |at: Timestamp| at.to_zoned_datetime(zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string();
    let line = |standing: &'s Standing| {
        let Standing { budget, spending, pace } = standing;
        Line {
            period: budget.period.name(),
            project: &budget.project,
            since: spending.span.map(|(since, _)| time(since)),
            until: spending.span.map(|(_, until)| time(until)),
            budget: budget.amount_picousd.into(),
            budget_picousd: budget.amount_picousd.into(),
            cost: spending.amount.cost_picousd,
            cost_picousd: spending.amount.cost_picousd,
            unpriced_responses: spending.amount.unpriced_responses,
            is_over: standing.is_over(),
            pace: pace.as_ref().map(|pace| Going {
                rate: pace.picousd_per_hour,
                cost_picousd_per_hour: pace.picousd_per_hour,
                estimate: pace.estimated_picousd,
                estimated_cost_picousd: pace.estimated_picousd,
                spent_at: pace.spent_at.map(time),
            }),
        }
    };
    let document = Document {
        schema: "odin.cost.budgets/1",
        timezone: calendar::zone_name(zone),
        rows: standings.iter().map(line).collect(),
    };
    serde_json::to_string(&document).map(|text| text + "\n")
}
