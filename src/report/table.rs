//! Reports as a table for people, fitted to a width.
//!
//! What there is no room for goes in this order: a part of long names, digits of counts, columns, more of the names.
//! The cost stays whole, and nothing takes a second line.

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};

use super::number::{grouped, short};
use super::text::{self, Column, Line};
use super::{Amount, Key, Report};
use crate::ledger::Dimension;

/// Between columns.
const GAP: u16 = 2;
/// The most that a shortened count takes.
const SHORT: usize = 5;
/// Below this, a name says nothing.
const MIN_NAME: usize = 5;
const BOLD: &str = "\x1b[1m";
const PLAIN: &str = "\x1b[0m";

/// Columns before the cost, from the fullest table to the barest.
const COLUMNS: &[&[Column]] = &[
    &Column::ALL,
    &[Column::Responses, Column::Input, Column::Output, Column::CacheWrite, Column::CacheRead],
    &[Column::Responses, Column::Input, Column::Output, Column::Cache],
    &[Column::Responses, Column::Tokens],
    &[Column::Tokens],
    &[],
];

/// What fits.
struct Fit {
    columns: &'static [Column],
    number: fn(i64) -> String,
    /// Of each key's column.
    names: Vec<usize>,
}

/// With escape codes for bold lines only where `is_terminal`.
pub fn render(report: &Report, width: usize, is_terminal: bool) -> String {
    if report.rows.is_empty() {
        return text::nothing(report);
    }
    let mut lines = text::lines(report);
    blank_repeats(&mut lines);
    let fit = fit(report, &lines, width);
    let mut drawn: Vec<String> =
        draw(report, &lines, &fit).lines().map(|line| line.trim_end().into()).collect();
    let rule = "─".repeat(drawn[0].len());
    if let (true, [header, .., total]) = (is_terminal, &mut *drawn) {
        for line in [header, total] {
            *line = format!("{BOLD}{line}{PLAIN}");
        }
    }
    drawn.insert(drawn.len() - 1, rule.clone());
    drawn.insert(1, rule);
    drawn.splice(0..0, [text::heading(report), String::new()]);
    if let Some((first, models)) = text::warnings(report).split_first() {
        drawn.extend([String::new(), first.clone()]);
        drawn.extend(models.iter().map(|model| format!("  {model}")));
    }
    drawn.join("\n") + "\n"
}

/// A first key is named once for all its lines.
fn blank_repeats(lines: &mut [Line]) {
    for at in (1..lines.len()).rev() {
        if lines[at].names.len() > 1 && lines[at].names[0] == lines[at - 1].names[0] {
            lines[at].names[0].clear();
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
    let cost =
        lines.iter().map(|line| columns_of(&text::cost(line.amount, decimals))).max().unwrap_or_default();
    let room = width.saturating_sub(cost + usize::from(GAP) * full.len());
    for columns in COLUMNS {
        for number in [(|count| grouped(&count.to_string())) as fn(i64) -> String, short] {
            let room = room.checked_sub(counts_width(columns, number, &report.total));
            if let Some(room) = room.filter(|room| wanted.iter().sum::<usize>() <= *room) {
                return Fit { columns, number, names: spread(wanted, &full, room) };
            }
        }
    }
    Fit { columns: &[], number: short, names: squeeze(wanted, room) }
}

/// With the gap before each. No row's count is longer than the total's, unless that was shortened.
fn counts_width(columns: &[Column], number: fn(i64) -> String, total: &Amount) -> usize {
    let count = |column: &Column| number(column.count(total)).len().max(SHORT);
    columns.iter().map(|column| usize::from(GAP) + column.title().len().max(count(column))).sum()
}

/// As wide as a name should be before other columns are worth more.
fn comfortable(key: Key) -> usize {
    match key {
        Key::Time(_) => usize::MAX,
        Key::Name(Dimension::Session | Dimension::Agent) => 13,
        Key::Name(_) => 19,
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

fn draw(report: &Report, lines: &[Line], fit: &Fit) -> Table {
    let decimals = text::decimals(report);
    let titles = report.by.iter().map(|key| text::title(*key));
    let titles = titles.chain(fit.columns.iter().map(|column| column.title().into())).chain(["Cost".into()]);
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(titles.collect::<Vec<String>>());
    for line in lines {
        let names = line.names.iter().zip(&report.by).zip(&fit.names);
        let names = names.map(|((name, key), width)| shortened(name, *key, *width));
        let counts = fit.columns.iter().map(|column| (fit.number)(column.count(line.amount)));
        table
            .add_row(names.chain(counts).chain([text::cost(line.amount, decimals)]).collect::<Vec<String>>());
    }
    for (at, column) in table.column_iter_mut().enumerate() {
        column.set_padding((if at == 0 { 0 } else { GAP }, 0));
        if at >= report.by.len() {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// A name cut where it says least: paths at the left, ids at the right, others in the middle.
fn shortened(name: &str, key: Key, width: usize) -> String {
    if columns_of(name) <= width {
        return name.into();
    }
    let room = width.saturating_sub(1);
    let head = match key {
        Key::Name(Dimension::Project | Dimension::Account) => 0,
        Key::Name(Dimension::Session | Dimension::Agent) => room,
        _ => room.div_ceil(2),
    };
    let start: String = fitting(name.chars(), head).collect();
    let end: Vec<char> = fitting(name.chars().rev(), room - head).collect();
    start + "…" + &end.into_iter().rev().collect::<String>()
}

/// The characters that fit into `width`.
fn fitting(chars: impl Iterator<Item = char>, width: usize) -> impl Iterator<Item = char> {
    chars.scan(0, move |used, c| {
        *used += columns_of_char(c);
        (*used <= width).then_some(c)
    })
}

fn columns_of(text: &str) -> usize {
    text.chars().map(columns_of_char).sum()
}

/// How many columns of a terminal a character takes, or more: east Asian ones and emoji take two.
fn columns_of_char(c: char) -> usize {
    if matches!(c, '\u{1100}'..='\u{115f}' | '\u{231a}'..='\u{23ff}' | '\u{25fd}'..) { 2 } else { 1 }
}

#[cfg(test)]
mod tests {
    use super::{columns_of, render, shortened};
    use crate::report::{Report, sample};

    #[test]
    fn a_wide_table_has_every_column_and_digit() {
        assert_eq!(
            render(&sample::by_day(), 120, false),
            "
2026-11-20 to 2026-11-21, Europe/Berlin

Day         Responses  Sessions   Input     Output  Cache write   Cache read       Tokens       Cost
────────────────────────────────────────────────────────────────────────────────────────────────────
2026-11-20      1,234         1  45,678  1,234,567    3,480,245  987,654,321  992,414,811  $1,234.57
2026-11-21          1         1       3        450        1,200       20,000       21,653     <$0.01
────────────────────────────────────────────────────────────────────────────────────────────────────
Total           1,235         2  45,681  1,235,017    3,481,445  987,674,321  992,436,464  $1,234.57
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
    fn no_line_is_wider_than_the_terminal() {
        let names = [
            "main",
            "feature/a-very-long-name-of-a-branch-about-many-things",
            "枝の名前がとても長い場合はどうなりますか",
            "",
        ];
        let branches = names.map(sample::of_branch);
        let reports: Vec<Report> =
            branches.into_iter().chain([sample::by_day(), sample::by_project_and_model()]).collect();
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
