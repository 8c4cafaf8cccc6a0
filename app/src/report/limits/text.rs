//! Rate limits for people: the present windows, and those that were used up.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{Pace, Window};
use crate::pricing::half_to_even;
use crate::report::page::{Column, Page, Row};
use crate::report::sessions::table::length;

const MINUTE: &str = "%F %H:%M";

const OPEN: [Column; 6] = [
    Column::Number("Used"),
    Column::Number("Told"),
    Column::Text("Resets"),
    Column::Number("At its end"),
    Column::Text("All used"),
    Column::Text("Account"),
];
const USED_UP: [Column; 3] = [Column::Text("Used up"), Column::Text("Reset"), Column::Text("Account")];

/// What comes after the present is an estimate: the average of the window goes on.
pub fn table(windows: &[Window], zone: &TimeZone, now: Timestamp, width: usize, is_terminal: bool) -> String {
    let mut page = Page::new(width);
    if windows.is_empty() {
        page.say(
            0,
            "Nothing was told of rate limits. A client with a subscription tells its status line: odin statusline --help",
        );
        return page.text(is_terminal);
    }
    let has_accounts = windows.iter().any(|window| window.account != windows[0].account);
    let open: Vec<Row> =
        windows.iter().filter(|window| window.is_open(now)).map(|window| row(window, zone, now)).collect();
    if open.is_empty() {
        page.say(0, "No window is open.");
    } else if has_accounts {
        page.table("Limit", &OPEN, &[&[0, 1, 2, 3, 4, 5][..], &[0, 2, 3, 4, 5], &[0, 2, 5]], &open);
    } else {
        page.table("Limit", &OPEN, &[&[0, 1, 2, 3, 4][..], &[0, 2, 3, 4], &[0, 2, 4], &[0, 2]], &open);
    }
    let mut used_up: Vec<(Timestamp, Row)> = windows
        .iter()
        .filter_map(|window| {
            let at = window.used_up?;
            let cells = vec![clock(at, zone), clock(window.resets, zone), window.account.clone()];
            Some((at, Row { label: window.name.clone(), cells, is_sum: false }))
        })
        .collect();
    page.gap();
    if used_up.is_empty() {
        page.say(0, "No window was used up.");
        return page.text(is_terminal);
    }
    used_up.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    let rows: Vec<Row> = used_up.into_iter().map(|(_, row)| row).collect();
    let fits: &[&[usize]] = if has_accounts { &[&[0, 1, 2], &[0, 2]] } else { &[&[0, 1], &[0]] };
    page.table("Limit", &USED_UP, fits, &rows);
    page.text(is_terminal)
}

fn row(window: &Window, zone: &TimeZone, now: Timestamp) -> Row {
    let percent = |used: i64| format!("{}%", half_to_even(used.into(), 100));
    let age = length(Some(now.as_millisecond() - window.told.as_millisecond()));
    let all_used = match (&window.used_up, &window.pace) {
        (Some(at), _) => format!("since {}", clock(*at, zone)),
        (None, Some(Pace { used_up: Some(at), .. })) => clock(*at, zone),
        _ => String::new(),
    };
    let cells = vec![
        percent(window.used),
        format!("{age} ago"),
        clock(window.resets, zone),
        window.pace.as_ref().map(|pace| percent(pace.estimated)).unwrap_or_default(),
        all_used,
        window.account.clone(),
    ];
    Row { label: window.name.clone(), cells, is_sum: false }
}

fn clock(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned_datetime(zone.clone()).strftime(MINUTE).to_string()
}
