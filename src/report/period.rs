//! The time that a report covers, as people say it.

use std::ops::Range;
use std::str::FromStr;

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::calendar::{date, instant, quarter, start_of};
use super::{Error, Unreadable};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Period {
    Last(Last),
    /// Both ends are part of it. Open at an end that is not given; open to the future means up to today.
    Between {
        since: Option<Bound>,
        until: Option<Bound>,
    },
}

/// A period that ends today.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Last {
    Hours(i64),
    /// Calendar days, today included.
    Days(i64),
    Months(i64),
    Yesterday,
    ThisWeek,
    ThisMonth,
    ThisYear,
    All,
}

/// One end of a period: a day or month, all of it, or an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    Day(Date),
    /// By its first day.
    Month(Date),
    Local(DateTime),
    Instant(Timestamp),
}

impl Period {
    /// The quarters it spans; an open end is the type's.
    pub(super) fn quarters(&self, zone: &TimeZone, now: Timestamp) -> Result<Range<i64>, Error> {
        let today = date(quarter(now), zone);
        let quarters = match self {
            Self::Last(last) => last.quarters(zone, now),
            Self::Between { since: None, until: Some(until) } => i64::MIN..until.quarters(zone).end,
            Self::Between { since, until } => {
                let until = until.unwrap_or(Bound::Day(today));
                since.map_or(i64::MIN, |since| since.quarters(zone).start)..until.quarters(zone).end
            }
        };
        if quarters.is_empty() {
            let told = |quarter| {
                instant(quarter).to_zoned_datetime(zone.clone()).strftime("%FT%H:%M%:z").to_string()
            };
            return Err(Error::Backwards { from: told(quarters.start), to: told(quarters.end) });
        }
        Ok(quarters)
    }
}

impl Last {
    fn quarters(self, zone: &TimeZone, now: Timestamp) -> Range<i64> {
        let today = date(quarter(now), zone);
        let to_today = |first| days(first, today, zone);
        match self {
            Self::Hours(hours) => quarter(now) - 4 * hours..quarter(now) + 1,
            Self::Days(days) => to_today(today.saturating_sub((days - 1).days())),
            Self::Months(months) => to_today(today.saturating_sub(months.months()).saturating_add(1.day())),
            Self::Yesterday => {
                let yesterday = today.saturating_sub(1.day());
                days(yesterday, yesterday, zone)
            }
            Self::ThisWeek => to_today(today.saturating_sub(today.weekday().to_monday_zero_offset().days())),
            Self::ThisMonth => to_today(today.first_of_month()),
            Self::ThisYear => to_today(today.first_of_year()),
            Self::All => i64::MIN..i64::MAX,
        }
    }
}

impl Bound {
    /// Of an instant, none: it ends where it begins.
    fn quarters(self, zone: &TimeZone) -> Range<i64> {
        let empty_at = |at| quarter(at)..quarter(at);
        match self {
            Self::Day(day) => days(day, day, zone),
            Self::Month(first) => days(first, first.last_of_month(), zone),
            Self::Local(at) => match at.to_zoned_datetime(zone.clone()) {
                Ok(at) => empty_at(at.timestamp()),
                Err(_) => empty_at(instant(start_of(at.date(), zone))),
            },
            Self::Instant(at) => empty_at(at),
        }
    }
}

/// All quarters of some days.
fn days(first: Date, last: Date, zone: &TimeZone) -> Range<i64> {
    start_of(first, zone)..start_of(last.saturating_add(1.day()), zone)
}

impl FromStr for Last {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<Self, Unreadable> {
        let usage =
            || Unreadable("use 24h, 7d, 2w, 3m, 1y, today, yesterday, week, month, year or all".into());
        Ok(match text {
            "today" => Self::Days(1),
            "yesterday" => Self::Yesterday,
            "week" => Self::ThisWeek,
            "month" => Self::ThisMonth,
            "year" => Self::ThisYear,
            "all" => Self::All,
            _ => {
                let unit = text.chars().last().ok_or_else(usage)?;
                let count: i64 = text.strip_suffix(unit).unwrap_or_default().parse().map_err(|_| usage())?;
                // Ten thousand years are all that a calendar has.
                let count = Some(count).filter(|count| (1..10_000).contains(count)).ok_or_else(usage)?;
                match unit {
                    'h' => Self::Hours(count),
                    'd' => Self::Days(count),
                    'w' => Self::Days(7 * count),
                    'm' => Self::Months(count),
                    'y' => Self::Months(12 * count),
                    _ => return Err(usage()),
                }
            }
        })
    }
}

impl FromStr for Bound {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<Self, Unreadable> {
        let read = || match text.len() {
            7 => format!("{text}-01").parse().ok().map(Self::Month),
            10 => text.parse().ok().map(Self::Day),
            _ if !text.contains(':') => None,
            _ => text.parse().ok().map(Self::Instant).or_else(|| text.parse().ok().map(Self::Local)),
        };
        let usage = "use a day (2026-11-01), a month (2026-11) or a time (2026-11-01T14:30, with an offset or without)";
        let bound = read().ok_or_else(|| Unreadable(usage.into()))?;
        let at = match bound {
            Self::Day(_) | Self::Month(_) => None,
            // Any zone does: they all agree on where quarter hours begin.
            Self::Local(at) => at.to_zoned_datetime(TimeZone::UTC).ok().map(|at| at.timestamp()),
            Self::Instant(at) => Some(at),
        };
        if at.is_some_and(|at| at != instant(quarter(at))) {
            return Err(Unreadable("the ledger sums up quarter hours: use minute 00, 15, 30 or 45".into()));
        }
        Ok(bound)
    }
}

#[cfg(test)]
mod tests {
    use super::{Bound, Last, Period};
    use crate::report::calendar::instant;
    use jiff::tz::TimeZone;

    /// A Monday: 10:07 in Berlin.
    const NOW: &str = "2026-11-23T09:07Z";

    fn range(period: &Period) -> String {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let quarters = period.quarters(&zone, NOW.parse().unwrap()).unwrap();
        let local =
            |quarter| instant(quarter).to_zoned_datetime(zone.clone()).strftime("%F %H:%M").to_string();
        format!("{} {}", local(quarters.start), local(quarters.end))
    }

    fn last(text: &str) -> String {
        range(&Period::Last(text.parse().unwrap()))
    }

    fn between(since: &str, until: &str) -> String {
        range(&Period::Between { since: since.parse().ok(), until: until.parse().ok() })
    }

    #[test]
    fn last_days_are_calendar_days_and_today_is_one() {
        for (text, want) in [
            ("today", "2026-11-23 00:00 2026-11-24 00:00"),
            ("1d", "2026-11-23 00:00 2026-11-24 00:00"),
            ("7d", "2026-11-17 00:00 2026-11-24 00:00"),
            ("30d", "2026-10-25 00:00 2026-11-24 00:00"),
            ("2w", "2026-11-10 00:00 2026-11-24 00:00"),
            ("3m", "2026-08-24 00:00 2026-11-24 00:00"),
            ("1y", "2025-11-24 00:00 2026-11-24 00:00"),
            ("yesterday", "2026-11-22 00:00 2026-11-23 00:00"),
            ("week", "2026-11-23 00:00 2026-11-24 00:00"),
            ("month", "2026-11-01 00:00 2026-11-24 00:00"),
            ("year", "2026-01-01 00:00 2026-11-24 00:00"),
            ("24h", "2026-11-22 10:00 2026-11-23 10:15"),
        ] {
            assert_eq!(last(text), want, "{text}");
        }
    }

    #[test]
    fn until_is_inclusive() {
        for (since, until, want) in [
            ("2026-11-01", "2026-11-03", "2026-11-01 00:00 2026-11-04 00:00"),
            ("2026-10", "2026-10", "2026-10-01 00:00 2026-11-01 00:00"),
            ("2026-11-01T14:30", "2026-11-01 18:45", "2026-11-01 14:30 2026-11-01 18:45"),
            ("2026-11-01T14:30Z", "2026-11-01T18:45:00+02:00", "2026-11-01 15:30 2026-11-01 17:45"),
            ("2026-11-01", "", "2026-11-01 00:00 2026-11-24 00:00"),
        ] {
            assert_eq!(between(since, until), want, "{since} {until}");
        }
    }

    #[test]
    fn a_period_that_ends_before_it_begins_is_refused() {
        for (since, until) in
            [("2026-11-02", "2026-11-01"), ("2026-11-24", ""), ("2026-11-01T10:00", "2026-11-01T10:00")]
        {
            let period = Period::Between { since: since.parse().ok(), until: until.parse().ok() };
            assert!(period.quarters(&TimeZone::UTC, NOW.parse().unwrap()).is_err(), "{since} {until}");
        }
    }

    #[test]
    fn what_is_not_a_period_is_refused() {
        for text in ["", "d", "0d", "-1d", "7", "7x", "10000y", "99999999999999999999d", "7dd", "week ", "7é"]
        {
            assert!(text.parse::<Last>().is_err(), "{text}");
        }
        for text in
            ["", "2026", "2026-13", "2026-02-30", "yesterday", "20261101", "2026-11-01T", "2026-11-01T25:00"]
        {
            assert!(text.parse::<Bound>().is_err(), "{text}");
        }
        assert_eq!(last("9999y").split(' ').next_back(), Some("00:00"));
    }

    #[test]
    fn a_time_within_a_quarter_hour_is_refused() {
        for text in [
            "2026-11-01T14:07",
            "2026-11-01T14:30:01",
            "2026-11-01T14:30:00.5",
            "2026-11-01T14:20Z",
            "2026-11-01T14:30:00+05:40",
        ] {
            assert!(text.parse::<Bound>().unwrap_err().to_string().contains("minute 00, 15"), "{text}");
        }
        assert!("2026-11-01T14:30:00+05:45".parse::<Bound>().is_ok());
    }
}
