//! The time that a report covers, as people say it.

use std::ops::Range;
use std::str::FromStr;

use jiff::civil::{Date, DateTime, Weekday};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ToSpan};

use super::calendar::{date, first_of_week, instant, local, quarter, start_of};
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

/// The period before another.
pub(super) struct Before {
    pub(super) quarters: Range<i64>,
    /// The other one.
    next: Range<i64>,
    step: Step,
    zone: TimeZone,
    /// The quarter that was moved last, and where to.
    moved: (i64, i64),
}

/// How far a period lies from the one before.
#[derive(Debug, Clone, Copy)]
enum Step {
    Quarters(i64),
    /// By the calendar; the one before ends where this one begins.
    Adjacent(Span),
    /// By the calendar; the same days of the week, month or year before.
    SameDays(Span),
}

impl Period {
    /// The quarters it spans; an open end is the type's.
    pub(super) fn quarters(
        &self,
        zone: &TimeZone,
        week_starts: Weekday,
        now: Timestamp,
    ) -> Result<Range<i64>, Error> {
        let today = date(quarter(now), zone);
        let quarters = match self {
            Self::Last(last) => last.quarters(zone, week_starts, now),
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

impl Period {
    /// What this one, which spans `next`, is compared with: a period as long that ends where it begins; of a part of a
    /// week, month or year, the same part of the one before.
    pub(super) fn previous(
        &self,
        next: Range<i64>,
        zone: &TimeZone,
        now: Timestamp,
    ) -> Result<Before, Error> {
        let step = match self {
            Self::Last(last) => last.step(),
            Self::Between { since, until } => {
                let until = until.unwrap_or(Bound::Day(date(quarter(now), zone)));
                since.map(|since| since.step(until).unwrap_or(Step::Quarters(next.end - next.start)))
            }
        };
        let step = step.ok_or(Error::NothingBefore)?;
        let (first, last) = (date(next.start, zone), date(next.end - 1, zone));
        let quarters = match step {
            Step::Quarters(step) => next.start - step..next.start,
            Step::Adjacent(step) => start_of(first.saturating_sub(step), zone)..next.start,
            Step::SameDays(step) => days(first.saturating_sub(step), last.saturating_sub(step), zone),
        };
        Ok(Before { quarters, next, step, zone: zone.clone(), moved: (0, step.of(0, zone)) })
    }
}

impl Before {
    /// The quarter of the period after that has the same place in it: the same time of day, `step` days or months on.
    /// A day that the other month lacks falls on its last.
    pub(super) fn moved(&mut self, quarter: i64) -> i64 {
        if self.moved.0 != quarter {
            self.moved = (quarter, self.step.of(quarter, &self.zone));
        }
        self.moved.1.clamp(self.next.start, self.next.end - 1)
    }
}

impl Step {
    fn of(self, from: i64, zone: &TimeZone) -> i64 {
        match self {
            Self::Quarters(step) => from + step,
            Self::Adjacent(step) | Self::SameDays(step) => {
                let at = local(from, zone).datetime().saturating_add(step);
                at.to_zoned_datetime(zone.clone()).map_or(from, |at| quarter(at.timestamp()))
            }
        }
    }
}

impl Last {
    /// None: nothing comes before.
    fn step(self) -> Option<Step> {
        Some(match self {
            // The quarter that has begun has no counterpart, so that hours stay hours.
            Self::Hours(hours) => Step::Quarters(4 * hours),
            Self::Days(days) => Step::Adjacent(days.days()),
            Self::Months(months) => Step::Adjacent(months.months()),
            Self::Yesterday => Step::Adjacent(1.day()),
            Self::ThisWeek => Step::SameDays(1.week()),
            Self::ThisMonth => Step::SameDays(1.month()),
            Self::ThisYear => Step::SameDays(1.year()),
            Self::All => return None,
        })
    }

    fn quarters(self, zone: &TimeZone, week_starts: Weekday, now: Timestamp) -> Range<i64> {
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
            Self::ThisWeek => to_today(first_of_week(today, week_starts)),
            Self::ThisMonth => to_today(today.first_of_month()),
            Self::ThisYear => to_today(today.first_of_year()),
            Self::All => i64::MIN..i64::MAX,
        }
    }
}

impl Bound {
    /// From this beginning to an end; none where these are not days.
    fn step(self, until: Self) -> Option<Step> {
        let months = |first: Date| i64::from(first.year()) * 12 + i64::from(first.month());
        let days = |first: Date, last: Date| Step::Adjacent(((last - first).get_days() + 1).days());
        match (self, until) {
            (Self::Month(first), Self::Month(last)) => {
                Some(Step::Adjacent((months(last) - months(first) + 1).months()))
            }
            (Self::Day(first) | Self::Month(first), Self::Day(last)) => Some(days(first, last)),
            (Self::Day(first), Self::Month(last)) => Some(days(first, last.last_of_month())),
            _ => None,
        }
    }

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
    use crate::report::Error;
    use crate::report::calendar::{local, quarter};
    use jiff::civil::Weekday;
    use jiff::tz::TimeZone;
    use std::ops::Range;

    /// A Monday: 10:07 in Berlin.
    const NOW: &str = "2026-11-23T09:07Z";

    fn range(period: &Period) -> String {
        range_of(period, Weekday::Monday)
    }

    fn range_of(period: &Period, week_starts: Weekday) -> String {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        told(&period.quarters(&zone, week_starts, NOW.parse().unwrap()).unwrap())
    }

    fn told(quarters: &Range<i64>) -> String {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let told = |quarter| local(quarter, &zone).strftime("%F %H:%M").to_string();
        format!("{} {}", told(quarters.start), told(quarters.end))
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
    fn this_week_began_on_the_day_that_weeks_start_on() {
        for (week_starts, want) in [
            (Weekday::Monday, "2026-11-23 00:00 2026-11-24 00:00"),
            (Weekday::Sunday, "2026-11-22 00:00 2026-11-24 00:00"),
            (Weekday::Tuesday, "2026-11-17 00:00 2026-11-24 00:00"),
        ] {
            assert_eq!(range_of(&Period::Last(Last::ThisWeek), week_starts), want, "{week_starts:?}");
        }
    }

    /// The period before, at a time in Berlin.
    fn before(period: &Period, now: &str) -> String {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let now = now.parse().unwrap();
        let quarters = period.quarters(&zone, Weekday::Monday, now).unwrap();
        told(&period.previous(quarters, &zone, now).unwrap().quarters)
    }

    #[test]
    fn days_are_compared_with_as_many_before() {
        for (text, now, want) in [
            ("today", NOW, "2026-11-22 00:00 2026-11-23 00:00"),
            ("7d", NOW, "2026-11-10 00:00 2026-11-17 00:00"),
            ("yesterday", NOW, "2026-11-21 00:00 2026-11-22 00:00"),
            ("3m", NOW, "2026-05-24 00:00 2026-08-24 00:00"),
            ("1m", "2026-03-30T12:00Z", "2026-02-01 00:00 2026-03-01 00:00"),
            ("3m", "2026-08-30T12:00Z", "2026-02-28 00:00 2026-05-31 00:00"),
            ("24h", NOW, "2026-11-21 10:00 2026-11-22 10:00"),
            // Of 25 hours.
            ("today", "2026-10-26T12:00Z", "2026-10-25 00:00 2026-10-26 00:00"),
        ] {
            assert_eq!(before(&Period::Last(text.parse().unwrap()), now), want, "{text} {now}");
        }
    }

    #[test]
    fn a_part_of_a_month_is_compared_with_the_same_part() {
        for (text, now, want) in [
            ("month", NOW, "2026-10-01 00:00 2026-10-24 00:00"),
            ("month", "2026-03-31T12:00Z", "2026-02-01 00:00 2026-03-01 00:00"),
            ("week", "2026-11-25T12:00Z", "2026-11-16 00:00 2026-11-19 00:00"),
            ("year", "2028-02-29T12:00Z", "2027-01-01 00:00 2027-03-01 00:00"),
        ] {
            assert_eq!(before(&Period::Last(text.parse().unwrap()), now), want, "{text} {now}");
        }
    }

    #[test]
    fn a_range_is_compared_with_the_one_just_before() {
        for (since, until, want) in [
            ("2026-11-10", "2026-11-12", "2026-11-07 00:00 2026-11-10 00:00"),
            ("2026-11", "", "2026-10-09 00:00 2026-11-01 00:00"),
            ("2026-01", "2026-02", "2025-11-01 00:00 2026-01-01 00:00"),
            ("2026-11-15", "2026-11", "2026-10-30 00:00 2026-11-15 00:00"),
            ("2026-11-10T14:30", "2026-11-10T18:45", "2026-11-10 10:15 2026-11-10 14:30"),
            // Days that are longer than those before.
            ("2026-10-25", "2026-10-26", "2026-10-23 00:00 2026-10-25 00:00"),
        ] {
            let period = Period::Between { since: since.parse().ok(), until: until.parse().ok() };
            assert_eq!(before(&period, NOW), want, "{since} {until}");
        }
    }

    #[test]
    fn nothing_comes_before_all_time() {
        for period in
            [Period::Last(Last::All), Period::Between { since: None, until: "2026-11-01".parse().ok() }]
        {
            let previous = period.previous(0..4, &TimeZone::UTC, NOW.parse().unwrap());
            assert!(matches!(previous.err().unwrap(), Error::NothingBefore), "{period:?}");
        }
    }

    #[test]
    fn a_time_of_day_stands_for_the_same_one_whatever_clocks_do_between() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        for (text, now, from, want) in [
            ("today", "2026-10-25T12:00Z", "2026-10-24T14:15+02:00", "2026-10-25 14:15"),
            ("today", "2026-10-26T12:00Z", "2026-10-25T14:15+01:00", "2026-10-26 14:15"),
            // What came twice is one.
            ("today", "2026-10-26T12:00Z", "2026-10-25T02:15+02:00", "2026-10-26 02:15"),
            ("today", "2026-10-26T12:00Z", "2026-10-25T02:15+01:00", "2026-10-26 02:15"),
            // What does not come is an hour later.
            ("today", "2026-03-29T12:00Z", "2026-03-28T02:15+01:00", "2026-03-29 03:15"),
            ("month", "2026-03-31T12:00Z", "2026-02-28T23:45+01:00", "2026-03-28 23:45"),
            // Of a month that has more days.
            ("3m", "2026-08-30T12:00Z", "2026-02-28T08:00+01:00", "2026-05-31 00:00"),
            ("24h", NOW, "2026-11-21T10:00+01:00", "2026-11-22 10:00"),
        ] {
            let (period, now) = (Period::Last(text.parse().unwrap()), now.parse().unwrap());
            let quarters = period.quarters(&zone, Weekday::Monday, now).unwrap();
            let mut previous = period.previous(quarters, &zone, now).unwrap();
            let moved = previous.moved(quarter(from.parse().unwrap()));
            assert_eq!(told(&(moved..moved)).get(..16), Some(want), "{text} {now} {from}");
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
            let quarters = period.quarters(&TimeZone::UTC, Weekday::Monday, NOW.parse().unwrap());
            assert!(quarters.is_err(), "{since} {until}");
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
