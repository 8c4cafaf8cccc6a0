//! Rate limits, as clients told their status lines: how much of each window was used, when it was used up, and where the
//! present one leads.

mod json;
mod text;

use jiff::Timestamp;

use super::Error;
use crate::ledger::{Ledger, SeenUse};

pub use json::render as to_json;
pub use text::table;

/// All of a window, in hundredths of a percent.
pub(super) const ALL: i64 = 10_000;

/// Clients round the end of the same window differently.
const SAME_S: i64 = 60;

/// With less, a rate says nothing.
const MIN_RATE_MS: i64 = 60_000;

const HOUR_MS: i64 = 3_600_000;

/// A window of a limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// A Claude config dir.
    pub account: String,
    /// Of the limit, as the client has it.
    pub name: String,
    pub resets: Timestamp,
    /// The most that was told, in hundredths of a percent.
    pub used: i64,
    /// When that was last told.
    pub told: Timestamp,
    /// When it was first told that all was used.
    pub used_up: Option<Timestamp>,
    /// Where it goes on.
    pub pace: Option<Pace>,
}

/// Where the average of the window so far leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pace {
    /// At its end, in hundredths of a percent.
    pub estimated: i64,
    /// When all will be used; none: not before its end, or it is already.
    pub used_up: Option<Timestamp>,
}

impl Window {
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.resets > now
    }
}

/// All windows that end after `since`: by account and limit, the newest first.
pub fn windows(ledger: &Ledger, since: Timestamp, now: Timestamp) -> Result<Vec<Window>, Error> {
    let uses = ledger.limit_uses(since.as_second()..i64::MAX)?;
    let is_same = |a: &SeenUse, b: &SeenUse| {
        a.account == b.account
            && a.limit.name == b.limit.name
            && b.limit.resets_s - a.limit.resets_s <= SAME_S
    };
    let mut windows: Vec<Window> = uses.chunk_by(is_same).filter_map(|uses| window(uses, now)).collect();
    windows.sort_by(|a, b| (&a.account, &a.name, b.resets).cmp(&(&b.account, &b.name, a.resets)));
    Ok(windows)
}

/// The windows that go on: one a limit, of the account whose client told last.
pub fn current(ledger: &Ledger, now: Timestamp) -> Result<Vec<Window>, Error> {
    let mut windows = windows(ledger, now, now)?;
    windows.retain(|window| window.is_open(now));
    windows.sort_by(|a, b| (&a.name, b.told, b.resets).cmp(&(&b.name, a.told, a.resets)));
    windows.dedup_by(|next, first| next.name == first.name);
    Ok(windows)
}

fn window(uses: &[SeenUse], now: Timestamp) -> Option<Window> {
    let time = |ms| Timestamp::from_millisecond(ms).ok();
    let most = uses.iter().max_by_key(|seen| (seen.limit.used, seen.last_ms))?;
    let resets = uses.iter().map(|seen| seen.limit.resets_s).max()?;
    let full = uses.iter().filter(|seen| seen.limit.used >= ALL).map(|seen| seen.first_ms).min();
    let first_ms = uses.iter().map(|seen| seen.first_ms).min()?;
    let mut window = Window {
        account: most.account.clone(),
        name: most.limit.name.clone(),
        resets: Timestamp::from_second(resets).ok()?,
        used: most.limit.used,
        told: time(most.last_ms)?,
        used_up: full.and_then(time),
        pace: None,
    };
    if window.is_open(now) {
        window.pace = pace(&window, first_ms);
    }
    Some(window)
}

/// From the beginning of the window, where its length is known; else from when it was first told of.
fn pace(window: &Window, first_ms: i64) -> Option<Pace> {
    let (told_ms, resets_ms) = (window.told.as_millisecond(), window.resets.as_millisecond());
    let length_ms = match &*window.name {
        "five_hour" => Some(5 * HOUR_MS),
        name if name.starts_with("seven_day") => Some(7 * 24 * HOUR_MS),
        _ => None,
    };
    let began_ms = length_ms.map_or(first_ms, |length_ms| resets_ms - length_ms);
    let (elapsed, remaining) = (i128::from(told_ms - began_ms), i128::from(resets_ms - told_ms));
    if elapsed < MIN_RATE_MS.into() || remaining < 0 {
        return None;
    }
    let (used, left) = (i128::from(window.used), i128::from(ALL - window.used));
    let ms_left = (used > 0 && left > 0).then(|| left * elapsed / used).filter(|ms| *ms < remaining);
    Some(Pace {
        estimated: i64::try_from(used + used * remaining / elapsed).unwrap_or(i64::MAX),
        used_up: ms_left.and_then(|ms| Timestamp::from_millisecond(told_ms + i64::try_from(ms).ok()?).ok()),
    })
}

#[cfg(test)]
mod tests {
    use super::{Pace, Window, current, windows};
    use crate::ledger::{Ledger, SpoolFile};
    use crate::model::status::{LimitUse, Status};
    use jiff::Timestamp;

    fn at(time: &str) -> Timestamp {
        format!("2026-11-{time}Z").parse().unwrap()
    }

    /// Told of a limit: when, account, limit, hundredths of a percent, end.
    fn ledger(told: &[(&str, &str, &str, i64, &str)]) -> (tempfile::TempDir, Ledger) {
        let dir = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open(&dir.path().join("ledger.db")).unwrap();
        let status = |(time, account, name, used, resets): &(&str, &str, &str, i64, &str)| Status {
            at_ms: at(time).as_millisecond(),
            session: "s".into(),
            config_dir: (*account).into(),
            context: None,
            limits: vec![LimitUse { name: (*name).into(), used: *used, resets_s: at(resets).as_second() }],
        };
        let statuses: Vec<Status> = told.iter().map(status).collect();
        ledger.add_statuses("here", &SpoolFile::default(), &statuses).unwrap();
        (dir, ledger)
    }

    #[test]
    fn the_largest_share_of_a_window_is_the_newest_whoever_tells_another_later() {
        let (_dir, ledger) = ledger(&[
            ("24T10:30:00", "/a", "five_hour", 1000, "24T15:00:00"),
            ("24T12:30:00", "/a", "five_hour", 5000, "24T15:00:00"),
            // A client that has rested, and rounds the end in another way.
            ("24T12:45:00", "/a", "five_hour", 1000, "24T15:00:01"),
            ("23T12:00:00", "/a", "five_hour", 9000, "23T13:00:00"),
            ("23T12:20:00", "/a", "five_hour", 10_000, "23T13:00:00"),
            ("23T12:40:00", "/a", "five_hour", 10_050, "23T13:00:00"),
        ]);
        let found = windows(&ledger, at("20T00:00:00"), at("24T13:00:00")).unwrap();
        let window = |resets, used, told, used_up, pace| Window {
            account: "/a".into(),
            name: "five_hour".into(),
            resets: at(resets),
            used,
            told: at(told),
            used_up,
            pace,
        };
        // Half in two and a half hours less a second, so all in two more.
        let pace = Pace { estimated: 10_001, used_up: Some(at("24T14:59:59")) };
        assert_eq!(
            found,
            [
                window("24T15:00:01", 5000, "24T12:30:00", None, Some(pace)),
                window("23T13:00:00", 10_050, "23T12:40:00", Some(at("23T12:20:00")), None)
            ]
        );
    }

    #[test]
    fn a_pace_says_when_all_will_be_used() {
        let (_dir, ledger) = ledger(&[
            // All of it within three hours.
            ("24T12:00:00", "/a", "five_hour", 6600, "24T15:00:00"),
            ("24T12:00:00", "/a", "seven_day", 100, "28T12:00:00"),
            ("24T12:00:00", "/a", "spend_limit", 100, "28T12:00:00"),
            // Later told of another account.
            ("24T12:00:10", "/b", "seven_day", 200, "28T12:00:00"),
            ("24T09:00:00", "/a", "gone", 200, "24T12:00:00"),
        ]);
        let found = current(&ledger, at("24T12:01:00")).unwrap();
        let told: Vec<_> =
            found.iter().map(|window| (&*window.name, &*window.account, window.used)).collect();
        assert_eq!(told, [("five_hour", "/a", 6600), ("seven_day", "/b", 200), ("spend_limit", "/a", 100)]);
        let pace = found[0].pace.as_ref().unwrap();
        assert_eq!(
            (pace.estimated, pace.used_up.unwrap().to_string()),
            (16_500, "2026-11-24T13:01:49.09Z".into())
        );
        assert_eq!(found[1].pace.as_ref().unwrap().used_up, None);
        assert_eq!(found[2].pace, None, "of unknown length, and told of once");
    }
}
