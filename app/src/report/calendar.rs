//! Hours, days, weeks and months of a zone, as runs of quarter hours.
//!
//! No zone's offset is off the quarter-hour grid, so that a quarter never straddles two local hours. A period is
//! told apart by its first quarter: an hour that the clock repeats is two, and a day has 92 to 100 quarters.

use std::ops::Range;

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, ZonedDateTime};

use crate::ledger::QUARTER_MS;

const QUARTER_SECONDS: i64 = QUARTER_MS / 1000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    Hour,
    Day,
    /// From the day on that the query says weeks start on.
    Week,
    Month,
}

/// Finds the period that a quarter lies in.
pub(super) struct Calendar {
    zone: TimeZone,
    unit: Unit,
    week_starts: Weekday,
    /// The period found last: quarters come in the order of time, so that most lie in it again.
    last: Range<i64>,
}

impl Calendar {
    pub(super) fn new(zone: &TimeZone, unit: Unit, week_starts: Weekday) -> Self {
        Self { zone: zone.clone(), unit, week_starts, last: 0..0 }
    }

    /// The period's first quarter.
    pub(super) fn start(&mut self, quarter: i64) -> i64 {
        if !self.last.contains(&quarter) {
            self.last = self.period(quarter);
        }
        self.last.start
    }

    /// All of the period that a quarter lies in.
    pub(super) fn period(&self, quarter: i64) -> Range<i64> {
        let day = date(quarter, &self.zone);
        let (first, length) = match self.unit {
            Unit::Hour => return hour(quarter, &self.zone),
            Unit::Day => (day, 1.day()),
            Unit::Week => (first_of_week(day, self.week_starts), 1.week()),
            Unit::Month => (day.first_of_month(), 1.month()),
        };
        start_of(first, &self.zone)..start_of(first.saturating_add(length), &self.zone)
    }

    /// The name of the period that begins with `start`. ISO 8601 has names for weeks from Monday on; another week is
    /// named by its first day.
    pub(super) fn name(&self, start: i64) -> String {
        let format = match self.unit {
            Unit::Hour => "%Y-%m-%dT%H:00:00%:z",
            Unit::Week if self.week_starts == Weekday::Monday => "%G-W%V",
            Unit::Day | Unit::Week => "%Y-%m-%d",
            Unit::Month => "%Y-%m",
        };
        local(start, &self.zone).strftime(format).to_string()
    }
}

/// An hour ends where the clock is put forward or back, too.
fn hour(quarter: i64, zone: &TimeZone) -> Range<i64> {
    let hour_of = |quarter| {
        let at = instant(quarter);
        let offset = i64::from(zone.to_offset(at).seconds());
        ((at.as_second() + offset).div_euclid(3600), offset)
    };
    let this = hour_of(quarter);
    let same = |other: &i64| hour_of(*other) == this;
    let first = (quarter - 3..quarter).rev().take_while(same).last();
    let last = (quarter + 1..quarter + 4).take_while(same).last();
    first.unwrap_or(quarter)..last.unwrap_or(quarter) + 1
}

pub(super) fn first_of_week(day: Date, week_starts: Weekday) -> Date {
    day.saturating_sub(day.weekday().since(week_starts).days())
}

/// The day that a quarter lies in.
pub(super) fn date(quarter: i64, zone: &TimeZone) -> Date {
    local(quarter, zone).date()
}

/// A day's first quarter.
pub(super) fn start_of(date: Date, zone: &TimeZone) -> i64 {
    match date.to_zoned_datetime(zone.clone()) {
        Ok(midnight) => quarter(midnight.timestamp()),
        // Outside of what a timestamp can be: the year is beyond 9999 or before -9999.
        Err(_) => quarter(if date.year() > 0 { Timestamp::MAX } else { Timestamp::MIN }),
    }
}

pub(super) fn quarter(at: Timestamp) -> i64 {
    at.as_second().div_euclid(QUARTER_SECONDS)
}

/// A quarter's first instant.
pub(super) fn instant(quarter: i64) -> Timestamp {
    let end = if quarter > 0 { Timestamp::MAX } else { Timestamp::MIN };
    Timestamp::from_second(quarter.saturating_mul(QUARTER_SECONDS)).unwrap_or(end)
}

/// The IANA name, where the zone has one.
pub(super) fn zone_name(zone: &TimeZone) -> String {
    let offset = || zone.to_fixed_offset().ok().map(|offset| offset.to_string());
    zone.iana_name().map(String::from).or_else(offset).unwrap_or_else(|| "local".into())
}

/// A quarter's first instant, as RFC 3339 has it.
pub(super) fn rfc3339(quarter: i64, zone: &TimeZone) -> String {
    local(quarter, zone).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

/// A quarter's first instant, on the clocks of a zone.
pub(super) fn local(quarter: i64, zone: &TimeZone) -> ZonedDateTime {
    instant(quarter).to_zoned_datetime(zone.clone())
}

#[cfg(test)]
mod tests {
    use super::{Calendar, Unit, quarter};
    use jiff::Timestamp;
    use jiff::civil::Weekday;
    use jiff::tz::TimeZone;

    /// The names of the periods of all quarters between two instants, each with how many quarters it has.
    fn periods(zone: &str, unit: Unit, from: &str, to: &str) -> Vec<(String, usize)> {
        periods_of(Calendar::new(&TimeZone::get(zone).unwrap(), unit, Weekday::Monday), from, to)
    }

    fn periods_of(mut calendar: Calendar, from: &str, to: &str) -> Vec<(String, usize)> {
        let at = |text: &str| quarter(text.parse::<Timestamp>().unwrap());
        let starts: Vec<i64> = (at(from)..at(to)).map(|quarter| calendar.start(quarter)).collect();
        starts.chunk_by(|a, b| a == b).map(|run| (calendar.name(run[0]), run.len())).collect()
    }

    fn named(periods: &[(&str, usize)]) -> Vec<(String, usize)> {
        periods.iter().map(|(name, quarters)| ((*name).to_string(), *quarters)).collect()
    }

    #[test]
    fn a_day_is_as_long_as_its_zone_makes_it() {
        for (zone, from, to, want) in [
            ("Europe/Berlin", "2026-10-23T22:00Z", "2026-10-26T23:00Z", [96, 100, 96]),
            ("Europe/Berlin", "2026-03-27T23:00Z", "2026-03-30T22:00Z", [96, 92, 96]),
            ("America/New_York", "2026-10-31T04:00Z", "2026-11-03T05:00Z", [96, 100, 96]),
            // Midnight comes twice.
            ("Atlantic/Azores", "2026-10-24T00:00Z", "2026-10-27T01:00Z", [96, 100, 96]),
            ("Asia/Kolkata", "2026-10-23T18:30Z", "2026-10-26T18:30Z", [96, 96, 96]),
            ("Asia/Kathmandu", "2026-10-23T18:15Z", "2026-10-26T18:15Z", [96, 96, 96]),
        ] {
            let lengths: Vec<usize> =
                periods(zone, Unit::Day, from, to).iter().map(|(_, quarters)| *quarters).collect();
            assert_eq!(lengths, want, "{zone}");
        }
        assert_eq!(
            periods("Asia/Kathmandu", Unit::Day, "2026-10-23T18:00Z", "2026-10-23T18:30Z"),
            named(&[("2026-10-23", 1), ("2026-10-24", 1)])
        );
    }

    #[test]
    fn an_hour_that_is_repeated_is_two() {
        assert_eq!(
            periods("Europe/Berlin", Unit::Hour, "2026-10-25T00:00Z", "2026-10-25T03:00Z"),
            named(&[
                ("2026-10-25T02:00:00+02:00", 4),
                ("2026-10-25T02:00:00+01:00", 4),
                ("2026-10-25T03:00:00+01:00", 4)
            ])
        );
        assert_eq!(
            periods("America/New_York", Unit::Hour, "2026-11-01T05:00Z", "2026-11-01T07:00Z"),
            named(&[("2026-11-01T01:00:00-04:00", 4), ("2026-11-01T01:00:00-05:00", 4)])
        );
        // Lord Howe Island puts its clocks back by half an hour.
        assert_eq!(
            periods("Australia/Lord_Howe", Unit::Hour, "2026-04-04T14:00Z", "2026-04-04T16:30Z"),
            named(&[
                ("2026-04-05T01:00:00+11:00", 4),
                ("2026-04-05T01:00:00+10:30", 2),
                ("2026-04-05T02:00:00+10:30", 4)
            ])
        );
    }

    #[test]
    fn hours_begin_where_the_zone_has_them() {
        assert_eq!(
            periods("Asia/Kathmandu", Unit::Hour, "2026-01-01T00:00Z", "2026-01-01T01:15Z"),
            named(&[("2026-01-01T05:00:00+05:45", 1), ("2026-01-01T06:00:00+05:45", 4)])
        );
    }

    #[test]
    fn weeks_run_across_the_end_of_a_year() {
        assert_eq!(
            periods("UTC", Unit::Week, "2024-12-29T00:00Z", "2025-01-06T00:00Z"),
            named(&[("2024-W52", 96), ("2025-W01", 7 * 96)])
        );
        assert_eq!(
            periods("UTC", Unit::Week, "2026-12-31T00:00Z", "2027-01-05T00:00Z"),
            named(&[("2026-W53", 4 * 96), ("2027-W01", 96)])
        );
    }

    #[test]
    fn a_week_begins_where_the_user_wants_it_to_and_is_named_by_its_first_day() {
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        let weeks = |starts| {
            periods_of(Calendar::new(&berlin, Unit::Week, starts), "2026-10-23T22:00Z", "2026-11-01T23:00Z")
        };
        assert_eq!(
            weeks(Weekday::Sunday),
            named(&[("2026-10-18", 96), ("2026-10-25", 7 * 96 + 4), ("2026-11-01", 96)])
        );
        assert_eq!(weeks(Weekday::Saturday), named(&[("2026-10-24", 7 * 96 + 4), ("2026-10-31", 2 * 96)]));
        assert_eq!(weeks(Weekday::Monday), named(&[("2026-W43", 2 * 96 + 4), ("2026-W44", 7 * 96)]));
    }

    #[test]
    fn months_end_at_local_midnight() {
        assert_eq!(
            periods("America/New_York", Unit::Month, "2028-02-01T05:00Z", "2028-03-01T06:00Z"),
            named(&[("2028-02", 29 * 96), ("2028-03", 4)])
        );
    }

    #[test]
    fn a_time_out_of_this_world_is_no_panic() {
        for unit in [Unit::Hour, Unit::Day, Unit::Week, Unit::Month] {
            let mut calendar = Calendar::new(&TimeZone::get("Europe/Berlin").unwrap(), unit, Weekday::Sunday);
            for quarter in [i64::MIN / 900_000, i64::MAX / 900_000] {
                let start = calendar.start(quarter);
                assert!(!calendar.name(start).is_empty());
            }
        }
    }
}
