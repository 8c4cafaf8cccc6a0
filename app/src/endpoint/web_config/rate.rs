//! So many requests in so much time: a bucket that a token drops into at every interval, and each request takes one.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Deserializer};
use tokio::time::Instant;

use super::file::scalar;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RateLimit {
    #[serde(deserialize_with = "duration")]
    interval: Duration,
    #[serde(default)]
    burst: u32,
}

impl RateLimit {
    /// None: without an interval, there is no limit.
    pub(super) fn rate(&self) -> Option<Rate> {
        let Self { interval, burst } = *self;
        // When the bucket was last empty, as if it had been filling since.
        (!interval.is_zero()).then(|| Rate { interval, burst, empty: Mutex::new(None) })
    }
}

#[derive(Debug)]
pub(in crate::endpoint) struct Rate {
    interval: Duration,
    burst: u32,
    /// When the bucket was, or would have been, empty. None: it is full.
    empty: Mutex<Option<Instant>>,
}

impl Rate {
    /// Takes a token, if there is one.
    pub(in crate::endpoint) fn admits(&self, now: Instant) -> bool {
        let mut empty = self.empty.lock().unwrap_or_else(PoisonError::into_inner);
        let full = now.checked_sub(self.interval * self.burst).unwrap_or(now);
        let next = empty.map_or(full, |empty| empty.max(full)) + self.interval;
        let admits = next <= now;
        if admits {
            *empty = Some(next);
        }
        admits
    }
}

/// As Go writes them: `1s`, `100ms`, `1m30s`.
fn duration<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    scalar(from, |text| parse(text).ok_or_else(|| format!("{text:?} is no duration, as 1s or 100ms are")))
}

fn parse(text: &str) -> Option<Duration> {
    let (mut rest, mut total) = (text, Duration::ZERO);
    while rest != "0" {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (count, behind) = rest.split_at(digits);
        let end = behind.find(|c: char| c.is_ascii_digit()).unwrap_or(behind.len());
        let seconds = match &behind[..end] {
            "ns" => 1e-9,
            "us" | "µs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3_600.0,
            _ => return None,
        };
        let part = Duration::try_from_secs_f64(count.parse::<f64>().ok()? * seconds).ok()?;
        total = total.checked_add(part)?;
        rest = &behind[end..];
        if rest.is_empty() {
            break;
        }
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_those_of_go() {
        for (text, millis) in [
            ("1s", Some(1_000)),
            ("100ms", Some(100)),
            ("1m30s", Some(90_000)),
            ("1.5h", Some(5_400_000)),
            ("0", Some(0)),
            ("0s", Some(0)),
            ("5", None),
            ("", None),
            ("s", None),
            ("1d", None),
            ("-1s", None),
            ("1s0", Some(1_000)),
            ("1e9s", None),
        ] {
            assert_eq!(parse(text).map(|found| found.as_millis()), millis, "{text}");
        }
    }

    #[test]
    fn a_burst_is_admitted_and_then_one_at_every_interval() {
        let rate = RateLimit { interval: Duration::from_secs(1), burst: 3 }.rate().unwrap();
        let start = Instant::now() + Duration::from_secs(1_000);
        let admitted = |seconds| rate.admits(start + Duration::from_secs(seconds));
        assert_eq!([0, 0, 0, 0, 1, 1, 2].map(admitted), [true, true, true, false, true, false, true]);
        assert_eq!([60, 60, 60, 60].map(admitted), [true, true, true, false]);
    }

    #[test]
    fn no_interval_is_no_limit() {
        assert!(RateLimit { interval: Duration::ZERO, burst: 3 }.rate().is_none());
    }
}
