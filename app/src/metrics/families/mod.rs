//! Every family that odin exposes, in a table a subject. `docs/metrics.md` is made from them.

/// Declares the families of one collector, a static each, and `ALL` of them in the order of the file.
///
/// A row is `NAME: kind, "family", [label("what it may be"), …], "unit", "help";`.
macro_rules! families {
    ($collector:expr;
     $($name:ident: $kind:expr, $family:literal, [$($label:ident$(($values:literal))?),*], $unit:literal, $help:literal;)*
    ) => {
        use crate::metrics::Family;

        $(
            #[doc = concat!("`", $family, "`")]
            pub static $name: Family = Family {
                name: $family,
                kind: $kind,
                labels: &[$($crate::metrics::Label { name: stringify!($label), values: concat!($($values)?) }),*],
                unit: $unit,
                help: $help,
                collector: $collector,
            };
        )*

        pub static ALL: &[&Family] = &[$(&$name),*];
    };
}

pub mod agent;
pub mod claude;
pub mod collector;
pub mod conntrack;
pub mod cpu;
pub mod cpufreq;
pub mod diskstats;
pub mod dns;
pub mod filefd;
pub mod filesystem;
pub mod hwmon;
pub mod ledger;
pub mod loadavg;
pub mod meminfo;
pub mod meminfo_numa;
pub mod netclass;
pub mod netdev;
pub mod netstat;
pub mod nvme;
pub mod path;
pub mod powersupplyclass;
pub mod pressure;
pub mod processes;
pub mod qdisc;
pub mod rapl;
pub mod session;
pub mod sockstat;
pub mod softnet;
pub mod stat;
pub mod tcp;
pub mod thermal_zone;
pub mod time;
pub mod timex;
pub mod udp_queues;
pub mod uname;
pub mod vmstat;
pub mod wifi;

use std::collections::BTreeSet;

use crate::metrics::Family;

/// Stands for a collector with the families that tell of collectors. It cannot be left out of a page.
pub const FRAME: &str = "collector";

/// The tables, in the order of the documentation.
pub static TABLES: &[&[&Family]] = &[
    claude::ALL,
    session::ALL,
    processes::ALL,
    cpu::ALL,
    loadavg::ALL,
    meminfo::ALL,
    meminfo_numa::ALL,
    pressure::ALL,
    vmstat::ALL,
    stat::ALL,
    filefd::ALL,
    diskstats::ALL,
    filesystem::ALL,
    nvme::ALL,
    netclass::ALL,
    netdev::ALL,
    netstat::ALL,
    tcp::ALL,
    dns::ALL,
    path::ALL,
    qdisc::ALL,
    wifi::ALL,
    sockstat::ALL,
    softnet::ALL,
    conntrack::ALL,
    udp_queues::ALL,
    time::ALL,
    timex::ALL,
    uname::ALL,
    rapl::ALL,
    hwmon::ALL,
    thermal_zone::ALL,
    cpufreq::ALL,
    powersupplyclass::ALL,
    ledger::ALL,
    collector::ALL,
    agent::ALL,
];

pub fn all() -> impl Iterator<Item = &'static Family> {
    TABLES.iter().copied().flatten().copied()
}

/// The family of a table whose name is the two parts, the second as a kernel file has it.
pub fn named(table: &[&'static Family], prefix: &str, name: &str, suffix: &str) -> Option<&'static Family> {
    let is_it = |family: &&&Family| {
        let rest = family.name.strip_prefix(prefix).and_then(|rest| rest.strip_suffix(suffix));
        rest == Some(name)
    };
    table.iter().find(is_it).copied()
}

/// What requests and the config call them, in order.
pub fn collectors() -> Vec<&'static str> {
    let names: BTreeSet<&str> = all().map(|family| family.collector).collect();
    names.into_iter().filter(|name| *name != FRAME).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Kind;
    use crate::metrics::exposition::base;

    /// A row of the catalogue as far as the table has it too: name, type, labels, unit.
    type Row = (String, String, String, String);

    fn catalogue() -> BTreeSet<Row> {
        let rows = include_str!("../../../../tests/fixtures/catalogue.tsv").lines().skip(1);
        rows.map(|row| {
            let mut cells = row.split('\t').map(str::to_owned);
            let mut next = || cells.next().unwrap();
            (next(), next(), next(), next())
        })
        .collect()
    }

    #[test]
    fn the_tables_are_the_catalogue() {
        let label = |label: &crate::metrics::Label| match label.values {
            "" => label.name.into(),
            values => format!("{}({values})", label.name),
        };
        let rows = all().map(|family| {
            let labels: Vec<String> = family.labels.iter().map(label).collect();
            (family.name.into(), family.kind.name().into(), labels.join(","), family.unit.into())
        });
        let (tables, catalogue): (BTreeSet<Row>, _) = (rows.collect(), catalogue());
        let differences: Vec<_> = tables.symmetric_difference(&catalogue).collect();
        assert!(differences.is_empty(), "{differences:#?}");
    }

    #[test]
    fn no_two_families_have_a_name_that_openmetrics_takes_for_the_same() {
        let mut seen = BTreeSet::new();
        for family in all() {
            let suffixes: &[&str] = match family.kind {
                Kind::Counter => &["", "_total", "_created"],
                Kind::Gauge | Kind::Untyped => &[""],
                Kind::Info => &["", "_info"],
                Kind::Histogram(_) => &["", "_bucket", "_sum", "_count", "_created"],
            };
            for suffix in suffixes {
                let name = format!("{}{suffix}", base(family));
                assert!(seen.insert(name.clone()), "{name} is taken");
            }
        }
    }

    #[test]
    fn names_say_what_kind_of_family_they_are() {
        for family in all() {
            let Family { name, kind, .. } = family;
            assert_eq!(name.ends_with("_total"), *kind == Kind::Counter, "{name}");
            // Those of node_exporter are gauges there.
            let is_info = name.ends_with("_info") && !name.starts_with("node_");
            assert_eq!(is_info, *kind == Kind::Info, "{name}");
            if let Kind::Histogram(bounds) = kind {
                assert!(bounds.is_sorted_by(|a, b| a < b), "{name}");
            }
        }
    }

    #[test]
    fn a_table_has_one_collector() {
        for table in TABLES {
            assert!(table.iter().all(|family| family.collector == table[0].collector));
        }
    }
}
