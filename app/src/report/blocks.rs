//! Windows of five hours, by which the service limits what a subscription may use.
//!
//! A window begins with the hour, in UTC, of an account's first response, and lasts five hours; the next one begins with
//! the first response after its end. A pause needs no rule of its own: one of five hours ends after the window in which
//! it began. So windows begin and end on whole hours, and quarter hours decide exactly what lies in which. All responses
//! of the account count for that, also those that a report leaves out.
//!
//! The service keeps windows of its own, which may have begun elsewhere: on another machine, or in a browser.

use std::ops::Range;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::groups::{Group, Span, gather};
use super::{Amount, Error, Key, Query, Report, Row, Unpriced, calendar, days};
use crate::ledger::{Dimension, Ledger};
use crate::pricing::half_to_even;

const HOUR_QUARTERS: i64 = 4;
pub(super) const WINDOW_QUARTERS: i64 = 5 * HOUR_QUARTERS;
/// With less, a rate says nothing.
const MIN_RATE_SECONDS: i64 = 60;

/// A window of an account, in quarters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) account: i64,
    pub(super) start: i64,
    /// Of its first response.
    pub(super) first: i64,
}

/// Finds the window that a cell lies in.
#[derive(Default)]
pub(super) struct Windows {
    /// The last one of each account.
    last: Vec<Window>,
}

/// What was spent by window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocks {
    pub zone: TimeZone,
    /// First and last day that were asked for, in the zone; windows that reach into them are whole.
    pub since: Option<Date>,
    pub until: Option<Date>,
    /// First and last day of all that the ledger holds.
    pub ledger_span: Option<(Date, Date)>,
    /// By time, and then by account.
    pub rows: Vec<Block>,
    pub total: Amount,
    pub unpriced: Vec<Unpriced>,
}

/// One window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    pub start: Timestamp,
    pub end: Timestamp,
    /// A Claude config dir.
    pub account: String,
    pub amount: Amount,
    /// Where it goes on.
    pub current: Option<Current>,
}

/// How far a window has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Current {
    pub elapsed_seconds: i64,
    pub remaining_seconds: i64,
    /// None: it is too early to tell.
    pub rate: Option<Rate>,
}

/// The average since the beginning of the quarter hour that had the first response, and where it leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rate {
    pub since: Timestamp,
    pub tokens_per_minute: i128,
    pub picousd_per_hour: i128,
    /// At the window's end, should it go on like that.
    pub estimated_tokens: i128,
    pub estimated_picousd: i128,
}

/// Adds up what the query asks for, whatever its keys.
pub fn blocks(ledger: &Ledger, query: &Query) -> Result<Blocks, Error> {
    let _snapshot = ledger.snapshot()?;
    let query = Query { by: vec![Key::Block, Key::Name(Dimension::Account)], ..query.clone() };
    let Query { zone, now, .. } = &query;
    let quarters = query.period.quarters(zone, query.week_starts, *now)?;
    let mut groups = gather(ledger, &query, Span::Windows(quarters.clone()))?;
    let days = days(ledger, &quarters, zone)?;
    Ok(Blocks {
        since: days.since,
        until: days.until,
        ledger_span: days.of_ledger,
        total: groups.total(),
        unpriced: groups.unpriced(ledger)?,
        rows: rows(ledger, groups.take(), &groups.windows, *now)?,
        zone: query.zone,
    })
}

fn rows(ledger: &Ledger, groups: Vec<Group>, windows: &Windows, now: Timestamp) -> Result<Vec<Block>, Error> {
    let accounts = ledger.names(Dimension::Account)?;
    let block = |Group { ids: [start, account], amount, .. }| {
        let window = windows.last.iter().find(|last| (last.start, last.account) == (start, account));
        Block {
            start: calendar::instant(start),
            end: calendar::instant(start + WINDOW_QUARTERS),
            account: accounts.get(&account).cloned().unwrap_or_default(),
            current: window.and_then(|window| window.current(&amount, now)),
            amount,
        }
    };
    Ok(groups.into_iter().map(block).collect())
}

/// How far back windows are looked for at first, in quarters.
const LOOK_BACK: i64 = 3 * 24 * HOUR_QUARTERS;

/// The windows that lie around a quarter, at most one an account.
///
/// Where a window began depends on the one before, and so on; but who paused for five hours began anew. So it is enough
/// to read a few days, unless an account never rests.
pub(super) fn current(
    ledger: &Ledger,
    account_of: impl Fn(i64) -> i64,
    now: i64,
) -> Result<Vec<Window>, Error> {
    for from in [now - LOOK_BACK, i64::MIN] {
        let mut windows = Windows::default();
        // By account: the last quarter with something in it, and whether a pause was met.
        let mut seen: Vec<(i64, i64, bool)> = vec![];
        ledger.cells(from..now + 1, |cell| {
            let (account, quarter) = (account_of(cell.origin), cell.quarter);
            windows.of(account, quarter);
            let has_paused = |since: i64| quarter.saturating_sub(since) >= WINDOW_QUARTERS;
            match seen.iter_mut().find(|(known, ..)| *known == account) {
                Some((_, last, is_sure)) => (*last, *is_sure) = (quarter, *is_sure || has_paused(*last)),
                None => seen.push((account, quarter, has_paused(from))),
            }
        })?;
        let is_open = |(_, last, is_sure): &(i64, i64, bool)| !is_sure && now - last < WINDOW_QUARTERS;
        if from == i64::MIN || !seen.iter().any(is_open) {
            windows.last.retain(|window| window.quarters().contains(&now));
            return Ok(windows.last);
        }
    }
    Ok(vec![])
}

impl Windows {
    /// Cells must come in the order of time, and from the first on.
    pub(super) fn of(&mut self, account: i64, quarter: i64) -> Window {
        let began = Window { account, start: quarter - quarter.rem_euclid(HOUR_QUARTERS), first: quarter };
        match self.last.iter_mut().find(|window| window.account == account) {
            Some(window) if window.quarters().contains(&quarter) => *window,
            Some(window) => {
                *window = began;
                began
            }
            None => {
                self.last.push(began);
                began
            }
        }
    }
}

impl Window {
    fn quarters(self) -> Range<i64> {
        self.start..self.start + WINDOW_QUARTERS
    }

    /// Whether part of it lies in a period.
    pub(super) fn reaches_into(self, quarters: &Range<i64>) -> bool {
        self.quarters().start < quarters.end && quarters.start < self.quarters().end
    }

    fn current(self, amount: &Amount, now: Timestamp) -> Option<Current> {
        let second = |quarter| calendar::instant(quarter).as_second();
        let (started, ends) = (second(self.start), second(self.quarters().end));
        let now = now.as_second();
        (started..ends).contains(&now).then(|| Current {
            elapsed_seconds: now - started,
            remaining_seconds: ends - now,
            rate: self.rate(amount, now - second(self.first), ends - now),
        })
    }

    fn rate(self, amount: &Amount, seconds: i64, remaining: i64) -> Option<Rate> {
        let (tokens, cost) = (i128::from(amount.tokens.total()), amount.cost_picousd);
        let per = |amount: i128, length: i64| half_to_even(amount * i128::from(length), seconds.into());
        (seconds >= MIN_RATE_SECONDS).then(|| Rate {
            since: calendar::instant(self.first),
            tokens_per_minute: per(tokens, 60),
            picousd_per_hour: per(cost, 3600),
            estimated_tokens: tokens + per(tokens, remaining),
            estimated_picousd: cost + per(cost, remaining),
        })
    }
}

/// A window as people say it: `2026-11-20 10:00 to 15:00`.
pub(super) fn label(start: i64, zone: &TimeZone) -> String {
    let (from, to) = (calendar::local(start, zone), calendar::local(start + WINDOW_QUARTERS, zone));
    format!("{} to {}", from.strftime("%F %H:%M"), to.strftime("%H:%M"))
}

impl Blocks {
    /// Whether there is more than one, so that windows need to be told apart.
    pub(super) fn has_accounts(&self) -> bool {
        self.rows.iter().any(|block| block.account != self.rows[0].account)
    }

    pub(super) fn timezone(&self) -> String {
        calendar::zone_name(&self.zone)
    }

    pub(super) fn label(&self, block: &Block) -> String {
        label(calendar::quarter(block.start), &self.zone)
    }

    pub(super) fn rfc3339(&self, at: Timestamp) -> String {
        calendar::rfc3339(calendar::quarter(at), &self.zone)
    }

    /// A time of day.
    pub(super) fn clock(&self, at: Timestamp) -> String {
        calendar::local(calendar::quarter(at), &self.zone).strftime("%H:%M").to_string()
    }

    /// As a report, for tables.
    pub(super) fn report(&self) -> Report {
        let has_accounts = self.has_accounts();
        let row = |blocks: &[Block]| {
            let mut row = Row {
                name: self.rfc3339(blocks[0].start),
                label: Some(self.label(&blocks[0])),
                ..Row::default()
            };
            for block in blocks {
                row.amount.merge(&block.amount);
            }
            row.amount.settle();
            let part = |block: &Block| Row {
                name: block.account.clone(),
                amount: block.amount.clone(),
                ..Row::default()
            };
            row.parts.extend(blocks.iter().filter(|_| has_accounts).map(part));
            row
        };
        let account = has_accounts.then_some(Key::Name(Dimension::Account));
        Report {
            by: [Key::Block].into_iter().chain(account).collect(),
            timezone: self.timezone(),
            since: self.since,
            until: self.until,
            ledger_span: self.ledger_span,
            rows: self.rows.chunk_by(|a, b| a.start == b.start).map(row).collect(),
            total: self.total.clone(),
            coverage: None,
            previous: None,
            transcript: Amount::default(),
            otel: Amount::default(),
            daily: None,
            unpriced: self.unpriced.clone(),
            remarks: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{WINDOW_QUARTERS, Windows};
    use crate::report::calendar::{instant, quarter};
    use proptest::prelude::*;

    /// The windows that an account's responses make, by the definition: a response after the end of the one before
    /// begins another, on its hour.
    fn defined(responses_ms: &[i64]) -> Vec<i64> {
        const HOUR_MS: i64 = 3_600_000;
        let mut start: Option<i64> = None;
        let start_of = |at_ms: &i64| {
            let begun = start.filter(|start| *at_ms < start + 5 * HOUR_MS);
            start = begun.or(Some(at_ms - at_ms.rem_euclid(HOUR_MS)));
            start.unwrap()
        };
        responses_ms.iter().map(start_of).collect()
    }

    proptest! {
        #[test]
        fn quarter_hours_decide_windows_exactly(mut gaps in prop::collection::vec(0..30_000_000_i64, 1..60)) {
            gaps[0] += 1_790_000_000_000;
            let mut at = 0;
            let times: Vec<i64> = gaps.into_iter().map(|gap| { at += gap; at }).collect();
            let mut windows = Windows::default();
            let found: Vec<i64> = times.iter().map(|at| windows.of(1, at.div_euclid(900_000)).start * 900_000).collect();
            prop_assert_eq!(found, defined(&times));
        }
    }

    #[test]
    fn a_window_begins_on_its_hour_and_the_next_after_its_end() {
        let mut windows = Windows::default();
        for (account, at, want) in [
            (1, "10:45", "10:00"),
            (1, "14:45", "10:00"),
            // Another account has windows of its own.
            (2, "14:45", "14:00"),
            (1, "15:00", "15:00"),
            (1, "19:45", "15:00"),
            (2, "19:15", "19:00"),
            (1, "23:30", "23:00"),
        ] {
            let at = quarter(format!("2026-11-20T{at}Z").parse().unwrap());
            let start = instant(windows.of(account, at).start).strftime("%H:%M").to_string();
            assert_eq!(start, want, "{account} {at}");
        }
    }

    #[test]
    fn a_window_reaches_into_what_it_shares_a_quarter_with() {
        let window = Windows::default().of(1, 0);
        let end = WINDOW_QUARTERS;
        for (quarters, want) in [(-4..0, false), (-4..1, true), (end - 1..end, true), (end..end + 1, false)] {
            assert_eq!(window.reaches_into(&quarters), want, "{quarters:?}");
        }
        assert!(window.reaches_into(&(i64::MIN..i64::MAX)));
    }
}
