//! Launches as CSV: a header, then a line per launch. Several sessions are joined by semicolons.

use super::{Launched, List, RFC3339, local};
use crate::report::csv::{CONTRACT_FIELDS, FIELDS, contract, fields, quoted};

const HEADER: &str = "started,ended,exit,shell,shell_version,shell_pid,tty,cwd,project,branch,host,session_ids,open_session_ids";

pub fn list(list: &List) -> String {
    let is_contracted = list.rows.iter().any(|row| row.amount.is_contracted);
    let header = [HEADER, FIELDS].into_iter().chain(is_contracted.then_some(CONTRACT_FIELDS));
    let line = |row: &Launched| {
        let launch = &row.launch;
        let text = |path: &Option<std::path::PathBuf>| {
            path.as_ref().map(|path| quoted(&path.to_string_lossy())).unwrap_or_default()
        };
        let names = [
            local(launch.started_us, &list.zone, RFC3339),
            local(launch.ended_us, &list.zone, RFC3339),
            launch.exit.map(|exit| exit.to_string()).unwrap_or_default(),
            launch.shell.name().into(),
            quoted(&launch.shell_version),
            launch.shell_pid.to_string(),
            text(&launch.tty),
            text(&launch.cwd),
            row.project.as_ref().map(|place| quoted(&place.path)).unwrap_or_default(),
            quoted(launch.branch.as_deref().unwrap_or_default()),
            quoted(&row.host),
            quoted(&row.sessions.join(";")),
            quoted(&row.open.join(";")),
        ];
        // Without a session, nothing is known of what it cost.
        let is_known = !row.sessions.is_empty();
        let sums =
            fields(&row.amount).chain(is_contracted.then(|| contract(&row.amount)).into_iter().flatten());
        let sums = sums.map(|field| if is_known { field } else { String::new() });
        names.into_iter().chain(sums).collect::<Vec<_>>().join(",")
    };
    let lines = [header.collect::<Vec<_>>().join(",")].into_iter().chain(list.rows.iter().map(line));
    lines.collect::<Vec<_>>().join("\n") + "\n"
}
