//! What reports and truths have in common, and how they differ.

use std::collections::BTreeMap;
use std::ops::AddAssign;

use odin::model::Tokens;
use serde_json::Value;

/// What a row of a report adds up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    pub(crate) responses: i64,
    pub(crate) tokens: Tokens,
    pub(crate) web_searches: i64,
    pub(crate) cost_picousd: i64,
}

impl AddAssign for Sums {
    fn add_assign(&mut self, other: Self) {
        self.responses += other.responses;
        self.tokens += other.tokens;
        self.web_searches += other.web_searches;
        self.cost_picousd += other.cost_picousd;
    }
}

impl Sums {
    /// Of a row or total of `odin cost report --format json`.
    pub(crate) fn of_report(row: &Value) -> Self {
        let tokens = &row["tokens"];
        Self {
            responses: whole(&row["responses"]),
            tokens: Tokens {
                input: whole(&tokens["input"]),
                output: whole(&tokens["output"]),
                cache_read: whole(&tokens["cache_read"]),
                cache_write_5m: whole(&tokens["cache_write_5m"]),
                cache_write_1h: whole(&tokens["cache_write_1h"]),
            },
            web_searches: whole(&row["web_searches"]),
            cost_picousd: whole(&row["cost_picousd"]),
        }
    }

    /// For truths that count an advisor's or a compaction's request as a response.
    pub(crate) fn without_responses(self) -> Self {
        Self { responses: 0, ..self }
    }

    /// The fields that differ, as `field expected, found`.
    pub(crate) fn differences(&self, found: &Self) -> String {
        let fields = |sums: &Self| {
            let Self { responses, tokens, web_searches, cost_picousd } = *sums;
            [
                ("responses", responses),
                ("input", tokens.input),
                ("output", tokens.output),
                ("cache_read", tokens.cache_read),
                ("cache_write_5m", tokens.cache_write_5m),
                ("cache_write_1h", tokens.cache_write_1h),
                ("web_searches", web_searches),
                ("cost_picousd", cost_picousd),
            ]
        };
        let pairs = fields(self).into_iter().zip(fields(found));
        let differing = pairs.filter(|(expected, found)| expected != found);
        let told = differing
            .map(|((name, expected), (_, found))| format!("{name} expected {expected}, found {found}"));
        told.collect::<Vec<_>>().join("; ")
    }
}

/// Sums by the names of their row, joined by spaces where there are two.
pub(crate) type Rows = BTreeMap<String, Sums>;

/// Adds rows to rows.
pub(crate) fn add(rows: &mut Rows, more: &Rows) {
    for (name, sums) in more {
        *rows.entry(name.clone()).or_default() += *sums;
    }
}

pub(crate) fn without_responses(rows: Rows) -> Rows {
    rows.into_iter().map(|(name, sums)| (name, sums.without_responses())).collect()
}

/// Rows that differ, a line each.
pub(crate) fn differences(what: &str, expected: &Rows, found: &Rows) -> Vec<String> {
    let mut out = vec![];
    for (name, sums) in expected {
        match found.get(name) {
            Some(found) if found == sums => {}
            Some(found) => out.push(format!("{what} {name}: {}", sums.differences(found))),
            None => out.push(format!("{what} {name}: missing, expected {sums:?}")),
        }
    }
    let unexpected = found.iter().filter(|(name, _)| !expected.contains_key(*name));
    out.extend(unexpected.map(|(name, sums)| format!("{what} {name}: unexpected {sums:?}")));
    out
}

#[track_caller]
pub(crate) fn assert_none(differences: &[String]) {
    let shown = differences.iter().take(20).map(String::as_str).collect::<Vec<_>>().join("\n  ");
    assert!(differences.is_empty(), "{} differences:\n  {shown}", differences.len());
}

pub(crate) fn whole(value: &Value) -> i64 {
    value.as_i64().unwrap_or_else(|| panic!("not a whole number: {value}"))
}
