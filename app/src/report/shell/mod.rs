//! The shell integration: what it took to install it, and how it fares.

pub mod json;
pub mod steps;
pub mod table;

use std::path::Path;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// A path for people.
pub fn short(path: &Path, home: &Path) -> String {
    match path.strip_prefix(home) {
        Ok(rest) => format!("~/{}", rest.display()),
        Err(_) => path.display().to_string(),
    }
}

/// A time of the zone, as `format` says it.
fn local(us: i64, zone: &TimeZone, format: &str) -> String {
    let end = if us > 0 { Timestamp::MAX } else { Timestamp::MIN };
    let at = Timestamp::from_microsecond(us).unwrap_or(end);
    at.to_zoned_datetime(zone.clone()).strftime(format).to_string()
}
