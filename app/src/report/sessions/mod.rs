//! Sessions: many at a glance, or one with all that happened in it.
//!
//! [`list`](list()) chooses by the ledger's sums and looks only at the sessions that are shown; [`one`](one()) reads
//! the responses of one. `table`, `json` and `csv` write the results. A session is told of as a whole, whatever the
//! period or filter that found it.

mod agents;
mod client;
pub mod csv;
pub mod json;
mod list;
mod lives;
mod one;
pub(super) mod processes;
#[cfg(test)]
pub(super) mod sample;
pub mod table;

use std::cmp::Reverse;
use std::collections::HashMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::Projects;
use crate::ledger::{Cell, Told};

pub use agents::Agent;
pub use list::{List, Listed, Order, list};
pub use lives::Life;
pub use one::{Model, Session, Stretch, Tool, one};

/// What happened under a name, the more the higher its rank.
#[derive(Debug, Clone, Copy, Default)]
struct Share {
    cost_picousd: i128,
    responses: i64,
}

impl Share {
    fn of(cell: &Cell) -> Self {
        Self { cost_picousd: cell.sums.cost_picousd.into(), responses: cell.sums.responses }
    }

    fn merge(&mut self, other: Self) {
        self.cost_picousd += other.cost_picousd;
        self.responses += other.responses;
    }
}

/// Names and their shares.
#[derive(Debug, Default)]
struct Shares(HashMap<String, Share>);

impl Shares {
    fn add(&mut self, name: &str, share: Share) {
        match self.0.get_mut(name) {
            Some(known) => known.merge(share),
            None => _ = self.0.insert(name.into(), share),
        }
    }

    /// The dearest first, then those of most responses.
    fn ranked(self) -> Vec<String> {
        let mut names: Vec<(String, Share)> = self.0.into_iter().collect();
        names.sort_by(|(a, x), (b, y)| {
            (Reverse(x.cost_picousd), Reverse(x.responses), a).cmp(&(
                Reverse(y.cost_picousd),
                Reverse(y.responses),
                b,
            ))
        });
        names.into_iter().map(|(name, _)| name).collect()
    }
}

/// Where it was at work, and what the user calls that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub path: String,
    pub alias: Option<String>,
}

impl Place {
    pub(super) fn new(path: String, projects: &Projects) -> Self {
        Self { alias: projects.alias(&path).map(String::from), path }
    }

    fn all(paths: Vec<String>, projects: &Projects) -> Vec<Self> {
        paths.into_iter().map(|path| Self::new(path, projects)).collect()
    }

    /// The alias, else the last folder's name.
    pub(super) fn short(&self) -> &str {
        let last = self.path.rsplit('/').next().filter(|last| !last.is_empty());
        self.alias.as_deref().or(last).unwrap_or(&self.path)
    }
}

/// First and last of some instants.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Ends {
    first_ms: Option<i64>,
    last_ms: Option<i64>,
}

impl Ends {
    fn add(&mut self, told: &Told) {
        self.first_ms = Some(self.first_ms.map_or(told.at_ms, |first| first.min(told.at_ms)));
        self.last_ms = self.last_ms.max(Some(told.at_ms));
    }
}

/// A time of the zone, as `format` says it.
pub(super) fn local(at_ms: i64, zone: &TimeZone, format: &str) -> String {
    let end = if at_ms > 0 { Timestamp::MAX } else { Timestamp::MIN };
    let at = Timestamp::from_millisecond(at_ms).unwrap_or(end);
    at.to_zoned_datetime(zone.clone()).strftime(format).to_string()
}

const MINUTE: &str = "%F %H:%M";
const SECOND: &str = "%F %T";
const MILLISECOND: &str = "%F %T%.3f";
const RFC3339: &str = "%FT%T%.3f%:z";
