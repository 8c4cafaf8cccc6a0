//! Lines for a terminal: titles, text that is wrapped, and a table that drops columns where there is no room.

use std::borrow::Cow;

use crate::report::table::{BOLD, PLAIN, columns_of};

/// Between columns.
const GAP: usize = 2;
/// Text is not wrapped to less.
const MIN_WIDTH: usize = 30;
/// A line that is wrapped goes on so much to the right.
const HANGING: usize = 2;

pub(super) struct Page {
    /// Each with whether it is bold.
    lines: Vec<(String, bool)>,
    width: usize,
}

/// A name to the left, and numbers and dates to the right.
pub(super) struct Row {
    pub(super) label: String,
    pub(super) cells: Vec<String>,
}

impl Page {
    pub(super) fn new(width: usize) -> Self {
        Self { lines: vec![], width: width.max(MIN_WIDTH) }
    }

    pub(super) fn gap(&mut self) {
        self.lines.push((String::new(), false));
    }

    pub(super) fn title(&mut self, text: &str) {
        self.wrapped(0, text, true);
    }

    /// A paragraph, indented.
    pub(super) fn say(&mut self, indent: usize, text: &str) {
        self.wrapped(indent, text, false);
    }

    fn wrapped(&mut self, indent: usize, text: &str, is_bold: bool) {
        let mut line = " ".repeat(indent);
        let mut is_empty = true;
        for word in text.split_whitespace() {
            if !is_empty && columns_of(&line) + 1 + columns_of(word) > self.width {
                self.lines.push((std::mem::replace(&mut line, " ".repeat(indent + HANGING)), is_bold));
                is_empty = true;
            }
            if !is_empty {
                line.push(' ');
            }
            line += word;
            is_empty = false;
        }
        self.lines.push((line, is_bold));
    }

    /// With the first of `fits`, sets of columns, that there is room for; if there is none, with shorter labels.
    pub(super) fn table(&mut self, label: &str, titles: &[&str], fits: &[&[usize]], rows: &[Row]) {
        let widest = |texts: &mut dyn Iterator<Item = &str>| texts.map(columns_of).max().unwrap_or_default();
        let mut names = widest(&mut rows.iter().map(|row| row.label.as_str()).chain([label]));
        let widths: Vec<usize> = (0..titles.len())
            .map(|at| widest(&mut rows.iter().map(|row| row.cells[at].as_str()).chain([titles[at]])))
            .collect();
        let numbers = |columns: &[usize]| columns.iter().map(|at| GAP + widths[*at]).sum::<usize>();
        let fitting = fits.iter().find(|columns| names + numbers(columns) <= self.width);
        let columns = fitting.or(fits.last()).copied().unwrap_or_default();
        names = names.min(self.width.saturating_sub(numbers(columns)));
        let line = |label: &str, cell: &dyn Fn(usize) -> String| {
            let label = shortened(label, names);
            let mut line = format!("{label}{}", " ".repeat(names.saturating_sub(columns_of(&label))));
            for at in columns {
                let cell = cell(*at);
                line += &" ".repeat(GAP + widths[*at] - columns_of(&cell));
                line += &cell;
            }
            line.trim_end().to_string()
        };
        self.lines.push((line(label, &|at| titles[at].into()), true));
        self.lines.push(("─".repeat(names + numbers(columns)), false));
        for row in rows {
            self.lines.push((line(&row.label, &|at| row.cells[at].clone()), false));
        }
    }

    /// Names come from outside: what would steer a terminal is made visible.
    pub(super) fn text(self, is_terminal: bool) -> String {
        let mut text = String::new();
        for (line, is_bold) in self.lines {
            let line = line.replace(char::is_control, "\u{fffd}");
            if is_bold && is_terminal {
                text.extend([BOLD, &line, PLAIN, "\n"]);
            } else {
                text.extend([&line, "\n"]);
            }
        }
        text
    }
}

/// Without its end where that has no room.
fn shortened(text: &str, width: usize) -> Cow<'_, str> {
    if columns_of(text) <= width {
        return Cow::Borrowed(text);
    }
    let fits = |end: &usize| columns_of(&text[..*end]) < width;
    let end = text.char_indices().map(|(at, _)| at).take_while(fits).last().unwrap_or_default();
    Cow::Owned(format!("{}…", &text[..end]))
}
