//! Lines for a terminal: titles, text that is wrapped, and a table that drops columns where there is no room.

use std::borrow::Cow;

use super::table::{BOLD, GAP, PLAIN, columns_of};

/// Text is not wrapped to less.
const MIN_WIDTH: usize = 30;
/// A line that is wrapped goes on so much to the right.
const HANGING: usize = 2;

pub(super) struct Page {
    /// Each with whether it is bold.
    lines: Vec<(String, bool)>,
    width: usize,
}

/// A name to the left, and what the columns say of it.
#[derive(Default)]
pub(super) struct Row {
    pub(super) label: String,
    pub(super) cells: Vec<String>,
    /// It stands under a rule.
    pub(super) is_sum: bool,
}

/// Numbers and dates are aligned to the right, texts to the left.
#[derive(Clone, Copy)]
pub(super) enum Column {
    Number(&'static str),
    Text(&'static str),
}

impl Column {
    fn title(self) -> &'static str {
        match self {
            Self::Number(title) | Self::Text(title) => title,
        }
    }
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

    /// What there is to say of something, line by line; what is wrapped goes on under it.
    pub(super) fn items(&mut self, indent: usize, items: &[(&str, String)]) {
        let names = items.iter().map(|(name, _)| columns_of(name)).max().unwrap_or_default();
        for (name, said) in items {
            let name = format!("{}{name}", " ".repeat(indent));
            let at = indent + names + GAP;
            self.behind(format!("{name}{}", " ".repeat(at - columns_of(&name))), at, said, false);
        }
    }

    fn wrapped(&mut self, indent: usize, text: &str, is_bold: bool) {
        self.behind(" ".repeat(indent), indent + HANGING, text, is_bold);
    }

    fn behind(&mut self, mut line: String, hanging: usize, text: &str, is_bold: bool) {
        let mut is_empty = true;
        for word in text.split_whitespace() {
            if !is_empty && columns_of(&line) + 1 + columns_of(word) > self.width {
                self.lines.push((std::mem::replace(&mut line, " ".repeat(hanging)), is_bold));
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
    pub(super) fn table(
        &mut self,
        label: &str,
        columns: &[Column],
        fits: &[impl AsRef<[usize]>],
        rows: &[Row],
    ) {
        let widest = |texts: &mut dyn Iterator<Item = &str>| texts.map(columns_of).max().unwrap_or_default();
        let mut names = widest(&mut rows.iter().map(|row| row.label.as_str()).chain([label]));
        let widths: Vec<usize> = (0..columns.len())
            .map(|at| widest(&mut rows.iter().map(|row| row.cells[at].as_str()).chain([columns[at].title()])))
            .collect();
        let taken = |shown: &[usize]| shown.iter().map(|at| GAP + widths[*at]).sum::<usize>();
        let mut fits = fits.iter().map(AsRef::as_ref);
        let last = fits.clone().next_back();
        let shown = fits.find(|shown| names + taken(shown) <= self.width).or(last).unwrap_or_default();
        names = names.min(self.width.saturating_sub(taken(shown)));
        let line = |label: &str, cell: &dyn Fn(usize) -> String| {
            let label = shortened(label, names);
            let mut line = format!("{label}{}", " ".repeat(names.saturating_sub(columns_of(&label))));
            for at in shown {
                let cell = cell(*at);
                let room = " ".repeat(widths[*at] - columns_of(&cell));
                line += &" ".repeat(GAP);
                match columns[*at] {
                    Column::Number(_) => line.extend([room, cell]),
                    Column::Text(_) => line.extend([cell, room]),
                }
            }
            line.trim_end().to_string()
        };
        let rule = || ("─".repeat(names + taken(shown)), false);
        self.lines.push((line(label, &|at| columns[at].title().into()), true));
        self.lines.push(rule());
        for row in rows {
            if row.is_sum {
                self.lines.push(rule());
            }
            self.lines.push((line(&row.label, &|at| row.cells[at].clone()), row.is_sum));
        }
    }

    /// Each with whether it is bold. Names come from outside: what would steer a terminal is made visible.
    pub(super) fn lines(self) -> Vec<(String, bool)> {
        let seen = |(line, is_bold): (String, bool)| (line.replace(char::is_control, "\u{fffd}"), is_bold);
        self.lines.into_iter().map(seen).collect()
    }

    pub(super) fn text(self, is_terminal: bool) -> String {
        let mut text = String::new();
        for (line, is_bold) in self.lines() {
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
