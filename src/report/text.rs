//! What tables and Markdown share: lines, column titles, and how a cost is said.

use std::borrow::Cow;

use jiff::Timestamp;

use super::number::{exact_usd, grouped, usd};
use super::{Amount, Key, Priced, Report, Row};
use crate::ledger::{Dimension, Moved};

const CENT_PICOUSD: i128 = 10_000_000_000;

/// A line of a table.
pub(super) struct Line<'r> {
    /// A subtotal or the total.
    pub(super) is_sum: bool,
    /// One for each key.
    pub(super) names: Vec<Cow<'r, str>>,
    pub(super) amount: &'r Amount,
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

/// As a column's title, as in `Project`.
pub(super) fn title(key: Key) -> String {
    let name = key.name();
    name[..1].to_uppercase() + &name[1..]
}

/// Rows, a subtotal after the parts of one where they are several, and the total.
pub(super) fn lines(report: &Report) -> Vec<Line<'_>> {
    let mut lines = Vec::new();
    for row in &report.rows {
        let name = shown(report.by[0], row);
        let line = |is_sum, second, amount| Line { is_sum, names: vec![name.clone(), second], amount };
        if row.parts.is_empty() {
            lines.push(Line { is_sum: false, names: vec![name], amount: &row.amount });
            continue;
        }
        lines.extend(row.parts.iter().map(|part| line(false, shown(report.by[1], part), &part.amount)));
        if row.parts.len() > 1 {
            lines.push(line(true, "Subtotal".into(), &row.amount));
        }
    }
    let mut names = vec![Cow::Borrowed(""); report.by.len()];
    names[0] = "Total".into();
    lines.push(Line { is_sum: true, names, amount: &report.total });
    lines
}

/// A row's name for people. Names come from outside: what would steer a terminal is made visible.
fn shown(key: Key, row: &Row) -> Cow<'_, str> {
    let name = match (key, row.name.as_str()) {
        (Key::Name(Dimension::Agent), "") => "main",
        (_, "") => "(none)",
        (_, name) => name,
    };
    if name.contains(char::is_control) {
        Cow::Owned(name.replace(char::is_control, "\u{fffd}"))
    } else {
        Cow::Borrowed(name)
    }
}

/// The costs of lines.
pub(super) fn costs(report: &Report, lines: &[Line]) -> Cells {
    let decimals = decimals(report);
    let mut costs = Cells::default();
    for line in lines {
        costs.push(|text| *text += &cost(line.amount, decimals));
    }
    costs
}

/// What a cost is rounded to, for all of a report: cents, unless there is less than one.
pub(super) fn decimals(report: &Report) -> u32 {
    if (1..CENT_PICOUSD).contains(&report.total.cost_picousd) { 4 } else { 2 }
}

/// In dollars; a lower bound says so.
pub(super) fn cost(amount: &Amount, decimals: u32) -> String {
    let text = format!("${}", grouped(&usd(amount.cost_picousd, decimals)));
    let is_lost = amount.cost_picousd > 0 && usd(amount.cost_picousd, decimals) == usd(0, decimals);
    let least = 10_i128.pow(12 - decimals);
    match amount.priced() {
        Priced::None => "unpriced".into(),
        Priced::Some => format!("≥ {text}"),
        Priced::All if is_lost => format!("<${}", usd(least, decimals)),
        Priced::All => text,
    }
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

/// What the report covers.
pub(super) fn heading(report: &Report) -> String {
    format!("{}, {}", days(report), report.timezone)
}

/// Why there are no rows.
pub(super) fn nothing(report: &Report) -> String {
    match report.ledger_span {
        None => "Nothing yet: the ledger is empty.\n".into(),
        Some((first, last)) => {
            format!("Nothing for {}: the ledger holds {first} to {last}.\n", heading(report))
        }
    }
}

fn days(report: &Report) -> String {
    match (report.since, report.until) {
        (Some(since), Some(until)) if since == until => since.to_string(),
        (Some(since), Some(until)) => format!("{since} to {until}"),
        _ => "all time".into(),
    }
}

/// What is missing from the costs, a line each, and what to do about it; empty if nothing is.
pub(super) fn warnings(report: &Report) -> Vec<String> {
    if report.unpriced.is_empty() {
        return vec![];
    }
    let mut lines = vec!["No price known, so costs are at least (≥). Update odin.".to_string()];
    lines.extend(report.unpriced.iter().map(|unpriced| {
        let (responses, tokens) = (unpriced.responses.to_string(), unpriced.tokens.total().to_string());
        let model = unpriced.model.replace(char::is_control, "\u{fffd}");
        format!("{model}: {} responses, {} tokens", grouped(&responses), grouped(&tokens))
    }));
    lines
}
