//! Rate limits as JSON, schema `odin.limits/1`, on one line. Names and order of the fields are a promise.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::{ALL, Window};
use crate::report::calendar;

#[derive(Serialize)]
struct Document<'w> {
    schema: &'static str,
    timezone: String,
    rows: Vec<Line<'w>>,
}

#[derive(Serialize)]
struct Line<'w> {
    account: &'w str,
    window: &'w str,
    resets: String,
    is_open: bool,
    used_ratio: f64,
    told: String,
    age_seconds: i64,
    /// Null: not that it was told.
    used_up: Option<String>,
    /// Null: it is over, or it is too early to tell.
    pace: Option<Going>,
}

#[derive(Serialize)]
struct Going {
    estimated_ratio: f64,
    /// Null: not before its end, or it is already.
    used_up: Option<String>,
}

pub fn render(windows: &[Window], zone: &TimeZone, now: Timestamp) -> serde_json::Result<String> {
    let time =
        |at: Timestamp| at.to_zoned_datetime(zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string();
    let ratio = |used: i64| used as f64 / ALL as f64;
    let rows = windows.iter().map(|window| Line {
        account: &window.account,
        window: &window.name,
        resets: time(window.resets),
        is_open: window.is_open(now),
        used_ratio: ratio(window.used),
        told: time(window.told),
        age_seconds: (now.as_second() - window.told.as_second()).max(0),
        used_up: window.used_up.map(time),
        pace: window
            .pace
            .as_ref()
            .map(|pace| Going { estimated_ratio: ratio(pace.estimated), used_up: pace.used_up.map(time) }),
    });
    let document =
        Document { schema: "odin.limits/1", timezone: calendar::zone_name(zone), rows: rows.collect() };
    serde_json::to_string(&document).map(|text| text + "\n")
}
