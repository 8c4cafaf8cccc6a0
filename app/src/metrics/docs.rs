//! `docs/metrics.md`: the families, for people.

use super::families::{FRAME, TABLES};
use super::{Family, Kind, Label};

const HEAD: &str = "\
# Metrics

Every family that `odin agent` exposes, by the collector it comes from: what `collect[]` and `exclude[]` of a request
name. Made by `odin generate metrics-docs`.

A value that could not be read is absent, never 0. Label values are cut to 128 bytes, and what a label may be is in
brackets where that is known beforehand. The type is that of OpenMetrics, where untyped is called unknown; in text 0.0.4
an info is a gauge of 1. `node_*` families are those of `node_exporter`, with its names, labels and units.
Sensors of a driver's own have families beside those of `hwmon`, named after their files: `node_hwmon_fan_weight`.
";

/// The whole page, as Markdown.
pub fn markdown() -> String {
    HEAD.to_owned() + &TABLES.iter().map(|table| section(table)).collect::<String>()
}

/// The families of one collector.
fn section(table: &[&Family]) -> String {
    let title = match table.first().map(|family| family.collector) {
        None => return String::new(),
        Some(FRAME) => "In every page".into(),
        Some(collector) => format!("`{collector}`"),
    };
    let rows: String = table.iter().copied().map(row).collect();
    format!("\n## {title}\n\n| family | type | labels | unit | |\n|---|---|---|---|---|\n{rows}")
}

fn row(family: &Family) -> String {
    let Family { name, kind, unit, help, .. } = family;
    let labels: Vec<String> = family.labels.iter().map(label).collect();
    let cells = [labels.join(", "), (*unit).into(), format!("{help}{}", buckets(*kind))];
    let [labels, unit, help] = cells.map(|cell| cell.replace('|', "\\|").replace('<', "&lt;"));
    format!("| `{name}` | {} | {labels} | {unit} | {help} |\n", kind.name())
}

fn label(label: &Label) -> String {
    match label.values {
        "" => format!("`{}`", label.name),
        values => format!("`{}` ({})", label.name, values.replace(", ", ",").replace(',', ", ")),
    }
}

fn buckets(kind: Kind) -> String {
    let Kind::Histogram(bounds) = kind else { return String::new() };
    let bounds: Vec<String> = bounds.iter().map(ToString::to_string).collect();
    format!("; buckets {}", bounds.join(" "))
}
