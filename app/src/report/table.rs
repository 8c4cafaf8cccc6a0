//! Reports as a table for people, fitted to a width.
//!
//! What there is no room for goes in this order: what the cache saved, a part of long names, digits of counts, columns of
//! counts, more of the names, columns of money. The cost stays whole, and nothing takes a second line.

use std::borrow::Cow;

use super::number::{push_grouped, push_short};
use super::page::Page;
use super::text::{self, Cells, Column, Line, Money};
use super::{Amount, Blocks, Key, Report, chart, remarks};
use crate::ledger::Dimension;

/// Between columns.
pub(super) const GAP: usize = 2;
/// The most that a shortened count takes.
const SHORT: usize = 5;
/// Below this, a name says nothing.
pub(super) const MIN_NAME: usize = 5;
pub(super) const BOLD: &str = "\x1b[1m";
pub(super) const PLAIN: &str = "\x1b[0m";

/// Columns before the money, from the fullest table to the barest.
const COLUMNS: &[&[Column]] = &[
    &Column::ALL,
    &[Column::Responses, Column::Input, Column::Output, Column::CacheWrite, Column::CacheRead],
    &[Column::Responses, Column::Input, Column::Output, Column::Cache],
    &[Column::Responses, Column::Tokens],
    &[Column::Tokens],
    &[],
];

/// Columns of money in the order in which they go.
const DISPENSABLE: &[Money] = &[Money::Change, Money::Contract, Money::Previous, Money::Percent];

/// Writes a count behind what is there.
type Number = fn(&mut String, i64);

/// What fits.
struct Fit {
    columns: &'static [Column],
    number: Number,
    money: Vec<(Money, Cells)>,
    /// Of each key's column.
    names: Vec<usize>,
}

/// With escape codes for bold lines only where `is_terminal`, and with charts where the report has days for them.
pub fn render(report: &Report, width: usize, is_terminal: bool) -> String {
    if report.rows.is_empty() {
        return text::nothing(report);
    }
    let mut lines = text::lines(report);
    blank_repeats(&mut lines);
    let fit = fit(report, &lines, width);
    let mut out = text::heading(report) + "\n";
    for line in text::comparison(report).into_iter().chain(chart::sparkline(report, width)) {
        out.extend([&line, "\n"]);
    }
    out.push('\n');
    draw(&mut out, report, &lines, &fit, is_terminal);
    if report.daily.is_some() {
        let title = format!("Cost by {}", report.by[0].name().replace('_', " "));
        let (bold, plain) = if is_terminal { (BOLD, PLAIN) } else { ("", "") };
        out.extend(["\n", bold, &title, plain, "\n"]);
        chart::bars(&mut out, report, width);
    }
    for (at, line) in text::warnings(&report.unpriced).iter().enumerate() {
        out += if at == 0 { "\n" } else { "  " };
        out += line;
        out.push('\n');
    }
    if let Some(remarks) = &report.remarks {
        let mut page = Page::new(width);
        remarks::show(&mut page, remarks, &report.unpriced, text::decimals(report));
        out += &page.text(is_terminal);
    }
    if let Some(coverage) = text::coverage(report) {
        let mut page = Page::new(width);
        page.gap();
        page.say(0, &coverage);
        out += &page.text(is_terminal);
    }
    out
}

/// Windows, and how far those have come that go on.
pub fn blocks(blocks: &Blocks, width: usize, is_terminal: bool) -> String {
    let mut out = render(&blocks.report(), width, is_terminal);
    for current in text::current(blocks) {
        out.extend(["\n", &current.heading, "\n"]);
        out.extend(current.lines.iter().map(|(what, said)| format!("  {what:8}  {said}\n")));
    }
    out
}

/// A first key is named once for all its lines.
fn blank_repeats(lines: &mut [Line]) {
    for at in (1..lines.len()).rev() {
        if lines[at].names.len() > 1 && lines[at].names[0] == lines[at - 1].names[0] {
            lines[at].names[0] = Cow::Borrowed("");
        }
    }
}

fn fit(report: &Report, lines: &[Line], width: usize) -> Fit {
    let full: Vec<usize> = (0..report.by.len())
        .map(|at| lines.iter().map(|line| columns_of(&line.names[at])).max().unwrap_or_default())
        .zip(&report.by)
        .map(|(widest, key)| widest.max(text::title(*key).len()))
        .collect();
    let wanted: Vec<usize> =
        report.by.iter().zip(&full).map(|(key, full)| comfortable(*key).min(*full)).collect();
    let decimals = text::decimals(report);
    let with_cells = |column: Money| {
        let mut cells = Cells::default();
        for line in lines {
            cells.push(|text| column.push(text, line, decimals));
        }
        (column, cells)
    };
    let room_beside = |money: &[(Money, Cells)]| {
        let taken: usize = money.iter().map(|(column, cells)| width_of(*column, cells) + GAP).sum();
        width.saturating_sub(taken + GAP * (full.len() - 1))
    };
    let least: usize = wanted.iter().sum();
    let mut money: Vec<_> = Money::of(report).into_iter().map(with_cells).collect();
    let everything = least + counts_width(&Column::ALL, push_grouped, &report.total);
    if room_beside(&money) >= everything + GAP + Money::Saving.title().len() {
        money.insert(0, with_cells(Money::Saving));
        if room_beside(&money) < everything {
            money.remove(0);
        }
    }
    let mut dispensable = DISPENSABLE.iter();
    loop {
        let room = room_beside(&money);
        for columns in COLUMNS {
            for number in [push_grouped, push_short] {
                let room = room.checked_sub(counts_width(columns, number, &report.total));
                if let Some(room) = room.filter(|room| least <= *room) {
                    return Fit { columns, number, money, names: spread(wanted, &full, room) };
                }
            }
        }
        let names = squeeze(wanted.clone(), room);
        match dispensable.next() {
            Some(next) if names.iter().sum::<usize>() > room => money.retain(|(column, _)| column != next),
            _ => return Fit { columns: &[], number: push_short, money, names },
        }
    }
}

fn width_of(column: Money, cells: &Cells) -> usize {
    cells.widest().max(column.title().len())
}

/// With the gap before each. No row's count is longer than the total's, unless that was shortened.
fn counts_width(columns: &[Column], number: Number, total: &Amount) -> usize {
    let count = |column: &Column| {
        let mut text = String::new();
        number(&mut text, column.count(total));
        text.len().max(SHORT)
    };
    columns.iter().map(|column| GAP + column.title().len().max(count(column))).sum()
}

/// As wide as a name should be before other columns are worth more.
pub(super) fn comfortable(key: Key) -> usize {
    match key {
        Key::Time(_) | Key::Block | Key::Launch => usize::MAX,
        Key::Name(Dimension::Session | Dimension::Agent) => 13,
        Key::Name(_) | Key::Group => 19,
    }
}

/// Gives the room that is left to the names that are cut, the least cut first.
fn spread(mut names: Vec<usize>, full: &[usize], room: usize) -> Vec<usize> {
    let mut left = room - names.iter().sum::<usize>();
    let mut cut: Vec<_> = names.iter_mut().zip(full).collect();
    cut.sort_by_key(|(name, full)| *full - **name);
    for (name, full) in cut {
        let more = left.min(full - *name);
        *name += more;
        left -= more;
    }
    names
}

/// Takes what is missing from the widest names.
fn squeeze(mut names: Vec<usize>, room: usize) -> Vec<usize> {
    while names.iter().sum::<usize>() > room {
        match names.iter_mut().max() {
            Some(widest) if *widest > MIN_NAME => *widest -= 1,
            _ => break,
        }
    }
    names
}

/// The header, the lines and the total, with rules between.
fn draw(out: &mut String, report: &Report, lines: &[Line], fit: &Fit, is_terminal: bool) {
    let counts = fit.columns.iter().map(|column| {
        let mut cells = Cells::default();
        for line in lines {
            cells.push(|text| (fit.number)(text, column.count(line.amount)));
        }
        cells
    });
    let counts: Vec<Cells> = counts.collect();
    let numbers: Vec<&Cells> = counts.iter().chain(fit.money.iter().map(|(_, cells)| cells)).collect();
    let titles = fit.columns.iter().map(|column| column.title());
    let number_titles: Vec<&str> = titles.chain(fit.money.iter().map(|(column, _)| column.title())).collect();
    let widths = numbers.iter().zip(&number_titles).map(|(cells, title)| cells.widest().max(title.len()));
    let widths: Vec<usize> = widths.collect();
    let names = report.by.iter().map(|key| text::title(*key));
    let mut names: Vec<(String, usize)> = names.zip(fit.names.iter().copied()).collect();
    for (at, (title, width)) in names.iter_mut().enumerate() {
        let used = lines.iter().map(|line| columns_of(&line.names[at]).min(*width)).max();
        *width = used.unwrap_or_default().max(title.len());
    }
    let all: usize = names.iter().map(|(_, width)| width + GAP).sum::<usize>() - GAP
        + widths.iter().map(|width| GAP + width).sum::<usize>();
    let rule = "─".repeat(all) + "\n";
    let bold = |out: &mut String, code| *out += if is_terminal { code } else { "" };

    bold(out, BOLD);
    let titles = names.iter().map(|(title, _)| title.as_str());
    row(out, &names, titles, &widths, |at| number_titles[at]);
    bold(out, PLAIN);
    out.push('\n');
    *out += &rule;
    for (n, line) in lines.iter().enumerate() {
        let is_total = n + 1 == lines.len();
        if is_total {
            *out += &rule;
            bold(out, BOLD);
        }
        let shown: Vec<Cow<str>> = line
            .names
            .iter()
            .zip(&report.by)
            .zip(&fit.names)
            .map(|((name, key), width)| shortened(name, *key, *width))
            .collect();
        row(out, &names, shown.iter().map(|name| &**name), &widths, |at| numbers[at].get(n));
        if is_total {
            bold(out, PLAIN);
        }
        out.push('\n');
    }
}

/// Names to the left, numbers to the right, without the line's end.
fn row<'t>(
    out: &mut String,
    names: &[(String, usize)],
    shown: impl Iterator<Item = &'t str>,
    widths: &[usize],
    number: impl Fn(usize) -> &'t str,
) {
    let mut gap = 0;
    for (name, (_, width)) in shown.zip(names) {
        pad(out, gap);
        *out += name;
        gap = width - columns_of(name).min(*width) + GAP;
    }
    for (at, width) in widths.iter().enumerate() {
        let number = number(at);
        pad(out, gap + width - columns_of(number).min(*width));
        *out += number;
        gap = GAP;
    }
}

pub(super) fn pad(out: &mut String, columns: usize) {
    out.extend(std::iter::repeat_n(' ', columns));
}

/// A name cut where it says least: paths at the left, ids at the right, others in the middle.
pub(super) fn shortened(name: &str, key: Key, width: usize) -> Cow<'_, str> {
    if columns_of(name) <= width {
        return Cow::Borrowed(name);
    }
    let room = width.saturating_sub(1);
    let head = match key {
        Key::Name(Dimension::Project | Dimension::Account) => 0,
        Key::Name(Dimension::Session | Dimension::Agent) => room,
        _ => room.div_ceil(2),
    };
    let start: String = fitting(name.chars(), head).collect();
    let end: Vec<char> = fitting(name.chars().rev(), room - head).collect();
    Cow::Owned(start + "…" + &end.into_iter().rev().collect::<String>())
}

/// The characters that fit into `width`.
fn fitting(chars: impl Iterator<Item = char>, width: usize) -> impl Iterator<Item = char> {
    chars.scan(0, move |used, c| {
        *used += columns_of_char(c);
        (*used <= width).then_some(c)
    })
}

pub(super) fn columns_of(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.chars().map(columns_of_char).sum() }
}

/// How many columns of a terminal a character takes, or more: east Asian ones and emoji take two.
fn columns_of_char(c: char) -> usize {
    if matches!(c, '\u{1100}'..='\u{115f}' | '\u{231a}'..='\u{23ff}' | '\u{25fd}'..) { 2 } else { 1 }
}

#[cfg(test)]
mod tests {
    use super::{blocks, columns_of, render, shortened};
    use crate::report::{Coverage, Remarks, Report, sample};

    #[test]
    fn a_wide_table_has_every_column_and_digit() {
        assert_eq!(
            render(&sample::by_day(), 120, false),
            "
2026-11-20 to 2026-11-21, Europe/Berlin

Day         Responses  Sessions   Input     Output  Cache write   Cache read       Tokens  Cache saved       Cost
─────────────────────────────────────────────────────────────────────────────────────────────────────────────────
2026-11-20      1,234         1  45,678  1,234,567    3,480,245  987,654,321  992,414,811    $2,469.14  $1,234.57
2026-11-21          1         1       3        450        1,200       20,000       21,653        $0.01     <$0.01
─────────────────────────────────────────────────────────────────────────────────────────────────────────────────
Total           1,235         2  45,681  1,235,017    3,481,445  987,674,321  992,436,464    $2,469.15  $1,234.57
"
            .trim_start()
        );
    }

    #[test]
    fn a_narrow_table_keeps_names_and_costs() {
        assert_eq!(
            render(&sample::by_project_and_model(), 60, false),
            "
2026-11-20 to 2026-11-21, Europe/Berlin

Project              Model                  Tokens      Cost
────────────────────────────────────────────────────────────
…name-for-a-service  claude-opu…5-20261101    3.1M     $1.00
                     claude-next             3,610  unpriced
                     Subtotal                 3.1M   ≥ $1.00
/home/anna/odin      claude-haiku-5-5          854     $0.50
────────────────────────────────────────────────────────────
Total                                         3.1M   ≥ $1.50

No price known, so costs are at least (≥). Update odin.
  claude-next: 2 responses, 3,610 tokens
"
            .trim_start()
        );
    }

    #[test]
    fn a_contract_is_beside_the_list() {
        assert_eq!(
            render(&sample::contracted(), 44, false),
            "
2026-11-20 to 2026-11-21, Europe/Berlin

Model            Tokens      Cost  Contract
───────────────────────────────────────────
claude-opus-5-5    3.1M     $1.00     $0.80
claude-next       3,610  unpriced     $0.25
claude-odd            2  unpriced  unpriced
───────────────────────────────────────────
Total              3.1M   ≥ $1.00   ≥ $1.05
"
            .trim_start()
        );
    }

    #[test]
    fn what_was_before_is_beside_the_cost() {
        assert_eq!(
            render(&sample::compared(), 80, false),
            "
2026-11-20 to 2026-11-21, Europe/Berlin
compared with 2026-11-18 to 2026-11-19
2026-11-21 is not over

Project          Responses  Tokens      Cost     Previous      Change        %
──────────────────────────────────────────────────────────────────────────────
/w/more                  3     854     $0.50        $0.40      +$0.10   +25.0%
/w/less                  3     854     $0.20        $1.00      -$0.80   -80.0%
/w/same                  3     854     $0.20        $0.20       $0.00     0.0%
/w/new                   3     854     $0.01        $0.00      +$0.01        –
/w/unpriced              3     854  unpriced        $1.00    ≥ -$1.00        –
/w/was-unpriced          3     854     $0.00     unpriced     ≤ $0.00        –
/w/gone                  0       0     $0.00    $1,200.00  -$1,200.00  -100.0%
──────────────────────────────────────────────────────────────────────────────
Total                   18   5,124   ≥ $0.91  ≥ $1,202.60     unknown        –
"
            .trim_start()
        );
    }

    #[test]
    fn a_window_that_goes_on_says_how_far_it_has_come() {
        assert_eq!(
            blocks(&sample::blocks(), 80, false),
            "
2026-11-20 to 2026-11-21, Europe/Berlin

Block                      Responses  Input  Output      Cache   Cost
─────────────────────────────────────────────────────────────────────
2026-11-20 09:00 to 14:00          3      5      60        789  $0.50
2026-11-21 10:00 to 15:00         12    100  20,000  3,040,000  $1.00
─────────────────────────────────────────────────────────────────────
Total                             15    105  20,060  3,040,789  $1.50

Current block, 2026-11-21 10:00 to 15:00
  time      1 h 15 min gone, 3 h 45 min left
  so far    3,060,100 tokens, $1.00
  rate      51,002 tokens/min, $1.00/h since the quarter hour of 10:15
  estimate  14,535,475 tokens, $4.75 by 15:00
"
            .trim_start()
        );
    }

    #[test]
    fn a_chart_has_its_days_above_and_its_rows_below() {
        assert_eq!(
            render(&sample::daily(), 60, false),
            "
2026-10-28 to 2026-11-13, Europe/Berlin
by day  █·▄····▁·········

Month    Responses  Input  Output  Cache   Cost
───────────────────────────────────────────────
2026-10          1      1       2     12  $1.50
2026-11          1      1       2     12  $0.10
───────────────────────────────────────────────
Total            2      2       4     24  $1.60

Cost by month
2026-10  ████████████████████████████████████████████  $1.50
2026-11  ██▉                                           $0.10
"
            .trim_start()
        );
        assert_eq!(render(&sample::daily(), 60, true).matches("\x1b[1m").count(), 3);
    }

    #[test]
    fn a_project_is_shown_by_its_alias() {
        let text = render(&sample::of_project("/w/odin", "the \x1b[31mledger"), 120, false);
        assert!(text.contains("\nthe \u{fffd}[31mledger  ") && !text.contains("/w/odin"), "{text}");
    }

    #[test]
    fn the_last_line_says_what_the_cost_covers() {
        let last = |report: &Report| render(report, 100, false).lines().next_back().map(String::from);
        let mut report = sample::covered();
        let want = "Coverage: measured $1,234.57, telemetry only $0.25, inferred $0.12, unknown in 1 session";
        assert_eq!(last(&report).as_deref(), Some(want));
        report.coverage = Some(Coverage::default());
        assert!(last(&report).unwrap().ends_with("inferred $0.00, unknown in none"));
    }

    #[test]
    fn what_there_is_to_know_stands_below() {
        let text = render(&sample::explained(), 100, false);
        let (_, below) = text.split_once("Update odin.\n").unwrap();
        assert_eq!(
            below,
            "  claude-next: 2 responses, 3,610 tokens

What to know of these costs
  aborted: 12 responses, 3,060,100 tokens, $1.00
    The response was cut short and its last usage never came; the output is a lower bound.
  ttl_unknown: 3 responses, 854 tokens, $0.50
    Cache writes came without their lifetime; taken as 5-minute writes, a lower bound.
  no price for claude-next: 2 responses, 3,610 tokens
    Update odin, or say what it costs: `odin prices claude-next` tells how.
  Priced by 2026-11-01/1: 5 responses
  Priced by 2026-11-23/1: 12 responses
"
        );
        let plain = Report { remarks: Some(Remarks::default()), ..sample::by_day() };
        let text = render(&plain, 100, false);
        assert!(
            text.ends_with("costs\n  All of it has a list price, and no response leaves anything open.\n"),
            "{text}"
        );
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        let names = [
            "main",
            "feature/a-very-long-name-of-a-branch-about-many-things",
            "枝の名前がとても長い場合はどうなりますか",
            "",
        ];
        let branches = names.map(sample::of_branch);
        let reports: Vec<Report> = branches
            .into_iter()
            .chain([sample::by_day(), sample::by_project_and_model(), sample::contracted()])
            .collect();
        for report in &reports {
            for width in 30..200 {
                let text = render(report, width, false);
                let table = text.lines().skip(2).take_while(|line| !line.is_empty());
                let widest = table.map(columns_of).max().unwrap();
                assert!(widest <= width, "{width}:\n{text}");
            }
        }
    }

    #[test]
    fn only_a_terminal_gets_escape_codes() {
        assert!(!render(&sample::by_day(), 80, false).contains('\x1b'));
        assert_eq!(render(&sample::by_day(), 80, true).matches("\x1b[1m").count(), 2);
        assert!(!render(&sample::of_branch("\x1b[31mred\r"), 80, false).contains(['\x1b', '\r']));
    }

    #[test]
    fn names_are_cut_where_they_say_least() {
        for (key, name, want) in [
            ("project", "/home/anna/work/odin", "…work/odin"),
            ("session", "0a1b2c3d-4e5f-6071", "0a1b2c3d-…"),
            ("branch", "feature/long-name", "featu…name"),
            ("branch", "日本語プロジェクト", "日本…クト"),
            ("branch", "short", "short"),
        ] {
            assert_eq!(shortened(name, key.parse().unwrap(), 10), want);
        }
    }
}
