//! How the shell integration fares as JSON, schema `odin.shell.status/1`, on one line. Names and order of the fields
//! are a promise.

use jiff::tz::TimeZone;
use serde::Serialize;

use super::local;
use crate::model::{Launch, Shell};
use crate::report::calendar::zone_name;
use crate::shell::spool::MalformedLine;
use crate::shell::status::{Block, Hook, ShellStatus, Status};

const RFC3339: &str = "%FT%T%.6f%:z";

#[derive(Serialize)]
struct Document<'s> {
    schema: &'static str,
    timezone: String,
    hook_version: Option<u32>,
    shells: Vec<OneShell>,
    spool: Spool,
    problems: Vec<Problem<'s>>,
}

#[derive(Serialize)]
struct OneShell {
    shell: &'static str,
    is_installed: bool,
    hook: HookFile,
    rc: RcFile,
    last_launch: Option<LastLaunch>,
}

/// States are `absent`, `current`, `other` and `unreadable`.
#[derive(Serialize)]
struct HookFile {
    path: String,
    state: &'static str,
    version: Option<u32>,
}

#[derive(Serialize)]
struct RcFile {
    path: String,
    state: &'static str,
}

#[derive(Serialize)]
struct LastLaunch {
    started: String,
    ended: String,
    exit: Option<u8>,
    is_stopped: bool,
    shell_version: String,
    cwd: Option<String>,
    branch: Option<String>,
}

#[derive(Serialize)]
struct Spool {
    path: String,
    lines: usize,
    unread: usize,
    malformed: Vec<Malformed>,
}

#[derive(Serialize)]
struct Malformed {
    file: String,
    line: usize,
    why: String,
}

#[derive(Serialize)]
struct Problem<'s> {
    shell: Option<&'static str>,
    what: &'s str,
    fix: &'s str,
}

pub fn render(status: &Status, zone: &TimeZone) -> Result<String, serde_json::Error> {
    let survey = &status.survey;
    let problems = status.problems.iter().map(|problem| Problem {
        shell: problem.shell.map(Shell::name),
        what: &problem.what,
        fix: &problem.fix,
    });
    let json = serde_json::to_string(&Document {
        schema: "odin.shell.status/1",
        timezone: zone_name(zone),
        hook_version: status.version,
        shells: status.shells.iter().map(|shell| one_shell(shell, status, zone)).collect(),
        spool: Spool {
            path: status.spool.display().to_string(),
            lines: survey.lines,
            unread: survey.unread,
            malformed: survey.malformed.iter().map(malformed).collect(),
        },
        problems: problems.collect(),
    })?;
    Ok(json + "\n")
}

fn one_shell(one: &ShellStatus, status: &Status, zone: &TimeZone) -> OneShell {
    let (hook, version) = match one.hook {
        Hook::Absent => ("absent", None),
        Hook::Current => ("current", status.version),
        Hook::Other(version) => ("other", version),
        Hook::Unreadable(_) => ("unreadable", None),
    };
    let block = match one.block {
        Block::Absent => "absent",
        Block::Current => "current",
        Block::Other => "other",
        Block::Unreadable(_) => "unreadable",
    };
    OneShell {
        shell: one.shell.name(),
        is_installed: one.is_installed(),
        hook: HookFile { path: one.hook_path.display().to_string(), state: hook, version },
        rc: RcFile { path: one.rc_path.display().to_string(), state: block },
        last_launch: status.survey.last.get(&one.shell).map(|launch| last(launch, zone)),
    }
}

fn last(launch: &Launch, zone: &TimeZone) -> LastLaunch {
    LastLaunch {
        started: local(launch.started_us, zone, RFC3339),
        ended: local(launch.ended_us, zone, RFC3339),
        exit: launch.exit,
        is_stopped: launch.is_stopped(),
        shell_version: launch.shell_version.clone(),
        cwd: launch.cwd.as_ref().map(|cwd| cwd.display().to_string()),
        branch: launch.branch.clone(),
    }
}

fn malformed(line: &MalformedLine) -> Malformed {
    Malformed { file: line.path.display().to_string(), line: line.number, why: line.why.to_string() }
}
