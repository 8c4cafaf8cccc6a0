//! A page: the snapshots there are when it is asked for, within bounds.

use std::collections::BTreeMap;

use super::exposition::{self, Format};
use super::families::agent;
use super::filter::Filter;
use super::snapshot::{Builder, Sample, Snapshot};

/// What a page holds at most, so that no fault of one collector makes a scraper refuse the page of all.
pub const MAX_SERIES: usize = 2000;

/// Why a series is not in a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// There is no room for more series.
    Cap,
    /// Its label has too many values, or the same that another one has.
    Label,
}

/// Samples by name, each series once.
#[derive(Debug)]
pub struct Page<'s> {
    samples: Vec<Sample<'s>>,
    left_out: BTreeMap<(&'static str, Reason), u64>,
}

impl<'s> Page<'s> {
    /// Where there is no room for all, those of the first snapshots are in it. A histogram is in it whole or not at all.
    pub fn new(
        snapshots: impl IntoIterator<Item = &'s Snapshot>,
        filter: &Filter,
        max_series: usize,
    ) -> Self {
        let mut page = Self { samples: vec![], left_out: BTreeMap::new() };
        for snapshot in snapshots {
            for (collector, count) in &snapshot.left_out {
                if filter.wants(collector) {
                    page.leave_out(collector, Reason::Label, *count);
                }
            }
            let samples: Vec<Sample> =
                snapshot.samples().filter(|sample| filter.wants(sample.family.collector)).collect();
            for metric in samples.chunk_by(|a, b| std::ptr::eq(a.family, b.family) && a.labels == b.labels) {
                if page.samples.len() + metric.len() <= max_series {
                    page.samples.extend(metric);
                } else {
                    page.leave_out(metric[0].family.collector, Reason::Cap, metric.len() as u64);
                }
            }
        }
        // Stable: of the same series in two snapshots, the first one's counts.
        page.samples.sort_by(Sample::cmp_series);
        let left_out = &mut page.left_out;
        page.samples.dedup_by(|later, first| {
            let is_same = later.cmp_series(first).is_eq();
            if is_same {
                *left_out.entry((later.family.collector, Reason::Label)).or_default() += 1;
            }
            is_same
        });
        page
    }

    pub fn write(&self, format: Format) -> String {
        exposition::write(&self.samples, format)
    }

    fn leave_out(&mut self, collector: &'static str, reason: Reason, series: u64) {
        *self.left_out.entry((collector, reason)).or_default() += series;
    }
}

/// What was in the last page, and what was left out of all.
#[derive(Debug, Default)]
pub struct Tally {
    series: BTreeMap<&'static str, u64>,
    left_out: BTreeMap<(&'static str, Reason), u64>,
}

impl Tally {
    /// Counts a page and what it was asked for.
    pub fn add(&mut self, page: &Page, filter: &Filter) {
        self.series.retain(|collector, _| !filter.wants(collector));
        for sample in &page.samples {
            *self.series.entry(sample.family.collector).or_default() += 1;
        }
        // Counters begin with 0, so that their first growth is seen.
        for collector in self.series.keys() {
            for reason in [Reason::Cap, Reason::Label] {
                self.left_out.entry((collector, reason)).or_default();
            }
        }
        for (key, count) in &page.left_out {
            *self.left_out.entry(*key).or_default() += count;
        }
    }

    /// Tells that in the next page.
    pub fn tell(&self, out: &mut Builder) {
        for (collector, series) in &self.series {
            out.push(&agent::SERIES, &[collector], *series as f64);
        }
        for ((collector, reason), count) in &self.left_out {
            let reason = match reason {
                Reason::Cap => "cap",
                Reason::Label => "label",
            };
            out.push(&agent::SERIES_DROPPED, &[collector, reason], *count as f64);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Family;
    use crate::metrics::families::{agent::SCRAPE_DURATION_SECONDS, claude, session};
    use crate::metrics::histogram::Histogram;

    fn snapshot(samples: &[(&'static Family, &[&str], f64)]) -> Snapshot {
        let mut out = Builder::new();
        for (family, labels, value) in samples {
            out.push(family, labels, *value);
        }
        out.build()
    }

    /// The sample lines of a page.
    fn lines(page: &Page) -> Vec<String> {
        let text = page.write(Format::Text);
        text.lines().filter(|line| !line.starts_with('#')).map(Into::into).collect()
    }

    #[test]
    fn a_family_of_two_snapshots_stands_together() {
        let first = snapshot(&[(&session::THREADS, &["b"], 1.0), (&claude::COMMITS, &[], 2.0)]);
        let second = snapshot(&[(&session::THREADS, &["a"], 3.0), (&session::THREADS, &["b"], 4.0)]);
        let page = Page::new([&first, &second], &Filter::All, 9);
        assert_eq!(
            lines(&page),
            [
                "odin_claude_commits_total 2",
                r#"odin_session_threads{session="a"} 3"#,
                r#"odin_session_threads{session="b"} 1"#,
            ]
        );
        assert_eq!(page.left_out, BTreeMap::from([(("session", Reason::Label), 1)]));
    }

    #[test]
    fn a_filter_takes_families_of_their_collector() {
        let all = snapshot(&[(&session::THREADS, &["b"], 1.0), (&claude::COMMITS, &[], 2.0)]);
        let only = Filter::Only(vec!["session".into()]);
        assert_eq!(lines(&Page::new([&all], &only, 9)), [r#"odin_session_threads{session="b"} 1"#]);
    }

    #[test]
    fn where_there_is_no_room_the_first_snapshots_stay_and_histograms_are_whole() {
        let important = snapshot(&[(&session::THREADS, &["b"], 1.0)]);
        let mut out = Builder::new();
        let Family { kind: crate::metrics::Kind::Histogram(bounds), .. } = SCRAPE_DURATION_SECONDS else {
            panic!("no histogram");
        };
        out.push_histogram(&SCRAPE_DURATION_SECONDS, &[], &Histogram::new(bounds));
        let scrapes = out.build();
        let more = snapshot(&[(&claude::COMMITS, &[], 2.0), (&claude::PULL_REQUESTS, &[], 2.0)]);
        let page = Page::new([&important, &scrapes, &more], &Filter::All, 2);
        assert_eq!(lines(&page), ["odin_claude_commits_total 2", r#"odin_session_threads{session="b"} 1"#]);
        assert_eq!(
            page.left_out,
            BTreeMap::from([(("agent", Reason::Cap), 13), (("claude", Reason::Cap), 1)])
        );
    }

    #[test]
    fn what_is_left_out_adds_up_and_what_is_there_does_not() {
        let mut out = Builder::new();
        out.push(&session::THREADS, &["a"], 1.0);
        out.leave_out(&session::THREADS, 3);
        let sessions = out.build();
        let commits = snapshot(&[(&claude::COMMITS, &[], 2.0), (&claude::PULL_REQUESTS, &[], 2.0)]);
        let mut tally = Tally::default();
        let mut scrape = |filter: &Filter| tally.add(&Page::new([&sessions, &commits], filter, 2), filter);
        scrape(&Filter::All);
        scrape(&Filter::All);
        // Says nothing of the others.
        scrape(&Filter::Only(vec!["claude".into()]));
        let mut out = Builder::new();
        tally.tell(&mut out);
        assert_eq!(
            lines(&Page::new([&out.build()], &Filter::All, 9)),
            [
                r#"odin_series{collector="claude"} 2"#,
                r#"odin_series{collector="session"} 1"#,
                r#"odin_series_dropped_total{collector="claude",reason="cap"} 2"#,
                r#"odin_series_dropped_total{collector="claude",reason="label"} 0"#,
                r#"odin_series_dropped_total{collector="session",reason="cap"} 0"#,
                r#"odin_series_dropped_total{collector="session",reason="label"} 6"#,
            ]
        );
    }
}
