//! What tables and Markdown share: lines, column titles, and how a cost is said.

use std::borrow::Cow;

use jiff::Timestamp;
use jiff::civil::Date;

use super::number::{counted, exact_usd, grouped, push_usd};
use super::{Amount, Block, Blocks, Coverage, Current, Key, Previous, Priced, Report, Row, Unpriced};
use crate::ledger::{Dimension, Moved};

const CENT_PICOUSD: i128 = 10_000_000_000;

/// A line of a table.
pub(super) struct Line<'r> {
    /// A subtotal or the total.
    pub(super) is_sum: bool,
    /// One for each key.
    pub(super) names: Vec<Cow<'r, str>>,
    pub(super) amount: &'r Amount,
    /// Where the report compares.
    pub(super) previous: Option<&'r Amount>,
}

/// The texts of one column, run together.
#[derive(Default)]
pub(super) struct Cells {
    text: String,
    ends: Vec<usize>,
}

impl Cells {
    /// Takes in one more, as `write` puts it behind the others.
    pub(super) fn push(&mut self, write: impl FnOnce(&mut String)) {
        write(&mut self.text);
        self.ends.push(self.text.len());
    }

    pub(super) fn get(&self, at: usize) -> &str {
        let start = if at == 0 { 0 } else { self.ends[at - 1] };
        &self.text[start..self.ends[at]]
    }

    /// In columns of a terminal: none of these takes two, and only the sign for a lower bound is not ASCII.
    pub(super) fn widest(&self) -> usize {
        (0..self.ends.len()).map(|at| self.get(at).chars().count()).max().unwrap_or_default()
    }
}

/// A column of token counts or other numbers.
#[derive(Clone, Copy)]
pub(super) enum Column {
    Responses,
    Sessions,
    Input,
    Output,
    CacheWrite,
    CacheRead,
    /// Write and read in one.
    Cache,
    Tokens,
}

impl Column {
    pub(super) const ALL: [Self; 7] = [
        Self::Responses,
        Self::Sessions,
        Self::Input,
        Self::Output,
        Self::CacheWrite,
        Self::CacheRead,
        Self::Tokens,
    ];

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Responses => "Responses",
            Self::Sessions => "Sessions",
            Self::Input => "Input",
            Self::Output => "Output",
            Self::CacheWrite => "Cache write",
            Self::CacheRead => "Cache read",
            Self::Cache => "Cache",
            Self::Tokens => "Tokens",
        }
    }

    pub(super) fn count(self, amount: &Amount) -> i64 {
        let tokens = &amount.tokens;
        let cache_write = tokens.cache_write_5m + tokens.cache_write_1h;
        match self {
            Self::Responses => amount.responses,
            Self::Sessions => amount.sessions(),
            Self::Input => tokens.input,
            Self::Output => tokens.output,
            Self::CacheWrite => cache_write,
            Self::CacheRead => tokens.cache_read,
            Self::Cache => cache_write + tokens.cache_read,
            Self::Tokens => tokens.total(),
        }
    }
}

/// A column of money.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Money {
    /// What the cache saved.
    Saving,
    /// At list price.
    Cost,
    /// At the user's own prices.
    Contract,
    /// In the period before.
    Previous,
    Change,
    Percent,
}

impl Money {
    /// Those that a report has; what the cache saved is for where there is room.
    pub(super) fn of(report: &Report) -> Vec<Self> {
        let mut columns = vec![Self::Cost];
        if report.total.is_contracted {
            columns.push(Self::Contract);
        }
        if report.previous.is_some() {
            columns.extend([Self::Previous, Self::Change, Self::Percent]);
        }
        columns
    }

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Saving => "Cache saved",
            Self::Cost => "Cost",
            Self::Contract => "Contract",
            Self::Previous => "Previous",
            Self::Change => "Change",
            Self::Percent => "%",
        }
    }

    /// Writes a line's behind what is there.
    pub(super) fn push(self, out: &mut String, line: &Line, decimals: u32) {
        let amount = line.amount;
        match (self, line.previous) {
            (Self::Saving, _) => push_saving(out, amount, decimals),
            (Self::Cost, _) => push_cost(out, amount.cost_picousd, amount.priced(), decimals),
            (Self::Contract, _) => {
                push_cost(out, amount.contract_picousd, amount.contract_priced(), decimals);
            }
            (Self::Previous, Some(previous)) => {
                push_cost(out, previous.cost_picousd, previous.priced(), decimals);
            }
            (Self::Change, Some(previous)) => push_change(out, amount, previous, decimals),
            (Self::Percent, Some(previous)) => *out += &percent(amount, previous),
            (Self::Previous | Self::Change | Self::Percent, None) => {}
        }
    }
}

/// As a column's title, as in `Project`.
pub(super) fn title(key: Key) -> String {
    if key == Key::Name(Dimension::McpServer) {
        return "MCP server".into();
    }
    let name = key.name().replace('_', " ");
    name[..1].to_uppercase() + &name[1..]
}

/// Rows, a subtotal after the parts of one where they are several, and the total.
pub(super) fn lines<'r>(report: &'r Report) -> Vec<Line<'r>> {
    let mut lines = Vec::new();
    for row in &report.rows {
        let name = shown(report.by[0], row);
        let line = |is_sum, names, row: &'r Row| Line {
            is_sum,
            names,
            amount: &row.amount,
            previous: row.previous.as_deref(),
        };
        if row.parts.is_empty() {
            lines.push(line(false, vec![name], row));
            continue;
        }
        let parts = row.parts.iter().map(|part| (vec![name.clone(), shown(report.by[1], part)], part));
        lines.extend(parts.map(|(names, part)| line(false, names, part)));
        if row.parts.len() > 1 {
            lines.push(line(true, vec![name, "Subtotal".into()], row));
        }
    }
    let mut names = vec![Cow::Borrowed(""); report.by.len()];
    names[0] = "Total".into();
    let previous = report.previous.as_ref().map(|previous| &previous.total);
    lines.push(Line { is_sum: true, names, amount: &report.total, previous });
    lines
}

/// A row's name for people. Names come from outside: what would steer a terminal is made visible.
pub(super) fn shown(key: Key, row: &Row) -> Cow<'_, str> {
    let name = match (key, row.label.as_ref().unwrap_or(&row.name).as_str()) {
        (Key::Name(Dimension::Agent), "") => "main",
        (_, "") => "(none)",
        (_, name) => name,
    };
    plain(name)
}

pub(super) fn plain(name: &str) -> Cow<'_, str> {
    if name.contains(char::is_control) {
        Cow::Owned(name.replace(char::is_control, "\u{fffd}"))
    } else {
        Cow::Borrowed(name)
    }
}

/// What a cost is rounded to, for all of a report: cents, unless there is less than one.
pub(super) fn decimals(report: &Report) -> u32 {
    decimals_of(&report.total)
}

/// The same, of what a total has.
pub(super) fn decimals_of(total: &Amount) -> u32 {
    if (1..CENT_PICOUSD).contains(&total.cost_picousd) { 4 } else { 2 }
}

/// In dollars; a lower bound says so.
pub(super) fn push_cost(out: &mut String, picousd: i128, priced: Priced, decimals: u32) {
    let least = 10_i128.pow(12 - decimals);
    let (sign, shown) = match priced {
        Priced::None => return out.push_str("unpriced"),
        Priced::Some => ("≥ $", picousd),
        // Half a step is rounded to the even neighbour, which is none.
        Priced::All if picousd > 0 && picousd <= least / 2 => ("<$", least),
        Priced::All => ("$", picousd),
    };
    *out += sign;
    push_usd(out, shown, decimals);
}

/// What a change of prices did to a model's responses.
pub fn moved(model: &str, moved: &Moved) -> String {
    let day = |at_ms| {
        Timestamp::from_millisecond(at_ms).map_or_else(|_| "?".into(), |at| at.strftime("%F").to_string())
    };
    let dollars = |picousd, unpriced| {
        let least = if unpriced > 0 { "≥ " } else { "" };
        format!("{least}${}", grouped(&exact_usd(picousd)))
    };
    let (first, last) = (day(moved.first_ms), day(moved.last_ms));
    let days = if first == last { first } else { format!("{first} to {last}") };
    format!(
        "{}: {} responses of {days}, {} → {}",
        model.replace(char::is_control, "\u{fffd}"),
        grouped(&moved.responses.to_string()),
        dollars(moved.before_picousd, moved.unpriced_before),
        dollars(moved.after_picousd, moved.unpriced_after)
    )
}

/// What has no price might add to it as well as take from it.
fn push_saving(out: &mut String, amount: &Amount, decimals: u32) {
    let saving = amount.cache_saving_picousd;
    match amount.priced() {
        Priced::None => return out.push_str("unknown"),
        Priced::Some => *out += "≈ ",
        Priced::All => {}
    }
    *out += if saving < 0 { "-$" } else { "$" };
    push_usd(out, saving.abs(), decimals);
}

/// With its sign; what is not all priced makes it a bound, and on both sides, nothing.
fn push_change(out: &mut String, amount: &Amount, previous: &Amount, decimals: u32) {
    let more = amount.cost_picousd - previous.cost_picousd;
    *out += match (amount.priced(), previous.priced()) {
        (Priced::All, Priced::All) => "",
        (_, Priced::All) => "≥ ",
        (Priced::All, _) => "≤ ",
        _ => return out.push_str("unknown"),
    };
    *out += match more.signum() {
        1 => "+$",
        0 => "$",
        _ => "-$",
    };
    push_usd(out, more.abs(), decimals);
}

fn percent(amount: &Amount, previous: &Amount) -> String {
    match amount.percent_over(previous) {
        Some(percent) if percent.starts_with('-') || percent == "0.0" => percent + "%",
        Some(percent) => format!("+{percent}%"),
        None => "–".into(),
    }
}

/// How far a window has come.
pub(super) struct CurrentLines {
    pub(super) heading: String,
    /// What, and what there is to say of it.
    pub(super) lines: Vec<(&'static str, String)>,
}

/// Of the windows that go on.
pub(super) fn current(blocks: &Blocks) -> Vec<CurrentLines> {
    blocks
        .rows
        .iter()
        .filter_map(|block| Some(current_lines(blocks, block, block.current.as_ref()?)))
        .collect()
}

fn current_lines(blocks: &Blocks, block: &Block, current: &Current) -> CurrentLines {
    let spent = |tokens: i128, picousd, (per_tokens, per_cost)| {
        let mut text = format!("{} tokens{per_tokens}, ", grouped(&tokens.to_string()));
        push_cost(&mut text, picousd, block.amount.priced(), 2);
        text + per_cost
    };
    let (gone, left) = (length(current.elapsed_seconds), length(current.remaining_seconds));
    let so_far = spent(block.amount.tokens.total().into(), block.amount.cost_picousd, ("", ""));
    let mut lines = vec![("time", format!("{gone} gone, {left} left")), ("so far", so_far)];
    if blocks.has_accounts() {
        lines.insert(0, ("account", plain(&block.account).into()));
    }
    match &current.rate {
        None => lines.push(("rate", "too early to tell".into())),
        Some(rate) => {
            let (since, until) = (blocks.clock(rate.since), blocks.clock(block.end));
            let speed = spent(rate.tokens_per_minute, rate.picousd_per_hour, ("/min", "/h"));
            let end = spent(rate.estimated_tokens, rate.estimated_picousd, ("", ""));
            lines.push(("rate", format!("{speed} since the quarter hour of {since}")));
            lines.push(("estimate", format!("{end} by {until}")));
        }
    }
    CurrentLines { heading: format!("Current block, {}", blocks.label(block)), lines }
}

/// As in `1 h 05 min`.
fn length(seconds: i64) -> String {
    format!("{} h {:02} min", seconds / 3600, seconds / 60 % 60)
}

/// What the report covers.
pub(super) fn heading(report: &Report) -> String {
    heading_of(report.since, report.until, &report.timezone)
}

pub(super) fn heading_of(since: Option<Date>, until: Option<Date>, timezone: &str) -> String {
    let days = since.zip(until).map_or_else(|| "all time".into(), |(since, until)| range(since, until));
    format!("{days}, {timezone}")
}

/// What it is compared with, as lines.
pub(super) fn comparison(report: &Report) -> Vec<String> {
    let Some(Previous { since, until, is_early, .. }) = &report.previous else { return vec![] };
    let compared = format!("compared with {}", range(*since, *until));
    let early = report.until.filter(|_| *is_early).map(|until| format!("{until} is not over"));
    [compared].into_iter().chain(early).collect()
}

/// Why there are no rows.
pub(super) fn nothing(report: &Report) -> String {
    nothing_for(&heading(report), report.ledger_span)
}

pub(super) fn nothing_for(heading: &str, ledger_span: Option<(Date, Date)>) -> String {
    match ledger_span {
        None => "Nothing yet: the ledger is empty.\n".into(),
        Some((first, last)) => format!("Nothing for {heading}: the ledger holds {first} to {last}.\n"),
    }
}

fn range(since: Date, until: Date) -> String {
    if since == until { since.to_string() } else { format!("{since} to {until}") }
}

/// How much of what was spent the report has: what was measured, what only telemetry tells, what is inferred from the
/// client's own counts, and where nobody knows.
pub(super) fn coverage(report: &Report) -> Option<String> {
    let Coverage { cost_state, uncounted } = report.coverage.as_ref()?;
    let decimals = decimals(report);
    let cost = |amount: &Amount| {
        let mut text = String::new();
        push_cost(&mut text, amount.cost_picousd, amount.priced(), decimals);
        text
    };
    let unknown = match uncounted.sessions() {
        0 => "none".into(),
        sessions => counted(sessions, "session"),
    };
    let [measured, told, inferred] = [&report.transcript, &report.otel, cost_state].map(cost);
    Some(format!(
        "Coverage: measured {measured}, telemetry only {told}, inferred {inferred}, unknown in {unknown}"
    ))
}

/// What is missing from the costs, a line each, and what to do about it; empty if nothing is.
pub(super) fn warnings(unpriced: &[Unpriced]) -> Vec<String> {
    if unpriced.is_empty() {
        return vec![];
    }
    let mut lines = vec!["No price known, so costs are at least (≥). Update odin.".to_string()];
    lines.extend(unpriced.iter().map(|unpriced| {
        let (responses, tokens) = (unpriced.responses, unpriced.tokens.total());
        format!(
            "{}: {}, {}",
            plain(&unpriced.model),
            counted(responses, "response"),
            counted(tokens, "token")
        )
    }));
    lines
}
