//! Launches: runs of claude as shells saw them, each with its sessions and what they cost.
//!
//! `join` decides which launch a response is of; `table`, `json` and `csv` write the result.

pub mod csv;
pub(super) mod join;
pub mod json;
pub mod table;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::Range;
use std::path::Path;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::filter::Filter;
use super::sessions::Place;
use super::{Amount, Error, Projects, Query, days};
use crate::ledger::{Dimension, Ledger, QUARTER_MS, StoredLaunch, Told};
use crate::model::Launch;
use join::{Candidate, Of, Span};

/// In place of a launch's name: what is of one of several.
pub(super) const OPEN: &str = "(one of several)";

/// A clock that ticks coarsely may have a process begin before the command line that started it.
const TICK_MS: i64 = 1000;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List {
    pub zone: TimeZone,
    /// First and last day, in the zone; none: the ledger is empty, and the query left them open.
    pub since: Option<Date>,
    pub until: Option<Date>,
    /// How many there are; `rows` are the last of them.
    pub found: usize,
    /// The newest first.
    pub rows: Vec<Launched>,
}

/// One launch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launched {
    /// Of one that was stopped and continued, from where it began to how it ended.
    pub launch: Launch,
    pub host: String,
    /// Of its directory.
    pub project: Option<Place>,
    /// Those that asked in it, the first to do so first.
    pub sessions: Vec<String>,
    /// Those that may have asked in it, or in another launch of the same directory.
    pub open: Vec<String>,
    /// Of what is surely its.
    pub amount: Amount,
}

/// The launches that reach into the query's period, at most so many, with all that each did.
pub fn list(ledger: &Ledger, query: &Query, limit: Option<usize>) -> Result<List, Error> {
    let _snapshot = ledger.snapshot()?;
    let quarters = query.period.quarters(&query.zone, query.week_starts, query.now)?;
    let filter = Filter::find(ledger, query)?;
    let joined = Joined::read(ledger, &quarters)?;
    let names = ledger.names(Dimension::Session)?;
    let mut rows: Vec<Launched> =
        joined.runs.iter().map(|run| Launched::new(run.clone(), &query.projects)).collect();
    for (session, responses) in &joined.sessions {
        let name = names.get(session).cloned().unwrap_or_default();
        for (told, of) in responses {
            match of {
                Of::None => {}
                Of::Launch(run) => {
                    rows[*run].amount.add(&told.cell, *session);
                    add(&mut rows[*run].sessions, &name);
                }
                Of::Open(runs) => runs.iter().for_each(|run| add(&mut rows[*run].open, &name)),
            }
        }
    }
    let mut projects = None;
    if let Some((_, ids)) = filter.of_origin.iter().find(|(of, _)| *of == Dimension::Project) {
        let names = ledger.names(Dimension::Project)?.into_iter().filter(|(id, _)| ids.contains(id));
        projects = Some(names.map(|(_, name)| name).collect::<HashSet<String>>());
    }
    let span_us = span_us(&quarters);
    rows.retain(|row| {
        let project = row.project.as_ref().map_or("", |place| &place.path);
        row.launch.started_us < span_us.end
            && row.launch.ended_us >= span_us.start
            && projects.as_ref().is_none_or(|projects| projects.contains(project))
    });
    for row in &mut rows {
        row.amount.settle();
    }
    rows.reverse();
    let found = rows.len();
    rows.truncate(limit.unwrap_or(found));
    let days = days(ledger, &quarters, &query.zone)?;
    Ok(List { zone: query.zone.clone(), since: days.since, until: days.until, found, rows })
}

fn add(names: &mut Vec<String>, name: &str) {
    if !names.iter().any(|known| known == name) {
        names.push(name.into());
    }
}

impl Launched {
    fn new(run: Run, projects: &Projects) -> Self {
        let project = (!run.project.is_empty())
            .then(|| Place { alias: projects.alias(&run.project).map(String::from), path: run.project });
        let (sessions, open, amount) = (vec![], vec![], Amount::default());
        Self { launch: run.launch, host: run.host, project, sessions, open, amount }
    }

    /// Microseconds; none where the clock was set back meanwhile.
    pub fn duration_us(&self) -> Option<i64> {
        Some(self.launch.ended_us - self.launch.started_us).filter(|duration| *duration >= 0)
    }
}

/// A launch from its first part to its last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Run {
    /// Of its first part.
    pub(super) id: i64,
    pub(super) host: String,
    pub(super) project: String,
    pub(super) launch: Launch,
}

impl Run {
    /// As programs tell launches apart: when it started.
    pub(super) fn name(&self, zone: &TimeZone) -> String {
        local(self.launch.started_us, zone, RFC3339)
    }

    /// As people do.
    pub(super) fn label(&self, zone: &TimeZone, projects: &Projects) -> String {
        let started = local(self.launch.started_us, zone, "%F %T");
        let place =
            Place { alias: projects.alias(&self.project).map(String::from), path: self.project.clone() };
        if self.project.is_empty() { started } else { format!("{started} {}", place.short()) }
    }
}

/// Launches, and which of them the responses are of that may be of one.
#[derive(Default)]
pub(super) struct Joined {
    /// In the order of their starts.
    pub(super) runs: Vec<Run>,
    /// By session, in the order of time.
    pub(super) sessions: BTreeMap<i64, Vec<(Told, Of)>>,
}

impl Joined {
    /// Of all launches that reach into a range of quarters.
    pub(super) fn read(ledger: &Ledger, quarters: &Range<i64>) -> Result<Self, Error> {
        let within = ledger.launches(span_us(quarters))?;
        let Some(first_us) = within.iter().map(|stored| stored.launch.started_us).min() else {
            return Ok(Self::default());
        };
        let last_us = within.iter().map(|stored| stored.launch.ended_us).max().unwrap_or(first_us);
        // Those that ran beside them may have what seems to be theirs.
        let runs = chained(ledger.launches(first_us..last_us.saturating_add(1))?);
        let spans: Vec<Span> = runs.iter().map(|run| span_ms(&run.launch)).collect();
        let mut candidates = candidates(ledger, &runs, &spans)?;
        let asked: HashSet<i64> = candidates.keys().copied().collect();
        let mut responses: BTreeMap<i64, Vec<Told>> = BTreeMap::new();
        ledger.responses_of(&asked, |session, told| responses.entry(session).or_default().push(*told))?;
        for (session, candidate) in &mut candidates {
            let responses = responses.entry(*session).or_default();
            // Extra attempts stay behind their response.
            responses.sort_by_key(|told| told.at_ms);
            candidate.instants = responses.iter().map(|told| told.at_ms).collect();
        }
        let of = join::join(&spans, &candidates.into_values().collect::<Vec<_>>());
        let sessions = responses.into_iter().zip(of);
        let sessions =
            sessions.map(|((session, responses), of)| (session, responses.into_iter().zip(of).collect()));
        Ok(Self { runs, sessions: sessions.collect() })
    }
}

/// Sessions that asked from where a launch was, or whose process a shell of one started.
fn candidates(ledger: &Ledger, runs: &[Run], spans: &[Span]) -> Result<BTreeMap<i64, Candidate>, Error> {
    let mut by_place: HashMap<(String, &str), Vec<usize>> = HashMap::new();
    let mut directories = BTreeSet::new();
    for (at, run) in runs.iter().enumerate() {
        let Some(cwd) = run.launch.cwd.as_deref().map(Path::to_string_lossy) else { continue };
        directories.insert(cwd.clone().into_owned());
        by_place.entry((cwd.into_owned(), &run.host)).or_default().push(at);
    }
    let mut candidates: BTreeMap<i64, Candidate> = BTreeMap::new();
    let directories: Vec<&str> = directories.iter().map(String::as_str).collect();
    for (session, directory, host) in ledger.sessions_in(&directories)? {
        let launches = by_place.get(&(directory, host.as_str()));
        let known = &mut candidates.entry(session).or_default().launches;
        known.extend(launches.into_iter().flatten());
        known.sort_unstable();
        known.dedup();
    }
    let first = spans.iter().map(|span| span.start).min().unwrap_or_default();
    let last = spans.iter().map(|span| span.end).max().unwrap_or_default();
    for process in ledger.session_processes(first..last.saturating_add(1))? {
        for (at, run) in runs.iter().enumerate() {
            let Span { start, end } = spans[at];
            let is_its = run.host == process.host
                && process.ancestors.contains(&run.launch.shell_pid)
                && (start - TICK_MS..=end).contains(&process.started_ms);
            if is_its {
                let seen = Span { start: process.first_ms, end: process.last_ms };
                candidates.entry(process.session).or_default().seen.push((at, seen));
            }
        }
    }
    Ok(candidates)
}

/// Puts together what Ctrl-Z took apart.
fn chained(stored: Vec<StoredLaunch>) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for StoredLaunch { id, host, project, launch } in stored {
        let continued = runs.iter_mut().rev().find(|run| {
            let before = &run.launch;
            run.host == host
                && before.shell_pid == launch.shell_pid
                && before.is_stopped()
                && before.child_pid.is_some()
                && before.child_pid == launch.child_pid
                && before.ended_us <= launch.started_us
        });
        match continued {
            Some(run) => {
                let (started_us, cwd, branch) =
                    (run.launch.started_us, run.launch.cwd.take(), run.launch.branch.take());
                run.launch = Launch { started_us, cwd, branch, ..launch };
            }
            None => runs.push(Run { id, host, project, launch }),
        }
    }
    runs
}

fn span_us(quarters: &Range<i64>) -> Range<i64> {
    let us = |quarter: i64| quarter.saturating_mul(QUARTER_MS).saturating_mul(1000);
    us(quarters.start)..us(quarters.end)
}

/// Both ends of a launch, in whole milliseconds.
fn span_ms(launch: &Launch) -> Span {
    Span { start: launch.started_us.div_euclid(1000), end: launch.ended_us.div_euclid(1000) + 1 }
}

/// A time of the zone.
pub(super) fn local(at_us: i64, zone: &TimeZone, format: &str) -> String {
    let end = if at_us > 0 { Timestamp::MAX } else { Timestamp::MIN };
    let at = Timestamp::from_microsecond(at_us).unwrap_or(end);
    at.to_zoned_datetime(zone.clone()).strftime(format).to_string()
}

pub(super) const RFC3339: &str = "%FT%T%.6f%:z";
