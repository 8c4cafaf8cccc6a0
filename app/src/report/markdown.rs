//! Reports as a Markdown table, for issues and chats.

use super::number::grouped;
use super::text::{self, Column, Line, Money};
use super::{Blocks, Report, remarks};

pub fn render(report: &Report) -> String {
    if report.rows.is_empty() {
        return text::nothing(report);
    }
    let titles = report.by.iter().map(|key| text::title(*key));
    let money = [vec![Money::Saving], Money::of(report)].concat();
    let numbers = Column::ALL.map(Column::title).into_iter().chain(money.iter().map(|column| column.title()));
    let rules = report.by.iter().map(|_| "---").chain(numbers.clone().map(|_| "---:"));
    let titles = titles.chain(numbers.map(String::from));
    let heading = [vec![text::heading(report)], text::comparison(report)].concat().join("; ");
    let mut lines = vec![heading, String::new(), joined(titles), joined(rules.map(String::from))];
    let decimals = text::decimals(report);
    lines.extend(text::lines(report).iter().map(|line| joined(cells(line, &money, decimals).into_iter())));
    let warnings = text::warnings(&report.unpriced);
    if let Some((first, models)) = warnings.split_first() {
        lines.extend([String::new(), first.clone(), String::new()]);
        lines.extend(models.iter().map(|model| format!("* {}", escaped(model))));
    }
    if let Some(remarks) = &report.remarks {
        let told = remarks::told(remarks, &report.unpriced, decimals);
        let told = told.iter().map(|[what, meaning]| format!("{what}. {meaning}"));
        lines.extend([String::new(), remarks::TITLE.into(), String::new()]);
        lines.extend(
            told.chain(remarks::sources(remarks, &report.unpriced))
                .map(|line| format!("* {}", escaped(&line))),
        );
    }
    if let Some(coverage) = text::coverage(report) {
        lines.extend([String::new(), escaped(&coverage)]);
    }
    lines.join("\n") + "\n"
}

/// Windows, and how far those have come that go on.
pub fn blocks(blocks: &Blocks) -> String {
    let mut out = render(&blocks.report());
    for current in text::current(blocks) {
        out.extend(["\n", &current.heading, "\n\n"]);
        out.extend(current.lines.iter().map(|(what, said)| format!("* {what}: {}\n", escaped(said))));
    }
    out
}

fn cells(line: &Line, money: &[Money], decimals: u32) -> Vec<String> {
    let names = line.names.iter().map(|name| escaped(name));
    let counts = Column::ALL.map(|column| grouped(&column.count(line.amount).to_string()));
    let cells = names.chain(counts).chain(money.iter().map(|column| {
        let mut text = String::new();
        column.push(&mut text, line, decimals);
        text
    }));
    let bold = |cell: String| if line.is_sum && !cell.is_empty() { format!("**{cell}**") } else { cell };
    cells.map(bold).collect()
}

fn joined(cells: impl Iterator<Item = String>) -> String {
    format!("| {} |", cells.collect::<Vec<_>>().join(" | "))
}

/// A name's own characters, not markup.
fn escaped(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for c in name.chars() {
        if matches!(c, '\\' | '|' | '<' | '*' | '`' | '[') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{blocks, render};
    use crate::report::sample;

    #[test]
    fn several_parts_have_a_subtotal() {
        assert_eq!(
            render(&sample::by_project_and_model()),
            "2026-11-20 to 2026-11-21, Europe/Berlin

| Project | Model | Responses | Sessions | Input | Output | Cache write | Cache read | Tokens | Cache saved | Cost |
| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
| /home/anna/work/a-long-name-for-a-service | claude-opus-5-5-20261101 | 12 | 1 | 100 | 20,000 | 40,000 | 3,000,000 | 3,060,100 | $2.00 | $1.00 |
| /home/anna/work/a-long-name-for-a-service | claude-next | 2 | 1 | 10 | 200 | 400 | 3,000 | 3,610 | unknown | unpriced |
| **/home/anna/work/a-long-name-for-a-service** | **Subtotal** | **14** | **1** | **110** | **20,200** | **40,400** | **3,003,000** | **3,063,710** | **≈ $2.00** | **≥ $1.00** |
| /home/anna/odin | claude-haiku-5-5 | 3 | 1 | 5 | 60 | 89 | 700 | 854 | $1.00 | $0.50 |
| **Total** |  | **17** | **2** | **115** | **20,260** | **40,489** | **3,003,700** | **3,064,564** | **≈ $3.00** | **≥ $1.50** |

No price known, so costs are at least (≥). Update odin.

* claude-next: 2 responses, 3,610 tokens
"
        );
    }

    #[test]
    fn what_was_before_has_columns() {
        let text = render(&sample::compared());
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[0],
            "2026-11-20 to 2026-11-21, Europe/Berlin; compared with 2026-11-18 to 2026-11-19; 2026-11-21 is not over"
        );
        assert!(lines[2].ends_with("| Tokens | Cache saved | Cost | Previous | Change | % |"), "{text}");
        assert!(lines[4].ends_with("| 854 | $1.00 | $0.50 | $0.40 | +$0.10 | +25.0% |"), "{text}");
    }

    #[test]
    fn a_window_that_goes_on_is_a_list() {
        let text = blocks(&sample::blocks());
        let current = text.split_once("\n\nCurrent block, 2026-11-21 10:00 to 15:00\n\n").unwrap().1;
        assert!(
            current.starts_with("* time: 1 h 15 min gone, 3 h 45 min left\n* so far: 3,060,100"),
            "{text}"
        );
    }

    #[test]
    fn what_there_is_to_know_is_a_list() {
        let text = render(&sample::explained());
        let (_, below) = text.split_once("\n\nWhat to know of these costs\n\n").unwrap();
        let lines: Vec<&str> = below.lines().collect();
        assert_eq!(
            (lines[1], lines[2], lines[4]),
            (
                "* ttl_unknown: 3 responses, 854 tokens, $0.50. Cache writes came without their lifetime; taken as 5-minute writes, a lower bound.",
                "* no price for claude-next: 2 responses, 3,610 tokens. Update odin, or say what it costs: \\`odin prices claude-next\\` tells how.",
                "* Priced by 2026-11-23/1: 12 responses"
            )
        );
    }

    #[test]
    fn the_last_line_says_what_the_cost_covers() {
        let text = render(&sample::covered());
        assert!(text.ends_with("\n\nCoverage: measured $1,234.57, telemetry only $0.25, inferred $0.12, unknown in 1 session\n"), "{text}");
    }

    #[test]
    fn a_name_is_no_markup() {
        let text = render(&sample::of_branch("a|b <i> *c*\n`d`"));
        assert!(text.contains("| a\\|b \\<i> \\*c\\*\u{fffd}\\`d\\` |"), "{text}");
    }

    #[test]
    fn an_empty_report_says_what_there_is() {
        let want = "Nothing for 2026-11-20 to 2026-11-21, Europe/Berlin: the ledger holds 2026-01-02 to 2026-11-21.\n";
        assert_eq!(render(&sample::empty()), want);
    }
}
