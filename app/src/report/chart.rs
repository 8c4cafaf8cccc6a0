//! Costs as bars and as a line of bars, drawn with Unicode's block elements and no colour.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::ToSpan;
use jiff::civil::Date;

use super::Report;
use super::table::{GAP, MIN_NAME, columns_of, comfortable, pad, shortened};
use super::text::{self, Cells};

/// An eighth of a column more each.
const EIGHTHS: [char; 8] = ['▏', '▎', '▍', '▌', '▋', '▊', '▉', '█'];
/// An eighth of a line more each.
const HEIGHTS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// A day without any cost.
const NOTHING: char = '·';
/// In columns; names give way to it.
const MIN_BAR: usize = 10;

/// A bar for each row of the first key, with its cost.
pub(super) fn bars(out: &mut String, report: &Report, width: usize) {
    let key = report.by[0];
    let names: Vec<Cow<str>> = report.rows.iter().map(|row| text::shown(key, row)).collect();
    let decimals = text::decimals(report);
    let mut costs = Cells::default();
    for row in &report.rows {
        let amount = &row.amount;
        costs.push(|text| text::push_cost(text, amount.cost_picousd, amount.priced(), decimals));
    }
    let most = report.rows.iter().map(|row| row.amount.cost_picousd).max().unwrap_or_default();
    let room = width.saturating_sub(costs.widest() + 2 * GAP);
    let longest = names.iter().map(|name| columns_of(name)).max().unwrap_or_default();
    let name_width = longest.min(comfortable(key)).min(room.saturating_sub(MIN_BAR).max(MIN_NAME));
    let bar_width = room.saturating_sub(name_width);
    for (at, (row, name)) in report.rows.iter().zip(&names).enumerate() {
        let name = shortened(name, key, name_width);
        let bar = bar(row.amount.cost_picousd, most, bar_width);
        let cost = costs.get(at);
        *out += &name;
        pad(out, name_width - columns_of(&name).min(name_width) + GAP);
        out.extend(&bar);
        pad(out, bar_width - bar.len() + GAP + costs.widest() - columns_of(cost));
        *out += cost;
        out.push('\n');
    }
}

/// What is something is seen.
fn bar(part: i128, most: i128, width: usize) -> Vec<char> {
    let eighths = share(part, most, 8 * width);
    let mut bar = vec!['█'; eighths / 8];
    bar.extend((eighths % 8).checked_sub(1).map(|last| EIGHTHS[last]));
    bar
}

/// The days of a report, as many of the last as there is room for; with a word on which these are.
pub(super) fn sparkline(report: &Report, width: usize) -> Option<String> {
    let (daily, since, until) = (report.daily.as_ref()?, report.since?, report.until?);
    let days = usize::try_from((until - since).get_days()).ok()? + 1;
    let whole = "by day  ";
    let (label, shown) = if whole.len() + days <= width {
        (whole.into(), days)
    } else {
        let room = width.saturating_sub("last  days  ".len());
        let shown = room.saturating_sub(room.to_string().len());
        (format!("last {shown} days  "), shown)
    };
    let first = until.saturating_sub(i64::try_from(shown).ok()?.days()).saturating_add(1.day());
    (shown > 1).then(|| label + &heights(daily, first, until))
}

fn heights(daily: &BTreeMap<Date, i128>, first: Date, last: Date) -> String {
    let cost = |day: Date| daily.get(&day).copied().unwrap_or_default();
    let days = || first.series(1.day()).take_while(|day| *day <= last);
    let most = days().map(cost).max().unwrap_or_default();
    let height = |cost| share(cost, most, HEIGHTS.len()).checked_sub(1).map_or(NOTHING, |at| HEIGHTS[at]);
    days().map(|day| height(cost(day))).collect()
}

/// How many of `steps` a part of `most` takes; at least one, if it is anything.
fn share(part: i128, most: i128, steps: usize) -> usize {
    if part <= 0 || most <= 0 {
        return 0;
    }
    let share = part * i128::try_from(steps).unwrap_or(i128::MAX) / most;
    usize::try_from(share.max(1)).unwrap_or(steps)
}

#[cfg(test)]
mod tests {
    use super::{bar, bars, sparkline};
    use crate::report::sample;
    use crate::report::table::columns_of;

    #[test]
    fn a_bar_is_as_long_as_its_share_and_never_nothing() {
        for (part, want) in [(0, ""), (1, "▏"), (500, "██"), (563, "██▎"), (999, "███▉"), (1000, "████")]
        {
            assert_eq!(bar(part, 1000, 4).into_iter().collect::<String>(), want, "{part}");
        }
        assert!(bar(0, 0, 4).is_empty(), "nothing costs anything");
    }

    #[test]
    fn bars_fill_the_width_and_costs_stay_whole() {
        let mut out = String::new();
        bars(&mut out, &sample::by_project_and_model(), 44);
        assert_eq!(
            out,
            "…name-for-a-service  ██████████████  ≥ $1.00
/home/anna/odin      ███████           $0.50
"
        );
    }

    #[test]
    fn no_bar_is_wider_than_the_terminal() {
        for report in [sample::by_day(), sample::by_project_and_model(), sample::compared()] {
            for width in 30..200 {
                let mut out = String::new();
                bars(&mut out, &report, width);
                let widest = out.lines().map(columns_of).max().unwrap();
                assert_eq!(widest, width, "{out}");
            }
        }
    }

    #[test]
    fn a_line_has_the_days_that_fit_and_says_which() {
        let report = sample::daily();
        assert_eq!(sparkline(&report, 24).unwrap(), "last 10 days  █·········");
        assert_eq!(sparkline(&report, 40).unwrap(), "by day  █·▄····▁·········");
    }
}
