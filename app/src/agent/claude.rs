//! What Claude Code spent and did, as the ledger has it, in counters that never fall and in gauges of periods.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Weekday;
use jiff::tz::TimeZone;

use super::latency::Latencies;
use super::sessions::Seen;
use crate::ledger::{
    Budget, Dimension, Exposed, Fall, Ledger, Series, Sessions, TelemetryTotal, ToolCalls, is_shown,
};
use crate::metrics::capped::Capped;
use crate::metrics::families::{claude as families, session};
use crate::metrics::snapshot::Builder;
use crate::metrics::{Family, capped};
use crate::model::status::Context;
use crate::model::telemetry::Measure;
use crate::model::{EventKind, ToolOutcome};
use crate::report::{self, Key, Last, Period, Projects, Query};

/// Values that have a series of their own, at most.
const PROJECTS: usize = 50;
const MODELS: usize = 50;
const AGENT_TYPES: usize = 20;
const TOOLS: usize = 40;
const CONTEXTS: usize = 64;
const LIMITS: usize = 8;

const PICOUSD: f64 = 1e12;

/// What a period is in the zone of the user.
#[derive(Debug, Clone)]
pub struct Calendar {
    pub zone: TimeZone,
    pub week_starts: Weekday,
    pub projects: Projects,
}

/// Tells the ledger's counts, and remembers what it told.
pub struct Claude {
    calendar: Calendar,
    exposed: BTreeMap<Series, Exposed>,
    projects: Capped,
    models: Capped,
    agent_types: Capped,
    tools: Capped,
    latencies: Latencies,
}

/// Counts by family and labels, in whole units.
#[derive(Default)]
struct Truth(BTreeMap<(&'static str, Vec<String>), (i64, &'static Family)>);

impl Truth {
    fn add(&mut self, family: &'static Family, labels: &[&str], count: i64) {
        let labels = labels.iter().map(|label| (*label).to_string()).collect();
        self.0.entry((family.name, labels)).or_insert((0, family)).0 += count;
    }
}

impl Claude {
    /// Goes on from what was told before.
    pub fn resume(ledger: &Ledger, calendar: Calendar) -> Result<Self, crate::ledger::Error> {
        let mut claude = Self {
            calendar,
            exposed: ledger.exposed()?,
            projects: Capped::new(PROJECTS),
            models: Capped::new(MODELS),
            agent_types: Capped::new(AGENT_TYPES),
            tools: Capped::new(TOOLS),
            latencies: Latencies::default(),
        };
        for series in claude.exposed.keys() {
            let label = |at: usize| series.labels.get(at).map_or("", String::as_str);
            if series.family == families::COST_USD.name {
                claude.models.keep(label(0));
                claude.projects.keep(label(1));
            } else if series.family == families::TOKENS.name {
                claude.models.keep(label(0));
            } else if series.family == families::AGENT_COST_USD.name {
                claude.agent_types.keep(label(0));
            } else if series.family == families::TOOL_CALLS.name {
                claude.tools.keep(label(0));
            }
        }
        Ok(claude)
    }

    /// Has a ledger that was made anew remember what was told.
    pub fn remember(&self, ledger: &mut Ledger) -> Result<(), crate::ledger::Error> {
        ledger.expose(&self.exposed)
    }

    /// All that there is to tell now. It is remembered before it is told.
    pub fn tell(
        &mut self,
        ledger: &mut Ledger,
        seen: &Seen,
        now: Timestamp,
        out: &mut Builder,
    ) -> Result<(), report::Error> {
        let held = ledger.snapshot()?;
        let mut truth = Truth::default();
        self.sums(ledger, seen, &mut truth, out)?;
        self.counts(ledger, &mut truth)?;
        telemetry(ledger, &mut truth)?;
        self.latencies.tell(ledger, &mut self.models, out)?;
        drop(held);
        self.periods(ledger, now, out)?;
        limits(ledger, now, out)?;
        for (kind, count) in ledger.parse_errors()? {
            if let Some(kind) = parse_error(&kind) {
                truth.add(&families::PARSE_ERRORS, &[kind], count);
            }
        }
        self.expose(ledger, truth, out)
    }

    /// Sums of the responses.
    fn sums(
        &mut self,
        ledger: &Ledger,
        seen: &Seen,
        truth: &mut Truth,
        out: &mut Builder,
    ) -> Result<(), report::Error> {
        let terms = ledger.terms()?;
        let (models, projects) = (ledger.names(Dimension::Model)?, ledger.names(Dimension::Project)?);
        let agent_types = ledger.names(Dimension::AgentType)?;
        let agents = ledger.names(Dimension::Agent)?;
        let mut live: BTreeMap<i64, (&str, crate::ledger::Sums)> = BTreeMap::new();
        for name in &seen.live {
            for (id, found) in ledger.sessions_named(name)? {
                if found == *name {
                    live.insert(id, (name, crate::ledger::Sums::default()));
                }
            }
        }
        let sources = ledger.names(Dimension::QuerySource)?;
        let mut origins: BTreeMap<i64, [i64; 5]> = BTreeMap::new();
        let of = [
            Dimension::Project,
            Dimension::AgentType,
            Dimension::Agent,
            Dimension::Session,
            Dimension::QuerySource,
        ];
        ledger.origins(&of, |id, of| {
            origins.insert(id, [of[0], of[1], of[2], of[3], of[4]]);
        })?;
        let mut hidden: BTreeMap<&str, i64> =
            ["compaction", "web_search", "background", capped::OTHER].map(|reason| (reason, 0)).into();
        // By model, project, agent type, whether it is the main loop, and provenance: few, so that names come last.
        let mut sums: BTreeMap<(i64, i64, i64, bool, i64, bool), crate::ledger::Sums> = BTreeMap::new();
        ledger.cells(i64::MIN..i64::MAX, |cell| {
            let terms = usize::try_from(cell.terms).ok().and_then(|id| terms.get(id));
            let [project, agent_type, agent, session, source] =
                origins.get(&cell.origin).copied().unwrap_or_default();
            if let Some((_, sums)) = live.get_mut(&session) {
                *sums += cell.sums;
            }
            if cell.provenance != 0 {
                let reason = hidden_for(sources.get(&source).map_or("", String::as_str));
                *hidden.entry(reason).or_default() += cell.sums.cost_picousd;
            }
            let is_main = agents.get(&agent).is_none_or(String::is_empty);
            let model = terms.map_or(0, |terms| terms.model);
            let key = (model, project, agent_type, is_main, cell.provenance, cell.is_priced);
            *sums.entry(key).or_default() += cell.sums;
        })?;
        for (reason, cost) in hidden {
            truth.add(&families::HIDDEN_COST_USD, &[reason], cost);
        }
        for (n, (id, (name, sums))) in live.into_iter().enumerate() {
            if let Some(Context { tokens, size }) = ledger.context(id)?.filter(|_| n < CONTEXTS) {
                out.push(&families::CONTEXT_USED_RATIO, &[name], tokens as f64 / size as f64);
            }
            out.push(&session::COST_USD, &[name], sums.cost_picousd as f64 / PICOUSD);
            out.push(&session::TOKENS, &[name], sums.tokens.total() as f64);
            let glance = ledger.session_glance(id, &ledger.session_origins(id)?)?;
            if let Some(last_ms) = glance.last_answer_ms {
                out.push(&session::LAST_RESPONSE_TIMESTAMP_SECONDS, &[name], last_ms as f64 / 1000.0);
            }
        }
        for ((model, project, agent_type, is_main, provenance, is_priced), sums) in sums {
            let name = |names: &std::collections::HashMap<i64, String>, id| {
                names.get(&id).cloned().unwrap_or_default()
            };
            let (model, project) = (name(&models, model), name(&projects, project));
            let model = self.models.keep(&model);
            let tokens = sums.tokens;
            for (class, count) in [
                ("input", tokens.input),
                ("output", tokens.output),
                ("cache_read", tokens.cache_read),
                ("cache_write_5m", tokens.cache_write_5m),
                ("cache_write_1h", tokens.cache_write_1h),
            ] {
                truth.add(&families::TOKENS, &[model, class], count);
            }
            let provenance = if provenance == 0 { "transcript" } else { "otel" };
            truth.add(&families::RESPONSES, &[model, provenance], sums.responses);
            truth.add(&families::UNPRICED_TOKENS, &[model], if is_priced { 0 } else { tokens.total() });
            if is_priced {
                truth.add(&families::COST_USD, &[model, self.projects.keep(&project)], sums.cost_picousd);
                truth.add(&families::CACHE_SAVING_USD, &[model], sums.saved.reads_picousd);
                truth.add(&families::CACHE_WRITE_SURCHARGE_USD, &[model], sums.saved.writes_picousd);
                let agent_type = name(&agent_types, agent_type);
                let agent = match &*agent_type {
                    _ if is_main => "main",
                    "" => capped::OTHER,
                    known => self.agent_types.keep(known),
                };
                truth.add(&families::AGENT_COST_USD, &[agent], sums.cost_picousd);
            }
        }
        Ok(())
    }

    /// What else is counted.
    fn counts(&mut self, ledger: &Ledger, truth: &mut Truth) -> Result<(), report::Error> {
        for (agent_type, runs) in ledger.subagents()? {
            let agent =
                if agent_type.is_empty() { capped::OTHER } else { self.agent_types.keep(&agent_type) };
            truth.add(&families::SUBAGENTS, &[agent], runs);
        }
        let Sessions { all, forks, clears } = ledger.session_counts()?;
        truth.add(&families::SESSIONS, &["fresh"], all - forks - clears);
        truth.add(&families::SESSIONS, &["fork"], forks);
        truth.add(&families::SESSIONS, &["clear"], clears);
        for ToolCalls { tool, outcome, calls } in ledger.tool_calls()? {
            let outcome = match outcome {
                Some(ToolOutcome::Ok) => "ok",
                Some(ToolOutcome::Error) => "error",
                Some(ToolOutcome::Denied) => "rejected",
                Some(ToolOutcome::Interrupted) => "interrupted",
                // Nobody knows yet.
                None => continue,
            };
            truth.add(&families::TOOL_CALLS, &[self.tools.keep(&tool_name(&tool)), outcome], calls);
        }
        for (kind, detail, count) in ledger.event_counts()? {
            match kind {
                EventKind::Compaction => truth.add(&families::COMPACTIONS, &[compaction(&detail)], count),
                EventKind::Retry => truth.add(&families::RETRIES, &[failure(&detail)], count),
                EventKind::ApiError => truth.add(&families::API_ERRORS, &[failure(&detail)], count),
                EventKind::Interruption | EventKind::ModelFallback => {}
            }
        }
        Ok(())
    }

    /// What was spent in the current day, week, month and block, by when it was.
    fn periods(&mut self, ledger: &Ledger, now: Timestamp, out: &mut Builder) -> Result<(), report::Error> {
        let Calendar { zone, week_starts, projects } = self.calendar.clone();
        let query = |by, last| Query {
            week_starts,
            projects: projects.clone(),
            ..Query::new(by, Period::Last(last), zone.clone(), now)
        };
        for (period, last) in [("day", Last::Days(1)), ("week", Last::ThisWeek), ("month", Last::ThisMonth)] {
            let report = report::cost(ledger, &query(vec![Key::Name(Dimension::Project)], last))?;
            let mut by_project: BTreeMap<String, i128> = BTreeMap::new();
            for row in &report.rows {
                // The empty label is the sum of all.
                let name = if row.name.is_empty() { capped::OTHER } else { self.projects.keep(&row.name) };
                *by_project.entry(name.into()).or_default() += row.amount.cost_picousd;
            }
            by_project.insert(String::new(), report.total.cost_picousd);
            for (project, cost) in by_project {
                out.push(&families::PERIOD_COST_USD, &[period, &project], cost as f64 / PICOUSD);
            }
        }
        for Budget { period, project, amount_picousd } in ledger.budgets()? {
            // What counts in another series has no budget of its own.
            if project.is_empty() || self.projects.keep(&project) == project {
                let labels = [period.name(), &project];
                out.push(&families::BUDGET_USD, &labels, amount_picousd as f64 / PICOUSD);
            }
        }
        let blocks = report::blocks(ledger, &query(vec![], Last::Days(2)))?;
        let current: i128 = blocks
            .rows
            .iter()
            .filter(|block| block.current.is_some())
            .map(|block| block.amount.cost_picousd)
            .sum();
        out.push(&families::PERIOD_COST_USD, &["block", ""], current as f64 / PICOUSD);
        Ok(())
    }

    /// Tells what was told before, and what has grown since.
    fn expose(&mut self, ledger: &mut Ledger, truth: Truth, out: &mut Builder) -> Result<(), report::Error> {
        let fall = ledger.fall()?;
        let reason = match fall {
            Fall::Restore => "other",
            Fall::Repricing => "repricing",
            Fall::Correction => "merge",
        };
        // What another ledger, or this one under other prices, remembers is not what was told.
        let is_due = fall != Fall::Correction;
        let mut told: BTreeMap<Series, (Exposed, &'static Family)> = BTreeMap::new();
        let (mut changed, mut corrections, mut shown) = (BTreeMap::new(), 0, 0);
        // What is no more has fallen to nothing.
        let mut counts = truth.0;
        for series in self.exposed.keys() {
            let family = families::ALL.iter().find(|family| family.name == series.family);
            if let Some(family) = family.filter(|family| family.name != families::CORRECTIONS.name) {
                counts.entry((family.name, series.labels.clone())).or_insert((0, family));
            }
        }
        for ((name, labels), (count, family)) in counts {
            let series = Series { family: name.into(), labels };
            let before = self.exposed.get(&series).copied().unwrap_or_default();
            let now = before.moved_to(count, fall);
            if count < before.truth {
                let is_shown = fall == Fall::Correction && falls_when_shown(family, &series.labels);
                *(if is_shown { &mut shown } else { &mut corrections }) += 1;
            }
            if is_due || now != before || !self.exposed.contains_key(&series) {
                changed.insert(series.clone(), now);
            }
            told.insert(series, (now, family));
        }
        for known in ["repricing", "merge", "telemetry", "other"] {
            let series = Series { family: families::CORRECTIONS.name.into(), labels: vec![known.into()] };
            let before = self.exposed.get(&series).copied().unwrap_or_default();
            let more = match known {
                "telemetry" => shown,
                known if known == reason => corrections,
                _ => 0,
            };
            let now = before.moved_to(before.truth + more, Fall::Correction);
            if is_due || now != before || !self.exposed.contains_key(&series) {
                changed.insert(series.clone(), now);
            }
            told.insert(series, (now, &families::CORRECTIONS));
        }
        if !changed.is_empty() {
            ledger.expose(&changed)?;
            self.exposed.extend(changed);
        }
        for (series, (exposed, family)) in told {
            let labels: Vec<&str> = series.labels.iter().map(String::as_str).collect();
            let unit = match family.unit {
                "USD" => PICOUSD,
                "seconds" => 1000.0,
                _ => 1.0,
            };
            out.push(family, &labels, exposed.value as f64 / unit);
        }
        Ok(())
    }
}

/// What telemetry alone tells.
fn telemetry(ledger: &Ledger, truth: &mut Truth) -> Result<(), report::Error> {
    for TelemetryTotal { measure, detail, value } in ledger.telemetry_totals()? {
        match measure {
            // How a session began is told once, by whoever knows.
            Measure::Starts if matches!(&*detail, "fresh" | "fork" | "clear") => {}
            Measure::Starts => {
                let known = ["resume", "continue"].into_iter().find(|known| *known == detail);
                truth.add(&families::SESSIONS, &[known.unwrap_or(capped::OTHER)], value);
            }
            Measure::Lines => truth.add(&families::LINES_CHANGED, &[&detail], value),
            Measure::Commits => truth.add(&families::COMMITS, &[], value),
            Measure::PullRequests => truth.add(&families::PULL_REQUESTS, &[], value),
            Measure::Active => truth.add(&families::ACTIVE_SECONDS, &[&detail], value),
            Measure::EditDecisions => {
                let (decision, tool) = detail.split_once('/').unwrap_or((&detail, ""));
                let known = ["Edit", "Write", "NotebookEdit"].into_iter().find(|known| *known == tool);
                truth.add(&families::EDIT_DECISIONS, &[decision, known.unwrap_or(capped::OTHER)], value);
            }
            Measure::RetriesExhausted => {
                truth.add(&families::RETRIES_EXHAUSTED, &[failure(&detail)], value);
            }
        }
    }
    Ok(())
}

/// Windows of rate limits that go on, as clients told of them.
fn limits(ledger: &Ledger, now: Timestamp, out: &mut Builder) -> Result<(), report::Error> {
    for window in report::limits::current(ledger, now)?.iter().take(LIMITS) {
        let name = [window.name.as_str()];
        out.push(&families::RATE_LIMIT_USED_RATIO, &name, window.used as f64 / 10_000.0);
        let resets = window.resets.as_second() as f64;
        out.push(&families::RATE_LIMIT_RESET_TIMESTAMP_SECONDS, &name, resets);
        let told = window.told.as_millisecond() as f64 / 1000.0;
        out.push(&families::RATE_LIMIT_OBSERVED_TIMESTAMP_SECONDS, &name, told);
    }
    Ok(())
}

/// The catalogue's word for what no transcript shows.
fn hidden_for(query_source: &str) -> &'static str {
    match query_source {
        "compact" => "compaction",
        "web_search_tool" => "web_search",
        // A transcript would have shown it: it was lost, or none is written.
        shown if shown.is_empty() || is_shown(shown) => capped::OTHER,
        _ => "background",
    }
}

/// Falls when a transcript shows what only telemetry had told of.
fn falls_when_shown(family: &Family, labels: &[String]) -> bool {
    family.name == families::HIDDEN_COST_USD.name
        || family.name == families::RESPONSES.name && labels.get(1).is_some_and(|label| label == "otel")
}

/// A server's tools count as one.
fn tool_name(tool: &str) -> String {
    match tool.strip_prefix("mcp__").and_then(|rest| rest.split("__").next()) {
        Some(server) => format!("mcp:{server}"),
        None => tool.into(),
    }
}

fn compaction(trigger: &str) -> &str {
    if trigger == "manual" { "manual" } else { "auto" }
}

/// The catalogue's word for what the client calls an error.
fn failure(detail: &str) -> &'static str {
    let detail = detail.to_ascii_lowercase();
    let has = |parts: &[&str]| parts.iter().any(|part| detail.contains(part));
    match () {
        () if has(&["rate_limit", "429"]) => "rate_limit",
        () if has(&["overloaded", "529"]) => "overloaded",
        () if has(&["authentication", "permission", "401", "403"]) => "authentication",
        () if has(&["timeout", "timedout", "etimedout"]) => "timeout",
        () if has(&["econn", "epipe", "enotfound", "socket", "connection", "network"]) => "connection",
        () if has(&["invalid_request", "not_found", "too_large", "400", "404", "413"]) => "invalid_request",
        () if has(&["api_error", "server_error", "500", "502", "503", "504"]) => "server_error",
        () => "other",
    }
}

/// The catalogue's word for a kind of damage; none for what is no error.
fn parse_error(kind: &str) -> Option<&'static str> {
    match kind {
        "nul" => None,
        "json" => Some("json"),
        "utf8" | "byte_order_mark" => Some("encoding"),
        "usage" => Some("usage"),
        _ => Some("schema"),
    }
}
