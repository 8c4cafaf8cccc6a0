//! Launches as JSON, schema `odin.launches/1`, on one line. Names and order of the fields are a promise.

use jiff::tz::TimeZone;
use serde::Serialize;

use super::{Launched, List, RFC3339, local};
use crate::report::calendar;
use crate::report::json::{Sums, sums_of_session};

#[derive(Serialize)]
struct Launches<'l> {
    schema: &'static str,
    timezone: String,
    since: Option<String>,
    until: Option<String>,
    found: usize,
    rows: Vec<Line<'l>>,
}

#[derive(Serialize)]
struct Line<'l> {
    started: String,
    ended: String,
    /// Null: the clock was set back meanwhile.
    duration_seconds: Option<f64>,
    exit: Option<u8>,
    is_stopped: bool,
    shell: &'static str,
    shell_version: &'l str,
    shell_pid: u32,
    tty: Option<String>,
    cwd: Option<String>,
    project: Option<&'l str>,
    branch: Option<&'l str>,
    host: &'l str,
    sessions: &'l [String],
    open_sessions: &'l [String],
    #[serde(flatten)]
    spent: Spent,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Spent {
    Known(Box<Sums>),
    /// Of no session.
    Unknown {
        cost_usd: (),
        cost_picousd: (),
    },
}

pub fn list(list: &List) -> serde_json::Result<String> {
    let is_contracted = list.rows.iter().any(|row| row.amount.is_contracted);
    let launches = Launches {
        schema: "odin.launches/1",
        timezone: calendar::zone_name(&list.zone),
        since: list.since.map(|day| day.to_string()),
        until: list.until.map(|day| day.to_string()),
        found: list.found,
        rows: list.rows.iter().map(|row| line(row, &list.zone, is_contracted)).collect(),
    };
    serde_json::to_string(&launches).map(|text| text + "\n")
}

fn line<'l>(row: &'l Launched, zone: &TimeZone, is_contracted: bool) -> Line<'l> {
    let launch = &row.launch;
    let text = |path: &std::path::PathBuf| path.to_string_lossy().into_owned();
    Line {
        started: local(launch.started_us, zone, RFC3339),
        ended: local(launch.ended_us, zone, RFC3339),
        duration_seconds: row.duration_us().map(|us| us as f64 / 1e6),
        exit: launch.exit,
        is_stopped: launch.is_stopped(),
        shell: launch.shell.name(),
        shell_version: &launch.shell_version,
        shell_pid: launch.shell_pid,
        tty: launch.tty.as_ref().map(text),
        cwd: launch.cwd.as_ref().map(text),
        project: row.project.as_ref().map(|place| place.path.as_str()),
        branch: launch.branch.as_deref(),
        host: &row.host,
        sessions: &row.sessions,
        open_sessions: &row.open,
        spent: match row.sessions[..] {
            [] => Spent::Unknown { cost_usd: (), cost_picousd: () },
            _ => Spent::Known(sums_of_session(&row.amount, is_contracted).into()),
        },
    }
}
