//! The samples of one producer, at one time.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use super::exposition::{Escape, escape};
use super::histogram::Histogram;
use super::{Family, Kind};

/// What longer label values are cut to.
const MAX_VALUE_BYTES: usize = 128;

/// Samples in the order of a page, each once. Share it in an `Arc`.
#[derive(Debug, Default)]
pub struct Snapshot {
    rows: Box<[Row]>,
    /// What rows point into.
    labels: Box<str>,
    /// Series that a bound on labels left out, by collector.
    pub left_out: BTreeMap<&'static str, u64>,
}

#[derive(Debug)]
struct Row {
    family: &'static Family,
    labels: Range<usize>,
    part: Part,
    value: f64,
    created: Option<f64>,
}

/// One line of a page.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample<'s> {
    pub family: &'static Family,
    /// As they stand between braces, but for `le`.
    pub labels: &'s str,
    pub part: Part,
    pub value: f64,
    /// When a counter began, in seconds since the epoch.
    pub created: Option<f64>,
}

/// Which of a histogram's series it is; other kinds have but one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    Only,
    /// Up to the bound of this index; the index behind the last has none.
    Bucket(u8),
    Sum,
    Count,
}

impl Snapshot {
    pub fn samples(&self) -> impl Iterator<Item = Sample<'_>> {
        self.rows.iter().map(|row| row.sample(&self.labels))
    }
}

impl Row {
    fn sample<'s>(&self, labels: &'s str) -> Sample<'s> {
        let Self { family, part, value, created, .. } = *self;
        Sample { family, labels: &labels[self.labels.clone()], part, value, created }
    }
}

impl Sample<'_> {
    /// By name, labels and part: what a page may have only once.
    pub(super) fn cmp_series(&self, other: &Self) -> Ordering {
        let by_name = if std::ptr::eq(self.family, other.family) {
            Ordering::Equal
        } else {
            self.family.name.cmp(other.family.name)
        };
        by_name.then_with(|| self.labels.cmp(other.labels)).then_with(|| self.part.cmp(&other.part))
    }
}

/// Takes samples in any order.
#[derive(Debug, Default)]
pub struct Builder {
    rows: Vec<Row>,
    labels: String,
    left_out: BTreeMap<&'static str, u64>,
}

impl Builder {
    pub fn new() -> Self {
        Self::default()
    }

    /// `labels` are values, in the order of the family's labels.
    pub fn push(&mut self, family: &'static Family, labels: &[&str], value: f64) {
        let labels = self.write_labels(family, labels);
        self.rows.push(Row { family, labels, part: Part::Only, value, created: None });
    }

    /// A counter of which it is known since when it counts, as time since the epoch. OpenMetrics tells that in a
    /// series of its own.
    pub fn push_since(&mut self, family: &'static Family, labels: &[&str], value: f64, created: Duration) {
        let labels = self.write_labels(family, labels);
        self.rows.push(Row { family, labels, part: Part::Only, value, created: Some(created.as_secs_f64()) });
    }

    pub fn push_histogram(&mut self, family: &'static Family, labels: &[&str], histogram: &Histogram) {
        debug_assert!(matches!(family.kind, Kind::Histogram(_)), "{} is no histogram", family.name);
        let labels = self.write_labels(family, labels);
        let mut push = |part, value| {
            self.rows.push(Row { family, labels: labels.clone(), part, value, created: None });
        };
        let mut all = 0;
        for (index, count) in (0..).zip(histogram.cumulative()) {
            push(Part::Bucket(index), count as f64);
            all = count;
        }
        push(Part::Sum, histogram.sum());
        push(Part::Count, all as f64);
    }

    /// Takes back samples of families that are not wanted.
    pub fn retain(&mut self, wants: impl Fn(&Family) -> bool) {
        self.rows.retain(|row| wants(row.family));
    }

    /// Counts series that are not pushed because a bound on labels leaves no room.
    pub fn leave_out(&mut self, family: &'static Family, series: u64) {
        *self.left_out.entry(family.collector).or_default() += series;
    }

    /// How many samples were pushed.
    pub fn pushed(&self) -> usize {
        self.rows.len()
    }

    /// Of samples with the same labels the first counts, since twice the same series spoils a page.
    pub fn build(self) -> Snapshot {
        let Self { mut rows, labels, mut left_out } = self;
        let compare = |a: &Row, b: &Row| a.sample(&labels).cmp_series(&b.sample(&labels));
        rows.sort_by(compare);
        rows.dedup_by(|later, first| {
            let is_same = compare(later, first).is_eq();
            if is_same {
                *left_out.entry(later.family.collector).or_default() += 1;
            }
            is_same
        });
        Snapshot { rows: rows.into(), labels: labels.into(), left_out }
    }

    fn write_labels(&mut self, family: &Family, values: &[&str]) -> Range<usize> {
        debug_assert_eq!(family.labels.len(), values.len(), "values for the labels of {}", family.name);
        let start = self.labels.len();
        for (label, value) in family.labels.iter().zip(values) {
            if self.labels.len() > start {
                self.labels.push(',');
            }
            self.labels.push_str(label.name);
            self.labels.push_str("=\"");
            escape(&mut self.labels, cut(value), Escape::Quotes);
            self.labels.push('"');
        }
        start..self.labels.len()
    }
}

fn cut(value: &str) -> &str {
    let mut end = value.len().min(MAX_VALUE_BYTES);
    while !value.is_char_boundary(end) {
        end -= 1;
    }
    &value[..end]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::families::claude::{COST_USD, TOKENS};

    fn labels(snapshot: &Snapshot) -> Vec<(&str, f64)> {
        snapshot.samples().map(|sample| (sample.labels, sample.value)).collect()
    }

    #[test]
    fn samples_are_in_order_however_they_came() {
        let mut out = Builder::new();
        out.push(&TOKENS, &["b", "input"], 1.0);
        out.push(&COST_USD, &["b", "/x"], 2.0);
        out.push(&TOKENS, &["a", "output"], 3.0);
        out.push(&TOKENS, &["a", "input"], 4.0);
        assert_eq!(
            labels(&out.build()),
            [
                (r#"model="b",project="/x""#, 2.0),
                (r#"model="a",type="input""#, 4.0),
                (r#"model="a",type="output""#, 3.0),
                (r#"model="b",type="input""#, 1.0),
            ]
        );
    }

    #[test]
    fn of_twice_the_same_series_the_first_counts_and_the_other_is_counted() {
        let mut out = Builder::new();
        out.push(&TOKENS, &["a", "input"], 1.0);
        out.push(&TOKENS, &["a", "input"], 2.0);
        out.leave_out(&TOKENS, 5);
        let snapshot = out.build();
        assert_eq!(labels(&snapshot), [(r#"model="a",type="input""#, 1.0)]);
        assert_eq!(snapshot.left_out, BTreeMap::from([("claude", 6)]));
    }

    #[test]
    fn long_values_are_cut_between_characters() {
        let mut out = Builder::new();
        out.push(&TOKENS, &[&"x".repeat(128), &("x".repeat(127) + "ä")], 1.0);
        let snapshot = out.build();
        let expected = format!(r#"model="{}",type="{}""#, "x".repeat(128), "x".repeat(127));
        assert_eq!(labels(&snapshot), [(expected.as_str(), 1.0)]);
    }
}
