//! Pages of metrics, as those read them who are made to: `promtool` and Prometheus' client library for Python.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use odin::metrics::exposition::Format;
use odin::metrics::filter::Filter;
use odin::metrics::histogram::Histogram;
use odin::metrics::page::Page;
use odin::metrics::snapshot::{Builder, Snapshot};
use odin::metrics::{Family, Kind, families};
use serde_json::{Value, json};

use crate::harness::{Home, skip};
use crate::random::Random;

/// Reads pages, and prints their samples: name, labels, the bits of the value.
const READER: &str = r"
import json, struct, sys
from prometheus_client import parser
from prometheus_client.openmetrics import parser as openmetrics

def samples(families):
    for family in families:
        for sample in family.samples:
            yield sample.name, sample.labels, str(struct.unpack('<Q', struct.pack('<d', sample.value))[0])

read = {'text': parser.text_string_to_metric_families, 'openmetrics': openmetrics.text_string_to_metric_families}
json.dump([list(samples(read[page['format']](page['text']))) for page in json.load(sys.stdin)], sys.stdout)
";

/// A sample as the reader prints it.
pub(crate) type Read = (String, BTreeMap<String, String>, String);

/// A series as it is read, and the bits of its value.
type Series = BTreeMap<(String, Vec<(String, String)>), u64>;

#[test]
fn the_documentation_is_current() {
    let current = include_str!("../../docs/metrics.md");
    let made = Home::new().done("generate metrics-docs");
    assert!(made == current, "run: odin generate metrics-docs > docs/metrics.md");
}

#[test]
fn promtool_finds_nothing_wrong_with_a_page_of_every_family() {
    let (snapshot, _) = every_family(&mut Random::new(1));
    if let Some(refused) = refused_by_promtool(&page(&snapshot, Format::Text)) {
        assert_eq!(refused, "");
    }
}

#[test]
fn the_client_library_reads_both_formats_as_what_was_meant() {
    let mut random = Random::new(1);
    let (mut pages, mut expected) = (vec![], vec![]);
    for _ in 0..50 {
        let (snapshot, series) = every_family(&mut random);
        for (format, name) in [(Format::Text, "text"), (Format::OpenMetrics, "openmetrics")] {
            pages.push(json!({"format": name, "text": page(&snapshot, format)}));
            expected.push(match format {
                Format::Text => as_text(&series),
                Format::OpenMetrics => series.clone(),
            });
        }
    }
    let Some(read) = read_by_the_client_library(&json!(pages)) else { return };
    for (samples, expected) in read.into_iter().zip(expected) {
        let count = samples.len();
        let series = samples
            .into_iter()
            .map(|(name, labels, bits)| ((name, labels.into_iter().collect()), bits.parse().unwrap()))
            .collect::<Series>();
        assert_eq!(series.len(), count, "no series twice");
        assert_eq!(series, expected);
    }
}

/// Of families that begin so, `promtool` may say what it likes: the names are `node_exporter`'s, or that of a link's
/// speed, which everybody tells in bits.
const NAMED_OTHERWISE: &[&str] =
    &["node_", "odin_network_speed_bits_per_second ", "odin_wifi_bitrate_bits_per_second "];

/// What `promtool` has against a page in the text format; nothing where it cannot be asked.
pub(crate) fn refused_by_promtool(page: &str) -> Option<String> {
    let promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut promtool) = promtool else {
        skip("no `promtool` to check a page with: install Debian's prometheus");
        return None;
    };
    promtool.stdin.take().unwrap().write_all(page.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.success(), said.is_empty(), "{said}");
    let is_news = |line: &&str| !NAMED_OTHERWISE.iter().any(|name| line.starts_with(name));
    Some(said.lines().filter(is_news).collect::<Vec<_>>().join("\n"))
}

/// The samples of pages, each with its `format` and `text`; nothing where there is no library.
pub(crate) fn read_by_the_client_library(pages: &Value) -> Option<Vec<Vec<Read>>> {
    let Some(python) = python() else {
        skip("no Python with prometheus_client: install Debian's python3-prometheus-client");
        return None;
    };
    let mut reader = Command::new(python)
        .args(["-c", READER])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    reader.stdin.take().unwrap().write_all(pages.to_string().as_bytes()).unwrap();
    let output = reader.wait_with_output().unwrap();
    assert!(output.status.success(), "the reader refuses a page");
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

fn python() -> Option<&'static str> {
    // Debian's own may stand behind another one, which lacks the package.
    ["python3", "/usr/bin/python3"].into_iter().find(|python| {
        let import =
            Command::new(python).args(["-c", "import prometheus_client"]).stderr(Stdio::null()).status();
        import.is_ok_and(|status| status.success())
    })
}

/// Of every family that has labels two series, in the order of the tables, and how they are to be read.
fn every_family(random: &mut Random) -> (Snapshot, Series) {
    let (mut out, mut series) = (Builder::new(), Series::new());
    for round in ["a", "b"] {
        for family in families::all() {
            if family.labels.is_empty() && round == "b" {
                continue;
            }
            // The round makes them differ.
            let values: Vec<String> =
                family.labels.iter().map(|_| format!("{round}{}", text(random))).collect();
            push(&mut out, &mut series, family, &values, number(random, family.kind));
        }
    }
    let snapshot = out.build();
    assert!(snapshot.left_out.is_empty());
    (snapshot, series)
}

fn page(snapshot: &Snapshot, format: Format) -> String {
    Page::new([snapshot], &Filter::All, usize::MAX).write(format)
}

fn push(out: &mut Builder, series: &mut Series, family: &'static Family, values: &[String], value: f64) {
    let names = family.labels.iter().map(|label| label.name.to_owned());
    let labels: Vec<(String, String)> = names.zip(values.iter().cloned()).collect();
    let mut expect = |suffix: &str, more: Option<(&str, &str)>, value: f64| {
        let more = more.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let mut labels: Vec<_> = labels.iter().cloned().chain(more).collect();
        labels.sort();
        series.insert((format!("{}{suffix}", family.name), labels), value.to_bits());
    };
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    match family.kind {
        Kind::Gauge | Kind::Info | Kind::Untyped => {
            out.push(family, &values, value);
            expect("", None, value);
        }
        Kind::Counter => {
            out.push_since(family, &values, value, Duration::from_millis(1_700_000_000_250));
            expect("", None, value);
            let created = family.name.replace("_total", "_created");
            let labels = labels.iter().cloned().collect::<BTreeMap<_, _>>().into_iter().collect();
            series.insert((created, labels), 1_700_000_000.25_f64.to_bits());
        }
        Kind::Histogram(bounds) => {
            let mut histogram = Histogram::new(bounds);
            histogram.observe(bounds[1]);
            histogram.observe(1e3);
            out.push_histogram(family, &values, &histogram);
            for (index, bound) in bounds.iter().enumerate() {
                expect("_bucket", Some(("le", &format!("{bound:?}"))), if index < 1 { 0.0 } else { 1.0 });
            }
            expect("_bucket", Some(("le", "+Inf")), 2.0);
            expect("_sum", None, bounds[1] + 1e3);
            expect("_count", None, 2.0);
        }
    }
}

/// Text 0.0.4 does not tell when a counter began, and writes whole bounds without a point.
fn as_text(series: &Series) -> Series {
    let whole = |(name, value): (String, String)| match (name.as_str(), value.strip_suffix(".0")) {
        ("le", Some(whole)) => (name, whole.to_owned()),
        _ => (name, value),
    };
    let kept = series.iter().filter(|((name, _), _)| !name.ends_with("_created"));
    kept.map(|((name, labels), bits)| ((name.clone(), labels.iter().cloned().map(whole).collect()), *bits))
        .collect()
}

/// A label value with all that needs care.
fn text(random: &mut Random) -> String {
    let parts =
        ["\\", "\"", "\n", "\\n", "\r", "{", "}", ",", "=", "#", " ", "a", "ä", "\u{2028}", "\u{0}", "🦀"];
    (0..random.below(6)).map(|_| parts[random.index(parts.len())]).collect()
}

/// A value that its kind may have.
fn number(random: &mut Random, kind: Kind) -> f64 {
    let any = f64::from_bits(random.below(u64::MAX));
    match kind {
        Kind::Info => 1.0,
        Kind::Gauge | Kind::Untyped => {
            if any.is_nan() {
                f64::NAN
            } else {
                any
            }
        }
        Kind::Counter | Kind::Histogram(_) => {
            if any.is_nan() {
                f64::INFINITY
            } else {
                any.abs()
            }
        }
    }
}
