//! What the endpoint says: the table of families, snapshots of their samples, and the page made of these.
//!
//! ```text
//! Builder ─► Snapshot ─┐
//! Builder ─► Snapshot ─┴─► Page ─► text 0.0.4, OpenMetrics 1.0
//! ```
//!
//! A snapshot has one producer and never changes, so that a scrape shares it. Nothing here reads anything; facts come
//! from `collector` and `ledger`, and `agent` brings both together.

pub mod capped;
pub mod docs;
pub mod exposition;
pub mod families;
pub mod filter;
pub mod histogram;
pub mod page;
pub mod snapshot;

/// All samples of one name.
#[derive(Debug, PartialEq)]
pub struct Family {
    /// As in text 0.0.4: with `_total` or `_info`.
    pub name: &'static str,
    pub kind: Kind,
    pub labels: &'static [Label],
    /// In words of the catalogue; of the name where that has one.
    pub unit: &'static str,
    pub help: &'static str,
    /// What `collect[]` and `exclude[]` call its source.
    pub collector: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    Counter,
    Gauge,
    /// Facts in labels; always 1.
    Info,
    /// Upper bounds of the buckets, ascending, without the last one, which has no bound.
    Histogram(&'static [f64]),
    /// What `node_exporter` leaves open, because the kernel does.
    Untyped,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Label {
    pub name: &'static str,
    /// What it may be, for people; empty: whatever is found.
    pub values: &'static str,
}

impl Kind {
    /// As `# TYPE` has it; text 0.0.4 has no `info`, and OpenMetrics calls `unknown` what has no type.
    pub fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Info => "info",
            Self::Histogram(_) => "histogram",
            Self::Untyped => "untyped",
        }
    }
}
