//! Budgets for people: a table of them, and a line each below a report.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{Pace, Standing};
use crate::ledger::{BudgetPeriod, Dimension};
use crate::report::Key;
use crate::report::number::push_usd;
use crate::report::page::{Column, Page, Row};
use crate::report::table::shortened;
use crate::report::text::{plain, push_cost};

const PROJECT: usize = 32;

const COLUMNS: [Column; 7] = [
    Column::Text("Project"),
    Column::Number("Budget"),
    Column::Number("Spent"),
    Column::Number("%"),
    Column::Number("An hour"),
    Column::Number("At its end"),
    Column::Text("All spent"),
];
const FITS: [&[usize]; 5] =
    [&[0, 1, 2, 3, 4, 5, 6], &[0, 1, 2, 3, 5, 6], &[0, 1, 2, 3, 5], &[0, 1, 2, 3], &[1, 2, 3]];

/// A line a budget. What comes after the present is an estimate: the average of the period goes on.
pub fn table(standings: &[Standing], zone: &TimeZone, width: usize, is_terminal: bool) -> String {
    let mut page = Page::new(width);
    let rows: Vec<Row> = standings.iter().map(|standing| row(standing, zone)).collect();
    page.table("Period", &COLUMNS, &FITS, &rows);
    page.text(is_terminal)
}

fn row(standing: &Standing, zone: &TimeZone) -> Row {
    let known = |text: &dyn Fn(&Pace) -> String| standing.pace.as_ref().map(text).unwrap_or_default();
    let all_spent = match &standing.pace {
        _ if standing.is_over() => "over".into(),
        Some(Pace { spent_at: Some(at), .. }) => clock(*at, standing.budget.period, zone),
        _ => String::new(),
    };
    let project = match &*standing.budget.project {
        "" => "all".into(),
        project => shortened(project, Key::Name(Dimension::Project), PROJECT),
    };
    let cells = vec![
        project.into(),
        usd(standing.budget.amount_picousd.into()),
        spent(standing),
        standing.percent().to_string(),
        known(&|pace| usd(pace.picousd_per_hour)),
        known(&|pace| usd(pace.estimated_picousd)),
        all_spent,
    ];
    Row { label: standing.budget.period.name().into(), cells, is_sum: false }
}

/// As in `Budget of the month: $12.40 of $20.00 (62 %); $31.00 by its end at this rate, all spent by 2026-11-19`.
pub fn notes(standings: &[Standing], zone: &TimeZone) -> String {
    let note = |standing: &Standing| {
        let Standing { budget, pace, .. } = standing;
        let project = match &*budget.project {
            "" => String::new(),
            project => format!(", {}", plain(project)),
        };
        let over = if standing.is_over() { ", which is over" } else { "" };
        let estimate = pace.as_ref().map(|pace| {
            let spent_at =
                pace.spent_at.map(|at| format!(", all spent by {}", clock(at, budget.period, zone)));
            let estimated = usd(pace.estimated_picousd);
            format!("; {estimated} by its end at this rate{}", spent_at.unwrap_or_default())
        });
        format!(
            "Budget of the {}{project}: {} of {} ({} %){over}{}\n",
            budget.period.name(),
            spent(standing),
            usd(budget.amount_picousd.into()),
            standing.percent(),
            estimate.unwrap_or_default()
        )
    };
    standings.iter().map(note).collect()
}

fn usd(picousd: i128) -> String {
    let mut text = String::from("$");
    push_usd(&mut text, picousd, 2);
    text
}

fn spent(standing: &Standing) -> String {
    let mut text = String::new();
    let amount = &standing.spending.amount;
    push_cost(&mut text, amount.cost_picousd, amount.priced(), 2);
    text
}

/// When within a period.
fn clock(at: Timestamp, period: BudgetPeriod, zone: &TimeZone) -> String {
    let format = if matches!(period, BudgetPeriod::Day | BudgetPeriod::Block) { "%H:%M" } else { "%F %H:%M" };
    at.to_zoned_datetime(zone.clone()).strftime(format).to_string()
}
