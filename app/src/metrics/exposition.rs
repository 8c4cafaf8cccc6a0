//! Text 0.0.4 and OpenMetrics 1.0: what a scraper reads.
//!
//! <https://prometheus.io/docs/instrumenting/exposition_formats/> and
//! <https://prometheus.io/docs/specs/om/open_metrics_spec/>. They differ in what a family is called (OpenMetrics
//! has no `_total` and `_info` there), in `# UNIT`, in when something began, in the bounds of buckets and in the end.

use std::fmt::Write as _;

use super::snapshot::{Part, Sample};
use super::{Family, Kind};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Text,
    OpenMetrics,
}

impl Format {
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// Bytes of a line with its share of what stands above it.
const LINE_BYTES: usize = 120;

/// Samples as a page, which they have the order of.
pub(super) fn write(samples: &[Sample], format: Format) -> String {
    let mut out = String::with_capacity(samples.len() * LINE_BYTES);
    for samples in samples.chunk_by(|a, b| std::ptr::eq(a.family, b.family)) {
        write_head(&mut out, samples[0].family, format);
        for sample in samples {
            write_sample(&mut out, sample, format);
        }
    }
    if format == Format::OpenMetrics {
        out.push_str("# EOF\n");
    }
    out
}

fn write_head(out: &mut String, family: &Family, format: Format) {
    let (name, kind, escapes) = match (format, family.kind) {
        (Format::Text, Kind::Info) => (family.name, Kind::Gauge.name(), Escape::Lines),
        (Format::Text, kind) => (family.name, kind.name(), Escape::Lines),
        (Format::OpenMetrics, Kind::Untyped) => (family.name, "unknown", Escape::Quotes),
        (Format::OpenMetrics, kind) => (base(family), kind.name(), Escape::Quotes),
    };
    push_all(out, &["# HELP ", name, " "]);
    escape(out, family.help, escapes);
    push_all(out, &["\n# TYPE ", name, " ", kind, "\n"]);
    if let (Format::OpenMetrics, Some(unit)) = (format, unit(family)) {
        push_all(out, &["# UNIT ", name, " ", unit, "\n"]);
    }
}

fn write_sample(out: &mut String, sample: &Sample, format: Format) {
    let suffix = match sample.part {
        Part::Only => "",
        Part::Bucket(_) => "_bucket",
        Part::Sum => "_sum",
        Part::Count => "_count",
    };
    push_all(out, &[sample.family.name, suffix]);
    let bound = match (sample.part, sample.family.kind) {
        (Part::Bucket(index), Kind::Histogram(bounds)) => {
            Some(bounds.get(usize::from(index)).copied().unwrap_or(f64::INFINITY))
        }
        _ => None,
    };
    push_labels(out, sample.labels, bound, format);
    push_number(out, sample.value);
    out.push('\n');
    if let (Format::OpenMetrics, Some(created)) = (format, sample.created) {
        push_all(out, &[base(sample.family), "_created"]);
        push_labels(out, sample.labels, None, format);
        push_number(out, created);
        out.push('\n');
    }
}

/// The name of a family in OpenMetrics, where suffixes belong to samples.
pub(super) fn base(family: &Family) -> &'static str {
    let suffix = match family.kind {
        Kind::Counter => "_total",
        Kind::Info => "_info",
        Kind::Gauge | Kind::Histogram(_) | Kind::Untyped => "",
    };
    family.name.strip_suffix(suffix).unwrap_or(family.name)
}

/// The unit as the name has it; OpenMetrics knows no other.
fn unit(family: &Family) -> Option<&'static str> {
    let base = base(family);
    let at = base.len().checked_sub(family.unit.len())?;
    let unit = base.get(at..).filter(|end| end.eq_ignore_ascii_case(family.unit))?;
    base[..at].ends_with('_').then_some(unit)
}

fn push_labels(out: &mut String, labels: &str, bound: Option<f64>, format: Format) {
    match (labels, bound) {
        ("", None) => {}
        (_, None) => push_all(out, &["{", labels, "}"]),
        (_, Some(bound)) => {
            push_all(out, &["{", labels, if labels.is_empty() { "" } else { "," }, "le=\""]);
            let start = out.len();
            push_number(out, bound);
            // There a bound is written as what it is, a float.
            if format == Format::OpenMetrics && out[start..].bytes().all(|byte| byte.is_ascii_digit()) {
                out.push_str(".0");
            }
            out.push_str("\"}");
        }
    }
    out.push(' ');
}

/// The shortest that reads as the same number again; large and small ones as Go writes them, with an exponent.
fn push_number(out: &mut String, number: f64) {
    // Writing into a string cannot fail.
    _ = if number.is_finite() && number != 0.0 && !(1e-4..1e21).contains(&number.abs()) {
        write!(out, "{number:e}")
    } else if number == f64::INFINITY {
        write!(out, "+Inf")
    } else if number == f64::NEG_INFINITY {
        write!(out, "-Inf")
    } else {
        write!(out, "{number}")
    };
}

/// What must not stand as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Escape {
    /// Backslashes and newlines.
    Lines,
    /// Also double quotes.
    Quotes,
}

pub(super) fn escape(out: &mut String, mut text: &str, escapes: Escape) {
    let is_special = |c: char| matches!(c, '\\' | '\n') || (c == '"' && escapes == Escape::Quotes);
    while let Some(at) = text.find(is_special) {
        let (plain, rest) = text.split_at(at);
        let (special, rest) = rest.split_at(1);
        push_all(out, &[plain, "\\", if special == "\n" { "n" } else { special }]);
        text = rest;
    }
    out.push_str(text);
}

fn push_all(out: &mut String, parts: &[&str]) {
    for part in parts {
        out.push_str(part);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::metrics::histogram::Histogram;
    use crate::metrics::page::Page;
    use crate::metrics::snapshot::{Builder, Snapshot};
    use crate::metrics::{Label, filter::Filter};

    const PLAIN: Family = Family {
        name: "odin_test_temperature_celsius",
        kind: Kind::Gauge,
        labels: &[],
        unit: "celsius",
        help: "What a \"thermometer\" says\\\nabove 0",
        collector: "test",
    };
    const WHERE: &[Label] = &[Label { name: "type", values: "" }, Label { name: "place", values: "" }];

    static GAUGE: Family = PLAIN;
    static PLACED: Family = Family { name: "odin_test_placed_celsius", labels: WHERE, ..PLAIN };
    static COUNTER: Family =
        Family { name: "odin_test_cost_usd_total", kind: Kind::Counter, labels: WHERE, unit: "USD", ..PLAIN };
    static INFO: Family =
        Family { name: "odin_test_info", kind: Kind::Info, labels: WHERE, unit: "1", ..PLAIN };
    static HISTOGRAM: Family = Family {
        name: "odin_test_duration_seconds",
        kind: Kind::Histogram(&[0.5, 1.0, 1e30]),
        labels: WHERE,
        unit: "seconds",
        ..PLAIN
    };

    fn page(snapshot: &Snapshot, format: Format) -> String {
        Page::new([snapshot], &Filter::All, usize::MAX).write(format)
    }

    fn example() -> Snapshot {
        let mut out = Builder::new();
        let mut durations = Histogram::new(&[0.5, 1.0, 1e30]);
        for seconds in [0.25, 0.75, 1.0, 1e31] {
            durations.observe(seconds);
        }
        out.push_histogram(&HISTOGRAM, &["a", "b"], &durations);
        out.push(&INFO, &["v1", ""], 1.0);
        out.push(&GAUGE, &[], -0.000_05);
        out.push_since(
            &COUNTER,
            &["b", "C:\\new\n\"x\" äöü"],
            12.25,
            Duration::from_millis(1_700_000_000_500),
        );
        out.push(&COUNTER, &["a", "1"], 3e21);
        out.build()
    }

    #[test]
    fn text_has_what_prometheus_has_read_since_2014() {
        let expected = r#"# HELP odin_test_cost_usd_total What a "thermometer" says\\\nabove 0
# TYPE odin_test_cost_usd_total counter
odin_test_cost_usd_total{type="a",place="1"} 3e21
odin_test_cost_usd_total{type="b",place="C:\\new\n\"x\" äöü"} 12.25
# HELP odin_test_duration_seconds What a "thermometer" says\\\nabove 0
# TYPE odin_test_duration_seconds histogram
odin_test_duration_seconds_bucket{type="a",place="b",le="0.5"} 1
odin_test_duration_seconds_bucket{type="a",place="b",le="1"} 3
odin_test_duration_seconds_bucket{type="a",place="b",le="1e30"} 3
odin_test_duration_seconds_bucket{type="a",place="b",le="+Inf"} 4
odin_test_duration_seconds_sum{type="a",place="b"} 1e31
odin_test_duration_seconds_count{type="a",place="b"} 4
# HELP odin_test_info What a "thermometer" says\\\nabove 0
# TYPE odin_test_info gauge
odin_test_info{type="v1",place=""} 1
# HELP odin_test_temperature_celsius What a "thermometer" says\\\nabove 0
# TYPE odin_test_temperature_celsius gauge
odin_test_temperature_celsius -5e-5
"#;
        assert_eq!(page(&example(), Format::Text), expected);
    }

    #[test]
    fn openmetrics_has_units_beginnings_and_an_end() {
        let expected = r#"# HELP odin_test_cost_usd What a \"thermometer\" says\\\nabove 0
# TYPE odin_test_cost_usd counter
# UNIT odin_test_cost_usd usd
odin_test_cost_usd_total{type="a",place="1"} 3e21
odin_test_cost_usd_total{type="b",place="C:\\new\n\"x\" äöü"} 12.25
odin_test_cost_usd_created{type="b",place="C:\\new\n\"x\" äöü"} 1700000000.5
# HELP odin_test_duration_seconds What a \"thermometer\" says\\\nabove 0
# TYPE odin_test_duration_seconds histogram
# UNIT odin_test_duration_seconds seconds
odin_test_duration_seconds_bucket{type="a",place="b",le="0.5"} 1
odin_test_duration_seconds_bucket{type="a",place="b",le="1.0"} 3
odin_test_duration_seconds_bucket{type="a",place="b",le="1e30"} 3
odin_test_duration_seconds_bucket{type="a",place="b",le="+Inf"} 4
odin_test_duration_seconds_sum{type="a",place="b"} 1e31
odin_test_duration_seconds_count{type="a",place="b"} 4
# HELP odin_test What a \"thermometer\" says\\\nabove 0
# TYPE odin_test info
odin_test_info{type="v1",place=""} 1
# HELP odin_test_temperature_celsius What a \"thermometer\" says\\\nabove 0
# TYPE odin_test_temperature_celsius gauge
# UNIT odin_test_temperature_celsius celsius
odin_test_temperature_celsius -5e-5
# EOF
"#;
        assert_eq!(page(&example(), Format::OpenMetrics), expected);
    }

    #[test]
    fn without_samples_only_the_end_is_left() {
        let nothing = Builder::new().build();
        assert_eq!(
            (page(&nothing, Format::Text), page(&nothing, Format::OpenMetrics)),
            (String::new(), "# EOF\n".into())
        );
    }

    #[test]
    fn numbers_are_short_and_as_prometheus_reads_them() {
        for (number, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (123_456_789_012_345_680.0, "123456789012345680"),
            (0.1 + 0.2, "0.30000000000000004"),
            (0.0001, "0.0001"),
            (0.000_099, "9.9e-5"),
            (f64::MAX, "1.7976931348623157e308"),
            (f64::MIN_POSITIVE, "2.2250738585072014e-308"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
        ] {
            let mut out = String::new();
            push_number(&mut out, number);
            assert_eq!(out, text);
        }
    }

    #[test]
    fn a_unit_is_one_that_the_name_ends_with() {
        let unit_of = |name, unit, kind| super::unit(&Family { name, kind, unit, ..PLAIN });
        assert_eq!(unit_of("odin_x_cost_usd_total", "USD", Kind::Counter), Some("usd"));
        assert_eq!(unit_of("odin_x_seconds", "seconds", Kind::Gauge), Some("seconds"));
        assert_eq!(unit_of("odin_x_milliseconds", "seconds", Kind::Gauge), None);
        assert_eq!(unit_of("bytes", "bytes", Kind::Gauge), None);
        assert_eq!(unit_of("odin_x", "file descriptors", Kind::Gauge), None);
    }

    /// A family's name, its labels in their order, its value.
    type Line = (String, Vec<(String, String)>, String);

    /// Takes a sample line apart, and nothing that is not exactly one.
    fn line(text: &str) -> Option<Line> {
        let is_name = |c: char| c.is_ascii_lowercase() || c == '_';
        let end = text.find(|c| !is_name(c))?;
        let (name, mut rest) = text.split_at(end);
        let mut labels = vec![];
        if let Some(after) = rest.strip_prefix('{') {
            rest = after;
            loop {
                let (label, after) =
                    rest.split_once("=\"").filter(|(label, _)| label.chars().all(is_name))?;
                let (value, after) = unescaped(after, '"')?;
                labels.push((label.into(), value));
                match after.split_at_checked(1)? {
                    (",", after) => rest = after,
                    ("}", after) => break rest = after,
                    _ => return None,
                }
            }
        }
        let value = rest.strip_prefix(' ').filter(|value| !value.is_empty() && !value.contains(' '))?;
        Some((name.into(), labels, value.into()))
    }

    /// Up to the first `end` that is not escaped, and what comes after it.
    fn unescaped(text: &str, end: char) -> Option<(String, &str)> {
        let (mut out, mut chars) = (String::new(), text.char_indices());
        while let Some((at, c)) = chars.next() {
            match c {
                '\\' => out.push(match chars.next()?.1 {
                    'n' => '\n',
                    c @ ('\\' | '"') => c,
                    _ => return None,
                }),
                c if c == end => return Some((out, &text[at + 1..])),
                c => out.push(c),
            }
        }
        None
    }

    fn lines(page: &str) -> BTreeMap<(String, Vec<(String, String)>), f64> {
        let samples = page.split_terminator('\n').filter(|line| !line.starts_with('#'));
        let parsed = samples.map(|text| line(text).unwrap_or_else(|| panic!("no sample: {text:?}")));
        parsed.map(|(name, labels, value)| ((name, labels), value.parse().unwrap())).collect()
    }

    proptest! {
        #[test]
        fn every_page_reads_back_as_what_was_pushed(
            samples in prop::collection::vec(("(?s).{0,9}", "[ab\"\\\\\n]{0,3}", any::<f64>()), 0..20),
        ) {
            let mut out = Builder::new();
            let mut expected = BTreeMap::new();
            for (kind, place, value) in &samples {
                for family in [&PLACED, &COUNTER] {
                    out.push(family, &[kind, place], *value);
                    let labels = vec![("type".into(), kind.clone()), ("place".into(), place.clone())];
                    expected.entry((family.name.to_owned(), labels)).or_insert(value.to_bits());
                }
            }
            let snapshot = out.build();
            let same = |page: &str| lines(page).into_iter().map(|(key, value)| (key, value.to_bits())).collect();
            prop_assert_eq!(&expected, &same(&page(&snapshot, Format::Text)));
            let open = page(&snapshot, Format::OpenMetrics);
            prop_assert_eq!(&expected, &same(open.strip_suffix("# EOF\n").unwrap()));
            for page in [open, page(&snapshot, Format::Text)] {
                let families = page.lines().filter(|line| line.starts_with("# TYPE"));
                prop_assert_eq!(families.count(), if samples.is_empty() { 0 } else { 2 });
            }
        }
    }
}
