//! Launches for people, fitted to a width.

use super::{Launched, List, local};
use crate::ledger::Dimension;
use crate::report::number::{push_grouped, push_short};
use crate::report::page::{Column, Page, Row};
use crate::report::sessions::Place;
use crate::report::sessions::table::{beginnings, length};
use crate::report::table::shortened;
use crate::report::text::{decimals_of, heading_of, push_cost};
use crate::report::{Key, calendar};

const MINUTE: &str = "%F %H:%M";
/// Of a name that is not the first of its line.
const NAME: usize = 22;

const COLUMNS: [Column; 10] = [
    Column::Number("Duration"),
    Column::Number("Exit"),
    Column::Text("Project"),
    Column::Text("Branch"),
    Column::Text("Shell"),
    Column::Text("Terminal"),
    Column::Text("Session"),
    Column::Number("Responses"),
    Column::Number("Tokens"),
    Column::Number("Cost"),
];
const FITS: [&[usize]; 6] = [
    &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
    &[0, 1, 2, 3, 4, 6, 7, 8, 9],
    &[0, 1, 2, 3, 6, 8, 9],
    &[0, 1, 2, 6, 9],
    &[0, 1, 2, 9],
    &[0, 9],
];

pub fn list(list: &List, width: usize, is_terminal: bool) -> String {
    let mut page = Page::new(width);
    page.say(0, &heading_of(list.since, list.until, &calendar::zone_name(&list.zone)));
    page.gap();
    if list.rows.is_empty() {
        page.say(0, "No launches. A shell tells of them once its hook is installed: odin shell install");
        return page.text(is_terminal);
    }
    page.table("Started", &COLUMNS, &FITS, &rows(list));
    if list.rows.len() < list.found {
        page.gap();
        page.say(0, &format!("{} of {} launches; all of them: --limit 0", list.rows.len(), list.found));
    }
    if list.rows.iter().any(|row| !row.open.is_empty()) {
        page.gap();
        page.say(
            0,
            "?  may be another launch's that ran in the same directory at the time, and is not counted",
        );
    }
    page.text(is_terminal)
}

fn rows(list: &List) -> Vec<Row> {
    let decimals = list.rows.iter().map(|row| decimals_of(&row.amount)).min().unwrap_or(2);
    let ids: Vec<&str> =
        list.rows.iter().flat_map(|row| row.sessions.iter().chain(&row.open)).map(String::as_str).collect();
    let short: std::collections::HashMap<&str, String> = ids.iter().copied().zip(beginnings(&ids)).collect();
    let row = |row: &Launched| {
        let launch = &row.launch;
        let project = row.project.as_ref().map(Place::short).unwrap_or_default();
        let branch = launch.branch.as_deref().unwrap_or_default();
        let terminal = launch.tty.as_ref().map(|tty| tty.to_string_lossy());
        let sure = row.sessions.iter().map(|id| short[id.as_str()].clone());
        let open = row
            .open
            .iter()
            .filter(|id| !row.sessions.contains(id))
            .map(|id| format!("{}?", short[id.as_str()]));
        let mut sessions = sure.chain(open);
        let first = sessions.next().unwrap_or_default();
        let session = match sessions.count() {
            0 => first,
            more => format!("{first} +{more}"),
        };
        let known = |write: &dyn Fn(&mut String)| {
            let mut text = String::new();
            if !row.sessions.is_empty() {
                write(&mut text);
            }
            text
        };
        let cells = vec![
            length(row.duration_us().map(|us| us / 1000)),
            exit(row),
            shortened(project, Key::Name(Dimension::Project), NAME).into(),
            shortened(branch, Key::Name(Dimension::Branch), NAME).into(),
            launch.shell.name().into(),
            terminal.map(|tty| tty.trim_start_matches("/dev/").to_string()).unwrap_or_default(),
            session,
            known(&|text| push_grouped(text, row.amount.responses)),
            known(&|text| push_short(text, row.amount.tokens.total())),
            known(&|text| push_cost(text, row.amount.cost_picousd, row.amount.priced(), decimals)),
        ];
        Row { label: local(launch.started_us, &list.zone, MINUTE), cells, is_sum: false }
    };
    list.rows.iter().map(row).collect()
}

fn exit(row: &Launched) -> String {
    match row.launch.exit {
        _ if row.launch.is_stopped() => "stopped".into(),
        Some(exit) => exit.to_string(),
        None => String::new(),
    }
}
