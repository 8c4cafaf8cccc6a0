//! Numbers as text. Money stays whole picodollars up to here, and is never a float.

use super::sessions::table::length;
use crate::pricing::half_to_even;

/// Decimals of a picodollar.
const EXACT: u32 = 12;

/// Dollars with some decimals, at most 12, rounded half to even.
pub(super) fn usd(picousd: i128, decimals: u32) -> String {
    let scaled = half_to_even(picousd, 10_i128.pow(EXACT - decimals));
    let one = 10_u128.pow(decimals);
    let (sign, scaled) = (if scaled < 0 { "-" } else { "" }, scaled.unsigned_abs());
    let places = decimals as usize;
    format!("{sign}{}.{:0places$}", scaled / one, scaled % one)
}

/// Dollars to the last picodollar, without the zeros beyond cents.
pub(super) fn exact_usd(picousd: i128) -> String {
    let text = usd(picousd, EXACT);
    let cents = text.len() - EXACT as usize + 2;
    let end = text.trim_end_matches('0').len().max(cents);
    text[..end].into()
}

/// A part of a whole that is not 0, in percent with one decimal.
pub(super) fn percent(part: i128, whole: i128) -> String {
    let tenths = half_to_even(part * 1000, whole);
    let sign = if tenths < 0 { "-" } else { "" };
    format!("{sign}{}.{}", tenths.unsigned_abs() / 10, tenths.unsigned_abs() % 10)
}

/// As in `1 response` and `2,000 responses`.
pub(super) fn counted(count: i64, what: &str) -> String {
    let mut out = String::new();
    push_grouped(&mut out, count);
    out.extend([" ", what, if count == 1 { "" } else { "s" }]);
    out
}

/// With commas between thousands, before a decimal point if there is one.
pub(super) fn grouped(number: &str) -> String {
    let whole = number.find('.').unwrap_or(number.len());
    let mut out = String::with_capacity(number.len() + whole / 3);
    for (at, digit) in number.char_indices() {
        if at > 0 && at < whole && (whole - at).is_multiple_of(3) && !out.ends_with('-') {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Writes a count with commas between thousands.
pub(super) fn push_grouped(out: &mut String, count: i64) {
    if count < 0 {
        out.push('-');
    }
    let (count, mut unit, mut places) = (count.unsigned_abs(), 1, 1);
    while count / unit >= 10 {
        (unit, places) = (unit * 10, places + 1);
    }
    for place in (0..places).rev() {
        out.push(digit(count / unit));
        if place > 0 && place % 3 == 0 {
            out.push(',');
        }
        unit /= 10;
    }
}

/// Writes dollars as [`usd`] rounds them, with commas between thousands.
pub(super) fn push_usd(out: &mut String, picousd: i128, decimals: u32) {
    let scaled = half_to_even(picousd, 10_i128.pow(EXACT - decimals));
    let (whole, rest) =
        (scaled.unsigned_abs() / 10_u128.pow(decimals), scaled.unsigned_abs() % 10_u128.pow(decimals));
    if scaled < 0 {
        out.push('-');
    }
    push_grouped(out, i64::try_from(whole).unwrap_or(i64::MAX));
    out.push('.');
    let rest = u64::try_from(rest).unwrap_or_default();
    for place in (0..decimals).rev() {
        out.push(digit(rest / 10_u64.pow(place)));
    }
}

/// Writes a count in five characters, as in `9,999`, `12.3k` and `4.6M`.
pub(super) fn push_short(out: &mut String, count: i64) {
    if count.unsigned_abs() < 10_000 {
        return push_grouped(out, count);
    }
    let rounded = |unit| i64::try_from(half_to_even(count.into(), unit)).unwrap_or(i64::MAX);
    let mut unit = 1;
    for suffix in ['k', 'M', 'B'] {
        unit *= 1000;
        let tenths = rounded(unit / 10);
        if tenths.unsigned_abs() < 1000 {
            push_grouped(out, tenths / 10);
            out.extend(['.', digit(tenths.unsigned_abs()), suffix]);
            return;
        }
        let whole = rounded(unit);
        if whole.unsigned_abs() < 1000 || suffix == 'B' {
            push_grouped(out, whole);
            out.push(suffix);
            return;
        }
    }
}

/// Bytes in seven characters, as in `512 B`, `9.9 KiB` and `120 MiB`.
pub(super) fn bytes(count: u64) -> String {
    if count < 1024 {
        return format!("{count} B");
    }
    let mut units = [(1 << 10, "KiB"), (1 << 20, "MiB"), (1 << 30, "GiB")].into_iter();
    let count = i128::from(count);
    let fits = |(unit, _): &(i128, &str)| half_to_even(count, *unit) < 1000;
    let (unit, suffix) = units.find(fits).unwrap_or((1 << 40, "TiB"));
    match half_to_even(count * 10, unit) {
        tenths if tenths < 100 => format!("{}.{} {suffix}", tenths / 10, tenths % 10),
        _ => format!("{} {suffix}", half_to_even(count, unit)),
    }
}

/// As in `0.25 s`, and [`length`](super::sessions::table::length) from a minute on.
pub(super) fn cpu_time(milliseconds: u64) -> String {
    if milliseconds >= 60_000 {
        return length(i64::try_from(milliseconds).ok());
    }
    format!("{}.{:02} s", milliseconds / 1000, milliseconds / 10 % 100)
}

/// The last one.
fn digit(number: u64) -> char {
    char::from(b'0' + (number % 10) as u8)
}

#[cfg(test)]
mod tests {
    use super::{bytes, cpu_time, exact_usd, grouped, percent, push_grouped, push_short, push_usd, usd};

    #[test]
    fn money_is_rounded_half_to_even() {
        for (picousd, decimals, want) in [
            (1_234_567_890_123, 6, "1.234568"),
            (1_500_000, 6, "0.000002"),
            (2_500_000, 6, "0.000002"),
            (2_500_001, 6, "0.000003"),
            (500_000, 6, "0.000000"),
            (125_000_000_000, 2, "0.12"),
            (135_000_000_000, 2, "0.14"),
            (999_995_000_000, 2, "1.00"),
            (-1_500_000, 6, "-0.000002"),
            (0, 2, "0.00"),
            (i128::from(i64::MAX), 6, "9223372.036855"),
        ] {
            assert_eq!(usd(picousd, decimals), want, "{picousd}");
        }
    }

    #[test]
    fn bytes_take_seven_characters() {
        for (count, want) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (10_188, "9.9 KiB"),
            (10_240, "10 KiB"),
            (999 << 10, "999 KiB"),
            (1000 << 10, "1.0 MiB"),
            (1_288_490_189, "1.2 GiB"),
            (u64::MAX, "16777216 TiB"),
        ] {
            assert_eq!(bytes(count), want);
        }
    }

    #[test]
    fn short_cpu_times_have_hundredths() {
        for (ms, want) in [(0, "0.00 s"), (259, "0.25 s"), (59_999, "59.99 s"), (60_000, "1 min 00 s")] {
            assert_eq!(cpu_time(ms), want);
        }
    }

    #[test]
    fn percent_have_one_decimal() {
        for (part, whole, want) in [
            (1, 3, "33.3"),
            (2, 3, "66.7"),
            (-1, 3, "-33.3"),
            (0, 5, "0.0"),
            (-1, 4000, "0.0"),
            (25, 2, "1250.0"),
        ] {
            assert_eq!(percent(part, whole), want);
        }
    }

    #[test]
    fn exact_money_loses_nothing_but_zeros() {
        for (picousd, want) in
            [(1, "0.000000000001"), (1_200_000_000_000, "1.20"), (1_230_450_000_000, "1.23045"), (0, "0.00")]
        {
            assert_eq!(exact_usd(picousd), want);
        }
    }

    #[test]
    fn counts_are_grouped_like_any_number() {
        for count in [0, 7, 999, 1000, -1, -999_999, 1_234_567, i64::MAX, i64::MIN] {
            let mut out = String::from("5");
            push_grouped(&mut out, count);
            assert_eq!(out, "5".to_owned() + &grouped(&count.to_string()));
        }
    }

    #[test]
    fn grouped_money_is_the_same_money() {
        for picousd in
            [0, 1, 999_994_999_999_999, 999_995_000_000_000, -1_234_567_890_123_456_789, 5_000_000_000]
        {
            for decimals in [2, 4, 6, 12] {
                let mut out = String::from("$");
                push_usd(&mut out, picousd, decimals);
                assert_eq!(out, format!("${}", grouped(&usd(picousd, decimals))));
            }
        }
    }

    #[test]
    fn thousands_are_grouped() {
        for (number, want) in [
            ("0", "0"),
            ("999", "999"),
            ("1000", "1,000"),
            ("-123456", "-123,456"),
            ("1234567.8912", "1,234,567.8912"),
        ] {
            assert_eq!(grouped(number), want);
        }
    }

    #[test]
    fn short_numbers_keep_their_first_digits() {
        for (count, want) in [
            (9_999, "9,999"),
            (10_000, "10.0k"),
            (12_345, "12.3k"),
            (99_949, "99.9k"),
            (99_950, "100k"),
            (999_499, "999k"),
            (999_500, "1.0M"),
            (4_550_000, "4.6M"),
            (123_456_789, "123M"),
            (1_234_567_890_123, "1,235B"),
            (-12_345, "-12.3k"),
            (i64::MIN, "-9,223,372,037B"),
        ] {
            let mut out = String::new();
            push_short(&mut out, count);
            assert_eq!(out, want, "{count}");
        }
    }
}
